//! One page of the index: immutable octets that hold some records, one allocation.
//!
//! ```text
//! starts: u32 × 65 | records, bucket by bucket: tag, key length, value length (varint each), key, value
//! ```
//!
//! Some bits of each key's hash choose one of 64 buckets, `starts` says where a bucket's records begin and end, and a tag
//! is eight bits more of the hash. A search so waits for memory twice: for one pair of starts, and for the one or two
//! records of a bucket, which lie one behind the other. Starts count from the first record.

use super::super::same::is_same;
use super::Stored;
use std::sync::Arc;

/// Buckets of a page: a full page has between one and two records in each. Half as many would save an octet of index for
/// an owner name, and cost each look-up the reading of another record.
const BUCKETS: usize = 64;
/// Octets of one start.
const START_LEN: usize = 4;
/// Octets of the starts: one for each bucket, and the end of the last.
const STARTS_LEN: usize = START_LEN * (BUCKETS + 1);
/// Octets of a line of the processor's cache.
const LINE_LEN: usize = 64;
/// Lines of a bucket that are asked for together: nearly all buckets have no more.
const LINES_TOUCHED: usize = 4;
/// Octets of a record before its key if both lengths are one octet.
const SHORT_HEAD_LEN: usize = 3;
/// The bit of a length's octet that says that more follow.
const MORE: u8 = 0x80;

/// An immutable page; clones share it.
#[derive(Clone)]
pub(super) struct Page(Arc<[u8]>);

/// What a page knows of a key's hash: the bits below those that lead to the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    bucket: u8,
    tag: u8,
}

/// The records of one bucket.
#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    tag: u8,
    octets: &'a [u8],
}

/// A record in a page: where it is, and what it says.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    mark: Mark,
    octets: &'a [u8],
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

impl Mark {
    /// The lowest bits of the hash: they are used last by the levels of the trie.
    #[inline]
    pub fn of(hash: u64) -> Self {
        Self { bucket: (hash >> 8) as u8 % BUCKETS as u8, tag: hash as u8 }
    }
}

impl Page {
    /// A page without records.
    pub fn empty() -> Self {
        Self(Arc::from(&[0; STARTS_LEN][..]))
    }

    /// Whether both are the same allocation.
    #[cfg(test)]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Size in octets.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds more than one record.
    pub fn can_be_split(&self) -> bool {
        self.entries().nth(1).is_some()
    }

    /// The records among which is that of a key with this mark, if there is one.
    #[inline(always)]
    pub fn bucket(&self, mark: Mark) -> Bucket<'_> {
        let Some((starts, records)) = self.0.split_first_chunk::<STARTS_LEN>() else { return Bucket::EMPTY };
        let start = |bucket: usize| u32::from_le_bytes(starts.as_chunks::<START_LEN>().0[bucket]) as usize;
        let bucket = usize::from(mark.bucket) % BUCKETS;
        match records.get(start(bucket)..start(bucket + 1)) {
            Some(octets) => Bucket { tag: mark.tag, octets },
            None => Bucket::EMPTY,
        }
    }

    /// Where the records of a bucket begin; of the one behind the last, where they end.
    #[inline]
    fn start_of(&self, bucket: usize) -> usize {
        let starts: &[u8; STARTS_LEN] = self.0.first_chunk().expect("a page begins with its starts");
        u32::from_le_bytes(starts.as_chunks::<START_LEN>().0[bucket]) as usize
    }

    /// All records, bucket by bucket.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> + Clone {
        (0..BUCKETS as u8).flat_map(move |bucket| self.bucket(Mark { bucket, tag: 0 }).entries(bucket))
    }

    /// The page with `key` set to `value`, and whether the key is new in it. `scratch` is working space.
    pub fn with(&self, mark: Mark, key: &[u8], value: &[u8], scratch: &mut Vec<u8>) -> (Self, bool) {
        if self.bucket(mark).get(key).is_none() {
            return (self.with_new(mark, key, value, scratch), true);
        }
        let mut record = Vec::with_capacity(key.len() + value.len() + 7);
        write_record(mark, key, value, &mut record);
        let others = self.entries().filter(|entry| entry.key != key);
        let all = others.map(|entry| (entry.mark, entry.octets)).chain([(mark, &record[..])]);
        (Self::build(all, scratch), false)
    }

    /// The page with one more record; its other octets are copied in pieces, for the sake of loading millions.
    fn with_new(&self, mark: Mark, key: &[u8], value: &[u8], scratch: &mut Vec<u8>) -> Self {
        let at = self.start_of(usize::from(mark.bucket) + 1);
        let (before, behind) = self.0[STARTS_LEN..].split_at(at);
        scratch.clear();
        scratch.extend_from_slice(&self.0[..STARTS_LEN]);
        scratch.extend_from_slice(before);
        write_record(mark, key, value, scratch);
        let added = to_u32(scratch.len() - STARTS_LEN - at);
        scratch.extend_from_slice(behind);
        for start in &mut scratch[..STARTS_LEN].as_chunks_mut().0[usize::from(mark.bucket) + 1..] {
            *start = (u32::from_le_bytes(*start) + added).to_le_bytes();
        }
        Self(Arc::from(&scratch[..]))
    }

    /// The page without `key`, if it is there.
    pub fn without(&self, mark: Mark, key: &[u8], scratch: &mut Vec<u8>) -> Option<Self> {
        self.bucket(mark).get(key)?;
        let others = self.entries().filter(|entry| entry.key != key);
        Some(Self::build(others.map(|entry| (entry.mark, entry.octets)), scratch))
    }

    /// Two pages: the records whose keys `goes_left`, and the others.
    pub fn split(&self, goes_left: impl Fn(&[u8]) -> bool, scratch: &mut Vec<u8>) -> (Self, Self) {
        let (left, right): (Vec<_>, Vec<_>) = self.entries().partition(|entry| goes_left(entry.key));
        let mut page = |entries: Vec<Entry<'_>>| Self::build(entries.iter().map(|e| (e.mark, e.octets)), scratch);
        (page(left), page(right))
    }

    /// One page with the records of both, which have no key in common.
    pub fn merge(&self, other: &Self, scratch: &mut Vec<u8>) -> Self {
        let all = self.entries().chain(other.entries());
        Self::build(all.map(|entry| (entry.mark, entry.octets)), scratch)
    }

    /// A page of records, each with its mark and in the form that [`write_record`] gives it.
    pub fn build<'a>(records: impl Iterator<Item = (Mark, &'a [u8])>, scratch: &mut Vec<u8>) -> Self {
        let mut records: Vec<_> = records.collect();
        records.sort_by_key(|(mark, _)| mark.bucket);
        scratch.clear();
        scratch.resize(STARTS_LEN, 0);
        for (mark, octets) in &records {
            scratch.extend_from_slice(octets);
            let end = to_u32(scratch.len() - STARTS_LEN);
            scratch.as_chunks_mut().0[usize::from(mark.bucket) + 1] = end.to_le_bytes();
        }
        // A bucket without records ends where the one before it does.
        let starts = scratch[..STARTS_LEN].as_chunks_mut().0;
        let mut end = 0;
        for start in starts {
            end = end.max(u32::from_le_bytes(*start));
            *start = end.to_le_bytes();
        }
        Self(Arc::from(&scratch[..]))
    }
}

impl<'a> Bucket<'a> {
    /// Without records.
    pub const EMPTY: Self = Self { tag: 0, octets: &[] };

    /// Reads a little of each of its lines, so that they are on their way into the cache while others are asked for too. The
    /// result depends on all of them: who drops it lets the compiler drop the reading.
    #[inline(always)]
    pub fn touch(&self) -> u8 {
        let (mut touched, mut at) = (0, 0);
        while at < self.octets.len().min(LINES_TOUCHED * LINE_LEN) {
            touched ^= self.octets[at];
            at += LINE_LEN;
        }
        touched
    }

    /// The value of `key`, which has the mark that the bucket was asked for with.
    #[inline(always)]
    pub fn get(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.stored(key).map(|stored| stored.value)
    }

    /// The same with the key as it is stored.
    #[inline(always)]
    pub fn stored(&self, key: &[u8]) -> Option<Stored<'a>> {
        let mut rest = self.octets;
        loop {
            let &[tag, key_len, value_len, ..] = rest else { return None };
            if (key_len | value_len) & MORE != 0 {
                return self.get_long(key);
            }
            // Nearly always one octet each.
            let value_at = SHORT_HEAD_LEN + usize::from(key_len);
            let end = value_at + usize::from(value_len);
            let stored = rest.get(SHORT_HEAD_LEN..value_at)?;
            if tag == self.tag && is_same(stored, key) {
                return Some(Stored { key: stored, value: rest.get(value_at..end)? });
            }
            rest = rest.get(end..)?;
        }
    }

    /// The same where some record is long.
    #[cold]
    fn get_long(&self, key: &[u8]) -> Option<Stored<'a>> {
        let found = self.entries(0).find(|entry| entry.mark.tag == self.tag && entry.key == key)?;
        Some(Stored { key: found.key, value: found.value })
    }

    fn entries(self, bucket: u8) -> impl Iterator<Item = Entry<'a>> + Clone {
        let mut rest = self.octets;
        std::iter::from_fn(move || {
            let (tag, key, value, others) = read_record(rest)?;
            let octets = &rest[..rest.len() - others.len()];
            rest = others;
            Some(Entry { mark: Mark { bucket, tag }, octets, key, value })
        })
    }
}

/// Size in octets of a page of records with so many octets in all.
pub(super) fn size(octets: usize) -> usize {
    STARTS_LEN + octets
}

fn to_u32(value: usize) -> u32 {
    u32::try_from(value).expect("a page is far smaller than 4 GiB")
}

pub(super) fn write_record(mark: Mark, key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(mark.tag);
    write_varint(key.len(), out);
    write_varint(value.len(), out);
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

/// Appends `value` in groups of seven bits, the lowest first.
fn write_varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= usize::from(MORE) {
        out.push(value as u8 | MORE);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Tag, key, value, and what is behind them.
type ReadRecord<'a> = (u8, &'a [u8], &'a [u8], &'a [u8]);

/// The record at the start of `octets`.
#[inline]
fn read_record(octets: &[u8]) -> Option<ReadRecord<'_>> {
    let (tag, key_len, value_len, rest) = match octets {
        // Nearly always one octet each.
        &[tag, key_len @ ..0x80, value_len @ ..0x80, ref rest @ ..] => (tag, key_len.into(), value_len.into(), rest),
        &[tag, ref rest @ ..] => {
            let (key_len, rest) = read_varint(rest);
            let (value_len, rest) = read_varint(rest);
            (tag, key_len, value_len, rest)
        }
        [] => return None,
    };
    let (key, rest) = rest.split_at_checked(key_len)?;
    let (value, rest) = rest.split_at_checked(value_len)?;
    Some((tag, key, value, rest))
}

#[cold]
fn read_varint(octets: &[u8]) -> (usize, &[u8]) {
    let mut value = 0;
    for (index, &octet) in octets.iter().enumerate() {
        value |= usize::from(octet & 0x7f) << (7 * index);
        if octet < 0x80 {
            return (value, &octets[index + 1..]);
        }
    }
    (value, &[])
}
