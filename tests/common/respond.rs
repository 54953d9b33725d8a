//! Zones written as text, requests built octet by octet, and responses taken apart by a decoder of their own.

#![allow(dead_code, reason = "each test program uses its part of this")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::fmt::Write as _;
use zhengming::query::{self, Client, CookieSecret, Cookies, Outcome, Settings, Transport};
use zhengming::zone::rdata::{Presentation, from_text};
use zhengming::zone::{Gateway, Name, Pages, Published, Record, Rtype, Zone, ZoneSet};

/// Largest UDP response of the tests.
pub const UDP_SIZE_MAX: u16 = 1232;

/// A name; a text without a final dot is taken as absolute too.
pub fn name(text: &str) -> Name {
    Name::absolute(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A type by its mnemonic or `TYPE` and number.
pub fn rtype(text: &str) -> Rtype {
    Rtype::from_mnemonic(text.as_bytes()).unwrap_or_else(|| panic!("no type {text}"))
}

/// One line `owner TTL TYPE RDATA`, names relative to `origin` unless they end with a dot.
pub fn record(line: &str, origin: &Name) -> Record {
    let mut fields = line.split_whitespace();
    let mut field = || fields.next().unwrap_or_else(|| panic!("too short: {line}"));
    let owner = Name::parse(field().as_bytes(), origin).unwrap_or_else(|error| panic!("{line}: {error}"));
    let ttl = field().parse().unwrap_or_else(|error| panic!("{line}: {error}"));
    let rtype = rtype(field());
    let rest: Vec<&str> = fields.collect();
    let rdata = from_text(rtype, &rest.join(" "), origin).unwrap_or_else(|error| panic!("{line}: {error:?}"));
    Record { owner, rtype, ttl, rdata }
}

/// The zone of the lines of `text`.
pub fn zone(apex: &str, text: &str) -> Zone {
    let apex = name(apex);
    let records: Vec<Record> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| record(line, &apex)).collect();
    Zone::build(apex, records).unwrap_or_else(|error| panic!("{error}"))
}

/// Octets in Base32hex, as the owners of NSEC3 records are written.
pub fn base32hex(octets: &[u8]) -> String {
    let bit = |n: usize| usize::from(octets[n / 8] >> (7 - n % 8) & 1);
    let digits = (0..octets.len() * 8 / 5).map(|digit| (0..5).fold(0, |value, n| value << 1 | bit(digit * 5 + n)));
    digits.map(|digit| char::from(b"0123456789abcdefghijklmnopqrstuv"[digit])).collect()
}

/// An index of registrations.
pub fn registrations(entries: &[(&str, Published)]) -> Pages {
    let mut edit = Pages::new().edit();
    for (label, published) in entries {
        let mut octets = Vec::new();
        published.encode(&mut octets);
        edit.insert(label.as_bytes(), &octets);
    }
    edit.finish()
}

/// A suffix with one registration of each kind.
pub fn suffix(apex: &str) -> Zone {
    let text = "
        @ 300 SOA ns1.nic hostmaster.nic 7 1800 900 1209600 300
        @ 3600 NS ns1.nic
        @ 3600 NS ns.example.
        @ 3600 TXT \"zone version 7\"
        nic 3600 NS ns1.nic
        nic 3600 DS 12345 13 2 0123456789012345678901234567890123456789012345678901234567890123
        ns1.nic 3600 A 192.0.2.53
        ns1.nic 3600 AAAA 2001:db8::53
    ";
    let gateway = Gateway { v4: vec!["192.0.2.80".parse().unwrap()], v6: vec!["2001:db8::80".parse().unwrap()] };
    zone(apex, text).with_gateway(gateway).with_registrations(registrations(&published_of_each_kind()))
}

/// Registrations of each kind.
pub fn published_of_each_kind() -> Vec<(&'static str, Published)> {
    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
    let ds = |text: &str| from_text(Rtype::DS, text, &Name::root()).unwrap();
    let held = |info_code, text: &str, status| Published::Held { info_code, extra_text: text.into(), status };
    vec![
        ("xn--live", Published::Addresses { addresses: addresses(&["203.0.113.5"]), ttl: 600, www: true }),
        ("xn--v6", Published::Addresses { addresses: addresses(&["2001:db8::5"]), ttl: 600, www: false }),
        (
            "xn--forward",
            Published::Forward {
                target: "https://www.example/".into(),
                code: 302,
                keep_path: false,
                ttl: 300,
                www: true,
            },
        ),
        (
            "xn--own",
            Published::Delegation {
                servers: vec![
                    (name("ns1.xn--own.xn--zfr164b."), addresses(&["198.51.100.1", "2001:db8::1"])),
                    (name("ns.example."), vec![]),
                ],
                ds: vec![ds("4711 13 2 0123456789012345678901234567890123456789012345678901234567890123")],
                ttl: 3600,
            },
        ),
        ("xn--unsigned", Published::Delegation { servers: vec![(name("ns.example."), vec![])], ds: vec![], ttl: 3600 }),
        ("xn--expired", held(0, "hold=EXPIRED", 403)),
        ("xn--penalty", held(15, "hold=PENALTY", 403)),
        ("xn--legal", held(16, "hold=LEGAL", 451)),
    ]
}

/// Both suffixes of a set, and an ordinary zone.
pub fn zones() -> ZoneSet {
    let example = zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         @ 3600 NS ns
         ns 3600 A 192.0.2.1
         www 3600 A 192.0.2.2
         alias 3600 CNAME www
         out 3600 CNAME www.elsewhere.test.
         toheld 3600 CNAME xn--penalty.xn--zfr164b.
         moved 3600 DNAME xn--zfr164b.",
    );
    ZoneSet::new([suffix("xn--zfr164b"), suffix("xn--zfr164b.cn"), example])
}

/// The settings of the tests.
pub fn settings() -> Settings {
    let cookies = Cookies::new(vec![CookieSecret([7; 16])], 0);
    Settings { udp_size_max: UDP_SIZE_MAX, nsid: b"unit-1".to_vec(), cookies: Some(cookies), ..Settings::default() }
}

/// When the tests ask.
pub const NOW: u64 = 1_800_000_000;

/// The client of the tests.
pub fn client(transport: Transport) -> Client {
    Client { transport, address: [198, 51, 100, 7].into(), now: NOW }
}

/// A request to be built.
#[derive(Clone)]
pub struct Query {
    pub id: u16,
    pub flags: u16,
    /// QNAME in wire form.
    pub name: Vec<u8>,
    pub qtype: Rtype,
    pub qclass: u16,
    pub edns: Option<Opt>,
}

/// An OPT record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opt {
    pub udp_size: u16,
    pub extended_rcode: u8,
    pub version: u8,
    pub flags: u16,
    pub options: Vec<(u16, Vec<u8>)>,
}

impl Opt {
    /// Plain EDNS(0).
    pub fn new() -> Self {
        Self { udp_size: 4096, extended_rcode: 0, version: 0, flags: 0, options: vec![] }
    }

    /// The record.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut options = Vec::new();
        for (code, data) in &self.options {
            options.extend_from_slice(&code.to_be_bytes());
            options.extend_from_slice(&(data.len() as u16).to_be_bytes());
            options.extend_from_slice(data);
        }
        let mut wire = vec![0, 0, 41];
        wire.extend_from_slice(&self.udp_size.to_be_bytes());
        wire.extend_from_slice(&[self.extended_rcode, self.version]);
        wire.extend_from_slice(&self.flags.to_be_bytes());
        wire.extend_from_slice(&(options.len() as u16).to_be_bytes());
        wire.extend_from_slice(&options);
        wire
    }
}

impl Query {
    /// A query of class IN with EDNS.
    pub fn new(text: &str, qtype: &str) -> Self {
        let name = name(text).as_wire().to_vec();
        Self { id: 0x1234, flags: 0, name, qtype: rtype(qtype), qclass: 1, edns: Some(Opt::new()) }
    }

    /// The same without EDNS.
    pub fn plain(text: &str, qtype: &str) -> Self {
        Self { edns: None, ..Self::new(text, qtype) }
    }

    /// The message.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = self.header([1, 0, 0, u16::from(self.edns.is_some())]);
        wire.extend_from_slice(&self.question());
        wire.extend(self.edns.iter().flat_map(Opt::to_wire));
        wire
    }

    /// The header with these counts.
    pub fn header(&self, counts: [u16; 4]) -> Vec<u8> {
        let numbers = [self.id, self.flags].into_iter().chain(counts);
        numbers.flat_map(u16::to_be_bytes).collect()
    }

    /// The question.
    pub fn question(&self) -> Vec<u8> {
        let mut wire = self.name.clone();
        wire.extend_from_slice(&self.qtype.0.to_be_bytes());
        wire.extend_from_slice(&self.qclass.to_be_bytes());
        wire
    }

    /// The answer over UDP.
    pub fn ask(&self, zones: &ZoneSet) -> Response {
        Response::of(zones, Transport::Udp, &self.to_wire()).expect("an answer")
    }
}

/// A response taken apart.
#[derive(Debug)]
pub struct Response {
    pub outcome: Outcome,
    pub octets: Vec<u8>,
    pub id: u16,
    pub flags: u16,
    /// Octets of the question as they stand.
    pub question: Vec<u8>,
    /// Answer, authority and additional, without OPT and TSIG: one line each, owner first.
    pub sections: [Vec<String>; 3],
    pub opt: Option<Opt>,
    /// Owner and RDATA.
    pub tsig: Option<(Name, Vec<u8>)>,
}

impl Response {
    /// What `request` is answered with; none if nothing is sent.
    pub fn of(zones: &ZoneSet, transport: Transport, request: &[u8]) -> Option<Self> {
        Self::with(zones, &settings(), &client(transport), request)
    }

    /// The same with settings and a client of one's own.
    pub fn with(zones: &ZoneSet, settings: &Settings, client: &Client, request: &[u8]) -> Option<Self> {
        // Old octets in the buffer must not show.
        let mut buffer = vec![0xc7; 65_535];
        let outcome = query::respond(zones, settings, client, request, &mut buffer);
        buffer.truncate(outcome.len);
        (outcome.len > 0).then(|| Self::decode(outcome, buffer))
    }

    fn decode(outcome: Outcome, octets: Vec<u8>) -> Self {
        hickory_proto::op::Message::from_vec(&octets).unwrap_or_else(|error| panic!("{error}: {octets:02x?}"));
        let mut cursor = Cursor { octets: &octets, at: 0 };
        let [id, flags, qdcount] = [(); 3].map(|()| cursor.u16());
        let counts = [(); 3].map(|()| cursor.u16());
        let question_start = cursor.at;
        for _ in 0..qdcount {
            cursor.name();
            cursor.at += 4;
        }
        let question = octets[question_start..cursor.at].to_vec();
        let asked_class = if question.ends_with(&[0, 3]) { 3 } else { 1 };
        let (mut opt, mut tsig) = (None, None);
        let sections = counts.map(|count| {
            let mut lines = Vec::new();
            for _ in 0..count {
                let owner = cursor.name();
                let (rtype, class) = (Rtype(cursor.u16()), cursor.u16());
                let ttl = u32::from(cursor.u16()) << 16 | u32::from(cursor.u16());
                let rdata = cursor.rdata(rtype);
                match rtype {
                    Rtype::OPT => assert!(opt.replace(read_opt(class, ttl, &rdata)).is_none(), "two OPT"),
                    Rtype::TSIG => tsig = Some((owner, rdata)),
                    _ => {
                        assert_eq!(class, asked_class, "class of {owner}");
                        lines.push(format!("{owner} {ttl} {rtype} {}", Presentation { rtype, rdata: &rdata }));
                    }
                }
            }
            lines
        });
        assert_eq!(cursor.at, octets.len(), "octets after the last record");
        Self { outcome, id, flags, question, sections, opt, tsig, octets }
    }

    /// RCODE, extended bits included.
    pub fn rcode(&self) -> u16 {
        self.flags & 0xf | u16::from(self.opt.as_ref().map_or(0, |opt| opt.extended_rcode)) << 4
    }

    /// Whether AA is set.
    pub fn aa(&self) -> bool {
        self.flags & 0x0400 != 0
    }

    /// Whether TC is set.
    pub fn tc(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// The data of the option with this code.
    pub fn option(&self, code: u16) -> Option<&[u8]> {
        let (_, data) = self.opt.as_ref()?.options.iter().find(|(option, _)| *option == code)?;
        Some(data)
    }

    /// INFO-CODE and EXTRA-TEXT of the extended error.
    pub fn extended_error(&self) -> Option<(u16, String)> {
        let data = self.option(15)?;
        Some((u16::from_be_bytes([data[0], data[1]]), String::from_utf8_lossy(&data[2..]).into_owned()))
    }

    /// The whole response in one text: RCODE and flags, records by section, extended error.
    pub fn text(&self) -> String {
        let rcode = match self.rcode() {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            6 => "YXDOMAIN",
            9 => "NOTAUTH",
            16 => "BADVERS",
            23 => "BADCOOKIE",
            other => panic!("RCODE {other}"),
        };
        let mut text = rcode.to_owned();
        for (set, flag) in [(self.aa(), " aa"), (self.tc(), " tc")] {
            text += if set { flag } else { "" };
        }
        for (heading, lines) in ["AN", "NS", "AR"].iter().zip(&self.sections) {
            for line in lines {
                write!(text, "\n{heading} {line}").unwrap();
            }
        }
        if let Some((code, extra)) = self.extended_error() {
            write!(text, "\nEDE {code} {extra}").unwrap();
        }
        text.trim_end().to_owned()
    }

    /// Fails unless [`Response::text`] says `expected`, spaces at the ends of lines aside.
    #[track_caller]
    pub fn is(&self, expected: &str) {
        let lines: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(self.text(), lines.join("\n"));
    }
}

struct Cursor<'a> {
    octets: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn u16(&mut self) -> u16 {
        self.at += 2;
        u16::from_be_bytes([self.octets[self.at - 2], self.octets[self.at - 1]])
    }

    fn name(&mut self) -> Name {
        let (mut wire, mut at, mut end) = (Vec::new(), self.at, None);
        loop {
            let length = self.octets[at];
            if length >= 0xc0 {
                let target = usize::from(length & 0x3f) << 8 | usize::from(self.octets[at + 1]);
                assert!(target < at, "a pointer forwards");
                end.get_or_insert(at + 2);
                at = target;
                continue;
            }
            wire.extend_from_slice(&self.octets[at..=at + usize::from(length)]);
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
        }
        self.at = end.unwrap_or(at);
        Name::from_wire(&wire).expect("a name").0
    }

    fn rdata(&mut self, rtype: Rtype) -> Vec<u8> {
        let length = usize::from(self.u16());
        let end = self.at + length;
        let mut rdata = Vec::new();
        // Only in these may names be compressed; elsewhere a pointer would be a fault.
        let (before, names) = match rtype.to_string().as_str() {
            "NS" | "CNAME" | "PTR" => (0, 1),
            "MX" => (2, 1),
            "SOA" => (0, 2),
            _ => (0, 0),
        };
        rdata.extend_from_slice(&self.octets[self.at..self.at + before]);
        self.at += before;
        for _ in 0..names {
            rdata.extend_from_slice(self.name().as_wire());
        }
        rdata.extend_from_slice(&self.octets[self.at..end]);
        self.at = end;
        rdata
    }
}

fn read_opt(udp_size: u16, ttl: u32, rdata: &[u8]) -> Opt {
    let [extended_rcode, version, high, low] = ttl.to_be_bytes();
    let mut options = Vec::new();
    let mut rest = rdata;
    while let [c1, c0, l1, l0, after @ ..] = rest {
        let (data, after) = after.split_at(usize::from(u16::from_be_bytes([*l1, *l0])));
        options.push((u16::from_be_bytes([*c1, *c0]), data.to_vec()));
        rest = after;
    }
    assert!(rest.is_empty(), "octets after the last option");
    Opt { udp_size, extended_rcode, version, flags: u16::from_be_bytes([high, low]), options }
}
