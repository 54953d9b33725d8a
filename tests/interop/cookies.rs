//! Cookies good, bad, old and malformed, side by side: all servers have one secret, and all that can want good cookies
//! over UDP. The cookies are made here, so what one server takes is no matter of who made it.

use crate::compare::Peer::{self, Bind, Knot, Nsd};
use crate::packet::{Question, rcode_name};
use crate::peers::COOKIE_SECRET;
use crate::servers::{SERVERS, Servers};
use crate::zones::Served;
use siphasher::sip::SipHasher24;
use std::fmt::Write as _;
use std::hash::Hasher as _;
use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};
use zhengming::zone::{Name, Rtype};

const CLIENT: [u8; 8] = [0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57];
const HOUR: u32 = 3600;
const MINUTE: u32 = 60;

/// A server cookie before its hash is made (RFC 9018 §4).
#[derive(Clone, Copy)]
struct Made {
    client: [u8; 8],
    version: u8,
    reserved: [u8; 3],
    time: u32,
    address: Ipv4Addr,
    secret: u8,
}

impl Made {
    fn at(time: u32) -> Self {
        let secret = u8::from_str_radix(&COOKIE_SECRET[..2], 16).expect("a hexadecimal digit");
        Self { client: CLIENT, version: 1, reserved: [0; 3], time, address: Ipv4Addr::LOCALHOST, secret }
    }

    /// The option's data, client cookie and all.
    fn data(self) -> Vec<u8> {
        let head = [&self.client[..], &[self.version], &self.reserved, &self.time.to_be_bytes()].concat();
        let mut hasher = SipHasher24::new_with_key(&[self.secret; 16]);
        hasher.write(&head);
        hasher.write(&self.address.octets());
        [&head[..], &hasher.finish().to_le_bytes()].concat()
    }
}

/// What is sent, what is due, and who answers otherwise, and why that is accepted.
struct Case {
    name: String,
    options: Vec<Vec<u8>>,
    has_question: bool,
    tcp: bool,
    due: &'static str,
    differs: &'static [(Peer, &'static str)],
}

const NOT_REQUIRED: (Peer, &str) =
    (Nsd, "cannot want cookies: answers everyone, and gives a new one (RFC 7873 §5.2.3)");
const BAD: &[(Peer, &str)] = &[NOT_REQUIRED];
const RENEWED: &[(Peer, &str)] =
    &[(Bind, "makes a new one each second; RFC 9018 §4.3 wants one that is young to come back")];
const KEPT: &[(Peer, &str)] =
    &[(Knot, "gives an old one back until it is bad; RFC 9018 §4.3 wants a new one after half an hour")];
const RESERVED: &[(Peer, &str)] =
    &[(Bind, "wants the reserved octets to be zero, which RFC 9018 §4.2 says it MUST NOT")];
const LAST: &[(Peer, &str)] = &[(Nsd, "takes the last; RFC 7873 §5.2 says the first"), (Knot, "does so too")];
const FIRST_GOOD: &[(Peer, &str)] = &[LAST[0], LAST[1], RENEWED[0]];
const NO_QUESTION: (Peer, &str) = (Knot, "knows no message without a question (RFC 7873 §5.4)");
const NO_QUESTION_GOOD: &[(Peer, &str)] =
    &[NO_QUESTION, RENEWED[0], (Nsd, "makes a new one each second too if nothing is asked")];
const NO_QUESTION_BAD: &[(Peer, &str)] =
    &[NO_QUESTION, (Nsd, "does not say BADCOOKIE, as RFC 7873 §5.4 has it"), (Bind, "does not either")];

fn cases(now: u32) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, options: &[&[u8]], due, differs| {
        let options = options.iter().map(|data| data.to_vec()).collect();
        cases.push(Case { name: name.into(), options, has_question: true, tcp: false, due, differs });
    };
    let made = Made::at(now);
    let good = made.data();
    add("none", &[], "NOERROR", &[]);
    add("client cookie alone", &[&CLIENT], "BADCOOKIE fresh", BAD);
    add("good", &[&good], "NOERROR same", RENEWED);
    for (name, time) in [("a minute old", now - MINUTE), ("four minutes from now", now + 4 * MINUTE)] {
        add(name, &[&Made::at(time).data()], "NOERROR same", RENEWED);
    }
    add("half an hour old", &[&Made::at(now - HOUR / 2 - MINUTE).data()], "NOERROR fresh", KEPT);
    add("almost an hour old", &[&Made::at(now - HOUR + MINUTE).data()], "NOERROR fresh", KEPT);
    add("more than an hour old", &[&Made::at(now - HOUR - MINUTE).data()], "BADCOOKIE fresh", BAD);
    add("ten minutes from now", &[&Made::at(now + 10 * MINUTE).data()], "BADCOOKIE fresh", BAD);
    add("of 1970", &[&Made::at(0).data()], "BADCOOKIE fresh", BAD);
    add("of another address", &[&Made { address: [127, 0, 0, 2].into(), ..made }.data()], "BADCOOKIE fresh", BAD);
    add("of another secret", &[&Made { secret: 7, ..made }.data()], "BADCOOKIE fresh", BAD);
    add("of another client cookie", &[&[&[7; 8], &good[8..]].concat()], "BADCOOKIE fresh", BAD);
    add("of version 2", &[&Made { version: 2, ..made }.data()], "BADCOOKIE fresh", BAD);
    // They are hashed as they come (RFC 9018 §4.2).
    add("with reserved octets", &[&Made { reserved: [1, 2, 3], ..made }.data()], "NOERROR same", RESERVED);
    for bit in [0, 64, 96, 128, 191] {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        add(&format!("bit {bit} flipped"), &[&flipped], "BADCOOKIE fresh", BAD);
    }
    add("twice, the first good", &[&good, &[9; 24]], "NOERROR same", FIRST_GOOD);
    add("twice, the second good", &[&[9; 24], &good], "BADCOOKIE fresh", LAST);
    // RFC 7873 §5.2.2.
    for length in (0..8).chain(9..16).chain([41, 42, 64, 300]) {
        add(&format!("{length} octets"), &[&vec![7; length]], "FORMERR", &[]);
    }
    for length in [16, 17, 23, 25, 32, 39, 40] {
        add(&format!("{length} octets"), &[&vec![7; length]], "BADCOOKIE fresh", BAD);
    }
    // Over TCP a client has shown where it is; RFC 7873 §5.4 for messages that ask for nothing but a cookie.
    let more = [
        ("bad over TCP", vec![9; 24], true, true, "NOERROR fresh", &[][..]),
        ("client cookie alone over TCP", CLIENT.to_vec(), true, true, "NOERROR fresh", &[]),
        ("good over TCP", good.clone(), true, true, "NOERROR same", RENEWED),
        ("no question, client cookie alone", CLIENT.to_vec(), false, false, "NOERROR fresh", &[NO_QUESTION]),
        ("no question, good", good, false, false, "NOERROR same", NO_QUESTION_GOOD),
        ("no question, a minute old", Made::at(now - MINUTE).data(), false, false, "NOERROR same", NO_QUESTION_GOOD),
        ("no question, bad", vec![9; 24], false, false, "BADCOOKIE fresh", NO_QUESTION_BAD),
        ("no question, malformed", vec![9; 9], false, false, "FORMERR", &[]),
    ];
    cases.extend(more.into_iter().map(|(name, data, has_question, tcp, due, differs)| Case {
        name: name.into(),
        options: vec![data],
        has_question,
        tcp,
        due,
        differs,
    }));
    cases
}

#[test]
fn cookies_get_what_is_due_to_them() {
    let apex = Name::absolute("probe.test").expect("a name");
    let text = "probe.test. 300 IN SOA ns.probe.test. hostmaster.probe.test. 1 7200 3600 1209600 300\n\
                probe.test. 300 IN NS ns.probe.test.\nns.probe.test. 300 IN A 192.0.2.1\n";
    let zone = Served { apex: apex.clone(), text: text.into(), lines: vec![] };
    let mut servers = Servers::start_with(&[zone], true);
    let question = Question { name: apex, qtype: Rtype::SOA, edns: None, tcp: false, recursion: false };
    let (mut faults, mut table) = (String::new(), String::new());
    for case in cases(seconds()) {
        let packet = case.packet(&question);
        let seen: [String; SERVERS] = servers.all.each_mut().map(|server| {
            let answer =
                if case.tcp { server.probe_tcp(&packet, &question) } else { server.probe_udp(&packet, &question) };
            answer.map_or_else(|| "silence".to_owned(), |answer| case.summary(&answer))
        });
        let [ours, theirs @ ..] = &seen;
        if ours != case.due {
            writeln!(faults, "{}: {} is due, we give {ours}; {theirs:?}", case.name, case.due).expect("a string");
        }
        for (peer, theirs) in Peer::ALL.into_iter().zip(theirs) {
            if theirs != ours && !case.differs.iter().any(|(differs, _)| *differs == peer) {
                writeln!(faults, "{}: we give {ours}, {peer:?} {theirs}, and no reason is listed", case.name)
                    .expect("a string");
            }
        }
        writeln!(table, "{:32} {}", case.name, seen.join(" | ")).expect("a string");
    }
    println!("cookie, Zhengming | NSD | Knot | BIND\n{table}");
    assert!(faults.is_empty(), "{table}\n{faults}");
}

fn seconds() -> u32 {
    // Modulo 2³², as cookies count (RFC 9018 §4.3).
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs() as u32
}

impl Case {
    fn packet(&self, question: &Question) -> Vec<u8> {
        let mut packet: Vec<u8> =
            [0x1234, 0, self.has_question.into(), 0, 0, 1].into_iter().flat_map(u16::to_be_bytes).collect();
        if self.has_question {
            packet.extend(question.section());
        }
        let mut options = Vec::new();
        for data in &self.options {
            options.extend(10_u16.to_be_bytes());
            options.extend((data.len() as u16).to_be_bytes());
            options.extend(data);
        }
        packet.extend([&[0, 0, 41, 4, 208, 0, 0, 0, 0][..], &(options.len() as u16).to_be_bytes(), &options].concat());
        packet
    }

    /// RCODE, and what cookie came with it.
    fn summary(&self, answer: &[u8]) -> String {
        // OPT is the last record, and its name is the only root.
        let counted = answer[11] > 0;
        let opt = (12..answer.len().saturating_sub(10)).rev().find(|&at| counted && answer[at..at + 3] == [0, 0, 41]);
        let extended = opt.map_or(0, |at| u16::from(answer[at + 5]) << 4);
        let rcode = match extended | u16::from(answer[3] & 0xf) {
            23 => "BADCOOKIE".to_owned(),
            rcode => rcode_name(rcode),
        };
        let cookie = opt.and_then(|at| option(&answer[at + 11..], 10));
        rcode + cookie.map_or("", |cookie| self.judge(cookie))
    }

    /// Whether the cookie is the one that was sent, a good new one, or neither.
    fn judge(&self, cookie: &[u8]) -> &'static str {
        let [sent, ..] = &self.options[..] else { return " unasked" };
        if cookie == sent {
            return " same";
        }
        let Some(&[a, b, c, d]) = cookie.get(12..16) else { return " odd" };
        let time = u32::from_be_bytes([a, b, c, d]);
        let client = *sent.first_chunk().expect("what is answered has a client cookie");
        let is_good = cookie == Made { client, ..Made::at(time) }.data() && seconds() - time < 2 * MINUTE;
        if is_good { " fresh" } else { " wrong" }
    }
}

/// The data of an option.
fn option(mut options: &[u8], wanted: u16) -> Option<&[u8]> {
    while let Some((&[c1, c0, l1, l0], rest)) = options.split_first_chunk() {
        let (data, rest) = rest.split_at_checked(u16::from_be_bytes([l1, l0]).into())?;
        if u16::from_be_bytes([c1, c0]) == wanted {
            return Some(data);
        }
        options = rest;
    }
    None
}
