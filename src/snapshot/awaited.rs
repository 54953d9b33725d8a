//! Whether a next version is awaited: those who answer then leave a moment to those who make it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many changes are handed in or in work. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Awaited(Arc<AtomicUsize>);

/// Counts as one until it is dropped.
#[derive(Debug)]
pub struct Hope(Arc<AtomicUsize>);

impl Awaited {
    /// Counts one more.
    pub fn one_more(&self) -> Hope {
        self.0.fetch_add(1, Ordering::Relaxed);
        Hope(Arc::clone(&self.0))
    }

    /// Whether there is any. It may be late by as long as another core takes to see a write: nothing is decided by it but who goes
    /// first.
    #[inline]
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Hope {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counts_until_it_is_dropped() {
        let awaited = Awaited::default();
        let both = (awaited.one_more(), awaited.clone().one_more());
        assert!(awaited.is_any());
        drop(both.0);
        assert!(awaited.is_any());
        drop(both.1);
        assert!(!awaited.is_any());
    }
}
