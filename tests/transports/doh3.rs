//! DNS over HTTP/3: the same answers as over HTTP/2, and the same limits.

use crate::dns::{PATIENCE, Response, query};
use crate::doh::base64url;
use crate::doq::{Client, half_open};
use crate::kit::{LARGE, NAME, Started, certificate, eventually, start};
use hyper::body::{Buf, Bytes};
use hyper::{Method, Request, StatusCode};
use quinn::{Connection, TransportConfig};
use std::net::UdpSocket;
use std::time::Duration;
use zhengming::server::TcpLimits;

/// Short, so that tests of time-outs end soon; nothing asserts how soon.
const SHORT: Duration = Duration::from_millis(100);
/// Codes with which connections are closed (RFC 9114 §8.1).
const H3_NO_ERROR: u64 = 0x100;
const H3_EXCESSIVE_LOAD: u64 = 0x107;
/// The media type of DNS messages.
const DNS: &str = "application/dns-message";

type Sender = h3::client::SendRequest<h3_quinn::OpenStreams, Bytes>;

/// What came back of a request.
struct Reply {
    head: hyper::Response<()>,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.headers().get(name).map(|value| value.to_str().unwrap())
    }
}

/// A connection, and HTTP/3 on it.
fn connect_with(client: &mut Client, server: &Started, transport: TransportConfig) -> (Connection, Sender) {
    let connection = client.connect_with(server.doh3(), &server.trusts, "h3", transport).unwrap();
    let sender = speak(client, &connection);
    (connection, sender)
}

fn connect(client: &mut Client, server: &Started) -> (Connection, Sender) {
    connect_with(client, server, TransportConfig::default())
}

fn speak(client: &Client, connection: &Connection) -> Sender {
    client.runtime.block_on(async {
        let begun = h3::client::new(h3_quinn::Connection::new(connection.clone())).await;
        let (mut driver, sender) = begun.unwrap();
        tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
        sender
    })
}

fn request(method: Method, target: &str, kind: Option<&str>) -> Request<()> {
    let request = Request::builder().method(method).uri(format!("https://ns.example{target}"));
    let request = kind.into_iter().fold(request, |request, kind| request.header("content-type", kind));
    request.body(()).unwrap()
}

async fn exchange(sender: &mut Sender, request: Request<()>, body: &[u8]) -> Reply {
    let mut stream = sender.send_request(request).await.unwrap();
    // The server may have said enough before all of it is there.
    if !body.is_empty() {
        let _ = stream.send_data(Bytes::copy_from_slice(body)).await;
    }
    let _ = stream.finish().await;
    let head = stream.recv_response().await.unwrap();
    let mut body = Vec::new();
    while let Some(mut piece) = stream.recv_data().await.unwrap() {
        body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    Reply { head, body }
}

fn get(name: &str) -> Request<()> {
    request(Method::GET, &format!("/dns-query?dns={}", base64url(&query(0, name))), None)
}

#[test]
fn get_and_post_are_answered_as_over_http_2() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    for &address in &server.running.encrypted().http3 {
        let connection = client.connect_with(address, &server.trusts, "h3", TransportConfig::default()).unwrap();
        let mut sender = speak(&client, &connection);
        for (name, answers, rcode, age) in
            [(NAME, 1, 0, "max-age=600"), (LARGE, 200, 0, "max-age=300"), ("nobody.xn--zfr164b", 0, 3, "max-age=300")]
        {
            let posted = request(Method::POST, "/dns-query", Some(DNS));
            let replies = client.runtime.block_on(async {
                [exchange(&mut sender, get(name), &[]).await, exchange(&mut sender, posted, &query(7, name)).await]
            });
            for (reply, id) in replies.iter().zip([0, 7]) {
                assert_eq!(reply.head.status(), StatusCode::OK);
                assert_eq!((reply.header("content-type"), reply.header("cache-control")), (Some(DNS), Some(age)));
                assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
                let response = Response::parse(&reply.body);
                assert_eq!((response.id, response.answers, response.rcode), (id, answers, rcode), "{name}");
            }
        }
        let (url, given) = (format!("/dns-query?dns={}", base64url(&query(0, NAME))), get(NAME));
        let [with, without] = client.runtime.block_on(async {
            let head = request(Method::HEAD, &url, None);
            [exchange(&mut sender, given, &[]).await, exchange(&mut sender, head, &[]).await]
        });
        assert_eq!((without.head.status(), without.body.len()), (StatusCode::OK, 0));
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(without.header(name), with.header(name), "{name}");
        }
        assert!(client.connect_with(address, &server.trusts, "doq", TransportConfig::default()).is_err());
    }
    let labels = "outcome=\"answer\",rcode=\"NOERROR\",transport=\"http3\",zone=\"xn--zfr164b.\"";
    assert_eq!(server.metric(&format!("zhengming_dns_queries_total{{{labels}}}")).as_deref(), Some("12"));
}

#[test]
fn what_is_no_dns_request_gets_the_status_that_says_why() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let (_connection, mut sender) = connect(&mut client, &server);
    let good = query(0, NAME);
    for (request, body, status) in [
        (request(Method::GET, "/", None), &[][..], 404),
        (request(Method::GET, "/dns-query", None), &[], 400),
        (request(Method::GET, "/dns-query?dns=A", None), &[], 400),
        (request(Method::GET, &format!("/dns-query?dns={}", "A".repeat(10_925)), None), &[], 414),
        (request(Method::PUT, "/dns-query", Some(DNS)), &good, 405),
        (request(Method::POST, "/dns-query", Some("text/plain")), &good, 415),
        (request(Method::POST, "/dns-query", None), &good, 415),
        (request(Method::POST, "/dns-query", Some(DNS)), &[0; 8193], 413),
        (request(Method::POST, "/dns-query", Some(DNS)), &[0; 5], 400),
        (request(Method::POST, "/dns-query", Some(DNS)), &good, 200),
    ] {
        let what = format!("{request:?}");
        let reply = client.runtime.block_on(exchange(&mut sender, request, body));
        assert_eq!(reply.head.status(), status, "{what}");
        assert_eq!(reply.header("allow"), (status == 405).then_some("GET, HEAD, POST"));
    }
    assert!(server.dropped("http3", "protocol"));
}

#[test]
fn many_queries_are_in_flight_over_one_connection() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let (_connection, sender) = connect(&mut client, &server);
    client.runtime.block_on(async {
        let asked = (0..400_u16).map(|number| {
            let (name, answers) = if number.is_multiple_of(3) { (LARGE, 200) } else { (NAME, 1) };
            let mut sender = sender.clone();
            (tokio::spawn(async move { exchange(&mut sender, get(name), &[]).await }), answers)
        });
        for (asked, answers) in asked.collect::<Vec<_>>() {
            assert_eq!(Response::parse(&asked.await.unwrap().body).answers, answers);
        }
    });
}

/// The answers of HTTP/2 and HTTP/1.1 say where HTTP/3 is, those of HTTP/3 need not.
#[test]
fn other_versions_lead_here() {
    let server = start(TcpLimits::default());
    let port = server.doh3().port();
    let target = format!("https://ns.example/dns-query?dns={}", base64url(&query(0, NAME)));
    let connect = format!("::127.0.0.1:{}", server.doh().port());
    for version in ["--http2", "--http1.1"] {
        let head = crate::kit::run("curl", &["-skD-", "-o/dev/null", version, "--connect-to", &connect, &target]);
        assert!(head.contains(&format!("alt-svc: h3=\":{port}\"; ma=86400")), "{version}: {head}");
    }
    let mut client = Client::new();
    let (_connection, mut sender) = self::connect(&mut client, &server);
    assert_eq!(client.runtime.block_on(exchange(&mut sender, get(NAME), &[])).header("alt-svc"), None);
}

#[test]
fn half_open_handshakes_delay_nobody_and_are_cut_off() {
    let server = start(TcpLimits { handshake: Duration::from_secs(2), ..TcpLimits::default() });
    let mut client = Client::new();
    let _half: Vec<_> = (0..20).map(|_| half_open(server.doh3(), &server.trusts, "h3", &client.runtime)).collect();
    let open = || server.metric("zhengming_dns_connections{transport=\"http3\"}");
    eventually(|| open().as_deref() == Some("20"), "twenty handshakes");
    let (_connection, mut sender) = connect(&mut client, &server);
    assert_eq!(client.runtime.block_on(exchange(&mut sender, get(NAME), &[])).head.status(), StatusCode::OK);
    assert!(!server.dropped("http3", "handshake"), "the answer came while handshakes were open");
    eventually(|| open().as_deref() == Some("1"), "the half-open ones are gone");
    assert!(server.dropped("http3", "handshake"));
}

#[test]
fn connections_are_limited_and_certificates_swapped() {
    let server = start(TcpLimits { connections: 8, connections_per_client: 1, ..TcpLimits::default() });
    let mut client = Client::new();
    let (old, mut sender) = connect(&mut client, &server);
    assert!(client.connect_with(server.doh3(), &server.trusts, "h3", TransportConfig::default()).is_err());
    assert!(server.dropped("http3", "connections_of_client"));
    let (trusted, key) = certificate();
    server.certificate.send_replace(key);
    assert_eq!(client.runtime.block_on(exchange(&mut sender, get(NAME), &[])).head.status(), StatusCode::OK);
    old.close(0_u32.into(), b"");
    let again = || client.connect_with(server.doh3(), &trusted, "h3", TransportConfig::default()).is_ok();
    eventually(again, "room for a connection with the new certificate");
}

#[test]
fn idle_connections_are_closed_and_lives_end() {
    for limits in [TcpLimits { idle: SHORT, ..TcpLimits::default() }, TcpLimits { life: SHORT, ..TcpLimits::default() }]
    {
        let server = start(limits);
        let mut client = Client::new();
        let mut transport = TransportConfig::default();
        transport.keep_alive_interval(Some(SHORT / 5));
        let (connection, _sender) = connect_with(&mut client, &server, transport);
        assert_eq!(client.close_code(&connection), H3_NO_ERROR);
        assert!(server.dropped("http3", "tcp_idle"));
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let server = start(TcpLimits { idle: Duration::from_secs(1), ..TcpLimits::default() });
    let mut client = Client::new();
    // Else the connection ends as one that says nothing.
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(SHORT));
    let (_connection, mut sender) = connect_with(&mut client, &server, transport);
    let status = client.runtime.block_on(async {
        let mut stream = sender.send_request(request(Method::POST, "/dns-query", Some(DNS))).await.unwrap();
        stream.send_data(Bytes::from_static(&[0])).await.unwrap();
        stream.recv_response().await.unwrap().status()
    });
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let server = start(TcpLimits { write: SHORT, ..TcpLimits::default() });
    let mut client = Client::new();
    let mut transport = TransportConfig::default();
    // Room for less than one of the large answers.
    transport.stream_receive_window(1000_u32.into());
    let (connection, mut sender) = connect_with(&mut client, &server, transport);
    let _unread = client.runtime.block_on(async {
        let mut stream = sender.send_request(get(LARGE)).await.unwrap();
        stream.finish().await.unwrap();
        stream
    });
    assert_eq!(client.close_code(&connection), H3_EXCESSIVE_LOAD);
    assert!(server.dropped("http3", "tcp_slow_reader"));
}

/// A frame that says that it is long is not collected: neither of headers nor of a kind that means nothing, neither on one
/// stream nor on many.
#[test]
fn frames_without_end_take_no_memory() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    for kind in [0x01, 0x21] {
        let (connection, _sender) = connect(&mut client, &server);
        // A frame of 2^30 − 1 octets.
        let head = [kind, 0xbf, 0xff, 0xff, 0xff];
        let taken = client.runtime.block_on(async {
            let (mut send, _receive) = connection.open_bi().await.unwrap();
            send.write_all(&head).await.unwrap();
            let mut taken = 0;
            while send.write_all(&[7; 1024]).await.is_ok() {
                taken += 1024;
                assert!(taken < 10 << 20, "the server takes {taken} octets and more");
            }
            taken
        });
        assert!(taken >= 32 << 10, "only {taken} octets were taken");
    }
    let (_connection, mut sender) = connect(&mut client, &server);
    assert_eq!(client.runtime.block_on(exchange(&mut sender, get(NAME), &[])).head.status(), StatusCode::OK);
    let (connection, _sender) = connect(&mut client, &server);
    client.runtime.block_on(async {
        // Each of them less than a stream may send.
        let mut streams = Vec::new();
        for _ in 0..50 {
            let (mut send, receive) = connection.open_bi().await.unwrap();
            let sent = async {
                send.write_all(&[0x01, 0xbf, 0xff, 0xff, 0xff]).await?;
                send.write_all(&vec![7; 20_000]).await
            };
            if tokio::time::timeout(PATIENCE, sent).await.expect("taken or refused").is_err() {
                return;
            }
            streams.push((send, receive));
        }
        let ended = async {
            for (send, _) in &mut streams {
                if send.stopped().await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("some of them are stopped");
    });
}

#[test]
fn stopping_closes_connections_and_frees_the_port() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let (connection, mut sender) = connect(&mut client, &server);
    // The server knows that the handshake is over, too.
    assert_eq!(client.runtime.block_on(exchange(&mut sender, get(NAME), &[])).head.status(), StatusCode::OK);
    let address = server.doh3();
    server.running.stop();
    assert_eq!(client.close_code(&connection), H3_NO_ERROR);
    UdpSocket::bind(address).expect("the port is free again");
}

#[test]
fn random_streams_are_no_harm() {
    let server = start(TcpLimits::default());
    let mut client = Client::new();
    let mut random = crate::kit::Random(11);
    for round in 0..60_usize {
        let connection = client.connect_with(server.doh3(), &server.trusts, "h3", TransportConfig::default()).unwrap();
        client.runtime.block_on(async {
            for _ in 0..8 {
                let octets: Vec<u8> = (0..round * 7).map(|_| random.octet()).collect();
                let Ok((mut send, _)) = connection.open_bi().await else { return };
                let _ = send.write_all(&octets).await;
                let _ = send.finish();
                let Ok(mut send) = connection.open_uni().await else { return };
                let _ = send.write_all(&octets).await;
            }
        });
        connection.close(0_u32.into(), b"");
    }
    let (_connection, mut sender) = connect(&mut client, &server);
    assert_eq!(client.runtime.block_on(exchange(&mut sender, get(NAME), &[])).head.status(), StatusCode::OK);
}
