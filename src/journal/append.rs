//! The write half.

use super::disk::{Disk, DiskFile, SyncPoint};
use super::error::{AppendError, TornEnd};
use super::reader::{JournalReader, Shared};
use super::segments::Segment;
use super::{Limits, line};
use crate::registry::{Position, Transaction};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The write half, owned by the one writer.
pub struct Journal {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) limits: Limits,
    pub(super) shared: Arc<Shared>,
    /// The last durable line.
    pub(super) last: Position,
    /// The segment that is appended to; none before the first line.
    pub(super) active: Option<Active>,
    /// Why nothing can be appended any more.
    pub(super) failed: Option<String>,
    /// What was cut off at start.
    pub(super) cut: Option<TornEnd>,
    pub(super) last_sync: Duration,
}

/// The open segment.
pub(super) struct Active {
    pub(super) file: Box<dyn DiskFile>,
    /// Where its durable lines end.
    pub(super) end: u64,
}

/// A group, ready to be written.
struct Group {
    lines: Vec<u8>,
    positions: Vec<Position>,
    /// Where each line begins in `lines`.
    offsets: Vec<u64>,
}

impl Journal {
    /// The last durable line.
    pub fn position(&self) -> Position {
        self.last
    }

    /// A reader of the same journal.
    pub fn reader(&self) -> JournalReader {
        JournalReader::new(Arc::clone(&self.shared))
    }

    /// What was cut off at the end when the journal was opened: a group that nobody was told of.
    pub fn cut_off(&self) -> Option<&TornEnd> {
        self.cut.as_ref()
    }

    /// How long the disk took to confirm the last group.
    pub fn last_sync(&self) -> Duration {
        self.last_sync
    }

    /// Whether the disk has the space that an append asks for.
    pub fn has_space(&self) -> bool {
        self.check_space(0).is_ok()
    }

    /// Appends a group of transactions, numbered on from [`Journal::position`], with one write and one fsync; the
    /// position of each.
    ///
    /// # Errors
    /// [`AppendError`]; no line of the group is in the journal then. After [`AppendError::Failed`] a restart may find
    /// them there after all: whether they reached the disk is unknown.
    ///
    /// # Panics
    /// If the transactions are not numbered on from the last one: the chain would be broken for good.
    pub fn append(&mut self, group: &[Transaction]) -> Result<Vec<Position>, AppendError> {
        if let Some(why) = &self.failed {
            return Err(AppendError::Failed(why.clone()));
        }
        if group.is_empty() {
            return Ok(Vec::new());
        }
        let group = self.lines_of(group)?;
        self.check_space(group.lines.len() as u64)?;
        self.choose_segment(group.lines.len() as u64)?;
        self.write(&group)?;
        self.publish(&group);
        Ok(group.positions)
    }

    fn lines_of(&self, transactions: &[Transaction]) -> Result<Group, AppendError> {
        let mut group = Group { lines: Vec::new(), positions: Vec::new(), offsets: Vec::new() };
        let mut last = self.last;
        for transaction in transactions {
            assert_eq!(transaction.seq, last.seq + 1, "transactions are numbered without gaps");
            let offset = group.lines.len();
            let hash = line::write(transaction, &last.hash, offset > 0, &mut group.lines);
            let octets = group.lines.len() - offset;
            if octets > self.limits.line_octets {
                return Err(AppendError::TooLong(octets));
            }
            last = Position { seq: transaction.seq, hash };
            group.positions.push(last);
            group.offsets.push(offset as u64);
        }
        Ok(group)
    }

    /// Full before the disk is: what the store and the log write has to fit as well.
    fn check_space(&self, octets: u64) -> Result<(), AppendError> {
        let free = self.disk.free_octets().map_err(|error| AppendError::Full(error.to_string()))?;
        let needed = self.limits.free_octets.saturating_add(octets);
        if free < needed {
            let path = self.disk.path().display();
            return Err(AppendError::Full(format!("{path}: {free} octets free, {needed} needed")));
        }
        Ok(())
    }

    /// Begins a new segment if there is none, or the last one has no room.
    fn choose_segment(&mut self, octets: u64) -> Result<(), AppendError> {
        let has_room = |active: &Active| active.end == 0 || active.end + octets <= self.limits.segment_octets;
        if self.active.as_ref().is_some_and(has_room) {
            return Ok(());
        }
        let segment = Segment::empty(self.last.seq + 1);
        let file = match self.disk.create(&segment.name) {
            Ok(file) => file,
            Err(error) if is_full(&error) => return Err(AppendError::Full(error.to_string())),
            Err(error) => return Err(self.fail(&error)),
        };
        // Lines in a file that a power cut takes out of the directory are lost, however often the file was waited for.
        file.sync_all(SyncPoint::Created).map_err(|error| self.fail(&error))?;
        self.disk.sync_directory(SyncPoint::CreatedEntry).map_err(|error| self.fail(&error))?;
        self.active = Some(Active { file, end: 0 });
        self.shared.with(|durable| {
            durable.segments.push(segment);
            durable.end = 0;
        });
        Ok(())
    }

    fn write(&mut self, group: &Group) -> Result<(), AppendError> {
        let active = self.active.as_mut().expect("a segment was chosen");
        if let Err(error) = active.file.write_at(active.end, &group.lines) {
            let cut_off = active.file.truncate(active.end);
            if !is_full(&error) {
                return Err(self.fail(&error));
            }
            // Waited for: a line that was refused must not be there after a power cut.
            let cut_off = cut_off.and_then(|()| active.file.sync_all(SyncPoint::CutOff));
            cut_off.map_err(|error| self.fail(&error))?;
            return Err(AppendError::Full(error.to_string()));
        }
        let begun = Instant::now();
        if let Err(error) = active.file.sync_data(SyncPoint::Append) {
            // Never asked again: after a failed fsync Linux calls the pages clean. Cutting the lines off is the best that
            // can be done for them not to be there after a restart.
            drop(active.file.truncate(active.end));
            return Err(self.fail(&error));
        }
        self.last_sync = begun.elapsed();
        Ok(())
    }

    /// Lets the group be seen by readers.
    fn publish(&mut self, group: &Group) {
        let active = self.active.as_mut().expect("a segment was chosen");
        let start = active.end;
        active.end += group.lines.len() as u64;
        self.last = *group.positions.last().expect("the group has lines");
        self.shared.with(|durable| {
            let segment = durable.segments.last_mut().expect("a segment was chosen");
            for (position, offset) in group.positions.iter().zip(&group.offsets) {
                segment.note(position.seq, start + offset);
            }
            durable.seq = self.last.seq;
            durable.end = active.end;
        });
    }

    fn fail(&mut self, error: &io::Error) -> AppendError {
        let why = format!("{}: {error}", self.disk.path().display());
        self.failed = Some(why.clone());
        AppendError::Failed(why)
    }
}

/// Whether the operating system has no space for the octets: they can be written later.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
