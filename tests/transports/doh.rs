//! DNS over HTTPS (RFC 8484): HTTP/2 and HTTP/1.1, GET and POST, statuses, freshness, limits.

use crate::dns::{PATIENCE, Response, query};
use crate::kit::{HOST, LARGE, NAME, Random, Started, Tls, client_config, eventually, expect, run, start, tls};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;
use zhengming::server::TcpLimits;

/// Short, so that tests of time-outs end soon; nothing asserts how soon.
const SHORT: Duration = Duration::from_millis(100);

/// An answer of HTTP/1.1.
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Base64url without padding, as coreutils has it.
pub fn base64url(octets: &[u8]) -> String {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), octets).unwrap();
    let text = run("basenc", &["--base64url", "-w0", path.path().to_str().unwrap()]);
    text.trim_end_matches('=').to_owned()
}

/// The answer to one request of HTTP/1.1 over a connection of its own.
fn exchange(server: &Started, head: &str, body: &[u8]) -> Reply {
    let mut stream = tls(server.doh(), &server.trusts, &["http/1.1"]).unwrap();
    let head = format!("{head}\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).unwrap();
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(octets[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: octets[end + 4..].to_vec() }
}

fn post(server: &Started, body: &[u8]) -> Reply {
    exchange(server, "POST /dns-query HTTP/1.1\r\nContent-Type: application/dns-message", body)
}

fn get(server: &Started, target: &str) -> Reply {
    exchange(server, &format!("GET {target} HTTP/1.1"), b"")
}

#[test]
fn get_and_post_carry_messages_and_say_how_long_they_stay_true() {
    let server = start(TcpLimits::default());
    for (name, answers, rcode, max_age) in [
        (NAME, 1, 0, 600),
        (LARGE, 200, 0, 300),
        ("nobody.xn--zfr164b", 0, 3, 300),
        ("txt.nic.xn--zfr164b", 0, 3, 300),
        ("www.example", 0, 5, 0),
    ] {
        let message = query(0, name);
        for reply in [post(&server, &message), get(&server, &format!("/dns-query?dns={}", base64url(&message)))] {
            assert_eq!(reply.status, 200, "{name}: {}", reply.head);
            assert_eq!(reply.header("content-type"), Some("application/dns-message"));
            assert_eq!(reply.header("cache-control"), Some(&*format!("max-age={max_age}")), "{name}");
            let response = Response::parse(&reply.body);
            assert_eq!((response.answers, response.rcode), (answers, rcode), "{name}");
            assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
        }
    }
    let labels = "outcome=\"answer\",rcode=\"NOERROR\",transport=\"https\",zone=\"xn--zfr164b.\"";
    assert_eq!(server.metric(&format!("zhengming_dns_queries_total{{{labels}}}")).as_deref(), Some("4"));
}

#[test]
fn what_is_no_dns_request_gets_the_status_that_says_why() {
    let server = start(TcpLimits::default());
    let message = query(0, NAME);
    let encoded = base64url(&message);
    let mut response = message.clone();
    response[2] |= 0x80;
    let with_type = |kind: &str| format!("POST /dns-query HTTP/1.1\r\nContent-Type: {kind}");
    let dns = with_type("application/dns-message");
    let get = |target: &str| format!("GET {target} HTTP/1.1");
    let cases: &[(&str, &[u8], u16)] = &[
        (&get("/"), b"", 404),
        (&get("/dns-query/"), b"", 404),
        (&get(&format!("/other?dns={encoded}")), b"", 404),
        (&get("/dns-query"), b"", 400),
        (&get("/dns-query?dns="), b"", 400),
        (&get("/dns-query?dns=AAAA"), b"", 400),
        (&get(&format!("/dns-query?dns={encoded}=")), b"", 400),
        (&get(&format!("/dns-query?dns={}", base64url(&response))), b"", 400),
        (&get(&format!("/dns-query?dns={}", "A".repeat(12_000))), b"", 414),
        (&get(&format!("/dns-query?a=1&dns={encoded}&b=2")), b"", 200),
        (&get(&format!("/dns-query?dns={encoded}&dns={encoded}")), b"", 400),
        (&format!("{dns}\r\nContent-Type: application/dns-message"), &message, 400),
        ("PUT /dns-query HTTP/1.1", &message, 405),
        ("DELETE /dns-query HTTP/1.1", b"", 405),
        ("POST /dns-query HTTP/1.1", &message, 415),
        (&with_type("application/dns-json"), &message, 415),
        (&with_type("application/dns-message; a=b"), &message, 200),
        (&dns, b"", 400),
        (&dns, &message[..11], 400),
        (&dns, &response, 400),
        (&dns, &vec![0; 8193], 413),
        // As long as a message may be, and wrong as DNS sees it.
        (&dns, &vec![0; 8192], 200),
    ];
    for (head, body, status) in cases {
        let reply = exchange(&server, head, body);
        assert_eq!(reply.status, *status, "{head}");
        assert_eq!(reply.header("allow").is_some(), *status == 405, "{head}");
    }
    assert!(server.dropped("https", "protocol"));
}

/// A connection of HTTP/2 with hyper's client.
async fn http_2(server: &Started) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(server.doh()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client_config(&server.trusts, &["h2"])));
    let stream = connector.connect(HOST.try_into().unwrap(), stream).await.unwrap();
    let io = TokioIo::new(stream);
    let (sender, connection) =
        hyper::client::conn::http2::Builder::new(TokioExecutor::new()).handshake(io).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[test]
fn many_queries_are_in_flight_over_one_connection() {
    let server = start(TcpLimits::default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let sender = http_2(&server).await;
        let asked = (0..600_u16).map(|id| {
            let mut sender = sender.clone();
            tokio::spawn(async move {
                let name = if id.is_multiple_of(3) { LARGE } else { NAME };
                let request = hyper::Request::post(format!("https://{HOST}/dns-query"))
                    .header("content-type", "application/dns-message")
                    .body(Full::new(Bytes::from(query(id, name))))
                    .unwrap();
                sender.ready().await.unwrap();
                let reply = sender.send_request(request).await.unwrap();
                assert_eq!(reply.status(), 200);
                let response = Response::parse(&reply.into_body().collect().await.unwrap().to_bytes());
                assert_eq!((response.id, response.answers), (id, if id.is_multiple_of(3) { 200 } else { 1 }));
            })
        });
        for task in asked.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

/// One frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a GET, each as a literal (RFC 7541 §6.2.2).
fn get_headers(target: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87];
    for (name, value) in [(0x01, HOST), (0x04, target)] {
        assert!(value.len() < 127, "one octet says its length");
        block.extend_from_slice(&[name, value.len() as u8]);
        block.extend_from_slice(value.as_bytes());
    }
    block
}

/// A connection of HTTP/2 whose client takes no octet of any response's body.
fn closed_window(server: &Started) -> Tls {
    let mut stream = tls(server.doh(), &server.trusts, &["h2"]).unwrap();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    let settings = frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]);
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..]].concat()).unwrap();
    stream
}

#[test]
fn what_a_client_does_not_take_is_not_made() {
    let server = start(TcpLimits::default());
    let answered = || -> usize {
        let counter = "zhengming_dns_queries_total{outcome=\"answer\",rcode=\"NOERROR\",transport=\"https\",zone=\"xn--zfr164b.\"}";
        server.metric(counter).map_or(0, |count| count.parse().unwrap())
    };
    let mut stream = closed_window(&server);
    let target = format!("/dns-query?dns={}", base64url(&query(0, LARGE)));
    for number in 0..100 {
        stream.write_all(&frame(1, 5, 2 * number + 1, &get_headers(&target))).unwrap();
    }
    // Twenty of them and room for the longest answer make the budget of a connection.
    eventually(|| answered() >= 20, "what there is room for");
    for other in 1..=20 {
        assert_eq!(get(&server, &format!("/dns-query?dns={}", base64url(&query(other, NAME)))).status, 200);
    }
    let now = answered();
    assert!((40..=62).contains(&now), "{now} answers, 20 of them to others");
    // With a window for all, all are made.
    let (settings, more) = (frame(4, 0, 0, &[0, 4, 0, 15, 0, 0]), frame(8, 0, 0, &[0, 15, 0, 0]));
    stream.write_all(&[settings, more].concat()).unwrap();
    eventually(|| answered() == 120, "the others");
}

#[test]
fn a_client_that_gives_no_window_is_cut_off() {
    let server = start(TcpLimits { idle: SHORT, write: SHORT, ..TcpLimits::default() });
    let mut stream = closed_window(&server);
    let target = format!("/dns-query?dns={}", base64url(&query(0, NAME)));
    for number in 0..50 {
        stream.write_all(&frame(1, 5, 2 * number + 1, &get_headers(&target))).unwrap();
    }
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets);
    server.drops("https", "tcp_slow_reader");
    eventually(|| server.metric("zhengming_dns_connections{transport=\"https\"}").as_deref() == Some("0"), "closed");
    assert_eq!(post(&server, &query(0, NAME)).status, 200);
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let server = start(TcpLimits { write: SHORT, ..TcpLimits::default() });
    let mut stream = tls(server.doh(), &server.trusts, &["http/1.1"]).unwrap();
    let request = format!("GET /dns-query?dns={} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", base64url(&query(0, LARGE)));
    let requests = request.repeat(100);
    while stream.write_all(requests.as_bytes()).is_ok() {}
    server.drops("https", "tcp_slow_reader");
    assert_eq!(post(&server, &query(0, NAME)).status, 200);
}

#[test]
fn idle_and_endless_clients_are_cut_off() {
    let server = start(TcpLimits { idle: SHORT, write: SHORT, ..TcpLimits::default() });
    let ends = |stream: &mut Tls| {
        let mut octets = Vec::new();
        let ended = stream.read_to_end(&mut octets);
        assert!(!ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "the server did not close");
        octets
    };
    // Nothing at all, in each version; a head that does not end; a body that does not end.
    for protocol in ["h2", "http/1.1"] {
        ends(&mut tls(server.doh(), &server.trusts, &[protocol]).unwrap());
    }
    ends(&mut closed_window(&server));
    let mut head = tls(server.doh(), &server.trusts, &["http/1.1"]).unwrap();
    head.write_all(b"GET /dns-query HTTP/1.1\r\nHost: a\r\n").unwrap();
    ends(&mut head);
    let mut body = tls(server.doh(), &server.trusts, &["http/1.1"]).unwrap();
    let start = format!("POST /dns-query HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/dns-message\r\n");
    body.write_all(format!("{start}Content-Length: 100\r\n\r\nhalf").as_bytes()).unwrap();
    ends(&mut body);
    eventually(|| server.metric("zhengming_dns_connections{transport=\"https\"}").as_deref() == Some("0"), "closed");
}

#[test]
fn a_connection_ends_after_its_life() {
    let server = start(TcpLimits { life: SHORT, ..TcpLimits::default() });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut sender = http_2(&server).await;
        let busy = async {
            loop {
                let request = hyper::Request::get(format!("https://{HOST}/")).body(Full::default()).unwrap();
                if sender.ready().await.is_err() || sender.send_request(request).await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, busy).await.expect("the connection ended however busy it was");
    });
}

#[test]
fn stopping_ends_connections() {
    let server = start(TcpLimits::default());
    let mut open = closed_window(&server);
    let mut half = crate::dns::tcp(server.doh());
    server.running.stop();
    let _ = open.read_to_end(&mut Vec::new());
    let _ = half.read_to_end(&mut Vec::new());
}

#[test]
fn random_octets_are_no_harm() {
    let server = start(TcpLimits { idle: SHORT, write: SHORT, ..TcpLimits::default() });
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..60 {
        let octets: Vec<u8> = (0..1 + round * 20).map(|_| random.octet()).collect();
        let (mut stream, start) = if round % 2 == 0 {
            (tls(server.doh(), &server.trusts, &["http/1.1"]).unwrap(), Vec::new())
        } else {
            // Frames that begin well.
            (closed_window(&server), frame(octets[0] % 10, octets[0], u32::from(octets[0] % 5), &octets))
        };
        let _ = stream.write_all(&[start, octets].concat());
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(post(&server, &query(0, NAME)).status, 200);
}

#[test]
fn kdig_and_curl_are_served() {
    let server = start(TcpLimits::default());
    let port = server.doh().port().to_string();
    let kdig = |rest: &[&str]| run("kdig", &[&["@127.0.0.1", "-p", &port, "+https"][..], rest].concat());
    expect(&kdig(&[NAME, "A"]), &["status: NOERROR", "203.0.113.5", "HTTP/2-POST", "468 B"]);
    expect(&kdig(&["+https-get", NAME, "A"]), &["status: NOERROR", "203.0.113.5", "HTTP/2-GET"]);
    expect(&kdig(&["+keepopen", NAME, "A", LARGE, "A"]), &["203.0.113.5", "ANSWER: 200"]);

    let directory = tempfile::tempdir().unwrap();
    let (message, answer) = (directory.path().join("message"), directory.path().join("answer"));
    std::fs::write(&message, query(0, NAME)).unwrap();
    let url = format!("https://127.0.0.1:{port}/dns-query");
    let data = format!("@{}", message.display());
    for (version, shown) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
        let common = ["-sk", version, "-w", "%{http_version} %{http_code}", "-o", answer.to_str().unwrap()];
        let post = ["-H", "content-type: application/dns-message", "--data-binary", &data, &url];
        assert_eq!(run("curl", &[&common[..], &post].concat()), shown);
        assert_eq!(Response::parse(&std::fs::read(&answer).unwrap()).answers, 1);
        let with_query = format!("{url}?dns={}", base64url(&query(0, LARGE)));
        assert_eq!(run("curl", &[&common[..], &[&with_query]].concat()), shown);
        assert_eq!(Response::parse(&std::fs::read(&answer).unwrap()).answers, 200);
    }
    // What is refused is refused by a response, also where its body has not come yet.
    for _ in 0..12 {
        let common = ["-sk", "--http2", "-w", "%{http_version} %{http_code}", "-o", answer.to_str().unwrap()];
        let post = ["-H", "content-type: text/plain", "--data-binary", "x", &url];
        assert_eq!(run("curl", &[&common[..], &post].concat()), "2 415");
    }
}

/// A POST that says it has a gigabyte, and sends until it is cut off or `most` octets are sent: how many were taken.
fn taken(stream: &mut Tls, most: usize) -> usize {
    let head = format!(
        "POST /dns-query HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/dns-message\r\nContent-Length: {}\r\n\r\n",
        1 << 30
    );
    stream.write_all(head.as_bytes()).unwrap();
    let (piece, mut sent) = ([0; 16_384], 0);
    while sent < most && stream.write_all(&piece).and_then(|()| stream.flush()).is_ok() {
        sent += piece.len();
    }
    sent
}

#[test]
fn a_body_far_too_long_is_refused_by_a_response_and_not_read_to_its_end() {
    let server = start(TcpLimits::default());
    let directory = tempfile::tempdir().unwrap();
    let body = |name: &str, len: usize| {
        std::fs::write(directory.path().join(name), vec![0; len]).unwrap();
        format!("@{}", directory.path().join(name).display())
    };
    let (long, short) = (body("long", 10 << 20), body("short", 512 << 10));
    let url = format!("https://127.0.0.1:{}/dns-query", server.doh().port());
    for (version, shown) in [("--http2", "2 413 0"), ("--http1.1", "1.1 413 0")] {
        // With the expectation that curl sends with what is long, and without; of either kind of length.
        for header in ["X-None: 1", "Expect:", "Transfer-Encoding: chunked"] {
            if version == "--http2" && header.starts_with("Transfer") {
                continue;
            }
            // Without a wait curl may be cut off before it looks for a response, unless the server throws all of it away.
            let data = if version == "--http1.1" && header != "X-None: 1" { &short } else { &long };
            let post = ["-H", "content-type: application/dns-message", "-H", header, "--data-binary", data, &url];
            let common = ["-sk", version, "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{exitcode}"];
            assert_eq!(run("curl", &[&common[..], &post].concat()), shown, "{header}");
        }
    }
    // Whoever sends all before it reads has the response if that is not much more than the server throws away.
    let mut stream = tls(server.doh(), &server.trusts, &["http/1.1"]).unwrap();
    assert_eq!(taken(&mut stream, 256 << 10), 256 << 10);
    let mut octets = [0; 12];
    stream.read_exact(&mut octets).unwrap();
    assert_eq!(octets, *b"HTTP/1.1 413");
    // Nobody sends for ever: 1 MiB is read, and the buffers of both sockets hold some more.
    let mut stream = tls(server.doh(), &server.trusts, &["http/1.1"]).unwrap();
    assert!(taken(&mut stream, 1 << 30) < 32 << 20);
    assert_eq!(post(&server, &query(0, NAME)).status, 200);
}

#[test]
fn a_stream_that_was_answered_early_is_reset_without_an_error_after_its_response() {
    let server = start(TcpLimits::default());
    let mut stream = tls(server.doh(), &server.trusts, &["h2"]).unwrap();
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(4, 0, 0, &[])[..]].concat()).unwrap();
    let mut head = get_headers("/dns-query");
    // POST in the static table (RFC 7541 appendix A): of no type, and it does not end.
    head[0] = 0x83;
    stream.write_all(&[frame(1, 4, 1, &head), frame(0, 0, 1, &[0; 9000])].concat()).unwrap();
    let (mut frames, mut buffer) = (Vec::new(), Vec::new());
    while !frames.iter().any(|(kind, stream, _)| (*kind, *stream) == (3, 1)) {
        let mut octets = [0; 4096];
        let len = stream.read(&mut octets).unwrap();
        assert!(len > 0, "the connection stays open");
        buffer.extend_from_slice(&octets[..len]);
        while let Some(&[a, b, c, kind, _, s0, s1, s2, s3]) = buffer.first_chunk::<9>() {
            let end = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
            if buffer.len() < end {
                break;
            }
            frames.push((kind, u32::from_be_bytes([s0, s1, s2, s3]), buffer[9..end].to_vec()));
            buffer.drain(..end);
        }
    }
    let of_stream: Vec<_> = frames.iter().filter(|(kind, stream, _)| *stream == 1 && *kind != 8).collect();
    let kinds: Vec<u8> = of_stream.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, [1, 3], "{frames:?}");
    assert_eq!(of_stream[1].2, [0; 4], "NO_ERROR");
}

#[test]
fn head_is_get_without_a_body() {
    let server = start(TcpLimits::default());
    let target = format!("/dns-query?dns={}", base64url(&query(0, NAME)));
    let head = |target: &str| exchange(&server, &format!("HEAD {target} HTTP/1.1"), b"");
    for (target, status) in [(&*target, 200), ("/dns-query", 400), ("/", 404)] {
        let (with, without) = (get(&server, target), head(target));
        assert_eq!((with.status, without.status), (status, status), "{target}");
        assert!(without.body.is_empty());
        for name in ["content-type", "content-length", "cache-control", "alt-svc"] {
            assert_eq!(without.header(name), with.header(name), "{target} {name}");
        }
    }
    assert_eq!(head("/dns-query").header("content-length"), Some("0"));
    let url = format!("https://127.0.0.1:{}{target}", server.doh().port());
    let length = get(&server, &target).body.len();
    for version in ["--http2", "--http1.1"] {
        let said = run("curl", &["-skI", version, "-w", "%{http_code} %{size_download} %{exitcode}", &url]);
        expect(&said, &[&format!("content-length: {length}"), "application/dns-message", "200 0 0"]);
    }
}
