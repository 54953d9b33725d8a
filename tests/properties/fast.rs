//! The hot path and the full path give the same octets and the same account of them, whatever is served and asked.

use crate::dns::{Opt, Query, client, name, registrations, rtype, settings, zone};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use std::net::IpAddr;
use zhengming::query::{self, Client, Kind, Settings, Transport};
use zhengming::zone::{Gateway, Pages, Published, Unloaded, Zone, ZoneSet};

/// The two suffixes of one set, which share their registrations.
const SUFFIXES: [&str; 2] = ["xn--zfr164b", "xn--zfr164b.cn"];
const SOA_INSIDE: &str = "@ 300 SOA ns.nic Host.nic 7 1800 900 1209600 60";
const SOA_OUTSIDE: &str = "@ 300 SOA ns.example.cn. host.ns.example.cn. 7 1800 900 1209600 600";

/// Records of a master file, any of which may be there.
const LINES: &[&str] = &[
    "a 300 A 192.0.2.1",
    "a 300 A 192.0.2.2",
    "a 300 AAAA 2001:db8::1",
    "a 300 TXT x",
    "www.a 300 A 192.0.2.3",
    "*.a 300 A 192.0.2.4",
    "b 300 CNAME a",
    "*.c 300 A 192.0.2.5",
    "* 300 A 192.0.2.6",
    "d 300 DNAME a",
    "e 300 MX 1 a",
    "f 300 NS ns.f",
    "ns.f 300 A 192.0.2.7",
    "g.h 300 A 192.0.2.8",
    "x.f.h 300 NS ns.f",
    "www.xn--a 300 A 192.0.2.9",
    "xn--f 300 A 192.0.2.10",
    "@ 300 A 192.0.2.11",
    "@ 300 DNAME a.example.",
    "@ 300 RRSIG SOA 13 1 300 20300101000000 20200101000000 1 example. AAAA",
];

fn published() -> impl Strategy<Value = Published> {
    let v4 = prop::collection::vec(any::<[u8; 4]>().prop_map(IpAddr::from), 0..17);
    let v6 = prop::collection::vec(any::<[u8; 16]>().prop_map(IpAddr::from), 0..17);
    let few = prop::collection::vec(any::<[u8; 4]>().prop_map(IpAddr::from), 1..3);
    let addresses = prop_oneof![4 => few, 1 => v4, 1 => v6];
    prop_oneof![
        6 => (addresses, any::<u32>(), any::<bool>())
            .prop_map(|(addresses, ttl, www)| Published::Addresses { addresses, ttl, www }),
        2 => (0..100_000u32, any::<bool>(), any::<bool>()).prop_map(|(ttl, www, keep_path)| {
            Published::Forward { target: "https://www.example/".into(), code: 302, keep_path, ttl, www }
        }),
        1 => Just(Published::Delegation { servers: vec![(name("ns.example."), vec![])], ds: vec![], ttl: 3600 }),
        2 => (0..30u16, "[ -~]{0,40}").prop_map(|(info_code, text)| {
            Published::Held { info_code, extra_text: text.into(), status: 403 }
        }),
    ]
}

fn suffix(apex: &str, soa: &str, lines: &[&str], registered: Option<&Pages>, gateway: &Gateway) -> Zone {
    let zone = zone(apex, &[&[soa, "@ 300 NS ns.nic"], lines].concat().join("\n")).with_gateway(gateway.clone());
    match registered {
        Some(registered) => zone.with_registrations(registered.clone()),
        None => zone,
    }
}

/// Sets of zones: suffixes with and without registrations, zones below and above them, networks, too many of them.
fn zones() -> impl Strategy<Value = ZoneSet> {
    let registered = prop::option::weighted(0.8, prop::collection::vec(published(), 0..6));
    let lines = subsequence(LINES, 0..LINES.len());
    let gateway = (prop::collection::vec(any::<[u8; 4]>(), 0..3), prop::collection::vec(any::<[u8; 16]>(), 0..2));
    (registered, lines, gateway, any::<[u8; 3]>(), 0..12u8).prop_map(|(registered, lines, (v4, v6), more, many)| {
        let registered = registered.map(|all| {
            let labels = ["xn--a", "xn--b", "xn--c", "xn--d", "xn--e", "xn--f"];
            registrations(&labels.into_iter().zip(all).collect::<Vec<_>>())
        });
        let gateway =
            Gateway { v4: v4.into_iter().map(Into::into).collect(), v6: v6.into_iter().map(Into::into).collect() };
        let soa = if more[0] % 4 == 0 { SOA_OUTSIDE } else { SOA_INSIDE };
        // An apex's DNAME and wildcard would hide everything else: not always.
        let lines: Vec<&str> =
            lines.into_iter().filter(|l| more[0] % 3 == 0 || !l.starts_with("* ") && !l.contains("@ 300 D")).collect();
        let mut zones: Vec<Zone> =
            SUFFIXES.iter().map(|apex| suffix(apex, soa, &lines, registered.as_ref(), &gateway)).collect();
        for (bit, apex) in
            ["nic.xn--zfr164b", "xn--a.xn--zfr164b", "cn", "a.xn--b.xn--zfr164b.cn", "."].iter().enumerate()
        {
            if more[1] >> bit & 1 == 1 {
                zones.push(zone(apex, &[SOA_INSIDE, LINES[0], LINES[2]].join("\n")));
            }
        }
        if more[2] % 8 == 0 {
            let net = if more[2] % 16 == 0 { "198.51.100.0/24" } else { "192.0.2.0/24" };
            zones[0] = zones[0].clone().with_allowed(&[net.parse().unwrap()], &[]);
        }
        let dummies = if many == 0 { 16 } else { 0 };
        zones.extend((0..dummies).map(|n| zone(&format!("z{n}.example"), SOA_INSIDE)));
        // Zones that are not loaded, below a suffix, above one, and that would be one of those above.
        let unloaded = ["nic.xn--zfr164b", "xn--c.xn--zfr164b", "cn", "z1.example"].iter().enumerate();
        let unloaded =
            unloaded.filter(|(bit, _)| more[2] >> (bit + 4) & 1 == 1).map(|(_, apex)| Unloaded::new(name(apex)));
        ZoneSet::with_unloaded(zones, unloaded)
    })
}

fn asked() -> impl Strategy<Value = Vec<u8>> {
    let below = vec![
        "",
        "a",
        "www.a",
        "x.a",
        "b",
        "x.c",
        "c",
        "d",
        "x.d",
        "e",
        "f",
        "ns.f",
        "h",
        "g.h",
        "x.h",
        "x.f.h",
        "y",
        "ns.nic",
        "nic",
        "zz.yy.xx",
        "xn--a",
        "xn--b",
        "xn--c",
        "xn--d",
        "xn--e",
        "xn--f",
        "xn--g",
        "www.xn--a",
        "www.xn--b",
        "www.xn--c",
        "www.xn--d",
        "www.xn--e",
        "x.xn--a",
        "y.x.xn--b",
        "www.www.xn--a",
        "www.xn--g",
        "xn--",
        "*",
        "*.a",
        "a.b.c.d.e.f.g.h.xn--a",
        "xn--0123456789012345678901234567890123456789012345678901234567",
        "www.xn--0123456789012345678901234567890123456789012345678901234567",
        "0123456789012345678901234567890123456789.xn--0123456789012345678901234567890123456789012345678901234567",
    ];
    let apex = select(vec![
        "xn--zfr164b",
        "xn--zfr164b",
        "xn--zfr164b.cn",
        "cn",
        "example",
        "z1.example",
        "nic.xn--zfr164b",
        "",
    ]);
    let qtype = select(vec![
        "A",
        "A",
        "A",
        "AAAA",
        "AAAA",
        "TXT",
        "HTTPS",
        "NS",
        "SOA",
        "DS",
        "MX",
        "CNAME",
        "DNAME",
        "RRSIG",
        "ANY",
        "AXFR",
        "IXFR",
        "OPT",
        "TSIG",
        "TYPE0",
        "TYPE65535",
    ]);
    let option = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 8..9).prop_map(|cookie| (10, cookie)),
        2 => prop::collection::vec(any::<u8>(), 0..42).prop_map(|cookie| (10, cookie)),
        2 => (0..20u16, prop::collection::vec(any::<u8>(), 0..3)),
    ];
    let options = prop_oneof![5 => Just(vec![]), 5 => prop::collection::vec(option, 1..3)];
    let opt = (any::<u16>(), select(vec![0, 0, 0, 0, 7]), select(vec![0, 0, 0, 0, 1]), any::<u16>(), options);
    let opt = opt.prop_map(|(udp_size, extended_rcode, version, flags, options)| Opt {
        udp_size,
        extended_rcode,
        version,
        flags,
        options,
    });
    let head = (
        any::<u16>(),
        prop_oneof![6 => select(vec![0, 0x100]), 1 => any::<u16>()],
        select(vec![1, 1, 1, 1, 1, 1, 1, 255, 3]),
    );
    let change = (any::<Index>(), any::<u8>(), 0..4u8);
    let changes = prop_oneof![5 => Just(vec![]), 1 => prop::collection::vec(change, 1..4)];
    (select(below), apex, qtype, prop::option::of(opt), head, any::<u64>(), changes).prop_map(
        |(below, apex, qtype, edns, (id, flags, qclass), case, changes)| {
            let text = [below, apex].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
            let mut wire = name(&format!("{text}.")).as_wire().to_vec();
            // Every letter in the case that its bit says.
            for (at, octet) in wire.iter_mut().enumerate() {
                if case >> (at % 64) & 1 == 1 {
                    octet.make_ascii_uppercase();
                }
            }
            let query = Query { id, flags, name: wire, qtype: rtype(qtype), qclass, edns };
            let mut octets = query.to_wire();
            for (index, octet, kind) in changes {
                let at = index.index(octets.len());
                match kind {
                    0 => octets[at] = octet,
                    1 => octets.insert(at, octet),
                    2 => drop(octets.remove(at)),
                    _ => octets.push(octet),
                }
            }
            octets
        },
    )
}

fn settings_of(bits: u8) -> Settings {
    let mut settings = settings();
    match bits % 3 {
        0 => settings.cookies = None,
        1 => settings.cookies.iter_mut().for_each(|cookies| cookies.required = true),
        _ => {}
    }
    settings.rotate_rrsets = bits & 0x40 != 0;
    settings.udp_size_max = if bits & 0x20 != 0 { 400 } else { 1232 };
    settings
}

/// Whether the hot path answers a request in so much room; then the full path gives the same.
pub fn compare(
    zones: &ZoneSet,
    settings: &Settings,
    client: &Client,
    request: &[u8],
    room: usize,
) -> Result<bool, TestCaseError> {
    if request.len() > room {
        return Ok(false);
    }
    let mut buffer = vec![0xc7; room];
    buffer[..request.len()].copy_from_slice(request);
    compare_before(zones, settings, client, buffer, request.len())
}

/// The same for the request that so many octets of `buffer` are. What is behind it, and other old octets, must not show.
fn compare_before(
    zones: &ZoneSet,
    settings: &Settings,
    client: &Client,
    buffer: Vec<u8>,
    request_len: usize,
) -> Result<bool, TestCaseError> {
    let (mut fast, mut full) = (buffer.clone(), vec![0x38; 65_535]);
    let request = &buffer[..request_len];
    let before = &buffer;
    let Some(outcome) = query::respond_in_place(zones, settings, client, &mut fast, request.len()) else {
        prop_assert_eq!(before, &fast, "left to the full path, but changed");
        return Ok(false);
    };
    let expected = query::respond_fully(zones, settings, client, request, &mut full);
    prop_assert_eq!(outcome, expected, "{:02x?}", request);
    prop_assert_eq!(&fast[..outcome.len], &full[..outcome.len], "{:02x?}", request);
    let len = query::truncate_in_place(&mut fast, outcome.len);
    let expected_len = query::truncate(settings, client, request, &mut full);
    prop_assert_eq!(&fast[..len], &full[..expected_len], "truncated {:02x?}", request);
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn both_paths_answer_alike(zones in zones(), requests in prop::collection::vec((asked(), any::<u8>()), 80)) {
        for (request, bits) in &requests {
            for transport in Transport::ALL {
                compare(&zones, &settings_of(*bits), &client(transport), request, 512)?;
            }
        }
    }

    #[test]
    fn what_is_behind_a_request_does_not_show(zones in zones(), requests in prop::collection::vec(asked(), 2)) {
        for request in &requests {
            let mut buffer = vec![0xc7; 512];
            let whole = request.len().min(buffer.len());
            buffer[..whole].copy_from_slice(&request[..whole]);
            for request_len in 0..whole {
                compare_before(&zones, &settings(), &client(Transport::Udp), buffer.clone(), request_len)?;
            }
        }
    }
}

/// What the hot path is for, it takes; otherwise the property above would say nothing.
#[test]
fn the_hot_path_takes_the_plain_cases() {
    let zones = crate::dns::zones();
    let cookie = Opt { options: vec![(10, vec![1; 8])], ..Opt::new() };
    let dnssec = Opt { flags: 0x8000, ..Opt::new() };
    for (asked, qtype, kind) in [
        ("xn--live.xn--zfr164b", "A", Kind::Answer),
        ("wWw.Xn--liVE.xN--zfr164b.cN", "A", Kind::Answer),
        ("xn--v6.xn--zfr164b", "AAAA", Kind::Answer),
        ("xn--v6.xn--zfr164b", "ANY", Kind::Answer),
        ("xn--forward.xn--zfr164b", "A", Kind::Answer),
        ("xn--live.xn--zfr164b", "HTTPS", Kind::Nodata),
        ("www.xn--v6.xn--zfr164b", "AAAA", Kind::Nxdomain),
        ("a.xn--live.xn--zfr164b", "A", Kind::Nxdomain),
        ("xn--nobody.xn--zfr164b", "A", Kind::Nxdomain),
        ("a.b.xn--nobody.xn--zfr164b", "A", Kind::Nxdomain),
        ("nobody.xn--zfr164b", "A", Kind::Nxdomain),
        ("xn--penalty.xn--zfr164b", "A", Kind::Held),
        ("a.xn--penalty.xn--zfr164b", "A", Kind::Held),
        ("www.example", "A", Kind::Answer),
        ("www.example", "AAAA", Kind::Nodata),
        ("x.www.example", "A", Kind::Nxdomain),
    ] {
        for edns in [None, Some(Opt::new()), Some(cookie.clone()), Some(dnssec.clone())] {
            let request = Query { edns, ..Query::new(asked, qtype) }.to_wire();
            let mut octets = [0; 512];
            octets[..request.len()].copy_from_slice(&request);
            let client = client(Transport::Udp);
            let outcome = query::respond_in_place(&zones, &settings(), &client, &mut octets, request.len());
            assert_eq!(outcome.map(|outcome| outcome.kind), Some(kind), "{asked} {qtype}");
            assert!(compare(&zones, &settings(), &client, &request, 512).unwrap());
        }
    }
}
