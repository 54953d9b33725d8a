//! Coming up: the lock on the data directory, the store brought up to the journal, and rebuilding it.

use super::restore::Progress;
use super::{Clock, Rebuilt, StartError, SystemClock};
use crate::idn::Table;
use crate::journal::disk::{Directory, Disk};
use crate::journal::{Journal, JournalError, Limits};
use crate::registry::{Actor, Event, Outcome, Position, Request, Role, Timestamp, Transaction};
use crate::store::{self, Store, StoreError, WritePace, ZoneMark};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Stores set aside that are kept, the newest; each is as large as the store, and all of it is in the journal.
const ASIDE_MAX: usize = 1;
/// Serials beyond the last that the store knows, which may have been published before it wrote them down: each group of changes
/// has one, and seconds of them are unwritten. Far fewer than the 2^31 that secondaries take for a step ahead (RFC 1982 §3.2).
const SERIALS_UNKNOWN_MAX: u32 = 1 << 16;
/// Where the store is in the data directory.
const STORE: &str = "sled";
/// Where checkpoints are in the data directory.
const CHECKPOINTS: &str = "checkpoint";
/// Where the journal is in the data directory.
const JOURNAL: &str = "journal";

/// The data directory, locked against other processes until this is dropped.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the data directory, which is created if absent.
    ///
    /// # Errors
    /// [`StartError::Locked`] or [`StartError::Io`].
    pub fn take(data_dir: &Path) -> Result<Self, StartError> {
        std::fs::create_dir_all(data_dir).map_err(|source| io(data_dir, source))?;
        let path = data_dir.join("lock");
        // Not truncated: it says who holds it.
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(|source| io(&path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                let known = file.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
                let holder = if known { format!("process {}", pid.trim()) } else { "another process".into() };
                return Err(StartError::Locked { path: data_dir.display().to_string(), holder });
            }
            Err(error) => return Err(io(&path, error.into())),
        }
        let pid = format!("{}\n", std::process::id());
        let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(pid.as_bytes()));
        // A full disk must not keep the process from starting: the lock holds without the note.
        if let Err(error) = noted {
            tracing::warn!("the process id is not noted in {}: {error}", path.display());
        }
        Ok(Self { _file: file })
    }
}

/// Where everything durable is.
#[derive(Clone)]
pub struct Home {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The disk that the journal is on.
    pub disk: Arc<dyn Disk>,
    /// The journal's limits.
    pub limits: Limits,
    /// The table of labels that the store's index of packages is made with.
    pub table: Option<Arc<Table>>,
    /// How much the store writes at once.
    pub writes: WritePace,
}

impl Home {
    /// The journal's directory inside the data directory, created if absent.
    ///
    /// # Errors
    /// [`StartError::Io`].
    pub fn of(data_dir: &Path) -> Result<Self, StartError> {
        let path = data_dir.join(JOURNAL);
        let disk = Directory::create(&path).map_err(|source| io(&path, source))?;
        Ok(Self {
            data_dir: data_dir.into(),
            disk: Arc::new(disk),
            limits: Limits::default(),
            table: None,
            writes: WritePace::default(),
        })
    }

    /// Where checkpoints are in the data directory.
    pub fn checkpoints(&self) -> PathBuf {
        self.data_dir.join(CHECKPOINTS)
    }

    fn store(&self) -> PathBuf {
        self.data_dir.join(STORE)
    }

    fn open_journal(
        &self,
        applied: Position,
        replay: &mut dyn FnMut(Transaction, Position) -> Result<(), String>,
    ) -> Result<Journal, JournalError> {
        Journal::open_on(Arc::clone(&self.disk), self.limits, applied, replay)
    }
}

/// A store, and the journal that it is level with.
pub type Opened = (Store, Journal);

/// Opens the store and the journal, and brings the store up to it. A store that does not open, or does not take the
/// journal's lines, is set aside and rebuilt.
///
/// # Errors
/// [`StartError`].
pub fn open(home: &Home) -> Result<Opened, StartError> {
    let directory = home.store();
    match Store::open(&directory, home.table.clone()) {
        Ok(store) => match replay(home, store) {
            Err(Unlevel::Damaged(why)) => tracing::error!("the store is rebuilt from the journal: {why}"),
            Err(Unlevel::Other(error)) => return Err(error),
            Ok(opened) => return Ok(opened),
        },
        Err(error @ (StoreError::Damaged(_) | StoreError::Format { .. })) => {
            tracing::error!("the store is rebuilt from the journal: {error}");
        }
        Err(error @ StoreError::Io(_)) => return Err(StartError::Store(error.to_string())),
    }
    open_anew(home)
}

/// Sets the store aside, if there is one, rebuilds it, and opens the journal.
///
/// # Errors
/// [`StartError`].
pub fn open_anew(home: &Home) -> Result<Opened, StartError> {
    let directory = home.store();
    set_aside(&directory)?;
    let store = Store::open(&directory, home.table.clone()).map_err(|error| StartError::Store(error.to_string()))?;
    Ok(replay(home, store)?)
}

/// Why a store is not level with the journal.
enum Unlevel {
    /// It does not take the journal's lines.
    Damaged(String),
    /// What rebuilding it would not mend.
    Other(StartError),
}

impl From<Unlevel> for StartError {
    fn from(error: Unlevel) -> Self {
        match error {
            Unlevel::Damaged(why) => Self::Store(why),
            Unlevel::Other(error) => error,
        }
    }
}

impl From<StoreError> for Unlevel {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io(_) => Self::Other(StartError::Store(error.to_string())),
            StoreError::Damaged(_) | StoreError::Format { .. } => Self::Damaged(error.to_string()),
        }
    }
}

/// The last transaction that the store knows of: what it vouches for may be on the disk before what it has applied is.
fn known_to(store: &Store) -> u64 {
    store.position().seq.max(store.checkpoint().map_or(0, |mark| mark.seq))
}

/// Applies the journal's lines after the store's position to it.
fn replay(home: &Home, mut store: Store) -> Result<Opened, Unlevel> {
    store.set_pace(home.writes);
    let began = store.position();
    let mut failed = None;
    let mut progress = Progress::of("transactions are applied to the store", 0);
    let opened = home.open_journal(began, &mut |transaction, position| {
        progress.one();
        store.apply(&transaction, position).map_err(|error| failed.insert(error).to_string())
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    let journal = opened.map_err(|error| Unlevel::Other(error.into()))?;
    let (applied, last) = (known_to(&store), journal.position().seq);
    if applied > last {
        return Err(Unlevel::Other(StartError::Behind { applied, last }));
    }
    if progress.end() > 0 {
        // A start that does not live long must not leave the next one as much to do.
        store.begin_flush()?;
        tracing::info!(from = began.seq, to = store.position().seq, "the store was brought up to the journal");
    }
    Ok((store, journal))
}

/// Moves the store out of the way, if there is one, and removes those that were moved before.
fn set_aside(directory: &Path) -> Result<Option<PathBuf>, StartError> {
    if !directory.exists() {
        return Ok(None);
    }
    let aside = store::set_aside(directory, SystemClock.now()).map_err(|source| io(directory, source))?;
    tracing::warn!("the old store is now {}", aside.display());
    let mut all = others(directory).map_err(|source| io(directory, source))?;
    // Their names end in the time, so that the order of names is the order of time.
    all.sort_unstable();
    all.retain(|path| *path != aside);
    for old in all.iter().rev().skip(ASIDE_MAX - 1) {
        if let Err(error) = std::fs::remove_dir_all(old) {
            tracing::warn!("{} is not removed: {error}", old.display());
        }
    }
    Ok(Some(aside))
}

/// The stores that were set aside.
fn others(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let prefix = format!("{STORE}.aside-");
    let Some(parent) = directory.parent() else { return Ok(Vec::new()) };
    let entries = std::fs::read_dir(parent)?.filter_map(Result::ok);
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    Ok(named.map(|entry| entry.path()).collect())
}

/// Rebuilds the store from the journal, see [`super::rebuild`].
pub fn rebuild(data_dir: &Path, table: Option<Arc<Table>>, accept_loss: bool) -> Result<Rebuilt, StartError> {
    let _lock = Lock::take(data_dir)?;
    let home = Home { table, ..Home::of(data_dir)? };
    let directory = home.store();
    let old = directory.exists().then(|| Store::open(&directory, home.table.clone()));
    let (known, position, applied) = match old {
        None => (Vec::new(), Position::default(), 0),
        Some(Ok(store)) => {
            let marks = store.zones().unwrap_or_else(|error| {
                tracing::error!("the old store's serials are lost: {error}");
                Vec::new()
            });
            (marks, store.position(), known_to(&store))
        }
        // It is there, and may be in order.
        Some(Err(error @ StoreError::Io(_))) => return Err(StartError::Store(error.to_string())),
        Some(Err(error)) => {
            tracing::error!("the old store cannot be read, its serials are lost: {error}");
            (Vec::new(), Position::default(), 0)
        }
    };
    // With what the store has applied: an end that it knows of is lost, not torn, and must not be cut off.
    if !accept_loss && let Err(behind @ JournalError::Behind { .. }) = home.open_journal(position, &mut |_, _| Ok(())) {
        return Err(behind.into());
    }
    // The journal is opened before anything is moved: if it is broken, or ends too early, all stays in its place.
    let last = {
        let journal = home.open_journal(Position::default(), &mut |_, _| Ok(()))?;
        journal.position().seq
    };
    if applied > last && !accept_loss {
        return Err(StartError::Behind { applied, last });
    }
    let aside = set_aside(&directory)?;
    let store = Store::open(&directory, home.table.clone()).map_err(|error| StartError::Store(error.to_string()))?;
    let (mut store, mut journal) = replay(&home, store)?;
    let lost = applied.saturating_sub(last);
    raise_serials(&mut store, &mut journal, &known, lost)?;
    store.flush().map_err(|error| StartError::Store(error.to_string()))?;
    Ok(Rebuilt { seq: store.position().seq, aside, lost })
}

/// Journals serials above all that were ever published, if transactions that published some of them are lost.
fn raise_serials(store: &mut Store, journal: &mut Journal, known: &[ZoneMark], lost: u64) -> Result<(), StartError> {
    let unreadable = |error: crate::registry::Unavailable| StartError::Store(error.to_string());
    let kept = store.zones().map_err(unreadable)?;
    let serial = |apex: &str| kept.iter().find(|kept| *kept.apex == *apex).map(|kept| kept.serial);
    if lost == 0 && known.iter().all(|mark| serial(&mark.apex).is_some_and(|kept| !is_ahead(mark.serial, kept))) {
        return Ok(());
    }
    let raised = known.iter().map(|mark| {
        let floor = serial(&mark.apex).unwrap_or(mark.serial);
        let highest = if is_ahead(floor, mark.serial) { floor } else { mark.serial };
        (mark.apex.clone(), highest.wrapping_add(SERIALS_UNKNOWN_MAX))
    });
    let serials: Vec<(Box<str>, u32)> = raised.collect();
    let loaded = known.iter().map(|mark| Event::ZoneLoaded { apex: mark.apex.clone(), digest: mark.digest });
    let seq = journal.position().seq + 1;
    let before = last_transaction_at(journal).unwrap_or(Timestamp(0));
    let transaction = Transaction {
        seq,
        at: SystemClock.now().max(before),
        actor: Actor { principal: "rebuild".into(), role: Role::System, region: None },
        request: Request {
            operation: "rebuild.accept-loss".into(),
            target: "store".into(),
            note: Some(format!("{lost} transactions after {} were lost", seq - 1).into()),
            key: None,
        },
        outcome: Outcome { id: "store".into(), state: "rebuilt".into(), version: seq, created: false },
        confirmed: false,
        events: loaded.collect(),
        before: Vec::new(),
        serials,
        residual_ttl_secs: 0,
    };
    let positions = journal.append(std::slice::from_ref(&transaction));
    let positions = positions.map_err(|error| StartError::Unwritable(error.to_string()))?;
    for position in positions {
        store.apply(&transaction, position).map_err(|error| StartError::Store(error.to_string()))?;
    }
    Ok(())
}

/// Whether serial `a` is ahead of `b` (RFC 1982 §3.2); of two exactly opposite ones neither is.
pub fn is_ahead(a: u32, b: u32) -> bool {
    let distance = a.wrapping_sub(b);
    distance != 0 && distance < 1 << 31
}

/// The time of the last transaction, if there is one that can be read.
pub fn last_transaction_at(journal: &Journal) -> Option<Timestamp> {
    let last = journal.position().seq;
    if last == 0 {
        return None;
    }
    match journal.reader().transaction(last) {
        Ok(transaction) => transaction.map(|transaction| transaction.at),
        Err(error) => {
            // Its segment is older than what is needed to start. Then the clock is trusted not to have run backwards.
            tracing::warn!("the time of the last transaction cannot be read: {error}");
            None
        }
    }
}

impl From<JournalError> for StartError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Behind { applied, last } => Self::Behind { applied, last },
            other => Self::Journal(other),
        }
    }
}

fn io(path: &Path, source: std::io::Error) -> StartError {
    StartError::Io { path: path.display().to_string(), source }
}
