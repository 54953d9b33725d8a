//! A persistent hash index of octet strings: edits copy a few small pages, older versions stay as they were.
//!
//! A trie over the bits of a keyed 64-bit hash, six bits a level. Its leaves are pages of about 4 KiB that halve
//! the range of hashes they cover when they grow beyond it; the 64 slots of a branch therefore name as few pages as they
//! need, the same page for each slot of its range. Collisions cost at most a longer page, never a deeper trie.

mod bulk;
mod gathered;
mod page;
#[cfg(test)]
mod tests;

pub(in crate::zone) use bulk::Bulk;
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
pub use gathered::Gathered;
pub use page::Bucket;
use page::{Mark, Page};
use std::hash::Hasher;
use std::sync::{Arc, OnceLock};

/// Size of a page in octets above which it is split: what an edit copies, against what the directory costs.
const PAGE_SIZE_MAX: usize = 4096;
/// Size of two neighbours in octets up to which they become one again; half a page, so that edits do not swing.
const MERGED_SIZE_MAX: usize = PAGE_SIZE_MAX / 2;
/// Bits of the hash one level consumes; a branch has 64 slots, one bit each of a word.
const LEVEL_BITS: u32 = 6;
/// Longest key that two words of 16 octets cover.
const PIECES_LEN_MAX: usize = 32;
/// Slots of a branch.
const SLOTS: usize = 1 << LEVEL_BITS;
/// Shift of the first level.
const SHIFT_FIRST: u32 = u64::BITS - LEVEL_BITS;
/// Shift of the last level; below it are the eight bits of the tag. Deeper ranges are not split.
const SHIFT_LAST: u32 = SHIFT_FIRST % LEVEL_BITS + LEVEL_BITS;

/// Parts of the range of hashes that records are collected in before the index is made: what each slot of the root covers.
pub(in crate::zone) const PARTS: usize = SLOTS;

/// The part that a hash is in.
#[inline]
pub(in crate::zone) fn part(hash: u64) -> usize {
    slot(hash, SHIFT_FIRST)
}

/// One version of the index. Cloning is cheap: versions share their pages.
#[derive(Clone)]
pub struct Pages {
    root: Branch,
    len: usize,
    key: HashKey,
}

/// Edits on top of one version; branches already copied by this edit are changed in place.
pub struct PagesEdit {
    pages: Pages,
    scratch: Vec<u8>,
}

/// An inner node.
#[derive(Clone)]
struct Branch {
    /// Bit n is set where a child's range begins at slot n; ranges are powers of two and aligned.
    starts: u64,
    /// The child of each slot. Those of one range are the same.
    children: Arc<[Child; SLOTS]>,
}

#[derive(Clone)]
enum Child {
    Leaf(Page),
    Branch(Branch),
}

/// A record as it lies in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

/// The keyed hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hash(u64);

impl Hash {
    /// That of no key in particular.
    pub const ZERO: Self = Self(0);
}

/// The key of the hash. Names are chosen by strangers; what collides must not be theirs to choose.
#[derive(Clone, Copy)]
struct HashKey {
    seed: u64,
    shared: &'static SharedSeed,
    #[cfg(test)]
    mask: u64,
}

impl HashKey {
    fn new(seed: u64, shared: &'static SharedSeed) -> Self {
        Self {
            seed,
            shared,
            #[cfg(test)]
            mask: u64::MAX,
        }
    }

    /// The process's key, drawn from the operating system at first use.
    fn of_process() -> Self {
        static KEY: OnceLock<(u64, SharedSeed)> = OnceLock::new();
        let random = || getrandom::u64().expect("the operating system has random octets");
        let (seed, shared) = KEY.get_or_init(|| (random(), SharedSeed::from_u64(random())));
        Self::new(*seed, shared)
    }

    #[inline(always)]
    fn hash(self, octets: &[u8]) -> u64 {
        // Two overlapping pieces are what most labels are: without the general way's call and its loop. The length turns the
        // seed as it does there.
        let mut hasher = FoldHasher::with_seed(self.seed.rotate_right(octets.len() as u32), self.shared);
        match (octets.first_chunk(), octets.last_chunk()) {
            (Some(first), Some(last)) if octets.len() <= PIECES_LEN_MAX => {
                hasher.write_u128(u128::from_le_bytes(*first));
                hasher.write_u128(u128::from_le_bytes(*last));
            }
            _ => hasher.write(octets),
        }
        #[cfg(test)]
        return hasher.finish() & self.mask;
        #[cfg(not(test))]
        hasher.finish()
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

impl Pages {
    /// An empty index.
    pub fn new() -> Self {
        Self::with_key(HashKey::of_process())
    }

    /// An empty index whose pages depend on `seed` and not on the process; for measurements that are to be repeated.
    pub fn with_seed(seed: u64) -> Self {
        Self::with_key(HashKey::new(seed, SharedSeed::global_fixed()))
    }

    fn with_key(key: HashKey) -> Self {
        Self { root: Branch::of(&Page::empty()), len: 0, key }
    }

    /// The value of `key`. No allocation; the cost does not depend on what the index holds.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.bucket(self.hash(key)).get(key)
    }

    /// The same with the key as it is stored.
    #[inline]
    pub fn stored(&self, key: &[u8]) -> Option<Stored<'_>> {
        self.bucket(self.hash(key)).stored(key)
    }

    /// The hash of `key`, for [`Pages::bucket`] of any version.
    #[inline(always)]
    pub fn hash(&self, key: &[u8]) -> Hash {
        Hash(self.key.hash(key))
    }

    /// The hash of `key`, for records that an index is made of.
    #[inline]
    pub(in crate::zone) fn hash_octets(&self, key: &[u8]) -> u64 {
        self.key.hash(key)
    }

    /// What a key with this hash is in, if it is in the index: the walk there is most of a look-up's waiting for memory.
    #[inline(always)]
    pub fn bucket(&self, Hash(hash): Hash) -> Bucket<'_> {
        let mut branch = &self.root;
        let mut shift = SHIFT_FIRST;
        loop {
            match &branch.children[slot(hash, shift)] {
                Child::Leaf(page) => return page.bucket(Mark::of(hash)),
                Child::Branch(below) => {
                    branch = below;
                    shift -= LEVEL_BITS;
                }
            }
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Starts an edit.
    pub fn edit(&self) -> PagesEdit {
        PagesEdit { pages: self.clone(), scratch: Vec::new() }
    }

    /// All records, in no useful order.
    pub fn iter(&self) -> impl Iterator<Item = Stored<'_>> {
        let mut open = vec![self.root.distinct()];
        let leaves = std::iter::from_fn(move || {
            loop {
                match open.last_mut()?.next() {
                    Some(Child::Leaf(page)) => return Some(page),
                    Some(Child::Branch(branch)) => open.push(branch.distinct()),
                    None => drop(open.pop()),
                }
            }
        });
        leaves.flat_map(|page| page.entries().map(|entry| Stored { key: entry.key, value: entry.value }))
    }

    /// Octets of all pages and branches, for metrics and measurements; walks them all.
    pub fn memory(&self) -> usize {
        fn of(branch: &Branch) -> usize {
            // An `Arc` has two counters in front of its contents.
            let counters = 2 * size_of::<usize>();
            let below = branch.distinct().map(|child| match child {
                Child::Leaf(page) => counters + page.size(),
                Child::Branch(branch) => of(branch),
            });
            counters + size_of_val(&*branch.children) + below.sum::<usize>()
        }
        size_of::<Self>() + of(&self.root)
    }
}

impl PagesEdit {
    /// The value of `key` as edited so far.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.pages.get(key)
    }

    /// Sets the value of `key`.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) {
        let place = Place { hash: self.pages.key.hash(key), key };
        let added = self.pages.root.insert(place, value, SHIFT_FIRST, self.pages.key, &mut self.scratch);
        self.pages.len += usize::from(added);
    }

    /// Takes `key` out; whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        // Asked first, because removing copies branches on its way down.
        if self.pages.get(key).is_none() {
            return false;
        }
        let place = Place { hash: self.pages.key.hash(key), key };
        self.pages.root.remove(place, SHIFT_FIRST, &mut self.scratch);
        self.pages.len -= 1;
        true
    }

    /// The new version.
    pub fn finish(self) -> Pages {
        self.pages
    }
}

/// A key and its hash.
#[derive(Clone, Copy)]
struct Place<'a> {
    hash: u64,
    key: &'a [u8],
}

#[inline]
fn slot(hash: u64, shift: u32) -> usize {
    (hash >> shift) as usize % SLOTS
}

impl Branch {
    /// A branch with one page for everything.
    fn of(page: &Page) -> Self {
        Self { starts: 1, children: Arc::new(std::array::from_fn(|_| Child::Leaf(page.clone()))) }
    }

    /// Each child once.
    fn distinct(&self) -> impl Iterator<Item = &Child> {
        self.children.iter().enumerate().filter(|(slot, _)| self.starts >> slot & 1 == 1).map(|(_, child)| child)
    }

    /// The first slot of the range that `slot` is in, and how many slots it has.
    fn range_of(&self, slot: usize) -> (usize, usize) {
        let start = SLOTS - 1 - (self.starts & (u64::MAX >> (SLOTS - 1 - slot))).leading_zeros() as usize;
        let after = (self.starts >> start) >> 1;
        (start, if after == 0 { SLOTS - start } else { after.trailing_zeros() as usize + 1 })
    }

    /// Puts `page` into `size` slots from `start` on, which are one range from then on.
    fn set(&mut self, start: usize, size: usize, page: &Page) {
        Arc::make_mut(&mut self.children)[start..start + size].fill_with(|| Child::Leaf(page.clone()));
        self.starts &= !((u64::MAX >> (SLOTS - size)) << start);
        self.starts |= 1 << start;
    }

    /// Whether the key was new.
    fn insert(&mut self, place: Place<'_>, value: &[u8], shift: u32, key: HashKey, scratch: &mut Vec<u8>) -> bool {
        let slot_in = slot(place.hash, shift);
        let page = match &mut Arc::make_mut(&mut self.children)[slot_in] {
            Child::Branch(below) => return below.insert(place, value, shift - LEVEL_BITS, key, scratch),
            Child::Leaf(page) => page,
        };
        let (grown, added) = page.with(Mark::of(place.hash), place.key, value, scratch);
        let (start, size) = self.range_of(slot_in);
        if grown.size() > PAGE_SIZE_MAX && grown.can_be_split() && (size > 1 || shift > SHIFT_LAST) {
            self.split(&grown, start, size, shift, key, scratch);
        } else {
            self.set(start, size, &grown);
        }
        added
    }

    /// Puts the halves of `page` into the range of its `size` slots from `start` on; one slot becomes a branch of its own.
    /// A half may still be too large; the next insertion into it splits it again.
    fn split(&mut self, page: &Page, start: usize, size: usize, shift: u32, key: HashKey, scratch: &mut Vec<u8>) {
        if size > 1 {
            let half = size / 2;
            let (left, right) = page.split(|octets| slot(key.hash(octets), shift) < start + half, scratch);
            self.set(start, half, &left);
            self.set(start + half, half, &right);
        } else {
            let half = SLOTS / 2;
            let below = shift - LEVEL_BITS;
            let (left, right) = page.split(|octets| slot(key.hash(octets), below) < half, scratch);
            let mut branch = Self::of(&left);
            branch.set(0, half, &left);
            branch.set(half, half, &right);
            Arc::make_mut(&mut self.children)[start] = Child::Branch(branch);
        }
    }

    /// Takes out a key that is there.
    fn remove(&mut self, place: Place<'_>, shift: u32, scratch: &mut Vec<u8>) {
        let slot_in = slot(place.hash, shift);
        let child = &mut Arc::make_mut(&mut self.children)[slot_in];
        match child {
            Child::Branch(below) => {
                below.remove(place, shift - LEVEL_BITS, scratch);
                if below.starts == 1 {
                    let only = below.children[0].clone();
                    *child = only;
                }
            }
            Child::Leaf(page) => {
                let shrunk = page.without(Mark::of(place.hash), place.key, scratch).expect("the caller found the key");
                let (start, size) = self.range_of(slot_in);
                self.set(start, size, &shrunk);
            }
        }
        self.merge(slot_in, scratch);
    }

    /// Joins the leaf that `slot` is in with the other half of its range, as long as both are small.
    fn merge(&mut self, slot: usize, scratch: &mut Vec<u8>) {
        loop {
            let (start, size) = self.range_of(slot);
            let other = start ^ size;
            if size == SLOTS || self.range_of(other) != (other, size) {
                return;
            }
            let (Child::Leaf(one), Child::Leaf(two)) = (&self.children[start], &self.children[other]) else { return };
            if one.size() + two.size() > MERGED_SIZE_MAX {
                return;
            }
            let merged = one.merge(two, scratch);
            self.set(start.min(other), 2 * size, &merged);
        }
    }
}
