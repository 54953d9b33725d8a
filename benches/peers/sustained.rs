//! Zhengming under a fixed load of queries while names are changed, imported, and suspended all at once.

use super::clients::Api;
use super::estate::{Estate, LARGE_UNIT};
use super::figures::Figures;
use super::generator::{self, Load, Report};
use super::program;
use super::questions::{A, Questions, encode};
use super::servers::{Make, Server};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The load, as a share of what the server can.
const LOAD: f64 = 0.8;
/// How long it is found out what the server can, and how often: the median counts. Before each phase anew, for where other
/// virtual machines share the processor it changes by a third within seconds.
const CAPACITY: (Duration, usize) = (Duration::from_secs(1), 5);
/// Approved changes a second, and the clients that make them.
const CHANGES: u32 = 300;
const CLIENTS: u32 = 4;
/// Imported lines a second, in so many requests.
const IMPORTED: usize = 3000;
const IMPORTS: u32 = 10;
/// Windows that a percentile is taken of.
const WINDOW: Duration = Duration::from_secs(1);
/// Suspensions of the large unit, and the time between its return and the next one.
const SUSPENSIONS: usize = 5;
const PAUSE: Duration = Duration::from_secs(2);

const NXDOMAIN: u8 = 3;

/// What is measured on.
struct Bench<'a> {
    server: &'a Server,
    admin: SocketAddr,
    estate: &'a Estate,
    load: Load<'a>,
    duration: Duration,
}

/// Measures all of it, so many times; each phase takes so long.
///
/// # Panics
/// If a change is refused, or an answer is wrong.
pub fn all(
    server: &Server,
    estate: &Estate,
    questions: &Questions,
    (rounds, duration): (usize, Duration),
    figures: &mut Figures,
) {
    let load = Load { to: server.address, questions, is_echo: false };
    let admin = server.admin.expect("ours has an API");
    let bench = Bench { server, admin, estate, load, duration };
    for round in 0..rounds {
        println!("round {}", round + 1);
        let can = bench.capacity();
        let can = bench.phase("80 % load", can, figures, |_| 0);
        let can = bench.phase("80 % load, 300 changes/s", can, figures, |stop| bench.change(stop));
        let can = bench.phase("80 % load again", can, figures, |_| 0);
        let can = bench.phase("80 % load, 3,000 imported/s", can, figures, |stop| bench.import(stop));
        let can = bench.phase("80 % load, the third time", can, figures, |_| 0);
        bench.suspend(can, figures);
    }
}

impl Bench<'_> {
    /// Answers a second that it can give now.
    fn capacity(&self) -> f64 {
        let mut rates: Vec<f64> = (0..CAPACITY.1).map(|_| generator::saturate(&self.load, CAPACITY.0).rate()).collect();
        rates.sort_unstable_by(f64::total_cmp);
        rates[CAPACITY.1 / 2]
    }

    /// One phase: the load, 80 % of what the server `can`, and beside it what disturbs it. What that returns is how much it has
    /// done. What the server can afterwards.
    fn phase(
        &self,
        name: &str,
        can: f64,
        figures: &mut Figures,
        disturb: impl FnOnce(&AtomicBool) -> u64 + Send,
    ) -> f64 {
        let rate = LOAD * can;
        let (stop, before) = (AtomicBool::new(false), self.server.process.cpu());
        let (report, done) = thread::scope(|scope| {
            let disturbing = scope.spawn(|| disturb(&stop));
            let report = generator::pace(&self.load, rate, self.duration, &AtomicBool::new(false));
            stop.store(true, Ordering::Relaxed);
            (report, disturbing.join().expect("the disturbance works"))
        });
        let cpu = self.server.process.cpu().saturating_sub(before).as_secs_f64();
        assert_eq!(report.wrong, 0, "wrong answers while {name}");
        let (lost, cpu) = (100.0 * report.lost as f64 / report.sent as f64, 100.0 * cpu / report.elapsed.as_secs_f64());
        let can = self.capacity();
        let share = 100.0 * rate / can;
        println!(
            "{name}: {rate:.0} queries a second, {share:.0} % of what it can afterwards; {lost:.2} % lost, CPU {cpu:.0} %"
        );
        let mut add = |figure, unit, value| figures.add(figure, unit, name, Make::Zhengming, value);
        add("lost under load", "%", lost);
        add("load", "1/s", rate);
        add("load, of what it can afterwards", "%", share);
        add("answers a second under load", "1/s", report.rate());
        add("CPU under load", "% of a core", cpu);
        add("changes a second", "1/s", done as f64 / report.elapsed.as_secs_f64());
        for second in 0..(self.duration.as_secs() as u32).max(1) {
            let p99 = report.percentile(99.0, second * WINDOW, (second + 1) * WINDOW);
            add("query p99 of each second under load", "µs", p99);
        }
        can
    }

    /// Approved changes at a fixed rate; how many were made.
    fn change(&self, stop: &AtomicBool) -> u64 {
        let done = AtomicU64::new(0);
        let step = Duration::from_secs(1) / (CHANGES / CLIENTS);
        let names: Vec<usize> = self.estate.changed().filter(|index| !Estate::is_delegated(*index)).collect();
        thread::scope(|scope| {
            for names in names.chunks(names.len().div_ceil(CLIENTS as usize)) {
                scope.spawn(|| {
                    let (mut api, begun) = (Api::connect(self.admin), Instant::now());
                    for (i, index) in (0_u32..).zip(names.iter().cycle()) {
                        thread::sleep((begun + i * step).saturating_duration_since(Instant::now()));
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let round = 200 + i as usize / names.len() % 10;
                        let [_, b, c, d] = Estate::address(*index);
                        api.push(&self.estate.name(*index), [round as u8, b, c, d]);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        done.into_inner()
    }

    /// Imports at a fixed rate; how many names were imported.
    fn import(&self, stop: &AtomicBool) -> u64 {
        let (mut api, begun, mut done) = (Api::connect(self.admin), Instant::now(), 0);
        let mut names = self.estate.changed().filter(|index| !Estate::is_delegated(*index)).cycle();
        let run =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        for i in 0_u32.. {
            thread::sleep((begun + i * Duration::from_secs(1) / IMPORTS).saturating_duration_since(Instant::now()));
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let mut body = String::new();
            for index in names.by_ref().take(IMPORTED / IMPORTS as usize) {
                let [_, b, c, d] = Estate::address(index);
                body += &self.estate.changed_line(index, [211 + (i % 10) as u8, b, c, d]);
                done += 1;
            }
            program::import(&mut api, &format!("b{run}-{i}"), 1, body.as_bytes());
        }
        done
    }

    /// Suspends the large unit some times, under 80 % of what the server `can`.
    fn suspend(&self, can: f64, figures: &mut Figures) {
        let mut gone = Questions::default();
        for index in self.estate.suspended() {
            gone.push(&encode(&self.estate.name(index), A, None), NXDOMAIN);
        }
        let gone = Load { to: self.server.address, questions: &gone, is_echo: false };
        let path = format!("/v1/units/{LARGE_UNIT}/holds/REGISTRY_ADMIN");
        let stop = AtomicBool::new(false);
        let (report, spans): (Report, Vec<(Duration, Duration, Duration)>) = thread::scope(|scope| {
            let suspending = scope.spawn(|| {
                let _stop = StopAtEnd(&stop);
                let (mut api, begun, mut spans) = (Api::connect(self.admin), Instant::now(), Vec::new());
                for _ in 0..SUSPENSIONS {
                    thread::sleep(PAUSE);
                    let called = begun.elapsed();
                    call(&mut api, "PUT", &path, "{\"evidence\":\"measurement\"}");
                    let replied = begun.elapsed();
                    while generator::ask_all(&gone).wrong > 0 {}
                    spans.push((called, replied, begun.elapsed()));
                    call(&mut api, "DELETE", &path, "");
                }
                thread::sleep(PAUSE);
                spans
            });
            let report = generator::pace(&self.load, LOAD * can, Duration::from_secs(600), &stop);
            (report, suspending.join().expect("the suspensions work"))
        });
        assert_eq!(report.wrong, 0, "wrong answers while a unit is suspended");
        let scenario = format!("{} names at once", self.estate.large());
        let mut add = |figure, unit, value| figures.add(figure, unit, &scenario, Make::Zhengming, value);
        for (called, replied, gone) in spans {
            add("suspension until the reply", "ms", (replied - called).as_secs_f64() * 1e3);
            add("suspension until all were seen gone", "ms", (gone - called).as_secs_f64() * 1e3);
            add("query p99 in the second before", "µs", report.percentile(99.0, called.saturating_sub(WINDOW), called));
            add("query p99 until the reply", "µs", report.percentile(99.0, called, replied));
        }
        add("lost while suspending", "%", 100.0 * report.lost as f64 / report.sent as f64);
    }
}

/// Stops the load when it is dropped, in good order or by a panic.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn call(api: &mut Api, method: &str, path: &str, body: &str) {
    let (status, text) = api.send(method, path, "application/json", body.as_bytes());
    assert_eq!(status, 200, "{text}");
}
