//! RFC 9660: the version of the zone beside the answer.

use crate::dns::{Opt, Query, Response, client, settings, suffix, zones};
use zhengming::query::Transport;
use zhengming::zone::ZoneSet;

fn with(name: &str, qtype: &str, data: &[u8]) -> Response {
    let edns = Some(Opt { options: vec![(19, data.to_vec())], ..Opt::new() });
    Query { edns, ..Query::new(name, qtype) }.ask(&zones())
}

fn version(name: &str, qtype: &str) -> Option<Vec<u8>> {
    with(name, qtype, &[]).option(19).map(<[u8]>::to_vec)
}

#[test]
fn section_3_2_every_kind_of_answer_of_a_zone_has_its_version() {
    for (name, qtype) in [
        ("xn--live.xn--zfr164b", "A"),
        ("xn--live.xn--zfr164b", "TXT"),
        ("xn--nobody.xn--zfr164b", "A"),
        ("xn--legal.xn--zfr164b", "A"),
        ("x.xn--own.xn--zfr164b", "A"),
        ("xn--zfr164b", "SOA"),
    ] {
        // One label, type 0: the SOA's serial, which is 7.
        assert_eq!(version(name, qtype), Some(vec![1, 0, 0, 0, 0, 7]), "{name} {qtype}");
    }
    assert_eq!(version("xn--live.xn--zfr164b.cn", "A"), Some(vec![2, 0, 0, 0, 0, 7]));
    // That of the zone of the question, also where an alias leads to another.
    assert_eq!(version("toheld.example", "A"), Some(vec![1, 0, 0, 0, 0, 1]));
}

#[test]
fn section_3_2_only_if_asked_for_and_only_for_zones_of_ours() {
    assert_eq!(Query::new("xn--live.xn--zfr164b", "A").ask(&zones()).option(19), None);
    let response = with("elsewhere.test", "A", &[]);
    response.is("REFUSED\nEDE 20");
    assert_eq!(response.option(19), None);
    let secret = ZoneSet::new([suffix("xn--zfr164b").with_allowed(&["192.0.2.0/24".parse().expect("a network")], &[])]);
    let edns = Some(Opt { options: vec![(19, vec![])], ..Opt::new() });
    let query = Query { edns, ..Query::new("xn--live.xn--zfr164b", "A") };
    let response = Response::with(&secret, &settings(), &client(Transport::Udp), &query.to_wire()).expect("an answer");
    response.is("REFUSED\nEDE 18");
    assert_eq!(response.option(19), None);
}

#[test]
fn section_3_2_an_option_that_is_not_empty_is_a_format_error() {
    for data in [&[0][..], &[1, 0, 0, 0, 0, 7]] {
        // Whatever is asked for: the request is wrong, not the name.
        for (name, qtype) in [("xn--live.xn--zfr164b", "A"), ("xn--nobody.xn--zfr164b", "A"), ("elsewhere.test", "SOA")]
        {
            let response = with(name, qtype, data);
            response.is("FORMERR");
            assert_eq!(response.option(19), None);
        }
    }
}
