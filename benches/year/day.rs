//! What happens on a day: the clock moves, and units, reviewers and operators do what they do, in the program and in the model.

use super::applications::Applications;
use super::estate::Estate;
use super::model::{Model, PRECEDENCE, Resolution, State, later, years_later};
use std::collections::BTreeMap;

/// Of a hundred names whose term ends, so many are renewed.
const RENEWED_PERCENT: u64 = 92;
/// The same of those that have been given the final notice, and for how many years at least: the old term ended two years ago.
const SAVED_PERCENT: u64 = 30;
const SAVED_YEARS_MIN: u64 = 3;
/// A renewal comes at most so many days before the end of a term, and after it.
const RENEWAL_DAYS_BEFORE: i64 = 30;
const RENEWAL_DAYS_AFTER: i64 = 25;
/// How often things happen: so many times a day for a million names.
const CHANGES: u64 = 300;
const NAME_HOLDS: u64 = 60;
const UNIT_HOLDS: u64 = 20;
const REGISTRATIONS: u64 = 60;
const DELETIONS: u64 = 6;
const APPLICATIONS: u64 = 20;
/// A smaller registry is as busy as one of so many names, so that each of these happens in a short run too.
const NAMES_MIN: u64 = 50_000;
/// Reasons that are given during the year.
const REASONS: [&str; 5] = ["LEGAL", "PENALTY", "SITE_REVIEW_FAILED", "REGISTRY_ADMIN", "UNIT_REQUEST"];
/// Longest penalty in days (R56).
const PENALTY_DAYS_MAX: u64 = 90;

/// Who decides by lot, and what has happened so far.
pub struct Year {
    lot: Lot,
    applications: Applications,
    happened: BTreeMap<&'static str, u64>,
}

/// Numbers by lot, the same for the same seed (SplitMix64).
pub struct Lot(u64);

impl Lot {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end.max(1)
    }

    /// A position in a list of this length.
    pub fn position(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a length")
    }
}

impl Year {
    /// A year by this seed.
    pub fn new(seed: u64) -> Self {
        Self { lot: Lot::new(seed), applications: Applications::default(), happened: BTreeMap::new() }
    }

    /// What has happened so far, in words.
    pub fn summary(&self) -> String {
        let each: Vec<String> = self.happened.iter().map(|(what, times)| format!("{times} {what}")).collect();
        each.join(", ")
    }

    /// Lives one day; the names that it may have changed.
    pub fn live(&mut self, estate: &mut Estate, model: &mut Model) -> Vec<usize> {
        let mut touched = model.next_day();
        estate.set_day(model.today);
        self.count("deletions by the clock", model.deleted_today());
        self.renew(estate, model, &mut touched);
        for _ in 0..self.times(model, CHANGES) {
            self.change(estate, model, &mut touched);
        }
        for _ in 0..self.times(model, NAME_HOLDS) {
            self.hold_or_release_name(estate, model, &mut touched);
        }
        for _ in 0..self.times(model, UNIT_HOLDS) {
            self.hold_or_release_unit(estate, model, &mut touched);
        }
        for _ in 0..self.times(model, REGISTRATIONS) {
            self.register(estate, model, &mut touched);
        }
        for _ in 0..self.times(model, DELETIONS) {
            self.delete(estate, model, &mut touched);
        }
        self.apply(estate, model, &mut touched);
        touched
    }

    /// How many times something happens today that happens `rate` times a day among a million names.
    fn times(&mut self, model: &Model, rate: u64) -> u64 {
        let millionths = NAMES_MIN.max(model.names.len() as u64) * rate;
        millionths / 1_000_000 + u64::from(self.lot.below(1_000_000) < millionths % 1_000_000)
    }

    fn count(&mut self, what: &'static str, times: usize) {
        *self.happened.entry(what).or_default() += times as u64;
    }

    /// Each name has its own day for it, before or after its term ends, or in the last month before its deletion; some are
    /// never renewed.
    fn renew(&mut self, estate: &mut Estate, model: &mut Model, touched: &mut Vec<usize>) {
        for number in 0..model.names.len() {
            let name = &model.names[number];
            if !name.registered {
                continue;
            }
            let mut own = Lot::new(number as u64 ^ u64::from(name.expires.year().unsigned_abs()));
            let after = i64::try_from(own.below((RENEWAL_DAYS_BEFORE + RENEWAL_DAYS_AFTER) as u64)).unwrap_or(0);
            let (day, percent, years_min) = match name.leaving {
                Some(last) => (later(last, -1 - after / 2), SAVED_PERCENT, SAVED_YEARS_MIN),
                None => (later(name.expires, after - RENEWAL_DAYS_BEFORE), RENEWED_PERCENT, 2),
            };
            if day != model.today || own.below(100) >= percent {
                continue;
            }
            let years = i32::try_from(years_min + own.below(4)).expect("a small number");
            estate.expect(200, "POST", &format!("/v1/names/{}/renewals", name.name), &format!("{{\"years\":{years}}}"));
            let name = &mut model.names[number];
            self.count(if name.leaving.is_some() { "renewals at the last moment" } else { "renewals" }, 1);
            (name.expires, name.leaving) = (years_later(name.expires, years), None);
            touched.push(number);
        }
    }

    fn change(&mut self, estate: &mut Estate, model: &mut Model, touched: &mut Vec<usize>) {
        let number = self.lot.position(model.names.len());
        let name = &mut model.names[number];
        if !name.registered {
            return;
        }
        let resolution = match self.lot.below(10) {
            0 => Resolution::Forward,
            1 => Resolution::Servers,
            _ => Resolution::Address([203, 0, 113, u8::try_from(1 + self.lot.below(254)).expect("an octet")]),
        };
        let json = resolution.json(name.unit).expect("a resolution");
        let approvals = "[{\"level\":\"local\",\"by\":\"reviewer-1\"},{\"level\":\"central\",\"by\":\"reviewer-2\"}]";
        let body = format!("{{\"name\":\"{}\",\"resolution\":{json},\"approvals\":{approvals}}}", name.name);
        estate.expect(201, "POST", "/v1/changes", &body);
        name.resolution = resolution;
        touched.push(number);
        self.count("changes", 1);
    }

    fn hold_or_release_name(&mut self, estate: &mut Estate, model: &mut Model, touched: &mut Vec<usize>) {
        let today = model.today;
        let held = model.names.iter().position(|name| name.registered && !name.holds.is_empty());
        // Holds without an end are lifted, so that their number does not only grow.
        if let Some(number) = held.filter(|_| self.lot.below(2) == 0) {
            let name = &mut model.names[number];
            let (reason, _) = name.holds.pop_first().expect("it has one");
            estate.expect(200, "DELETE", &format!("/v1/names/{}/holds/{reason}", name.name), "");
            touched.push(number);
            return self.count("releases", 1);
        }
        let number = self.lot.position(model.names.len());
        let reason = REASONS[self.lot.position(REASONS.len())];
        let (body, end) = self.hold(reason, today);
        let name = &mut model.names[number];
        if name.registered {
            estate.expect(200, "PUT", &format!("/v1/names/{}/holds/{reason}", name.name), &body);
            name.holds.insert(reason, end);
            touched.push(number);
            self.count("holds of names", 1);
        }
    }

    fn hold_or_release_unit(&mut self, estate: &mut Estate, model: &mut Model, touched: &mut Vec<usize>) {
        let today = model.today;
        let held = model.units.iter().position(|unit| !unit.holds.is_empty()).filter(|_| self.lot.below(2) == 0);
        let number = held.unwrap_or_else(|| self.lot.position(model.units.len()));
        if held.is_some() {
            let unit = &mut model.units[number];
            let (reason, _) = unit.holds.pop_first().expect("it has one");
            estate.expect(200, "DELETE", &format!("/v1/units/{}/holds/{reason}", unit.id), "");
            self.count("releases", 1);
        } else {
            let reason = REASONS[self.lot.position(REASONS.len())];
            let (body, end) = self.hold(reason, today);
            let unit = &mut model.units[number];
            estate.expect(200, "PUT", &format!("/v1/units/{}/holds/{reason}", unit.id), &body);
            unit.holds.insert(reason, end);
            self.count("holds of units", 1);
        }
        touched.extend((0..model.names.len()).filter(|name| model.names[*name].unit == number));
    }

    /// A hold from now on; a penalty ends by itself.
    fn hold(&mut self, reason: &str, today: jiff::civil::Date) -> (String, Option<jiff::civil::Date>) {
        debug_assert!(PRECEDENCE.contains(&reason), "a reason of the model");
        if reason != "PENALTY" {
            return ("{\"evidence\":\"case-1\"}".into(), None);
        }
        let days = i64::try_from(1 + self.lot.below(PENALTY_DAYS_MAX - 1)).expect("a small number");
        let end = later(today, days);
        (format!("{{\"evidence\":\"case-2\",\"end\":\"{end}\"}}"), Some(end))
    }

    fn register(&mut self, estate: &mut Estate, model: &mut Model, touched: &mut Vec<usize>) {
        let from = self.lot.position(model.names.len());
        let free =
            |number: &usize| model.state(*number) == State::Free && !model.units[model.names[*number].unit].applies;
        let Some(number) = (from..model.names.len()).chain(0..from).find(free) else { return };
        let years = i32::try_from(2 + self.lot.below(9)).expect("a small number");
        let (today, unit) = (model.today, model.units[model.names[number].unit].id.clone());
        let name = &mut model.names[number];
        let body = format!("{{\"unit\":\"{unit}\",\"years\":{years},\"kind\":1}}");
        estate.expect(201, "PUT", &format!("/v1/names/{}", name.name), &body);
        name.register(years_later(today, years), Resolution::Nothing);
        touched.push(number);
        self.count("registrations", 1);
    }

    fn delete(&mut self, estate: &mut Estate, model: &mut Model, touched: &mut Vec<usize>) {
        let number = self.lot.position(model.names.len());
        let name = &mut model.names[number];
        if !name.registered {
            return;
        }
        estate.expect(200, "DELETE", &format!("/v1/names/{}", name.name), "");
        name.remove();
        touched.push(number);
        self.count("deletions", 1);
    }

    fn apply(&mut self, estate: &mut Estate, model: &mut Model, touched: &mut Vec<usize>) {
        let (registered, rejected) = self.applications.go_on(estate, model, &mut self.lot);
        self.count("registrations by application", registered.len());
        self.count("rejections", rejected);
        touched.extend(registered);
        for _ in 0..self.times(model, APPLICATIONS) {
            if self.applications.begin(estate, model, &mut self.lot) {
                self.count("applications", 1);
            }
        }
    }
}
