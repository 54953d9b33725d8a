//! Opening: the chain is followed from the applied position on, a torn end is cut off, the rest is replayed.

use super::Limits;
use super::append::{Active, Journal, is_full};
use super::disk::{Directory, Disk, DiskFile, SyncPoint};
use super::error::{JournalError, TornEnd};
use super::line;
use super::reader::{Durable, Shared};
use super::scan::{Chain, End, Fault, Lines};
use super::segments::{self, Segment};
use super::{seals, torn};
use crate::registry::{Hash, Position, Transaction};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What takes the transactions that are replayed.
type Replay<'a> = &'a mut dyn FnMut(Transaction, Position) -> Result<(), String>;

/// The segments, as far as they were followed.
struct Followed {
    /// All of them; those before `start` unread.
    segments: Vec<Segment>,
    /// Index of the first that was read.
    start: usize,
    last: Position,
    /// Where the good lines of the last segment end.
    end: u64,
    torn: Option<TornEnd>,
}

impl Followed {
    /// The segment and the line in it, from 1, where what comes next begins, or what is torn.
    fn next_line(&self, directory: &Path) -> (String, u64) {
        let Some(last) = self.segments.last() else { return (directory.display().to_string(), 1) };
        (directory.join(&last.name).display().to_string(), self.last.seq + 2 - last.first)
    }
}

impl Journal {
    /// Opens the journal in `directory` (created if absent) for appending, cuts off a torn last line, and hands every
    /// transaction after `applied`, in order, to `replay`. Segments wholly before `applied` are not read.
    ///
    /// # Errors
    /// [`JournalError`]; no good line has been changed then.
    pub fn open(directory: &Path, applied: Position, replay: Replay<'_>) -> Result<Self, JournalError> {
        let disk = Directory::create(directory).map_err(|error| JournalError::io(directory, error))?;
        Self::open_on(Arc::new(disk), Limits::default(), applied, replay)
    }

    /// [`Journal::open`] on any disk and with any limits.
    ///
    /// # Errors
    /// [`JournalError`]; no good line has been changed then.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        limits: Limits,
        applied: Position,
        replay: Replay<'_>,
    ) -> Result<Self, JournalError> {
        let mut followed = follow(&*disk, &limits, applied)?;
        let (segment, line) = followed.next_line(disk.path());
        seals::allow_end(disk.path(), (&segment, line), followed.last.seq)?;
        let active = settle(&*disk, &mut followed)?;
        replay_lines(&*disk, &limits, &followed, applied, replay)?;
        let Followed { segments, last, end, torn, .. } = followed;
        let durable = Durable { segments, seq: last.seq, end };
        let shared = Arc::new(Shared::new(Arc::clone(&disk), limits.line_octets, durable));
        Ok(Self { disk, limits, shared, last, active, failed: None, cut: torn, last_sync: Duration::ZERO })
    }
}

/// Checks everything from the segment with the line after `applied` on; changes nothing.
fn follow(disk: &dyn Disk, limits: &Limits, applied: Position) -> Result<Followed, JournalError> {
    let listed = segments::list(disk)?;
    let segments = listed.into_iter().map(|(first, name)| Segment::unread(first, name)).collect();
    let mut followed = Followed { segments, start: 0, last: Position::default(), end: 0, torn: None };
    let Some(first) = followed.segments.first() else {
        return if applied.seq == 0 {
            Ok(followed)
        } else {
            Err(JournalError::Behind { applied: applied.seq, last: 0 })
        };
    };
    let next = applied.seq.saturating_add(1);
    if first.first > next {
        return Err(JournalError::missing(&disk.path().join(&first.name), next, first.first));
    }
    followed.start = followed.segments.iter().rposition(|segment| segment.first <= next).unwrap_or(0);
    let first = followed.segments[followed.start].first;
    followed.last = Position { seq: first - 1, hash: Hash::default() };
    // Known before the first line, and just before the next to apply; else the first line read is taken at its word.
    let mut prev = if first == next { Some(applied.hash) } else { (first == 1).then(Hash::default) };
    for index in followed.start..followed.segments.len() {
        follow_segment(disk, limits, applied, &mut followed, index, prev)?;
        prev = Some(followed.last.hash);
    }
    if let (Some(before), true) = (followed.start.checked_sub(1), followed.end == 0) {
        confirm_applied(disk, limits, applied, &followed.segments[before])?;
    }
    if followed.last.seq < applied.seq {
        return Err(JournalError::Behind { applied: applied.seq, last: followed.last.seq });
    }
    Ok(followed)
}

fn follow_segment(
    disk: &dyn Disk,
    limits: &Limits,
    applied: Position,
    followed: &mut Followed,
    index: usize,
    prev: Option<Hash>,
) -> Result<(), JournalError> {
    let is_last = index + 1 == followed.segments.len();
    let segment = &mut followed.segments[index];
    let path = disk.path().join(&segment.name);
    if segment.first != followed.last.seq + 1 {
        return Err(JournalError::missing(&path, followed.last.seq + 1, segment.first));
    }
    let io = |error| JournalError::io(&path, error);
    let file = disk.open_to_read(&segment.name).map_err(io)?;
    let mut known = Segment::empty(segment.first);
    let chain = Chain::follow(&*file, limits.line_octets, segment.first, prev, &mut |link, raw| {
        if link.seq == applied.seq && link.hash != applied.hash {
            return Err(Fault::Applied);
        }
        known.note(link.seq, raw.offset);
        Ok(())
    });
    let chain = chain.map_err(io)?;
    *segment = known;
    followed.last = chain.last;
    followed.end = chain.end;
    match chain.fault {
        None => Ok(()),
        Some(_) if chain.end_is == End::Torn && is_last => {
            followed.torn = Some(TornEnd::of(&path, &chain));
            Ok(())
        }
        Some(fault) if chain.end_is == End::Altered && is_last => {
            Err(JournalError::altered(&path, chain.lines + 1, &fault))
        }
        Some(fault) => Err(JournalError::broken(&path, chain.lines + 1, &fault)),
    }
}

/// Compares the applied line where no line after it tells its hash: it ends the segment before an empty one.
fn confirm_applied(disk: &dyn Disk, limits: &Limits, applied: Position, segment: &Segment) -> Result<(), JournalError> {
    // Unreadable is as good as not there: nothing before the applied line is needed.
    let Ok(file) = disk.open_to_read(&segment.name) else { return Ok(()) };
    let chain = Chain::follow(&*file, limits.line_octets, segment.first, None, &mut |link, _| {
        if link.seq == applied.seq && link.hash != applied.hash { Err(Fault::Applied) } else { Ok(()) }
    });
    match chain {
        Ok(Chain { fault: Some(fault @ Fault::Applied), lines, .. }) => {
            Err(JournalError::broken(&disk.path().join(&segment.name), lines + 1, &fault))
        }
        _ => Ok(()),
    }
}

/// Keeps what is torn aside and cuts it off, and waits until all that was found is on the disk: a killed process may have
/// written lines without waiting for them, and they are about to be shown.
fn settle(disk: &dyn Disk, followed: &mut Followed) -> Result<Option<Active>, JournalError> {
    let Some(segment) = followed.segments.last() else { return Ok(None) };
    let path = disk.path().join(&segment.name);
    let (end, seq) = (followed.end, followed.last.seq + 1);
    let torn = &mut followed.torn;
    let mut settle = || {
        let file: Box<dyn DiskFile> = disk.open(&segment.name)?;
        if let Some(torn) = torn {
            torn.kept = keep(disk, segment, &*file, end, seq)?;
        }
        disk.sync_directory(SyncPoint::OpenedEntry)?;
        if torn.is_some() {
            file.truncate(end)?;
        }
        file.sync_all(SyncPoint::Opened)?;
        Ok(Some(Active { file, end }))
    };
    let active = settle().map_err(|error| JournalError::io(&path, error))?;
    if let Some(TornEnd { segment, line, octets, kept }) = torn {
        let kept = kept.as_deref().unwrap_or("nowhere: there was no space");
        tracing::warn!(
            seq,
            kept,
            "the end of the journal was torn and is cut off: {octets} octets from line {line} of {segment}; if transaction {seq} \
             was acknowledged after all, it is lost / 日志末尾不完整，已截去并另存；若第 {seq} 号事务曾获确认，则已丢失"
        );
    }
    Ok(active)
}

/// Keeps a torn end; none on a full disk. That must not keep the program from starting, and cutting off makes space.
fn keep(
    disk: &dyn Disk,
    segment: &Segment,
    file: &dyn DiskFile,
    end: u64,
    seq: u64,
) -> std::io::Result<Option<String>> {
    match torn::keep_aside(disk, segment, file, end, seq) {
        Err(error) if is_full(&error) => Ok(None),
        kept => kept.map(Some),
    }
}

fn replay_lines(
    disk: &dyn Disk,
    limits: &Limits,
    followed: &Followed,
    applied: Position,
    replay: Replay<'_>,
) -> Result<(), JournalError> {
    for (index, segment) in followed.segments.iter().enumerate().skip(followed.start) {
        let from = segment.first.max(applied.seq.saturating_add(1));
        let Some((seq, offset)) = (from <= followed.last.seq).then(|| segment.place(from)).flatten() else { continue };
        let is_last = index + 1 == followed.segments.len();
        let end = if is_last { followed.end } else { u64::MAX };
        let path: PathBuf = disk.path().join(&segment.name);
        let io = |error| JournalError::io(&path, error);
        let file = disk.open_to_read(&segment.name).map_err(io)?;
        let mut lines = Lines::new(&*file, limits.line_octets, offset, end);
        let mut seq = seq;
        while let Some(raw) = lines.next().map_err(io)? {
            if seq >= from {
                let number = seq - segment.first + 1;
                let flaw = |flaw| JournalError::broken(&path, number, &Fault::Line(flaw));
                let hash = line::check(raw.octets).map_err(flaw)?.hash;
                let unreadable = |what: String| JournalError::unreadable(&path, number, &what);
                let transaction = line::read(raw.octets).map_err(unreadable)?;
                replay(transaction, Position { seq, hash }).map_err(|what| JournalError::Replay { seq, what })?;
            }
            seq += 1;
        }
    }
    Ok(())
}
