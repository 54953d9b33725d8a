//! What the registry should be: plain lists that are walked whole, and no index that could be wrong.

use super::labels::Labels;
use jiff::civil::Date;
use jiff::{Span, ToSpan};
use std::collections::BTreeMap;

/// The suffix of organs: 政务.
const SUFFIX: &str = "xn--zfr164b";

/// A unit.
pub struct Unit {
    /// Its id.
    pub id: String,
    region: String,
    name: String,
    /// Reasons of active holds, and the day on whose end in Shanghai each ends by itself.
    pub holds: BTreeMap<&'static str, Option<Date>>,
}

/// A name.
pub struct Name {
    /// A-labels without a final dot.
    pub name: String,
    /// Position of its unit.
    pub unit: usize,
    kind: u8,
    /// The last day of its term.
    pub expires: Date,
    /// What is approved for it.
    pub resolution: Resolution,
    /// As those of units; EXPIRED follows from the term.
    pub holds: BTreeMap<&'static str, Option<Date>>,
    /// Whether it is registered (still, or already).
    pub registered: bool,
}

/// What a name resolves to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resolution {
    Nothing,
    Address([u8; 4]),
    Forward,
    Servers,
}

/// What is expected of a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Active,
    Inactive,
    /// By this reason.
    Held(&'static str),
    Expired,
    /// Not registered.
    Free,
}

/// The registry as it should be.
pub struct Model {
    /// All units.
    pub units: Vec<Unit>,
    /// All names that are, were or will be registered.
    pub names: Vec<Name>,
    /// The day it is.
    pub today: Date,
}

/// Reasons in order of precedence: the first active one decides.
pub const PRECEDENCE: [&str; 7] =
    ["LEGAL", "BLACKLIST", "PENALTY", "SITE_REVIEW_FAILED", "SITE_NOT_SUBMITTED", "REGISTRY_ADMIN", "UNIT_REQUEST"];

/// Names that are registered in the course of the year: one in so many.
const LATER: usize = 50;

impl Model {
    /// When everything begins.
    pub const FIRST_DAY: Date = Date::constant(2027, 1, 1);

    /// A registry of these names, in the middle of its life.
    pub fn new(labels: &Labels, seed: u64) -> Self {
        let (mut units, mut names) = (Vec::new(), Vec::new());
        for unit in &labels.0 {
            for (slot, label) in unit.labels.iter().enumerate() {
                let number = names.len();
                // Terms end evenly over five years; a few ended in the year before, some were never renewed.
                let scattered = (number as u64).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 7;
                let days = i64::try_from(scattered % 1_850).expect("a small number") - 25;
                names.push(Name {
                    name: format!("{label}.{SUFFIX}"),
                    unit: units.len(),
                    kind: if slot == 0 { 1 } else { 5 },
                    expires: later(Self::FIRST_DAY, days),
                    resolution: match number % 20 {
                        0..15 => Resolution::Address([198, 51, 100, (number % 254) as u8 + 1]),
                        15..18 => Resolution::Forward,
                        18 => Resolution::Servers,
                        _ => Resolution::Nothing,
                    },
                    holds: BTreeMap::new(),
                    registered: number % LATER != LATER - 1,
                });
            }
            let (id, region, name) = (format!("u{}", units.len()), unit.region.clone(), unit.name.clone());
            units.push(Unit { id, region, name, holds: BTreeMap::new() });
        }
        let mut model = Self { units, names, today: Self::FIRST_DAY };
        for name in &mut model.names {
            if !name.registered {
                name.resolution = Resolution::Nothing;
            }
        }
        model
    }

    /// What is expected of a name today.
    pub fn state(&self, name: usize) -> State {
        let name = &self.names[name];
        if !name.registered {
            return State::Free;
        }
        let unit = &self.units[name.unit];
        let held =
            PRECEDENCE.iter().find(|reason| name.holds.contains_key(*reason) || unit.holds.contains_key(*reason));
        match held {
            Some(reason) => State::Held(reason),
            None if name.expires < self.today => State::Expired,
            None if name.resolution == Resolution::Nothing => State::Inactive,
            None => State::Active,
        }
    }

    /// A day passes: holds that end, end.
    pub fn next_day(&mut self) -> Vec<usize> {
        let yesterday = self.today;
        self.today = later(yesterday, 1);
        let today = self.today;
        let ended = |holds: &mut BTreeMap<&'static str, Option<Date>>| {
            let before = holds.len();
            holds.retain(|_, end| end.is_none_or(|end| end >= today));
            before != holds.len()
        };
        let freed: Vec<bool> = self.units.iter_mut().map(|unit| ended(&mut unit.holds)).collect();
        let mut touched = Vec::new();
        for (number, name) in self.names.iter_mut().enumerate() {
            if ended(&mut name.holds) | freed[name.unit] | (name.registered && name.expires == yesterday) {
                touched.push(number);
            }
        }
        touched
    }

    /// The import that makes it.
    pub fn lines(&self, mut line: impl FnMut(String)) {
        let mut unit = usize::MAX;
        for name in &self.names {
            if name.unit != unit {
                unit = name.unit;
                let Unit { id, region, name, .. } = &self.units[unit];
                line(format!(
                    "{{\"unit\":{{\"id\":\"{id}\",\"name\":\"{name}\",\"kind\":\"organ\",\"region\":\"{region}\"}}}}\n"
                ));
            }
            if name.registered {
                let resolution = name.resolution.json(unit).map_or(String::new(), |resolution| {
                    format!(",\"resolution\":{resolution},\"basis\":\"migration\"")
                });
                line(format!(
                    "{{\"name\":{{\"name\":\"{}\",\"unit\":\"u{unit}\",\"registered\":\"2020-01-01\",\"expires\":\"{}\",\
                     \"kind\":{}{resolution}}}}}\n",
                    name.name, name.expires, name.kind
                ));
            }
        }
    }
}

impl Resolution {
    /// As the API takes it.
    pub fn json(&self, unit: usize) -> Option<String> {
        Some(match self {
            Self::Nothing => return None,
            Self::Address([a, b, c, d]) => {
                format!("{{\"type\":\"A\",\"addresses\":[\"{a}.{b}.{c}.{d}\"],\"www\":true}}")
            }
            Self::Forward => format!("{{\"type\":\"URL\",\"target\":\"https://u{unit}.example/index\",\"code\":302}}"),
            Self::Servers => {
                format!("{{\"type\":\"NS\",\"servers\":[\"ns1.u{unit}.example\",\"ns2.u{unit}.example\"]}}")
            }
        })
    }
}

/// So many days later.
pub fn later(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).expect("a day of this century")
}

/// So many years later; 28 February where there is no 29th (R24).
pub fn years_later(day: Date, years: i32) -> Date {
    day.checked_add(Span::new().years(years)).expect("a day of this century")
}
