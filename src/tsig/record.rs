//! The TSIG record of a message (RFC 8945 §4.2), taken apart and not believed.

use super::{CLASS_ANY, HEADER_LEN, NAME_LEN_MAX, TYPE_TSIG};

/// Longest label; the two bits above it mark a compression pointer (RFC 1035 §4.1.4).
const LABEL_LEN_MAX: u8 = 63;

/// The TSIG record at the end of a message.
#[derive(Clone, Copy)]
pub struct Record<'m> {
    /// The message to the end of the record's owner name, which may be compressed with any of it.
    octets: &'m [u8],
    /// Where the owner name, and so the record, begins.
    start: usize,
    /// Name of the algorithm, in wire form.
    pub(super) algorithm: &'m [u8],
    /// Time signed in seconds since 1970, 48 bits of it.
    pub(super) time_signed: u64,
    /// Seconds that it may be off.
    pub(super) fudge: u16,
    pub(super) mac: &'m [u8],
    pub(super) original_id: [u8; 2],
    pub(super) error: [u8; 2],
    pub(super) other: &'m [u8],
}

/// A name in wire form and lower case, as it is digested (RFC 8945 §4.3.3).
pub(super) struct Canonical {
    octets: [u8; NAME_LEN_MAX],
    len: usize,
}

impl<'m> Record<'m> {
    /// The TSIG record that begins at octet `start` of `message` and ends with it or before; none if it cannot be
    /// interpreted. Nothing is said yet about its key or its MAC.
    pub fn read(message: &'m [u8], start: usize) -> Option<Self> {
        if start < HEADER_LEN {
            return None;
        }
        let owner_len = name_len(message.get(start..)?)?;
        let (octets, rest) = message.split_at_checked(start + owner_len)?;
        let (fixed, rest) = rest.split_first_chunk::<10>()?;
        let u16_at = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let is_tsig = u16_at(0) == TYPE_TSIG && u16_at(2) == CLASS_ANY && fixed[4..8] == [0; 4];
        let rdata = rest.get(..usize::from(u16_at(8)))?;
        // Not compressed: that is for the types of RFC 1035 (RFC 3597 §4).
        let (algorithm, rest) = rdata.split_at_checked(uncompressed_len(rdata)?)?;
        let ([t5, t4, t3, t2, t1, t0], rest) = rest.split_first_chunk()?;
        let (fudge, rest) = rest.split_first_chunk()?;
        let (mac_len, rest) = rest.split_first_chunk()?;
        let (mac, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*mac_len)))?;
        let (original_id, rest) = rest.split_first_chunk()?;
        let (error, rest) = rest.split_first_chunk()?;
        let (other_len, other) = rest.split_first_chunk()?;
        let is_whole = other.len() == usize::from(u16::from_be_bytes(*other_len));
        let record = Self {
            octets,
            start,
            algorithm,
            time_signed: u64::from_be_bytes([0, 0, *t5, *t4, *t3, *t2, *t1, *t0]),
            fudge: u16::from_be_bytes(*fudge),
            mac,
            original_id: *original_id,
            error: *error,
            other,
        };
        (is_tsig && is_whole && record.key_name().is_some()).then_some(record)
    }

    /// The message in front of the record.
    pub(super) fn signed(&self) -> &'m [u8] {
        &self.octets[..self.start]
    }

    /// The owner's name; none if its compression is broken, which [`Record::read`] has ruled out.
    pub(super) fn key_name(&self) -> Option<Canonical> {
        let mut name = Canonical { octets: [0; NAME_LEN_MAX], len: 0 };
        // A pointer leads to a name that began earlier (RFC 1035 §4.1.4), so this ends.
        let (mut at, mut begun) = (self.start, self.start);
        loop {
            let length = *self.octets.get(at)?;
            if length > LABEL_LEN_MAX {
                let target = u16::from_be_bytes([length, *self.octets.get(at + 1)?]);
                at = usize::from(target & 0x3fff);
                if length < 0xc0 || at >= begun {
                    return None;
                }
                begun = at;
                continue;
            }
            let label = self.octets.get(at..=at + usize::from(length))?;
            name.octets.get_mut(name.len..name.len + label.len())?.copy_from_slice(label);
            name.len += label.len();
            at += label.len();
            if length == 0 {
                name.octets[..name.len].make_ascii_lowercase();
                return Some(name);
            }
        }
    }

    /// The algorithm's name.
    pub(super) fn algorithm_name(&self) -> Canonical {
        let mut name = Canonical { octets: [0; NAME_LEN_MAX], len: self.algorithm.len() };
        name.octets[..name.len].copy_from_slice(self.algorithm);
        name.octets[..name.len].make_ascii_lowercase();
        name
    }
}

impl Canonical {
    pub(super) fn as_wire(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

/// Octets of the name at the start of `octets`, which a compression pointer may end.
fn name_len(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *octets.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=LABEL_LEN_MAX => at += 1 + usize::from(length),
            0xc0.. => return octets.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
}

/// Octets of the name at the start of `octets`, which must not be compressed, nor longer than names are.
pub(super) fn uncompressed_len(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let length = *octets.get(at)?;
        at += 1 + usize::from(length);
        if length > LABEL_LEN_MAX || at > NAME_LEN_MAX {
            return None;
        }
        if length == 0 {
            return Some(at);
        }
    }
}
