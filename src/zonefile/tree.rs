//! The records of a zone by owner in canonical order (RFC 4034 §6.1), and what delegations hide.

use super::Located;
use crate::zone::{Name, Rtype, canonical};
use std::ops::Range;

/// All owners of a zone.
pub(super) struct Tree<'r> {
    records: &'r [Located],
    /// Numbers of records, by owner, then type, then place in the file.
    order: Vec<u32>,
    /// Octets of all keys.
    keys: Vec<u8>,
    nodes: Vec<Node>,
}

/// One owner.
pub(super) struct Node {
    key: Range<usize>,
    records: Range<usize>,
    /// The node of the delegation or DNAME above that hides this one.
    hidden_by: Option<usize>,
}

/// A record on its way to its node.
struct Keyed {
    /// The first octets of the key behind the apex's, which all keys begin with.
    prefix: u128,
    key: Range<usize>,
    number: u32,
}

/// The first octets of a key; what is missing counts as zeros, which sort as the shorter key does.
fn prefix(key: &[u8]) -> u128 {
    let mut octets = [0; 16];
    let length = key.len().min(octets.len());
    octets[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(octets)
}

impl<'r> Tree<'r> {
    /// The owners of those records that are within `apex`.
    pub(super) fn new(records: &'r [Located], apex: &Name) -> Self {
        let mut keys = Vec::new();
        let mut keyed: Vec<Keyed> = Vec::with_capacity(records.len());
        let mut last: Option<(&Name, Range<usize>)> = None;
        let apex_len = {
            let mut key = Vec::new();
            push_key(apex.as_wire(), &mut key);
            key.len()
        };
        for (number, Located { record, .. }) in records.iter().enumerate() {
            if last.as_ref().is_none_or(|(owner, _)| **owner != record.owner) {
                let start = keys.len();
                push_key(record.owner.as_wire(), &mut keys);
                last = Some((&record.owner, start..keys.len()));
            }
            let key = last.as_ref().map(|(_, key)| key.clone()).unwrap_or_default();
            if record.owner.is_within(apex) {
                keyed.push(Keyed { prefix: prefix(&keys[key.start + apex_len..key.end]), key, number: number as u32 });
            }
        }
        let sort_key = |number: u32| (records[number as usize].record.rtype, number);
        // Stable, so that a file that is sorted already costs one pass.
        keyed.sort_by(|a, b| {
            // Most keys differ in their prefix, which stands here and not somewhere in memory.
            let by_prefix = a.prefix.cmp(&b.prefix);
            let by_key = by_prefix.then_with(|| keys[a.key.clone()].cmp(&keys[b.key.clone()]));
            by_key.then_with(|| sort_key(a.number).cmp(&sort_key(b.number)))
        });
        let mut tree = Self { records, order: Vec::with_capacity(keyed.len()), keys, nodes: Vec::new() };
        for Keyed { key, number, .. } in keyed {
            let at = tree.order.len();
            tree.order.push(number);
            match tree.nodes.last_mut() {
                Some(node) if tree.keys[node.key.clone()] == tree.keys[key.clone()] => node.records.end = at + 1,
                _ => tree.nodes.push(Node { key, records: at..at + 1, hidden_by: None }),
            }
        }
        tree.hide(apex);
        tree
    }

    /// Marks what is below delegations and DNAMEs.
    fn hide(&mut self, apex: &Name) {
        let mut hiding: Option<usize> = None;
        for number in 0..self.nodes.len() {
            let below = hiding.filter(|&above| self.key(number).starts_with(self.key(above)));
            self.nodes[number].hidden_by = below;
            hiding = below.or_else(|| {
                let owner = self.owner(number);
                let is_cut = self.has(number, Rtype::NS) && owner.as_wire().len() > apex.as_wire().len();
                (is_cut || self.has(number, Rtype::DNAME)).then_some(number)
            });
        }
    }

    /// The numbers of all nodes, in canonical order.
    pub(super) fn nodes(&self) -> Range<usize> {
        0..self.nodes.len()
    }

    fn key(&self, node: usize) -> &[u8] {
        &self.keys[self.nodes[node].key.clone()]
    }

    /// The records of a node, by type.
    pub(super) fn records(&self, node: usize) -> impl Iterator<Item = &'r Located> {
        let records = self.records;
        self.order[self.nodes[node].records.clone()].iter().map(move |&number| &records[number as usize])
    }

    /// The owner as its first record has it.
    pub(super) fn owner(&self, node: usize) -> &'r Name {
        &self.records[self.order[self.nodes[node].records.start] as usize].record.owner
    }

    /// The first record of a type.
    pub(super) fn first(&self, node: usize, rtype: Rtype) -> Option<&'r Located> {
        self.records(node).find(|located| located.record.rtype == rtype)
    }

    /// Whether a node has records of a type.
    pub(super) fn has(&self, node: usize, rtype: Rtype) -> bool {
        self.first(node, rtype).is_some()
    }

    /// Whether a node has an address.
    pub(super) fn has_address(&self, node: usize) -> bool {
        self.has(node, Rtype::A) || self.has(node, Rtype::AAAA)
    }

    /// The delegation or DNAME above that hides a node.
    pub(super) fn hidden_by(&self, node: usize) -> Option<usize> {
        self.nodes[node].hidden_by
    }

    /// The node of a name in wire form.
    pub(super) fn find(&self, name: &[u8]) -> Option<usize> {
        let mut key = Vec::with_capacity(name.len());
        push_key(name, &mut key);
        let at = self.nodes.partition_point(|node| self.keys[node.key.clone()] < key[..]);
        (at < self.nodes.len() && self.key(at) == key).then_some(at)
    }

    /// Whether a name exists, be it without records of its own (RFC 4592 §2.2.2).
    pub(super) fn exists(&self, name: &[u8]) -> bool {
        let mut key = Vec::with_capacity(name.len());
        push_key(name, &mut key);
        let at = self.nodes.partition_point(|node| self.keys[node.key.clone()] < key[..]);
        at < self.nodes.len() && self.key(at).starts_with(&key)
    }
}

/// Appends the name's canonical key, which begins with the key of every name above it.
pub(super) fn push_key(name: &[u8], out: &mut Vec<u8>) {
    canonical::write(name, &mut |octet| out.push(octet));
}
