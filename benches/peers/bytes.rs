//! A million mixed questions to Zhengming, NSD, Knot and BIND: answers are the same octets, or differ where RFCs leave it open.

use super::compare::{self, Case, Peer, TOLERANCES};
use super::estate::{Estate, SUFFIX};
use super::figures::Figures;
use super::packet::{Question, Response};
use super::random::Random;
use super::servers::{Make, Server};
use super::world::World;
use super::zones::{Line, Served};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;
use zhengming::zone::{Name, Rtype};

/// A question that is not answered by then is sent again: on a busy machine a packet may be lost.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// A server that does not answer so many times does not answer.
const TRIES_MAX: usize = 30;
/// Questions after which it is said how many there were.
const TOLD_EVERY: usize = 100_000;
/// Different unexplained differences that are shown.
const SHOWN_MAX: usize = 20;
/// Types that are asked for; the first more often.
const TYPES: &[&str] = &[
    "A",
    "A",
    "A",
    "A",
    "AAAA",
    "AAAA",
    "NS",
    "DS",
    "SOA",
    "MX",
    "TXT",
    "CNAME",
    "HTTPS",
    "SVCB",
    "CAA",
    "DNSKEY",
    "ANY",
    "NSEC",
    "NSEC3PARAM",
    "TLSA",
    "TYPE65280",
];
/// UDP sizes of the questions with EDNS.
const SIZES: [u16; 4] = [512, 1232, 1232, 4096];

/// What the comparison has counted, for one peer.
#[derive(Default)]
struct Counts {
    /// The same octets.
    equal: usize,
    /// The same after names were uncompressed and records sorted.
    same: usize,
    tolerated: BTreeMap<&'static str, usize>,
    unexplained: usize,
    /// By what differs: the first such case.
    shown: BTreeMap<String, String>,
}

/// Asks `count` questions and compares; how many differences have no reason.
///
/// # Panics
/// If a server does not answer.
pub fn compare(servers: &[Server], estate: &Estate, serial: u32, count: usize, figures: &mut Figures) -> usize {
    let find = |make| servers.iter().find(|server| server.make == make).map(Asked::new);
    let Some(mut ours) = find(Make::Zhengming) else { return 0 };
    let peers = [(Peer::Nsd, Make::Nsd), (Peer::Knot, Make::Knot), (Peer::Bind, Make::Bind)];
    let mut peers: Vec<(Peer, Make, Asked, Counts)> =
        peers.into_iter().filter_map(|(peer, make)| Some((peer, make, find(make)?, Counts::default()))).collect();
    let world = World::new(&[served(estate, serial)]);
    let mut random = Random(0x1122_2026);
    for asked in 1..=count {
        if asked.is_multiple_of(TOLD_EVERY) {
            println!("{asked} questions");
        }
        let question = question(&mut random, estate);
        ours.send(&question);
        peers.iter_mut().for_each(|(_, _, asked, _)| asked.send(&question));
        let our_octets = ours.receive(&question);
        let their_octets: Vec<Vec<u8>> = peers.iter_mut().map(|(_, _, asked, _)| asked.receive(&question)).collect();
        if their_octets.iter().all(|octets| *octets == our_octets) {
            peers.iter_mut().for_each(|(_, _, _, counts)| counts.equal += 1);
            continue;
        }
        let their: Vec<Response> = their_octets.iter().map(|octets| read(octets, &question)).collect();
        let our = read(&our_octets, &question);
        let additional = |of| {
            let mut both = peers.iter().zip(&their).filter(|((peer, ..), _)| *peer == of);
            both.next().map(|(_, answer)| answer.additional().clone()).unwrap_or_default()
        };
        let both_add: BTreeSet<_> = additional(Peer::Nsd).intersection(&additional(Peer::Knot)).cloned().collect();
        for ((peer, _, asked, counts), (theirs, octets)) in peers.iter_mut().zip(their.iter().zip(&their_octets)) {
            if *octets == our_octets {
                counts.equal += 1;
                continue;
            }
            let case = |question, ours: &Response, theirs: &Response| Case {
                question,
                world: &world,
                peer: *peer,
                both_add: both_add.clone(),
                ours: ours.clone(),
                theirs: theirs.clone(),
            };
            let found = if our.tc() || theirs.tc() {
                let over_tcp = Question { tcp: true, ..question.clone() };
                let [our_whole, their_whole] =
                    [&mut ours, asked].map(|asked| read(&asked.over_tcp(&over_tcp), &question));
                let why = compare::truncation(&case(&question, &our, theirs), &our_whole, &their_whole);
                let found = compare::compare(case(&over_tcp, &our_whole, &their_whole));
                why.and_then(|why| Ok(found?.into_iter().chain(why).collect()))
            } else {
                compare::compare(case(&question, &our, theirs))
            };
            counts.add(found, || format!("{question}\n{our}but {peer:?}\n{theirs}"));
        }
    }
    peers.iter().map(|(_, make, _, counts)| counts.tell(*make, count, figures)).sum()
}

impl Counts {
    fn add(&mut self, found: Result<Vec<&'static str>, String>, report: impl FnOnce() -> String) {
        match found {
            Ok(reasons) if reasons.is_empty() => self.same += 1,
            Ok(reasons) => reasons.into_iter().for_each(|reason| *self.tolerated.entry(reason).or_default() += 1),
            Err(left) => {
                self.unexplained += 1;
                if self.shown.len() < SHOWN_MAX {
                    self.shown.entry(left).or_insert_with(report);
                }
            }
        }
    }

    fn tell(&self, make: Make, count: usize, figures: &mut Figures) -> usize {
        let name = make.name();
        println!(
            "\n{count} answers compared with {name}'s: {} the same octets, {} after normalising",
            self.equal, self.same
        );
        for (tolerated, times) in &self.tolerated {
            let why = TOLERANCES.iter().find(|tolerance| tolerance.name == *tolerated);
            let why = why.map(|why| format!(": {} ({})", why.reason, why.reference)).unwrap_or_default();
            println!("{times:8} {tolerated}{why}");
        }
        println!("{:8} unexplained", self.unexplained);
        for (left, report) in &self.shown {
            println!("\n#### {left}\n{report}");
        }
        let mut add = |what: &str, value: usize| figures.add("answers compared", "", what, make, value as f64);
        add("the same octets", self.equal);
        add("the same after normalising", self.same);
        add("with a reason", self.tolerated.values().sum());
        add("unexplained", self.unexplained);
        self.unexplained
    }
}

/// A server and a socket to it.
struct Asked {
    server: (Make, std::net::SocketAddr),
    socket: UdpSocket,
    id: u16,
    buffer: Vec<u8>,
}

impl Asked {
    fn new(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(server.address).expect("an address");
        socket.set_read_timeout(Some(ANSWER_MAX)).expect("a timeout");
        Self { server: (server.make, server.address), socket, id: 0, buffer: vec![0; 65_535] }
    }

    fn send(&mut self, question: &Question) {
        self.id = self.id.wrapping_add(1);
        self.socket.send(&question.to_wire(self.id)).expect("the server listens");
    }

    /// The answer to what was sent last, with ID 0.
    fn receive(&mut self, question: &Question) -> Vec<u8> {
        for _ in 0..TRIES_MAX {
            while let Ok(length) = self.socket.recv(&mut self.buffer) {
                if self.buffer[..2] == self.id.to_be_bytes() {
                    self.buffer[..2].fill(0);
                    return self.buffer[..length].to_vec();
                }
            }
            self.send(question);
        }
        panic!("{} does not answer {question}", self.server.0.name());
    }

    fn over_tcp(&mut self, question: &Question) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.server.1).expect("the server listens");
        stream.set_read_timeout(Some(ANSWER_MAX * TRIES_MAX as u32)).expect("a timeout");
        let message = question.to_wire(0);
        stream.write_all(&[&(message.len() as u16).to_be_bytes(), &message[..]].concat()).expect("the server reads");
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("the server answers");
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut answer).expect("the server answers");
        answer
    }
}

fn read(octets: &[u8], question: &Question) -> Response {
    Response::read(octets).unwrap_or_else(|fault| panic!("{question}: {fault}: {octets:02x?}"))
}

/// The zone as the comparison knows it.
fn served(estate: &Estate, serial: u32) -> Served {
    let apex = Name::absolute(SUFFIX).expect("a name");
    let mut text = Vec::new();
    estate.write_zone(&mut text, serial).expect("a vector takes every write");
    let text = String::from_utf8(text).expect("text");
    let lines = text.lines().filter(|line| !line.starts_with('$')).map(|line| {
        let (owner, rest) = line.split_once(' ').expect("owner, TTL, class, type, data");
        let mut rest = rest.splitn(4, ' ');
        let mut next = || rest.next().expect("TTL, class, type, data");
        let (ttl, _class, rtype, rdata) = (next(), next(), next(), next());
        Line {
            owner: if owner == "@" { apex.clone() } else { Name::parse(owner.as_bytes(), &apex).expect("a name") },
            rtype: Rtype::from_mnemonic(rtype.as_bytes()).expect("a type"),
            ttl: ttl.parse().expect("seconds"),
            rdata: rdata.into(),
            target: None,
        }
    });
    Served { apex: apex.clone(), lines: lines.collect(), text: String::new() }
}

fn question(random: &mut Random, estate: &Estate) -> Question {
    let index = random.below(estate.asked());
    // Delegations are few; every tenth question is about one.
    let index = if random.one_in(10) { index - index % 1000 + 999 } else { index };
    let name = estate.name(if index < estate.asked() { index } else { 999 % estate.asked() });
    let text = match random.below(20) {
        0..7 => name,
        7..10 => format!("www.{name}"),
        10 => format!("ns1.{name}"),
        11 => format!("{}.{name}", random.next() % 1000),
        12 => format!("a.b.www.{name}"),
        13 => SUFFIX.to_owned(),
        14 => format!("ns{}.{SUFFIX}", random.below(4)),
        15 => random.pick(&["example", "com", "cn", "zfr164b", "xn--zfr164b.cn"]).to_owned(),
        16 => format!("*.{SUFFIX}"),
        _ => format!("{:x}.{SUFFIX}", random.next()),
    };
    let mut wire = Name::absolute(&text).expect("a name").as_wire().to_vec();
    if random.one_in(2) {
        // The case is mixed (0x20); length octets are below the letters.
        for octet in wire.iter_mut().filter(|octet| octet.is_ascii_alphabetic()) {
            *octet ^= if random.one_in(2) { 0x20 } else { 0 };
        }
    }
    let (name, _) = Name::from_wire(&wire).expect("its lengths are as they were");
    let qtype = Rtype::from_mnemonic(random.pick(TYPES).as_bytes()).expect("a type");
    let edns = if random.one_in(3) { None } else { Some((random.pick(&SIZES), random.one_in(2))) };
    Question { name, qtype, edns, tcp: false, recursion: random.one_in(4) }
}
