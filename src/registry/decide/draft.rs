//! The state as the earlier parts of one command leave it: of a batch, each line is decided after those before it.

use crate::idn::{Bundle, Label};
use crate::registry::life::Ends;
use crate::registry::state::{Unavailable, bundles_of};
use crate::registry::{
    Account, Application, ApplicationId, Brake, Change, ChangeId, Claim, Due, Event, Filed, NameKey, Order, OrderId,
    Outline, Registration, Remittance, RemittanceId, Reservation, SetTotals, State, TermEnd, Timestamp, Unit, UnitId,
    VisitName,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Units and names on top of a state.
pub(super) struct Draft<'a> {
    pub(super) base: &'a dyn State,
    pub(super) units: BTreeMap<UnitId, Unit>,
    pub(super) names: BTreeMap<NameKey, Registration>,
    pub(super) kept: BTreeMap<NameKey, Reservation>,
    pub(super) filings: Filed,
    /// The names in `names` by the bundles of their labels.
    bundles: BTreeMap<(Arc<str>, Bundle), BTreeSet<NameKey>>,
}

impl<'a> Draft<'a> {
    /// The state `base`, with nothing on top.
    pub(super) fn new(base: &'a dyn State) -> Self {
        Self {
            base,
            units: BTreeMap::new(),
            names: BTreeMap::new(),
            kept: BTreeMap::new(),
            filings: Filed::default(),
            bundles: BTreeMap::new(),
        }
    }

    pub(super) fn put_unit(&mut self, unit: Unit) {
        self.filings.note_account(&unit);
        self.units.insert(unit.id.clone(), unit);
    }

    /// Puts an application, an order or a remittance on top; other events have their own ways.
    pub(super) fn put_filing(&mut self, event: &Event) -> Result<(), Unavailable> {
        self.filings.apply(self.base, event)
    }

    pub(super) fn put_name(&mut self, name: Registration) {
        // A bundle that an earlier image had, and this one has not, does no harm: the image says what counts.
        for bundle in bundles_of(&name, &|label| self.base.bundle_of(label)) {
            self.bundles.entry((name.key.set.clone(), bundle)).or_default().insert(name.key.clone());
        }
        self.names.insert(name.key.clone(), name);
    }
}

impl State for Draft<'_> {
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        self.units.get(id).map_or_else(|| self.base.unit(id), |unit| Ok(Some(unit.clone())))
    }

    fn account(&self, account: Account) -> Result<Option<UnitId>, Unavailable> {
        self.filings.account(self.base, account)
    }

    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
        self.names.get(key).map_or_else(|| self.base.name(key), |name| Ok(Some(name.clone())))
    }

    fn change(&self, id: ChangeId) -> Result<Option<Change>, Unavailable> {
        self.base.change(id)
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

    fn invoiced(&self, invoice: &str, visit: &mut dyn FnMut(OrderId) -> bool) -> Result<(), Unavailable> {
        self.filings.invoiced(self.base, invoice, visit)
    }

    fn names_of(&self, unit: &UnitId, visit: &mut VisitName<'_>) -> Result<(), Unavailable> {
        let own = self.names.values().filter(|name| name.unit == *unit);
        let mut outlines: BTreeMap<NameKey, Outline> = own.map(|name| (name.key.clone(), name.outline())).collect();
        self.base.names_of(unit, &mut |key, outline| {
            outlines.entry(key.clone()).or_insert(outline);
            true
        })?;
        // The loop ends where the visitor says so; what it answered last does not matter.
        let _ = outlines.iter().all(|(key, outline)| visit(key, *outline));
        Ok(())
    }

    fn filings_of(&self, unit: &UnitId, visit: &mut dyn FnMut(Claim) -> bool) -> Result<(), Unavailable> {
        self.filings.of_unit(self.base, unit, visit)
    }

    fn bundle_of(&self, label: &Label) -> Bundle {
        self.base.bundle_of(label)
    }

    fn same_bundle(&self, key: &NameKey, visit: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        let package = || (key.set.clone(), self.bundle_of(&key.label));
        let own = if self.bundles.is_empty() { None } else { self.bundles.get(&package()) };
        let mut others: BTreeSet<NameKey> = own.into_iter().flatten().filter(|other| *other != key).cloned().collect();
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
        self.base.due(now, visit)
    }

    fn ends(
        &self,
        which: Ends,
        after: &TermEnd,
        until: Timestamp,
        visit: &mut dyn FnMut(&TermEnd) -> bool,
    ) -> Result<(), Unavailable> {
        self.base.ends(which, after, until, visit)
    }

    fn reservation(&self, key: &NameKey) -> Result<Option<Reservation>, Unavailable> {
        self.kept.get(key).map_or_else(|| self.base.reservation(key), |kept| Ok(Some(kept.clone())))
    }

    fn kept_in_bundle(&self, key: &NameKey) -> Result<Vec<Reservation>, Unavailable> {
        let package = (key.set.clone(), self.bundle_of(&key.label));
        let same = |kept: &&Reservation| (kept.key.set.clone(), self.bundle_of(&kept.key.label)) == package;
        let mut all: Vec<Reservation> = self.kept.values().filter(same).cloned().collect();
        all.extend(self.base.kept_in_bundle(key)?.into_iter().filter(|kept| !self.kept.contains_key(&kept.key)));
        Ok(all)
    }

    fn noticed(&self) -> Result<BTreeMap<i32, TermEnd>, Unavailable> {
        self.base.noticed()
    }

    fn totals(&self, set: &Arc<str>) -> Result<SetTotals, Unavailable> {
        self.base.totals(set)
    }

    fn brake(&self) -> Result<Brake, Unavailable> {
        self.base.brake()
    }
}
