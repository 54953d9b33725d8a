//! One page of the index: immutable octets that hold some records, one allocation.
//!
//! ```text
//! count: u32 | tags: u8 × count | offsets: u32 × count | records: key length, value length (varint), key, value
//! ```
//!
//! Offsets count from the first record, so that one more record moves nothing but octets. Tags are eight bits of each key's hash, compared eight at a time; a record is read only where its tag agrees.

use std::sync::Arc;

/// Octets of the count at the start.
const COUNT_LEN: usize = 4;
/// Octets of one offset.
const OFFSET_LEN: usize = 4;
/// The lowest bit of each octet.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each octet.
const TOPS: u64 = 0x8080_8080_8080_8080;

/// An immutable page; clones share it.
#[derive(Clone)]
pub(super) struct Page(Arc<[u8]>);

/// A record in a page: where it is, and what it says.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    tag: u8,
    octets: &'a [u8],
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

impl Page {
    /// A page without records.
    pub fn empty() -> Self {
        Self(Arc::from(&[0; COUNT_LEN][..]))
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
        u32::from_le_bytes(self.0[..COUNT_LEN].try_into().expect("four octets")) as usize
    }

    /// The value of `key`, whose hash has `tag`.
    #[inline]
    pub fn get(&self, tag: u8, key: &[u8]) -> Option<&[u8]> {
        self.position(tag, key).map(|index| self.entry(index).value)
    }

    /// Where `key` is.
    #[inline]
    fn position(&self, tag: u8, key: &[u8]) -> Option<usize> {
        let tags = &self.0[COUNT_LEN..COUNT_LEN + self.count()];
        let wanted = ONES * u64::from(tag);
        let (groups, rest) = tags.as_chunks::<8>();
        for (group, octets) in groups.iter().enumerate() {
            let differing = u64::from_le_bytes(*octets) ^ wanted;
            // A top bit stays set where an octet is zero; a borrow may set one above it falsely, which the key settles.
            let mut candidates = differing.wrapping_sub(ONES) & !differing & TOPS;
            while candidates != 0 {
                let index = group * 8 + candidates.trailing_zeros() as usize / 8;
                if self.entry(index).key == key {
                    return Some(index);
                }
                candidates &= candidates - 1;
            }
        }
        let first = groups.len() * 8;
        let found = rest.iter().enumerate().find(|&(at, &other)| other == tag && self.entry(first + at).key == key);
        found.map(|(at, _)| first + at)
    }

    /// Where a record begins; for `count`, where the last one ends.
    fn offset(&self, index: usize, count: usize) -> usize {
        if index == count {
            return self.0.len();
        }
        let at = COUNT_LEN + count + index * OFFSET_LEN;
        let offset = u32::from_le_bytes(self.0[at..at + OFFSET_LEN].try_into().expect("four octets"));
        COUNT_LEN + count * (1 + OFFSET_LEN) + offset as usize
    }

    #[inline]
    fn entry(&self, index: usize) -> Entry<'_> {
        let count = self.count();
        let octets = &self.0[self.offset(index, count)..self.offset(index + 1, count)];
        let (key_len, rest) = read_varint(octets);
        let (value_len, rest) = read_varint(rest);
        let (key, rest) = rest.split_at(key_len);
        Entry { tag: self.0[COUNT_LEN + index], octets, key, value: &rest[..value_len] }
    }

    /// All records.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> + Clone {
        (0..self.count()).map(|index| self.entry(index))
    }

    /// The page with `key` set to `value`, and whether the key is new in it. `scratch` is working space.
    pub fn with(&self, tag: u8, key: &[u8], value: &[u8], scratch: &mut Vec<u8>) -> (Self, bool) {
        let Some(replaced) = self.position(tag, key) else {
            return (self.with_new(tag, key, value, scratch), true);
        };
        let mut record = Vec::with_capacity(key.len() + value.len() + 6);
        write_record(key, value, &mut record);
        let others = self.entries().enumerate().filter(|&(index, _)| index != replaced);
        let all = others.map(|(_, entry)| (entry.tag, entry.octets)).chain([(tag, &record[..])]);
        (Self::build(all, scratch), false)
    }

    /// The page with one more record; its other octets are copied in four pieces, for the sake of loading millions.
    fn with_new(&self, tag: u8, key: &[u8], value: &[u8], scratch: &mut Vec<u8>) -> Self {
        let count = self.count();
        let (tags, rest) = self.0[COUNT_LEN..].split_at(count);
        let (offsets, records) = rest.split_at(count * OFFSET_LEN);
        scratch.clear();
        scratch.extend_from_slice(&to_u32(count + 1).to_le_bytes());
        scratch.extend_from_slice(tags);
        scratch.push(tag);
        scratch.extend_from_slice(offsets);
        scratch.extend_from_slice(&to_u32(records.len()).to_le_bytes());
        scratch.extend_from_slice(records);
        write_record(key, value, scratch);
        Self(Arc::from(&scratch[..]))
    }

    /// The page without `key`, if it is there.
    pub fn without(&self, tag: u8, key: &[u8], scratch: &mut Vec<u8>) -> Option<Self> {
        let gone = self.position(tag, key)?;
        let others = self.entries().enumerate().filter(|&(index, _)| index != gone);
        Some(Self::build(others.map(|(_, entry)| (entry.tag, entry.octets)), scratch))
    }

    /// Two pages: the records whose keys `goes_left`, and the others.
    pub fn split(&self, goes_left: impl Fn(&[u8]) -> bool, scratch: &mut Vec<u8>) -> (Self, Self) {
        let side = |left: bool| {
            let records = self.entries().filter(|entry| goes_left(entry.key) == left);
            records.map(|entry| (entry.tag, entry.octets)).collect::<Vec<_>>()
        };
        let (left, right) = (side(true), side(false));
        (Self::build(left.into_iter(), scratch), Self::build(right.into_iter(), scratch))
    }

    /// One page with the records of both, which have no key in common.
    pub fn merge(&self, other: &Self, scratch: &mut Vec<u8>) -> Self {
        let all = self.entries().chain(other.entries());
        Self::build(all.map(|entry| (entry.tag, entry.octets)), scratch)
    }

    fn build<'a>(records: impl Iterator<Item = (u8, &'a [u8])> + Clone, scratch: &mut Vec<u8>) -> Self {
        let count = records.clone().count();
        scratch.clear();
        scratch.extend_from_slice(&to_u32(count).to_le_bytes());
        scratch.extend(records.clone().map(|(tag, _)| tag));
        let mut offset = 0;
        for (_, octets) in records.clone() {
            scratch.extend_from_slice(&to_u32(offset).to_le_bytes());
            offset += octets.len();
        }
        for (_, octets) in records {
            scratch.extend_from_slice(octets);
        }
        Self(Arc::from(&scratch[..]))
    }
}

fn to_u32(value: usize) -> u32 {
    u32::try_from(value).expect("a page is far smaller than 4 GiB")
}

fn write_record(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
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

#[inline]
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
