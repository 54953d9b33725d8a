//! No answer allocates: every kind of outcome is asked for under an allocator that counts.

#[path = "common/respond.rs"]
mod respond;
#[path = "common/signed.rs"]
mod signed_requests;

use respond::{NOW, Opt, Query};
use signed_requests::{SECRET, Signer};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use zhengming::query::{self, Kind, Transport};
use zhengming::tsig::{Algorithm, Key, Keys, Verdict};
use zhengming::zone::denial::Params;
use zhengming::zone::{Name, Record, Rtype, Zone, ZoneSet};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more.
    let _ = ALLOCATIONS.try_with(|counted| counted.set(counted.get() + 1));
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`, and `pointer` came from the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATIONS.get();
    let result = run();
    (ALLOCATIONS.get() - before, result)
}

#[test]
fn no_answer_allocates() {
    let zones = respond::zones();
    let settings = [respond::settings(), query::Settings { rotate_rrsets: true, ..respond::settings() }];
    let mut response = vec![0; 65_535];
    let mut seen = Vec::new();
    let names = [
        "xn--live.xn--zfr164b",
        "www.xn--live.xn--zfr164b",
        "xn--forward.xn--zfr164b.cn",
        "x.xn--own.xn--zfr164b",
        "xn--own.xn--zfr164b.cn",
        "xn--legal.xn--zfr164b",
        "xn--nobody.xn--zfr164b",
        "xn--zfr164b",
        "a.nic.xn--zfr164b",
        "alias.example",
        "toheld.example",
        "x.xn--own.moved.example",
        "example.com",
    ];
    let opt = Opt { options: vec![(3, vec![]), (10, vec![1; 24]), (11, vec![]), (12, vec![0; 9])], ..Opt::new() };
    let mut requests = vec![vec![0; 5], vec![0x80; 40], vec![0; 40]];
    for name in names {
        for qtype in ["A", "AAAA", "NS", "SOA", "TXT", "DS", "ANY", "AXFR", "TYPE4711"] {
            for edns in [None, Some(opt.clone()), Some(Opt { version: 1, ..Opt::new() })] {
                requests.push(Query { edns, ..Query::new(name, qtype) }.to_wire());
            }
        }
    }
    for request in &requests {
        for (transport, settings) in
            Transport::ALL.into_iter().flat_map(|one| settings.each_ref().map(|with| (one, with)))
        {
            let respond = || query::respond(&zones, settings, &respond::client(transport), request, &mut response);
            let (allocations, outcome) = allocations_of(respond);
            assert_eq!(allocations, 0, "{outcome:?} for {request:02x?}");
            seen.push(outcome.kind);
        }
    }
    let kinds = [Kind::Answer, Kind::Nodata, Kind::Nxdomain, Kind::Held, Kind::Referral, Kind::Refused, Kind::Error];
    for kind in kinds.into_iter().chain([Kind::Dropped]) {
        assert!(seen.contains(&kind), "{kind:?} was not tried");
    }
}

/// A zone with signatures and an NSEC chain, or an NSEC3 chain with these flags. Nobody looks into the signatures here.
fn signed(apex: &str, nsec3_flags: Option<u8>) -> Zone {
    let origin = Name::absolute(apex).unwrap();
    let mut records = Vec::new();
    let mut add = |owner: &str, rtype: Rtype, rdata: &[u8]| {
        let owner = Name::parse(owner.as_bytes(), &origin).unwrap();
        let covering = [&rtype.0.to_be_bytes()[..], &[13, 2], &[0; 14], origin.as_wire(), &[7; 64]].concat();
        for (rtype, rdata) in [(rtype, rdata.into()), (Rtype::RRSIG, covering.into())] {
            records.push(Record { owner: owner.clone(), rtype, ttl: 300, rdata });
        }
    };
    let soa = [&b"\x02ns"[..], origin.as_wire(), &b"\x04host"[..], origin.as_wire(), &[0; 20]].concat();
    add("@", Rtype::SOA, &soa);
    let names = ["@", "www", "*.wild", "a.b.ent", "alias", "*.towild", "cut", "moved"];
    add("www", Rtype::A, &[192, 0, 2, 1]);
    add("*.wild", Rtype::A, &[192, 0, 2, 2]);
    add("a.b.ent", Rtype::A, &[192, 0, 2, 3]);
    add("alias", Rtype::CNAME, &[&b"\x01x\x06towild"[..], origin.as_wire()].concat());
    add("*.towild", Rtype::CNAME, &[&b"\x01x\x04wild"[..], origin.as_wire()].concat());
    add("cut", Rtype::NS, &[&b"\x02ns\x03cut"[..], origin.as_wire()].concat());
    add("moved", Rtype::DNAME, &[&b"\x03ent"[..], origin.as_wire()].concat());
    match nsec3_flags {
        None => names.iter().for_each(|name| add(name, Rtype::NSEC, &[origin.as_wire(), &[0, 1, 0x40]].concat())),
        Some(flags) => {
            add("@", Rtype::NSEC3PARAM, &[1, 0, 0, 2, 1, 0xab]);
            let params = Params::read(&[1, 0, 0, 2, 1, 0xab]).unwrap();
            for name in names {
                let wire = Name::parse(name.as_bytes(), &origin).unwrap();
                let mut rdata = vec![1, flags, 0, 2, 1, 0xab, 20];
                rdata.extend_from_slice(&[0; 20]);
                add(&respond::base32hex(&params.hash([wire.as_wire(), &[]])), Rtype::NSEC3, &rdata);
            }
        }
    }
    Zone::build(origin, records).unwrap()
}

#[test]
fn no_signed_answer_allocates_or_panics() {
    let apexes = [("nsec.test", None), ("nsec3.test", Some(0)), ("optout.test", Some(1))];
    let zones = ZoneSet::new(apexes.map(|(apex, flags)| signed(apex, flags)));
    let settings = respond::settings();
    let mut response = vec![0; 65_535];
    // Every name of up to three of these labels, below each apex.
    let labels = ["www", "*", "wild", "ent", "b", "alias", "towild", "cut", "moved", "x"];
    let mut names = vec![String::new()];
    for length in 1..=3 {
        let longer = names.iter().filter(|name| name.matches('.').count() == length - 1);
        let longer: Vec<String> = longer.flat_map(|name| labels.map(|label| format!("{label}.{name}"))).collect();
        names.extend(longer);
    }
    // And the longest there are.
    names.push("x.".repeat(120));
    names.push(format!("{}.", "y".repeat(60)).repeat(3) + &"z.".repeat(28));
    let mut proofs = 0;
    for name in &names {
        for (apex, _) in apexes {
            for qtype in ["A", "DS", "RRSIG", "ANY"] {
                for udp_size in [512, 1232] {
                    let opt = Opt { flags: 0x8000, udp_size, ..Opt::new() };
                    let query = Query { edns: Some(opt), ..Query::new(&format!("{name}{apex}"), qtype) };
                    let request = query.to_wire();
                    let client = respond::client(Transport::Udp);
                    let respond = || query::respond(&zones, &settings, &client, &request, &mut response);
                    let (allocations, outcome) = allocations_of(respond);
                    assert_eq!(allocations, 0, "{outcome:?} for {name}{apex} {qtype}");
                    assert!(outcome.len <= usize::from(udp_size), "{outcome:?} for {name}{apex} {qtype}");
                    // NSCOUNT: more than a SOA and its signature.
                    proofs += usize::from(response[9] > 2);
                }
            }
        }
    }
    assert!(proofs > 1000, "{proofs} proofs");
}

#[test]
fn no_check_of_a_signature_allocates() {
    let zones = respond::zones();
    let name = respond::name("key.example");
    let key = |algorithm| Key::new(name.as_wire(), Algorithm::from_text(algorithm).unwrap(), SECRET).unwrap();
    let good = Signer::new(name.as_wire(), NOW);
    let signers = [
        good.clone(),
        Signer { name: vec![0], ..good.clone() },
        Signer { secret: vec![1], ..good.clone() },
        Signer { time: 0, ..good.clone() },
        Signer { mac_len: 16, ..good.clone() },
        Signer { mac_len: 0, ..good.clone() },
    ];
    let mut response = vec![0; 65_535];
    let mut seen = Vec::new();
    for algorithm in Algorithm::NAMES {
        let settings = query::Settings { keys: Keys::new(vec![key(algorithm)]), ..respond::settings() };
        for signer in &signers {
            let wire = [&[algorithm.len() as u8], algorithm.as_bytes(), &[0]].concat();
            for algorithm in [wire, good.algorithm.clone()] {
                let request = Signer { algorithm, ..signer.clone() };
                let request = request.sign(&Query::new("xn--live.xn--zfr164b", "A").to_wire());
                for transport in [Transport::Udp, Transport::Tcp] {
                    let client = respond::client(transport);
                    let respond = || query::respond(&zones, &settings, &client, &request, &mut response);
                    let (allocations, outcome) = allocations_of(respond);
                    assert_eq!(allocations, 0, "{outcome:?} for {request:02x?}");
                    let truncate = || query::truncate(&settings, &client, &request, &mut response);
                    assert_eq!(allocations_of(truncate).0, 0);
                    seen.extend(outcome.tsig);
                }
            }
        }
    }
    use Verdict::{BadKey, BadSig, BadTime, BadTrunc, Good, Malformed};
    for verdict in [Good, BadKey, BadSig, BadTime, BadTrunc, Malformed] {
        assert!(seen.contains(&verdict), "{verdict:?} was not tried");
    }
}

#[test]
fn the_count_counts() {
    assert!(allocations_of(|| vec![0u8; 100]).0 > 0);
}
