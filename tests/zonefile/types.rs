//! Every type in presentation form against BIND and Knot: what each takes, and what BIND makes of it.

use crate::generator::apex;
use crate::oracles::{by_named, knot_accepts, named_accepts, normal};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use zhengming::zone::rdata::{TABLE, is_well_formed};
use zhengming::zone::{Name, Record, Rtype};
use zhengming::zonefile::{Line, read};

/// RDATA that is right, by type.
const RIGHT: &[(&str, &[&str])] = &[
    ("A", &["192.0.2.1", r"\# 4 c0000201"]),
    ("AAAA", &["2001:DB8::1", "::ffff:192.0.2.1"]),
    ("NS", &["ns.other.", "@"]),
    ("MD", &["a.other."]),
    ("MF", &["a.other."]),
    ("CNAME", &["a.other.", "@", r"\097.other."]),
    ("MB", &["a.other."]),
    ("MG", &["a.other."]),
    ("MR", &["a.other."]),
    ("NULL", &[r"\# 2 abcd"]),
    ("WKS", &["192.0.2.1 TCP 25 80", "192.0.2.1 udp domain 37", "192.0.2.1 255 0"]),
    ("PTR", &[r"a\.b\065\255.other."]),
    ("HINFO", &["a \"b c\"", "\"\" b"]),
    ("MINFO", &["a.other. ."]),
    ("MX", &["010 mail.other.", "0 ."]),
    ("TXT", &["a \"b c\" \"\"", r"a\010\;\255", "@"]),
    ("RP", &["a. @"]),
    ("AFSDB", &["1 a.other."]),
    ("X25", &["311061700956", "\"3110\""]),
    ("ISDN", &["150862028003217 004", "\"\"", "a b"]),
    ("RT", &["10 a.other."]),
    ("NSAP", &["0x47.0005.80.005a00.0000", "0X4700"]),
    ("NSAP-PTR", &["a.Other."]),
    ("SIG", &["A 8 2 300 20300101000000 20250101000000 12345 other. Zm9v"]),
    ("KEY", &["257 3 8 Zm9v", "257 3 RSASHA256 Zm 9v"]),
    ("PX", &["10 a. b."]),
    ("GPOS", &["-32.6882 116.8652 10.0"]),
    ("LOC", &["39 54 20 N 116 23 29 E 44m", "1 S 2 W -100m 0 2m 3.00m"]),
    ("NXT", &["a.b. A NS TYPE127"]),
    ("EID", &["1289abcd", "12 89"]),
    ("NIMLOC", &["12 89ab"]),
    ("SRV", &["1 2 3 a.other.", "0 0 0 ."]),
    ("ATMA", &["+358.400.1234567", "39.246f.000e7c9c0312"]),
    ("NAPTR", &[r#"1 2 "u" "E2U+sip" "!^.*$!sip:a@b!" ."#, "1 2 S SIP+D2U \"\" _sip._udp.other."]),
    ("KX", &["10 a.other."]),
    ("CERT", &["PGP 0 0 Zm9v", "PKIX 1 RSASHA256 Zm9v", "254 65535 255 Zm 9v"]),
    ("A6", &["64 0:1:2:3:4:5:6:7 a.", "0 2001:db8::1", "128 a.", "65 ffff:ffff:ffff:ffff:ffff::1 a."]),
    ("DNAME", &["a.other."]),
    ("SINK", &["1 0 0 Zm9v", "1 0 0"]),
    ("APL", &["!1:10.0.0.0/8 1:1.2.3.4/32 2:2003::/8 1:0.0.0.0/0 1:10.255.0.0/8", ""]),
    ("DS", &["60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118", "1 ED25519 200 aa"]),
    ("SSHFP", &["2 1 123456789abcdef67890123456789abcdef67890", "200 200 aa"]),
    (
        "IPSECKEY",
        &[
            "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
            "10 0 2 . Zm9v",
            "10 3 2 gw Zm 9v",
            "10 2 2 2001:db8::1 Zm9v",
        ],
    ),
    (
        "RRSIG",
        &["A 8 2 300 20300101000000 20250101000000 12345 other. Zm9v", "TYPE65280 13 1 300 1893456000 0 7 a. Zm9v"],
    ),
    ("NSEC", &["b.other. TYPE1234 A NS TYPE65535", "b.other. A"]),
    ("DNSKEY", &["257 3 17 Zm9v YmE=", "256 3 RSASHA256 Zm9v"]),
    ("DHCID", &["AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="]),
    (
        "NSEC3",
        &["1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A"],
    ),
    ("TLSA", &["3 1 1 ab cd", "0 0 0 00"]),
    ("SMIMEA", &["3 1 1 abcd"]),
    ("HIP", &["2 200100107B1A74DF365639CC39F1D578 AwEAAbdx rvs1 rvs2.other.", "2 20 Zm9v"]),
    ("NINFO", &["a b"]),
    ("RKEY", &["0 3 8 Zm9v"]),
    ("TALINK", &["a.B. c."]),
    ("CDS", &["0 0 0 00"]),
    ("CDNSKEY", &["0 3 0 AA=="]),
    ("OPENPGPKEY", &["Zm9v YmE="]),
    ("CSYNC", &["66 3 A NS AAAA", "0 0 TYPE65280"]),
    (
        "ZONEMD",
        &[
            "2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE",
        ],
    ),
    (
        "SVCB",
        &[
            "0 a.other.",
            "1 . alpn=h2 port=8080 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 key65333=ex1",
            "1 a. mandatory=alpn alpn=\"h2,h3\" no-default-alpn ech=Zm9v",
            "1 . dohpath=/q{?dns} alpn=h2",
        ],
    ),
    ("HTTPS", &["1 . alpn=h2,h3", "0 a.other."]),
    ("DSYNC", &["CDS NOTIFY 5359 a.", "TYPE65280 129 0 a."]),
    ("HHIT", &["Zm9v"]),
    ("BRID", &["Zm 9v"]),
    ("SPF", &["v=spf1"]),
    ("NID", &["10 0014:4fff:ff20:ee64"]),
    ("L32", &["10 192.0.2.1"]),
    ("L64", &["10 2001:db8:1140:1000"]),
    ("LP", &["10 a."]),
    ("EUI48", &["00-00-5E-00-53-2a"]),
    ("EUI64", &["00-00-5e-ef-10-00-00-2a"]),
    ("URI", &["10 1 \"https://example/\""]),
    ("CAA", &["0 issue \"ca.example; x=y\"", "128 iodef \"\""]),
    ("AVC", &["a b"]),
    ("DOA", &["1 2 3 \"image/gif\" Zm 9v", "1 2 3 \"\" -"]),
    ("AMTRELAY", &["10 0 1 203.0.113.15", "10 1 0 .", "10 1 3 relay.other.", "10 0 2 2001:db8::1"]),
    ("RESINFO", &["qnamemin exterr=15-17"]),
    ("WALLET", &["ETH 0xabc"]),
    ("CLA", &["a b"]),
    ("TA", &["1 8 200 aabb"]),
    ("DLV", &["1 8 200 aabb"]),
    ("TYPE65280", &[r"\# 3 abcd EF", r"\# 0"]),
];

/// RDATA that is wrong, by type.
const WRONG: &[(&str, &[&str])] = &[
    ("A", &["", "192.0.2", "192.0.2.1 x", "192.0.2.256", r"\# 3 c00002", r"\# 4 c00002"]),
    ("AAAA", &["192.0.2.1", "2001:db8::1::", "2001:db8::12345"]),
    ("NS", &["", "a..b", r"\# 2 c00c", r"a\256.", "a. b."]),
    ("MX", &["a.", "65536 a.", "-1 a.", "10"]),
    ("TXT", &["", r"\# 0", r"a\256", r"\# 2 0261"]),
    ("HINFO", &["a", "a b c"]),
    ("X25", &["abcd", "311"]),
    ("ISDN", &["", "1 2 3"]),
    ("NSAP", &["4700", "0x470", "0x"]),
    ("NXT", &["a. TYPE128"]),
    ("LOC", &["91 N 0 E 0", "1 60 N 1 E 0", "1 N 181 E 0", "1 N 1 E", "1 2.0 3 N 2 0 0.5 E 0"]),
    ("ATMA", &["+", "123", "+12a"]),
    ("A6", &["0 ::1 a.", "129 ::1 a.", "64 ::1"]),
    ("SINK", &["1"]),
    ("APL", &["1:1.2.3.4/33", "3:1/2", "1:1.2.3.4", "!1:10.0.0.0/8 x", "2:1.2.3.4/8"]),
    ("SRV", &["1 2 a.", "1 2 3", "1 2 65536 a."]),
    ("DS", &["1 8 2", "1 8 200 abc", "1 8 200 xx", "65536 8 2 aa"]),
    ("SSHFP", &["1 1", "1 1 abc"]),
    ("IPSECKEY", &["10 0 2 x Zm9v", "10 4 2 192.0.2.1 Zm9v", "10 1 2 2001:db8::1 Zm9v", "10 1 2 192.0.2.1"]),
    ("RRSIG", &["A 8 1 1 20230229000000 0 7 a. Zm9v", "A 8 2 300 20300101000000 20250101000000 12345 other."]),
    ("DNSKEY", &["257 3 8 Zg", "257 3 8 Zm9v!", "257 3 300 Zm9v"]),
    ("NSEC", &["a. A WHAT"]),
    ("NSEC3", &["1 0 0 - - A", "1 0 0 xx 2t7b4g4vsa5smi47k61mv5bv1a22bojr A"]),
    ("TLSA", &["3 1 1", "256 1 1 ab"]),
    ("HIP", &["2 - Zm9v", "2 20", "2 20 -"]),
    ("OPENPGPKEY", &[""]),
    ("CSYNC", &["66", "66 3 WHAT"]),
    ("SVCB", &["1 . port=1 port=2", "1 . mandatory=port", "1 . mandatory=mandatory", "1 . alpn=h2,", "x .", "1"]),
    ("DSYNC", &["CDS OTHER 5359 a.", "CDS NOTIFY 5359"]),
    ("NID", &["10 1:2:3", "10 1::2:3:4", "10 1:2:3:00004"]),
    ("L32", &["10 192.0.2"]),
    ("L64", &["10 2001:db8::"]),
    ("EUI48", &["00-00-5e-00-53", "00:00:5e:00:53:2a"]),
    ("EUI64", &["00-00-5e-ef-10-00-00"]),
    ("URI", &["10 1", "10 x \"a\""]),
    ("CAA", &["0 is_sue x", "256 issue x", "0 issue"]),
    ("DOA", &["1 2 3 \"\"", "1 2 256 \"\" -"]),
    ("AMTRELAY", &["10 0 0 x", "10 2 0 .", "10 0 0", "10 0 4 ."]),
    ("TYPE65280", &["abcd", r"\# 1", r"\# 1 aabb", r"\# x aa"]),
    ("UID", &["5"]),
    ("UNSPEC", &["Zm9v"]),
];

/// What BIND refuses and we take.
const BIND_REFUSES: &[(&str, &str)] = &[
    // It wants MX instead. RFC 1035 §3.3.4 leaves it to the server; what is in old files stays there.
    ("MD", "a.other."),
    ("MF", "a.other."),
    // Newer than BIND 9.18.
    ("CLA", "a b"),
];

/// Types of which Knot 3.2 knows nothing but `\#`.
const KNOT_DOES_NOT_KNOW: &[&str] = &[
    "MD", "MF", "MB", "MG", "MR", "NULL", "WKS", "X25", "ISDN", "NSAP", "NSAP-PTR", "SIG", "PX", "GPOS", "NXT", "EID",
    "NIMLOC", "ATMA", "A6", "SINK", "HIP", "NINFO", "RKEY", "TALINK", "DSYNC", "HHIT", "BRID", "AVC", "DOA",
    "AMTRELAY", "RESINFO", "WALLET", "CLA", "TA", "DLV", "UID", "UNSPEC",
];

/// Where Knot and we differ in what both know.
const KNOT_DIFFERS: &[(&str, &str)] = &[
    // Its check of the zone does not find the name server without an address that this makes.
    ("NS", "@"),
    // It has no mnemonics of algorithms in KEY and DS, nor numbers of certificates' algorithms above those it knows.
    ("KEY", "257 3 RSASHA256 Zm 9v"),
    ("CERT", "254 65535 255 Zm 9v"),
    ("DS", "1 ED25519 200 aa"),
    // It wants an absolute name, and no key behind algorithm 2 is well to it.
    ("IPSECKEY", "10 3 2 gw Zm 9v"),
    ("IPSECKEY", "10 1 2 192.0.2.1"),
    // Keys 7 and later are unknown to it.
    ("SVCB", "1 . dohpath=/q{?dns} alpn=h2"),
    // It takes hexadecimal groups only with all their digits.
    ("L64", "10 2001:db8:1140:1000"),
    // It does not check what stands after `\\#`, nor escapes above 255, nor tags.
    ("A", r"\# 3 c00002"),
    ("TXT", r"\# 2 0261"),
    ("NS", r"a\256."),
    ("CAA", "0 is_sue x"),
];

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zhengming-types-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn write(&self, lines: &str) -> PathBuf {
        let path = self.0.join("zone");
        let text = format!("$TTL 300\n@ SOA ns.other. hm.other. 7 3600 3600 3600 3600\n@ NS ns.other.\n{lines}");
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn all(table: &'static [(&str, &[&str])]) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.iter().flat_map(|(rtype, texts)| texts.iter().map(move |text| (*rtype, *text)))
}

fn records(path: &Path) -> Option<Vec<Record>> {
    let found = read(path, &apex()).ok()?;
    Some(found.into_iter().map(|located| located.record).collect())
}

#[test]
fn bind_takes_and_refuses_what_we_do() {
    let folder = Folder::new("bind");
    for (right, rtype, text) in judged() {
        let path = folder.write(&format!("t {rtype} {text}\n"));
        assert_eq!(records(&path).is_some(), right, "{rtype} {text}");
        let differs = BIND_REFUSES.contains(&(rtype, text));
        assert_eq!(named_accepts(&path, &apex()), right && !differs, "{rtype} {text}");
    }
}

#[test]
fn so_does_knot_for_the_types_it_knows() {
    let folder = Folder::new("knot");
    for (right, rtype, text) in judged().filter(|(_, rtype, _)| !KNOT_DOES_NOT_KNOW.contains(rtype)) {
        let path = folder.write(&format!("t {rtype} {text}\n"));
        let differs = KNOT_DIFFERS.contains(&(rtype, text));
        assert_eq!(knot_accepts(&path, &apex()), right != differs, "{rtype} {text}");
    }
}

fn judged() -> impl Iterator<Item = (bool, &'static str, &'static str)> {
    let right = all(RIGHT).map(|(rtype, text)| (true, rtype, text));
    right.chain(all(WRONG).map(|(rtype, text)| (false, rtype, text)))
}

#[test]
fn every_type_with_a_form_is_here() {
    // These two stand at the apex only, SOA in every file here.
    let elsewhere = ["SOA", "NSEC3PARAM"];
    let formed = TABLE.iter().filter(|descriptor| descriptor.fields.is_some());
    for descriptor in formed.filter(|descriptor| !elsewhere.contains(&descriptor.mnemonic)) {
        assert!(RIGHT.iter().any(|(rtype, _)| *rtype == descriptor.mnemonic), "{}", descriptor.mnemonic);
    }
}

/// The texts that BIND takes too, each with an owner of its own.
fn shared() -> String {
    let texts = all(RIGHT).filter(|text| !BIND_REFUSES.contains(text));
    texts.enumerate().map(|(number, (rtype, text))| format!("t{number} {rtype} {text}\n")).collect()
}

#[test]
fn bind_makes_the_same_octets_of_them() {
    let folder = Folder::new("octets");
    let path = folder.write(&shared());
    let ours = records(&path).expect("all are right");
    assert_eq!(normal(&by_named(&path, &apex())), normal(&ours));
}

/// Octets that are right by chance, most of them near an edge: what we print BIND reads as the same.
#[test]
fn bind_reads_what_we_print() {
    let folder = Folder::new("print");
    let whole = records(&folder.write(&shared())).expect("all are right");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |limit: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % limit
    };
    let mut lines: Vec<(Rtype, String)> = Vec::new();
    for number in 0..6_000 {
        let mut record = whole[2 + random(whole.len() - 2)].clone();
        if record.rdata.is_empty() {
            continue;
        }
        for _ in 0..=random(3) {
            let at = random(record.rdata.len());
            record.rdata[at] = [0, 1, b'"', b'\\', 0xff, random(256) as u8][random(6)];
        }
        if is_well_formed(record.rtype, &record.rdata) {
            record.owner = Name::parse(format!("r{number}").as_bytes(), &apex()).expect("a name");
            lines.push((record.rtype, format!("{}\n", Line(&record))));
        }
    }
    let written = lines.len();
    // What BIND refuses for reasons of its own, such as lengths of digests, is put aside by its line.
    let path = loop {
        let path = folder.write(&lines.iter().map(|(_, line)| line.as_str()).collect::<String>());
        let refused = lines_refused(&path);
        if refused.is_empty() {
            break path;
        }
        let mut number = 3;
        lines.retain(|_| {
            number += 1;
            !refused.contains(&number)
        });
    };
    let types: BTreeSet<u16> = lines.iter().map(|(rtype, _)| rtype.0).collect();
    assert!(lines.len() * 10 > written * 8, "{} of {written} taken", lines.len());
    assert!(types.len() > 60, "{types:?}");
    assert_eq!(normal(&by_named(&path, &apex())), normal(&records(&path).expect("what we print is right")));
}

/// The lines of which BIND says something, if it does not load the file.
fn lines_refused(path: &Path) -> BTreeSet<usize> {
    let output = Command::new("named-checkzone")
        .args(["-i", "none", "-k", "ignore"])
        .arg(apex().to_string())
        .arg(path)
        .output()
        .expect("named-checkzone is installed (Debian: bind9-utils)");
    if output.status.success() {
        return BTreeSet::new();
    }
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let prefix = format!("{}:", path.display());
    let number = |rest: &str| rest.split(':').next().and_then(|number| number.trim().parse().ok());
    let found: BTreeSet<usize> = said.split(&prefix).skip(1).filter_map(number).collect();
    assert!(!found.is_empty(), "{said}");
    found
}
