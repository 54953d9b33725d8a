//! The materialised state in sled: units, registrations, changes, due times, serials, idempotency keys.
//!
//! One thread owns it, the writer's. Applying a transaction is an idempotent redo; the applied position is written last.

use crate::registry::{
    Brake, Change, ChangeId, Due, HoldReason, NameKey, NameState, Position, Registration, SetTotals,
};
use crate::registry::{State, Timestamp, Transaction, Unavailable, Unit, UnitId};
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

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What it shows, in key order.
    pub items: Vec<T>,
    /// Where the next page begins; opaque. Absent on the last page.
    pub next: Option<String>,
}

impl Store {
    /// Opens the store in `directory`, or creates an empty one.
    ///
    /// # Errors
    /// [`StoreError`]; the caller sets the directory aside and rebuilds from the journal.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let _ = directory;
        todo!()
    }

    /// The last transaction applied.
    pub fn position(&self) -> Position {
        todo!()
    }

    /// Applies a transaction; doing it again changes nothing. Its position is written last.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the store must be opened anew then.
    pub fn apply(&mut self, transaction: &Transaction, position: Position) -> Result<(), StoreError> {
        let _ = (transaction, position);
        todo!()
    }

    /// Hands everything written to the operating system and waits for it.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn flush(&mut self) -> Result<(), StoreError> {
        todo!()
    }

    /// The last SOA serial and the digest of the file of each zone, by apex (A-labels, final dot).
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn zones(&self) -> Result<Vec<ZoneMark>, Unavailable> {
        todo!()
    }

    /// The answer already given to this principal's idempotency key, unless it is older than seven days.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn answered(&self, principal: &str, key: &str, now: Timestamp) -> Result<Option<Answered>, Unavailable> {
        let _ = (principal, key, now);
        todo!()
    }

    /// A page of names. Looks at no more than a bounded number of entries: a page may be short, or empty with a `next`.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_names(
        &self,
        filter: &NameFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Registration>, Unavailable> {
        let _ = (filter, cursor, limit);
        todo!()
    }

    /// A page of units, in order of their ids.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn list_units(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Unit>, Unavailable> {
        let _ = (cursor, limit);
        todo!()
    }
}

/// What is remembered of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneMark {
    /// Apex in A-labels with a final dot.
    pub apex: Box<str>,
    /// Last serial that was published.
    pub serial: u32,
    /// SHA-256 of what the zone was read from.
    pub digest: [u8; 32],
}

impl State for Store {
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        let _ = id;
        todo!()
    }

    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
        let _ = key;
        todo!()
    }

    fn change(&self, id: ChangeId) -> Result<Option<Change>, Unavailable> {
        let _ = id;
        todo!()
    }

    fn names_of(&self, unit: &UnitId, visit: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        let _ = (unit, visit);
        todo!()
    }

    fn due(&self, now: Timestamp, visit: &mut dyn FnMut(&Due) -> bool) -> Result<(), Unavailable> {
        let _ = (now, visit);
        todo!()
    }

    fn totals(&self, set: &Arc<str>) -> Result<SetTotals, Unavailable> {
        let _ = set;
        todo!()
    }

    fn brake(&self) -> Result<Option<Brake>, Unavailable> {
        todo!()
    }
}
