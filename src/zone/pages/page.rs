//! One page of the index: immutable octets that hold some records, one allocation.
//!
//! ```text
//! starts: u16 × 33 | tags: u8 × count | offsets: u32 × count | records: key length, value length (varint), key, value
//! ```
//!
//! Some bits of each key's hash choose one of 32 buckets, `starts` says which tags and offsets are a bucket's (the last
//! start is the count), and a tag is eight bits more of the hash: a search reads some three tags, and a record only where
//! its tag agrees. Offsets count from the first record, so that one more record moves nothing but octets.

use super::super::same::is_same;
use std::sync::Arc;

/// Buckets of a page: a full page has some three records in each.
const BUCKETS: usize = 32;
/// Octets of the starts: one for each bucket, and the count.
const STARTS_LEN: usize = 2 * (BUCKETS + 1);
/// Octets of one offset.
const OFFSET_LEN: usize = 4;

/// An immutable page; clones share it.
#[derive(Clone)]
pub(super) struct Page(Arc<[u8]>);

/// What a page knows of a key's hash: the bits below those that lead to the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    bucket: u8,
    tag: u8,
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

    /// How many records it holds.
    pub fn count(&self) -> usize {
        self.start_of(BUCKETS)
    }

    /// The value of `key`, whose hash has this mark.
    #[inline]
    pub fn get(&self, mark: Mark, key: &[u8]) -> Option<&[u8]> {
        self.find(mark, key).map(|(_, value)| value)
    }

    /// Where `key` is, and its value.
    #[inline]
    fn find(&self, mark: Mark, key: &[u8]) -> Option<(usize, &[u8])> {
        let octets: &[u8] = &self.0;
        let (starts, rest) = octets.split_first_chunk::<STARTS_LEN>()?;
        let start = |at: usize| usize::from(u16::from_le_bytes([starts[at], starts[at + 1]]));
        let (first, end) = (start(2 * usize::from(mark.bucket)), start(2 * usize::from(mark.bucket) + 2));
        let (tags, rest) = rest.split_at_checked(start(2 * BUCKETS))?;
        for (at, &tag) in tags.get(first..end)?.iter().enumerate() {
            if tag == mark.tag {
                let (offsets, records) = rest.split_at_checked(tags.len() * OFFSET_LEN)?;
                let offset = offsets.get((first + at) * OFFSET_LEN..)?.first_chunk()?;
                let (known, value) = read_record(records.get(u32::from_le_bytes(*offset) as usize..)?)?;
                if is_same(known, key) {
                    return Some((first + at, value));
                }
            }
        }
        None
    }

    /// The first position of a bucket; of the one behind the last, the count.
    #[inline]
    fn start_of(&self, bucket: usize) -> usize {
        let starts: &[u8; STARTS_LEN] = self.0.first_chunk().expect("a page begins with its starts");
        usize::from(u16::from_le_bytes([starts[2 * bucket], starts[2 * bucket + 1]]))
    }

    /// The record at a position, of a key with this mark.
    #[inline]
    fn entry(&self, index: usize, mark: Mark) -> Entry<'_> {
        let count = self.count();
        let at = STARTS_LEN + count + index * OFFSET_LEN;
        let offset = u32::from_le_bytes(*self.0[at..].first_chunk().expect("each tag has an offset")) as usize;
        let octets = &self.0[STARTS_LEN + count * (1 + OFFSET_LEN) + offset..];
        let (key, value) = read_record(octets).expect("an offset leads to a record");
        let len = varint_len(key.len()) + varint_len(value.len()) + key.len() + value.len();
        Entry { mark, octets: &octets[..len], key, value }
    }

    /// All records, bucket by bucket.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> + Clone {
        (0..BUCKETS).flat_map(move |bucket| {
            (self.start_of(bucket)..self.start_of(bucket + 1)).map(move |index| {
                let mark = Mark { bucket: bucket as u8, tag: self.0[STARTS_LEN + index] };
                self.entry(index, mark)
            })
        })
    }

    /// The page with `key` set to `value`, and whether the key is new in it. `scratch` is working space.
    pub fn with(&self, mark: Mark, key: &[u8], value: &[u8], scratch: &mut Vec<u8>) -> (Self, bool) {
        let Some((replaced, _)) = self.find(mark, key) else {
            return (self.with_new(mark, key, value, scratch), true);
        };
        let mut record = Vec::with_capacity(key.len() + value.len() + 6);
        write_record(key, value, &mut record);
        let others = self.entries().enumerate().filter(|&(index, _)| index != replaced);
        let all = others.map(|(_, entry)| (entry.mark, entry.octets)).chain([(mark, &record[..])]);
        (Self::build(all, scratch), false)
    }

    /// The page with one more record; its other octets are copied in pieces, for the sake of loading millions.
    fn with_new(&self, mark: Mark, key: &[u8], value: &[u8], scratch: &mut Vec<u8>) -> Self {
        let count = self.count();
        let at = self.start_of(usize::from(mark.bucket) + 1);
        let (tags, rest) = self.0[STARTS_LEN..].split_at(count);
        let (offsets, records) = rest.split_at(count * OFFSET_LEN);
        scratch.clear();
        for bucket in 0..=BUCKETS {
            let start = self.start_of(bucket) + usize::from(bucket > usize::from(mark.bucket));
            scratch.extend_from_slice(&to_u16(start).to_le_bytes());
        }
        scratch.extend_from_slice(&tags[..at]);
        scratch.push(mark.tag);
        scratch.extend_from_slice(&tags[at..]);
        scratch.extend_from_slice(&offsets[..at * OFFSET_LEN]);
        scratch.extend_from_slice(&to_u32(records.len()).to_le_bytes());
        scratch.extend_from_slice(&offsets[at * OFFSET_LEN..]);
        scratch.extend_from_slice(records);
        write_record(key, value, scratch);
        Self(Arc::from(&scratch[..]))
    }

    /// The page without `key`, if it is there.
    pub fn without(&self, mark: Mark, key: &[u8], scratch: &mut Vec<u8>) -> Option<Self> {
        let (gone, _) = self.find(mark, key)?;
        let others = self.entries().enumerate().filter(|&(index, _)| index != gone);
        Some(Self::build(others.map(|(_, entry)| (entry.mark, entry.octets)), scratch))
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
        for bucket in 0..=BUCKETS {
            let start = records.partition_point(|(mark, _)| usize::from(mark.bucket) < bucket);
            scratch.extend_from_slice(&to_u16(start).to_le_bytes());
        }
        scratch.extend(records.iter().map(|(mark, _)| mark.tag));
        let mut offset = 0;
        for (_, octets) in &records {
            scratch.extend_from_slice(&to_u32(offset).to_le_bytes());
            offset += octets.len();
        }
        for (_, octets) in &records {
            scratch.extend_from_slice(octets);
        }
        Self(Arc::from(&scratch[..]))
    }
}

fn to_u16(value: usize) -> u16 {
    u16::try_from(value).expect("a page is split long before it holds so many records")
}

/// Size in octets of a page of so many records with so many octets in all.
pub(super) fn size(count: usize, octets: usize) -> usize {
    STARTS_LEN + count * (1 + OFFSET_LEN) + octets
}

fn to_u32(value: usize) -> u32 {
    u32::try_from(value).expect("a page is far smaller than 4 GiB")
}

pub(super) fn write_record(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    write_varint(key.len(), out);
    write_varint(value.len(), out);
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

/// Appends `value` in groups of seven bits, the lowest first.
fn write_varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Octets that [`write_varint`] appends.
fn varint_len(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// Key and value of the record at the start of `octets`.
#[inline]
fn read_record(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key_len, value_len, rest) = match octets {
        // Nearly always one octet each.
        &[key_len @ ..0x80, value_len @ ..0x80, ref rest @ ..] => (key_len.into(), value_len.into(), rest),
        _ => {
            let (key_len, rest) = read_varint(octets);
            let (value_len, rest) = read_varint(rest);
            (key_len, value_len, rest)
        }
    };
    let (key, rest) = rest.split_at_checked(key_len)?;
    Some((key, rest.get(..value_len)?))
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
