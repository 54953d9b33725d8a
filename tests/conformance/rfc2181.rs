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

#[test]
fn section_5_2_of_differing_ttls_all_records_have_the_lowest() {
    let zone = zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         a 60 A 192.0.2.1
         a 30 A 192.0.2.2
         a 90 A 192.0.2.3
         a 20 TXT x
         a 20 TXT x
         a 10 TXT x",
    );
    let zones = ZoneSet::new([zone]);
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|address| format!("\nAN a.example. 30 A {address}"));
    Query::new("a.example", "A").ask(&zones).is(&format!("NOERROR aa{}", addresses.concat()));
    Query::new("a.example", "TXT").ask(&zones).is("NOERROR aa\nAN a.example. 10 TXT \"x\"");
}
