//! A small set of zones to serve, built by hand.

#![allow(dead_code, reason = "each test program uses its part of it")]

use zhengming::registry::Timestamp;
use zhengming::snapshot::{self, Publisher, Reader, Snapshot};
use zhengming::zone::{Gateway, Name, Pages, Published, Record, Rtype, Zone, ZoneSet};

/// `政务.` with its registrations.
pub const APEX: &str = "xn--zfr164b.";

/// A snapshot of `政务.` with these registrations (A-label → what is published).
pub fn snapshot(registrations: &[(&str, Published)]) -> Snapshot {
    of(zone(registrations))
}

/// The same, to be answered from only to clients in `network`.
pub fn snapshot_for(network: &str, registrations: &[(&str, Published)]) -> Snapshot {
    of(zone(registrations).with_allowed(&[network.parse().unwrap()], &[]))
}

fn of(zone: Zone) -> Snapshot {
    Snapshot { zones: ZoneSet::new([zone]), seq: 1, published_at: Timestamp(0) }
}

fn zone(registrations: &[(&str, Published)]) -> Zone {
    let mut edit = Pages::new().edit();
    for (label, published) in registrations {
        let mut octets = Vec::new();
        published.encode(&mut octets);
        edit.insert(label.as_bytes(), &octets);
    }
    let gateway = Gateway { v4: vec![[192, 0, 2, 80].into()], v6: Vec::new() };
    Zone::build(name(APEX), apex()).unwrap().with_registrations(edit.finish()).with_gateway(gateway)
}

/// The two halves of a snapshot of `政务.` with these registrations.
pub fn served(registrations: &[(&str, Published)]) -> (Publisher, Reader) {
    snapshot::channel(snapshot(registrations))
}

/// A hold with this reason.
pub fn held(reason: &str, info_code: u16, status: u16) -> Published {
    Published::Held { info_code, extra_text: format!("hold={reason}").into(), status }
}

fn name(text: &str) -> Name {
    Name::absolute(text).unwrap()
}

fn apex() -> Vec<Record> {
    let names = [name("ns.nic.xn--zfr164b"), name("hostmaster.nic.xn--zfr164b")];
    let mut soa: Vec<u8> = names.iter().flat_map(|name| name.as_wire().to_vec()).collect();
    for number in [1_u32, 1800, 900, 1_209_600, 300] {
        soa.extend_from_slice(&number.to_be_bytes());
    }
    let record = |owner: &str, rtype, rdata: &[u8]| Record { owner: name(owner), rtype, ttl: 300, rdata: rdata.into() };
    vec![
        record(APEX, Rtype::SOA, &soa),
        record(APEX, Rtype::NS, names[0].as_wire()),
        record("ns.nic.xn--zfr164b", Rtype::A, &[192, 0, 2, 53]),
    ]
}
