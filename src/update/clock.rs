//! What time it is: the system's clock, or in tests one that is set by hand.

use crate::registry::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Calls the writer back when a clock has jumped.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// The writer's source of time. It may run backwards: the writer never does.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// How long to sleep until the clock shows `at`, if it runs on as usual; nothing if it has come.
    fn until(&self, at: Timestamp) -> Duration;

    /// Seconds that have passed since some moment, by a clock that nobody sets and that runs on while the machine sleeps.
    fn steady_secs(&self) -> i64;

    /// Asks to be woken when the clock jumps. Clocks that only run ignore it.
    fn on_jump(&self, wake: Wake) {
        drop(wake);
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn until(&self, at: Timestamp) -> Duration {
        let at = Duration::from_secs(u64::try_from(at.0).unwrap_or(0));
        at.saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn steady_secs(&self) -> i64 {
        clock_gettime(ClockId::Boottime).tv_sec
    }
}

#[cfg(feature = "test-clock")]
mod test_clock {
    use super::{Clock, Timestamp, Wake};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    /// A clock that stands until it is set.
    pub struct TestClock {
        now: AtomicI64,
        /// What the clock shows beyond the time that has passed.
        ahead: AtomicI64,
        wakes: Mutex<Vec<Wake>>,
    }

    impl TestClock {
        /// A clock that shows `now`.
        pub fn new(now: Timestamp) -> Self {
            Self { now: AtomicI64::new(now.0), ahead: AtomicI64::new(0), wakes: Mutex::new(Vec::new()) }
        }

        /// Lets time pass until `now`, backwards too, and wakes who asked for it. What is handed to the writer after this
        /// returns happens after everything that fell due by `now`.
        pub fn set(&self, now: Timestamp) {
            self.now.store(now.0, Ordering::SeqCst);
            self.wake();
        }

        /// Shows `now` although no time has passed.
        pub fn jump(&self, now: Timestamp) {
            let before = self.now.swap(now.0, Ordering::SeqCst);
            self.ahead.fetch_add(now.0 - before, Ordering::SeqCst);
            self.wake();
        }

        fn wake(&self) {
            for wake in self.wakes.lock().expect("no wake panics").iter() {
                wake();
            }
        }
    }

    impl Clock for TestClock {
        fn now(&self) -> Timestamp {
            Timestamp(self.now.load(Ordering::SeqCst))
        }

        fn until(&self, at: Timestamp) -> Duration {
            if at <= self.now() { Duration::ZERO } else { Duration::MAX }
        }

        fn steady_secs(&self) -> i64 {
            self.now.load(Ordering::SeqCst).saturating_sub(self.ahead.load(Ordering::SeqCst))
        }

        fn on_jump(&self, wake: Wake) {
            self.wakes.lock().expect("no wake panics").push(wake);
        }
    }
}

#[cfg(feature = "test-clock")]
pub use test_clock::TestClock;
