//! The one function that turns a command into events or a refusal; one file per theme.

mod addresses;
mod applications;
mod brake;
mod changes;
mod draft;
mod due;
mod forms;
mod hold_list;
mod holder;
mod holds;
mod import;
mod import_filings;
mod labels;
mod names;
mod notices;
mod orders;
mod penalties;
mod remittances;
mod resolutions;
mod servers;
mod site_review;
mod standing;
mod targets;
mod terms;
mod units;

pub use changes::check_reason;
pub use hold_list::HOLD_LIST_MAX;
pub use import::IMPORT_BATCH_MAX;
pub use labels::{Appraisal, Warning, appraise, is_related, publisher_of};

use super::brake::Suspension;
use super::change::Change;
use super::command::{Actor, Role};
use super::ids::ChangeId;
use super::name::{NameKey, Registration};
use super::procedure::{ApplicationCommand, OrderCommand, SiteReviewCommand};
use super::time::Timestamp;
use super::unit::{Region, Unit, UnitId};
use super::{Code, Command, Context, Decision, Event, Guarded, Named as _, Outcome, Policy, Refusal, Refusals, State};

/// Decides what `command` does to `state`.
///
/// # Errors
/// [`Refusals`] name the first rule the command breaks, or the first that each line of an import breaks; nothing has
/// changed then.
pub fn decide(state: &dyn State, context: &Context<'_>, command: &Command) -> Result<Decision, Refusals> {
    let case = Case { state, context };
    let decision = effect(&case, command)?;
    Ok(brake::weigh(&case, command, decision)?)
}

/// What `command` would do to `state` if the brake let everything through, and what it would suspend.
///
/// # Errors
/// As [`decide`].
pub fn rehearse(
    state: &dyn State,
    context: &Context<'_>,
    command: &Command,
) -> Result<(Decision, Vec<Suspension>), Refusals> {
    let case = Case { state, context };
    let decision = effect(&case, command)?;
    let suspensions = brake::suspensions(&case, &decision.events)?;
    Ok((decision, suspensions))
}

/// What the command does, before the brake has weighed it.
fn effect(case: &Case<'_>, command: &Command) -> Result<Decision, Refusals> {
    let decision = match command {
        Command::PutUnit { id, spec } => units::put(case, id, spec),
        Command::ReportContacts { unit, changed } => units::report_contacts(case, unit, *changed),
        Command::PutName { key, spec } => names::put(case, key, spec),
        Command::DeleteName { key } => names::delete(case, key),
        Command::RemoveImported { key } => names::remove_imported(case, key),
        Command::ChangeHolder { key, unit, consent } => holder::change(case, key, unit, consent.as_deref()),
        Command::Renew { key, years } => names::renew(case, key, *years),
        Command::RenewAll { keys, years } => orders::renew_all(case, keys, *years),
        Command::Apply(command) => apply(case, command),
        Command::Charge(command) => charge(case, command),
        Command::ReviewSite { unit, command } => review_site(case, unit, command),
        Command::Submit { name, resolution, asserted } => changes::submit(case, name, resolution, asserted),
        Command::Review { change, level, verdict } => changes::review(case, *change, *level, verdict),
        Command::Withdraw { change } => changes::withdraw(case, *change),
        Command::PlaceHold { target, reason, spec } => holds::place(case, target, *reason, spec),
        Command::Penalise { unit, step, spec } => penalties::impose(case, unit, *step, spec),
        Command::LiftHold { target, reason } => holds::lift(case, target, *reason),
        Command::HoldList { items } => return hold_list::apply(case, items),
        Command::Import { items } => return import::import(case, items),
        Command::Due { limit } => due::due(case, *limit),
        Command::Notify { limit } => notices::notify(case, *limit),
        Command::Unfreeze { key } => terms::unfreeze(case, key),
        Command::Migrate { key, notice } => terms::migrate(case, key, *notice),
        Command::ReleaseBrake { reason, names } => brake::release(case, reason, *names),
        Command::ClockJumped { shown } => brake::note_clock(case, Some(*shown)),
        Command::ClockBack => brake::note_clock(case, None),
        Command::LoadZones { digests } => load_zones(case, digests),
    };
    Ok(decision?)
}

fn apply(case: &Case<'_>, command: &ApplicationCommand) -> Result<Decision, Refusal> {
    use ApplicationCommand as C;
    match command {
        C::Create { unit, spec, submit } => applications::create(case, unit, spec, *submit),
        C::Edit { application, spec } => applications::edit(case, *application, spec),
        C::Submit { application } => applications::submit(case, *application),
        C::Review { application, step, verdict, papers, forms, confirm } => {
            applications::review(case, *application, (*step, verdict), papers, forms, *confirm)
        }
        C::Withdraw { application } => applications::withdraw(case, *application),
    }
}

fn review_site(case: &Case<'_>, unit: &UnitId, command: &SiteReviewCommand) -> Result<Decision, Refusal> {
    use SiteReviewCommand as C;
    match command {
        C::Open { kind, deadline } => site_review::open(case, unit, *kind, *deadline),
        C::Postpone { deadline, reason } => site_review::postpone(case, unit, *deadline, reason),
        C::Submit { name } => site_review::submit(case, unit, name),
        C::Decide { step, verdict, papers } => site_review::decide(case, unit, *step, verdict, papers),
        C::Cancel => site_review::cancel(case, unit),
    }
}

fn charge(case: &Case<'_>, command: &OrderCommand) -> Result<Decision, Refusal> {
    use OrderCommand as C;
    match command {
        C::Renewal { unit, names, years } => orders::renewal(case, unit, names, *years),
        C::ChangeYears { order, years } => orders::change_years(case, *order, years),
        C::Confirm { order, invoice, payer, voucher } => {
            orders::confirm(case, *order, invoice, *payer, voucher.as_deref())
        }
        C::Withdraw { order } => orders::withdraw(case, *order),
        C::Refund { order, reason } => orders::refund(case, *order, reason),
        C::Remit { orders, amount } => remittances::remit(case, orders, *amount),
        C::Recognise { remittance, amount } => remittances::recognise(case, *remittance, *amount),
        C::TakeBack { remittance } => remittances::take_back(case, *remittance),
    }
}

/// What one decision is made on.
struct Case<'a> {
    state: &'a dyn State,
    context: &'a Context<'a>,
}

impl Case<'_> {
    fn policy(&self) -> &Policy {
        self.context.policy
    }

    fn actor(&self) -> &Actor {
        self.context.actor
    }

    fn now(&self) -> Timestamp {
        self.context.now
    }

    fn seq(&self) -> u64 {
        self.context.seq
    }

    /// The unit, which must be there and within the actor's reach.
    fn unit(&self, id: &UnitId) -> Result<Unit, Refusal> {
        let unit = self.state.unit(id)?.ok_or_else(|| {
            Refusal::new(
                Code::UnitNotFound,
                format!("There is no unit {id}; check the id, or put the unit first."),
                format!("单位 {id} 不存在，请核对编号或先登记该单位。"),
            )
        })?;
        self.check_region(&unit.region)?;
        Ok(unit)
    }

    /// The registration, which must be there, with its unit, which must be within the actor's reach.
    fn name(&self, key: &NameKey) -> Result<(Registration, Unit), Refusal> {
        let name = self.state.name(key)?.ok_or_else(|| {
            let shown = key.to_unicode();
            Refusal::new(
                Code::NameNotFound,
                format!("{shown} is not registered; check the spelling, or register it first."),
                format!("{shown} 尚未注册，请核对写法或先注册。"),
            )
        })?;
        let unit = self.unit(&name.unit)?;
        Ok((name, unit))
    }

    /// The change, which must be there.
    fn change(&self, id: ChangeId) -> Result<Change, Refusal> {
        self.state.change(id)?.ok_or_else(|| {
            Refusal::new(
                Code::ChangeNotFound,
                format!("There is no change {id}; use the id that its submission answered."),
                format!("变更 {id} 不存在，请使用提交时返回的编号。"),
            )
        })
    }

    /// Holds the object's version against the one the client saw (`If-Match`).
    fn check_version(&self, current: Option<u64>) -> Result<(), Refusal> {
        if self.context.if_match.is_none_or(|seen| Some(seen) == current) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::VersionStale,
            "The object has changed since the version in If-Match; read it again and repeat with its new ETag.",
            "该对象已被修改，与 If-Match 中的版本不符，请重新读取后用新的 ETag 重试。",
        ))
    }

    /// Whether the actor may act on units of this region.
    fn check_region(&self, region: &Region) -> Result<(), Refusal> {
        if self.actor().region.as_ref().is_none_or(|own| own.contains(region)) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::RegionForeign,
            format!("The unit belongs to region {region}, outside yours; have whoever acts for that region do this."),
            format!("该单位属于区划 {region}，不在您的管辖范围内，请由该区划的人员办理。"),
        ))
    }

    /// Whether the actor has one of `roles`.
    fn check_role(&self, roles: &[Role]) -> Result<(), Refusal> {
        if roles.contains(&self.actor().role) {
            return Ok(());
        }
        let own = self.actor().role;
        let needed = roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" / ");
        let needed_zh = roles.iter().map(|role| role.zh()).collect::<Vec<_>>().join("或");
        Err(Refusal::new(
            Code::RoleForbidden,
            format!("The role {} may not do this; it takes {needed}, have one of them do it.", own.as_str()),
            format!("{}无权执行此操作，请由{needed_zh}办理。", own.zh()),
        ))
    }

    /// That a second factor confirmed the request, if the settings ask for one here (R60). The clock needs none.
    fn check_second_factor(&self, guarded: Guarded) -> Result<(), Refusal> {
        let asked = self.policy().second_factor.contains(&guarded) && self.actor().role != Role::System;
        if self.context.confirmed || !asked {
            return Ok(());
        }
        let (name, zh) = (guarded.as_str(), guarded.zh());
        Err(Refusal::new(
            Code::SecondFactorRequired,
            format!(
                "This takes a second factor ({name}): repeat it with the current code of the token's authenticator in the header X-Second-Factor."
            ),
            format!("该操作（{zh}）需要二次验证，请在 X-Second-Factor 头中附上令牌对应的当前动态口令后重试。"),
        ))
    }

    /// The decision that brings `events` about the object `id`, now in `state`. Without events nothing changes, and the
    /// object keeps the version it has.
    fn decision(&self, events: Vec<Event>, id: impl Into<Box<str>>, state: &str, kept: u64) -> Decision {
        let version = if events.is_empty() { kept } else { self.seq() };
        let outcome = Outcome { id: id.into(), state: state.into(), version, created: false };
        Decision { events, outcome, stopped: None }
    }
}

impl Decision {
    /// The same, if `created`, of an object that was not there before.
    fn creating(mut self, created: bool) -> Self {
        self.outcome.created = created;
        self
    }
}

/// Whether `text` says something a person can read: not blank, no control characters, at most `len_max` octets.
fn is_text(text: &str, len_max: usize) -> bool {
    text.len() <= len_max && !text.trim().is_empty() && !text.chars().any(is_invisible)
}

/// Characters that show as nothing or turn the text around them (Unicode Default_Ignorable_Code_Point, Bidi_Control, line and
/// paragraph separators, annotations): a reviewer must see what is stored.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

fn load_zones(case: &Case<'_>, digests: &[(Box<str>, [u8; 32])]) -> Result<Decision, Refusal> {
    case.check_role(&[Role::System, Role::Operator])?;
    let events =
        digests.iter().map(|(apex, digest)| Event::ZoneLoaded { apex: apex.clone(), digest: *digest }).collect();
    Ok(case.decision(events, "zones", "loaded", 0))
}
