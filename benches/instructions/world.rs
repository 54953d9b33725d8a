//! What is served while instructions are counted: a suffix with registrations of each kind, and a signed zone.

use super::kinds::Kind;
use std::net::Ipv4Addr;
use zhengming::query::{self, CookieSecret, Cookies};
use zhengming::registry::Timestamp;
use zhengming::server::{RateLimits, Settings, UdpTurns};
use zhengming::snapshot::{self, Snapshot};
use zhengming::telemetry::{Dns, Exporter};
use zhengming::zone::denial::Params;
use zhengming::zone::rdata::from_text;
use zhengming::zone::{Name, Pages, Published, Record, Rtype, Zone, ZoneSet};

/// The suffix.
pub const APEX: &str = "xn--zfr164b";

/// How many names are registered.
pub fn names() -> usize {
    let said = std::env::var("NAMES").ok().and_then(|text| text.parse::<usize>().ok());
    said.unwrap_or(20_000) / 4 * 4
}

/// A label as long as a county office's.
pub fn label(n: usize) -> String {
    let mixed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("xn--{mixed:016x}abc")
}

/// A UDP thread's work with all of it to serve.
pub fn worker(kind: &Kind) -> UdpTurns {
    let zones = ZoneSet::new([suffix(), signed()]);
    let apexes: Vec<String> = zones.iter().map(|zone| zone.apex().to_string()).collect();
    let (_, reader) = snapshot::channel(Snapshot { zones, seq: 1, published_at: Timestamp(0) });
    // More a second than are counted.
    let unlimited = 1_000_000;
    let rates = RateLimits { answers: unlimited, negatives: unlimited, ..RateLimits::default() };
    let rate = kind.limited.then_some(rates);
    let telemetry = Dns::new(&Exporter::default());
    telemetry.set_zones(&apexes);
    let cookies = Some(Cookies::new(vec![CookieSecret([7; 16])], 0));
    let query = query::Settings { cookies, ..query::Settings::default() };
    let address = "127.0.0.1:0".parse().expect("an address");
    UdpTurns::bind(address, &Settings { rate, ..Settings::default() }, reader, query, telemetry).expect("a free port")
}

/// Registrations take turns: addresses, addresses with `www`, a delegation, a hold.
fn published(n: usize) -> Published {
    let address = Ipv4Addr::from(0xcb00_7100 + n as u32 % 256).into();
    match n % 4 {
        2 => {
            let server = |text: &str| (Name::absolute(text).expect("a name"), Vec::new());
            let servers = vec![server("ns1.dns.example"), server("ns2.dns.example")];
            Published::Delegation { servers, ds: Vec::new(), ttl: 3600 }
        }
        3 => Published::Held { info_code: 15, extra_text: "hold=PENALTY".into(), status: 403 },
        kind => Published::Addresses { addresses: vec![address], ttl: 600, www: kind == 1 },
    }
}

fn suffix() -> Zone {
    let apex = Name::absolute(APEX).expect("a name");
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
    let mut edit = Pages::with_seed(1).edit();
    let mut octets = Vec::new();
    for n in 0..names() {
        octets.clear();
        published(n).encode(&mut octets);
        edit.insert(label(n).as_bytes(), &octets);
    }
    Zone::build(apex.clone(), records).expect("a zone").with_registrations(edit.finish())
}

/// A zone with an NSEC3 chain. Nobody looks into the signatures here.
fn signed() -> Zone {
    let apex = Name::absolute("signed.example").expect("a name");
    let mut records = Vec::new();
    let mut add = |owner: &str, rtype: Rtype, rdata: &[u8]| {
        let owner = Name::parse(owner.as_bytes(), &apex).expect("a name");
        let covering = [&rtype.0.to_be_bytes()[..], &[13, 2], &[0; 14], apex.as_wire(), &[7; 64]].concat();
        for (rtype, rdata) in [(rtype, rdata.into()), (Rtype::RRSIG, covering.into())] {
            records.push(Record { owner: owner.clone(), rtype, ttl: 300, rdata });
        }
    };
    add("@", Rtype::SOA, &[&b"\x02ns"[..], apex.as_wire(), &b"\x04host"[..], apex.as_wire(), &[0; 20]].concat());
    add("@", Rtype::NSEC3PARAM, &[1, 0, 0, 0, 0]);
    let params = Params::read(&[1, 0, 0, 0, 0]).expect("parameters");
    for n in 0..1000 {
        let owner = if n == 0 { "@".into() } else { label(n) };
        add(&owner, Rtype::TXT, b"\x01x");
        let name = Name::parse(owner.as_bytes(), &apex).expect("a name");
        let hash = params.hash([name.as_wire(), &[]]);
        add(&base32hex(&hash), Rtype::NSEC3, &[&[1, 0, 0, 0, 0, 20][..], &[0; 20]].concat());
    }
    Zone::build(apex, records).expect("a zone")
}

fn base32hex(octets: &[u8]) -> String {
    let bit = |n: usize| usize::from(octets[n / 8] >> (7 - n % 8) & 1);
    let digits = (0..octets.len() * 8 / 5).map(|digit| (0..5).fold(0, |value, n| value << 1 | bit(digit * 5 + n)));
    digits.map(|digit| char::from(b"0123456789abcdefghijklmnopqrstuv"[digit])).collect()
}
