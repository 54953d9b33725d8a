//! One answer from an index of a million names, octets to octets: known names, unknown ones, `www`, a referral.
//!
//! `cargo bench --bench lookup`; `ZHENGMING_BENCH_NAMES` sets the number of names. It also prints the octets of index per
//! owner name, and how long loading and one change take.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use zhengming::query::{Client, Settings, Transport, respond};
use zhengming::zone::rdata::from_text;
use zhengming::zone::{Name, Pages, Published, Record, Rtype, Zone, ZoneSet};

/// Names where nothing else is said.
const NAMES: usize = 1_000_000;
/// Requests of each kind; enough that they do not all stay in a near cache.
const REQUESTS: usize = 1 << 16;

/// A label as long as a county office's.
fn label(n: usize) -> String {
    let mixed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("xn--{mixed:016x}abc")
}

fn load(names: usize) -> Pages {
    let mut edit = Pages::with_seed(1).edit();
    let mut octets = Vec::new();
    for n in 0..names {
        octets.clear();
        let addresses = vec![IpAddr::V4(Ipv4Addr::from(0xcb00_7100 + n as u32 % 256))];
        Published::Addresses { addresses, ttl: 600, www: true }.encode(&mut octets);
        edit.insert(label(n).as_bytes(), &octets);
    }
    edit.finish()
}

fn zones(registrations: Pages) -> ZoneSet {
    let apex = Name::absolute("xn--zfr164b").expect("a name");
    let record = |owner: &str, rtype: Rtype, rdata: &str| Record {
        owner: Name::parse(owner.as_bytes(), &apex).expect("a name"),
        rtype,
        ttl: 300,
        rdata: from_text(rtype, rdata, &apex).expect("RDATA"),
    };
    let records = [
        record("@", Rtype::SOA, "ns1.nic hostmaster.nic 1 1800 900 1209600 300"),
        record("@", Rtype::NS, "ns1.nic"),
        record("nic", Rtype::NS, "ns1.nic"),
        record("ns1.nic", Rtype::A, "192.0.2.53"),
    ];
    let zone = Zone::build(apex.clone(), records).expect("a zone");
    ZoneSet::new([zone.with_registrations(registrations)])
}

fn request(name: &str) -> Vec<u8> {
    let mut octets = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    octets.extend_from_slice(Name::absolute(name).expect("a name").as_wire());
    octets.extend_from_slice(&[0, 1, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
    octets
}

fn answers(criterion: &mut Criterion) {
    let names = std::env::var("ZHENGMING_BENCH_NAMES").ok().and_then(|text| text.parse().ok()).unwrap_or(NAMES);
    let start = Instant::now();
    let pages = load(names);
    println!("loading {names} names: {:?}", start.elapsed());
    println!("index: {:.1} octets per owner name (N and www.N)", pages.memory() as f64 / names as f64 / 2.0);
    let start = Instant::now();
    let mut version = pages.clone();
    for n in 0..1000 {
        let mut edit = version.edit();
        edit.insert(label(n * 7 % names).as_bytes(), &[3, 0, 15, 1, 0x93]);
        version = edit.finish();
    }
    println!("one change: {:?}", start.elapsed() / 1000);
    drop(version);

    let zones = zones(pages);
    let settings = Settings::default();
    let client = Client { transport: Transport::Udp, address: [198, 51, 100, 7].into(), now: 0 };
    let mut response = vec![0; 65_535];
    let kinds: [(&str, &dyn Fn(usize) -> String); 4] = [
        ("positive", &|n| format!("{}.xn--zfr164b", label(n * 31 % names))),
        ("www", &|n| format!("www.{}.xn--zfr164b", label(n * 31 % names))),
        ("nxdomain", &|n| format!("{}.xn--zfr164b", label(names + n))),
        ("referral", &|n| format!("a{n}.nic.xn--zfr164b")),
    ];
    for (kind, name) in kinds {
        let requests: Vec<Vec<u8>> = (0..REQUESTS).map(|n| request(&name(n))).collect();
        let mut next = requests.iter().cycle();
        criterion.bench_function(kind, |bencher| {
            bencher.iter(|| {
                let request = next.next().expect("a cycle does not end");
                respond(&zones, &settings, &client, black_box(request), black_box(&mut response)).len
            });
        });
    }
}

criterion_group!(benches, answers);
criterion_main!(benches);
