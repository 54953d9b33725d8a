//! RFC 2308: negative answers carry the SOA with the smaller of its TTL and MINIMUM.

use crate::dns::{Query, zone};
use zhengming::query::Kind;
use zhengming::zone::ZoneSet;

#[test]
fn section_3_and_5_the_ttl_of_negative_answers() {
    for (ttl, minimum, negative) in [(300, 300, 300), (3600, 60, 60), (60, 3600, 60), (0, 5, 0)] {
        let text = format!("@ {ttl} SOA ns hostmaster 1 7200 3600 1209600 {minimum}");
        let zones = ZoneSet::new([zone("example", &text).with_serial(77)]);
        let soa = format!("ns.example. hostmaster.example. 77 7200 3600 1209600 {minimum}");
        let nodata = Query::new("example", "TXT").ask(&zones);
        nodata.is(&format!("NOERROR aa\nNS example. {negative} SOA {soa}"));
        assert_eq!(nodata.outcome.kind, Kind::Nodata);
        let nxdomain = Query::new("a.example", "TXT").ask(&zones);
        nxdomain.is(&format!("NXDOMAIN aa\nNS example. {negative} SOA {soa}"));
        assert_eq!(nxdomain.outcome.kind, Kind::Nxdomain);
        // Asked for itself, the SOA has its own TTL.
        Query::new("example", "SOA").ask(&zones).is(&format!("NOERROR aa\nAN example. {ttl} SOA {soa}"));
    }
}
