//! The writer's thread: it drains the queue into groups, and does what falls due before each.

use super::checkpoint::Checkpoints;
use super::engine::{CommitError, Engine};
use super::handle::{Handle, Message, QUEUE_LEN_MAX, Receipt, Sent, SharedStatus, Submission, UpdateError};
use super::mend::Slot;
use super::pages::LargePages;
use super::priority::{behind_answers, in_idle_time};
use super::publish::Suffixes;
use super::recover::Opened;
use super::recover::{self, Home, Lock};
use super::reload::LoadError;
use super::restore::{Loaded, restore};
use super::scan::scan_all;
use super::schedule::{Backoff, DUE_LIMIT};
use super::watch::Watch;
use super::{Reload, Running, Start, StartError};
use crate::journal::Limits;
use crate::journal::disk::Disk;
use crate::registry::{Command, State, Timestamp};
use crate::snapshot::{self, Awaited};
use crate::telemetry::ChangeResult;
use crate::zone::ZoneSet;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Most commands in one group: they share one fsync, and the first waits for the last to be decided.
const GROUP_MAX: usize = 256;
/// Imported objects at which a group is closed; an import alone can be a whole group.
const GROUP_ITEMS_MAX: usize = 1000;
/// Pause between two ticks of housekeeping while there is work.
const TICK: Duration = Duration::from_secs(1);

/// The way back to who submitted a command.
type Reply = oneshot::Sender<Result<Receipt, UpdateError>>;

/// Opens everything, applies what fell due meanwhile, and starts the thread.
pub fn start(settings: Start, disk: Option<(Arc<dyn Disk>, Limits)>) -> Result<Running, StartError> {
    let lock = Lock::take(&settings.data_dir)?;
    let home = match disk {
        None => Home::of(&settings.data_dir)?,
        Some((disk, limits)) => {
            Home { data_dir: settings.data_dir.clone(), disk, limits, table: None, writes: settings.writes }
        }
    };
    let clock = Arc::clone(&settings.clock);
    let mut engine = prepare(home, settings)?;
    let (publisher, snapshots) = snapshot::channel(engine.snapshot());
    let awaited = publisher.awaited().clone();
    engine.publisher = Some(publisher);
    let (status, journal) = (engine.status.clone(), engine.reader.clone());
    let (queue, messages) = crossbeam_channel::bounded(QUEUE_LEN_MAX);
    wake_on_jump(&clock, &queue, &awaited);
    let writer = Writer { messages, awaited: awaited.clone(), engine, _lock: lock, backoff: Backoff::default() };
    let thread = std::thread::Builder::new().name("writer".into()).spawn(move || writer.run());
    let writer = thread.map_err(|source| StartError::Io { path: "the writer's thread".into(), source })?;
    Ok(Running { handle: Handle { queue, awaited, status }, snapshots, journal, writer })
}

/// Everything behind the queue, up to date, with the zones loaded and what fell due applied.
pub(super) fn prepare(home: Home, settings: Start) -> Result<Engine, StartError> {
    let Start { reload, clock, metrics, checkpoints, writes, .. } = settings;
    let home = Home { table: reload.policy.labels.shared_table(), writes, ..home };
    let sets = served_sets(&reload);
    let ((store, journal), loaded) = open_and_load(&home, &sets)?;
    let Loaded { sets, tally, behind } = loaded;
    let checkpoints = Checkpoints::new(&home, checkpoints, behind);
    metrics.journal_at(journal.position().seq);
    metrics.reset_objects();
    tally.report(&metrics);
    let brake = store.brake().map_err(|error| StartError::Store(error.to_string()))?;
    let status = SharedStatus::default();
    let jumped = brake.jump.is_some();
    status.set(|status| status.brake = brake);
    let at = recover::last_transaction_at(&journal).unwrap_or(Timestamp(i64::MIN));
    let watch = Watch::begin(&*clock, at, reload.policy.clock_step_secs, jumped);
    let mut engine = Engine {
        home,
        store: Slot::Ready(Box::new(store)),
        reader: journal.reader(),
        at,
        journal,
        zones: ZoneSet::new([]),
        suffixes: Suffixes::default(),
        policy: reload.policy.clone(),
        clock,
        watch,
        jumped,
        metrics,
        status,
        publisher: None,
        due_done: None,
        notified: None,
        due_limit: DUE_LIMIT,
        stopped: None,
        full: None,
        failed: None,
        checkpoints,
    };
    let pages = LargePages::allow();
    engine.load(reload, Some(sets))?;
    drop(pages);
    engine.apply_due()?;
    engine.report();
    Ok(engine)
}

/// The sets that some zone is served for.
fn served_sets(reload: &Reload) -> Vec<Arc<str>> {
    let suffixes = Suffixes::of(&reload.policy);
    let is_served = |set: &&Arc<str>| {
        let apexes = suffixes.apexes(set);
        reload.zones.iter().any(|(zone, _)| apexes.iter().any(|apex| apex.name == zone.apex().to_lowercase()))
    };
    suffixes.sets().filter(is_served).map(Arc::clone).collect()
}

/// Opens everything and loads what is published: from the checkpoint, or by reading the whole store. A store that cannot
/// be read whole is rebuilt.
fn open_and_load(home: &Home, sets: &[Arc<str>]) -> Result<(Opened, Loaded), StartError> {
    let begun = Instant::now();
    let opened = recover::open(home)?;
    let (seq, secs) = (opened.0.position().seq, begun.elapsed().as_secs_f64());
    tracing::info!(seq, secs, "store and journal are open");
    let _pages = LargePages::allow();
    match restore(home, &opened.0, &opened.1.reader(), sets) {
        Ok(loaded) => return Ok((opened, loaded)),
        Err(why) => tracing::info!("every name is read from the store: {why}"),
    }
    match scan_all(&opened.0, sets) {
        Ok(loaded) => return Ok((opened, loaded)),
        Err(error) => tracing::error!("the store is rebuilt from the journal: {error}"),
    }
    drop(opened);
    let opened = recover::open_anew(home)?;
    let loaded = scan_all(&opened.0, sets).map_err(|error| StartError::Store(error.to_string()))?;
    Ok((opened, loaded))
}

/// A clock that is set wakes the writer. If the queue is full it is awake already.
fn wake_on_jump(clock: &Arc<dyn super::Clock>, queue: &Sender<Sent>, awaited: &Awaited) {
    let (queue, awaited) = (queue.clone(), awaited.clone());
    clock.on_jump(Box::new(move || drop(queue.try_send((awaited.one_more(), Message::Wake)))));
}

struct Writer {
    messages: Receiver<Sent>,
    awaited: Awaited,
    engine: Engine,
    backoff: Backoff,
    /// Dropped last: another process may come only after store and journal are closed.
    _lock: Lock,
}

/// Says in the status that the writer is gone, however it went.
struct Farewell(SharedStatus);

impl Drop for Farewell {
    fn drop(&mut self) {
        let why = if std::thread::panicking() { "the writer has failed" } else { "the server is stopping" };
        self.0.set(|status| status.unwritable = Some(why.into()));
    }
}

impl Writer {
    fn run(mut self) {
        let _farewell = Farewell(self.engine.status.clone());
        behind_answers()();
        in_idle_time();
        let (mut ticked, mut awake) = (Instant::now(), self.awaited.one_more());
        loop {
            self.do_due();
            if ticked.elapsed() >= TICK {
                self.engine.tick();
                ticked = Instant::now();
            }
            let sleep = if self.notify() { Duration::ZERO } else { self.engine.sleep() };
            drop(awake);
            let received = self.messages.recv_timeout(sleep);
            awake = self.awaited.one_more();
            // What said that the message was on its way goes only now, so that there is no gap.
            let message = match received {
                Ok((_, message)) => message,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.engine.metrics.queued(self.messages.len());
            // The time may have moved while it slept: what is due comes before what was handed in after it was due.
            self.do_due();
            self.notify();
            if !self.handle(message) {
                break;
            }
        }
        self.close();
    }

    /// Handles a message, and those after it that fit into one group with it; whether to go on.
    fn handle(&mut self, message: Message) -> bool {
        let mut next = Some(message);
        while let Some(message) = next.take() {
            match message {
                Message::Submit(submission, reply) => next = self.gather(*submission, reply),
                Message::Read(read) => {
                    // Without a store the read is dropped, and with it its way back: the caller learns of it.
                    // The same if it panics.
                    if let Ok(store) = self.engine.store.ready() {
                        drop(catch_unwind(AssertUnwindSafe(|| read(store))));
                    }
                }
                Message::Reload(reload, reply) => {
                    let loaded = self.engine.load(*reload, None).map_err(LoadError::answer);
                    drop(reply.send(loaded));
                }
                Message::Wake => {}
                Message::Stop => return false,
            }
        }
        true
    }

    /// Fills a group from the queue and runs it; the message after it that did not fit.
    fn gather(&mut self, first: Submission, reply: Reply) -> Option<Message> {
        let mut items = weight(&first.command);
        let mut submissions = vec![first];
        let mut replies = vec![reply];
        let mut other = None;
        while submissions.len() < GROUP_MAX && items < GROUP_ITEMS_MAX {
            match self.messages.try_recv() {
                Ok((_, Message::Submit(submission, reply))) => {
                    items += weight(&submission.command);
                    submissions.push(*submission);
                    replies.push(reply);
                }
                Ok((_, message)) => {
                    other = Some(message);
                    break;
                }
                Err(_) => break,
            }
        }
        self.run_group(&submissions, replies);
        other
    }

    fn run_group(&mut self, submissions: &[Submission], replies: Vec<Reply>) {
        let metrics = self.engine.metrics.clone();
        let mut replies = Some(replies);
        let ran = self.engine.run(submissions, |answers| {
            for ((submission, reply), answer) in
                submissions.iter().zip(replies.take().into_iter().flatten()).zip(answers)
            {
                metrics.changed(&submission.request.operation, result_of(submission, &answer));
                // Who has gone away meanwhile does not hear of it; the change stands.
                drop(reply.send(answer));
            }
        });
        let Some(replies) = replies else { return };
        match ran {
            // It is about one of them: alone each shows whether it is the one.
            Err(CommitError::TooLong(_) | CommitError::Panicked) if submissions.len() > 1 => {
                for (submission, reply) in submissions.iter().zip(replies) {
                    self.run_group(std::slice::from_ref(submission), vec![reply]);
                }
            }
            Err(error) => {
                for (submission, reply) in submissions.iter().zip(replies) {
                    let answer = Err(error.answer());
                    metrics.changed(&submission.request.operation, result_of(submission, &answer));
                    drop(reply.send(answer));
                }
            }
            Ok(()) => {}
        }
    }

    /// One step of notices; whether there may be more to do at once.
    fn notify(&mut self) -> bool {
        if !self.backoff.is_over() {
            return false;
        }
        let more = self.engine.notify();
        self.backoff.tried(more.is_err());
        more.unwrap_or(false)
    }

    fn do_due(&mut self) {
        if !self.backoff.is_over() {
            return;
        }
        let done = self.engine.apply_due();
        self.backoff.tried(done.is_err());
    }

    /// Ends in good order. Whoever still waits learns that the server is stopping, as their way back is dropped.
    fn close(mut self) {
        self.engine.last_checkpoint();
        if let Slot::Ready(store) = &mut self.engine.store
            && let Err(error) = store.flush()
        {
            // Nothing is lost: the next start replays the journal from where the store is.
            tracing::warn!("the store was not written out: {error}");
        }
    }
}

/// How many objects a command may change by itself.
fn weight(command: &Command) -> usize {
    match command {
        Command::Import { items } => items.len(),
        Command::HoldList { items } => items.len(),
        _ => 1,
    }
}

fn result_of(submission: &Submission, answer: &Result<Receipt, UpdateError>) -> ChangeResult {
    match answer {
        Ok(receipt) if receipt.replayed => ChangeResult::Replayed,
        Ok(_) if submission.dry_run => ChangeResult::DryRun,
        Ok(_) => ChangeResult::Committed,
        Err(UpdateError::Refused(_) | UpdateError::KeyReused) => ChangeResult::Refused,
        Err(UpdateError::Busy | UpdateError::Unwritable(_)) => ChangeResult::Unwritable,
    }
}

impl From<CommitError> for StartError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(why) => Self::Store(why),
            CommitError::Unwritable(why) => Self::Unwritable(why),
            CommitError::Panicked => Self::Unwritable("an internal error".into()),
            CommitError::TooLong(octets) => Self::Unwritable(format!("a line of {octets} octets is too long")),
        }
    }
}

impl From<LoadError> for StartError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Commit(error) => error.into(),
            LoadError::Refused(error) => Self::Unwritable(error.to_string()),
        }
    }
}
