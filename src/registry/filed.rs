//! Applications, orders and remittances on top of a state, with the claims and account numbers that follow from them.

use super::{
    Account, Application, ApplicationId, Claim, Event, NameKey, Order, OrderId, Remittance, RemittanceId, State,
    Unavailable, Unit, UnitId,
};
use crate::idn::Bundle;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is claimed: a label with its variants, under a set.
type Package = (Arc<str>, Bundle);

/// Their images on top of a state that every call is given, always the same.
#[derive(Default)]
pub struct Filed {
    applications: BTreeMap<ApplicationId, Application>,
    orders: BTreeMap<OrderId, Order>,
    remittances: BTreeMap<RemittanceId, Remittance>,
    /// Claims of images on top.
    come: BTreeSet<(Package, Claim)>,
    /// Claims of images that lie below one on top, and are not its own.
    gone: BTreeSet<(Package, Claim)>,
    accounts: BTreeMap<Account, UnitId>,
    /// The invoices of orders on top.
    invoices: BTreeSet<(Box<str>, OrderId)>,
}

#[allow(
    clippy::missing_errors_doc,
    reason = "those that read fail where the state below cannot be read, and change nothing then"
)]
impl Filed {
    /// Puts an application, an order or a remittance on top; of other events there is nothing here.
    pub fn apply(&mut self, base: &dyn State, event: &Event) -> Result<(), Unavailable> {
        match event {
            Event::Application(new) => {
                let old = self.application(base, new.id)?;
                let old = old.iter().flat_map(Application::claims);
                self.move_claims(base, Claim::Application(new.id), old, new.claims());
                self.applications.insert(new.id, new.clone());
            }
            Event::Order(new) => {
                let old = self.order(base, new.id)?;
                let old = old.iter().flat_map(Order::claims);
                self.move_claims(base, Claim::Order(new.id), old, new.claims());
                if let Some(invoice) = self.orders.get(&new.id).and_then(Order::invoice) {
                    self.invoices.remove(&(invoice, new.id));
                }
                self.invoices.extend(new.invoice().map(|invoice| (invoice, new.id)));
                self.orders.insert(new.id, new.clone());
            }
            Event::Remittance(new) => drop(self.remittances.insert(new.id, new.clone())),
            _ => {}
        }
        Ok(())
    }

    /// Notes whose an account number is.
    pub fn note_account(&mut self, unit: &Unit) {
        self.accounts.extend(unit.account.map(|account| (account, unit.id.clone())));
    }

    /// All images on top, each thing before what refers to it.
    pub fn into_events(self) -> impl Iterator<Item = Event> {
        let applications = self.applications.into_values().map(Event::Application);
        let orders = self.orders.into_values().map(Event::Order);
        applications.chain(orders).chain(self.remittances.into_values().map(Event::Remittance))
    }

    fn move_claims<'a>(
        &mut self,
        base: &dyn State,
        claim: Claim,
        old: impl Iterator<Item = &'a NameKey>,
        new: impl Iterator<Item = &'a NameKey>,
    ) {
        for name in old {
            let entry = (package(base, name), claim);
            self.come.remove(&entry);
            self.gone.insert(entry);
        }
        for name in new {
            let entry = (package(base, name), claim);
            self.gone.remove(&entry);
            self.come.insert(entry);
        }
    }

    /// The application, if there is one.
    pub fn application(&self, base: &dyn State, id: ApplicationId) -> Result<Option<Application>, Unavailable> {
        self.applications.get(&id).map_or_else(|| base.application(id), |found| Ok(Some(found.clone())))
    }

    /// The order, if there is one.
    pub fn order(&self, base: &dyn State, id: OrderId) -> Result<Option<Order>, Unavailable> {
        self.orders.get(&id).map_or_else(|| base.order(id), |found| Ok(Some(found.clone())))
    }

    /// The remittance, if there is one.
    pub fn remittance(&self, base: &dyn State, id: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        self.remittances.get(&id).map_or_else(|| base.remittance(id), |found| Ok(Some(found.clone())))
    }

    /// The highest number among their ids; 0 if there are none.
    pub fn last(&self, base: &dyn State) -> Result<u64, Unavailable> {
        let applications = self.applications.keys().next_back().map(|id| id.0);
        let orders = self.orders.keys().next_back().map(|id| id.0);
        let remittances = self.remittances.keys().next_back().map(|id| id.0);
        let on_top = applications.into_iter().chain(orders).chain(remittances).max();
        Ok(base.last_filing()?.max(on_top.unwrap_or(0)))
    }

    /// Who has a claim on the name or on a variant of it, if somebody has.
    pub fn claim(&self, base: &dyn State, name: &NameKey) -> Result<Option<Claim>, Unavailable> {
        let below = base.claim(name)?;
        if self.come.is_empty() && self.gone.is_empty() {
            return Ok(below);
        }
        let package = package(base, name);
        let on_top = self.come.range((package.clone(), Claim::FIRST)..).next().filter(|(own, _)| *own == package);
        if let Some((_, claim)) = on_top {
            return Ok(Some(*claim));
        }
        // A package has one claim at a time.
        Ok(below.filter(|claim| !self.gone.contains(&(package, *claim))))
    }

    /// Calls `visit` with each application and each order of the unit, in their order, until it answers false.
    pub fn of_unit(
        &self,
        base: &dyn State,
        unit: &UnitId,
        visit: &mut dyn FnMut(Claim) -> bool,
    ) -> Result<(), Unavailable> {
        let applications = self.applications.values().filter(|application| application.unit == *unit);
        let orders = self.orders.values().filter(|order| order.unit == *unit);
        let mut all: BTreeSet<Claim> = applications.map(|application| Claim::Application(application.id)).collect();
        all.extend(orders.map(|order| Claim::Order(order.id)));
        let is_covered = |filing: Claim| match filing {
            Claim::Application(id) => self.applications.contains_key(&id),
            Claim::Order(id) => self.orders.contains_key(&id),
        };
        base.filings_of(unit, &mut |filing| {
            if !is_covered(filing) {
                all.insert(filing);
            }
            true
        })?;
        let _ = all.into_iter().all(visit);
        Ok(())
    }

    /// Calls `visit` with each order on the invoice with this number, in their order, until it answers false.
    pub fn invoiced(
        &self,
        base: &dyn State,
        invoice: &str,
        visit: &mut dyn FnMut(OrderId) -> bool,
    ) -> Result<(), Unavailable> {
        let on_top = self.invoices.range((invoice.into(), OrderId(0))..).take_while(|(own, _)| **own == *invoice);
        let mut on_top = on_top.map(|(_, id)| *id).peekable();
        let mut going = true;
        base.invoiced(invoice, &mut |id| {
            while let Some(earlier) = on_top.next_if(|top| *top < id) {
                going = going && visit(earlier);
            }
            going = going && (self.orders.contains_key(&id) || visit(id));
            going
        })?;
        for id in on_top {
            going = going && visit(id);
        }
        Ok(())
    }

    /// Whose the account number is, if it is assigned.
    pub fn account(&self, base: &dyn State, account: Account) -> Result<Option<UnitId>, Unavailable> {
        self.accounts.get(&account).map_or_else(|| base.account(account), |unit| Ok(Some(unit.clone())))
    }
}

fn package(base: &dyn State, name: &NameKey) -> Package {
    (Arc::clone(&name.set), base.bundle_of(&name.label))
}
