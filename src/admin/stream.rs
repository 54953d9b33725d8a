//! Bodies that are written while they are sent: one task writes, a short queue holds it back to the client's pace.

use super::problem::Problem;
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Chunks that wait for the client.
const QUEUE_LEN: usize = 4;
/// The media type of lines of JSON.
pub(super) const NDJSON: &str = "application/x-ndjson";
/// The media type of tables (RFC 4180).
pub(super) const CSV: &str = "text/csv";

/// The source failed; the body ends without its last chunk, so that the client sees it was cut short.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be written to its end")]
pub(super) struct CutShort;

/// The writing end.
pub(super) struct Writer {
    chunks: mpsc::Sender<Result<Bytes, CutShort>>,
    /// Line ends that were sent.
    lines: AtomicU64,
}

/// The client went away; there is no one to write for.
pub(super) struct Gone;

/// Why a body ends early.
pub(super) enum Stop {
    /// There is no one to write for.
    Gone,
    /// It has been logged.
    Failed,
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<Problem> for Stop {
    fn from(_: Problem) -> Self {
        Self::Failed
    }
}

struct Chunks(mpsc::Receiver<Result<Bytes, CutShort>>);

/// A writer, and the response it writes.
pub(super) fn ndjson() -> (Writer, Response) {
    let (sender, receiver) = mpsc::channel(QUEUE_LEN);
    let response = ([(header::CONTENT_TYPE, NDJSON)], Body::new(Chunks(receiver))).into_response();
    (Writer { chunks: sender, lines: AtomicU64::new(0) }, response)
}

impl Writer {
    /// Sends `text`, waiting for the client to take what was sent before.
    pub(super) async fn send(&self, text: String) -> Result<(), Gone> {
        if text.is_empty() {
            return Ok(());
        }
        let lines = text.bytes().filter(|octet| *octet == b'\n').count() as u64;
        self.lines.fetch_add(lines, Ordering::Relaxed);
        self.chunks.send(Ok(text.into())).await.map_err(|_| Gone)
    }

    /// How many lines were sent.
    pub(super) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// Cuts the body short.
    pub(super) async fn fail(self) {
        // If the client is gone, it needs no telling.
        let _ = self.chunks.send(Err(CutShort)).await;
    }
}

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
