//! Many entries in one value of sled, because what sled keeps of each entry in memory and on disk is more than most of
//! ours have.
//!
//! A leaf of sled has 16 entries at most, whatever their size, and for each leaf it keeps some 400 octets in memory for
//! good: a million registrations, four entries each, took 145 MiB before anything was read. So an entry of sled is a
//! *pack* here. Its key, the *fence*, is a lower bound of the keys in it; they reach up to the next fence. An empty pack
//! goes.
//!
//! A pack that gets too long becomes several, written from the last to the first, which has the old fence. (A batch of
//! sled's would be atomic, but sends what is in its buffers to the disk twice.) After a stop in between the old pack still
//! has entries that lie behind the next fence, and are dead: [`Packs::get`] does not see them, [`Packs::iter`] passes over
//! them, and as the transaction is applied again, [`Packs::mend`] takes them away first. It finds them by the packs beside
//! them, which this transaction wrote.

pub(super) mod pack;

use super::{StoreError, damaged, failed, guarded, readable, unavailable};
use crate::registry::Unavailable;
use pack::{Borrowed, Pack, cut, entries, merge, undecodable, write_pack};
use sled::{IVec, Tree};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
#[cfg(test)]
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Whether there can be no dead entries; shared by all trees.
    pub(super) whole: Arc<AtomicBool>,
    /// Packs used last, as they are in sled, by their fences; of those with dead entries none.
    recent: Mutex<BTreeMap<IVec, IVec>>,
    /// After how many writes to sled it stops.
    #[cfg(test)]
    pub(super) stops: std::sync::atomic::AtomicUsize,
}

impl Packs {
    /// The packs of `tree`; `whole` says whether there can be no dead entries.
    pub(super) fn new(tree: Tree, whole: &Arc<AtomicBool>) -> Self {
        Self {
            tree,
            whole: Arc::clone(whole),
            recent: Mutex::default(),
            #[cfg(test)]
            stops: usize::MAX.into(),
        }
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

    /// All entries, without dead ones.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        let mut packs = self.tree.iter();
        let mut packs =
            std::iter::from_fn(move || readable(|| packs.next().transpose().map_err(unavailable)).transpose());
        let (mut next, mut pack) = (packs.next(), Vec::new().into_iter());
        std::iter::from_fn(move || {
            loop {
                if let Some(entry) = pack.next() {
                    return Some(Ok(entry));
                }
                let read = next.take()?.and_then(|(_, octets)| entries(&octets));
                next = packs.next();
                match (read, &next) {
                    (Err(error), _) => return Some(Err(error)),
                    (Ok(mut read), Some(Ok((fence, _)))) => {
                        read.truncate(read.partition_point(|(key, _)| key.as_slice() < fence.as_ref()));
                        pack = read.into_iter();
                    }
                    (Ok(read), _) => pack = read.into_iter(),
                }
            }
        })
    }

    /// Makes changes of transaction `seq`; their keys ascend. Each pack is read and written once.
    pub(super) fn write(&self, seq: u64, changes: &[Change<'_>]) -> Result<(), StoreError> {
        debug_assert!(changes.is_sorted_by(|(one, _), (other, _)| one < other), "one change a key, in order");
        let mut rest = changes;
        while let Some((key, _)) = rest.first() {
            let found = self.pack_of(key).map_err(|error| failed(error.0))?;
            let (fence, octets) = found.unwrap_or_default();
            let old = entries(&octets).map_err(|error| damaged(error.0))?;
            let here = self.count_in(&fence, &old, rest)?;
            let (changes, others) = rest.split_at(here);
            self.rewrite(seq, &fence, old, changes)?;
            rest = others;
        }
        Ok(())
    }

    /// Takes dead entries away that a stop left where transaction `seq` had changed `key`, before it is applied again.
    pub(super) fn mend(&self, seq: u64, key: &[u8]) -> Result<(), StoreError> {
        let read = |error: Unavailable| failed(error.0);
        let Some((mut fence, mut octets)) = self.pack_of(key).map_err(read)? else { return Ok(()) };
        if let Some((next, _)) = guarded(|| self.tree.get_gt(&fence)).map_err(failed)?.map_err(failed)? {
            self.cut_off(&fence, &octets, &next)?;
        }
        // What was written last lies before what was written first.
        while Pack::read(&octets).is_some_and(|pack| pack.seq >= seq) {
            let before = guarded(|| self.tree.get_lt(&fence)).map_err(failed)?.map_err(failed)?;
            let Some((before, old)) = before else { break };
            self.cut_off(&before, &old, &fence)?;
            (fence, octets) = (before, old);
        }
        Ok(())
    }

    /// Takes entries from `next` on out of the pack of `fence`.
    fn cut_off(&self, fence: &IVec, octets: &IVec, next: &[u8]) -> Result<(), StoreError> {
        let own = entries(octets).map_err(|error| damaged(error.0))?;
        let live = own.partition_point(|(key, _)| key.as_slice() < next);
        if live == own.len() {
            return Ok(());
        }
        let seq = Pack::read(octets).map_or(0, |pack| pack.seq);
        let live: Vec<Borrowed<'_>> =
            own[..live].iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
        self.put(fence.clone(), (!live.is_empty()).then(|| write_pack(seq, &live).into()))
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
    fn rewrite(&self, seq: u64, fence: &IVec, old: Vec<Owned>, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let last = old.last().map(|(key, _)| key.as_slice());
        let is_appended = last.is_none_or(|last| changes.iter().all(|(key, _)| last < *key));
        let entries = merge(&old, changes);
        let packs = cut(&entries, is_appended);
        let [first, more @ ..] = &*packs else { return self.put(fence.clone(), None) };
        for pack in more.iter().rev() {
            self.put(pack[0].0.into(), Some(write_pack(seq, pack).into()))?;
        }
        self.put(fence.clone(), Some(write_pack(seq, first).into()))
    }

    /// Puts a pack, or nothing, in the place of `fence`.
    fn put(&self, fence: IVec, octets: Option<IVec>) -> Result<(), StoreError> {
        #[cfg(test)]
        if self.stops.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err() {
            return Err(failed("stopped"));
        }
        let done = guarded(|| match &octets {
            Some(octets) => self.tree.insert(&fence, octets),
            None => self.tree.remove(&fence),
        });
        done.map_err(failed)?.map_err(failed)?;
        let mut recent = self.recent();
        match octets.filter(|_| self.whole.load(Relaxed)) {
            Some(octets) => remember(&mut recent, fence, octets),
            None => drop(recent.remove(&fence)),
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
        if let Some((fence, octets)) = found.as_ref().filter(|_| self.whole.load(Relaxed)) {
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
