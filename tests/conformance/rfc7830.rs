//! RFC 7830 and RFC 8467: padding.

use crate::dns::{Opt, Query, Response, zones};
use zhengming::query::{Transport, respond};

const PADDING: u16 = 12;
/// Responses are multiples of this (RFC 8467 §4.1).
const BLOCK: usize = 468;

fn padded(name: &str, qtype: &str, options: Vec<(u16, Vec<u8>)>) -> Vec<u8> {
    let mut query = Query::new(name, qtype);
    query.edns = Some(Opt { options, ..Opt::new() });
    query.to_wire()
}

#[test]
fn section_4_responses_are_padded_to_blocks_if_the_query_is_padded() {
    for (name, qtype) in [
        ("xn--live.xn--zfr164b", "A"),
        ("xn--live.xn--zfr164b", "MX"),
        ("xn--own.xn--zfr164b", "A"),
        ("xn--legal.xn--zfr164b", "A"),
        ("xn--nobody.xn--zfr164b", "A"),
        ("elsewhere.test", "A"),
    ] {
        let request = padded(name, qtype, vec![(PADDING, vec![0; 3]), (3, vec![])]);
        let response = Response::of(&zones(), Transport::Tls, &request).expect("an answer");
        assert_eq!(response.octets.len(), BLOCK, "{name} {qtype}");
        let options = response.opt.expect("an OPT record").options;
        let (last, data) = options.last().expect("options");
        assert!(*last == PADDING && data.iter().all(|octet| *octet == 0), "{options:?}");
        let bare = Response::of(&zones(), Transport::Tls, &padded(name, qtype, vec![])).expect("an answer");
        assert!(bare.octets.len() < BLOCK && bare.opt.expect("an OPT record").options.iter().all(|o| o.0 != PADDING));
    }
}

#[test]
fn section_6_nothing_is_padded_in_the_clear() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let request = padded("xn--live.xn--zfr164b", "A", vec![(PADDING, vec![0; 100])]);
        let response = Response::of(&zones(), transport, &request).expect("an answer");
        assert_eq!(response.opt.map(|opt| opt.options), Some(vec![]));
    }
}

/// With a TSIG behind OPT the whole message is what is padded.
#[test]
fn section_4_a_signature_counts() {
    let mut request = padded("xn--live.xn--zfr164b", "A", vec![(PADDING, vec![])]);
    request[11] = 2;
    let rdata = [&b"\x0bhmac-sha256\0"[..], &[0; 6], &[1, 44], &[0, 4], &[9; 4], &[0x12, 0x34], &[0; 4]].concat();
    request
        .extend_from_slice(&[&b"\x03key\0"[..], &[0, 250, 0, 255, 0, 0, 0, 0, 0, rdata.len() as u8], &rdata].concat());
    let response = Response::of(&zones(), Transport::Tls, &request).expect("an answer");
    response.is("NOTAUTH");
    assert!(response.tsig.is_some());
    assert_eq!(response.octets.len(), BLOCK);
}

/// Whatever room there is: the response stays within it, and is padded as far as the room goes.
#[test]
fn section_3_padding_never_goes_beyond_the_room() {
    let request = padded("xn--live.xn--zfr164b", "A", vec![(PADDING, vec![]), (3, vec![])]);
    let zones = zones();
    let tls = crate::dns::client(Transport::Tls);
    let mut response = vec![0xff; 65_535];
    for room in 512..1500 {
        let outcome = respond(&zones, &crate::dns::settings(), &tls, &request, &mut response[..room]);
        assert!(!outcome.truncated && outcome.len == BLOCK, "{room}: {outcome:?}");
    }
    // A response of nearly 468 octets finds room for the option in the next block only, if there is one.
    let settings = |nsid_len| zhengming::query::Settings { nsid: vec![7; nsid_len], ..crate::dns::settings() };
    for (nsid_len, room, len) in [(300, 512, BLOCK), (397, 512, 512), (397, 936, 936), (397, 2000, 936)] {
        let outcome = respond(&zones, &settings(nsid_len), &tls, &request, &mut response[..room]);
        assert!(outcome.len == len, "{nsid_len} {room}: {outcome:?}");
    }
}
