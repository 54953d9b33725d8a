//! What a disk may hold after the power was cut, in the most pessimistic reading of what was promised.
//!
//! - Octets and lengths are on the disk once their file was waited for; before that, each piece of each write, and each
//!   truncation, is there or not, whatever came after it. Octets of a file that were never written read as zeros.
//! - A file is in its directory once the directory was waited for.
//! - A file is more than an empty one only once it was itself waited for with `fsync`: `fdatasync` may leave out what is
//!   not needed to read octets of a file that is already there.

use super::recorder::Op;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use zhengming::journal::disk::{Disk, DiskFile, SyncPoint};

/// Octets of a write that reach the disk together or not at all; small, so that every line is of several pieces.
const PIECE_OCTETS: usize = 200;
/// Uncertain things up to which all their combinations are tried.
const EXHAUSTIVE_MAX: usize = 10;
/// Combinations tried where there are more, on top of the regular ones.
const SAMPLES: usize = 200;

/// The disk before the cut.
#[derive(Default)]
pub struct CutDisk {
    files: BTreeMap<String, CutFile>,
}

#[derive(Default)]
struct CutFile {
    in_directory: bool,
    inode: bool,
    octets: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone)]
enum Pending {
    Piece { offset: u64, octets: Vec<u8> },
    Truncate { octets: u64 },
}

/// How much of an uncertain thing is there.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    All,
    /// Of a piece, its first half.
    Half,
    Nothing,
}

impl CutDisk {
    /// Performs one operation; waits at `left_out` do nothing.
    pub fn perform(&mut self, op: &Op, left_out: Option<SyncPoint>) {
        match op {
            Op::Create { file } => drop(self.files.insert(file.clone(), CutFile::default())),
            Op::Write { file, offset, octets } => {
                let pieces = octets.chunks(PIECE_OCTETS).zip((*offset..).step_by(PIECE_OCTETS));
                let pieces = pieces.map(|(octets, offset)| Pending::Piece { offset, octets: octets.into() });
                self.file(file).pending.extend(pieces);
            }
            Op::Truncate { file, octets } => self.file(file).pending.push(Pending::Truncate { octets: *octets }),
            Op::SyncData { file, point } if left_out != Some(*point) => self.file(file).settle(),
            Op::SyncAll { file, point } if left_out != Some(*point) => {
                self.file(file).settle();
                self.file(file).inode = true;
            }
            Op::SyncDirectory { point } if left_out != Some(*point) => {
                self.files.values_mut().for_each(|file| file.in_directory = true);
            }
            Op::SyncData { .. } | Op::SyncAll { .. } | Op::SyncDirectory { .. } => {}
        }
    }

    fn file(&mut self, name: &str) -> &mut CutFile {
        self.files.get_mut(name).expect("files are created first")
    }

    /// Hands everything that a cut now may leave to `visit`, until it breaks.
    pub fn for_each_cut(&self, seed: u64, visit: &mut dyn FnMut(AfterCut) -> ControlFlow<()>) {
        let uncertain: usize = self.files.values().map(CutFile::uncertain).sum();
        let choices = if uncertain <= EXHAUSTIVE_MAX { all(uncertain) } else { sampled(uncertain, seed) };
        for choice in choices {
            if visit(self.after(&choice)).is_break() {
                return;
            }
        }
    }

    fn after(&self, choice: &[Kept]) -> AfterCut {
        let mut choice = choice.iter().copied();
        let mut files = BTreeMap::new();
        for (name, file) in &self.files {
            let is_there = file.in_directory || choice.next() == Some(Kept::All);
            let is_full = file.inode || choice.next() == Some(Kept::All);
            let mut octets = file.octets.clone();
            for pending in &file.pending {
                pending.apply(&mut octets, choice.next().expect("a choice for each"));
            }
            if !is_full {
                octets.clear();
            }
            if is_there {
                files.insert(name.clone(), Arc::new(Mutex::new(octets)));
            }
        }
        AfterCut { files: Mutex::new(files) }
    }
}

impl CutFile {
    fn uncertain(&self) -> usize {
        usize::from(!self.in_directory) + usize::from(!self.inode) + self.pending.len()
    }

    fn settle(&mut self) {
        for pending in self.pending.drain(..) {
            pending.apply(&mut self.octets, Kept::All);
        }
    }
}

impl Pending {
    fn apply(&self, file: &mut Vec<u8>, kept: Kept) {
        match (self, kept) {
            (_, Kept::Nothing) | (Self::Truncate { .. }, Kept::Half) => {}
            (Self::Truncate { octets }, Kept::All) => file.resize(usize::try_from(*octets).expect("small"), 0),
            (Self::Piece { offset, octets }, _) => {
                let octets = if kept == Kept::Half { &octets[..octets.len() / 2] } else { octets };
                write(file, *offset, octets);
            }
        }
    }
}

/// All combinations of there and not there.
fn all(uncertain: usize) -> Vec<Vec<Kept>> {
    let kept = |bits: usize, n: usize| if bits >> n & 1 == 1 { Kept::All } else { Kept::Nothing };
    (0..1usize << uncertain).map(|bits| (0..uncertain).map(|n| kept(bits, n)).collect()).collect()
}

/// Beginnings, ends, all but one, only one, one torn, and random ones.
fn sampled(uncertain: usize, seed: u64) -> Vec<Vec<Kept>> {
    let mut choices = Vec::new();
    let mut push = |kept: &dyn Fn(usize) -> Kept| choices.push((0..uncertain).map(kept).collect());
    let if_so = |so: bool| if so { Kept::All } else { Kept::Nothing };
    for n in 0..=uncertain {
        push(&|m| if_so(m < n));
        push(&|m| if_so(m >= n));
        push(&|m| if_so(m != n));
        push(&|m| if_so(m == n));
        push(&|m| if m == n { Kept::Half } else { if_so(m < n) });
    }
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for _ in 0..SAMPLES {
        let choice: Vec<_> = (0..uncertain)
            .map(|_| {
                // xorshift: any sequence does that is the same in every run.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                [Kept::All, Kept::All, Kept::Nothing, Kept::Half][usize::try_from(state >> 62).expect("two bits")]
            })
            .collect();
        push(&|m| choice[m]);
    }
    choices
}

/// The disk after the cut: what is left, in memory, on which a journal can go on.
pub struct AfterCut {
    files: Mutex<BTreeMap<String, Arc<Mutex<Vec<u8>>>>>,
}

struct LeftFile(Arc<Mutex<Vec<u8>>>);

impl AfterCut {
    /// What is in files of what starts cut off.
    pub fn kept(&self) -> Vec<Vec<u8>> {
        let files = self.files.lock().expect("no panic");
        let torn = files.iter().filter(|(name, _)| name.ends_with(".torn"));
        torn.map(|(_, octets)| octets.lock().expect("no panic").clone()).collect()
    }

    fn find(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let files = self.files.lock().expect("no panic");
        let file = files.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(Box::new(LeftFile(Arc::clone(file))))
    }
}

impl Disk for AfterCut {
    fn path(&self) -> &Path {
        Path::new("journal")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files.lock().expect("no panic").keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let replaced = self.files.lock().expect("no panic").insert(name.into(), Arc::default());
        assert!(replaced.is_none(), "{name} is there already");
        self.find(name)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.find(name)
    }

    fn open_to_read(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.find(name)
    }

    fn sync_directory(&self, _: SyncPoint) -> io::Result<()> {
        Ok(())
    }

    fn free_octets(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

impl DiskFile for LeftFile {
    fn octets(&self) -> io::Result<u64> {
        Ok(self.0.lock().expect("no panic").len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = self.0.lock().expect("no panic");
        let left = file.get(usize::try_from(offset).expect("small")..).unwrap_or_default();
        let read = left.len().min(buffer.len());
        buffer[..read].copy_from_slice(&left[..read]);
        Ok(read)
    }

    fn write_at(&self, offset: u64, octets: &[u8]) -> io::Result<()> {
        write(&mut self.0.lock().expect("no panic"), offset, octets);
        Ok(())
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        self.0.lock().expect("no panic").resize(usize::try_from(octets).expect("small"), 0);
        Ok(())
    }

    fn sync_data(&self, _: SyncPoint) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self, _: SyncPoint) -> io::Result<()> {
        Ok(())
    }
}

fn write(file: &mut Vec<u8>, offset: u64, octets: &[u8]) {
    let start = usize::try_from(offset).expect("small");
    let end = start + octets.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[start..end].copy_from_slice(octets);
}
