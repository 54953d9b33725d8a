//! The review of a site from its opening to its pass: what is neglected stops the whole unit, what is done brings it back, and
//! nothing that happens to the process undoes either (registry-rules.md E9, E12, R22, R55).

use crate::kit::{NOON, import, name_line, owners, seen, shown, unit_line};
use crate::support::{PATIENCE, TestDaemon, ascii};
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

/// The last second to hand in what is opened on 22 November 2026, and that of the correction after it.
const SUBMIT_BY: &str = "2026-12-18T15:59:59Z";
const CORRECT_BY: &str = "2027-01-01T15:59:59Z";

fn ask(daemon: &TestDaemon, token: &str, method: &str, what: &str, body: &Value) -> Value {
    let path = format!("/v1/units/u1/site-review{what}");
    daemon.api(method, &path, token, Some(body)).expect_success().json()
}

fn set_clock(daemon: &TestDaemon, now: &str) {
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&json!({ "now": now }))).expect_success();
}

/// The second after `time`.
fn after(time: &str) -> String {
    time.replace("15:59:59", "16:00:00")
}

/// What dig shows of a name: status, flags and extended error.
fn dig(daemon: &TestDaemon, name: &str) -> String {
    let (port, name) = (daemon.dns().port().to_string(), ascii(name));
    let output = Command::new("dig").args(["@127.0.0.1", "-p", &port, "+nocookie", &name, "AAAA"]).output();
    let output = output.unwrap_or_else(|error| panic!("dig: {error}; tests/run installs it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = |line: &&str| ["status:", "flags:", "EDE:"].iter().any(|word| line.contains(word));
    text.lines().filter(told).collect::<Vec<_>>().join(" ")
}

/// All names of the unit, under all suffixes and with www, are denied for this reason; that of another unit answers.
#[track_caller]
fn expect_held(daemon: &TestDaemon, reason: &str) {
    for owner in ["甲", "乙"].into_iter().flat_map(owners) {
        let answer = dig(daemon, &owner);
        let told = ["status: NXDOMAIN", "flags: qr aa", "EDE: 15 (Blocked)", &format!("hold={reason}")];
        assert!(told.iter().all(|word| answer.contains(word)), "{owner}: {answer}");
    }
    assert_eq!(seen(&daemon.ask("丙.政务", RecordType::AAAA)), shown(9));
}

#[track_caller]
fn expect_resolving(daemon: &TestDaemon) {
    for (label, n) in [("甲", 1), ("乙", 2)] {
        for owner in owners(label) {
            assert_eq!(seen(&daemon.ask(&owner, RecordType::AAAA)), shown(n), "{owner}");
        }
    }
}

#[test]
fn a_neglected_site_stops_its_unit_and_the_pass_brings_it_back() {
    let mut daemon = TestDaemon::start_with(&["--test-clock", NOON], "");
    let lines = [
        unit_line("u1"),
        unit_line("u2"),
        name_line("甲.政务", "u1", "2030-01-01", Some(1)),
        name_line("乙.政务", "u1", "2030-01-01", Some(2)),
        name_line("丙.政务", "u2", "2030-01-01", Some(9)),
    ];
    import(&daemon, "names", &lines);
    let opened = ask(&daemon, "demo-admin", "POST", "", &json!({ "kind": "recheck" }));
    assert_eq!(opened["state"], "open");
    set_clock(&daemon, SUBMIT_BY);
    expect_resolving(&daemon);
    // The process is dead when the deadline passes, and does it with its next start.
    daemon.kill();
    daemon.set_arguments(&["--test-clock", &after(SUBMIT_BY)]);
    daemon.restart();
    expect_held(&daemon, "SITE_NOT_SUBMITTED");
    daemon.kill();
    daemon.restart();
    expect_held(&daemon, "SITE_NOT_SUBMITTED");

    // Handed in late and rejected; what is not corrected in time is graver, and both reasons stand.
    ask(&daemon, "demo-submitter", "POST", "/submission", &json!({ "name": "甲.政务" }));
    let no = json!({ "level": "local", "decision": "reject", "reason": "网站内容不完整" });
    assert_eq!(ask(&daemon, "demo-local", "POST", "/decisions", &no)["state"], "rejected");
    expect_held(&daemon, "SITE_NOT_SUBMITTED");
    set_clock(&daemon, &after(CORRECT_BY));
    expect_held(&daemon, "SITE_REVIEW_FAILED");
    let listed = daemon.api("GET", "/v1/site-reviews/held?format=csv", "demo-auditor", None).expect_success().text;
    assert!(
        listed.lines().count() == 3 && listed.contains("SITE_REVIEW_FAILED") && listed.contains("乙.政务"),
        "{listed}"
    );

    // Both reviews pass, and the organ's papers come: only then it is over.
    ask(&daemon, "demo-submitter", "POST", "/submission", &json!({ "name": "甲.政务" }));
    for (token, level, state) in [("demo-local", "local", "central_review"), ("demo-central", "central", "paper")] {
        let yes = json!({ "level": level, "decision": "approve" });
        assert_eq!(ask(&daemon, token, "POST", "/decisions", &yes)["state"], state);
        expect_held(&daemon, "SITE_REVIEW_FAILED");
    }
    let papers =
        json!({ "level": "paper", "decision": "approve", "papers": [{ "paper": "letter", "scan": "scan-1" }] });
    assert_eq!(ask(&daemon, "demo-local", "POST", "/decisions", &papers)["state"], "passed");
    expect_resolving(&daemon);
    // Killed right after the answer, with the store gone as well: the journal alone says the same.
    daemon.kill();
    std::fs::remove_dir_all(daemon.path("data/sled")).expect("the store");
    daemon.set_arguments(&["--test-clock", "2027-06-01T00:00:00Z"]);
    daemon.restart();
    expect_resolving(&daemon);
    let unit = daemon.api("GET", "/v1/units/u1", "demo-viewer", None).json();
    assert_eq!((&unit["site_review"]["state"], &unit["holds"]), (&json!("passed"), &json!([])), "{unit}");
}

/// What the outbox has told of the site, kind by kind, once as many are there.
fn told(daemon: &TestDaemon, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(daemon.path("outbox.jsonl")).unwrap_or_default();
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if lines.len() >= count {
            let ids: BTreeSet<&str> = lines.iter().filter_map(|line| line["id"].as_str()).collect();
            assert_eq!((lines.len(), ids.len()), (count, count), "{text}");
            return lines;
        }
        assert!(begun.elapsed() < PATIENCE, "{count} notices are not there:\n{text}\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A unit is told what is asked of it, reminded in time, and told what its silence has brought: once each, whatever happens
/// to the process and to the clock.
#[test]
fn a_unit_is_told_of_its_deadlines() {
    let toml = "[registry.site_review]\nnotices_days = [-10, -5]\n[outbox]\nfile = \"outbox.jsonl\"\n";
    let mut daemon = TestDaemon::start_with(&["--test-clock", NOON], toml);
    import(&daemon, "names", &[unit_line("u1"), name_line("甲.政务", "u1", "2030-01-01", Some(1))]);
    ask(&daemon, "demo-admin", "POST", "", &json!({ "kind": "recheck" }));
    let asked = &told(&daemon, 1)[0];
    assert_eq!(
        (&asked["kind"], &asked["unit"], &asked["state"]),
        (&json!("site_review_asked"), &json!("u1"), &json!("open"))
    );
    assert_eq!((&asked["deadline"], &asked["hold"]), (&json!(SUBMIT_BY), &json!("SITE_NOT_SUBMITTED")));
    assert_eq!((asked.get("name"), asked.get("expires")), (None, None), "{asked}");
    // The process is dead when both reminders fall due, and starts anew with the store gone: the later one is given.
    daemon.kill();
    std::fs::remove_dir_all(daemon.path("data/sled")).expect("the store");
    daemon.set_arguments(&["--test-clock", "2026-12-13T16:00:00Z"]);
    daemon.restart();
    let due = &told(&daemon, 2)[1];
    assert_eq!(
        (&due["kind"], &due["days"], &due["deadline"]),
        (&json!("site_review_due"), &json!(-5), &json!(SUBMIT_BY))
    );
    daemon.kill();
    daemon.restart();
    let foretold = daemon.api("GET", "/v1/simulate?at=2026-12-31", "demo-viewer", None).expect_success().json();
    assert_eq!(foretold["counts"]["notice:site_review_lapsed"], 1, "{foretold}");
    set_clock(&daemon, &after(SUBMIT_BY));
    let lapsed = &told(&daemon, 3)[2];
    assert_eq!((&lapsed["kind"], &lapsed["hold"]), (&json!("site_review_lapsed"), &json!("SITE_NOT_SUBMITTED")));
    daemon.kill();
    daemon.set_arguments(&["--test-clock", &after(SUBMIT_BY)]);
    daemon.restart();
    ask(&daemon, "demo-submitter", "POST", "/submission", &json!({ "name": "甲.政务" }));
    let no = json!({ "level": "local", "decision": "reject", "reason": "网站内容不完整" });
    ask(&daemon, "demo-local", "POST", "/decisions", &no);
    let corrected = &told(&daemon, 4)[3];
    assert_eq!(
        (&corrected["kind"], &corrected["state"]),
        (&json!("site_review_asked"), &json!("rejected")),
        "{corrected}"
    );
}
