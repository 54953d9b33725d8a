//! Building a zone from its drafts: the index of its names, page by page, and the chain of its NSEC or NSEC3 records.

use super::contents::ZoneError;
use super::denial::nsec3::{self, Hashed};
use super::denial::{Denial, Nsec3Chain, NsecChain, Params};
use super::drafts::{Draft, Drafts, Owner};
use super::name::Name;
use super::node::{self, NodeRef};
use super::pages::{Bulk, Pages};
use super::rdata::lowercase_names;
use super::record::Rtype;

/// Most octets of one RRset's records; more fits no message (RFC 1035 §4.2.2).
const RRSET_LEN_MAX: usize = 65_535;

/// What the records make.
#[derive(Default)]
pub(super) struct Built {
    /// Lower-cased labels before the apex's → node.
    pub(super) nodes: Pages,
    /// TTL and RDATA of SOA at the apex.
    pub(super) soa: Rrset,
    nsec3_params: Vec<Box<[u8]>>,
    /// Owners of NSEC records.
    nsec: Vec<Box<[u8]>>,
    /// Owners of NSEC3 records, with nothing but these and their signatures; by hash.
    hashed: Vec<(nsec3::Hash, Hashed)>,
}

/// TTL and RDATA.
pub(super) type Rrset = (u32, Vec<Box<[u8]>>);

impl Built {
    /// Makes the index of the names of `drafts`, which are sorted.
    pub(super) fn of(drafts: Drafts) -> Result<Self, ZoneError> {
        let (apex, pages, parts) = drafts.into_parts();
        let mut built = Self::default();
        let mut bulk = Bulk::on(pages, parts.iter().map(super::drafts::Part::size).sum());
        let mut scratch = Scratch::default();
        for part in parts {
            let mut rrset = Vec::new();
            for owner in part.owners() {
                built.add(&apex, owner, &mut bulk, &mut scratch, &mut rrset)?;
            }
        }
        built.nodes = bulk.finish();
        built.hashed.sort_unstable_by_key(|(hash, _)| *hash);
        Ok(built)
    }

    fn add<'a>(
        &mut self,
        apex: &Name,
        owner: Owner<'a>,
        bulk: &mut Bulk,
        scratch: &mut Scratch,
        rrset: &mut Vec<&'a [u8]>,
    ) -> Result<(), ZoneError> {
        let labels = owner.labels();
        scratch.begin(owner.marks(), labels);
        let too_large = |rtype| {
            let owner = Name::from_wire(&[labels, apex.as_wire()].concat()).expect("it was a name before").0;
            ZoneError::RrsetTooLarge(owner, rtype)
        };
        let Scratch { key, node, hashed } = scratch;
        if owner.is_name() {
            let named = owner.records().filter(|draft| draft.nsec3_hash().is_none());
            self.write(key, named, node, rrset).map_err(too_large)?;
            bulk.push(owner.hash(), key, node);
        }
        if let Some(hash) = owner.records().find_map(|draft| draft.nsec3_hash()) {
            let nsec3 = owner.records().filter(|draft| draft.nsec3_hash().is_some());
            self.write(key, nsec3, hashed, rrset).map_err(too_large)?;
            self.hashed.push((hash, Hashed::new(key, hashed)));
        }
        Ok(())
    }

    /// Writes the RRsets that `drafts`, sorted by type, make; the type of one that is too large for a message otherwise.
    fn write<'a>(
        &mut self,
        key: &[u8],
        drafts: impl Iterator<Item = Draft<'a>>,
        out: &mut Vec<u8>,
        rrset: &mut Vec<&'a [u8]>,
    ) -> Result<(), Rtype> {
        let mut drafts = drafts.peekable();
        while let Some(Draft { rtype, mut ttl, rdata, .. }) = drafts.next() {
            let mut length = rdata.len() + 2;
            rrset.clear();
            rrset.push(rdata);
            while let Some(next) = drafts.next_if(|next| next.rtype == rtype) {
                // Of differing ones the lowest is what whoever receives them goes by (RFC 2181 §5.2).
                ttl = ttl.min(next.ttl);
                if !rrset.iter().any(|known| is_same(rtype, known, next.rdata)) {
                    length += next.rdata.len() + 2;
                    rrset.push(next.rdata);
                }
                if length > RRSET_LEN_MAX {
                    return Err(rtype);
                }
            }
            if length > RRSET_LEN_MAX {
                return Err(rtype);
            }
            node::write_rrset(rtype, ttl, rrset, out);
            self.note(key, rtype, ttl, rrset);
        }
        Ok(())
    }

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
    pub(super) fn denial(&mut self, apex: &Name) -> Result<(Option<Denial>, Vec<Hashed>), ZoneError> {
        let apex = apex.to_lowercase();
        let mut hashed = std::mem::take(&mut self.hashed);
        // With several chains any whole one may be used (RFC 5155 §7.3); one with flags set is not ready (§4.1.2).
        let params = self.nsec3_params.iter().filter(|rdata| rdata.get(1) == Some(&0));
        for params in params.filter_map(|rdata| Params::read(rdata)) {
            if params.iterations > nsec3::ITERATIONS_MAX {
                return Err(ZoneError::Nsec3Iterations(params.iterations));
            }
            let is_used = |(_, node): &(nsec3::Hash, Hashed)| {
                let nsec3 = NodeRef::new(node.stored()).rrset(Rtype::NSEC3);
                nsec3.is_some_and(|rrset| rrset.rdata().any(|rdata| Params::read(rdata).as_ref() == Some(&params)))
            };
            let (used, unused): (Vec<_>, Vec<_>) = hashed.into_iter().partition(is_used);
            if let Some(chain) = Nsec3Chain::new(params, apex.as_wire(), &used) {
                return Ok((Some(Denial::Nsec3(chain)), unused.into_iter().map(|(_, node)| node).collect()));
            }
            hashed = used.into_iter().chain(unused).collect();
        }
        let chain = NsecChain::new(self.nsec.iter().map(|key| &**key));
        Ok((chain.map(Denial::Nsec), hashed.into_iter().map(|(_, node)| node).collect()))
    }
}

/// What is used again for every owner.
#[derive(Default)]
struct Scratch {
    key: Vec<u8>,
    node: Vec<u8>,
    hashed: Vec<u8>,
}

impl Scratch {
    fn begin(&mut self, marks: u8, labels: &[u8]) {
        self.key.clear();
        self.key.extend(labels.iter().map(u8::to_ascii_lowercase));
        for (out, marks) in [(&mut self.node, marks), (&mut self.hashed, 0)] {
            out.clear();
            node::begin(marks, &self.key, labels, out);
        }
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
