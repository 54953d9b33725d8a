//! The brake on mass suspension: judged before anything due takes effect, released by a named operator.

use super::{Case, changes, due, terms};
use crate::idn;
use crate::registry::state::{BRAKE_COUNT_MAX, Unavailable};
use crate::registry::{
    Brake, Code, Decision, DueKind, Event, Guarded, NameKey, NameState, Refusal, Registration, Role, SuffixSet, Unit,
    UnitId,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Names by the primary suffix of their set.
pub(super) type Tally = BTreeMap<Arc<str>, u64>;

/// The brake to engage, if what is due now would suspend too many names of a set at once.
pub(super) fn judge(case: &Case<'_>) -> Result<Option<Brake>, Unavailable> {
    let cap = count_cap(case)?;
    let kinds = due::take(case, case.now(), cap, |_| true)?;
    // Most often little is due: then its keys alone show that no set can lose too many.
    let Some(candidates) = candidates(case, &kinds, cap)? else { return Ok(None) };
    let mut units: HashMap<UnitId, Option<(Unit, Unit)>> = HashMap::new();
    let mut lost = Tally::new();
    for key in candidates {
        let Some(name) = case.state.name(&key)? else { continue };
        if !units.contains_key(&name.unit) {
            let before = case.state.unit(&name.unit)?;
            units.insert(name.unit.clone(), before.map(|unit| (unit.clone(), due::settled_unit(case, &unit, true))));
        }
        let Some(Some((before, after))) = units.get(&name.unit) else { continue };
        // A name that leaves does not resolve any more, but is not brought back either.
        let leaves = terms::is_leaving(case, &name);
        if leaves || suspends((before, &name), (after, &due::settled_name(case, &name, true))) {
            *lost.entry(key.set).or_default() += 1;
        }
    }
    exceeded(case, &lost)
}

/// Whether a name that resolved no longer does.
pub(super) fn suspends(before: (&Unit, &Registration), after: (&Unit, &Registration)) -> bool {
    before.1.state(before.0) == NameState::Active && after.1.state(after.0) != NameState::Active
}

/// The brake that `lost` would engage: more names than the minimum, and more than the share of the set.
pub(super) fn exceeded(case: &Case<'_>, lost: &Tally) -> Result<Option<Brake>, Unavailable> {
    for (set, names) in lost {
        let total = case.state.totals(set)?.names;
        if *names > threshold(case, total) {
            let set = (**set).into();
            return Ok(Some(Brake { since: case.now(), set, names: *names, total, released_until: None }));
        }
    }
    Ok(None)
}

/// Lets what is due by now take effect.
pub(super) fn release(case: &Case<'_>, reason: &str) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Operator])?;
    case.check_second_factor(Guarded::BrakeRelease)?;
    let Some(brake) = case.state.brake()?.filter(Brake::is_engaged) else {
        return Err(Refusal::new(
            Code::BrakeNotEngaged,
            "The brake is not engaged; nothing waits for a release.",
            "制动未启用，没有等待放行的操作。",
        ));
    };
    changes::check_reason(reason)?;
    let released = Brake { released_until: Some(case.now()), ..brake };
    Ok(case.decision(vec![Event::Brake(Some(released))], "brake", "released", 0))
}

/// The refusal of a batch that would suspend too many names.
pub(super) fn refusal(brake: &Brake) -> Refusal {
    let (set, names, total) = (idn::to_unicode(&brake.set), brake.names, brake.total);
    Refusal::new(
        Code::Brake,
        format!(
            "The batch would suspend {names} of {total} names of .{set} at once; check it, and place these holds in smaller parts if they are meant."
        ),
        format!("该批次将一次暂停 .{set} 下 {total} 个域名中的 {names} 个，请核对；确需暂停的，请分批办理。"),
    )
}

/// More than this many names of a set of `total` may not be suspended at once.
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
fn candidates(case: &Case<'_>, kinds: &[DueKind], cap: usize) -> Result<Option<HashSet<NameKey>>, Unavailable> {
    let mut keys = HashSet::new();
    for kind in kinds {
        match kind {
            DueKind::NameHold(key) | DueKind::Expiry(key) | DueKind::Leaving(key) => drop(keys.insert(key.clone())),
            DueKind::Reservation(_) => {}
            DueKind::UnitHold(id) => case.state.names_of(id, &mut |key| {
                keys.insert(key.clone());
                keys.len() < cap
            })?,
        }
    }
    let mut most = Tally::new();
    for key in &keys {
        *most.entry(key.set.clone()).or_default() += 1;
    }
    Ok(exceeded(case, &most)?.map(|_| keys))
}
