//! Reading the whole store once: what is published in each set, and how many names and holds there are.

use super::publish::put_all;
use super::restore::{Loaded, Progress};
use super::tally::Tally;
use crate::registry::{Registration, State, Unit, UnitId};
use crate::store::{Store, StoreError};
use crate::zone::Gathered;
use std::collections::HashMap;
use std::sync::Arc;

/// Reads everything.
///
/// # Errors
/// [`StoreError::Damaged`] if it does not fit together.
pub fn scan_all(store: &Store, sets: &[Arc<str>]) -> Result<Loaded, StoreError> {
    let mut tally = Tally::default();
    let units = Units::read(store, &mut tally)?;
    let mut gathered: Vec<_> = sets.iter().map(|set| (Arc::clone(set), Gathered::default())).collect();
    let mut octets = Vec::new();
    let mut orphan = None;
    let known = sets.iter().map(|set| store.totals(set).map_or(0, |totals| totals.names)).sum();
    let mut progress = Progress::of("names are read from the store", known);
    store.for_each_name(&mut |name| {
        progress.one();
        let Some(unit) = units.of(&name) else {
            orphan = Some(name.key);
            return false;
        };
        tally.name(unit, &name, 1);
        if let Some((_, names)) = gathered.iter_mut().find(|(set, _)| *set == name.key.set) {
            put_all(&mut |label, octets| names.insert(label, octets), unit, &name, &mut octets);
        }
        true
    })?;
    if let Some(key) = orphan {
        return Err(StoreError::Damaged(format!("the unit of {key} is missing")));
    }
    let sets = gathered.into_iter().map(|(set, names)| (set, names.finish())).collect();
    Ok(Loaded { sets, tally, behind: progress.end() })
}

/// The units that have a hold in effect, and one that stands for all others: of a unit, only the hold that decides shows
/// in what its names publish.
struct Units {
    held: HashMap<UnitId, Unit>,
    free: Option<Unit>,
}

impl Units {
    fn read(store: &Store, tally: &mut Tally) -> Result<Self, StoreError> {
        let mut units = Self { held: HashMap::new(), free: None };
        store.for_each_unit(&mut |unit| {
            tally.unit(&unit, 1);
            if unit.holds.effective().is_some() {
                units.held.insert(unit.id.clone(), unit);
            } else {
                units.free.get_or_insert(unit);
            }
            true
        })?;
        Ok(units)
    }

    fn of(&self, name: &Registration) -> Option<&Unit> {
        self.held.get(&name.unit).or(self.free.as_ref())
    }
}
