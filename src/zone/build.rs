//! Building a zone from records: its owners, and the chain of its NSEC or NSEC3 records.
//!
//! Records are kept one after the other in one piece of memory and sorted once, by the hash of their owner that the index
//! is ordered by. So all records of an owner stand together, and the index is written page by page.

use super::contents::ZoneError;
use super::denial::{Denial, Nsec3Chain, NsecChain, Params, nsec3};
use super::name::{NAME_LEN_MAX, Name};
use super::node;
use super::pages::{Bulk, Pages};
use super::rdata::lowercase_names;
use super::record::{Record, Rtype};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Most octets of one RRset's records; more fits no message (RFC 1035 §4.2.2).
const RRSET_LEN_MAX: usize = 65_535;
/// Octets of a draft in front of its owner.
const HEADER_LEN: usize = 10;
/// An owner without a record: an empty non-terminal, or a mark.
const NO_RECORD: Rtype = Rtype(0);

/// The records of a zone while it is built.
pub(super) struct Drafts {
    /// For each draft owner length, marks, type, TTL and RDATA length, then owner relative to the apex and RDATA.
    octets: Vec<u8>,
    places: Vec<Place>,
    bulk: Bulk,
    /// Where the last draft's owner is in `octets`.
    last_owner: (usize, usize),
    /// Owners of NSEC3 records, which are no names like others (RFC 5155 §7.2.8), with nothing but these and their
    /// signatures. In the order of their hashes.
    hashed: BTreeMap<nsec3::Hash, Hashed>,
}

/// What the records make.
pub(super) struct Built {
    /// Lower-cased labels before the apex's → node.
    pub(super) nodes: Pages,
    /// TTL and RDATA of SOA at the apex.
    pub(super) soa: Rrset,
    nsec3_params: Vec<Box<[u8]>>,
    /// Owners of NSEC records.
    nsec: Vec<Box<[u8]>>,
    hashed: BTreeMap<nsec3::Hash, Hashed>,
}

/// TTL and RDATA.
pub(super) type Rrset = (u32, Vec<Box<[u8]>>);

/// Where a draft is, and the hash of its owner in lower case.
#[derive(Clone, Copy)]
struct Place {
    hash: u64,
    at: usize,
}

/// One draft as it stands in memory.
#[derive(Clone, Copy)]
struct Draft<'a> {
    marks: u8,
    rtype: Rtype,
    ttl: u32,
    owner: &'a [u8],
    rdata: &'a [u8],
}

/// The owner of NSEC3 records.
struct Hashed {
    owner: Box<[u8]>,
    rrsets: BTreeMap<Rtype, Rrset>,
}

impl Drafts {
    /// Takes `records` in.
    pub(super) fn collect(apex: &Name, records: impl IntoIterator<Item = Record>) -> Result<Self, ZoneError> {
        let records = records.into_iter();
        let expected = records.size_hint().0;
        let mut drafts = Self {
            octets: Vec::with_capacity(expected * (HEADER_LEN + 16)),
            places: Vec::with_capacity(expected),
            bulk: Bulk::new(expected * (HEADER_LEN + 48)),
            last_owner: (0, 0),
            hashed: BTreeMap::new(),
        };
        for record in records {
            let Some(relative) = record.owner.relative_to(apex) else { return Err(ZoneError::OutOfZone(record.owner)) };
            match hash_of(&record, relative) {
                Some(hash) => drafts.push_hashed(hash, relative.into(), record)?,
                None => drafts.push_named(relative, &record),
            }
        }
        Ok(drafts)
    }

    fn push_hashed(&mut self, hash: nsec3::Hash, owner: Box<[u8]>, record: Record) -> Result<(), ZoneError> {
        let hashed = self.hashed.entry(hash).or_insert_with(|| Hashed { owner, rrsets: BTreeMap::new() });
        let (ttl, rdata) = hashed.rrsets.entry(record.rtype).or_insert_with(|| (record.ttl, Vec::new()));
        *ttl = record.ttl.min(*ttl);
        if !rdata.iter().any(|known| is_same(record.rtype, known, &record.rdata)) {
            rdata.push(record.rdata);
        }
        if rdata.iter().map(|one| one.len() + 2).sum::<usize>() > RRSET_LEN_MAX {
            return Err(ZoneError::RrsetTooLarge(record.owner, record.rtype));
        }
        Ok(())
    }

    fn push_named(&mut self, owner: &[u8], record: &Record) {
        let marks = match record.rtype {
            Rtype::NS if !owner.is_empty() => node::CUT,
            Rtype::DNAME => node::DNAME,
            _ => 0,
        };
        let repeated = owner == self.last_owner();
        if !repeated {
            self.push_ancestors(owner);
        }
        self.push(Draft { marks, rtype: record.rtype, ttl: record.ttl, owner, rdata: &record.rdata });
    }

    /// Adds the names between `owner` and the apex: empty non-terminals exist (RFC 4592 §2.2.2), so that a missing name
    /// says that nothing is below it. Files are sorted more or less, so that most stand before their children.
    fn push_ancestors(&mut self, owner: &[u8]) {
        let before = self.last_owner;
        let mut below = owner;
        while let Some(&length) = below.first() {
            let (label, parent) = below.split_at(1 + usize::from(length));
            let marks = if label == b"\x01*" { node::WILDCARD_BELOW } else { 0 };
            let last = &self.octets[before.0..before.1];
            let known = last.ends_with(parent) && is_below_or_at(last, parent);
            if marks != 0 || !known {
                self.push(Draft { marks, rtype: NO_RECORD, ttl: 0, owner: parent, rdata: &[] });
            }
            // What the last owner is below had its own ancestors added with it.
            if known {
                return;
            }
            below = parent;
        }
    }

    fn push(&mut self, draft: Draft<'_>) {
        let mut lower = [0; NAME_LEN_MAX];
        let lower = &mut lower[..draft.owner.len()];
        lower.copy_from_slice(draft.owner);
        lower.make_ascii_lowercase();
        let (at, octets) = (self.octets.len(), &mut self.octets);
        self.places.push(Place { hash: self.bulk.hash(lower), at });
        octets.extend([draft.owner.len() as u8, draft.marks]);
        octets.extend(draft.rtype.0.to_le_bytes());
        octets.extend(draft.ttl.to_le_bytes());
        octets.extend(u16::try_from(draft.rdata.len()).expect("RDATA has at most 65,535 octets").to_le_bytes());
        octets.extend_from_slice(draft.owner);
        self.last_owner = (at + HEADER_LEN, octets.len());
        octets.extend_from_slice(draft.rdata);
    }

    fn last_owner(&self) -> &[u8] {
        &self.octets[self.last_owner.0..self.last_owner.1]
    }

    /// Makes the index of names.
    pub(super) fn build(self, apex: &Name) -> Result<Built, ZoneError> {
        let Self { octets, mut places, mut bulk, hashed, .. } = self;
        let draft = |place: &Place| Draft::read(&octets, place.at);
        places.sort_unstable_by(|a, b| {
            a.hash.cmp(&b.hash).then_with(|| compare(&draft(a), &draft(b)).then(a.at.cmp(&b.at)))
        });
        let mut built =
            Built { nodes: Pages::new(), soa: (0, Vec::new()), nsec3_params: Vec::new(), nsec: Vec::new(), hashed };
        let (mut key, mut value, mut rrset) = (Vec::new(), Vec::new(), Vec::new());
        for owner in places.chunk_by(|a, b| a.hash == b.hash && same_name(draft(a).owner, draft(b).owner)) {
            let first = owner.iter().min_by_key(|place| place.at).expect("a chunk is not empty");
            let first = draft(first).owner;
            key.clear();
            key.extend(first.iter().map(u8::to_ascii_lowercase));
            value.clear();
            value.push(owner.iter().fold(0, |marks, place| marks | draft(place).marks));
            value.push(first.len() as u8);
            value.extend_from_slice(first);
            for records in owner.chunk_by(|a, b| draft(a).rtype == draft(b).rtype) {
                let rtype = draft(&records[0]).rtype;
                // Of differing ones the lowest is what whoever receives them goes by (RFC 2181 §5.2).
                let ttl = records.iter().map(|place| draft(place).ttl).min().unwrap_or_default();
                if rtype == NO_RECORD {
                    continue;
                }
                rrset.clear();
                if !unique(rtype, records.iter().map(|place| draft(place).rdata), &mut rrset) {
                    let owner = [first, apex.as_wire()].concat();
                    let owner = Name::from_wire(&owner).expect("it was a name before").0;
                    return Err(ZoneError::RrsetTooLarge(owner, rtype));
                }
                node::write_rrset(rtype, ttl, &rrset, &mut value);
                built.note(&key, rtype, ttl, &rrset);
            }
            bulk.push(owner[0].hash, &key, &value);
        }
        built.nodes = bulk.finish();
        Ok(built)
    }
}

impl<'a> Draft<'a> {
    #[inline]
    fn read(octets: &'a [u8], at: usize) -> Self {
        let octets = &octets[at..];
        let [owner_len, marks, t0, t1, l0, l1, l2, l3, r0, r1] = *octets.first_chunk::<HEADER_LEN>().expect("a header");
        let (owner, rest) = octets[HEADER_LEN..].split_at(usize::from(owner_len));
        let rdata = &rest[..usize::from(u16::from_le_bytes([r0, r1]))];
        let (rtype, ttl) = (Rtype(u16::from_le_bytes([t0, t1])), u32::from_le_bytes([l0, l1, l2, l3]));
        Self { marks, rtype, ttl, owner, rdata }
    }
}

/// Whether the labels `name` end with those of `above`, given that their octets do.
fn is_below_or_at(name: &[u8], above: &[u8]) -> bool {
    let start = name.len() - above.len();
    let mut at = 0;
    while at < start {
        at += 1 + usize::from(name[at]);
    }
    at == start
}

/// Orders drafts of one hash by owner, then type.
fn compare(a: &Draft<'_>, b: &Draft<'_>) -> Ordering {
    let lower = |name: &'_ [u8]| name.iter().map(u8::to_ascii_lowercase).collect::<Vec<_>>();
    let by_name = if same_name(a.owner, b.owner) { Ordering::Equal } else { lower(a.owner).cmp(&lower(b.owner)) };
    by_name.then(a.rtype.cmp(&b.rtype))
}

fn same_name(a: &[u8], b: &[u8]) -> bool {
    a == b || a.eq_ignore_ascii_case(b)
}

/// Appends the different ones of `all`; false if they are too large for a message.
fn unique<'a>(rtype: Rtype, all: impl Iterator<Item = &'a [u8]>, out: &mut Vec<&'a [u8]>) -> bool {
    let mut length = 0;
    for rdata in all {
        if !out.iter().any(|known| is_same(rtype, known, rdata)) {
            length += rdata.len() + 2;
            out.push(rdata);
        }
        if length > RRSET_LEN_MAX {
            return false;
        }
    }
    true
}

impl Built {
    /// Takes note of what is needed beside the index.
    fn note(&mut self, key: &[u8], rtype: Rtype, ttl: u32, rrset: &[&[u8]]) {
        let owned = || rrset.iter().map(|&rdata| rdata.into()).collect();
        match rtype {
            Rtype::SOA if key.is_empty() => self.soa = (ttl, owned()),
            Rtype::NSEC3PARAM if key.is_empty() => self.nsec3_params = owned(),
            Rtype::NSEC => self.nsec.push(key.into()),
            _ => {}
        }
    }

    /// The chain that denies names, and the encoded owners of NSEC3 records that are not in it.
    pub(super) fn denial(&self, apex: &Name) -> Result<(Option<Denial>, Vec<Vec<u8>>), ZoneError> {
        let apex = apex.to_lowercase();
        let params = self.nsec3_params.iter();
        // With several chains any whole one may be used (RFC 5155 §7.3); one with flags set is not ready (§4.1.2).
        for params in params.filter(|rdata| rdata.get(1) == Some(&0)).filter_map(|rdata| Params::read(rdata)) {
            if params.iterations > nsec3::ITERATIONS_MAX {
                return Err(ZoneError::Nsec3Iterations(params.iterations));
            }
            let (used, unused) = self.encode_nsec3(&params);
            if let Some(chain) = Nsec3Chain::new(params, apex.as_wire(), &used) {
                return Ok((Some(Denial::Nsec3(chain)), unused.into_iter().map(|(_, node)| node).collect()));
            }
        }
        let chain = NsecChain::new(self.nsec.iter().map(|key| &**key));
        let unused = self.hashed.values().map(Hashed::encoded).collect();
        Ok((chain.map(Denial::Nsec), unused))
    }

    /// The owners of NSEC3 records, encoded: those with these parameters, and the others.
    #[allow(clippy::type_complexity, reason = "two lists of the same pairs")]
    fn encode_nsec3(&self, params: &Params) -> (Vec<(nsec3::Hash, Vec<u8>)>, Vec<(nsec3::Hash, Vec<u8>)>) {
        let is_used = |hashed: &Hashed| {
            let nsec3 = hashed.rrsets.get(&Rtype::NSEC3).map_or(&[][..], |(_, rdata)| rdata);
            nsec3.iter().any(|rdata| Params::read(rdata).as_ref() == Some(params))
        };
        let (used, unused): (Vec<_>, Vec<_>) = self.hashed.iter().partition(|(_, hashed)| is_used(hashed));
        let encode = |(hash, hashed): (&nsec3::Hash, &Hashed)| (*hash, hashed.encoded());
        (used.into_iter().map(encode).collect(), unused.into_iter().map(encode).collect())
    }
}

impl Hashed {
    fn encoded(&self) -> Vec<u8> {
        let mut octets = vec![0, u8::try_from(self.owner.len()).expect("a name has at most 255 octets")];
        octets.extend_from_slice(&self.owner);
        for (rtype, (ttl, rdata)) in &self.rrsets {
            node::write_rrset(*rtype, *ttl, rdata, &mut octets);
        }
        octets
    }
}

/// Whether two RDATA are one and the same record: names in them are compared without case (RFC 2181 §5, RFC 4034 §6.2).
fn is_same(rtype: Rtype, a: &[u8], b: &[u8]) -> bool {
    let canonical = |rdata: &[u8]| {
        let mut rdata = rdata.to_vec();
        lowercase_names(rtype, &mut rdata);
        rdata
    };
    a == b || a.eq_ignore_ascii_case(b) && canonical(a) == canonical(b)
}

/// The hash that the owner of an NSEC3 record, or of its signature, stands for.
fn hash_of(record: &Record, relative: &[u8]) -> Option<nsec3::Hash> {
    let is_nsec3 = match record.rtype {
        Rtype::NSEC3 => true,
        Rtype::RRSIG => node::covered(&record.rdata) == Some(Rtype::NSEC3),
        _ => false,
    };
    if is_nsec3 { nsec3::hash_of_owner(relative) } else { None }
}
