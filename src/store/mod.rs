//! The materialised state in sled: units, registrations, changes, applications and their fees, due times, serials, idempotency keys.
//!
//! One thread owns it, the writer's. What transactions change is kept in memory over sled's trees and written to sled beside,
//! many together; what a stop loses of it is in the journal, behind the position that sled has.
//! Nothing here is the truth: a store that does not open is set aside ([`set_aside`]) and rebuilt from the journal.
//!
//! What is known of sled 0.34 and heeded here: its `flush` does not reach the disk on Linux (so [`Store::flush`] fsyncs
//! the file as well); `flush_async` can deadlock (never called); large batches take memory without bound (single inserts
//! in key order instead); damaged files can make it panic (caught, see `guarded`); each of its leaves takes some 400 octets of
//! memory, whatever is in it (many entries are one of sled's, see `packs`).

mod apply;
mod aside;
mod batch;
mod bundles;
pub mod checkpoint;
mod filings;
mod flush;
mod held;
mod keys;
mod layers;
mod list;
mod list_filings;
mod packs;
mod past;
mod read;
mod site_reviews;
#[cfg(test)]
mod tests;
mod totals;
mod trees;
mod v1;

pub use checkpoint::Mark;
pub use flush::WritePace;
pub use held::Held;
pub use list::{NameFilter, PAGE_ITEMS_MAX, Page};
pub use list_filings::FilingFilter;
pub use past::PastHold;
pub use site_reviews::SiteFilter;
pub use totals::HoldCounts;

use crate::idn::Table;
use crate::registry::{Brake, Position, TermEnd, Timestamp, Unavailable};
use flush::Unwritten;
use packs::Entry;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use totals::Totals;
use trees::{Tree, Trees};

/// Seconds for which an idempotency key is remembered.
pub const ANSWERED_SECS: i64 = 7 * 24 * 3600;

/// The store.
pub struct Store {
    directory: PathBuf,
    trees: Trees,
    /// What lies over the trees.
    unwritten: Unwritten,
    pace: WritePace,
    /// The last transaction in sled.
    written: Position,
    /// Whether a stop may have left a part of what followed in sled.
    torn: bool,
    /// sled's file, for the fsync that sled leaves out.
    file: File,
    position: Position,
    totals: Totals,
    brake: Brake,
    noticed: BTreeMap<i32, TermEnd>,
    /// What the tree `bundles` is made with.
    table: Option<Arc<Table>>,
    used: Used,
}

/// Whether trees that every new name is looked up in, and that often have nothing, had an entry since the store was
/// opened: a look-up costs as much as a tenth of all else.
#[derive(Clone, Copy, Debug)]
struct Used {
    claims: bool,
    reservations: bool,
    bundles: bool,
}

/// An answer already given to an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The transaction; its outcome is in the journal.
    pub seq: u64,
    /// SHA-256 of method, path and body.
    pub digest: [u8; 32],
}

/// What is remembered of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneMark {
    /// Apex in A-labels with a final dot.
    pub apex: Box<str>,
    /// Last serial that was published.
    pub serial: u32,
    /// SHA-256 of what the zone was read from.
    pub digest: [u8; 32],
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// sled does not open, or what is in it does not decode: move it aside and rebuild.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Its format is another version's: rebuild.
    #[error("the store has format {found}, this program writes {expected}")]
    Format {
        /// The number of its format.
        found: u32,
        /// The number of this program's.
        expected: u32,
    },
    /// An I/O error while running; sled keeps failing after one.
    #[error("the store failed: {0}")]
    Io(String),
}

/// Keys of the tree `meta`.
mod meta {
    /// Number of the format, big-endian.
    pub(super) const FORMAT: &str = "format";
    /// The last transaction that is in sled.
    pub(super) const HEAD: &str = "head";
    /// Counts of names and of active holds.
    pub(super) const TOTALS: &str = "totals";
    /// The brake; absent when there is none.
    pub(super) const BRAKE: &str = "brake";
    /// Up to which name each notice has been given; absent until one has.
    pub(super) const NOTICED: &str = "noticed";
    /// Digest of the table that the bundles are made with; absent if none was configured, empty while they are made.
    pub(super) const TABLE: &str = "table";
    /// Which checkpoint is to be trusted; absent until there is one.
    pub(super) const CHECKPOINT: &str = "checkpoint";
}

impl Store {
    /// Opens the store in `directory`, or creates an empty one, with packages of labels by `table`. If it was made with
    /// another table, its index of packages is made anew, and names that now share one are told to the log.
    ///
    /// # Errors
    /// [`StoreError`]; the caller sets the directory aside and rebuilds from the journal.
    pub fn open(directory: &Path, table: Option<Arc<Table>>) -> Result<Self, StoreError> {
        let opened =
            guarded(|| Trees::open(directory).map_err(unopened)).unwrap_or_else(|panic| Err(damaged(panic)))?;
        let file = File::open(directory.join("db")).map_err(unopened)?;
        guarded(|| Self::load(directory, opened, file, table)).unwrap_or_else(|panic| Err(damaged(panic)))
    }

    fn load(directory: &Path, mut trees: Trees, file: File, table: Option<Arc<Table>>) -> Result<Self, StoreError> {
        match trees.meta.get(meta::FORMAT).map_err(damaged)? {
            None if trees.db.was_recovered() && !trees.is_empty() => {
                return Err(StoreError::Damaged("it has entries, but no format".into()));
            }
            None => drop(trees.meta.insert(meta::FORMAT, &v1::FORMAT.to_be_bytes()).map_err(damaged)?),
            Some(found) => {
                let found = found.as_ref().try_into().map(u32::from_be_bytes).unwrap_or(0);
                if found != v1::FORMAT {
                    return Err(StoreError::Format { found, expected: v1::FORMAT });
                }
            }
        }
        let head: Option<v1::HeadV1> = trees.meta_value(&batch::Metas::new(), meta::HEAD)?;
        let written = head.map(Position::from).unwrap_or_default();
        let left = batch::take_up(directory, &file, &mut trees, written)?;
        let torn = left.is_some();
        let (position, unwritten) = match left {
            Some((position, unwritten)) => (position, unwritten),
            None => (written, Unwritten::default()),
        };
        let metas = &unwritten.metas;
        let totals: Option<v1::TotalsV1> = trees.meta_value(metas, meta::TOTALS)?;
        let brake: Option<v1::BrakeV1> = trees.meta_value(metas, meta::BRAKE)?;
        let noticed: Option<v1::NoticedV1> = trees.meta_value(metas, meta::NOTICED)?;
        let mut store = Self {
            directory: directory.into(),
            unwritten,
            pace: WritePace::default(),
            written,
            torn,
            // Known once the indexes are made.
            used: Used { claims: true, reservations: true, bundles: true },
            position,
            totals: match totals {
                Some(totals) => Totals::try_from(totals).map_err(damaged)?,
                None => Totals::default(),
            },
            brake: brake.map(Brake::from).unwrap_or_default(),
            noticed: noticed.unwrap_or_default().read().ok_or_else(|| damaged("`noticed` does not decode"))?,
            trees,
            file,
            table,
        };
        store.check_table()?;
        store.used = Used {
            claims: store.trees[Tree::Claims].iter().next().is_some(),
            reservations: store.trees[Tree::Reservations].iter().next().is_some(),
            // With a table, every name has an entry.
            bundles: store.table.is_some() || store.trees[Tree::Bundles].iter().next().is_some(),
        };
        Ok(store)
    }

    /// The last transaction applied.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Octets on the disk, free space within the file included.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn size_on_disk(&self) -> Result<u64, Unavailable> {
        readable(|| self.trees.db.size_on_disk().map_err(unavailable))
    }

    /// The shared text of a suffix.
    fn intern(&self, set: &str) -> Arc<str> {
        self.totals.sets.get_key_value(set).map_or_else(|| set.into(), |(shared, _)| Arc::clone(shared))
    }
}

/// Renames a store's directory to one that nothing opens, stamped with `now`; the new path.
///
/// Then [`Store::open`] makes an empty store, to which every transaction since [`Position::default`] is applied.
///
/// # Errors
/// What the operating system says; the directory is where it was then.
pub fn set_aside(directory: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = directory.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?.to_string_lossy();
    let stamp = now.to_string().replace([':', '-'], "");
    let aside = (0..)
        .map(|n: u32| if n == 0 { String::new() } else { format!(".{n}") })
        .map(|number| parent.join(format!("{name}.aside-{stamp}{number}")))
        .find(|path| !path.exists())
        .expect("some number is free");
    fs::rename(directory, &aside)?;
    File::open(parent)?.sync_all()?;
    Ok(aside)
}

/// Runs what calls sled; a panic inside it, as damaged files cause, becomes an error. The store is not used after one.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "sled panicked".into())
    })
}

/// [`guarded`], for reads.
fn readable<T>(run: impl FnOnce() -> Result<T, Unavailable>) -> Result<T, Unavailable> {
    guarded(run).unwrap_or_else(|panic| Err(unavailable(panic)))
}

/// A few scans as one, in the order of their keys; an error comes first.
fn merged<'a>(scans: Vec<impl Iterator<Item = Entry> + 'a>) -> impl Iterator<Item = Entry> + 'a {
    let mut scans: Vec<_> = scans.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let mut first: Option<(usize, Option<Vec<u8>>)> = None;
        for (index, scan) in scans.iter_mut().enumerate() {
            let key = match scan.peek() {
                None => continue,
                Some(Err(_)) => None,
                Some(Ok((key, _))) => Some(key.clone()),
            };
            if first.as_ref().is_none_or(|(_, least)| key < *least) {
                first = Some((index, key));
            }
        }
        scans[first?.0].next()
    })
}

fn damaged(what: impl ToString) -> StoreError {
    StoreError::Damaged(what.to_string())
}

/// Why sled does not open. What the machine lacks at the moment is not the store's fault: it is not set aside for it.
fn unopened(error: impl Into<sled::Error>) -> StoreError {
    use io::ErrorKind::{OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let error = error.into();
    let lacks = is_locked(&error)
        || matches!(&error, sled::Error::Io(error) if matches!(
            error.kind(),
            StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied | OutOfMemory
        ));
    if lacks { failed(error) } else { damaged(error) }
}

/// sled tells a lock that is taken by its text alone.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

fn failed(what: impl ToString) -> StoreError {
    StoreError::Io(what.to_string())
}

fn unavailable(what: impl ToString) -> Unavailable {
    Unavailable(what.to_string())
}
