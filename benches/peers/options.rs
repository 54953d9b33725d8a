//! The options of a run, and where its results go.

use super::figures::Figures;
use super::plot;
use super::servers::Make;
use clap::{Parser, ValueEnum};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs Zhengming and its peers side by side.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Registered names; each has two owner names. The peers need up to 1.2 kB of memory for each.
    #[arg(long, default_value_t = 100_000)]
    pub names: usize,
    /// Servers to compare; all if none is told.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<Make>,
    /// What to measure.
    #[arg(long, value_delimiter = ',', default_values = ["udp", "tcp", "change"])]
    parts: Vec<Part>,
    /// Rounds; each measures every server in every scenario, in turned order every second time.
    #[arg(long, default_value_t = 6)]
    pub rounds: usize,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 1.0)]
    pub seconds: f64,
    /// Queries a second of the fixed load; each server must bear it.
    #[arg(long, default_value_t = 20_000)]
    pub rate: u32,
    /// Questions to compare Zhengming's answers with those of NSD, Knot and BIND for.
    #[arg(long)]
    pub compare: Option<usize>,
    /// Seconds of each phase of `sustained`.
    #[arg(long, default_value_t = 60)]
    pub sustain: u64,
    /// How often `sustained` is measured.
    #[arg(long, default_value_t = 1)]
    pub sustain_rounds: usize,
    /// The core of the servers.
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// The core of the generator.
    #[arg(long, default_value_t = 1)]
    pub generator_core: usize,
    /// Where zones and data are kept; a real disk.
    #[arg(long, default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/peers"))]
    pub directory: PathBuf,
    /// Where results are written, if anywhere.
    #[arg(long)]
    results: Option<PathBuf>,
    /// Be the echo on this port (the program starts itself so).
    #[arg(long, hide = true)]
    pub echo: Option<u16>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The scenarios over UDP.
    Udp,
    /// Connections and pipelined queries.
    Tcp,
    /// From a change to its answer.
    Change,
    /// Zhengming alone: changes, imports and a suspension while it answers 80 % of what it can.
    Sustained,
}

impl Options {
    /// What is not told, for `cargo bench` and for a trial.
    pub fn complete(mut self) -> Self {
        if !self.bench {
            self.names = self.names.min(TRIAL_NAMES);
            self.servers = vec![Make::Zhengming];
            self.rounds = 1;
            self.seconds = 0.2;
            self.rate = 2000;
        }
        self
    }

    /// The servers, after the two echoes; ours first among them, because the peers' zone has its serial.
    pub fn makes(&self) -> Vec<Make> {
        let mut makes = if self.servers.is_empty() { Make::SERVERS.to_vec() } else { self.servers.clone() };
        makes.extend([Make::Echo, Make::EchoAgain]);
        makes.sort_unstable();
        makes.dedup();
        makes
    }

    /// Whether a part is wanted.
    pub fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// The run in a line of JSON.
    pub fn about(&self) -> serde_json::Value {
        let first = |file: &str| fs::read_to_string(file).unwrap_or_default().lines().next().unwrap_or("?").to_owned();
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.split_once("model name")).map_or("?", |(_, model)| model);
        let versions: serde_json::Map<_, _> = self
            .makes()
            .iter()
            .filter(|make| !make.is_echo())
            .map(|make| (make.name().into(), make.version().into()))
            .collect();
        json!({
            "date": said(Command::new("date").arg("-u").arg("+%Y-%m-%dT%H:%MZ")),
            "commit": said(Command::new("git").args(["describe", "--always", "--dirty"])),
            "cpu": model.trim_matches(['\t', ' ', ':']),
            "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            "kernel": first("/proc/sys/kernel/osrelease"),
            "load": first("/proc/loadavg"),
            "parts": self.parts.iter().map(|part| format!("{part:?}").to_lowercase()).collect::<Vec<_>>(),
            "sustain": self.sustain, "sustain_rounds": self.sustain_rounds,
            "names": self.names, "rounds": self.rounds, "seconds": self.seconds, "rate": self.rate,
            "versions": versions,
        })
    }

    /// Writes the results where they were asked for: the figures, and a plot of each that compares servers.
    pub fn keep(&self, figures: &Figures, about: &serde_json::Value) {
        let Some(directory) = &self.results else { return };
        fs::create_dir_all(directory).expect("a writable directory");
        let date = about["date"].as_str().unwrap_or_default();
        // With the time of day: runs of one day do not take each other's place.
        let stem = format!("{}-{}", date.replace(':', ""), self.names);
        let date = date.split('T').next().unwrap_or_default();
        figures.write(&directory.join(format!("{stem}.jsonl")), about).expect("a writable directory");
        let subtitle = format!("{} names, {}, {date}", self.names, about["cpu"].as_str().unwrap_or_default());
        for (name, unit) in figures.names() {
            if PLOTTED.contains(&name) {
                let file = format!("{stem}-{}.svg", slug(name));
                plot::bars(figures, name, unit, &subtitle, &directory.join(file)).expect("a writable directory");
            }
        }
        println!("\nwritten to {}", Path::new(directory).display());
    }
}

/// Names of a trial.
const TRIAL_NAMES: usize = 400;

/// The figures that are drawn.
const PLOTTED: &[&str] = &[
    "CPU a query / echo, saturated",
    "answers a second, saturated",
    "latency p99, fixed load",
    "resident octets an owner name",
    "start until the first right answer",
    "connections and queries a second",
    "queries a second",
    "one change until answered, p50",
];

/// A name as a part of a file's name.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// The first line that a command prints.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("?").to_owned()
}
