//! A disk that says no: nothing of a refused group is there, before and after a restart.

#[path = "../powercut/recorder.rs"]
#[allow(dead_code, reason = "shared with the power-cut test, which uses the rest")]
mod recorder;

use super::{SMALL, open, segments, transactions};
use recorder::{Fault, Recorder};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use zhengming::journal::disk::{Directory, SyncPoint};
use zhengming::journal::{AppendError, Journal, Limits};
use zhengming::registry::Position;

fn recorded(directory: &Path, limits: Limits) -> (Journal, Arc<Recorder>) {
    let disk = Arc::new(Recorder::new(Directory::create(directory).expect("a directory")));
    let journal = Journal::open_on(Arc::clone(&disk) as _, limits, Position::default(), &mut |_, _| Ok(()));
    let journal = journal.expect("a journal");
    (journal, disk)
}

fn files(directory: &Path) -> Vec<Vec<u8>> {
    segments(directory).iter().map(|path| fs::read(path).expect("a file")).filter(|octets| !octets.is_empty()).collect()
}

#[test]
fn a_full_disk_refuses_and_recovers_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, disk) = recorded(directory.path(), SMALL);
    // In the first segment, at the first line of a new one, and wherever else the lines happen to fall.
    for written in [0, 1, 200, 498, 499, 700] {
        let next = journal.position().seq + 1;
        let before = files(directory.path());
        let position = journal.position();
        disk.inject(Fault::Full { written });
        let group = [transactions::plain(next, 60), transactions::plain(next + 1, 60)];
        assert!(matches!(journal.append(&group), Err(AppendError::Full(_))));
        assert_eq!(files(directory.path()), before);
        assert_eq!((journal.position(), journal.reader().last()), (position, position.seq));
        disk.heal();
        journal.append(&group).unwrap();
    }
    let (reopened, replayed) = open(directory.path(), Position::default()).unwrap();
    assert_eq!((reopened.position(), replayed.len()), (journal.position(), 12));
}

#[test]
fn a_new_segment_that_has_no_space_is_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, disk) = recorded(directory.path(), SMALL);
    disk.inject(Fault::FullCreate);
    assert!(matches!(journal.append(&[transactions::plain(1, 60)]), Err(AppendError::Full(_))));
    disk.heal();
    journal.append(&[transactions::plain(1, 60)]).unwrap();
}

#[test]
fn the_reserve_is_kept_free() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { free_octets: 1 << 60, ..SMALL };
    let (mut journal, _) = recorded(directory.path(), limits);
    let Err(AppendError::Full(what)) = journal.append(&[transactions::plain(1, 60)]) else { panic!("appended") };
    assert!(what.contains("octets free"), "{what}");
    assert!(segments(directory.path()).is_empty());
}

#[test]
fn a_line_that_is_too_long_refuses_its_group() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = recorded(directory.path(), SMALL);
    let long = [transactions::plain(1, 60), transactions::plain(2, SMALL.line_octets)];
    assert!(matches!(journal.append(&long), Err(AppendError::TooLong(octets)) if octets > SMALL.line_octets));
    journal.append(&[transactions::plain(1, SMALL.line_octets - 1000)]).unwrap();
    assert_eq!(open(directory.path(), Position::default()).unwrap().1.len(), 1);
}

#[test]
fn after_a_failed_wait_nothing_is_appended_until_a_restart() {
    for point in [SyncPoint::Append, SyncPoint::Created, SyncPoint::CreatedEntry, SyncPoint::CutOff] {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, disk) = recorded(directory.path(), SMALL);
        let group: Vec<_> = (1..=4).map(|seq| transactions::plain(seq, 60)).collect();
        journal.append(&group).unwrap();
        match point {
            SyncPoint::CutOff => disk.inject(Fault::FullAndSync { written: 100, point }),
            _ => disk.inject(Fault::Sync(point)),
        }
        // Long enough for a new segment.
        let next = [transactions::plain(5, 1800)];
        assert!(matches!(journal.append(&next), Err(AppendError::Failed(_))), "{point:?}");
        disk.heal();
        let syncs = disk.syncs();
        assert!(matches!(journal.append(&next), Err(AppendError::Failed(_))), "{point:?}");
        assert_eq!(disk.syncs(), syncs, "never asked again");
        assert_eq!(journal.reader().last(), 4);
        let (mut reopened, replayed) = open(directory.path(), Position::default()).unwrap();
        assert_eq!(replayed.len(), 4, "{point:?}");
        reopened.append(&next).unwrap();
    }
}

#[test]
fn a_failed_write_is_not_taken_for_a_full_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, disk) = recorded(directory.path(), SMALL);
    journal.append(&[transactions::plain(1, 60)]).unwrap();
    disk.inject(Fault::Write);
    assert!(matches!(journal.append(&[transactions::plain(2, 60)]), Err(AppendError::Failed(_))));
    disk.heal();
    assert!(matches!(journal.append(&[transactions::plain(2, 60)]), Err(AppendError::Failed(_))));
    assert_eq!(open(directory.path(), Position::default()).unwrap().1.len(), 1);
}

#[test]
fn a_group_is_one_write_and_one_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, disk) = recorded(directory.path(), Limits { segment_octets: 1 << 20, ..SMALL });
    journal.append(&[transactions::plain(1, 60)]).unwrap();
    let before = disk.trace().len();
    let group: Vec<_> = (2..=40).map(|seq| transactions::plain(seq, 60)).collect();
    journal.append(&group).unwrap();
    assert_eq!(disk.trace().len(), before + 2);
}
