//! Settings that a reload swaps whole while they are read.

use arc_swap::{ArcSwap, Cache, Guard};
use std::sync::Arc;

/// A value that is replaced whole and read without a lock. Clones share it.
pub struct Live<T>(Arc<ArcSwap<T>>);

/// A reader with a copy of the pointer of its own: looking whether it is still the one costs one load.
pub struct Watch<T> {
    cache: Cache<Arc<ArcSwap<T>>, Arc<T>>,
    seen: Arc<T>,
}

impl<T> Live<T> {
    /// Holds `value` until it is replaced.
    pub fn new(value: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(value)))
    }

    /// Replaces the value; readers see it with their next request or batch.
    pub fn set(&self, value: T) {
        self.0.store(Arc::new(value));
    }

    /// The value now.
    pub fn load(&self) -> Guard<Arc<T>> {
        self.0.load()
    }

    /// A reader for one thread.
    pub fn watch(&self) -> Watch<T> {
        Watch { cache: Cache::new(Arc::clone(&self.0)), seen: self.0.load_full() }
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Watch<T> {
    /// Takes the value now; the one that it replaces, if it is another.
    #[inline]
    pub fn refresh(&mut self) -> Option<Arc<T>> {
        let now = self.cache.load();
        if Arc::ptr_eq(now, &self.seen) {
            return None;
        }
        let now = Arc::clone(now);
        Some(std::mem::replace(&mut self.seen, now))
    }

    /// The value as last refreshed.
    #[inline]
    pub fn get(&self) -> &T {
        &self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_sees_each_value_once_as_new() {
        let live = Live::new(1);
        let mut watch = live.clone().watch();
        assert_eq!((watch.refresh(), *watch.get()), (None, 1));
        live.set(2);
        assert_eq!((*watch.get(), *live.load().as_ref()), (1, 2));
        assert_eq!((watch.refresh().as_deref(), *watch.get()), (Some(&1), 2));
        assert_eq!((watch.refresh(), *watch.get()), (None, 2));
    }
}
