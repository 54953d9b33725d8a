//! RFC 8020: NXDOMAIN says that nothing is below either, so it must not be said of a name below which there is something.

use crate::dns::{Query, zone, zones};
use zhengming::zone::ZoneSet;

#[test]
fn section_2_nothing_is_below_a_name_that_does_not_exist() {
    for name in ["nobody.example", "a.nobody.example", "b.a.nobody.example", "a.www.example", "b.a.www.example"] {
        assert_eq!(Query::new(name, "A").ask(&zones()).rcode(), 3, "{name}");
    }
    for name in ["xn--expired.xn--zfr164b", "www.xn--expired.xn--zfr164b", "b.a.xn--expired.xn--zfr164b"] {
        assert_eq!(Query::new(name, "A").ask(&zones()).rcode(), 3, "{name}");
    }
}

#[test]
fn section_2_a_name_above_others_exists() {
    let text = "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         d.c.b.a 300 A 192.0.2.1
         *.wild.b.z 300 A 192.0.2.1
         cut.b.y 300 NS ns.elsewhere.test.";
    let zones = ZoneSet::new([zone("example", text)]);
    for name in ["c.b.a", "b.a", "a", "wild.b.z", "b.z", "z", "b.y", "y"] {
        let response = Query::new(&format!("{name}.example"), "A").ask(&zones);
        assert_eq!((response.rcode(), response.sections[0].len()), (0, 0), "{name}");
    }
    // Registrations under a suffix: the suffix itself.
    assert_eq!(Query::new("xn--zfr164b", "A").ask(&crate::dns::zones()).rcode(), 0);
}
