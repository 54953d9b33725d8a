//! Penalties: a step of the ladder at a time, and what the blacklist closes (R56, R57).

use super::{Case, applications, is_text, standing, terms, units};
use crate::registry::change::REVIEWER_LEN_MAX;
use crate::registry::command::PenaltySpec;
use crate::registry::hold::{EVIDENCE_LEN_MAX, PENALTY_DAYS_MAX};
use crate::registry::penalty::{PENALTIES_MAX, WITHHELD_DAYS};
use crate::registry::time::DAY_SECS;
use crate::registry::{
    Code, Decision, Event, Guarded, Hold, HoldReason, Leaving, Life, NameKey, Penalties, Penalty, PenaltyStep, Refusal,
    Registration, Role, Stage, Timestamp, Unit, UnitId,
};

/// Imposes the next step on a unit.
pub(super) fn impose(case: &Case<'_>, id: &UnitId, step: PenaltyStep, spec: &PenaltySpec) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Operator])?;
    match step {
        PenaltyStep::Warning => {}
        PenaltyStep::Suspension => case.check_second_factor(Guarded::UnitHold)?,
        PenaltyStep::Deletion => case.check_second_factor(Guarded::Blacklist)?,
    }
    let mut unit = case.unit(id)?;
    let before = unit.clone();
    case.check_version(Some(unit.version))?;
    check_not_blacklisted(&unit)?;
    check_order(&unit, step)?;
    check_spec(case, step, spec)?;
    let by = &case.actor().principal;
    let hold = |end| Hold { start: case.now(), end, active: true, evidence: spec.evidence.clone(), by: by.clone() };
    let mut events = Vec::new();
    match step {
        PenaltyStep::Warning => {}
        PenaltyStep::Suspension => drop(unit.holds.0.insert(HoldReason::Penalty, hold(spec.end))),
        PenaltyStep::Deletion => {
            unit.holds.0.insert(HoldReason::Blacklist, hold(None));
            events = withheld(case, id)?;
        }
    }
    let (evidence, by) = (spec.evidence.clone(), by.clone());
    unit.penalties.0.push(Penalty { step, violation: spec.violation, evidence, by, at: case.now(), end: spec.end });
    let over = unit.penalties.0.len().saturating_sub(PENALTIES_MAX);
    unit.penalties.0.drain(..over);
    let state = if step == PenaltyStep::Deletion { "blacklisted" } else { units::state_of(&unit) };
    let follows = standing::follow(case, &before, &unit)?;
    events.insert(0, Event::Unit(units::at_version(unit, case.seq())));
    events.extend(follows);
    Ok(case.decision(events, id.as_str(), state, 0))
}

/// The unit's names, deleted: nothing restores them, their labels are nobody's while they are withheld, and then they are
/// gone. Until then they are answered with the blacklist's notice, as they are the unit's.
fn withheld(case: &Case<'_>, id: &UnitId) -> Result<Vec<Event>, Refusal> {
    let mut keys: Vec<NameKey> = Vec::new();
    case.state.names_of(id, &mut |key, _| {
        keys.push(key.clone());
        true
    })?;
    let until = case.now().add_days(WITHHELD_DAYS);
    let mut events = Vec::new();
    for key in keys {
        let Some(name) = case.state.name(&key)? else { continue };
        // The pending change is withdrawn as by any deletion; only the name itself is kept back.
        events.extend(terms::removed(case, &name)?.into_iter().filter(|event| matches!(event, Event::Change(_))));
        let life = Life { leaving: Some(Leaving { stage: Stage::PendingDelete, until }), ..Life::default() };
        events.push(Event::Name(Registration {
            resolution: None,
            resolved_by: 0,
            pending: None,
            life,
            version: case.seq(),
            ..name
        }));
    }
    Ok(events)
}

/// The record that an import leaves: records only grow, so that of two one is the beginning of the other.
pub(super) fn merged(case: &Case<'_>, own: Penalties, line: &Penalties) -> Result<Penalties, Refusal> {
    if own.0.starts_with(&line.0) {
        return Ok(own);
    }
    let in_order = line.0.windows(2).all(|pair| Penalties(pair[..1].to_vec()).next() == pair[1].step);
    let is_sound = |penalty: &Penalty| {
        is_text(&penalty.evidence, EVIDENCE_LEN_MAX)
            && is_text(&penalty.by, REVIEWER_LEN_MAX)
            && penalty.at <= case.now()
            && (penalty.step == PenaltyStep::Suspension) == penalty.end.is_some()
    };
    let is_longer = line.0.starts_with(&own.0) && line.0.len() <= PENALTIES_MAX;
    if is_longer && in_order && line.0.iter().all(is_sound) {
        return Ok(line.clone());
    }
    Err(invalid(
        "penalties",
        "The record does not go on from the unit's own, or its steps are out of order; export the unit anew.",
        "处罚记录与该单位现有记录不衔接，或步骤顺序有误，请重新导出。",
    ))
}

/// After the last step there is none: what the unit had is being deleted already.
fn check_not_blacklisted(unit: &Unit) -> Result<(), Refusal> {
    if !applications::is_blacklisted(unit) {
        return Ok(());
    }
    let id = &unit.id;
    Err(Refusal::new(
        Code::UnitBlacklisted,
        format!(
            "The unit {id} is on the blacklist, beyond which there is no penalty; read the unit to see what was imposed."
        ),
        format!("单位 {id} 已在黑名单中，没有更重的处罚，请查询该单位已受的处罚。"),
    ))
}

fn check_order(unit: &Unit, step: PenaltyStep) -> Result<(), Refusal> {
    let next = unit.penalties.next();
    if step == next {
        return Ok(());
    }
    let (asked, due) = (step.as_str(), next.as_str());
    Err(Refusal::new(
        Code::PenaltyOutOfOrder,
        format!("The unit's next penalty is a {due}, not a {asked}: no step is skipped or taken twice; send that one."),
        format!("该单位的下一级处罚应为“{}”（{due}），而不是“{}”，处罚须逐级进行，请改为该级。", next.zh(), step.zh()),
    )
    .at("step"))
}

fn check_spec(case: &Case<'_>, step: PenaltyStep, spec: &PenaltySpec) -> Result<(), Refusal> {
    if !is_text(&spec.evidence, EVIDENCE_LEN_MAX) {
        return Err(invalid(
            "evidence",
            "Give the evidence: the id of the document or case, at most 200 octets.",
            "请填写依据：文件或案件编号，不超过 200 个字节。",
        ));
    }
    match (step, spec.end) {
        (PenaltyStep::Suspension, Some(end)) if is_within(case, end) && is_midnight(end) => Ok(()),
        (PenaltyStep::Suspension, _) => Err(invalid(
            "end",
            "A suspension ends at a midnight in Asia/Shanghai that is to come, at most 90 days from now; give such an end.",
            "暂停须于将来某日零时（北京时间）结束，且自现在起不超过 90 天，请更正结束时间 end。",
        )),
        (_, None) => Ok(()),
        (_, Some(_)) => {
            Err(invalid("end", "Only a suspension has an end; leave it out.", "只有暂停才有结束时间，请去掉 end。"))
        }
    }
}

fn is_within(case: &Case<'_>, end: Timestamp) -> bool {
    (1..=PENALTY_DAYS_MAX * DAY_SECS).contains(&end.0.saturating_sub(case.now().0))
}

fn is_midnight(time: Timestamp) -> bool {
    Timestamp(time.0.saturating_sub(1)).end_of_day().0.saturating_add(1) == time.0
}

fn invalid(field: &str, en: &str, zh: &str) -> Refusal {
    Refusal::new(Code::PenaltyInvalid, en, zh).at(field)
}
