//! DNS over HTTP/3 (RFC 8484 on RFC 9114) on connections of QUIC: the answers are those of `doh`, the limits those of
//! TCP.

use super::doh::{Body, HEADER_LEN_MAX, Requests};
use super::framing::REQUEST_LEN_MAX;
use super::tcp::stopped;
use super::worker::dropped;
use super::{Serving, capped};
use crate::query::Transport;
use crate::telemetry::DropReason;
use h3::server::{RequestResolver, RequestStream};
use hyper::body::{Buf, Bytes};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Request, Response, StatusCode};
use quinn::VarInt;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// Error codes of connections (RFC 9114 §8.1).
const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);
const H3_EXCESSIVE_LOAD: VarInt = VarInt::from_u32(0x107);

/// Streams in one direction: control, and two of header compression (RFC 9114 §6.2); few more, which mean nothing.
pub(super) const ONE_WAY_STREAMS_MAX: u32 = 8;
/// What a client may send on one stream before it is read.
pub(super) const STREAM_WINDOW_LEN: u32 = 16_384;

/// A request that has not been read.
type Resolver = RequestResolver<capped::Connection, Bytes>;
/// What is left of its stream when its headers are.
type Stream = RequestStream<capped::BidiStream<Bytes>, Bytes>;

/// The client does not take what it asked for.
struct SlowReader;

/// Serves one connection until `end` at most; the code to close it with.
pub(super) async fn serve(
    connection: &quinn::Connection,
    serving: &Arc<Serving>,
    path: Arc<str>,
    stop: &mut watch::Receiver<bool>,
    end: Instant,
) -> VarInt {
    let limits = &serving.tcp;
    let peer = connection.remote_address().ip().to_canonical();
    let requests = Requests::new(serving, peer, Transport::Http3, path);
    let mut settings = h3::server::builder();
    settings.max_field_section_size(HEADER_LEN_MAX as u64).send_grease(false);
    let begun = timeout(limits.handshake, settings.build(capped::Connection::new(connection.clone()))).await;
    let Ok(Ok(mut http)) = begun else {
        dropped(Transport::Http3, DropReason::Handshake);
        return H3_NO_ERROR;
    };
    let mut deadline = Instant::now() + limits.idle;
    let mut served = false;
    let mut answers = JoinSet::new();
    loop {
        // A request in work has limits of its own.
        let until = if answers.is_empty() { deadline.min(end) } else { end };
        tokio::select! {
            biased;
            () = stopped(stop) => break,
            Some(ended) = answers.join_next() => match ended {
                Ok(Ok(())) => {
                    served = true;
                    deadline = Instant::now() + limits.idle;
                }
                Ok(Err(SlowReader)) => {
                    dropped(Transport::Http3, DropReason::TcpSlowReader);
                    // Here, because dropping `http` would say that nothing is wrong.
                    connection.close(H3_EXCESSIVE_LOAD, b"");
                    return H3_EXCESSIVE_LOAD;
                }
                Err(_) => tracing::error!("answering a query over HTTP/3 panicked; only this query is lost"),
            },
            accepted = http.accept() => match accepted {
                Ok(Some(resolver)) => _ = answers.spawn(answer(resolver, requests.clone())),
                Ok(None) => break,
                Err(_) => return H3_NO_ERROR,
            },
            () = sleep_until(until) => {
                if !served {
                    dropped(Transport::Http3, DropReason::TcpIdle);
                }
                break;
            }
        }
    }
    let finished = async {
        // The client learns which of its requests are still answered (RFC 9114 §5.2).
        let _ = http.shutdown(0).await;
        while answers.join_next().await.is_some() {}
    };
    let _ = timeout(limits.write, finished).await;
    H3_NO_ERROR
}

/// Answers the request of one stream.
async fn answer(resolver: Resolver, requests: Requests) -> Result<(), SlowReader> {
    let limits = &requests.serving.tcp;
    let Ok(Ok((request, mut stream))) = timeout(limits.idle, resolver.resolve_request()).await else {
        dropped(Transport::Http3, DropReason::Protocol);
        return Ok(());
    };
    let message = match requests.message(&request) {
        Ok(Body::Inside(message)) => Ok(message),
        Ok(Body::Follows) => match timeout(limits.idle, read_body(&mut stream)).await {
            // What says otherwise of its length is malformed (RFC 9114 §4.1.2).
            Ok(Ok(body)) if !fits_content_length(&request, &body) => Err(StatusCode::BAD_REQUEST),
            Ok(read) => read,
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        },
        Err(status) => Err(status),
    };
    let response = requests.response(request.method(), message).await;
    match timeout(limits.write, send(&mut stream, response)).await {
        // A client that wants it no more, or is gone, is none of our troubles.
        Ok(_) => Ok(()),
        Err(_) => Err(SlowReader),
    }
}

/// The body of a request, no longer than a request may be.
async fn read_body(stream: &mut Stream) -> Result<Bytes, StatusCode> {
    let mut body = Vec::new();
    loop {
        match stream.recv_data().await {
            Ok(Some(mut piece)) => {
                if body.len() + piece.remaining() > REQUEST_LEN_MAX {
                    return Err(StatusCode::PAYLOAD_TOO_LARGE);
                }
                body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
            }
            Ok(None) => return Ok(body.into()),
            // Nobody reads it any more.
            Err(_) => return Err(StatusCode::BAD_REQUEST),
        }
    }
}

/// Whether the request says nothing of its body's length, or what is true.
fn fits_content_length(request: &Request<()>, body: &[u8]) -> bool {
    let mut stated = request.headers().get_all(CONTENT_LENGTH).into_iter();
    stated.all(|length| length.to_str().ok().and_then(|length| length.parse().ok()) == Some(body.len()))
}

async fn send(stream: &mut Stream, response: Response<Bytes>) -> Result<(), h3::error::StreamError> {
    let (mut head, body) = response.into_parts();
    // Of HEAD it is there, and is not that of a body.
    head.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from(body.len()));
    stream.send_response(Response::from_parts(head, ())).await?;
    if !body.is_empty() {
        stream.send_data(body).await?;
    }
    stream.finish().await
}
