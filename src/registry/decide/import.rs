//! Imports: a batch of units and names taken over from elsewhere, whole or not at all.
//!
//! A line creates what is not there and brings what is there up to it. It takes nothing away: holds that are not in the
//! line stay, a resolution that is not in the line stays, a term that ends later than the line says refuses the line. So
//! an old file can be imported again without undoing what was decided since. A term that ends later than the one that is
//! there renews the name, where a renewal still could.

use super::draft::Draft;
use super::{
    Case, applications, changes, due, holds, import_filings, is_text, labels, names, notices, penalties, resolutions,
    site_review, standing, terms, units,
};
use crate::registry::change::REVIEWER_LEN_MAX;
use crate::registry::command::{ImportBasis, ImportItem, ImportName, UnitSpec};
use crate::registry::life::Unfreeze;
use crate::registry::state::Unavailable;
use crate::registry::{
    Account, Code, Context, Decision, Event, Guarded, Hold, HoldReason, Holds, Life, NameKey, Penalties, PenaltyStep,
    Refusal, Refusals, Registration, Reservation, Role, SiteReview, Stage, State as _, Timestamp, Unit, UnitId,
};
use std::collections::BTreeSet;

/// Most lines of one batch: it is one line of the journal and one publication.
pub const IMPORT_BATCH_MAX: usize = 1000;

pub(super) fn import(case: &Case<'_>, items: &[(usize, ImportItem)]) -> Result<Decision, Refusals> {
    case.check_role(&[Role::Operator])?;
    if items.len() > IMPORT_BATCH_MAX {
        return Err(Refusal::new(
            Code::BatchTooLarge,
            format!("A batch has at most {IMPORT_BATCH_MAX} lines; send the rest in further batches."),
            format!("每批最多 {IMPORT_BATCH_MAX} 行，其余请分批提交。"),
        )
        .into());
    }
    let mut draft = Draft::new(case.state);
    let mut refusals = Vec::new();
    for (line, item) in items {
        match image(&draft, case.context, item) {
            Ok(Some(Image::Unit(unit))) => put_unit(&mut draft, case.context, unit)?,
            Ok(Some(Image::Name(name))) => draft.put_name(*name),
            Ok(Some(Image::Kept(kept))) => drop(draft.kept.insert(kept.key.clone(), kept)),
            Ok(Some(Image::Filing(event))) => draft.put_filing(&event).map_err(Refusals::from)?,
            Ok(None) => {}
            Err(refusal) => refusals.push(refusal.on_line(*line)),
        }
    }
    if let Some(refusals) = Refusals::of(refusals) {
        return Err(refusals);
    }
    let told = beside(case, &draft)?;
    let package = |key: &NameKey| names::bundle(case, key);
    let named: BTreeSet<_> =
        if draft.kept.is_empty() { BTreeSet::new() } else { draft.names.keys().map(package).collect() };
    let units = draft.units.into_values().map(Event::Unit);
    let mut events: Vec<Event> = units.collect();
    for name in draft.names.into_values() {
        let old = case.state.name(&name.key).map_err(Refusals::from)?;
        let ended = old.and_then(|old| names::variants_ended(&old, &name));
        events.push(Event::Name(name));
        events.extend(ended);
    }
    // A label that is registered after all is not kept, nor is a variant of it.
    let kept = draft.kept.into_values().filter(|kept| !named.contains(&package(&kept.key)));
    events.extend(kept.map(Event::Reserved));
    events.extend(told);
    events.extend(draft.filings.into_events());
    let created = !events.is_empty();
    Ok(case.decision(events, "import", "applied", 0).creating(created))
}

/// Puts a unit on top, with what follows from it for its applications and orders.
fn put_unit(draft: &mut Draft<'_>, context: &Context<'_>, unit: Unit) -> Result<(), Unavailable> {
    if let Some(old) = draft.unit(&unit.id)? {
        for event in standing::follow(&Case { state: draft, context }, &old, &unit)? {
            draft.put_filing(&event)?;
        }
    }
    draft.put_unit(unit);
    Ok(())
}

/// What the names of the batch bring beside their images: kept labels that are taken, notices that would be missed.
fn beside(case: &Case<'_>, draft: &Draft<'_>) -> Result<Vec<Event>, Unavailable> {
    let mut events = Vec::new();
    for name in draft.names.values() {
        let old = draft.base.name(&name.key)?;
        if old.is_none() {
            events.extend(terms::take_kept(case, &name.key)?);
        }
        if old.is_none_or(|old| old.expires != name.expires) {
            events.extend(notices::missed(case, name)?);
        }
    }
    Ok(events)
}

/// The new image of one object.
enum Image {
    Unit(Unit),
    Name(Box<Registration>),
    Kept(Reservation),
    Filing(Box<Event>),
}

/// What one line makes of its object; nothing if it says what is there already.
fn image(draft: &Draft<'_>, context: &Context<'_>, item: &ImportItem) -> Result<Option<Image>, Refusal> {
    // If-Match names one object; a batch has many.
    let context = Context { if_match: None, ..*context };
    let case = Case { state: draft, context: &context };
    let within = |object: &'static str| move |refusal: Refusal| refusal.within(object);
    match item {
        ImportItem::Unit { id, spec, holds, penalties, site_review, account } => {
            unit_image(&case, (id, spec), (holds, penalties, site_review.as_deref()), *account).map_err(within("unit"))
        }
        ImportItem::Name(name) => name_image(&case, name).map_err(within("name")),
        ImportItem::Kept(kept) => kept_image(&case, kept).map_err(within("kept")),
        ImportItem::Application(line) => Ok(filing(import_filings::application(&case, line)?.map(Event::Application))),
        ImportItem::Order(line) => Ok(filing(import_filings::order(&case, line)?.map(Event::Order))),
        ImportItem::Remittance(line) => Ok(filing(import_filings::remittance(&case, line)?.map(Event::Remittance))),
    }
}

fn filing(event: Option<Event>) -> Option<Image> {
    event.map(|event| Image::Filing(Box::new(event)))
}

/// A label that is kept, if nobody has it or a variant of it, and it still is.
fn kept_image(case: &Case<'_>, kept: &Reservation) -> Result<Option<Image>, Refusal> {
    case.unit(&kept.unit).map_err(|refusal| refusal.at("unit"))?;
    terms::check_kept(case, &kept.key, &kept.unit).map_err(|refusal| refusal.at("name"))?;
    let is_over = kept.until <= case.now() || !labels::package(case, &kept.key)?.is_empty();
    let is_known = case.state.reservation(&kept.key)?.is_some_and(|known| known.until >= kept.until);
    Ok((!is_over && !is_known).then(|| Image::Kept(kept.clone())))
}

fn unit_image(
    case: &Case<'_>,
    (id, spec): (&UnitId, &UnitSpec),
    (holds, penalties, review): (&Holds, &Penalties, Option<&SiteReview>),
    account: Option<Account>,
) -> Result<Option<Image>, Refusal> {
    let old = case.state.unit(id)?;
    let mut unit = units::image(case, id, spec, old.as_ref(), account)?;
    if holds.0.contains_key(&HoldReason::Expired) {
        return Err(holds::by_clock_only().at("holds"));
    }
    merge_holds(case, &mut unit.holds, &site_review::still_due(unit.site_review.as_deref(), review, holds))?;
    check_second_factor(case, true, old.as_ref().map(|old| &old.holds), &unit.holds)?;
    unit.penalties = penalties::merged(case, unit.penalties, penalties)?;
    unit.site_review = site_review::merged(case, unit.site_review, review)?;
    Ok((old.as_ref() != Some(&unit)).then(|| Image::Unit(units::at_version(unit, case.seq()))))
}

fn name_image(case: &Case<'_>, line: &ImportName) -> Result<Option<Image>, Refusal> {
    let unit = case.unit(&line.unit).map_err(|refusal| refusal.at("unit"))?;
    let old = case.state.name(&line.key)?;
    // What is taken over comes with its holds, as an export has it; nothing else is new for a blacklisted unit (R56).
    let is_new = match &old {
        None => line.basis != ImportBasis::Migration,
        Some(old) => old.resolution.is_none() && line.resolution.is_some(),
    };
    if is_new {
        applications::check_unit(&unit).map_err(|refusal| refusal.at("unit"))?;
    }
    names::check_kind(line.kind)?;
    match &old {
        Some(old) => names::check_holder(old, &line.unit)?,
        None => {
            names::check_unclaimed(case, &line.key, None).map_err(|refusal| refusal.at("name"))?;
            names::check_registrable(case, &line.key, &unit).map_err(|refusal| refusal.at("name"))?;
        }
    }
    let expires = line.expires.end_of_day();
    check_term(case, line.registered, expires, old.as_ref())?;
    let mut name = Registration {
        key: line.key.clone(),
        unit: line.unit.clone(),
        registered: line.registered,
        expires,
        kind: line.kind,
        primary: line.primary,
        resolution: old.as_ref().and_then(|old| old.resolution.clone()),
        resolved_by: old.as_ref().map_or(0, |old| old.resolved_by),
        holds: old.as_ref().map(|old| old.holds.clone()).unwrap_or_default(),
        pending: old.as_ref().and_then(|old| old.pending),
        life: old.as_ref().map(|old| old.life).unwrap_or_default(),
        variants: old.as_ref().map(|old| old.variants.clone()).unwrap_or_default(),
        version: old.as_ref().map_or(0, |old| old.version),
    };
    if let Some(given) = line.variants.as_ref().filter(|given| **given != name.variants) {
        name.variants = labels::variants(case, &line.key, Some(given))?;
    }
    take_resolution(case, line, old.as_ref(), &mut name)?;
    let frozen = is_frozen(case, line, expires)?;
    merge_holds(case, &mut name.holds, &line.holds)?;
    check_second_factor(case, false, old.as_ref().map(|old| &old.holds), &name.holds)?;
    if !stays_frozen(case, frozen, old.as_ref(), &name) {
        terms::settle_term(case, &mut name);
    }
    take_life(&line.life, old.as_ref(), &unit, &mut name)?;
    let changed = old.as_ref() != Some(&name);
    Ok(changed.then(|| Image::Name(Box::new(Registration { version: case.seq(), ..name }))))
}

/// Whether the line has EXPIRED on a term that lasts, as the clock has put it: renewed, the name waits for the request to
/// unfreeze it (R35). Of anybody else's it is refused.
fn is_frozen(case: &Case<'_>, line: &ImportName, expires: Timestamp) -> Result<bool, Refusal> {
    let Some(hold) = line.holds.0.get(&HoldReason::Expired).filter(|_| expires > case.now()) else { return Ok(false) };
    let waits = case.policy().terms.profile(&line.key.set).unfreeze != Unfreeze::Never;
    if waits && due::is_by_term(hold) && hold.start <= case.now() && hold.end.is_none() {
        return Ok(true);
    }
    Err(holds::by_clock_only().at("holds"))
}

/// Whether EXPIRED stays although the term lasts: on a name that comes in so, and on one that is so and is not renewed by
/// the line. Once it is off a name here, an old line does not bring it back.
fn stays_frozen(case: &Case<'_>, frozen: bool, old: Option<&Registration>, new: &Registration) -> bool {
    let Some(old) = old else { return frozen };
    let was = old.holds.0.contains_key(&HoldReason::Expired);
    was && new.expires > case.now() && (frozen || old.expires == new.expires)
}

/// Takes over how far the name is in its life; what it has and the line does not say stays.
fn take_life(line: &Life, old: Option<&Registration>, unit: &Unit, name: &mut Registration) -> Result<(), Refusal> {
    name.life.migration = line.migration.or(name.life.migration);
    let has_ended = name.holds.0.contains_key(&HoldReason::Expired);
    if has_ended {
        name.life.unfreeze = line.unfreeze.or(name.life.unfreeze);
    }
    // Names of blacklisted units are withheld within their term (R56), and nothing restores them.
    let in_term = old.filter(|old| !old.holds.0.contains_key(&HoldReason::Expired));
    name.life.leaving = name.life.leaving.or(in_term.and_then(|old| old.life.leaving));
    let Some(leaving) = line.leaving.filter(|_| name.life.leaving.is_none()) else { return Ok(()) };
    let was_deleted = unit.penalties.0.iter().any(|penalty| penalty.step == PenaltyStep::Deletion);
    let is_withheld =
        leaving.stage == Stage::PendingDelete && (was_deleted || unit.holds.0.contains_key(&HoldReason::Blacklist));
    if !has_ended && !is_withheld {
        return Err(Refusal::new(
            Code::TermInvalid,
            "A name is on its way to deletion once its term has ended, or its unit is blacklisted; correct expires or leaving.",
            "域名到期或其单位列入黑名单后方可进入注销流程，请更正 expires 或 leaving。",
        )
        .at("leaving"));
    }
    name.life.leaving = Some(leaving);
    Ok(())
}

/// What a line changes of the holds takes the same second factor as one hold at a time would, placed or lifted.
fn check_second_factor(case: &Case<'_>, of_unit: bool, old: Option<&Holds>, new: &Holds) -> Result<(), Refusal> {
    let placed = new.0.iter().filter(|(reason, hold)| old.is_none_or(|old| old.0.get(reason) != Some(hold)));
    let runs_on = |hold: &Hold| hold.end.is_none_or(|end| end > case.now());
    let before = old.into_iter().flat_map(|old| &old.0);
    let lifted = before.filter(|(reason, hold)| runs_on(hold) && !new.0.contains_key(reason));
    placed.chain(lifted).try_for_each(|(reason, _)| holds::check_second_factor(case, of_unit, *reason))
}

fn take_resolution(
    case: &Case<'_>,
    line: &ImportName,
    old: Option<&Registration>,
    name: &mut Registration,
) -> Result<(), Refusal> {
    let Some(resolution) = &line.resolution else { return Ok(()) };
    if let ImportBasis::Approvals(asserted) = &line.basis {
        changes::check_asserted(asserted, &case.actor().principal)?;
    }
    let resolution = Some(resolutions::check(case, &line.key, resolution)?);
    if name.resolution != resolution {
        case.check_second_factor(Guarded::DnsChange)?;
        old.map_or(Ok(()), |old| terms::check_restorable(case, old)).map_err(|refusal| refusal.at("resolution"))?;
        (name.resolution, name.resolved_by) = (resolution, case.seq());
    }
    Ok(())
}

fn check_term(
    case: &Case<'_>,
    registered: Timestamp,
    expires: Timestamp,
    old: Option<&Registration>,
) -> Result<(), Refusal> {
    if registered > case.now() || registered >= expires {
        return Err(Refusal::new(
            Code::TermInvalid,
            "The term must begin before now and before its end; correct registered or expires.",
            "注册时间须早于现在，也须早于到期时间，请更正 registered 或 expires。",
        )
        .at("registered"));
    }
    if old.is_some_and(|old| old.expires > expires) {
        return Err(Refusal::new(
            Code::TermByRenewalOnly,
            "The registered term ends later than the line says, so the line is out of date; export the name anew.",
            "现有注册的到期时间晚于该行所列，说明该行已过时，请重新导出。",
        )
        .at("expires"));
    }
    if let Some(old) = old.filter(|old| old.expires < expires) {
        // A later term is a renewal, and takes what a renewal takes: past its final notice, a name is only waited for (R36).
        terms::check_restorable(case, old).map_err(|refusal| refusal.at("expires"))?;
    }
    names::check_remaining(case, expires).map_err(|refusal| refusal.at("expires"))
}

/// Puts the line's holds that have not ended beside those already there; of the same reason the line's stays. One that has
/// ended takes nothing away but the hold whose end it tells: whatever was placed since stands.
fn merge_holds(case: &Case<'_>, holds: &mut Holds, lines: &Holds) -> Result<(), Refusal> {
    let now = case.now();
    for (reason, hold) in &lines.0 {
        let by = if hold.by.is_empty() { case.actor().principal.clone() } else { hold.by.clone() };
        let hold = Hold { active: hold.start <= now, by, ..hold.clone() };
        if *reason != HoldReason::Expired {
            check_hold(*reason, &hold).map_err(|refusal| Refusal { field: Some("holds".into()), ..refusal })?;
        }
        if hold.end.is_none_or(|end| end > now) {
            holds.0.insert(*reason, hold);
        } else if holds.0.get(reason).is_some_and(|own| hold.tells_end_of(own)) {
            holds.0.remove(reason);
        }
    }
    due::settle_holds(holds, now, false);
    Ok(())
}

/// What a hold must be, and that it says in words that a person can read who placed it.
fn check_hold(reason: HoldReason, hold: &Hold) -> Result<(), Refusal> {
    holds::check(reason, hold)?;
    if is_text(&hold.by, REVIEWER_LEN_MAX) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::HoldInvalid,
        format!("Who placed the hold is told by an id, text of at most {REVIEWER_LEN_MAX} octets; correct it."),
        format!("暂停的设置人 by 应为编号，不超过 {REVIEWER_LEN_MAX} 个字节，请更正。"),
    ))
}
