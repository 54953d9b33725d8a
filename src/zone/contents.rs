//! One zone: its master file's records, and the registrations published in it.

use super::allowed::Allowed;
use super::build::Built;
use super::denial::nsec3::Hashed;
use super::denial::{Denial, Nsec3Chain};
use super::drafts::{Drafts, Place};
use super::fragment::{self, Records, SoaFragment};
use super::name::Name;
use super::node::NodeRef;
use super::pages::Pages;
use super::record::{Record, Rtype};
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Octets of the five numbers at the end of a SOA's RDATA.
const SOA_NUMBERS_LEN: usize = 20;

/// One version of a zone. Cloning is cheap.
#[derive(Clone)]
pub struct Zone {
    base: Arc<Base>,
    registrations: Option<Pages>,
    gateway: Arc<GatewayOctets>,
    serial: u32,
    /// Who may ask; absent: everybody.
    allowed: Option<Arc<Allowed>>,
}

/// The gateway, and its addresses as RDATA.
#[derive(Default)]
struct GatewayOctets {
    gateway: Gateway,
    v4: Vec<[u8; 4]>,
    v6: Vec<[u8; 16]>,
}

/// What comes from the master file, the serial apart.
struct Base {
    apex: Name,
    /// Lower-cased labels before the apex's, as in the wire → node.
    nodes: Pages,
    /// Whether the SOA has signatures.
    is_signed: bool,
    denial: Option<Denial>,
    /// Owners of NSEC3 records that are in no chain that is used. They are only transferred.
    unused_nsec3: Vec<Hashed>,
    soa_ttl: u32,
    soa_rdata: Box<[u8]>,
    /// Where RNAME begins in it.
    rname_at: usize,
    /// How many octets of MNAME and of RNAME stand before the apex's labels, if they are in the zone.
    soa_below_apex: [Option<u8>; 2],
    /// The SOA as negative answers have it, if both its names are in the zone and not too long.
    soa_fragment: Option<SoaFragment>,
    /// Its signatures there.
    soa_signatures: Records,
    /// And behind them the NSEC3 record of the apex with its own, if there is one.
    denial_head: Option<Records>,
    /// Whether neither a wildcard nor a DNAME at the apex stands for what is missing below it.
    is_plain_below_apex: bool,
    /// Labels of the apex.
    depth: usize,
}

/// Where forwarded names point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gateway {
    /// IPv4 addresses of the gateway.
    pub v4: Vec<Ipv4Addr>,
    /// IPv6 addresses; none means AAAA is NODATA.
    pub v6: Vec<Ipv6Addr>,
}

/// The SOA as it stands in this version of a zone.
#[derive(Clone, Copy, Debug)]
pub struct SoaRef<'a> {
    /// Its own TTL in seconds.
    pub ttl: u32,
    /// MNAME in wire form.
    pub mname: &'a [u8],
    /// RNAME in wire form.
    pub rname: &'a [u8],
    /// How many octets of MNAME and of RNAME stand before the apex's labels, if they are in the zone.
    pub below_apex: [Option<u8>; 2],
    /// Serial number.
    pub serial: u32,
    /// REFRESH, RETRY, EXPIRE and MINIMUM.
    pub timers: &'a [u8; 16],
}

/// Why records do not make a zone that can be served. `zonefile` finds these before, with line numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// No SOA at the apex, or more than one.
    #[error("{0} SOA records at the apex")]
    Soa(usize),
    /// SOA RDATA that is not two names and five numbers.
    #[error("the SOA is malformed")]
    SoaMalformed,
    /// A record outside the zone.
    #[error("{0} is outside the zone")]
    OutOfZone(Name),
    /// An RRset that fits no message.
    #[error("the records of {0} with type {number} fit no message", number = .1.0)]
    RrsetTooLarge(Name, Rtype),
    /// An NSEC3 chain whose hashes cost too much.
    #[error("NSEC3 with {0} iterations; at most {max} are served", max = super::denial::nsec3::ITERATIONS_MAX)]
    Nsec3Iterations(u16),
}

impl Zone {
    /// The zone of `records`, all of class IN. Repeated records count once, be it in another case; of differing TTLs in
    /// one RRset the lowest counts, as it does for whoever receives them (RFC 2181 §5.2).
    ///
    /// # Errors
    /// [`ZoneError`] if they cannot be served.
    pub fn build(apex: Name, records: impl IntoIterator<Item = Record>) -> Result<Self, ZoneError> {
        let mut drafts = Drafts::new(&apex);
        for Record { owner, rtype, ttl, rdata } in records {
            if !drafts.push(owner.as_wire(), rtype, ttl, &rdata, Place::default()) {
                return Err(ZoneError::OutOfZone(owner));
            }
        }
        drafts.sort();
        Self::from_drafts(drafts)
    }

    /// The same of sorted drafts, which are let go as the zone comes to be.
    ///
    /// # Errors
    /// [`ZoneError`] if they cannot be served.
    pub fn from_drafts(drafts: Drafts) -> Result<Self, ZoneError> {
        let apex = drafts.apex().clone();
        let mut built = Built::of(drafts)?;
        let (soa_ttl, soa_rdata) = match &built.soa {
            (ttl, rdata) if rdata.len() == 1 => (*ttl, rdata[0].clone()),
            (_, rdata) => return Err(ZoneError::Soa(rdata.len())),
        };
        let (mname, rname_at) = Name::from_wire(&soa_rdata).map_err(|_| ZoneError::SoaMalformed)?;
        let (rname, rname_len) = Name::from_wire(&soa_rdata[rname_at..]).map_err(|_| ZoneError::SoaMalformed)?;
        let names_len = rname_at + rname_len;
        let serial = match soa_rdata[names_len..].first_chunk() {
            Some(serial) if soa_rdata.len() == names_len + SOA_NUMBERS_LEN => u32::from_be_bytes(*serial),
            _ => return Err(ZoneError::SoaMalformed),
        };
        let (denial, unused_nsec3) = built.denial(&apex)?;
        let nodes = built.nodes;
        let is_signed = nodes.stored(&[]).is_some_and(|apex| NodeRef::new(apex).is_signed(Rtype::SOA));
        let below_apex = |name: &Name| name.relative_to(&apex).map(|labels| labels.len() as u8);
        let soa_below_apex = [below_apex(&mname), below_apex(&rname)];
        let minimum = u32::from_be_bytes(*soa_rdata.last_chunk().expect("five numbers were read above"));
        let negative_ttl = soa_ttl.min(minimum);
        let soa_fragment = match soa_below_apex {
            [Some(mname), Some(rname)] => {
                let labels = [&soa_rdata[..usize::from(mname)], &soa_rdata[rname_at..rname_at + usize::from(rname)]];
                SoaFragment::new(negative_ttl, labels, &soa_rdata[names_len..])
            }
            _ => None,
        };
        let at_apex = nodes.stored(&[]).map(NodeRef::new);
        let mut soa_signatures = Records::default();
        for rdata in at_apex.into_iter().flat_map(|node| node.signatures(Rtype::SOA)) {
            soa_signatures.push(true, Rtype::RRSIG, negative_ttl, rdata);
        }
        let denial_head = match &denial {
            Some(Denial::Nsec3(chain)) => Some(soa_signatures.and(chain.frequent_records()[0])),
            _ => None,
        };
        let is_plain_below_apex = at_apex.is_some_and(|node| !node.has_wildcard_below() && !node.has_dname());
        let depth = apex.labels().count();
        let base = Base {
            apex,
            nodes,
            is_signed,
            denial,
            unused_nsec3,
            soa_ttl,
            soa_rdata,
            rname_at,
            soa_below_apex,
            soa_fragment,
            soa_signatures,
            denial_head,
            is_plain_below_apex,
            depth,
        };
        Ok(Self { base: Arc::new(base), registrations: None, gateway: Arc::default(), serial, allowed: None })
    }

    /// Its apex.
    pub fn apex(&self) -> &Name {
        &self.base.apex
    }

    /// How many labels the apex has.
    #[inline]
    pub fn depth(&self) -> usize {
        self.base.depth
    }

    /// The SOA's serial.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The same zone with another serial.
    pub fn with_serial(self, serial: u32) -> Self {
        Self { serial, ..self }
    }

    /// The same zone with `registrations` published in it: label (A-label, lower case) → [`super::Published`] octets.
    /// Zones of one suffix set share one index.
    pub fn with_registrations(self, registrations: Pages) -> Self {
        Self { registrations: Some(registrations), ..self }
    }

    /// The same zone, to be answered from only to clients in `networks` and to those that sign with one of `keys`.
    pub fn with_allowed(self, networks: &[IpNet], keys: &[Name]) -> Self {
        Self { allowed: Some(Arc::new(Allowed::new(networks, keys))), ..self }
    }

    /// Whether only some may ask for it.
    #[inline]
    pub fn is_restricted(&self) -> bool {
        self.allowed.is_some()
    }

    /// Whether a client at `address` may ask for it, who has signed with the key of this name, in wire form and lower
    /// case, or not at all.
    #[inline]
    pub fn allows(&self, address: IpAddr, key: Option<&[u8]>) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.holds(address, key))
    }

    /// The same zone with another gateway.
    pub fn with_gateway(self, gateway: Gateway) -> Self {
        let v4 = gateway.v4.iter().map(Ipv4Addr::octets).collect();
        let v6 = gateway.v6.iter().map(Ipv6Addr::octets).collect();
        Self { gateway: Arc::new(GatewayOctets { gateway, v4, v6 }), ..self }
    }

    /// The registrations published in it, if it is a suffix of ours.
    #[inline]
    pub fn registrations(&self) -> Option<&Pages> {
        self.registrations.as_ref()
    }

    /// What its master file has: lower-cased labels before the apex's, as in the wire → a node's octets.
    #[inline]
    pub fn nodes(&self) -> &Pages {
        &self.base.nodes
    }

    /// Where forwarded names of this zone point.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway.gateway
    }

    /// Their addresses as RDATA of A and AAAA.
    #[inline]
    pub fn gateway_rdata(&self) -> (&[[u8; 4]], &[[u8; 16]]) {
        (&self.gateway.v4, &self.gateway.v6)
    }

    /// Whether its master file has records at or below `label` directly under the apex.
    pub fn occupies(&self, label: &str) -> bool {
        let Ok(length) = u8::try_from(label.len()) else { return false };
        let mut key = vec![length];
        key.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
        self.base.nodes.get(&key).is_some()
    }

    /// The SOA with this version's serial.
    #[inline]
    pub fn soa(&self) -> SoaRef<'_> {
        let Base { soa_ttl, soa_rdata, rname_at, soa_below_apex, .. } = &*self.base;
        let (names, numbers) = soa_rdata.split_at(soa_rdata.len() - SOA_NUMBERS_LEN);
        let (mname, rname) = names.split_at(*rname_at);
        let timers = numbers.last_chunk().expect("the five numbers are 20 octets");
        SoaRef { ttl: *soa_ttl, mname, rname, below_apex: *soa_below_apex, serial: self.serial, timers }
    }

    /// Writes the SOA of a negative answer, as [`Zone::soa`] has it, to the start of `out` for a message in which the apex
    /// stands at `apex_at`; how long it is. None if its names need a search in the message, or are long.
    #[inline(always)]
    pub fn write_negative_soa(&self, out: &mut [u8; fragment::ROOM], apex_at: u8) -> Option<usize> {
        self.base.soa_fragment.as_ref().map(|fragment| fragment.write(out, apex_at, self.serial))
    }

    /// Octets of that SOA, if there is one.
    #[inline]
    pub fn negative_soa_len(&self) -> Option<usize> {
        self.base.soa_fragment.as_ref().map(SoaFragment::len)
    }

    /// The signatures of that SOA.
    #[inline]
    pub fn soa_signatures(&self) -> &Records {
        &self.base.soa_signatures
    }

    /// The same with the NSEC3 record of the apex and its signatures behind them: so denials of names directly below the
    /// apex begin.
    #[inline]
    pub fn denial_head(&self) -> Option<&Records> {
        self.base.denial_head.as_ref()
    }

    /// Whether neither a wildcard nor a DNAME at the apex stands for what is missing below it.
    #[inline]
    pub fn is_plain_below_apex(&self) -> bool {
        self.base.is_plain_below_apex
    }

    /// The node at `owner`: lower-cased labels before the apex's, without a root label. Registrations are not nodes.
    #[inline]
    pub fn node(&self, owner: &[u8]) -> Option<NodeRef<'_>> {
        self.base.nodes.stored(owner).map(NodeRef::new)
    }

    /// Whether it is signed: its SOA has signatures.
    #[inline]
    pub fn is_signed(&self) -> bool {
        self.base.is_signed
    }

    /// What denies the existence of names in it, if it is signed.
    pub fn denial(&self) -> Option<&Denial> {
        self.base.denial.as_ref()
    }

    /// All records of the static part, in no useful order, the SOA with this version's serial. Allocates.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let chain = match self.denial() {
            Some(Denial::Nsec3(chain)) => Some(chain),
            _ => None,
        };
        let denying = chain.into_iter().flat_map(Nsec3Chain::iter).flat_map(move |nsec3| {
            let wire = [&nsec3.label()[..], self.base.apex.as_wire()].concat();
            let owner = Name::from_wire(&wire).expect("it was a name when the zone was built").0;
            nsec3.records().map(move |(rtype, ttl, rdata)| Record {
                owner: owner.clone(),
                rtype,
                ttl,
                rdata: rdata.collect::<Vec<_>>().concat().into(),
            })
        });
        let unused = self.base.unused_nsec3.iter().map(Hashed::stored);
        let named = self.base.nodes.iter().chain(unused).flat_map(move |stored| {
            let node = NodeRef::new(stored);
            let wire = [node.owner(), self.base.apex.as_wire()].concat();
            let owner = Name::from_wire(&wire).expect("it was a name when the zone was built").0;
            node.rrsets().flat_map(move |rrset| {
                let owner = owner.clone();
                let record = move |rdata: &[u8]| {
                    let ttl = if rrset.rtype == Rtype::RRSIG { node.signature_ttl(rrset, rdata) } else { rrset.ttl };
                    self.record(owner.clone(), rrset.rtype, ttl, rdata)
                };
                rrset.rdata().map(record)
            })
        });
        named.chain(denying)
    }

    fn record(&self, owner: Name, rtype: Rtype, ttl: u32, rdata: &[u8]) -> Record {
        let mut rdata: Box<[u8]> = rdata.into();
        if rtype == Rtype::SOA {
            let at = rdata.len() - SOA_NUMBERS_LEN;
            rdata[at..at + 4].copy_from_slice(&self.serial.to_be_bytes());
        }
        Record { owner, rtype, ttl, rdata }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} serial {}", self.apex(), self.serial)
    }
}

impl SoaRef<'_> {
    /// TTL of negative answers: the smaller of the SOA's TTL and MINIMUM (RFC 2308 §3).
    #[inline]
    pub fn negative_ttl(&self) -> u32 {
        let minimum = u32::from_be_bytes(*self.timers.last_chunk().expect("the timers are 16 octets"));
        self.ttl.min(minimum)
    }
}
