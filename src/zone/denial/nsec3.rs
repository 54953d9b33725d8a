//! The NSEC3 chain: its hashes in order, with a directory by their top bits, and its records.
//!
//! Owners of NSEC3 records are no names of the zone like others: a query for one is answered as if it did not exist
//! (RFC 5155 §7.2.8), so they are kept here and not in the index of names.

mod forms;

use super::Link;
use crate::zone::fragment::Records;
use crate::zone::pages::Stored;
use forms::Forms;
pub use forms::{Label, Nsec3Ref};
use sha1::block_api::compress;
use sha1::{Digest as _, Sha1};

/// Octets of a hash.
pub const HASH_LEN: usize = 20;
/// The only hash algorithm there is: SHA-1 (RFC 5155 §11).
const ALGORITHM_SHA1: u8 = 1;
/// Octets of a hash in Base32hex, which is the length of the label.
const LABEL_LEN: usize = 32;
/// Octets of the owner before the apex: the label with its length.
const OWNER_LEN: usize = 1 + LABEL_LEN;
/// Octets of a block of SHA-1, and of what ends the last: a bit and the length.
const BLOCK_LEN: usize = 64;
const BLOCK_END_LEN: usize = 1 + size_of::<u64>();
/// What SHA-1 begins with (FIPS 180-4 §5.3.1).
const STATE: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
/// Most bits of the directory: at a handful of hashes in each part, that is for 64 million names.
const DIRECTORY_BITS_MAX: u32 = 24;
/// The label `*` in wire form.
const WILDCARD: &[u8] = b"\x01*";

/// Most iterations served. Resolvers take answers with more for insecure above 100 and fail above 500 (RFC 9276 §3.2
/// and appendix A), and each costs time in every negative answer.
pub const ITERATIONS_MAX: u16 = 500;
/// Iterations above which resolvers take a zone for insecure.
pub const ITERATIONS_SECURE_MAX: u16 = 100;

/// A hash of an owner name.
pub type Hash = [u8; HASH_LEN];

/// How owner names are hashed (RFC 5155 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// How often the hash is hashed again.
    pub iterations: u16,
    /// What is hashed with it.
    pub salt: Box<[u8]>,
}

/// The NSEC3 records of a zone.
pub struct Nsec3Chain {
    params: Params,
    hashes: Box<[Hash]>,
    /// Part of the hashes' range → number of hashes before it; one more at the end.
    directory: Box<[u32]>,
    directory_bits: u32,
    records: Forms,
    /// What stands for the apex and for `*` below it: most of what does not exist is directly below the apex.
    apex: (Link, Records),
    apex_wildcard: (Link, Records),
    /// The apex in wire form and lower case.
    apex_name: Box<[u8]>,
}

/// An owner of NSEC3 records before they are a chain, as the index would keep it: key and value one behind the other.
pub(in crate::zone) struct Hashed(Vec<u8>);

/// Where a hash meets the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// A record has this hash.
    Match(Link),
    /// No record has it; this one covers it.
    Cover(Link),
}

impl Hashed {
    /// Of the label with its length in lower case, and a node.
    pub(in crate::zone) fn new(key: &[u8], node: &[u8]) -> Self {
        debug_assert_eq!(key.len(), OWNER_LEN);
        Self([key, node].concat())
    }

    pub(in crate::zone) fn stored(&self) -> Stored<'_> {
        let (key, value) = self.0.split_at(OWNER_LEN);
        Stored { key, value }
    }
}

impl Met {
    /// The record, whether it matches or covers.
    pub fn link(self) -> Link {
        match self {
            Self::Match(link) | Self::Cover(link) => link,
        }
    }
}

impl Params {
    /// From RDATA of NSEC3PARAM, or the beginning of that of NSEC3; none if it is for another algorithm.
    pub fn read(rdata: &[u8]) -> Option<Self> {
        let [ALGORITHM_SHA1, _flags, high, low, salt_len, rest @ ..] = rdata else { return None };
        let salt = rest.get(..usize::from(*salt_len))?.into();
        Some(Self { iterations: u16::from_be_bytes([*high, *low]), salt })
    }

    /// The hash of the lower-cased name whose wire form is `parts` (RFC 5155 §5).
    pub fn hash<const PARTS: usize>(&self, parts: [&[u8]; PARTS]) -> Hash {
        let mut hash = sha1(parts, &self.salt);
        for _ in 0..self.iterations {
            hash = sha1([&hash], &self.salt);
        }
        hash
    }
}

/// SHA-1 of `parts` and the salt. Nearly all names are one block, which is put together here: the general way costs as much again as
/// the hash itself.
#[inline]
fn sha1<const PARTS: usize>(parts: [&[u8]; PARTS], salt: &[u8]) -> Hash {
    let parts = parts.into_iter().chain([salt]);
    let len: usize = parts.clone().map(<[u8]>::len).sum();
    if len > BLOCK_LEN - BLOCK_END_LEN {
        return parts.fold(Sha1::new(), Sha1::chain_update).finalize().into();
    }
    let mut block = [0; BLOCK_LEN];
    let mut at = 0;
    for part in parts {
        block[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    block[at] = 0x80;
    *block.last_chunk_mut().expect("a block is longer") = (len as u64 * u64::from(u8::BITS)).to_be_bytes();
    let mut state = STATE;
    compress(&mut state, &[block]);
    let mut hash = [0; HASH_LEN];
    for (octets, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
        *octets = word.to_be_bytes();
    }
    hash
}

impl Nsec3Chain {
    /// The chain of these hashes in ascending order with their encoded nodes, for the zone `apex` (lower-cased); none
    /// if the apex has no record in it, for then it is not whole.
    pub(in crate::zone) fn new(params: Params, apex: &[u8], sorted: &[(Hash, Hashed)]) -> Option<Self> {
        if sorted.is_empty() {
            return None;
        }
        // Half as many parts as hashes, at least: a search then looks at some three hashes, which lie side by side.
        let bits = (usize::BITS - sorted.len().leading_zeros()).saturating_sub(1).clamp(1, DIRECTORY_BITS_MAX);
        let mut directory = vec![0_u32; (1 << bits) + 1];
        for (hash, _) in sorted {
            directory[part(hash, bits) + 1] += 1;
        }
        for index in 1..directory.len() {
            directory[index] += directory[index - 1];
        }
        let mut chain = Self {
            hashes: sorted.iter().map(|(hash, _)| *hash).collect(),
            directory: directory.into(),
            directory_bits: bits,
            records: Forms::of(sorted),
            apex: Default::default(),
            apex_wildcard: Default::default(),
            apex_name: apex.into(),
            params,
        };
        let Met::Match(link) = chain.search(&chain.params.hash([apex])) else { return None };
        chain.apex = (link, chain.record(link).to_records());
        let link = chain.search(&chain.params.hash([WILDCARD, apex])).link();
        chain.apex_wildcard = (link, chain.record(link).to_records());
        Some(chain)
    }

    /// The record of the apex.
    pub fn apex(&self) -> Link {
        self.apex.0
    }

    /// What stands for `*` directly below the apex.
    pub fn apex_wildcard(&self) -> Link {
        self.apex_wildcard.0
    }

    /// Both as [`Nsec3Chain::record`] writes them: nearly all that does not exist needs them.
    #[inline]
    pub fn frequent_records(&self) -> [&Records; 2] {
        [&self.apex.1, &self.apex_wildcard.1]
    }

    /// What stands for the name that is `labels`, in lower case, before the apex.
    #[inline]
    pub fn find_below_apex(&self, labels: &[u8]) -> Met {
        self.search(&self.params.hash([labels, &self.apex_name]))
    }

    /// The same for `*` directly below that name.
    pub fn find_wildcard_below_apex(&self, labels: &[u8]) -> Met {
        self.search(&self.params.hash([WILDCARD, labels, &self.apex_name]))
    }

    /// What stands for the lower-cased name `name` in wire form.
    pub fn find(&self, name: &[u8]) -> Met {
        self.search(&self.params.hash([name]))
    }

    /// What stands for `*` directly below the lower-cased name `encloser` in wire form.
    pub fn find_wildcard_below(&self, encloser: &[u8]) -> Met {
        self.search(&self.params.hash([WILDCARD, encloser]))
    }

    /// A record with its signatures.
    #[inline]
    pub fn record(&self, link: Link) -> Nsec3Ref<'_> {
        let Link(index) = link;
        let next = self.hashes.get(index + 1).unwrap_or(&self.hashes[0]);
        self.records.get(index, &self.hashes[index], next)
    }

    /// All records.
    pub fn iter(&self) -> impl Iterator<Item = Nsec3Ref<'_>> {
        (0..self.hashes.len()).map(|index| self.record(Link(index)))
    }

    /// Octets of the chain, for metrics and measurements.
    pub fn memory(&self) -> usize {
        size_of_val(&*self.hashes) + size_of_val(&*self.directory) + self.records.memory()
    }

    fn search(&self, hash: &Hash) -> Met {
        let part = part(hash, self.directory_bits);
        let (first, last) = (self.directory[part] as usize, self.directory[part + 1] as usize);
        match self.hashes[first..last].binary_search(hash) {
            Ok(index) => Met::Match(Link(first + index)),
            // What is before the first hash is covered by the last: the chain is a ring.
            Err(index) => Met::Cover(Link((first + index).checked_sub(1).unwrap_or(self.hashes.len() - 1))),
        }
    }
}

/// The part of the directory that a hash is in: its top bits.
fn part(hash: &Hash, bits: u32) -> usize {
    let [a, b, c, d, ..] = *hash;
    (u64::from(u32::from_be_bytes([a, b, c, d])) >> (u32::BITS - bits)) as usize
}

/// The hash that `owner`, labels before the apex's, is the Base32hex form of (RFC 5155 §3.3), if it is one.
pub(in crate::zone) fn hash_of_owner(owner: &[u8]) -> Option<Hash> {
    let (&length, label) = owner.split_first()?;
    if usize::from(length) != LABEL_LEN || label.len() != LABEL_LEN {
        return None;
    }
    let mut hash = [0; HASH_LEN];
    for (octets, digits) in hash.as_chunks_mut::<5>().0.iter_mut().zip(label.as_chunks::<8>().0) {
        let mut value = 0_u64;
        for digit in digits {
            let digit = match digit.to_ascii_lowercase() {
                digit @ b'0'..=b'9' => digit - b'0',
                digit @ b'a'..=b'v' => digit - b'a' + 10,
                _ => return None,
            };
            value = value << 5 | u64::from(digit);
        }
        let [_, _, _, value @ ..] = value.to_be_bytes();
        *octets = value;
    }
    Some(hash)
}
