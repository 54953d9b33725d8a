//! RFC 9250: what a message over QUIC must not be.

use crate::dns::{Opt, Query, Response, zones};
use zhengming::query::Transport;

fn ask(transport: Transport, id: u16, options: Vec<(u16, Vec<u8>)>) -> Option<Response> {
    let mut query = Query::new("xn--live.xn--zfr164b", "A");
    query.id = id;
    query.edns = Some(Opt { options, ..Opt::new() });
    Response::of(&zones(), transport, &query.to_wire())
}

#[test]
fn section_4_2_1_the_id_is_zero() {
    let response = ask(Transport::Quic, 0, vec![(12, vec![])]).expect("an answer");
    assert_eq!((response.id, response.octets.len()), (0, 468));
    assert!(ask(Transport::Quic, 1, vec![]).is_none());
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Https] {
        assert!(ask(transport, 1, vec![]).is_some());
    }
}

#[test]
fn section_5_5_2_there_is_no_tcp_keepalive() {
    assert!(ask(Transport::Quic, 0, vec![(11, vec![])]).is_none());
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Https] {
        assert!(ask(transport, 0, vec![(11, vec![])]).is_some());
    }
}
