//! The journal: append, fsync, verify, read. The truth from which everything else can be rebuilt.
//!
//! Segments `journal/<first seq, 20 digits>.jsonl` of JSON lines, one transaction a line; `hash` is the SHA-256 of the
//! line's octets before `,"hash":`, `prev` the hash of the line before (64 zeros for the first). No history is kept in
//! memory.

mod append;
pub mod disk;
mod error;
mod line;
mod open;
mod reader;
mod scan;
mod seal_key;
mod seals;
mod segments;
mod torn;
mod v1;
mod verify;

pub use append::Journal;
pub use error::{AppendError, JournalError, Report, TornEnd};
pub use line::written_hash;
pub use reader::{JournalReader, PAGE_OCTETS_MAX};
pub use seal_key::{SealKey, SealPublicKey};
pub use seals::{SEALS_FILE, SealError, SealFinding, SealReport, SealSettings, Sealer, check_seals};
pub use verify::verify;

/// Longest line in octets. An import batch of 1,000 names is one line; with 13 servers and 16 glue addresses each, a name
/// takes about 12 KiB.
pub const LINE_OCTETS_MAX: usize = 16 << 20;
/// Length at which a segment is full: small enough to copy and to look through in a second, large enough that ten million
/// transactions make about a hundred files.
pub const SEGMENT_OCTETS: u64 = 64 << 20;
/// Octets of free space below which nothing is appended: the longest line, and what the store needs to write down what it has in
/// memory, once in the file of its batch and once in sled.
pub const FREE_OCTETS_MIN: u64 = 96 << 20;

/// The journal's limits, smaller in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest line in octets.
    pub line_octets: usize,
    /// Length at which a segment is full; one group may go beyond it.
    pub segment_octets: u64,
    /// Free space below which nothing is appended.
    pub free_octets: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line_octets: LINE_OCTETS_MAX, segment_octets: SEGMENT_OCTETS, free_octets: FREE_OCTETS_MIN }
    }
}
