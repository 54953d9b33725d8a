//! The store fails while running. From outside it cannot be made to, so this is tested from within.

use super::engine::{CommitError, Engine, FULL_REPORTED};
use super::mend::Slot;
use super::recover::Home;
use super::{Pace, Reload, Start, Submission, SystemClock, WritePace, writer};
use crate::journal::disk::{Directory, Disk, DiskFile, SyncPoint};
use crate::registry::command::UnitSpec;
use crate::registry::{Actor, Command, Policy, Region, Request, Role, State, UnitId, UnitKind};
use crate::telemetry;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A disk that says, if told so, that it is full, or fails to wait for what is written.
struct Failing(Directory, Arc<AtomicBool>, Arc<AtomicBool>);

struct FailingFile(Box<dyn DiskFile>, Arc<AtomicBool>);

impl Failing {
    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FailingFile(file, Arc::clone(&self.2)))
    }
}

impl Disk for Failing {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(self.0.create(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(self.0.open(name)?))
    }

    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.0.open_to_read(name)
    }

    fn sync_directory(&self, why: SyncPoint) -> io::Result<()> {
        self.0.sync_directory(why)
    }

    fn free_octets(&self) -> io::Result<u64> {
        Ok(if self.1.load(Ordering::SeqCst) { 0 } else { u64::MAX })
    }
}

impl DiskFile for FailingFile {
    fn octets(&self) -> io::Result<u64> {
        self.0.octets()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, octets)
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        self.0.truncate(octets)
    }

    fn sync_data(&self, why: SyncPoint) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) { Err(io::Error::other("as if")) } else { self.0.sync_data(why) }
    }

    fn sync_all(&self, why: SyncPoint) -> io::Result<()> {
        self.0.sync_all(why)
    }
}

fn prepare(directory: &Path) -> Engine {
    prepare_on(Home::of(directory).unwrap())
}

fn prepare_on(home: Home) -> Engine {
    let policy = Policy { allow_special_addresses: true, ..Policy::of(Vec::new()) };
    let start = Start {
        data_dir: home.data_dir.clone(),
        reload: Reload { zones: Vec::new(), unloaded: Vec::new(), gateways: Vec::new(), policy, asked_by: None },
        clock: Arc::new(SystemClock),
        metrics: telemetry::Writer::detached(),
        checkpoints: Pace { events: 1, pause: std::time::Duration::ZERO },
        writes: WritePace::default(),
    };
    writer::prepare(home, start).unwrap()
}

fn put_unit(n: u8) -> Submission {
    let spec = UnitSpec {
        name: "单位".into(),
        kind: UnitKind::Organ,
        region: Region::parse("62").unwrap(),
        admin_function_proof: None,
    };
    Submission {
        actor: Actor { principal: "operator".into(), role: Role::Operator, region: None },
        command: Command::PutUnit { id: id(n), spec },
        request: Request { operation: "unit.put".into(), target: "u".into(), note: None, key: None },
        if_match: None,
        dry_run: false,
        confirmed: false,
    }
}

fn id(n: u8) -> UnitId {
    UnitId::parse(&format!("u{n}")).unwrap()
}

fn run(engine: &mut Engine, n: u8) -> Result<(), CommitError> {
    engine.run(&[put_unit(n)], |answers| assert!(answers.iter().all(Result::is_ok)))
}

fn mend(engine: &mut Engine) {
    while engine.store.ready().is_err() {
        engine.mend();
        std::thread::yield_now();
    }
}

fn asides(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("sled.aside-")).count()
}

#[test]
fn a_store_that_fails_while_running_is_brought_back_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = prepare(directory.path());
    run(&mut engine, 1).unwrap();
    let seq = engine.journal.position().seq;
    // The first failure opens it again; the second so soon after rebuilds it.
    for (n, asides_after) in [(2, 0), (3, 1)] {
        engine.store_failed("as if", false);
        assert!(engine.status.get().store_rebuilding);
        assert!(matches!(run(&mut engine, n), Err(CommitError::Store(_))), "nothing is decided without it");
        mend(&mut engine);
        assert!(!engine.status.get().store_rebuilding);
        run(&mut engine, n).unwrap();
        assert_eq!(asides(directory.path()), asides_after);
        let store = engine.store.ready().unwrap();
        assert_eq!(store.position(), engine.journal.position());
        assert!((1..=n).all(|n| store.unit(&id(n)).unwrap().is_some()));
    }
    assert_eq!(engine.journal.position().seq, seq + 2);
}

#[test]
fn a_damaged_store_is_rebuilt_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = prepare(directory.path());
    run(&mut engine, 1).unwrap();
    let checkpoint = |engine: &Engine| engine.store.ready().unwrap().checkpoint();
    engine.last_checkpoint();
    assert_eq!(checkpoint(&engine).map(|mark| mark.seq), Some(1));
    engine.store_failed("as if", true);
    mend(&mut engine);
    assert_eq!(checkpoint(&engine), None, "the new store vouches for nothing");
    engine.last_checkpoint();
    assert_eq!(checkpoint(&engine).map(|mark| mark.seq), Some(1));
    let Slot::Ready(store) = &engine.store else { panic!("mended") };
    assert_eq!(store.position(), engine.journal.position());
    assert!(store.unit(&id(1)).unwrap().is_some(), "rebuilt from the journal");
    assert_eq!(asides(directory.path()), 1);
}

#[test]
fn a_full_disk_is_reported_until_it_has_space_and_a_failed_one_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let (full, failing) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut home = Home::of(directory.path()).unwrap();
    let disk = Directory::existing(home.disk.path());
    home.disk = Arc::new(Failing(disk, Arc::clone(&full), Arc::clone(&failing)));
    let mut engine = prepare_on(home);
    let is_refused = |engine: &Engine| engine.status.get().unwritable.is_some();
    let long_ago = Instant::now().checked_sub(2 * FULL_REPORTED).unwrap();

    full.store(true, Ordering::SeqCst);
    assert!(matches!(run(&mut engine, 1), Err(CommitError::Unwritable(_))));
    engine.tick();
    assert!(is_refused(&engine));
    engine.full = Some(long_ago);
    engine.tick();
    assert!(is_refused(&engine), "it is full still");
    full.store(false, Ordering::SeqCst);
    engine.tick();
    assert!(!is_refused(&engine));

    full.store(true, Ordering::SeqCst);
    assert!(run(&mut engine, 1).is_err());
    full.store(false, Ordering::SeqCst);
    failing.store(true, Ordering::SeqCst);
    assert!(run(&mut engine, 1).is_err());
    engine.full = engine.full.map(|_| long_ago);
    engine.tick();
    assert!(is_refused(&engine), "nothing is written until a restart");
}
