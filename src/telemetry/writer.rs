//! What the one writer counts: changes, holds, names, journal, store and snapshots.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Upper bounds of the fsync histogram in seconds: from a battery-backed cache to a disk that is failing.
const FSYNC_BUCKETS_SECS: [f64; 10] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];
/// Upper bounds of the group size histogram in transactions; a group never has more than 256.
const GROUP_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeResult {
    /// Durable and visible.
    Committed,
    /// Answered from the journal: its idempotency key was known.
    Replayed,
    /// Only tried.
    DryRun,
    /// Refused by the registry's rules, or its idempotency key was used for something else.
    Refused,
    /// Could not be written.
    Unwritable,
}

/// Handles of the writer's metrics; clones share them. Only the writer sets them.
#[derive(Clone)]
pub struct Writer {
    changes: IntCounterVec,
    holds: IntGaugeVec,
    names: IntGaugeVec,
    journal_seq: IntGauge,
    sealed_seq: IntGauge,
    fsync: Histogram,
    group: Histogram,
    queue: IntGauge,
    published: IntGauge,
    age: SnapshotAge,
    brake: IntGauge,
    clock_jumped: IntGauge,
    store_ready: IntGauge,
    writable: IntGauge,
    unloaded: IntGauge,
}

impl Writer {
    /// The handles, registered in `registry`.
    ///
    /// # Panics
    /// If they are registered there already.
    pub fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels).expect("the name and labels are valid");
            registry.register(Box::new(made.clone())).expect("each metric is registered once");
            made
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let made = IntGaugeVec::new(Opts::new(name, help), labels).expect("the name and labels are valid");
            registry.register(Box::new(made.clone())).expect("each metric is registered once");
            made
        };
        let gauge = |name: &str, help: &str| {
            let made = IntGauge::new(name, help).expect("the name is valid");
            registry.register(Box::new(made.clone())).expect("each metric is registered once");
            made
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            let made = Histogram::with_opts(options).expect("the name and buckets are valid");
            registry.register(Box::new(made.clone())).expect("each metric is registered once");
            made
        };
        let age = SnapshotAge::new();
        registry.register(Box::new(age.clone())).expect("each metric is registered once");
        Self {
            age,
            changes: counters("zhengming_changes_total", "Commands by kind and result.", &["kind", "result"]),
            holds: gauges("zhengming_holds", "Active holds on names and units by reason.", &["object", "reason"]),
            names: gauges("zhengming_names", "Registered names by suffix set and state.", &["set", "state"]),
            journal_seq: gauge("zhengming_journal_seq", "The last durable transaction."),
            sealed_seq: gauge("zhengming_journal_sealed_seq", "The last transaction that a seal covers."),
            fsync: histogram(
                "zhengming_journal_fsync_seconds",
                "Time the disk took to confirm one group of the journal.",
                &FSYNC_BUCKETS_SECS,
            ),
            group: histogram("zhengming_journal_group_transactions", "Transactions in one group.", &GROUP_BUCKETS),
            queue: gauge("zhengming_writer_queue_length", "Messages waiting for the writer."),
            published: gauge("zhengming_snapshot_published_timestamp_seconds", "When the snapshot was published."),
            brake: gauge("zhengming_brake_engaged", "1 while the brake on mass suspension waits for a release."),
            clock_jumped: gauge(
                "zhengming_clock_jumped",
                "1 while the clock shows another time than has passed; what is due waits.",
            ),
            store_ready: gauge("zhengming_store_ready", "1 while the store is in use, 0 while it is rebuilt."),
            writable: gauge("zhengming_writes_accepted", "1 while changes are accepted."),
            unloaded: gauge(
                "zhengming_zones_not_loaded",
                "Zones that are configured but could not be loaded; their names are answered with SERVFAIL.",
            ),
        }
    }

    /// Handles that nobody reads, for commands and tests that serve no metrics.
    pub fn detached() -> Self {
        Self::new(&Registry::new())
    }

    /// Counts a command of this kind (`change.submit`, `due`).
    pub fn changed(&self, kind: &str, result: ChangeResult) {
        self.changes.with_label_values(&[kind, result.as_str()]).inc();
    }

    /// Moves the number of active holds with this reason on objects of this kind (`name`, `unit`).
    pub fn holds_moved(&self, object: &str, reason: &str, by: i64) {
        self.holds.with_label_values(&[object, reason]).add(by);
    }

    /// Moves the number of names of this set in this state.
    pub fn names_moved(&self, set: &str, state: &str, by: i64) {
        self.names.with_label_values(&[set, state]).add(by);
    }

    /// How many zones are configured and not loaded.
    pub fn zones_unloaded(&self, zones: usize) {
        self.unloaded.set(i64::try_from(zones).unwrap_or(i64::MAX));
    }

    /// Starts counting holds and names from nothing.
    pub fn reset_objects(&self) {
        self.holds.reset();
        self.names.reset();
    }

    /// Notes a durable group: the last `seq`, how many transactions, and the time its fsync took.
    pub fn appended(&self, seq: u64, transactions: usize, took: Duration) {
        self.journal_seq.set(i64::try_from(seq).unwrap_or(i64::MAX));
        self.group.observe(transactions as f64);
        self.fsync.observe(took.as_secs_f64());
    }

    /// Notes the last line that is sealed.
    pub fn sealed(&self, seq: u64) {
        self.sealed_seq.set(i64::try_from(seq).unwrap_or(i64::MAX));
    }

    /// Notes where the journal ends when nothing was appended.
    pub fn journal_at(&self, seq: u64) {
        self.journal_seq.set(i64::try_from(seq).unwrap_or(i64::MAX));
    }

    /// Notes how many messages wait.
    pub fn queued(&self, messages: usize) {
        self.queue.set(i64::try_from(messages).unwrap_or(i64::MAX));
    }

    /// Notes when the snapshot was published, in seconds since 1970.
    pub fn published_at(&self, secs: i64) {
        self.published.set(secs);
        *self.age.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Notes whether the clock has jumped.
    pub fn clock_jumped(&self, jumped: bool) {
        self.clock_jumped.set(jumped.into());
    }

    /// Notes the writer's condition.
    pub fn condition(&self, brake_engaged: bool, store_ready: bool, writable: bool) {
        self.brake.set(brake_engaged.into());
        self.store_ready.set(store_ready.into());
        self.writable.set(writable.into());
    }
}

impl ChangeResult {
    fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Replayed => "replayed",
            Self::DryRun => "dry_run",
            Self::Refused => "refused",
            Self::Unwritable => "unwritable",
        }
    }
}

/// The age of what is served, read from the monotonic clock at each scrape: right also while the wall clock jumps.
#[derive(Clone)]
struct SnapshotAge {
    since: Arc<Mutex<Option<Instant>>>,
    gauge: Gauge,
}

impl SnapshotAge {
    fn new() -> Self {
        let help = "Time since what is served now was published.";
        let gauge = Gauge::new("zhengming_snapshot_age_seconds", help).expect("the name is valid");
        Self { since: Arc::default(), gauge }
    }
}

impl Collector for SnapshotAge {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        self.gauge.set(since.map_or(0.0, |since| since.elapsed().as_secs_f64()));
        self.gauge.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::TextEncoder;

    #[test]
    fn a_commit_is_seen_whole() {
        let registry = Registry::new();
        let writer = Writer::new(&registry);
        writer.appended(41, 3, Duration::from_micros(150));
        writer.changed("change.submit", ChangeResult::Committed);
        writer.names_moved("xn--zfr164b", "active", 10);
        writer.names_moved("xn--zfr164b", "active", -1);
        writer.holds_moved("unit", "LEGAL", 2);
        writer.published_at(1_700_000_000);
        writer.condition(true, true, false);
        let text = TextEncoder::new().encode_to_string(&registry.gather()).expect("a string takes every write");
        for line in [
            "zhengming_journal_seq 41",
            "zhengming_journal_group_transactions_sum 3",
            "zhengming_journal_fsync_seconds_bucket{le=\"0.0001\"} 0",
            "zhengming_journal_fsync_seconds_bucket{le=\"0.00025\"} 1",
            "zhengming_changes_total{kind=\"change.submit\",result=\"committed\"} 1",
            "zhengming_names{set=\"xn--zfr164b\",state=\"active\"} 9",
            "zhengming_holds{object=\"unit\",reason=\"LEGAL\"} 2",
            "zhengming_brake_engaged 1",
            "zhengming_writes_accepted 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
        assert!(text.contains("zhengming_snapshot_age_seconds "));
    }
}
