//! What units are told beside the ends of their terms, and how a receiver knows that it is from here: signatures are checked
//! with OpenSSL, not with our own code.

use crate::kit::{NOON, import, name_line, path_of, unit_line};
use crate::receiver::Receiver;
use crate::support::{PATIENCE, TestDaemon};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SECRET: &[u8] = b"a secret of this test alone";
/// The same as the file of the configuration has it.
const SECRET_BASE64: &str = "YSBzZWNyZXQgb2YgdGhpcyB0ZXN0IGFsb25l";

/// The HMAC-SHA256 of `octets` under the secret, as OpenSSL makes it.
fn openssl_hmac(octets: &[u8]) -> String {
    let key: String = SECRET.iter().map(|octet| format!("{octet:02x}")).collect();
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}"), "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    openssl.stdin.take().expect("a pipe").write_all(octets).expect("it reads");
    let output = openssl.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("text").split(' ').next().unwrap_or_default().to_owned()
}

/// The notices of the file, once as many are there.
fn notices(daemon: &TestDaemon, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(daemon.path("outbox.jsonl")).unwrap_or_default();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(begun.elapsed() < PATIENCE, "{count} notices are not there:\n{text}\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn units_are_told_of_penalties_deletions_and_reviews_that_were_taken_back() {
    let daemon = TestDaemon::start_with(&["--test-clock", NOON], "[outbox]\nfile = \"outbox.jsonl\"\n");
    let lines = [
        unit_line("u1"),
        unit_line("u2"),
        name_line("甲.政务", "u1", "2030-01-31", Some(1)),
        name_line("乙.政务", "u2", "2030-01-31", Some(2)),
    ];
    import(&daemon, "names", &lines);
    let ask = |method: &str, path: &str, body: Option<&Value>| {
        daemon.api(method, path, "demo-operator", body).expect_success();
    };
    ask("POST", "/v1/units/u2/site-review", Some(&json!({ "kind": "new", "deadline": "2027-03-31" })));
    ask("DELETE", "/v1/units/u2/site-review", None);
    ask("DELETE", &path_of("乙.政务"), None);
    let penalty = |step: &str, end: Option<&str>| {
        let mut body = json!({ "step": step, "violation": "DATA_MISMATCH", "evidence": "case-9" });
        if let Some(end) = end {
            body["end"] = end.into();
        }
        ask("POST", "/v1/units/u1/penalties", Some(&body));
    };
    penalty("warning", None);
    penalty("suspension", Some("2026-12-01T16:00:00Z"));
    penalty("deletion", None);
    let told = notices(&daemon, 6);
    let kinds: Vec<&str> = told.iter().filter_map(|notice| notice["kind"].as_str()).collect();
    let (site, penalties) =
        (["site_review_asked", "site_review_cancelled"], ["penalty_warning", "penalty_suspension", "penalty_deletion"]);
    assert_eq!(kinds, [&site[..], &["deleted"], &penalties].concat());
    let [_, cancelled, deleted, warning, suspension, deletion] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&cancelled["unit"], &cancelled["hold"]), (&json!("u2"), &Value::Null), "{cancelled}");
    assert_eq!((&deleted["name"], &deleted["until"]), (&json!("乙.政务"), &Value::Null), "nothing is kept: {deleted}");
    assert_eq!((&warning["evidence"], &warning["hold"]), (&json!("case-9"), &Value::Null), "{warning}");
    assert_eq!((&suspension["hold"], &suspension["until"]), (&json!("PENALTY"), &json!("2026-12-01T16:00:00Z")));
    assert_eq!((&deletion["hold"], &deletion["violation"]), (&json!("BLACKLIST"), &json!("DATA_MISMATCH")));
}

/// The receiver is down, comes up, fails, and gets everything; what it gets was made with the shared secret, by OpenSSL's count.
#[test]
fn openssl_agrees_with_the_signatures_of_posts_that_were_tried_again() {
    let mut receiver = Receiver::reserve();
    let toml = format!("[outbox]\nwebhook = \"http://{}/hook\"\nsecret_file = \"secret\"\n", receiver.address());
    let mut daemon = TestDaemon::prepare(&["--test-clock", NOON], &toml);
    std::fs::write(daemon.path("secret"), SECRET_BASE64).expect("a writable directory");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(daemon.path("secret"), private).expect("a mode");
    daemon.restart();
    let names = (0..120).map(|n| name_line(&format!("名{n}.政务"), "u1", "2027-01-31", None));
    let lines: Vec<Value> = [unit_line("u1")].into_iter().chain(names).collect();
    import(&daemon, "names", &lines);
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&json!({ "now": "2027-01-02T00:00:00Z" })));
    let failures = || {
        let metrics = daemon.send("GET", "/metrics", &[], "", "").text;
        let line = metrics.lines().find(|line| line.starts_with("zhengming_outbox_failures_total{sink=\"webhook\"}"));
        line.and_then(|line| line.split(' ').next_back()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let begun = Instant::now();
    while failures() == 0 {
        assert!(begun.elapsed() < PATIENCE, "nobody listens, and no failure is counted");
        std::thread::sleep(Duration::from_millis(20));
    }
    receiver.start(SECRET);
    receiver.fail(1);
    receiver.wait_for(120);
    assert!(failures() >= 2, "the post that was answered with an error failed as well");
    let posts = receiver.posts();
    assert!(posts.len() >= 2, "120 notices are two posts");
    for (header, body) in posts {
        let (time, code) =
            header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("time and signature");
        let signed = [time.as_bytes(), b".", &body].concat();
        assert_eq!(openssl_hmac(&signed), code, "over the time, a dot and the body");
        assert_ne!(openssl_hmac(&body), code, "the time is signed as well");
    }
}

/// Lines of the journal are lost, as an operator may accept or a restore may bring: what takes their numbers is told all the
/// same, whatever is left of the outbox's own files, and under ids that were not given before.
#[test]
fn what_comes_in_the_stead_of_lost_lines_is_told() {
    let mut daemon = TestDaemon::start_with(&["--test-clock", NOON], "[outbox]\nfile = \"outbox.jsonl\"\n");
    import(&daemon, "names", &[unit_line("u1"), unit_line("u2"), unit_line("u3")]);
    let warn = |daemon: &TestDaemon, unit: &str| {
        let body = json!({ "step": "warning", "violation": "DATA_MISMATCH", "evidence": "case-9" });
        let reply = daemon.api("POST", &format!("/v1/units/{unit}/penalties"), "demo-operator", Some(&body));
        reply.expect_success();
    };
    warn(&daemon, "u1");
    notices(&daemon, 1);
    daemon.stop();
    let mark = daemon.path("data/outbox/file");
    // As if a hundred more had been told of, and the last line of the file were one of them.
    let told = notices(&daemon, 1);
    let lost = json!({ "id": "n107.0-00000000", "seq": 107, "unit": "u9" });
    std::fs::write(daemon.path("outbox.jsonl"), format!("{}\n{lost}\n", told[0])).expect("a writable directory");
    std::fs::write(&mark, "108 0 00000000\n").expect("a writable directory");
    daemon.restart();
    warn(&daemon, "u2");
    // What the journal still has comes once more, under the id it had.
    let told = notices(&daemon, 4);
    assert_eq!((&told[3]["unit"], &told[3]["kind"]), (&json!("u2"), &json!("penalty_warning")), "{told:?}");
    assert_eq!(told[2], told[0]);
    let hash = |notice: &Value| {
        let journal =
            daemon.api("GET", &format!("/v1/journal?after={}", seq_of(notice) - 1), "demo-auditor", None).text;
        let line = journal.lines().next().expect("its line").to_owned();
        line.rsplit_once(r#""hash":""#).expect("a hash").1[..8].to_owned()
    };
    for notice in [&told[0], &told[3]] {
        assert_eq!(notice["id"], format!("n{}.0-{}", seq_of(notice), hash(notice)));
    }
    assert!(daemon.log().contains("the journal does not have"), "{}", daemon.log());
    // A mark that cannot be read keeps nothing from starting, and what the file ends with is not told again.
    daemon.stop();
    std::fs::write(&mark, [0xff, 0]).expect("a writable directory");
    daemon.restart();
    warn(&daemon, "u3");
    let units = |told: &[Value]| told.iter().map(|notice| notice["unit"].clone()).collect::<Vec<_>>();
    assert_eq!(units(&notices(&daemon, 5)), ["u1", "u9", "u1", "u2", "u3"]);
    // A mark at the journal's end, but of another line than is there now, and a file that ends with such a one: all of the month.
    let last = seq_of(&notices(&daemon, 5)[4]);
    daemon.stop();
    std::fs::write(&mark, format!("{} 0 00000000\n", last + 1)).expect("a writable directory");
    std::fs::write(daemon.path("outbox.jsonl"), format!("{lost}\n")).expect("a writable directory");
    daemon.restart();
    assert_eq!(units(&notices(&daemon, 4)), ["u9", "u1", "u2", "u3"]);
}

fn seq_of(notice: &Value) -> u64 {
    notice["seq"].as_u64().expect("a number")
}
