//! What a registration puts into its zones: addresses, `www`, forwards, delegations, or a notice of a hold.

use crate::registry::{Registration, Unit};
use crate::zone::Published;

/// What is published for `name`, held by `unit`; nothing while it has no approved resolution and no hold
/// (rows 7 and 8 of the answer table). Depends on the state alone, never on the time.
pub fn published(unit: &Unit, name: &Registration) -> Option<Published> {
    let _ = (unit, name);
    todo!()
}
