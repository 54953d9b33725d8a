//! The program held against the model: all counts, what was touched and a sample over DNS, every line of an export.

use super::day::Lot;
use super::estate::Estate;
use super::model::{Model, PRECEDENCE, Resolution, State};
use super::questions::{Said, ask_all};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

/// Names by lot that are asked each evening, besides those that were touched.
const SAMPLE: usize = 500;
/// Of all of them, so many are asked with dig too.
const DUG: usize = 40;
/// Where forwarded names point in the tests' configuration.
const GATEWAY: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How much was compared.
#[derive(Default)]
pub struct Verdicts {
    answers: u64,
    counts: u64,
    lines: u64,
}

impl Verdicts {
    /// How much was compared, in words.
    pub fn summary(&self) -> String {
        format!("{} / {} / {}", self.answers, self.counts, self.lines)
    }

    /// Counts, and the answers for `touched` and a sample.
    pub fn evening(&mut self, estate: &mut Estate, model: &Model, touched: &[usize]) {
        self.counts(estate, model);
        let mut lot = Lot::new(u64::from(model.today.year().unsigned_abs()) << 16 | model.today.day_of_year() as u64);
        let mut names = touched.to_vec();
        names.extend((0..SAMPLE).map(|_| lot.position(model.names.len())));
        names.sort_unstable();
        names.dedup();
        self.answers(estate.dns(), model, &names);
        let from = lot.position(names.len());
        names.rotate_left(from);
        names.truncate(DUG);
        self.dig(estate.dns(), model, &names);
    }

    /// Names by state and holds by reason, as the metrics tell them.
    fn counts(&mut self, estate: &mut Estate, model: &Model) {
        let (status, text) = estate.api.send("GET", "/metrics", "text/plain", b"");
        assert_eq!(status, 200, "{text}");
        let told = told(&text);
        for (counter, expected) in expected_counts(model) {
            let told = told.get(counter.as_str()).copied().unwrap_or(0);
            assert_eq!(told, expected, "{counter} on {}", model.today);
            self.counts += 1;
        }
    }

    fn answers(&mut self, server: SocketAddr, model: &Model, names: &[usize]) {
        let www: Vec<String> = names.iter().map(|number| format!("www.{}", model.names[*number].name)).collect();
        let bare: Vec<&str> = names.iter().map(|number| model.names[*number].name.as_str()).collect();
        for (said, number) in ask_all(server, &bare).into_iter().zip(names) {
            assert_eq!(said, expected(model, *number), "{} on {}", model.names[*number].name, model.today);
        }
        let www: Vec<&str> = www.iter().map(String::as_str).collect();
        for (said, number) in ask_all(server, &www).into_iter().zip(names) {
            assert_eq!(said, expected(model, *number), "www.{} on {}", model.names[*number].name, model.today);
        }
        self.answers += 2 * names.len() as u64;
    }

    /// The same with dig, which knows nothing of this program.
    fn dig(&mut self, server: SocketAddr, model: &Model, names: &[usize]) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let list = directory.path().join("names");
        let text: String = names.iter().map(|number| format!("{}. A\n", model.names[*number].name)).collect();
        fs::write(&list, text).expect("a writable directory");
        let at = format!("@{}", server.ip());
        let port = server.port().to_string();
        let mut dig = Command::new("dig");
        dig.args([&at, "-p", &port, "+noall", "+comments", "+answer", "+tries=3", "-f"]).arg(&list);
        let output = dig.output().expect("dig is installed");
        let text = String::from_utf8_lossy(&output.stdout);
        let answers: Vec<&str> = text.split(";; ->>HEADER<<-").skip(1).collect();
        assert_eq!(answers.len(), names.len(), "{text}");
        for (answer, number) in answers.iter().zip(names) {
            let wanted = expected(model, *number);
            let nxdomain = answer.contains("status: NXDOMAIN");
            let addresses = answer.lines().filter(|line| !line.starts_with(';'));
            let addresses = addresses.filter_map(|line| line.split_whitespace().nth(4)?.parse().ok());
            let addresses: Vec<Ipv4Addr> = addresses.collect();
            let same = match &wanted {
                Said::Addresses(expected) => !nxdomain && addresses == *expected,
                Said::Nxdomain(code) => nxdomain && code.is_none_or(|code| answer.contains(&format!("EDE: {code}"))),
                _ => answer.contains("status: NOERROR") && addresses.is_empty(),
            };
            assert!(same, "{} on {}: {wanted:?} expected, dig says {answer}", model.names[*number].name, model.today);
        }
        self.answers += names.len() as u64;
    }

    /// Every name and unit, line by line.
    pub fn export(&mut self, estate: &mut Estate, model: &Model) {
        let export = estate.export();
        let mut names = HashMap::new();
        let mut units = HashMap::new();
        for line in export.lines() {
            let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            if let Some(name) = value.get("name") {
                names.insert(text(&name["name"]), name.clone());
            } else if let Some(unit) = value.get("unit") {
                units.insert(text(&unit["id"]), unit.clone());
            } else if let Some(removed) = value.get("removed") {
                names.remove(&text(&removed["name"]));
            }
        }
        assert_eq!(names.len(), model.names.iter().filter(|name| name.registered).count(), "names of the export");
        assert_eq!(units.len(), model.units.len(), "units of the export");
        for (number, name) in model.names.iter().enumerate().filter(|(_, name)| name.registered) {
            let line = names.get(&name.name).unwrap_or_else(|| panic!("{} is missing", name.name));
            assert!(text(&line["expires"]).starts_with(&name.expires.to_string()), "{line}");
            let resolution = name.resolution.json(name.unit);
            assert_eq!(line["resolution"].is_null(), resolution.is_none(), "{line}");
            let mut expected: Vec<&str> = name.holds.keys().copied().collect();
            expected.extend((name.expires < model.today).then_some("EXPIRED"));
            assert_eq!(holds(line), sorted(expected), "{line} ({:?})", model.state(number));
            self.lines += 1;
        }
        for unit in &model.units {
            let line = &units[&unit.id];
            assert_eq!(holds(line), sorted(unit.holds.keys().copied().collect()), "{line}");
            self.lines += 1;
        }
    }
}

/// What the answer for A of a name must say.
fn expected(model: &Model, number: usize) -> Said {
    match model.state(number) {
        State::Active => match &model.names[number].resolution {
            Resolution::Address(octets) => Said::Addresses(vec![(*octets).into()]),
            Resolution::Forward => Said::Addresses(vec![GATEWAY]),
            Resolution::Servers => Said::Referral,
            Resolution::Nothing => Said::Nxdomain(None),
        },
        State::Inactive | State::Free => Said::Nxdomain(None),
        State::Expired => Said::Nxdomain(Some(0)),
        State::Held("LEGAL") => Said::Nxdomain(Some(16)),
        State::Held(_) => Said::Nxdomain(Some(15)),
    }
}

fn expected_counts(model: &Model) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for state in ["active", "inactive", "held", "expired"] {
        counts.insert(format!("zhengming_names{{set=\"xn--zfr164b\",state=\"{state}\"}}"), 0);
    }
    for reason in PRECEDENCE.into_iter().chain(["EXPIRED"]) {
        for object in ["name", "unit"] {
            counts.insert(format!("zhengming_holds{{object=\"{object}\",reason=\"{reason}\"}}"), 0);
        }
    }
    let mut count = |counter: String| *counts.get_mut(&counter).expect("all counters are there") += 1;
    let holds = |object: &str, reason: &str| format!("zhengming_holds{{object=\"{object}\",reason=\"{reason}\"}}");
    for (number, name) in model.names.iter().enumerate().filter(|(_, name)| name.registered) {
        let state = match model.state(number) {
            State::Active => "active",
            State::Inactive => "inactive",
            State::Held(_) => "held",
            State::Expired => "expired",
            State::Free => continue,
        };
        count(format!("zhengming_names{{set=\"xn--zfr164b\",state=\"{state}\"}}"));
        name.holds.keys().for_each(|reason| count(holds("name", reason)));
        if name.expires < model.today {
            count(holds("name", "EXPIRED"));
        }
    }
    for unit in &model.units {
        unit.holds.keys().for_each(|reason| count(holds("unit", reason)));
    }
    counts
}

/// The metrics, by name and labels.
fn told(text: &str) -> HashMap<&str, i64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
        .collect()
}

/// The reasons of the active holds of an exported object.
fn holds(line: &serde_json::Value) -> Vec<String> {
    let holds = line["holds"].as_array().map(Vec::as_slice).unwrap_or_default();
    let active = holds.iter().filter(|hold| hold["active"] == true);
    let mut reasons: Vec<String> = active.map(|hold| text(&hold["reason"])).collect();
    reasons.sort_unstable();
    reasons
}

fn sorted(mut reasons: Vec<&str>) -> Vec<String> {
    reasons.sort_unstable();
    reasons.into_iter().map(str::to_owned).collect()
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
