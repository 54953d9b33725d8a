//! The NSEC3 chain: its hashes in order, with a directory by their top bits, and its records.
//!
//! Owners of NSEC3 records are no names of the zone like others: a query for one is answered as if it did not exist
//! (RFC 5155 §7.2.8), so they are kept here and not in the index of names.

use super::Link;
use crate::zone::node::NodeRef;
use sha1::{Digest as _, Sha1};

/// Octets of a hash.
pub const HASH_LEN: usize = 20;
/// The only hash algorithm there is: SHA-1 (RFC 5155 §11).
const ALGORITHM_SHA1: u8 = 1;
/// Octets of a hash in Base32hex, which is the length of the label.
const LABEL_LEN: usize = 32;
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
    /// Encoded nodes, one after the other.
    nodes: Box<[u8]>,
    /// Where each node begins.
    starts: Box<[usize]>,
    /// What stands for the apex and for `*` below it: most of what does not exist is directly below the apex.
    apex: Link,
    apex_wildcard: Link,
}

/// Where a hash meets the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// A record has this hash.
    Match(Link),
    /// No record has it; this one covers it.
    Cover(Link),
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
    pub fn hash(&self, parts: [&[u8]; 2]) -> Hash {
        let mut hash = Sha1::new().chain_update(parts[0]).chain_update(parts[1]).chain_update(&self.salt).finalize();
        for _ in 0..self.iterations {
            hash = Sha1::new().chain_update(hash).chain_update(&self.salt).finalize();
        }
        hash.into()
    }
}

impl Nsec3Chain {
    /// The chain of these hashes in ascending order with their encoded nodes, for the zone `apex` (lower-cased); none
    /// if the apex has no record in it, for then it is not whole.
    pub(in crate::zone) fn new(params: Params, apex: &[u8], sorted: &[(Hash, Vec<u8>)]) -> Option<Self> {
        if sorted.is_empty() {
            return None;
        }
        let bits = (usize::BITS - sorted.len().leading_zeros()).min(DIRECTORY_BITS_MAX);
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
            nodes: Box::default(),
            starts: Box::default(),
            apex: Link(0),
            apex_wildcard: Link(0),
            params,
        };
        let mut nodes = Vec::with_capacity(sorted.iter().map(|(_, node)| node.len()).sum());
        let mut starts = Vec::with_capacity(sorted.len());
        for (_, node) in sorted {
            starts.push(nodes.len());
            nodes.extend_from_slice(node);
        }
        (chain.nodes, chain.starts) = (nodes.into(), starts.into());
        let Met::Match(link) = chain.search(&chain.params.hash([apex, &[]])) else { return None };
        chain.apex = link;
        chain.apex_wildcard = chain.search(&chain.params.hash([WILDCARD, apex])).link();
        Some(chain)
    }

    /// The record of the apex.
    pub fn apex(&self) -> Link {
        self.apex
    }

    /// What stands for `*` directly below the apex.
    pub fn apex_wildcard(&self) -> Link {
        self.apex_wildcard
    }

    /// What stands for the lower-cased name `name` in wire form.
    pub fn find(&self, name: &[u8]) -> Met {
        self.search(&self.params.hash([name, &[]]))
    }

    /// What stands for `*` directly below the lower-cased name `encloser` in wire form.
    pub fn find_wildcard_below(&self, encloser: &[u8]) -> Met {
        self.search(&self.params.hash([WILDCARD, encloser]))
    }

    /// The owner of a record, with it and its signatures.
    pub(super) fn node(&self, link: Link) -> NodeRef<'_> {
        NodeRef::new(self.encoded(link.0))
    }

    /// All owners.
    pub(in crate::zone) fn nodes(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.starts.len()).map(|index| self.encoded(index))
    }

    fn encoded(&self, index: usize) -> &[u8] {
        let end = self.starts.get(index + 1).copied().unwrap_or(self.nodes.len());
        &self.nodes[self.starts[index]..end]
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
