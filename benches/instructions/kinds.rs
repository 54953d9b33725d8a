//! The kinds of query that are counted, and what each must be answered.

use super::world::{APEX, label};
use zhengming::zone::Name;

/// A kind of query.
pub struct Kind {
    /// Its name in the table.
    pub name: &'static str,
    question: Question,
    opt: Opt,
    /// Whether the rate limiter is on, with limits that are never reached.
    pub limited: bool,
    rcode: u8,
    /// Answer and authority records.
    counts: [u8; 2],
}

#[derive(Clone, Copy)]
enum Question {
    Registered(u8),
    Www,
    Missing,
    /// A label that nobody may register.
    Random,
    Delegated,
    Held,
    Signed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opt {
    None,
    Plain,
    Dnssec,
    Cookie,
}

const A: u8 = 1;
const TXT: u8 = 16;

const fn kind(name: &'static str, question: Question, opt: Opt, rcode: u8, counts: [u8; 2]) -> Kind {
    Kind { name, question, opt, limited: false, rcode, counts }
}

/// All of them.
pub const KINDS: &[Kind] = &[
    kind("positive", Question::Registered(A), Opt::None, 0, [1, 0]),
    kind("www", Question::Www, Opt::None, 0, [1, 0]),
    kind("nodata", Question::Registered(TXT), Opt::None, 0, [0, 1]),
    kind("nxdomain", Question::Missing, Opt::None, 3, [0, 1]),
    kind("nxdomain-random", Question::Random, Opt::None, 3, [0, 1]),
    kind("referral", Question::Delegated, Opt::None, 0, [0, 2]),
    kind("held", Question::Held, Opt::Plain, 3, [0, 1]),
    kind("positive-edns-do", Question::Registered(A), Opt::Dnssec, 0, [1, 0]),
    kind("positive-cookie", Question::Registered(A), Opt::Cookie, 0, [1, 0]),
    kind("nxdomain-edns-do", Question::Missing, Opt::Dnssec, 3, [0, 1]),
    Kind { limited: true, ..kind("positive-limited", Question::Registered(A), Opt::None, 0, [1, 0]) },
    Kind { limited: true, ..kind("nxdomain-limited", Question::Missing, Opt::None, 3, [0, 1]) },
    kind("nxdomain-signed", Question::Signed, Opt::Dnssec, 3, [0, 8]),
];

impl Kind {
    /// The `n`th request of this kind where `names` are registered.
    pub fn request(&self, n: usize, names: usize) -> Vec<u8> {
        // Kinds of registration take turns.
        let of = |kind: usize| label(n / 4 * 4 + kind);
        let (name, qtype) = match self.question {
            Question::Registered(qtype) => (format!("{}.{APEX}", of(0)), qtype),
            Question::Www => (format!("www.{}.{APEX}", of(1)), A),
            Question::Missing => (format!("{}.{APEX}", label(names + n)), A),
            Question::Random => (format!("{}.{APEX}", &label(names + n)[4..]), A),
            Question::Delegated => (format!("www.{}.{APEX}", of(2)), A),
            Question::Held => (format!("{}.{APEX}", of(3)), A),
            Question::Signed => (format!("{}.signed.example", label(names + n)), A),
        };
        let additional = u8::from(self.opt != Opt::None);
        let mut octets = vec![n as u8, (n >> 8) as u8, 0, 0, 0, 1, 0, 0, 0, 0, 0, additional];
        octets.extend_from_slice(Name::absolute(&name).expect("a name").as_wire());
        octets.extend_from_slice(&[0, qtype, 0, 1]);
        let (dnssec_ok, options) = match self.opt {
            Opt::None => return octets,
            Opt::Plain => (0, &[][..]),
            Opt::Dnssec => (0x80, &[][..]),
            Opt::Cookie => (0, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8][..]),
        };
        octets.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, dnssec_ok, 0, 0, options.len() as u8]);
        octets.extend_from_slice(options);
        octets
    }

    /// # Panics
    /// If the response is not what this kind is about.
    pub fn check(&self, response: &[u8]) {
        let counts = [response[7], response[9]];
        assert_eq!((response[3] & 15, counts), (self.rcode, self.counts), "{}: {response:02x?}", self.name);
    }
}
