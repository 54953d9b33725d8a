//! RFC 4343: letters of ASCII match in any case, other octets only themselves.

use crate::dns::{Query, zone};
use zhengming::zone::ZoneSet;

const SOA: &str = "900 SOA ns.Example. hostmaster.Example. 1 7200 3600 1209600 900";

fn zones() -> ZoneSet {
    ZoneSet::new([zone(
        "Example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         MiXeD 300 CNAME TaRgEt
         tArGeT 300 TXT found
         \\195\\132 300 TXT upper
         [`{@ 300 TXT signs",
    )])
}

#[test]
fn section_3_names_match_in_any_case_and_keep_that_of_the_question() {
    for name in ["mixed.example", "MIXED.EXAMPLE", "mIxEd.eXaMpLe"] {
        let text = Query::new(name, "TXT").ask(&zones()).text();
        assert!(text.starts_with(&format!("NOERROR aa\nAN {name}. 300 CNAME TaRgEt.")), "{text}");
        assert!(text.to_lowercase().ends_with("target.example. 300 txt \"found\""), "{text}");
    }
}

#[test]
fn section_3_octets_that_are_no_letters_match_themselves_only() {
    Query::new("\\195\\132.example", "TXT").ask(&zones()).is("NOERROR aa\nAN \\195\\132.example. 300 TXT \"upper\"");
    // The same letter of Latin-1 and of UTF-8 in lower case, and what differs from signs in the bit of the case.
    for name in ["\\195\\164.example", "\\227\\164.example", "{`[@.example", "[@{@.example"] {
        let text = Query::new(name, "TXT").ask(&zones()).text();
        assert!(
            text.starts_with("NXDOMAIN aa") && text.to_lowercase().ends_with(&SOA.to_lowercase()),
            "{name}: {text}"
        );
    }
}
