//! DNS over TCP as RFC 7766 wants it: any segmentation, pipelining, connections reused.

use crate::dns::{PATIENCE, framed, query, read, tcp};
use crate::{HELD, NAME, NOERROR, NXDOMAIN, start};
use std::io::Write;
use std::net::Shutdown;
use zhengming::server::TcpLimits;

#[test]
fn a_query_may_come_octet_by_octet() {
    let server = start(TcpLimits::default());
    let mut stream = tcp(server.address());
    stream.set_nodelay(true).unwrap();
    for id in 0..3 {
        for octet in framed(&query(id, NAME)) {
            stream.write_all(&[octet]).unwrap();
        }
        let response = read(&mut stream).unwrap();
        assert_eq!((response.id, response.rcode), (id, NOERROR));
    }
}

#[test]
fn queries_in_one_segment_are_answered_in_order() {
    let server = start(TcpLimits::default());
    let mut stream = tcp(server.address());
    let all: Vec<u8> = (0..500_u16).flat_map(|id| framed(&query(id, if id % 2 == 0 { NAME } else { HELD }))).collect();
    // Cut where no message ends.
    for piece in all.chunks(1013) {
        stream.write_all(piece).unwrap();
    }
    for id in 0..500_u16 {
        let response = read(&mut stream).unwrap();
        assert_eq!((response.id, response.rcode), (id, if id % 2 == 0 { NOERROR } else { NXDOMAIN }));
    }
}

#[test]
fn a_client_that_sends_and_closes_its_half_gets_its_answers() {
    let server = start(TcpLimits::default());
    let mut stream = tcp(server.address());
    stream.write_all(&[framed(&query(1, NAME)), framed(&query(2, NAME))].concat()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream).unwrap().id, 1);
    assert_eq!(read(&mut stream).unwrap().id, 2);
    assert_eq!(read(&mut stream), None);
}

#[test]
fn what_gets_no_answer_does_not_end_the_connection() {
    let server = start(TcpLimits::default());
    let mut stream = tcp(server.address());
    let mut response = query(7, NAME);
    response[2] |= 0x80;
    stream.write_all(&[framed(&response), framed(&query(8, NAME))].concat()).unwrap();
    assert_eq!(read(&mut stream).unwrap().id, 8);
}

#[test]
fn what_is_too_short_for_a_header_ends_the_connection_after_what_was_asked_before() {
    // Idle connections would end, too.
    let server = start(TcpLimits { idle: 2 * PATIENCE, ..TcpLimits::default() });
    for message in [&[][..], &[1], &[1; 11]] {
        let mut stream = tcp(server.address());
        stream.write_all(&framed(&query(7, NAME))).unwrap();
        assert_eq!(read(&mut stream).unwrap().id, 7);
        stream.write_all(&[framed(&query(8, NAME)), framed(message)].concat()).unwrap();
        assert_eq!(read(&mut stream).unwrap().id, 8);
        assert_eq!(read(&mut stream), None);
    }
}
