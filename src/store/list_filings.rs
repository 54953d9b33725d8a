//! Lists of applications, orders and remittances, a page at a time, by unit, state, region and deadline.

use super::list::{Page, Walk};
use super::read::undecodable;
use super::trees::Tree;
use super::{Store, filings, keys};
use crate::registry::{
    Application, ApplicationId, ApplicationState, Order, OrderId, OrderState, Region, Remittance, RemittanceId,
    RemittanceState, State, Timestamp, Unavailable, UnitId,
};

/// Marks the cursors of these lists.
const MARK: u8 = b'f';

/// Which applications, orders or remittances a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilingFilter<S> {
    /// Those of this unit; remittances have none.
    pub unit: Option<UnitId>,
    /// Those in this state.
    pub state: Option<S>,
    /// Those in this region, with all that lies inside it.
    pub region: Option<Region>,
    /// Applications whose review should have been done before this.
    pub overdue_at: Option<Timestamp>,
}

impl<S> Default for FilingFilter<S> {
    fn default() -> Self {
        Self { unit: None, state: None, region: None, overdue_at: None }
    }
}

/// A range of keys of the index.
type Keys = (Vec<u8>, Option<Vec<u8>>);

impl Store {
    /// A page of applications: overdue ones by their deadlines, those of a unit by age, others by region, then age.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_applications(
        &self,
        filter: &FilingFilter<ApplicationState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Application>, Unavailable> {
        let range = match filter.overdue_at {
            // A deadline is the last second that is still in time.
            Some(at) => (filings::by_deadline(Timestamp(i64::MIN), None), Some(filings::by_deadline(at, None))),
            None => narrowest(filings::APPLICATION, filter, |state| state as u8),
        };
        self.walk_filings(range, cursor, limit, &|id| {
            let found = self.application(ApplicationId(id))?;
            Ok(found.filter(|application| {
                shows(filter, Some(&application.unit), application.state, std::slice::from_ref(&application.region))
            }))
        })
    }

    /// A page of orders, those of a unit by age, others by region, then age.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_orders(
        &self,
        filter: &FilingFilter<OrderState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Order>, Unavailable> {
        let range = narrowest(filings::ORDER, filter, |state| state as u8);
        self.walk_filings(range, cursor, limit, &|id| {
            let found = self.order(OrderId(id))?;
            Ok(found.filter(|order| shows(filter, Some(&order.unit), order.state, std::slice::from_ref(&order.region))))
        })
    }

    /// A page of remittances, by region, then age.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_remittances(
        &self,
        filter: &FilingFilter<RemittanceState>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Remittance>, Unavailable> {
        let range = narrowest(filings::REMITTANCE, filter, |state| state as u8);
        self.walk_filings(range, cursor, limit, &|id| {
            let found = self.remittance(RemittanceId(id))?;
            Ok(found.filter(|remittance| shows(filter, None, remittance.state, &remittance.regions)))
        })
    }

    fn walk_filings<T>(
        &self,
        (from, to): Keys,
        cursor: Option<&str>,
        limit: usize,
        load: &dyn Fn(u64) -> Result<Option<T>, Unavailable>,
    ) -> Result<Page<T>, Unavailable> {
        let walk = Walk { mark: MARK, trees: vec![&self.trees[Tree::Filings]], from, to };
        walk.page(cursor, limit, &mut |key, _| load(filings::id_of(key).ok_or_else(|| undecodable("an index"))?))
    }
}

/// The index that has the fewest entries to look at, deadlines apart.
fn narrowest<S: Copy>(letter: u8, filter: &FilingFilter<S>, number: fn(S) -> u8) -> Keys {
    let region = filter.region.as_ref().map_or("", Region::as_str);
    let from = match (&filter.unit, filter.state) {
        (Some(unit), _) => filings::by_unit(letter, unit, None),
        (None, Some(state)) => filings::by_state(letter, number(state), region),
        (None, None) => filings::by_region(letter, region),
    };
    let to = keys::after_prefix(&from);
    (from, to)
}

fn shows<S: PartialEq>(filter: &FilingFilter<S>, unit: Option<&UnitId>, state: S, regions: &[Region]) -> bool {
    let in_region = |own: &Region| regions.iter().all(|region| own.contains(region));
    filter.unit.as_ref().is_none_or(|own| Some(own) == unit)
        && filter.state.as_ref().is_none_or(|own| *own == state)
        && filter.region.as_ref().is_none_or(in_region)
}
