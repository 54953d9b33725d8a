//! DNS over QUIC (RFC 9250): one stream per query, errors, limits.

use crate::dns::{PATIENCE, Response, framed, query};
use crate::kit::{HOST, LARGE, NAME, Started, certificate, client_config, eventually, expect, run, start};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint};
use rustls::pki_types::CertificateDer;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use zhengming::server::TcpLimits;

/// Short, so that tests of time-outs end soon; nothing asserts how soon.
const SHORT: Duration = Duration::from_millis(100);

/// A client with sockets of its own.
pub struct Client {
    pub runtime: Runtime,
    endpoints: Vec<Endpoint>,
}

impl Client {
    pub fn new() -> Self {
        Self { runtime: Runtime::new().unwrap(), endpoints: Vec::new() }
    }

    /// A connection from a fresh port, or why there is none.
    pub fn connect_with(
        &mut self,
        server: SocketAddr,
        trusted: &CertificateDer<'static>,
        protocol: &str,
        transport: quinn::TransportConfig,
    ) -> Result<Connection, ConnectionError> {
        let crypto = QuicClientConfig::try_from(client_config(trusted, &[protocol])).unwrap();
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport));
        let _entered = self.runtime.enter();
        let local = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        let endpoint = Endpoint::client(local.parse().unwrap()).unwrap();
        self.endpoints.push(endpoint.clone());
        self.runtime.block_on(endpoint.connect_with(config, server, HOST).unwrap())
    }

    fn connect(&mut self, server: &Started) -> Connection {
        self.connect_with(server.doq(), &server.trusts, "doq", Default::default()).unwrap()
    }

    /// What the server answers to these octets on a stream of their own.
    fn exchange(&self, connection: &Connection, octets: &[u8]) -> Result<Vec<u8>, quinn::ReadToEndError> {
        self.runtime.block_on(exchange(connection.clone(), octets.to_vec()))
    }

    /// The code with which the server closes the connection.
    pub fn close_code(&self, connection: &Connection) -> u64 {
        let closed = async { tokio::time::timeout(PATIENCE, connection.closed()).await.expect("the connection ends") };
        match self.runtime.block_on(closed) {
            ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            error => panic!("the server did not close the connection: {error}"),
        }
    }
}

async fn exchange(connection: Connection, octets: Vec<u8>) -> Result<Vec<u8>, quinn::ReadToEndError> {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let _ = send.write_all(&octets).await;
    let _ = send.finish();
    receive.read_to_end(70_000).await
}

fn response(octets: &[u8]) -> Response {
    let (len, message) = octets.split_first_chunk().expect("a length");
    assert_eq!(usize::from(u16::from_be_bytes(*len)), message.len());
    Response::parse(message)
}

#[test]
fn every_address_answers_one_query_a_stream() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    for &address in &server.running.encrypted().quic {
        let connection = client.connect_with(address, &server.trusts, "doq", Default::default()).unwrap();
        for (name, answers) in [(NAME, 1), (LARGE, 200), ("nobody.xn--zfr164b", 0)] {
            let response = response(&client.exchange(&connection, &framed(&query(0, name))).unwrap());
            assert_eq!((response.id, response.answers), (0, answers));
        }
        assert!(client.connect_with(address, &server.trusts, "h3", Default::default()).is_err(), "another protocol");
    }
    drop(client);
    let labels = "outcome=\"answer\",rcode=\"NOERROR\",transport=\"quic\",zone=\"xn--zfr164b.\"";
    assert_eq!(server.metric(&format!("zhengming_dns_queries_total{{{labels}}}")).as_deref(), Some("4"));
}

#[test]
fn many_queries_are_in_flight_over_one_connection() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let connection = client.connect(&server);
    client.runtime.block_on(async {
        let asked = (0..600_u16).map(|number| {
            let (name, answers) = if number.is_multiple_of(3) { (LARGE, 200) } else { (NAME, 1) };
            let asked = tokio::spawn(exchange(connection.clone(), framed(&query(0, name))));
            (asked, answers)
        });
        for (asked, answers) in asked.collect::<Vec<_>>() {
            assert_eq!(response(&asked.await.unwrap().unwrap()).answers, answers);
        }
    });
}

#[test]
fn breaking_the_protocol_ends_the_connection_with_its_code() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let good = framed(&query(0, NAME));
    let mut answer = query(0, NAME);
    answer[2] |= 0x80;
    // OPT with the keepalive option.
    let mut keepalive = query(0, NAME);
    keepalive[11] = 1;
    keepalive.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 4, 0, 11, 0, 0]);
    for (octets, what) in [
        (framed(&query(1, NAME)), "an ID"),
        (good[..20].to_vec(), "an end within the message"),
        (vec![0], "an end within the length"),
        (vec![], "no message"),
        ([&good[..], &good].concat(), "two messages"),
        (framed(&answer), "a response"),
        (framed(&[0; 5]), "no header"),
        (framed(&keepalive), "TCP keepalive"),
    ] {
        let connection = client.connect(&server);
        client.exchange(&connection, &octets).expect_err(what);
        assert_eq!(client.close_code(&connection), 2, "DOQ_PROTOCOL_ERROR for {what}");
    }
    assert!(server.dropped("quic", "protocol"));
    // The same option is no fault without its number.
    keepalive[query(0, NAME).len() + 12] = 99;
    let connection = client.connect(&server);
    assert_eq!(response(&client.exchange(&connection, &framed(&keepalive)).unwrap()).answers, 1);
}

#[test]
fn a_query_too_long_or_cancelled_ends_its_stream_alone() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let connection = client.connect(&server);
    client.exchange(&connection, &vec![0xff; 20_000]).expect_err("too long");
    server.drops("quic", "request_too_long");
    client.runtime.block_on(async {
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&[0]).await.unwrap();
        send.reset(3_u32.into()).unwrap();
        receive.read_to_end(10).await.expect_err("cancelled");
    });
    assert_eq!(response(&client.exchange(&connection, &framed(&query(0, NAME))).unwrap()).answers, 1);
    // Streams in one direction are not opened to anybody.
    let opened = client.runtime.block_on(async { tokio::time::timeout(SHORT, connection.open_uni()).await });
    assert!(opened.is_err(), "no credit for such a stream ever comes");
}

/// The first packet of a handshake, as a client sends it that then says no more.
pub fn half_open(
    server: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocol: &str,
    runtime: &Runtime,
) -> UdpSocket {
    // Caught from a real client by a socket in the server's place.
    let catcher = UdpSocket::bind("127.0.0.1:0").unwrap();
    catcher.set_read_timeout(Some(PATIENCE)).unwrap();
    let crypto = QuicClientConfig::try_from(client_config(trusted, &[protocol])).unwrap();
    let _entered = runtime.enter();
    let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let _connecting = endpoint.connect_with(config, catcher.local_addr().unwrap(), HOST).unwrap();
    let mut packet = [0; 2000];
    let len = catcher.recv(&mut packet).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&packet[..len], server).unwrap();
    socket
}

#[test]
fn half_open_handshakes_delay_nobody_and_are_cut_off() {
    let server = start(TcpLimits { handshake: Duration::from_secs(2), ..TcpLimits::default() });
    let mut client = Client::new();
    let _half: Vec<_> = (0..20).map(|_| half_open(server.doq(), &server.trusts, "doq", &client.runtime)).collect();
    let open = || server.metric("zhengming_dns_connections{transport=\"quic\"}");
    eventually(|| open().as_deref() == Some("20"), "twenty handshakes");
    let connection = client.connect(&server);
    assert_eq!(response(&client.exchange(&connection, &framed(&query(0, NAME))).unwrap()).answers, 1);
    assert!(!server.dropped("quic", "handshake"), "the answer came while handshakes were open");
    eventually(|| open().as_deref() == Some("1"), "the half-open ones are gone");
    assert!(server.dropped("quic", "handshake"));
}

#[test]
fn clients_show_where_they_are_once_connections_are_many() {
    let limits = TcpLimits { connections: 16, connections_per_client: 16, ..TcpLimits::default() };
    let server = start(limits);
    let mut client = Client::new();
    let open: Vec<Connection> = (0..4).map(|_| client.connect(&server)).collect();
    // A forged first packet now takes no room: its sender never hears of the token that it would have to bring back.
    let _half: Vec<_> = (0..12).map(|_| half_open(server.doq(), &server.trusts, "doq", &client.runtime)).collect();
    // A real client brings it back.
    let connection = client.connect(&server);
    assert_eq!(response(&client.exchange(&connection, &framed(&query(0, NAME))).unwrap()).answers, 1);
    assert_eq!(server.metric("zhengming_dns_connections{transport=\"quic\"}").as_deref(), Some("5"));
    drop(open);
}

#[test]
fn connections_are_limited_and_refused_at_once() {
    let server = start(TcpLimits { connections: 8, connections_per_client: 1, ..TcpLimits::default() });
    let mut client = Client::new();
    let _open = client.connect(&server);
    let refused = client.connect_with(server.doq(), &server.trusts, "doq", Default::default());
    assert!(matches!(refused, Err(ConnectionError::ConnectionClosed(_))), "{refused:?}");
    assert!(server.dropped("quic", "connections_of_client"));
}

#[test]
fn a_swapped_certificate_is_for_new_connections() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let old = client.connect(&server);
    let (trusted, key) = certificate();
    server.certificate.send_replace(key);
    client.connect_with(server.doq(), &trusted, "doq", Default::default()).unwrap();
    assert!(client.connect_with(server.doq(), &server.trusts, "doq", Default::default()).is_err());
    assert_eq!(response(&client.exchange(&old, &framed(&query(0, NAME))).unwrap()).answers, 1);
}

#[test]
fn idle_connections_are_closed_however_they_are_kept_alive() {
    let server = start(TcpLimits { idle: SHORT, ..TcpLimits::default() });
    let mut client = Client::new();
    let mut transport = quinn::TransportConfig::default();
    transport.keep_alive_interval(Some(SHORT / 5));
    let connection = client.connect_with(server.doq(), &server.trusts, "doq", transport).unwrap();
    assert_eq!(client.close_code(&connection), 0, "DOQ_NO_ERROR");
    assert!(server.dropped("quic", "tcp_idle"));
}

#[test]
fn a_connection_ends_after_its_life() {
    let server = start(TcpLimits { life: SHORT, ..TcpLimits::default() });
    let mut client = Client::new();
    let connection = client.connect(&server);
    let asking = client.runtime.spawn({
        let connection = connection.clone();
        async move {
            while let Ok((mut send, mut receive)) = connection.open_bi().await {
                let _ = send.write_all(&framed(&query(0, NAME))).await;
                let _ = send.finish();
                let _ = receive.read_to_end(70_000).await;
            }
        }
    });
    assert_eq!(client.close_code(&connection), 0);
    client.runtime.block_on(asking).unwrap();
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let server = start(TcpLimits { write: SHORT, ..TcpLimits::default() });
    let mut client = Client::new();
    let mut transport = quinn::TransportConfig::default();
    // Room for less than one of the large answers.
    transport.receive_window(1000_u32.into()).stream_receive_window(1000_u32.into());
    let connection = client.connect_with(server.doq(), &server.trusts, "doq", transport).unwrap();
    let _unread = client.runtime.block_on(async {
        let (mut send, receive) = connection.open_bi().await.unwrap();
        send.write_all(&framed(&query(0, LARGE))).await.unwrap();
        send.finish().unwrap();
        receive
    });
    assert_eq!(client.close_code(&connection), 4, "DOQ_EXCESSIVE_LOAD");
    assert!(server.dropped("quic", "tcp_slow_reader"));
}

#[test]
fn stopping_closes_connections_and_frees_the_port() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let (connection, address) = (client.connect(&server), server.doq());
    let _half = half_open(address, &server.trusts, "doq", &client.runtime);
    server.running.stop();
    assert_eq!(client.close_code(&connection), 0);
    UdpSocket::bind(address).expect("the port is free again");
}

#[test]
fn random_packets_are_no_harm() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut random = crate::kit::Random(7);
    for round in 0..2000_usize {
        let mut packet: Vec<u8> = (0..round % 1400).map(|_| random.octet()).collect();
        // Half of them look like first packets of version 1.
        if round % 2 == 0 && packet.len() > 5 {
            packet[..5].copy_from_slice(&[0xc0, 0, 0, 0, 1]);
        }
        let _ = socket.send_to(&packet, server.doq());
    }
    let connection = client.connect(&server);
    assert_eq!(response(&client.exchange(&connection, &framed(&query(0, NAME))).unwrap()).answers, 1);
}

#[test]
fn kdig_is_served() {
    let server = start(TcpLimits::default());
    let port = server.doq().port().to_string();
    let kdig = |rest: &[&str]| run("kdig", &[&["@127.0.0.1", "-p", &port, "+quic"][..], rest].concat());
    expect(&kdig(&[NAME, "A"]), &["status: NOERROR", "203.0.113.5", "QUIC", "468 B"]);
    expect(&kdig(&[LARGE, "A"]), &["status: NOERROR", "ANSWER: 200", "203.0.113.199"]);
}
