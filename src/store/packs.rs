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
//! has entries that lie behind the next fence, and are dead: [`Packs::pack_of`] does not lead to them, [`Packs::range`] passes over
//! them, and as the batch of transactions is written again, [`Packs::mend`] takes them away first. It finds them by the packs beside
//! them, which this batch wrote.
//!
//! One thread writes, another reads meanwhile: it finds each entry that is not being changed.

pub(super) mod pack;

use super::{StoreError, damaged, failed, guarded, readable, unavailable};
use crate::registry::Unavailable;
use pack::{Borrowed, Pack, cut, entries, merge, undecodable, write_pack};
use sled::{IVec, Tree};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;
#[cfg(test)]
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{PoisonError, RwLock};

/// An entry, or why there is none.
pub(super) type Entry = Result<Owned, Unavailable>;

/// A key and its value.
type Owned = (Vec<u8>, Vec<u8>);

/// What is to become of a key: its value, or none.
pub(super) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// After how many writes to sled it stops.
#[cfg(test)]
pub(super) type Stops = std::sync::Arc<std::sync::atomic::AtomicUsize>;

/// A tree of sled with packs in it.
pub(super) struct Packs {
    tree: Tree,
    /// Taken to write while a pack becomes several: who looks for an entry then would find it in neither.
    cutting: RwLock<()>,
    #[cfg(test)]
    pub(super) stops: Stops,
}

impl Packs {
    /// The packs of `tree`.
    pub(super) fn new(tree: Tree) -> Self {
        Self {
            tree,
            cutting: RwLock::new(()),
            #[cfg(test)]
            stops: Stops::new(usize::MAX.into()),
        }
    }

    #[cfg(test)]
    pub(super) fn stopping_with(self, stops: &Stops) -> Self {
        Self { stops: Stops::clone(stops), ..self }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    pub(super) fn clear(&self) -> Result<(), StoreError> {
        guarded(|| self.tree.clear()).map_err(failed)?.map_err(failed)
    }

    /// The fence and the octets of the pack that `key` is in, or would be.
    pub(super) fn pack_of(&self, key: &[u8]) -> Result<Option<(IVec, IVec)>, Unavailable> {
        let _whole = self.cutting.read().unwrap_or_else(PoisonError::into_inner);
        readable(|| self.tree.range(..=key).next_back().transpose().map_err(unavailable))
    }

    /// The greatest key.
    pub(super) fn last_key(&self) -> Result<Option<Vec<u8>>, Unavailable> {
        let Some((_, octets)) = readable(|| self.tree.last().map_err(unavailable))? else { return Ok(None) };
        Ok(entries(&octets)?.pop().map(|(key, _)| key))
    }

    /// The entries from `from` on, those before `to` if that is given, in the order of their keys, without dead ones.
    pub(super) fn range<'a>(&'a self, from: &[u8], to: Option<Vec<u8>>) -> impl Iterator<Item = Entry> + use<'a> {
        let (from, found) = (from.to_vec(), self.pack_of(from));
        let (rest, mut next) = match found {
            Ok(Some((fence, octets))) => {
                (self.tree.range((Bound::Excluded(fence.clone()), Bound::Unbounded)), Some(Ok((fence, octets))))
            }
            Ok(None) => (self.tree.iter(), None),
            Err(error) => (self.tree.iter(), Some(Err(error))),
        };
        let mut rest = rest.map(|pack| pack.map_err(unavailable));
        let mut rest = std::iter::from_fn(move || readable(|| rest.next().transpose()).transpose());
        next = next.or_else(|| rest.next());
        let mut pack = Vec::new().into_iter();
        std::iter::from_fn(move || {
            loop {
                if let Some((key, value)) = pack.next() {
                    return to.as_ref().is_none_or(|to| key < *to).then_some(Ok((key, value)));
                }
                let read = next.take()?.and_then(|(_, octets)| entries(&octets));
                next = rest.next();
                let mut read = match read {
                    Ok(read) => read,
                    Err(error) => return Some(Err(error)),
                };
                if let Some(Ok((fence, _))) = &next {
                    read.truncate(read.partition_point(|(key, _)| **key < **fence));
                }
                pack = read.split_off(read.partition_point(|(key, _)| *key < from)).into_iter();
            }
        })
        .fuse()
    }

    /// Makes changes, as part of what `seq` is the last transaction of; their keys ascend. Each pack is read and written once.
    pub(super) fn write(&self, seq: u64, changes: &[Change<'_>]) -> Result<(), StoreError> {
        debug_assert!(changes.is_sorted_by(|(one, _), (other, _)| one < other), "one change a key, in order");
        let find = |changes: &[Change<'_>]| match changes.first() {
            Some((key, _)) => self.pack_of(key).map_err(|error| failed(error.0)).map(Option::unwrap_or_default),
            None => Ok(<(IVec, IVec)>::default()),
        };
        let (mut rest, mut found) = (changes, find(changes)?);
        while !rest.is_empty() {
            let (fence, octets) = found;
            let old = entries(&octets).map_err(|error| damaged(error.0))?;
            let last = old.last().map_or(&[][..], |(key, _)| key);
            // What lies between two keys of a pack is its own.
            let mut here = rest.partition_point(|(key, _)| *key <= last).max(1);
            found = find(&rest[here..])?;
            if here < rest.len() && found.0 == fence {
                let next = guarded(|| self.tree.get_gt(&fence)).map_err(failed)?.map_err(failed)?;
                here = next.map_or(rest.len(), |(next, _)| rest.partition_point(|(key, _)| *key < next.as_ref()));
                found = find(&rest[here..])?;
            }
            self.rewrite(seq, &fence, old, &rest[..here])?;
            rest = &rest[here..];
        }
        Ok(())
    }

    /// Takes dead entries away that a stop left where batches from transaction `seq` on had changed `keys`, which ascend, before
    /// they are written again.
    pub(super) fn mend<'k>(&self, seq: u64, keys: impl Iterator<Item = &'k [u8]>) -> Result<(), StoreError> {
        let read = |error: Unavailable| failed(error.0);
        // Up to this fence it is done.
        let mut done: Option<IVec> = None;
        for key in keys {
            let Some((last, mut octets)) = self.pack_of(key).map_err(read)? else { continue };
            if done.as_ref() == Some(&last) {
                continue;
            }
            if let Some((next, _)) = guarded(|| self.tree.get_gt(&last)).map_err(failed)?.map_err(failed)? {
                self.cut_off(&last, &octets, &next)?;
            }
            // What was written last lies before what was written first.
            let mut fence = last.clone();
            while Pack::read(&octets).is_some_and(|pack| pack.seq >= seq) {
                let before = guarded(|| self.tree.get_lt(&fence)).map_err(failed)?.map_err(failed)?;
                let Some((before, old)) = before else { break };
                self.cut_off(&before, &old, &fence)?;
                if done.as_ref() == Some(&before) {
                    break;
                }
                (fence, octets) = (before, old);
            }
            done = Some(last);
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
        self.put(fence, (!live.is_empty()).then(|| write_pack(seq, &live)))
    }

    /// Writes the pack of `fence`, which had the entries `old`, with `changes`: one or more packs, or none.
    fn rewrite(&self, seq: u64, fence: &IVec, old: Vec<Owned>, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let last = old.last().map(|(key, _)| key.as_slice());
        let is_appended = last.is_none_or(|last| changes.iter().all(|(key, _)| last < *key));
        let entries = merge(&old, changes);
        let packs = cut(&entries, is_appended);
        let [first, more @ ..] = &*packs else { return self.put(fence, None) };
        let _cutting = (!more.is_empty()).then(|| self.cutting.write().unwrap_or_else(PoisonError::into_inner));
        for pack in more.iter().rev() {
            self.put(pack[0].0, Some(write_pack(seq, pack)))?;
        }
        self.put(fence, Some(write_pack(seq, first)))
    }

    /// Puts a pack, or nothing, in the place of `fence`.
    fn put(&self, fence: &[u8], octets: Option<Vec<u8>>) -> Result<(), StoreError> {
        #[cfg(test)]
        self.may_go_on()?;
        let done = guarded(|| match octets {
            Some(octets) => self.tree.insert(fence, octets),
            None => self.tree.remove(fence),
        });
        done.map_err(failed)?.map_err(failed).map(drop)
    }

    #[cfg(test)]
    pub(super) fn may_go_on(&self) -> Result<(), StoreError> {
        let stopped = self.stops.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_err();
        if stopped { Err(failed("stopped")) } else { Ok(()) }
    }
}

/// The value of `key` in a pack.
pub(super) fn value_in(octets: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Unavailable> {
    let pack = Pack::read(octets).ok_or_else(undecodable)?;
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

/// The pack of `key`, if it is among those in memory. What lies between two keys of a pack is its own; behind the last
/// one another may begin.
pub(super) fn recent_of<'a>(recent: &'a BTreeMap<IVec, IVec>, key: &[u8]) -> Option<&'a IVec> {
    let (_, octets) = recent.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()?;
    Pack::read(octets)?.reaches(key).then_some(octets)
}
