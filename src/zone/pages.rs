//! A persistent hash index of octet strings: edits copy a few small pages, older versions stay as they were.
//!
//! A trie over the bits of a keyed 64-bit hash, six bits a level. Its leaves are pages of about 4 KiB that halve
//! the range of hashes they cover when they grow beyond it; a branch therefore has as many children as its 64 slots
//! need, found by counting bits. Collisions cost at most a longer page, never a deeper trie.

mod page;
#[cfg(test)]
mod tests;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use page::Page;
use std::hash::Hasher;
use std::sync::{Arc, OnceLock};

/// Size of a page in octets above which it is split: what an edit copies, against what the directory costs.
const PAGE_SIZE_MAX: usize = 4096;
/// Size of two neighbours in octets up to which they become one again; half a page, so that edits do not swing.
const MERGED_SIZE_MAX: usize = PAGE_SIZE_MAX / 2;
/// Bits of the hash one level consumes; a branch has 64 slots, one bit each of a word.
const LEVEL_BITS: u32 = 6;
/// Slots of a branch.
const SLOTS: u32 = 1 << LEVEL_BITS;
/// Shift of the first level.
const SHIFT_FIRST: u32 = u64::BITS - LEVEL_BITS;
/// Shift of the last level; below it are the eight bits of the tag. Deeper ranges are not split.
const SHIFT_LAST: u32 = SHIFT_FIRST % LEVEL_BITS + LEVEL_BITS;

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
    children: Arc<[Child]>,
}

#[derive(Clone)]
enum Child {
    Leaf(Page),
    Branch(Branch),
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

    #[inline]
    fn hash(self, octets: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed, self.shared);
        hasher.write(octets);
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
        let root = Branch { starts: 1, children: [Child::Leaf(Page::empty())].into() };
        Self { root, len: 0, key }
    }

    /// The value of `key`. No allocation; the cost does not depend on what the index holds.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let hash = self.key.hash(key);
        let mut branch = &self.root;
        let mut shift = SHIFT_FIRST;
        loop {
            match &branch.children[branch.child_of(slot(hash, shift))] {
                Child::Leaf(page) => return page.get(tag(hash), key),
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

    /// All keys and values, in no useful order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut open = vec![self.root.children.iter()];
        let leaves = std::iter::from_fn(move || {
            loop {
                match open.last_mut()?.next() {
                    Some(Child::Leaf(page)) => return Some(page),
                    Some(Child::Branch(branch)) => open.push(branch.children.iter()),
                    None => drop(open.pop()),
                }
            }
        });
        leaves.flat_map(|page| page.entries().map(|entry| (entry.key, entry.value)))
    }

    /// Octets of all pages and branches, for metrics and measurements; walks them all.
    pub fn memory(&self) -> usize {
        fn of(branch: &Branch) -> usize {
            // An `Arc` has two counters in front of its contents.
            let counters = 2 * size_of::<usize>();
            let below = branch.children.iter().map(|child| match child {
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
fn slot(hash: u64, shift: u32) -> u32 {
    (hash >> shift) as u32 % SLOTS
}

#[inline]
fn tag(hash: u64) -> u8 {
    hash as u8
}

impl Branch {
    /// The index of the child whose range `slot` is in.
    #[inline]
    fn child_of(&self, slot: u32) -> usize {
        (self.starts & (u64::MAX >> (SLOTS - 1 - slot))).count_ones() as usize - 1
    }

    /// The first slot of the range that `slot` is in, and how many slots it has.
    fn range_of(&self, slot: u32) -> (u32, u32) {
        let start = SLOTS - 1 - (self.starts & (u64::MAX >> (SLOTS - 1 - slot))).leading_zeros();
        let after = (self.starts >> start) >> 1;
        (start, if after == 0 { SLOTS - start } else { after.trailing_zeros() + 1 })
    }

    /// Whether the key was new.
    fn insert(&mut self, place: Place<'_>, value: &[u8], shift: u32, key: HashKey, scratch: &mut Vec<u8>) -> bool {
        let index = self.child_of(slot(place.hash, shift));
        match &mut Arc::make_mut(&mut self.children)[index] {
            Child::Branch(below) => below.insert(place, value, shift - LEVEL_BITS, key, scratch),
            Child::Leaf(page) => {
                let (grown, added) = page.with(tag(place.hash), place.key, value, scratch);
                let too_large = grown.size() > PAGE_SIZE_MAX && grown.count() > 1;
                *page = grown;
                if too_large {
                    self.split(slot(place.hash, shift), shift, key, scratch);
                }
                added
            }
        }
    }

    /// Halves the range that `slot` is in, whose child is a leaf; one slot becomes a branch of its own. A half may
    /// still be too large; the next insertion into it splits it again.
    fn split(&mut self, slot_in: u32, shift: u32, key: HashKey, scratch: &mut Vec<u8>) {
        let index = self.child_of(slot_in);
        let (start, size) = self.range_of(slot_in);
        let Child::Leaf(page) = &self.children[index] else { return };
        if size > 1 {
            let middle = start + size / 2;
            let (left, right) = page.split(|octets| slot(key.hash(octets), shift) < middle, scratch);
            let (before, after) = (&self.children[..index], &self.children[index + 1..]);
            let halves = [Child::Leaf(left), Child::Leaf(right)];
            self.children = before.iter().cloned().chain(halves).chain(after.iter().cloned()).collect();
            self.starts |= 1 << middle;
        } else if shift > SHIFT_LAST {
            let middle = SLOTS / 2;
            let below = shift - LEVEL_BITS;
            let (left, right) = page.split(|octets| slot(key.hash(octets), below) < middle, scratch);
            let branch = Branch { starts: 1 | 1 << middle, children: [Child::Leaf(left), Child::Leaf(right)].into() };
            Arc::make_mut(&mut self.children)[index] = Child::Branch(branch);
        }
    }

    /// Takes out a key that is there.
    fn remove(&mut self, place: Place<'_>, shift: u32, scratch: &mut Vec<u8>) {
        let index = self.child_of(slot(place.hash, shift));
        let child = &mut Arc::make_mut(&mut self.children)[index];
        match child {
            Child::Branch(below) => {
                below.remove(place, shift - LEVEL_BITS, scratch);
                if let [only] = &*below.children {
                    let only = only.clone();
                    *child = only;
                }
            }
            Child::Leaf(page) => {
                *page = page.without(tag(place.hash), place.key, scratch).expect("the caller found the key");
            }
        }
        self.merge(slot(place.hash, shift), scratch);
    }

    /// Joins the leaf that `slot` is in with the other half of its range, as long as both are small.
    fn merge(&mut self, slot: u32, scratch: &mut Vec<u8>) {
        loop {
            let (start, size) = self.range_of(slot);
            let other = start ^ size;
            if size == SLOTS || self.range_of(other) != (other, size) {
                return;
            }
            let right_start = start.max(other);
            let right_index = self.child_of(right_start);
            let (Child::Leaf(left), Child::Leaf(right)) =
                (&self.children[right_index - 1], &self.children[right_index])
            else {
                return;
            };
            if left.size() + right.size() > MERGED_SIZE_MAX {
                return;
            }
            let merged = Child::Leaf(left.merge(right, scratch));
            let (before, after) = (&self.children[..right_index - 1], &self.children[right_index + 1..]);
            self.children = before.iter().cloned().chain([merged]).chain(after.iter().cloned()).collect();
            self.starts &= !(1 << right_start);
        }
    }
}
