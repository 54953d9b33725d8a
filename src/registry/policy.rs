//! The registry's settings, as the configuration gives them.

use super::unit::UnitKind;
use std::sync::Arc;

/// One registration published under several suffixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuffixSet {
    /// The suffixes in A-labels without a final dot; the first is the primary one that keys are written with.
    pub suffixes: Vec<Arc<str>>,
    /// The kinds of unit that may register here (R1, R4).
    pub unit_kinds: Vec<UnitKind>,
    /// The kinds that may with proof of administrative functions (R2).
    pub unit_kinds_with_proof: Vec<UnitKind>,
}

/// All settings of the registry's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The suffix sets.
    pub sets: Vec<SuffixSet>,
    /// Labels nobody may register, in A-label form.
    pub reserved_labels: Vec<Box<str>>,
    /// Whether private, loopback, link-local and documentation addresses may be resolved to and forwarded to.
    pub allow_special_addresses: bool,
    /// Seconds from the end of a term until EXPIRED holds it.
    pub expiry_grace_secs: i64,
    /// Share of a suffix set's names in percent above which a batch or clock step is stopped.
    pub brake_percent: u32,
    /// Number of names up to which it never is.
    pub brake_names_min: u64,
}

impl Policy {
    /// The rules as they are where nothing is set, for these suffix sets.
    pub fn of(sets: Vec<SuffixSet>) -> Self {
        Self {
            sets,
            reserved_labels: Vec::new(),
            allow_special_addresses: false,
            expiry_grace_secs: 0,
            brake_percent: 5,
            brake_names_min: 20,
        }
    }
}

/// Shortest and longest term in years (R24).
pub const TERM_YEARS: std::ops::RangeInclusive<u32> = 2..=10;
