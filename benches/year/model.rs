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
    /// Whether it gets its names by an application.
    pub applies: bool,
}

/// A name.
pub struct Name {
    /// A-labels without a final dot.
    pub name: String,
    /// Its active variants, the same way: its simplified and its traditional form.
    pub forms: [Option<String>; 2],
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
    /// The day on which it will be deleted, once it was given the final notice.
    pub leaving: Option<Date>,
    /// Until which day its label is kept for its last holder.
    pub kept: Option<Date>,
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
/// Units that apply for both their names in the course of the year: one in so many, if it has two.
const APPLYING: usize = 40;
/// Names that nobody has paid for almost two years when the year begins: one in so many.
const FORSAKEN: usize = 60;
/// Where the applying units lie: the region of the demonstration's reviewer.
const REGION: &str = "620421";
/// Days from the end of a term until the final notice, from it until the deletion, and for which the label is kept then (R36, R37).
const UNPAID_DAYS: i64 = 730;
const FINAL_DAYS: i64 = 30;
const KEPT_DAYS: i64 = 365;

impl Model {
    /// When everything begins.
    pub const FIRST_DAY: Date = Date::constant(2027, 1, 1);

    /// A registry of these names, in the middle of its life.
    pub fn new(labels: &Labels, seed: u64) -> Self {
        let (mut units, mut names) = (Vec::new(), Vec::new());
        for unit in &labels.0 {
            let is_settled = unit.labels.iter().all(|of_name| of_name.is_settled);
            let applies = units.len() % APPLYING == 0 && unit.labels.len() == 2 && is_settled;
            for (slot, of_name) in unit.labels.iter().enumerate() {
                let number = names.len();
                let registered = number % LATER != LATER - 1 && !applies;
                names.push(Name {
                    name: format!("{}.{SUFFIX}", of_name.label),
                    forms: of_name.forms.each_ref().map(|label| Some(format!("{}.{SUFFIX}", label.as_ref()?))),
                    unit: units.len(),
                    kind: if slot == 0 { 1 } else { 5 },
                    expires: later(Self::FIRST_DAY, days_left(number, seed)),
                    resolution: match number % 20 {
                        _ if !registered => Resolution::Nothing,
                        0..15 => Resolution::Address([198, 51, 100, (number % 254) as u8 + 1]),
                        15..18 => Resolution::Forward,
                        18 => Resolution::Servers,
                        _ => Resolution::Nothing,
                    },
                    holds: BTreeMap::new(),
                    registered,
                    leaving: None,
                    kept: None,
                });
            }
            let region = if applies { REGION.to_owned() } else { unit.region.clone() };
            let (id, name) = (format!("u{}", units.len()), unit.name.clone());
            units.push(Unit { id, region, name, holds: BTreeMap::new(), applies });
        }
        Self { units, names, today: Self::FIRST_DAY }
    }

    /// Units, and active variants, in words.
    pub fn sizes(&self) -> String {
        let variants = self.names.iter().map(|name| name.variants().count()).sum::<usize>();
        format!("{} / {variants}", self.units.len())
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

    /// A day passes: holds that end, end, and so do registrations that nobody has paid for too long.
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
            let expired = name.registered && name.expires == yesterday;
            if ended(&mut name.holds) | freed[name.unit] | expired | name.go_on(today) {
                touched.push(number);
            }
        }
        touched
    }

    /// How many names the clock deletes today.
    pub fn deleted_today(&self) -> usize {
        let until = later(self.today, KEPT_DAYS);
        self.names.iter().filter(|name| name.kept == Some(until)).count()
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
                     \"kind\":{}{resolution},\"variants\":{{{}}}}}}}\n",
                    name.name,
                    name.expires,
                    name.kind,
                    name.forms_json()
                ));
            }
        }
    }
}

impl Name {
    /// Its active variants, each once.
    pub fn variants(&self) -> impl Iterator<Item = &String> {
        let [simplified, traditional] = &self.forms;
        simplified.iter().chain(traditional.iter().filter(move |form| simplified.as_ref() != Some(*form)))
    }

    fn forms_json(&self) -> String {
        let forms = ["simplified", "traditional"].into_iter().zip(&self.forms);
        let forms =
            forms.filter_map(|(form, name)| Some(format!("\"{form}\":\"{}\"", name.as_ref()?.split_once('.')?.0)));
        forms.collect::<Vec<_>>().join(",")
    }

    /// Goes on on its way to deletion, if it is on it; whether it is deleted today.
    fn go_on(&mut self, today: Date) -> bool {
        self.kept = self.kept.filter(|until| *until > today);
        if !self.registered || self.expires >= today {
            return false;
        }
        if self.leaving == Some(today) {
            self.remove();
            self.kept = Some(later(today, KEPT_DAYS));
            return true;
        }
        // The term ends with its last day, and the clock looks at noon.
        if self.leaving.is_none() && later(self.expires, UNPAID_DAYS) < today {
            self.leaving = Some(later(today, FINAL_DAYS));
        }
        false
    }

    /// Ends its registration.
    pub fn remove(&mut self) {
        (self.registered, self.resolution, self.leaving) = (false, Resolution::Nothing, None);
        self.holds.clear();
    }

    /// Begins one.
    pub fn register(&mut self, expires: Date, resolution: Resolution) {
        (self.registered, self.expires, self.resolution, self.kept) = (true, expires, resolution, None);
    }
}

/// In how many days a term ends when the year begins: evenly over five years, a few ended in the year before, some were
/// never renewed. Of those that were forsaken the first get their final notice on the first days, the last at the end of the year.
fn days_left(number: usize, seed: u64) -> i64 {
    let scattered = (number as u64).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 7;
    let below = |end: u64| i64::try_from(scattered % end).expect("a small number");
    if number.is_multiple_of(FORSAKEN) {
        let early = below(365) * below(365) / 365;
        return early - UNPAID_DAYS;
    }
    below(1_850) - 25
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

impl Unit {
    /// The division it lies in.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The path and the body that put it as it is.
    pub fn put(&self) -> (String, String) {
        let Self { id, region, name, .. } = self;
        (format!("/v1/units/{id}"), format!("{{\"name\":\"{name}\",\"kind\":\"organ\",\"region\":\"{region}\"}}"))
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
