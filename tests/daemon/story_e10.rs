//! E10: expiry and renewal, told to the units, and two unpaid years later deletion (registry-rules.md E10, R31–R37, R54).

use crate::kit::{NOON, import, name_line, path_of, unit_line};
use crate::receiver::Receiver;
use crate::support::{PATIENCE, TestDaemon, ascii};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

const OUTBOX: &str = "[outbox]\nfile = \"outbox.jsonl\"\n";

fn set_clock(daemon: &TestDaemon, now: &str) {
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&json!({ "now": now }))).expect_success();
    // What is asked now is answered after what fell due.
    daemon.api("GET", "/v1/units", "demo-viewer", None).expect_success();
}

/// Kind and name of each notice in the file, once as many are there.
fn told(daemon: &TestDaemon, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(daemon.path("outbox.jsonl")).unwrap_or_default();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        if lines.len() >= count {
            let ids: BTreeSet<&str> = lines.iter().filter_map(|line| line["id"].as_str()).collect();
            assert_eq!(ids.len(), lines.len(), "{text}");
            let word = |line: &Value| {
                let kind = line["kind"].as_str().expect("a kind");
                let days = line["days"].as_i64().map(|days| days.to_string()).unwrap_or_default();
                format!("{kind}{days} {}", line["name"].as_str().expect("a name"))
            };
            return lines.iter().map(word).collect();
        }
        assert!(begun.elapsed() < PATIENCE, "{count} notices are not there:\n{text}\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What two names that come in the order of their A-labels were told, in that of their U-labels.
fn both(told: &[String]) -> Vec<String> {
    let mut told = told.to_vec();
    told.sort_by_key(|told| !told.ends_with("乙.政务"));
    told
}

/// What dig says of the name: its status, the extended error, and the addresses.
fn dig(daemon: &TestDaemon, name: &str) -> String {
    let (port, name) = (daemon.dns().port().to_string(), ascii(name));
    let output = Command::new("dig").args(["@127.0.0.1", "-p", &port, "+nocookie", &name, "AAAA"]).output();
    let output = output.unwrap_or_else(|error| panic!("dig: {error}; tests/run installs it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| {
        line.contains("status:") || line.contains("EDE:") || (line.contains("AAAA") && !line.starts_with(';'))
    });
    lines.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn expect_expired(daemon: &TestDaemon, name: &str) {
    let answer = dig(daemon, name);
    assert!(answer.contains("status: NXDOMAIN") && answer.contains("hold=EXPIRED"), "{answer}");
}

#[track_caller]
fn expect_resolving(daemon: &TestDaemon, name: &str) {
    let answer = dig(daemon, name);
    assert!(answer.contains("status: NOERROR") && answer.contains("2001:db8::"), "{answer}");
}

#[test]
fn a_term_ends_is_renewed_and_ends_for_good() {
    let mut daemon = TestDaemon::start_with(&["--test-clock", NOON], OUTBOX);
    let lines = [
        unit_line("u1"),
        unit_line("u2"),
        name_line("甲.政务", "u1", "2027-01-31", Some(1)),
        name_line("乙.政务", "u1", "2027-01-31", Some(2)),
    ];
    import(&daemon, "names", &lines);
    // R31: the range's start may be left out, and its end is inclusive.
    let found = |to: &str| {
        let path = format!("/v1/names?expires_to={to}");
        daemon.api("GET", &path, "demo-viewer", None).expect_success().json()["items"].as_array().map(Vec::len)
    };
    assert_eq!((found("2027-01-30"), found("2027-01-31")), (Some(0), Some(2)));
    // Thirty days and a week before, one notice each for each name; in its second, not before, and not again.
    set_clock(&daemon, "2027-01-01T15:59:58Z");
    set_clock(&daemon, "2027-01-01T15:59:59Z");
    assert_eq!(both(&told(&daemon, 2)), ["expiring-30 乙.政务", "expiring-30 甲.政务"]);
    daemon.kill();
    daemon.set_arguments(&["--test-clock", "2027-01-24T15:59:59Z"]);
    daemon.restart();
    assert_eq!(both(&told(&daemon, 4)[2..]), ["expiring-7 乙.政务", "expiring-7 甲.政务"]);
    set_clock(&daemon, "2027-01-31T15:59:58Z");
    expect_resolving(&daemon, "甲.政务");
    set_clock(&daemon, "2027-01-31T15:59:59Z");
    expect_expired(&daemon, "甲.政务");
    expect_expired(&daemon, "乙.政务");
    set_clock(&daemon, "2027-02-05T15:59:59Z");
    assert_eq!(both(&told(&daemon, 6)[4..]), ["expired5 乙.政务", "expired5 甲.政务"]);

    // Renewed it resolves, and counts from its old end.
    let renewal = json!({ "years": 2 });
    let renew = |daemon: &TestDaemon, name: &str| {
        daemon.api("POST", &format!("{}/renewals", path_of(name)), "demo-operator", Some(&renewal))
    };
    renew(&daemon, "甲.政务").expect_success();
    expect_resolving(&daemon, "甲.政务");
    let shown = daemon.api("GET", &path_of("甲.政务"), "demo-viewer", None).json();
    assert_eq!(shown["expires"], "2029-01-31T15:59:59Z", "{shown}");

    // What will become of the other is told beforehand, and nothing happens by telling.
    let foretold = daemon.api("GET", "/v1/simulate?at=2030-12-31", "demo-viewer", None).expect_success().json();
    assert_eq!(foretold["counts"]["deleted"], 1, "{foretold}");
    assert_eq!(foretold["days"]["2029-01-30"]["notice:final"], 1, "{foretold}");
    assert_eq!(foretold["days"]["2029-03-01"]["deleted"], 1, "{foretold}");
    assert_eq!(foretold["days"]["2029-01-31"]["held:EXPIRED"], 1, "{foretold}");
    assert_eq!(foretold["next"], Value::Null);

    // Two unpaid years, and a month of final notice.
    set_clock(&daemon, "2029-01-30T15:59:58Z");
    let leaving =
        |daemon: &TestDaemon| daemon.api("GET", &path_of("乙.政务"), "demo-viewer", None).json()["leaving"].clone();
    assert_eq!(leaving(&daemon), Value::Null);
    set_clock(&daemon, "2029-01-30T15:59:59Z");
    assert_eq!(leaving(&daemon), json!({ "stage": "final_notice", "until": "2029-03-01T15:59:59Z" }));
    daemon.kill();
    daemon.set_arguments(&["--test-clock", "2029-03-01T15:59:58Z"]);
    daemon.restart();
    expect_expired(&daemon, "乙.政务");
    set_clock(&daemon, "2029-03-01T15:59:59Z");
    let answer = dig(&daemon, "乙.政务");
    assert!(answer.contains("status: NXDOMAIN") && !answer.contains("EDE"), "{answer}");
    assert_eq!(daemon.api("GET", &path_of("乙.政务"), "demo-viewer", None).status, 404);
    assert_eq!(renew(&daemon, "乙.政务").json()["code"], "name_not_found");
    // The other name's notices went on meanwhile; a clock that jumped past two of them gave the later.
    let rest = ["expiring-7 甲.政务", "final 乙.政务", "expired5 甲.政务", "deleted 乙.政务"];
    assert_eq!(told(&daemon, 10)[6..], rest);

    // The same unit first.
    let register = |unit: &str| {
        let body = json!({ "unit": unit, "years": 2 });
        daemon.api("PUT", &path_of("乙.政务"), "demo-operator", Some(&body))
    };
    let refused = register("u2");
    assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("label_kept")), "{}", refused.text);
    assert_eq!(register("u1").status, 201);
    let verified =
        Command::new(env!("CARGO_BIN_EXE_zhengming")).arg("verify-journal").arg(daemon.path("data")).output();
    assert!(verified.expect("the program").status.success());
}

#[test]
fn unfreezing_and_moving_take_their_requests() {
    let toml = "[profiles.national]\nunfreeze = \"always\"\n";
    let daemon = TestDaemon::start_with(&["--test-clock", NOON], toml);
    import(&daemon, "names", &[unit_line("u1"), name_line("甲.政务", "u1", "2027-01-31", Some(1))]);
    set_clock(&daemon, "2027-02-01T00:00:00Z");
    let name = path_of("甲.政务");
    daemon.api("POST", &format!("{name}/renewals"), "demo-operator", Some(&json!({ "years": 2 }))).expect_success();
    expect_expired(&daemon, "甲.政务");
    daemon.api("POST", &format!("{name}/unfreeze"), "demo-submitter", None).expect_success();
    expect_resolving(&daemon, "甲.政务");

    let notice = json!({ "notice": "2027-03-01" });
    daemon.api("PUT", &format!("{name}/migration"), "demo-operator", Some(&notice)).expect_success();
    set_clock(&daemon, "2027-05-31T15:59:59Z");
    assert_eq!(daemon.api("DELETE", &name, "demo-operator", None).json()["code"], "migration_running");
    expect_resolving(&daemon, "甲.政务");
    set_clock(&daemon, "2027-05-31T16:00:00Z");
    daemon.api("DELETE", &name, "demo-operator", None).expect_success();
    assert!(dig(&daemon, "甲.政务").contains("status: NXDOMAIN"));
}

#[test]
fn names_that_were_never_given_a_resolution_are_listed() {
    let daemon = TestDaemon::start_with(&["--test-clock", NOON], "");
    import(
        &daemon,
        "names",
        &[
            unit_line("u1"),
            name_line("甲.政务", "u1", "2030-01-31", None),
            name_line("乙.政务", "u1", "2030-01-31", Some(1)),
        ],
    );
    daemon.register("u1", "organ", "丙.政务");
    let idle = |days: u32| {
        let path = format!("/v1/names?idle_days={days}");
        let items = daemon.api("GET", &path, "demo-viewer", None).expect_success().json()["items"].clone();
        let names = items.as_array().expect("a list").iter().map(|item| item["name"].as_str().unwrap_or("").to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!((idle(180), idle(0).len()), (vec!["甲.政务".to_owned()], 2));
    set_clock(&daemon, "2027-05-21T11:59:59Z");
    assert_eq!(idle(180).len(), 1);
    set_clock(&daemon, "2027-05-21T12:00:00Z");
    assert_eq!(idle(180).len(), 2);
}

#[test]
fn the_webhook_has_every_notice_through_failures_of_both_sides() {
    let mut receiver = Receiver::reserve();
    let (octets, secret) = (b"not a secret of anybody", "bm90IGEgc2VjcmV0IG9mIGFueWJvZHk=");
    let toml = format!("{OUTBOX}webhook = \"http://{}/hook?a=b\"\nsecret_file = \"secret\"\n", receiver.address());
    let mut daemon = TestDaemon::prepare(&["--test-clock", NOON], &toml);
    let path = daemon.path("secret");
    std::fs::write(&path, secret).expect("a writable directory");
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    // A secret that everybody can read is none.
    std::fs::set_permissions(&path, mode(0o644)).expect("a mode");
    assert!(!daemon.try_restart().expect_err("refused").success());
    std::fs::set_permissions(&path, mode(0o600)).expect("a mode");
    daemon.restart();
    let names = (0..250).map(|n| name_line(&format!("名{n}.政务"), "u1", "2027-01-31", Some(8 * n)));
    let lines: Vec<Value> = [unit_line("u1")].into_iter().chain(names).collect();
    import(&daemon, "names", &lines);
    set_clock(&daemon, "2027-01-02T00:00:00Z");
    // The file is not held up by a receiver that is not there; nor is anything else.
    assert_eq!(told(&daemon, 250).len(), 250);
    expect_resolving(&daemon, "名7.政务");
    let metric = |daemon: &TestDaemon, name: &str| {
        let text = daemon.send("GET", "/metrics", &[], "", "").text;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        line.unwrap_or(0)
    };
    let begun = Instant::now();
    while metric(&daemon, "zhengming_outbox_failures_total{sink=\"webhook\"}") == 0 {
        assert!(begun.elapsed() < PATIENCE, "no failure is counted");
        std::thread::sleep(Duration::from_millis(20));
    }
    // It comes up, and fails; it is stopped, and comes again; then the program is killed between two posts.
    receiver.start(octets);
    receiver.fail(2);
    receiver.wait_for(100);
    receiver.stop();
    daemon.kill();
    receiver.start(octets);
    // A clock behind the journal would be taken for wrong.
    daemon.set_arguments(&["--test-clock", "2027-01-02T00:00:00Z"]);
    daemon.restart();
    receiver.wait_for(250);
    set_clock(&daemon, "2027-01-25T00:00:00Z");
    receiver.wait_for(500);
    assert_eq!(told(&daemon, 500).len(), 500);
    assert_eq!(receiver.paths(), BTreeSet::from(["/hook?a=b".to_owned()]));
    assert!(!daemon.log().contains(secret), "secrets never reach logs");
}
