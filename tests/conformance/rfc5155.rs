//! RFC 5155 §7.2: denial with NSEC3. What is to match and what is to be covered is said by name; which records do so
//! follows from the hashes.

use crate::dns::{Query, zone};
use crate::dnssec::{Chain, Signed};
use crate::rfc4035::ZONE;
use zhengming::zone::ZoneSet;

/// The head of an answer, the names that its proof matches, and those that it covers.
type Expected<'e> = (&'e str, &'e [&'e str], &'e [&'e str]);

const SOA: &str = "\nNS example. SOA+";

#[track_caller]
fn is(chain: Chain, name: &str, qtype: &str, (head, matched, covered): Expected<'_>) {
    let signed = Signed::new("example", ZONE, chain);
    signed.is(name, qtype, &(head.to_owned() + &signed.proof(matched, covered)));
}

/// The same with opt-out and without.
#[track_caller]
fn both(name: &str, qtype: &str, expected: Expected<'_>) {
    is(Chain::Nsec3, name, qtype, expected);
    is(Chain::OptOut, name, qtype, expected);
}

#[test]
fn section_7_2_2_name_error() {
    let head = &format!("NXDOMAIN aa{SOA}");
    both("b.example", "A", (head, &["example"], &["b.example", "*.example"]));
    // From further down, the next closer name is still the one below the encloser.
    both("y.x.b.example", "A", (head, &["example"], &["b.example", "*.example"]));
    both("b.a.example", "A", (head, &["a.example"], &["b.a.example", "*.a.example"]));
    both("B.eNt.example", "A", (head, &["ent.example"], &["b.ent.example", "*.ent.example"]));
}

#[test]
fn section_7_2_3_no_data() {
    let head = &format!("NOERROR aa{SOA}");
    both("a.example", "TXT", (head, &["a.example"], &[]));
    both("example", "TXT", (head, &["example"], &[]));
    // Empty non-terminals have records too.
    both("ent.example", "A", (head, &["ent.example"], &[]));
}

#[test]
fn section_7_2_4_no_data_for_ds() {
    let head = &format!("NOERROR aa{SOA}");
    both("secure.example", "DS", ("NOERROR aa\nAN secure.example. DS+", &[], &[]));
    is(Chain::Nsec3, "insecure.example", "DS", (head, &["insecure.example"], &[]));
    // Left out of the chain: the closest provable encloser, and what covers the name.
    is(Chain::OptOut, "insecure.example", "DS", (head, &["example"], &["insecure.example"]));
    is(Chain::OptOut, "below.opted.example", "DS", (head, &["example"], &["opted.example"]));
    // So are the empty non-terminals above such names.
    is(Chain::OptOut, "opted.example", "DS", (head, &["example"], &["opted.example"]));
    is(Chain::Nsec3, "opted.example", "DS", (head, &["opted.example"], &[]));
}

#[test]
fn section_7_2_5_a_wildcard_without_the_type() {
    let head = &format!("NOERROR aa{SOA}");
    // The encloser, the next closer name, and last the wildcard itself.
    for chain in [Chain::Nsec3, Chain::OptOut] {
        let signed = Signed::new("example", ZONE, chain);
        let encloser = signed.proof(&["wild.example"], &["y.wild.example"]);
        let wildcard = signed.proof(&["*.wild.example"], &[]);
        let known = encloser.contains(wildcard.as_str());
        let expected = format!("{head}{encloser}{}", if known { "" } else { &wildcard });
        signed.is("x.y.wild.example", "TXT", &expected);
    }
}

#[test]
fn section_7_2_6_an_answer_from_a_wildcard() {
    both("x.y.wild.example", "A", ("NOERROR aa\nAN x.y.wild.example. A+", &[], &["y.wild.example"]));
    let head = "NOERROR aa\nAN x.toa.example. CNAME+\nAN a.example. A+";
    both("x.toa.example", "A", (head, &[], &["x.toa.example"]));
}

#[test]
fn section_7_2_7_referrals_to_insecure_zones() {
    let glue = "\nAR ns.insecure.example. A";
    for (chain, matched, covered) in
        [(Chain::Nsec3, &["insecure.example"][..], &[][..]), (Chain::OptOut, &["example"], &["insecure.example"])]
    {
        let signed = Signed::new("example", ZONE, chain);
        let proof = signed.proof(matched, covered);
        signed.is("x.insecure.example", "A", &format!("NOERROR\nNS insecure.example. NS{proof}{glue}"));
    }
    both("x.secure.example", "A", ("NOERROR\nNS secure.example. NS DS+\nAR ns.secure.example. A", &[], &[]));
}

#[test]
fn section_7_2_8_owners_of_nsec3_records_are_no_names() {
    let signed = Signed::new("example", ZONE, Chain::Nsec3);
    let hash = signed.hash_of("a.example");
    for qtype in ["NSEC3", "A", "RRSIG"] {
        let owner = format!("{hash}.example");
        let proof = signed.proof(&["example"], &[&owner, "*.example"]);
        signed.is(&owner, qtype, &format!("NXDOMAIN aa{SOA}{proof}"));
    }
}

#[test]
fn section_7_2_8_nor_are_owners_that_are_no_hash() {
    let text = "@ 300 SOA ns h 1 1 1 1 300\nns 300 A 192.0.2.1\nCPNMU=== 300 NSEC3 1 0 0 - cpnmuoj1 A\n\
                a.boa642gb1q3q9792o4rlk 300 NSEC3 1 0 0 - cpnmuoj1 A";
    let zones = ZoneSet::new([zone("example", text)]);
    for owner in ["CPNMU===.example", "boa642gb1q3q9792o4rlk.example", "a.boa642gb1q3q9792o4rlk.example"] {
        for qtype in ["A", "NSEC3"] {
            let response = Query::plain(owner, qtype).ask(&zones);
            assert!(response.text().starts_with("NXDOMAIN aa"), "{owner} {qtype}: {}", response.text());
        }
    }
}

#[test]
fn below_the_apex_of_a_deeper_zone_too() {
    let signed = Signed::new("deep.example", "@ 300 SOA ns h 1 1 1 1 300\nns 300 A 192.0.2.1", Chain::Nsec3);
    let proof = signed.proof(&["deep.example"], &["x.deep.example", "*.deep.example"]);
    signed.is("x.deep.example", "A", &format!("NXDOMAIN aa\nNS deep.example. SOA+{proof}"));
}
