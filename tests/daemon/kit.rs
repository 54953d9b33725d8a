//! Numbered resolutions that can be told apart in every answer, random numbers with a seed, and other tools.

use crate::support::{self, REGION, TestDaemon, encode};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// The time at which test clocks begin.
pub const NOON: &str = "2026-11-22T12:00:00Z";
/// The suffixes of one set, in the order of the configuration.
pub const SUFFIXES: [&str; 2] = ["xn--zfr164b", "xn--zfr164b.cn"];

/// What an answer shows of a name's resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It does not exist.
    Absent,
    /// The resolution of this number.
    Version(u32),
    /// Some forward: DNS shows the gateway's addresses only.
    Forward,
}

/// The `n`th resolution, as the API takes it. Every eighth is a forward, every eighth a delegation.
pub fn resolution(n: u32) -> Value {
    match n % 8 {
        3 => json!({ "type": "URL", "target": target(n), "code": 302 }),
        7 => json!({ "type": "NS", "servers": [format!("ns{n}.example"), "ns.example"] }),
        _ => json!({ "type": "A", "addresses": [v4(n), v6(n)], "ttl": 60 + n % 541 }),
    }
}

/// Where the `n`th resolution forwards to, if it does.
pub fn target(n: u32) -> String {
    format!("https://v{n}.example/")
}

fn v4(n: u32) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, u8::try_from(n % 256).expect("a remainder"))
}

fn v6(n: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(n))
}

/// What shows while the `n`th resolution is in force.
pub fn shown(n: u32) -> Seen {
    if n % 8 == 3 { Seen::Forward } else { Seen::Version(n) }
}

/// The number of a resolution, read back from the API.
pub fn version_of(resolution: &Value) -> u32 {
    let text = match resolution["type"].as_str() {
        Some("URL") => resolution["target"].as_str().and_then(|url| url.strip_prefix("https://v")),
        Some("NS") => resolution["servers"][0]["host"].as_str().and_then(|host| host.strip_prefix("ns")),
        Some("A") => return low_half(resolution["addresses"][1].as_str().and_then(|text| text.parse().ok())),
        _ => None,
    };
    let number = text.and_then(|text| text.split('.').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("none of ours: {resolution}"))
}

fn low_half(address: Option<Ipv6Addr>) -> u32 {
    address.map_or_else(|| panic!("no address of ours"), |address| (address.to_bits() & 0xffff_ffff) as u32)
}

/// What an answer to a query for AAAA shows.
#[track_caller]
pub fn seen(answer: &Message) -> Seen {
    let aa = answer.metadata.authoritative;
    let servers = answer.authorities.iter().filter_map(|record| match &record.data {
        RData::NS(ns) => Some(ns.0.to_string()),
        _ => None,
    });
    match (answer.metadata.response_code, &answer.answers[..]) {
        (ResponseCode::NXDomain, []) if aa => Seen::Absent,
        (ResponseCode::NoError, [record]) if aa => match record.data {
            RData::AAAA(address) => Seen::Version(low_half(Some(address.0))),
            _ => panic!("{answer}"),
        },
        (ResponseCode::NoError, []) if aa => Seen::Forward,
        (ResponseCode::NoError, []) => {
            let mut numbers = servers.filter_map(|server| server.strip_prefix("ns")?.split('.').next()?.parse().ok());
            numbers.next().map_or_else(|| panic!("{answer}"), Seen::Version)
        }
        _ => panic!("{answer}"),
    }
}

/// Every owner name at which a name of 政务 is published.
pub fn owners(label: &str) -> Vec<String> {
    let suffixed = SUFFIXES.iter().map(|suffix| support::ascii(&format!("{label}.{suffix}")));
    suffixed.flat_map(|name| [format!("www.{name}"), name]).collect()
}

/// Puts units and names into the registry by an import, which must be whole.
#[track_caller]
pub fn import(daemon: &TestDaemon, id: &str, lines: &[Value]) -> Value {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let headers = [("authorization", "Bearer demo-operator")];
    let reply = daemon.send("POST", &format!("/v1/import?id={id}"), &headers, "application/x-ndjson", &body);
    let report = reply.expect_success().json();
    assert_eq!(report["refused"], 0, "{report}");
    report
}

/// The line of a unit.
pub fn unit_line(id: &str) -> Value {
    json!({ "unit": { "id": id, "name": format!("测试单位{id}"), "kind": "organ", "region": REGION } })
}

/// The line of a name, which resolves to the `n`th resolution.
pub fn name_line(name: &str, unit: &str, expires: &str, n: Option<u32>) -> Value {
    let mut line = json!({ "name": name, "unit": unit, "registered": "2020-01-01", "expires": expires });
    if let Some(n) = n {
        line["resolution"] = resolution(n);
        line["basis"] = "migration".into();
    }
    json!({ "name": line })
}

/// The path of a name.
pub fn path_of(name: &str) -> String {
    format!("/v1/names/{}", encode(name))
}

/// The serial that an answer with a SOA record tells.
#[track_caller]
pub fn serial_of(answer: &Message) -> u32 {
    let mut records = answer.answers.iter().chain(&answer.authorities);
    let serial = records.find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    });
    serial.unwrap_or_else(|| panic!("no SOA in {answer}"))
}

/// Whether serial `a` is `b` or ahead of it (RFC 1982 §3.2).
pub fn is_at_least(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) < 1 << 31
}

/// A UDP socket that asks one server again and again.
pub struct Asker {
    socket: UdpSocket,
}

impl Asker {
    /// Asks `server`, and waits so long for each answer.
    pub fn new(server: SocketAddr, wait: Duration) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(server).expect("an address");
        socket.set_read_timeout(Some(wait)).expect("a timeout");
        Self { socket }
    }

    /// Asks; answers to earlier questions are passed over.
    pub fn ask(&self, name: &str, rtype: RecordType) -> io::Result<Message> {
        let query = support::query(name, rtype);
        self.socket.send(&query)?;
        let mut answer = [0; 2048];
        loop {
            let length = self.socket.recv(&mut answer)?;
            if answer[..2] == query[..2] {
                return Ok(Message::from_vec(&answer[..length]).expect("a message"));
            }
        }
    }
}

/// Random numbers that a seed repeats (splitmix64).
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }
}

/// The seed: the environment's `SEED`, or another one each time; printed, so that a failure can be repeated.
pub fn seed(of: &str) -> u64 {
    let given = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        u64::from(since.subsec_nanos()) ^ since.as_secs()
    });
    println!("{of}: SEED={seed}");
    seed
}
