//! What is in all the zones that the servers have, as a plain list: what exists where, and which zone a name is in.

use crate::compare::{Peer, covers};
use crate::packet::Record;
use crate::zones::{Line, Served};
use std::collections::{BTreeMap, BTreeSet};
use zhengming::zone::rdata::{from_text, lowercase_names};
use zhengming::zone::{Name, NameError, Rtype};

/// All zones.
pub struct World {
    /// Lower-cased apex → what is in the zone.
    zones: BTreeMap<Name, Contents>,
    /// Every name that exists in some zone.
    existing: BTreeSet<Name>,
    /// Zones that a peer does not take.
    pub unserved: BTreeSet<(Peer, Name)>,
    /// Whether a zone leaves out TTLs without a `$TTL`.
    pub leaves_out_ttls: bool,
}

/// One zone.
pub struct Contents {
    /// Names that exist, empty non-terminals among them.
    existing: BTreeSet<Name>,
    /// Names with records.
    owners: BTreeSet<Name>,
    /// Names with an NSEC3 record, or a signature of one.
    nsec3_owners: BTreeSet<Name>,
    records: BTreeSet<Entry>,
}

/// A record: lower-cased owner, type, TTL, and RDATA whose names are lower-cased.
type Entry = (Name, Rtype, u32, Vec<u8>);

impl World {
    /// The world of these zones.
    pub fn new(zones: &[Served]) -> Self {
        let zones: BTreeMap<Name, Contents> =
            zones.iter().map(|zone| (zone.apex.to_lowercase(), Contents::new(zone))).collect();
        let existing = zones.values().flat_map(|zone| zone.owners.iter().flat_map(ancestors)).collect();
        Self { zones, existing, unserved: BTreeSet::new(), leaves_out_ttls: false }
    }

    /// The apex of the zone that a name is in.
    pub fn apex_of(&self, name: &Name) -> Option<Name> {
        ancestors(&name.to_lowercase()).find(|name| self.zones.contains_key(name))
    }

    fn zone_of(&self, name: &Name) -> Option<&Contents> {
        self.apex_of(name).map(|apex| &self.zones[&apex])
    }

    /// Whether a record of the zone with this apex, standing there, is such a one, by its type and RDATA.
    pub fn has_at(&self, apex: &Name, is: &dyn Fn(Rtype, &[u8]) -> bool) -> bool {
        let mut records = self.zones.get(apex).into_iter().flat_map(|zone| zone.at(apex));
        records.any(|(_, rtype, _, rdata)| is(*rtype, rdata))
    }

    /// Whether the name is one that NSEC3 records, or signatures of them, are at, or is below it.
    pub fn is_below_nsec3(&self, name: &Name) -> bool {
        self.zone_of(name).is_some_and(|zone| zone.nsec3_owners.iter().any(|owner| name.is_within(owner)))
    }

    /// Whether the name has records in its zone.
    pub fn is_owner(&self, name: &Name) -> bool {
        self.zone_of(name).is_some_and(|zone| zone.owners.contains(&name.to_lowercase()))
    }

    /// Whether the name exists in its zone.
    pub fn exists(&self, name: &Name) -> bool {
        self.zone_of(name).is_some_and(|zone| zone.existing.contains(&name.to_lowercase()))
    }

    /// Whether more of the name exists in another zone than in its own: as glue, or below a cut that is served too.
    pub fn exists_elsewhere(&self, name: &Name) -> bool {
        let Some(zone) = self.zone_of(name) else { return false };
        let closest = ancestors(&name.to_lowercase()).find(|name| self.existing.contains(name));
        let is_foreign = |name: &Name| self.existing.contains(name) && !zone.existing.contains(name);
        closest.is_some_and(|closest| is_foreign(&closest) || wildcard(&closest).is_ok_and(|name| is_foreign(&name)))
    }

    /// The TTLs that the records of an RRset are written with.
    pub fn ttls_of(&self, owner: &Name, rtype: Rtype) -> BTreeSet<u32> {
        let all = self.zones.values().flat_map(|zone| zone.at(owner));
        all.filter(|(_, of, ..)| *of == rtype).map(|(_, _, ttl, _)| *ttl).collect()
    }

    /// Whether a record is one of a zone, or made from a wildcard's.
    pub fn has(&self, record: &Record) -> bool {
        let Record { owner, rtype, ttl, rdata, .. } = record;
        let stands_at = |name: &Name| {
            let record = (name.clone(), *rtype, *ttl, rdata.clone());
            // Glue of a child that is served too stands in the zone above.
            self.zones.values().any(|zone| zone.records.contains(&record))
        };
        stands_at(owner)
            || ancestors(owner).skip(1).filter_map(|above| wildcard(&above).ok()).any(|name| stands_at(&name))
    }
}

impl Contents {
    fn new(zone: &Served) -> Self {
        let owners: BTreeSet<Name> = zone.lines.iter().map(|line| line.owner.to_lowercase()).collect();
        let apex = zone.apex.to_lowercase();
        let above = owners.iter().flat_map(|owner| ancestors(owner).take_while(|name| name.is_within(&apex)));
        let existing = above.collect();
        let records = zone.lines.iter().map(|line| {
            let Line { owner, rtype, ttl, rdata, .. } = line;
            let mut rdata = from_text(*rtype, rdata, &Name::root()).expect("it was loaded").to_vec();
            lowercase_names(*rtype, &mut rdata);
            (owner.to_lowercase(), *rtype, *ttl, rdata)
        });
        let records: BTreeSet<Entry> = records.collect();
        let is_nsec3 = |rtype, rdata: &[u8]| rtype == Rtype::NSEC3 || covers(rtype, rdata, Rtype::NSEC3);
        let nsec3 = records.iter().filter(|(_, rtype, _, rdata)| is_nsec3(*rtype, rdata));
        let nsec3_owners = nsec3.map(|(owner, ..)| owner.clone()).collect();
        Self { existing, records, owners, nsec3_owners }
    }

    /// The records with this owner; among millions, so they are not searched one by one.
    fn at(&self, owner: &Name) -> impl Iterator<Item = &Entry> {
        let from = (owner.clone(), Rtype(0), 0, Vec::new());
        self.records.range(from..).take_while(move |(name, ..)| name == owner)
    }
}

/// The wildcard directly below a name.
fn wildcard(above: &Name) -> Result<Name, NameError> {
    Name::from_wire(&[b"\x01*", above.as_wire()].concat()).map(|(name, _)| name)
}

/// The name and all above it, from the longest.
fn ancestors(name: &Name) -> impl Iterator<Item = Name> {
    std::iter::successors(Some(name.clone()), Name::parent)
}
