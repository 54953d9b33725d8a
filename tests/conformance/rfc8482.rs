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
