//! The whole program under good, malformed and hostile traffic on every transport at once, while names change and zones
//! are reloaded: answers stay right, memory and descriptors stay flat, and the counters know every packet.
//!
//! The short form runs with the other tests. `SOAK_SECONDS=1800 cargo test --features test-clock --test soak --
//! --nocapture` goes on for half an hour; `SEED` repeats its random numbers. Frequent kinds of traffic are few lines each:
//! what a packet must get is written beside it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

mod changes;
mod connections;
mod encrypted;
mod flood;
#[path = "../daemon/kit.rs"]
#[allow(dead_code, reason = "a part of it is used")]
mod kit;
mod packets;
mod probes;
#[path = "../support/mod.rs"]
mod support;
mod tally;
mod usage;

use kit::{Random, import, name_line, seed, unit_line};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};
use support::{PATIENCE, TestDaemon};
use tally::Tally;
use usage::Usage;

/// Seconds of the form that runs with the other tests.
const SECONDS_DEFAULT: u64 = 24;
/// The first third, but no more seconds than this, lets buffers, threads and caches grow to their size.
const WARM_UP_SECS_MAX: u64 = 120;
/// Most KiB by which memory may grow after that: the allocator's arenas are never twice alike. Keeping one octet of
/// every packet would take more in half an hour, and so would keeping the buffers of one connection in a hundred.
const GROWTH_MAX_KIB: u64 = 6 * 1024;
/// Most KiB that one change may add: the journal is a file, but units, changes and idempotency keys are known for days.
const CHANGE_KIB: u64 = 4;
/// Descriptors that may be open more than before: kept connections of this test's own HTTP client.
const DESCRIPTORS_MAX: u64 = 20;

/// What is added to the tests' configuration. Probes come from 127.0.0.1, attacks from elsewhere in 127.0.0.0/8.
const CONFIGURATION: &str = "
[rate_limit]
exempt = ['127.0.0.1/32', '::1/128']
answers = 50
negatives = 50
referrals = 50
errors = 50
[server.tls]
dot_listen = ['127.0.0.1:0']
doh_listen = ['127.0.0.1:0']
doq_listen = ['127.0.0.1:0']
[[zones]]
apex = 'soak.example'
file = 'soak.zone'
";

/// What all kinds of traffic share.
pub struct Soak {
    daemon: TestDaemon,
    tally: Tally,
    seed: u64,
    /// How often [`Soak::run`] has begun.
    runs: AtomicU64,
    stop: AtomicBool,
}

impl Soak {
    /// Whether it goes on.
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Random numbers of one kind of traffic.
    fn random(&self, kind: u64) -> Random {
        Random(self.seed ^ kind << 32 ^ self.runs.load(Ordering::Relaxed) << 40)
    }

    /// Runs all kinds of traffic for so long. A panic in one of them ends all.
    fn run(&self, time: Duration) {
        self.stop.store(false, Ordering::Relaxed);
        self.runs.fetch_add(1, Ordering::Relaxed);
        let end = Instant::now() + time;
        thread::scope(|scope| {
            let kinds = [
                self.start(scope, probes::over_udp),
                self.start(scope, probes::over_tcp),
                self.start(scope, encrypted::probes),
                self.start(scope, packets::malformed),
                self.start(scope, packets::mutated),
                self.start(scope, flood::floods),
                self.start(scope, connections::abuse),
                self.start(scope, encrypted::abuse),
                self.start(scope, changes::changes),
                self.start(scope, changes::reloads),
            ];
            while Instant::now() < end && !kinds.iter().any(ScopedJoinHandle::is_finished) {
                thread::sleep(Duration::from_millis(50));
            }
            self.stop.store(true, Ordering::Relaxed);
        });
    }

    fn start<'s>(&'s self, scope: &'s Scope<'s, '_>, kind: fn(&Soak)) -> ScopedJoinHandle<'s, ()> {
        scope.spawn(move || kind(self))
    }

    /// Waits until every connection of the traffic has ended, and says what the process then holds.
    fn settled(&self) -> Usage {
        let start = Instant::now();
        while usage::open_connections(&self.daemon) > 0 {
            assert!(start.elapsed() < PATIENCE, "connections stay open that nobody holds");
            thread::sleep(Duration::from_millis(50));
        }
        Usage::of(&self.daemon)
    }
}

/// A server whose connections may be idle for so many seconds.
fn prepare(idle_secs: u64) -> TestDaemon {
    let mut daemon = TestDaemon::prepare(&[], CONFIGURATION);
    daemon.reconfigure("workers = 1\n", &format!("workers = 1\ntcp_idle_secs = {idle_secs}\n"));
    fs::write(daemon.path("soak.zone"), changes::zone_file(0)).unwrap();
    daemon.restart();
    let mut lines = vec![unit_line("u1")];
    lines.extend(
        [("甲.政务", 1), ("乙.政务", 3), ("丙.政务", 7)].map(|(name, n)| name_line(name, "u1", "2030-01-01", Some(n))),
    );
    lines.push(name_line("丁.政务", "u1", "2026-01-01", Some(4)));
    lines.extend((0..changes::NAMES).map(|n| name_line(&changes::name(n), "u1", "2030-01-01", Some(0))));
    import(&daemon, "soak", &lines);
    daemon
}

#[test]
fn mixed_traffic_leaves_answers_right_and_memory_flat() {
    let seconds = std::env::var("SOAK_SECONDS").ok().map_or(SECONDS_DEFAULT, |text| text.parse().expect("seconds"));
    // Soon enough that attackers' connections end while it runs, and not so soon that a loaded machine's good ones do.
    let idle_secs = (seconds / 12).clamp(1, 10);
    let warm_up = (seconds / 3).min(WARM_UP_SECS_MAX);
    let (runs, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut soak = Soak { daemon: prepare(idle_secs), tally: Tally::default(), seed: seed("soak"), runs, stop };
    packets::source_port_0(&soak);

    soak.run(Duration::from_secs(warm_up));
    let (warm, changes_before) = (soak.settled(), soak.tally.events("change"));
    // In tenths, so that a long run shows how memory goes.
    for tenth in 1..=10 {
        soak.run(Duration::from_millis((seconds - warm_up) * 100));
        println!("{tenth}0 %: {:?}, warm {warm:?}", soak.settled());
    }
    let after = soak.settled();
    println!("{}", soak.tally);

    let changes = soak.tally.events("change") - changes_before;
    let growth_max = GROWTH_MAX_KIB + changes * CHANGE_KIB;
    assert!(after.resident_kib < warm.resident_kib + growth_max, "memory: {warm:?}, then {after:?}");
    assert!(after.descriptors <= warm.descriptors + DESCRIPTORS_MAX, "descriptors: {warm:?}, then {after:?}");
    probes::check_passes(&soak);
    soak.tally.check(&soak.daemon);
    let log = soak.daemon.log();
    let fault = |line: &&str| line.contains("panicked") || line.contains(" ERROR ") && !line.contains(changes::KEPT);
    assert_eq!(log.lines().find(fault), None);
    let status = soak.daemon.stop();
    assert_eq!(status.code(), Some(0), "{}", soak.daemon.log());
}
