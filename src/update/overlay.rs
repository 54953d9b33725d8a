//! The state as it will be once the group being decided is durable: its images over the store's.

use crate::idn::{Bundle, Label};
use crate::registry::life::Ends;
use crate::registry::state::{bundles_of, due_of_expiry, due_of_leaving, due_of_name, due_of_unit, is_expired_only};
use crate::registry::{
    Account, Application, ApplicationId, Brake, Change, ChangeId, Claim, Due, DueKind, Event, Filed, NameKey, Order,
    OrderId, Outline, Registration, Remittance, RemittanceId, Reservation, SetTotals, State, TermEnd, Timestamp,
    Unavailable, Unit, UnitId, VisitName,
};
use foldhash::quality::RandomState;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// Most names, and most units, of the base that are remembered: the end of a hold on a unit with ten thousand names looks at each three times, and
/// each may have to come from the disk.
const SEEN_MAX: usize = 16_384;

/// A state with the events of some transactions applied on top.
pub struct Overlay<'a> {
    base: &'a dyn State,
    seen_units: Seen<UnitId, Unit>,
    seen_names: Seen<NameKey, Registration>,
    units: BTreeMap<UnitId, Unit>,
    /// None: removed.
    names: BTreeMap<NameKey, Option<Registration>>,
    /// The names in `names` that are registered, by unit.
    members: BTreeMap<UnitId, BTreeSet<NameKey>>,
    /// The same by the bundles of their labels.
    bundles: BTreeMap<(Arc<str>, Bundle), BTreeSet<NameKey>>,
    changes: BTreeMap<ChangeId, Change>,
    filings: Filed,
    /// How many names each set has more than in the base.
    grown: BTreeMap<Arc<str>, i64>,
    brake: Option<Brake>,
    /// None: kept no longer.
    kept: BTreeMap<NameKey, Option<Reservation>>,
    noticed: BTreeMap<i32, TermEnd>,
}

impl<'a> Overlay<'a> {
    /// The state `base`, with nothing on top.
    pub fn new(base: &'a dyn State) -> Self {
        Self {
            base,
            seen_units: Seen::default(),
            seen_names: Seen::default(),
            units: BTreeMap::new(),
            names: BTreeMap::new(),
            members: BTreeMap::new(),
            bundles: BTreeMap::new(),
            changes: BTreeMap::new(),
            filings: Filed::default(),
            grown: BTreeMap::new(),
            brake: None,
            kept: BTreeMap::new(),
            noticed: BTreeMap::new(),
        }
    }

    /// Puts an event on top.
    ///
    /// # Errors
    /// [`Unavailable`] if the base cannot be read; nothing has changed then.
    pub fn apply(&mut self, event: &Event) -> Result<(), Unavailable> {
        match event {
            Event::Unit(unit) => {
                self.filings.note_account(unit);
                self.units.insert(unit.id.clone(), unit.clone());
            }
            Event::Name(name) => {
                self.leave(&name.key, 1)?;
                self.members.entry(name.unit.clone()).or_default().insert(name.key.clone());
                self.leave_bundles(&name.key);
                for bundle in bundles_of(name, &|label| self.bundle_of(label)) {
                    self.bundles.entry((Arc::clone(&name.key.set), bundle)).or_default().insert(name.key.clone());
                }
                self.names.insert(name.key.clone(), Some(name.clone()));
            }
            Event::NameRemoved { key, .. } => {
                self.leave(key, 0)?;
                self.leave_bundles(key);
                self.names.insert(key.clone(), None);
            }
            Event::Change(change) => drop(self.changes.insert(change.id, change.clone())),
            Event::Brake(brake) => self.brake = Some(brake.clone()),
            Event::Reserved(kept) => drop(self.kept.insert(kept.key.clone(), Some(kept.clone()))),
            Event::ReservationEnded { key } => drop(self.kept.insert(key.clone(), None)),
            Event::Noticed(noticed) => drop(self.noticed.insert(noticed.days, noticed.upto.clone())),
            Event::VariantsEnded { .. } | Event::ZoneLoaded { .. } | Event::Notice(_) | Event::SiteNotice(_) => {}
            Event::Application(_) | Event::Order(_) | Event::Remittance(_) => self.filings.apply(self.base, event)?,
        }
        Ok(())
    }

    /// Takes the name from the unit that has it so far (R6: it may get another), and counts `now` names in its place.
    fn leave(&mut self, key: &NameKey, now: i64) -> Result<(), Unavailable> {
        let old = self.name(key)?;
        *self.grown.entry(Arc::clone(&key.set)).or_default() += now - i64::from(old.is_some());
        if let Some(members) = old.and_then(|old| self.members.get_mut(&old.unit)) {
            members.remove(key);
        }
        Ok(())
    }

    /// Takes the image that is on top of this name, if one is, out of the bundles.
    fn leave_bundles(&mut self, key: &NameKey) {
        if self.bundles.is_empty() {
            return;
        }
        let Some(Some(old)) = self.names.get(key) else { return };
        for bundle in bundles_of(old, &|label| self.base.bundle_of(label)) {
            if let Some(members) = self.bundles.get_mut(&(Arc::clone(&key.set), bundle)) {
                members.remove(key);
            }
        }
    }

    /// The outline of a name in `members`.
    fn outline_on_top(&self, key: &NameKey) -> Outline {
        self.names.get(key).and_then(Option::as_ref).map_or(Outline::More, Registration::outline)
    }

    /// The earliest that any image on top falls due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.dues().map(|due| due.at).min()
    }

    /// Everything that the images on top have in the schedule, in no order.
    fn dues(&self) -> impl Iterator<Item = Due> {
        let units = self.units.values().filter_map(|unit| {
            let at = due_of_unit(unit)?;
            Some(Due { at, kind: DueKind::UnitHold(unit.id.clone()) })
        });
        let names = self.names.values().flatten().flat_map(|name| {
            let hold = due_of_name(name).map(|at| Due { at, kind: DueKind::NameHold(name.key.clone()) });
            let expiry = due_of_expiry(name).map(|at| Due { at, kind: DueKind::Expiry(name.key.clone()) });
            let leaving = due_of_leaving(name).map(|at| Due { at, kind: DueKind::Leaving(name.key.clone()) });
            hold.into_iter().chain(expiry).chain(leaving)
        });
        let kept = self.kept.values().flatten();
        let kept = kept.map(|kept| Due { at: kept.until, kind: DueKind::Reservation(kept.key.clone()) });
        units.chain(names).chain(kept)
    }

    /// Whether an image on top takes the place of what `due` is about.
    fn covers(&self, due: &Due) -> bool {
        match &due.kind {
            DueKind::UnitHold(id) => self.units.contains_key(id),
            DueKind::NameHold(key) | DueKind::Expiry(key) | DueKind::Leaving(key) => self.names.contains_key(key),
            DueKind::Reservation(key) => self.kept.contains_key(key),
        }
    }
}

impl State for Overlay<'_> {
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        match self.units.get(id) {
            Some(unit) => Ok(Some(unit.clone())),
            None => self.seen_units.get(id, || self.base.unit(id)),
        }
    }

    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
        match self.names.get(key) {
            Some(name) => Ok(name.clone()),
            None => self.seen_names.get(key, || self.base.name(key)),
        }
    }

    fn change(&self, id: ChangeId) -> Result<Option<Change>, Unavailable> {
        match self.changes.get(&id) {
            Some(change) => Ok(Some(change.clone())),
            None => self.base.change(id),
        }
    }

    fn application(&self, id: ApplicationId) -> Result<Option<Application>, Unavailable> {
        self.filings.application(self.base, id)
    }

    fn order(&self, id: OrderId) -> Result<Option<Order>, Unavailable> {
        self.filings.order(self.base, id)
    }

    fn remittance(&self, id: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        self.filings.remittance(self.base, id)
    }

    fn last_filing(&self) -> Result<u64, Unavailable> {
        self.filings.last(self.base)
    }

    fn claim(&self, name: &NameKey) -> Result<Option<Claim>, Unavailable> {
        self.filings.claim(self.base, name)
    }

    fn account(&self, account: Account) -> Result<Option<UnitId>, Unavailable> {
        self.filings.account(self.base, account)
    }

    fn invoiced(&self, invoice: &str, visit: &mut dyn FnMut(OrderId) -> bool) -> Result<(), Unavailable> {
        self.filings.invoiced(self.base, invoice, visit)
    }

    fn names_of(&self, unit: &UnitId, visit: &mut VisitName<'_>) -> Result<(), Unavailable> {
        let mut on_top = self.members.get(unit).into_iter().flatten().peekable();
        let mut going = true;
        self.base.names_of(unit, &mut |key, outline| {
            while let Some(earlier) = on_top.next_if(|top| *top < key) {
                going = going && visit(earlier, self.outline_on_top(earlier));
            }
            going = going && (self.names.contains_key(key) || visit(key, outline));
            going
        })?;
        for key in on_top {
            going = going && visit(key, self.outline_on_top(key));
        }
        Ok(())
    }

    fn filings_of(&self, unit: &UnitId, visit: &mut dyn FnMut(Claim) -> bool) -> Result<(), Unavailable> {
        self.filings.of_unit(self.base, unit, visit)
    }

    fn bundle_of(&self, label: &Label) -> Bundle {
        self.base.bundle_of(label)
    }

    fn same_bundle(&self, key: &NameKey, visit: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        let package = || (Arc::clone(&key.set), self.bundle_of(&key.label));
        let on_top = if self.bundles.is_empty() { None } else { self.bundles.get(&package()) };
        let mut others: BTreeSet<NameKey> =
            on_top.into_iter().flatten().filter(|other| *other != key).cloned().collect();
        // There is none or one, but after a change of the table.
        self.base.same_bundle(key, &mut |other| {
            if !self.names.contains_key(other) {
                others.insert(other.clone());
            }
            true
        })?;
        let _ = others.iter().all(visit);
        Ok(())
    }

    fn due(&self, now: Timestamp, visit: &mut dyn FnMut(&Due) -> bool) -> Result<(), Unavailable> {
        let on_top: BTreeSet<Due> = self.dues().filter(|due| due.at <= now).collect();
        let mut on_top = on_top.iter().peekable();
        let mut going = true;
        self.base.due(now, &mut |due| {
            while let Some(earlier) = on_top.next_if(|top| *top < due) {
                going = going && visit(earlier);
            }
            going = going && (self.covers(due) || visit(due));
            going
        })?;
        for due in on_top {
            going = going && visit(due);
        }
        Ok(())
    }

    fn ends(
        &self,
        which: Ends,
        after: &TermEnd,
        until: Timestamp,
        visit: &mut dyn FnMut(&TermEnd) -> bool,
    ) -> Result<(), Unavailable> {
        let names = self.names.values().flatten().filter(|name| which == Ends::All || is_expired_only(name));
        let ends = names.map(|name| TermEnd { at: name.expires, key: Some(name.key.clone()) });
        let on_top: BTreeSet<TermEnd> = ends.filter(|end| end > after && end.at <= until).collect();
        let mut on_top = on_top.iter().peekable();
        let mut going = true;
        self.base.ends(which, after, until, &mut |end| {
            while let Some(earlier) = on_top.next_if(|top| *top < end) {
                going = going && visit(earlier);
            }
            let covered = end.key.as_ref().is_some_and(|key| self.names.contains_key(key));
            going = going && (covered || visit(end));
            going
        })?;
        for end in on_top {
            going = going && visit(end);
        }
        Ok(())
    }

    fn reservation(&self, key: &NameKey) -> Result<Option<Reservation>, Unavailable> {
        self.kept.get(key).map_or_else(|| self.base.reservation(key), |kept| Ok(kept.clone()))
    }

    fn kept_in_bundle(&self, key: &NameKey) -> Result<Vec<Reservation>, Unavailable> {
        let mut all = self.base.kept_in_bundle(key)?;
        if self.kept.is_empty() {
            return Ok(all);
        }
        all.retain(|kept| !self.kept.contains_key(&kept.key));
        let package = (&key.set, self.bundle_of(&key.label));
        let same = |kept: &&Reservation| (&kept.key.set, self.bundle_of(&kept.key.label)) == package;
        all.extend(self.kept.values().flatten().filter(same).cloned());
        Ok(all)
    }

    fn noticed(&self) -> Result<BTreeMap<i32, TermEnd>, Unavailable> {
        let mut noticed = self.base.noticed()?;
        noticed.extend(self.noticed.clone());
        Ok(noticed)
    }

    fn totals(&self, set: &Arc<str>) -> Result<SetTotals, Unavailable> {
        let base = self.base.totals(set)?;
        let grown = self.grown.get(set).copied().unwrap_or(0);
        Ok(SetTotals { names: base.names.saturating_add_signed(grown) })
    }

    fn brake(&self) -> Result<Brake, Unavailable> {
        match &self.brake {
            Some(brake) => Ok(brake.clone()),
            None => self.base.brake(),
        }
    }
}

/// What was read of the base, which does not change meanwhile. Deciding and publishing a command ask for the same few
/// objects again and again, and the store decodes them each time.
struct Seen<K, V>(RefCell<HashMap<K, Option<V>, RandomState>>);

impl<K: Clone + Eq + Hash, V: Clone> Seen<K, V> {
    /// The object, through `read` if it was not read before.
    fn get(&self, key: &K, read: impl FnOnce() -> Result<Option<V>, Unavailable>) -> Result<Option<V>, Unavailable> {
        if let Some(seen) = self.0.borrow().get(key) {
            return Ok(seen.clone());
        }
        let object = read()?;
        let mut seen = self.0.borrow_mut();
        if seen.len() < SEEN_MAX {
            seen.insert(key.clone(), object.clone());
        }
        Ok(object)
    }
}

impl<K, V> Default for Seen<K, V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

#[cfg(test)]
mod tests;
