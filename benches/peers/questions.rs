//! The questions of the scenarios, as octets, each with the RCODE that is due.

use super::estate::{Estate, SUFFIX};
use super::random::Random;
use super::servers::Make;
use super::signed::SIGNED;
use clap::ValueEnum;

/// Types (RFC 1035 §3.2.2, RFC 3596, RFC 4034, RFC 9460).
pub const A: u16 = 1;
pub const NS: u16 = 2;
pub const SOA: u16 = 6;
pub const AAAA: u16 = 28;
pub const DNSKEY: u16 = 48;
pub const HTTPS: u16 = 65;

const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;

/// Questions of a scenario; a server that cached answers would not find many of them again.
const COUNT_MAX: usize = 200_000;
/// Octets of the header (RFC 1035 §4.1.1).
pub const HEADER_LEN: usize = 12;
/// UDP size in OPT, where there is one.
const UDP_SIZE: u16 = 1232;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Names that exist, and `www` of them, type A.
    Positive,
    /// Random labels below the suffix: the flood that resolvers pass on.
    Nxdomain,
    /// 55 % A, 20 % AAAA and 5 % HTTPS (no data), 17 % that do not exist, 3 % about the apex.
    Mixed,
    /// The same with EDNS and the DO bit, as most resolvers ask.
    Dnssec,
    /// Random labels below the apex of a signed zone, with the DO bit: what does not exist is proved (RFC 5155).
    Signed,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Positive, Self::Nxdomain, Self::Mixed, Self::Dnssec, Self::Signed];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Nxdomain => "NXDOMAIN",
            Self::Mixed => "mixed",
            Self::Dnssec => "DO bit",
            Self::Signed => "signed NXDOMAIN",
        }
    }

    /// Whether it is asked of such a server: gdnsd cannot, and PowerDNS would want a database to serve signatures.
    pub fn is_for(self, make: Make) -> bool {
        self != Self::Signed || !matches!(make, Make::Gdnsd | Make::Powerdns)
    }
}

/// Questions, one behind the other.
#[derive(Default)]
pub struct Questions {
    octets: Vec<u8>,
    /// Where each begins, and the RCODE that is due.
    starts: Vec<(u32, u8)>,
}

impl Questions {
    /// Those of a scenario; always the same for one estate.
    pub fn of(scenario: Scenario, estate: &Estate) -> Self {
        let mut random = Random(0x2026_1122);
        let mut questions = Self::default();
        let count = COUNT_MAX.min(20 * estate.asked());
        for _ in 0..count {
            let edns = matches!(scenario, Scenario::Dnssec | Scenario::Signed).then_some(true);
            let (name, qtype, rcode) = match scenario {
                Scenario::Positive => (existing(&mut random, estate), A, NOERROR),
                Scenario::Nxdomain => (missing(&mut random, SUFFIX), A, NXDOMAIN),
                Scenario::Signed => (missing(&mut random, SIGNED), A, NXDOMAIN),
                Scenario::Mixed | Scenario::Dnssec => mixed(&mut random, estate),
            };
            questions.push(&encode(&name, qtype, edns), rcode);
        }
        questions
    }

    /// Adds one, as [`encode`] makes it.
    pub fn push(&mut self, message: &[u8], rcode: u8) {
        self.starts.push((u32::try_from(self.octets.len()).expect("far below 4 GiB"), rcode));
        self.octets.extend_from_slice(message);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The `i`th, and the RCODE that is due.
    pub fn get(&self, i: usize) -> (&[u8], u8) {
        let (start, rcode) = self.starts[i];
        let end = self.starts.get(i + 1).map_or(self.octets.len(), |next| next.0 as usize);
        (&self.octets[start as usize..end], rcode)
    }
}

/// A name with addresses, or its `www`.
fn existing(random: &mut Random, estate: &Estate) -> String {
    let www = if random.one_in(2) { "www." } else { "" };
    loop {
        let index = random.below(estate.asked());
        if !Estate::is_delegated(index) {
            return format!("{www}{}", estate.name(index));
        }
    }
}

/// A name that does not exist.
fn missing(random: &mut Random, apex: &str) -> String {
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let label: String = (0..12).map(|_| char::from(random.pick(letters))).collect();
    format!("{label}.{apex}")
}

fn mixed(random: &mut Random, estate: &Estate) -> (String, u16, u8) {
    match random.below(100) {
        0..55 => (existing(random, estate), A, NOERROR),
        55..75 => (existing(random, estate), AAAA, NOERROR),
        75..80 => (existing(random, estate), HTTPS, NOERROR),
        80..97 => (missing(random, SUFFIX), A, NXDOMAIN),
        97..99 => (SUFFIX.into(), NS, NOERROR),
        _ => (SUFFIX.into(), DNSKEY, NOERROR),
    }
}

/// A query with ID 0; with EDNS if the DO bit is told.
pub fn encode(name: &str, qtype: u16, edns: Option<bool>) -> Vec<u8> {
    let mut wire = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())];
    push_name(&mut wire, name);
    wire.extend(qtype.to_be_bytes());
    wire.extend([0, 1]);
    if let Some(dnssec_ok) = edns {
        wire.extend([0, 0, 41]);
        wire.extend(UDP_SIZE.to_be_bytes());
        wire.extend([0, 0, if dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
    }
    wire
}

/// A name in wire form (RFC 1035 §3.1).
pub fn push_name(wire: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).expect("a label is short"));
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
}
