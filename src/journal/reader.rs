//! Reading durable lines while the writer appends.

use super::disk::Disk;
use super::error::JournalError;
use super::line::{self, Flaw};
use super::scan::{Fault, Lines};
use super::segments::Segment;
use crate::registry::Transaction;
use std::sync::{Arc, Mutex, PoisonError};

/// Most octets of lines handed out at once, the last line excepted: a page of the API stays small though one line may be
/// an import batch.
pub const PAGE_OCTETS_MAX: usize = 4 << 20;

/// The read half: reads durable lines only; clones share it.
#[derive(Clone)]
pub struct JournalReader {
    shared: Arc<Shared>,
}

/// What the writer and the readers share.
pub(super) struct Shared {
    disk: Arc<dyn Disk>,
    line_octets: usize,
    durable: Mutex<Durable>,
}

/// How far the journal is durable.
pub(super) struct Durable {
    /// The segments, in order.
    pub(super) segments: Vec<Segment>,
    /// Number of the last durable line.
    pub(super) seq: u64,
    /// Where it ends in the last segment.
    pub(super) end: u64,
}

/// Where to begin to read.
struct Place {
    segment: Segment,
    /// Number of the line that begins at `offset`.
    seq: u64,
    offset: u64,
    /// Where the durable lines end in the segment.
    end: u64,
}

impl JournalReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Number of the last durable line; 0 if there is none.
    pub fn last(&self) -> u64 {
        self.shared.with(|durable| durable.seq)
    }

    /// Number of the first line that is kept; one more than [`Self::last`] if there is none.
    pub fn first(&self) -> u64 {
        self.shared.with(|durable| durable.segments.first().map_or(durable.seq + 1, |segment| segment.first))
    }

    /// The lines after `seq`, as they stand in the file, at most `limit` of them, and after the first none that makes
    /// more than [`PAGE_OCTETS_MAX`]. None if `seq` is the last, or lies before the first segment that is kept.
    ///
    /// # Errors
    /// [`JournalError`] if a segment cannot be read.
    pub fn lines_after(&self, seq: u64, limit: usize) -> Result<Vec<String>, JournalError> {
        let mut lines = Vec::<String>::new();
        let mut octets = 0;
        let mut next = seq.saturating_add(1);
        while lines.len() < limit {
            let Some(place) = self.shared.place(next)? else { break };
            let before = lines.len();
            self.read_from(&place, next, &mut |line| {
                octets += line.len();
                let fits = lines.is_empty() || octets <= PAGE_OCTETS_MAX;
                if fits {
                    lines.push(String::from_utf8(line.to_vec()).map_err(|_| "not UTF-8".to_owned())?);
                }
                Ok(fits && lines.len() < limit)
            })?;
            if lines.len() == before {
                break;
            }
            next += (lines.len() - before) as u64;
        }
        Ok(lines)
    }

    /// The transaction with this `seq`; none if it is not durable or its segment is not kept.
    ///
    /// # Errors
    /// [`JournalError`] if its segment cannot be read.
    pub fn transaction(&self, seq: u64) -> Result<Option<Transaction>, JournalError> {
        let Some(place) = self.shared.place(seq)? else { return Ok(None) };
        let mut found = None;
        self.read_from(&place, seq, &mut |line| {
            found = Some(line::read(line)?);
            Ok(false)
        })?;
        Ok(found)
    }

    /// Hands every durable transaction after `seq` to `visit`, in order, until it answers false. Whether all are kept: if
    /// the first of them is not, none is handed out.
    ///
    /// # Errors
    /// [`JournalError`] if a segment cannot be read.
    pub fn for_each_after(&self, seq: u64, visit: &mut dyn FnMut(Transaction) -> bool) -> Result<bool, JournalError> {
        let last = self.last();
        let mut next = seq.saturating_add(1);
        let mut going = true;
        while going && next <= last {
            let Some(place) = self.shared.place(next)? else { return Ok(false) };
            self.read_from(&place, next, &mut |line| {
                next += 1;
                going = visit(line::read(line)?);
                Ok(going)
            })?;
        }
        Ok(true)
    }

    /// Hands the lines of a segment from the line `first` on to `visit`, checked and without the mark of their group,
    /// until it answers false or no more are durable.
    fn read_from(
        &self,
        place: &Place,
        first: u64,
        visit: &mut dyn FnMut(&[u8]) -> Result<bool, String>,
    ) -> Result<(), JournalError> {
        let path = self.shared.disk.path().join(&place.segment.name);
        let number = |seq: u64| seq - place.segment.first + 1;
        let io = |error| JournalError::io(&path, error);
        let file = self.shared.disk.open_to_read(&place.segment.name).map_err(io)?;
        let mut lines = Lines::new(&*file, self.shared.line_octets, place.offset, place.end);
        let mut seq = place.seq;
        let mut found = false;
        while let Some(raw) = lines.next().map_err(io)? {
            if seq >= first {
                found = true;
                let fault = match line::check(raw.octets) {
                    _ if !raw.whole => Some(Fault::Line(Flaw::Form)),
                    Err(flaw) => Some(Fault::Line(flaw)),
                    Ok(link) if link.seq != seq => Some(Fault::Seq { expected: seq, found: link.seq }),
                    Ok(_) => None,
                };
                if let Some(fault) = fault {
                    return Err(JournalError::broken(&path, number(seq), &fault));
                }
                let go_on = visit(line::without_mark(raw.octets).0);
                if !go_on.map_err(|what| JournalError::unreadable(&path, number(seq), &what))? {
                    break;
                }
            }
            seq += 1;
        }
        // It is durable, so it is there, unless someone took it out.
        let fault = Fault::Line(Flaw::Form);
        if found { Ok(()) } else { Err(JournalError::broken(&path, number(first), &fault)) }
    }
}

impl Shared {
    pub(super) fn new(disk: Arc<dyn Disk>, line_octets: usize, durable: Durable) -> Self {
        Self { disk, line_octets, durable: Mutex::new(durable) }
    }

    /// Looks at, or moves, what is durable. Never held while the disk is waited for.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Durable) -> T) -> T {
        look(&mut self.durable.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where to begin to read for the line `seq`; none if it is not durable or not kept.
    fn place(&self, seq: u64) -> Result<Option<Place>, JournalError> {
        let Some((segment, end)) = self.with(|durable| durable.segment_of(seq)) else { return Ok(None) };
        let place = |segment: Segment, end: Option<u64>, (at, offset): (u64, u64)| {
            Some(Place { segment, seq: at, offset, end: end.unwrap_or(u64::MAX) })
        };
        if let Some(found) = segment.place(seq) {
            return Ok(place(segment, end, found));
        }
        let path = self.disk.path().join(&segment.name);
        let look = || {
            let mut looked = segment.clone();
            looked.look(&*self.disk.open_to_read(&segment.name)?, self.line_octets)?;
            Ok(looked)
        };
        let looked = look().map_err(|error| JournalError::io(&path, error))?;
        self.with(|durable| {
            if let Some(known) = durable.segments.iter_mut().find(|known| known.first == looked.first) {
                *known = looked.clone();
            }
        });
        // Older segments are whole: a line that is not found in its segment was taken out of it.
        let fault = Fault::Line(Flaw::Form);
        let found = looked.place(seq).ok_or_else(|| JournalError::broken(&path, seq - looked.first + 1, &fault))?;
        Ok(place(looked, end, found))
    }
}

impl Durable {
    /// The segment with the line `seq`; with where its durable lines end, if it is the last one.
    fn segment_of(&self, seq: u64) -> Option<(Segment, Option<u64>)> {
        if seq > self.seq {
            return None;
        }
        let index = self.segments.iter().rposition(|segment| segment.first <= seq)?;
        let is_last = index + 1 == self.segments.len();
        Some((self.segments[index].clone(), is_last.then_some(self.end)))
    }
}
