//! What a measurement used up: processor time as the kernel counts it, fsyncs as the program does.

use super::clients::Api;
use super::figures::{micros_each, row};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// What the kernel has counted for the process so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Time on a CPU, all threads.
    pub cpu: Duration,
    /// Time on a CPU, the writer's thread.
    pub writer_cpu: Duration,
    /// Time that the writer's thread was ready to run, but had no CPU: on a busy machine the figures are too bad by it.
    pub writer_waited: Duration,
}

impl Usage {
    /// What the threads listed in a directory have used.
    pub fn read(threads: &Path) -> Self {
        let mut usage = Self::default();
        for thread in fs::read_dir(threads).expect("a process of ours").flatten() {
            // A thread may end between the listing and here.
            let Ok(counted) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
            let mut counted = counted.split_whitespace().filter_map(|number| number.parse().ok());
            let mut next = || Duration::from_nanos(counted.next().unwrap_or(0));
            let (cpu, waited) = (next(), next());
            usage.cpu += cpu;
            if fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.trim() == "writer") {
                (usage.writer_cpu, usage.writer_waited) = (cpu, waited);
            }
        }
        usage
    }

    /// Adds what was used meanwhile.
    pub fn add(&mut self, more: Self) {
        self.cpu += more.cpu;
        self.writer_cpu += more.writer_cpu;
        self.writer_waited += more.writer_waited;
    }

    /// What was used since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            writer_cpu: self.writer_cpu.saturating_sub(earlier.writer_cpu),
            writer_waited: self.writer_waited.saturating_sub(earlier.writer_waited),
        }
    }
}

/// Rows on what `count` objects cost while `took` passed.
pub fn row_usage(used: Usage, took: Duration, count: usize, unit: &str) {
    row(
        &format!("CPU per {unit}, all threads / writer"),
        &format!("{} / {}", micros_each(used.cpu, count), micros_each(used.writer_cpu, count)),
    );
    let share = |time: Duration| 100.0 * time.as_secs_f64() / took.as_secs_f64();
    let (on, off) = (share(used.writer_cpu), share(used.writer_waited));
    row("writer on a CPU / waiting for one", &format!("{on:.0} % / {off:.0} %"));
}

/// The journal's fsyncs so far, as the program counts them.
#[derive(Clone, Copy)]
pub struct Syncs {
    count: f64,
    secs: f64,
    transactions: f64,
}

impl Syncs {
    /// What was counted until now.
    pub fn read(api: &mut Api) -> Self {
        Self {
            count: api.metric("zhengming_journal_fsync_seconds_count"),
            secs: api.metric("zhengming_journal_fsync_seconds_sum"),
            transactions: api.metric("zhengming_journal_group_transactions_sum"),
        }
    }

    /// What was counted since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            count: self.count - earlier.count,
            secs: self.secs - earlier.secs,
            transactions: self.transactions - earlier.transactions,
        }
    }

    /// In words, for the time that passed.
    pub fn summary(self, took: Duration) -> String {
        let (mean, share) = (self.secs / self.count * 1e3, 100.0 * self.secs / took.as_secs_f64());
        let group = self.transactions / self.count;
        format!("{} of mean {mean:.2} ms, {share:.0} % of the time; {group:.2} transactions each", self.count)
    }
}
