//! The packets of the probes, and what is due to each.

use crate::compare::Peer::{self, Bind, Knot, Nsd};

const A: u16 = 1;
const SOA: u16 = 6;
const IN: u16 = 1;
const HEADER_LEN: u8 = 12;
/// `probe.test.`
const NAME: &[u8] = b"\x05probe\x04test\x00";

/// Differences that several probes have in common.
const NSD_ONLY_OPT: &[(Peer, &str)] = &[(Nsd, "takes OPT and TSIG beside the question, nothing else")];
const UNREADABLE: &[(Peer, &str)] = &[(Knot, "drops a question that it cannot read"), (Nsd, "closes TCP on 12 octets")];
const KNOT_TRAILING: &[(Peer, &str)] = &[(Knot, "takes what follows the last record for a fault")];
const TRANSFER: &[(Peer, &str)] = &[
    (Knot, "NOTAUTH without a rule for the client, NOTIMP for AXFR over UDP"),
    (Nsd, "NOTIMP for AXFR over UDP"),
    (Bind, "FORMERR for AXFR over UDP, and for IXFR without the SOA of RFC 1995 §3"),
];
const NOTIFY: &[(Peer, &str)] = &[
    (Knot, "NOTAUTH without a rule for the client"),
    (Bind, "a primary answers it, though it has no primaries of its own to hear from (RFC 1996 §3.10)"),
];
const CHANGE: &[(Peer, &str)] =
    &[(Knot, "NOTAUTH without a rule for the client; RFC 2136 §3.1.2 has it for other zones"), (Nsd, "has no UPDATE")];
const FLAGS: &[(Peer, &str)] =
    &[(Nsd, "takes an RCODE in a query for a fault"), (Bind, "copies CD, which SHOULD be cleared (RFC 4035 §3.1.6)")];
const CD: &[(Peer, &str)] = &[(Bind, "copies CD, which SHOULD be cleared (RFC 4035 §3.1.6)")];
const CHAOS: &[(Peer, &str)] =
    &[(Nsd, "answers with its version by default"), (Knot, "does too"), (Bind, "has a zone of its own for it")];
const CLASS: &[(Peer, &str)] = &[(
    Bind,
    "FORMERR for classes of no data, NOTIMP for unknown ones; a class that no zone has is REFUSED to all others",
)];
const META_TYPE: &[(Peer, &str)] =
    &[(Bind, "FORMERR or NOTIMP for types that no zone can have; to all others no name has such a record")];

/// A packet.
pub struct Probe {
    /// What is odd in it.
    pub name: String,
    /// Its octets.
    pub packet: Vec<u8>,
    /// What is due to it, as the test sums answers up.
    pub due: &'static str,
    /// Who answers otherwise, and why that is accepted.
    pub differs: &'static [(Peer, &'static str)],
}

fn header(flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [0x1234, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect()
}

fn question(name: &[u8], qtype: u16, class: u16) -> Vec<u8> {
    [name, &qtype.to_be_bytes(), &class.to_be_bytes()].concat()
}

/// A query for the SOA with these flags and further octets, which hold `additional` records.
fn query(flags: u16, additional: u16, rest: &[u8]) -> Vec<u8> {
    [header(flags, [1, 0, 0, additional]), question(NAME, SOA, IN), rest.to_vec()].concat()
}

/// A plain query of another type or class.
fn asked(name: &[u8], qtype: u16, class: u16) -> Vec<u8> {
    [header(0, [1, 0, 0, 0]), question(name, qtype, class)].concat()
}

/// OPT with this TTL field (extended RCODE, version, flags) and options.
fn opt(ttl: u32, options: &[u8]) -> Vec<u8> {
    let length = u16::try_from(options.len()).expect("short").to_be_bytes();
    [&[0, 0, 41, 0x10, 0][..], &ttl.to_be_bytes(), &length, options].concat()
}

fn record(name: &[u8], rtype: u16, class: u16, rdata: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rdata.len()).expect("short").to_be_bytes();
    [&question(name, rtype, class)[..], &[0; 4], &length, rdata].concat()
}

/// A TSIG with a key that nobody has.
fn tsig() -> Vec<u8> {
    let rdata =
        [&b"\x0bhmac-sha256\x00"[..], &[0, 0, 0x65, 0, 0, 0, 1, 44, 0, 32], &[7; 32], &[0x12, 0x34, 0, 0, 0, 0]]
            .concat();
    record(b"\x03key\x00", 250, 255, &rdata)
}

/// All probes.
pub fn all() -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut add =
        |name: &str, packet: Vec<u8>, due, differs| probes.push(Probe { name: name.into(), packet, due, differs });
    edns(&mut add);
    headers(&mut add);
    questions(&mut add);
    sections(&mut add);
    probes
}

type Add<'a> = dyn FnMut(&str, Vec<u8>, &'static str, &'static [(Peer, &'static str)]) + 'a;

/// EDNS: RFC 6891 and RFC 8906 §8.2.
fn edns(add: &mut Add<'_>) {
    let option = |code: u16, data: &[u8]| [&code.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat();
    let with = |ttl, options: &[u8]| query(0, 1, &opt(ttl, options));
    add("plain", query(0, 0, &[]), "NOERROR aa qd an", &[]);
    add("edns", with(0, &[]), "NOERROR aa opt qd an", &[]);
    add("version 1", with(0x0001_0000, &[]), "BADVERS opt qd", &[]);
    add("version 255", with(0x00ff_0000, &[]), "BADVERS opt qd", &[]);
    add("version 1 and option", with(0x0001_0000, &option(100, &[1])), "BADVERS opt qd", &[]);
    add("version 1 and DO", with(0x0001_8000, &[]), "BADVERS opt do qd", &[]);
    add("extended RCODE", with(0x0100_0000, &[]), "NOERROR aa opt qd an", &[]);
    add("unknown option", with(0, &option(100, &[1, 2])), "NOERROR aa opt qd an", &[]);
    add("empty option", with(0, &option(100, &[])), "NOERROR aa opt qd an", &[]);
    add("unknown flags", with(0x7fff, &[]), "NOERROR aa opt qd an", &[]);
    add("DO and unknown flags", with(0xffff, &[]), "NOERROR aa opt do qd an", &[]);
    add("DO", with(0x8000, &[]), "NOERROR aa opt do qd an", &[]);
    add("NSID", with(0, &option(3, &[])), "NOERROR aa opt qd an", &[]);
    add("client subnet", with(0, &option(8, &[0, 1, 24, 0, 192, 0, 2])), "NOERROR aa opt qd an", &[]);
    add("option 65535", with(0, &option(65_535, &[0; 300])), "NOERROR aa opt qd an", &[]);
    add(
        "the same option twice",
        with(0, &[option(100, &[1]), option(100, &[1])].concat()),
        "NOERROR aa opt qd an",
        &[],
    );
    add("option longer than OPT", with(0, &[0, 100, 0, 9, 1]), "FORMERR opt qd", &[]);
    add("option cut off", with(0, &[0, 100, 0]), "FORMERR opt qd", &[]);
    add("OPT longer than packet", query(0, 1, &[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 9, 1]), "FORMERR qd", &[]);
    add("OPT cut off", query(0, 1, &[0, 0, 41, 16, 0]), "FORMERR qd", &[]);
    add(
        "OPT with a name",
        query(0, 1, &[&b"\x01a"[..], &opt(0, &[])].concat()),
        "FORMERR qd",
        &[(Knot, "does not look at the name, which must be the root (RFC 6891 §6.1.2)")],
    );
    add("two OPT", query(0, 2, &[opt(0, &[]), opt(0, &[])].concat()), "FORMERR opt qd", &[]);
    add(
        "OPT, then A",
        query(0, 2, &[opt(0, &[]), record(NAME, A, IN, &[1; 4])].concat()),
        "NOERROR aa opt qd an",
        NSD_ONLY_OPT,
    );
    add(
        "A, then OPT",
        query(0, 2, &[record(NAME, A, IN, &[1; 4]), opt(0, &[])].concat()),
        "NOERROR aa opt qd an",
        NSD_ONLY_OPT,
    );
    let in_answer = [header(0, [1, 1, 0, 0]), question(NAME, SOA, IN), opt(0, &[])].concat();
    add("OPT in the answer", in_answer, "FORMERR qd", &[]);
    let in_authority = [header(0, [1, 0, 1, 0]), question(NAME, SOA, IN), opt(0, &[])].concat();
    add("OPT in the authority", in_authority, "FORMERR qd", &[]);
    add("size 0", query(0, 1, &[0, 0, 41, 0, 0, 0, 0, 0, 0, 0, 0]), "NOERROR aa opt qd an", &[]);
}

/// The header: RFC 1035 §4.1.1, RFC 8906 §8.1.
fn headers(add: &mut Add<'_>) {
    for opcode in (1..16_u16).filter(|opcode| !matches!(opcode, 4 | 5)) {
        add(&format!("opcode {opcode}"), query(opcode << 11, 0, &[]), "NOTIMP qd", &[]);
    }
    add("NOTIFY", query(4 << 11, 0, &[]), "REFUSED qd", NOTIFY);
    add("UPDATE", query(5 << 11, 0, &[]), "REFUSED qd", CHANGE);
    add("opcode 15 and edns", query(15 << 11, 1, &opt(0, &[])), "NOTIMP opt qd", &[]);
    add("opcode 15, header only", header(15 << 11, [0; 4]), "NOTIMP", UNREADABLE);
    add("QR", query(0x8000, 0, &[]), "silence", &[]);
    add("QR and opcode 15", query(0x8000 | 15 << 11, 0, &[]), "silence", &[]);
    add("RCODE", query(0xf, 0, &[]), "NOERROR aa qd an", FLAGS);
    for (name, flag) in [("AA", 0x400), ("RA", 0x80), ("AD", 0x20), ("Z", 0x40)] {
        add(name, query(flag, 0, &[]), "NOERROR aa qd an", &[]);
    }
    add("CD", query(0x10, 0, &[]), "NOERROR aa qd an", CD);
    add("TC", query(0x200, 0, &[]), "NOERROR aa qd an", &[]);
    add("RD", query(0x100, 0, &[]), "NOERROR aa rd qd an", &[]);
    add("all flags", query(0x7ff, 0, &[]), "NOERROR aa rd qd an", FLAGS);
}

/// The question: RFC 1035 §4.1.2, RFC 9619.
fn questions(add: &mut Add<'_>) {
    add("QDCOUNT 0", header(0, [0; 4]), "FORMERR", UNREADABLE);
    add(
        "QDCOUNT 0 and edns",
        [header(0, [0, 0, 0, 1]), opt(0, &[])].concat(),
        "FORMERR opt",
        &[(Nsd, "answers any such packet as if it asked for a cookie (RFC 7873 §5.4)")],
    );
    let twice = [question(NAME, SOA, IN), question(NAME, A, IN)].concat();
    add("QDCOUNT 2", [header(0, [2, 0, 0, 0]), twice].concat(), "FORMERR", UNREADABLE);
    add("QDCOUNT 2, one question", [header(0, [2, 0, 0, 0]), question(NAME, SOA, IN)].concat(), "FORMERR", UNREADABLE);
    add("QDCOUNT 65535", [header(0, [65_535, 0, 0, 0]), question(NAME, SOA, IN)].concat(), "FORMERR", UNREADABLE);
    add("no question", header(0, [1, 0, 0, 0]), "FORMERR", UNREADABLE);
    for (name, cut) in [("cut in the name", 18), ("cut before the type", 24), ("cut in the class", 27)] {
        add(name, query(0, 0, &[])[..cut].to_vec(), "FORMERR", UNREADABLE);
    }
    for (name, labels) in [
        ("pointer to itself", &[0xc0, 12][..]),
        ("pointer to the header", &[0xc0, 0]),
        ("pointer forwards", &[0xc0, 40]),
        ("label, then pointer", &[1, b'a', 0xc0, 12]),
        ("label type 01", &[0x41, 1, 0]),
        ("label type 10", &[0x81, 1, 0]),
        ("name too long", &[[&[63][..], &[b'a'; 63]].concat().repeat(4), vec![0]].concat()),
    ] {
        add(name, asked(labels, A, IN), "FORMERR", UNREADABLE);
    }
    let labels = [&[63][..], &[b'a'; 63]].concat().repeat(3);
    let long = [&labels[..], &[49], &[b'a'; 49], NAME].concat();
    add("the longest name", asked(&long, A, IN), "NXDOMAIN aa qd ns", &[]);
    add("binary name", asked(&[&[4, 0, 0xff, b'.', b'\\'], NAME].concat(), A, IN), "NXDOMAIN aa qd ns", &[]);
    for (name, class) in
        [("class 0", 0), ("class CH", 3), ("class HS", 4), ("class NONE", 254), ("class 65535", 65_535)]
    {
        add(name, asked(NAME, SOA, class), "REFUSED qd", CLASS);
    }
    add(
        "class ANY",
        asked(NAME, SOA, 255),
        "NOERROR qd an",
        &[(Knot, "sets AA, which RFC 1035 §6.2 does not allow"), (Bind, "takes the class for a fault")],
    );
    add("CH version.bind", asked(b"\x07version\x04bind\x00", 16, 3), "REFUSED qd", CHAOS);
    add("CH id.server", asked(b"\x02id\x06server\x00", 16, 3), "REFUSED qd", CHAOS);
    add("type OPT", asked(NAME, 41, IN), "NOERROR aa qd ns", META_TYPE);
    add("type TSIG", asked(NAME, 250, IN), "NOERROR aa qd ns", META_TYPE);
    add("type AXFR", asked(NAME, 252, IN), "REFUSED qd", TRANSFER);
    add("type IXFR", asked(NAME, 251, IN), "REFUSED qd", TRANSFER);
    add("AXFR of another zone", asked(b"\x05other\x04test\x00", 252, IN), "NOTAUTH qd", TRANSFER);
    add("IXFR of another zone", asked(b"\x05other\x04test\x00", 251, IN), "NOTAUTH qd", TRANSFER);
    add("AXFR of a name in a zone", asked(&[b"\x01a", NAME].concat(), 252, IN), "NOTAUTH qd", TRANSFER);
    add("type MAILA", asked(NAME, 254, IN), "NOERROR aa qd ns", META_TYPE);
    add("another zone", asked(b"\x05other\x04test\x00", A, IN), "REFUSED qd", &[]);
    add(
        "another zone, edns",
        [header(0, [1, 0, 0, 1]), question(b"\x00", 2, IN), opt(0, &[])].concat(),
        "REFUSED opt qd",
        &[],
    );
}

/// The other sections, and what follows them.
fn sections(add: &mut Add<'_>) {
    let a = record(NAME, A, IN, &[192, 0, 2, 1]);
    let with = |counts: [u16; 4], rest: &[u8]| [&header(0, counts), &question(NAME, SOA, IN)[..], rest].concat();
    add("A in the answer", with([1, 1, 0, 0], &a), "NOERROR aa qd an", NSD_ONLY_OPT);
    add("A in the authority", with([1, 0, 1, 0], &a), "NOERROR aa qd an", NSD_ONLY_OPT);
    add("A in the additional", with([1, 0, 0, 1], &a), "NOERROR aa qd an", NSD_ONLY_OPT);
    add("ANCOUNT without record", with([1, 1, 0, 0], &[]), "FORMERR qd", &[]);
    add("NSCOUNT without record", with([1, 0, 1, 0], &[]), "FORMERR qd", &[]);
    add("ARCOUNT without record", with([1, 0, 0, 1], &[]), "FORMERR qd", &[]);
    add("record cut off", with([1, 0, 0, 1], &a[..a.len() - 1]), "FORMERR qd", &[]);
    let question_end = HEADER_LEN + NAME.len() as u8 + 4;
    for (name, owner) in [
        ("owner a pointer to itself", vec![0xc0, question_end]),
        ("owner a pointer forwards", vec![0xc0, question_end + 8]),
        ("owner label, then pointer to it", vec![1, b'a', 0xc0, question_end]),
        ("owner a pointer out of the packet", vec![0xff, 0xff]),
        ("owner too long", [&[63][..], &[b'a'; 63]].concat().repeat(4).into_iter().chain([0]).collect()),
    ] {
        let a = record(&owner, A, IN, &[192, 0, 2, 1]);
        for (section, counts) in [("answer", [1, 1, 0, 0]), ("authority", [1, 0, 1, 0]), ("additional", [1, 0, 0, 1])] {
            add(&format!("{name}, {section}"), with(counts, &a), "FORMERR qd", &[]);
        }
    }
    for (name, rtype, rdata) in [
        ("A of 3 octets", A, &[192, 0, 2][..]),
        ("AAAA of 4 octets", 28, &[192, 0, 2, 1]),
        ("CNAME cut off", 5, &[5]),
        ("CNAME and an octet", 5, &[1, b'a', 0, 0]),
        ("MX without a name", 15, &[0, 1]),
        ("NS, its name a pointer forwards", 2, &[0xc1, 0]),
        ("SOA without numbers", SOA, &[0, 0]),
    ] {
        add(name, with([1, 1, 0, 0], &record(NAME, rtype, IN, rdata)), "FORMERR qd", &[]);
    }
    add(
        "owner a pointer to QNAME",
        with([1, 1, 0, 0], &record(&[0xc0, 12], A, IN, &[1; 4])),
        "NOERROR aa qd an",
        NSD_ONLY_OPT,
    );
    add(
        "CNAME, its name a pointer",
        with([1, 1, 0, 0], &record(NAME, 5, IN, &[0xc0, 12])),
        "NOERROR aa qd an",
        NSD_ONLY_OPT,
    );
    add("trailing octet", with([1, 0, 0, 0], &[0]), "NOERROR aa qd an", KNOT_TRAILING);
    add("trailing record", with([1, 0, 0, 0], &a), "NOERROR aa qd an", KNOT_TRAILING);
    add(
        "trailing octets after OPT",
        query(0, 1, &[opt(0, &[]), vec![1, 2, 3]].concat()),
        "NOERROR aa opt qd an",
        KNOT_TRAILING,
    );
    add("TSIG of an unknown key", query(0, 1, &tsig()), "NOTAUTH qd", &[]);
    add("TSIG before OPT", query(0, 2, &[tsig(), opt(0, &[])].concat()), "FORMERR qd", &[]);
    add("OPT before TSIG", query(0, 2, &[opt(0, &[]), tsig()].concat()), "NOTAUTH opt qd", &[]);
    add("TSIG cut off", query(0, 1, &record(b"\x03key\x00", 250, 255, b"\x0bhmac-sha256\x00")), "FORMERR qd", &[]);
    for length in [0, 1, 2, 11] {
        add(&format!("{length} octets"), query(0, 0, &[])[..length].to_vec(), "silence", &[]);
    }
    add("only zeros", vec![0; 12], "FORMERR", &[(Nsd, "drops a header without counts")]);
    add("only ones", vec![0xff; 40], "silence", &[]);
}
