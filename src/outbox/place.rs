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
    /// The beginning of the hash of the last line of which something was delivered or passed over: whose journal this is a place
    /// in. None at the beginning.
    pub(super) line: Option<Digits>,
}

/// The first digits of a line's hash.
pub(super) type Digits = [u8; 8];

impl At {
    /// Where a sink begins that has never been anywhere.
    const FIRST: Self = Self { seq: 1, index: 0, is_new: true, line: None };

    /// The line that `line` is the hash of; 0 at the beginning.
    pub(super) fn last_line(&self) -> u64 {
        if self.index > 0 { self.seq } else { self.seq.saturating_sub(1) }
    }
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
    /// The place of the sink `name`, if the journal has it, as `is_there` says. Else it is the journal's beginning, and so if none
    /// is noted, or the note cannot be read: lines were lost then, or are those of an older backup, and what has come in their
    /// stead was not told. A notice that comes twice is better than one that never comes, and than a server that does not start.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn open(directory: &Path, name: &str, is_there: impl FnOnce(&At) -> bool) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(name);
        let noted = match fs::read(&path) {
            Ok(octets) => Some(std::str::from_utf8(&octets).ok().and_then(parse)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let at = match noted {
            None => At::FIRST,
            Some(Some(at)) if is_there(&at) => at,
            Some(Some(at)) => {
                tracing::error!(
                    path = %path.display(),
                    told = at.seq,
                    "notices were told of transactions that the journal does not have; those of the last month that it has are told again \
                     / 日志缺少已发送过通知的事务，将按现有日志重新发送最近一个月的通知"
                );
                At::FIRST
            }
            Some(None) => {
                tracing::error!(
                    path = %path.display(),
                    "how far notices were told cannot be read; those of the last month are told again \
                     / 通知进度文件无法读取，将重新发送最近一个月的通知"
                );
                At::FIRST
            }
        };
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

/// `SEQ INDEX DIGITS`, and `new` behind it as long as old notices are passed over.
fn parse(text: &str) -> Option<At> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    let (seq, index) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let line = Some(words.next()?.as_bytes().try_into().ok()?);
    let is_new = match words.next() {
        None => false,
        Some("new") => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some(At { seq, index, is_new, line })
}

fn write(path: &Path, at: At) -> io::Result<()> {
    let beside = path.with_extension("writing");
    let mut file = File::create(&beside)?;
    let new = if at.is_new { " new" } else { "" };
    let digits = at.line.unwrap_or_default();
    writeln!(file, "{} {} {}{new}", at.seq, at.index, String::from_utf8_lossy(&digits))?;
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
        let place = |name| Place::open(directory.path(), name, |_| true).expect("a place").at();
        assert_eq!(place("file"), At::FIRST);
        let at = |seq, index, is_new| At { seq, index, is_new, line: Some(*b"0c41d2e9") };
        for at in [at(7, 3, false), at(9, 0, true)] {
            write(&directory.path().join("file"), at).expect("written");
            assert_eq!(place("file"), at);
            let elsewhere = Place::open(directory.path(), "file", |_| false).expect("a place");
            assert_eq!(elsewhere.at(), At::FIRST, "the journal is another one");
        }
        for text in [
            &b""[..],
            b"7",
            b"7 3",
            b"7 3\n",
            b"7 3 0c41d2e9 old\n",
            b"7 3 new\n",
            b"-1 0 0c41d2e9\n",
            b"\xff 3 0c41d2e9\n",
        ] {
            fs::write(directory.path().join("bad"), text).expect("written");
            assert_eq!(place("bad"), At::FIRST, "{text:?}");
        }
    }

    #[test]
    fn a_place_knows_its_last_line() {
        let at = |seq, index| At { seq, index, is_new: false, line: None }.last_line();
        assert_eq!((at(1, 0), at(7, 0), at(7, 2)), (0, 6, 7));
    }
}
