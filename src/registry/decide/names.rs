//! Registrations: created, edited, renewed and ended (R5, R24, R32).

use super::{Case, applications, labels, notices, orders, terms};
use crate::idn::Bundle;
use crate::registry::command::NameSpec;
use crate::registry::policy::TERM_YEARS;
use crate::registry::{
    ApplicationId, Claim, Code, Decision, Event, Guarded, HoldReason, Holds, Life, NameKey, Named as _, Refusal,
    Registration, RenewedBy, Role, Stage, Timestamp, Unit,
};
use std::sync::Arc;

/// Slots of an application (R8).
const KINDS: std::ops::RangeInclusive<u8> = 1..=7;

pub(super) fn put(case: &Case<'_>, key: &NameKey, spec: &NameSpec) -> Result<Decision, Refusal> {
    match case.state.name(key)? {
        Some(old) => edit(case, old, spec),
        None => create(case, key, spec),
    }
}

fn create(case: &Case<'_>, key: &NameKey, spec: &NameSpec) -> Result<Decision, Refusal> {
    case.check_version(None)?;
    let unit = case.unit(&spec.unit).map_err(|refusal| refusal.at("unit"))?;
    check_kind(spec.kind)?;
    applications::check_unit(&unit).map_err(|refusal| refusal.at("unit"))?;
    check_unclaimed(case, key, None).map_err(|refusal| refusal.at("name"))?;
    check_registrable(case, key, &unit).map_err(|refusal| refusal.at("name"))?;
    let variants = labels::variants(case, key, spec.variants.as_ref())?;
    let years = spec.years.filter(|years| TERM_YEARS.contains(years)).ok_or_else(term_invalid)?;
    let name = Registration {
        key: key.clone(),
        unit: spec.unit.clone(),
        registered: case.now(),
        expires: case.now().term_end(years),
        kind: spec.kind,
        primary: spec.primary,
        resolution: None,
        resolved_by: 0,
        holds: Holds::default(),
        pending: None,
        life: Life::default(),
        variants,
        version: case.seq(),
    };
    let freed = terms::take_kept(case, key)?;
    let mut decision = saved(case, name, &unit).creating(true);
    decision.events.splice(0..0, freed);
    Ok(decision)
}

fn edit(case: &Case<'_>, old: Registration, spec: &NameSpec) -> Result<Decision, Refusal> {
    check_holder(&old, &spec.unit)?;
    let unit = case.unit(&old.unit)?;
    case.check_version(Some(old.version))?;
    check_kind(spec.kind)?;
    if spec.years.is_some_and(|years| old.registered.term_end(years) != old.expires) {
        return Err(Refusal::new(
            Code::TermByRenewalOnly,
            "The name is registered for another term; leave years out, or renew the name.",
            "该域名的注册年限与此不同，请去掉 years，或通过续费延长年限。",
        )
        .at("years"));
    }
    let variants = match &spec.variants {
        Some(given) if *given != old.variants => labels::variants(case, &old.key, Some(given))?,
        _ => old.variants.clone(),
    };
    let name = Registration { kind: spec.kind, primary: spec.primary, variants, ..old.clone() };
    if name == old {
        let state = old.state(&unit).as_str();
        return Ok(case.decision(Vec::new(), old.key.to_string(), state, old.version));
    }
    let ended = variants_ended(&old, &name);
    let mut decision = saved(case, name, &unit);
    decision.events.extend(ended);
    Ok(decision)
}

/// What tells that labels of `old` are none of `new` any more.
pub(super) fn variants_ended(old: &Registration, new: &Registration) -> Option<Event> {
    let labels: Vec<_> = old.variants.iter().filter(|label| !new.variants.contains(label)).cloned().collect();
    (!labels.is_empty()).then(|| Event::VariantsEnded { key: old.key.clone(), labels })
}

pub(super) fn delete(case: &Case<'_>, key: &NameKey) -> Result<Decision, Refusal> {
    // An open order would be paid for a name that is not there, and recognised never.
    check_unclaimed(case, key, None)?;
    remove(case, key)
}

fn remove(case: &Case<'_>, key: &NameKey) -> Result<Decision, Refusal> {
    case.check_second_factor(Guarded::Deletion)?;
    let (name, unit) = case.name(key)?;
    case.check_version(Some(name.version))?;
    check_not_withheld(&name)?;
    check_deletable(case, &name, &unit)?;
    terms::check_migrated(case, &name)?;
    // Deleted by hand after its term, it has run out all the same (R37).
    let has_run_out = name.expires <= case.now();
    Ok(case.decision(terms::deleted(case, &name, has_run_out)?, key.to_string(), "deleted", name.version))
}

/// What an import's line says is gone; whoever imports is an operator.
pub(super) fn remove_imported(case: &Case<'_>, key: &NameKey) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Operator])?;
    remove(case, key)
}

/// Nobody cuts short what remains of a deletion: freed at once, the label of a blacklisted unit would be anybody's (R56).
fn check_not_withheld(name: &Registration) -> Result<(), Refusal> {
    let Some(leaving) = name.life.leaving.filter(|leaving| leaving.stage == Stage::PendingDelete) else {
        return Ok(());
    };
    let (shown, until) = (name.key.to_unicode(), leaving.until);
    Err(Refusal::new(
        Code::DeletionFinal,
        format!(
            "{shown} is being deleted already; it is gone on {until} by itself, and its label is nobody's before; wait for that."
        ),
        format!("{shown} 正在注销，将于 {until} 自动注销完毕，在此之前该名称不向任何单位开放，无需也不能手工注销。"),
    ))
}

/// A name that an authority or a penalty holds is no local office's to free: registered anew, it would be without the hold.
fn check_deletable(case: &Case<'_>, name: &Registration, unit: &Unit) -> Result<(), Refusal> {
    use HoldReason::{Blacklist, Legal, Penalty};
    let held = name.effective_hold(unit).filter(|reason| matches!(reason, Legal | Blacklist | Penalty));
    let Some(reason) = held.filter(|_| case.actor().role != Role::Operator) else { return Ok(()) };
    let shown = name.key.to_unicode();
    Err(Refusal::new(
        Code::RoleForbidden,
        format!("{shown} is held ({}); only an operator of the registry deletes it while that lasts.", reason.as_str()),
        format!("{shown} 因{}被暂停，在此期间只能由注册局操作员注销。", reason.zh()),
    ))
}

pub(super) fn renew(case: &Case<'_>, key: &NameKey, years: u32) -> Result<Decision, Refusal> {
    let (name, unit) = case.name(key)?;
    case.check_version(Some(name.version))?;
    check_unclaimed(case, key, None)?;
    let name = terms::renewed(case, name, years, RenewedBy::Operator)?;
    let missed = notices::missed(case, &name)?;
    let mut decision = saved(case, name, &unit);
    decision.events.extend(missed);
    Ok(decision)
}

/// That a term is 2 to 10 years (R24).
pub(super) fn check_years(years: u32) -> Result<(), Refusal> {
    if TERM_YEARS.contains(&years) { Ok(()) } else { Err(term_invalid()) }
}

/// What labels in conflict have in common.
pub(super) fn bundle(case: &Case<'_>, key: &NameKey) -> (Bundle, Arc<str>) {
    (case.policy().labels.bundle(&key.label), key.set.clone())
}

/// That nobody has a claim on the name, the application `own` apart.
pub(super) fn check_unclaimed(case: &Case<'_>, key: &NameKey, own: Option<ApplicationId>) -> Result<(), Refusal> {
    match case.state.claim(key)? {
        Some(claim) if own.map(Claim::Application) != Some(claim) => Err(orders::claimed(key, claim)),
        _ => Ok(()),
    }
}

/// The name's new image, and its state, as a decision.
pub(super) fn saved(case: &Case<'_>, name: Registration, unit: &Unit) -> Decision {
    let name = Registration { version: case.seq(), ..name };
    let (id, state) = (name.key.to_string(), name.state(unit).as_str());
    case.decision(vec![Event::Name(name)], id, state, 0)
}

/// Whether the unit may register this label under this suffix, and the label is free of the registry's own uses.
pub(super) fn check_registrable(case: &Case<'_>, key: &NameKey, unit: &Unit) -> Result<(), Refusal> {
    labels::check(case, key, Some(unit))?;
    terms::check_kept(case, key, &unit.id)
}

/// A name stays with its unit (R5).
pub(super) fn check_holder(name: &Registration, unit: &crate::registry::UnitId) -> Result<(), Refusal> {
    if name.unit == *unit {
        return Ok(());
    }
    let shown = name.key.to_unicode();
    Err(Refusal::new(
        Code::NameOfOtherUnit,
        format!("{shown} belongs to another unit and cannot be handed over; its holder has to give it up first."),
        format!("{shown} 已由其他单位注册，不得转让，须由原单位先行注销。"),
    )
    .at("unit"))
}

pub(super) fn check_kind(kind: u8) -> Result<(), Refusal> {
    if KINDS.contains(&kind) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::KindInvalid,
        "The kind is the slot of the application, 1 to 7 (1 full name, 2 short name, …); give one of them.",
        "名称类别 kind 须为 1 至 7（1 为单位全称，2 为规范简称等），请更正。",
    )
    .at("kind"))
}

/// No more than ten years may remain (R24).
pub(super) fn check_remaining(case: &Case<'_>, expires: Timestamp) -> Result<(), Refusal> {
    let years_max = *TERM_YEARS.end();
    if expires <= case.now().term_end(years_max) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::TermInvalid,
        format!("More than {years_max} years of the term would remain; choose fewer years or renew later."),
        format!("剩余年限将超过 {years_max} 年，请减少年数或稍后再续费。"),
    )
    .at("years"))
}

pub(super) fn term_invalid() -> Refusal {
    let (min, max) = (TERM_YEARS.start(), TERM_YEARS.end());
    Refusal::new(
        Code::TermInvalid,
        format!("A term is {min} to {max} whole years; give years in that range."),
        format!("年限须为 {min} 至 {max} 年的整数，请填写此范围内的 years。"),
    )
    .at("years")
}
