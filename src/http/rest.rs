//! What a handler has left unread of a request's body.
//!
//! The next request on a connection stands behind it (RFC 9112 §9.3), so hyper closes the connection where it has not
//! arrived yet, and a client that had taken the response for the end of the exchange loses its next request. So a short rest
//! is read before the response goes out, and a long one is announced by `Connection: close`.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Longest rest that is read, in octets; the bodies of all requests but lists and imports are shorter.
const LEN_MAX: usize = 64 * 1024;
/// Longest time that is waited for it: the client has sent it right behind the headers.
const TIME_MAX: Duration = Duration::from_secs(1);

/// A body that comes back to its [`Lender`] when the handler drops it.
pub struct Lent<B> {
    body: Option<B>,
    back: Option<oneshot::Sender<B>>,
}

/// Where a lent body comes back to.
pub struct Lender<B>(oneshot::Receiver<B>);

/// Lends `body` to a handler.
pub fn lend<B>(body: B) -> (Lent<B>, Lender<B>) {
    let (back, lender) = oneshot::channel();
    (Lent { body: Some(body), back: Some(back) }, Lender(lender))
}

impl<B: Body<Data = Bytes> + Unpin> Lender<B> {
    /// Reads what the handler has left; whether the connection can go on behind it.
    ///
    /// A handler that still reads while it answers has not left anything yet.
    pub async fn read_rest(mut self) -> bool {
        match self.0.try_recv() {
            Ok(mut body) => timeout(TIME_MAX, read_to_end(&mut body)).await.unwrap_or(false),
            Err(_) => true,
        }
    }

    /// Whether nothing was left, for a client that sends the body only if it is asked to (RFC 9110 §10.1.1).
    pub fn was_read(mut self) -> bool {
        self.0.try_recv().map_or(true, |body| body.is_end_stream())
    }
}

async fn read_to_end<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> bool {
    let mut left = LEN_MAX;
    while !body.is_end_stream() {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        let len = match frame {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
        };
        let Some(rest) = left.checked_sub(len) else { return false };
        left = rest;
    }
    true
}

impl<B> Drop for Lent<B> {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody waits for it where the request was given up.
            let _ = back.send(body);
        }
    }
}

impl<B: Body + Unpin> Body for Lent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if frame.is_none() {
            // At its end there is nothing to give back, and a body need not be asked again.
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
