//! What one client of the crash test has in the registry: the steps it takes, what they should leave, and what is there.

use crate::kit::{NOON, Random, SUFFIXES, Seen, name_line, path_of, resolution, shown, unit_line, version_of};
use crate::support::ascii;
use serde_json::{Value, json};

/// Names of the first unit; each lives by itself.
const ALONE: usize = 4;
/// Names of the second unit; imports change all of them together.
const TOGETHER: usize = 8;
/// The first of the names' terms ends in this year, and later ones up to ten years from now.
const YEARS: std::ops::Range<i32> = 2028..2036;
/// The name that goes through both reviews.
const REVIEWED: usize = 0;
/// The name that is renewed, deleted and registered anew.
const RENEWED: usize = 3;

/// Units and names of one client; nobody else changes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estate {
    client: usize,
    /// Whether each unit is held.
    held: [bool; 2],
    names: Vec<Name>,
    /// The version that waits for its reviews, and whether the first of them is done.
    pending: Option<(u32, bool)>,
}

/// One name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    registered: bool,
    /// The number of its resolution; 0 if there is none.
    version: u32,
    held: bool,
    /// When its term ends.
    year: i32,
}

/// One write, which happens whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Push(usize, u32),
    HoldName(usize, bool),
    HoldUnit(usize, bool),
    Batch(u32),
    Enter(u32),
    Renew,
    Delete,
    Submit(u32),
    Local,
    Central,
}

/// How a step is asked for.
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub token: &'static str,
    pub content_type: &'static str,
    pub body: String,
}

impl Estate {
    /// Before anything is registered.
    pub fn new(client: usize) -> Self {
        let name = Name { registered: true, version: 0, held: false, year: YEARS.start };
        Self { client, held: [false; 2], names: vec![name; ALONE + TOGETHER], pending: None }
    }

    /// The lines that register everything.
    pub fn lines(&self) -> Vec<Value> {
        let units = (0..2).map(|unit| unit_line(&self.unit(unit)));
        units.chain((0..self.names.len()).map(|name| self.line(name, None))).collect()
    }

    fn unit(&self, unit: usize) -> String {
        format!("c{}-{unit}", self.client)
    }

    fn label(&self, name: usize) -> String {
        format!("测{}试{name}", self.client)
    }

    fn full(&self, name: usize) -> String {
        format!("{}.政务", self.label(name))
    }

    fn line(&self, name: usize, version: Option<u32>) -> Value {
        let unit = self.unit(usize::from(name >= ALONE));
        name_line(&self.full(name), &unit, &format!("{}-06-30", self.names[name].year), version)
    }

    /// The name that goes through both reviews.
    pub fn reviewed(&self) -> String {
        self.full(REVIEWED)
    }

    /// A step that changes something; `version` is a new number.
    pub fn choose(&self, random: &mut Random, version: u32) -> Step {
        let pushed = 1 + random.below(2);
        match random.below(8) {
            0 | 1 => match self.pending {
                None => Step::Submit(version),
                Some((_, false)) => Step::Local,
                Some((_, true)) => Step::Central,
            },
            2 | 3 => Step::Push(pushed, version),
            4 => Step::HoldName(pushed, !self.names[pushed].held),
            5 => {
                let unit = random.below(2);
                Step::HoldUnit(unit, !self.held[unit])
            }
            6 => Step::Batch(version),
            _ if !self.names[RENEWED].registered => Step::Enter(version),
            _ if self.names[RENEWED].year >= YEARS.end || random.below(4) == 0 => Step::Delete,
            _ => Step::Renew,
        }
    }

    /// What the step leaves.
    pub fn after(&self, step: Step) -> Self {
        let mut after = self.clone();
        match step {
            Step::Push(name, version) => after.names[name].version = version,
            Step::HoldName(name, held) => after.names[name].held = held,
            Step::HoldUnit(unit, held) => after.held[unit] = held,
            Step::Batch(version) => after.names[ALONE..].iter_mut().for_each(|name| name.version = version),
            Step::Enter(version) => {
                after.names[RENEWED] = Name { registered: true, version, held: false, year: YEARS.start };
            }
            Step::Renew => after.names[RENEWED].year += 2,
            Step::Delete => {
                after.names[RENEWED] = Name { registered: false, version: 0, held: false, year: YEARS.start };
            }
            Step::Submit(version) => after.pending = Some((version, false)),
            Step::Local => after.pending = self.pending.map(|(version, _)| (version, true)),
            Step::Central => {
                after.names[REVIEWED].version = self.pending.expect("a change waits").0;
                after.pending = None;
            }
        }
        after
    }

    /// How to ask for the step. `change` is the id of what waits; `id` names an import.
    pub fn request(&self, step: Step, change: &str, id: &str) -> Request {
        let operator = |method, path: String, body: Value| Request {
            method,
            path,
            token: "demo-operator",
            content_type: "application/json",
            body: if body.is_null() { String::new() } else { body.to_string() },
        };
        let import = |lines: Vec<Value>| Request {
            method: "POST",
            path: format!("/v1/import?id={id}"),
            token: "demo-operator",
            content_type: "application/x-ndjson",
            body: lines.iter().map(|line| format!("{line}\n")).collect(),
        };
        let hold = |path: String, held: bool| {
            let path = format!("{path}/holds/LEGAL");
            if held {
                operator("PUT", path, json!({ "evidence": "doc-1" }))
            } else {
                operator("DELETE", path, Value::Null)
            }
        };
        let decide = |token, level| Request {
            method: "POST",
            path: format!("/v1/changes/{change}/decisions"),
            token,
            content_type: "application/json",
            body: json!({ "level": level, "decision": "approve" }).to_string(),
        };
        match step {
            Step::Push(name, version) => {
                let approvals = json!([{ "level": "local", "by": "r1" }, { "level": "central", "by": "r2" }]);
                let body =
                    json!({ "name": self.full(name), "resolution": resolution(version), "approvals": approvals });
                operator("POST", "/v1/changes".into(), body)
            }
            Step::HoldName(name, held) => hold(path_of(&self.full(name)), held),
            Step::HoldUnit(unit, held) => hold(format!("/v1/units/{}", self.unit(unit)), held),
            Step::Batch(version) => {
                import((ALONE..self.names.len()).map(|name| self.line(name, Some(version))).collect())
            }
            Step::Enter(version) => import(vec![self.line(RENEWED, Some(version))]),
            Step::Renew => operator("POST", path_of(&self.full(RENEWED)) + "/renewals", json!({ "years": 2 })),
            Step::Delete => operator("DELETE", path_of(&self.full(RENEWED)), Value::Null),
            Step::Submit(version) => {
                let body = json!({ "name": self.reviewed(), "resolution": resolution(version) });
                Request { token: "demo-submitter", ..operator("POST", "/v1/changes".into(), body) }
            }
            Step::Local => decide("demo-local", "local"),
            Step::Central => decide("demo-central", "central"),
        }
    }

    /// The estate as an export shows it; `pending` as the change itself says.
    pub fn read(&self, export: &[Value], pending: Option<(u32, bool)>) -> Self {
        let held = |object: &Value| !object["holds"].as_array().expect("holds").is_empty();
        let find = |kind: &str, key: &str, value: &str| {
            export.iter().map(|line| &line[kind]).find(|object| object[key] == value)
        };
        let name = |name: usize| {
            let ascii = ascii(&self.full(name));
            let Some(object) = find("name", "name", ascii.trim_end_matches('.')) else {
                return Name { registered: false, version: 0, held: false, year: YEARS.start };
            };
            let version = if object["resolution"].is_null() { 0 } else { version_of(&object["resolution"]) };
            let year = object["expires"].as_str().and_then(|text| text[..4].parse().ok()).expect("a year");
            Name { registered: true, version, held: held(object), year }
        };
        Self {
            client: self.client,
            held: [0, 1].map(|unit| held(find("unit", "id", &self.unit(unit)).expect("units stay"))),
            names: (0..self.names.len()).map(name).collect(),
            pending,
        }
    }

    /// What DNS should show at each owner name.
    pub fn shown(&self) -> impl Iterator<Item = (String, Seen)> {
        self.names.iter().enumerate().flat_map(move |(position, name)| {
            let resolves = name.version > 0 && !name.held && !self.held[usize::from(position >= ALONE)];
            let seen = if resolves { shown(name.version) } else { Seen::Absent };
            let host = ascii(&self.full(position));
            let label = host.split('.').next().expect("a label");
            let www = format!("www.{label}.{}", SUFFIXES[position % 2]);
            let names = SUFFIXES.map(|suffix| format!("{label}.{suffix}"));
            names.into_iter().chain([www]).map(move |owner| (owner, seen)).collect::<Vec<_>>()
        })
    }
}

/// The arguments of a program whose time stands still, so that terms are what the estate says.
pub const ARGUMENTS: [&str; 3] = ["--test-batches", "--test-clock", NOON];
