//! Clients of DNS over TCP that want too much: too many connections, too long, too slow.

use crate::dns::{PATIENCE, ask_tcp, ask_udp, framed, query, read, tcp};
use crate::{NAME, NOERROR, Random, Started, start};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;
use zhengming::server::TcpLimits;

/// Short, so that tests of time-outs end soon; nothing asserts how soon.
const SHORT: Duration = Duration::from_millis(100);
/// Longer than any test takes.
const HOUR: Duration = Duration::from_secs(3600);

fn good(server: &Started) {
    assert_eq!(ask_tcp(server.address(), 1, NAME).rcode, NOERROR);
    assert_eq!(ask_udp(server.address(), 1, NAME).rcode, NOERROR);
}

fn dropped(server: &Started, reason: &str) -> bool {
    let line = format!("zhengming_dns_dropped_total{{reason=\"{reason}\",transport=\"tcp\"}} ");
    let text = server.exporter.render();
    let value = text.lines().find_map(|l| l.strip_prefix(&line)).unwrap_or_else(|| panic!("no {line} in\n{text}"));
    value != "0"
}

#[test]
fn silent_and_half_sent_queries_are_cut_off() {
    let server = start(TcpLimits { idle: SHORT, ..TcpLimits::default() });
    let mut silent = tcp(server.address());
    let mut half = tcp(server.address());
    half.write_all(&framed(&query(1, NAME))[..20]).unwrap();
    let mut served = tcp(server.address());
    served.write_all(&framed(&query(1, NAME))).unwrap();
    assert_eq!(read(&mut silent), None);
    assert_eq!(read(&mut half), None);
    assert!(read(&mut served).is_some());
    assert_eq!(read(&mut served), None);
    assert!(dropped(&server, "tcp_idle"));
    good(&server);
}

#[test]
fn dripping_octets_do_not_keep_a_connection() {
    let server = start(TcpLimits { idle: SHORT, ..TcpLimits::default() });
    let mut stream = tcp(server.address());
    let mut dripping = stream.try_clone().unwrap();
    // A message of 4,096 octets that never ends, nor would its sender.
    let drip = std::thread::spawn(move || {
        let _ = dripping.write_all(&[0x10, 0]);
        for _ in 0..4000 {
            if dripping.write_all(&[0]).is_err() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    });
    assert_eq!(read(&mut stream), None);
    assert!(drip.join().unwrap(), "the connection was closed while octets still came");
}

#[test]
fn a_connection_ends_after_its_life() {
    let server = start(TcpLimits { life: SHORT, ..TcpLimits::default() });
    let mut stream = tcp(server.address());
    let mut reader = stream.try_clone().unwrap();
    let asking = std::thread::spawn(move || {
        while stream.write_all(&framed(&query(1, NAME))).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    while read(&mut reader).is_some() {}
    asking.join().unwrap();
    good(&server);
}

#[test]
fn a_request_too_long_ends_the_connection() {
    let server = start(TcpLimits::default());
    let mut stream = tcp(server.address());
    stream.write_all(&framed(&query(1, NAME))).unwrap();
    stream.write_all(&[0xff, 0xff]).unwrap();
    assert_eq!(read(&mut stream).unwrap().id, 1, "what came before is answered");
    assert_eq!(read(&mut stream), None);
    assert!(dropped(&server, "request_too_long"));
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let server = start(TcpLimits { write: SHORT, idle: PATIENCE, ..TcpLimits::default() });
    let mut stream = tcp(server.address());
    let queries: Vec<u8> = (0..100_u16).flat_map(|id| framed(&query(id, NAME))).collect();
    // Until all buffers are full and the server gives up; writing fails then.
    while stream.write_all(&queries).is_ok() {}
    let counted = (0..1000).any(|_| {
        let counted = dropped(&server, "tcp_slow_reader");
        if !counted {
            std::thread::sleep(Duration::from_millis(5));
        }
        counted
    });
    assert!(counted);
    good(&server);
}

#[test]
fn a_client_that_does_not_read_does_not_hold_up_a_stop() {
    let server = start(TcpLimits { write: HOUR, idle: HOUR, life: HOUR, drain: SHORT, ..TcpLimits::default() });
    let mut stream = tcp(server.address());
    stream.set_write_timeout(Some(SHORT)).unwrap();
    let queries: Vec<u8> = (0..100_u16).flat_map(|id| framed(&query(id, NAME))).collect();
    // Until all buffers are full: the server waits for the client then, and the client for the server.
    while stream.write_all(&queries).is_ok() {}
    let (Started { running, exporter, .. }, (say, stopped)) = (server, std::sync::mpsc::channel());
    std::thread::spawn(move || {
        running.stop();
        let _ = say.send(());
    });
    stopped.recv_timeout(PATIENCE).expect("the server stops");
    assert!(exporter.render().contains("zhengming_dns_connections{transport=\"tcp\"} 0"));
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |_| true));
}

#[test]
fn one_client_cannot_take_all_connections() {
    let server = start(TcpLimits { connections: 100, connections_per_client: 5, ..TcpLimits::default() });
    let kept: Vec<TcpStream> = (0..5).map(|_| kept(server.address())).collect();
    for _ in 0..50 {
        assert_eq!(read(&mut tcp(server.address())), None);
    }
    assert!(dropped(&server, "connections_of_client"));
    let mut other = from_127_0_0_2(server.address());
    other.write_all(&framed(&query(5, NAME))).unwrap();
    assert_eq!(read(&mut other).unwrap().id, 5);
    assert_eq!(ask_udp(server.address(), 1, NAME).rcode, NOERROR);
    drop(kept);
    comes_back(&server);
}

#[test]
fn all_clients_together_cannot_take_more_than_the_total() {
    let server = start(TcpLimits { connections: 3, connections_per_client: 3, ..TcpLimits::default() });
    let kept: Vec<TcpStream> = (0..3).map(|_| kept(server.address())).collect();
    assert_eq!(read(&mut from_127_0_0_2(server.address())), None);
    assert!(dropped(&server, "connections"));
    drop(kept);
    comes_back(&server);
}

/// A connection that has had one answer and stays open.
fn kept(address: SocketAddr) -> TcpStream {
    let mut stream = tcp(address);
    stream.write_all(&framed(&query(1, NAME))).unwrap();
    read(&mut stream).unwrap();
    stream
}

/// Another client than the one every other connection comes from.
fn from_127_0_0_2(address: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.2:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

/// Room comes back when the server sees that a connection has closed; that is soon, but not at once.
fn comes_back(server: &Started) {
    let asked = (0..1000).any(|id| {
        let mut stream = tcp(server.address());
        let _ = stream.write_all(&framed(&query(id, NAME)));
        read(&mut stream).is_some()
    });
    assert!(asked);
}

#[test]
fn random_octets_are_answered_or_cut_off() {
    let server = start(TcpLimits { idle: SHORT, ..TcpLimits::default() });
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..300 {
        let mut octets: Vec<u8> = (0..random.below(900)).map(|_| random.next() as u8).collect();
        if round % 2 == 0 {
            // Of a length that fits, so that the octets are looked at as a message.
            octets = framed(&octets);
        }
        let mut stream = tcp(server.address());
        let _ = stream.write_all(&octets);
        let _ = stream.shutdown(Shutdown::Write);
        while read(&mut stream).is_some() {}
    }
    good(&server);
}
