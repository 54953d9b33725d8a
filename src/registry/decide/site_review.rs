//! Reviews of units' sites: opened with a deadline, handed in, decided by others, and what neglect brings (R17, R18, R20, R22,
//! R23, R55).

use super::{Case, applications, changes, due, is_text, units};
use crate::registry::change::{REASON_LEN_MAX, REVIEWER_LEN_MAX};
use crate::registry::command::Verdict;
use crate::registry::{
    Approval, Code, Decision, Event, Guarded, Hold, HoldReason, Holds, NameKey, Named as _, Paper, Refusal,
    Registration, Role, SiteNotice, SiteNoticeKind, SiteReview, SiteReviewId, SiteReviewKind, SiteReviewState,
    SiteStep, Timestamp, Unit, UnitId, UnitKind,
};

/// Days from now beyond which no deadline lies: what is put off by more than a year is better cancelled.
const DEADLINE_DAYS_MAX: i64 = 366;
/// The holds that this review can bring, and that therefore do not keep a unit from handing it in.
const OWN_HOLDS: [HoldReason; 2] = [HoldReason::SiteReviewFailed, HoldReason::SiteNotSubmitted];

pub(super) fn open(
    case: &Case<'_>,
    id: &UnitId,
    kind: SiteReviewKind,
    deadline: Option<Timestamp>,
) -> Result<Decision, Refusal> {
    case.check_role(&[Role::LocalAdmin, Role::Operator])?;
    let unit = case.unit(id)?;
    case.check_version(Some(unit.version))?;
    if applications::is_blacklisted(&unit) {
        return Err(Refusal::new(
            Code::UnitBlacklisted,
            format!("The unit {id} is blacklisted, and its site is not reviewed; have its listing lifted first."),
            format!("单位 {id} 已被列入黑名单，不再复核其网站，须先解除。"),
        ));
    }
    if let Some(review) = unit.site_review.as_ref().filter(|review| !review.state.has_ended()) {
        let (id, state, state_zh) = (review.id, review.state.as_str(), review.state.zh());
        return Err(Refusal::new(
            Code::SiteReviewPending,
            format!("The review {id} of the unit's site is under way ({state}); wait for its end before another one."),
            format!("该单位的网站复核 {id} 正在进行，状态为{state_zh}，须待其结束后再开始新的复核。"),
        ));
    }
    let earliest = case.policy().calendar.deadline(case.now(), case.policy().site_review.submit_days);
    let review = SiteReview {
        id: SiteReviewId(case.seq()),
        kind,
        state: SiteReviewState::Open,
        deadline: Some(check_deadline(case, deadline.unwrap_or(earliest), earliest)?),
        missed: false,
        name: None,
        submitter: None,
        submitted: None,
        local: None,
        central: None,
        paper: None,
        papers: Vec::new(),
        reason: None,
        changed: case.now(),
        reminder: None,
    };
    Ok(saved(case, unit, review).creating(true))
}

/// Gives the unit more time. The hold that the old deadline has brought goes; that is an operator's lifting of a hold.
pub(super) fn postpone(case: &Case<'_>, id: &UnitId, deadline: Timestamp, reason: &str) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Operator])?;
    let (mut unit, review) = find(case, id)?;
    let Some(neglect) = review.state.neglect() else { return Err(not_pending(&review)) };
    changes::check_reason(reason)?;
    let earliest = review.deadline.unwrap_or(case.now()).max(case.now());
    let deadline = check_deadline(case, deadline, Timestamp(earliest.0.saturating_add(1)))?;
    if lift(&mut unit, &review, &[neglect]) {
        case.check_second_factor(Guarded::UnitHold)?;
    }
    Ok(saved(case, unit, SiteReview { deadline: Some(deadline), missed: false, ..review }))
}

pub(super) fn submit(case: &Case<'_>, id: &UnitId, name: &NameKey) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Submitter, Role::Operator])?;
    let (unit, review) = find(case, id)?;
    if !review.state.is_submittable() {
        return Err(not_pending(&review));
    }
    check_name(case, &unit, name)?;
    let days = case.policy().review.online_days_in(&unit.region);
    let submitted = SiteReview {
        name: Some(name.clone()),
        submitter: Some(case.actor().principal.clone()),
        submitted: Some(case.now()),
        local: None,
        central: None,
        paper: None,
        papers: Vec::new(),
        reason: None,
        ..at(case, review, SiteReviewState::LocalReview, Some(days))
    };
    Ok(saved(case, unit, submitted))
}

pub(super) fn decide(
    case: &Case<'_>,
    id: &UnitId,
    step: SiteStep,
    verdict: &Verdict,
    ticked: &[Paper],
) -> Result<Decision, Refusal> {
    case.check_role(match step {
        SiteStep::Local | SiteStep::Paper => &[Role::LocalReviewer],
        SiteStep::Central => &[Role::CentralReviewer],
    })?;
    let (unit, review) = find(case, id)?;
    check_turn(&review, step)?;
    check_not_involved(case, &review, step)?;
    if let Verdict::Reject { reason } = verdict {
        changes::check_reason(reason)?;
        let days = case.policy().site_review.correction_days;
        let rejected = at(case, review, SiteReviewState::Rejected, Some(days));
        return Ok(saved(case, unit, SiteReview { reason: Some(reason.clone()), ..rejected }));
    }
    let approval = Some(Approval { by: case.actor().principal.clone(), at: case.now(), asserted: false });
    match step {
        SiteStep::Local => {
            let days = case.policy().review.central_days;
            let passed_on = at(case, review, SiteReviewState::CentralReview, Some(days));
            Ok(saved(case, unit, SiteReview { local: approval, ..passed_on }))
        }
        SiteStep::Central => {
            // What was valid when it was handed in may not be now.
            if let Some(name) = &review.name {
                check_name(case, &unit, name)?;
            }
            let review = SiteReview { central: approval, ..review };
            // Papers are asked of organs alone (R22).
            if unit.kind != UnitKind::Organ {
                return Ok(passed(case, unit, review));
            }
            let days = case.policy().site_review.paper_days;
            Ok(saved(case, unit, at(case, review, SiteReviewState::Paper, Some(days))))
        }
        SiteStep::Paper => {
            let papers = papers(case, ticked)?;
            Ok(passed(case, unit, SiteReview { paper: approval, papers, ..review }))
        }
    }
}

pub(super) fn cancel(case: &Case<'_>, id: &UnitId) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Operator])?;
    let (mut unit, review) = find(case, id)?;
    if review.state.has_ended() {
        return Err(not_pending(&review));
    }
    if lift(&mut unit, &review, &OWN_HOLDS) {
        case.check_second_factor(Guarded::UnitHold)?;
    }
    // What the unit waited with it for, it need not wait with any more.
    let told = review.deadline.map(|deadline| notice(SiteNoticeKind::Cancelled, id, &review, deadline));
    let mut decision = saved(case, unit, at(case, review, SiteReviewState::Cancelled, None));
    decision.events.extend(told.map(Event::SiteNotice));
    Ok(decision)
}

/// Holds the unit if its deadline has passed (R55): once, so that whoever lifts the hold afterwards has the last word.
pub(super) fn neglect(case: &Case<'_>, unit: &mut Unit) {
    let Some(review) = &mut unit.site_review else { return };
    let Some((start, reason)) = review.consequence().filter(|(at, _)| *at <= case.now()) else { return };
    (review.missed, review.changed, review.reminder) = (true, case.now(), None);
    // Somebody's hold that reaches as far has its own evidence, and its own end of the story.
    if unit.holds.0.get(&reason).is_some_and(|hold| hold.active && hold.end.is_none()) {
        return;
    }
    let evidence = review.id.to_string().into();
    unit.holds.0.insert(reason, Hold { start, end: None, active: true, evidence, by: due::CLOCK.into() });
}

/// Takes note that the unit is reminded of its deadline, if it is time: of several reminders that a jump of the clock made due
/// the last is given. While the brake is engaged none is, nor while the clock is not trusted.
pub(super) fn remind(case: &Case<'_>, unit: &mut Unit) {
    let Some(review) = unit.site_review.as_mut().filter(|r| r.reminder.is_some_and(|at| at <= case.now())) else {
        return;
    };
    review.reminder = next_reminder(case, review);
}

/// What the unit is told of what the clock has done to its review.
pub(super) fn told(case: &Case<'_>, old: &Unit, new: &Unit) -> Option<SiteNotice> {
    let (before, after) = (old.site_review.as_ref()?, new.site_review.as_ref()?);
    let deadline = after.deadline?;
    let kind = if after.missed != before.missed {
        SiteNoticeKind::Lapsed
    } else if after.reminder != before.reminder {
        SiteNoticeKind::Due(case.policy().site_review.reminder_reached(deadline, case.now())?)
    } else {
        return None;
    };
    Some(notice(kind, &new.id, after, deadline))
}

fn notice(kind: SiteNoticeKind, unit: &UnitId, review: &SiteReview, deadline: Timestamp) -> SiteNotice {
    SiteNotice { kind, unit: unit.clone(), review: review.id, state: review.state, deadline }
}

/// When the unit is next reminded, while something is asked of it.
fn next_reminder(case: &Case<'_>, review: &SiteReview) -> Option<Timestamp> {
    review.consequence()?;
    case.policy().site_review.reminder_after(review.deadline?, case.now())
}

/// The review of an imported line, where the unit has none of its own, or an earlier image of the same.
pub(super) fn merged(
    case: &Case<'_>,
    own: Option<Box<SiteReview>>,
    line: Option<&SiteReview>,
) -> Result<Option<Box<SiteReview>>, Refusal> {
    let Some(line) = line else { return Ok(own) };
    if own.as_ref().is_some_and(|own| own.id != line.id || own.changed > line.changed) {
        return Ok(own);
    }
    if own.as_deref().is_some_and(|own| *own == SiteReview { reminder: own.reminder, ..line.clone() }) {
        return Ok(own);
    }
    if is_sound(case, line) {
        // Its deadline may be close, or past: a unit is not held by that way without what a hold takes.
        if line.consequence().is_some() {
            case.check_second_factor(Guarded::UnitHold)?;
        }
        // What was asked, and the reminders before now, are told by the registry that the line is from.
        return Ok(Some(Box::new(SiteReview { reminder: next_reminder(case, line), ..line.clone() })));
    }
    Err(Refusal::new(
        Code::UnitInvalid,
        "The review of the site lacks what its state needs, or has times to come; export the unit anew.",
        "网站复核信息不完整、与其状态不符，或时间晚于现在，请重新导出。",
    )
    .at("site_review"))
}

/// The holds of an imported line without those that the clock placed for an earlier image of the review: what has become of
/// it since says whether they still hold.
pub(super) fn still_due(own: Option<&SiteReview>, line: Option<&SiteReview>, holds: &Holds) -> Holds {
    let mut holds = holds.clone();
    if let Some(later) = own.zip(line).filter(|(own, line)| own.id == line.id && own.changed > line.changed) {
        holds.0.retain(|reason, hold| !is_of(later.0, *reason, hold));
    }
    holds
}

fn is_sound(case: &Case<'_>, review: &SiteReview) -> bool {
    use SiteReviewState::{Cancelled, CentralReview, Open, Paper, Passed};
    let state = review.state;
    let handed_in = review.name.is_some() && review.submitter.is_some() && review.submitted.is_some();
    let by = [&review.local, &review.central, &review.paper].into_iter().flatten().map(|approval| &approval.by);
    let mut principals = by.chain(&review.submitter);
    review.changed <= case.now()
        && review.deadline.is_some() != state.has_ended()
        && (!review.missed || state.neglect().is_some())
        && (handed_in || matches!(state, Open | Cancelled))
        && (review.local.is_some() || !matches!(state, CentralReview | Paper | Passed))
        && (review.central.is_some() || !matches!(state, Paper | Passed))
        && principals.all(|by| is_text(by, REVIEWER_LEN_MAX))
        && review.reason.as_ref().is_none_or(|reason| is_text(reason, REASON_LEN_MAX))
        && applications::papers(&review.papers).is_ok()
}

/// The unit whose site has passed. Two reviewers have decided that its names come back, so that it takes no second factor.
fn passed(case: &Case<'_>, mut unit: Unit, review: SiteReview) -> Decision {
    lift(&mut unit, &review, &OWN_HOLDS);
    saved(case, unit, at(case, review, SiteReviewState::Passed, None))
}

/// Takes away those of the holds that the clock placed for this review; whether there was one.
fn lift(unit: &mut Unit, review: &SiteReview, reasons: &[HoldReason]) -> bool {
    let before = unit.holds.0.len();
    unit.holds.0.retain(|reason, hold| !(reasons.contains(reason) && is_of(review, *reason, hold)));
    unit.holds.0.len() < before
}

/// Whether the clock placed the hold for this review.
fn is_of(review: &SiteReview, reason: HoldReason, hold: &Hold) -> bool {
    OWN_HOLDS.contains(&reason) && *hold.by == *due::CLOCK && *hold.evidence == *review.id.to_string()
}

/// The review in another state, with so many working days until its next deadline.
fn at(case: &Case<'_>, review: SiteReview, state: SiteReviewState, days: Option<u32>) -> SiteReview {
    let deadline = days.map(|days| case.policy().calendar.deadline(case.now(), days));
    SiteReview { state, deadline, missed: false, ..review }
}

/// The unit's new image, with this review, as a decision about it; whatever it asks of the unit, the unit is told.
fn saved(case: &Case<'_>, unit: Unit, review: SiteReview) -> Decision {
    let (id, state) = (unit.id.clone(), review.state.as_str());
    let review = SiteReview { changed: case.now(), reminder: next_reminder(case, &review), ..review };
    let asked = review.consequence().and(review.deadline);
    let asked = asked.map(|deadline| Event::SiteNotice(notice(SiteNoticeKind::Asked, &id, &review, deadline)));
    let unit = Unit { site_review: Some(Box::new(review)), ..units::at_version(unit, case.seq()) };
    case.decision([Event::Unit(unit)].into_iter().chain(asked).collect(), id.as_str(), state, 0)
}

/// The unit, which must be within the actor's reach, and the review of its site, which must be there.
fn find(case: &Case<'_>, id: &UnitId) -> Result<(Unit, SiteReview), Refusal> {
    let unit = case.unit(id)?;
    case.check_version(Some(unit.version))?;
    let review = unit.site_review.as_deref().cloned().ok_or_else(|| {
        Refusal::new(
            Code::SiteReviewNotFound,
            format!("The site of unit {id} is not under review; have a review opened first."),
            format!("单位 {id} 没有网站复核，请先由编办管理员或注册局发起。"),
        )
    })?;
    Ok((unit, review))
}

fn check_deadline(case: &Case<'_>, deadline: Timestamp, earliest: Timestamp) -> Result<Timestamp, Refusal> {
    let latest = case.now().add_days(DEADLINE_DAYS_MAX);
    if (earliest..=latest).contains(&deadline) {
        return Ok(deadline);
    }
    Err(Refusal::new(
        Code::SiteDeadlineInvalid,
        format!("The deadline lies between {earliest} and {latest}; give a day within them."),
        format!("截止时间须在 {earliest} 与 {latest} 之间，请填写其间的日期。"),
    )
    .at("deadline"))
}

/// That the name is the unit's, in its term, and that nothing holds it but reviews of the site themselves (R23).
fn check_name(case: &Case<'_>, unit: &Unit, key: &NameKey) -> Result<(), Refusal> {
    let shown = key.to_unicode();
    let invalid = |en: &str, zh: &str| {
        Refusal::new(Code::SiteNameInvalid, format!("{shown} {en}"), format!("{shown} {zh}")).at("name")
    };
    let name = case.state.name(key)?.filter(|name| name.unit == unit.id).ok_or_else(|| {
        invalid(
            "is not a name of this unit; hand the review in with one that is registered to it.",
            "不是本单位已注册的域名，请填写本单位的域名。",
        )
    })?;
    if has_ended(case, &name) {
        return Err(invalid("has expired; renew it, then hand the review in.", "已到期，请先续费，再提交复核。"));
    }
    let of_unit = unit.holds.0.iter().filter(|(reason, _)| !OWN_HOLDS.contains(reason));
    if name.holds.0.iter().chain(of_unit).any(|(_, hold)| hold.active) {
        return Err(invalid(
            "is held; have that hold lifted first, or name another one.",
            "已被暂停，请先解除暂停，或填写其他域名。",
        ));
    }
    Ok(())
}

fn has_ended(case: &Case<'_>, name: &Registration) -> bool {
    let leaves = name.life.leaving.is_some() || name.holds.0.contains_key(&HoldReason::Expired);
    leaves || name.expires <= case.now()
}

fn check_turn(review: &SiteReview, step: SiteStep) -> Result<(), Refusal> {
    match (review.state.awaits(), step) {
        (Some(awaited), step) if awaited == step => Ok(()),
        (Some(SiteStep::Local), SiteStep::Central) => Err(changes::local_first()),
        _ => Err(not_pending(review)),
    }
}

/// Submitter and the two reviewers are three principals (R17); the office that decided first may take the papers.
fn check_not_involved(case: &Case<'_>, review: &SiteReview, step: SiteStep) -> Result<(), Refusal> {
    let own = &case.actor().principal;
    let local = review.local.as_ref().filter(|_| step != SiteStep::Paper);
    let approved = local.into_iter().chain(&review.central).any(|approval| approval.by == *own);
    if approved || review.submitter.as_ref() == Some(own) { Err(changes::same_principal()) } else { Ok(()) }
}

/// The papers that were ticked, if none of those that are asked for is missing (R20).
fn papers(case: &Case<'_>, ticked: &[Paper]) -> Result<Vec<Paper>, Refusal> {
    let papers = applications::papers(ticked)?;
    let is_ticked = |wanted: &str| papers.iter().any(|paper| *paper.paper == *wanted);
    applications::check_papers(&case.policy().site_review.papers, is_ticked)?;
    Ok(papers)
}

fn not_pending(review: &SiteReview) -> Refusal {
    let (id, state, state_zh) = (review.id, review.state.as_str(), review.state.zh());
    Refusal::new(
        Code::SiteReviewNotPending,
        format!(
            "The site review {id} is {state}, and this is not done in that state; read the unit to see how it stands."
        ),
        format!("网站复核 {id} 的状态为{state_zh}，不能进行此操作，请先查询单位信息。"),
    )
}
