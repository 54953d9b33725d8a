//! Applying a transaction: an idempotent redo, safe against a stop between any two of its writes.
//!
//! sled writes one log, so after a stop it has a prefix of the writes made. Their order makes every prefix a state from
//! which the whole transaction can be applied again:
//!
//! 1. the totals, with the `seq` they include: counted from the images before, so they must be made before any image
//!    changes, and are not made again if they already include the transaction;
//! 2. the index entries of all objects (the old images' go, the new images' come), then the images. As long as an image is
//!    the old one, the redo takes the same index entries away. No two entries, and no two images, are about the same thing,
//!    so that each of these two steps may be done in any order: two threads share many, each in the order of keys, and no pack;
//! 3. brake, zones, idempotency key: plain values;
//! 4. the position.

use super::filings::BundleOf;
use super::totals::{Totals, holds_differ, move_holds};
use super::{
    ANSWERED_SECS, Packs, Store, StoreError, Trees, Used, failed, filings, guarded, keys, meta, past, site_reviews, v1,
};
use crate::registry::state::{due_of_expiry, due_of_leaving, due_of_name, due_of_unit};
use crate::registry::{
    Application, ApplicationId, Brake, Change, Due, DueKind, Event, NameKey, Order, OrderId, Position, Registration,
    Remittance, RemittanceId, Reservation, State, TermEnd, Timestamp, Transaction, Unavailable, Unit, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

/// Most aged idempotency keys forgotten with one transaction: more than one comes with it, so they never pile up, and
/// few enough that no transaction waits for them.
const FORGOTTEN_MAX: usize = 8;
/// Writes in any order from which on two threads make them: an import's batch has thousands, a change about ten.
const SHARED_MIN: usize = 256;

/// One write to sled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    /// Nothing is `meta`.
    tree: Option<Tree>,
    key: Vec<u8>,
    /// The new value; nothing removes the key.
    value: Option<Vec<u8>>,
}

/// Which tree a write goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// The last image of each object a transaction changes: only that counts, whatever came before it in the same one.
#[derive(Default)]
struct Images<'a> {
    units: BTreeMap<&'a UnitId, &'a Unit>,
    /// By set, then label: the order of the tree.
    names: BTreeMap<(&'a str, &'a str), (&'a NameKey, Option<&'a Registration>)>,
    changes: BTreeMap<u64, &'a Change>,
    applications: BTreeMap<ApplicationId, &'a Application>,
    orders: BTreeMap<OrderId, &'a Order>,
    remittances: BTreeMap<RemittanceId, &'a Remittance>,
    brake: Option<&'a Brake>,
    digests: BTreeMap<&'a str, [u8; 32]>,
    /// By set, then label, as names are.
    kept: BTreeMap<(&'a str, &'a str), (&'a NameKey, Option<&'a Reservation>)>,
    noticed: BTreeMap<i32, &'a TermEnd>,
}

/// What applying a transaction does.
pub(super) struct Plan {
    pub(super) writes: Vec<Write>,
    /// Which of them write index entries.
    pub(super) index: Range<usize>,
    /// Which write images; they follow at once.
    pub(super) images: Range<usize>,
    totals: Totals,
    brake: Brake,
    noticed: BTreeMap<i32, TermEnd>,
}

impl Store {
    /// Applies a transaction; doing it again changes nothing. Its position is written last.
    ///
    /// Transactions up to [`Store::position`] have been applied, so they are passed over.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::Damaged`]; the store must be opened anew then.
    pub fn apply(&mut self, transaction: &Transaction, position: Position) -> Result<(), StoreError> {
        debug_assert_eq!(transaction.seq, position.seq, "a position is that of its transaction");
        if position.seq <= self.position.seq {
            return Ok(());
        }
        let plan = self.plan(transaction, position).map_err(|error| StoreError::Damaged(error.0))?;
        plan.writes.iter().for_each(|write| self.used.note(write));
        if !self.trees.whole.load(Relaxed) {
            self.mend(position.seq, &plan.writes)?;
            self.trees.whole.store(true, Relaxed);
        }
        self.execute_in_order(position.seq, &plan.writes[..plan.index.start])?;
        self.execute_in_any_order(position.seq, &plan.writes[plan.index.clone()])?;
        self.execute_in_any_order(position.seq, &plan.writes[plan.images.clone()])?;
        self.execute_in_order(position.seq, &plan.writes[plan.images.end..])?;
        self.totals = plan.totals;
        self.brake = plan.brake;
        self.noticed = plan.noticed;
        self.position = position;
        Ok(())
    }

    /// The writes that apply a transaction, in order.
    pub(super) fn plan(&self, transaction: &Transaction, position: Position) -> Result<Plan, Unavailable> {
        let images = Images::of(&transaction.events);
        let mut plan = Plan {
            writes: Vec::new(),
            index: 0..0,
            images: 0..0,
            totals: self.totals.clone(),
            brake: self.brake.clone(),
            noticed: self.noticed.clone(),
        };
        let mut objects = Objects::default();
        let bundle_of: BundleOf<'_> = &|label| self.bundle(label);
        let counted = self.totals.seq >= position.seq;
        for (id, unit) in &images.units {
            let old = self.unit(id)?;
            let (before, after) = (old.as_ref().map(|unit| &unit.holds), Some(&unit.holds));
            if !counted && holds_differ(before, after) {
                move_holds(&mut plan.totals.holds.units, before, after);
                plan.totals.seq = position.seq;
            }
            objects.plan_unit(id, old.as_ref(), unit);
            if let Some(old) = &old {
                objects.remember(past::of_unit(old, unit, transaction));
            }
        }
        for (key, new) in images.names.values() {
            let old = self.name(key)?;
            if !counted && old.is_some() != new.is_some() {
                plan.totals.count(&key.set, new.is_some());
                plan.totals.seq = position.seq;
            }
            let (before, after) = (old.as_ref().map(|name| &name.holds), new.map(|name| &name.holds));
            if !counted && holds_differ(before, after) {
                move_holds(&mut plan.totals.holds.names, before, after);
                plan.totals.seq = position.seq;
            }
            if let Some(old) = old.as_ref().filter(|old| past::any_ended(&old.holds, after))
                && let Some(unit) = images.unit(self, &old.unit)?
            {
                objects.remember(past::of_name(&unit, old, *new, transaction));
            }
            let entries = |name: &Registration| self.name_entries(name);
            objects.plan_name(key, old.as_ref(), *new, &entries);
            if new.is_none() {
                let entry = keys::removal(key, position.seq);
                objects.index.push(Write { tree: Some(Tree::Removals), key: entry, value: Some(Vec::new()) });
            }
        }
        for (key, new) in images.kept.values() {
            objects.plan_reservation(key, self.reservation(key)?.as_ref(), *new, bundle_of);
        }
        for (id, new) in &images.applications {
            let entries = |image: &Application| filings::application_entries(image, bundle_of);
            objects.move_index(self.application(*id)?.as_ref().map(entries), Some(entries(new)));
            objects.put(Tree::Applications, id.0, &filings::ApplicationV1::from(*new));
        }
        for (id, new) in &images.orders {
            let entries = |image: &Order| filings::order_entries(image, bundle_of);
            objects.move_index(self.order(*id)?.as_ref().map(entries), Some(entries(new)));
            objects.put(Tree::Orders, id.0, &filings::OrderV1::from(*new));
        }
        for (id, new) in &images.remittances {
            let old = self.remittance(*id)?.as_ref().map(filings::remittance_entries);
            objects.move_index(old, Some(filings::remittance_entries(new)));
            objects.put(Tree::Remittances, id.0, &filings::RemittanceV1::from(*new));
        }
        // Written even where comings and goings cancel out: a redo must not count the half of them that is left.
        if plan.totals.seq != self.totals.seq {
            plan.put_meta(meta::TOTALS, &v1::TotalsV1::from(&plan.totals));
        }
        // In any order; sled likes that of its keys.
        objects.index.sort_unstable_by(|a, b| (a.tree, &a.key).cmp(&(b.tree, &b.key)));
        let index_at = plan.writes.len();
        plan.writes.append(&mut objects.index);
        let images_at = plan.writes.len();
        plan.writes.append(&mut objects.images);
        (plan.index, plan.images) = (index_at..images_at, images_at..plan.writes.len());
        for (id, change) in &images.changes {
            plan.put(Tree::Changes, id.to_be_bytes(), &v1::ChangeV1::from(*change));
        }
        if let Some(brake) = images.brake {
            plan.put_meta(meta::BRAKE, &v1::BrakeV1::from(brake));
            plan.brake = brake.clone();
        }
        if !images.noticed.is_empty() {
            plan.noticed.extend(images.noticed.iter().map(|(days, upto)| (*days, (*upto).clone())));
            let noticed = v1::NoticedV1::new(&plan.noticed);
            plan.put_meta(meta::NOTICED, &noticed);
        }
        self.plan_zones(transaction, &images, &mut plan)?;
        self.plan_idempotency(transaction, &mut plan)?;
        plan.put_meta(meta::HEAD, &v1::HeadV1::from(position));
        Ok(plan)
    }

    fn plan_zones(&self, transaction: &Transaction, images: &Images<'_>, plan: &mut Plan) -> Result<(), Unavailable> {
        if transaction.serials.is_empty() && images.digests.is_empty() {
            return Ok(());
        }
        let mut zones: BTreeMap<Box<str>, v1::ZoneV1> = self
            .zones()?
            .into_iter()
            .map(|zone| (zone.apex, v1::ZoneV1 { serial: zone.serial, digest: zone.digest }))
            .collect();
        let mut touched = BTreeSet::new();
        for (apex, serial) in &transaction.serials {
            zones.entry(apex.clone()).or_default().serial = *serial;
            touched.insert(&**apex);
        }
        for (apex, digest) in &images.digests {
            zones.entry((*apex).into()).or_default().digest = *digest;
            touched.insert(*apex);
        }
        for apex in touched {
            plan.put(Tree::Zones, apex, &zones[apex]);
        }
        Ok(())
    }

    /// Remembers the transaction's idempotency key, and forgets a few that have aged.
    fn plan_idempotency(&self, transaction: &Transaction, plan: &mut Plan) -> Result<(), Unavailable> {
        let before = keys::answered_at(Timestamp(transaction.at.0.saturating_sub(ANSWERED_SECS)), 0);
        let aged = self.trees.idempotency_age.range(&[], Some(&before));
        for entry in aged.take(FORGOTTEN_MAX) {
            let (age, key) = entry?;
            // The same key may have been used again since, once it was old enough to be free.
            let current = self.trees.idempotency.get(&key)?;
            let current = current.and_then(|octets| v1::read::<v1::AnsweredV1>(&octets));
            if current.is_none_or(|current| keys::answered_at(Timestamp(current.at), current.seq)[..] == age[..]) {
                plan.writes.push(Write { tree: Some(Tree::Idempotency), key: key.to_vec(), value: None });
            }
            plan.writes.push(Write { tree: Some(Tree::IdempotencyAge), key: age.to_vec(), value: None });
        }
        if let Some((key, digest)) = &transaction.request.key {
            let key = keys::answered(&transaction.actor.principal, key);
            let age = keys::answered_at(transaction.at, transaction.seq);
            plan.writes.push(Write { tree: Some(Tree::IdempotencyAge), key: age, value: Some(key.clone()) });
            let answered = v1::AnsweredV1 { seq: transaction.seq, digest: *digest, at: transaction.at.0 };
            plan.put(Tree::Idempotency, key, &answered);
        }
        Ok(())
    }

    /// Mends what a stop has left of the same writes.
    fn mend(&self, seq: u64, writes: &[Write]) -> Result<(), StoreError> {
        writes.iter().try_for_each(|write| match write.tree {
            Some(tree) => self.trees.of(tree).mend(seq, &write.key),
            None => Ok(()),
        })
    }

    /// Makes writes one after the other; neighbours in one tree, in the order of keys, share the packs they meet in.
    fn execute_in_order(&self, seq: u64, writes: &[Write]) -> Result<(), StoreError> {
        let meet = |one: &Write, other: &Write| one.tree.is_some() && one.tree == other.tree && one.key < other.key;
        writes.chunk_by(meet).try_for_each(|run| self.execute(seq, run))
    }

    /// Makes writes whose order does not matter, in the order of their trees and keys.
    fn execute_in_any_order(&self, seq: u64, writes: &[Write]) -> Result<(), StoreError> {
        if writes.len() < SHARED_MIN {
            return self.execute_in_order(seq, writes);
        }
        let (ours, others) = writes.split_at(self.middle(writes)?);
        std::thread::scope(|scope| {
            let work = || self.execute_in_order(seq, others);
            match std::thread::Builder::new().name("store".into()).spawn_scoped(scope, work) {
                Ok(beside) => {
                    let done = self.execute_in_order(seq, ours);
                    let other = beside.join().unwrap_or_else(|_| Err(failed("a thread that wrote to it panicked")));
                    done.and(other)
                }
                Err(_) => self.execute_in_order(seq, writes),
            }
        })
    }

    /// Where two threads may part `writes`: about the middle, and between two packs.
    fn middle(&self, writes: &[Write]) -> Result<usize, StoreError> {
        let Write { tree, key, .. } = &writes[writes.len() / 2];
        let fence = match tree {
            Some(tree) => self.trees.of(*tree).fence(key).map_err(|error| failed(error.0))?,
            None => key.clone(),
        };
        Ok(writes.partition_point(|write| (write.tree, &write.key) < (*tree, &fence)))
    }

    /// Makes writes to one tree, whose keys ascend, or one write to `meta`.
    pub(super) fn execute(&self, seq: u64, writes: &[Write]) -> Result<(), StoreError> {
        if let [Write { tree: None, key, value }] = writes {
            let done = guarded(|| match value {
                Some(value) => self.trees.meta.insert(key, value.as_slice()),
                None => self.trees.meta.remove(key),
            });
            return done.map_err(failed)?.map_err(failed).map(drop);
        }
        let changes: Vec<_> = writes.iter().map(|write| (write.key.as_slice(), write.value.as_deref())).collect();
        let tree = writes.first().and_then(|write| write.tree);
        tree.map_or(Ok(()), |tree| self.trees.of(tree).write(seq, &changes))
    }
}

impl Used {
    fn note(&mut self, write: &Write) {
        match write.tree {
            Some(Tree::Claims) => self.claims = true,
            Some(Tree::Reservations) => self.reservations = true,
            Some(Tree::Bundles) => self.bundles = true,
            _ => {}
        }
    }
}

impl<'a> Images<'a> {
    fn of(events: &'a [Event]) -> Self {
        let mut images = Self::default();
        for event in events {
            match event {
                Event::Unit(unit) => drop(images.units.insert(&unit.id, unit)),
                Event::Name(name) => images.put_name(&name.key, Some(name)),
                Event::NameRemoved { key, .. } => images.put_name(key, None),
                Event::Change(change) => drop(images.changes.insert(change.id.0, change)),
                Event::Application(new) => drop(images.applications.insert(new.id, new)),
                Event::Order(new) => drop(images.orders.insert(new.id, new)),
                Event::Remittance(new) => drop(images.remittances.insert(new.id, new)),
                Event::Brake(brake) => images.brake = Some(brake),
                Event::VariantsEnded { .. } => {}
                Event::ZoneLoaded { apex, digest } => drop(images.digests.insert(apex, *digest)),
                Event::Reserved(kept) => images.put_kept(&kept.key, Some(kept)),
                Event::ReservationEnded { key } => images.put_kept(key, None),
                Event::Noticed(noticed) => drop(images.noticed.insert(noticed.days, &noticed.upto)),
                // It has no image; the outbox reads it from the journal.
                Event::Notice(_) | Event::SiteNotice(_) => {}
            }
        }
        images
    }

    /// The unit as the transaction leaves it.
    fn unit(&self, store: &Store, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        self.units.get(id).map_or_else(|| store.unit(id), |unit| Ok(Some((*unit).clone())))
    }

    fn put_name(&mut self, key: &'a NameKey, image: Option<&'a Registration>) {
        self.names.insert((&key.set, key.label.as_ascii()), (key, image));
    }

    fn put_kept(&mut self, key: &'a NameKey, image: Option<&'a Reservation>) {
        self.kept.insert((&key.set, key.label.as_ascii()), (key, image));
    }
}

impl Plan {
    fn put<T: serde::Serialize>(&mut self, tree: Tree, key: impl AsRef<[u8]>, value: &T) {
        self.writes.push(Write { tree: Some(tree), key: key.as_ref().to_vec(), value: Some(v1::write(value)) });
    }

    fn put_meta<T: serde::Serialize>(&mut self, key: &str, value: &T) {
        self.writes.push(Write { tree: None, key: key.into(), value: Some(v1::write(value)) });
    }
}

impl Trees {
    pub(super) fn of(&self, tree: Tree) -> &Packs {
        match tree {
            Tree::Units => &self.units,
            Tree::Names => &self.names,
            Tree::NamesByUnit => &self.names_by_unit,
            Tree::Bundles => &self.bundles,
            Tree::KeptBundles => &self.kept_bundles,
            Tree::Expiring => &self.expiring,
            Tree::Expired => &self.expired,
            Tree::Leaving => &self.leaving,
            Tree::Reservations => &self.reservations,
            Tree::Due => &self.due,
            Tree::Changes => &self.changes,
            Tree::Applications => &self.applications,
            Tree::Orders => &self.orders,
            Tree::Remittances => &self.remittances,
            Tree::Filings => &self.filings,
            Tree::Claims => &self.claims,
            Tree::Accounts => &self.accounts,
            Tree::SiteReviews => &self.site_reviews,
            Tree::Removals => &self.removals,
            Tree::PastHolds => &self.past_holds,
            Tree::Zones => &self.zones,
            Tree::Idempotency => &self.idempotency,
            Tree::IdempotencyAge => &self.idempotency_age,
        }
    }
}

/// Index entries of an object.
type Entries = Vec<(Tree, Vec<u8>)>;

/// What the units and names of a transaction write.
#[derive(Default)]
struct Objects {
    index: Vec<Write>,
    images: Vec<Write>,
}

impl Objects {
    fn plan_unit(&mut self, id: &UnitId, old: Option<&Unit>, new: &Unit) {
        let index = |unit: &Unit| due_of_unit(unit).map(|at| Due { at, kind: DueKind::UnitHold(unit.id.clone()) });
        let account = |unit: &Unit| unit.account.map(|account| filings::account(account, Some(&unit.id)));
        let entries = |unit: &Unit| {
            let due = index(unit).map(|due| (Tree::Due, keys::due(&due)));
            let account = account(unit).map(|key| (Tree::Accounts, key));
            due.into_iter().chain(account).chain(site_reviews::entries(unit)).collect()
        };
        self.move_index(old.map(entries), Some(entries(new)));
        let value = Some(v1::write(&v1::UnitV1::from(new)));
        self.images.push(Write { tree: Some(Tree::Units), key: id.as_str().into(), value });
    }

    fn put<T: serde::Serialize>(&mut self, tree: Tree, id: u64, value: &T) {
        self.images.push(Write { tree: Some(tree), key: id.to_be_bytes().into(), value: Some(v1::write(value)) });
    }

    fn plan_name(
        &mut self,
        key: &NameKey,
        old: Option<&Registration>,
        new: Option<&Registration>,
        entries: &dyn Fn(&Registration) -> Entries,
    ) {
        self.move_index(old.map(entries), new.map(entries));
        let value = new.map(|name| v1::write(&v1::NameV1::from(name)));
        self.images.push(Write { tree: Some(Tree::Names), key: keys::name(key), value });
    }

    /// Remembers holds that ended.
    fn remember(&mut self, ended: Vec<(Vec<u8>, Vec<u8>)>) {
        self.index.extend(ended.into_iter().map(|(key, value)| Write {
            tree: Some(Tree::PastHolds),
            key,
            value: Some(value),
        }));
    }

    fn plan_reservation(
        &mut self,
        key: &NameKey,
        old: Option<&Reservation>,
        new: Option<&Reservation>,
        bundle_of: BundleOf<'_>,
    ) {
        let entries = |kept: &Reservation| {
            let due = Due { at: kept.until, kind: DueKind::Reservation(kept.key.clone()) };
            let package = keys::bundle(&bundle_of(&kept.key.label), &kept.key);
            vec![(Tree::Due, keys::due(&due)), (Tree::KeptBundles, package)]
        };
        self.move_index(old.map(entries), new.map(entries));
        let value = new.map(|kept| v1::write(&v1::ReservationV1::from(kept)));
        self.images.push(Write { tree: Some(Tree::Reservations), key: keys::name(key), value });
    }

    /// Takes away the entries that only the old image has, and adds those that only the new one has.
    fn move_index(&mut self, old: Option<Entries>, new: Option<Entries>) {
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        let gone = old.iter().filter(|entry| !new.contains(entry)).cloned();
        self.index.extend(gone.map(|(tree, key)| Write { tree: Some(tree), key, value: None }));
        let come = new.into_iter().filter(|entry| !old.contains(entry));
        self.index.extend(come.map(|(tree, key)| Write { tree: Some(tree), key, value: Some(Vec::new()) }));
    }
}

impl Store {
    /// The index entries of a registration.
    fn name_entries(&self, name: &Registration) -> Entries {
        let hold = due_of_name(name).map(|at| Due { at, kind: DueKind::NameHold(name.key.clone()) });
        let leaving = due_of_leaving(name).map(|at| Due { at, kind: DueKind::Leaving(name.key.clone()) });
        let by_expiry = match (due_of_expiry(name), &leaving) {
            (Some(_), _) => Tree::Expiring,
            (None, None) => Tree::Expired,
            (None, Some(_)) => Tree::Leaving,
        };
        let mut entries = vec![
            (Tree::NamesByUnit, keys::name_by_unit(&name.unit, &name.key)),
            (by_expiry, keys::name_by_expiry(name.expires, &name.key)),
        ];
        entries.extend(self.bundle_keys(name).into_iter().map(|key| (Tree::Bundles, key)));
        entries.extend(hold.into_iter().chain(leaving).map(|due| (Tree::Due, keys::due(&due))));
        entries
    }
}
