//! The journal: append, fsync, verify, read. The truth from which everything else can be rebuilt.
//!
//! Segments `journal/<first seq, 20 digits>.jsonl` of JSON lines, one transaction a line; `hash` is the SHA-256 of the
//! line's octets before `,"hash":`, `prev` the hash of the line before (64 zeros for the first).

use crate::registry::{Position, Transaction};
use std::path::Path;

/// The write half, owned by the one writer.
pub struct Journal {}

/// The read half: reads durable lines only; clones share it.
#[derive(Clone)]
pub struct JournalReader {}

/// Why the journal cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The chain is broken in the middle: segment, line number in it, and what to do.
    #[error("{segment}, line {line}: {what}. {remedy}")]
    Broken { segment: String, line: usize, what: String, remedy: String },
    /// The store is ahead: acknowledged lines were lost. `rebuild --accept-loss` goes on without them.
    #[error("the store has applied {applied}, but the journal ends at {last}")]
    Behind { applied: u64, last: u64 },
    /// The operating system says no.
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
}

/// Why a group was not appended. None of it will ever be seen.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No space, now or by the reserve kept free; what was written is cut off again. Later appends may succeed.
    #[error("no space for the journal: {0}")]
    Full(String),
    /// A line would be longer than the limit.
    #[error("the transaction makes a line of {0} octets")]
    TooLong(usize),
    /// A write or fsync failed; whether lines are durable is unknown, so nothing is appended until a restart.
    #[error("the journal failed and takes no more lines until a restart: {0}")]
    Failed(String),
}

impl Journal {
    /// Opens the journal in `directory` (created if absent) for appending, cuts off a torn last line, and hands every
    /// transaction after `applied`, in order, to `replay`. Segments wholly before `applied` are not read.
    ///
    /// # Errors
    /// [`JournalError`]; nothing has been changed then.
    pub fn open(
        directory: &Path,
        applied: Position,
        replay: &mut dyn FnMut(Transaction, Position) -> Result<(), String>,
    ) -> Result<Self, JournalError> {
        let _ = (directory, applied, replay);
        todo!()
    }

    /// The last durable line.
    pub fn position(&self) -> Position {
        todo!()
    }

    /// Appends a group of transactions, numbered on from [`Journal::position`], with one fsync; the position of each.
    ///
    /// # Errors
    /// [`AppendError`]; no line of the group is in the journal then.
    pub fn append(&mut self, group: &[Transaction]) -> Result<Vec<Position>, AppendError> {
        let _ = group;
        todo!()
    }

    /// A reader of the same journal.
    pub fn reader(&self) -> JournalReader {
        todo!()
    }
}

impl JournalReader {
    /// The lines after `seq`, as they stand in the file, at most `limit` of them.
    ///
    /// # Errors
    /// [`JournalError`] if a segment cannot be read.
    pub fn lines_after(&self, seq: u64, limit: usize) -> Result<Vec<String>, JournalError> {
        let _ = (seq, limit);
        todo!()
    }

    /// The transaction with this `seq`.
    ///
    /// # Errors
    /// [`JournalError`] if its segment cannot be read.
    pub fn transaction(&self, seq: u64) -> Result<Option<Transaction>, JournalError> {
        let _ = seq;
        todo!()
    }
}
