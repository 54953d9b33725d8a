//! What the writer owns: journal, store, zones and the publisher, and the order in which a group goes through them.

use super::checkpoint::Checkpoints;
use super::clock::Clock;
use super::group::{Decided, Ground, decide_group};
use super::handle::{Receipt, SharedStatus, Submission, UpdateError};
use super::mend::Slot;
use super::publish::Suffixes;
use super::recover::Home;
use super::watch::Watch;
use crate::journal::{AppendError, Journal, JournalReader};
use crate::registry::{Code, Policy, Position, Refusal, Timestamp, Transaction};
use crate::snapshot::{Publisher, Snapshot};
use crate::store::StoreError;
use crate::telemetry;
use crate::zone::ZoneSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a full disk is reported at least after the last attempt to write; longer only as long as the disk itself says
/// so. A quota does not: then changes are welcome again, for if readiness said no for ever, nobody would try.
pub(super) const FULL_REPORTED: Duration = Duration::from_secs(10);

/// Everything behind the queue. One thread owns it.
pub struct Engine {
    /// Where everything durable is.
    pub home: Home,
    /// The materialised state, or what is being done to get it back.
    pub store: Slot,
    /// The write half of the journal.
    pub journal: Journal,
    /// Its read half.
    pub reader: JournalReader,
    /// What is served, or will be once there is a publisher.
    pub zones: ZoneSet,
    /// Which zones belong to which set.
    pub suffixes: Suffixes,
    /// The registry's rules.
    pub policy: Policy,
    /// The time of the last transaction; the next is never before it.
    pub at: Timestamp,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether the clock shows the time that has passed.
    pub watch: Watch,
    /// Whether it was noted that it does not.
    pub jumped: bool,
    /// The counters.
    pub metrics: telemetry::Writer,
    /// The condition that handles see.
    pub status: SharedStatus,
    /// Where snapshots go; absent until the first is ready.
    pub publisher: Option<Publisher>,
    /// Up to when everything due has been done, as far as the brake lets it.
    pub due_done: Option<Timestamp>,
    /// When it was last found that no notice is due: by its clock, and by one that is never set.
    pub notified: Option<(Timestamp, Instant)>,
    /// Most objects of one step of the schedule; smaller after a step made too long a line.
    pub due_limit: usize,
    /// Why nothing is written until a restart.
    pub stopped: Option<String>,
    /// When the journal last had no space.
    pub full: Option<Instant>,
    /// When the store last failed.
    pub failed: Option<Instant>,
    /// What makes the next start short.
    pub checkpoints: Checkpoints,
}

/// Why a group was not made durable.
#[derive(Debug)]
pub enum CommitError {
    /// The store cannot be read: nothing can be decided.
    Store(String),
    /// A line would be too long.
    TooLong(usize),
    /// Deciding panicked: a bug. The log has where.
    Panicked,
    /// Nothing can be written, now or until a restart.
    Unwritable(String),
}

impl Engine {
    /// The time of the next transaction: the clock's, or the time that has passed if the clock has jumped; never before
    /// the last one's.
    pub fn now(&self) -> Timestamp {
        let off = self.jumped || self.watch.is_off(&*self.clock, self.policy.clock_step_secs);
        let now = if off { self.watch.passed(&*self.clock) } else { self.clock.now() };
        now.max(self.at)
    }

    /// Decides a group, makes it durable, then visible, answers through `reply`, and brings the store up to it.
    ///
    /// # Errors
    /// [`CommitError`]; nothing of the group has happened and `reply` was not called.
    pub fn run(
        &mut self,
        submissions: &[Submission],
        reply: impl FnOnce(Vec<Result<Receipt, UpdateError>>),
    ) -> Result<(), CommitError> {
        let store = self.store.ready().map_err(CommitError::Store)?;
        if let Some(why) = &self.stopped {
            return Err(CommitError::Unwritable(why.clone()));
        }
        let ground = Ground {
            store,
            journal: &self.reader,
            zones: &self.zones,
            suffixes: &self.suffixes,
            policy: &self.policy,
            position: self.journal.position(),
            at: self.now(),
        };
        // Deciding changes nothing, so that nothing is half done if it panics; and one writer must not die of one command.
        let decided = match catch_unwind(AssertUnwindSafe(|| decide_group(ground, submissions))) {
            Ok(Ok(decided)) => decided,
            Err(_) => return Err(CommitError::Panicked),
            Ok(Err(error)) => {
                self.store_failed(&error.0, false);
                return Err(CommitError::Store(error.0));
            }
        };
        let Decided { transactions, answers, zones, tally, next_due, brake } = decided;
        if transactions.is_empty() {
            reply(answers);
            return Ok(());
        }
        let positions = self.append(&transactions)?;
        if let Some(zones) = zones {
            self.zones = zones;
        }
        self.publish();
        tally.report(&self.metrics);
        if let Some(brake) = brake {
            if self.jumped && brake.jump.is_none() {
                self.watch.trust(&*self.clock);
            }
            self.jumped = brake.jump.is_some();
            self.status.set(|status| status.brake = brake);
            self.due_done = None;
        }
        if next_due.is_some_and(|due| due <= self.at) {
            self.due_done = None;
        }
        self.report();
        reply(answers);
        self.settle(&transactions, &positions);
        Ok(())
    }

    /// Makes transactions durable.
    ///
    /// # Errors
    /// [`CommitError`]; none of them is in the journal.
    pub fn append(&mut self, transactions: &[Transaction]) -> Result<Vec<Position>, CommitError> {
        match self.journal.append(transactions) {
            Ok(positions) => {
                if let Some(last) = transactions.last() {
                    self.at = last.at;
                    self.metrics.appended(last.seq, transactions.len(), self.journal.last_sync());
                }
                if self.full.take().is_some() {
                    tracing::info!("the journal has space again");
                    self.status.set(|status| status.unwritable = None);
                }
                Ok(positions)
            }
            Err(AppendError::TooLong(octets)) => Err(CommitError::TooLong(octets)),
            Err(error @ AppendError::Full(_)) => {
                let why = error.to_string();
                if self.full.replace(Instant::now()).is_none() {
                    tracing::error!("changes are refused: {why}");
                }
                self.status.set(|status| status.unwritable = Some(why.clone()));
                self.report();
                Err(CommitError::Unwritable(why))
            }
            Err(error @ AppendError::Failed(_)) => {
                let why = error.to_string();
                tracing::error!("changes are refused until a restart, answers go on: {why}");
                self.stopped = Some(why.clone());
                // Space that comes back makes nothing good.
                self.full = None;
                self.status.set(|status| status.unwritable = Some(why.clone()));
                self.report();
                Err(CommitError::Unwritable(why))
            }
        }
    }

    /// Serves the zones as they are now.
    pub fn publish(&mut self) {
        let snapshot = self.snapshot();
        self.metrics.published_at(snapshot.published_at.0);
        if let Some(publisher) = &mut self.publisher {
            publisher.publish(snapshot);
        }
    }

    /// The zones as they are now, with everything durable in them.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { zones: self.zones.clone(), seq: self.journal.position().seq, published_at: self.now() }
    }

    /// Brings the store up to the journal. If it fails, what is durable stands: the store is mended beside.
    pub fn settle(&mut self, transactions: &[Transaction], positions: &[Position]) {
        let Slot::Ready(store) = &mut self.store else { return };
        let applied = transactions.iter().zip(positions).try_for_each(|(t, position)| store.apply(t, *position));
        if let Err(error) = applied {
            self.store_failed(&error.to_string(), matches!(error, StoreError::Damaged(_)));
        }
        self.checkpoints.applied(transactions.iter().map(|transaction| transaction.events.len() as u64).sum());
        self.checkpoint();
    }

    /// What is done each second whether or not anything happens.
    pub fn tick(&mut self) {
        if let Some(publisher) = &mut self.publisher {
            publisher.free_unread();
        }
        if self.full.is_some_and(|since| since.elapsed() >= FULL_REPORTED) && self.journal.has_space() {
            self.full = None;
            self.status.set(|status| status.unwritable = None);
            self.report();
        }
        if let Slot::Ready(store) = &mut self.store
            && let Err(error) = store.write_behind()
        {
            self.store_failed(&error.to_string(), matches!(error, StoreError::Damaged(_)));
        }
        self.mend();
        self.checkpoint();
    }

    /// Tells the metrics the condition.
    pub fn report(&self) {
        let status = self.status.get();
        let is_writable = status.unwritable.is_none() && status.unloaded_suffix.is_none();
        let brake = &status.brake;
        self.metrics.condition(brake.engaged().is_some(), !status.store_rebuilding, is_writable);
        self.metrics.clock_jumped(brake.jump.is_some());
    }
}

impl CommitError {
    /// What the commands of the group are told.
    pub fn answer(&self) -> UpdateError {
        match self {
            Self::Store(_) => UpdateError::Unwritable("the store is being opened anew".into()),
            Self::Unwritable(why) => UpdateError::Unwritable(why.clone()),
            Self::Panicked => UpdateError::Unwritable("an internal error, see the log".into()),
            Self::TooLong(octets) => {
                let en = format!("The change makes a journal line of {octets} octets, which is too long; divide it.");
                let zh = format!("该变更对应的日志行长达 {octets} 个八位字节，超过上限，请分批提交。");
                UpdateError::Refused(Refusal::new(Code::BatchTooLarge, en, zh).into())
            }
        }
    }
}
