//! The probes of ISC's EDNS compliance test and of RFC 8906 §8, each sent twice: by dig, as they are published, and as a
//! packet made here from the same options. What is due is due to both, and what the peers answer otherwise is listed.

use crate::compare::Peer::{self, Bind, Knot, Nsd};
use crate::packet::{Question, Response};
use crate::probes::{SILENCE, bare, summary};
use crate::servers::{NAMES, SERVERS, Server, Servers};
use crate::signing;
use crate::zones::Served;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use zhengming::zone::{Name, Rtype};

const APEX: &str = "probe.test.";
const ZONE: &str =
    "$TTL 300\n$ORIGIN probe.test.\n@ SOA ns hostmaster 1 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\n";
/// What dig sends of its own accord, and ISC's probes do not want.
const PLAIN: &str = "+nocookie +noad +norec";
/// The cookie that the probes send.
const COOKIE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
/// A probe: dig's options beside [`PLAIN`], what is due, where that is written, and who answers otherwise.
#[derive(Clone, Copy)]
struct Probe {
    name: &'static str,
    options: &'static str,
    due: &'static str,
    section: &'static str,
    differs: &'static [(Peer, &'static str)],
}

const CD: (Peer, &str) = (Bind, "copies CD, which SHOULD be cleared (RFC 4035 §3.1.6)");
const HEADER_ONLY: &[(Peer, &str)] = &[(Knot, "drops a message without a question")];
const EXPIRE: (Peer, &str) = (Bind, "knows EXPIRE (RFC 7314), with which secondaries learn what SOA says too");
const KNOT_EXPIRE: (Peer, &str) = (Knot, "knows it too");
const HALF: &str = "says TC and yet sends what has room, of which a client may use nothing (RFC 2181 §9)";
const KNOT_HALF: (Peer, &str) = (Knot, HALF);
const BIND_HALF: (Peer, &str) = (Bind, HALF);
const NSD_FLAGS: (Peer, &str) = (Nsd, "leaves all flags as they came, TC among them, so that dig comes again over TCP");
const KNOT_FLAGS: (Peer, &str) = (Knot, "copies RD, which no opcode but QUERY has");
const KNOT_NSID: (Peer, &str) = (Knot, "answers an NSID option in a format it does not know");
const SUBNET: (Peer, &str) = (Bind, "returns the client subnet with a scope of 0, for whoever depends on it not");
const ONE_RRSIG: (Peer, &str) = (Knot, "of all signatures at a name sends one");
const KNOT_COOKIE: (Peer, &str) =
    (Knot, "with cookies on, it lets nobody in without a server cookie (RFC 7873 §5.2.3)");

/// ISC's, in the groups of its tool: those for EDNS, then those for the header, then those of usual clients.
const ISC: &[Probe] = &[
    probe("dns", "+noedns SOA", "NOERROR aa qd an", "RFC 8906 §8.1.1", &[]),
    probe("edns", "+edns=0 SOA", "NOERROR aa opt qd an", "RFC 8906 §8.2.1", &[]),
    probe("edns1", "+edns=1 SOA", "BADVERS opt qd", "RFC 6891 §6.1.3, RFC 8906 §8.2.2", &[]),
    probe(
        "edns@512",
        "+edns=0 +dnssec +ignore +bufsize=512 DNSKEY",
        "NOERROR aa tc opt do qd",
        "RFC 8906 §8.2.7",
        &[KNOT_HALF],
    ),
    probe("ednsopt", "+edns=0 +ednsopt=100 SOA", "NOERROR aa opt qd an", "RFC 6891 §6.1.2, RFC 8906 §8.2.3", &[]),
    probe("edns1opt", "+edns=1 +ednsopt=100 SOA", "BADVERS opt qd", "RFC 8906 §8.2.6", &[]),
    probe("do", "+edns=0 +dnssec SOA", "NOERROR aa opt do qd an", "RFC 3225 §3, RFC 8906 §8.2.8", &[]),
    probe(
        "ednsflags",
        "+edns=0 +ednsflags=0x0080 SOA",
        "NOERROR aa opt qd an",
        "RFC 6891 §6.1.4, RFC 8906 §8.2.4",
        &[],
    ),
    probe(
        "optlist",
        "+edns=0 +nsid +subnet=0.0.0.0/0 +expire +cookie=0102030405060708 SOA",
        "NOERROR aa opt qd an nsid cookie",
        "RFC 8906 §8.2.10",
        &[EXPIRE, KNOT_EXPIRE, KNOT_COOKIE],
    ),
    probe("ednstcp", "+edns=0 +dnssec +bufsize=512 +tcp DNSKEY", "NOERROR aa opt do qd an", "RFC 7766 §5", &[]),
    probe("aa", "+noedns +aaflag SOA", "NOERROR aa qd an", "RFC 1035 §4.1.1", &[]),
    probe("ad", "+noedns +ad SOA", "NOERROR aa qd an", "RFC 6840 §5.7, RFC 8906 §8.1.3.2", &[]),
    probe("cd", "+noedns +cd SOA", "NOERROR aa qd an", "RFC 4035 §3.1.6, RFC 8906 §8.1.3.1", &[CD]),
    probe("ra", "+noedns +raflag SOA", "NOERROR aa qd an", "RFC 1035 §4.1.1", &[]),
    probe("rd", "+noedns +rec SOA", "NOERROR aa rd qd an", "RFC 1035 §4.1.1, RFC 8906 §8.1.3.4", &[]),
    probe("tc", "+noedns +tcflag SOA", "NOERROR aa qd an", "RFC 1035 §4.1.1", &[]),
    probe("zflag", "+noedns +zflag SOA", "NOERROR aa qd an", "RFC 1035 §4.1.1, RFC 8906 §8.1.3.3", &[]),
    probe("opcode", "+noedns +header-only +opcode=15 SOA", "NOTIMP", "RFC 8906 §8.1.4", HEADER_ONLY),
    probe(
        "opcodeflg",
        "+noedns +header-only +opcode=15 +tcflag +rec +raflag +cd +ad +aaflag +zflag SOA",
        "NOTIMP",
        "RFC 8906 §8.1.4",
        &[NSD_FLAGS, KNOT_FLAGS],
    ),
    probe("type666", "+noedns TYPE666", "NOERROR aa qd ns", "RFC 3597 §3, RFC 8906 §8.1.2", &[]),
    probe("tcp", "+noedns +tcp SOA", "NOERROR aa qd an", "RFC 7766 §5, RFC 8906 §8.1.5", &[]),
    probe("docd", "+edns=0 +dnssec +cd SOA", "NOERROR aa opt do qd an", "RFC 4035 §3.1.6", &[CD]),
    probe("edns1do", "+edns=1 +dnssec SOA", "BADVERS opt do qd", "RFC 8906 §8.2.9", &[]),
    probe("ednsnsid", "+edns=0 +nsid SOA", "NOERROR aa opt qd an nsid", "RFC 5001 §2.2", &[]),
    probe(
        "ednscookie",
        "+edns=0 +cookie=0102030405060708 SOA",
        "NOERROR aa opt qd an cookie",
        "RFC 7873 §5.2.3",
        &[KNOT_COOKIE],
    ),
    probe("ednsexpire", "+edns=0 +expire SOA", "NOERROR aa opt qd an", "RFC 6891 §6.1.2", &[EXPIRE, KNOT_EXPIRE]),
    probe("ednssubnet", "+edns=0 +subnet=0.0.0.0/0 SOA", "NOERROR aa opt qd an", "RFC 7871 §7.2.1", &[SUBNET]),
    probe("edns1nsid", "+edns=1 +nsid SOA", "BADVERS opt qd", "RFC 6891 §6.1.3", &[KNOT_NSID]),
    probe("edns1cookie", "+edns=1 +cookie=0102030405060708 SOA", "BADVERS opt qd", "RFC 6891 §6.1.3", &[]),
    probe("edns1expire", "+edns=1 +expire SOA", "BADVERS opt qd", "RFC 6891 §6.1.3", &[]),
    probe("edns1subnet", "+edns=1 +subnet=0.0.0.0/0 SOA", "BADVERS opt qd", "RFC 6891 §6.1.3", &[]),
    probe(
        "bind11",
        "+edns=0 +cookie=0102030405060708 +dnssec SOA",
        "NOERROR aa opt do qd an cookie",
        "RFC 7873 §5.2.3",
        &[KNOT_COOKIE],
    ),
    probe(
        "dig11",
        "+edns=0 +cookie=0102030405060708 +ad +rec SOA",
        "NOERROR aa rd opt qd an cookie",
        "RFC 7873 §5.2.3",
        &[KNOT_COOKIE],
    ),
    probe(
        "dnswkk",
        "+noedns -y hmac-sha256:.:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= SOA",
        "NOTAUTH qd",
        "RFC 8945 §5.2.1",
        &[],
    ),
];

/// What RFC 8906 §8 has beside those.
const RFC_8906: &[Probe] = &[
    probe("unknown type", "+noedns TYPE1000", "NOERROR aa qd ns", "RFC 8906 §8.1.2", &[]),
    probe("unknown flag 0x40", "+edns=0 +ednsflags=0x40 SOA", "NOERROR aa opt qd an", "RFC 8906 §8.2.4", &[]),
    probe("version and flag", "+edns=1 +ednsflags=0x40 SOA", "BADVERS opt qd", "RFC 8906 §8.2.5", &[]),
    probe("version 100", "+edns=100 SOA", "BADVERS opt qd", "RFC 8906 §8.2.2", &[]),
    probe("version 100 and option", "+edns=100 +ednsopt=100 SOA", "BADVERS opt qd", "RFC 8906 §8.2.6", &[]),
    probe(
        "truncation without DO",
        "+edns=0 +ignore +bufsize=512 DNSKEY",
        "NOERROR aa opt qd an",
        "RFC 8906 §8.2.7",
        &[],
    ),
];

/// ISC's types, at a name that has SOA, NS, DNSKEY, NSEC and RRSIG.
const TYPES: &str = "A NS MD MF CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT NSAP NSAP-PTR SIG KEY \
                     PX GPOS AAAA LOC NXT SRV NAPTR KX CERT A6 DNAME APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY DHCID NSEC3 \
                     NSEC3PARAM TLSA SMIMEA HIP CDS CDNSKEY OPENPGPKEY SPF NID L32 L64 LP EUI48 EUI64 URI CAA AVC DOA DLV \
                     TYPE1000";
const PRESENT: [&str; 5] = ["SOA", "NS", "DNSKEY", "NSEC", "RRSIG"];

const fn probe(
    name: &'static str,
    options: &'static str,
    due: &'static str,
    section: &'static str,
    differs: &'static [(Peer, &'static str)],
) -> Probe {
    Probe { name, options, due, section, differs }
}

#[test]
fn edns_and_basic_dns_are_as_isc_and_rfc_8906_test_them() {
    let apex = Name::absolute(APEX).expect("a name");
    let mut zone = Served { apex: apex.clone(), text: ZONE.into(), lines: vec![] };
    let directory = tempfile::tempdir().expect("a temporary directory");
    // A key and its signature that do not fit into 512 octets.
    zone.text = signing::sign(directory.path(), &zone, ("RSASHA256", &["-b", "2048"]), &[]).expect("it can be signed");
    let mut servers = Servers::start(&[zone]);
    let probes: Vec<Probe> = ISC.iter().chain(RFC_8906).copied().chain(types()).collect();
    let by_dig: Vec<Vec<String>> = std::thread::scope(|scope| {
        let (servers, probes) = (&servers, &probes);
        let asking = servers.all.each_ref().map(|server| scope.spawn(move || dig(server, probes)));
        asking.into_iter().map(|asking| asking.join().expect("dig")).collect()
    });
    let sentinel = Question { name: apex, qtype: Rtype::NS, edns: None, tcp: false, recursion: false };
    let (mut faults, mut table) = (String::new(), String::new());
    for (number, probe) in probes.iter().enumerate() {
        let seen: [&str; SERVERS] = std::array::from_fn(|server| &*by_dig[server][number]);
        judge(probe, "dig", seen, &mut faults);
        let Some(packet) = packet(probe) else { continue };
        let seen = servers.all.each_mut().map(|server| {
            let answer = if probe.has("+tcp") {
                server.probe_tcp(&packet, &sentinel)
            } else {
                server.probe_udp(&packet, &sentinel)
            };
            answer.map_or_else(|| SILENCE.to_owned(), |answer| described(&answer, &packet))
        });
        judge(probe, "packet", seen.each_ref().map(|seen| &**seen), &mut faults);
        writeln!(table, "{:24} {}", probe.name, seen.join(" | ")).expect("a string");
    }
    println!("probe, Zhengming | NSD | Knot | BIND\n{table}");
    assert!(faults.is_empty(), "{faults}");
}

impl Probe {
    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.options.split(' ')
    }

    fn has(&self, option: &str) -> bool {
        self.words().any(|word| word == option)
    }

    /// What stands behind `option`.
    fn value(&self, option: &str) -> Option<&'static str> {
        self.words().find_map(|word| word.strip_prefix(option))
    }

    /// The type that is asked for: dig's last word.
    fn rtype(&self) -> Rtype {
        let text = self.words().last().expect("a word");
        Rtype::from_mnemonic(text.as_bytes()).unwrap_or_else(|| panic!("no type {text}"))
    }
}

fn types() -> impl Iterator<Item = Probe> {
    TYPES.split_whitespace().map(|rtype| {
        let (due, differs) = match rtype {
            "RRSIG" => ("NOERROR aa tc qd", &[ONE_RRSIG, BIND_HALF][..]),
            present if PRESENT.contains(&present) => ("NOERROR aa qd an", &[][..]),
            _ => ("NOERROR aa qd ns", &[][..]),
        };
        // One leak a type, in a test.
        let options = String::leak(format!("+noedns +ignore {rtype}"));
        Probe { name: rtype, options, due, section: "RFC 3597 §3, RFC 8906 §3.1.2", differs }
    })
}

fn judge(probe: &Probe, by: &str, seen: [&str; SERVERS], faults: &mut String) {
    let Probe { name, due, section, .. } = probe;
    let [ours, theirs @ ..] = seen;
    if ours != *due {
        writeln!(faults, "{name} by {by}: {due} is due ({section}), we give {ours}; {theirs:?}").expect("a string");
    }
    for (peer, theirs) in Peer::ALL.into_iter().zip(theirs) {
        if bare(theirs) != bare(ours) && !probe.differs.iter().any(|(differs, _)| *differs == peer) {
            writeln!(faults, "{name} by {by}: we give {ours}, {peer:?} {theirs}, and no reason is listed")
                .expect("a string");
        }
    }
}

/// The answer in a line: as the other probes have it, and the options in it.
fn described(answer: &[u8], packet: &[u8]) -> String {
    let mut text = summary(answer, packet);
    if let Ok(response) = Response::read(answer) {
        for code in response.options {
            text += match code {
                3 => " nsid",
                8 => " subnet",
                9 => " expire",
                10 => " cookie",
                _ => " option",
            };
        }
    }
    text
}

/// The packet that dig's options describe; none if it would have to be signed.
fn packet(probe: &Probe) -> Option<Vec<u8>> {
    if probe.has("-y") {
        return None;
    }
    let flag = |option: &str, bit: u16| if probe.has(option) { bit } else { 0 };
    let mut flags = probe.value("+opcode=").map_or(0, |opcode| opcode.parse::<u16>().expect("a number") << 11);
    flags |= flag("+aaflag", 0x400) | flag("+tcflag", 0x200) | flag("+rec", 0x100) | flag("+raflag", 0x80);
    flags |= flag("+zflag", 0x40) | flag("+ad", 0x20) | flag("+cd", 0x10);
    let (asks, edns) = (!probe.has("+header-only"), !probe.has("+noedns"));
    let header = [0x1234, flags, asks.into(), 0, 0, edns.into()];
    let mut packet: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
    if asks {
        packet.extend(Name::absolute(APEX).expect("a name").as_wire());
        packet.extend([probe.rtype().0, 1].into_iter().flat_map(u16::to_be_bytes));
    }
    if edns {
        packet.extend(opt(probe));
    }
    Some(packet)
}

/// The OPT record that dig's options describe.
fn opt(probe: &Probe) -> Vec<u8> {
    let number = |option: &str, otherwise: u16| {
        let text = probe.value(option).map(|text| text.trim_start_matches("0x"));
        text.map_or(otherwise, |text| {
            u16::from_str_radix(text, if option == "+ednsflags=" { 16 } else { 10 }).expect("a number")
        })
    };
    let mut options = Vec::new();
    let mut add = |code: u16, data: &[u8]| {
        options.extend(code.to_be_bytes());
        options.extend((data.len() as u16).to_be_bytes());
        options.extend(data);
    };
    for word in probe.words() {
        match word {
            "+nsid" => add(3, &[]),
            "+subnet=0.0.0.0/0" => add(8, &[0, 1, 0, 0]),
            "+expire" => add(9, &[]),
            "+cookie=0102030405060708" => add(10, &COOKIE),
            "+ednsopt=100" => add(100, &[]),
            _ => {}
        }
    }
    let flags = number("+ednsflags=", 0) | if probe.has("+dnssec") { 0x8000 } else { 0 };
    let fields = [41, number("+bufsize=", 1232), number("+edns=", 0), flags, options.len() as u16];
    [&[0], &fields.into_iter().flat_map(u16::to_be_bytes).collect::<Vec<u8>>()[..], &options].concat()
}

/// What dig shows of all the answers of a server, each as [`described`] has it.
fn dig(server: &Server, probes: &[Probe]) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let batch = directory.path().join("questions");
    let (address, port) = (server.address().ip(), server.address().port());
    let is_silent = |probe: &Probe| server.name == NAMES[2] && probe.has("+header-only");
    let line = |probe: &Probe| format!("@{address} -p {port} {PLAIN} {} {APEX}", probe.options);
    let in_batch = probes.iter().filter(|probe| !is_silent(probe) && !probe.has("-y"));
    let lines: String = in_batch.map(|probe| line(probe) + "\n").collect();
    fs::write(&batch, lines).expect("a writable directory");
    let run = |command: &mut Command| {
        let output = command.args(["+noednsneg", "+tries=1", "+time=20"]).output();
        let output = output.unwrap_or_else(|error| panic!("dig: {error}; tests/run installs it"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = run(Command::new("dig").arg("-f").arg(&batch));
    let mut answers = text.split("; <<>> DiG").skip(1);
    let mut shown = |probe: &Probe| {
        // It does not wait for what is known to stay away: the packets show that.
        if is_silent(probe) {
            SILENCE.to_owned()
        } else if probe.has("-y") {
            // A batch takes no keys.
            shown(&run(Command::new("dig").args(line(probe).split(' '))))
        } else {
            shown(answers.next().expect("one for each"))
        }
    };
    probes.iter().map(&mut shown).collect()
}

/// One answer in dig's output.
fn shown(text: &str) -> String {
    let Some((_, rest)) = text.split_once("status: ") else { return SILENCE.to_owned() };
    let mut summary = rest.split(',').next().unwrap_or_default().to_owned();
    let after = |mark: &str| text.split_once(mark).map_or("", |(_, rest)| rest.split('\n').next().unwrap_or_default());
    let (flags, counts) = after(";; flags: ").split_once(';').unwrap_or_default();
    for flag in ["aa", "tc", "rd", "ra", "ad", "cd"] {
        summary += &if flags.split(' ').any(|set| set == flag) { format!(" {flag}") } else { String::new() };
    }
    summary += if counts.contains("MBZ") { " z" } else { "" };
    let edns = after("; EDNS: version: ");
    if !edns.is_empty() {
        summary += if edns.starts_with("0,") { " opt" } else { " opt of a later version" };
        summary += if edns.contains("MBZ") { " opt-z" } else { "" };
        summary += if edns.contains("flags: do") { " do" } else { "" };
    }
    for (section, word) in [("QUERY: ", " qd"), ("ANSWER: ", " an"), ("AUTHORITY: ", " ns")] {
        summary += if counts.contains(&format!("{section}0")) { "" } else { word };
    }
    for line in text.lines() {
        summary += match line.split_once([':', '=']) {
            Some(("; NSID", _)) => " nsid",
            Some(("; CLIENT-SUBNET", _)) => " subnet",
            Some(("; EXPIRE", _)) => " expire",
            Some(("; COOKIE", _)) => " cookie",
            Some(("; OPT", _)) => " option",
            _ => "",
        };
    }
    summary
}
