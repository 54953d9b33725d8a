//! Reading a segment from its start: the chain line by line, and what to make of an end that is not whole.
//!
//! What a power cut leaves of a group that was not waited for is any part of its octets: pages reach the disk in any
//! order. So the lines after the first damaged one may be whole. They prove that the damage is no torn end, unless each
//! of them says that it continues the group of the line before it: then all of them, and the damaged one, are of one
//! group, and nobody was told that it is durable. A damaged line that was written whole is no torn end either; see `torn`.

use super::disk::DiskFile;
use super::line::{self, Flaw, Link};
use super::torn;
use crate::registry::{Hash, Position};
use std::io;

/// Octets asked for at a time.
const READ_OCTETS: usize = 256 << 10;

/// The lines of a file from an offset on.
pub(super) struct Lines<'a> {
    file: &'a dyn DiskFile,
    /// Longest line; longer ones are handed out cut off.
    line_octets: usize,
    /// Where in the file what is handed out begins.
    offset: u64,
    /// Where reading stops, though the file may be longer.
    end: u64,
    buffer: Vec<u8>,
    /// What of the buffer has been handed out.
    used: usize,
}

/// One line of a file.
pub(super) struct RawLine<'a> {
    /// Where it begins.
    pub(super) offset: u64,
    /// Where the next one begins.
    pub(super) next: u64,
    /// Its octets, the line end left out.
    pub(super) octets: &'a [u8],
    /// Whether it has a line end and is not too long.
    pub(super) whole: bool,
}

/// What stops the chain in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A line is not whole.
    Line(Flaw),
    /// A line is whole, but has another number than is due.
    Seq { expected: u64, found: u64 },
    /// A line is whole, but does not follow the line before it.
    Prev,
    /// The line that the store has applied last is another one here.
    Applied,
}

/// A segment, as far as its chain holds.
pub(super) struct Chain {
    /// Its last good line.
    pub(super) last: Position,
    /// Lines that are good.
    pub(super) lines: u64,
    /// Where they end.
    pub(super) end: u64,
    /// What comes after them, if anything.
    pub(super) fault: Option<Fault>,
    /// What the fault makes of it.
    pub(super) end_is: End,
    /// Octets after the good lines.
    pub(super) rest: u64,
}

/// What follows the good lines of a segment whose chain is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// What a cut-off group leaves behind; only the last segment may end so.
    Torn,
    /// A line that was written whole and is not what was written; nothing of a later group after it.
    Altered,
    /// Anything else.
    Broken,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a dyn DiskFile, line_octets: usize, offset: u64, end: u64) -> Self {
        Self { file, line_octets, offset, end, buffer: Vec::new(), used: 0 }
    }

    /// The next line; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<RawLine<'_>>> {
        let offset = self.offset;
        let mut seen = 0;
        loop {
            let unread = &self.buffer[self.used..];
            if let Some(at) = unread[seen..].iter().position(|octet| *octet == b'\n') {
                let length = seen + at;
                let start = self.used;
                self.used += length + 1;
                self.offset += length as u64 + 1;
                let octets = &self.buffer[start..start + length];
                return Ok(Some(RawLine { offset, next: self.offset, octets, whole: true }));
            }
            seen = unread.len();
            if seen > self.line_octets {
                self.skip_line()?;
                return Ok(Some(RawLine { offset, next: self.offset, octets: &[], whole: false }));
            }
            if self.fill()? == 0 {
                if seen == 0 {
                    return Ok(None);
                }
                let start = self.used;
                self.used = self.buffer.len();
                self.offset += seen as u64;
                return Ok(Some(RawLine { offset, next: self.offset, octets: &self.buffer[start..], whole: false }));
            }
        }
    }

    /// Passes over a line that is too long to hold.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let unread = &self.buffer[self.used..];
            if let Some(at) = unread.iter().position(|octet| *octet == b'\n') {
                self.used += at + 1;
                self.offset += at as u64 + 1;
                return Ok(());
            }
            self.offset += unread.len() as u64;
            self.used = self.buffer.len();
            if self.fill()? == 0 {
                return Ok(());
            }
        }
    }

    /// Reads on; how many octets came.
    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let filled = self.buffer.len();
        let left = self.end.saturating_sub(self.offset + filled as u64);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(READ_OCTETS);
        self.buffer.resize(filled + want, 0);
        let read = match want {
            0 => 0,
            _ => retry(|| self.file.read_at(self.offset + filled as u64, &mut self.buffer[filled..]))?,
        };
        self.buffer.truncate(filled + read);
        Ok(read)
    }
}

impl Chain {
    /// Follows the chain through a file whose first line has the number `first`, handing each good line to `visit`.
    ///
    /// `prev` is the hash of the line before it, if that is known. `visit` answers false for a line that is not what it
    /// should be.
    pub(super) fn follow(
        file: &dyn DiskFile,
        line_octets: usize,
        first: u64,
        prev: Option<Hash>,
        visit: &mut dyn FnMut(&Link, &RawLine<'_>) -> Result<(), Fault>,
    ) -> io::Result<Self> {
        let octets = file.octets()?;
        // Twice as long as any line: where the end of one is damaged, the next is still looked for.
        let mut lines = Lines::new(file, 2 * line_octets, 0, octets);
        let last = Position { seq: first - 1, hash: prev.unwrap_or_default() };
        let mut chain = Self { last, lines: 0, end: 0, fault: None, end_is: End::Broken, rest: 0 };
        let mut prev = prev;
        while let Some(raw) = lines.next()? {
            let expected = chain.last.seq + 1;
            let good = link(&raw, expected, prev).and_then(|link| visit(&link, &raw).map(|()| link));
            match good {
                Ok(link) => {
                    chain.last = Position { seq: link.seq, hash: link.hash };
                    chain.lines += 1;
                    chain.end = raw.next;
                    prev = Some(link.hash);
                }
                Err(fault) => {
                    chain.rest = octets.saturating_sub(chain.end);
                    if matches!(fault, Fault::Line(Flaw::Form | Flaw::Hash)) {
                        let (damaged, ended) = (raw.octets.to_vec(), raw.whole);
                        let is_last = !later_group_follows(&damaged, &mut lines)?;
                        chain.end_is = match is_last {
                            true if torn::was_whole(&damaged, ended) => End::Altered,
                            true => End::Torn,
                            false => End::Broken,
                        };
                    }
                    chain.fault = Some(fault);
                    break;
                }
            }
        }
        Ok(chain)
    }
}

/// Whether `octets`, a damaged line, or anything after it, is a line of a later group.
fn later_group_follows(octets: &[u8], lines: &mut Lines<'_>) -> io::Result<bool> {
    // Where a line end was damaged, the line after it is inside this one.
    let mut later = line::starts(octets).filter(|start| *start > 0).any(|start| begins_group(&octets[start..]));
    while !later && let Some(raw) = lines.next()? {
        later = line::starts(raw.octets).any(|start| begins_group(&raw.octets[start..]));
    }
    Ok(later)
}

/// Whether this is a whole line that does not continue the group of the line before it.
fn begins_group(line: &[u8]) -> bool {
    match line::check(line) {
        Ok(link) => !link.continues,
        Err(Flaw::Version(_)) => true,
        Err(Flaw::Form | Flaw::Hash) => false,
    }
}

fn link(raw: &RawLine<'_>, expected: u64, prev: Option<Hash>) -> Result<Link, Fault> {
    if !raw.whole {
        return Err(Fault::Line(Flaw::Form));
    }
    let link = line::check(raw.octets).map_err(Fault::Line)?;
    if link.seq != expected {
        return Err(Fault::Seq { expected, found: link.seq });
    }
    if prev.is_some_and(|prev| prev != link.prev) {
        return Err(Fault::Prev);
    }
    Ok(link)
}

/// Reads again where a signal came between.
pub(super) fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
