//! RFC 2181: clarifications.

use crate::dns::{Query, zone};
use zhengming::zone::ZoneSet;

#[test]
fn section_5_a_record_stands_once_in_whatever_case_it_was_repeated() {
    let zone = zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         @ 3600 NS NS.elsewhere.test.
         @ 3600 NS ns.Elsewhere.test.
         @ 3600 TXT one
         @ 3600 TXT ONE",
    );
    let zones = ZoneSet::new([zone]);
    Query::new("example", "NS").ask(&zones).is("NOERROR aa\nAN example. 3600 NS NS.elsewhere.test.");
    // Only names are compared without case.
    let texts = "NOERROR aa\nAN example. 3600 TXT \"one\"\nAN example. 3600 TXT \"ONE\"";
    Query::new("example", "TXT").ask(&zones).is(texts);
}
