//! E11: the penalty ladder, with dig: a warning, a suspension that lifts itself at a midnight in Shanghai, and the end
//! (registry-rules.md E11, R56).

use crate::kit::{NOON, import, name_line, path_of, unit_line};
use crate::support::{Reply, TestDaemon, ascii};
use serde_json::{Value, json};
use std::process::Command;

const NAMES: [&str; 2] = ["甲.政务", "乙.政务"];

fn set_clock(daemon: &TestDaemon, now: &str) {
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&json!({ "now": now }))).expect_success();
    // What is asked now is answered after what fell due.
    daemon.api("GET", "/v1/units", "demo-viewer", None).expect_success();
}

fn penalise(daemon: &TestDaemon, step: &str, end: Option<&str>) -> Reply {
    let body = json!({ "step": step, "violation": "DATA_MISMATCH", "evidence": "case-1", "end": end });
    daemon.api("POST", "/v1/units/u1/penalties", "demo-operator", Some(&body))
}

#[track_caller]
fn expect_refusal(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{}", reply.text);
}

/// Status, extended error and address of a name, as dig prints them.
fn dig(daemon: &TestDaemon, name: &str) -> String {
    let port = daemon.dns().port().to_string();
    let output = Command::new("dig").args(["@127.0.0.1", "-p", &port, "+nocookie", &ascii(name), "AAAA"]).output();
    let output = output.unwrap_or_else(|error| panic!("dig: {error}; tests/run installs it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = text.split_once("status: ").and_then(|(_, rest)| rest.split(',').next()).unwrap_or("none");
    let ede = text.split_once("EDE: ").and_then(|(_, rest)| rest.lines().next()).unwrap_or_default();
    let answered = text.lines().any(|line| !line.starts_with(';') && line.contains("AAAA"));
    format!("{status} {ede}{}", if answered { "answered" } else { "" })
}

#[track_caller]
fn expect(daemon: &TestDaemon, seen: &str) {
    for name in NAMES {
        assert_eq!(dig(daemon, name), seen, "{name}");
        assert_eq!(dig(daemon, &format!("www.{name}.cn")), seen, "{name}");
    }
}

#[test]
fn a_unit_is_warned_suspended_and_then_deleted_and_blacklisted() {
    let mut daemon = TestDaemon::start_with(&["--test-clock", NOON], "");
    let lines = [
        unit_line("u1"),
        unit_line("u2"),
        name_line(NAMES[0], "u1", "2030-01-31", Some(1)),
        name_line(NAMES[1], "u1", "2030-01-31", Some(2)),
    ];
    import(&daemon, "names", &lines);
    expect(&daemon, "NOERROR answered");
    // No step is skipped; a warning is on record and stops nothing.
    expect_refusal(&penalise(&daemon, "suspension", Some("2026-12-31")), 409, "penalty_out_of_order");
    penalise(&daemon, "warning", None).expect_success();
    expect(&daemon, "NOERROR answered");

    // It is 20:00 on 22 November in Shanghai: the ninetieth day from now is 20 February, whose midnight begins it.
    let refused = penalise(&daemon, "suspension", Some("2027-02-21"));
    expect_refusal(&refused, 422, "penalty_invalid");
    expect_refusal(&penalise(&daemon, "suspension", Some("2027-02-20")), 422, "penalty_invalid");
    let ninety_one_days = json!({ "evidence": "case-1", "start": "2026-11-23", "end": "2027-02-21" });
    let hold = daemon.api("PUT", "/v1/units/u1/holds/PENALTY", "demo-operator", Some(&ninety_one_days));
    expect_refusal(&hold, 422, "hold_invalid");
    expect(&daemon, "NOERROR answered");
    let suspended = penalise(&daemon, "suspension", Some("2027-02-19")).expect_success().json();
    assert_eq!((&suspended["state"], &suspended["residual_ttl_secs"]), (&json!("held"), &json!(62)), "{suspended}");
    expect(&daemon, "NXDOMAIN 15 (Blocked): (hold=PENALTY)");
    set_clock(&daemon, "2027-02-19T15:59:59Z");
    expect(&daemon, "NXDOMAIN 15 (Blocked): (hold=PENALTY)");
    set_clock(&daemon, "2027-02-19T16:00:00Z");
    expect(&daemon, "NOERROR answered");

    // The last step: the names are deleted, and the unit registers nothing any more.
    let deleted = penalise(&daemon, "deletion", None).expect_success().json();
    assert_eq!(deleted["state"], "blacklisted", "{deleted}");
    expect(&daemon, "NXDOMAIN 15 (Blocked): (hold=BLACKLIST)");
    daemon.kill();
    daemon.set_arguments(&["--test-clock", "2027-02-20T00:00:00Z"]);
    daemon.restart();
    expect(&daemon, "NXDOMAIN 15 (Blocked): (hold=BLACKLIST)");
    let name = daemon.api("GET", &path_of(NAMES[0]), "demo-viewer", None).json();
    assert_eq!(name["leaving"]["stage"], "pending_delete", "{name}");
    let unit = daemon.api("GET", "/v1/units/u1", "demo-viewer", None).json();
    let steps: Vec<&Value> =
        unit["penalties"].as_array().expect("a record").iter().map(|penalty| &penalty["step"]).collect();
    assert_eq!(steps, ["warning", "suspension", "deletion"]);
    let application = json!({
        "unit": "u1", "purpose": "site", "resolution": { "type": "A", "addresses": ["203.0.113.5"] },
        "slots": [{ "kind": 1, "name": "测试单位.政务", "years": 2 }, { "kind": 2, "name": "测试.政务", "years": 2 }],
    });
    let refused = daemon.api("POST", "/v1/applications", "demo-submitter", Some(&application));
    expect_refusal(&refused, 403, "unit_blacklisted");
    let term = json!({ "unit": "u1", "years": 2 });
    let refused = daemon.api("PUT", &path_of("测试.政务"), "demo-operator", Some(&term));
    expect_refusal(&refused, 403, "unit_blacklisted");
    expect_refusal(&penalise(&daemon, "warning", None), 403, "unit_blacklisted");

    // The row for the authority that takes the case on, and those of the holds there were.
    let row = daemon.api("GET", "/v1/blacklist?region=6204&format=csv", "demo-auditor", None).expect_success().text;
    let rows: Vec<&str> = row.lines().collect();
    assert_eq!(rows.len(), 2, "{row}");
    assert!(rows[0].starts_with("unit,name,kind,region,account,since"), "{row}");
    assert!(rows[1].starts_with("u1,测试单位u1,organ,620421,"), "{row}");
    assert!(rows[1].ends_with("2027-02-19T16:00:00Z,,case-1,demo-operator,DATA_MISMATCH,2"), "{row}");
    let text = daemon.api("GET", "/v1/holds?region=620421", "demo-auditor", None).expect_success().text;
    let holds: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        (holds.len(), &holds[0]["reason"], &holds[0]["lifted"]),
        (2, &json!("BLACKLIST"), &Value::Null),
        "{text}"
    );
    assert_eq!(holds[1]["lifted"], "2027-02-19T16:00:00Z", "{text}");

    // A year later the names are gone, and others may have them.
    set_clock(&daemon, "2028-02-19T16:00:00Z");
    assert_eq!(daemon.api("GET", &path_of(NAMES[0]), "demo-viewer", None).status, 404);
    assert_eq!(dig(&daemon, NAMES[0]), "NXDOMAIN ");
    let term = json!({ "unit": "u2", "years": 2 });
    assert_eq!(daemon.api("PUT", &path_of(NAMES[0]), "demo-operator", Some(&term)).status, 201);
}
