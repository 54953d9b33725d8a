//! The brake on mass suspension: whatever suspends names is weighed before its first change, with all that was suspended
//! within the hour; what is too much waits for a named operator's release.
//!
//! One object that an operator suspends or deletes with a second factor is counted and never stopped: whoever confirms
//! it has seen which object it is, and an order of a court cannot wait. A batch is stopped although it was confirmed: a
//! second factor tells who sent the list, not that the list is right.

use super::{Case, changes, due, terms};
use crate::idn;
use crate::registry::brake::{BRAKE_COUNT_MAX, SUSPENDED_SHOWN_MAX, Suspension};
use crate::registry::state::Unavailable;
use crate::registry::{
    Brake, Code, Command, Decision, DueKind, Event, Guarded, Jump, NameKey, NameState, Outline, Refusal, Registration,
    Release, Role, Stop, SuffixSet, Timestamp, Unit, UnitId,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Names that no longer resolve, by the primary suffix of their set.
#[derive(Debug, Default)]
pub(super) struct Lost(BTreeMap<Arc<str>, LostOfSet>);

#[derive(Debug, Default)]
struct LostOfSet {
    names: u64,
    /// The first protected one.
    protected: Option<NameKey>,
    /// The first of them.
    first: Vec<NameKey>,
}

impl Lost {
    fn add(&mut self, case: &Case<'_>, key: &NameKey) {
        let of_set = self.0.entry(Arc::clone(&key.set)).or_default();
        of_set.names += 1;
        if of_set.first.len() < SUSPENDED_SHOWN_MAX {
            of_set.first.push(key.clone());
        }
        if of_set.protected.is_none() && case.policy().protected_names.contains(key) {
            of_set.protected = Some(key.clone());
        }
    }

    /// Whether nothing is lost.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The brake that has counted all of it.
    pub(super) fn counted(&self, brake: Brake, now: Timestamp) -> Brake {
        self.0.iter().fold(brake, |brake, (set, lost)| brake.counting(set, lost.names, now))
    }
}

/// The decision as the brake lets it through: what it suspends is counted, or it is stopped.
pub(super) fn weigh(case: &Case<'_>, command: &Command, mut decision: Decision) -> Result<Decision, Refusal> {
    // What is due was judged before it was decided.
    if matches!(command, Command::Due { .. }) || decision.events.is_empty() {
        return Ok(decision);
    }
    let lost = lost(case, &decision.events)?;
    if lost.is_empty() {
        return Ok(decision);
    }
    let mut brake = case.state.brake()?;
    if case.context.confirmed && is_single(command) {
        decision.events.push(Event::Brake(lost.counted(brake, case.now())));
        return Ok(decision);
    }
    for (set, lost) in &lost.0 {
        if brake.engaged().is_some_and(|stop| *stop.set == **set) {
            return Err(waiting(set));
        }
        if use_allowance(case, &mut brake, set, lost) {
            continue;
        }
        if let Some(stop) = exceeded(case, &brake, set, lost, true)? {
            return stopped(case, stop);
        }
        brake = brake.counting(set, lost.names, case.now());
    }
    decision.events.push(Event::Brake(brake));
    Ok(decision)
}

/// What `events` take away, set by set, and whether a batch of it would be stopped.
pub(super) fn suspensions(case: &Case<'_>, events: &[Event]) -> Result<Vec<Suspension>, Unavailable> {
    let brake = case.state.brake()?;
    let suspension = |(set, lost): (&Arc<str>, &LostOfSet)| {
        let total = case.state.totals(set)?.names;
        let waits = brake.engaged().is_some_and(|stop| *stop.set == **set);
        let allowance = brake.stop.as_ref().filter(|stop| *stop.set == **set).and_then(|stop| stop.release.as_ref());
        let allowance = allowance.map(|release| release.names);
        let released = use_allowance(case, &mut brake.clone(), set, lost);
        Ok(Suspension {
            set: (**set).into(),
            names: lost.names,
            total,
            recent: brake.recent(set, case.now()),
            most: allowance.filter(|_| released).unwrap_or_else(|| threshold(case, total)),
            protected: lost.protected.as_ref().map(|key| key.to_string().into()),
            stopped: waits || !released && exceeded(case, &brake, set, lost, true)?.is_some(),
            first: lost.first.clone(),
        })
    };
    lost(case, events)?.0.iter().map(suspension).collect()
}

/// Whether the command is about one object that whoever confirms it has seen.
fn is_single(command: &Command) -> bool {
    !matches!(command, Command::Import { .. } | Command::RemoveImported { .. } | Command::HoldList { .. })
}

/// Whether a release covers the loss; it is used up by it, and not counted: an operator has seen it.
fn use_allowance(case: &Case<'_>, brake: &mut Brake, set: &str, lost: &LostOfSet) -> bool {
    let Some(stop) = brake.stop.as_mut().filter(|stop| *stop.set == *set) else { return false };
    let covers_protected = stop.protected.is_some() || lost.protected.is_none();
    let Some(release) = stop.release.as_mut().filter(|release| release.allows(lost.names, case.now())) else {
        return false;
    };
    if covers_protected {
        release.names -= lost.names;
    }
    covers_protected
}

/// The decision that only engages the brake; nothing if it is engaged already.
fn stopped(case: &Case<'_>, stop: Stop) -> Result<Decision, Refusal> {
    let brake = case.state.brake()?;
    let refusal = refusal(&stop, &brake, case.now());
    if brake.engaged().is_some() {
        return Err(refusal);
    }
    let decision = case.decision(vec![Event::Brake(Brake { stop: Some(stop), ..brake })], "brake", "engaged", 0);
    Ok(Decision { stopped: Some(refusal), ..decision })
}

/// The names that resolve before `events` and no longer after them, and those that are no more.
pub(super) fn lost(case: &Case<'_>, events: &[Event]) -> Result<Lost, Unavailable> {
    let mut units: HashMap<&UnitId, &Unit> = HashMap::new();
    let mut names: HashMap<&NameKey, Option<&Registration>> = HashMap::new();
    // With the unit and the outline, if these say enough.
    let mut touched: BTreeMap<NameKey, Option<(&UnitId, Outline)>> = BTreeMap::new();
    for event in events {
        match event {
            Event::Unit(unit) => {
                units.insert(&unit.id, unit);
                let before = case.state.unit(&unit.id)?.and_then(|unit| unit.holds.effective());
                if before.is_none() && unit.holds.effective().is_some() {
                    case.state.names_of(&unit.id, &mut |key, outline| {
                        let enough = (outline != Outline::More).then_some((&unit.id, outline));
                        touched.insert(key.clone(), enough);
                        true
                    })?;
                }
            }
            Event::Name(name) => drop(names.insert(&name.key, Some(name))),
            Event::NameRemoved { key, .. } => drop(names.insert(key, None)),
            _ => {}
        }
    }
    touched.extend(names.keys().map(|key| ((*key).clone(), None)));
    let mut lost = Lost::default();
    for (key, outlined) in touched {
        if let Some((unit, outline)) = outlined {
            // The unit was not held before.
            if outline == Outline::Resolves && units[unit].holds.effective().is_some() {
                lost.add(case, &key);
            }
            continue;
        }
        let Some(before) = case.state.name(&key)? else { continue };
        let Some(unit_before) = case.state.unit(&before.unit)? else { continue };
        let after = names.get(&key).copied().unwrap_or(Some(&before));
        // Its holder may be another one afterwards (R6), with holds of its own.
        let holder = after.map_or(&before.unit, |name| &name.unit);
        let stored = if *holder == before.unit { None } else { case.state.unit(holder)? };
        let unit_after = units.get(holder).copied().or(stored.as_ref()).unwrap_or(&unit_before);
        if suspends((&unit_before, &before), (unit_after, after)) {
            lost.add(case, &key);
        }
    }
    Ok(lost)
}

/// The stop to engage, if what is due now would suspend too many names of a set, or a protected one.
pub(super) fn judge(case: &Case<'_>, brake: &Brake) -> Result<Option<Stop>, Unavailable> {
    let cap = count_cap(case)?;
    let kinds = due::take(case, case.now(), cap, |_| true)?;
    // Most often little is due: then its keys alone show that no set can lose too many.
    let Some(candidates) = candidates(case, brake, &kinds, cap)? else { return Ok(None) };
    let mut units: HashMap<UnitId, Option<(Unit, Unit)>> = HashMap::new();
    let mut lost = Lost::default();
    for key in candidates {
        let Some(name) = case.state.name(&key)? else { continue };
        if !units.contains_key(&name.unit) {
            let before = case.state.unit(&name.unit)?;
            units.insert(name.unit.clone(), before.map(|unit| (unit.clone(), due::settled_unit(case, &unit, true))));
        }
        let Some(Some((before, after))) = units.get(&name.unit) else { continue };
        let settled = due::settled_name(case, &name, true);
        let left = (!terms::is_leaving(case, &name)).then_some(&settled);
        if suspends((before, &name), (after, left)) {
            lost.add(case, &key);
        }
    }
    any_exceeded(case, brake, &lost)
}

/// Whether a name that resolved no longer does, or is no more.
fn suspends(before: (&Unit, &Registration), after: (&Unit, Option<&Registration>)) -> bool {
    let resolves = |unit: &Unit, name: &Registration| name.state(unit) == NameState::Active;
    // What is deleted is not brought back, whether it resolved or not.
    after.1.is_none_or(|name| resolves(before.0, before.1) && !resolves(after.0, name))
}

fn any_exceeded(case: &Case<'_>, brake: &Brake, lost: &Lost) -> Result<Option<Stop>, Unavailable> {
    for (set, lost) in &lost.0 {
        if let Some(stop) = exceeded(case, brake, set, lost, false)? {
            return Ok(Some(stop));
        }
    }
    Ok(None)
}

/// The stop of a loss that is too large: with what was lost within the hour more names than the minimum, and more than
/// the share of the set; or a protected name.
fn exceeded(
    case: &Case<'_>,
    brake: &Brake,
    set: &Arc<str>,
    lost: &LostOfSet,
    batch: bool,
) -> Result<Option<Stop>, Unavailable> {
    let total = case.state.totals(set)?.names;
    let within_hour = brake.recent(set, case.now()).saturating_add(lost.names);
    if within_hour <= threshold(case, total) && lost.protected.is_none() {
        return Ok(None);
    }
    let protected = lost.protected.as_ref().map(|key| key.to_string().into());
    let (since, set, names) = (case.now(), (**set).into(), lost.names);
    Ok(Some(Stop { since, set, names, total, protected, batch, release: None }))
}

/// Lets what the brake stopped take effect, and takes the clock as it is.
pub(super) fn release(case: &Case<'_>, reason: &str, names: Option<u64>) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Operator])?;
    case.check_second_factor(Guarded::BrakeRelease)?;
    let mut brake = case.state.brake()?;
    let engaged = brake.engaged().cloned();
    if engaged.is_none() && brake.jump.is_none() {
        return Err(Refusal::new(
            Code::BrakeNotEngaged,
            "The brake is not engaged; nothing waits for a release.",
            "熔断未启动，没有等待解除的操作，无需办理。",
        ));
    }
    changes::check_reason(reason)?;
    brake.jump = None;
    if let Some(stop) = engaged {
        // What is let go has been seen: the hour begins anew.
        brake.recent.remove(&stop.set);
        let names = names.unwrap_or(if stop.batch { stop.names } else { 0 });
        brake.stop = Some(Stop { release: Some(Release { until: case.now(), names }), ..stop });
    }
    Ok(case.decision(vec![Event::Brake(brake)], "brake", "released", 0))
}

/// Notes that the clock has jumped, or is back if it shows what has passed.
pub(super) fn note_clock(case: &Case<'_>, shown: Option<Timestamp>) -> Result<Decision, Refusal> {
    case.check_role(&[Role::System])?;
    let brake = case.state.brake()?;
    let jump = shown.map(|shown| brake.jump.unwrap_or(Jump { since: case.now(), shown }));
    let state = if jump.is_some() { "jumped" } else { "back" };
    let events = if brake.jump == jump { Vec::new() } else { vec![Event::Brake(Brake { jump, ..brake })] };
    Ok(case.decision(events, "clock", state, 0))
}

/// The refusal of what was stopped.
fn refusal(stop: &Stop, brake: &Brake, now: Timestamp) -> Refusal {
    let set = idn::to_unicode(&stop.set);
    let (names, total, recent) = (stop.names, stop.total, brake.recent(&stop.set, now));
    let (en, zh) = match &stop.protected {
        Some(name) => {
            let name = idn::to_unicode(name);
            (format!("would suspend {name}, which is protected"), format!("将暂停受保护的域名 {name}"))
        }
        None => (
            format!("would suspend {names} of {total} registered under .{set}, after {recent} within the hour"),
            format!("将暂停 .{set} 下 {total} 个域名中的 {names} 个，此前一小时内已暂停 {recent} 个"),
        ),
    };
    Refusal::new(
        Code::Brake,
        format!(
            "This {en}; nothing was done, and the brake is engaged. Check it; if it is meant, have the brake released and send it again."
        ),
        format!("该操作{zh}；未作任何更改，熔断已启动。请核对；确需办理的，请先解除熔断，再重新提交。"),
    )
}

fn waiting(set: &str) -> Refusal {
    let set = idn::to_unicode(set);
    Refusal::new(
        Code::Brake,
        format!(
            "The brake is engaged: names of .{set} are not suspended until an operator releases it. One object can be suspended with a second factor."
        ),
        format!("熔断已启动：在操作员解除之前不再暂停 .{set} 域名。单个对象可凭二次验证暂停。"),
    )
}

/// More than this many names of a set of `total` may not be suspended within the hour.
fn threshold(case: &Case<'_>, total: u64) -> u64 {
    let share = u128::from(total) * u128::from(case.policy().brake_percent) / 100;
    case.policy().brake_names_min.max(u64::try_from(share).unwrap_or(u64::MAX))
}

/// How many due things are looked at: enough to pass every set's threshold, and to tell the operator by how much.
fn count_cap(case: &Case<'_>) -> Result<usize, Unavailable> {
    let mut cap = BRAKE_COUNT_MAX;
    for set in case.policy().sets.iter().filter_map(primary) {
        cap = cap.saturating_add(threshold(case, case.state.totals(set)?.names));
    }
    Ok(usize::try_from(cap).unwrap_or(usize::MAX))
}

fn primary(set: &SuffixSet) -> Option<&Arc<str>> {
    set.suffixes.first()
}

/// The names that what is due may suspend; none if no set could lose too many by them.
fn candidates(
    case: &Case<'_>,
    brake: &Brake,
    kinds: &[DueKind],
    cap: usize,
) -> Result<Option<HashSet<NameKey>>, Unavailable> {
    let mut keys = HashSet::new();
    for kind in kinds {
        match kind {
            DueKind::NameHold(key) | DueKind::Expiry(key) | DueKind::Leaving(key) => drop(keys.insert(key.clone())),
            DueKind::Reservation(_) => {}
            DueKind::UnitHold(id) => case.state.names_of(id, &mut |key, _| {
                keys.insert(key.clone());
                keys.len() < cap
            })?,
        }
    }
    let mut most = Lost::default();
    for key in &keys {
        most.add(case, key);
    }
    Ok(any_exceeded(case, brake, &most)?.map(|_| keys))
}
