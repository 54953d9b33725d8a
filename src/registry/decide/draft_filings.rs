//! Applications, orders and remittances that earlier lines of a batch have brought, with what they claim.

use crate::idn::Bundle;
use crate::registry::{
    Application, ApplicationId, Claim, Event, NameKey, Order, OrderId, Remittance, RemittanceId, State, UnitId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Their images.
#[derive(Default)]
pub(super) struct Filings {
    pub(super) applications: BTreeMap<ApplicationId, Application>,
    pub(super) orders: BTreeMap<OrderId, Order>,
    pub(super) remittances: BTreeMap<RemittanceId, Remittance>,
    /// Who claims the packages that any of these claims, or claimed before.
    claims: BTreeMap<(Arc<str>, Bundle), Option<Claim>>,
}

impl Filings {
    /// Takes the claims of an object's old image away, and puts those of its new one in their place.
    pub(super) fn move_claims<'a>(
        &mut self,
        base: &dyn State,
        claim: Claim,
        old: impl Iterator<Item = &'a NameKey>,
        new: impl Iterator<Item = &'a NameKey>,
    ) {
        self.claims.extend(old.map(|name| (package(base, name), None)));
        self.claims.extend(new.map(|name| (package(base, name), Some(claim))));
    }

    /// Who claims the name, if a line has said anything about it.
    pub(super) fn claim(&self, name: &NameKey, base: &dyn State) -> Option<Option<Claim>> {
        if self.claims.is_empty() { None } else { self.claims.get(&package(base, name)).copied() }
    }

    /// Those of the unit.
    pub(super) fn of_unit(&self, unit: &UnitId) -> impl Iterator<Item = Claim> {
        let applications = self.applications.values().filter(move |application| application.unit == *unit);
        let orders = self.orders.values().filter(move |order| order.unit == *unit);
        let applications = applications.map(|application| Claim::Application(application.id));
        applications.chain(orders.map(|order| Claim::Order(order.id)))
    }

    /// The highest number among their ids.
    pub(super) fn last(&self) -> u64 {
        let applications = self.applications.keys().next_back().map(|id| id.0);
        let orders = self.orders.keys().next_back().map(|id| id.0);
        let remittances = self.remittances.keys().next_back().map(|id| id.0);
        applications.into_iter().chain(orders).chain(remittances).max().unwrap_or(0)
    }

    /// All of them.
    pub(super) fn into_events(self) -> impl Iterator<Item = Event> {
        let applications = self.applications.into_values().map(Event::Application);
        let orders = self.orders.into_values().map(Event::Order);
        applications.chain(orders).chain(self.remittances.into_values().map(Event::Remittance))
    }
}

fn package(base: &dyn State, name: &NameKey) -> (Arc<str>, Bundle) {
    (Arc::clone(&name.set), base.bundle_of(&name.label))
}
