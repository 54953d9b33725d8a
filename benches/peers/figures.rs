//! What was measured: gathered, printed as tables, written as JSON lines.

use super::servers::Make;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// All figures of a run, in the order they came.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

/// One figure of one server in one scenario, with its value in each round.
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The scenario; empty if there is none.
    pub scenario: String,
    /// Whose.
    pub make: Make,
    /// One for each round.
    pub values: Vec<f64>,
}

impl Figures {
    /// Adds a value.
    pub fn add(&mut self, name: &'static str, unit: &'static str, scenario: &str, make: Make, value: f64) {
        let mut all = self.0.iter_mut();
        match all.find(|figure| figure.name == name && figure.scenario == scenario && figure.make == make) {
            Some(figure) => figure.values.push(value),
            None => self.0.push(Figure { name, unit, scenario: scenario.to_owned(), make, values: vec![value] }),
        }
    }

    /// The names of all, each once, with the unit.
    pub fn names(&self) -> Vec<(&'static str, &'static str)> {
        let mut names = Vec::new();
        for figure in &self.0 {
            if !names.contains(&(figure.name, figure.unit)) {
                names.push((figure.name, figure.unit));
            }
        }
        names
    }

    /// The scenarios that a figure was taken in.
    pub fn scenarios(&self, name: &str) -> Vec<&str> {
        let mut scenarios = Vec::new();
        for figure in self.0.iter().filter(|figure| figure.name == name) {
            if !scenarios.contains(&figure.scenario.as_str()) {
                scenarios.push(&figure.scenario);
            }
        }
        scenarios
    }

    /// The servers that it was taken of.
    pub fn makes(&self, name: &str) -> Vec<Make> {
        let mut makes: Vec<Make> =
            self.0.iter().filter(|figure| figure.name == name).map(|figure| figure.make).collect();
        makes.sort_unstable();
        makes.dedup();
        makes
    }

    /// One figure.
    pub fn get(&self, name: &str, scenario: &str, make: Make) -> Option<&Figure> {
        self.0.iter().find(|figure| figure.name == name && figure.scenario == scenario && figure.make == make)
    }

    /// Prints a table for each name: a line for each server, a column for each scenario. The median, and in brackets
    /// what half of the rounds lay between.
    pub fn print(&self) {
        for (name, unit) in self.names() {
            let scenarios = self.scenarios(name);
            println!("\n{name}{}", if unit.is_empty() { String::new() } else { format!(" [{unit}]") });
            print!("{:<12}", "");
            scenarios.iter().for_each(|scenario| print!("{scenario:>28}"));
            println!();
            for make in self.makes(name) {
                print!("{:<12}", make.name());
                for scenario in &scenarios {
                    let cell = self.get(name, scenario, make).map(Figure::cell).unwrap_or_default();
                    print!("{cell:>28}");
                }
                println!();
            }
        }
    }

    /// Writes them, one JSON object a line, below a line about the run.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, path: &Path, run: &serde_json::Value) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "{run}")?;
        for figure in &self.0 {
            let [low, median, high] = figure.quartiles().map(rounded);
            let line = json!({
                "server": figure.make.name(), "scenario": figure.scenario, "figure": figure.name, "unit": figure.unit,
                "median": median, "low": low, "high": high, "rounds": figure.values.len(),
            });
            writeln!(file, "{line}")?;
        }
        file.into_inner()?.sync_all()
    }
}

impl Figure {
    /// The first quartile, the median and the third quartile.
    pub fn quartiles(&self) -> [f64; 3] {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        [0.25, 0.5, 0.75].map(|part| {
            let at = part * (sorted.len() - 1) as f64;
            let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
            below + (above - below) * at.fract()
        })
    }

    fn cell(&self) -> String {
        let [low, median, high] = self.quartiles().map(text);
        if self.values.len() == 1 { median } else { format!("{median} ({low}..{high})") }
    }
}

/// A number with as many digits as mean something.
pub fn text(value: f64) -> String {
    match value.abs() {
        1000.0.. => format!("{value:.0}"),
        100.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
