//! The journal: append, fsync, verify, read. The truth from which everything else can be rebuilt.
//!
//! Segments `journal/<first seq, 20 digits>.jsonl` of JSON lines, one transaction a line; `hash` is the SHA-256 of the
//! line's octets before `,"hash":`, `prev` the hash of the line before (64 zeros for the first).

/// SHA-256 of a line; what the next line's `prev` must be.
pub type Hash = [u8; 32];

/// A place in the journal: the last line known, and its hash. `Position::default()` is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The line's `seq`; 0 before the first.
    pub seq: u64,
    /// Its hash; zeros before the first.
    pub hash: Hash,
}
