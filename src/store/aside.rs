//! Files that are whole in their place, or not there: written aside in slices, waited for, renamed.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Octets written between two waits for the disk. Few at a time: the journal's waits stand behind them in the queue.
const SLICE_OCTETS: usize = 1 << 20;

/// Has `write` write the file at `unfinished`, waits for it, and puts it in the place of `whole`, which lies in `directory`.
///
/// # Errors
/// What the operating system or `write` says; then there is no unfinished file, and the one in its place is as it was.
pub(super) fn put_in_place<T>(
    directory: &Path,
    unfinished: &str,
    whole: &str,
    write: impl FnOnce(File) -> io::Result<(File, T)>,
) -> io::Result<T> {
    let unfinished = directory.join(unfinished);
    let written = File::create(&unfinished).and_then(write).and_then(|(file, of)| file.sync_all().map(|()| of));
    if written.is_err() {
        // It may be in the way of what is more important.
        drop(fs::remove_file(&unfinished));
    }
    let of = written?;
    fs::rename(unfinished, directory.join(whole))?;
    File::open(directory)?.sync_all()?;
    Ok(of)
}

/// A file being written, and the digest of what is in it.
pub(super) struct Sink<'a> {
    file: File,
    hash: Sha256,
    buffer: Vec<u8>,
    has_room: &'a dyn Fn() -> io::Result<()>,
}

impl<'a> Sink<'a> {
    /// Nothing written yet; before each slice `has_room` is asked.
    pub(super) fn new(file: File, has_room: &'a dyn Fn() -> io::Result<()>) -> Self {
        Self { file, hash: Sha256::new(), buffer: Vec::new(), has_room }
    }

    pub(super) fn put(&mut self, octets: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(octets);
        if self.buffer.len() < SLICE_OCTETS { Ok(()) } else { self.write_out() }
    }

    fn write_out(&mut self) -> io::Result<()> {
        (self.has_room)()?;
        self.hash.update(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        self.file.sync_data()
    }

    /// The file with all that was put into it, and its SHA-256.
    pub(super) fn finish(mut self) -> io::Result<(File, [u8; 32])> {
        self.write_out()?;
        Ok((self.file, self.hash.finalize().into()))
    }
}
