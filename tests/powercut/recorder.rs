//! A disk that passes everything on to a real directory, notes it, and fails when told to.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use zhengming::journal::disk::{Directory, Disk, DiskFile, SyncPoint};

/// One operation that changes the disk, or waits for it.
#[derive(Clone)]
pub enum Op {
    Create { file: String },
    Write { file: String, offset: u64, octets: Vec<u8> },
    Truncate { file: String, octets: u64 },
    SyncData { file: String, point: SyncPoint },
    SyncAll { file: String, point: SyncPoint },
    SyncDirectory { point: SyncPoint },
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create { file } => write!(f, "create {file}"),
            Self::Write { file, offset, octets } => write!(f, "write {} octets at {offset} of {file}", octets.len()),
            Self::Truncate { file, octets } => write!(f, "truncate {file} to {octets}"),
            Self::SyncData { file, point } => write!(f, "fdatasync {file} ({point:?})"),
            Self::SyncAll { file, point } => write!(f, "fsync {file} ({point:?})"),
            Self::SyncDirectory { point } => write!(f, "fsync of the directory ({point:?})"),
        }
    }
}

/// What shall go wrong next.
#[allow(dead_code, reason = "shared by two test programs, each of which uses a part")]
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// A write runs out of space after so many octets.
    Full { written: usize },
    /// A new file finds no space.
    FullCreate,
    /// A write fails half way.
    Write,
    /// A wait fails.
    Sync(SyncPoint),
    /// A write runs out of space, and then a wait fails.
    FullAndSync { written: usize, point: SyncPoint },
    /// The process is killed when it begins this wait.
    Kill(SyncPoint),
}

/// What a kill unwinds with.
pub struct Killed;

/// The disk.
pub struct Recorder {
    directory: Directory,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    trace: Vec<Op>,
    fault: Option<Fault>,
}

struct File {
    name: String,
    file: Box<dyn DiskFile>,
    state: Arc<Mutex<State>>,
}

impl Recorder {
    /// Records what happens in `directory`.
    pub fn new(directory: Directory) -> Self {
        Self { directory, state: Arc::default() }
    }

    /// Lets things go wrong until [`Recorder::heal`].
    pub fn inject(&self, fault: Fault) {
        lock(&self.state).fault = Some(fault);
    }

    /// Lets everything work again.
    pub fn heal(&self) {
        lock(&self.state).fault = None;
    }

    /// What has happened.
    pub fn trace(&self) -> Vec<Op> {
        lock(&self.state).trace.clone()
    }

    /// How often the disk was waited for.
    pub fn syncs(&self) -> usize {
        let is_sync = |op: &&Op| matches!(op, Op::SyncData { .. } | Op::SyncAll { .. } | Op::SyncDirectory { .. });
        lock(&self.state).trace.iter().filter(is_sync).count()
    }

    /// Puts zeros over the beginning of what was last written, as a lost page leaves them.
    pub fn damage_last_write(&self) {
        let mut state = lock(&self.state);
        let last = state.trace.iter().rev().find_map(|op| match op {
            Op::Write { file, offset, octets } => Some((file.clone(), *offset, octets.len().min(100))),
            _ => None,
        });
        let (file, offset, length) = last.expect("something was written");
        let zeros = vec![0; length];
        self.directory.open(&file).and_then(|file| file.write_at(offset, &zeros)).expect("a write");
        state.trace.push(Op::Write { file, offset, octets: zeros });
    }

    fn wrap(&self, name: &str, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(File { name: name.into(), file, state: Arc::clone(&self.state) })
    }
}

impl State {
    fn sync(&mut self, op: Op, point: SyncPoint) -> io::Result<()> {
        match self.fault {
            Some(Fault::Kill(at)) if at == point => std::panic::resume_unwind(Box::new(Killed)),
            Some(Fault::Sync(at) | Fault::FullAndSync { point: at, .. }) if at == point => {
                Err(io::Error::other("injected"))
            }
            _ => {
                self.trace.push(op);
                Ok(())
            }
        }
    }
}

impl Disk for Recorder {
    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.directory.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        if let Some(Fault::FullCreate) = lock(&self.state).fault {
            return Err(ErrorKind::StorageFull.into());
        }
        let file = self.directory.create(name)?;
        lock(&self.state).trace.push(Op::Create { file: name.into() });
        Ok(self.wrap(name, file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.wrap(name, self.directory.open(name)?))
    }

    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.directory.open_to_read(name)
    }

    fn sync_directory(&self, point: SyncPoint) -> io::Result<()> {
        lock(&self.state).sync(Op::SyncDirectory { point }, point)?;
        self.directory.sync_directory(point)
    }

    fn free_octets(&self) -> io::Result<u64> {
        self.directory.free_octets()
    }
}

impl DiskFile for File {
    fn octets(&self) -> io::Result<u64> {
        self.file.octets()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        let mut state = lock(&self.state);
        let (written, error) = match state.fault {
            Some(Fault::Full { written } | Fault::FullAndSync { written, .. }) if written < octets.len() => {
                (written, Some(ErrorKind::StorageFull))
            }
            Some(Fault::Write) => (octets.len() / 2, Some(ErrorKind::Other)),
            _ => (octets.len(), None),
        };
        let octets = &octets[..written];
        state.trace.push(Op::Write { file: self.name.clone(), offset, octets: octets.into() });
        self.file.write_at(offset, octets)?;
        error.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        lock(&self.state).trace.push(Op::Truncate { file: self.name.clone(), octets });
        self.file.truncate(octets)
    }

    fn sync_data(&self, point: SyncPoint) -> io::Result<()> {
        lock(&self.state).sync(Op::SyncData { file: self.name.clone(), point }, point)?;
        self.file.sync_data(point)
    }

    fn sync_all(&self, point: SyncPoint) -> io::Result<()> {
        lock(&self.state).sync(Op::SyncAll { file: self.name.clone(), point }, point)?;
        self.file.sync_all(point)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A kill unwinds with the lock held; the trace is whole all the same.
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
