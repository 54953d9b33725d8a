//! Zones, what is found in them, and the set they make.

use super::super::{Gateway, Pages, Published, Record, Rtype, ZoneError};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::IpAddr;

/// Octets before the name in a message.
const HEADER_LEN: usize = 12;

fn name(text: &str) -> Name {
    Name::absolute(text).expect("a name")
}

fn record(owner: &str, rtype: Rtype, rdata: &[u8]) -> Record {
    Record { owner: name(owner), rtype, ttl: 3600, rdata: rdata.into() }
}

fn soa(apex: &str, serial: u32) -> Record {
    let mut rdata = [name("ns.example").as_wire(), name("hostmaster.example").as_wire()].concat();
    for number in [serial, 1800, 900, 1_209_600, 300] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    record(apex, Rtype::SOA, &rdata)
}

fn zone(apex: &str, records: &[Record]) -> Zone {
    let all = [soa(apex, 7)].into_iter().chain(records.iter().cloned());
    Zone::build(name(apex), all).expect("a zone")
}

fn find<'a>(zone: &'a Zone, text: &str) -> Found<'a> {
    let qname = Qname::from_text(text).expect("a name");
    let apex_start = qname.start_of_last(zone.depth());
    zone.lookup(&qname, apex_start)
}

fn registrations(entries: &[(&str, Published)]) -> Pages {
    let mut edit = Pages::new().edit();
    for (label, published) in entries {
        let mut octets = Vec::new();
        published.encode(&mut octets);
        edit.insert(label.as_bytes(), &octets);
    }
    edit.finish()
}

#[test]
fn static_names_are_found_as_rfc_1034_says() {
    let zone = zone(
        "Example",
        &[
            record("a.b.example", Rtype::A, &[192, 0, 2, 1]),
            record("*.wild.example", Rtype::A, &[192, 0, 2, 2]),
            record("cut.example", Rtype::NS, b"\x02ns\x03cut\x07example\0"),
            record("ns.cut.example", Rtype::A, &[192, 0, 2, 3]),
            record("moved.example", Rtype::DNAME, b"\x03new\x07example\0"),
        ],
    );
    assert!(matches!(find(&zone, "example"), Found::Node(node) if node.rrset(Rtype::SOA).is_some()));
    assert!(matches!(find(&zone, "A.B.Example"), Found::Node(node) if node.rrset(Rtype::A).is_some()));
    assert!(matches!(find(&zone, "b.example"), Found::Node(node) if node.rrsets().count() == 0));
    assert!(matches!(find(&zone, "c.b.example"), Found::Missing(_)));
    assert!(matches!(find(&zone, "x.y.wild.example"), Found::Wildcard(node, _) if node.owner() == b"\x01*\x04wild"));
    assert!(matches!(find(&zone, "wild.example"), Found::Node(_)));
    assert!(matches!(find(&zone, "x.*.wild.example"), Found::Missing(_)));
    assert!(matches!(find(&zone, "cut.example"), Found::Cut { start: 0, .. }));
    assert!(matches!(find(&zone, "ns.cut.example"), Found::Cut { start: 3, .. }));
    assert!(matches!(find(&zone, "x.y.moved.example"), Found::Dname { start: 4, .. }));
    assert!(matches!(find(&zone, "moved.example"), Found::Node(_)));
    assert!(zone.occupies("B") && zone.occupies("cut") && !zone.occupies("a") && !zone.occupies(&"x".repeat(300)));
}

#[test]
fn a_label_that_can_be_registered_is_looked_up_in_the_registrations_only() {
    let held = Published::Held { info_code: 15, extra_text: "hold=PENALTY".into(), status: 403 };
    let addresses: Vec<IpAddr> = vec!["203.0.113.5".parse().expect("an address")];
    let live = Published::Addresses { addresses, ttl: 600, www: true };
    let plain = zone("xn--zfr164b", &[record("*.xn--zfr164b", Rtype::A, &[192, 0, 2, 2])]);
    let zone = plain.clone().with_registrations(registrations(&[("xn--a", live), ("xn--b", held)]));
    assert!(matches!(find(&plain, "xn--a.xn--zfr164b"), Found::Wildcard(..)));
    assert!(matches!(find(&zone, "xn--c.xn--zfr164b"), Found::Missing(_)));
    assert!(matches!(find(&zone, "nic.xn--zfr164b"), Found::Wildcard(..)));
    assert!(matches!(find(&zone, "XN--A.xn--zfr164b"), Found::Registered { start: 0, www: false, .. }));
    assert!(matches!(find(&zone, "WWW.xn--a.xn--zfr164b"), Found::Registered { start: 4, www: true, .. }));
    assert!(matches!(find(&zone, "www.www.xn--a.xn--zfr164b"), Found::Registered { start: 8, www: false, .. }));

    let set = ZoneSet::new([zone]);
    assert!(matches!(set.published_at("xn--a.XN--zfr164b."), Some(PublishedRef::Addresses { ttl: 600, .. })));
    assert!(matches!(set.published_at("www.xn--a.xn--zfr164b"), Some(PublishedRef::Addresses { .. })));
    assert!(matches!(set.published_at("www.xn--b.xn--zfr164b"), Some(PublishedRef::Held { status: 403, .. })));
    for unknown in ["mail.xn--a.xn--zfr164b", "xn--c.xn--zfr164b", "nic.xn--zfr164b", "xn--zfr164b", "", "a..b", "."] {
        assert!(set.published_at(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn the_closest_enclosing_zone_is_found() {
    let set = ZoneSet::new([zone("cn", &[]), zone("xn--zfr164b.cn", &[]), zone("example", &[]), zone("CN", &[])]);
    let apexes: Vec<String> = set.iter().map(|zone| zone.apex().to_string()).collect();
    assert_eq!(apexes, ["CN.", "xn--zfr164b.cn.", "example."]);
    let position = |text: &str| {
        let qname = Qname::from_text(text).expect("a name");
        set.closest(&qname, qname.label_count()).map(|found| (found.position(), found.apex_start()))
    };
    assert_eq!(position("a.b.XN--ZFR164B.CN"), Some((1, 4)));
    assert_eq!(position("b.cn"), Some((0, 2)));
    assert_eq!(position("com"), None);

    let changed = set.with([zone("example", &[]).with_serial(9)]);
    assert_eq!(changed.get(&name("EXAMPLE")).map(Zone::serial), Some(9));
    assert_eq!(set.get(&name("example")).map(Zone::serial), Some(7));
    assert_eq!(set.with([zone("new", &[])]).iter().count(), 4);
    assert!(ZoneSet::new([]).closest(&Qname::from_text("cn").expect("a name"), 1).is_none());
}

#[test]
fn records_come_back_with_the_serial_of_the_version() {
    let records = [record("a.Example", Rtype::A, &[192, 0, 2, 1]), record("a.Example", Rtype::A, &[192, 0, 2, 2])];
    let zone = zone("example", &records).with_serial(42).with_gateway(Gateway::default());
    let mut found: Vec<Record> = zone.records().collect();
    found.sort_by_key(|record| (record.rtype, record.rdata.clone()));
    // The apex is written as the zone names it.
    let owners: Vec<String> = found.iter().map(|record| record.owner.to_string()).collect();
    assert_eq!(owners, ["a.example.", "a.example.", "example."]);
    assert_eq!(found[2].rdata[found[2].rdata.len() - 20..][..4], 42u32.to_be_bytes());
    assert_eq!((zone.soa().serial, zone.soa().negative_ttl()), (42, 300));
}

#[test]
fn records_that_make_no_zone_are_refused() {
    let build = |records: Vec<Record>| Zone::build(name("example"), records).err();
    assert_eq!(build(vec![]), Some(ZoneError::Soa(0)));
    assert_eq!(build(vec![soa("example", 1), soa("example", 2)]), Some(ZoneError::Soa(2)));
    assert_eq!(build(vec![soa("example", 1), soa("example", 1)]), None);
    assert_eq!(build(vec![record("example", Rtype::SOA, b"\0\0\0")]), Some(ZoneError::SoaMalformed));
    let outside = record("a.other", Rtype::A, &[192, 0, 2, 1]);
    assert_eq!(build(vec![soa("example", 1), outside]), Some(ZoneError::OutOfZone(name("a.other"))));
    let large = (0..300u16).map(|n| record("example", Rtype::TXT, &[&n.to_be_bytes()[..], &[0; 250]].concat()));
    let refused = Some(ZoneError::RrsetTooLarge(name("example"), Rtype::TXT));
    assert_eq!(build([soa("example", 1)].into_iter().chain(large).collect()), refused);
}

/// Labels of apexes and names, so few that names often meet apexes, one of them longer than what is compared at once.
const LABELS: [&str; 4] = ["a", "www", "xn--zfr164b", "a-label-that-is-longer-than-any-tail"];

proptest! {
    /// What the hot path finds by one comparison is what is found label by label; and it finds it where no apex is below.
    #[test]
    fn a_label_is_enclosed_by_what_encloses_its_name(
        apexes in vec((vec(0..LABELS.len(), 0..4), any::<bool>()), 0..5),
        before in vec(0..LABELS.len(), 1..4),
        below in any::<proptest::sample::Index>(),
        upper in any::<u64>(),
        is_second in any::<bool>(),
    ) {
        let text = |labels: &[usize]| {
            labels.iter().fold(String::new(), |text, label| text + LABELS[*label] + ".") + if labels.is_empty() { "." } else { "" }
        };
        let suffix = if apexes.is_empty() { &[][..] } else { &below.get(&apexes).0 };
        let labels = [&before, suffix].concat();
        let (loaded, unloaded): (Vec<_>, Vec<_>) = apexes.iter().partition(|(_, loaded)| *loaded);
        let set = ZoneSet::with_unloaded(
            loaded.iter().map(|(labels, _)| zone(&text(labels), &[])),
            unloaded.iter().map(|(labels, _)| Unloaded::new(name(&text(labels)))),
        );
        let wire = name(&text(&labels)).as_wire().to_vec();
        let mut octets = [0xff; 512];
        for (i, (to, from)) in octets[HEADER_LEN..].iter_mut().zip(&wire).enumerate() {
            *to = if upper >> (i % 64) & 1 == 1 { from.to_ascii_uppercase() } else { *from };
        }
        let first = HEADER_LEN + 1 + wire[0] as usize;
        let start = if is_second && wire[0] != 0 { first } else { HEADER_LEN };
        let found = set.enclosing_label(&octets, start, 255);

        let qname = Qname::from_text(&text(&labels)).expect("a name");
        let closest = set.closest(&qname, qname.label_count());
        if let Some((zone, tail, end)) = found {
            let Some(Closest::Loaded(enclosing)) = closest else { panic!("nothing loaded encloses it") };
            prop_assert_eq!(zone.apex(), enclosing.zone.apex());
            prop_assert_eq!((usize::from(tail.position), end), (enclosing.position, HEADER_LEN + wire.len()));
            prop_assert_eq!(usize::from(tail.apex_start), HEADER_LEN + enclosing.apex_start);
            prop_assert_eq!(usize::from(tail.below), start);
        } else if let Some(Closest::Loaded(enclosing)) = closest {
            let is_direct = HEADER_LEN + enclosing.apex_start == start + 1 + usize::from(octets[start]);
            let apex = enclosing.zone.apex().to_lowercase();
            let ends = |other: &Name| other.to_lowercase().as_wire().ends_with(apex.as_wire());
            let has_apex_below = set.apexes().filter(|other| ends(other)).count() > 1;
            let is_short = HEADER_LEN + wire.len() < TAIL_LEN;
            prop_assert!(!is_direct || octets[start] == 0 || has_apex_below || is_short, "it is directly below");
        }
    }
}
