//! Where a sink is in the journal, noted durably in a small file.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;

/// A place in the journal: everything before it has been delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// The next transaction.
    pub(super) seq: u64,
    /// The next event in it.
    pub(super) index: usize,
    /// Whether the sink has never been anywhere: then old notices are passed over.
    pub(super) is_new: bool,
}

impl At {
    /// Where a sink begins that has never been anywhere.
    const FIRST: Self = Self { seq: 1, index: 0, is_new: true };
}

/// A sink's place, and the file it is noted in.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    at: At,
    /// The transaction of the place in the file.
    noted: u64,
}

impl Place {
    /// The place of the sink `name` in a journal that ends at `last`; the journal's beginning if none is noted, or what is noted
    /// cannot be read: a notice that comes twice is better than a server that does not start. A place behind the journal's end is
    /// put back to it, durably: lines were lost, and what is written now in their stead is to be told.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn open(directory: &Path, name: &str, last: u64) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(name);
        let mut at = match fs::read(&path) {
            Ok(octets) => std::str::from_utf8(&octets).ok().and_then(parse).unwrap_or_else(|| {
                tracing::error!(
                    path = %path.display(),
                    "how far notices were told cannot be read; those of the last month are told again \
                     / 通知进度文件无法读取，将重新发送最近一个月的通知"
                );
                At::FIRST
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => At::FIRST,
            Err(error) => return Err(error),
        };
        if at.seq > last + 1 {
            tracing::error!(
                path = %path.display(),
                told = at.seq - 1,
                last,
                "notices were told of transactions that the journal does not have; what comes in their stead is told as well \
                 / 日志缺少已发送过通知的事务，其后的新事务将照常通知"
            );
            at = At { seq: last + 1, index: 0, is_new: false };
            write(&path, at)?;
        }
        Ok(Self { path, at, noted: at.seq })
    }

    /// The place.
    pub(super) fn at(&self) -> At {
        self.at
    }

    /// The transaction that a start would begin with.
    pub(super) fn noted(&self) -> u64 {
        self.noted
    }

    /// Moves to `at`, without a note.
    pub(super) fn move_to(&mut self, at: At) {
        self.at = at;
    }

    /// Moves to `at`, once that is on the disk.
    ///
    /// # Errors
    /// What the operating system says; the place stays then.
    pub(super) async fn note(&mut self, at: At) -> io::Result<()> {
        let path = self.path.clone();
        spawn_blocking(move || write(&path, at)).await.map_err(io::Error::other)??;
        (self.at, self.noted) = (at, at.seq);
        Ok(())
    }
}

/// `SEQ INDEX`, and `new` behind it as long as old notices are passed over.
fn parse(text: &str) -> Option<At> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let (seq, index) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let is_new = match words.next() {
        None => false,
        Some("new") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some(At { seq, index, is_new })
}

fn write(path: &Path, at: At) -> io::Result<()> {
    let beside = path.with_extension("writing");
    let mut file = File::create(&beside)?;
    let new = if at.is_new { " new" } else { "" };
    writeln!(file, "{} {}{new}", at.seq, at.index)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_written_and_nothing_else_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = |name| Place::open(directory.path(), name, 8).expect("a place").at();
        assert_eq!(place("file"), At::FIRST);
        for at in [At { seq: 7, index: 3, is_new: false }, At { seq: 9, index: 0, is_new: true }] {
            write(&directory.path().join("file"), at).expect("written");
            assert_eq!(place("file"), at);
        }
        for text in [&b""[..], b"7", b"7 3", b"7 3 old\n", b"7 3 new new\n", b"-1 0\n", b"7 x\n", b"\xff 3\n"] {
            fs::write(directory.path().join("bad"), text).expect("written");
            assert_eq!(place("bad"), At::FIRST, "{text:?}");
        }
    }

    /// The lost lines were told of; what comes under their numbers has not been.
    #[test]
    fn a_place_behind_the_journals_end_is_put_back_to_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = |last| Place::open(directory.path(), "file", last).expect("a place").at();
        fs::write(directory.path().join("file"), "49 2\n").expect("written");
        let back = At { seq: 44, index: 0, is_new: false };
        assert_eq!((place(48).seq, place(43), place(43), place(60)), (49, back, back, back));
    }
}
