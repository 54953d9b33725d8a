//! Applications, orders and remittances on top of a state, with the claims and account numbers that follow from them.

use crate::registry::{
    Account, Application, ApplicationId, Claim, Event, NameKey, Order, OrderId, Remittance, RemittanceId, State,
    Unavailable, Unit, UnitId,
};
use std::collections::{BTreeMap, BTreeSet};

/// Their images on top.
#[derive(Default)]
pub(super) struct Filings {
    applications: BTreeMap<ApplicationId, Application>,
    orders: BTreeMap<OrderId, Order>,
    remittances: BTreeMap<RemittanceId, Remittance>,
    /// Claims of images on top.
    come: BTreeSet<(NameKey, Claim)>,
    /// Claims of images that lie below one on top, and are not its own.
    gone: BTreeSet<(NameKey, Claim)>,
    accounts: BTreeMap<Account, UnitId>,
}

impl Filings {
    /// Puts an event on top.
    pub(super) fn apply(&mut self, base: &dyn State, event: &Event) -> Result<(), Unavailable> {
        match event {
            Event::Application(new) => {
                let old = self.application(base, new.id)?;
                let old = old.iter().flat_map(Application::claims);
                Self::move_claims(&mut self.come, &mut self.gone, Claim::Application(new.id), old, new.claims());
                self.applications.insert(new.id, new.clone());
            }
            Event::Order(new) => {
                let old = self.order(base, new.id)?;
                let old = old.iter().flat_map(Order::claims);
                Self::move_claims(&mut self.come, &mut self.gone, Claim::Order(new.id), old, new.claims());
                self.orders.insert(new.id, new.clone());
            }
            Event::Remittance(new) => drop(self.remittances.insert(new.id, new.clone())),
            _ => {}
        }
        Ok(())
    }

    /// Notes whose an account number is.
    pub(super) fn note_account(&mut self, unit: &Unit) {
        self.accounts.extend(unit.account.map(|account| (account, unit.id.clone())));
    }

    fn move_claims<'a>(
        come: &mut BTreeSet<(NameKey, Claim)>,
        gone: &mut BTreeSet<(NameKey, Claim)>,
        claim: Claim,
        old: impl Iterator<Item = &'a NameKey>,
        new: impl Iterator<Item = &'a NameKey>,
    ) {
        for name in old {
            come.remove(&(name.clone(), claim));
            gone.insert((name.clone(), claim));
        }
        for name in new {
            gone.remove(&(name.clone(), claim));
            come.insert((name.clone(), claim));
        }
    }

    pub(super) fn application(&self, base: &dyn State, id: ApplicationId) -> Result<Option<Application>, Unavailable> {
        self.applications.get(&id).map_or_else(|| base.application(id), |found| Ok(Some(found.clone())))
    }

    pub(super) fn order(&self, base: &dyn State, id: OrderId) -> Result<Option<Order>, Unavailable> {
        self.orders.get(&id).map_or_else(|| base.order(id), |found| Ok(Some(found.clone())))
    }

    pub(super) fn remittance(&self, base: &dyn State, id: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        self.remittances.get(&id).map_or_else(|| base.remittance(id), |found| Ok(Some(found.clone())))
    }

    pub(super) fn claim(&self, base: &dyn State, name: &NameKey) -> Result<Option<Claim>, Unavailable> {
        let on_top = self.come.range((name.clone(), Claim::FIRST)..).next().filter(|(own, _)| own == name);
        if let Some((_, claim)) = on_top {
            return Ok(Some(*claim));
        }
        // A name has one claim at a time.
        Ok(base.claim(name)?.filter(|claim| !self.gone.contains(&(name.clone(), *claim))))
    }

    pub(super) fn account(&self, base: &dyn State, account: Account) -> Result<Option<UnitId>, Unavailable> {
        self.accounts.get(&account).map_or_else(|| base.account(account), |unit| Ok(Some(unit.clone())))
    }
}
