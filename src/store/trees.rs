//! sled's trees, what lies over them, and their opening.

use super::batch::Metas;
use super::layers::Layers;
use super::packs::Packs;
use super::{StoreError, damaged, is_locked, v1};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::{Index, IndexMut};
use std::path::Path;
use std::time::{Duration, Instant};

/// Octets of sled's page cache. Small, because the read path never comes here: the cache only serves the writer.
const CACHE_OCTETS: u64 = 32 << 20;
/// Longest wait for sled's lock; dropping a store of a million names takes less.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
/// Pause between two tries for it.
const LOCK_RETRY: Duration = Duration::from_millis(10);

/// A tree; their keys are described in `keys`, `filings` and `site_reviews`. The order of them is part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Tree {
    Units,
    Names,
    NamesByUnit,
    Bundles,
    KeptBundles,
    Expiring,
    Expired,
    Leaving,
    Reservations,
    Due,
    Changes,
    Applications,
    Orders,
    Remittances,
    Filings,
    Claims,
    Accounts,
    SiteReviews,
    Removals,
    PastHolds,
    Zones,
    Idempotency,
    IdempotencyAge,
}

impl Tree {
    /// Every tree with its name in sled, in their order.
    const ALL: [(Self, &str); 23] = [
        (Self::Units, "units"),
        (Self::Names, "names"),
        (Self::NamesByUnit, "names_by_unit"),
        (Self::Bundles, "bundles"),
        (Self::KeptBundles, "kept_bundles"),
        (Self::Expiring, "expiring"),
        (Self::Expired, "expired"),
        (Self::Leaving, "leaving"),
        (Self::Reservations, "reservations"),
        (Self::Due, "due"),
        (Self::Changes, "changes"),
        (Self::Applications, "applications"),
        (Self::Orders, "orders"),
        (Self::Remittances, "remittances"),
        (Self::Filings, "filings"),
        (Self::Claims, "claims"),
        (Self::Accounts, "accounts"),
        (Self::SiteReviews, "site_reviews"),
        (Self::Removals, "removals"),
        (Self::PastHolds, "past_holds"),
        (Self::Zones, "zones"),
        (Self::Idempotency, "idempotency"),
        (Self::IdempotencyAge, "idempotency_age"),
    ];
}

/// sled, and its trees with their layers. Only `meta` has plain values, so that each version can read the format of another's
/// store.
pub(super) struct Trees {
    pub(super) db: sled::Db,
    pub(super) meta: sled::Tree,
    /// In the order of [`Tree::ALL`].
    layers: Vec<Layers>,
    /// After how many writes to packs it stops.
    #[cfg(test)]
    pub(super) stops: super::packs::Stops,
}

impl Index<Tree> for Trees {
    type Output = Layers;

    fn index(&self, tree: Tree) -> &Layers {
        &self.layers[tree as usize]
    }
}

impl IndexMut<Tree> for Trees {
    fn index_mut(&mut self, tree: Tree) -> &mut Layers {
        &mut self.layers[tree as usize]
    }
}

impl Trees {
    pub(super) fn open(directory: &Path) -> sled::Result<Self> {
        let db = Self::open_unlocked(directory)?;
        #[cfg(test)]
        let stops = super::packs::Stops::new(usize::MAX.into());
        let layers = |(tree, name): &(Tree, &str)| {
            debug_assert_eq!(Tree::ALL[*tree as usize].0, *tree, "the table has the order of the trees");
            let packs = db.open_tree(name).map(Packs::new)?;
            #[cfg(test)]
            let packs = packs.stopping_with(&stops);
            Ok(Layers::new(packs))
        };
        let layers = Tree::ALL.iter().map(layers).collect::<sled::Result<_>>()?;
        Ok(Self {
            meta: db.open_tree("meta")?,
            layers,
            db,
            #[cfg(test)]
            stops,
        })
    }

    /// Opens sled once its lock is free. The data directory's own lock keeps other processes away; what still has
    /// sled's is a store of this process that was just dropped, or a child between `fork` and `exec`.
    pub(super) fn open_unlocked(directory: &Path) -> sled::Result<sled::Db> {
        let until = Instant::now() + LOCK_WAIT_MAX;
        loop {
            match sled::Config::new().path(directory).cache_capacity(CACHE_OCTETS).open() {
                Err(error) if is_locked(&error) && Instant::now() < until => std::thread::park_timeout(LOCK_RETRY),
                opened => return opened,
            }
        }
    }

    /// All trees, in their order, to be changed.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (Tree, &mut Layers)> {
        Tree::ALL.iter().map(|(tree, _)| *tree).zip(&mut self.layers)
    }

    pub(super) fn is_empty(&self) -> bool {
        [Tree::Units, Tree::Names, Tree::Zones, Tree::Changes].iter().all(|tree| self[*tree].is_empty())
    }

    /// The value of `key` among `metas`, which are not yet in sled, or in sled.
    pub(super) fn meta_value<T: DeserializeOwned>(&self, metas: &Metas, key: &str) -> Result<Option<T>, StoreError> {
        let in_sled = match metas.get(key.as_bytes()) {
            Some(_) => None,
            None => self.meta.get(key).map_err(damaged)?,
        };
        let Some(octets) = metas.get(key.as_bytes()).map(Vec::as_slice).or(in_sled.as_deref()) else { return Ok(None) };
        v1::read(octets).map(Some).ok_or_else(|| StoreError::Damaged(format!("`{key}` does not decode")))
    }
}
