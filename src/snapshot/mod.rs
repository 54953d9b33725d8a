//! What is served now: one pointer, swapped whole by the writer and read without a lock.

mod awaited;
mod live;

pub use awaited::{Awaited, Hope};
pub use live::{Live, Watch};

use crate::registry::Timestamp;
use crate::zone::ZoneSet;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// One consistent version of everything that is served; never changed once published.
pub struct Snapshot {
    /// The zones with their registrations; the gateway finds forwards here too.
    pub zones: ZoneSet,
    /// The last transaction it contains.
    pub seq: u64,
    /// When it was published.
    pub published_at: Timestamp,
}

/// The write half: the one writer owns it.
pub struct Publisher {
    current: Arc<ArcSwap<Snapshot>>,
    /// Versions that readers may still hold; freed here, so that no reader pays for it.
    retired: Vec<Arc<Snapshot>>,
    awaited: Awaited,
}

/// The read half: as many as there are readers.
#[derive(Clone)]
pub struct Reader {
    current: Arc<ArcSwap<Snapshot>>,
    awaited: Awaited,
}

/// A version pinned for one batch of queries.
pub type Pinned = arc_swap::Guard<Arc<Snapshot>>;

/// The two halves, serving `first`.
pub fn channel(first: Snapshot) -> (Publisher, Reader) {
    let current = Arc::new(ArcSwap::from_pointee(first));
    let awaited = Awaited::default();
    let publisher = Publisher { current: Arc::clone(&current), retired: Vec::new(), awaited: awaited.clone() };
    (publisher, Reader { current, awaited })
}

impl Publisher {
    /// What is served now.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Serves `next` from now on, and frees what nobody reads any more.
    pub fn publish(&mut self, next: Snapshot) {
        self.retired.push(self.current.swap(Arc::new(next)));
        self.free_unread();
    }

    /// Where it is told that a next version is awaited.
    pub fn awaited(&self) -> &Awaited {
        &self.awaited
    }

    /// Frees the versions that nobody reads any more.
    pub fn free_unread(&mut self) {
        // A swap turns every pin of the old version into a counted reference, and nobody can pin it anew.
        self.retired.retain(|old| Arc::strong_count(old) > 1);
    }
}

impl Reader {
    /// The version served now; a few nanoseconds, no lock.
    pub fn load(&self) -> Pinned {
        self.current.load()
    }

    /// Whether somebody waits for a next version, or makes it.
    #[inline]
    pub fn awaits_next(&self) -> bool {
        self.awaited.is_any()
    }
}
