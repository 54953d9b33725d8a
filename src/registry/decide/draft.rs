//! The state as the earlier parts of one command leave it: of a batch, each line is decided after those before it.

use crate::registry::life::Ends;
use crate::registry::state::Unavailable;
use crate::registry::{
    Account, Application, ApplicationId, Brake, Change, ChangeId, Claim, Due, NameKey, Order, OrderId, Registration,
    Remittance, RemittanceId, Reservation, SetTotals, State, TermEnd, Timestamp, Unit, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Units and names on top of a state.
pub(super) struct Draft<'a> {
    pub(super) base: &'a dyn State,
    pub(super) units: BTreeMap<UnitId, Unit>,
    pub(super) names: BTreeMap<NameKey, Registration>,
    accounts: BTreeMap<Account, UnitId>,
}

impl<'a> Draft<'a> {
    /// The state `base`, with nothing on top.
    pub(super) fn new(base: &'a dyn State) -> Self {
        Self { base, units: BTreeMap::new(), names: BTreeMap::new(), accounts: BTreeMap::new() }
    }

    pub(super) fn put_unit(&mut self, unit: Unit) {
        self.accounts.extend(unit.account.map(|account| (account, unit.id.clone())));
        self.units.insert(unit.id.clone(), unit);
    }

    pub(super) fn put_name(&mut self, name: Registration) {
        self.names.insert(name.key.clone(), name);
    }
}

impl State for Draft<'_> {
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        self.units.get(id).map_or_else(|| self.base.unit(id), |unit| Ok(Some(unit.clone())))
    }

    fn account(&self, account: Account) -> Result<Option<UnitId>, Unavailable> {
        self.accounts.get(&account).map_or_else(|| self.base.account(account), |unit| Ok(Some(unit.clone())))
    }

    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
        self.names.get(key).map_or_else(|| self.base.name(key), |name| Ok(Some(name.clone())))
    }

    fn change(&self, id: ChangeId) -> Result<Option<Change>, Unavailable> {
        self.base.change(id)
    }

    fn application(&self, id: ApplicationId) -> Result<Option<Application>, Unavailable> {
        self.base.application(id)
    }

    fn order(&self, id: OrderId) -> Result<Option<Order>, Unavailable> {
        self.base.order(id)
    }

    fn remittance(&self, id: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        self.base.remittance(id)
    }

    fn claim(&self, name: &NameKey) -> Result<Option<Claim>, Unavailable> {
        self.base.claim(name)
    }

    fn names_of(&self, unit: &UnitId, visit: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        let mut keys: BTreeSet<NameKey> =
            self.names.values().filter(|name| name.unit == *unit).map(|name| name.key.clone()).collect();
        self.base.names_of(unit, &mut |key| {
            keys.insert(key.clone());
            true
        })?;
        // The loop ends where the visitor says so; what it answered last does not matter.
        let _ = keys.iter().all(visit);
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
        self.base.reservation(key)
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
