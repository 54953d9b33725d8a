//! RFC 7828: the TCP keepalive option.

use crate::dns::{Opt, Query, Response, settings, zones};
use zhengming::query::Transport;

const KEEPALIVE: u16 = 11;

fn options(transport: Transport, options: Vec<(u16, Vec<u8>)>) -> Vec<(u16, Vec<u8>)> {
    let mut query = Query::new("xn--live.xn--zfr164b", "A");
    query.edns = Some(Opt { options, ..Opt::new() });
    let response = Response::of(&zones(), transport, &query.to_wire()).expect("an answer");
    response.is("NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5");
    response.opt.expect("an OPT record").options
}

#[test]
fn section_3_3_2_the_timeout_is_told_over_tcp_and_tls_if_asked_for() {
    let timeout = (KEEPALIVE, settings().keepalive.to_be_bytes().to_vec());
    for transport in [Transport::Tcp, Transport::Tls] {
        assert_eq!(options(transport, vec![(KEEPALIVE, vec![])]), std::slice::from_ref(&timeout));
        // Beside others, which keep their order.
        let with_nsid = options(transport, vec![(KEEPALIVE, vec![]), (3, vec![])]);
        assert_eq!(with_nsid, [(3, b"unit-1".to_vec()), timeout.clone()]);
        assert_eq!(options(transport, vec![]), []);
    }
}

#[test]
fn section_3_2_1_over_udp_it_is_ignored() {
    assert_eq!(options(Transport::Udp, vec![(KEEPALIVE, vec![])]), []);
    assert_eq!(options(Transport::Udp, vec![(KEEPALIVE, vec![0, 100])]), []);
}
