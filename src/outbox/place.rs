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

/// A sink's place, and the file it is noted in.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    at: At,
    /// The transaction of the place in the file.
    noted: u64,
}

impl Place {
    /// The place of the sink `name`; the beginning of the journal if none is noted.
    ///
    /// # Errors
    /// What the operating system says; also for a file that is no note.
    pub(super) fn open(directory: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(name);
        let at = match fs::read_to_string(&path) {
            Ok(text) => parse(&text).ok_or_else(|| {
                let path = path.display();
                let what = format!("{path}: not a place in the journal; remove it to begin with the last month / 不是日志位置，可删除后从最近一个月开始");
                io::Error::new(ErrorKind::InvalidData, what)
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => At { seq: 1, index: 0, is_new: true },
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
        assert_eq!(place("file").expect("a place").at(), At { seq: 1, index: 0, is_new: true });
        for at in [At { seq: 7, index: 3, is_new: false }, At { seq: 9, index: 0, is_new: true }] {
            write(&directory.path().join("file"), at).expect("written");
            assert_eq!(place("file").expect("a place").at(), at);
        }
        for text in ["", "7", "7 3", "7 3 old\n", "7 3 new new\n", "-1 0\n", "7 x\n"] {
            fs::write(directory.path().join("bad"), text).expect("written");
            assert!(place("bad").is_err(), "{text:?}");
        }
    }
}
