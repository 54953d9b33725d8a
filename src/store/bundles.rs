//! The index of packages: which registered names, kept labels and claims have a label in a bundle.
//!
//! It follows from the images and the table. Without a table, a label is its own package, and the tree has entries for
//! active variants only.

use super::filings::{BundleOf, IndexEntry};
use super::trees::Tree;
use super::{Store, StoreError, damaged, failed, filings, guarded, keys, meta, packs::Change, unavailable};
use crate::idn::{Bundle, Label};
use crate::registry::state::bundles_of;
use crate::registry::{ApplicationId, NameKey, OrderId, Registration, State, Unavailable};

/// Names whose entries are written at a time while the index is made anew: sorted, because sled likes the order of keys.
const SLICE_NAMES: usize = 100_000;
/// Packages with several names that the log names; the rest is counted.
const SHARED_TOLD: u64 = 20;

impl Store {
    /// The bundle of a label.
    pub(super) fn bundle(&self, label: &Label) -> Bundle {
        self.table.as_ref().map_or_else(|| Bundle::of_itself(label), |table| table.bundle(label))
    }

    /// The keys of a registration in the index.
    pub(super) fn bundle_keys(&self, name: &Registration) -> Vec<Vec<u8>> {
        let bundles = bundles_of(name, &|label| self.bundle(label));
        bundles.iter().map(|bundle| keys::bundle(bundle, &name.key)).collect()
    }

    /// Visits the other names with a label in the bundle of `key`'s label.
    pub(super) fn visit_bundle(
        &self,
        key: &NameKey,
        visit: &mut dyn FnMut(&NameKey) -> bool,
    ) -> Result<(), Unavailable> {
        if !self.used.bundles {
            return Ok(());
        }
        let bundle = self.bundle(&key.label);
        for entry in self.trees[Tree::Bundles].prefix(&keys::bundle_prefix(&bundle, &key.set)) {
            let other = keys::read_bundle(&entry?.0, &|set| self.intern(set));
            let other = other.ok_or_else(|| super::read::undecodable("an entry of a package"))?;
            if other != *key && !visit(&other) {
                break;
            }
        }
        Ok(())
    }

    /// Makes the index anew if it was made with another table.
    pub(super) fn check_table(&mut self) -> Result<(), StoreError> {
        let wanted = self.table.as_ref().map(|table| table.digest());
        let found = self.trees.meta.get(meta::TABLE).map_err(damaged)?;
        if found.as_deref() == wanted.as_ref().map(<[u8; 32]>::as_slice) {
            return Ok(());
        }
        // What is made here goes into sled at once, in which a stop may have left a part of something.
        self.flush()?;
        if !self.trees[Tree::Names].is_empty() {
            tracing::info!("the table of labels is another one: the index of packages is made anew");
        }
        self.forget_packages()?;
        let mut entries = Vec::new();
        for entry in self.trees[Tree::Names].iter() {
            let name = entry.and_then(|(key, value)| self.read_name(&key, &value)).map_err(|error| damaged(error.0))?;
            entries.extend(self.bundle_keys(&name).into_iter().map(|key| (Tree::Bundles, key)));
            if entries.len() >= SLICE_NAMES {
                self.write_entries(&mut entries)?;
            }
        }
        entries.extend(self.package_entries().map_err(|error| damaged(error.0))?);
        self.write_entries(&mut entries)?;
        match wanted {
            Some(digest) => self.trees.meta.insert(meta::TABLE, digest.as_slice()),
            None => self.trees.meta.remove(meta::TABLE),
        }
        .map_err(failed)?;
        self.flush()?;
        self.tell_shared().map_err(|error| damaged(error.0))
    }

    /// Empties the indexes by packages. Until they are whole, the store says that they are of a table that there cannot be:
    /// after a stop in between they are made again, whichever table comes then.
    pub(super) fn forget_packages(&mut self) -> Result<(), StoreError> {
        guarded(|| self.trees.meta.insert(meta::TABLE, &[])).map_err(failed)?.map_err(failed)?;
        for tree in [Tree::Bundles, Tree::Claims, Tree::KeptBundles] {
            self.trees[tree].clear()?;
        }
        Ok(())
    }

    /// What kept labels, applications and orders have in the indexes by packages.
    fn package_entries(&self) -> Result<Vec<IndexEntry>, Unavailable> {
        let bundle_of: BundleOf<'_> = &|label| self.bundle(label);
        let mut entries = Vec::new();
        for entry in self.trees[Tree::Reservations].iter() {
            let kept = keys::read_name(&entry?.0, &|set| self.intern(set));
            let kept = kept.ok_or_else(|| super::read::undecodable("a kept label"))?;
            entries.push((Tree::KeptBundles, keys::bundle(&self.bundle(&kept.label), &kept)));
        }
        let id = |key: &[u8]| filings::id_of(key).ok_or_else(|| super::read::undecodable("an id"));
        for entry in self.trees[Tree::Applications].iter() {
            let application = self.application(ApplicationId(id(&entry?.0)?))?;
            entries.extend(application.iter().flat_map(|image| filings::application_entries(image, bundle_of)));
        }
        for entry in self.trees[Tree::Orders].iter() {
            let order = self.order(OrderId(id(&entry?.0)?))?;
            entries.extend(order.iter().flat_map(|image| filings::order_entries(image, bundle_of)));
        }
        // The entries by state, region and unit are there.
        entries.retain(|(tree, _)| *tree != Tree::Filings);
        Ok(entries)
    }

    fn write_entries(&self, entries: &mut Vec<IndexEntry>) -> Result<(), StoreError> {
        entries.sort_unstable();
        entries.dedup();
        for run in entries.chunk_by(|(one, _), (other, _)| one == other) {
            let changes: Vec<Change<'_>> = run.iter().map(|(_, key)| (key.as_slice(), Some(&[][..]))).collect();
            // Of no transaction: after a stop all of it is made again.
            self.trees[run[0].0].packs().write(0, &changes)?;
        }
        entries.clear();
        guarded(|| self.trees.db.flush()).map_err(failed)?.map_err(failed).map(drop)
    }

    /// Tells the log which registered names share a package: they stay as they are, for people to decide about.
    fn tell_shared(&self) -> Result<(), Unavailable> {
        let (mut before, mut shared): (Option<(Vec<u8>, NameKey)>, u64) = (None, 0);
        let intern = |set: &str| self.intern(set);
        for entry in self.trees[Tree::Bundles].iter() {
            let (key, _) = entry?;
            let name = keys::read_bundle(&key, &intern).ok_or_else(|| unavailable("an entry of a package"))?;
            let package = keys::package(&key).to_vec();
            if let Some((earlier, other)) = &before
                && *earlier == package
            {
                shared += 1;
                if shared <= SHARED_TOLD {
                    let (one, other) = (other.to_unicode(), name.to_unicode());
                    tracing::warn!(
                        "{one} and {other} are variants of each other by this table, and both registered / 按此字表，{one} 与 {other} 互为变体，且均已注册"
                    );
                }
            }
            before = Some((package, name));
        }
        if shared > 0 {
            tracing::warn!(shared, "names are registered in a package that another name is in; nothing is changed");
        }
        Ok(())
    }
}
