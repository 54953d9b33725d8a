//! What a registration puts into its zones: addresses, `www`, forwards, delegations, or a notice of a hold.

mod presentation;

pub use presentation::presentation;

use crate::registry::{DelegationSigner, HoldReason, NameServer, NameState, Registration, Resolution, Unit};
use crate::zone::{Name, Published, PublishedRef};
use std::net::IpAddr;

/// Extended DNS errors of held names (RFC 8914 §4.1, §4.16, §4.17).
const EDE_OTHER: u16 = 0;
const EDE_BLOCKED: u16 = 15;
const EDE_CENSORED: u16 = 16;

/// What EXTRA-TEXT begins with, in front of the reason.
const HOLD: &str = "hold=";

/// HTTP statuses of notices: forbidden, and unavailable for legal reasons (RFC 7725).
const STATUS_FORBIDDEN: u16 = 403;
const STATUS_LEGAL: u16 = 451;

/// What is published for `name`, held by `unit`; nothing while it has no approved resolution and no hold
/// (rows 7 and 8 of the answer table). Depends on the state alone, never on the time.
pub fn published(unit: &Unit, name: &Registration) -> Option<Published> {
    if let Some(reason) = name.effective_hold(unit) {
        return Some(held(reason));
    }
    Some(match name.resolution.clone()? {
        Resolution::Addresses { addresses, ttl, www } => Published::Addresses { addresses, ttl, www },
        Resolution::Forward { target, code, keep_path, ttl, www } => {
            Published::Forward { target, code, keep_path, ttl, www }
        }
        Resolution::Delegation { servers, ds, ttl } => Published::Delegation {
            servers: servers.iter().filter_map(server).collect(),
            ds: ds.iter().map(ds_rdata).collect(),
            ttl,
        },
    })
}

/// What is published for a name that this hold decides about. Row 10: a decision of the registry is Blocked, an order of an
/// authority Censored, the end of a term neither.
pub fn held(reason: HoldReason) -> Published {
    let (info_code, status) = match reason {
        HoldReason::Legal => (EDE_CENSORED, STATUS_LEGAL),
        HoldReason::Expired => (EDE_OTHER, STATUS_FORBIDDEN),
        HoldReason::Blacklist
        | HoldReason::Penalty
        | HoldReason::SiteReviewFailed
        | HoldReason::SiteNotSubmitted
        | HoldReason::RegistryAdmin
        | HoldReason::UnitRequest => (EDE_BLOCKED, STATUS_FORBIDDEN),
    };
    Published::Held { info_code, extra_text: format!("{HOLD}{}", reason.as_str()).into(), status }
}

/// The state of a registration that publishes this; one that publishes nothing is [`NameState::Inactive`].
pub fn state_of(published: PublishedRef<'_>) -> NameState {
    match published {
        PublishedRef::Held { extra_text, .. } => {
            let reason = extra_text.as_bytes().strip_prefix(HOLD.as_bytes());
            if reason == Some(HoldReason::Expired.as_str().as_bytes()) { NameState::Expired } else { NameState::Held }
        }
        _ => NameState::Active,
    }
}

fn server(server: &NameServer) -> Option<(Name, Vec<IpAddr>)> {
    let host = Name::absolute(&server.host);
    debug_assert!(host.is_ok(), "hosts are names before they are approved: {}", server.host);
    Some((host.ok()?, server.glue.clone()))
}

/// RDATA of a DS record (RFC 4034 §5.1).
fn ds_rdata(ds: &DelegationSigner) -> Box<[u8]> {
    let mut rdata = Vec::with_capacity(4 + ds.digest.len());
    rdata.extend_from_slice(&ds.key_tag.to_be_bytes());
    rdata.extend_from_slice(&[ds.algorithm, ds.digest_type]);
    rdata.extend_from_slice(&ds.digest);
    rdata.into()
}

#[cfg(test)]
mod tests;
