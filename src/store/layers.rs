//! A tree with what has yet to be written to it: two layers in memory over the packs in sled.
//!
//! What transactions change goes into the upper layer, `fresh`. When a batch of them is written to sled it becomes the
//! lower one, `frozen`, which does not change; a thread beside the writer's writes it, in the order of keys, and reads go
//! on meanwhile. What they find is the newest of the three: as long as a layer has a key, nobody sees how far sled is.

use super::StoreError;
use super::packs::{Entry, Packs, recent_of, value_in};
use crate::registry::Unavailable;
use sled::IVec;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// A layer: what becomes of keys; no value removes one.
pub(super) type Layer = BTreeMap<Box<[u8]>, Option<Box<[u8]>>>;

/// Most packs of a tree that are remembered, until a batch is written: an import looks for each of a group's names twice, to decide
/// and to see what its index has of it, and finding a pack in sled costs a copy of its leaf.
const RECENT_MAX: usize = 2048;
/// What an entry takes in memory beside its octets, about: its place in the map and what the allocator rounds up.
const ENTRY_OCTETS: usize = 96;

/// A tree and its layers.
pub(super) struct Layers {
    packs: Arc<Packs>,
    fresh: Layer,
    frozen: Option<Arc<Layer>>,
    /// Packs read last, by their fences. For the keys of a frozen layer they may be old; they are forgotten before it goes.
    recent: RefCell<BTreeMap<IVec, IVec>>,
    /// No key before this one has a value. What is due, or aged, is asked for from the beginning again and again, where what has
    /// just been done has left keys without one until a batch is written.
    floor: RefCell<Box<[u8]>>,
}

impl Layers {
    /// Nothing over `packs`.
    pub(super) fn new(packs: Packs) -> Self {
        Self {
            packs: Arc::new(packs),
            fresh: Layer::new(),
            frozen: None,
            recent: RefCell::default(),
            floor: RefCell::default(),
        }
    }

    /// Whether sled has nothing; for the opening, when nothing lies over it.
    pub(super) fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    /// What is below the layers.
    pub(super) fn packs(&self) -> &Arc<Packs> {
        &self.packs
    }

    /// Empties the tree.
    pub(super) fn clear(&mut self) -> Result<(), StoreError> {
        (self.fresh, self.frozen) = (Layer::new(), None);
        self.forget();
        *self.floor.get_mut() = Box::default();
        self.packs.clear()
    }

    /// Puts a value, or nothing, in the place of `key`; the octets of memory that this takes more than before.
    pub(super) fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> usize {
        let floor = self.floor.get_mut();
        if value.is_some() && *key < **floor {
            *floor = key.as_slice().into();
        }
        let octets = key.len() + value.as_ref().map_or(0, Vec::len) + ENTRY_OCTETS;
        match self.fresh.insert(key.into(), value.map(Vec::into)) {
            // An entry that is written again and again counts each time: a little too much, never too little.
            Some(_) => octets - ENTRY_OCTETS,
            None => octets,
        }
    }

    /// Makes the fresh layer the frozen one, if it has anything; it must be thawed before it is frozen again.
    pub(super) fn freeze(&mut self) -> Option<Arc<Layer>> {
        debug_assert!(self.frozen.is_none(), "one batch at a time");
        if self.fresh.is_empty() {
            return None;
        }
        self.frozen = Some(Arc::new(std::mem::take(&mut self.fresh)));
        self.frozen.clone()
    }

    /// Lets go of the frozen layer, if there is one: all of it is in sled.
    pub(super) fn thaw(&mut self) -> Option<Arc<Layer>> {
        self.forget();
        self.frozen.take()
    }

    fn forget(&mut self) {
        self.recent.get_mut().clear();
    }

    /// The layers in memory, the newest first.
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.fresh).chain(self.frozen.as_deref())
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Unavailable> {
        if let Some(value) = self.layers().find_map(|layer| layer.get(key)) {
            return Ok(value.as_deref().map(<[u8]>::to_vec));
        }
        let mut recent = self.recent.borrow_mut();
        if let Some(octets) = recent_of(&recent, key) {
            return value_in(octets, key);
        }
        let Some((fence, octets)) = self.packs.pack_of(key)? else { return Ok(None) };
        if recent.len() >= RECENT_MAX {
            recent.clear();
        }
        let value = value_in(&octets, key);
        recent.insert(fence, octets);
        value
    }

    /// The greatest key.
    pub(super) fn last_key(&self) -> Result<Option<Vec<u8>>, Unavailable> {
        let is_there = |key: &[u8]| Ok(self.get(key)?.is_some());
        let mut last = match self.packs.last_key()? {
            Some(key) if !is_there(&key)? => {
                return self.iter().last().transpose().map(|last| last.map(|(key, _)| key));
            }
            last => last,
        };
        for layer in self.layers() {
            for key in layer.keys().rev().map(|key| &**key) {
                if last.as_deref().is_some_and(|last| key <= last) {
                    break;
                }
                if is_there(key)? {
                    last = Some(key.to_vec());
                    break;
                }
            }
        }
        Ok(last)
    }

    /// The entries from `from` on, those before `to` if that is given, in the order of their keys.
    pub(super) fn range<'a>(&'a self, from: &[u8], to: Option<&'a [u8]>) -> impl Iterator<Item = Entry> + use<'a> {
        // A range that ends before it begins is empty, and a map panics at one.
        let floor = self.floor.borrow().clone();
        let is_first = *from <= *floor;
        let from = if is_first { &*floor } else { from };
        let to = to.map(|to| if to < from { from.to_vec() } else { to.to_vec() });
        let end = to.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let within = |layer: &'a Layer| layer.range::<[u8], _>((Bound::Included(from), end));
        let (fresh, frozen) = (within(&self.fresh), self.frozen.as_deref().map(within));
        let mut entries = over(fresh, over(frozen.into_iter().flatten(), self.packs.range(from, to)));
        let first = if is_first { entries.next() } else { None };
        if let Some(Ok((key, _))) = &first {
            *self.floor.borrow_mut() = key.as_slice().into();
        }
        first.into_iter().chain(entries)
    }

    /// The entries whose keys begin with `prefix`.
    pub(super) fn prefix<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = Entry> + use<'a> {
        self.range(prefix, None)
            .take_while(move |entry| entry.as_ref().is_ok_and(|(key, _)| key.starts_with(prefix)) || entry.is_err())
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.range(&[], None)
    }
}

/// The entries of a layer over those `below` it, in the order of their keys.
fn over<'a>(
    layer: impl Iterator<Item = (&'a Box<[u8]>, &'a Option<Box<[u8]>>)>,
    below: impl Iterator<Item = Entry>,
) -> impl Iterator<Item = Entry> {
    let (mut layer, mut below) = (layer.peekable(), below.peekable());
    std::iter::from_fn(move || {
        loop {
            let Some((key, value)) = layer.peek() else { return below.next() };
            match below.peek() {
                Some(Err(_)) => return below.next(),
                Some(Ok((own, _))) if **own < ***key => return below.next(),
                Some(Ok((own, _))) if **own == ***key => drop(below.next()),
                _ => {}
            }
            let entry = value.as_ref().map(|value| (key.to_vec(), value.to_vec()));
            layer.next();
            if let Some(entry) = entry {
                return Some(Ok(entry));
            }
        }
    })
}
