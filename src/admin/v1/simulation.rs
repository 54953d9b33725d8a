//! What a simulation shows.

use super::readable;
use crate::update::simulate::{Foreseen, Settings, What};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// What the clock will do by a date.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Simulation {
    /// From when.
    pub from: String,
    /// Until when, that moment included.
    pub at: String,
    /// The transaction whose state it begins from.
    pub seq: u64,
    /// How many units, names and kept labels were looked at.
    pub objects: usize,
    /// How often each thing happens: `notice:term-30`, `held:EXPIRED`, `lifted:PENALTY`, `notice:final`, `notice:site_review_due-7`, `deleted`, …
    pub counts: BTreeMap<String, u64>,
    /// The same by day in Asia/Shanghai; days on which nothing happens are left out.
    pub days: BTreeMap<String, BTreeMap<String, u64>>,
    /// Days on which more names of a set stop resolving, or are deleted, than the brake lets through at once.
    pub brake: Vec<BrakeDay>,
    /// The first events one by one, as they come from one object after the other.
    pub events: Vec<Event>,
    /// The cursor of the next answer, which goes on with further objects; null when all have been looked at.
    pub next: Option<String>,
}

/// A day on which the brake would engage.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BrakeDay {
    /// The day in Asia/Shanghai.
    pub day: String,
    /// The set by its primary suffix.
    pub suffix: String,
    /// How many names stop resolving or are deleted.
    pub names: u64,
    /// Of how many.
    pub total: u64,
}

/// One event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// When.
    pub at: String,
    /// What, as in `counts`.
    pub what: String,
    /// The name in U-labels; null for a unit.
    pub name: Option<String>,
    /// The same in A-labels.
    pub ascii: Option<String>,
    /// The unit.
    pub unit: String,
}

/// Adds up what is foreseen.
pub struct Tally {
    simulation: Simulation,
    limit: usize,
    totals: BTreeMap<Arc<str>, u64>,
    /// Names lost by day and set.
    lost: BTreeMap<(String, Arc<str>), u64>,
    percent: u32,
    names_min: u64,
}

impl Tally {
    /// Nothing yet; `totals` are the names of each set.
    pub fn new(settings: &Settings, totals: BTreeMap<Arc<str>, u64>, limit: usize) -> Self {
        let simulation = Simulation {
            from: settings.from.to_string(),
            at: settings.until.to_string(),
            seq: 0,
            objects: 0,
            counts: BTreeMap::new(),
            days: BTreeMap::new(),
            brake: Vec::new(),
            events: Vec::new(),
            next: None,
        };
        let (percent, names_min) = (settings.policy.brake_percent, settings.policy.brake_names_min);
        Self { simulation, limit, totals, lost: BTreeMap::new(), percent, names_min }
    }

    /// Takes one more.
    pub fn add(&mut self, foreseen: Foreseen) {
        let Foreseen { at, what, name, unit } = foreseen;
        let (day, text) = (at.shanghai_day(), word(what));
        *self.simulation.counts.entry(text.clone()).or_default() += 1;
        *self.simulation.days.entry(day.clone()).or_default().entry(text.clone()).or_default() += 1;
        if let (What::Held(_) | What::Deleted, Some(key)) = (what, &name) {
            *self.lost.entry((day, Arc::clone(&key.set))).or_default() += 1;
        }
        if self.simulation.events.len() < self.limit {
            let ascii = name.as_ref().map(ToString::to_string);
            let name = name.as_ref().map(readable);
            let event = Event { at: at.to_string(), what: text, name, ascii, unit: unit.to_string() };
            self.simulation.events.push(event);
        }
    }

    /// The whole.
    pub fn finish(self, seq: u64, objects: usize, next: Option<String>) -> Simulation {
        let Self { mut simulation, totals, lost, percent, names_min, .. } = self;
        for ((day, set), names) in lost {
            let total = totals.get(&set).copied().unwrap_or(0);
            if names > names_min.max(total.saturating_mul(percent.into()) / 100) {
                simulation.brake.push(BrakeDay { day, suffix: set.to_string(), names, total });
            }
        }
        Simulation { seq, objects, next, ..simulation }
    }
}

fn word(what: What) -> String {
    match what {
        What::Notice(kind) => format!("notice:{kind}"),
        What::SiteNotice(kind) => format!("notice:site_review_{kind}"),
        What::Held(reason) => format!("held:{}", reason.as_str()),
        What::Lifted(reason) => format!("lifted:{}", reason.as_str()),
        What::PendingDelete => "pending_delete".into(),
        What::Deleted => "deleted".into(),
        What::Freed => "label_freed".into(),
    }
}
