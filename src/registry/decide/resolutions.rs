//! What a name may resolve to (R38–R42): one file per kind of data, this one for the choice and the times.

use super::{Case, addresses, servers, targets};
use crate::registry::resolution::{TTL_DELEGATION_SECS, TTL_SECS};
use crate::registry::{Code, NameKey, Refusal, Resolution};

/// Redirects that browsers follow with their method kept or by GET (RFC 9110 §15.4).
const REDIRECT_CODES: [u16; 4] = [301, 302, 307, 308];

/// The resolution in its normal form, if `key` may have it.
pub(super) fn check(case: &Case<'_>, key: &NameKey, resolution: &Resolution) -> Result<Resolution, Refusal> {
    match resolution {
        Resolution::Addresses { addresses, ttl, www } => {
            addresses::check_list(addresses, case.policy())?;
            check_ttl(*ttl)?;
            Ok(Resolution::Addresses { addresses: addresses.clone(), ttl: *ttl, www: *www })
        }
        Resolution::Forward { target, code, keep_path, ttl, www } => {
            let target = targets::check(case, key, target)?;
            check_code(*code)?;
            check_ttl(*ttl)?;
            Ok(Resolution::Forward { target, code: *code, keep_path: *keep_path, ttl: *ttl, www: *www })
        }
        Resolution::Delegation { servers, ds, ttl } => {
            let servers = servers::check_servers(case.policy(), key, servers)?;
            servers::check_ds(ds)?;
            check_delegation_ttl(*ttl)?;
            Ok(Resolution::Delegation { servers, ds: ds.clone(), ttl: *ttl })
        }
    }
}

fn check_code(code: u16) -> Result<(), Refusal> {
    if REDIRECT_CODES.contains(&code) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::RedirectCodeInvalid,
        format!("{code} is no redirect that can be kept; use 301, 302, 307 or 308."),
        format!("{code} 不是可用的跳转代码，请使用 301、302、307 或 308。"),
    )
    .at("resolution.code"))
}

fn check_ttl(ttl: u32) -> Result<(), Refusal> {
    if TTL_SECS.contains(&ttl) {
        return Ok(());
    }
    let (min, max) = (TTL_SECS.start(), TTL_SECS.end());
    Err(ttl_invalid(
        format!("A TTL of {ttl} seconds is out of range; use {min} to {max}, or leave it out."),
        format!("TTL {ttl} 秒超出范围，请使用 {min} 至 {max} 秒，或不填。"),
    ))
}

fn check_delegation_ttl(ttl: u32) -> Result<(), Refusal> {
    if ttl == TTL_DELEGATION_SECS {
        return Ok(());
    }
    Err(ttl_invalid(
        format!("Delegations have a TTL of {TTL_DELEGATION_SECS} seconds and no other; leave it out."),
        format!("授权记录的 TTL 固定为 {TTL_DELEGATION_SECS} 秒，请不要填写其他值。"),
    ))
}

fn ttl_invalid(en: String, zh: String) -> Refusal {
    Refusal::new(Code::TtlInvalid, en, zh).at("resolution.ttl")
}
