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

/// Where a sink is that has never been anywhere.
const NOWHERE: At = At { seq: 1, index: 0, is_new: true };

/// A sink's place, and the file it is noted in.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    at: At,
    /// The transaction of the place in the file.
    noted: u64,
}

impl Place {
    /// The place of the sink `name`; the beginning of the journal if none is noted. So too if the note is damaged, as a power cut
    /// may leave it: notices of the last month are told again then, under the ids they had, and names go on being served.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn open(directory: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(name);
        let at = match fs::read(&path) {
            Ok(octets) => std::str::from_utf8(&octets).ok().and_then(parse).unwrap_or_else(|| {
                tracing::error!(
                    path = %path.display(),
                    "the file is damaged that says how far notices were told; those of the last month are told again \
                     / 记录通知进度的文件已损坏；最近一个月的通知将重新发送"
                );
                NOWHERE
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => NOWHERE,
            Err(error) => return Err(error),
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
        let place = |name| Place::open(directory.path(), name);
        assert_eq!(place("file").expect("a place").at(), NOWHERE);
        for at in [At { seq: 7, index: 3, is_new: false }, At { seq: 9, index: 0, is_new: true }] {
            write(&directory.path().join("file"), at).expect("written");
            assert_eq!(place("file").expect("a place").at(), at);
        }
        for text in [&b""[..], b"7", b"7 3", b"7 3 old\n", b"7 3 new new\n", b"-1 0\n", b"7 x\n", b"\xff\n"] {
            fs::write(directory.path().join("bad"), text).expect("written");
            assert_eq!(place("bad").expect("a place").at(), NOWHERE, "{text:?}");
        }
    }
}
