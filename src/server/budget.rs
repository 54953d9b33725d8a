//! Octets of answers that a connection may have unsent where queries are answered side by side: whoever takes nothing,
//! or opens no window to send it in, is answered no more.

use hyper::body::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest answer, with the length that goes before it over QUIC.
const ANSWER_LEN_MAX: usize = 2 + 65_535;
/// What is unsent of one connection at most: one answer being made beside others as long. Times the connections that may
/// be open, it bounds the memory of them all.
const UNSENT_LEN_MAX: usize = 2 * ANSWER_LEN_MAX;

/// The budget of one connection. Clones share it.
#[derive(Clone)]
pub(super) struct Budget(Arc<Semaphore>);

/// Room for one answer.
pub(super) struct Room(OwnedSemaphorePermit);

/// An answer, and its share of the budget until it is dropped.
struct Held {
    octets: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// That of a new connection.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(UNSENT_LEN_MAX)))
    }

    /// Waits until there is room for the longest answer, which is not longer than the connection lives.
    pub async fn room(&self) -> Room {
        let permit = Arc::clone(&self.0).acquire_many_owned(ANSWER_LEN_MAX as u32).await;
        Room(permit.expect("the budget is never closed"))
    }
}

impl Room {
    /// The answer's octets, which keep as much of the room as they are long until they are dropped.
    pub fn hold(mut self, octets: Vec<u8>) -> Bytes {
        let room = self.0.split(octets.len());
        Bytes::from_owner(Held { octets, _room: room })
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    #[tokio::test]
    async fn what_is_unsent_is_bounded_and_given_back() {
        let budget = Budget::new();
        let small: Vec<Bytes> = [budget.room().await.hold(vec![1; 100]), budget.room().await.hold(vec![2; 100])].into();
        let long = budget.room().await.hold(vec![3; ANSWER_LEN_MAX]);
        assert_eq!((small[1].len(), long.len()), (100, ANSWER_LEN_MAX));
        let mut next = pin!(budget.room());
        let is_pending = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_pending())).await;
        assert!(is_pending, "what is unsent leaves no room");
        drop(long);
        let held = next.await.hold(vec![]);
        drop((small, held));
        assert_eq!(budget.0.available_permits(), UNSENT_LEN_MAX);
    }
}
