//! Changes of resolution: submitted, reviewed at two levels by two others (R17, R18, R41), withdrawn.

use super::{Case, is_text, resolutions, terms};
use crate::registry::change::{REASON_LEN_MAX, REVIEWER_LEN_MAX};
use crate::registry::command::Verdict;
use crate::registry::{
    Approval, Change, ChangeId, ChangeState, Code, Decision, Event, Guarded, Level, NameKey, Named as _, Refusal,
    Registration, Resolution, Role, Unit,
};

pub(super) fn submit(
    case: &Case<'_>,
    key: &NameKey,
    resolution: &Resolution,
    asserted: &[(Level, Box<str>)],
) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Submitter, Role::Operator])?;
    if !asserted.is_empty() {
        // Whoever reviews elsewhere vouches for the reviewers; a submitter cannot vouch for its own approval.
        case.check_role(&[Role::Operator]).map_err(|refusal| refusal.at("approvals"))?;
        case.check_second_factor(Guarded::DnsChange)?;
    }
    let of_name = |refusal: Refusal| refusal.at("name");
    let (name, unit) = case.name(key).map_err(of_name)?;
    case.check_version(Some(name.version))?;
    check_nothing_pending(&name).map_err(of_name)?;
    terms::check_restorable(case, &name).map_err(of_name)?;
    let resolution = resolutions::check(case, key, resolution)?;
    let submitter = &case.actor().principal;
    let approved = if asserted.is_empty() { None } else { Some(check_asserted(asserted, submitter)?) };
    let approval = |by: &str| Approval { by: by.into(), at: case.now(), asserted: true };
    let change = Change {
        id: ChangeId(case.seq()),
        name: key.clone(),
        resolution,
        submitter: submitter.clone(),
        submitted: case.now(),
        base: name.resolved_by,
        state: if approved.is_some() { ChangeState::Live } else { ChangeState::Submitted },
        local: approved.map(|(local, _)| approval(local)),
        central: approved.map(|(_, central)| approval(central)),
        reason: None,
        version: case.seq(),
    };
    let state = outcome(change.state, &name, &unit);
    let events = match change.state {
        ChangeState::Live => live(case, name, change),
        _ => vec![Event::Name(with_pending(case, name, Some(change.id))), Event::Change(change)],
    };
    Ok(case.decision(events, ChangeId(case.seq()).to_string(), state, 0).creating(true))
}

pub(super) fn review(case: &Case<'_>, id: ChangeId, level: Level, verdict: &Verdict) -> Result<Decision, Refusal> {
    case.check_role(match level {
        Level::Local => &[Role::LocalReviewer],
        Level::Central => &[Role::CentralReviewer],
    })?;
    if level == Level::Central && *verdict == Verdict::Approve {
        case.check_second_factor(Guarded::DnsChange)?;
    }
    let change = case.change(id)?;
    check_pending(&change)?;
    let (name, unit) = case.name(&change.name)?;
    case.check_version(Some(change.version))?;
    check_turn(&change, level)?;
    check_third_person(case, &change)?;
    match verdict {
        Verdict::Reject { reason } => reject(case, name, change, reason),
        Verdict::Approve => approve(case, (name, &unit), change, level),
    }
}

pub(super) fn withdraw(case: &Case<'_>, id: ChangeId) -> Result<Decision, Refusal> {
    let change = case.change(id)?;
    if change.submitter != case.actor().principal {
        case.check_role(&[Role::Operator])?;
    }
    check_pending(&change)?;
    let (name, _) = case.name(&change.name)?;
    case.check_version(Some(change.version))?;
    Ok(closed(case, name, Change { state: ChangeState::Withdrawn, ..change }))
}

/// Exactly one approval of each level, by two who are neither each other nor the submitter; the local one first.
pub(super) fn check_asserted<'b>(
    asserted: &'b [(Level, Box<str>)],
    submitter: &str,
) -> Result<(&'b str, &'b str), Refusal> {
    let (local, central) = match asserted {
        [(Level::Local, local), (Level::Central, central)] => (local, central),
        [(Level::Central, central), (Level::Local, local)] => (local, central),
        _ => {
            return Err(Refusal::new(
                Code::ApprovalsIncomplete,
                "Approvals are asserted both or not at all: give one of level local and one of level central.",
                "审核意见须同时提供两级：local 与 central 各一条；否则请不要提供。",
            )
            .at("approvals"));
        }
    };
    for (index, (_, by)) in asserted.iter().enumerate() {
        if !is_text(by, REVIEWER_LEN_MAX) || by.trim() != &**by {
            return Err(Refusal::new(
                Code::ApprovalsIncomplete,
                format!("Give the reviewer's id: text of at most {REVIEWER_LEN_MAX} octets, no spaces around it."),
                format!("请填写审核人员的编号：不超过 {REVIEWER_LEN_MAX} 个字节，首尾不含空格。"),
            )
            .at(format!("approvals[{index}].by")));
        }
    }
    if local == central || **local == *submitter || **central == *submitter {
        return Err(same_principal().at("approvals"));
    }
    Ok((local, central))
}

/// A reason that a person can be shown.
///
/// # Errors
/// [`Code::ReasonRequired`].
pub fn check_reason(reason: &str) -> Result<(), Refusal> {
    if is_text(reason, REASON_LEN_MAX) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::ReasonRequired,
        format!("Give a reason that can be read: text of at most {REASON_LEN_MAX} octets without control characters."),
        format!("请填写可供查看的理由：不超过 {REASON_LEN_MAX} 个字节，不含控制字符。"),
    )
    .at("reason"))
}

fn approve(
    case: &Case<'_>,
    (name, unit): (Registration, &Unit),
    mut change: Change,
    level: Level,
) -> Result<Decision, Refusal> {
    if change.base != name.resolved_by {
        return Err(Refusal::new(
            Code::ChangeStale,
            "The name's resolution has changed since this change was submitted; reject it, and have it submitted anew.",
            "提交之后该域名的解析已被修改，请驳回并重新提交。",
        ));
    }
    // What was acceptable at submission may not be now: settings and other names' forwards move, and terms end.
    terms::check_restorable(case, &name)?;
    resolutions::check(case, &change.name, &change.resolution)?;
    let approval = Some(Approval { by: case.actor().principal.clone(), at: case.now(), asserted: false });
    let id = change.id.to_string();
    match level {
        Level::Local => {
            change = Change { state: ChangeState::LocallyApproved, local: approval, version: case.seq(), ..change };
            Ok(case.decision(vec![Event::Change(change)], id, ChangeState::LocallyApproved.as_str(), 0))
        }
        Level::Central => {
            change = Change { state: ChangeState::Live, central: approval, version: case.seq(), ..change };
            let state = outcome(change.state, &name, unit);
            Ok(case.decision(live(case, name, change), id, state, 0))
        }
    }
}

fn reject(case: &Case<'_>, name: Registration, change: Change, reason: &str) -> Result<Decision, Refusal> {
    check_reason(reason)?;
    Ok(closed(case, name, Change { state: ChangeState::Rejected, reason: Some(reason.into()), ..change }))
}

/// How the change stands, for whoever asked. Approved for a name that something holds, it is what the name resolves to once
/// nothing does, and is not live now.
fn outcome(state: ChangeState, name: &Registration, unit: &Unit) -> &'static str {
    match (state, name.effective_hold(unit)) {
        (ChangeState::Live, Some(_)) => "held",
        (state, _) => state.as_str(),
    }
}

/// The change in its end state, and its name free for another one.
fn closed(case: &Case<'_>, name: Registration, change: Change) -> Decision {
    let (id, state) = (change.id.to_string(), change.state.as_str());
    let change = Change { version: case.seq(), ..change };
    case.decision(vec![Event::Name(with_pending(case, name, None)), Event::Change(change)], id, state, 0)
}

/// The new image of a name whose change has both approvals, and the change.
fn live(case: &Case<'_>, name: Registration, change: Change) -> Vec<Event> {
    let name = Registration {
        resolution: Some(change.resolution.clone()),
        resolved_by: case.seq(),
        ..with_pending(case, name, None)
    };
    vec![Event::Name(name), Event::Change(change)]
}

fn with_pending(case: &Case<'_>, name: Registration, pending: Option<ChangeId>) -> Registration {
    Registration { pending, version: case.seq(), ..name }
}

fn check_nothing_pending(name: &Registration) -> Result<(), Refusal> {
    let Some(pending) = name.pending else { return Ok(()) };
    Err(Refusal::new(
        Code::ChangePending,
        format!("Change {pending} of this name waits for a decision; wait for it, or withdraw it first."),
        format!("该域名的变更 {pending} 尚待审核，请等待其结果或先撤回。"),
    ))
}

fn check_pending(change: &Change) -> Result<(), Refusal> {
    if change.state.is_pending() {
        return Ok(());
    }
    let (id, state, state_zh) = (change.id, change.state.as_str(), change.state.zh());
    Err(Refusal::new(
        Code::ChangeNotPending,
        format!("Change {id} is {state} and takes no more decisions; submit a new one."),
        format!("变更 {id} 的状态为{state_zh}，不能再作决定，请提交新的变更。"),
    ))
}

fn check_turn(change: &Change, level: Level) -> Result<(), Refusal> {
    match (change.state, level) {
        (ChangeState::Submitted, Level::Central) => Err(local_first()),
        (ChangeState::LocallyApproved, Level::Local) => Err(Refusal::new(
            Code::ChangeNotPending,
            "The local level has approved already; the change waits for the central decision, and its reviewer goes on.",
            "该变更的初审已通过，正等待复审，请由复审人员办理。",
        )),
        _ => Ok(()),
    }
}

fn check_third_person(case: &Case<'_>, change: &Change) -> Result<(), Refusal> {
    let own = &case.actor().principal;
    let took_part = change.submitter == *own || change.local.as_ref().is_some_and(|approval| approval.by == *own);
    if took_part { Err(same_principal()) } else { Ok(()) }
}

/// The central decision came before the local one (R17).
pub(super) fn local_first() -> Refusal {
    Refusal::new(
        Code::LocalReviewFirst,
        "The local reviewer has not decided yet; wait for that, the central decision follows it.",
        "同级编办尚未审核，须先通过初审再复审。",
    )
}

pub(super) fn same_principal() -> Refusal {
    Refusal::new(
        Code::SamePrincipal,
        "Submitter, local and central reviewer must be three different principals; have another one decide.",
        "提交人、初审人和复审人必须是三个不同的主体，请由他人办理。",
    )
}
