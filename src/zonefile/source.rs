//! The files a zone is read from: lines with a limit, and one digest of all of them.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Octets read from the system at once.
const CHUNK_LEN: usize = 128 * 1024;

/// A file that is hashed as it is read.
pub(super) struct Source<R> {
    reader: R,
    hasher: Sha256,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R) -> BufReader<Self> {
        BufReader::with_capacity(CHUNK_LEN, Self { reader, hasher: Sha256::new() })
    }

    /// SHA-256 of what was read.
    pub(super) fn digest(self) -> [u8; 32] {
        self.hasher.finalize().into()
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        Ok(length)
    }
}

/// Opens a file. An included one must be an ordinary file: a pipe or device named by a file could block for ever.
pub(super) fn open(path: &Path, included: bool) -> io::Result<File> {
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if included && !kind.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not an ordinary file"));
    }
    File::open(path)
}

/// Appends the next line with its line end to `buffer`, at most `limit` octets of it; the number of octets, 0 at the end.
pub(super) fn read_line(reader: &mut impl BufRead, limit: usize, buffer: &mut Vec<u8>) -> io::Result<usize> {
    reader.take(limit as u64).read_until(b'\n', buffer)
}

/// The digest of a zone: of its one file, so that `sha256sum` shows the same, or else of the digests of all its files in
/// the order they were opened.
pub(super) fn combine(digests: &[[u8; 32]]) -> [u8; 32] {
    match digests {
        [one] => *one,
        many => Sha256::digest(many.concat()).into(),
    }
}
