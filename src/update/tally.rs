//! How many names are in which state, and how many holds are active: counted once at start, then moved by each change.

use crate::registry::{HoldReason, Holds, NameState, Registration, Unit};
use crate::store::HoldCounts;
use crate::telemetry;
use std::collections::HashMap;
use std::sync::Arc;

/// Counts, or how counts move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    names: HashMap<(Arc<str>, NameState), i64>,
    holds: HashMap<(&'static str, HoldReason), i64>,
}

impl Tally {
    /// Counts a name `by` times.
    pub fn name(&mut self, unit: &Unit, name: &Registration, by: i64) {
        *self.names.entry((Arc::clone(&name.key.set), name.state(unit))).or_default() += by;
        self.active("name", &name.holds, by);
    }

    /// Counts a unit `by` times.
    pub fn unit(&mut self, unit: &Unit, by: i64) {
        self.active("unit", &unit.holds, by);
    }

    fn active(&mut self, object: &'static str, holds: &Holds, by: i64) {
        for (reason, _) in holds.0.iter().filter(|(_, hold)| hold.active) {
            *self.holds.entry((object, *reason)).or_default() += by;
        }
    }

    /// Counts names of a set in one state.
    pub fn names(&mut self, set: &Arc<str>, state: NameState, by: i64) {
        if by != 0 {
            *self.names.entry((Arc::clone(set), state)).or_default() += by;
        }
    }

    /// Counts the active holds that the store has counted.
    pub fn holds(&mut self, counts: &HoldCounts) {
        for (object, counts) in [("name", &counts.names), ("unit", &counts.units)] {
            for (reason, count) in counts {
                *self.holds.entry((object, *reason)).or_default() += count.cast_signed();
            }
        }
    }

    /// Moves the metrics by these counts.
    pub fn report(&self, metrics: &telemetry::Writer) {
        for ((set, state), by) in self.names.iter().filter(|(_, by)| **by != 0) {
            metrics.names_moved(set, state.as_str(), *by);
        }
        for ((object, reason), by) in self.holds.iter().filter(|(_, by)| **by != 0) {
            metrics.holds_moved(object, reason.as_str(), *by);
        }
    }
}
