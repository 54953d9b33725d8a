//! What one look-up, one answer and one change cost, in processes' memory: no sockets, no journal.
//!
//! `cargo bench --bench lookup`; `ZHENGMING_BENCH_NAMES` sets the numbers of registered names (`1000000`; several between
//! commas). It also prints how long loading takes, and the octets of index per owner name, also of a signed zone.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use zhengming::query::{Client, Settings, Transport, respond};
use zhengming::registry::Timestamp;
use zhengming::snapshot::{self, Snapshot};
use zhengming::zone::denial::nsec3::Hash;
use zhengming::zone::denial::{Denial, Params};
use zhengming::zone::drafts::Place;
use zhengming::zone::rdata::from_text;
use zhengming::zone::{Drafts, Name, Pages, Published, Qname, Record, Rtype, Zone, ZoneSet};

/// Numbers of names where nothing else is said.
const NAMES: &str = "1000000";
/// Requests of each kind; enough that they do not all stay in a near cache.
const REQUESTS: usize = 1 << 16;
/// Registrations take turns in so many kinds: one of a hundred is delegated, one held.
const KINDS: usize = 100;
const APEX: &str = "xn--zfr164b";
/// The signed zone, whose records take more memory before they are a zone than some machines have: so many names at most.
const SIGNED: &str = "signed.example";
const SIGNED_MAX: usize = 1_000_000;
/// A held name: few octets, so that a change is seen to be one.
const HELD: [u8; 6] = [3, 0, 0, 15, 1, 0x93];

/// The name and the type asked by the `n`th request where so many names are registered.
type Asked = fn(usize, usize) -> (String, u8);

/// What is asked, by the kind of answer.
const CASES: &[(&str, Asked)] = &[
    ("hit", |n, names| (format!("{}.{APEX}", label(of_kind(n, names, 0))), 1)),
    ("www", |n, names| (format!("www.{}.{APEX}", label(of_kind(n, names, 0))), 1)),
    ("nodata", |n, names| (format!("{}.{APEX}", label(of_kind(n, names, 0))), 28)),
    ("nxdomain", |n, names| (format!("{}.{APEX}", label(names + n)), 1)),
    ("referral", |n, names| (format!("a.{}.{APEX}", label(of_kind(n, names, 1))), 1)),
    ("held", |n, names| (format!("{}.{APEX}", label(of_kind(n, names, 2))), 1)),
    ("wildcard", |n, _| (format!("a{n}.wild.{APEX}"), 1)),
    ("truncated", |n, _| (if n % 2 == 0 { format!("long.{APEX}") } else { format!("Long.{APEX}") }, 16)),
];

/// The same in the signed zone, with the bit DO.
const SIGNED_CASES: &[(&str, Asked)] = &[
    ("signed hit", |n, names| (format!("{}.{SIGNED}", label(n * 31 % names)), 1)),
    ("signed nodata", |n, names| (format!("{}.{SIGNED}", label(n * 31 % names)), 28)),
    ("signed nxdomain", |n, names| (format!("{}.{SIGNED}", label(names + n)), 1)),
];

/// A label as long as a county office's.
fn label(n: usize) -> String {
    let mixed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("xn--{mixed:016x}abc")
}

/// A registered name of this kind, another for each `n` as far as there are more.
fn of_kind(n: usize, names: usize, kind: usize) -> usize {
    n * 31 % (names / KINDS) * KINDS + kind
}

fn published(n: usize) -> Published {
    match n % KINDS {
        1 => {
            let server = |text: &str| (Name::absolute(text).expect("a name"), Vec::new());
            let servers = vec![server("ns1.dns.example"), server("ns2.dns.example")];
            Published::Delegation { servers, ds: Vec::new(), ttl: 3600 }
        }
        2 => Published::Held { info_code: 15, extra_text: "hold=PENALTY".into(), status: 403 },
        _ => {
            let addresses = vec![IpAddr::V4(Ipv4Addr::from(0xcb00_7100 + n as u32 % 256))];
            Published::Addresses { addresses, ttl: 600, www: true }
        }
    }
}

fn load(names: usize) -> Pages {
    let mut edit = Pages::with_seed(1).edit();
    let mut octets = Vec::new();
    for n in 0..names {
        octets.clear();
        published(n).encode(&mut octets);
        edit.insert(label(n).as_bytes(), &octets);
    }
    edit.finish()
}

fn suffix() -> Zone {
    let apex = Name::absolute(APEX).expect("a name");
    let record = |owner: &str, rtype: Rtype, rdata: &str| Record {
        owner: Name::parse(owner.as_bytes(), &apex).expect("a name"),
        rtype,
        ttl: 300,
        rdata: from_text(rtype, rdata, &apex).expect("RDATA"),
    };
    let text = format!("\"{}\"", "x".repeat(200));
    let mut records = vec![
        record("@", Rtype::SOA, "ns1.nic hostmaster.nic 1 1800 900 1209600 300"),
        record("@", Rtype::NS, "ns1.nic"),
        record("nic", Rtype::NS, "ns1.nic"),
        record("ns1.nic", Rtype::A, "192.0.2.53"),
        record("*.wild", Rtype::A, "192.0.2.54"),
    ];
    // More than any answer over UDP holds.
    records.extend((0..8).map(|n| record("long", Rtype::TXT, &format!("\"{n}\" {text}"))));
    Zone::build(apex, records).expect("a zone")
}

/// A zone of addresses with an NSEC3 chain. Nobody looks into the signatures here.
fn signed(names: usize) -> Zone {
    let apex = Name::absolute(SIGNED).expect("a name");
    let params = Params::read(&[1, 0, 0, 0, 0]).expect("parameters");
    let mut drafts = Drafts::new(&apex);
    let mut add = |owner: &Name, rtype: Rtype, rdata: &[u8], signature: u8| {
        let covering = [&rtype.0.to_be_bytes()[..], &[13, 3], &[0; 14], apex.as_wire(), &[signature; 64]].concat();
        for (rtype, rdata) in [(rtype, rdata), (Rtype::RRSIG, &covering[..])] {
            assert!(drafts.push(owner.as_wire(), rtype, 300, rdata, Place::default()), "it is in the zone");
        }
    };
    let soa = [&b"\x02ns"[..], apex.as_wire(), &b"\x04host"[..], apex.as_wire(), &[0; 20]].concat();
    add(&apex, Rtype::SOA, &soa, 0);
    add(&apex, Rtype::NSEC3PARAM, &[1, 0, 0, 0, 0], 0);
    let mut hashes = vec![params.hash([apex.as_wire()])];
    for n in 0..names {
        let owner = Name::parse(label(n).as_bytes(), &apex).expect("a name");
        add(&owner, Rtype::A, &[192, 0, 2, n as u8], n as u8);
        hashes.push(params.hash([owner.as_wire()]));
    }
    hashes.sort_unstable();
    for (hash, next) in hashes.iter().zip(hashes.iter().cycle().skip(1)) {
        let owner = Name::parse(base32hex(hash).as_bytes(), &apex).expect("a name");
        let rdata = [&[1, 0, 0, 0, 0, 20][..], next, &[0, 6, 0x40, 0, 0, 0, 0, 2]].concat();
        add(&owner, Rtype::NSEC3, &rdata, hash[0]);
    }
    drafts.sort();
    Zone::from_drafts(drafts).expect("a zone")
}

fn base32hex(hash: &Hash) -> String {
    let bit = |n: usize| usize::from(hash[n / 8] >> (7 - n % 8) & 1);
    let digits = (0..hash.len() * 8 / 5).map(|digit| (0..5).fold(0, |value, n| value << 1 | bit(digit * 5 + n)));
    digits.map(|digit| char::from(b"0123456789abcdefghijklmnopqrstuv"[digit])).collect()
}

/// The set of the signed zone alone.
fn load_signed(names: usize) -> ZoneSet {
    let start = Instant::now();
    let zone = signed(names);
    let Some(Denial::Nsec3(chain)) = zone.denial() else { panic!("the zone has a chain") };
    let (nodes, chain) = (zone.nodes().memory() as f64 / names as f64, chain.memory() as f64 / names as f64);
    println!(
        "{names} signed names: built in {:?}, {:.1} octets per owner name, {chain:.1} of them the NSEC3 chain",
        start.elapsed(),
        nodes + chain
    );
    ZoneSet::new([zone])
}

fn request(name: &str, qtype: u8, dnssec_ok: bool) -> Vec<u8> {
    let mut octets = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    octets.extend_from_slice(Name::absolute(name).expect("a name").as_wire());
    octets.extend_from_slice(&[0, qtype, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, u8::from(dnssec_ok) << 7, 0, 0, 0]);
    octets
}

/// The numbers of names, each with its index, loaded once for all groups.
fn sizes() -> Vec<(usize, Pages)> {
    let said = std::env::var("ZHENGMING_BENCH_NAMES").unwrap_or_else(|_| NAMES.into());
    let numbers = said.split(',').map(|text| text.trim().parse().expect("a number of names"));
    let load = |names: usize| {
        let start = Instant::now();
        let pages = load(names);
        let each = pages.memory() as f64 / names as f64 / 2.0;
        println!("{names} names: loaded in {:?}, {each:.1} octets per owner name (N and www.N)", start.elapsed());
        (names, pages)
    };
    numbers.map(load).collect()
}

/// Finding a name in the index of a zone.
fn lookup(criterion: &mut Criterion, names: usize, zones: &ZoneSet) {
    let mut group = criterion.benchmark_group("lookup");
    let zone = zones.iter().next().expect("the suffix");
    for (case, asked) in CASES {
        let asked: Vec<Qname> = (0..REQUESTS).filter_map(|n| Qname::from_text(&asked(n, names).0)).collect();
        let mut next = asked.iter().cycle();
        group.bench_function(BenchmarkId::new(*case, names), |bencher| {
            bencher.iter(|| {
                let name = next.next().expect("a cycle does not end");
                black_box(zone.lookup(black_box(name), name.start_of_last(1)));
            });
        });
    }
}

/// A request to its response, octets to octets.
fn answer(criterion: &mut Criterion, names: usize, zones: &ZoneSet, cases: &[(&str, Asked)], dnssec_ok: bool) {
    let mut group = criterion.benchmark_group("answer");
    let settings = Settings::default();
    let client = Client { transport: Transport::Udp, address: [198, 51, 100, 7].into(), now: 0 };
    let mut response = vec![0; 65_535];
    for (case, asked) in cases {
        let requests: Vec<Vec<u8>> =
            (0..REQUESTS).map(|n| asked(n, names)).map(|(name, qtype)| request(&name, qtype, dnssec_ok)).collect();
        let mut next = requests.iter().cycle();
        group.bench_function(BenchmarkId::new(*case, names), |bencher| {
            bencher.iter(|| {
                let request = next.next().expect("a cycle does not end");
                respond(zones, &settings, &client, black_box(request), black_box(&mut response)).len
            });
        });
    }
}

/// One changed registration: the new version of the index, and its swap for the old one.
fn publish(criterion: &mut Criterion, names: usize, zones: &ZoneSet) {
    let snapshot = |zones| Snapshot { zones, seq: 1, published_at: Timestamp(0) };
    let (mut publisher, _reader) = snapshot::channel(snapshot(zones.clone()));
    let mut n = 0;
    criterion.benchmark_group("publish").bench_function(BenchmarkId::new("one change", names), |bencher| {
        bencher.iter(|| {
            let zones = &publisher.current().zones;
            let zone = zones.iter().next().expect("the suffix").clone();
            let mut edit = zone.registrations().expect("it has some").edit();
            n += 1;
            edit.insert(label(n * 7 % names).as_bytes(), &HELD);
            let next = zones.with([zone.with_registrations(edit.finish())]);
            publisher.publish(snapshot(next));
        });
    });
}

fn all(criterion: &mut Criterion) {
    for (names, pages) in sizes() {
        let zones = ZoneSet::new([suffix().with_registrations(pages)]);
        lookup(criterion, names, &zones);
        answer(criterion, names, &zones, CASES, false);
        publish(criterion, names, &zones);
        drop(zones);
        let signed_names = names.min(SIGNED_MAX);
        answer(criterion, signed_names, &load_signed(signed_names), SIGNED_CASES, true);
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
