//! The segment files: their names, and where the lines are in them, as far as it has been looked up.
//!
//! Every [`STRIDE`]th line's place is remembered, so that finding one reads at most that many lines, and a million lines
//! cost 128 KiB of memory.

use super::disk::{Disk, DiskFile};
use super::error::JournalError;
use super::scan::Lines;
use std::io;

/// Lines from one remembered place to the next.
pub(super) const STRIDE: u64 = 64;
/// Digits of a segment's name: those of the largest `seq`.
const NAME_DIGITS: usize = 20;
/// How a segment's name ends.
const NAME_END: &str = ".jsonl";

/// One segment file.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    /// Number of its first line.
    pub(super) first: u64,
    /// Where the remembered lines begin; none if nobody has looked yet.
    places: Option<Vec<u64>>,
}

impl Segment {
    /// A segment about whose lines nothing is known yet.
    pub(super) fn unread(first: u64, name: String) -> Self {
        Self { name, first, places: None }
    }

    /// A segment without lines.
    pub(super) fn empty(first: u64) -> Self {
        Self { name: name(first), first, places: Some(Vec::new()) }
    }

    /// Notes that the line `seq`, the one after the last noted, begins at `offset`.
    pub(super) fn note(&mut self, seq: u64, offset: u64) {
        if (seq - self.first).is_multiple_of(STRIDE) {
            let places = self.places.get_or_insert_default();
            debug_assert_eq!(places.len() as u64, (seq - self.first) / STRIDE, "lines are noted in order");
            places.push(offset);
        }
    }

    /// The nearest remembered line at or before `seq`: its number and where it begins. None if nobody has looked yet.
    pub(super) fn place(&self, seq: u64) -> Option<(u64, u64)> {
        let index = (seq - self.first) / STRIDE;
        let offset = self.places.as_ref()?.get(usize::try_from(index).ok()?)?;
        Some((self.first + index * STRIDE, *offset))
    }

    /// Looks through the file for the places of its lines.
    pub(super) fn look(&mut self, file: &dyn DiskFile, line_octets: usize) -> io::Result<()> {
        let mut lines = Lines::new(file, line_octets, 0, file.octets()?);
        self.places = None;
        let mut seq = self.first;
        while let Some(raw) = lines.next()? {
            self.note(seq, raw.offset);
            seq += 1;
        }
        Ok(())
    }
}

/// The segments in a directory: the number of the first line of each, and its name, in order.
pub(super) fn list(disk: &dyn Disk) -> Result<Vec<(u64, String)>, JournalError> {
    let names = disk.list().map_err(|error| JournalError::io(disk.path(), error))?;
    let mut segments: Vec<_> = names.into_iter().filter_map(|name| Some((first(&name)?, name))).collect();
    segments.sort_unstable();
    Ok(segments)
}

/// The name of the segment whose first line is `seq`.
pub(super) fn name(seq: u64) -> String {
    format!("{seq:0NAME_DIGITS$}{NAME_END}")
}

/// The number of the first line of the segment with this name; none if it is not a segment's name.
fn first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(NAME_END)?;
    let plain = digits.len() == NAME_DIGITS && digits.bytes().all(|octet| octet.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|seq| *seq > 0)
}
