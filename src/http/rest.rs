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

/// Longest rest that is read, in octets: as long as lists of holds may be. Where the connection is closed on a client that
/// still sends, the response is lost (RFC 9112 §9.6), and of these the client sends all before it reads.
const LEN_MAX: usize = 8 << 20;
/// Longest time that is waited for it: most clients send it right behind the headers.
const TIME_MAX: Duration = Duration::from_secs(1);

/// A body that comes back to its [`Lender`] when the handler drops it.
pub struct Lent<B> {
    body: Option<B>,
    back: Option<oneshot::Sender<Left<B>>>,
}

/// Where a lent body comes back to.
pub struct Lender<B>(oneshot::Receiver<Left<B>>);

/// What is left of a body.
enum Left<B> {
    Nothing,
    /// Something, or its end is not known yet.
    Rest(B),
    /// It broke off.
    Broken,
}

/// Lends `body` to a handler.
pub fn lend<B>(body: B) -> (Lent<B>, Lender<B>) {
    let (back, lender) = oneshot::channel();
    (Lent { body: Some(body), back: Some(back) }, Lender(lender))
}

impl<B: Body<Data = Bytes> + Unpin> Lender<B> {
    /// Reads what the handler has left; whether the connection can go on behind it.
    pub async fn read_rest(self) -> bool {
        match self.left() {
            Left::Nothing => true,
            Left::Rest(mut body) => timeout(TIME_MAX, read_to_end(&mut body)).await.unwrap_or(false),
            Left::Broken => false,
        }
    }

    /// Whether nothing was left, for a client that sends the body only if it is asked to (RFC 9110 §10.1.1).
    pub fn was_read(self) -> bool {
        match self.left() {
            Left::Nothing => true,
            Left::Rest(body) => body.is_end_stream(),
            Left::Broken => false,
        }
    }

    /// A handler that still reads while it answers has not left anything yet.
    fn left(mut self) -> Left<B> {
        self.0.try_recv().unwrap_or(Left::Nothing)
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

impl<B> Lent<B> {
    /// Nobody waits for it where the request was given up.
    fn give_back(&mut self, left: Left<B>) {
        if let Some(back) = self.back.take() {
            let _ = back.send(left);
        }
    }
}

impl<B> Drop for Lent<B> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            self.give_back(Left::Rest(body));
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
        // Behind its end, and behind an error, a body need not be asked again.
        let left = match &frame {
            Some(Ok(_)) => return Poll::Ready(frame),
            Some(Err(_)) => Left::Broken,
            None => Left::Nothing,
        };
        self.body = None;
        self.give_back(left);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
