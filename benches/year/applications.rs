//! Units that apply for their names: two reviews, a fee, a remittance; each application goes a step on the days of its lot.

use super::day::Lot;
use super::estate::Estate;
use super::model::{Model, Resolution, State, years_later};
use serde_json::{Value, json};

/// What a name costs a year, in yuan (R25): the program's default for 政务.
const YUAN: u64 = 300;
/// Of a hundred applications, so many are rejected at the first review.
const REJECTED_PERCENT: u64 = 10;

/// All that are under way.
#[derive(Default)]
pub struct Applications(Vec<Application>);

struct Application {
    unit: usize,
    /// Positions of the two names it is for.
    names: Vec<usize>,
    years: i32,
    resolution: Resolution,
    id: String,
    awaits: Step,
}

/// What comes next, with the order or remittance that it is about.
enum Step {
    LocalReview,
    CentralReview,
    Fee,
    Remittance(String),
    Recognition(String),
}

impl Applications {
    /// A unit hands an application in, if there is one that has none under way and holds none of its names.
    pub fn begin(&mut self, estate: &mut Estate, model: &Model, lot: &mut Lot) -> bool {
        let from = lot.position(model.units.len());
        let is_free = |unit: &usize| {
            model.units[*unit].applies
                && self.0.iter().all(|under_way| under_way.unit != *unit)
                && names_of(model, *unit).iter().all(|name| model.state(*name) == State::Free)
        };
        let Some(unit) = (from..model.units.len()).chain(0..from).find(is_free) else { return false };
        let names = names_of(model, unit);
        let years = i32::try_from(2 + lot.below(9)).expect("a small number");
        let resolution = if lot.below(4) == 0 { Resolution::Forward } else { Resolution::Address([192, 0, 2, 1]) };
        let plan: Value = resolution.json(unit).and_then(|text| serde_json::from_str(&text).ok()).expect("a plan");
        let slot = |(kind, name): (usize, &usize)| json!({ "kind": kind + 1, "name": model.names[*name].name, "years": years });
        let slots: Vec<Value> = names.iter().enumerate().map(slot).collect();
        let body = json!({ "unit": model.units[unit].id, "purpose": "site", "slots": slots, "resolution": plan });
        let receipt = estate.call("demo-submitter", "POST", "/v1/applications", &body.to_string());
        let id = text(&receipt["id"]);
        self.0.push(Application { unit, names, years, resolution, id, awaits: Step::LocalReview });
        true
    }

    /// Some of them go a step on; the names that are registered by it, and how many were rejected.
    pub fn go_on(&mut self, estate: &mut Estate, model: &mut Model, lot: &mut Lot) -> (Vec<usize>, usize) {
        let (mut registered, mut rejected) = (Vec::new(), 0);
        self.0.retain_mut(|application| {
            if lot.below(2) == 0 {
                return true;
            }
            if matches!(application.awaits, Step::LocalReview) && lot.below(100) < REJECTED_PERCENT {
                application.decide(
                    estate,
                    "demo-local",
                    json!({ "level": "local", "decision": "reject", "reason": "no" }),
                );
                rejected += 1;
                return false;
            }
            let stays = application.go_on(estate);
            if !stays {
                registered.extend(application.register(model));
            }
            stays
        });
        (registered, rejected)
    }
}

impl Application {
    /// One step; whether there is another after it.
    fn go_on(&mut self, estate: &mut Estate) -> bool {
        let next = match &self.awaits {
            Step::LocalReview => {
                self.decide(estate, "demo-local", json!({ "level": "local", "decision": "approve", "confirm": true }));
                Step::CentralReview
            }
            Step::CentralReview => {
                let yes = json!({ "level": "central", "decision": "approve", "confirm": true });
                self.decide(estate, "demo-central", yes);
                Step::Fee
            }
            Step::Fee => {
                let fee = estate.call("demo-submitter", "GET", &format!("/v1/applications/{}/fee", self.id), "");
                assert_eq!(text(&fee["amount"]), self.amount(), "{fee}");
                let order = text(&fee["order"]);
                let body = json!({ "invoice": format!("24622000-{order}"), "payer": "unit" }).to_string();
                estate.call("demo-admin", "POST", &format!("/v1/orders/{order}/confirmation"), &body);
                Step::Remittance(order)
            }
            Step::Remittance(order) => {
                let body = json!({ "orders": [order], "amount": self.amount() }).to_string();
                Step::Recognition(text(&estate.call("demo-admin", "POST", "/v1/remittances", &body)["id"]))
            }
            Step::Recognition(remittance) => {
                let body = json!({ "amount": self.amount() }).to_string();
                estate.call("demo-finance", "POST", &format!("/v1/remittances/{remittance}/recognition"), &body);
                return false;
            }
        };
        self.awaits = next;
        true
    }

    fn decide(&self, estate: &mut Estate, token: &str, decision: Value) {
        estate.call(token, "POST", &format!("/v1/applications/{}/decisions", self.id), &decision.to_string());
    }

    /// What all its names cost.
    fn amount(&self) -> String {
        let years = u64::from(self.years.unsigned_abs());
        format!("{}.00", self.names.len() as u64 * years * YUAN)
    }

    /// Its names are registered, with its plan.
    fn register(&self, model: &mut Model) -> Vec<usize> {
        let expires = years_later(model.today, self.years);
        for name in &self.names {
            model.names[*name].register(expires, self.resolution.clone());
        }
        self.names.clone()
    }
}

/// The positions of a unit's names.
fn names_of(model: &Model, unit: usize) -> Vec<usize> {
    // They stand in the order of their units.
    let first = model.names.partition_point(|name| name.unit < unit);
    (first..model.names.len()).take_while(|name| model.names[*name].unit == unit).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
