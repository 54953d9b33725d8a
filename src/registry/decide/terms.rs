//! Terms: renewal, the request to unfreeze, the way to deletion, and the label kept afterwards (R32, R35–R37, R54).

use super::{Case, due, names};
use crate::registry::life::{MIGRATION_MONTHS, Unfreeze};
use crate::registry::policy::TERM_YEARS;
use crate::registry::state::Unavailable;
use crate::registry::{
    Change, ChangeState, Code, Decision, Event, HoldReason, Leaving, Life, NameKey, Notice, NoticeKind, Refusal,
    Registration, RenewedBy, Reservation, Role, Stage, Timestamp, UnitId,
};

/// Extends a name's term from its old end, and restores the name if that is all it takes.
pub(super) fn renewed(
    case: &Case<'_>,
    mut name: Registration,
    years: u32,
    by: RenewedBy,
) -> Result<Registration, Refusal> {
    if !TERM_YEARS.contains(&years) {
        return Err(names::term_invalid());
    }
    check_restorable(case, &name)?;
    name.expires = name.expires.term_end(years);
    names::check_remaining(case, name.expires)?;
    // Still unpaid for too long after it, the name is given the final notice anew.
    name.life.leaving = None;
    let asked = match case.policy().terms.profile(&name.key.set).unfreeze {
        Unfreeze::Never => false,
        Unfreeze::Orders => by == RenewedBy::Order,
        Unfreeze::Always => true,
    };
    if !asked || name.life.unfreeze.is_some() {
        lift_expired(case, &mut name);
    }
    Ok(name)
}

/// Asks to restore a name; if it is renewed already, it is restored at once.
pub(super) fn unfreeze(case: &Case<'_>, key: &NameKey) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Submitter, Role::LocalAdmin, Role::Operator])?;
    let (mut name, unit) = case.name(key)?;
    case.check_version(Some(name.version))?;
    if !name.holds.0.contains_key(&HoldReason::Expired) {
        let shown = key.to_unicode();
        return Err(Refusal::new(
            Code::NotFrozen,
            format!("{shown} is not frozen by the end of its term; there is nothing to do."),
            format!("{shown} 并未因期满停止解析，无需申请解冻。"),
        ));
    }
    check_restorable(case, &name)?;
    if name.life.unfreeze.is_some() {
        return Ok(case.decision(Vec::new(), key.to_string(), name.state(&unit).as_str(), name.version));
    }
    name.life.unfreeze = Some(case.now());
    lift_expired(case, &mut name);
    Ok(names::saved(case, name, &unit))
}

/// Takes EXPIRED away if the term lasts; the request to unfreeze is spent then.
fn lift_expired(case: &Case<'_>, name: &mut Registration) {
    if name.expires > case.now() {
        name.holds.0.remove(&HoldReason::Expired);
        name.life.unfreeze = None;
    }
}

/// Whether anything can still be done for the name (R36, R56).
pub(super) fn check_restorable(case: &Case<'_>, name: &Registration) -> Result<(), Refusal> {
    if name.life.leaving.is_none_or(|leaving| leaving.is_restorable(case.now())) {
        return Ok(());
    }
    let shown = name.key.to_unicode();
    Err(Refusal::new(
        Code::DeletionFinal,
        format!("{shown} is being deleted, and nothing restores it any more; register it anew after that."),
        format!("{shown} 正在注销，已不能恢复，只能在注销后重新申请注册。"),
    ))
}

/// The name's stage on its way to deletion has ended: what comes next.
pub(super) fn left(case: &Case<'_>, name: &Registration) -> Result<Vec<Event>, Unavailable> {
    let Some(leaving) = name.life.leaving.filter(|leaving| leaving.until <= case.now()) else { return Ok(Vec::new()) };
    let profile = case.policy().terms.profile(&name.key.set);
    if leaving.stage == Stage::Final && profile.pending_delete_days > 0 {
        let next = Leaving { stage: Stage::PendingDelete, until: case.now().add_days(profile.pending_delete_days) };
        let life = Life { leaving: Some(next), ..name.life };
        return Ok(vec![Event::Name(Registration { life, version: case.seq(), ..name.clone() })]);
    }
    deleted(case, name, true)
}

/// A deletion, and what its holder is told. The label is kept for it if `keeps`: whoever lets a name run out may come back for
/// it (R37), whoever gives it up has given it up.
pub(super) fn deleted(case: &Case<'_>, name: &Registration, keeps: bool) -> Result<Vec<Event>, Unavailable> {
    let mut events = removed(case, name)?;
    // Kept for a unit that registers nothing, a label would be kept from everybody (R56).
    let holder = case.state.unit(&name.unit)?;
    let is_blacklisted =
        holder.is_some_and(|unit| unit.holds.0.get(&HoldReason::Blacklist).is_some_and(|hold| hold.active));
    let days = case.policy().terms.profile(&name.key.set).kept_days;
    let until = (keeps && days > 0 && !is_blacklisted).then(|| case.now().add_days(days));
    if let Some(until) = until {
        let (key, unit) = (name.key.clone(), name.unit.clone());
        events.push(Event::Reserved(Reservation { key, unit, until }));
    }
    events.push(Event::Notice(notice(NoticeKind::Deleted, name, until)));
    Ok(events)
}

/// What ends a registration: its pending change is withdrawn, and it is gone.
pub(super) fn removed(case: &Case<'_>, name: &Registration) -> Result<Vec<Event>, Unavailable> {
    let removed =
        Event::NameRemoved { key: name.key.clone(), unit: name.unit.clone(), variants: name.variants.clone() };
    Ok(withdrawn(case, name)?.into_iter().chain([removed]).collect())
}

/// The change of the name that waits, if one does, as withdrawn.
pub(super) fn withdrawn(case: &Case<'_>, name: &Registration) -> Result<Option<Event>, Unavailable> {
    let waiting = name.pending.map(|pending| case.state.change(pending)).transpose()?.flatten();
    let withdrawn = |change| Change { state: ChangeState::Withdrawn, version: case.seq(), ..change };
    Ok(waiting.map(withdrawn).map(Event::Change))
}

/// The final notice of a name that has not been paid for too long: from now it is on its way to deletion.
pub(super) fn given_up(case: &Case<'_>, name: &Registration) -> Vec<Event> {
    let until = case.now().add_days(case.policy().terms.profile(&name.key.set).final_days);
    let life = Life { leaving: Some(Leaving { stage: Stage::Final, until }), ..name.life };
    let name = Registration { life, version: case.seq(), ..name.clone() };
    let notice = notice(NoticeKind::Final, &name, Some(until));
    vec![Event::Name(name), Event::Notice(notice)]
}

/// A notice to the name's holder.
pub(super) fn notice(kind: NoticeKind, name: &Registration, until: Option<Timestamp>) -> Notice {
    Notice { kind, name: name.key.clone(), unit: name.unit.clone(), expires: name.expires, until }
}

/// Whether the label is free for `unit`: for a year after the deletion it is kept for its last holder, with its variants
/// (R37).
pub(super) fn check_kept(case: &Case<'_>, key: &NameKey, unit: &UnitId) -> Result<(), Refusal> {
    let kept = case.state.kept_in_bundle(key)?;
    let kept = kept.into_iter().find(|kept| kept.unit != *unit && kept.until > case.now());
    let Some(kept) = kept else { return Ok(()) };
    let (shown, until) = (kept.key.to_unicode(), kept.until);
    let (en, zh) = if kept.key == *key {
        (String::new(), String::new())
    } else {
        let asked = key.to_unicode();
        (format!("{asked} is a variant of {shown}: "), format!("{asked} 是 {shown} 的变体："))
    };
    Err(Refusal::new(
        Code::LabelKept,
        format!("{en}{shown} was deleted, and is kept for its last holder until {until}; choose another label."),
        format!("{zh}{shown} 注销后为原注册单位保留至 {until}，请选用其他标签。"),
    ))
}

/// Frees what is kept of the package of a name that is registered: kept on beside it, it would come in the way of a later
/// holder.
pub(super) fn take_kept(case: &Case<'_>, key: &NameKey) -> Result<Vec<Event>, Unavailable> {
    let kept = case.state.kept_in_bundle(key)?;
    Ok(kept.into_iter().map(|kept| Event::ReservationEnded { key: kept.key }).collect())
}

/// Notes, or takes back, since when the home page tells of the move to another name (R54).
pub(super) fn migrate(case: &Case<'_>, key: &NameKey, notice: Option<Timestamp>) -> Result<Decision, Refusal> {
    let (mut name, unit) = case.name(key)?;
    case.check_version(Some(name.version))?;
    if notice.is_some_and(|notice| notice < name.registered || notice > case.now().add_years(1)) {
        return Err(Refusal::new(
            Code::MigrationInvalid,
            "The announcement cannot be older than the registration, nor more than a year ahead; correct its date.",
            "公告日期不得早于域名注册时间，也不得晚于一年之后，请更正。",
        )
        .at("notice"));
    }
    if notice.is_none() && name.life.migration.is_none() {
        let shown = key.to_unicode();
        return Err(Refusal::new(
            Code::MigrationNotFound,
            format!(
                "No move of {shown} is announced, so that none can be taken back; read the name to see how it stands."
            ),
            format!("{shown} 没有登记迁移公告，无从撤销，请查询该域名的情况。"),
        ));
    }
    if name.life.migration == notice {
        return Ok(case.decision(Vec::new(), key.to_string(), name.state(&unit).as_str(), name.version));
    }
    name.life.migration = notice;
    Ok(names::saved(case, name, &unit))
}

/// A name whose move is announced stays until it has been for three months (R54).
pub(super) fn check_migrated(case: &Case<'_>, name: &Registration) -> Result<(), Refusal> {
    let Some(notice) = name.life.migration else { return Ok(()) };
    let end = notice.add_months(MIGRATION_MONTHS);
    if end <= case.now() {
        return Ok(());
    }
    let shown = name.key.to_unicode();
    Err(Refusal::new(
        Code::MigrationRunning,
        format!("The move of {shown} has to be announced for three months; delete it from {end} on."),
        format!("{shown} 的迁移公告须满三个月，{end} 起方可注销。"),
    ))
}

/// Whether a name is given up, or goes on to be deleted, by what is due now.
pub(super) fn is_leaving(case: &Case<'_>, name: &Registration) -> bool {
    name.life.leaving.is_some_and(|leaving| leaving.until <= case.now())
}

/// EXPIRED, set or lifted by the term alone; a term that lasts again leads nowhere else.
pub(super) fn settle_term(case: &Case<'_>, name: &mut Registration) {
    if name.expires > case.now() {
        name.holds.0.remove(&HoldReason::Expired);
        (name.life.leaving, name.life.unfreeze) = (None, None);
    } else {
        due::expire(case, name);
    }
}
