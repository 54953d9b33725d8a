//! The NSEC chain: the owners of NSEC records in canonical order.

use super::Link;
use crate::zone::Zone;
use crate::zone::canonical::{self, Key};
use crate::zone::name::NAME_LEN_MAX;
use crate::zone::node::NodeRef;

/// The owners of a zone's NSEC records in canonical order. The records are in the zone's nodes.
pub struct NsecChain {
    /// The owners' canonical keys relative to the apex, one after the other.
    keys: Box<[u8]>,
    /// Where each key ends.
    ends: Box<[usize]>,
    /// What stands for `*` below the apex: most of what does not exist is directly below it.
    apex_wildcard: Link,
}

impl NsecChain {
    /// The chain of these owners, lower-cased labels before the apex's; none if there are none.
    pub(in crate::zone) fn new<'o>(owners: impl Iterator<Item = &'o [u8]>) -> Option<Self> {
        let mut sorted: Vec<Vec<u8>> = owners.map(|owner| Key::of(owner).as_bytes().to_vec()).collect();
        if sorted.is_empty() {
            return None;
        }
        sorted.sort();
        let mut end = 0;
        let ends = sorted.iter().map(|key| {
            end += key.len();
            end
        });
        let ends = ends.collect();
        let mut chain = Self { keys: sorted.concat().into(), ends, apex_wildcard: Link(0) };
        chain.apex_wildcard = chain.search(Key::of_wildcard_below(&[]).as_bytes());
        Some(chain)
    }

    /// The record that stands for `owner`, labels before the apex's: its own, or the one that covers it (RFC 4034 §4.1.1).
    pub fn at_or_before(&self, owner: &[u8]) -> Link {
        self.search(Key::of(owner).as_bytes())
    }

    /// As [`NsecChain::at_or_before`], for `*` directly below `encloser`.
    pub fn wildcard_below(&self, encloser: &[u8]) -> Link {
        if encloser.is_empty() {
            return self.apex_wildcard;
        }
        self.search(Key::of_wildcard_below(encloser).as_bytes())
    }

    /// The owner of a record of `zone`'s chain, which is this, with its records.
    pub fn node<'z>(&self, zone: &'z Zone, link: Link) -> Option<NodeRef<'z>> {
        zone.node(canonical::labels(self.key(link.0), &mut [0; NAME_LEN_MAX]))
    }

    fn search(&self, key: &[u8]) -> Link {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle) <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        // Nothing sorts before the apex, which has an NSEC unless the chain is broken; then its end is as good.
        Link(low.checked_sub(1).unwrap_or(self.ends.len() - 1))
    }

    fn key(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.keys[start..self.ends[index]]
    }
}
