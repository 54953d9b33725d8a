//! Queries signed well and badly, side by side: RCODE, TSIG error, and whether the answer is signed.

use crate::compare::Peer::{self, Bind, Knot, Nsd};
use crate::packet::{Question, rcode_name};
use crate::servers::{SERVERS, Servers};
use crate::signer::{SECRET, Signer, Tsig};
use crate::zones::Served;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};
use zhengming::zone::{Name, Rtype};

/// A signed query, what is due to it, and who answers otherwise, and why that is accepted.
struct Case {
    name: &'static str,
    signer: Signer,
    due: &'static str,
    differs: &'static [(Peer, &'static str)],
}

fn cases(now: u64) -> Vec<Case> {
    let good = Signer::new(b"\x03key\x04test\0", now);
    let case = |name, signer, due, differs| Case { name, signer, due, differs };
    vec![
        case("good", good.clone(), "NOERROR 0 signed", &[]),
        case("upper case", Signer { name: b"\x03KEY\x04Test\0".to_vec(), ..good.clone() }, "NOERROR 0 signed", &[]),
        case("other ID", Signer { original_id: Some(0xbeef), ..good.clone() }, "NOERROR 0 signed", &[]),
        case("edge of the fudge", Signer { time: now - 290, ..good.clone() }, "NOERROR 0 signed", &[]),
        case("unknown key", Signer { name: b"\x01x\0".to_vec(), ..good.clone() }, "NOTAUTH 17 unsigned", &[]),
        case(
            "unknown algorithm",
            Signer { algorithm: b"\x05hmac-\0".to_vec(), ..good.clone() },
            "NOTAUTH 17 unsigned",
            &[],
        ),
        case(
            "another algorithm",
            Signer { algorithm: b"\x0bhmac-sha512\0".to_vec(), mac_len: 64, ..good.clone() },
            "NOTAUTH 17 unsigned",
            ANOTHER_ALGORITHM,
        ),
        case("bad secret", Signer { secret: b"x".to_vec(), ..good.clone() }, "NOTAUTH 16 unsigned", &[]),
        case("long ago", Signer { time: now - 1000, ..good.clone() }, "NOTAUTH 18 signed 6", TIME),
        case("in the future", Signer { time: now + 1000, ..good.clone() }, "NOTAUTH 18 signed 6", TIME),
        case("in 2106", Signer { time: now + (1 << 32), ..good.clone() }, "NOTAUTH 18 signed 6", TIME),
        case("truncated", Signer { mac_len: 16, ..good.clone() }, "NOTAUTH 22 signed", TRUNCATED),
        case(
            "truncated, long ago",
            Signer { mac_len: 16, time: 0, ..good.clone() },
            "NOTAUTH 18 signed 6",
            TRUNCATED_TIME,
        ),
        case("too short", Signer { mac_len: 9, ..good.clone() }, "FORMERR", LENGTH),
        case("shorter than half", Signer { mac_len: 15, ..good.clone() }, "FORMERR", LENGTH),
        case("empty", Signer { mac_len: 0, ..good.clone() }, "FORMERR", LENGTH),
        case("too long", Signer { mac_len: 33, ..good.clone() }, "FORMERR", LENGTH),
        case("class IN", Signer { class: 1, ..good.clone() }, "FORMERR", CLASS),
        case("TTL 1", Signer { ttl: 1, ..good }, "FORMERR", TTL),
    ]
}

const NSD_TIME: (Peer, &str) = (Nsd, "does not sign BADTIME, which §5.2.3 says MUST be signed");
const ANOTHER_ALGORITHM: &[(Peer, &str)] = &[(Nsd, "takes the key and algorithm apart and finds the MAC wrong first")];
const TIME: &[(Peer, &str)] = &[NSD_TIME];
const TRUNCATED: &[(Peer, &str)] =
    &[(Nsd, "takes no truncated MAC and calls it BADSIG; §5.2.4 says BADTRUNC"), (Knot, "does so too")];
const TRUNCATED_TIME: &[(Peer, &str)] = &[NSD_TIME, (Knot, "takes no truncated MAC and calls it BADSIG")];
const LENGTH: &[(Peer, &str)] = &[
    (Nsd, "NOTAUTH and BADSIG for lengths that §5.2.2.1 calls FORMERR"),
    (Knot, "does so too"),
    (Bind, "adds a TSIG with BADSIG to FORMERR; NOTAUTH without a MAC"),
];
const CLASS: &[(Peer, &str)] = &[(Knot, "does not look at class and TTL, which §4.2 fixes")];
const TTL: &[(Peer, &str)] =
    &[(Knot, "does not look at class and TTL, which §4.2 fixes"), (Bind, "does not look at the TTL")];

#[test]
fn signed_queries_get_the_tsig_that_is_due() {
    assert_eq!(SECRET.len(), 33);
    let apex = Name::absolute("probe.test").expect("a name");
    let text = "probe.test. 300 IN SOA ns.probe.test. hostmaster.probe.test. 1 7200 3600 1209600 300\n\
                probe.test. 300 IN NS ns.probe.test.\nns.probe.test. 300 IN A 192.0.2.1\n";
    let mut servers = Servers::start(&[Served { apex: apex.clone(), text: text.into(), lines: vec![] }]);
    let question = Question { name: apex, qtype: Rtype::SOA, edns: None, tcp: false, recursion: false };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let (mut faults, mut table) = (String::new(), String::new());
    for case in cases(now) {
        let sent_mac = case.signer.mac_of(&question.to_wire(0x1234));
        let packet = case.signer.sign(&question.to_wire(0x1234));
        let seen: [String; SERVERS] = servers.all.each_mut().map(|server| {
            let answer = server.probe_udp(&packet, &question);
            answer.map_or_else(|| "silence".to_owned(), |answer| summary(&case.signer, &sent_mac, &answer))
        });
        let [ours, theirs @ ..] = &seen;
        if ours != case.due {
            writeln!(faults, "{}: {} is due, we give {ours}", case.name, case.due).expect("a string");
        }
        for (peer, theirs) in [Nsd, Knot, Bind].into_iter().zip(theirs) {
            if theirs != ours && !case.differs.iter().any(|(differs, _)| *differs == peer) {
                writeln!(faults, "{}: we give {ours}, {peer:?} {theirs}, and no reason is listed", case.name)
                    .expect("a string");
            }
        }
        writeln!(table, "{:20} {}", case.name, seen.join(" | ")).expect("a string");
    }
    println!("query, Zhengming | NSD | Knot | BIND\n{table}");
    assert!(faults.is_empty(), "{table}\n{faults}");
}

/// RCODE, TSIG error, whether the MAC is right, and octets of other data.
fn summary(signer: &Signer, sent_mac: &[u8], answer: &[u8]) -> String {
    let mut summary = rcode_name(u16::from(answer[3] & 15)).to_owned();
    if let Some((_, tsig)) = Tsig::last_of(answer) {
        let signed = match signer.verify_by(sent_mac, answer) {
            Some(_) => "signed",
            None if tsig.mac.is_empty() => "unsigned",
            None => "wrongly signed",
        };
        write!(summary, " {} {signed}", tsig.error).expect("a string");
        if !tsig.other.is_empty() {
            write!(summary, " {}", tsig.other.len()).expect("a string");
        }
    }
    summary
}
