//! RFC 8484: how long an answer over HTTPS may be kept, and that it is padded as any encrypted one.

use crate::dns::{Opt, Query, Response, zones};
use zhengming::query::{Transport, freshness};

fn fresh(name: &str, qtype: &str) -> u32 {
    let request = Query::new(name, qtype).to_wire();
    freshness(&Response::of(&zones(), Transport::Https, &request).expect("an answer").octets)
}

#[test]
fn section_5_1_the_smallest_ttl_of_the_answers() {
    assert_eq!(fresh("xn--live.xn--zfr164b", "A"), 600);
    assert_eq!(fresh("www.example", "A"), 3600);
    // CNAME and its target.
    assert_eq!(fresh("alias.example", "A"), 3600);
    // DNAME, CNAME, and an address with a shorter life.
    assert_eq!(fresh("xn--live.moved.example", "A"), 600);
}

#[test]
fn section_5_1_of_what_is_not_there_the_smaller_of_ttl_and_minimum() {
    // The SOA of 政务 has 300 and 300, that of example 3600 and 900.
    assert_eq!(fresh("xn--nobody.xn--zfr164b", "A"), 300);
    assert_eq!(fresh("xn--live.xn--zfr164b", "MX"), 300);
    assert_eq!(fresh("xn--legal.xn--zfr164b", "A"), 300);
    assert_eq!(fresh("nobody.example", "A"), 900);
    // An alias into nothing: both count.
    assert_eq!(fresh("toheld.example", "A"), 300);
}

#[test]
fn section_5_1_everything_else_is_not_kept() {
    for (name, qtype) in [("elsewhere.test", "A"), ("x.xn--own.xn--zfr164b", "A"), ("xn--zfr164b", "AXFR")] {
        assert_eq!(fresh(name, qtype), 0, "{name} {qtype}");
    }
    let whole = Response::of(&zones(), Transport::Https, &Query::new("xn--live.xn--zfr164b", "A").to_wire());
    let whole = whole.expect("an answer").octets;
    let answer_end = whole.len() - 11;
    assert!((0..answer_end).all(|len| freshness(&whole[..len]) == 0), "what is cut is no answer");
}

#[test]
fn section_9_answers_are_padded() {
    let mut query = Query::new("xn--live.xn--zfr164b", "A");
    query.edns = Some(Opt { options: vec![(12, vec![]), (11, vec![])], ..Opt::new() });
    let response = Response::of(&zones(), Transport::Https, &query.to_wire()).expect("an answer");
    assert_eq!(response.octets.len(), 468);
    // How long its connection lives is HTTP's to say: there is no keepalive of DNS beside the padding.
    assert_eq!(response.opt.map(|opt| opt.options.len()), Some(1));
}
