//! The few operations on the disk that the journal is made of, so that a test can record, refuse or undo each of them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A directory of segment files.
pub trait Disk: Send + Sync {
    /// Where it is, for messages.
    fn path(&self) -> &Path;

    /// The names of the files in it, in no order.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates an empty file that must not exist yet.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for appending to it.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading only.
    ///
    /// # Errors
    /// What the operating system says.
    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Waits until the directory's entries are on the disk.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_directory(&self, why: SyncPoint) -> io::Result<()>;

    /// Octets that this process may still write.
    ///
    /// # Errors
    /// What the operating system says.
    fn free_octets(&self) -> io::Result<u64>;
}

/// An open segment file.
pub trait DiskFile: Send {
    /// Its length in octets.
    ///
    /// # Errors
    /// What the operating system says.
    fn octets(&self) -> io::Result<u64>;

    /// Reads up to `buffer.len()` octets; none at the end.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `octets`, or fails with any part of them written.
    ///
    /// # Errors
    /// What the operating system says.
    fn write_at(&self, offset: u64, octets: &[u8]) -> io::Result<()>;

    /// Cuts the file off at `octets`.
    ///
    /// # Errors
    /// What the operating system says.
    fn truncate(&self, octets: u64) -> io::Result<()>;

    /// Waits until its octets and its length are on the disk.
    ///
    /// # Errors
    /// What the operating system says. What is on the disk is unknown then, and asking again tells nothing.
    fn sync_data(&self, why: SyncPoint) -> io::Result<()>;

    /// Waits until everything about it is on the disk.
    ///
    /// # Errors
    /// What the operating system says. What is on the disk is unknown then, and asking again tells nothing.
    fn sync_all(&self, why: SyncPoint) -> io::Result<()>;
}

/// The places in the code that wait for the disk. Each is needed: `tests/powercut` leaves out one at a time and finds
/// what is lost without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncPoint {
    /// The lines of a group: before they are acknowledged.
    Append,
    /// A new segment's file: before lines go into it.
    Created,
    /// A new segment's directory entry: before lines go into it.
    CreatedEntry,
    /// After a failed write was cut off: before its group is refused, so that it cannot come back.
    CutOff,
    /// What is cut off at start, in a file of its own: before it is cut off.
    Aside,
    /// The last segment at start, a torn end cut off: lines that a killed process wrote, but did not wait for, are about
    /// to be shown.
    Opened,
    /// The directory at start: the killed process may have stopped before it waited for the entry; and what is kept of a torn
    /// end has one too.
    OpenedEntry,
}

impl SyncPoint {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Append, Self::Created, Self::CreatedEntry, Self::CutOff, Self::Aside, Self::Opened, Self::OpenedEntry];
}

/// A directory of the operating system.
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The directory at `path`, created if it is absent.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            fs::create_dir_all(path)?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(Self { path: path.into() })
    }

    /// The directory at `path`, which must be there.
    pub fn existing(path: &Path) -> Self {
        Self { path: path.into() }
    }
}

impl Disk for Directory {
    fn path(&self) -> &Path {
        &self.path
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().to_string_lossy().into());
        fs::read_dir(&self.path)?.map(name).collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path.join(name))?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(self.path.join(name))?))
    }

    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::open(self.path.join(name))?))
    }

    fn sync_directory(&self, _why: SyncPoint) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn free_octets(&self) -> io::Result<u64> {
        let free = rustix::fs::statvfs(&self.path)?;
        Ok(free.f_bavail.saturating_mul(free.f_frsize))
    }
}

impl DiskFile for File {
    fn octets(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        self.write_all_at(octets, offset)
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        self.set_len(octets)
    }

    fn sync_data(&self, _why: SyncPoint) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self, _why: SyncPoint) -> io::Result<()> {
        File::sync_all(self)
    }
}
