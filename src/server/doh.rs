//! DNS over HTTPS (RFC 8484) on connections that are accepted and encrypted: requests in HTTP/2, or HTTP/1.1, each
//! answered as it comes, under the limits of TCP.

use super::budget::Budget;
use super::framing::REQUEST_LEN_MAX;
use super::tcp::{Connection, stopped};
use super::worker::{dropped, with_worker};
use super::{Serving, now, tls};
use crate::http::stall::WriteStall;
use crate::query::{Client, Transport, freshness};
use crate::telemetry::DropReason;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{ALLOW, ALT_SVC, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

/// What requests and responses carry (RFC 8484 §6).
const DNS_MESSAGE: &str = "application/dns-message";
/// The variable of a GET's query (RFC 8484 §4.1).
const GET_VARIABLE: &str = "dns=";
/// Longest message in a GET, encoded.
const ENCODED_LEN_MAX: usize = REQUEST_LEN_MAX.div_ceil(3) * 4;
/// Longest headers: the longest GET and as much again.
pub(super) const HEADER_LEN_MAX: usize = 2 * ENCODED_LEN_MAX;
/// Most header lines of HTTP/1.1; browsers send about twenty.
const HEADERS_MAX: usize = 100;
/// Queries in flight over one connection; RFC 9113 §6.5.2 wants no fewer than 100.
const STREAMS_MAX: u32 = 100;
/// What a client may send of all its streams together before it is read (RFC 9113 §6.9.2, the smallest).
const WINDOW_LEN: u32 = 65_535;
/// What is kept of a response that a client does not take.
const SEND_BUFFER_LEN: usize = 65_536;

/// Octets of a request's body that are read for nothing after it was answered: what is under way before a client sees that.
const THROWN_LEN_MAX: usize = 1 << 20;
/// For how long they are: a round trip around the world and a loss.
const THROWN_FOR: Duration = Duration::from_secs(2);

/// When a connection was last of use.
type LastUse = Arc<Mutex<Instant>>;

/// For how long a client may remember that HTTP/3 is spoken here too: a day, which is what it is without being said.
const ALT_SVC_SECS: u32 = 86_400;

/// What is served over HTTP/2 and HTTP/1.1 on one address.
pub(super) struct Site {
    path: Arc<str>,
    /// Where HTTP/3 is spoken (RFC 7838, RFC 9114 §3.1.1).
    alt_svc: Option<HeaderValue>,
}

impl Site {
    /// One at `path`, with HTTP/3 on this UDP port of the same address.
    pub fn new(path: &Arc<str>, http3: Option<u16>) -> Self {
        let alt_svc = http3.map(|port| format!("h3=\":{port}\"; ma={ALT_SVC_SECS}"));
        let value = |text| HeaderValue::try_from(text).expect("digits and quotes are fine in a header");
        Self { path: Arc::clone(path), alt_svc: alt_svc.map(value) }
    }
}

/// What all requests of one connection need.
#[derive(Clone)]
pub(super) struct Requests {
    /// What they are answered from.
    pub serving: Arc<Serving>,
    peer: IpAddr,
    transport: Transport,
    path: Arc<str>,
    alt_svc: Option<HeaderValue>,
    unsent: Budget,
}

/// Where a request's DNS message is.
pub(super) enum Body {
    /// In its head.
    Inside(Bytes),
    /// In its body.
    Follows,
}

/// The body of a response, with what was not read of its request. Where that were dropped earlier, the stream would be reset
/// with an error before the response is sent, which ought to come first, and then a reset without an error (RFC 9113 §8.1).
struct Reply {
    octets: Full<Bytes>,
    unread: Option<Incoming>,
}

impl Drop for Reply {
    /// The reset waits, too: clients that are still sending, curl before version 8 among them, miss a response which it
    /// follows at once. Over HTTP/1.1 it is one of TCP, which takes with it what has not been read (RFC 9112 §9.6).
    fn drop(&mut self) {
        if let Some(unread) = self.unread.take().filter(|unread| !unread.is_end_stream()) {
            // While the runtime ends there is nothing left to wait for.
            let _ = Handle::try_current().map(|runtime| runtime.spawn(throw_away(unread)));
        }
    }
}

/// Reads what is left of a request that was answered, so long and so much of it that its client has seen the response.
async fn throw_away(mut unread: Incoming) {
    let thrown = async {
        let mut len = 0;
        while len < THROWN_LEN_MAX
            && let Some(Ok(frame)) = unread.frame().await
        {
            len += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = timeout(THROWN_FOR, thrown).await;
}

impl hyper::body::Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.octets).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.octets.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.octets.size_hint()
    }
}

/// Serves one connection until `end` at most.
pub(super) async fn serve(connection: Connection, stream: TlsStream<TcpStream>, site: &Site, end: Instant) {
    let is_http_2 = stream.get_ref().1.alpn_protocol() == Some(tls::ALPN_HTTP_2);
    let limits = &connection.serving.tcp;
    let last_use = LastUse::new(Mutex::new(Instant::now()));
    let mut requests = Requests::new(&connection.serving, connection.peer, Transport::Https, Arc::clone(&site.path));
    requests.alt_svc.clone_from(&site.alt_svc);
    let used = Arc::clone(&last_use);
    let service = service_fn(move |request| {
        let (requests, used) = (requests.clone(), Arc::clone(&used));
        async move {
            let (head, mut unread) = request.into_parts();
            let head = Request::from_parts(head, ());
            let message = requests.read(&head, &mut unread).await;
            *used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            let response = requests.response(head.method(), message).await;
            Ok::<_, Infallible>(response.map(|octets| Reply { octets: octets.into(), unread: Some(unread) }))
        }
    });
    let stream = TokioIo::new(WriteStall::new(stream, limits.write));
    let ended = if is_http_2 {
        let http = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEADER_LEN_MAX as u32)
            .initial_stream_window_size(WINDOW_LEN)
            .initial_connection_window_size(WINDOW_LEN)
            .max_send_buf_size(SEND_BUFFER_LEN)
            .serve_connection(stream, service);
        drive(pin!(http), http2::Connection::graceful_shutdown, &connection, &last_use, end).await
    } else {
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.idle)
            .max_header_size(HEADER_LEN_MAX)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEADER_LEN_MAX)
            .serve_connection(stream, service);
        drive(pin!(http), http1::Connection::graceful_shutdown, &connection, &last_use, end).await
    };
    if ended == Err(Cut::SlowReader) {
        dropped(Transport::Https, DropReason::TcpSlowReader);
    }
}

/// A connection that did not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The client did not take what it asked for.
    SlowReader,
    /// It broke off, or the protocol.
    Broken,
}

/// Lets a connection work until it ends, is idle for too long, has lived long enough, or the server stops; then it may
/// finish what it has begun, within the limit of a write.
async fn drive<C>(
    mut http: Pin<&mut C>,
    shut_down: impl FnOnce(Pin<&mut C>),
    connection: &Connection,
    last_use: &LastUse,
    end: Instant,
) -> Result<(), Cut>
where
    C: Future<Output = hyper::Result<()>>,
{
    let limits = &connection.serving.tcp;
    let mut stop = connection.stop.clone();
    loop {
        let deadline = (*last_use.lock().unwrap_or_else(PoisonError::into_inner) + limits.idle).min(end);
        if deadline <= Instant::now() {
            break;
        }
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            ended = http.as_mut() => return ended.map_err(|error| cut(&error)),
            () = sleep_until(deadline) => {}
        }
    }
    shut_down(http.as_mut());
    match timeout(limits.write, http).await {
        Ok(ended) => ended.map_err(|error| cut(&error)),
        Err(_) => Err(Cut::SlowReader),
    }
}

/// Why a connection broke: writing that took too long shows as its own kind of error.
fn cut(error: &hyper::Error) -> Cut {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut) {
            return Cut::SlowReader;
        }
        source = error.source();
    }
    Cut::Broken
}

impl Requests {
    /// Those of one connection from `peer`, for messages at `path`.
    pub fn new(serving: &Arc<Serving>, peer: IpAddr, transport: Transport, path: Arc<str>) -> Self {
        Self { serving: Arc::clone(serving), peer, transport, path, alt_svc: None, unsent: Budget::new() }
    }

    /// The response to a request by this method with this message, or with none for the reason that the status says. It waits
    /// until there is room for it among what the client has not taken.
    pub async fn response(&self, method: &Method, message: Result<Bytes, StatusCode>) -> Response<Bytes> {
        let answered = match message {
            Ok(message) => self.respond(&message).await,
            Err(status) => Err(status),
        };
        let mut response = answered.unwrap_or_else(|status| {
            dropped(self.transport, DropReason::Protocol);
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = status;
            if status == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            }
            response
        });
        if method == Method::HEAD {
            // What GET would have, but for the body (RFC 9110 §9.3.2).
            let len = response.body().len();
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(len));
            response.body_mut().clear();
        }
        response
    }

    /// Where the DNS message of a request is, or the status that says why there is none.
    pub fn message<B>(&self, request: &Request<B>) -> Result<Body, StatusCode> {
        if request.uri().path() != &*self.path {
            return Err(StatusCode::NOT_FOUND);
        }
        match *request.method() {
            Method::GET | Method::HEAD => {
                from_query(request.uri().query().unwrap_or_default()).map(|message| Body::Inside(message.into()))
            }
            Method::POST => {
                let mut kinds = request.headers().get_all(CONTENT_TYPE).iter().map(HeaderValue::as_bytes);
                match (kinds.next(), kinds.next()) {
                    (Some(kind), None) if is_dns_message(kind) => Ok(Body::Follows),
                    // Of several types nobody can say which counts.
                    (_, Some(_)) => Err(StatusCode::BAD_REQUEST),
                    _ => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
                }
            }
            _ => Err(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// The DNS message of a request.
    async fn read(&self, head: &Request<()>, body: &mut Incoming) -> Result<Bytes, StatusCode> {
        match self.message(head) {
            Ok(Body::Inside(message)) => Ok(message),
            Ok(Body::Follows) => self.read_body(body).await,
            // A body of the length of a message is read all the same: a stream reset before it has come may lose the response.
            Err(status) => {
                drop(self.read_body(body).await);
                Err(status)
            }
        }
    }

    async fn read_body(&self, body: &mut Incoming) -> Result<Bytes, StatusCode> {
        if body.size_hint().lower() > REQUEST_LEN_MAX as u64 {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        match timeout(self.serving.tcp.idle, Limited::new(body, REQUEST_LEN_MAX).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
            // Nobody reads it any more.
            Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        }
    }

    /// The response to a DNS message; whatever its RCODE, that is a success of HTTP (RFC 8484 §4.2.1).
    async fn respond(&self, message: &[u8]) -> Result<Response<Bytes>, StatusCode> {
        let room = self.unsent.room().await;
        let client = Client { transport: self.transport, address: self.peer, now: now() };
        let answered = with_worker(|worker| {
            let response = worker.answer(message, &self.serving, &client)?;
            Some((response.to_vec(), freshness(response)))
        });
        // What gets no answer elsewhere is no DNS request.
        let (octets, freshness) = answered.ok_or(StatusCode::BAD_REQUEST)?;
        let mut response = Response::new(room.hold(octets));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(DNS_MESSAGE));
        let max_age = format!("max-age={freshness}");
        headers.insert(CACHE_CONTROL, HeaderValue::try_from(max_age).expect("digits are fine in a header"));
        if let Some(alt_svc) = &self.alt_svc {
            headers.insert(ALT_SVC, alt_svc.clone());
        }
        Ok(response)
    }
}

/// Whether this is the media type of DNS messages, whatever its parameters.
fn is_dns_message(kind: &[u8]) -> bool {
    let kind = kind.split(|octet| *octet == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(DNS_MESSAGE.as_bytes())
}

/// The message in the query of a GET.
fn from_query(query: &str) -> Result<Vec<u8>, StatusCode> {
    // The template has the variable once (RFC 8484 §4.1, §6): of two, caches and servers may each take another one.
    let mut given = query.split('&').filter_map(|variable| variable.strip_prefix(GET_VARIABLE));
    let (Some(encoded), None) = (given.next(), given.next()) else { return Err(StatusCode::BAD_REQUEST) };
    if encoded.len() > ENCODED_LEN_MAX {
        return Err(StatusCode::URI_TOO_LONG);
    }
    from_base64url(encoded.as_bytes()).ok_or(StatusCode::BAD_REQUEST)
}

/// Decodes base64url (RFC 4648 §5). Padding is forbidden (RFC 8484 §6), and so are bits that mean nothing.
fn from_base64url(text: &[u8]) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.chunks(4) {
        let mut bits = 0;
        for digit in group {
            bits = bits << 6 | u32::from(digit_of(*digit)?);
        }
        let len = match group.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        // The digits stand at the high end of their octets.
        bits <<= 32 - 6 * group.len();
        octets.extend_from_slice(&bits.to_be_bytes()[..len]);
        if bits << (8 * len) != 0 {
            return None;
        }
    }
    Some(octets)
}

fn digit_of(octet: u8) -> Option<u8> {
    match octet {
        b'A'..=b'Z' => Some(octet - b'A'),
        b'a'..=b'z' => Some(octet - b'a' + 26),
        b'0'..=b'9' => Some(octet - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An encoder of its own kind: bit by bit.
    fn encoded(octets: &[u8]) -> String {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits: Vec<u8> = octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1)).collect();
        let digit = |six: &[u8]| (0..6).fold(0, |digit, at| digit << 1 | six.get(at).copied().unwrap_or(0));
        bits.chunks(6).map(|six| char::from(digits[usize::from(digit(six))])).collect()
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(octets in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(from_query(&format!("a=b&dns={}", encoded(&octets))), Ok(octets));
        }

        #[test]
        fn one_text_a_message(text in "[A-Za-z0-9_-]{0,40}") {
            if let Some(octets) = from_base64url(text.as_bytes()) {
                prop_assert_eq!(encoded(&octets), text);
            }
        }
    }

    #[test]
    fn what_is_no_base64url_is_a_bad_request() {
        for query in [
            "",
            "dns",
            "dns=AAAA&dns=AAAA",
            "dns=AAAA&a=b&dns=",
            "DNS=AAAA",
            "dns=A",
            "dns=AA==",
            "dns=AB",
            "dns=AA+A",
            "dns=AA/A",
            "dns=AA A",
            "dns=%41A",
        ] {
            assert_eq!(from_query(query), Err(StatusCode::BAD_REQUEST), "{query}");
        }
        assert_eq!(from_query(&format!("dns={}", "A".repeat(ENCODED_LEN_MAX + 1))), Err(StatusCode::URI_TOO_LONG));
    }

    #[test]
    fn the_media_type_may_have_parameters() {
        for (kind, good) in [
            ("application/dns-message", true),
            ("Application/DNS-Message; charset=x", true),
            ("application/dns-json", false),
            ("application/dns-messages", false),
            ("", false),
        ] {
            assert_eq!(is_dns_message(kind.as_bytes()), good, "{kind}");
        }
    }
}
