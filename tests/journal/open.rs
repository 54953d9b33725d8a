//! Opening where the store and the journal disagree, or files are missing.

use super::{filled, open, segments, transactions};
use std::fs;
use zhengming::journal::{JournalError, verify};
use zhengming::registry::Position;

#[test]
fn segments_before_the_applied_line_are_not_even_opened() {
    let directory = tempfile::tempdir().unwrap();
    let positions = filled(directory.path(), &[1; 20]);
    let files = segments(directory.path());
    assert!(files.len() > 3);
    let last_first: u64 = files.last().unwrap().file_stem().unwrap().to_str().unwrap().parse().unwrap();
    for old in &files[..files.len() - 1] {
        fs::remove_file(old).unwrap();
        std::os::unix::fs::symlink("/nowhere", old).unwrap();
    }
    // Applied up to the last line before the last segment, and further.
    for applied in last_first - 1..=20 {
        let applied = positions[usize::try_from(applied).unwrap() - 1];
        let (journal, replayed) = open(directory.path(), applied).unwrap();
        assert!(replayed.iter().map(|(_, position)| position.seq).eq(applied.seq + 1..=20));
        assert!(matches!(journal.reader().transaction(1), Err(JournalError::Io { .. })));
        assert!(journal.reader().transaction(20).unwrap().is_some());
    }
    assert!(matches!(open(directory.path(), positions[0]), Err(JournalError::Io { .. })));
}

#[test]
fn old_segments_may_be_taken_away_but_no_gap_may_be_left() {
    let directory = tempfile::tempdir().unwrap();
    let positions = filled(directory.path(), &[1; 20]);
    let files = segments(directory.path());
    fs::remove_file(&files[0]).unwrap();
    let (journal, _) = open(directory.path(), positions[19]).unwrap();
    assert_eq!(journal.reader().transaction(1).unwrap(), None);
    assert!(journal.reader().lines_after(0, 9).unwrap().is_empty());
    let Err(JournalError::Broken { what, .. }) = open(directory.path(), Position::default()) else {
        panic!("it opened")
    };
    assert!(what.starts_with("transactions 1 to "), "{what}");
    assert!(matches!(verify(directory.path(), &mut |_| ()), Err(JournalError::Broken { .. })));
    fs::remove_file(&files[2]).unwrap();
    assert!(matches!(open(directory.path(), positions[5]), Err(JournalError::Broken { .. })));
}

#[test]
fn a_store_that_is_ahead_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let ahead = Position { seq: 4, hash: [7; 32] };
    assert!(matches!(open(directory.path(), ahead), Err(JournalError::Behind { applied: 4, last: 0 })));
    let positions = filled(directory.path(), &[1, 1, 1]);
    assert!(matches!(open(directory.path(), ahead), Err(JournalError::Behind { applied: 4, last: 3 })));
    let far = Position { seq: 4000, hash: [7; 32] };
    assert!(matches!(open(directory.path(), far), Err(JournalError::Behind { applied: 4000, last: 3 })));
    let (journal, replayed) = open(directory.path(), positions[2]).unwrap();
    assert_eq!((replayed.len(), journal.position()), (0, positions[2]));
}

#[test]
fn a_store_of_another_journal_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let positions = filled(directory.path(), &[1; 9]);
    for position in positions {
        let other = Position { hash: [7; 32], ..position };
        let Err(JournalError::Broken { remedy, what, .. }) = open(directory.path(), other) else {
            panic!("{other:?} was taken")
        };
        assert!(remedy.contains("rebuild") || what.contains("does not follow"), "{what} {remedy}");
    }
}

#[test]
fn an_empty_segment_is_used_as_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let positions = filled(directory.path(), &[1, 1]);
    fs::write(directory.path().join("00000000000000000003.jsonl"), "").unwrap();
    let other = Position { seq: 2, hash: [7; 32] };
    assert!(matches!(open(directory.path(), other), Err(JournalError::Broken { .. })));
    let (mut journal, _) = open(directory.path(), positions[1]).unwrap();
    journal.append(&[transactions::plain(3, 60)]).unwrap();
    assert_eq!(segments(directory.path()).len(), 2);
    assert_eq!(verify(directory.path(), &mut |_| ()).unwrap().lines, 3);
}

#[test]
fn a_refused_replay_is_told() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), &[3]);
    let refused = zhengming::journal::Journal::open(directory.path(), Position::default(), &mut |transaction, _| {
        if transaction.seq == 2 { Err("no".into()) } else { Ok(()) }
    });
    assert!(matches!(refused, Err(JournalError::Replay { seq: 2, .. })));
}

#[test]
fn a_line_of_another_version_is_told() {
    use sha2::Digest;
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), &[1]);
    let file = &segments(directory.path())[0];
    let line = fs::read_to_string(file).unwrap().replacen("{\"v\":1,", "{\"v\":2,", 1);
    let body = line.split(",\"hash\":").next().unwrap();
    let hash: String = sha2::Sha256::digest(body).iter().map(|octet| format!("{octet:02x}")).collect();
    fs::write(file, format!("{body},\"hash\":\"{hash}\"}}\n")).unwrap();
    let Err(JournalError::Broken { what, line: 1, .. }) = open(directory.path(), Position::default()) else {
        panic!("it opened")
    };
    assert!(what.contains("version 2"), "{what}");
}
