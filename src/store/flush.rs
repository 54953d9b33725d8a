//! When batches are written to sled, and how much may be unwritten.

use super::batch::{Batch, Metas, sync};
use super::{Store, StoreError, failed};
use crate::registry::Position;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much is written at once, and how long it may wait; smaller in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WritePace {
    /// Octets of memory at which a batch is begun. The more there are, the more of them meet in a leaf of sled; but the next
    /// start applies again what a kill found unwritten.
    pub batch_octets: usize,
    /// Octets of memory not yet in sled beyond which who applies waits. What a batch takes is given back at its end only, so that
    /// it may come to twice that.
    pub unwritten_octets: usize,
    /// How long what is unwritten waits for more.
    pub wait: Duration,
}

impl Default for WritePace {
    /// A batch of some 25,000 registrations.
    fn default() -> Self {
        Self { batch_octets: 16 << 20, unwritten_octets: 32 << 20, wait: Duration::from_secs(2) }
    }
}

/// What has been applied and is not in sled.
#[derive(Default)]
pub(super) struct Unwritten {
    /// Values of `meta` for the next batch.
    pub(super) metas: Metas,
    /// Octets of memory that the next batch has so far, about.
    pub(super) octets: usize,
    /// When its first transaction was applied.
    since: Option<Instant>,
    writing: Option<Writing>,
}

impl Unwritten {
    /// As if that had just been applied.
    pub(super) fn of(metas: Metas, octets: usize) -> Self {
        Self { metas, octets, since: Some(Instant::now()), writing: None }
    }
}

/// A batch being written.
struct Writing {
    thread: JoinHandle<Result<Position, StoreError>>,
    octets: usize,
    changes: usize,
    left: Arc<Left>,
}

/// How many changes of a batch are not in sled.
pub(super) struct Left {
    changes: Mutex<usize>,
    moved: Condvar,
}

impl Left {
    /// So many.
    pub(super) fn of(changes: usize) -> Self {
        Self { changes: Mutex::new(changes), moved: Condvar::new() }
    }

    /// There are fewer by so many.
    pub(super) fn less(&self, changes: usize) {
        let mut left = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_sub(changes);
        self.moved.notify_all();
    }

    fn get(&self) -> usize {
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there are fewer than `changes`, or the thread that writes them ends.
    fn wait_below(&self, changes: usize) {
        let left = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.moved.wait_while(left, |left| *left >= changes.max(1)));
    }
}

/// Says that nothing is left when the thread that writes ends, however it does.
struct Ending(Arc<Left>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.less(usize::MAX);
    }
}

impl Writing {
    /// Octets of memory that are not yet in sled, about.
    fn octets_left(&self) -> usize {
        self.octets / self.changes.max(1) * self.left.get()
    }
}

impl Store {
    /// After a transaction was applied: begins the next batch if there is enough for one, and waits while there is too much.
    pub(super) fn keep_up(&mut self) -> Result<(), StoreError> {
        self.unwritten.since.get_or_insert_with(Instant::now);
        loop {
            self.take_written(false)?;
            match &self.unwritten.writing {
                None if self.unwritten.octets >= self.pace.batch_octets => return self.begin_batch(),
                Some(writing) if self.unwritten.octets + writing.octets_left() > self.pace.unwritten_octets => {
                    match writing.left.get() {
                        0 => self.take_written(true)?,
                        left => writing.left.wait_below(left),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Begins to write what has waited for long, if anything has. To be called now and then.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::Damaged`]; the store must be opened anew then.
    pub fn write_behind(&mut self) -> Result<(), StoreError> {
        self.take_written(false)?;
        let has_waited = self.unwritten.since.is_some_and(|since| since.elapsed() >= self.pace.wait);
        if has_waited { self.begin_flush() } else { Ok(()) }
    }

    /// Begins to write what is unwritten, if nothing is being written; does not wait for it.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::Damaged`]; the store must be opened anew then.
    pub fn begin_flush(&mut self) -> Result<(), StoreError> {
        self.take_written(false)?;
        let is_idle = self.unwritten.writing.is_none() && self.unwritten.since.is_some();
        if is_idle { self.begin_batch() } else { Ok(()) }
    }

    /// Sets how much is written at once, and how long it may wait.
    pub fn set_pace(&mut self, pace: WritePace) {
        self.pace = pace;
    }

    /// Writes everything to sled and waits until it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::Damaged`]; the store must be opened anew then.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.take_written(true)?;
        if self.unwritten.since.is_some() {
            self.begin_batch()?;
            self.take_written(true)?;
        }
        sync(&self.trees.db, &self.file)
    }

    fn begin_batch(&mut self) -> Result<(), StoreError> {
        let Unwritten { metas, octets, .. } = std::mem::take(&mut self.unwritten);
        let batch = Batch::freeze(self, metas)?;
        let position = batch.position();
        let changes = batch.len();
        let left = Arc::new(Left::of(changes));
        let told = Ending(Arc::clone(&left));
        let thread =
            std::thread::Builder::new().name("store".into()).spawn(move || batch.write(&told.0).map(|()| position));
        let thread = thread.map_err(failed)?;
        self.unwritten.writing = Some(Writing { thread, octets, changes, left });
        Ok(())
    }

    /// Lets go of a batch that is written, or waits for it.
    fn take_written(&mut self, wait: bool) -> Result<(), StoreError> {
        let Some(writing) = self.unwritten.writing.take_if(|writing| wait || writing.thread.is_finished()) else {
            return Ok(());
        };
        let written = writing.thread.join().unwrap_or_else(|_| Err(failed("the thread that wrote to it panicked")));
        (self.written, self.torn) = (written?, false);
        let layers: Vec<_> = self.trees.all_mut().filter_map(|(_, layers)| layers.thaw()).collect();
        // A hundred thousand entries take milliseconds to give back, for which no change should wait; without a thread one does.
        drop(std::thread::Builder::new().name("store".into()).spawn(move || drop(layers)));
        Ok(())
    }
}

impl Drop for Store {
    /// Nobody else may open sled's files while a thread writes to them.
    fn drop(&mut self) {
        let Some(writing) = self.unwritten.writing.take() else { return };
        match writing.thread.join() {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!("a batch was not written to the store, and will be at the next start: {error}");
            }
            Err(_) => tracing::error!("the thread that wrote to the store panicked"),
        }
    }
}
