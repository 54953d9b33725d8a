//! Applying a transaction: what it changes in which tree, put into the layers over them; see `batch` for how that gets into sled.

use super::filings::BundleOf;
use super::totals::{Totals, holds_differ, move_holds};
use super::trees::Tree;
use super::{ANSWERED_SECS, Store, StoreError, Used, filings, keys, meta, past, site_reviews, v1};
use crate::registry::state::{due_of_expiry, due_of_leaving, due_of_name, due_of_unit};
use crate::registry::{
    Application, ApplicationId, Brake, Change, Due, DueKind, Event, NameKey, Order, OrderId, Position, Registration,
    Remittance, RemittanceId, Reservation, State, TermEnd, Timestamp, Transaction, Unavailable, Unit, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};

/// Most aged idempotency keys forgotten with one that brings a new one: more than that one, so they never pile up, and
/// few enough that no transaction waits for them.
const FORGOTTEN_MAX: usize = 8;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Write {
    /// Nothing is `meta`.
    tree: Option<Tree>,
    key: Vec<u8>,
    /// The new value; nothing removes the key.
    value: Option<Vec<u8>>,
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
struct Plan {
    writes: Vec<Write>,
    totals: Totals,
    brake: Brake,
    noticed: BTreeMap<i32, TermEnd>,
}

impl Store {
    /// Applies a transaction; doing it again changes nothing. Sooner or later it is written to sled: see [`Store::flush`].
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
        let plan = self.plan(transaction).map_err(|error| StoreError::Damaged(error.0))?;
        for Write { tree, key, value } in plan.writes {
            self.used.note(tree);
            match (tree, value) {
                (Some(tree), value) => self.unwritten.octets += self.trees[tree].put(key, value),
                (None, Some(value)) => drop(self.unwritten.metas.insert(key, value)),
                (None, None) => {}
            }
        }
        self.totals = plan.totals;
        self.brake = plan.brake;
        self.noticed = plan.noticed;
        self.position = position;
        self.keep_up()
    }

    /// What applying a transaction does.
    fn plan(&self, transaction: &Transaction) -> Result<Plan, Unavailable> {
        let images = Images::of(&transaction.events);
        let mut plan = Plan {
            writes: Vec::new(),
            totals: self.totals.clone(),
            brake: self.brake.clone(),
            noticed: self.noticed.clone(),
        };
        let mut objects = Objects::default();
        let bundle_of: BundleOf<'_> = &|label| self.bundle(label);
        for (id, unit) in &images.units {
            let old = self.unit(id)?;
            let (before, after) = (old.as_ref().map(|unit| &unit.holds), Some(&unit.holds));
            if holds_differ(before, after) {
                move_holds(&mut plan.totals.holds.units, before, after);
            }
            objects.plan_unit(id, old.as_ref(), unit);
            if let Some(old) = &old {
                objects.remember(past::of_unit(old, unit, transaction));
            }
        }
        for (key, new) in images.names.values() {
            let old = self.name(key)?;
            if old.is_some() != new.is_some() {
                plan.totals.count(&key.set, new.is_some());
            }
            let (before, after) = (old.as_ref().map(|name| &name.holds), new.map(|name| &name.holds));
            if holds_differ(before, after) {
                move_holds(&mut plan.totals.holds.names, before, after);
            }
            if let Some(old) = old.as_ref().filter(|old| past::any_ended(&old.holds, after))
                && let Some(unit) = images.unit(self, &old.unit)?
            {
                objects.remember(past::of_name(&unit, old, *new, transaction));
            }
            let entries = |name: &Registration| self.name_entries(name);
            objects.plan_name(key, old.as_ref(), *new, &entries);
            if new.is_none() {
                let entry = keys::removal(key, transaction.seq);
                objects.writes.push(Write { tree: Some(Tree::Removals), key: entry, value: Some(Vec::new()) });
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
        if plan.totals != self.totals {
            plan.put_meta(meta::TOTALS, &v1::TotalsV1::from(&plan.totals));
        }
        plan.writes.append(&mut objects.writes);
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

    /// Remembers the transaction's idempotency key, if it has one, and then forgets a few that have aged: who brings none need not
    /// look for them.
    fn plan_idempotency(&self, transaction: &Transaction, plan: &mut Plan) -> Result<(), Unavailable> {
        let Some((key, digest)) = &transaction.request.key else { return Ok(()) };
        let before = keys::answered_at(Timestamp(transaction.at.0.saturating_sub(ANSWERED_SECS)), 0);
        let aged = self.trees[Tree::IdempotencyAge].range(&[], Some(&before));
        for entry in aged.take(FORGOTTEN_MAX) {
            let (age, key) = entry?;
            // The same key may have been used again since, once it was old enough to be free.
            let current = self.trees[Tree::Idempotency].get(&key)?;
            let current = current.and_then(|octets| v1::read::<v1::AnsweredV1>(&octets));
            if current.is_none_or(|current| keys::answered_at(Timestamp(current.at), current.seq)[..] == age[..]) {
                plan.writes.push(Write { tree: Some(Tree::Idempotency), key: key.to_vec(), value: None });
            }
            plan.writes.push(Write { tree: Some(Tree::IdempotencyAge), key: age.to_vec(), value: None });
        }
        let key = keys::answered(&transaction.actor.principal, key);
        let age = keys::answered_at(transaction.at, transaction.seq);
        plan.writes.push(Write { tree: Some(Tree::IdempotencyAge), key: age, value: Some(key.clone()) });
        let answered = v1::AnsweredV1 { seq: transaction.seq, digest: *digest, at: transaction.at.0 };
        plan.put(Tree::Idempotency, key, &answered);
        Ok(())
    }
}

impl Used {
    fn note(&mut self, tree: Option<Tree>) {
        match tree {
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

/// Index entries of an object.
type Entries = Vec<(Tree, Vec<u8>)>;

/// What the units and names of a transaction write.
#[derive(Default)]
struct Objects {
    writes: Vec<Write>,
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
        self.writes.push(Write { tree: Some(Tree::Units), key: id.as_str().into(), value });
    }

    fn put<T: serde::Serialize>(&mut self, tree: Tree, id: u64, value: &T) {
        self.writes.push(Write { tree: Some(tree), key: id.to_be_bytes().into(), value: Some(v1::write(value)) });
    }

    fn plan_name(
        &mut self,
        key: &NameKey,
        old: Option<&Registration>,
        new: Option<&Registration>,
        entries: &dyn Fn(&Registration) -> Entries,
    ) {
        self.move_index(old.map(entries), new.map(entries));
        self.move_outline(old, new);
        let value = new.map(|name| v1::write(&v1::NameV1::from(name)));
        self.writes.push(Write { tree: Some(Tree::Names), key: keys::name(key), value });
    }

    /// Brings the index of a unit's names up to date.
    fn move_outline(&mut self, old: Option<&Registration>, new: Option<&Registration>) {
        let same_unit = |old: &&Registration| new.is_some_and(|new| new.unit == old.unit);
        let (tree, key) = (Some(Tree::NamesByUnit), |name: &Registration| keys::name_by_unit(&name.unit, &name.key));
        if let Some(gone) = old.filter(|old| !same_unit(old)) {
            self.writes.push(Write { tree, key: key(gone), value: None });
        }
        let same = |new: &&Registration| old.is_some_and(|old| old.unit == new.unit && old.outline() == new.outline());
        if let Some(new) = new.filter(|new| !same(new)) {
            self.writes.push(Write { tree, key: key(new), value: Some(v1::write_outline(new.outline())) });
        }
    }

    /// Remembers holds that ended.
    fn remember(&mut self, ended: Vec<(Vec<u8>, Vec<u8>)>) {
        self.writes.extend(ended.into_iter().map(|(key, value)| Write {
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
        self.writes.push(Write { tree: Some(Tree::Reservations), key: keys::name(key), value });
    }

    /// Takes away the entries that only the old image has, and adds those that only the new one has.
    fn move_index(&mut self, old: Option<Entries>, new: Option<Entries>) {
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        let gone = old.iter().filter(|entry| !new.contains(entry)).cloned();
        self.writes.extend(gone.map(|(tree, key)| Write { tree: Some(tree), key, value: None }));
        let come = new.into_iter().filter(|entry| !old.contains(entry));
        self.writes.extend(come.map(|(tree, key)| Write { tree: Some(tree), key, value: Some(Vec::new()) }));
    }
}

impl Store {
    /// The index entries of a registration, but for that of its unit.
    fn name_entries(&self, name: &Registration) -> Entries {
        let hold = due_of_name(name).map(|at| Due { at, kind: DueKind::NameHold(name.key.clone()) });
        let leaving = due_of_leaving(name).map(|at| Due { at, kind: DueKind::Leaving(name.key.clone()) });
        let by_expiry = match (due_of_expiry(name), &leaving) {
            (Some(_), _) => Tree::Expiring,
            (None, None) => Tree::Expired,
            (None, Some(_)) => Tree::Leaving,
        };
        let mut entries = vec![(by_expiry, keys::name_by_expiry(name.expires, &name.key))];
        entries.extend(self.bundle_keys(name).into_iter().map(|key| (Tree::Bundles, key)));
        entries.extend(hold.into_iter().chain(leaving).map(|due| (Tree::Due, keys::due(&due))));
        entries
    }
}
