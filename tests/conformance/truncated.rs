//! What rate limiting sends in place of an answer: no records, and TC that sends the client to TCP (RFC 2181 §9). All
//! else in the header is true of the answer that it stands for.

use crate::dns::{Opt, Query, client, settings, zones};
use zhengming::query::{Transport, respond, truncate};

/// What the request is answered with, and the length of it.
fn truncated(request: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0xc7; 65_535];
    let client = client(Transport::Udp);
    let full = respond(&zones(), &settings(), &client, request, &mut buffer);
    let len = truncate(&settings(), &client, request, &mut buffer);
    assert!(len <= full.len, "it is never longer than the answer");
    buffer.truncate(len);
    buffer
}

#[test]
fn the_rcode_and_aa_of_the_answer_stay() {
    for (name, flags, rcode) in [
        ("xn--live.xn--zfr164b", 0x86, 0),
        ("xn--nobody.xn--zfr164b", 0x86, 3),
        ("xn--own.xn--zfr164b", 0x82, 0),
        ("elsewhere.test", 0x82, 5),
    ] {
        let query = Query::plain(name, "TXT");
        let expected = [&query.header([1, 0, 0, 0])[..2], &[flags, rcode, 0, 1, 0, 0, 0, 0, 0, 0], &query.question()];
        assert_eq!(truncated(&query.to_wire()), expected.concat(), "{name}");
    }
}

#[test]
fn opt_and_the_cookie_stay() {
    let edns = Some(Opt { options: vec![(10, vec![7; 8])], ..Opt::new() });
    let query = Query { edns, ..Query::new("xn--own.xn--zfr164b", "A") };
    let octets = truncated(&query.to_wire());
    let opt = &octets[12 + query.question().len()..];
    assert_eq!(opt[..3], [0, 0, 41]);
    // The option with the client's cookie and ours.
    assert_eq!(opt[11..15 + 8], [&[0, 10, 0, 24][..], &[7; 8]].concat());
    assert_eq!(opt.len(), 11 + 4 + 24);
}

#[test]
fn what_is_no_request_stays_without_an_answer() {
    assert_eq!(truncate(&settings(), &client(Transport::Udp), &[0; 11], &mut [0; 512]), 0);
}
