//! RFC 3597: types that nobody knows are stored and answered like others.

use crate::dns::{Query, zone};
use zhengming::zone::ZoneSet;

fn zones() -> ZoneSet {
    ZoneSet::new([zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         odd 300 TYPE65280 \\# 5 c000020100
         odd 300 TYPE65280 \\# 1 ff
         odd 300 TYPE65281 \\# 9 076578616d706c6500",
    )])
}

#[test]
fn section_3_rdata_is_answered_as_it_is() {
    let response = Query::new("odd.example", "TYPE65280").ask(&zones());
    response.is("NOERROR aa
         AN odd.example. 300 TYPE65280 \\# 5 C000020100
         AN odd.example. 300 TYPE65280 \\# 1 FF");
    Query::new("odd.example", "TYPE65282").ask(&zones()).is("NOERROR aa
         NS example. 900 SOA ns.example. hostmaster.example. 1 7200 3600 1209600 900");
}

#[test]
fn section_4_what_looks_like_a_name_in_it_is_not_compressed() {
    let response = Query::plain("odd.example", "TYPE65281").ask(&zones());
    assert!(response.octets.ends_with(b"\x00\x09\x07example\x00"), "{response:?}");
}
