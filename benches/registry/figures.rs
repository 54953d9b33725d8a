//! Figures: percentiles of times, and the table that is printed.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Measured times.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds all of `other`.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The least time that `percent` of them do not exceed.
    pub fn percentile(&self, percent: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
    }

    /// The usual percentiles, in milliseconds.
    pub fn summary(&self) -> String {
        let [p50, p90, p99, max] = [50.0, 90.0, 99.0, 100.0].map(|percent| millis(self.percentile(percent)));
        format!("p50 {p50}  p90 {p90}  p99 {p99}  max {max} ms")
    }

    /// All of them, for few.
    pub fn seconds(&self) -> String {
        self.0.iter().map(|time| format!("{:.2}", time.as_secs_f64())).collect::<Vec<_>>().join(" ")
    }
}

/// A time in milliseconds.
pub fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

/// A time per object in microseconds.
pub fn micros_each(time: Duration, count: usize) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6 / count.max(1) as f64)
}

/// Octets in MiB.
pub fn mebibytes(octets: u64) -> String {
    format!("{:.1} MiB", octets as f64 / f64::from(1 << 20))
}

/// A line of the table, printed at once: a long run shows how far it is.
pub fn row(what: &str, figure: &str) {
    println!("{what:<58} {figure}");
}

/// A heading of the table.
pub fn heading(text: &str) {
    println!("\n{text}");
}

/// The machine as far as it decides the figures.
pub fn describe_machine(directory: &Path) {
    let first_line = |file: &str| fs::read_to_string(file).unwrap_or_default().lines().next().unwrap_or("?").to_owned();
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("?");
    let count = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    row("machine", &format!("{count} CPUs, {}", model.trim_matches(['\t', ' ', ':'])));
    row("kernel", &first_line("/proc/sys/kernel/osrelease"));
    row("load before", &first_line("/proc/loadavg"));
    let (kind, source) = file_system(directory).unwrap_or_default();
    row("disk", &format!("{kind} on {source}: {}", directory.display()));
    if matches!(kind.as_str(), "tmpfs" | "ramfs") {
        println!("!! {kind} is memory: its fsync costs nothing. Set DIR to a directory on a disk.");
    }
}

/// Kind and source of the file system that a directory is on (proc(5), mountinfo).
fn file_system(directory: &Path) -> Option<(String, String)> {
    let directory = directory.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let (place, device) = line.split_once(" - ")?;
        let mut device = device.split(' ');
        Some((place.split(' ').nth(4)?, device.next()?, device.next()?))
    });
    let (_, kind, source) = mounts.filter(|(at, ..)| directory.starts_with(at)).max_by_key(|(at, ..)| at.len())?;
    Some((kind.into(), source.into()))
}
