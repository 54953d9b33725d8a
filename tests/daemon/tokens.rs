//! Where tokens may come from, when they end, and how often their callers may ask: the running program, asked by curl from
//! several addresses of the loopback network.

use crate::kit::NOON;
use crate::support::{PATIENCE, TestDaemon};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

/// What curl received: the status, and the lines of the head in lower case.
struct Received {
    status: u16,
    head: Vec<String>,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Reads the state of the brake, which every role may, from the address `from`.
fn ask(daemon: &TestDaemon, from: &str, token: &str) -> Received {
    let url = format!("http://{}/v1/brake", daemon.admin());
    let bearer = format!("Authorization: Bearer {token}");
    let arguments = ["-s", "-i", "--http1.1", "--max-time", "30", "--interface", from, "-H", &bearer, &url];
    let output = Command::new("curl").args(arguments).output().expect("curl is installed");
    let text = String::from_utf8(output.stdout).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("curl from {from}: {text:?}"));
    let mut head = head.lines().map(str::to_ascii_lowercase);
    let status = head.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    Received { status, head: head.collect(), body: body.to_owned() }
}

#[track_caller]
fn limited(received: &Received) -> u64 {
    assert_eq!(received.status, 429, "{}", received.body);
    assert!(received.body.contains("\"too_many_requests\""), "{}", received.body);
    received.header("retry-after").and_then(|secs| secs.parse().ok()).expect("it says when to try again")
}

#[test]
fn a_token_is_good_in_its_networks_and_until_its_end() {
    let mut daemon = TestDaemon::prepare(&["--test-clock", NOON], "");
    let bounds = "name = \"demo-viewer\"\nnetworks = [\"127.0.0.2/32\", \"2001:db8::/32\"]\nexpires = \"2026-11-23\"";
    daemon.reconfigure("name = \"demo-viewer\"", bounds);
    daemon.restart();
    let refused = ask(&daemon, "127.0.0.1", "demo-viewer");
    assert_eq!(refused.status, 401, "{}", refused.body);
    // Whoever guesses is not told that the token exists.
    assert_eq!(refused.body, ask(&daemon, "127.0.0.1", "demo-nobody").body);
    assert!(daemon.log().contains("network_foreign"), "{}", daemon.log());
    assert_eq!(ask(&daemon, "127.0.0.1", "demo-auditor").status, 200, "another token may come from anywhere");
    let granted = ask(&daemon, "127.0.0.2", "demo-viewer");
    assert_eq!((granted.status, granted.header("x-token-expires")), (200, Some("2026-11-23t15:59:59z")));

    let at = |now: &str| {
        daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&json!({ "now": now }))).expect_success();
        ask(&daemon, "127.0.0.2", "demo-viewer").status
    };
    assert_eq!((at("2026-11-23T15:59:58Z"), at("2026-11-23T15:59:59Z")), (200, 401), "its day ends in Shanghai");
    let listed = daemon.api("GET", "/v1/tokens", "demo-auditor", None).expect_success().json();
    let viewer = listed.as_array().expect("tokens").iter().find(|token| token["name"] == "demo-viewer");
    assert_eq!(viewer.expect("it is listed")["expired"], true);
}

#[test]
fn who_fails_or_asks_too_often_waits_alone() {
    let limits = "[admin.rate_limit]\nper_token = 0\nper_address = 2\nfailures = 3\nexempt = [\"127.0.0.1/32\"]\n";
    let daemon = TestDaemon::start_with(&[], limits);
    // Three wrong tokens a minute; the next request waits, whatever it shows.
    let statuses: Vec<u16> = (0..3).map(|_| ask(&daemon, "127.0.0.4", "demo-nobody").status).collect();
    assert_eq!(statuses, [401; 3]);
    let wait = limited(&ask(&daemon, "127.0.0.4", "demo-nobody"));
    assert!((1..=60).contains(&wait), "{wait}");
    limited(&ask(&daemon, "127.0.0.4", "demo-viewer"));
    // Others do not wait for that.
    assert_eq!(ask(&daemon, "127.0.0.5", "demo-viewer").status, 200);

    // Two requests a second, of which ten may come at once.
    let begun = Instant::now();
    let first = loop {
        let received = ask(&daemon, "127.0.0.6", "demo-viewer");
        if received.status == 429 {
            break received;
        }
        assert!(received.status == 200 && begun.elapsed() < PATIENCE, "{}", received.body);
    };
    std::thread::sleep(Duration::from_secs(limited(&first)));
    assert_eq!(ask(&daemon, "127.0.0.6", "demo-viewer").status, 200, "it is as it was told");
    assert!((0..30).all(|_| ask(&daemon, "127.0.0.1", "demo-viewer").status == 200), "local tools are exempt here");
}
