//! The program held against the model: all counts, what was touched and a sample over DNS, every line of an export.

use super::day::Lot;
use super::estate::Estate;
use super::model::{Model, PRECEDENCE, Resolution, State};
use super::questions::{Said, ask_all};
use serde_json::Value;
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

    /// Each name, its variants, and `www` below them.
    fn answers(&mut self, server: SocketAddr, model: &Model, names: &[usize]) {
        let asked: Vec<(String, usize)> = labelled(model, names)
            .flat_map(|(name, number)| [(format!("www.{name}"), number), (name, number)])
            .collect();
        let questions: Vec<&str> = asked.iter().map(|(name, _)| name.as_str()).collect();
        for (said, (name, number)) in ask_all(server, &questions).into_iter().zip(&asked) {
            assert_eq!(said, expected(model, *number), "{name} on {}", model.today);
        }
        self.answers += asked.len() as u64;
    }

    /// The same with dig, which knows nothing of this program.
    fn dig(&mut self, server: SocketAddr, model: &Model, names: &[usize]) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let list = directory.path().join("names");
        let asked: Vec<(String, usize)> = labelled(model, names).collect();
        let text: String = asked.iter().map(|(name, _)| format!("{name}. A\n")).collect();
        fs::write(&list, text).expect("a writable directory");
        let at = format!("@{}", server.ip());
        let port = server.port().to_string();
        let mut dig = Command::new("dig");
        // From another address: dig shares ports, and from the server's own port its questions would come back to it.
        dig.args(["-b", "127.0.0.2", &at, "-p", &port, "+noall", "+comments", "+answer", "+tries=3", "-f"]).arg(&list);
        let output = dig.output().expect("dig is installed");
        let text = String::from_utf8_lossy(&output.stdout);
        let answers: Vec<&str> = text.split(";; ->>HEADER<<-").skip(1).collect();
        assert_eq!(answers.len(), asked.len(), "{text}");
        for (answer, (name, number)) in answers.iter().zip(&asked) {
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
            assert!(same, "{name} on {}: {wanted:?} expected, dig says {answer}", model.today);
        }
        self.answers += asked.len() as u64;
    }

    /// Every unit, name and kept label, line by line.
    pub fn export(&mut self, estate: &Estate, model: &Model) {
        let names: HashMap<&str, usize> = model.names.iter().enumerate().map(|(n, name)| (&*name.name, n)).collect();
        let units: HashMap<&str, usize> = model.units.iter().enumerate().map(|(n, unit)| (&*unit.id, n)).collect();
        let (mut registered, mut there) = (vec![false; names.len()], vec![false; units.len()]);
        let mut kept = vec![false; names.len()];
        estate.lines("/v1/export", &mut |line| {
            let value: Value = serde_json::from_str(line).expect("a line of JSON");
            if let Some(name) = value.get("name") {
                let number = names[text(&name["name"])];
                check_name(model, number, name);
                registered[number] = true;
            } else if let Some(unit) = value.get("unit") {
                let number = units[text(&unit["id"])];
                assert_eq!(holds(unit), sorted(model.units[number].holds.keys().copied().collect()), "{unit}");
                there[number] = true;
            } else if let Some(label) = value.get("kept") {
                let number = names[text(&label["name"])];
                let until = model.names[number].kept.unwrap_or_else(|| panic!("{label} is kept"));
                assert!(text(&label["until"]).starts_with(&until.to_string()), "{label}");
                kept[number] = true;
            } else if let Some(removed) = value.get("removed") {
                registered[names[text(&removed["name"])]] = false;
            }
        });
        for (number, name) in model.names.iter().enumerate() {
            assert_eq!(registered[number], name.registered, "{} in the export", name.name);
            assert_eq!(kept[number], name.kept.is_some(), "{} among the kept ones of the export", name.name);
        }
        assert!(there.iter().all(|there| *there), "a unit is missing in the export");
        let lines = [registered, there, kept].concat();
        self.lines += lines.into_iter().filter(|line| *line).count() as u64;
    }
}

/// The names, and their variants, with whose they are.
fn labelled<'m>(model: &'m Model, names: &'m [usize]) -> impl Iterator<Item = (String, usize)> + 'm {
    names.iter().flat_map(move |number| {
        let name = &model.names[*number];
        std::iter::once(&name.name).chain(name.variants()).map(move |name| (name.clone(), *number))
    })
}

/// The line of a name in an export.
fn check_name(model: &Model, number: usize, line: &Value) {
    let name = &model.names[number];
    assert!(text(&line["expires"]).starts_with(&name.expires.to_string()), "{line}");
    assert_eq!(text(&line["unit"]), model.units[name.unit].id, "{line}");
    assert_eq!(line["resolution"].is_null(), name.resolution == Resolution::Nothing, "{line}");
    let mut expected: Vec<&str> = name.holds.keys().copied().collect();
    expected.extend((name.expires < model.today).then_some("EXPIRED"));
    assert_eq!(holds(line), sorted(expected), "{line} ({:?})", model.state(number));
    let variants = ["simplified", "traditional"].map(|form| line["variants"][form].as_str());
    let expected = name.forms.each_ref().map(|form| Some(form.as_ref()?.split_once('.')?.0));
    assert_eq!(variants, expected, "{line}");
    let until = line["leaving"]["until"].as_str();
    assert_eq!(until.is_some(), name.leaving.is_some(), "{line}");
    assert!(until.zip(name.leaving).is_none_or(|(until, last)| until.starts_with(&last.to_string())), "{line}");
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

/// The counters that the metrics must have, all of them.
fn expected_counts(model: &Model) -> BTreeMap<String, i64> {
    let mut states = BTreeMap::from(["active", "inactive", "held", "expired"].map(|state| (state, 0)));
    let reasons = PRECEDENCE.into_iter().chain(["EXPIRED"]);
    let mut holds: BTreeMap<(&str, &str), i64> =
        reasons.flat_map(|reason| [(("name", reason), 0), (("unit", reason), 0)]).collect();
    let mut hold = |object, reason| *holds.get_mut(&(object, reason)).expect("all reasons are there") += 1;
    for (number, name) in model.names.iter().enumerate().filter(|(_, name)| name.registered) {
        let state = match model.state(number) {
            State::Active => "active",
            State::Inactive => "inactive",
            State::Held(_) => "held",
            State::Expired => "expired",
            State::Free => continue,
        };
        *states.get_mut(state).expect("all states are there") += 1;
        name.holds.keys().for_each(|reason| hold("name", *reason));
        if name.expires < model.today {
            hold("name", "EXPIRED");
        }
    }
    for unit in &model.units {
        unit.holds.keys().for_each(|reason| hold("unit", *reason));
    }
    let states = states
        .into_iter()
        .map(|(state, count)| (format!("zhengming_names{{set=\"xn--zfr164b\",state=\"{state}\"}}"), count));
    let holds = holds.into_iter().map(|((object, reason), count)| {
        (format!("zhengming_holds{{object=\"{object}\",reason=\"{reason}\"}}"), count)
    });
    states.chain(holds).collect()
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
fn holds(line: &Value) -> Vec<&str> {
    let holds = line["holds"].as_array().map(Vec::as_slice).unwrap_or_default();
    let active = holds.iter().filter(|hold| hold["active"] == true);
    let mut reasons: Vec<&str> = active.map(|hold| text(&hold["reason"])).collect();
    reasons.sort_unstable();
    reasons
}

fn sorted(mut reasons: Vec<&str>) -> Vec<&str> {
    reasons.sort_unstable();
    reasons
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
