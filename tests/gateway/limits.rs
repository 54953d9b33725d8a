//! Slow, silent, greedy and nonsensical clients against the shared HTTP accept loop.

use crate::http::{Listener, PATIENCE, Response, read_all};
use crate::{PLAIN, start};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use hyper::body::Frame;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use zhengming::http::Limits;

/// Short, so that tests of time-outs end soon; nothing asserts how soon.
const SHORT: Duration = Duration::from_millis(100);

fn good(listener: &Listener) {
    assert_eq!(listener.get(&format!("{PLAIN}.xn--zfr164b"), "/").status, 302);
}

#[test]
fn half_a_header_is_cut_off() {
    let (listener, _publisher, _) = start(Limits { header: SHORT, ..Limits::default() });
    let mut silent = listener.connect();
    let mut half = listener.connect();
    half.write_all(b"GET / HTTP/1.1\r\nHost: a").unwrap();
    // Idle after a good request: the same limit.
    let mut idle = listener.connect();
    idle.write_all(format!("GET / HTTP/1.1\r\nHost: {PLAIN}.xn--zfr164b\r\n\r\n").as_bytes()).unwrap();
    read_all(&mut silent);
    read_all(&mut half);
    assert_eq!(Response::parse(&read_all(&mut idle)).status, 302);
    good(&listener);
}

#[test]
fn a_header_octet_by_octet_is_cut_off() {
    let (listener, _publisher, _) = start(Limits { header: SHORT, ..Limits::default() });
    let mut dripping = listener.connect();
    dripping.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    let mut reader = dripping.try_clone().unwrap();
    // Never ends by itself: only the server can end this.
    let drip = std::thread::spawn(move || {
        while dripping.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    read_all(&mut reader);
    drip.join().unwrap();
    good(&listener);
}

#[test]
fn headers_too_long_or_too_many_are_refused() {
    let (listener, _publisher, _) = start(Limits::default());
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
    for request in [long, many] {
        let mut stream = listener.connect();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        let octets = read_all(&mut stream);
        if !octets.is_empty() {
            assert_eq!(Response::parse(&octets).status, 431);
        }
    }
    good(&listener);
}

#[test]
fn one_client_cannot_take_all_connections() {
    let (listener, _publisher, _) = start(Limits { connections: 50, connections_per_client: 4, ..Limits::default() });
    let kept: Vec<TcpStream> = (0..4).map(|_| served_and_kept(&listener)).collect();
    for _ in 0..20 {
        let mut one_more = listener.connect();
        assert!(read_all(&mut one_more).is_empty(), "closed without a word");
    }
    // Another client of the same listener (127.0.0.2) still gets in.
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    other.bind(&"127.0.0.2:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    other.connect(&listener.address.into()).unwrap();
    let mut other = TcpStream::from(other);
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    other.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Response::parse(&read_all(&mut other)).status, 404);
    // Room comes back with the last octet of a connection; when exactly, the kernel decides.
    drop(kept);
    let came_back = (0..1000).any(|_| {
        let mut stream = listener.connect();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
        !read_all(&mut stream).is_empty()
    });
    assert!(came_back);
}

/// A connection that has had one answer and stays open.
fn served_and_kept(listener: &Listener) -> TcpStream {
    let mut stream = listener.connect();
    stream.write_all(b"HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n").unwrap();
    let mut octets = [0; 1];
    stream.read_exact(&mut octets).unwrap();
    stream
}

#[test]
fn a_body_that_stalls_and_a_handler_that_hangs_are_given_up() {
    let router = Router::new()
        .route("/upload", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/hang", get(std::future::pending::<()>));
    let limits = Limits { body_stall: SHORT, request: Duration::from_millis(300), ..Limits::default() };
    let listener = Listener::start(router, limits, None);
    let mut stalled = listener.connect();
    stalled.write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc").unwrap();
    assert_eq!(Response::parse(&read_all(&mut stalled)).status, 400);
    let hung = listener.exchange(b"GET /hang HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(hung.status, 503);
    let whole =
        listener.exchange(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
    assert_eq!((whole.status, whole.body.as_str()), (200, "3"));
}

/// RFC 9112 §9.3: the next request stands behind the body, also behind one that the handler had no use for and that came
/// after its answer was known; where it does not come, the response says that nothing can follow.
#[test]
fn a_body_that_nobody_reads_does_not_cost_the_next_request() {
    let router = Router::new()
        .route("/refuse", post(|| async { "refused" }))
        .route("/upload", post(|body: Bytes| async move { body.len().to_string() }));
    let listener = Listener::start(router.clone(), Limits::default(), None);
    for (length, body) in [("Content-Length: 3", "abc"), ("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n")] {
        for path in ["/refuse", "/upload"] {
            let mut kept = listener.connect();
            write!(kept, "POST {path} HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n").unwrap();
            // Long enough for an answer that does not wait for the body to close the connection.
            std::thread::sleep(SHORT / 2);
            let next = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nde";
            write!(kept, "{body}{next}").unwrap();
            let both = String::from_utf8(read_all(&mut kept)).unwrap();
            assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{path} {length}: {both}");
        }
    }
    let closing = |octets: Vec<u8>| {
        let text = String::from_utf8(octets).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("\r\nconnection: close\r\n"), "{text}");
    };
    let hasty = Listener::start(router, Limits { body_stall: SHORT, ..Limits::default() }, None);
    let mut stalled = hasty.connect();
    stalled.write_all(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc").unwrap();
    closing(read_all(&mut stalled));
    // What breaks off while a handler reads it ends the connection too.
    let mut broken = listener.connect();
    broken.write_all(b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").unwrap();
    let broken = String::from_utf8(read_all(&mut broken)).unwrap();
    assert!(broken.starts_with("HTTP/1.1 400") && broken.contains("\r\nconnection: close\r\n"), "{broken}");
    // A client that reads nothing before it has sent all still gets its answer.
    let mut long = listener.connect();
    long.write_all(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 6000000\r\nConnection: close\r\n\r\n")
        .unwrap();
    long.write_all(&vec![b'x'; 6_000_000]).unwrap();
    assert_eq!(Response::parse(&read_all(&mut long)).status, 200);
    // RFC 9110 §10.1.1: who asks first is told at once, and sends nothing in vain.
    let mut asking = listener.connect();
    asking
        .write_all(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    closing(read_all(&mut asking));
}

/// A response without end, which says when it is given up.
struct Endless(mpsc::Sender<()>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.0.send(());
    }
}

#[test]
fn a_reader_that_stops_reading_is_cut_off() {
    let (given_up, gives_up) = mpsc::channel();
    let router = Router::new().route("/", get(|| async move { Body::new(Endless(given_up.clone())) }));
    let listener = Listener::start(router, Limits { write_stall: SHORT, ..Limits::default() }, None);
    let mut stream = listener.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 1]).unwrap();
    gives_up.recv_timeout(PATIENCE).expect("the connection is cut while the client reads nothing");
}

#[test]
fn handlers_know_the_client() {
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let listener = Listener::start(Router::new().route("/", get(who)), Limits::default(), None);
    let mut stream = listener.connect();
    let own = stream.local_addr().unwrap().to_string();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Response::parse(&read_all(&mut stream)).body, own);
}

#[test]
fn stopping_finishes_what_is_in_work_and_takes_no_more() {
    let (entered, entering) = mpsc::channel();
    let (go_on, going_on) = watch::channel(false);
    let work = move || {
        entered.send(()).unwrap();
        let mut going_on = going_on.clone();
        async move {
            going_on.wait_for(|go_on| *go_on).await.unwrap();
            "done"
        }
    };
    let mut listener = Listener::start(Router::new().route("/work", get(work)), Limits::default(), None);
    let mut idle = served_and_kept(&listener);
    let mut working = listener.connect();
    working.write_all(b"GET /work HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    entering.recv_timeout(PATIENCE).unwrap();
    listener.stopper()();
    // The idle connection ends while the other one still works.
    read_all(&mut idle);
    go_on.send_replace(true);
    assert_eq!(Response::parse(&read_all(&mut working)).body, "done");
    listener.join();
    assert!(TcpStream::connect(listener.address).is_err(), "nobody listens any more");
}

#[test]
fn a_handler_that_never_ends_does_not_hold_up_the_stop() {
    let router = Router::new().route("/", get(std::future::pending::<()>));
    let limits = Limits { request: PATIENCE, drain: SHORT, ..Limits::default() };
    let mut listener = Listener::start(router, limits, None);
    let mut stream = listener.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    listener.stopper()();
    listener.join();
    read_all(&mut stream);
}

#[test]
fn random_octets_are_answered_or_cut_off() {
    let (listener, _publisher, _) = start(Limits { header: SHORT, ..Limits::default() });
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..200 {
        let mut octets: Vec<u8> = (0..random.next() % 600).map(|_| random.next() as u8).collect();
        if round % 2 == 0 {
            octets.splice(0..0, *b"GET / HTTP/1.1\r\nHost: ");
        }
        let mut stream = listener.connect();
        let _ = stream.write_all(&octets);
        let _ = stream.shutdown(Shutdown::Write);
        read_all(&mut stream);
    }
    good(&listener);
}

/// Marsaglia's xorshift: the same octets on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
