//! The octets of a pack.
//!
//! ```text
//! pack   last transaction of the batch that wrote it, length of prefix, prefix, then for each entry in the order of keys: length of its key
//!        after the prefix, length of its value, rest of the key, value
//! ```
//! The prefix is what all its keys begin with. Numbers take 7 bits an octet, the low ones first; the last octet has no
//! high bit.

use super::{Change, Owned};
use crate::registry::Unavailable;

/// Most octets of a pack with several entries: some 6 names or 16 index entries. Each change writes the packs of its entries
/// anew, so longer ones make more to write, shorter ones more leaves for sled to keep (`benches/README.md` has both).
pub(in crate::store) const PACK_OCTETS_MAX: usize = 1024;

pub(super) fn undecodable() -> Unavailable {
    Unavailable("the store is damaged: a pack does not decode".into())
}

/// An entry where it lies.
pub(super) type Borrowed<'a> = (&'a [u8], &'a [u8]);

/// `old` with `changes`; both are in the order of their keys.
pub(super) fn merge<'a>(old: &'a [Owned], changes: &[Change<'a>]) -> Vec<Borrowed<'a>> {
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
pub(super) fn cut<'a, 'e>(entries: &'e [Borrowed<'a>], is_appended: bool) -> Vec<&'e [Borrowed<'a>]> {
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
pub(super) fn write_pack(seq: u64, entries: &[Borrowed<'_>]) -> Vec<u8> {
    let [(first, _), ..] = entries else { return Vec::new() };
    let last = entries.last().map_or(*first, |(key, _)| *key);
    let common = first.iter().zip(last).take_while(|(one, other)| one == other).count();
    let mut octets = Vec::with_capacity(PACK_OCTETS_MAX);
    write_number(&mut octets, seq);
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
pub(in crate::store) fn entries(octets: &[u8]) -> Result<Vec<Owned>, Unavailable> {
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
pub(super) struct Pack<'a> {
    /// The last transaction of the batch that wrote it.
    pub(super) seq: u64,
    pub(super) prefix: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Pack<'a> {
    pub(super) fn read(mut octets: &'a [u8]) -> Option<Self> {
        let seq = read_number(&mut octets)?;
        let length = read_length(&mut octets)?;
        let (prefix, rest) = octets.split_at_checked(length)?;
        Some(Self { seq, prefix, rest })
    }

    /// Whether its last key is not less than `key`.
    pub(super) fn reaches(self, key: &[u8]) -> bool {
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

fn write_length(octets: &mut Vec<u8>, length: usize) {
    write_number(octets, length as u64);
}

fn read_length(octets: &mut &[u8]) -> Option<usize> {
    usize::try_from(read_number(octets)?).ok()
}

fn write_number(octets: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        octets.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    octets.push(number.to_le_bytes()[0]);
}

fn read_number(octets: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let octet = *octets.split_off_first()?;
        number |= u64::from(octet & 0x7F) << shift;
        if octet < 0x80 {
            return Some(number);
        }
    }
    None
}
