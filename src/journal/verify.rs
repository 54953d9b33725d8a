//! Checking a whole journal from its first line, without changing anything.

use super::disk::{Directory, Disk};
use super::error::{JournalError, Report, TornEnd};
use super::line::Link;
use super::scan::{Chain, End};
use super::{LINE_OCTETS_MAX, line, seals, segments};
use crate::registry::Position;
use std::path::Path;

/// Lines between two calls of `progress`.
const PROGRESS_LINES: u64 = 1000;

/// Checks the chain of the journal in `directory`, and that every line can be read; `progress` hears of it as it goes.
///
/// # Errors
/// [`JournalError`] names the first segment and line that break the chain, or the torn end where a seal knows of a line.
pub fn verify(directory: &Path, progress: &mut dyn FnMut(&Report)) -> Result<Report, JournalError> {
    let report = walk(directory, progress, &mut |_, _| {})?;
    if let Some(torn) = &report.torn {
        seals::allow_end(directory, (&torn.segment, torn.line), report.last.seq)?;
    }
    Ok(report)
}

/// The same, and hands every line to `visit`.
pub(super) fn walk(
    directory: &Path,
    progress: &mut dyn FnMut(&Report),
    visit: &mut dyn FnMut(&Link, &[u8]),
) -> Result<Report, JournalError> {
    let disk = Directory::existing(directory);
    let names = segments::list(&disk)?;
    let mut report = Report::default();
    for (index, (first, name)) in names.iter().enumerate() {
        let path = directory.join(name);
        let expected = report.last.seq + 1;
        if *first != expected {
            return Err(JournalError::missing(&path, expected, *first));
        }
        let is_last = index + 1 == names.len();
        verify_segment(&disk, &path, (name, is_last), &mut report, progress, visit)?;
    }
    progress(&report);
    Ok(report)
}

fn verify_segment(
    disk: &Directory,
    path: &Path,
    (name, is_last): (&str, bool),
    report: &mut Report,
    progress: &mut dyn FnMut(&Report),
    visit: &mut dyn FnMut(&Link, &[u8]),
) -> Result<(), JournalError> {
    let file = disk.open_to_read(name).map_err(|error| JournalError::io(path, error))?;
    let first = report.last.seq + 1;
    report.segments += 1;
    let before = report.last.hash;
    let mut unreadable = None;
    let chain = Chain::follow(&*file, LINE_OCTETS_MAX, first, Some(before), &mut |link, raw| {
        match line::read(raw.octets) {
            Ok(transaction) => report.at = Some(transaction.at),
            Err(what) => drop(unreadable.get_or_insert((link.seq - first + 1, what))),
        }
        visit(link, raw.octets);
        report.last = Position { seq: link.seq, hash: link.hash };
        report.lines += 1;
        report.octets += raw.next - raw.offset;
        if report.lines.is_multiple_of(PROGRESS_LINES) {
            progress(report);
        }
        Ok(())
    });
    let chain = chain.map_err(|error| JournalError::io(path, error))?;
    if let Some((line, what)) = unreadable {
        return Err(JournalError::unreadable(path, line, &what));
    }
    match chain.fault {
        None => Ok(()),
        Some(_) if chain.end_is == End::Torn && is_last => {
            report.torn = Some(TornEnd::of(path, &chain));
            Ok(())
        }
        Some(fault) if chain.end_is == End::Altered && is_last => {
            Err(JournalError::altered(path, chain.lines + 1, &fault))
        }
        Some(fault) => Err(JournalError::broken(path, chain.lines + 1, &fault)),
    }
}
