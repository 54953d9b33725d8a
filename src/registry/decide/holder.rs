//! Another unit becomes the holder of a name: never by the units themselves (R5), only with the consent of the authority
//! above them (R6).

use super::{Case, applications, is_text, names, terms, units};
use crate::registry::unit::PROOF_LEN_MAX;
use crate::registry::{Code, Decision, Event, Guarded, NameKey, Refusal, Registration, Role, UnitId};

pub(super) fn change(case: &Case<'_>, key: &NameKey, to: &UnitId, consent: Option<&str>) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Operator])?;
    let (name, before) = case.name(key)?;
    case.check_version(Some(name.version))?;
    let unit = case.unit(to).map_err(|refusal| refusal.at("unit"))?;
    check_consent(consent)?;
    if name.unit == *to {
        return Ok(case.decision(Vec::new(), key.to_string(), name.state(&unit).as_str(), name.version));
    }
    // Its open order is the old holder's, and would be paid for nothing.
    names::check_unclaimed(case, key, None)?;
    // To a blacklisted unit it is a new name; and what is withheld from one is nobody's (R56).
    applications::check_unit(&unit).map_err(|refusal| refusal.at("unit"))?;
    terms::check_restorable(case, &name)?;
    units::check_suffix(case.policy(), &key.set, unit.kind, unit.admin_function_proof.is_some())
        .map_err(|refusal| refusal.at("unit"))?;
    if before.holds.effective() != unit.holds.effective() {
        // The one unit's hold is off the name with this, or the other's on it.
        case.check_second_factor(Guarded::UnitHold)?;
    }
    // What the old holder has proposed is not the new one's wish.
    let withdrawn = terms::withdrawn(case, &name)?;
    let moved = Registration { unit: to.clone(), pending: None, version: case.seq(), ..name };
    let state = moved.state(&unit).as_str();
    let events = withdrawn.into_iter().chain([Event::Name(moved)]).collect();
    Ok(case.decision(events, key.to_string(), state, 0))
}

fn check_consent(consent: Option<&str>) -> Result<(), Refusal> {
    if consent.is_some_and(|consent| is_text(consent, PROOF_LEN_MAX)) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::ConsentRequired,
        format!(
            "A name changes its holder only with the consent of the authority in charge: give the id of that document, \
             at most {PROOF_LEN_MAX} octets."
        ),
        format!("变更域名持有单位须经主管单位同意：请填写同意文件的编号，不超过 {PROOF_LEN_MAX} 个字节。"),
    )
    .at("consent"))
}
