//! The store while running: in use, or being opened anew or rebuilt beside the writer.

use super::engine::Engine;
use super::recover;
use crate::store::Store;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Pause between two attempts to get the store back; each may read the whole journal.
const RETRY: Duration = Duration::from_secs(5);

/// The store, or what is being done to get it back.
pub enum Slot {
    /// In use.
    Ready(Store),
    /// A thread opens it, or rebuilds it from the journal. The journal takes no lines meanwhile.
    Mending(JoinHandle<Result<Store, String>>),
    /// The last attempt failed; the next begins then.
    Waiting(Instant),
}

impl Slot {
    /// The store.
    ///
    /// # Errors
    /// Why there is none now.
    pub fn ready(&self) -> Result<&Store, String> {
        match self {
            Self::Ready(store) => Ok(store),
            Self::Mending(_) | Self::Waiting(_) => Err("the store is being opened anew".into()),
        }
    }
}

impl Engine {
    /// Lets go of a store that has failed: sled keeps failing after an I/O error. What is served and durable stands.
    pub fn store_failed(&mut self, why: &str) {
        tracing::error!("the store failed and is opened anew, changes wait, answers go on: {why}");
        // Dropping it gives up sled's lock on its directory.
        self.store = Slot::Waiting(Instant::now());
        self.status.set(|status| status.store_rebuilding = true);
        self.report();
        self.mend();
    }

    /// Takes the next step towards a store, if there is none.
    pub fn mend(&mut self) {
        match &self.store {
            Slot::Ready(_) => {}
            Slot::Waiting(at) if Instant::now() < *at => {}
            Slot::Waiting(_) if self.stopped.is_some() => {}
            Slot::Waiting(_) => {
                let data_dir = self.data_dir.clone();
                let work = move || {
                    // The journal is quiet while there is no store, so that a second pair of hands can read it.
                    let opened = recover::open(&data_dir).map(|(store, _journal)| store);
                    opened.map_err(|error| error.to_string())
                };
                let thread = std::thread::Builder::new().name("store-mender".into()).spawn(work);
                self.store = match thread {
                    Ok(thread) => Slot::Mending(thread),
                    Err(error) => {
                        tracing::error!("the store cannot be opened anew: {error}");
                        Slot::Waiting(Instant::now() + RETRY)
                    }
                };
            }
            Slot::Mending(thread) if !thread.is_finished() => {}
            Slot::Mending(_) => self.take_mended(),
        }
    }

    fn take_mended(&mut self) {
        let waiting = Slot::Waiting(Instant::now() + RETRY);
        let Slot::Mending(thread) = std::mem::replace(&mut self.store, waiting) else { return };
        let mended = thread.join().unwrap_or_else(|_| Err("the thread that opened it panicked".into()));
        match mended {
            Ok(store) if store.position() == self.journal.position() => {
                tracing::info!(seq = store.position().seq, "the store is in use again");
                self.store = Slot::Ready(store);
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
