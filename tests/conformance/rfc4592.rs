//! RFC 4592: wildcards. The zone and the answers are those of §2.2.1.

use crate::dns::{Query, zone};
use zhengming::zone::ZoneSet;

fn ask(name: &str, qtype: &str, expected: &str) {
    let zone = zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         @ 3600 NS ns.example.com.
         @ 3600 NS ns.example.net.
         * 3600 TXT wildcard
         * 3600 MX 10 host1
         sub.* 3600 TXT not-a-wildcard
         host1 3600 A 192.0.2.1
         _ssh._tcp.host1 3600 SRV 0 0 22 host1
         _ssh._tcp.host2 3600 SRV 0 0 22 host1
         subdel 3600 NS ns.example.com.
         subdel 3600 NS ns.example.net.
         *.alias 3600 CNAME host1
         *.circle 3600 CNAME a.circle",
    );
    let soa = "NS example. 900 SOA ns.example. hostmaster.example. 1 7200 3600 1209600 900";
    Query::new(name, qtype).ask(&ZoneSet::new([zone])).is(&expected.replace("NEGATIVE", soa));
}

#[test]
fn section_2_2_1_synthesised() {
    let mail = "MX 10 host1.example.\nAR host1.example. 3600 A 192.0.2.1";
    ask("host3.example", "MX", &format!("NOERROR aa\nAN host3.example. 3600 {mail}"));
    ask("host3.example", "A", "NOERROR aa\nNEGATIVE");
    ask("foo.bar.example", "TXT", "NOERROR aa\nAN foo.bar.example. 3600 TXT \"wildcard\"");
}

#[test]
fn section_2_2_1_not_synthesised() {
    // The name exists, or its closest encloser has no wildcard.
    ask("host1.example", "MX", "NOERROR aa\nNEGATIVE");
    ask("sub.*.example", "MX", "NOERROR aa\nNEGATIVE");
    ask("_telnet._tcp.host1.example", "SRV", "NXDOMAIN aa\nNEGATIVE");
    ask("host2.example", "MX", "NOERROR aa\nNEGATIVE");
    ask(
        "host.subdel.example",
        "A",
        "NOERROR\nNS subdel.example. 3600 NS ns.example.com.\nNS subdel.example. 3600 NS ns.example.net.",
    );
    // §2.2.1: the asterisk in the middle is a label like others.
    ask("ghost.*.example", "MX", "NXDOMAIN aa\nNEGATIVE");
    ask("*.example", "TXT", "NOERROR aa\nAN *.example. 3600 TXT \"wildcard\"");
}

#[test]
fn section_3_3_1_the_closest_encloser_decides() {
    // `alias` exists as an empty non-terminal: no wildcard of the apex stands for it.
    ask("alias.example", "TXT", "NOERROR aa\nNEGATIVE");
    ask(
        "x.y.alias.example",
        "A",
        "NOERROR aa
         AN x.y.alias.example. 3600 CNAME host1.example.
         AN host1.example. 3600 A 192.0.2.1",
    );
}

#[test]
fn a_wildcard_alias_that_leads_to_itself_ends() {
    ask(
        "x.circle.example",
        "A",
        "NOERROR aa
         AN x.circle.example. 3600 CNAME a.circle.example.
         AN a.circle.example. 3600 CNAME a.circle.example.",
    );
}
