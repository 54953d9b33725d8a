//! Disks that are full or fail while running: refused is refused, answers go on.

use crate::world::*;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use zhengming::journal::Limits;
use zhengming::journal::disk::{Directory, Disk, DiskFile, SyncPoint};
use zhengming::registry::Timestamp;
use zhengming::update::UpdateError;

/// What the disk does wrong at the moment.
const NOTHING: u8 = 0;
/// Half of what is written fits.
const FULL: u8 = 1;
/// The file system says that there is too little space left.
const SHORT: u8 = 2;
/// Writes arrive, but waiting for them fails.
const UNSYNCED: u8 = 3;

/// A real directory that can be made to fail.
struct Faulty {
    directory: Directory,
    fault: Arc<AtomicU8>,
}

struct FaultyFile {
    file: Box<dyn DiskFile>,
    fault: Arc<AtomicU8>,
}

impl Faulty {
    fn wrap(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile { file, fault: Arc::clone(&self.fault) })
    }
}

impl Disk for Faulty {
    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.directory.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.directory.create(name).map(|file| self.wrap(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.directory.open(name).map(|file| self.wrap(file))
    }

    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.directory.open_to_read(name).map(|file| self.wrap(file))
    }

    fn sync_directory(&self, why: SyncPoint) -> io::Result<()> {
        self.directory.sync_directory(why)
    }

    fn free_octets(&self) -> io::Result<u64> {
        if self.fault.load(Ordering::SeqCst) == SHORT { Ok(4096) } else { Ok(u64::MAX) }
    }
}

impl DiskFile for FaultyFile {
    fn octets(&self) -> io::Result<u64> {
        self.file.octets()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        if self.fault.load(Ordering::SeqCst) == FULL {
            self.file.write_at(offset, &octets[..octets.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_at(offset, octets)
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        self.file.truncate(octets)
    }

    fn sync_data(&self, why: SyncPoint) -> io::Result<()> {
        if self.fault.load(Ordering::SeqCst) == UNSYNCED {
            return Err(io::Error::other("the disk failed"));
        }
        self.file.sync_data(why)
    }

    fn sync_all(&self, why: SyncPoint) -> io::Result<()> {
        self.file.sync_all(why)
    }
}

/// A world on a disk whose fault the test sets.
fn world() -> (World, Arc<AtomicU8>) {
    let mut world = World::new();
    let fault = Arc::new(AtomicU8::new(NOTHING));
    let directory = Directory::create(&world.journal_path()).unwrap();
    world.disk = Some(Arc::new(Faulty { directory, fault: Arc::clone(&fault) }));
    world.start();
    world.submit(put_unit()).unwrap();
    world.submit(import(0..5, end_of_day(1))).unwrap();
    (world, fault)
}

#[test]
fn a_full_disk_refuses_changes_until_there_is_space() {
    for full in [FULL, SHORT] {
        let (mut world, fault) = world();
        let (served, seq) = (world.served(), world.seq());
        fault.store(full, Ordering::SeqCst);
        let refused = world.submit(change(1, address(9)));
        assert!(matches!(refused, Err(UpdateError::Unwritable(_))), "{refused:?}");
        assert_eq!((world.served(), world.seq()), (served.clone(), seq));
        assert!(world.handle().status().unwritable.is_some());
        assert_eq!(world.metric("zhengming_writes_accepted"), 0.0);
        assert_eq!(world.read(zhengming::store::Store::position).seq, seq, "reads go on");
        fault.store(NOTHING, Ordering::SeqCst);
        let changed = world.submit(change(1, address(9))).unwrap();
        assert_eq!(changed.seq, Some(seq + 1));
        assert_eq!(world.handle().status().unwritable, None);
        assert_eq!(world.metric("zhengming_writes_accepted"), 1.0);
        let served = world.served();
        world.restart();
        assert_eq!(world.served(), served);
    }
}

#[test]
fn what_falls_due_on_a_full_disk_is_done_when_there_is_space() {
    let (world, fault) = world();
    fault.store(FULL, Ordering::SeqCst);
    world.set_clock(end_of_day(1));
    assert!(!is_held(world.published(&key(1))), "nothing is visible that is not durable");
    assert!(world.handle().status().unwritable.is_some());
    fault.store(NOTHING, Ordering::SeqCst);
    // The writer tries again by itself.
    while !is_held(world.published(&key(1))) {
        world.set_clock(Timestamp(end_of_day(1).0 + 1));
        std::thread::yield_now();
    }
    assert_eq!(world.handle().status().unwritable, None);
}

#[test]
fn a_failed_fsync_ends_writing_but_not_answering() {
    let (mut world, fault) = world();
    let served = world.served();
    fault.store(UNSYNCED, Ordering::SeqCst);
    assert!(matches!(world.submit(change(1, address(9))), Err(UpdateError::Unwritable(_))));
    // Never tried again: nobody knows what is on the disk.
    fault.store(NOTHING, Ordering::SeqCst);
    assert!(matches!(world.submit(change(2, address(9))), Err(UpdateError::Unwritable(_))));
    assert!(matches!(world.reload(), Err(UpdateError::Unwritable(_))));
    assert!(world.handle().status().unwritable.is_some());
    assert_eq!(world.served(), served);
    assert!(world.read(|store| store.list_names(&Default::default(), None, 10)).is_ok());
    world.restart();
    assert_eq!(world.served().names, served.names);
    world.submit(change(1, address(9))).unwrap();
}

#[test]
fn one_line_too_long_refuses_its_own_command_only() {
    let mut world = World::new();
    world.limits = Limits { line_octets: 100_000, ..Limits::default() };
    world.start();
    world.submit(put_unit()).unwrap();
    let handle = world.handle();
    let (hold, one, two, three) = world.wait(async {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let hold = handle.read(move |_| released.recv().unwrap());
        let first = handle.submit(submission(put_name(1)));
        let second = handle.submit(submission(import(100..900, end_of_day(500))));
        let third = handle.submit(submission(change(1, address(1))));
        let free = async { release.send(()).unwrap() };
        let (hold, one, two, three, ()) = tokio::join!(hold, first, second, third, free);
        (hold, one, two, three)
    });
    hold.unwrap();
    let (one, three) = (one.unwrap(), three.unwrap());
    assert_eq!(one.seq.map(|seq| seq + 1), three.seq);
    let Err(UpdateError::Refused(refusals)) = two else { panic!("{two:?}") };
    assert_eq!(refusals.first().code, zhengming::registry::Code::BatchTooLarge);
    // The schedule makes its steps as long as fit.
    for batch in 0..8 {
        world.submit(import(1000 + batch * 100..1100 + batch * 100, end_of_day(1))).unwrap();
    }
    world.set_clock(end_of_day(1));
    if let Some(stop) = world.handle().status().brake.engaged() {
        assert_eq!(stop.names, 800);
        let release = zhengming::registry::Command::ReleaseBrake { reason: "as agreed".into(), names: None };
        world.submit(release).unwrap();
        world.read(|_| ());
    }
    assert!((1000..1800).all(|n| is_held(world.published(&key(n)))));
}

#[test]
fn a_read_that_panics_takes_nobody_with_it() {
    let (world, _) = world();
    let read = world.wait(world.handle().read(|_| -> u64 { panic!("on purpose") }));
    assert!(matches!(read, Err(UpdateError::Unwritable(_))));
    world.submit(change(1, address(9))).unwrap();
}
