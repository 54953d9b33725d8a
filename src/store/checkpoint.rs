//! Checkpoints: what every name publishes as of one transaction, in one file that is read at start in place of the store.
//!
//! `checkpoint/<seq, 20 digits>`, format 1, numbers in network order:
//! ```text
//! "zhengming checkpoint 1\n"  seq: u64  sets: u16
//! (length: u16  primary suffix  names: u64  (key length: u16  value length: u32  label  octets) × names) × sets
//! ```
//! The octets are those of [`crate::zone::Published`]. A file is not trusted for being there: the store keeps the digest
//! of the one to use ([`Mark`]), so that a torn, damaged, old or foreign one is told apart. It is written aside and
//! renamed, and the one before it is removed only after the store has durably noted the new one.

#[cfg(test)]
mod tests;

use super::aside::{Sink, put_in_place};
use super::batch::sync;
use super::{Store, StoreError, failed, guarded, meta, v1};
use crate::zone::{Pages, Stored};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file begins with; the number is its format's.
const MAGIC: &[u8] = b"zhengming checkpoint 1\n";
/// The file while it is written.
const UNFINISHED: &str = "unfinished";
/// Octets asked for at a time.
const READ_OCTETS: usize = 256 << 10;
/// Longest label in octets (RFC 1035 §2.3.4).
const KEY_OCTETS_MAX: usize = 63;
/// Longest value in octets; far longer than any. With it, and since no label is empty, what a damaged file asks for is bounded
/// by its own length, octets of zero among them.
const VALUE_OCTETS_MAX: usize = 1 << 20;
/// Octets of the two lengths before an entry.
const LENGTHS: usize = 6;

/// What tells the checkpoint to be trusted from any other file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The last transaction it contains.
    pub seq: u64,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    /// Of what decides the octets beside the state: another program may publish the same state otherwise.
    pub made_with: [u8; 32],
}

/// Why a checkpoint is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It is not there, or cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It has another format.
    #[error("it is not of this format")]
    Format,
    /// Its octets are not those that the store vouches for.
    #[error("it is damaged, or not the one that the store vouches for")]
    Damaged,
}

impl Store {
    /// The checkpoint to be trusted, if there is one.
    pub fn checkpoint(&self) -> Option<Mark> {
        let found = guarded(|| self.trees.meta.get(meta::CHECKPOINT)).ok()?.ok()??;
        let v1::MarkV1 { seq, digest, made_with } = v1::read(&found)?;
        Some(Mark { seq, digest, made_with })
    }

    /// Notes durably which checkpoint is to be trusted.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn vouch(&mut self, mark: &Mark) -> Result<(), StoreError> {
        let Mark { seq, digest, made_with } = *mark;
        debug_assert!(
            seq <= self.position.seq,
            "the store has applied what the checkpoint contains, if only in memory"
        );
        let value = v1::write(&v1::MarkV1 { seq, digest, made_with });
        guarded(|| self.trees.meta.insert(meta::CHECKPOINT, value)).map_err(failed)?.map_err(failed)?;
        sync(&self.trees.db, &self.file)
    }
}

/// Writes the checkpoint of `sets` as of `seq` into `directory`, which is created if absent; before each slice
/// `has_room` is asked.
///
/// # Errors
/// What the operating system or `has_room` says. No file that was there before is touched, but an unfinished one.
pub fn write(
    directory: &Path,
    seq: u64,
    made_with: [u8; 32],
    sets: &[(Arc<str>, Pages)],
    has_room: &dyn Fn() -> io::Result<()>,
) -> io::Result<Mark> {
    fs::create_dir_all(directory)?;
    let digest = put_in_place(directory, UNFINISHED, &name(seq), |file| write_file(file, seq, sets, has_room))?;
    Ok(Mark { seq, digest, made_with })
}

fn write_file(
    file: File,
    seq: u64,
    sets: &[(Arc<str>, Pages)],
    has_room: &dyn Fn() -> io::Result<()>,
) -> io::Result<(File, [u8; 32])> {
    let mut sink = Sink::new(file, has_room);
    sink.put(MAGIC)?;
    sink.put(&seq.to_be_bytes())?;
    sink.put(&u16::try_from(sets.len()).map_err(|_| too_long())?.to_be_bytes())?;
    for (set, pages) in sets {
        sink.put(&u16::try_from(set.len()).map_err(|_| too_long())?.to_be_bytes())?;
        sink.put(set.as_bytes())?;
        sink.put(&(pages.len() as u64).to_be_bytes())?;
        for Stored { key: label, value: octets } in pages.iter() {
            sink.put(&u16::try_from(label.len()).map_err(|_| too_long())?.to_be_bytes())?;
            sink.put(&u32::try_from(octets.len()).map_err(|_| too_long())?.to_be_bytes())?;
            sink.put(label)?;
            sink.put(octets)?;
        }
    }
    sink.finish()
}

fn too_long() -> io::Error {
    ErrorKind::InvalidInput.into()
}

/// What is read of a checkpoint. Until [`read`] has ended well, it may be anything.
pub enum Item<'a> {
    /// A set, by its primary suffix, with as many names as it says.
    Set(&'a str, u64),
    /// A name of the set: its label, and what it publishes.
    Name(&'a [u8], &'a [u8]),
}

/// Hands what the checkpoint of `mark` contains to `visit`, a set and then its names.
///
/// # Errors
/// [`CheckpointError`]; what was visited is of no use then.
pub fn read(directory: &Path, mark: &Mark, visit: &mut dyn FnMut(Item<'_>)) -> Result<(), CheckpointError> {
    let file = File::open(path(directory, mark.seq))?;
    let mut source = Source { file, hash: Sha256::new(), buffer: Vec::new(), used: 0 };
    if source.take(MAGIC.len())? != MAGIC {
        return Err(CheckpointError::Format);
    }
    if u64::from_be_bytes(source.array()?) != mark.seq {
        return Err(CheckpointError::Damaged);
    }
    for _ in 0..u16::from_be_bytes(source.array()?) {
        let length = u16::from_be_bytes(source.array()?);
        let set = std::str::from_utf8(source.take(length.into())?).map_err(|_| CheckpointError::Damaged)?.to_owned();
        let names = u64::from_be_bytes(source.array()?);
        visit(Item::Set(&set, names));
        for _ in 0..names {
            let [a, b, c, d, e, f] = source.array::<LENGTHS>()?;
            let (label, value) = (u16::from_be_bytes([a, b]).into(), u32::from_be_bytes([c, d, e, f]) as usize);
            if label == 0 || label > KEY_OCTETS_MAX || value > VALUE_OCTETS_MAX {
                return Err(CheckpointError::Damaged);
            }
            let (label, value) = source.take(label + value)?.split_at(label);
            visit(Item::Name(label, value));
        }
    }
    if source.finish()? == mark.digest { Ok(()) } else { Err(CheckpointError::Damaged) }
}

/// The file being read.
struct Source {
    file: File,
    hash: Sha256,
    buffer: Vec<u8>,
    used: usize,
}

impl Source {
    /// The next `count` octets.
    fn take(&mut self, count: usize) -> Result<&[u8], CheckpointError> {
        while self.buffer.len() - self.used < count {
            if self.fill()? == 0 {
                return Err(CheckpointError::Damaged);
            }
        }
        let start = self.used;
        self.used += count;
        Ok(&self.buffer[start..self.used])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        Ok(self.take(N)?.try_into().expect("as many as were asked for"))
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_OCTETS, 0);
        let read = self.file.read(&mut self.buffer[filled..])?;
        self.buffer.truncate(filled + read);
        self.hash.update(&self.buffer[filled..]);
        Ok(read)
    }

    /// The digest, if nothing comes any more.
    fn finish(mut self) -> Result<[u8; 32], CheckpointError> {
        if self.used < self.buffer.len() || self.fill()? > 0 {
            return Err(CheckpointError::Damaged);
        }
        Ok(self.hash.finalize().into())
    }
}

/// Removes every file in `directory` but the checkpoint of `seq`.
///
/// # Errors
/// What the operating system says.
pub fn remove_others(directory: &Path, seq: u64) -> io::Result<()> {
    let kept = path(directory, seq);
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path != kept {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn path(directory: &Path, seq: u64) -> PathBuf {
    directory.join(name(seq))
}

fn name(seq: u64) -> String {
    format!("{seq:020}")
}
