//! The rounds over UDP and TCP: all servers in turn, forwards and backwards, each figure beside the echo's of its round.

use super::figures::Figures;
use super::generator::{self, Load, Report};
use super::questions::{Questions, Scenario};
use super::servers::{Make, Server};
use super::{sys, tcp};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Before each measurement, to wake up the server and its caches.
const WARM_UP: Duration = Duration::from_millis(200);
/// The figure of connections that are opened for one query, few or many at once.
const CONNECTIONS_A_SECOND: &str = "connections and queries a second";

/// How long and how often.
pub struct Plan {
    /// Rounds; the order is turned round in every second.
    pub rounds: usize,
    /// One measurement.
    pub duration: Duration,
    /// Queries a second of the fixed load.
    pub rate: f64,
}

/// One server in one round.
struct Cost {
    make: Make,
    /// Microseconds on a CPU for an answered query, as fast as it can and at the fixed load.
    saturated: f64,
    paced: f64,
}

/// Rounds of one scenario over UDP.
///
/// # Panics
/// If a server answers wrongly.
pub fn udp(servers: &[Server], scenario: Scenario, questions: &Questions, plan: &Plan, figures: &mut Figures) {
    for round in 0..plan.rounds {
        let mut costs: Vec<Cost> = Vec::new();
        for server in in_turn(servers, round) {
            costs.push(one(server, scenario, questions, plan, figures));
        }
        let echo = |cost: fn(&Cost) -> f64, make| costs.iter().find(|one| one.make == make).map(cost);
        for (cost, figure) in [
            ((|one| one.saturated) as fn(&Cost) -> f64, "CPU a query / echo, saturated"),
            (|one| one.paced, "CPU a query / echo, fixed load"),
        ] {
            let (Some(first), Some(second)) = (echo(cost, Make::Echo), echo(cost, Make::EchoAgain)) else { continue };
            for one in &costs {
                // The second echo beside the first shows the noise.
                let beside = if one.make == Make::EchoAgain { first } else { f64::midpoint(first, second) };
                figures.add(figure, "", scenario.name(), one.make, cost(one) / beside);
            }
        }
    }
}

fn one(server: &Server, scenario: Scenario, questions: &Questions, plan: &Plan, figures: &mut Figures) -> Cost {
    let load = Load { to: server.address, questions, is_echo: server.make.is_echo() };
    let mut add = |figure, unit, value| figures.add(figure, unit, scenario.name(), server.make, value);
    check(server, &generator::saturate(&load, WARM_UP));

    let before = server.process.cpu();
    let report = generator::saturate(&load, plan.duration);
    let saturated = micros_each(server.process.cpu().saturating_sub(before), &report);
    check(server, &report);
    add("CPU a query, saturated", "µs", saturated);
    add("answers a second, saturated", "1/s", report.rate());
    add("lost, saturated", "%", 100.0 * report.lost as f64 / report.sent as f64);

    let before = server.process.cpu();
    let report = generator::pace(&load, plan.rate, plan.duration, &AtomicBool::new(false));
    let paced = micros_each(server.process.cpu().saturating_sub(before), &report);
    check(server, &report);
    add("CPU a query, fixed load", "µs", paced);
    add("lost, fixed load", "%", 100.0 * report.lost as f64 / report.sent as f64);
    for (percent, figure) in [(50.0, "latency p50, fixed load"), (99.0, "latency p99, fixed load")] {
        add(figure, "µs", report.percentile(percent, Duration::ZERO, plan.duration));
    }
    Cost { make: server.make, saturated, paced }
}

fn micros_each(cpu: Duration, report: &Report) -> f64 {
    cpu.as_secs_f64() * 1e6 / report.answered.max(1) as f64
}

fn check(server: &Server, report: &Report) {
    let name = server.make.name();
    assert!(report.wrong == 0, "{name}: {} of {} answers are wrong", report.wrong, report.sent);
    assert!(report.answered > 0, "{name} does not answer any more");
}

/// Rounds over TCP: a connection for each query, then many queries on few connections.
///
/// # Panics
/// If a server answers nothing.
pub fn tcp(servers: &[Server], questions: &Questions, plan: &Plan, figures: &mut Figures) {
    for round in 0..plan.rounds {
        for server in in_turn(servers, round).filter(|server| !server.make.is_echo()) {
            let measures: [(_, fn(_, _, _) -> _, _); 3] = [
                ("a connection each", |to, of, time| tcp::connections(to, of, time, tcp::FEW), CONNECTIONS_A_SECOND),
                ("many connections", |to, of, time| tcp::connections(to, of, time, tcp::MANY), CONNECTIONS_A_SECOND),
                ("pipelined", tcp::pipelined, "queries a second"),
            ];
            for (way, measure, figure) in measures {
                measure(server.address, questions, WARM_UP);
                let (before, ours) = (server.process.cpu(), sys::own_cpu());
                let report: tcp::Report = measure(server.address, questions, plan.duration);
                let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / report.answered as f64;
                let cpu = (server.process.cpu().saturating_sub(before), sys::own_cpu().saturating_sub(ours));
                assert!(report.answered > 0, "{} answers nothing over TCP", server.make.name());
                let way = format!("TCP, {way}");
                figures.add(figure, "1/s", &way, server.make, report.rate());
                figures.add("CPU a query over TCP", "µs", &way, server.make, each(cpu.0));
                figures.add("the generator's CPU a query over TCP", "µs", &way, server.make, each(cpu.1));
                figures.add("failed over TCP", "", &way, server.make, report.failed as f64);
            }
        }
    }
}

/// Forwards in one round, backwards in the next.
fn in_turn(servers: &[Server], round: usize) -> impl Iterator<Item = &Server> {
    (0..servers.len()).map(move |i| &servers[if round.is_multiple_of(2) { i } else { servers.len() - 1 - i }])
}
