//! Applications: drawn up, handed in, reviewed by others than their submitter, withdrawn (R7, R8, R12, R17–R20, R42).

use super::{Case, changes, forms, is_text, labels, names, orders, resolutions};
use crate::registry::application::{PAPER_LEN_MAX, PAPERS_MAX, SLOTS_MAX};
use crate::registry::command::Verdict;
use crate::registry::{
    Application, ApplicationId, ApplicationSpec, ApplicationState, Approval, Code, Decision, Event, FormPick, Guarded,
    HoldReason, NameKey, Named as _, Paper, Refusal, Role, Slot, SlotSpec, Step, Unit, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn create(
    case: &Case<'_>,
    unit: &UnitId,
    spec: &ApplicationSpec,
    submit: bool,
) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Submitter, Role::Operator])?;
    let unit = case.unit(unit).map_err(|refusal| refusal.at("unit"))?;
    case.check_version(None)?;
    let (slots, papers) = (slots(case, spec)?, papers(&spec.papers)?);
    let application = Application {
        id: ApplicationId(case.new_id()?),
        unit: unit.id.clone(),
        region: unit.region.clone(),
        purpose: spec.purpose,
        slots,
        resolution: spec.resolution.clone(),
        papers,
        submitter: case.actor().principal.clone(),
        submitted: None,
        state: ApplicationState::Draft,
        deadline: None,
        office: None,
        local: None,
        central: None,
        reason: None,
        order: None,
        unresolved: None,
        changed: case.now(),
        version: case.seq(),
    };
    let application = if submit { handed_in(case, application, &unit)? } else { application };
    Ok(saved(case, application, Vec::new()).creating(true))
}

pub(super) fn edit(case: &Case<'_>, id: ApplicationId, spec: &ApplicationSpec) -> Result<Decision, Refusal> {
    let (application, _) = editable(case, id)?;
    let (slots, papers) = (slots(case, spec)?, papers(&spec.papers)?);
    let edited = Application {
        purpose: spec.purpose,
        slots,
        resolution: spec.resolution.clone(),
        papers,
        ..application.clone()
    };
    if edited == application {
        return Ok(case.decision(Vec::new(), id.to_string(), application.state.as_str(), application.version));
    }
    Ok(saved(case, edited, Vec::new()))
}

pub(super) fn submit(case: &Case<'_>, id: ApplicationId) -> Result<Decision, Refusal> {
    let (application, unit) = editable(case, id)?;
    Ok(saved(case, handed_in(case, application, &unit)?, Vec::new()))
}

pub(super) fn review(
    case: &Case<'_>,
    id: ApplicationId,
    (step, verdict): (Step, &Verdict),
    ticked: &[Paper],
    picks: &[FormPick],
    confirm: bool,
) -> Result<Decision, Refusal> {
    case.check_role(match step {
        Step::Office | Step::Local => &[Role::LocalReviewer],
        Step::Central => &[Role::CentralReviewer],
    })?;
    if step == Step::Central && *verdict == Verdict::Approve {
        // The plan takes effect without another look once the fee is there.
        case.check_second_factor(Guarded::DnsChange)?;
    }
    let (application, unit) = find(case, id)?;
    case.check_version(Some(application.version))?;
    check_turn(case, &application, &unit, step)?;
    check_not_involved(case, &application)?;
    if step != Step::Central || *verdict != Verdict::Approve {
        forms::check_none(picks)?;
    }
    if let Verdict::Reject { reason } = verdict {
        changes::check_reason(reason)?;
        let rejected = Application {
            state: ApplicationState::Rejected,
            deadline: None,
            reason: Some(reason.clone()),
            region: unit.region,
            ..application
        };
        return Ok(saved(case, rejected, Vec::new()));
    }
    if step != Step::Office && !confirm {
        check_seen(case, &application, &unit)?;
    }
    match step {
        Step::Office => Ok(saved(case, after_office(case, application, &unit), Vec::new())),
        Step::Local => Ok(saved(case, after_local(case, application, &unit, ticked)?, Vec::new())),
        Step::Central => after_central(case, application, &unit, picks),
    }
}

/// Ends an application: whoever hands in, until it is paid; the local administrator, while it waits for its fee; an
/// operator, until it is remitted.
pub(super) fn withdraw(case: &Case<'_>, id: ApplicationId) -> Result<Decision, Refusal> {
    use ApplicationState as S;
    case.check_role(&[Role::Submitter, Role::LocalAdmin, Role::Operator])?;
    let (application, _) = find(case, id)?;
    case.check_version(Some(application.version))?;
    let may = match (case.actor().role, application.state) {
        (_, S::Registered | S::Withdrawn | S::Remitted) => false,
        (Role::Operator, _) => true,
        (Role::LocalAdmin, state) => state == S::AwaitingFee,
        (_, state) => state != S::FeeConfirmed,
    };
    if !may {
        return Err(not_pending(&application));
    }
    let mut events = Vec::new();
    if let Some(order) = application.order {
        events.push(Event::Order(orders::withdrawn(case, case.order(order)?)));
    }
    Ok(saved(case, ended(application), events))
}

/// The application without an outcome; its order is the caller's.
pub(super) fn ended(application: Application) -> Application {
    Application { state: ApplicationState::Withdrawn, deadline: None, ..application }
}

/// The application's new image behind `events`, as a decision about it.
fn saved(case: &Case<'_>, application: Application, mut events: Vec<Event>) -> Decision {
    let application = case.changed_application(application);
    let (id, state) = (application.id.to_string(), application.state.as_str());
    events.push(Event::Application(application));
    case.decision(events, id, state, 0)
}

/// The application, which must be there, with its unit, which must be within the actor's reach.
fn find(case: &Case<'_>, id: ApplicationId) -> Result<(Application, Unit), Refusal> {
    let application = case.application(id)?;
    let unit = case.unit(&application.unit)?;
    Ok((application, unit))
}

fn editable(case: &Case<'_>, id: ApplicationId) -> Result<(Application, Unit), Refusal> {
    case.check_role(&[Role::Submitter, Role::Operator])?;
    let (application, unit) = find(case, id)?;
    case.check_version(Some(application.version))?;
    if application.state.is_editable() { Ok((application, unit)) } else { Err(not_pending(&application)) }
}

/// The application at its first step, if it may be handed in. What was decided of an earlier submission is void.
fn handed_in(case: &Case<'_>, application: Application, unit: &Unit) -> Result<Application, Refusal> {
    let application = check(case, application, unit)?;
    let rules = &case.policy().review;
    let (state, days) = if rules.needs_office(&unit.region) {
        (ApplicationState::OfficeReview, rules.office_days)
    } else {
        (ApplicationState::LocalReview, rules.local_days_in(&unit.region))
    };
    Ok(Application {
        region: unit.region.clone(),
        submitter: case.actor().principal.clone(),
        submitted: Some(case.now()),
        state,
        deadline: Some(case.policy().calendar.deadline(case.now(), days)),
        office: None,
        local: None,
        central: None,
        reason: None,
        ..application
    })
}

fn after_office(case: &Case<'_>, application: Application, unit: &Unit) -> Application {
    let days = case.policy().review.local_days_in(&unit.region);
    Application {
        region: unit.region.clone(),
        state: ApplicationState::LocalReview,
        deadline: Some(case.policy().calendar.deadline(case.now(), days)),
        office: Some(approval(case)),
        ..application
    }
}

fn after_local(
    case: &Case<'_>,
    application: Application,
    unit: &Unit,
    ticked: &[Paper],
) -> Result<Application, Refusal> {
    // What the reviewer ticks stands before what came with the application.
    let mut all: BTreeMap<Box<str>, Box<str>> = BTreeMap::new();
    for paper in application.papers.iter().cloned().chain(papers(ticked)?) {
        all.insert(paper.paper, paper.scan);
    }
    check_papers(&case.policy().review.papers, |paper| all.contains_key(paper))?;
    Ok(Application {
        region: unit.region.clone(),
        papers: all.into_iter().map(|(paper, scan)| Paper { paper, scan }).collect(),
        state: ApplicationState::CentralReview,
        deadline: Some(case.policy().calendar.deadline(case.now(), case.policy().review.central_days)),
        local: Some(approval(case)),
        ..application
    })
}

/// With the second approval the fee is due, at the rates of this day (R25, R26).
fn after_central(
    case: &Case<'_>,
    application: Application,
    unit: &Unit,
    picks: &[FormPick],
) -> Result<Decision, Refusal> {
    // What was possible when it was handed in may not be now, and a fee for nothing must not be asked.
    let mut application = check(case, application, unit)?;
    application.slots = forms::picked(case, application.slots, picks)?;
    let order = orders::of_application(case, &application, unit)?;
    let application = Application {
        region: unit.region.clone(),
        state: ApplicationState::AwaitingFee,
        deadline: None,
        central: Some(approval(case)),
        order: Some(order.id),
        ..application
    };
    Ok(saved(case, application, vec![Event::Order(order)]))
}

fn approval(case: &Case<'_>) -> Approval {
    Approval { by: case.actor().principal.clone(), at: case.now(), asserted: false }
}

/// Whether the unit may register all that it asks for, and it can be had; the application with its plan in normal form.
fn check(case: &Case<'_>, application: Application, unit: &Unit) -> Result<Application, Refusal> {
    check_unit(unit).map_err(|refusal| refusal.at("unit"))?;
    if application.purpose.needs_path() {
        return Err(Refusal::new(
            Code::PurposeNeedsPath,
            "Columns, topics and systems get no name of their own; put them under the unit's name, as in NAME/path.",
            "栏目、专题和业务系统不单独注册域名，请使用本单位域名下的路径，例如“域名/path”。",
        )
        .at("purpose"));
    }
    let mut resolution = application.resolution.clone();
    for (index, slot) in application.slots.iter().enumerate() {
        let field = |refusal: Refusal| refusal.at(format!("slots[{index}].name"));
        check_free(case, &slot.name, unit, Some(application.id)).map_err(field)?;
        names::check_registrable(case, &slot.name, unit).map_err(field)?;
        orders::yearly(case, &slot.name, &unit.region).map_err(field)?;
        resolution = resolutions::check(case, &slot.name, &application.resolution)?;
    }
    Ok(Application { resolution, ..application })
}

/// Whether the unit is on the blacklist now (R56).
pub(super) fn is_blacklisted(unit: &Unit) -> bool {
    unit.holds.0.get(&HoldReason::Blacklist).is_some_and(|hold| hold.active)
}

/// A blacklisted unit gets no new names (R56).
pub(super) fn check_unit(unit: &Unit) -> Result<(), Refusal> {
    if !is_blacklisted(unit) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::UnitBlacklisted,
        format!("The unit {} is blacklisted and gets no new names; its listing has to be lifted first.", unit.id),
        format!("单位 {} 已被列入黑名单，不能注册新域名，须先解除。", unit.id),
    ))
}

/// That nobody holds the name or has a claim on it, the application `own` apart.
pub(super) fn check_free(
    case: &Case<'_>,
    name: &NameKey,
    unit: &Unit,
    own: Option<ApplicationId>,
) -> Result<(), Refusal> {
    if let Some(registered) = case.state.name(name)? {
        names::check_holder(&registered, &unit.id)?;
        let shown = name.to_unicode();
        return Err(Refusal::new(
            Code::NameRegistered,
            format!("The unit holds {shown} already; leave it out, or renew it."),
            format!("该单位已持有 {shown}，请去掉该项，或办理续费。"),
        ));
    }
    names::check_unclaimed(case, name, own)
}

/// The slots, in the order of their kinds, if they are as R8 wants them.
fn slots(case: &Case<'_>, spec: &ApplicationSpec) -> Result<Vec<Slot>, Refusal> {
    let given = &spec.slots;
    if given.len() > SLOTS_MAX {
        return Err(Refusal::new(
            Code::SlotsTooMany,
            format!("An application has at most {SLOTS_MAX} names; leave out the less important ones."),
            format!("每份申请最多 {SLOTS_MAX} 个域名，请去掉次要的名称。"),
        )
        .at("slots"));
    }
    let mut slots = Vec::with_capacity(given.len());
    let (mut kinds, mut bundles) = (BTreeSet::new(), BTreeSet::new());
    for (index, slot) in given.iter().enumerate() {
        let slot = one_slot(index, slot)?;
        if !kinds.insert(slot.kind) {
            return Err(Refusal::new(
                Code::SlotRepeated,
                format!("Slot {} is given twice; each kind of name has one slot, take one of them out.", slot.kind),
                format!("第 {} 项重复，每类名称只能填写一项，请去掉多余的一项。", slot.kind),
            )
            .at(format!("slots[{index}].kind")));
        }
        if !bundles.insert(names::bundle(case, &slot.name)) {
            return Err(Refusal::new(
                Code::SlotBundleRepeated,
                format!(
                    "{} is given twice, or a variant of it is; one slot covers all variants, take the other out.",
                    slot.name.to_unicode()
                ),
                format!("{} 或其变体重复，一项即包含其全部变体，请去掉多余的一项。", slot.name.to_unicode()),
            )
            .at(format!("slots[{index}].name")));
        }
        slots.push(slot);
    }
    slots.sort_by_key(|slot| slot.kind);
    for (kind, code, en, zh) in [
        (1, Code::Slot1Required, "the unit's full name", "单位全称"),
        (2, Code::Slot2Required, "its short name", "规范简称"),
    ] {
        if !kinds.contains(&kind) {
            return Err(Refusal::new(
                code,
                format!("Slot {kind}, {en}, is required; add it with its term."),
                format!("第 {kind} 项（{zh}）必填，请补充名称和年限。"),
            )
            .at("slots"));
        }
    }
    Ok(slots)
}

fn one_slot(index: usize, slot: &SlotSpec) -> Result<Slot, Refusal> {
    names::check_kind(slot.kind).map_err(|refusal| refusal.at(format!("slots[{index}].kind")))?;
    let field = format!("slots[{index}].years");
    let Some(years) = slot.years else {
        return Err(Refusal::new(
            Code::SlotTermRequired,
            "Each name needs its term; give years, 2 to 10.",
            "每个域名都须填写年限 years（2 至 10 年）。",
        )
        .at(field));
    };
    names::check_years(years).map_err(|refusal| refusal.at(field))?;
    Ok(Slot { kind: slot.kind, name: slot.name.clone(), years, traditional: None })
}

/// The papers in the order of their ids, each once.
pub(super) fn papers(given: &[Paper]) -> Result<Vec<Paper>, Refusal> {
    let mut papers = given.to_vec();
    papers.sort();
    if papers.len() > PAPERS_MAX {
        return Err(papers_refused(
            format!("There are {} papers, and at most {PAPERS_MAX} are taken; shorten the list.", papers.len()),
            format!("材料共 {} 份，最多 {PAPERS_MAX} 份，请精简。", papers.len()),
        ));
    }
    if let Some(pair) = papers.windows(2).find(|pair| pair[0].paper == pair[1].paper) {
        let paper = &pair[0].paper;
        return Err(papers_refused(
            format!("The paper {paper} is in the list twice; give each once."),
            format!("材料 {paper} 在列表中重复，每份只能填写一次。"),
        ));
    }
    let fits = |paper: &Paper| is_text(&paper.paper, PAPER_LEN_MAX) && is_text(&paper.scan, PAPER_LEN_MAX);
    if let Some(index) = given.iter().position(|paper| !fits(paper)) {
        return Err(papers_refused(
            format!(
                "papers[{index}] is not a paper with its id and that of its scan, each of 1 to {PAPER_LEN_MAX} visible octets; correct it."
            ),
            format!(
                "papers[{index}] 须填写材料编号和扫描件编号，各不超过 {PAPER_LEN_MAX} 个字节，且不含不可见字符，请更正。"
            ),
        ));
    }
    Ok(papers)
}

/// That none of the papers of a check-list is missing (R20); all that are are named.
pub(super) fn check_papers(wanted: &[Box<str>], is_there: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    let missing: Vec<&str> = wanted.iter().map(|paper| &**paper).filter(|paper| !is_there(paper)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(papers_refused(
        format!(
            "Of the check-list these papers are missing: {}; tick each with the id of its scan.",
            missing.join(", ")
        ),
        format!("清单中缺少材料：{}，请逐项勾选并填写扫描件编号。", missing.join("、")),
    ))
}

fn papers_refused(en: String, zh: String) -> Refusal {
    Refusal::new(Code::PapersIncomplete, en, zh).at("papers")
}

/// What a reviewer has to say of a name that was seen and is right: that it has nothing of the unit's name (R7), or looks like
/// a name of another unit.
fn check_seen(case: &Case<'_>, application: &Application, unit: &Unit) -> Result<(), Refusal> {
    for slot in &application.slots {
        if let Some(warning) = labels::to_confirm(case, &slot.name, unit)? {
            let (shown, en, zh) = (slot.name.to_unicode(), warning.en, warning.zh);
            return Err(Refusal::new(
                Code::ConfirmationRequired,
                format!("{shown}: {en} Approve with confirm, or reject it."),
                format!("{shown}：{zh}如确认无误，请在通过时填写 confirm，否则请驳回。"),
            )
            .at("confirm"));
        }
    }
    Ok(())
}

/// Submitter and approvers are all different principals (R17).
fn check_not_involved(case: &Case<'_>, application: &Application) -> Result<(), Refusal> {
    let own = &case.actor().principal;
    let approvals = [&application.office, &application.local];
    let approved = approvals.into_iter().flatten().any(|approval| approval.by == *own);
    if approved || application.submitter == *own { Err(changes::same_principal()) } else { Ok(()) }
}

fn check_turn(case: &Case<'_>, application: &Application, unit: &Unit, step: Step) -> Result<(), Refusal> {
    match (application.state.awaits(), step) {
        (Some(awaited), step) if awaited == step => Ok(()),
        (Some(Step::Office), _) => Err(Refusal::new(
            Code::OfficeReviewFirst,
            "The government office has not approved yet; wait for that, the reviews follow its approval.",
            "政府办公厅（室）尚未审批，须先经其同意再审核。",
        )),
        (Some(Step::Local), Step::Central) => Err(changes::local_first()),
        (Some(awaited), _) => {
            let no_office = step == Step::Office && !case.policy().review.needs_office(&unit.region);
            Err(over(application, awaited, step, no_office))
        }
        (None, _) => Err(not_pending(application)),
    }
}

/// The level has had its turn, or there is none of it where the unit is: another one decides next.
fn over(application: &Application, awaited: Step, step: Step, no_office: bool) -> Refusal {
    let (id, next, next_zh) = (application.id, awaited.as_str(), awaited.zh());
    let (why, why_zh) = if no_office {
        (
            "no government office approves in the unit's region".to_owned(),
            "该单位所在区划不设政府办公厅（室）审批".to_owned(),
        )
    } else {
        (format!("the level {} has approved already", step.as_str()), format!("{}已通过", step.zh()))
    };
    Refusal::new(
        Code::ApplicationNotPending,
        format!("Application {id} is {}: {why}, and the level {next} decides next; have its reviewer decide, with level {next}.", application.state.as_str()),
        format!("申请 {id} 的状态为{}：{why_zh}，下一步为{next_zh}，请由其审核人员办理，level 填写 {next}。", application.state.zh()),
    )
    .at("level")
}

/// The application is not in a state that takes this.
pub(super) fn not_pending(application: &Application) -> Refusal {
    let (id, state, state_zh) = (application.id, application.state.as_str(), application.state.zh());
    Refusal::new(
        Code::ApplicationNotPending,
        format!("Application {id} is {state}, and this is not done in that state; read it to see how it stands."),
        format!("申请 {id} 的状态为{state_zh}，不能进行此操作，请先查询其状态。"),
    )
}

impl Case<'_> {
    /// The application, which must be there.
    pub(super) fn application(&self, id: ApplicationId) -> Result<Application, Refusal> {
        self.state.application(id)?.ok_or_else(|| {
            Refusal::new(
                Code::ApplicationNotFound,
                format!("There is no application {id}; use the id that was answered when it was made."),
                format!("申请 {id} 不存在，请使用创建时返回的编号。"),
            )
        })
    }
}
