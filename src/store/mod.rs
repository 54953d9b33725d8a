//! The materialised state in sled: units, registrations, changes, due times, serials, idempotency keys.
//!
//! One thread owns it, the writer's. Applying a transaction is an idempotent redo; the applied position is written last.

use crate::journal::Position;
use crate::registry::{Change, ChangeId, NameKey, NameState, Registration, Timestamp, Transaction, Unit, UnitId};
use crate::registry::{HoldReason, State, Unavailable};
use std::path::Path;
use std::sync::Arc;

/// The store.
pub struct Store {}

/// Which names a listing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameFilter {
    /// Names of this unit.
    pub unit: Option<UnitId>,
    /// Names of the set with this primary suffix.
    pub set: Option<Arc<str>>,
    /// Names in this state.
    pub state: Option<NameState>,
    /// Names on which, or on whose unit, a hold with this reason is active.
    pub hold: Option<HoldReason>,
    /// Terms that end at or after this.
    pub expires_from: Option<Timestamp>,
    /// Terms that end at or before this (R31: the end is inclusive).
    pub expires_to: Option<Timestamp>,
}

/// An answer already given to an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The transaction; its outcome is in the journal.
    pub seq: u64,
    /// SHA-256 of method, path and body.
    pub digest: [u8; 32],
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// sled does not open, or what is in it does not decode: move it aside and rebuild.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Its format is another version's: rebuild.
    #[error("the store has format {found}, this program writes {expected}")]
    Format { found: u32, expected: u32 },
    /// An I/O error while running; sled keeps failing after one.
    #[error("the store failed: {0}")]
    Io(String),
}
