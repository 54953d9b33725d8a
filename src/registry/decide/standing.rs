//! What becomes of a unit's applications and orders when the unit itself changes: they follow it into another region, and
//! what it may not have any more once it is blacklisted ends (R56).
//!
//! What was paid stays: a fee is given back by people, with the refund of its order.

use super::{Case, applications, orders};
use crate::registry::state::Unavailable;
use crate::registry::{
    Application, ApplicationState, Claim, Event, Hold, HoldReason, Order, OrderId, OrderState, PenaltyStep, Region,
    Remittance, RemittanceId, Unit,
};
use std::collections::{BTreeMap, BTreeSet};

/// Most applications and orders that follow their unit in one transaction. Units have a handful; with 10,000 the journal's line
/// stays within its limit, and those beyond it are refused at their next step all the same.
const FOLLOWING_MAX: usize = 10_000;

/// The new images of what follows from the unit's change from `old` to `new`.
pub(super) fn follow(case: &Case<'_>, old: &Unit, new: &Unit) -> Result<Vec<Event>, Unavailable> {
    let change = Change {
        region: (old.region != new.region).then_some(&new.region),
        listed: listing(new).filter(|_| listing(old).is_none()),
        deleted: was_deleted(new) && old.penalties != new.penalties,
    };
    if change.region.is_none() && change.listed.is_none() && !change.deleted {
        return Ok(Vec::new());
    }
    let mut filings = Vec::new();
    case.state.filings_of(&new.id, &mut |filing| {
        filings.push(filing);
        filings.len() < FOLLOWING_MAX
    })?;
    let (mut events, mut moved) = (Vec::new(), BTreeMap::new());
    for filing in filings {
        match filing {
            Claim::Application(id) => {
                let Some(application) = case.state.application(id)? else { continue };
                events.extend(change.of_application(case, application).map(Event::Application));
            }
            Claim::Order(id) => {
                let Some(order) = case.state.order(id)? else { continue };
                if let (Some(region), Some(remittance)) = (change.region, order.remittance) {
                    moved.entry(remittance).or_insert_with(BTreeMap::new).insert(id, region.clone());
                }
                events.extend(change.of_order(case, order).map(Event::Order));
            }
        }
    }
    for (id, orders) in moved {
        events.extend(remittance(case, id, &orders)?.map(Event::Remittance));
    }
    Ok(events)
}

/// What has changed about a unit.
struct Change<'a> {
    /// Where it is now, if it has moved.
    region: Option<&'a Region>,
    /// The hold that blacklists it, if that is new.
    listed: Option<&'a Hold>,
    /// Whether its names have just been deleted.
    deleted: bool,
}

impl Change<'_> {
    fn of_application(&self, case: &Case<'_>, application: Application) -> Option<Application> {
        let ends = application.state.is_under_way() && application.state < ApplicationState::FeeConfirmed;
        match self.listed.filter(|_| ends) {
            Some(hold) => {
                let reason = Some(format!("{}: {}", HoldReason::Blacklist.as_str(), hold.evidence).into());
                let ended = Application { reason, ..applications::ended(application) };
                Some(case.changed_application(self.moved(ended, |ended, region| ended.region = region)))
            }
            // Where it is known is no step of its own: of two images the one counts that a step made later.
            None if self.region.is_some_and(|region| application.region != *region) => {
                let moved = self.moved(application, |moved, region| moved.region = region);
                Some(Application { version: case.seq(), ..moved })
            }
            None => None,
        }
    }

    fn of_order(&self, case: &Case<'_>, order: Order) -> Option<Order> {
        let of_application = order.application().is_some();
        let ends =
            order.state == OrderState::AwaitingFee && if of_application { self.listed.is_some() } else { self.deleted };
        if ends {
            let ended = self.moved(order, |ended, region| ended.region = region);
            return Some(orders::withdrawn(case, ended));
        }
        if self.region.is_none_or(|region| order.region == *region) {
            return None;
        }
        let moved = self.moved(order, |moved, region| moved.region = region);
        Some(Order { version: case.seq(), ..moved })
    }

    fn moved<T>(&self, mut filing: T, to: impl FnOnce(&mut T, Region)) -> T {
        if let Some(region) = self.region {
            to(&mut filing, region.clone());
        }
        filing
    }
}

/// The remittance with the regions that its orders have now.
fn remittance(
    case: &Case<'_>,
    id: RemittanceId,
    moved: &BTreeMap<OrderId, Region>,
) -> Result<Option<Remittance>, Unavailable> {
    let Some(remittance) = case.state.remittance(id)? else { return Ok(None) };
    let mut regions = BTreeSet::new();
    for order in &remittance.orders {
        match moved.get(order) {
            Some(region) => regions.extend([region.clone()]),
            None => regions.extend(case.state.order(*order)?.map(|order| order.region)),
        }
    }
    let regions = regions.into_iter().collect();
    Ok((regions != remittance.regions).then(|| Remittance { regions, version: case.seq(), ..remittance }))
}

/// The hold that blacklists the unit, if one does now.
fn listing(unit: &Unit) -> Option<&Hold> {
    unit.holds.0.get(&HoldReason::Blacklist).filter(|hold| hold.active)
}

/// Whether the last step of the ladder was the deletion of its names.
fn was_deleted(unit: &Unit) -> bool {
    unit.penalties.0.last().is_some_and(|penalty| penalty.step == PenaltyStep::Deletion)
}
