//! RFC 9471: in-domain glue is in a referral, or TC is set; other glue may be left out.

use crate::dns::{Opt, Query, Response, registrations, suffix, zone};
use std::net::{IpAddr, Ipv6Addr};
use zhengming::query::Transport;
use zhengming::zone::{Name, Published, ZoneSet};

/// `count` servers inside `cut`, and an address of each.
fn with_servers(cut: &str, sibling: bool, count: usize) -> ZoneSet {
    let mut text = "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900\nother 3600 NS ns.test.\n".to_owned();
    for n in 0..count {
        let server = format!("server-{n:02}.{}", if sibling { "other" } else { cut });
        text += &format!("{cut} 3600 NS {server}\n{server} 3600 AAAA 2001:db8::{n:x}\n");
    }
    ZoneSet::new([zone("example", &text)])
}

fn ask(zones: &ZoneSet, udp_size: u16) -> Response {
    let mut query = Query::new("www.cut.example", "A");
    query.edns = Some(Opt { udp_size, ..Opt::new() });
    query.ask(zones)
}

#[test]
fn section_3_1_in_domain_glue_or_tc() {
    let zones = with_servers("cut", false, 13);
    let response = ask(&zones, 1232);
    assert_eq!(response.sections.each_ref().map(Vec::len), [0, 13, 13]);
    assert!(!response.tc() && !response.aa());
    ask(&zones, 512).is("NOERROR tc");
    let request = Query::plain("www.cut.example", "A").to_wire();
    let response = Response::of(&zones, Transport::Tcp, &request).expect("an answer");
    assert_eq!(response.sections.each_ref().map(Vec::len), [0, 13, 13]);
}

#[test]
fn section_3_2_sibling_glue_as_far_as_it_fits() {
    let zones = with_servers("cut", true, 13);
    assert_eq!(ask(&zones, 1232).sections.each_ref().map(Vec::len), [0, 13, 13]);
    let response = ask(&zones, 512);
    assert!(!response.tc());
    assert_eq!(response.sections[1].len(), 13);
    assert!((1..13).contains(&response.sections[2].len()));
}

#[test]
fn section_3_1_in_domain_glue_of_registrations_or_tc() {
    let server = |n: u16| {
        let name = Name::absolute(&format!("server-{n:02}.xn--a.xn--zfr164b")).expect("a name");
        (name, vec![IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n))])
    };
    let delegation = Published::Delegation { servers: (0..13).map(server).collect(), ds: vec![], ttl: 3600 };
    let zones = ZoneSet::new([suffix("xn--zfr164b").with_registrations(registrations(&[("xn--a", delegation)]))]);
    let mut query = Query::new("www.xn--a.xn--zfr164b", "A");
    assert_eq!(query.ask(&zones).sections.each_ref().map(Vec::len), [0, 13, 13]);
    query.edns = None;
    query.ask(&zones).is("NOERROR tc");
}
