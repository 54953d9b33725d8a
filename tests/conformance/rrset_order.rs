//! The order of an RRset's records, which carries no meaning (RFC 2181 §5): that of the zone, or another each time.

use crate::dns::{Query, Response, client, name, registrations, settings, zone};
use std::collections::BTreeSet;
use zhengming::query::{Settings, Transport};
use zhengming::zone::{Gateway, Published, ZoneSet};

fn zones() -> ZoneSet {
    let addresses = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "2001:db8::1", "2001:db8::2"];
    let addresses = addresses.map(|address| address.parse().expect("an address")).to_vec();
    let forward =
        Published::Forward { target: "https://a.example/".into(), code: 302, keep_path: false, ttl: 300, www: true };
    let gateway = Gateway { v4: vec![[192, 0, 2, 1].into(), [192, 0, 2, 2].into(), [192, 0, 2, 3].into()], v6: vec![] };
    let zone = zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         @ 3600 NS ns.elsewhere.test.
         @ 3600 MX 1 a.elsewhere.test.
         @ 3600 MX 2 b.elsewhere.test.
         @ 3600 MX 3 c.elsewhere.test.
         one 3600 TXT alone",
    );
    let published = [("xn--a", Published::Addresses { addresses, ttl: 60, www: true }), ("xn--f", forward)];
    ZoneSet::new([zone.with_gateway(gateway).with_registrations(registrations(&published))])
}

/// The answer section for each of eight IDs.
fn answers(text: &str, qtype: &str, rotate_rrsets: bool) -> Vec<Vec<String>> {
    let (zones, settings) = (zones(), Settings { rotate_rrsets, ..settings() });
    let ask = |id| {
        let query = Query { id, ..Query::new(text, qtype) };
        let response = Response::with(&zones, &settings, &client(Transport::Udp), &query.to_wire());
        response.expect("an answer").sections[0].clone()
    };
    (0..8).map(ask).collect()
}

const CASES: [(&str, &str, usize); 5] = [
    ("example", "MX", 3),
    ("xn--a.example", "A", 3),
    ("www.xn--a.example", "AAAA", 2),
    ("xn--f.example", "A", 3),
    ("one.example", "TXT", 1),
];

#[test]
fn without_the_option_the_order_is_that_of_the_zone() {
    for (owner, qtype, count) in CASES {
        let answers = answers(owner, qtype, false);
        assert_eq!(answers[0].len(), count);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{owner} {qtype}");
    }
}

#[test]
fn with_it_each_record_has_its_turn_and_none_is_lost() {
    for (owner, qtype, count) in CASES {
        let answers = answers(owner, qtype, true);
        let firsts: BTreeSet<&String> = answers.iter().map(|answer| &answer[0]).collect();
        assert_eq!(firsts.len(), count, "{owner} {qtype}");
        for answer in &answers {
            let all: BTreeSet<&String> = answer.iter().collect();
            assert_eq!((answer.len(), all.len()), (count, count));
        }
    }
}

#[test]
fn over_quic_where_every_id_is_zero_the_seconds_rotate() {
    let (zones, settings) = (zones(), Settings { rotate_rrsets: true, ..settings() });
    let query = Query { id: 0, name: name("example").as_wire().to_vec(), ..Query::new("example", "MX") };
    let first_at = |now| {
        let client = zhengming::query::Client { now, ..client(Transport::Quic) };
        Response::with(&zones, &settings, &client, &query.to_wire()).expect("an answer").sections[0][0].clone()
    };
    assert_eq!((0..3).map(first_at).collect::<BTreeSet<_>>().len(), 3);
}
