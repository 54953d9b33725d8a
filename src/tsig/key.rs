//! Keys: a name, an algorithm, and the state of HMAC that the secret leads to.

use super::algorithm::{Algorithm, Hash};
use super::{NAME_LEN_MAX, check, record};
use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use std::fmt;

/// Octets of the longest MAC.
pub(super) const MAC_LEN_MAX: usize = 64;

/// A secret that two parties share, under a name that both know it by.
#[derive(Clone)]
pub struct Key {
    /// In wire form and lower case.
    name: Box<[u8]>,
    pub(super) algorithm: Algorithm,
    hmac: Digest,
}

/// Why there is no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The octets are no uncompressed name.
    #[error("the octets are no uncompressed name")]
    Name,
    /// Nobody would have to guess.
    #[error("the secret is empty")]
    EmptySecret,
}

/// The keys that a server knows; cloning is for reloads, not for requests.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

/// HMAC begun with a secret; a copy of it takes no allocation.
#[derive(Clone)]
pub(super) enum Digest {
    Sha1(Hmac<Sha1>),
    Sha224(Hmac<Sha224>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl Key {
    /// The key `name` (in wire form, uncompressed, in any case) with this algorithm and secret.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(name: &[u8], algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        if record::uncompressed_len(name) != Some(name.len()) || name.len() > NAME_LEN_MAX {
            return Err(KeyError::Name);
        }
        if secret.is_empty() {
            return Err(KeyError::EmptySecret);
        }
        let any = "HMAC takes a secret of any length (RFC 2104 §3)";
        let hmac = match algorithm.hash {
            Hash::Sha1 => Digest::Sha1(Hmac::new_from_slice(secret).expect(any)),
            Hash::Sha224 => Digest::Sha224(Hmac::new_from_slice(secret).expect(any)),
            Hash::Sha256 => Digest::Sha256(Hmac::new_from_slice(secret).expect(any)),
            Hash::Sha384 => Digest::Sha384(Hmac::new_from_slice(secret).expect(any)),
            Hash::Sha512 => Digest::Sha512(Hmac::new_from_slice(secret).expect(any)),
        };
        Ok(Self { name: name.to_ascii_lowercase().into(), algorithm, hmac })
    }

    /// Its name, in wire form and lower case.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    pub(super) fn digest(&self) -> Digest {
        self.hmac.clone()
    }
}

impl Keys {
    /// These keys. Of two with one name only one is found; the configuration refuses that.
    pub fn new(mut keys: Vec<Key>) -> Self {
        keys.sort_by(|one, other| one.name.cmp(&other.name));
        Self(keys)
    }

    /// The key with this name in wire form and lower case.
    pub(super) fn find(&self, name: &[u8]) -> Option<&Key> {
        let at = self.0.binary_search_by(|key| (*key.name).cmp(name)).ok()?;
        Some(&self.0[at])
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be done about a request with this TSIG at `now`, in seconds since 1970 (RFC 8945 §5.2).
    pub fn check(&self, record: &record::Record<'_>, now: u64) -> check::Check<'_> {
        check::check(self, record, now)
    }
}

impl Digest {
    pub(super) fn update(&mut self, octets: &[u8]) {
        match self {
            Self::Sha1(hmac) => hmac.update(octets),
            Self::Sha224(hmac) => hmac.update(octets),
            Self::Sha256(hmac) => hmac.update(octets),
            Self::Sha384(hmac) => hmac.update(octets),
            Self::Sha512(hmac) => hmac.update(octets),
        }
    }

    /// The MAC, in as many octets as the hash has; the rest is zero.
    pub(super) fn finish(self) -> [u8; MAC_LEN_MAX] {
        let mut mac = [0; MAC_LEN_MAX];
        let mut put = |octets: &[u8]| mac[..octets.len()].copy_from_slice(octets);
        match self {
            Self::Sha1(hmac) => put(&hmac.finalize().into_bytes()),
            Self::Sha224(hmac) => put(&hmac.finalize().into_bytes()),
            Self::Sha256(hmac) => put(&hmac.finalize().into_bytes()),
            Self::Sha384(hmac) => put(&hmac.finalize().into_bytes()),
            Self::Sha512(hmac) => put(&hmac.finalize().into_bytes()),
        }
        mac
    }
}

/// Secrets do not show in logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} octets of name, {}, …)", self.name.len(), self.algorithm)
    }
}
