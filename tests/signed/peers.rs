//! The same questions to NSD and Knot with the same files.

use crate::signing::Denial;
use crate::support::{PATIENCE, free_port};
use crate::{ZONES, questions, serve};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long a starting server is left alone between two questions whether it answers.
const POLL: Duration = Duration::from_millis(50);

/// A peer, ended when this is dropped.
pub struct Peer {
    name: &'static str,
    process: Child,
    /// Where it answers.
    pub address: SocketAddr,
}

/// An answer as answers are compared.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    rcode: String,
    authoritative: bool,
    truncated: bool,
    authentic: bool,
    /// Answer, authority and additional: records in any order, names in lower case.
    sections: [BTreeSet<String>; 3],
}

/// A question and two answers.
struct Case<'a> {
    /// The name before the apex.
    name: &'a str,
    rtype: &'a str,
    denial: Denial,
    ours: &'a Answer,
    theirs: &'a Answer,
}

/// A difference that is accepted. The other peer always answers as we do.
struct Accepted {
    peer: &'static str,
    reason: &'static str,
    applies: fn(&Case<'_>) -> bool,
}

const ACCEPTED: &[Accepted] = &[
    Accepted {
        peer: "NSD",
        reason: "minimal-responses leaves out additional records, which are a courtesy (RFC 1034 §4.3.2 step 6)",
        applies: |case| case.theirs.sections[2].is_empty() && case.ours.sections[..2] == case.theirs.sections[..2],
    },
    Accepted {
        peer: "NSD",
        reason: "a wildcard asked for by its own name exists; the closest encloser proof NSD adds is for names it stands for",
        applies: |case| {
            case.name.starts_with("*.") && case.denial != Denial::Nsec && proof_is(case, BTreeSet::is_subset)
        },
    },
    Accepted {
        peer: "NSD",
        reason: "NSD leaves out the record that covers the target of a DNAME (RFC 4035 §3.1.3.2)",
        applies: |case| case.name == "x.moved" && proof_is(case, BTreeSet::is_superset),
    },
    Accepted {
        peer: "NSD",
        reason: "NSD takes the owner of an NSEC3 record for a closest encloser, but it is no name (RFC 5155 §7.2.8)",
        applies: |case| case.denial != Denial::Nsec && case.name.len() == 34 && case.name.starts_with("x."),
    },
    Accepted {
        peer: "NSD",
        reason: "the closest provable encloser is above an opted-out name; NSD's proof begins at the name (RFC 5155 §7.2.1)",
        applies: |case| case.denial == Denial::OptOut && case.name.ends_with("opted"),
    },
    Accepted {
        peer: "Knot",
        reason: "of all signatures at a name Knot sends one",
        applies: |case| case.rtype == "RRSIG" && case.ours.sections[0].is_superset(&case.theirs.sections[0]),
    },
    Accepted {
        peer: "Knot",
        reason: "a CNAME is followed for every type but those it may stand beside, and here there is no NSEC (RFC 2181 §10.1)",
        applies: |case| case.rtype == "NSEC" && case.name == "alias" && case.denial != Denial::Nsec,
    },
    Accepted {
        peer: "Knot",
        reason: "Knot leaves out what shows that a wildcard is an empty non-terminal (RFC 4035 §3.1.3.4)",
        applies: |case| case.name.ends_with(".odd") && proof_is(case, BTreeSet::is_superset),
    },
];

/// Whether the answers differ in the authority section only, where ours is so to theirs.
fn proof_is(case: &Case<'_>, compare: fn(&BTreeSet<String>, &BTreeSet<String>) -> bool) -> bool {
    let (ours, theirs) = (&case.ours.sections, &case.theirs.sections);
    ours[0] == theirs[0] && ours[2] == theirs[2] && compare(&ours[1], &theirs[1])
}

#[test]
fn answers_are_those_of_nsd_and_knot() {
    let daemon = serve();
    let directory = tempfile::tempdir().unwrap();
    let peers = [start_nsd(directory.path()), start_knot(directory.path())];
    let (mut differences, mut compared, mut kinds) = (String::new(), 0, BTreeMap::<String, usize>::new());
    let mut used = BTreeMap::<&str, usize>::new();
    for zone in &*ZONES {
        for (name, rtype) in questions::about(zone) {
            for dnssec_ok in [true, false] {
                let ours = ask(daemon.dns(), &name, &rtype, dnssec_ok);
                *kinds.entry(kind(&ours, dnssec_ok)).or_default() += 1;
                let mut agreeing = 0;
                for peer in &peers {
                    let theirs = ask(peer.address, &name, &rtype, dnssec_ok);
                    compared += 1;
                    let relative = name.trim_end_matches(&zone.apex).trim_end_matches('.');
                    let case =
                        Case { name: relative, rtype: &rtype, denial: zone.denial, ours: &ours, theirs: &theirs };
                    match difference(peer.name, &case) {
                        Ok(None) => agreeing += 1,
                        Ok(Some(reason)) => *used.entry(reason).or_default() += 1,
                        Err(text) => write!(differences, "{name} {rtype} DO={dnssec_ok}, {text}").unwrap(),
                    }
                }
                assert!(agreeing > 0 || !differences.is_empty(), "nobody agrees about {name} {rtype}");
            }
        }
    }
    println!("{compared} answers compared; of ours: {kinds:#?}; accepted: {used:#?}");
    assert!(differences.is_empty(), "{differences}");
    assert_eq!(used.len(), ACCEPTED.len(), "an accepted difference is none any more");
    for kind in ["records with proof", "NXDOMAIN with proof", "NODATA with proof", "referral with proof", "referral"] {
        assert!(kinds.contains_key(&format!("{kind} DO")), "no {kind}");
    }
}

/// The reason why a difference is accepted; none if there is none.
fn difference(peer: &str, case: &Case<'_>) -> Result<Option<&'static str>, String> {
    if case.ours == case.theirs {
        return Ok(None);
    }
    let same_header = case.ours.header() == case.theirs.header();
    let accepted = ACCEPTED.iter().find(|accepted| accepted.peer == peer && (accepted.applies)(case));
    let accepted = accepted.filter(|_| same_header);
    accepted.map(|accepted| Some(accepted.reason)).ok_or_else(|| {
        let (ours, theirs) = (case.ours, case.theirs);
        format!("{peer}:\nours {ours:#?}\ntheirs {theirs:#?}\n")
    })
}

#[test]
fn what_does_not_fit_is_truncated_whole() {
    let daemon = serve();
    let (mut cut, mut whole) = (0, 0);
    for zone in &*ZONES {
        for (name, rtype) in questions::about(zone) {
            let over_tcp = ask(daemon.dns(), &name, &rtype, true);
            for size in [512, 1232] {
                let request = request(&name, &rtype, Some(true), size);
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                socket.send_to(&request, daemon.dns()).unwrap();
                let mut octets = [0; 4096];
                let length = socket.recv(&mut octets).unwrap();
                assert!(length <= usize::from(size), "{name} {rtype}: {length} octets");
                let answer = read(&octets[..length]);
                if answer.truncated {
                    cut += 1;
                    assert!(answer.sections.iter().all(BTreeSet::is_empty), "{name} {rtype}: {answer:#?}");
                } else {
                    whole += 1;
                    assert_eq!(answer.header(), over_tcp.header());
                    assert_eq!(answer.sections[..2], over_tcp.sections[..2], "{name} {rtype}");
                    assert!(answer.sections[2].is_subset(&over_tcp.sections[2]), "{name} {rtype}");
                }
            }
        }
    }
    assert!(cut > 100 && whole > 100, "{cut} truncated, {whole} not");
}

/// What kind of answer it is, for the count.
fn kind(answer: &Answer, dnssec_ok: bool) -> String {
    let [records, authority, _] = &answer.sections;
    let has = |rtype: &str| authority.iter().any(|record| record.split(' ').nth(3) == Some(rtype));
    let what = match (&*answer.rcode, records.is_empty()) {
        (_, false) => "records",
        ("NXDomain", _) => "NXDOMAIN",
        _ if has("soa") => "NODATA",
        _ => "referral",
    };
    let proof = if has("nsec") || has("nsec3") { " with proof" } else { "" };
    format!("{what}{proof}{}", if dnssec_ok { " DO" } else { "" })
}

impl Answer {
    /// It without its records.
    fn header(&self) -> Self {
        let Self { rcode, authoritative, truncated, authentic, .. } = self;
        let (authoritative, truncated, authentic) = (*authoritative, *truncated, *authentic);
        Self { rcode: rcode.clone(), authoritative, truncated, authentic, sections: Default::default() }
    }
}

/// A query; without EDNS if `dnssec_ok` is none.
fn request(name: &str, rtype: &str, dnssec_ok: Option<bool>, udp_size: u16) -> Vec<u8> {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    let rtype = match rtype.strip_prefix("TYPE") {
        Some(number) => RecordType::from(number.parse::<u16>().unwrap()),
        None => RecordType::from_str(rtype).unwrap(),
    };
    // Read from wire form: hickory does not take control characters in text.
    let wire = zhengming::zone::Name::absolute(name).unwrap();
    let name = Name::read(&mut BinDecoder::new(wire.as_wire())).unwrap();
    message.add_query(Query::query(name, rtype));
    message.metadata.checking_disabled = true;
    if let Some(dnssec_ok) = dnssec_ok {
        let mut edns = Edns::new();
        edns.set_max_payload(udp_size);
        edns.set_dnssec_ok(dnssec_ok);
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

/// The answer over TCP; without DO the question has no EDNS either.
fn ask(server: SocketAddr, name: &str, rtype: &str, dnssec_ok: bool) -> Answer {
    let octets = request(name, rtype, dnssec_ok.then_some(true), 1232);
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&[&(octets.len() as u16).to_be_bytes(), &octets[..]].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut octets).unwrap();
    read(&octets)
}

fn read(octets: &[u8]) -> Answer {
    let answer = Message::from_vec(octets).unwrap();
    assert!(!answer.metadata.checking_disabled, "CD is cleared");
    let section = |records: &[hickory_proto::rr::Record]| {
        records.iter().map(|record| record.to_string().to_lowercase()).collect()
    };
    Answer {
        rcode: format!("{:?}", answer.metadata.response_code),
        authoritative: answer.metadata.authoritative,
        truncated: answer.metadata.truncation,
        authentic: answer.metadata.authentic_data,
        sections: [section(&answer.answers), section(&answer.authorities), section(&answer.additionals)],
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // NSD is several processes, which end with the first if that is asked to end.
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
    }
}

impl Peer {
    /// Starts it and waits until it answers.
    pub fn start(name: &'static str, port: u16, command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file).stdin(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}; tests/run installs it"));
        let mut peer = Self { name, process, address: (Ipv4Addr::LOCALHOST, port).into() };
        let start = Instant::now();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(peer.address).unwrap();
        socket.set_read_timeout(Some(POLL)).unwrap();
        while socket.send(&[0; 12]).is_err() || socket.recv(&mut [0; 512]).is_err() {
            let ended = peer.process.try_wait().unwrap();
            let log = || fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "{name} does not answer ({ended:?}):\n{}", log());
            // A port that nobody listens on yet refuses at once.
            std::thread::park_timeout(POLL);
        }
        peer
    }
}

fn start_nsd(path: &Path) -> Peer {
    let (port, directory) = (free_port(), path.display());
    let mut text = format!(
        "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n zonesdir: \"{directory}\"\n \
         database: \"\"\n zonelistfile: \"{directory}/nsd.list\"\n xfrdfile: \"{directory}/nsd.xfrd\"\n \
         xfrdir: \"{directory}\"\n pidfile: \"\"\n server-count: 1\n rrl-ratelimit: 0\n minimal-responses: yes\n \
         round-robin: no\nremote-control:\n control-enable: no\n"
    );
    for zone in &*ZONES {
        write!(text, "zone:\n name: \"{}\"\n zonefile: \"{}\"\n", zone.apex, zone.file.display()).unwrap();
    }
    let configuration = path.join("nsd.conf");
    fs::write(&configuration, text).unwrap();
    Peer::start("NSD", port, Command::new("nsd").args(["-d", "-c"]).arg(configuration), &path.join("nsd.log"))
}

fn start_knot(path: &Path) -> Peer {
    let (port, directory) = (free_port(), path.display());
    let mut text = format!(
        "server:\n  rundir: \"{directory}\"\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: \"{directory}/knot\"\n\
         template:\n  - id: default\n    semantic-checks: off\n    journal-content: none\n    zonefile-sync: -1\nzone:\n"
    );
    for zone in &*ZONES {
        write!(text, "  - domain: \"{}\"\n    file: \"{}\"\n", zone.apex, zone.file.display()).unwrap();
    }
    let configuration = path.join("knot.conf");
    fs::write(&configuration, text).unwrap();
    Peer::start("Knot", port, Command::new("knotd").arg("-c").arg(configuration), &path.join("knot.log"))
}
