//! RFC 4035 §3.1: answers from zones that come signed, with NSEC. `SOA+` is a SOA followed by its signature.

use crate::dns::Query;
use crate::dnssec::{Chain, Signed};

/// Without its chain and signatures.
pub const ZONE: &str = "
    @ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
    @ 3600 NS ns
    ns 3600 A 192.0.2.1
    a 3600 A 192.0.2.2
    a 3600 MX 10 ns
    alias 3600 CNAME a
    x.ent 3600 TXT below
    *.wild 3600 A 192.0.2.3
    there.wild 3600 A 192.0.2.4
    *.toa 3600 CNAME a
    *.tonothing 3600 CNAME nothing
    moved 3600 DNAME wild
    secure 3600 NS ns.secure
    secure 3600 DS 4711 13 2 0123456789012345678901234567890123456789012345678901234567890123
    ns.secure 3600 A 192.0.2.5
    insecure 3600 NS ns.insecure
    ns.insecure 3600 A 192.0.2.6
    below.opted 3600 NS ns
";

fn zone() -> Signed {
    Signed::new("example", ZONE, Chain::Nsec)
}

#[track_caller]
fn is(name: &str, qtype: &str, expected: &str) {
    zone().is(name, qtype, expected);
}

#[test]
fn section_3_1_1_rrsets_come_with_their_signatures() {
    is("a.example", "A", "NOERROR aa\nAN a.example. A+");
    is("example", "SOA", "NOERROR aa\nAN example. SOA+");
    // So do those of the additional section.
    is("a.example", "MX", "NOERROR aa\nAN a.example. MX+\nAR ns.example. A+");
    is("alias.example", "A", "NOERROR aa\nAN alias.example. CNAME+\nAN a.example. A+");
    is("a.example", "ANY", "NOERROR aa\nAN a.example. A+");
    // What a DNAME makes is not signed (RFC 6672 §5.3.1).
    is(
        "there.moved.example",
        "A",
        "NOERROR aa\nAN moved.example. DNAME+\nAN there.moved.example. CNAME\nAN there.wild.example. A+",
    );
}

#[test]
fn section_3_without_do_there_are_none() {
    let signed = zone();
    for (name, qtype, expected) in [
        ("a.example", "A", "NOERROR aa\nAN a.example. A"),
        ("b.example", "A", "NXDOMAIN aa\nNS example. SOA"),
        ("a.example", "TXT", "NOERROR aa\nNS example. SOA"),
        ("x.secure.example", "A", "NOERROR\nNS secure.example. NS\nAR ns.secure.example. A"),
        // Asked for, they are records like others.
        ("a.example", "NSEC", "NOERROR aa\nAN a.example. NSEC"),
    ] {
        let response = signed.without_do(&Query::new(name, qtype));
        assert_eq!(signed.shape(&response), expected, "{name} {qtype}");
    }
}

#[test]
fn section_3_1_1_signatures_themselves_have_the_ttl_of_what_they_cover() {
    let response = zone().ask("a.example", "RRSIG", 1232);
    let mut ttls: Vec<(&str, &str)> = response.sections[0]
        .iter()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            (fields[3], fields[1])
        })
        .collect();
    ttls.sort_unstable();
    assert_eq!(ttls, [("A", "3600"), ("MX", "3600"), ("NSEC", "300")]);
}

#[test]
fn section_3_1_3_1_no_data() {
    is("a.example", "TXT", "NOERROR aa\nNS example. SOA+\nNS a.example. NSEC+");
    is("example", "TXT", "NOERROR aa\nNS example. SOA+ NSEC+");
    // An empty non-terminal has no NSEC: the one before it shows by its next name that something is below.
    is("ent.example", "A", "NOERROR aa\nNS example. SOA+\nNS alias.example. NSEC+");
}

#[test]
fn section_3_1_3_2_name_error() {
    // No name, and no wildcard that could stand for it, both covered: here by two records,
    is("b.example", "A", "NXDOMAIN aa\nNS example. SOA+\nNS alias.example. NSEC+\nNS example. NSEC+");
    // here by one, which is written once.
    is("0.example", "A", "NXDOMAIN aa\nNS example. SOA+ NSEC+");
    is("b.there.wild.example", "A", "NXDOMAIN aa\nNS example. SOA+\nNS there.wild.example. NSEC+");
    // Behind an alias too.
    is(
        "x.tonothing.example",
        "A",
        "NXDOMAIN aa
         AN x.tonothing.example. CNAME+
         NS example. SOA+
         NS *.tonothing.example. NSEC+
         NS moved.example. NSEC+
         NS example. NSEC+",
    );
}

#[test]
fn section_3_1_3_3_an_answer_from_a_wildcard() {
    is("x.wild.example", "A", "NOERROR aa\nAN x.wild.example. A+\nNS there.wild.example. NSEC+");
    is("x.toa.example", "A", "NOERROR aa\nAN x.toa.example. CNAME+\nAN a.example. A+\nNS *.toa.example. NSEC+");
    // The wildcard itself is a name like others.
    is("*.wild.example", "A", "NOERROR aa\nAN *.wild.example. A+");
}

#[test]
fn section_3_1_3_4_a_wildcard_without_the_type() {
    is("x.wild.example", "TXT", "NOERROR aa\nNS example. SOA+\nNS there.wild.example. NSEC+\nNS *.wild.example. NSEC+");
}

#[test]
fn section_3_1_4_referrals_tell_whether_the_child_is_signed() {
    is("x.secure.example", "A", "NOERROR\nNS secure.example. NS DS+\nAR ns.secure.example. A");
    is("x.insecure.example", "A", "NOERROR\nNS insecure.example. NS NSEC+\nAR ns.insecure.example. A");
}

#[test]
fn section_3_1_4_1_ds_is_answered_at_the_parent() {
    is("secure.example", "DS", "NOERROR aa\nAN secure.example. DS+");
    is("insecure.example", "DS", "NOERROR aa\nNS example. SOA+\nNS insecure.example. NSEC+");
}

#[test]
fn section_3_1_what_does_not_fit_with_its_proof_is_truncated() {
    // Signatures as long as an RSA key's would not fit either: here the names are long.
    let label = "n".repeat(63);
    let below = format!("{label}.{label}.{label}");
    let mut text = ZONE.to_owned();
    text += &format!("{below} 300 TXT long\n");
    text += &format!("cut.{below} 300 NS ns.elsewhere.test.\nsigned.{below} 300 NS ns.elsewhere.test.\n");
    text += &format!("wide.{below} 300 DS 4711 13 2 {}\n", "ab".repeat(32));
    (0..8).for_each(|n| text += &format!("wide.{below} 300 NS {n}.{label}.test.\n"));
    let ds = "4711 13 4 ".to_owned() + &"ab".repeat(250);
    text += &format!("signed.{below} 300 DS {ds}\n");
    let signed = Signed::new("example", &text, Chain::Nsec);
    for (name, qtype, rcode) in [
        (format!("0.{below}.example"), "A", 3),
        (format!("{below}.example"), "A", 0),
        (format!("x.cut.{below}.example"), "A", 0),
        (format!("x.wide.{below}.example"), "A", 0),
        (format!("x.signed.{below}.example"), "A", 0),
        (format!("signed.{below}.example"), "DS", 0),
    ] {
        let whole = signed.ask_tcp(&name, qtype);
        assert!(!whole.tc() && whole.rcode() == rcode, "{name}");
        for size in (512..=1232).step_by(20) {
            let response = signed.ask(&name, qtype, size);
            assert!(response.octets.len() <= usize::from(size));
            assert_eq!(response.rcode(), rcode, "{name}");
            let expected =
                if whole.octets.len() <= usize::from(size) { whole.sections.clone() } else { Default::default() };
            assert_eq!(
                (response.tc(), &response.sections),
                (whole.octets.len() > usize::from(size), &expected),
                "{name}"
            );
        }
        assert!(signed.ask(&name, qtype, 512).tc(), "{name}: {} octets", whole.octets.len());
    }
}

#[test]
fn signatures_alone_deny_nothing() {
    let signed = Signed::new("example", ZONE, Chain::None);
    signed.is("a.example", "A", "NOERROR aa\nAN a.example. A+");
    signed.is("b.example", "A", "NXDOMAIN aa\nNS example. SOA+");
    signed.is("x.wild.example", "A", "NOERROR aa\nAN x.wild.example. A+");
}
