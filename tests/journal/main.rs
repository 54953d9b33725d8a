//! The journal by its public face: what was appended is there, what was changed is found, what failed is not there.

mod damage;
mod faults;
mod open;
mod round_trip;
mod transactions;

use std::path::Path;
use std::sync::Arc;
use zhengming::journal::disk::Directory;
use zhengming::journal::{Journal, JournalError, Limits};
use zhengming::registry::{Position, Transaction};

/// Limits under which a few lines make several segments.
const SMALL: Limits = Limits { line_octets: 64 << 10, segment_octets: 2000, free_octets: 0 };

/// Opens the journal in `directory` with small limits; with what it replayed.
fn open(directory: &Path, applied: Position) -> Result<(Journal, Vec<(Transaction, Position)>), JournalError> {
    let mut replayed = Vec::new();
    let disk = Directory::create(directory).expect("a directory");
    let journal = Journal::open_on(Arc::new(disk), SMALL, applied, &mut |transaction, position| {
        replayed.push((transaction, position));
        Ok(())
    })?;
    Ok((journal, replayed))
}

/// A journal of plain transactions in groups of these sizes; with the position of each line.
fn filled(directory: &Path, groups: &[usize]) -> Vec<Position> {
    let (mut journal, _) = open(directory, Position::default()).expect("a journal");
    let mut positions = Vec::new();
    for size in groups {
        let next = journal.position().seq + 1;
        let group: Vec<_> = (next..).take(*size).map(|seq| transactions::plain(seq, 60)).collect();
        positions.extend(journal.append(&group).expect("space"));
    }
    positions
}

/// The segment files, in order; not what was cut off of them.
fn segments(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the directory");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    paths.sort();
    paths
}
