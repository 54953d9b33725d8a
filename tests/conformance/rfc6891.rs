//! RFC 6891: EDNS(0); RFC 5001: NSID.

use crate::dns::{Opt, Query, Response, UDP_SIZE_MAX, client, settings, zones};
use zhengming::query::{Settings, Transport};

const ANSWER: &str = "NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5";

fn with(opt: Opt) -> Response {
    let mut query = Query::new("xn--live.xn--zfr164b", "A");
    query.edns = Some(opt);
    query.ask(&zones())
}

#[test]
fn section_6_1_1_opt_only_where_the_request_has_one() {
    let response = Query::plain("xn--live.xn--zfr164b", "A").ask(&zones());
    response.is(ANSWER);
    assert_eq!(response.opt, None);
    let response = with(Opt::new());
    response.is(ANSWER);
    assert_eq!(response.opt, Some(Opt { udp_size: UDP_SIZE_MAX, ..Opt::new() }));
    // On errors too.
    let mut query = Query::new("xn--live.xn--zfr164b", "A");
    query.qclass = 3;
    assert!(query.ask(&zones()).opt.is_some());
}

#[test]
fn section_6_1_3_do_is_echoed_and_z_is_clear() {
    let response = with(Opt { flags: 0xffff, ..Opt::new() });
    assert_eq!(response.opt.map(|opt| opt.flags), Some(0x8000));
    let response = with(Opt { flags: 0x7fff, ..Opt::new() });
    assert_eq!(response.opt.map(|opt| opt.flags), Some(0));
}

#[test]
fn section_6_1_3_later_versions_are_badvers() {
    for version in [1, 2, 255] {
        let response = with(Opt { version, ..Opt::new() });
        response.is("BADVERS");
        assert_eq!(response.outcome.rcode, 16);
        assert_eq!(response.opt.map(|opt| (opt.version, opt.extended_rcode)), Some((0, 1)));
    }
}

#[test]
fn section_6_1_3_options_of_later_versions_mean_nothing() {
    let options = vec![(3, vec![]), (10, vec![1; 8]), (10, vec![1]), (19, vec![1])];
    let response = with(Opt { version: 1, options, ..Opt::new() });
    response.is("BADVERS");
    assert_eq!(response.opt.map(|opt| opt.options), Some(vec![]));
    // Nor does RDATA that would be malformed in version 0.
    let query = Query::new("xn--live.xn--zfr164b", "A");
    let rest = [&[0, 0, 41, 4, 0, 0, 1, 0, 0, 0, 3][..], &[0, 100, 9]].concat();
    let request = [query.header([1, 0, 0, 1]), query.question(), rest].concat();
    Response::of(&zones(), Transport::Udp, &request).expect("an answer").is("BADVERS");
}

#[test]
fn section_6_1_1_two_opts_are_a_format_error() {
    let query = Query::new("xn--live.xn--zfr164b", "A");
    let opt = Opt::new().to_wire();
    for counts in [[1, 0, 0, 2], [1, 1, 0, 1], [1, 0, 1, 1], [1, 0, 1, 0]] {
        let records = opt.repeat(counts.iter().skip(1).map(|&count| usize::from(count)).sum());
        let request = [query.header(counts), query.question(), records].concat();
        Response::of(&zones(), Transport::Udp, &request).expect("an answer").is("FORMERR");
    }
    // The owner of OPT is the root.
    let named = [query.header([1, 0, 0, 1]), query.question(), vec![0xc0, 12], opt[1..].to_vec()].concat();
    Response::of(&zones(), Transport::Udp, &named).expect("an answer").is("FORMERR");
}

#[test]
fn section_6_1_2_unknown_options_are_ignored_and_broken_ones_are_not() {
    let options = vec![(8, vec![0, 1, 24, 0, 192, 0, 2]), (9, vec![1; 8]), (65_001, vec![]), (12, vec![0; 100])];
    let response = with(Opt { options, ..Opt::new() });
    response.is(ANSWER);
    assert_eq!(response.opt.map(|opt| opt.options), Some(vec![]));

    let query = Query::new("xn--live.xn--zfr164b", "A");
    for rdata in [&[0][..], &[0, 3, 0], &[0, 3, 0, 1], &[0, 3, 0, 0, 9]] {
        let mut opt = Opt::new().to_wire();
        opt.truncate(9);
        opt.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        opt.extend_from_slice(rdata);
        let request = [query.header([1, 0, 0, 1]), query.question(), opt].concat();
        let response = Response::of(&zones(), Transport::Udp, &request).expect("an answer");
        response.is("FORMERR");
        assert!(response.opt.is_some());
    }
}

#[test]
fn section_6_1_1_opt_may_stand_anywhere_in_the_additional_section() {
    let query = Query::new("xn--live.xn--zfr164b", "A");
    let other = [&[0xc0, 12][..], &[0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1]].concat();
    let request = [query.header([1, 0, 0, 3]), query.question(), other.clone(), Opt::new().to_wire(), other].concat();
    let response = Response::of(&zones(), Transport::Udp, &request).expect("an answer");
    response.is(ANSWER);
    assert!(response.opt.is_some());
}

#[test]
fn section_6_1_1_opt_also_where_there_is_no_question() {
    let query = Query::new("xn--live.xn--zfr164b", "A");
    let request = [query.header([0, 0, 0, 1]), Opt::new().to_wire()].concat();
    let response = Response::of(&zones(), Transport::Udp, &request).expect("an answer");
    response.is("FORMERR");
    assert!(response.opt.is_some() && response.question.is_empty());
}

#[test]
fn rfc5001_nsid_if_asked_for() {
    let response = with(Opt { options: vec![(3, vec![])], ..Opt::new() });
    assert_eq!(response.opt.map(|opt| opt.options), Some(vec![(3, b"unit-1".to_vec())]));
    // Beside an extended error.
    let mut query = Query::new("xn--legal.xn--zfr164b", "A");
    query.edns = Some(Opt { options: vec![(3, vec![])], ..Opt::new() });
    let options = query.ask(&zones()).opt.map(|opt| opt.options);
    assert_eq!(options, Some(vec![(3, b"unit-1".to_vec()), (15, b"\0\x10hold=LEGAL".to_vec())]));
}

#[test]
fn rfc5001_an_nsid_without_room_is_left_out_and_nothing_else() {
    let settings = Settings { nsid: vec![b'n'; 600], ..settings() };
    let options = vec![(3, vec![]), (10, vec![1; 8])];
    for (udp_size, len) in [(512, None), (1232, Some(600))] {
        let edns = Some(Opt { udp_size, options: options.clone(), ..Opt::new() });
        let request = Query { edns, ..Query::new("xn--live.xn--zfr164b", "A") }.to_wire();
        let response = Response::with(&zones(), &settings, &client(Transport::Udp), &request).expect("an answer");
        response.is(ANSWER);
        assert_eq!(response.option(3).map(<[u8]>::len), len);
        assert!(response.option(10).is_some() && response.octets.len() <= usize::from(udp_size));
    }
}
