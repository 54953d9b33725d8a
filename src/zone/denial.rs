//! The chain of NSEC or NSEC3 records of a signed zone, ordered so that what denies a name is found by binary search.
//!
//! A zone that is signed in its master file does not change between reloads, so its chain is a compact sorted table
//! made when it is loaded.

pub mod nsec;
pub mod nsec3;
#[cfg(test)]
mod tests;

use super::Zone;
use super::node::NodeRef;
pub use nsec::NsecChain;
pub use nsec3::{Nsec3Chain, Params};

/// The chain that denies the existence of names.
pub enum Denial {
    /// NSEC (RFC 4034 §4).
    Nsec(NsecChain),
    /// NSEC3 (RFC 5155).
    Nsec3(Nsec3Chain),
}

/// The position of a record in the chain of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link(usize);

impl Denial {
    /// The owner of a chain's record, with it and its signatures.
    pub fn node<'z>(&'z self, zone: &'z Zone, link: Link) -> Option<NodeRef<'z>> {
        match self {
            Self::Nsec(chain) => chain.node(zone, link),
            Self::Nsec3(chain) => Some(chain.node(link)),
        }
    }
}
