//! The store while running: in use, or being opened anew or rebuilt beside the writer.

use super::engine::Engine;
use super::recover;
use crate::store::Store;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Pause between two attempts to get the store back; each may read the whole journal.
const RETRY: Duration = Duration::from_secs(5);

/// A store that fails twice within this is not worth opening again.
const FAILED_AGAIN: Duration = Duration::from_secs(60);

/// The store, or what is being done to get it back.
pub enum Slot {
    /// In use.
    Ready(Box<Store>),
    /// A thread opens it, or rebuilds it from the journal. The journal takes no lines meanwhile.
    Mending(JoinHandle<Result<Store, String>>),
    /// There is none; the next attempt begins then.
    Waiting {
        /// When.
        until: Instant,
        /// Whether what is in its directory is of no use.
        rebuild: bool,
    },
}

impl Slot {
    /// The store.
    ///
    /// # Errors
    /// Why there is none now.
    pub fn ready(&self) -> Result<&Store, String> {
        match self {
            Self::Ready(store) => Ok(store),
            Self::Mending(_) | Self::Waiting { .. } => Err("the store is being opened anew".into()),
        }
    }
}

impl Engine {
    /// Lets go of a store that has failed: sled keeps failing after an I/O error. What is served and durable stands.
    /// A damaged one is rebuilt from the journal at once, and so is one that fails again soon, unless the disk is full.
    pub fn store_failed(&mut self, why: &str, damaged: bool) {
        let again = self.failed.replace(Instant::now()).is_some_and(|before| before.elapsed() < FAILED_AGAIN);
        tracing::error!("the store failed and is opened anew, changes wait, answers go on: {why}");
        // Dropping it gives up sled's lock on its directory.
        self.store = Slot::Waiting { until: Instant::now(), rebuild: damaged || (again && self.journal.has_space()) };
        self.status.set(|status| status.store_rebuilding = true);
        self.report();
        self.mend();
    }

    /// Takes the next step towards a store, if there is none.
    pub fn mend(&mut self) {
        match &self.store {
            Slot::Ready(_) => {}
            Slot::Waiting { until, .. } if Instant::now() < *until => {}
            // The journal's end is uncertain: what it holds is for the next start to say.
            Slot::Waiting { .. } if self.stopped.is_some() => {}
            Slot::Waiting { rebuild, .. } => {
                let rebuild = *rebuild;
                let home = self.home.clone();
                // It is as idle as the writer that starts it, and every change waits for it.
                let awaited = self.publisher.as_ref().map(|publisher| publisher.awaited().one_more());
                let work = move || {
                    let _awaited = awaited;
                    // The journal is quiet while there is no store, so that a second pair of hands can read it.
                    let opened = if rebuild { recover::open_anew(&home) } else { recover::open(&home) };
                    opened.map(|(store, _journal)| store).map_err(|error| error.to_string())
                };
                let thread = std::thread::Builder::new().name("store-mender".into()).spawn(work);
                self.store = match thread {
                    Ok(thread) => Slot::Mending(thread),
                    Err(error) => {
                        tracing::error!("the store cannot be opened anew: {error}");
                        Slot::Waiting { until: Instant::now() + RETRY, rebuild }
                    }
                };
            }
            Slot::Mending(thread) if !thread.is_finished() => {}
            Slot::Mending(_) => self.take_mended(),
        }
    }

    fn take_mended(&mut self) {
        let waiting = Slot::Waiting { until: Instant::now() + RETRY, rebuild: false };
        let Slot::Mending(thread) = std::mem::replace(&mut self.store, waiting) else { return };
        let mended = thread.join().unwrap_or_else(|_| Err("the thread that opened it panicked".into()));
        match mended {
            Ok(store) if store.position() == self.journal.position() => {
                tracing::info!(seq = store.position().seq, "the store is in use again");
                if store.checkpoint().is_none() {
                    self.checkpoints.lost();
                }
                self.store = Slot::Ready(Box::new(store));
                self.due_done = None;
                self.status.set(|status| status.store_rebuilding = false);
                self.report();
            }
            Ok(store) => {
                let (applied, last) = (store.position().seq, self.journal.position().seq);
                tracing::error!("the store was opened anew at {applied}, but the journal is at {last}");
            }
            Err(error) => tracing::error!("the store cannot be opened anew yet: {error}"),
        }
    }
}
