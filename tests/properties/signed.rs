//! Signed zones: the hot path and the full path give the same octets, and a zone gives back the records it was made of.

use crate::dns::{Opt, Query, base32hex, client, name, rtype, settings};
use crate::fast;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::BTreeMap;
use zhengming::query::{self, Kind, Settings, Transport};
use zhengming::zone::denial::{Denial, Params};
use zhengming::zone::{Name, Record, Rtype, Zone, ZoneSet};

const APEX: &str = "signed.example";

/// Owners and types that may be in the zone.
const OWNERS: &[(&str, &[&str])] = &[
    ("a", &["A"]),
    ("www.a", &["A", "AAAA", "TXT"]),
    ("b", &["AAAA", "TXT"]),
    ("xn--b", &["A"]),
    ("*.c", &["A"]),
    ("there.c", &["TXT"]),
    ("x.ent", &["A"]),
    ("cut", &["NS"]),
    ("secure", &["NS", "DS"]),
    ("below.opted", &["NS"]),
    ("moved", &["DNAME"]),
    ("alias", &["CNAME"]),
    ("long-label-that-does-not-go-into-a-block-of-sha-1-with-its-apex", &["A"]),
    ("*", &["A"]),
];

/// What is asked below the apex.
const ASKED: &[&str] = &[
    "",
    "a",
    "www.a",
    "x.a",
    "y.x.a",
    "b",
    "xn--b",
    "xn--c",
    "c",
    "x.c",
    "there.c",
    "x.there.c",
    "*.c",
    "ent",
    "x.ent",
    "y.ent",
    "cut",
    "x.cut",
    "secure",
    "x.secure",
    "opted",
    "below.opted",
    "x.below.opted",
    "y.opted",
    "moved",
    "x.moved",
    "alias",
    "nobody",
    "x.nobody",
    "*",
    "0",
    "1",
    "2",
    "3",
    "4",
    "zz.yy.xx.ww",
    "long-label-that-does-not-go-into-a-block-of-sha-1-with-its-apex",
    "x.long-label-that-does-not-go-into-a-block-of-sha-1-with-its-apex",
    "long-label-that-does-not-go-into-a-block-of-sha-1-with-this.a",
];

/// How a zone is signed.
#[derive(Clone, Debug)]
struct Plan {
    owners: Vec<(&'static str, &'static [&'static str])>,
    /// Of each type at a name.
    records: u8,
    /// Of each RRset, and how long they are.
    signatures: Vec<usize>,
    /// Iterations and salt; none: NSEC.
    params: Option<(u16, Vec<u8>)>,
    opt_out: bool,
    /// 0: hashes in lower case; 1: in upper case; else mixed.
    case: u8,
    /// Whether next hashes are what they should be.
    is_ring: bool,
    /// Whether the signatures' times differ.
    jitter: bool,
    soa_outside: bool,
}

fn plans() -> impl Strategy<Value = Plan> {
    let params = prop::option::weighted(0.9, (0..3_u16, prop::collection::vec(any::<u8>(), 0..4)));
    // A wildcard at the apex would stand for everything else: not always.
    let owners = (subsequence(OWNERS, 0..=OWNERS.len()), prop::bool::weighted(0.15));
    let owners = owners.prop_map(|(owners, wild)| owners.into_iter().filter(|(o, _)| wild || *o != "*").collect());
    let signatures = prop_oneof![4 => Just(vec![64]), 1 => prop::collection::vec(0..200_usize, 0..3)];
    let flags = (any::<bool>(), 0..3_u8, prop::bool::weighted(0.8), any::<bool>(), prop::bool::weighted(0.1));
    (owners, 1..4_u8, signatures, params, flags).prop_map(
        |(owners, records, signatures, params, (opt_out, case, is_ring, jitter, soa_outside))| Plan {
            owners,
            records,
            signatures,
            params,
            opt_out,
            case,
            is_ring,
            jitter,
            soa_outside,
        },
    )
}

/// The zone's records, with octets in place of signatures that tell them apart.
fn records(plan: &Plan) -> Vec<Record> {
    let apex = name(APEX);
    let mut records = Vec::new();
    let mut count = 0_u32;
    let mut add = |owner: Name, rtype: Rtype, ttl: u32, all: Vec<Vec<u8>>| {
        for (key, len) in plan.signatures.iter().enumerate() {
            count += 1;
            let times = if plan.jitter { count } else { 7 };
            let head =
                [&rtype.0.to_be_bytes()[..], &[13, 2], &ttl.to_be_bytes(), &times.to_be_bytes(), &[0; 4]].concat();
            let signature: Vec<u8> = count.to_be_bytes().into_iter().cycle().take(*len).collect();
            let rdata = [&head[..], &[0, key as u8], apex.as_wire(), &signature].concat().into();
            records.push(Record { owner: owner.clone(), rtype: Rtype::RRSIG, ttl, rdata });
        }
        records.extend(all.into_iter().map(|rdata| Record { owner: owner.clone(), rtype, ttl, rdata: rdata.into() }));
    };
    let soa_names = if plan.soa_outside { name("ns.example.cn") } else { Name::parse(b"ns", &apex).expect("a name") };
    let soa = [soa_names.as_wire(), soa_names.as_wire(), &[0; 16], &60_u32.to_be_bytes()].concat();
    add(apex.clone(), Rtype::SOA, 300, vec![soa]);
    let mut names: BTreeMap<String, Vec<Rtype>> = BTreeMap::from([(String::new(), vec![Rtype::SOA, Rtype::RRSIG])]);
    for (owner, types) in &plan.owners {
        let wire = Name::parse(owner.as_bytes(), &apex).expect("a name");
        for rtype in types.iter().map(|text| rtype(text)) {
            let rdata = |n: u8| match rtype {
                Rtype::A => vec![192, 0, 2, n],
                Rtype::AAAA => vec![n; 16],
                Rtype::TXT => vec![1, n],
                Rtype::DS => vec![0, 1, 13, 2, n],
                _ => Name::absolute(&format!("t{n}.test")).expect("a name").as_wire().to_vec(),
            };
            let single = matches!(rtype, Rtype::CNAME | Rtype::DNAME);
            let all = (0..if single { 1 } else { plan.records }).map(rdata).collect();
            // Delegations are not signed; here they may be, which no answer depends on.
            add(wire.clone(), rtype, 600, all);
            names.entry((*owner).to_owned()).or_default().push(rtype);
        }
        // Empty non-terminals have records in a chain of hashes.
        for (dot, _) in owner.match_indices('.') {
            names.entry(owner[dot + 1..].to_owned()).or_default();
        }
    }
    if plan.opt_out {
        names.retain(|owner, _| !owner.ends_with("opted") && owner != "cut");
    }
    match &plan.params {
        None => {
            for (owner, _) in names.iter().filter(|(_, types)| !types.is_empty()) {
                let owner = Name::parse(if owner.is_empty() { b"@" } else { owner.as_bytes() }, &apex).expect("a name");
                add(owner, Rtype::NSEC, 60, vec![[apex.as_wire(), &[0, 1, 0x40]].concat()]);
            }
        }
        Some((iterations, salt)) => {
            let head = [&iterations.to_be_bytes()[..], &[salt.len() as u8], salt].concat();
            let param = [&[1, 0], &head[..]].concat();
            let params = Params::read(&param).expect("parameters");
            add(apex.clone(), Rtype::NSEC3PARAM, 0, vec![param]);
            let mut hashes: Vec<_> = names
                .into_iter()
                .map(|(owner, types)| {
                    let owner = if owner.is_empty() { "@".into() } else { owner };
                    (params.hash([Name::parse(owner.as_bytes(), &apex).expect("a name").as_wire()]), types)
                })
                .collect();
            hashes.sort();
            for (at, (hash, types)) in hashes.iter().enumerate() {
                let next = if plan.is_ring { hashes[(at + 1) % hashes.len()].0 } else { [at as u8; 20] };
                let bitmap = [0, 1, types.len() as u8];
                let rdata = [&[1, u8::from(plan.opt_out)], &head[..], &[20], &next, &bitmap].concat();
                let mut label = base32hex(hash);
                match plan.case {
                    0 => {}
                    1 => label.make_ascii_uppercase(),
                    _ => label[..at % 32].make_ascii_uppercase(),
                }
                add(Name::parse(label.as_bytes(), &apex).expect("a name"), Rtype::NSEC3, 60, vec![rdata]);
            }
        }
    }
    records
}

fn asked() -> impl Strategy<Value = Vec<u8>> {
    let qtype = select(vec!["A", "A", "A", "AAAA", "TXT", "NS", "DS", "RRSIG", "NSEC3", "ANY", "AXFR", "TYPE65535"]);
    let option = prop_oneof![6 => Just(vec![]), 2 => Just(vec![(10, vec![1; 8])]), 1 => Just(vec![(3, vec![])])];
    let opt = (select(vec![0, 512, 700, 900, 1232, 4096]), prop::bool::weighted(0.9), option);
    let opt = opt.prop_map(|(udp_size, dnssec_ok, options)| Opt {
        udp_size,
        flags: if dnssec_ok { 0x8000 } else { 0 },
        options,
        ..Opt::new()
    });
    (select(ASKED), qtype, prop::option::weighted(0.95, opt), any::<u64>()).prop_map(|(below, qtype, edns, case)| {
        let text = if below.is_empty() { APEX.to_owned() } else { format!("{below}.{APEX}") };
        let mut query = Query { edns, ..Query::new(&text, qtype) };
        for (_, octet) in query.name.iter_mut().enumerate().filter(|(at, _)| case >> (at % 64) & 1 == 1) {
            octet.make_ascii_uppercase();
        }
        query.to_wire()
    })
}

fn settings_of(bits: u8) -> Settings {
    let mut settings = settings();
    if bits & 1 != 0 {
        settings.cookies = None;
    }
    settings.rotate_rrsets = bits & 2 != 0;
    settings.udp_size_max = if bits & 4 != 0 { 800 } else { 4096 };
    settings
}

/// The records as sets are compared.
fn sorted(records: impl IntoIterator<Item = Record>) -> Vec<String> {
    let mut lines: Vec<String> = records.into_iter().map(|record| format!("{record:?}")).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn both_paths_answer_alike(plan in plans(), requests in prop::collection::vec((asked(), any::<u8>()), 80)) {
        let zones = ZoneSet::new([Zone::build(name(APEX), records(&plan)).expect("a zone")]);
        for (request, bits) in &requests {
            for room in [512, 1232, 4160] {
                for transport in [Transport::Udp, Transport::Tcp, Transport::Https] {
                    fast::compare(&zones, &settings_of(*bits), &client(transport), request, room)?;
                }
            }
        }
    }

    #[test]
    fn a_zone_gives_back_its_records(plan in plans()) {
        // Repeated records count once, and none that has no octets tells its key.
        prop_assume!(plan.signatures.iter().all(|len| *len >= 4));
        let given = records(&plan);
        let zone = Zone::build(name(APEX), given.clone()).expect("a zone");
        prop_assert_eq!(sorted(zone.records()), sorted(given));
    }
}

/// What the hot path is for, it takes; otherwise the property above would say nothing.
#[test]
fn the_hot_path_takes_the_plain_cases() {
    let owners = OWNERS.iter().copied().filter(|(owner, _)| *owner != "*").collect();
    let plan = Plan {
        owners,
        records: 1,
        signatures: vec![64],
        params: Some((0, vec![])),
        opt_out: false,
        case: 0,
        is_ring: true,
        jitter: true,
        soa_outside: false,
    };
    let zones = ZoneSet::new([Zone::build(name(APEX), records(&plan)).expect("a zone")]);
    for (asked, qtype, kind) in [
        ("nobody", "A", Kind::Nxdomain),
        ("NOBODY", "TYPE65535", Kind::Nxdomain),
        ("zz.yy.xx.ww", "A", Kind::Nxdomain),
        ("x.a", "A", Kind::Nxdomain),
        ("a", "A", Kind::Answer),
        ("Www.A", "AAAA", Kind::Answer),
        ("a", "TXT", Kind::Nodata),
        ("www.a", "NS", Kind::Nodata),
        ("ent", "A", Kind::Nodata),
    ] {
        for options in [vec![], vec![(10, vec![1; 8])]] {
            let opt = Opt { flags: 0x8000, udp_size: 1232, options, ..Opt::new() };
            let request = Query { edns: Some(opt), ..Query::new(&format!("{asked}.{APEX}"), qtype) }.to_wire();
            let mut octets = [0; 1232];
            octets[..request.len()].copy_from_slice(&request);
            let client = client(Transport::Udp);
            let outcome = query::respond_in_place(&zones, &settings(), &client, &mut octets, request.len());
            assert_eq!(outcome.map(|outcome| outcome.kind), Some(kind), "{asked} {qtype}");
            assert!(fast::compare(&zones, &settings(), &client, &request, 1232).unwrap());
        }
    }
}

#[test]
fn a_name_takes_at_most_110_octets_of_the_chain() {
    let (apex, params) = (name(APEX), Params::read(&[1, 0, 0, 0, 0]).expect("parameters"));
    let names = 5000;
    let mut records = Vec::new();
    let mut add = |owner: &Name, rtype: Rtype, rdata: &[u8], octet: u8| {
        let covering = [&rtype.0.to_be_bytes()[..], &[13, 3], &[0; 14], apex.as_wire(), &[octet; 64]].concat();
        for (rtype, rdata) in [(rtype, rdata.into()), (Rtype::RRSIG, covering.into())] {
            records.push(Record { owner: owner.clone(), rtype, ttl: 300, rdata });
        }
    };
    add(&apex, Rtype::SOA, &[apex.as_wire(), apex.as_wire(), &[0; 20]].concat(), 0);
    add(&apex, Rtype::NSEC3PARAM, &[1, 0, 0, 0, 0], 0);
    let mut hashes = vec![params.hash([apex.as_wire()])];
    for n in 0..names {
        let owner = Name::parse(format!("xn--county-office-{n:06}").as_bytes(), &apex).expect("a name");
        add(&owner, Rtype::A, &[192, 0, 2, 1], n as u8);
        hashes.push(params.hash([owner.as_wire()]));
    }
    hashes.sort();
    for (hash, next) in hashes.iter().zip(hashes.iter().cycle().skip(1)) {
        let owner = Name::parse(base32hex(hash).as_bytes(), &apex).expect("a name");
        add(&owner, Rtype::NSEC3, &[&[1, 0, 0, 0, 0, 20][..], next, &[0, 6, 0x40, 0, 0, 0, 0, 2]].concat(), hash[0]);
    }
    let zone = Zone::build(apex.clone(), records).expect("a zone");
    let Some(Denial::Nsec3(chain)) = zone.denial() else { panic!("the zone has a chain") };
    let (nodes, chain) = (zone.nodes().memory() / names, chain.memory() / names);
    println!("{nodes} octets of names and {chain} of the chain for each owner name");
    assert!(chain <= 110, "{chain}");
}
