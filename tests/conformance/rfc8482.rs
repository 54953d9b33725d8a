//! RFC 8482 §4.1: ANY is answered with one RRset.

use crate::dns::{Query, Response, zone};
use zhengming::query::Transport;
use zhengming::zone::ZoneSet;

#[test]
fn one_rrset_whole_over_every_transport() {
    let text = "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
                many 3600 TXT text
                many 3600 A 192.0.2.1
                many 3600 A 192.0.2.2
                many 3600 MX 1 many";
    let zones = ZoneSet::new([zone("example", text)]);
    let request = Query::new("many.example", "ANY").to_wire();
    for transport in [Transport::Udp, Transport::Tcp] {
        let response = Response::of(&zones, transport, &request).expect("an answer");
        response.is("NOERROR aa\nAN many.example. 3600 A 192.0.2.1\nAN many.example. 3600 A 192.0.2.2");
    }
    Query::new("example", "ANY")
        .ask(&zones)
        .is("NOERROR aa\nAN example. 3600 SOA ns.example. hostmaster.example. 1 7200 3600 1209600 900");
}

#[test]
fn one_rrset_with_its_signature_and_not_a_signature_alone() {
    let signature = |covered: &str, name: &str| {
        format!("{name} 3600 RRSIG {covered} 13 2 3600 20301231000000 20260101000000 4711 example. AAAA\n")
    };
    // By number RRSIG and NSEC stand before TLSA.
    let text =
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900\nhost 3600 TLSA 3 1 1 AB\nhost 900 NSEC @ TLSA RRSIG NSEC\n";
    let text = text.to_owned() + &signature("TLSA", "host") + &signature("NSEC", "host");
    let zones = ZoneSet::new([zone("example", &text)]);
    Query::new("host.example", "ANY").ask(&zones).is("NOERROR aa\nAN host.example. 3600 TLSA 3 1 1 AB");
}
