//! The one writer: its queue, group commit, the schedule of what falls due, and the brake.
//!
//! ```text
//! submit ─▶ queue ─▶ decide (on speculative state) ─▶ journal (one fsync a group) ─▶ publish ─▶ reply ─▶ sled
//! ```
//!
//! The only door for a change: the API, an import, the clock and a reload all end here.

pub mod handle;

pub use handle::{Handle, Receipt, Submission, UpdateError};

use crate::registry::Policy;
use crate::zone::{Gateway, Zone};
use std::sync::Arc;

/// Zones as their files have them (no registrations yet), and the settings of publication.
pub struct Reload {
    /// One per configured zone, built and checked by `zonefile`; with the SHA-256 of its file.
    pub zones: Vec<(Zone, [u8; 32])>,
    /// Addresses of the gateway, by primary suffix of the set.
    pub gateways: Vec<(Arc<str>, Gateway)>,
    /// The registry's settings.
    pub policy: Policy,
}
