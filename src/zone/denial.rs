//! The chain of NSEC or NSEC3 records of a signed zone, ordered so that what denies a name is found by binary search.
//!
//! A zone that is signed in its master file does not change between reloads, so its chain is a compact sorted table
//! made when it is loaded.

pub mod nsec;
pub mod nsec3;
#[cfg(test)]
mod tests;

pub use nsec::NsecChain;
pub use nsec3::{Nsec3Chain, Nsec3Ref, Params};

/// The chain that denies the existence of names.
#[allow(clippy::large_enum_variant, reason = "a zone has one, and a denial spares the way to it")]
pub enum Denial {
    /// NSEC (RFC 4034 §4).
    Nsec(NsecChain),
    /// NSEC3 (RFC 5155).
    Nsec3(Nsec3Chain),
}

/// The position of a record in the chain of its zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link(usize);
