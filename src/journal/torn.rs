//! An end of the journal that is not whole: what a kill or a power cut leaves, told from what was altered; and kept aside.
//!
//! A group is one write and one wait, and is acknowledged after the wait. Before it, what a kill leaves is the beginning of
//! the write; what a power cut leaves is any of its blocks, with a hole where another should be: zeros, or what the medium
//! held. What did arrive is as it was written. So:
//!
//! - A last line without its end, or with a hole in it, or octets that have no likeness to a line: torn. It is cut off, unless
//!   the store or a seal knows of a line there.
//! - A last line that has its end or its hash, and no hole, was written whole. If it is not the line that its hash was made of,
//!   it was altered afterwards, and may have been acknowledged: the chain is broken.
//!
//! A torn line too may have been acknowledged, by a disk that lies, or damaged since. So what is cut off is kept in a file
//! beside the segment, `<segment>.<seq>.torn`.

use super::disk::{Disk, DiskFile, SyncPoint};
use super::line;
use super::segments::Segment;
use std::io::{self, ErrorKind};

/// Octets no line has that make a hole. Memory that keeps its content writes 8 at a time, disks 512; a few alone are flipped
/// bits.
const HOLE_OCTETS: usize = 8;
/// Octets copied at a time.
const COPY_OCTETS: usize = 256 << 10;
/// How the files of what was cut off end.
const ASIDE_END: &str = "torn";

/// Whether damaged octets at the end of a journal are a line that was written whole. `ended`: a line end follows them.
pub(super) fn was_whole(octets: &[u8], ended: bool) -> bool {
    if has_hole(octets) {
        return false;
    }
    if ended {
        return line::starts_as_one(octets) || line::ends_as_one(octets);
    }
    // Only the line end is missing: it is the next octet that would have been written.
    if line::check(octets).is_ok() {
        return false;
    }
    let with_another_end = octets.split_last().is_some_and(|(_, octets)| line::ends_as_one(octets));
    line::ends_as_one(octets) || with_another_end
}

fn has_hole(octets: &[u8]) -> bool {
    // At its ends a hole may take a few octets only of the line.
    let at_an_end = octets.first() == Some(&0) || octets.last() == Some(&0);
    at_an_end || octets.iter().filter(|octet| is_foreign(**octet)).take(HOLE_OCTETS).count() == HOLE_OCTETS
}

/// What no line has: JSON escapes control characters (RFC 8259 §7), and the others are never in UTF-8 (RFC 3629 §3).
fn is_foreign(octet: u8) -> bool {
    matches!(octet, 0x00..=0x1f | 0xc0 | 0xc1 | 0xf5..=0xff)
}

/// Copies what `file` has from `start` on into a file of its own, beside the segment, and waits for it; the file's name. The
/// line that should be there is `seq`.
pub(super) fn keep_aside(
    disk: &dyn Disk,
    segment: &Segment,
    file: &dyn DiskFile,
    start: u64,
    seq: u64,
) -> io::Result<String> {
    let stem = segment.name.split('.').next().unwrap_or(&segment.name);
    let taken = disk.list()?;
    let names = std::iter::once(format!("{stem}.{seq}.{ASIDE_END}"))
        .chain((2_u64..).map(|again| format!("{stem}.{seq}-{again}.{ASIDE_END}")));
    let name = names.into_iter().find(|name| !taken.contains(name)).ok_or(ErrorKind::AlreadyExists)?;
    let aside = disk.create(&name)?;
    let mut buffer = vec![0; COPY_OCTETS];
    let mut copied = 0;
    loop {
        let read = super::scan::retry(|| file.read_at(start + copied, &mut buffer))?;
        if read == 0 {
            break;
        }
        if let Err(error) = aside.write_at(copied, &buffer[..read]) {
            // Half of it helps nobody, and takes space.
            drop(aside.truncate(0));
            return Err(error);
        }
        copied += read as u64;
    }
    aside.sync_all(SyncPoint::Aside)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_torn_has_no_end_or_a_hole() {
        let hash = "0".repeat(64);
        let whole = format!("{{\"v\":1,\"seq\":3,\"note\":\"x\",\"prev\":\"{hash}\",\"hash\":\"{hash}\"}}");
        let part = &whole.as_bytes()[..30];
        let holed = |at: usize, length: usize| {
            let mut octets = whole.clone().into_bytes();
            octets[at..at + length].fill(0);
            octets
        };
        assert!(was_whole(whole.as_bytes(), true) && was_whole(whole.as_bytes(), false));
        assert!(was_whole(format!("{whole} ").as_bytes(), true) && was_whole(format!("{whole}*").as_bytes(), false));
        assert!(!was_whole(part, false) && was_whole(part, true));
        assert!(!was_whole(&holed(10, HOLE_OCTETS), true) && was_whole(&holed(10, 1), true));
        assert!(!was_whole(&holed(0, 3), true), "its block began before the line");
        assert!(!was_whole(format!("{whole}\0").as_bytes(), false));
        assert!(!was_whole(b"", true) && !was_whole(b"garbage", true) && !was_whole(&[0xff; 600], false));
    }
}
