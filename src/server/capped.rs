//! Streams of QUIC for HTTP/3 that end when a client sends more on them than any request needs.
//!
//! `h3` collects a frame until it is whole, however long it says it is; without this, a client could fill the memory.

use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use hyper::body::{Buf, Bytes};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

/// Most octets of one stream: the longest headers with the longest body, and frames that mean nothing. What comes on a
/// control stream is a few octets for each request at most, and a connection does not live long.
const STREAM_LEN_MAX: usize = 65_536;
/// Most octets of all streams of a connection that are open at once.
const CONNECTION_LEN_MAX: usize = 4 * STREAM_LEN_MAX;

/// A connection of QUIC whose streams are capped.
pub(super) struct Connection {
    connection: h3_quinn::Connection,
    /// Octets that came on streams which are open.
    held: Arc<AtomicUsize>,
}

/// What opens streams of such a connection.
pub(super) struct Opener {
    opener: h3_quinn::OpenStreams,
    held: Arc<AtomicUsize>,
}

/// A stream on which a client may send so much and no more.
pub(super) struct Capped<S> {
    stream: S,
    taken: usize,
    held: Arc<AtomicUsize>,
}

/// A stream of a request.
pub(super) type BidiStream<B> = Capped<h3_quinn::BidiStream<B>>;

impl Connection {
    /// Streams of `connection` from now on.
    pub fn new(connection: quinn::Connection) -> Self {
        Self { connection: h3_quinn::Connection::new(connection), held: Arc::default() }
    }
}

impl<S> Capped<S> {
    fn new(stream: S, held: &Arc<AtomicUsize>) -> Self {
        Self { stream, taken: 0, held: Arc::clone(held) }
    }
}

impl<S> Drop for Capped<S> {
    fn drop(&mut self) {
        self.held.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

impl<S: quic::RecvStream<Buf = Bytes>> quic::RecvStream for Capped<S> {
    type Buf = Bytes;

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let Some(octets) = ready!(self.stream.poll_data(cx)?) else { return Poll::Ready(Ok(None)) };
        self.taken += octets.len();
        let held = self.held.fetch_add(octets.len(), Ordering::Relaxed) + octets.len();
        if self.taken <= STREAM_LEN_MAX && held <= CONNECTION_LEN_MAX {
            return Poll::Ready(Ok(Some(octets)));
        }
        let error_code = Code::H3_EXCESSIVE_LOAD.value();
        self.stream.stop_sending(error_code);
        Poll::Ready(Err(StreamErrorIncoming::StreamTerminated { error_code }))
    }

    fn stop_sending(&mut self, error_code: u64) {
        self.stream.stop_sending(error_code);
    }

    fn recv_id(&self) -> StreamId {
        self.stream.recv_id()
    }
}

impl<B: Buf, S: quic::SendStream<B>> quic::SendStream<B> for Capped<S> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.stream.poll_ready(cx)
    }

    fn send_data<T: Into<WriteBuf<B>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.stream.send_data(data)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.stream.poll_finish(cx)
    }

    fn reset(&mut self, error_code: u64) {
        self.stream.reset(error_code);
    }

    fn send_id(&self) -> StreamId {
        self.stream.send_id()
    }
}

impl<B: Buf> quic::Connection<B> for Connection {
    type RecvStream = Capped<h3_quinn::RecvStream>;
    type OpenStreams = Opener;

    fn poll_accept_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::RecvStream, ConnectionErrorIncoming>> {
        let stream = ready!(quic::Connection::<B>::poll_accept_recv(&mut self.connection, cx)?);
        Poll::Ready(Ok(Capped::new(stream, &self.held)))
    }

    fn poll_accept_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::BidiStream, ConnectionErrorIncoming>> {
        let stream = ready!(quic::Connection::<B>::poll_accept_bidi(&mut self.connection, cx)?);
        Poll::Ready(Ok(Capped::new(stream, &self.held)))
    }

    fn opener(&self) -> Opener {
        Opener { opener: quic::Connection::<B>::opener(&self.connection), held: Arc::clone(&self.held) }
    }
}

impl<B: Buf> quic::OpenStreams<B> for Connection {
    type BidiStream = BidiStream<B>;
    type SendStream = h3_quinn::SendStream<B>;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let stream = ready!(quic::OpenStreams::<B>::poll_open_bidi(&mut self.connection, cx)?);
        Poll::Ready(Ok(Capped::new(stream, &self.held)))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::SendStream, StreamErrorIncoming>> {
        quic::OpenStreams::<B>::poll_open_send(&mut self.connection, cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::<B>::close(&mut self.connection, code, reason);
    }
}

impl<B: Buf> quic::OpenStreams<B> for Opener {
    type BidiStream = BidiStream<B>;
    type SendStream = h3_quinn::SendStream<B>;

    fn poll_open_bidi(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let stream = ready!(quic::OpenStreams::<B>::poll_open_bidi(&mut self.opener, cx)?);
        Poll::Ready(Ok(Capped::new(stream, &self.held)))
    }

    fn poll_open_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<Self::SendStream, StreamErrorIncoming>> {
        quic::OpenStreams::<B>::poll_open_send(&mut self.opener, cx)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::<B>::close(&mut self.opener, code, reason);
    }
}
