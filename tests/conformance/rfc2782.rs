//! RFC 2782: SRV, and RFC 9460: SVCB and HTTPS, whose targets' addresses come with them as far as the zone has them.

use crate::dns::{Query, zone};
use std::fmt::Write as _;
use zhengming::zone::ZoneSet;

fn zones() -> ZoneSet {
    let mut text = "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         host 300 A 192.0.2.1
         host 300 AAAA 2001:db8::1
         *.wild 300 A 192.0.2.2
         cut 300 NS ns.cut
         ns.cut 300 A 192.0.2.3
         _sip._tcp 300 SRV 0 0 5060 host
         _sip._tcp 300 SRV 1 0 5060 x.wild
         _sip._tcp 300 SRV 2 0 5060 ns.cut
         _sip._tcp 300 SRV 3 0 5060 other.cut
         _sip._tcp 300 SRV 4 0 5060 nobody
         _sip._tcp 300 SRV 5 0 5060 host.elsewhere.test.
         _sip._tcp 300 SRV 6 0 5060 HOST
         _none._tcp 300 SRV 0 0 0 .
         _dns 300 SVCB 1 host alpn=dot
         www 300 HTTPS 0 host
         self 300 HTTPS 1 . alpn=h2
         self 300 A 192.0.2.4\n"
        .to_owned();
    for n in 0..12 {
        writeln!(text, "_many._tcp 300 SRV 0 0 {n} host{n}\nhost{n} 300 A 192.0.2.{n}").expect("a string");
        writeln!(text, "host{n} 300 AAAA 2001:db8::{n}").expect("a string");
    }
    ZoneSet::new([zone("example", &text)])
}

fn additional(name: &str, qtype: &str) -> Vec<String> {
    let response = Query::new(name, qtype).ask(&zones());
    assert!(!response.sections[0].is_empty() && !response.tc(), "{name}");
    response.sections[2].clone()
}

#[test]
fn addresses_of_targets_come_along_once_each() {
    let expected = [
        "host.example. 300 A 192.0.2.1",
        "host.example. 300 AAAA 2001:db8::1",
        "x.wild.example. 300 A 192.0.2.2",
        "ns.cut.example. 300 A 192.0.2.3",
    ];
    assert_eq!(additional("_sip._tcp.example", "SRV"), expected);
    // "." says that there is no such service.
    assert_eq!(additional("_none._tcp.example", "SRV"), [""; 0]);
}

#[test]
fn rfc9460_section_4_1_so_do_those_of_svcb_and_https() {
    for (name, qtype) in [("_dns.example", "SVCB"), ("www.example", "HTTPS")] {
        assert_eq!(additional(name, qtype), ["host.example. 300 A 192.0.2.1", "host.example. 300 AAAA 2001:db8::1"]);
    }
}

#[test]
fn what_does_not_fit_is_left_out_without_tc() {
    let query = Query { edns: None, ..Query::new("_many._tcp.example", "SRV") };
    let response = query.ask(&zones());
    assert!(response.octets.len() <= 512 && !response.tc());
    assert_eq!(response.sections[0].len(), 12);
    assert!(!response.sections[2].is_empty() && response.sections[2].len() < 24, "{:?}", response.sections[2]);
}
