//! Holds placed and lifted by people (R55, R56); the clock's part is in `due`.

use super::{Case, is_text, names, standing, units};
use crate::registry::command::{HoldSpec, HoldTarget};
use crate::registry::hold::{EVIDENCE_LEN_MAX, PENALTY_DAYS_MAX};
use crate::registry::time::DAY_SECS;
use crate::registry::{Code, Decision, Event, Guarded, Hold, HoldReason, Holds, Named as _, Refusal, Timestamp};

pub(super) fn place(
    case: &Case<'_>,
    target: &HoldTarget,
    reason: HoldReason,
    spec: &HoldSpec,
) -> Result<Decision, Refusal> {
    check_second_factor(case, matches!(target, HoldTarget::Unit(_)), reason)?;
    change(case, target, |holds| {
        if reason == HoldReason::Expired {
            return Err(by_clock_only());
        }
        let old = holds.0.get(&reason);
        let running = old.filter(|hold| hold.active).map(|hold| hold.start);
        let start = spec.start.or(running).unwrap_or(case.now());
        let hold = Hold {
            start,
            end: spec.end,
            active: start <= case.now(),
            evidence: spec.evidence.clone(),
            by: case.actor().principal.clone(),
        };
        if spec.end.is_some_and(|end| end <= case.now()) {
            return Err(invalid(
                "end",
                "The hold's end has passed; give a later one.",
                "暂停的结束时间已过，请改为将来的时间。",
            ));
        }
        check(reason, &hold)?;
        if reason == HoldReason::Penalty {
            check_whole(old, &hold)?;
        }
        if old != Some(&hold) {
            holds.0.insert(reason, hold);
        }
        Ok(())
    })
}

pub(super) fn lift(case: &Case<'_>, target: &HoldTarget, reason: HoldReason) -> Result<Decision, Refusal> {
    check_second_factor(case, matches!(target, HoldTarget::Unit(_)), reason)?;
    change(case, target, |holds| {
        if reason == HoldReason::Expired {
            return Err(by_clock_only());
        }
        holds.0.remove(&reason).map(drop).ok_or_else(|| {
            Refusal::new(
                Code::HoldNotFound,
                format!("No hold {} is on it; read the object to see which are.", reason.as_str()),
                format!("该对象没有因{}而暂停，请查询其现有的暂停。", reason.zh()),
            )
        })
    })
}

/// Holds of a unit reach all its names, and the blacklist all it may ever have (R60).
pub(super) fn check_second_factor(case: &Case<'_>, of_unit: bool, reason: HoldReason) -> Result<(), Refusal> {
    if of_unit {
        case.check_second_factor(Guarded::UnitHold)?;
    }
    if reason == HoldReason::Blacklist {
        case.check_second_factor(Guarded::Blacklist)?;
    }
    Ok(())
}

/// What every hold must be, whoever places it.
pub(super) fn check(reason: HoldReason, hold: &Hold) -> Result<(), Refusal> {
    if !is_text(&hold.evidence, EVIDENCE_LEN_MAX) {
        return Err(invalid(
            "evidence",
            "Give the evidence: the id of the document or case, at most 200 octets.",
            "请填写依据：文件或案件编号，不超过 200 个字节。",
        ));
    }
    if hold.end.is_some_and(|end| end <= hold.start) {
        return Err(invalid(
            "end",
            "The hold's end must be after its start; correct one of them.",
            "暂停的结束时间 end 须晚于开始时间 start，请更正其中之一。",
        ));
    }
    let length = hold.end.map(|end| end.0.saturating_sub(hold.start.0));
    if reason == HoldReason::Penalty && length.is_none_or(|secs| secs > PENALTY_DAYS_MAX * DAY_SECS) {
        return Err(invalid(
            "end",
            "A penalty needs an end, at most 90 days after its start; give such an end.",
            "处罚性暂停须填写结束时间 end，且不超过开始后 90 天。",
        ));
    }
    Ok(())
}

/// A decision suspends for 90 days in all (R56): placed again for the same evidence while it lasts, the hold goes on from where
/// it began, whatever start is given. Another decision has its own 90 days, and its own evidence says so.
fn check_whole(old: Option<&Hold>, hold: &Hold) -> Result<(), Refusal> {
    let Some(old) = old.filter(|old| old.evidence == hold.evidence && old.start < hold.start) else { return Ok(()) };
    check(HoldReason::Penalty, &Hold { start: old.start, ..hold.clone() }).map_err(|_| {
        let latest = Timestamp(old.start.0.saturating_add(PENALTY_DAYS_MAX * DAY_SECS));
        invalid(
            "end",
            &format!("This decision suspends since {}, and for 90 days in all: give an end up to {latest}.", old.start),
            &format!("该处罚决定自 {} 起暂停，累计不超过 90 天：结束时间 end 最晚为 {latest}。", old.start),
        )
    })
}

pub(super) fn by_clock_only() -> Refusal {
    Refusal::new(
        Code::HoldByClockOnly,
        "EXPIRED is set when the term ends and lifted by a renewal; renew the name, or use another reason.",
        "EXPIRED 只随期满设置、随续费解除，请续费或改用其他原因。",
    )
    .at("reason")
}

/// Loads the target, lets `edit` change its holds, and saves it if they have changed.
fn change(
    case: &Case<'_>,
    target: &HoldTarget,
    edit: impl FnOnce(&mut Holds) -> Result<(), Refusal>,
) -> Result<Decision, Refusal> {
    match target {
        HoldTarget::Unit(id) => {
            let mut unit = case.unit(id)?;
            case.check_version(Some(unit.version))?;
            let before = unit.clone();
            edit(&mut unit.holds)?;
            let (state, kept) = (units::state_of(&unit), unit.version);
            let mut events = Vec::new();
            if unit.holds != before.holds {
                let follows = standing::follow(case, &before, &unit)?;
                events.push(Event::Unit(units::at_version(unit, case.seq())));
                events.extend(follows);
            }
            Ok(case.decision(events, id.as_str(), state, kept))
        }
        HoldTarget::Name(key) => {
            let (mut name, unit) = case.name(key)?;
            case.check_version(Some(name.version))?;
            let before = name.holds.clone();
            edit(&mut name.holds)?;
            if name.holds == before {
                return Ok(case.decision(Vec::new(), key.to_string(), name.state(&unit).as_str(), name.version));
            }
            Ok(names::saved(case, name, &unit))
        }
    }
}

fn invalid(field: &str, en: &str, zh: &str) -> Refusal {
    Refusal::new(Code::HoldInvalid, en, zh).at(field)
}
