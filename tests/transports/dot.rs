//! DNS over TLS (RFC 7858): the connection of TCP inside TLS, under the same limits.

use crate::dns::{framed, query, tcp};
use crate::kit::{LARGE, NAME, ask, certificate, expect, read, run, start, tls};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use zhengming::server::TcpLimits;

/// Short, so that tests of time-outs end soon; nothing asserts how soon.
const SHORT: Duration = Duration::from_millis(100);

#[test]
fn every_address_answers_also_clients_that_name_no_protocol() {
    let server = start(TcpLimits::default());
    for &address in &server.running.encrypted().tls {
        for protocols in [&["dot"][..], &[], &["other", "dot"]] {
            let mut stream = tls(address, &server.trusts, protocols).unwrap();
            let agreed = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
            assert_eq!(agreed.is_some(), !protocols.is_empty());
            assert_eq!(ask(&mut stream, 7).octets[..2], [0, 7]);
        }
        assert!(tls(address, &server.trusts, &["h2"]).is_err(), "another protocol is refused (RFC 7301 §3.2)");
    }
    let labels = "outcome=\"answer\",rcode=\"NOERROR\",transport=\"tls\",zone=\"xn--zfr164b.\"";
    assert_eq!(server.metric(&format!("zhengming_dns_queries_total{{{labels}}}")).as_deref(), Some("6"));
}

#[test]
fn many_queries_in_flight_are_all_answered_whole() {
    let server = start(TcpLimits::default());
    let mut stream = tls(server.dot(), &server.trusts, &["dot"]).unwrap();
    let name = |id: u16| if id.is_multiple_of(3) { LARGE } else { NAME };
    let all: Vec<u8> = (0..600).flat_map(|id| framed(&query(id, name(id)))).collect();
    // Records end where no message ends. What is answered fits into the buffers on the way, so writing first is safe.
    all.chunks(1013).for_each(|piece| stream.write_all(piece).unwrap());
    for id in 0..600_u16 {
        let response = read(&mut stream).unwrap();
        assert_eq!((response.id, response.answers), (id, if id.is_multiple_of(3) { 200 } else { 1 }));
    }
}

#[test]
fn half_open_handshakes_delay_nobody_and_are_cut_off() {
    let limits = TcpLimits { handshake: Duration::from_secs(2), ..TcpLimits::default() };
    let server = start(limits);
    let mut silent: Vec<TcpStream> = (0..20).map(|_| tcp(server.dot())).collect();
    // Half a record of a hello that never comes.
    silent.iter_mut().step_by(2).for_each(|stream| stream.write_all(&[22, 3, 1, 2, 0, 1]).unwrap());
    assert_eq!(ask(&mut tls(server.dot(), &server.trusts, &["dot"]).unwrap(), 1).answers, 1);
    assert!(!server.dropped("tls", "handshake"), "the answer came while handshakes were open");
    for stream in &mut silent {
        let _ = stream.read_to_end(&mut Vec::new());
    }
    server.drops("tls", "handshake");
    // DNS in the clear on this port is no handshake either.
    let mut plain = tcp(server.dot());
    plain.write_all(&framed(&query(1, NAME))).unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.windows(4).any(|octets| octets == [203, 0, 113, 5]));
}

#[test]
fn a_swapped_certificate_is_for_new_connections() {
    let server = start(TcpLimits::default());
    let mut old = tls(server.dot(), &server.trusts, &["dot"]).unwrap();
    let (trusted, key) = certificate();
    assert!(tls(server.dot(), &trusted, &["dot"]).is_err());
    server.certificate.send_replace(key);
    assert_eq!(ask(&mut tls(server.dot(), &trusted, &["dot"]).unwrap(), 1).answers, 1);
    assert!(tls(server.dot(), &server.trusts, &["dot"]).is_err());
    assert_eq!(ask(&mut old, 2).answers, 1, "what was open stays open");
}

#[test]
fn idle_connections_are_closed_as_tls_wants_it() {
    let server = start(TcpLimits { idle: SHORT, ..TcpLimits::default() });
    let mut silent = tls(server.dot(), &server.trusts, &["dot"]).unwrap();
    let mut half = tls(server.dot(), &server.trusts, &["dot"]).unwrap();
    half.write_all(&framed(&query(1, NAME))[..20]).unwrap();
    // An end without close_notify would be an error here.
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(half.read(&mut [0; 8]).unwrap(), 0);
    assert!(server.dropped("tls", "tcp_idle"));
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let server = start(TcpLimits { write: SHORT, ..TcpLimits::default() });
    let mut stream = tls(server.dot(), &server.trusts, &["dot"]).unwrap();
    let queries: Vec<u8> = (0..100).flat_map(|id| framed(&query(id, LARGE))).collect();
    while stream.write_all(&queries).is_ok() {}
    server.drops("tls", "tcp_slow_reader");
    assert_eq!(ask(&mut tls(server.dot(), &server.trusts, &["dot"]).unwrap(), 1).answers, 1);
}

#[test]
fn encrypted_connections_have_limits_of_their_own() {
    let server = start(TcpLimits { connections: 4, connections_per_client: 2, ..TcpLimits::default() });
    let _open = [0; 2].map(|_| tls(server.dot(), &server.trusts, &["dot"]).unwrap());
    assert!(tls(server.dot(), &server.trusts, &["dot"]).is_err());
    server.drops("tls", "connections_of_client");
    assert_eq!(server.metric("zhengming_dns_connections{transport=\"tls\"}").as_deref(), Some("2"));
    assert_eq!(crate::dns::ask_tcp(server.running.addresses()[0], 1, NAME).answers, 1, "TCP has its own");
}

#[test]
fn stopping_closes_connections_and_frees_the_port() {
    let server = start(TcpLimits::default());
    let address = server.dot();
    let mut open = tls(address, &server.trusts, &["dot"]).unwrap();
    let _half = tcp(address);
    ask(&mut open, 1);
    server.running.stop();
    assert_eq!(open.read(&mut [0; 8]).unwrap(), 0);
    zhengming::http::accept::bind(address).expect("the port is free again");
}

#[test]
fn kdig_and_openssl_are_served() {
    let server = start(TcpLimits::default());
    let port = server.dot().port().to_string();
    let kdig = |rest: &[&str]| run("kdig", &[&["@127.0.0.1", "-p", &port, "+tls"][..], rest].concat());
    // kdig pads its queries over TLS by itself (RFC 8467 §4.1), so the answer is padded.
    let text = kdig(&[NAME, "A"]);
    expect(&text, &["status: NOERROR", "203.0.113.5", "PADDING", "468 B"]);
    expect(&kdig(&["+nopadding", NAME, "A"]), &["status: NOERROR", "203.0.113.5"]);
    expect(&kdig(&[LARGE, "A"]), &["status: NOERROR", "ANSWER: 200", "203.0.113.199"]);
    // Several questions over one connection.
    expect(&kdig(&["+keepopen", NAME, "A", LARGE, "A", NAME, "AAAA"]), &["203.0.113.5", "ANSWER: 200", "ANSWER: 0"]);
    for version in ["-tls1_2", "-tls1_3"] {
        let connect = format!("127.0.0.1:{port}");
        let text = run("openssl", &["s_client", "-connect", &connect, "-alpn", "dot", version]);
        expect(&text, &["ALPN protocol: dot"]);
    }
}
