//! What the fuzz targets check, of mutations of what is good: requests and what answers them, cookies, master files, PROXY
//! headers, signatures; for as many rounds as `ZHENGMING_FUZZ_ROUNDS` says.
//!
//! They run with the other tests for a moment; `ZHENGMING_FUZZ_ROUNDS=100000000 cargo test --release --test fuzz` goes on
//! longer, `ZHENGMING_FUZZ_SEED` elsewhere. A failure prints the octets.

mod checks;
#[path = "../common/respond.rs"]
mod respond;
#[path = "../common/signed.rs"]
mod signed;

use respond::{NOW, Opt, Query, UDP_SIZE_MAX};
use signed::{SECRET, Signer};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use zhengming::query::{self, Settings, Transport};
use zhengming::server::proxy;
use zhengming::tsig::{Algorithm, Key, Keys, Verdict};

/// Rounds where nothing else is said.
const ROUNDS: u64 = 60_000;
/// Octets that mean something in messages, put in more often than others.
const MEANINGFUL: [u8; 12] = [0, 1, 3, 12, 15, 41, 63, 64, 0x80, 0xc0, 250, 255];

/// A generator of numbers that are random enough to find faults (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn octet(&mut self) -> u8 {
        if self.below(2) == 0 { MEANINGFUL[self.below(MEANINGFUL.len())] } else { self.next() as u8 }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for name in ["xn--live.xn--zfr164b", "x.xn--own.xn--zfr164b", "xn--legal.xn--zfr164b.cn", "x.xn--own.moved.example"]
    {
        for qtype in ["A", "DS", "ANY", "IXFR", "SOA"] {
            for edns in [None, Some(Opt { options: vec![(3, vec![]), (10, vec![7; 24])], ..Opt::new() })] {
                seeds.push(Query { edns, ..Query::new(name, qtype) }.to_wire());
            }
        }
    }
    // A request with a record in each section and a TSIG.
    let query = Query::new("www.xn--live.xn--zfr164b", "A");
    let record = [0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4].repeat(2);
    let tsig = [&[1, b'k', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 19, 1, b'h', 0][..], &[0; 16]].concat();
    seeds.push([query.header([1, 1, 1, 2]), query.question(), record, Opt::new().to_wire(), tsig].concat());
    seeds
}

fn mutate(octets: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..1 + random.below(6) {
        let at = random.below(octets.len());
        match random.below(7) {
            0 if !octets.is_empty() => octets[at] = random.octet(),
            1 if !octets.is_empty() => octets[at] ^= 1 << random.below(8),
            2 => octets.insert(at, random.octet()),
            3 if !octets.is_empty() => drop(octets.remove(at)),
            4 => octets.truncate(at),
            5 => octets.extend_from_slice(&other[random.below(other.len())..]),
            _ => {
                // Counts are what most depends on.
                let field = 4 + random.below(8);
                if field < octets.len() {
                    octets[field] = (random.next() % 4) as u8;
                }
            }
        }
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn random() -> Random {
    Random(number("ZHENGMING_FUZZ_SEED", 0x5eed).max(1))
}

/// Runs `check`, and says what it panicked on.
fn held(octets: &[u8], check: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(check)).is_ok(), "{octets:02x?}: {}", String::from_utf8_lossy(octets));
}

#[test]
fn requests_may_be_any_octets() {
    let (mut random, seeds) = (random(), seeds());
    for _ in 0..number("ZHENGMING_FUZZ_ROUNDS", ROUNDS) {
        let mut request = seeds[random.below(seeds.len())].clone();
        let other = &seeds[random.below(seeds.len())];
        mutate(&mut request, other, &mut random);
        let transport = Transport::ALL[random.below(Transport::ALL.len())];
        let room = 500 + random.below(1200);
        held(&request, || checks::request(&request, transport, room));
    }
}

#[test]
fn messages_are_answered_with_messages() {
    let (mut random, seeds) = (random(), seeds());
    for _ in 0..number("ZHENGMING_FUZZ_ROUNDS", ROUNDS / 4) {
        let mut request = seeds[random.below(seeds.len())].clone();
        let other = &seeds[random.below(seeds.len())];
        mutate(&mut request, other, &mut random);
        let transport = Transport::ALL[random.below(Transport::ALL.len())];
        held(&request, || checks::message(&request, transport));
    }
}

#[test]
fn cookies_may_be_any_octets() {
    let mut random = random();
    let seeds = [1, 2].map(|octet| checks::good_cookie([octet; 8]));
    for _ in 0..number("ZHENGMING_FUZZ_ROUNDS", ROUNDS / 4) {
        let mut cookie = seeds[random.below(2)].clone();
        if random.below(8) > 0 {
            mutate(&mut cookie, &seeds[random.below(2)], &mut random);
        }
        cookie.truncate(1000);
        held(&cookie, || checks::cookie(&cookie));
    }
}

#[test]
fn master_files_may_be_any_octets() {
    let mut random = random();
    let zone: &[u8] = include_bytes!("../../zones/xn--zfr164b.zone");
    let odd: &[u8] = b"$TTL 1d\n@ IN SOA ns h ( 1 2h 3m ; comment\n 4w 5 )\n NS ns\nns A 192.0.2.1\n$ORIGIN sub\n\
        a\\.b\\200 TXT \"quoted \\\" text\" x\n$GENERATE 1-4/2 h${0,2,x} A 192.0.2.$\n@ TYPE65280 \\# 2 abcd\n\
        s SVCB 1 . alpn=h2,h3 port=8\n$INCLUDE nowhere\n";
    for _ in 0..number("ZHENGMING_FUZZ_ROUNDS", ROUNDS / 10) {
        let mut text = [zone, odd][random.below(2)].to_vec();
        mutate(&mut text, odd, &mut random);
        held(&text, || checks::master_file(&text));
    }
}

#[test]
fn headers_of_proxies_may_be_any_octets() {
    let mut random = random();
    let signed = |rest: &[u8]| [b"\r\n\r\n\0\r\nQUIT\n", rest].concat();
    let seeds = [
        signed(&[0x21, 0x11, 0, 12, 198, 51, 100, 7, 192, 0, 2, 1, 0x12, 0x34, 0, 53]),
        signed(&[&[0x21, 0x22, 0, 43][..], &[0x20; 32], &[0, 1, 0, 53], &[4, 0, 4, 1, 2, 3, 4]].concat()),
        signed(&[0x20, 0, 0, 0]),
    ];
    let sender = IpAddr::from([192, 0, 2, 9]);
    let mut good = 0;
    for _ in 0..number("ZHENGMING_FUZZ_ROUNDS", ROUNDS) {
        let mut packet = seeds[random.below(seeds.len())].clone();
        let other = &seeds[random.below(seeds.len())];
        mutate(&mut packet, other, &mut random);
        let split = catch_unwind(|| proxy::split(&packet, sender));
        let Ok(split) = split else { panic!("panicked on {packet:02x?}") };
        let Ok((client, message)) = split else { continue };
        good += 1;
        assert!(packet.ends_with(message), "{packet:02x?}");
        let header = packet.len() - message.len();
        assert!((proxy::FIXED_LEN..=proxy::HEADER_LEN_MAX).contains(&header), "{packet:02x?}");
        assert_eq!(client, client.to_canonical(), "{packet:02x?}");
    }
    assert!(good > 0, "no mutation left a header whole");
}

/// Mutations before the signature, which get past the MAC, and behind it.
#[test]
fn a_signed_request_may_have_any_octets() {
    let (zones, seeds) = (respond::zones(), seeds());
    let names = ["key.example", "k", &[63, 63, 63, 57].map(|length| "k".repeat(length)).join(".")].map(respond::name);
    let algorithms = ["hmac-sha256", "hmac-sha256-128", "hmac-sha256"].map(|text| Algorithm::from_text(text).unwrap());
    let keys =
        names.iter().zip(algorithms).map(|(name, algorithm)| Key::new(name.as_wire(), algorithm, SECRET).unwrap());
    let settings = Settings { keys: Keys::new(keys.collect()), ..respond::settings() };
    let mut random = Random(number("ZHENGMING_FUZZ_SEED", 0x5eed).max(1));
    let mut response = vec![0; 65_535];
    let mut seen = [0u64; 6];
    for _ in 0..number("ZHENGMING_FUZZ_ROUNDS", ROUNDS / 2) {
        let mut request = seeds[random.below(seeds.len() - 1)].clone();
        let other = &seeds[random.below(seeds.len())];
        if random.below(2) == 0 {
            mutate(&mut request, other, &mut random);
        }
        request.resize(request.len().max(12), 0);
        let good = Signer::new(names[random.below(3)].as_wire(), NOW);
        let signer = match random.below(4) {
            0 => Signer { time: NOW - 400 + random.below(800) as u64, mac_len: random.below(40), ..good },
            1 => Signer { other: vec![7; random.below(20)], error: random.next() as u16, ..good },
            _ => good,
        };
        // A count of 65,535 does not go on.
        request[10] = 0;
        let sent_mac = signer.mac_of(&request);
        let mut request = signer.sign(&request);
        let is_as_signed = random.below(3) > 0;
        if !is_as_signed {
            mutate(&mut request, other, &mut random);
        }
        let transport = Transport::ALL[random.below(Transport::ALL.len())];
        let room = 500 + random.below(1200);
        let answered = catch_unwind(AssertUnwindSafe(|| {
            let client = respond::client(transport);
            let outcome = query::respond(&zones, &settings, &client, &request, &mut response[..room]);
            let slipped = if outcome.len > 0 {
                query::truncate(&settings, &client, &request, &mut response.clone()[..room])
            } else {
                0
            };
            (outcome, slipped)
        }));
        let Ok((outcome, slipped)) = answered else { panic!("panicked on {request:02x?}") };
        let limit = if transport == Transport::Udp { room.min(usize::from(UDP_SIZE_MAX)) } else { room };
        assert!(outcome.len <= limit && slipped <= limit, "{outcome:?} for {request:02x?}");
        if let Some(verdict) = outcome.tsig {
            seen[verdict as usize] += 1;
            let signs = matches!(verdict, Verdict::Good | Verdict::BadTime | Verdict::BadTrunc);
            let verified = signer.verify_by(&sent_mac, &response[..outcome.len]).is_some();
            // Long names may leave no room for it; then the answer has TC.
            let due = verified == signs || signs && outcome.truncated;
            assert!(due || !is_as_signed, "{outcome:?} for {request:02x?}");
        }
    }
    println!("good, badkey, malformed, badsig, badtime, badtrunc: {seen:?}");
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}
