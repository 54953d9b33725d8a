//! A batch: what many transactions change, written to sled at once, and after a stop again.
//!
//! Written one by one, transactions cost sled some ten insertions each, of which every one copies a pack and reads and links a leaf.
//! In the order of keys, and many together, neighbours share that. A thread beside the writer's does it, while the layers over
//! the trees answer (see `layers`).
//!
//! A stop in the midst of it would leave sled with a part of some transactions. So before the first write, all of the batch is in
//! a file beside sled's, and on the disk; when it is in sled, and on the disk there, the file goes. An opening that finds it puts
//! it over the trees again, and it is written with the next batch. The file is
//! ```text
//! "zhengming batch 1\n", position before it, its position, (tree or none for `meta`, key, value or none) ×, SHA-256 of all that
//! ```
//! with postcard's encoding of each. What is in no such file and not in sled is in the journal, behind sled's position.

use super::aside::{Sink, put_in_place};
use super::flush::{Left, Unwritten};
use super::layers::{Layer, Layers};
use super::packs::{Change, Packs};
use super::trees::{Tree, Trees};
use super::{Store, StoreError, damaged, failed, guarded, meta, v1};
use crate::registry::Position;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the file begins with; the number is its format's.
const MAGIC: &[u8] = b"zhengming batch 1\n";
/// The file.
const FILE: &str = "batch";
/// The file while it is written.
const UNFINISHED: &str = "batch.unfinished";
/// Changes written between two notes of how many are left.
const SLICE: usize = 256;
/// Octets of the digest.
const DIGEST_OCTETS: usize = 32;

/// An entry of the file.
type Written<'a> = (Option<Tree>, &'a [u8], Option<&'a [u8]>);
/// An entry of the file that is read.
type WrittenV1 = (Option<Tree>, Vec<u8>, Option<Vec<u8>>);
/// Values of the tree `meta`.
pub(super) type Metas = BTreeMap<Vec<u8>, Vec<u8>>;

/// A batch, and where it goes.
pub(super) struct Batch {
    directory: PathBuf,
    /// sled's file, for the fsync that sled leaves out.
    file: File,
    db: sled::Db,
    meta: sled::Tree,
    /// The last transaction in sled.
    base: Position,
    /// The last of its own.
    position: Position,
    /// Whether a stop may have left a part of it in sled.
    mends: bool,
    trees: Vec<(Tree, Arc<Packs>, Arc<Layer>)>,
    metas: Metas,
}

impl Batch {
    /// Everything that lies over the trees of `store`, which is frozen by this, and `metas`.
    pub(super) fn freeze(store: &mut Store, metas: Metas) -> Result<Self, StoreError> {
        let frozen = |(tree, layers): (Tree, &mut Layers)| {
            let layer = layers.freeze()?;
            Some((tree, Arc::clone(layers.packs()), layer))
        };
        Ok(Self {
            directory: store.directory.clone(),
            file: store.file.try_clone().map_err(failed)?,
            db: store.trees.db.clone(),
            meta: store.trees.meta.clone(),
            base: store.written,
            position: store.position,
            mends: store.torn,
            trees: store.trees.all_mut().filter_map(frozen).collect(),
            metas,
        })
    }

    /// The last transaction in sled once it is written.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// How many changes it has.
    pub(super) fn len(&self) -> usize {
        self.trees.iter().map(|(_, _, layer)| layer.len()).sum()
    }

    /// Writes it, so that it is in sled and on the disk; `left` tells how many of its changes are not.
    pub(super) fn write(&self, left: &Left) -> Result<(), StoreError> {
        self.write_file().map_err(failed)?;
        self.write_trees(left)
    }

    fn write_file(&self) -> io::Result<()> {
        put_in_place(&self.directory, UNFINISHED, FILE, |file| {
            let mut sink = Sink::new(file, &|| Ok(()));
            sink.put(MAGIC)?;
            for position in [self.base, self.position] {
                sink.put(&v1::write(&v1::HeadV1::from(position)))?;
            }
            for (tree, _, layer) in &self.trees {
                for (key, value) in layer.iter() {
                    let entry: Written<'_> = (Some(*tree), key, value.as_deref());
                    sink.put(&v1::write(&entry))?;
                }
            }
            for (key, value) in &self.metas {
                let entry: Written<'_> = (None, key, Some(value));
                sink.put(&v1::write(&entry))?;
            }
            let (mut file, digest) = sink.finish()?;
            file.write_all(&digest)?;
            Ok((file, ()))
        })
    }

    fn write_trees(&self, left: &Left) -> Result<(), StoreError> {
        for (_, packs, layer) in &self.trees {
            if self.mends {
                packs.mend(self.base.seq + 1, layer.keys().map(|key| &**key))?;
            }
            let changes: Vec<Change<'_>> = layer.iter().map(|(key, value)| (&**key, value.as_deref())).collect();
            for slice in changes.chunks(SLICE) {
                packs.write(self.position.seq, slice)?;
                left.less(slice.len());
            }
        }
        self.metas.iter().try_for_each(|(key, value)| self.put_meta(key, value))?;
        // The position says that all of it is there.
        self.put_meta(meta::HEAD.as_bytes(), &v1::write(&v1::HeadV1::from(self.position)))?;
        #[cfg(test)]
        self.may_go_on()?;
        sync(&self.db, &self.file)?;
        #[cfg(test)]
        self.may_go_on()?;
        fs::remove_file(self.directory.join(FILE)).map_err(failed)
    }

    fn put_meta(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        #[cfg(test)]
        self.may_go_on()?;
        guarded(|| self.meta.insert(key, value)).map_err(failed)?.map_err(failed).map(drop)
    }

    /// The tests stop it anywhere.
    #[cfg(test)]
    fn may_go_on(&self) -> Result<(), StoreError> {
        self.trees.first().map_or(Ok(()), |(_, packs, _)| packs.may_go_on())
    }
}

/// Hands everything written to the operating system and waits until it is on the disk.
pub(super) fn sync(db: &sled::Db, file: &File) -> Result<(), StoreError> {
    // sled waits with sync_file_range, which neither writes the file's length nor empties the disk's cache.
    guarded(|| db.flush()).map_err(failed)?.map_err(failed)?;
    file.sync_all().map_err(failed)
}

/// Puts the batch over `trees` that a stop has kept from being written whole, if there is one: its last transaction, and what is
/// unwritten by it. sled is at `base`.
pub(super) fn take_up(
    directory: &Path,
    file: &File,
    trees: &mut Trees,
    base: Position,
) -> Result<Option<(Position, Unwritten)>, StoreError> {
    let path = directory.join(FILE);
    let octets = match fs::read(&path) {
        Ok(octets) => octets,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let undecodable = || damaged("the file of an interrupted batch does not decode");
    let (before, position, entries) = checked(&octets).ok_or_else(undecodable)?;
    if position.seq <= base.seq {
        // All of it is in sled, but perhaps not on the disk.
        sync(&trees.db, file)?;
        fs::remove_file(path).map_err(failed)?;
        return Ok(None);
    }
    if before != base {
        let (before, base) = (before.seq, base.seq);
        return Err(damaged(format!("it is at transaction {base}, but was at {before} when a batch was begun")));
    }
    let (metas, octets) = put_over(trees, entries).ok_or_else(undecodable)?;
    tracing::info!(
        from = base.seq,
        to = position.seq,
        "the store was stopped while it wrote a batch, which is taken up again"
    );
    Ok(Some((position, Unwritten::of(metas, octets))))
}

/// The positions in a file, and its entries.
fn checked(octets: &[u8]) -> Option<(Position, Position, &[u8])> {
    let (octets, digest) = octets.split_at_checked(octets.len().checked_sub(DIGEST_OCTETS)?)?;
    if Sha256::digest(octets)[..] != *digest {
        return None;
    }
    let (base, rest) = v1::read_first::<v1::HeadV1>(octets.strip_prefix(MAGIC)?)?;
    let (position, entries) = v1::read_first::<v1::HeadV1>(rest)?;
    Some((base.into(), position.into(), entries))
}

/// Puts entries of a file over the trees; the values of `meta` among them, and what the others take.
fn put_over(trees: &mut Trees, mut entries: &[u8]) -> Option<(Metas, usize)> {
    let (mut metas, mut octets) = (Metas::new(), 0);
    while !entries.is_empty() {
        let ((tree, key, value), rest): (WrittenV1, _) = v1::read_first(entries)?;
        match tree {
            Some(tree) => octets += trees[tree].put(key, value),
            None => drop(metas.insert(key, value?)),
        }
        entries = rest;
    }
    Some((metas, octets))
}
