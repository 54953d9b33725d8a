//! Holds that ended, as the naive model remembers them, and what has holds.

use super::{Model, Store};
use crate::registry::*;
use crate::store::{Held, PastHold};
use std::collections::BTreeMap;

/// What ended, by when, by which transaction, on what and why.
pub(super) type Past = BTreeMap<(Timestamp, u64, String, &'static str), PastHold>;

/// Remembers what ended between the model `before` and after a transaction.
pub(super) fn note(model: &mut Model, before: &Model, transaction: &Transaction) {
    for event in &transaction.events {
        match event {
            Event::Unit(unit) => {
                let Some(old) = before.units.get(&unit.id) else { continue };
                let new = model.units.get(&unit.id).map(|unit| unit.holds.clone());
                ended(model, (&unit.id, None), &old.holds, new.as_ref(), transaction);
            }
            Event::Name(Registration { key, .. }) | Event::NameRemoved { key, .. } => {
                let Some(old) = before.names.get(key) else { continue };
                let new = model.names.get(key).map(|name| name.holds.clone());
                ended(model, (&old.unit, Some(key)), &old.holds, new.as_ref(), transaction);
            }
            _ => {}
        }
    }
}

fn ended(
    model: &mut Model,
    (unit, name): (&UnitId, Option<&NameKey>),
    old: &Holds,
    new: Option<&Holds>,
    transaction: &Transaction,
) {
    for (reason, hold) in &old.0 {
        let now = new.and_then(|new| new.0.get(reason));
        let same = now.is_some_and(|now| now.start == hold.start && now.evidence == hold.evidence && now.by == hold.by);
        if same || !hold.active {
            continue;
        }
        let object = name.map_or_else(|| unit.to_string(), ToString::to_string);
        let past = PastHold {
            unit: unit.clone(),
            region: model.units[unit].region.clone(),
            name: name.cloned(),
            reason: *reason,
            hold: Hold { active: false, ..hold.clone() },
            ended: transaction.at,
            ended_by: transaction.actor.principal.clone(),
            operation: transaction.request.operation.clone(),
        };
        model.past.insert((transaction.at, transaction.seq, object, reason.as_str()), past);
    }
}

pub(super) fn compare(store: &Store, model: &Model) {
    compare_held(store, model);
    for after in [i64::MIN, -1, 0, 20].map(Timestamp) {
        let page = store.list_past_holds(after, None).unwrap();
        assert_eq!(page.next, None);
        let naive = model.past.values().filter(|past| past.ended > after);
        assert!(page.items.iter().eq(naive), "{:#?} {:#?}", page.items, model.past);
    }
}

/// Every unit and name of a region that has holds, each unit before its names.
fn compare_held(store: &Store, model: &Model) {
    for within in [None, Some("62"), Some("620421"), Some("53")].map(|code| code.and_then(Region::parse)) {
        let wanted = |region: &Region| within.as_ref().is_none_or(|within| within.contains(region));
        let mut naive = Vec::new();
        for unit in model.units.values().filter(|unit| wanted(&unit.region)) {
            let held = |name: Option<NameKey>, holds: &Holds| Held {
                unit: unit.id.clone(),
                region: unit.region.clone(),
                name,
                holds: holds.clone(),
            };
            naive.push(held(None, &unit.holds));
            let names = model.names.values().filter(|name| name.unit == unit.id);
            naive.extend(names.map(|name| held(Some(name.key.clone()), &name.holds)));
        }
        naive.retain(|held| !held.holds.0.is_empty());
        let (mut found, mut cursor): (Vec<Held>, Option<String>) = (Vec::new(), None);
        loop {
            let page = store.list_held(&wanted, cursor.as_deref()).unwrap();
            found.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, naive);
    }
}
