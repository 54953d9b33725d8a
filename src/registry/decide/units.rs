//! Units: their data, and which suffixes their kind opens (R1, R2, R4).

use super::{Case, is_text, standing};
use crate::idn;
use crate::registry::command::UnitSpec;
use crate::registry::unit::{ACCOUNTS, CONTACT_DAYS, PROOF_LEN_MAX, UNIT_NAME_LEN_MAX};
use crate::registry::{Account, Code, Decision, Event, NameKey, Policy, Refusal, Timestamp, Unit, UnitId, UnitKind};
use std::sync::Arc;

/// Account numbers that the units of one transaction are spread over: few enough for the store to write them side by
/// side, and several times a batch's units, so that the first one tried is mostly free.
const ACCOUNT_BLOCK: u64 = 4096;

pub(super) fn put(case: &Case<'_>, id: &UnitId, spec: &UnitSpec) -> Result<Decision, Refusal> {
    let old = case.state.unit(id)?;
    case.check_version(old.as_ref().map(|unit| unit.version))?;
    let unit = image(case, id, spec, old.as_ref(), None)?;
    let state = state_of(&unit);
    let kept = old.as_ref().map_or(0, |old| old.version);
    let created = old.is_none();
    let mut events = Vec::new();
    if old.as_ref() != Some(&unit) {
        let follows = old.as_ref().map(|old| standing::follow(case, old, &unit)).transpose()?;
        events.push(Event::Unit(at_version(unit, case.seq())));
        events.extend(follows.into_iter().flatten());
    }
    Ok(case.decision(events, id.as_str(), state, kept).creating(created))
}

/// A report of changed contacts, in time or late; it is taken in any case (R53). Contacts are personal data and are not
/// kept here, so that nothing changes: the journal's line is the record.
pub(super) fn report_contacts(case: &Case<'_>, id: &UnitId, changed: Timestamp) -> Result<Decision, Refusal> {
    let unit = case.unit(id)?;
    case.check_version(Some(unit.version))?;
    if changed > case.now() {
        return Err(Refusal::new(
            Code::ContactChangeInvalid,
            "Contacts that have not changed yet cannot be reported as changed; give the day on which they did.",
            "变更日期不能晚于今天，请填写联系人实际变更的日期。",
        )
        .at("changed"));
    }
    let late = case.now() > case.policy().calendar.deadline(changed, CONTACT_DAYS);
    Ok(case.decision(Vec::new(), id.as_str(), if late { "late" } else { "in_time" }, unit.version))
}

/// A unit's state in one word.
pub(super) fn state_of(unit: &Unit) -> &'static str {
    if unit.holds.effective().is_some() { "held" } else { "active" }
}

/// The unit as `spec` makes it, in the version it had; its holds stay.
///
/// A new unit gets an account number of its own; one that comes from another system keeps `account`, if it is free.
pub(super) fn image(
    case: &Case<'_>,
    id: &UnitId,
    spec: &UnitSpec,
    old: Option<&Unit>,
    account: Option<Account>,
) -> Result<Unit, Refusal> {
    case.check_region(&spec.region).map_err(|refusal| refusal.at("region"))?;
    check_texts(spec)?;
    if let Some(old) = old {
        case.check_region(&old.region)?;
        check_names_fit(case, old, spec)?;
    }
    Ok(Unit {
        id: id.clone(),
        name: spec.name.clone(),
        kind: spec.kind,
        region: spec.region.clone(),
        admin_function_proof: spec.admin_function_proof.clone(),
        holds: old.map(|unit| unit.holds.clone()).unwrap_or_default(),
        penalties: old.map(|unit| unit.penalties.clone()).unwrap_or_default(),
        site_review: old.and_then(|unit| unit.site_review.clone()),
        account: Some(account_of(case, id, old.and_then(|old| old.account), account)?),
        version: old.map_or(0, |unit| unit.version),
    })
}

/// The account number that the unit has, brings, or is assigned (R14).
fn account_of(
    case: &Case<'_>,
    id: &UnitId,
    old: Option<Account>,
    brought: Option<Account>,
) -> Result<Account, Refusal> {
    match (old, brought) {
        (Some(old), brought) if brought.is_none_or(|brought| brought == old) => Ok(old),
        (None, Some(brought)) if case.state.account(brought)?.is_none_or(|owner| owner == *id) => Ok(brought),
        (None, None) => free_account(case, id),
        _ => Err(Refusal::new(
            Code::UnitInvalid,
            "The account number is assigned by the system: it does not change, and no two units share one; leave it out.",
            "账号由系统分配，不能更改，也不能与其他单位相同，请不要填写。",
        )
        .at("account")),
    }
}

/// FNV-1a with its high half folded in: the same when decided again, and no secret.
fn fnv(octets: &[u8]) -> u64 {
    let hash = octets
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3));
    hash ^ (hash >> 32)
}

/// The first free account number from a place on that the client does not choose.
fn free_account(case: &Case<'_>, id: &UnitId) -> Result<Account, Refusal> {
    let (first, count) = ACCOUNTS;
    // Spread over all numbers by the transaction's, over a block of them by the unit's id: an import writes the numbers of
    // one batch side by side.
    let (transaction, unit) = (fnv(&case.seq().to_be_bytes()), fnv(id.as_str().as_bytes()));
    let start = (transaction % u64::from(count) + unit % ACCOUNT_BLOCK) % u64::from(count);
    let start = u32::try_from(start).expect("below the count, which is a u32");
    for step in 0..count {
        let account = Account(first + (start + step) % count);
        if case.state.account(account)?.is_none() {
            return Ok(account);
        }
    }
    Err(Refusal::new(
        Code::UnitInvalid,
        "All account numbers of eight digits are assigned; the registry needs longer ones.",
        "八位账号已全部分配，须由注册局扩充账号位数。",
    )
    .at("account"))
}

pub(super) fn at_version(unit: Unit, version: u64) -> Unit {
    Unit { version, ..unit }
}

/// Whether a unit of this kind may register under the set (R1, R4), given proof of administrative functions (R2).
pub(super) fn check_suffix(policy: &Policy, set: &Arc<str>, kind: UnitKind, proof: bool) -> Result<(), Refusal> {
    let shown = idn::to_unicode(set);
    let Some(found) = policy.sets.iter().find(|found| found.suffixes.first() == Some(set)) else {
        return Err(Refusal::new(
            Code::SuffixUnknown,
            format!(".{shown} is not a suffix of this registry; use one that is configured."),
            format!(".{shown} 不是本注册局的后缀，请使用已配置的后缀。"),
        ));
    };
    if found.unit_kinds.contains(&kind) || (proof && found.unit_kinds_with_proof.contains(&kind)) {
        return Ok(());
    }
    let (mut en, mut zh) = (
        format!("A unit of kind {} may not register under .{shown}; choose another suffix.", kind.as_str()),
        format!("{}不能注册 .{shown} 域名，请选择其他后缀。", zh_kind(kind)),
    );
    if found.unit_kinds_with_proof.contains(&kind) {
        en.push_str(" With administrative functions it may: put the id of the proof on the unit first.");
        zh.push_str("如承担行政职能，请先在单位信息中填写证明文件编号。");
    }
    Err(Refusal::new(Code::SuffixNotAllowed, en, zh))
}

fn zh_kind(kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Organ => "党政机关",
        UnitKind::Institution => "事业单位",
        UnitKind::SocialOrganisation => "社会组织",
    }
}

fn check_texts(spec: &UnitSpec) -> Result<(), Refusal> {
    if !is_text(&spec.name, UNIT_NAME_LEN_MAX) {
        return Err(Refusal::new(
            Code::UnitInvalid,
            format!("Give the unit's name: text of at most {UNIT_NAME_LEN_MAX} octets, no control characters."),
            format!("请填写单位全称：不超过 {UNIT_NAME_LEN_MAX} 个字节，不含控制字符。"),
        )
        .at("name"));
    }
    if spec.admin_function_proof.as_ref().is_some_and(|proof| !is_text(proof, PROOF_LEN_MAX)) {
        return Err(Refusal::new(
            Code::UnitInvalid,
            format!("Give the proof by its document's id: text of at most {PROOF_LEN_MAX} octets."),
            format!("请填写证明文件的编号：不超过 {PROOF_LEN_MAX} 个字节。"),
        )
        .at("admin_function_proof"));
    }
    Ok(())
}

/// A change of kind or proof must not leave a name under a suffix that the unit could not register now.
fn check_names_fit(case: &Case<'_>, old: &Unit, spec: &UnitSpec) -> Result<(), Refusal> {
    let proof = spec.admin_function_proof.is_some();
    if old.kind == spec.kind && old.admin_function_proof.is_some() == proof {
        return Ok(());
    }
    let (mut fitting, mut offending): (Vec<Arc<str>>, Option<NameKey>) = (Vec::new(), None);
    case.state.names_of(&old.id, &mut |key, _| {
        if !fitting.contains(&key.set) {
            match check_suffix(case.policy(), &key.set, spec.kind, proof) {
                Ok(()) => fitting.push(key.set.clone()),
                Err(_) => offending = Some(key.clone()),
            }
        }
        offending.is_none()
    })?;
    let Some(key) = offending else { return Ok(()) };
    let shown = key.to_unicode();
    Err(Refusal::new(
        Code::SuffixNotAllowed,
        format!("The unit holds {shown}, which it could not hold with this kind and proof; delete the name first."),
        format!("该单位持有 {shown}，按所填类型和证明不能持有，请先删除该域名。"),
    )
    .at("kind"))
}
