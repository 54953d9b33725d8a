//! RFC 1034 §4.3.2: the algorithm, on ordinary zones.

use crate::dns::{Query, zone};
use zhengming::zone::ZoneSet;

fn zones() -> ZoneSet {
    let parent = zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         @ 3600 NS ns
         ns 3600 A 192.0.2.1
         a.b.c 3600 A 192.0.2.2
         alias 3600 CNAME Alias2
         alias2 3600 CNAME a.b.c
         loop1 3600 CNAME loop2
         loop2 3600 CNAME loop1
         self 3600 CNAME self
         lost 3600 CNAME nowhere
         out 3600 CNAME www.elsewhere.test.
         tochild 3600 CNAME www.child
         tocut 3600 CNAME www.cut
         child 3600 NS ns.child
         child 3600 DS 1 13 2 00
         ns.child 3600 A 192.0.2.3
         cut 3600 NS ns.cut
         ns.cut 3600 A 192.0.2.4
         hidden.cut 3600 TXT hidden
         mail 3600 MX 10 mx
         mail 3600 MX 20 ns
         mail 3600 MX 30 MX
         mail 3600 MX 40 hidden.cut
         mx 3600 A 192.0.2.5
         mx 3600 AAAA 2001:db8::5
         _sip._udp 3600 SRV 0 0 5060 mx
         Mixed.Case 3600 A 192.0.2.6",
    );
    let child = zone(
        "child.example",
        "@ 3600 SOA ns hostmaster 2 7200 3600 1209600 60
         @ 3600 NS ns
         ns 3600 A 192.0.2.3
         www 3600 A 192.0.2.7",
    );
    ZoneSet::new([parent, child])
}

fn ask(name: &str, qtype: &str, expected: &str) {
    let parent = "NS example. 900 SOA ns.example. hostmaster.example. 1 7200 3600 1209600 900";
    let child = "NS child.example. 60 SOA ns.child.example. hostmaster.child.example. 2 7200 3600 1209600 60";
    let expected = expected.replace("NEGATIVE-CHILD", child).replace("NEGATIVE", parent);
    Query::new(name, qtype).ask(&zones()).is(&expected);
}

#[test]
fn step_2_the_nearest_ancestor_zone_answers() {
    ask("www.child.example", "A", "NOERROR aa\nAN www.child.example. 3600 A 192.0.2.7");
    ask("child.example", "TXT", "NOERROR aa\nNEGATIVE-CHILD");
    ask("nowhere.child.example", "A", "NXDOMAIN aa\nNEGATIVE-CHILD");
}

#[test]
fn step_3a_names_types_and_empty_non_terminals() {
    ask("a.b.c.example", "A", "NOERROR aa\nAN a.b.c.example. 3600 A 192.0.2.2");
    ask("a.b.c.example", "TXT", "NOERROR aa\nNEGATIVE");
    for empty in ["b.c.example", "c.example", "_udp.example"] {
        ask(empty, "A", "NOERROR aa\nNEGATIVE");
        ask(empty, "ANY", "NOERROR aa\nNEGATIVE");
    }
    ask("x.c.example", "A", "NXDOMAIN aa\nNEGATIVE");
    ask("x.a.b.c.example", "A", "NXDOMAIN aa\nNEGATIVE");
    ask("MIXED.case.Example", "A", "NOERROR aa\nAN MIXED.case.Example. 3600 A 192.0.2.6");
}

#[test]
fn step_3a_aliases_are_followed_within_our_zones() {
    ask(
        "alias.example",
        "A",
        "NOERROR aa
         AN alias.example. 3600 CNAME Alias2.example.
         AN Alias2.example. 3600 CNAME a.b.c.example.
         AN a.b.c.example. 3600 A 192.0.2.2",
    );
    ask("alias.example", "CNAME", "NOERROR aa\nAN alias.example. 3600 CNAME Alias2.example.");
    ask("alias.example", "ANY", "NOERROR aa\nAN alias.example. 3600 CNAME Alias2.example.");
    ask(
        "tochild.example",
        "A",
        "NOERROR aa
         AN tochild.example. 3600 CNAME www.child.example.
         AN www.child.example. 3600 A 192.0.2.7",
    );
    ask("out.example", "A", "NOERROR aa\nAN out.example. 3600 CNAME www.elsewhere.test.");
    // RFC 6604 §3: the RCODE is that of the last name.
    ask("lost.example", "A", "NXDOMAIN aa\nAN lost.example. 3600 CNAME nowhere.example.\nNEGATIVE");
    ask("alias2.example", "TXT", "NOERROR aa\nAN alias2.example. 3600 CNAME a.b.c.example.\nNEGATIVE");
}

#[test]
fn step_3a_a_circle_of_aliases_is_shown_once() {
    // A target that is compressed with the question takes the question's case.
    ask(
        "loop1.example",
        "A",
        "NOERROR aa
         AN loop1.example. 3600 CNAME loop2.example.
         AN loop2.example. 3600 CNAME loop1.example.",
    );
    ask("SELF.example", "A", "NOERROR aa\nAN SELF.example. 3600 CNAME SELF.example.");
}

#[test]
fn step_3a_a_long_chain_is_cut() {
    let mut text = "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900\n".to_owned();
    for n in 0..40 {
        text += &format!("a{n} 3600 CNAME a{}\n", n + 1);
    }
    let response = Query::new("a0.example", "A").ask(&ZoneSet::new([zone("example", &text)]));
    assert_eq!(response.rcode(), 0);
    assert_eq!(response.sections[0].len(), 16);
}

#[test]
fn step_3b_referrals() {
    let referral = "NS cut.example. 3600 NS ns.cut.example.\nAR ns.cut.example. 3600 A 192.0.2.4";
    for (name, qtype) in [
        ("cut.example", "A"),
        ("cut.example", "NS"),
        ("cut.example", "ANY"),
        ("x.y.cut.example", "A"),
        ("ns.cut.example", "A"),
        ("hidden.cut.example", "TXT"),
        ("x.cut.example", "DS"),
    ] {
        ask(name, qtype, &format!("NOERROR\n{referral}"));
    }
    ask("tocut.example", "A", &format!("NOERROR aa\nAN tocut.example. 3600 CNAME www.cut.example.\n{referral}"));
}

#[test]
fn rfc4035_3_1_4_1_the_parent_answers_for_ds() {
    ask("child.example", "DS", "NOERROR aa\nAN child.example. 3600 DS 1 13 2 00");
    ask("cut.example", "DS", "NOERROR aa\nNEGATIVE");
    ask("example", "DS", "NOERROR aa\nNEGATIVE");
    ask("www.child.example", "DS", "NOERROR aa\nNEGATIVE-CHILD");
}

#[test]
fn step_6_additional_addresses_once_each() {
    ask(
        "mail.example",
        "MX",
        "NOERROR aa
         AN mail.example. 3600 MX 10 mx.example.
         AN mail.example. 3600 MX 20 ns.example.
         AN mail.example. 3600 MX 30 mx.example.
         AN mail.example. 3600 MX 40 hidden.cut.example.
         AR mx.example. 3600 A 192.0.2.5
         AR mx.example. 3600 AAAA 2001:db8::5
         AR ns.example. 3600 A 192.0.2.1",
    );
    ask(
        "_sip._udp.example",
        "SRV",
        "NOERROR aa
         AN _sip._udp.example. 3600 SRV 0 0 5060 mx.example.
         AR mx.example. 3600 A 192.0.2.5
         AR mx.example. 3600 AAAA 2001:db8::5",
    );
    ask("example", "NS", "NOERROR aa\nAN example. 3600 NS ns.example.\nAR ns.example. 3600 A 192.0.2.1");
}

#[test]
fn the_root_can_be_served() {
    let root = zone(
        ".",
        "@ 3600 SOA ns.test. hostmaster.test. 1 7200 3600 1209600 900
         @ 3600 NS ns.test.
         test. 3600 NS ns.test.
         ns.test. 3600 A 192.0.2.1",
    );
    let zones = ZoneSet::new([root]);
    let soa = ". 900 SOA ns.test. hostmaster.test. 1 7200 3600 1209600 900";
    Query::new(".", "A").ask(&zones).is(&format!("NOERROR aa\nNS {soa}"));
    Query::new(".", "DS").ask(&zones).is(&format!("NOERROR aa\nNS {soa}"));
    Query::new("nowhere", "A").ask(&zones).is(&format!("NXDOMAIN aa\nNS {soa}"));
    Query::new("a.test", "A").ask(&zones).is("NOERROR\nNS test. 3600 NS ns.test.\nAR ns.test. 3600 A 192.0.2.1");
}

#[test]
fn step_6_addresses_from_wildcards_and_glue() {
    let zone = zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         @ 3600 NS ns
         *.hosts 3600 A 192.0.2.7
         mail 3600 MX 10 Mx.hosts
         cut 3600 NS ns.hosts
         cut 3600 NS ns.cut
         ns.cut 3600 A 192.0.2.8
         _sip._udp 3600 SRV 0 0 5060 ns.cut",
    );
    let zones = ZoneSet::new([zone]);
    let mail = "NOERROR aa\nAN mail.example. 3600 MX 10 Mx.hosts.example.\nAR Mx.hosts.example. 3600 A 192.0.2.7";
    Query::new("mail.example", "MX").ask(&zones).is(mail);
    Query::new("a.cut.example", "A").ask(&zones).is("NOERROR
         NS cut.example. 3600 NS ns.hosts.example.
         NS cut.example. 3600 NS ns.cut.example.
         AR ns.cut.example. 3600 A 192.0.2.8
         AR ns.hosts.example. 3600 A 192.0.2.7");
    // Local data of every kind is useful, glue too.
    let sip = "AN _sip._udp.example. 3600 SRV 0 0 5060 ns.cut.example.\nAR ns.cut.example. 3600 A 192.0.2.8";
    Query::new("_sip._udp.example", "SRV").ask(&zones).is(&format!("NOERROR aa\n{sip}"));
}
