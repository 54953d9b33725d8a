//! Building a zone from records: its owners, and the chain of its NSEC or NSEC3 records.

use super::contents::ZoneError;
use super::denial::{Denial, Nsec3Chain, NsecChain, Params, nsec3};
use super::name::Name;
use super::node;
use super::pages::Pages;
use super::rdata::lowercase_names;
use super::record::{Record, Rtype};
use std::collections::BTreeMap;

/// Most octets of one RRset's records; more fits no message (RFC 1035 §4.2.2).
const RRSET_LEN_MAX: usize = 65_535;

/// The owners of a zone while it is built.
#[derive(Default)]
pub(super) struct Drafts {
    /// Lower-cased labels before the apex's → owner.
    names: BTreeMap<Box<[u8]>, Draft>,
    /// Owners of NSEC3 records, which are no names like others (RFC 5155 §7.2.8), with nothing but these and their
    /// signatures. In the order of their hashes.
    hashed: BTreeMap<nsec3::Hash, Draft>,
}

/// One owner while a zone is built.
#[derive(Default)]
struct Draft {
    owner: Box<[u8]>,
    marks: u8,
    rrsets: BTreeMap<Rtype, DraftRrset>,
}

/// TTL and RDATA.
type DraftRrset = (u32, Vec<Box<[u8]>>);

impl Drafts {
    /// Sorts `records` by owner and type.
    pub(super) fn collect(apex: &Name, records: impl IntoIterator<Item = Record>) -> Result<Self, ZoneError> {
        let mut drafts = Self::default();
        for record in records {
            let Some(relative) = record.owner.relative_to(apex) else { return Err(ZoneError::OutOfZone(record.owner)) };
            let draft = match hash_of(&record, relative) {
                Some(hash) => {
                    drafts.hashed.entry(hash).or_insert_with(|| Draft { owner: relative.into(), ..Draft::default() })
                }
                None => with_ancestors(&mut drafts.names, relative),
            };
            match record.rtype {
                Rtype::NS if !relative.is_empty() => draft.marks |= node::CUT,
                Rtype::DNAME => draft.marks |= node::DNAME,
                _ => {}
            }
            let (_, rdata) = draft.rrsets.entry(record.rtype).or_insert_with(|| (record.ttl, Vec::new()));
            if !rdata.iter().any(|known| is_same(record.rtype, known, &record.rdata)) {
                rdata.push(record.rdata);
            }
            if rdata.iter().map(|one| one.len() + 2).sum::<usize>() > RRSET_LEN_MAX {
                return Err(ZoneError::RrsetTooLarge(record.owner, record.rtype));
            }
        }
        Ok(drafts)
    }

    /// The RRset of this type at the apex.
    pub(super) fn at_apex(&self, rtype: Rtype) -> Option<&DraftRrset> {
        self.names.get(&[][..])?.rrsets.get(&rtype)
    }

    /// The index of the names.
    pub(super) fn index(&self) -> Pages {
        let mut edit = Pages::new().edit();
        let mut octets = Vec::new();
        for (key, draft) in &self.names {
            octets.clear();
            draft.encode(&mut octets);
            edit.insert(key, &octets);
        }
        edit.finish()
    }

    /// The chain that denies names, and the encoded owners of NSEC3 records that are not in it.
    pub(super) fn denial(&self, apex: &Name) -> Result<(Option<Denial>, Vec<Vec<u8>>), ZoneError> {
        let apex = apex.to_lowercase();
        let params = self.at_apex(Rtype::NSEC3PARAM).map_or(&[][..], |(_, rdata)| rdata);
        // With several chains any whole one may be used (RFC 5155 §7.3); one with flags set is not ready (§4.1.2).
        for params in params.iter().filter(|rdata| rdata.get(1) == Some(&0)).filter_map(|rdata| Params::read(rdata)) {
            if params.iterations > nsec3::ITERATIONS_MAX {
                return Err(ZoneError::Nsec3Iterations(params.iterations));
            }
            let (used, unused) = self.encode_nsec3(&params);
            if let Some(chain) = Nsec3Chain::new(params, apex.as_wire(), &used) {
                return Ok((Some(Denial::Nsec3(chain)), unused.into_iter().map(|(_, node)| node).collect()));
            }
        }
        let owners = self.names.iter().filter(|(_, draft)| draft.rrsets.contains_key(&Rtype::NSEC));
        let chain = NsecChain::new(owners.map(|(key, _)| &**key));
        let unused = self.hashed.values().map(Draft::encoded).collect();
        Ok((chain.map(Denial::Nsec), unused))
    }

    /// The owners of NSEC3 records, encoded: those with these parameters, and the others.
    #[allow(clippy::type_complexity, reason = "two lists of the same pairs")]
    fn encode_nsec3(&self, params: &Params) -> (Vec<(nsec3::Hash, Vec<u8>)>, Vec<(nsec3::Hash, Vec<u8>)>) {
        let is_used = |draft: &Draft| {
            let nsec3 = draft.rrsets.get(&Rtype::NSEC3).map_or(&[][..], |(_, rdata)| rdata);
            nsec3.iter().any(|rdata| Params::read(rdata).as_ref() == Some(params))
        };
        let (used, unused): (Vec<_>, Vec<_>) = self.hashed.iter().partition(|(_, draft)| is_used(draft));
        let encode = |(hash, draft): (&nsec3::Hash, &Draft)| (*hash, draft.encoded());
        (used.into_iter().map(encode).collect(), unused.into_iter().map(encode).collect())
    }
}

impl Draft {
    fn encode(&self, octets: &mut Vec<u8>) {
        octets.push(self.marks);
        octets.push(u8::try_from(self.owner.len()).expect("a name has at most 255 octets"));
        octets.extend_from_slice(&self.owner);
        for (rtype, (ttl, rdata)) in &self.rrsets {
            node::write_rrset(*rtype, *ttl, rdata, octets);
        }
    }

    fn encoded(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        self.encode(&mut octets);
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

/// The draft of `owner`, made if need be, as are those between it and the apex: empty non-terminals exist (RFC 4592
/// §2.2.2), so that a missing name says that nothing is below it.
fn with_ancestors<'a>(drafts: &'a mut BTreeMap<Box<[u8]>, Draft>, owner: &[u8]) -> &'a mut Draft {
    let mut below = owner;
    while !drafts.contains_key(&*below.to_ascii_lowercase()) {
        let draft = Draft { owner: below.into(), ..Draft::default() };
        drafts.insert(below.to_ascii_lowercase().into(), draft);
        let Some(&length) = below.first() else { break };
        let (label, parent) = below.split_at(1 + usize::from(length));
        if label == b"\x01*" {
            with_ancestors(drafts, parent).marks |= node::WILDCARD_BELOW;
        }
        below = parent;
    }
    drafts.get_mut(&*owner.to_ascii_lowercase()).expect("inserted above")
}
