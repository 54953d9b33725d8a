//! Holds that ended, as the naive model remembers them.

use super::{Model, Store};
use crate::registry::*;
use crate::store::PastHold;
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
    for after in [i64::MIN, -1, 0, 20].map(Timestamp) {
        let page = store.list_past_holds(after, None).unwrap();
        assert_eq!(page.next, None);
        let naive = model.past.values().filter(|past| past.ended > after);
        assert!(page.items.iter().eq(naive), "{:#?} {:#?}", page.items, model.past);
    }
}
