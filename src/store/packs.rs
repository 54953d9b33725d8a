//! Many entries in one value of sled, because what sled keeps of each entry in memory and on disk is more than most of
//! ours have.
//!
//! A leaf of sled has 16 entries at most, whatever their size, and for each leaf it keeps some 400 octets in memory for
//! good: a million registrations, four entries each, took 145 MiB before anything was read. So an entry of sled is a
//! *pack* here. Its key, the *fence*, is a lower bound of the keys in it; they reach up to the next fence. A pack that gets
//! too long becomes several in one atomic batch of sled's, so that after a stop each key is in one pack; an empty one goes.
//!
//! ```text
//! pack   length prefix, then for each entry in the order of keys: length of its key after the prefix, length of its
//!        value, rest of the key, value
//! ```
//! The prefix is what all its keys begin with. Lengths take 7 bits an octet, the low ones first; the last octet has no
//! high bit.

use super::{StoreError, damaged, failed, guarded, readable, unavailable};
use crate::registry::Unavailable;
use sled::{Batch, IVec, Tree};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most octets of a pack with several entries. Each change writes the packs of its entries anew, so longer ones make more
/// to write and fewer for sled to keep; at 1 KiB a pack has some 5 names or 20 index entries.
const PACK_OCTETS_MAX: usize = 1024;

/// An entry, or why there is none.
pub(super) type Entry = Result<Owned, Unavailable>;

/// A key and its value.
type Owned = (Vec<u8>, Vec<u8>);

/// What is to become of a key: its value, or none.
pub(super) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// Most packs of a tree that are remembered: an import looks for each name three times within one of its batches (to
/// decide, to see what its index has of it, to write it), and finding a pack in sled costs a copy of its leaf.
const RECENT_MAX: usize = 1024;

/// A tree of sled with packs in it.
pub(super) struct Packs {
    tree: Tree,
    /// Packs used last, as they are in sled, by their fences.
    recent: Mutex<BTreeMap<IVec, IVec>>,
}

impl Packs {
    pub(super) fn new(tree: Tree) -> Self {
        Self { tree, recent: Mutex::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    pub(super) fn clear(&self) -> Result<(), StoreError> {
        self.recent().clear();
        guarded(|| self.tree.clear()).map_err(failed)?.map_err(failed)
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Unavailable> {
        let Some((_, octets)) = self.pack_of(key)? else { return Ok(None) };
        let pack = Pack::read(&octets).ok_or_else(undecodable)?;
        let Some(rest) = key.strip_prefix(pack.prefix) else { return Ok(None) };
        for entry in pack {
            let (own, value) = entry.ok_or_else(undecodable)?;
            match own.cmp(rest) {
                Ordering::Less => {}
                Ordering::Equal => return Ok(Some(value.to_vec())),
                Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    /// The greatest key.
    pub(super) fn last_key(&self) -> Result<Option<Vec<u8>>, Unavailable> {
        let Some((_, octets)) = readable(|| self.tree.last().map_err(unavailable))? else { return Ok(None) };
        Ok(entries(&octets)?.pop().map(|(key, _)| key))
    }

    /// The entries from `from` on, those before `to` if that is given, in the order of their keys.
    pub(super) fn range<'a>(&'a self, from: &[u8], to: Option<&'a [u8]>) -> impl Iterator<Item = Entry> + use<'a> {
        let from = from.to_vec();
        let (mut packs, first) = match self.pack_of(&from) {
            Ok(None) => (self.tree.iter(), Ok(Vec::new())),
            Ok(Some((fence, octets))) => {
                (self.tree.range((Bound::Excluded(fence), Bound::Unbounded)), entries(&octets))
            }
            Err(error) => (self.tree.iter(), Err(error)),
        };
        let (mut pack, mut failure) = match first {
            Ok(mut first) => (first.split_off(first.partition_point(|(key, _)| *key < from)).into_iter(), None),
            Err(error) => (Vec::new().into_iter(), Some(error)),
        };
        std::iter::from_fn(move || {
            if let Some(error) = failure.take() {
                return Some(Err(error));
            }
            loop {
                if let Some((key, value)) = pack.next() {
                    return to.is_none_or(|to| key.as_slice() < to).then_some(Ok((key, value)));
                }
                let next = readable(|| packs.next().transpose().map_err(unavailable)).transpose()?;
                match next.and_then(|(_, octets)| entries(&octets)) {
                    Ok(read) => pack = read.into_iter(),
                    Err(error) => return Some(Err(error)),
                }
            }
        })
        .fuse()
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

    /// Makes changes; their keys ascend. Each pack is read and written once.
    pub(super) fn write(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        debug_assert!(changes.is_sorted_by(|(one, _), (other, _)| one < other), "one change a key, in order");
        let mut rest = changes;
        while let Some((key, _)) = rest.first() {
            let found = self.pack_of(key).map_err(|error| failed(error.0))?;
            let (fence, octets) = found.unwrap_or_default();
            let old = entries(&octets).map_err(|error| damaged(error.0))?;
            let here = self.count_in(&fence, &old, rest)?;
            let (changes, others) = rest.split_at(here);
            self.rewrite(&fence, old, changes)?;
            rest = others;
        }
        Ok(())
    }

    /// How many of `changes`, the first of which belongs into the pack of `fence`, do.
    fn count_in(&self, fence: &[u8], old: &[Owned], changes: &[Change<'_>]) -> Result<usize, StoreError> {
        let last = old.last().map_or(&[][..], |(key, _)| key);
        // What lies between two keys of a pack is its own.
        let within = changes.partition_point(|(key, _)| *key <= last).max(1);
        let Some((key, _)) = changes.get(within) else { return Ok(within) };
        let own =
            self.pack_of(key).map_err(|error| failed(error.0))?.map_or(fence.is_empty(), |(other, _)| other == fence);
        if !own {
            return Ok(within);
        }
        let next = guarded(|| self.tree.get_gt(fence)).map_err(failed)?.map_err(failed)?;
        Ok(next.map_or(changes.len(), |(next, _)| changes.partition_point(|(key, _)| *key < next.as_ref())))
    }

    /// Writes the pack of `fence`, which had the entries `old`, with `changes`: one or more packs, or none.
    fn rewrite(&self, fence: &[u8], old: Vec<Owned>, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let last = old.last().map(|(key, _)| key.as_slice());
        let is_appended = last.is_none_or(|last| changes.iter().all(|(key, _)| last < *key));
        let entries = merge(&old, changes);
        let packs: Vec<(IVec, IVec)> =
            cut(&entries, is_appended).into_iter().map(|pack| (pack[0].0.into(), write_pack(pack).into())).collect();
        let done = match &*packs {
            [] => guarded(|| self.tree.remove(fence)).map_err(failed)?.map(drop),
            [(_, octets)] => guarded(|| self.tree.insert(fence, octets)).map_err(failed)?.map(drop),
            [(_, octets), more @ ..] => {
                let mut batch = Batch::default();
                batch.insert(fence, octets);
                more.iter().for_each(|(fence, octets)| batch.insert(fence, octets));
                guarded(|| self.tree.apply_batch(batch)).map_err(failed)?
            }
        };
        done.map_err(failed)?;
        let mut recent = self.recent();
        recent.remove(fence);
        for (at, (first, octets)) in packs.into_iter().enumerate() {
            remember(&mut recent, if at == 0 { fence.into() } else { first }, octets);
        }
        Ok(())
    }

    /// The fence and the octets of the pack that `key` is in, or would be.
    fn pack_of(&self, key: &[u8]) -> Result<Option<(IVec, IVec)>, Unavailable> {
        if let Some(found) = recent_of(&self.recent(), key) {
            return Ok(Some(found));
        }
        // Nobody writes this pack meanwhile: two threads that write share none.
        let found = readable(|| self.tree.range(..=key).next_back().transpose().map_err(unavailable))?;
        if let Some((fence, octets)) = &found {
            remember(&mut self.recent(), fence.clone(), octets.clone());
        }
        Ok(found)
    }

    fn recent(&self) -> MutexGuard<'_, BTreeMap<IVec, IVec>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fence of the pack that `key` is in, or would be: changes on both sides of it do not meet in a pack.
    pub(super) fn fence(&self, key: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(self.pack_of(key)?.map(|(fence, _)| fence.to_vec()).unwrap_or_default())
    }
}

/// The pack of `key`, if it is among the remembered ones. What lies between two keys of a pack is its own; behind the last
/// one another may begin.
fn recent_of(recent: &BTreeMap<IVec, IVec>, key: &[u8]) -> Option<(IVec, IVec)> {
    let (fence, octets) = recent.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()?;
    Pack::read(octets)?.reaches(key).then(|| (fence.clone(), octets.clone()))
}

/// Notes a pack as it is in sled now.
fn remember(recent: &mut BTreeMap<IVec, IVec>, fence: IVec, octets: IVec) {
    if recent.len() >= RECENT_MAX {
        recent.clear();
    }
    recent.insert(fence, octets);
}

fn undecodable() -> Unavailable {
    Unavailable("the store is damaged: a pack does not decode".into())
}

/// An entry where it lies.
type Borrowed<'a> = (&'a [u8], &'a [u8]);

/// `old` with `changes`; both are in the order of their keys.
fn merge<'a>(old: &'a [Owned], changes: &[Change<'a>]) -> Vec<Borrowed<'a>> {
    let mut all = Vec::with_capacity(old.len() + changes.len());
    let mut old = old.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).peekable();
    for (key, value) in changes {
        while let Some(entry) = old.next_if(|(own, _)| own < key) {
            all.push(entry);
        }
        old.next_if(|(own, _)| own == key);
        all.extend(value.map(|value| (*key, value)));
    }
    all.extend(old);
    all
}

/// Cuts entries into packs: evenly, so that each has room, or full ones if they grow at their end.
fn cut<'a, 'e>(entries: &'e [Borrowed<'a>], is_appended: bool) -> Vec<&'e [Borrowed<'a>]> {
    let length = |(key, value): &Borrowed<'_>| key.len() + value.len();
    let total: usize = entries.iter().map(length).sum();
    let packs = total.div_ceil(PACK_OCTETS_MAX).max(1);
    let enough = if is_appended { PACK_OCTETS_MAX } else { total.div_ceil(packs) };
    let mut cut = Vec::with_capacity(packs);
    let (mut start, mut octets) = (0, 0);
    for (at, entry) in entries.iter().enumerate() {
        if at > start && (octets >= enough || octets + length(entry) > PACK_OCTETS_MAX) {
            cut.push(&entries[start..at]);
            (start, octets) = (at, 0);
        }
        octets += length(entry);
    }
    if start < entries.len() {
        cut.push(&entries[start..]);
    }
    cut
}

/// The octets of a pack with `entries`; there is one at least.
fn write_pack(entries: &[Borrowed<'_>]) -> Vec<u8> {
    let [(first, _), ..] = entries else { return Vec::new() };
    let last = entries.last().map_or(*first, |(key, _)| *key);
    let common = first.iter().zip(last).take_while(|(one, other)| one == other).count();
    let mut octets = Vec::with_capacity(PACK_OCTETS_MAX);
    write_length(&mut octets, common);
    octets.extend_from_slice(&first[..common]);
    for (key, value) in entries {
        write_length(&mut octets, key.len() - common);
        write_length(&mut octets, value.len());
        octets.extend_from_slice(&key[common..]);
        octets.extend_from_slice(value);
    }
    octets
}

/// The entries of a pack's octets; none have none.
fn entries(octets: &[u8]) -> Result<Vec<Owned>, Unavailable> {
    if octets.is_empty() {
        return Ok(Vec::new());
    }
    let pack = Pack::read(octets).ok_or_else(undecodable)?;
    let prefix = pack.prefix;
    let whole = |entry: Option<Borrowed<'_>>| {
        let (rest, value) = entry.ok_or_else(undecodable)?;
        Ok(([prefix, rest].concat(), value.to_vec()))
    };
    pack.map(whole).collect()
}

/// A pack being read: its entries, with the rest of their keys.
struct Pack<'a> {
    prefix: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Pack<'a> {
    fn read(mut octets: &'a [u8]) -> Option<Self> {
        let length = read_length(&mut octets)?;
        let (prefix, rest) = octets.split_at_checked(length)?;
        Some(Self { prefix, rest })
    }

    /// Whether its last key is not less than `key`.
    fn reaches(self, key: &[u8]) -> bool {
        let prefix = self.prefix;
        let last = self.flatten().last();
        last.is_some_and(|(rest, _)| prefix.iter().chain(rest).ge(key))
    }

    fn entry(&mut self) -> Option<Borrowed<'a>> {
        let (key, value) = (read_length(&mut self.rest)?, read_length(&mut self.rest)?);
        let (key, rest) = self.rest.split_at_checked(key)?;
        let (value, rest) = rest.split_at_checked(value)?;
        self.rest = rest;
        Some((key, value))
    }
}

impl<'a> Iterator for Pack<'a> {
    /// Nothing where the octets are damaged; then it ends.
    type Item = Option<Borrowed<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.entry();
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry)
    }
}

fn write_length(octets: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        octets.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    octets.push(length.to_le_bytes()[0]);
}

fn read_length(octets: &mut &[u8]) -> Option<usize> {
    let mut length = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let octet = *octets.split_off_first()?;
        length |= usize::from(octet & 0x7F).checked_shl(shift)?;
        if octet < 0x80 {
            return Some(length);
        }
    }
    None
}
