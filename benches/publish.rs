//! Publication: from one changed name to the snapshot that is served, while readers hold and load snapshots.
//!
//! `cargo bench --bench publish`; `SIZES` (names, separated by commas) and `SAMPLES` come from the environment. Without
//! `--bench`, as `cargo test --benches` runs it, everything is tried with small sizes.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use zhengming::registry::Timestamp;
use zhengming::snapshot::{Publisher, Snapshot, channel};
use zhengming::zone::rdata::from_text;
use zhengming::zone::{Name, Pages, Published, Record, Rtype, Zone, ZoneSet};

/// Names that are changed together: those of a large unit that is suspended.
const TOGETHER: usize = 10_000;
/// Readers that load a snapshot again and again, as the threads of the server do.
const READERS: usize = 1;

fn main() {
    let real = std::env::args().any(|argument| argument == "--bench");
    let (sizes, samples) = if real { ("10000,100000,1000000", 20_000) } else { ("1000", 50) };
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| sizes.into());
    let samples = std::env::var("SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(samples);
    println!("{:<10} {:<34} {:>9} {:>9} {:>9}   microseconds", "names", "", "p50", "p99", "max");
    for size in sizes.split(',') {
        measure(size.trim().parse().expect("a number of names"), samples);
    }
}

fn measure(names: usize, samples: usize) {
    let apex = Name::absolute("xn--zfr164b").expect("a name");
    let mut zones = ZoneSet::new([zone(&apex).with_registrations(load(names))]);
    let (mut publisher, reader) = channel(snapshot(&zones, 0));
    let (stop, loads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    black_box(reader.load().seq);
                    loads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let (mut prepared, mut swapped) = (Vec::with_capacity(samples), Vec::with_capacity(samples));
        for sample in 0..samples {
            let begun = Instant::now();
            zones = changed(&zones, &apex, [sample * 7 % names], sample);
            prepared.push(begun.elapsed());
            swapped.push(swap(&mut publisher, &zones, sample));
        }
        let whole = prepared.iter().zip(&swapped).map(|(a, b)| *a + *b).collect();
        row(names, "one change: new version of the index", prepared);
        row(names, "one change: swap, old version freed", swapped);
        row(names, "one change: both", whole);
        let together = TOGETHER.min(names);
        let whole = (0..20).map(|round| {
            let begun = Instant::now();
            zones = changed(&zones, &apex, 0..together, round);
            swap(&mut publisher, &zones, round);
            begun.elapsed()
        });
        row(names, &format!("{together} names at once: both"), whole.collect());
        stop.store(true, Ordering::Relaxed);
    });
    assert!(loads.load(Ordering::Relaxed) > 0, "readers have read");
}

/// The zones with other addresses for some names.
fn changed(zones: &ZoneSet, apex: &Name, names: impl IntoIterator<Item = usize>, round: usize) -> ZoneSet {
    let zone = zones.get(apex).expect("the zone");
    let mut edit = zone.registrations().expect("they were put in").edit();
    let mut octets = Vec::new();
    for name in names {
        encode(name + round + 1, &mut octets);
        edit.insert(label(name).as_bytes(), &octets);
    }
    let serial = zone.serial().wrapping_add(1);
    zones.with([zone.clone().with_serial(serial).with_registrations(edit.finish())])
}

fn swap(publisher: &mut Publisher, zones: &ZoneSet, seq: usize) -> Duration {
    let begun = Instant::now();
    publisher.publish(snapshot(zones, seq));
    begun.elapsed()
}

fn snapshot(zones: &ZoneSet, seq: usize) -> Snapshot {
    Snapshot { zones: zones.clone(), seq: seq as u64, published_at: Timestamp(0) }
}

fn row(names: usize, what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let percentile = |percent: usize| micros(times[(times.len() * percent).div_ceil(100).max(1) - 1]);
    println!("{names:<10} {what:<38} {:>9.1} {:>9.1} {:>9.1}", percentile(50), percentile(99), percentile(100));
}

/// A label as long as a county office's.
fn label(n: usize) -> String {
    let mixed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("xn--{mixed:016x}abc")
}

fn encode(n: usize, octets: &mut Vec<u8>) {
    octets.clear();
    let addresses = vec![IpAddr::V4(Ipv4Addr::from(0xcb00_7100 + n as u32 % 256))];
    Published::Addresses { addresses, ttl: 600, www: true }.encode(octets);
}

fn load(names: usize) -> Pages {
    let mut edit = Pages::new().edit();
    let mut octets = Vec::new();
    for n in 0..names {
        encode(n, &mut octets);
        edit.insert(label(n).as_bytes(), &octets);
    }
    edit.finish()
}

fn zone(apex: &Name) -> Zone {
    let record = |rtype: Rtype, rdata: &str| Record {
        owner: apex.clone(),
        rtype,
        ttl: 300,
        rdata: from_text(rtype, rdata, apex).expect("RDATA"),
    };
    let soa = record(Rtype::SOA, "ns1.nic hostmaster.nic 1 1800 900 1209600 300");
    Zone::build(apex.clone(), [soa, record(Rtype::NS, "ns1.nic")]).expect("a zone")
}
