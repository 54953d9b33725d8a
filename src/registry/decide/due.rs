//! What falls due: terms end, holds begin and end, deadlines of site reviews pass. Suspensions are
//! subject to the brake, restorations never are.

use super::{Case, brake, site_review, standing, terms, units};
use crate::registry::state::Unavailable;
use crate::registry::{
    Brake, Decision, Due, DueKind, Event, Hold, HoldReason, Holds, NameKey, Refusal, Registration, Role, Stop,
    Timestamp, Unit, UnitId,
};
use std::collections::HashSet;

/// The principal of what the clock does.
pub(super) const CLOCK: &str = "clock";
/// The evidence of EXPIRED.
const TERM: &str = "term";
/// Most due holds that are looked at for ends while suspensions wait; what lies behind so many waits with them. It bounds
/// the writer's work each second (about 0.1 s).
const SCAN_MAX: usize = 50_000;

pub(super) fn due(case: &Case<'_>, limit: usize) -> Result<Decision, Refusal> {
    case.check_role(&[Role::System])?;
    let brake = case.state.brake()?;
    let events = match &brake.stop {
        // Nobody knows what is due now.
        _ if brake.jump.is_some() => Vec::new(),
        Some(Stop { release: None, .. }) => restorations(case, limit)?,
        Some(Stop { release: Some(release), .. }) => {
            let backlog = settle(case, take(case, release.until, limit, |_| true)?, true, limit)?;
            match backlog.is_empty() {
                false => backlog,
                true if release.names == 0 || !release.allows(0, case.now()) => {
                    vec![Event::Brake(Brake { stop: None, ..brake })]
                }
                true => judged(case, brake, limit)?,
            }
        }
        None => judged(case, brake, limit)?,
    };
    let state = if events.is_empty() { "nothing_due" } else { "applied" };
    Ok(case.decision(events, "due", state, 0))
}

/// What is due by now, counted, if the brake lets it through.
fn judged(case: &Case<'_>, brake: Brake, limit: usize) -> Result<Vec<Event>, Refusal> {
    if let Some(stop) = brake::judge(case, &brake)? {
        return Ok(vec![Event::Brake(Brake { stop: Some(stop), ..brake })]);
    }
    let mut events = settle(case, take(case, case.now(), limit, |_| true)?, true, limit)?;
    let lost = brake::lost(case, &events)?;
    if !lost.is_empty() {
        events.push(Event::Brake(lost.counted(brake, case.now())));
    }
    Ok(events)
}

/// While the brake is engaged: ends of holds only.
fn restorations(case: &Case<'_>, limit: usize) -> Result<Vec<Event>, Refusal> {
    let holds =
        take(case, case.now(), SCAN_MAX, |due| matches!(due.kind, DueKind::UnitHold(_) | DueKind::NameHold(_)))?;
    Ok(settle(case, holds, false, limit)?)
}

/// The first `limit` things due by `until` that pass `filter` and whose grace is over.
pub(super) fn take(
    case: &Case<'_>,
    until: Timestamp,
    limit: usize,
    filter: impl Fn(&Due) -> bool,
) -> Result<Vec<DueKind>, Unavailable> {
    let mut taken = Vec::new();
    if limit == 0 {
        return Ok(taken);
    }
    case.state.due(until, &mut |due| {
        let in_grace = matches!(due.kind, DueKind::Expiry(_)) && grace_end(case, due.at) > until;
        if !in_grace && filter(due) {
            taken.push(due.kind.clone());
        }
        taken.len() < limit
    })?;
    Ok(taken)
}

/// The images of what `kinds` name as of now; suspensions left out unless `suspend`.
fn settle(case: &Case<'_>, kinds: Vec<DueKind>, suspend: bool, limit: usize) -> Result<Vec<Event>, Unavailable> {
    let (mut units, mut names): (HashSet<UnitId>, HashSet<NameKey>) = Default::default();
    let mut events = Vec::new();
    for kind in kinds {
        if events.len() >= limit {
            break;
        }
        match kind {
            DueKind::UnitHold(id) if units.insert(id.clone()) => {
                if let Some(old) = case.state.unit(&id)? {
                    let new = settled_unit(case, &old, suspend);
                    if new != old {
                        let told = site_review::told(case, &old, &new);
                        let follows = standing::follow(case, &old, &new)?;
                        events.push(Event::Unit(units::at_version(new, case.seq())));
                        events.extend(follows);
                        events.extend(told.map(Event::SiteNotice));
                    }
                }
            }
            DueKind::NameHold(key) | DueKind::Expiry(key) if names.insert(key.clone()) => {
                if let Some(old) = case.state.name(&key)? {
                    let new = settled_name(case, &old, suspend);
                    if new != old {
                        events.push(Event::Name(Registration { version: case.seq(), ..new }));
                    }
                }
            }
            // The name as it is: what the step does to it otherwise comes first, and this in the next step.
            DueKind::Leaving(key) if suspend && names.insert(key.clone()) => {
                if let Some(name) = case.state.name(&key)? {
                    events.extend(terms::left(case, &name)?);
                }
            }
            DueKind::Reservation(key) => events.push(Event::ReservationEnded { key }),
            _ => {}
        }
    }
    Ok(events)
}

/// The unit as its holds and the deadline of its site review make it now.
pub(super) fn settled_unit(case: &Case<'_>, unit: &Unit, suspend: bool) -> Unit {
    let mut unit = unit.clone();
    settle_holds(&mut unit.holds, case.now(), suspend);
    if suspend {
        site_review::neglect(case, &mut unit);
        site_review::remind(case, &mut unit);
    }
    unit
}

/// The name as its holds and its term make it now.
pub(super) fn settled_name(case: &Case<'_>, name: &Registration, suspend: bool) -> Registration {
    let mut name = name.clone();
    settle_holds(&mut name.holds, case.now(), suspend);
    if suspend {
        expire(case, &mut name);
    }
    name
}

/// Takes away holds that have ended, and activates those that have begun.
pub(super) fn settle_holds(holds: &mut Holds, now: Timestamp, suspend: bool) {
    holds.0.retain(|_, hold| hold.end.is_none_or(|end| end > now));
    for hold in holds.0.values_mut() {
        hold.active |= suspend && hold.start <= now;
    }
}

/// Puts EXPIRED on a name whose term and grace are over, if it is not there (R35).
pub(super) fn expire(case: &Case<'_>, name: &mut Registration) {
    if grace_end(case, name.expires) <= case.now() {
        name.holds.0.entry(HoldReason::Expired).or_insert_with(|| Hold {
            start: grace_end(case, name.expires),
            end: None,
            active: true,
            evidence: TERM.into(),
            by: CLOCK.into(),
        });
    }
}

/// Whether the hold is EXPIRED as [`expire`] puts it.
pub(super) fn is_by_term(hold: &Hold) -> bool {
    (&*hold.evidence, &*hold.by) == (TERM, CLOCK)
}

fn grace_end(case: &Case<'_>, expires: Timestamp) -> Timestamp {
    Timestamp(expires.0.saturating_add(case.policy().expiry_grace_secs))
}
