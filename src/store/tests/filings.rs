//! Applications, orders and remittances of the model, and whether the store keeps and lists them alike.

use super::*;
use crate::store::{FilingFilter, Page};

/// How many of each the random transactions touch.
pub(super) const FILINGS: u64 = 4;

/// The invoices of the samples, and what one of them begins with.
const INVOICES: [&str; 3] = ["NO. 1", "NO. 12", "NO."];

/// The name that the object with this number is about.
pub(super) fn filed(n: u64) -> NameKey {
    let n = usize::try_from(n).unwrap();
    key(n % LABELS, n / LABELS)
}

/// Whether the store has what the model has.
pub(super) fn compare(store: &Store, model: &Model) {
    for n in 0..=2 * FILINGS + 2 {
        let (a, o, r) = (ApplicationId(n), OrderId(n), RemittanceId(n));
        assert_eq!(store.application(a).unwrap().as_ref(), model.applications.get(&a));
        assert_eq!(store.order(o).unwrap().as_ref(), model.orders.get(&o));
        assert_eq!(store.remittance(r).unwrap().as_ref(), model.remittances.get(&r));
        let name = filed(n % (2 * FILINGS));
        let application = model.applications.values().find(|a| a.claims().any(|own| *own == name));
        let order = model.orders.values().find(|o| o.claims().any(|own| *own == name));
        let claim = application.map(|a| Claim::Application(a.id)).or(order.map(|o| Claim::Order(o.id)));
        assert_eq!(store.claim(&name).unwrap(), claim);
        let account = Account(u32::try_from(n).unwrap());
        let owner = model.units.values().find(|unit| unit.account == Some(account)).map(|unit| unit.id.clone());
        assert_eq!(store.account(account).unwrap(), owner);
    }
    for invoice in INVOICES {
        let mut found = Vec::new();
        store
            .invoiced(invoice, &mut |id| {
                found.push(id);
                true
            })
            .unwrap();
        let expected = model.orders.values().filter(|order| order.invoice().as_deref() == Some(invoice));
        assert_eq!(found, expected.map(|order| order.id).collect::<Vec<_>>(), "{invoice}");
    }
    let regions = [None, Some("62"), Some("620421"), Some("53")];
    let units = [None, Some(unit_id(1))];
    for (region, unit) in regions.iter().flat_map(|region| units.iter().map(move |unit| (*region, unit.clone()))) {
        lists(store, model, region.map(|code| Region::parse(code).unwrap()), unit);
    }
    overdue(store, model);
}

fn lists(store: &Store, model: &Model, region: Option<Region>, unit: Option<UnitId>) {
    let within = |own: &Region| region.as_ref().is_none_or(|region| region.contains(own));
    let of_unit = |own: &UnitId| unit.as_ref().is_none_or(|unit| unit == own);
    for state in [None, Some(ApplicationState::LocalReview), Some(ApplicationState::Registered)] {
        let filter = FilingFilter { unit: unit.clone(), state, region: region.clone(), overdue_at: None };
        let shown = all(|cursor| store.list_applications(&filter, cursor, 2).unwrap());
        let expected = model.applications.values().filter(|a| within(&a.region) && of_unit(&a.unit));
        same(shown, expected.filter(|a| state.is_none_or(|state| state == a.state)), |a| a.id.0);
    }
    for state in [None, Some(OrderState::Confirmed)] {
        let filter = FilingFilter { unit: unit.clone(), state, region: region.clone(), overdue_at: None };
        let shown = all(|cursor| store.list_orders(&filter, cursor, 2).unwrap());
        let expected = model.orders.values().filter(|o| within(&o.region) && of_unit(&o.unit));
        same(shown, expected.filter(|o| state.is_none_or(|state| state == o.state)), |o| o.id.0);
    }
    if unit.is_none() {
        let filter = FilingFilter { region: region.clone(), ..FilingFilter::default() };
        let shown = all(|cursor| store.list_remittances(&filter, cursor, 2).unwrap());
        same(shown, model.remittances.values().filter(|r| r.regions.iter().all(within)), |r| r.id.0);
    }
}

fn overdue(store: &Store, model: &Model) {
    for now in [0, 4, 9].map(Timestamp) {
        let filter = FilingFilter { overdue_at: Some(now), ..FilingFilter::default() };
        let shown = all(|cursor| store.list_applications(&filter, cursor, 2).unwrap());
        assert!(shown.is_sorted_by_key(|a| (a.deadline, a.id)), "in the order of deadlines");
        let late = |a: &&Application| a.state.awaits().is_some() && a.deadline.is_some_and(|until| until < now);
        same(shown, model.applications.values().filter(late), |a| a.id.0);
    }
}

/// All pages of a list.
fn all<T>(list: impl Fn(Option<&str>) -> Page<T>) -> Vec<T> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let page = list(cursor.as_deref());
        assert!(page.items.len() <= 2);
        items.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return items,
        }
    }
}

fn same<'a, T: Clone + PartialEq + std::fmt::Debug + 'a>(
    mut shown: Vec<T>,
    expected: impl Iterator<Item = &'a T>,
    id: fn(&T) -> u64,
) {
    shown.sort_by_key(id);
    assert_eq!(shown, expected.cloned().collect::<Vec<T>>());
}
