//! Making an index from all its records at once: they come in the order of their hashes, and every page is written once.

use super::page::{self, Mark, Page};
use super::{Branch, Child, LEVEL_BITS, PAGE_SIZE_MAX, Pages, SHIFT_FIRST, SHIFT_LAST, SLOTS, slot};
use std::ops::Range;
use std::sync::Arc;

/// Octets of records up to which they are all kept before the first page is written. Above it each slot of the root has
/// so many that it is a range of its own, and its records are let go when its pages are made.
const WHOLE_SIZE_MAX: usize = SLOTS * 16 * PAGE_SIZE_MAX;

/// An index in the making.
pub struct Bulk {
    pages: Pages,
    /// The records since the last page, as they stand in pages.
    octets: Vec<u8>,
    places: Vec<Place>,
    /// Whether slots of the root are made one by one, and those that are.
    by_slot: Option<Vec<Child>>,
    scratch: Vec<u8>,
}

/// Where a record is.
struct Place {
    hash: u64,
    octets: Range<usize>,
}

impl Bulk {
    /// An index for records of about `size` octets in all, hashed as `pages` does, which are empty.
    pub fn on(pages: Pages, size: usize) -> Self {
        let by_slot = (size > WHOLE_SIZE_MAX).then(Vec::new);
        Self { pages, octets: Vec::new(), places: Vec::new(), by_slot, scratch: Vec::new() }
    }

    /// The hash of `key` that its record comes with.
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.pages.hash_octets(key)
    }

    /// Adds a record. Hashes never fall, and no key comes twice.
    pub fn push(&mut self, hash: u64, key: &[u8], value: &[u8]) {
        debug_assert!(hash == self.hash(key) && self.places.last().is_none_or(|last| last.hash <= hash));
        self.close_slots_before(slot(hash, SHIFT_FIRST));
        let start = self.octets.len();
        page::write_record(Mark::of(hash), key, value, &mut self.octets);
        self.places.push(Place { hash, octets: start..self.octets.len() });
        self.pages.len += 1;
    }

    /// The index of all records.
    pub fn finish(mut self) -> Pages {
        self.close_slots_before(SLOTS);
        self.pages.root = match self.by_slot.take() {
            Some(children) => whole(u64::MAX, children),
            None => self.branch(0..self.places.len(), SHIFT_FIRST),
        };
        self.pages
    }

    /// Makes the children of the root for all slots before this one, if they are made one by one.
    fn close_slots_before(&mut self, next: usize) {
        let Some(mut children) = self.by_slot.take() else { return };
        while children.len() < next {
            let all = 0..self.places.len();
            let child = if self.fits(&all) {
                Child::Leaf(self.page(all))
            } else {
                Child::Branch(self.branch(all, SHIFT_FIRST - LEVEL_BITS))
            };
            children.push(child);
            self.places.clear();
            self.octets.clear();
        }
        self.by_slot = Some(children);
    }

    fn branch(&mut self, places: Range<usize>, shift: u32) -> Branch {
        let (mut starts, mut children) = (0, Vec::with_capacity(SLOTS));
        self.children(places, shift, 0..SLOTS, &mut starts, &mut children);
        whole(starts, children)
    }

    /// Makes the children for these slots: one page if all records fit into it, else those of both halves.
    fn children(
        &mut self,
        places: Range<usize>,
        shift: u32,
        slots: Range<usize>,
        starts: &mut u64,
        children: &mut Vec<Child>,
    ) {
        let size = slots.end - slots.start;
        if size > 1 && !self.fits(&places) {
            let middle = slots.start + size / 2;
            let right = self.places[places.clone()].partition_point(|place| slot(place.hash, shift) < middle);
            let cut = places.start + right;
            self.children(places.start..cut, shift, slots.start..middle, starts, children);
            self.children(cut..places.end, shift, middle..slots.end, starts, children);
            return;
        }
        *starts |= 1 << slots.start;
        if shift > SHIFT_LAST && !self.fits(&places) {
            children.push(Child::Branch(self.branch(places, shift - LEVEL_BITS)));
        } else {
            let page = self.page(places);
            children.extend((0..size).map(|_| Child::Leaf(page.clone())));
        }
    }

    /// Whether a page of these records need not be split.
    fn fits(&self, places: &Range<usize>) -> bool {
        let octets = match &self.places[places.clone()] {
            [] | [_] => return true,
            [first, .., last] => last.octets.end - first.octets.start,
        };
        page::size(octets) <= PAGE_SIZE_MAX
    }

    fn page(&mut self, places: Range<usize>) -> Page {
        let records = self.places[places].iter();
        let records = records.map(|place| (Mark::of(place.hash), &self.octets[place.octets.clone()]));
        Page::build(records, &mut self.scratch)
    }
}

/// The branch of these children, one for each slot.
fn whole(starts: u64, children: Vec<Child>) -> Branch {
    let children: [Child; SLOTS] = children.try_into().ok().expect("every slot has a child");
    Branch { starts, children: Arc::new(children) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::pages::Stored;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// What is made at once and what is inserted one by one hold the same, and take edits alike.
        #[test]
        fn it_holds_what_an_edit_would(
            records in prop::collection::btree_map(
                prop::collection::vec(any::<u8>(), 0..12),
                prop_oneof![8 => prop::collection::vec(any::<u8>(), 0..60), 1 => prop::collection::vec(any::<u8>(), 900..4200)],
                0..400,
            ),
            mask in prop_oneof![Just(u64::MAX), Just(0xc000_0000_0000_00ff), Just(0x0000_0000_00ff_ff01), Just(0x03), Just(0)],
            size in prop_oneof![Just(0), Just(usize::MAX)],
        ) {
            let mut empty = Pages::with_seed(7);
            empty.key.mask = mask;
            let mut bulk = Bulk::on(empty.clone(), size);
            let mut sorted: Vec<_> = records.iter().map(|(key, value)| (bulk.pages.hash_octets(key), key, value)).collect();
            sorted.sort();
            for (hash, key, value) in sorted {
                bulk.push(hash, key, value);
            }
            let pages = bulk.finish();
            let model: BTreeMap<&[u8], &[u8]> = records.iter().map(|(key, value)| (&key[..], &value[..])).collect();
            prop_assert_eq!(pages.len(), model.len());
            let all: BTreeMap<_, _> = pages.iter().map(|Stored { key, value }| (key, value)).collect();
            prop_assert_eq!(all, model.clone());
            prop_assert!(model.iter().all(|(key, value)| pages.get(key) == Some(value)));
            prop_assert_eq!(pages.get(b"a key of more than twelve octets"), None);
            let mut edit = pages.edit();
            for (number, (key, _)) in model.iter().enumerate() {
                if number % 3 == 0 {
                    prop_assert!(edit.remove(key));
                } else {
                    edit.insert(key, b"other");
                }
            }
            let edited = edit.finish();
            for (number, (key, _)) in model.iter().enumerate() {
                prop_assert_eq!(edited.get(key), (number % 3 != 0).then_some(&b"other"[..]));
            }
        }
    }

    #[test]
    fn many_records_make_an_index_no_larger_than_edits_do() {
        let keys: Vec<Vec<u8>> = (0..60_000_u32).map(|n| format!("xn--{n:019}").into_bytes()).collect();
        let mut edit = Pages::with_seed(1).edit();
        keys.iter().for_each(|key| edit.insert(key, &[0; 60]));
        let mut bulk = Bulk::on(Pages::with_seed(1), WHOLE_SIZE_MAX + 1);
        let mut sorted: Vec<_> = keys.iter().map(|key| (bulk.pages.hash_octets(key), key)).collect();
        sorted.sort();
        sorted.into_iter().for_each(|(hash, key)| bulk.push(hash, key, &[0; 60]));
        let (one_by_one, at_once) = (edit.finish(), bulk.finish());
        assert_eq!(at_once.len(), keys.len());
        assert!(at_once.memory() <= one_by_one.memory() * 101 / 100, "{} {}", at_once.memory(), one_by_one.memory());
    }
}
