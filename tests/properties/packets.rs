//! Whatever octets come in: no panic, and what goes out is a message of the right size that answers them.

use crate::dns::{Opt, Query, Response, UDP_SIZE_MAX, rtype, zones};
use proptest::prelude::*;
use std::sync::LazyLock;
use zhengming::query::Transport;
use zhengming::zone::ZoneSet;

static ZONES: LazyLock<ZoneSet> = LazyLock::new(zones);

fn query() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![
        "xn--live.xn--zfr164b",
        "www.xn--forward.xn--zfr164b",
        "x.xn--own.xn--zfr164b",
        "xn--legal.xn--zfr164b",
        "a.b.c.xn--nobody.xn--zfr164b.cn",
        "toheld.example",
        "x.xn--own.moved.example",
        "example.com",
    ]);
    let qtype = prop::sample::select(vec!["A", "AAAA", "NS", "SOA", "DS", "ANY", "AXFR", "OPT", "TSIG", "TYPE0"]);
    let options = prop::collection::vec((0..20u16, prop::collection::vec(any::<u8>(), 0..12)), 0..4);
    let opt = (any::<u16>(), 0..2u8, any::<u16>(), options).prop_map(|(udp_size, version, flags, options)| Opt {
        udp_size,
        extended_rcode: 0,
        version,
        flags,
        options,
    });
    (name, qtype, any::<u16>(), 0..0x800u16, prop::option::of(opt)).prop_map(|(name, qtype, id, flags, edns)| {
        let query = Query { id, flags, edns, ..Query::new(name, "A") };
        Query { qtype: rtype(qtype), ..query }.to_wire()
    })
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..4u8);
    (query(), prop::collection::vec(edit, 0..6)).prop_map(|(mut octets, edits)| {
        for (index, octet, kind) in edits {
            if octets.is_empty() {
                break;
            }
            let at = index.index(octets.len());
            match kind {
                0 => octets[at] = octet,
                1 => octets.insert(at, octet),
                2 => drop(octets.remove(at)),
                _ => octets.truncate(at),
            }
        }
        octets
    })
}

fn check(request: &[u8]) -> Result<(), TestCaseError> {
    for transport in Transport::ALL {
        // Taking the response apart fails on anything malformed.
        let Some(response) = Response::of(&ZONES, transport, request) else {
            // What breaks the rules of QUIC ends its connection.
            prop_assert!(request.len() < 12 || request[2] & 0x80 != 0 || transport == Transport::Quic);
            continue;
        };
        prop_assert_eq!(&response.octets[..2], &request[..2]);
        // QR; the opcode as asked, and of queries RD; RA, Z, AD and CD clear.
        let asked = if request[2] & 0x78 == 0 { 0x79 } else { 0x78 };
        prop_assert_eq!(response.octets[2] & 0xf9, 0x80 | request[2] & asked);
        prop_assert_eq!(response.octets[3] & 0xf0, 0);
        let limit = match (transport, &response.opt) {
            (Transport::Udp, None) => 512,
            (Transport::Udp, Some(_)) => usize::from(UDP_SIZE_MAX),
            _ => 65_535,
        };
        prop_assert!(response.octets.len() <= limit);
        prop_assert!(response.question.is_empty() || request[12..].starts_with(&response.question));
        prop_assert_eq!(response.outcome.rcode, response.rcode());
        prop_assert_eq!(response.outcome.truncated, response.tc());
        if response.tc() {
            prop_assert_eq!(response.sections.each_ref().map(Vec::len), [0; 3]);
        }
        // OPT only for OPT: its type must stand somewhere in the request.
        prop_assert!(response.opt.is_none() || request.windows(3).any(|octets| octets == [0, 0, 41]));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn mutated_queries(request in mutated()) {
        check(&request)?;
    }

    #[test]
    fn random_octets(request in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&request)?;
    }

    #[test]
    fn random_octets_after_a_header(
        counts in any::<[u8; 4]>(),
        request in prop::collection::vec(prop_oneof![Just(0), Just(0xc0), Just(12), 0..64u8, any::<u8>()], 0..200),
    ) {
        let header = [0x12, 0x34, 1, 0, 0, counts[0] % 3, 0, counts[1] % 3, 0, counts[2] % 3, 0, counts[3] % 4];
        check(&[&header[..], &request].concat())?;
    }
}
