//! What the clock will do by a date: the decisions of the schedule, run ahead on one object after the other.
//!
//! What becomes of a name depends on its own image, its unit's and the settings, so that each is lived through alone, on
//! an overlay over nothing, by the same `decide` that the writer asks. Only the reading takes place on the writer's
//! thread, a bounded slice at a time. The brake looks at all names at once: it is left out here, and the reader is told
//! on which days it would engage.

use super::overlay::Overlay;
use super::schedule::asked;
use crate::idn::{Bundle, Label};
use crate::registry::life::Ends;
use crate::registry::{
    Account, Actor, Application, ApplicationId, Brake, Change, ChangeId, Claim, Command, Context, Due, DueKind, Event,
    HoldReason, Holds, NameKey, Order, OrderId, Policy, Registration, Remittance, RemittanceId, Reservation, SetTotals,
    State, TermEnd, Timestamp, Unavailable, Unit, UnitId, VisitName, decide,
};
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Objects read at once on the writer's thread: about two milliseconds.
pub const SLICE_LEN: usize = 256;
/// Most moments in the life of one object at which something is decided; beyond it something never ends.
const MOMENTS_MAX: usize = 256;

/// Where reading goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Among the names, in the order of the ends of their terms.
    Ends(TermEnd),
    /// Among everything else that is due, in the order of the schedule.
    Edges(Option<Due>),
}

/// One object, with what its life depends on.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A name and its unit.
    Name(Box<Registration>, Box<Unit>),
    /// A unit with holds that begin or end.
    Unit(Box<Unit>),
    /// A kept label.
    Kept(Reservation),
}

/// One thing that will happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// When.
    pub at: Timestamp,
    /// What, in one word.
    pub what: What,
    /// The name it happens to; none for a unit.
    pub name: Option<NameKey>,
    /// The unit it happens to, or whose name it is.
    pub unit: UnitId,
}

/// What will happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A notice is given.
    Notice(crate::registry::NoticeKind),
    /// A notice about the unit's site is given.
    SiteNotice(crate::registry::SiteNoticeKind),
    /// A hold begins.
    Held(HoldReason),
    /// A hold ends.
    Lifted(HoldReason),
    /// The name can no longer be restored.
    PendingDelete,
    /// The name is deleted.
    Deleted,
    /// A kept label is free again.
    Freed,
}

/// What a simulation is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The registry's rules.
    pub policy: Policy,
    /// How far notices have been given.
    pub noticed: BTreeMap<i32, TermEnd>,
    /// From when.
    pub from: Timestamp,
    /// Until when, that moment included.
    pub until: Timestamp,
}

impl Place {
    /// Where reading begins.
    pub fn first() -> Self {
        Self::Ends(TermEnd { at: Timestamp(i64::MIN), key: None })
    }
}

impl Settings {
    /// The names whose terms end by then may have something due.
    fn ends_until(&self) -> Timestamp {
        let earliest = self.policy.terms.notices_days.first().copied().unwrap_or(0).min(0);
        self.until.add_days(-i64::from(earliest))
    }
}

/// The next few objects that may have something due, and where to go on; none after the last.
///
/// # Errors
/// [`Unavailable`].
pub fn read(store: &Store, settings: &Settings, place: &Place) -> Result<(Vec<Subject>, Option<Place>), Unavailable> {
    match place {
        Place::Ends(after) => {
            let mut ends = Vec::new();
            store.ends(Ends::All, after, settings.ends_until(), &mut |end| {
                ends.push(end.clone());
                ends.len() < SLICE_LEN
            })?;
            let next = match ends.last() {
                Some(last) if ends.len() == SLICE_LEN => Place::Ends(last.clone()),
                _ => Place::Edges(None),
            };
            let mut subjects = Vec::with_capacity(ends.len());
            for key in ends.iter().filter_map(|end| end.key.as_ref()) {
                subjects.extend(name(store, key)?);
            }
            Ok((subjects, Some(next)))
        }
        Place::Edges(after) => {
            let edges = store.edges_after(after.as_ref(), settings.until, SLICE_LEN)?;
            let mut subjects = Vec::new();
            for due in &edges {
                match &due.kind {
                    DueKind::UnitHold(id) => subjects.extend(store.unit(id)?.map(|unit| Subject::Unit(Box::new(unit)))),
                    DueKind::NameHold(key) | DueKind::Expiry(key) | DueKind::Leaving(key) => {
                        // The others have been read among the ends of terms; a name has one entry of each kind.
                        let late = |subject: &Subject| match subject {
                            Subject::Name(name, _) => name.expires > settings.ends_until(),
                            Subject::Unit(_) | Subject::Kept(_) => false,
                        };
                        let is_first = matches!(due.kind, DueKind::NameHold(_));
                        subjects.extend(name(store, key)?.filter(|subject| is_first && late(subject)));
                    }
                    DueKind::Reservation(key) => subjects.extend(store.reservation(key)?.map(Subject::Kept)),
                }
            }
            let next = (edges.len() == SLICE_LEN).then(|| Place::Edges(edges.into_iter().next_back()));
            Ok((subjects, next))
        }
    }
}

fn name(store: &Store, key: &NameKey) -> Result<Option<Subject>, Unavailable> {
    let Some(name) = store.name(key)? else { return Ok(None) };
    let unit = store.unit(&name.unit)?.ok_or_else(|| Unavailable(format!("the unit of {key} is missing")))?;
    Ok(Some(Subject::Name(Box::new(name), Box::new(unit))))
}

/// What the clock will do to one object, in the order of time.
///
/// # Errors
/// [`Unavailable`], which does not happen: everything is in memory.
pub fn live(settings: &Settings, subject: &Subject) -> Result<Vec<Foreseen>, Unavailable> {
    let nothing = Nothing(settings.noticed.clone());
    let mut state = Overlay::new(&nothing);
    match subject {
        Subject::Name(name, unit) => {
            state.apply(&Event::Unit((**unit).clone()))?;
            state.apply(&Event::Name((**name).clone()))?;
        }
        Subject::Unit(unit) => state.apply(&Event::Unit((**unit).clone()))?,
        Subject::Kept(kept) => state.apply(&Event::Reserved(kept.clone()))?,
    }
    let mut foreseen = Vec::new();
    // One name is no mass; the brake is judged by who adds up.
    let policy = Policy { brake_names_min: u64::MAX, protected_names: BTreeSet::new(), ..settings.policy.clone() };
    let mut now = settings.from;
    for _ in 0..MOMENTS_MAX {
        for command in [Command::Due { limit: SLICE_LEN }, Command::Notify { limit: SLICE_LEN }] {
            for event in step(&state, &policy, now, command)? {
                note(&state, subject, now, &event, &mut foreseen)?;
                state.apply(&event)?;
            }
        }
        match next_moment(&state, &policy, subject, now)? {
            Some(next) if next <= settings.until => now = next,
            _ => break,
        }
    }
    Ok(foreseen)
}

/// What one command decides.
fn step(state: &dyn State, policy: &Policy, now: Timestamp, command: Command) -> Result<Vec<Event>, Unavailable> {
    let submission = asked(command, "simulate");
    let actor: &Actor = &submission.actor;
    let context = Context { policy, actor, now, seq: 0, if_match: None, confirmed: false, occupied: &|_| false };
    decide(state, &context, &submission.command)
        .map(|decision| decision.events)
        .map_err(|refusals| Unavailable(refusals.to_string()))
}

/// When something may be decided about the object after `now`.
fn next_moment(
    state: &Overlay<'_>,
    policy: &Policy,
    subject: &Subject,
    now: Timestamp,
) -> Result<Option<Timestamp>, Unavailable> {
    let mut moments = BTreeSet::new();
    state.due(Timestamp(i64::MAX), &mut |due| {
        moments.insert(due.at);
        true
    })?;
    if let Subject::Name(name, _) = subject
        && let Some(name) = state.name(&name.key)?
    {
        let terms = &policy.terms;
        moments.insert(Timestamp(name.expires.0.saturating_add(policy.expiry_grace_secs)));
        moments.insert(name.expires.add_days(terms.profile(&name.key.set).unpaid_days));
        moments.extend(terms.notices_days.iter().map(|days| name.expires.add_days((*days).into())));
    }
    Ok(moments.range(Timestamp(now.0 + 1)..).next().copied())
}

/// What an event tells a reader, from the images before it.
fn note(
    state: &Overlay<'_>,
    subject: &Subject,
    at: Timestamp,
    event: &Event,
    foreseen: &mut Vec<Foreseen>,
) -> Result<(), Unavailable> {
    let mut tell = |what, name: Option<&NameKey>, unit: &UnitId| {
        foreseen.push(Foreseen { at, what, name: name.cloned(), unit: unit.clone() });
    };
    match event {
        Event::Notice(notice) => tell(What::Notice(notice.kind), Some(&notice.name), &notice.unit),
        Event::NameRemoved { key, unit, .. } => tell(What::Deleted, Some(key), unit),
        Event::Name(new) => {
            let Some(old) = state.name(&new.key)? else { return Ok(()) };
            holds(&old.holds, &new.holds, |what| tell(what, Some(&new.key), &new.unit));
            let stage = |name: &Registration| name.life.leaving.map(|leaving| leaving.stage);
            if stage(new) == Some(crate::registry::Stage::PendingDelete) && stage(&old) != stage(new) {
                tell(What::PendingDelete, Some(&new.key), &new.unit);
            }
        }
        // Told once, with the unit itself, and not with each of its names.
        Event::Unit(new) if matches!(subject, Subject::Unit(_)) => {
            let Some(old) = state.unit(&new.id)? else { return Ok(()) };
            holds(&old.holds, &new.holds, |what| tell(what, None, &new.id));
        }
        Event::SiteNotice(notice) if matches!(subject, Subject::Unit(_)) => {
            tell(What::SiteNotice(notice.kind), None, &notice.unit);
        }
        Event::ReservationEnded { key } => {
            if let Some(kept) = state.reservation(key)? {
                tell(What::Freed, Some(key), &kept.unit);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Which holds begin, and which end.
fn holds(old: &Holds, new: &Holds, mut tell: impl FnMut(What)) {
    let active = |holds: &Holds, reason| holds.0.get(&reason).is_some_and(|hold| hold.active);
    for reason in HoldReason::ALL {
        match (active(old, reason), active(new, reason)) {
            (false, true) => tell(What::Held(reason)),
            (true, false) => tell(What::Lifted(reason)),
            _ => {}
        }
    }
}

/// Nothing at all, but how far notices have been given.
struct Nothing(BTreeMap<i32, TermEnd>);

impl State for Nothing {
    fn unit(&self, _: &UnitId) -> Result<Option<Unit>, Unavailable> {
        Ok(None)
    }

    fn name(&self, _: &NameKey) -> Result<Option<Registration>, Unavailable> {
        Ok(None)
    }

    fn change(&self, _: ChangeId) -> Result<Option<Change>, Unavailable> {
        Ok(None)
    }

    fn application(&self, _: ApplicationId) -> Result<Option<Application>, Unavailable> {
        Ok(None)
    }

    fn order(&self, _: OrderId) -> Result<Option<Order>, Unavailable> {
        Ok(None)
    }

    fn remittance(&self, _: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        Ok(None)
    }

    fn last_filing(&self) -> Result<u64, Unavailable> {
        Ok(0)
    }

    fn claim(&self, _: &NameKey) -> Result<Option<Claim>, Unavailable> {
        Ok(None)
    }

    fn account(&self, _: Account) -> Result<Option<UnitId>, Unavailable> {
        Ok(None)
    }

    fn invoiced(&self, _: &str, _: &mut dyn FnMut(OrderId) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn names_of(&self, _: &UnitId, _: &mut VisitName<'_>) -> Result<(), Unavailable> {
        Ok(())
    }

    fn filings_of(&self, _: &UnitId, _: &mut dyn FnMut(Claim) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn bundle_of(&self, label: &Label) -> Bundle {
        Bundle::of_itself(label)
    }

    fn same_bundle(&self, _: &NameKey, _: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn due(&self, _: Timestamp, _: &mut dyn FnMut(&Due) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn ends(&self, _: Ends, _: &TermEnd, _: Timestamp, _: &mut dyn FnMut(&TermEnd) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn reservation(&self, _: &NameKey) -> Result<Option<Reservation>, Unavailable> {
        Ok(None)
    }

    fn kept_in_bundle(&self, _: &NameKey) -> Result<Vec<Reservation>, Unavailable> {
        Ok(Vec::new())
    }

    fn noticed(&self) -> Result<BTreeMap<i32, TermEnd>, Unavailable> {
        Ok(self.0.clone())
    }

    fn totals(&self, _: &Arc<str>) -> Result<SetTotals, Unavailable> {
        Ok(SetTotals::default())
    }

    fn brake(&self) -> Result<Brake, Unavailable> {
        Ok(Brake::default())
    }
}
