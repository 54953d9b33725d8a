//! Reading the whole store once: what is published in a set, and how many names and holds there are.

use super::engine::CommitError;
use super::tally::Tally;
use crate::publication::published;
use crate::registry::{Registration, Unit, UnitId};
use crate::store::{NameFilter, Store};
use crate::zone::Pages;
use std::collections::HashMap;
use std::sync::Arc;

/// Objects read at a time.
const PAGE: usize = 1000;

/// The registrations that the set with this primary suffix publishes.
///
/// # Errors
/// [`CommitError::Store`].
pub fn scan(store: &Store, set: &Arc<str>) -> Result<Pages, CommitError> {
    let units = Units::read(store, |_| ())?;
    let filter = NameFilter { set: Some(Arc::clone(set)), ..NameFilter::default() };
    let mut sets = Vec::from([(Arc::clone(set), Pages::new())]);
    fill(store, &filter, &units, &mut sets, |_, _| ())?;
    Ok(sets.remove(0).1)
}

/// The registrations of every set, and the counts of everything.
///
/// # Errors
/// [`CommitError::Store`].
pub fn scan_all(store: &Store, sets: &[Arc<str>]) -> Result<(Vec<(Arc<str>, Pages)>, Tally), CommitError> {
    let mut tally = Tally::default();
    let units = Units::read(store, |unit| tally.unit(unit, 1))?;
    let mut sets: Vec<(Arc<str>, Pages)> = sets.iter().map(|set| (Arc::clone(set), Pages::new())).collect();
    fill(store, &NameFilter::default(), &units, &mut sets, |unit, name| tally.name(unit, name, 1))?;
    Ok((sets, tally))
}

fn fill(
    store: &Store,
    filter: &NameFilter,
    units: &Units,
    sets: &mut [(Arc<str>, Pages)],
    mut see: impl FnMut(&Unit, &Registration),
) -> Result<(), CommitError> {
    let mut edits: Vec<_> = sets.iter().map(|(set, pages)| (Arc::clone(set), pages.edit())).collect();
    let mut octets = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = store.list_names(filter, cursor.as_deref(), PAGE).map_err(unreadable)?;
        for name in &page.items {
            let unit = units.of(name)?;
            see(unit, name);
            let Some((_, edit)) = edits.iter_mut().find(|(set, _)| *set == name.key.set) else { continue };
            if let Some(published) = published(unit, name) {
                octets.clear();
                published.encode(&mut octets);
                edit.insert(name.key.label.as_ascii().as_bytes(), &octets);
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    for ((_, pages), (_, edit)) in sets.iter_mut().zip(edits) {
        *pages = edit.finish();
    }
    Ok(())
}

/// The units that have a hold in effect, and one that stands for all others: of a unit, only the hold that decides shows
/// in what its names publish.
struct Units {
    held: HashMap<UnitId, Unit>,
    free: Option<Unit>,
}

impl Units {
    fn read(store: &Store, mut see: impl FnMut(&Unit)) -> Result<Self, CommitError> {
        let mut units = Self { held: HashMap::new(), free: None };
        let mut cursor: Option<String> = None;
        loop {
            let page = store.list_units(cursor.as_deref(), PAGE).map_err(unreadable)?;
            for unit in page.items {
                see(&unit);
                if unit.holds.effective().is_some() {
                    units.held.insert(unit.id.clone(), unit);
                } else {
                    units.free.get_or_insert(unit);
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(units);
            }
        }
    }

    fn of(&self, name: &Registration) -> Result<&Unit, CommitError> {
        let unit = self.held.get(&name.unit).or(self.free.as_ref());
        unit.ok_or_else(|| CommitError::Store(format!("the unit of {} is missing", name.key)))
    }
}

fn unreadable(error: crate::registry::Unavailable) -> CommitError {
    CommitError::Store(error.to_string())
}
