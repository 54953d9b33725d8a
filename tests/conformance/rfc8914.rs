//! RFC 8914: extended DNS errors, as far as the message has room for them.

use crate::dns::{Opt, Query, registrations, suffix};
use zhengming::zone::{Published, ZoneSet};

#[test]
fn section_3_an_error_that_does_not_fit_is_left_out() {
    let held = Published::Held { info_code: 15, extra_text: "x".repeat(400).into(), status: 403 };
    let zones = ZoneSet::new([suffix("xn--zfr164b").with_registrations(registrations(&[("xn--a", held)]))]);
    let mut query = Query::new(&format!("{0}.{0}.{0}.xn--a.xn--zfr164b", "y".repeat(40)), "A");
    query.edns = Some(Opt { udp_size: 512, ..Opt::new() });
    let response = query.ask(&zones);
    assert_eq!((response.rcode(), response.tc(), response.extended_error()), (3, false, None));
    query.edns = Some(Opt { udp_size: 1232, ..Opt::new() });
    assert_eq!(query.ask(&zones).extended_error().map(|(code, text)| (code, text.len())), Some((15, 400)));
}
