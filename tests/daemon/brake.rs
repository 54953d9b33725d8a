//! The brake over the running program: the hour adds up, what waits still waits after a kill, and a clock that jumps stops
//! what is due and nothing else.

use crate::kit::{Asker, NOON, import, name_line, path_of, resolution, unit_line};
use crate::support::{PATIENCE, Reply, TestDaemon, program};
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use std::process::Output;

const NAMES: usize = 100;

fn name(n: usize) -> String {
    format!("名{n}.政务")
}

/// A registry of a hundred names of one unit.
fn registry(arguments: &[&str], expires: &str) -> TestDaemon {
    let daemon = TestDaemon::start_with(arguments, "");
    let names = (0..NAMES).map(|n| name_line(&name(n), "u1", expires, Some(8 * n as u32)));
    let lines: Vec<Value> = [unit_line("u1")].into_iter().chain(names).collect();
    import(&daemon, "names", &lines);
    daemon
}

fn hold(daemon: &TestDaemon, n: usize) -> Reply {
    let path = format!("{}/holds/REGISTRY_ADMIN", path_of(&name(n)));
    daemon.api("PUT", &path, "demo-operator", Some(&json!({ "evidence": "case-1" })))
}

fn set_clock(daemon: &TestDaemon, to: &Value) {
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(to)).expect_success();
    // What is asked now is answered after what fell due.
    daemon.api("GET", "/v1/units", "demo-viewer", None).expect_success();
}

/// How many names resolve.
fn resolving(daemon: &TestDaemon) -> usize {
    let asker = Asker::new(daemon.dns(), PATIENCE);
    let resolves = |n: &usize| !asker.ask(&name(*n), RecordType::AAAA).expect("an answer").answers.is_empty();
    (0..NAMES).filter(resolves).count()
}

/// What readiness says, and a metric.
fn ready(daemon: &TestDaemon, metric: &str) -> (u16, Value, String) {
    let reply = daemon.send("GET", "/readyz", &[], "", "");
    let metrics = daemon.send("GET", "/metrics", &[], "", "").text;
    let value = metrics.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' ')).map(str::to_owned);
    (reply.status, reply.json()["reasons"].clone(), value.expect("the metric"))
}

fn release(daemon: &TestDaemon, body: &Value) {
    daemon.api("POST", "/v1/brake/release", "demo-operator", Some(body)).expect_success();
}

#[test]
fn the_hour_adds_up_over_single_holds_and_a_kill() {
    let mut daemon = registry(&["--test-clock", NOON], "2030-01-31");
    for n in 0..15 {
        hold(&daemon, n).expect_success();
    }
    daemon.kill();
    daemon.set_arguments(&["--test-clock", "2026-11-22T12:50:00Z"]);
    daemon.restart();
    for n in 15..20 {
        hold(&daemon, n).expect_success();
    }
    // The twenty-first within the hour is one too many, however small the step.
    let refused = hold(&daemon, 20);
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("brake")), "{}", refused.text);
    assert_eq!(ready(&daemon, "zhengming_brake_engaged"), (503, json!(["brake"]), "1".into()));
    assert_eq!(resolving(&daemon), NAMES - 20);
    let brake = daemon.api("GET", "/v1/brake", "demo-viewer", None).json();
    assert_eq!((&brake["recent"]["xn--zfr164b"], &brake["stopped"]), (&json!(20), &json!("batch")), "{brake}");
    release(&daemon, &json!({ "reason": "属实", "names": 1 }));
    hold(&daemon, 20).expect_success();
    assert_eq!(ready(&daemon, "zhengming_brake_engaged"), (200, json!([]), "0".into()));
    // An hour after twenty more, there is room again.
    for n in 21..41 {
        hold(&daemon, n).expect_success();
    }
    set_clock(&daemon, &json!({ "now": "2026-11-22T13:52:00Z" }));
    hold(&daemon, 41).expect_success();
    assert_eq!(resolving(&daemon), NAMES - 42);
}

fn holds(daemon: &TestDaemon, arguments: &[&str]) -> Output {
    let url = format!("http://{}", daemon.admin());
    let mut command = program();
    command.arg("holds").args(arguments).args(["--url", &url]).env("ZHENGMING_TOKEN", "demo-operator");
    command.output().expect("the program was built")
}

#[test]
fn a_list_that_waits_still_waits_after_a_kill() {
    let mut daemon = registry(&["--test-clock", NOON], "2030-01-31");
    let rows: String = (0..30).map(|n| format!("{},SITE_REVIEW_FAILED,case-{n}\n", name(n))).collect();
    let list = daemon.path("list.csv").to_string_lossy().into_owned();
    std::fs::write(&list, format!("name,reason,evidence\n{rows}")).expect("a writable directory");
    let place = |daemon: &TestDaemon| holds(daemon, &["place", &list]);
    let err = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();

    let rehearsed = holds(&daemon, &["place", &list, "--dry-run"]);
    assert_eq!(rehearsed.status.code(), Some(1), "{}", err(&rehearsed));
    assert!(err(&rehearsed).contains(".政务: 30 of 100 names (30 %) would stop"), "{}", err(&rehearsed));
    assert!(err(&rehearsed).contains("the brake would stop it"), "{}", err(&rehearsed));
    assert_eq!(String::from_utf8_lossy(&rehearsed.stdout).lines().count(), 30);
    assert_eq!(ready(&daemon, "zhengming_brake_engaged").0, 200);

    let stopped = place(&daemon);
    assert_eq!(stopped.status.code(), Some(1), "{}", err(&stopped));
    assert!(err(&stopped).contains("brake: "), "{}", err(&stopped));
    for _ in 0..2 {
        assert_eq!(ready(&daemon, "zhengming_brake_engaged"), (503, json!(["brake"]), "1".into()));
        assert_eq!((resolving(&daemon), place(&daemon).status.code()), (NAMES, Some(1)));
        // Other changes go on.
        daemon.push(&name(50), &resolution(8)).expect_success();
        daemon.kill();
        daemon.restart();
    }
    release(&daemon, &json!({ "reason": "名单已核对" }));
    let done = place(&daemon);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    assert!(err(&done).contains("30 lines, held"), "{}", err(&done));
    assert_eq!(resolving(&daemon), NAMES - 30);

    // A list with a bad line lifts nothing, and says which.
    let lifts: String = (0..30).map(|n| format!("{},SITE_REVIEW_FAILED\n", name(n))).collect();
    std::fs::write(&list, format!("name,reason\n{lifts}{},LEGAL\n", name(3))).expect("a writable directory");
    let refused = holds(&daemon, &["lift", &list]);
    assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
    assert!(err(&refused).contains("line 32: hold_not_found"), "{}", err(&refused));
    assert_eq!(resolving(&daemon), NAMES - 30);
    std::fs::write(&list, format!("name,reason\n{lifts}")).expect("a writable directory");
    assert_eq!(holds(&daemon, &["lift", &list]).status.code(), Some(0));
    assert_eq!(resolving(&daemon), NAMES);

    // All of it is in the report.
    let report = daemon.path("report.csv").to_string_lossy().into_owned();
    let day = ["--from", "2026-11-22", "--to", "2026-11-22", "--region", "620421"];
    let written = holds(&daemon, &[&["export", "--output", &report][..], &day].concat());
    assert_eq!(written.status.code(), Some(0), "{}", err(&written));
    let report = std::fs::read_to_string(report).expect("the report");
    assert_eq!(report.lines().filter(|line| line.contains(",SITE_REVIEW_FAILED,")).count(), 30, "{report}");
    assert!(report.contains(",case-7,demo-operator,"), "{report}");
    let none = holds(&daemon, &["export", "--to", "2026-11-21"]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(0), 0), "{}", err(&none));
    assert_eq!(holds(&daemon, &["export", "--from", "someday"]).status.code(), Some(1));
}

#[test]
fn a_protected_name_waits_by_itself() {
    let daemon = TestDaemon::prepare(&["--test-clock", NOON], "");
    daemon.reconfigure("[registry]\n", "[registry]\nprotected_names = [\"名3.政务\"]\n");
    let mut daemon = daemon;
    daemon.restart();
    let lines: Vec<Value> = (0..5).map(|n| name_line(&name(n), "u1", "2030-01-31", Some(8 * n as u32))).collect();
    import(&daemon, "names", &[&[unit_line("u1")][..], &lines].concat());
    hold(&daemon, 2).expect_success();
    for refused in [hold(&daemon, 3), hold(&daemon, 4)] {
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("brake")), "{}", refused.text);
    }
    let brake = daemon.api("GET", "/v1/brake", "demo-viewer", None).json();
    assert_eq!((&brake["engaged"], &brake["names"]), (&json!(true), &json!(1)), "{brake}");
    let protected = brake["protected"].as_str().map(zhengming::idn::to_unicode);
    assert_eq!(protected.as_deref(), Some("名3.政务"), "{brake}");
    assert_eq!(ready(&daemon, "zhengming_brake_engaged").1, json!(["brake"]));
    let asker = Asker::new(daemon.dns(), PATIENCE);
    assert!(!asker.ask(&name(3), RecordType::AAAA).expect("an answer").answers.is_empty());
    release(&daemon, &json!({ "reason": "法院命令，已核对" }));
    hold(&daemon, 3).expect_success();
    assert!(asker.ask(&name(3), RecordType::AAAA).expect("an answer").answers.is_empty());
}

#[test]
fn a_clock_that_jumps_degrades_readiness_and_dns_goes_on() {
    let daemon = registry(&["--test-clock", NOON], "2027-01-31");
    let (clean, jumped) = ((200, json!([]), "0".to_owned()), (503, json!(["clock"]), "1".to_owned()));
    assert_eq!(ready(&daemon, "zhengming_clock_jumped"), clean);
    // Years ahead, where all terms have ended: nothing that is due happens.
    set_clock(&daemon, &json!({ "now": "2036-11-22T12:00:00Z", "jump": true }));
    assert_eq!(ready(&daemon, "zhengming_clock_jumped"), jumped);
    assert_eq!(resolving(&daemon), NAMES);
    let brake = daemon.api("GET", "/v1/brake", "demo-viewer", None).json();
    assert_eq!(brake["clock_jump"]["shown"], "2036-11-22T12:00:00Z", "{brake}");
    // What is asked goes on, by the time that has passed.
    let held = hold(&daemon, 0).expect_success().json();
    assert!(held["at"].as_str().is_some_and(|at| at.starts_with("2026-11-22T12:")), "{held}");
    assert_eq!(resolving(&daemon), NAMES - 1);
    // Set right again, it is trusted.
    set_clock(&daemon, &json!({ "now": "2026-11-22T12:00:01Z", "jump": true }));
    assert_eq!(ready(&daemon, "zhengming_clock_jumped"), clean);
    // Where the jump is right, an operator says so; what is due then is still for the brake to judge.
    set_clock(&daemon, &json!({ "now": "2027-02-01T00:00:00Z", "jump": true }));
    assert_eq!((ready(&daemon, "zhengming_clock_jumped"), resolving(&daemon)), (jumped, NAMES - 1));
    release(&daemon, &json!({ "reason": "时钟已校准" }));
    daemon.api("GET", "/v1/brake", "demo-viewer", None).expect_success();
    let (status, reasons, metric) = ready(&daemon, "zhengming_clock_jumped");
    assert_eq!((status, reasons, metric), (503, json!(["brake"]), "0".into()));
    assert_eq!(resolving(&daemon), NAMES - 1);
    release(&daemon, &json!({ "reason": "确已到期" }));
    daemon.api("GET", "/v1/brake", "demo-viewer", None).expect_success();
    assert_eq!((ready(&daemon, "zhengming_brake_engaged").0, resolving(&daemon)), (200, 0));
}
