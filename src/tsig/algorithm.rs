//! The algorithms by their names (RFC 8945 §6), and how long their MACs are.

use std::fmt;

/// Fewest octets of a truncated MAC, whatever the hash (RFC 8945 §5.2.2.1).
const TRUNCATED_LEN_MIN: usize = 10;

/// The hash functions. MD5 is left out: it must not be used any more (RFC 8945 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// The hashes with the text and octets of their names; what MACs of full length are named after.
const HASHES: [(Hash, &str); 5] = [
    (Hash::Sha1, "hmac-sha1"),
    (Hash::Sha224, "hmac-sha224"),
    (Hash::Sha256, "hmac-sha256"),
    (Hash::Sha384, "hmac-sha384"),
    (Hash::Sha512, "hmac-sha512"),
];

/// Names of truncated MACs that are registered as algorithms of their own, with their octets (RFC 8945 §6).
const TRUNCATED: [(Hash, &str, usize); 3] = [
    (Hash::Sha256, "hmac-sha256-128", 16),
    (Hash::Sha384, "hmac-sha384-192", 24),
    (Hash::Sha512, "hmac-sha512-256", 32),
];

impl Hash {
    /// Octets of its result.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Fewest octets of a MAC that may be sent at all (RFC 8945 §5.2.2.1).
    pub(super) fn mac_len_min(self) -> usize {
        TRUNCATED_LEN_MIN.max(self.len() / 2)
    }

    fn text(self) -> &'static str {
        HASHES[self as usize].1
    }
}

/// What a key signs with: HMAC over a hash, perhaps truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm {
    pub(super) hash: Hash,
    /// Octets of a MAC that the key's holders agreed on; shorter ones are BADTRUNC.
    pub(super) mac_len: usize,
}

impl Algorithm {
    /// The names that can be written, each also with the bits of a truncated MAC behind it (`hmac-sha256-128`).
    pub const NAMES: [&str; HASHES.len()] = [HASHES[0].1, HASHES[1].1, HASHES[2].1, HASHES[3].1, HASHES[4].1];

    /// The algorithm by its name, case aside; a number of bits behind it says how far the MAC is truncated (whole
    /// octets, at least 80 bits and half of the hash, RFC 8945 §5.2.2.1).
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        HASHES.into_iter().find_map(|(hash, name)| {
            let rest = text.strip_prefix(name)?;
            if rest.is_empty() {
                return Some(Self { hash, mac_len: hash.len() });
            }
            let bits = rest.strip_prefix('-').filter(|bits| bits.starts_with(|c: char| ('1'..='9').contains(&c)))?;
            let bits: usize = bits.parse().ok()?;
            let fits = bits.is_multiple_of(8) && (hash.mac_len_min()..=hash.len()).contains(&(bits / 8));
            fits.then_some(Self { hash, mac_len: bits / 8 })
        })
    }

    /// Octets that a secret should have at least: those of the hash (RFC 8945 §8).
    pub fn secret_len(self) -> usize {
        self.hash.len()
    }

    /// Octets of the whole MAC of the algorithm with this name in wire form, if a key of this one can be used with it.
    ///
    /// A truncated MAC comes under its hash's name, as most implementations send it, or under its own registered one.
    pub(super) fn output_len(self, name: &[u8]) -> Option<usize> {
        let is_named = |text: &str| wire_is(name, text);
        if is_named(self.hash.text()) {
            return Some(self.hash.len());
        }
        let own = TRUNCATED.iter().find(|(hash, _, mac_len)| *hash == self.hash && *mac_len == self.mac_len);
        own.filter(|(_, text, _)| is_named(text)).map(|_| self.mac_len)
    }
}

/// Whether `name` in wire form is the one label `text`, case aside.
fn wire_is(name: &[u8], text: &str) -> bool {
    match name {
        [len, label @ .., 0] => usize::from(*len) == label.len() && label.eq_ignore_ascii_case(text.as_bytes()),
        _ => false,
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash.text())?;
        if self.mac_len < self.hash.len() {
            write!(f, "-{}", self.mac_len * 8)?;
        }
        Ok(())
    }
}
