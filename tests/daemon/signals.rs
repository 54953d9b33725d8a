//! Signals: SIGHUP takes over what can change live, all of it or nothing; SIGTERM finishes what was begun.

use crate::kit::{SUFFIXES, import, is_at_least, name_line, resolution, seen, serial_of, shown, unit_line};
use crate::support::{PATIENCE, TestDaemon, ascii, tree};
use hickory_proto::rr::RecordType;
use rustix::process::Signal;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// What the log says after a reload.
const TAKEN: &str = "the configuration and the zones were read again";
const KEPT: &str = "everything stays as it was";

/// Sends SIGHUP, and waits until the log says how that went.
#[track_caller]
fn reload(daemon: &TestDaemon, outcome: &str) -> String {
    let logged = daemon.log().len();
    daemon.signal(Signal::HUP);
    let start = Instant::now();
    loop {
        let log = daemon.log()[logged..].to_owned();
        // The line is there as a whole once its end is.
        let line = log.split_inclusive('\n').find(|line| line.contains(TAKEN) || line.contains(KEPT));
        if line.is_some_and(|line| line.ends_with('\n')) {
            assert!(log.contains(outcome), "{log}");
            return log;
        }
        assert!(start.elapsed() < PATIENCE, "no word of the reload: {log}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// With the zone of 政务 in the test's own directory.
fn with_own_zone() -> TestDaemon {
    let mut daemon = TestDaemon::prepare(&[], "");
    let file = format!("{}.zone", SUFFIXES[0]);
    let original = tree(&format!("zones/{file}"));
    fs::copy(&original, daemon.path(&file)).expect("a writable directory");
    daemon.reconfigure(&original.to_string_lossy(), &file);
    daemon.restart();
    import(
        &daemon,
        "names",
        &[
            unit_line("u1"),
            name_line("甲.政务", "u1", "2030-01-01", Some(1)),
            name_line("乙.政务", "u1", "2030-01-01", Some(3)),
        ],
    );
    daemon
}

fn append(daemon: &TestDaemon, lines: &str) -> String {
    let path = daemon.path(&format!("{}.zone", SUFFIXES[0]));
    let before = fs::read_to_string(&path).expect("the zone");
    fs::write(&path, format!("{before}{lines}")).expect("our file");
    before
}

fn serial(daemon: &TestDaemon) -> u32 {
    serial_of(&daemon.ask(SUFFIXES[0], RecordType::SOA))
}

#[test]
fn a_changed_zone_is_served_with_a_higher_serial_and_a_broken_one_is_not() {
    let mut daemon = with_own_zone();
    let first = serial(&daemon);
    reload(&daemon, TAKEN);
    assert_eq!(serial(&daemon), first, "nothing has changed");

    append(&daemon, "@ 3600 IN TXT \"new\"\n");
    reload(&daemon, TAKEN);
    let second = serial(&daemon);
    assert!(second != first && is_at_least(second, first), "{second} after {first}");
    assert_eq!(daemon.resolve(SUFFIXES[0], RecordType::TXT), ["new"]);
    assert_eq!(seen(&daemon.ask("甲.政务", RecordType::AAAA)), shown(1), "registrations stay");

    let good = append(&daemon, "host.nic 3600 IN A 192.0.2.256\n");
    let log = reload(&daemon, KEPT);
    assert!(log.contains(&format!("{}.zone", SUFFIXES[0])) && log.contains("192.0.2.256"), "{log}");
    // So is one that takes a label that could be registered, or that is registered.
    fs::write(daemon.path(&format!("{}.zone", SUFFIXES[0])), format!("{good}xn--fiqs8s 60 IN A 192.0.2.1\n"))
        .expect("ours");
    reload(&daemon, KEPT);
    assert_eq!((serial(&daemon), daemon.resolve(SUFFIXES[0], RecordType::TXT)), (second, vec!["new".to_owned()]));
    assert_eq!(seen(&daemon.ask("甲.政务", RecordType::AAAA)), shown(1));
    daemon.push("甲.政务", &resolution(2)).expect_success();

    // What was served stands after a restart, and the restart is no change.
    fs::write(daemon.path(&format!("{}.zone", SUFFIXES[0])), good).expect("our file");
    let last = serial(&daemon);
    daemon.kill();
    daemon.restart();
    assert_eq!(serial(&daemon), last);
}

#[test]
fn the_api_reads_zone_files_again_and_says_what_is_wrong() {
    let daemon = with_own_zone();
    let ask = |zone: serde_json::Value| {
        daemon.api("POST", "/v1/zones/reload", "demo-operator", Some(&json!({ "zone": zone })))
    };
    let first = serial(&daemon);
    assert!(ask(json!(null)).expect_success().json()["seq"].is_null(), "nothing has changed");
    let good = append(&daemon, "@ 3600 IN TXT \"new\"\n");
    assert!(ask(json!("公益")).expect_success().json()["seq"].is_null(), "another zone has not changed");
    assert_eq!(serial(&daemon), first);
    assert!(ask(json!("政务")).expect_success().json()["seq"].is_u64());
    assert_eq!(daemon.resolve(SUFFIXES[0], RecordType::TXT), ["new"]);
    append(&daemon, "host.nic 3600 IN A 192.0.2.256\n");
    let refused = ask(json!("政务"));
    assert_eq!(refused.status, 422);
    let error = &refused.json()["errors"][0];
    assert_eq!(
        (error["line"].as_u64(), error["rule"].as_str()),
        (Some(good.lines().count() as u64 + 2), Some("rdata"))
    );
    assert_eq!(daemon.resolve(SUFFIXES[0], RecordType::TXT), ["new"]);
    // A signal goes on from what the API left.
    reload(&daemon, KEPT);
    assert_eq!(seen(&daemon.ask("甲.政务", RecordType::AAAA)), shown(1), "registrations stay");
}

#[test]
fn a_new_token_and_another_gateway_take_effect_together_or_not_at_all() {
    let daemon = with_own_zone();
    let ask = |token: &str| daemon.api("GET", "/v1/brake", token, None).status;
    let mut digest = String::new();
    Sha256::digest("a new token").iter().for_each(|octet| write!(digest, "{octet:02x}").expect("a string"));
    let before = serial(&daemon);
    assert_eq!(ask("a new token"), 401);
    let config = fs::read_to_string(daemon.path("config.toml")).expect("the configuration");
    let token = format!("[[admin.tokens]]\nname = \"auditor\"\nrole = \"viewer\"\nsha256 = \"{digest}\"\n");
    let new = config
        .replacen("[[admin.tokens]]", &format!("{token}\n[[admin.tokens]]"), 1)
        .replace("gateway_v4 = [\"127.0.0.1\"]", "gateway_v4 = [\"192.0.2.80\"]\ngateway_v6 = [\"2001:db8::80\"]");

    // One bad line keeps all of it out.
    fs::write(daemon.path("config.toml"), format!("{new}\n[log]\nlevle = \"info\"\n")).expect("our file");
    let log = reload(&daemon, KEPT);
    assert!(log.contains("levle") && log.contains("level"), "{log}");
    assert_eq!((ask("a new token"), ask("demo-viewer"), serial(&daemon)), (401, 200, before));
    assert_eq!(daemon.resolve("乙.政务", RecordType::A), ["127.0.0.1"]);

    fs::write(daemon.path("config.toml"), &new).expect("our file");
    reload(&daemon, TAKEN);
    assert_eq!((ask("a new token"), ask("demo-viewer")), (200, 200));
    for owner in [ascii("乙.政务"), format!("www.{}", ascii("乙.政务.cn"))] {
        assert_eq!(daemon.resolve(&owner, RecordType::A), ["192.0.2.80"], "{owner}");
        assert_eq!(daemon.resolve(&owner, RecordType::AAAA), ["2001:db8::80"], "{owner}");
    }
    let after = serial(&daemon);
    assert!(after != before && is_at_least(after, before), "{after} after {before}");

    // A token that is gone is refused at once; what only a start can change is named and stays.
    let without = new.replacen(&token, "", 1).replace("workers = 1", "workers = 2");
    fs::write(daemon.path("config.toml"), without).expect("our file");
    let log = reload(&daemon, TAKEN);
    assert!(log.contains("[server] changed; that takes a restart"), "{log}");
    assert_eq!((ask("a new token"), ask("demo-viewer")), (401, 200));
}

#[test]
fn keys_and_cookie_secrets_are_read_again_and_a_bad_key_keeps_all_of_the_old() {
    let daemon = with_own_zone();
    let config = fs::read_to_string(daemon.path("config.toml")).expect("the configuration");
    let secret = daemon.path("secret");
    let write = |text: &str, mode: u32| {
        fs::write(&secret, text).expect("our file");
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).expect("our file");
    };
    let dig = |key: &str| {
        let port = daemon.dns().port().to_string();
        let asked = Command::new("dig").args(["@127.0.0.1", "-p", &port, SUFFIXES[0], "SOA", "-y", key]).output();
        String::from_utf8(asked.expect("dig is installed by tests/run").stdout).expect("text")
    };
    let (first, second) = ("hmac-sha256:k:Zmlyc3QgZmlyc3QgZmlyc3QgZmlyc3QgZmlyc3QgZmlyc3Q=", "hmac-sha256:k:c2Vjb25k");
    assert!(dig(first).contains("BADKEY"));
    let key = "\n[[keys]]\nname = \"k\"\nalgorithm = \"hmac-sha256\"\nsecret_file = \"secret\"\n";
    fs::write(daemon.path("config.toml"), format!("{config}{key}")).expect("our file");
    for (text, mode, words) in [
        ("Zmlyc3Q=", 0o644, "chmod 600"),
        ("not base64: hidden", 0o600, "is not a secret in Base64"),
        ("\n", 0o600, "its secret is empty"),
    ] {
        write(text, mode);
        let log = reload(&daemon, KEPT);
        assert!(log.contains(words) && !log.contains("hidden"), "{log}");
        assert!(dig(first).contains("BADKEY"));
    }
    fs::remove_file(&secret).expect("our file");
    assert!(reload(&daemon, KEPT).contains("cannot be read"));

    write("Zmlyc3QgZmlyc3QgZmlyc3QgZmlyc3QgZmlyc3QgZmlyc3Q=\n", 0o600);
    assert!(!reload(&daemon, TAKEN).contains("wants 32"));
    assert!(dig(first).contains("status: NOERROR") && !dig(first).contains("could not be validated"));
    assert!(dig(second).contains("BADSIG"));
    // A weak one is warned of.
    write("c2Vjb25k", 0o640);
    let log = reload(&daemon, TAKEN);
    assert!(log.contains("its secret has 6 octets, hmac-sha256 wants 32"), "{log}");
    assert!(dig(first).contains("BADSIG") && dig(second).contains("status: NOERROR"));
}

#[test]
fn sigterm_finishes_what_was_begun_and_ends_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = with_own_zone();
        // One connection is idle, one is in the middle of a request.
        let idle = TcpStream::connect(daemon.admin()).expect("a connection");
        let body = json!({ "evidence": "doc-1" }).to_string();
        let mut half = TcpStream::connect(daemon.admin()).expect("a connection");
        half.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let head = format!(
            "PUT /v1/units/u1/holds/LEGAL HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo-operator\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        half.write_all(head.as_bytes()).expect("sent");
        // The handler has the request when it asks for its body.
        let mut asked = [0; 64];
        let length = half.read(&mut asked).expect("an interim response");
        assert!(asked[..length].starts_with(b"HTTP/1.1 100"), "{:?}", String::from_utf8_lossy(&asked[..length]));
        let logged = daemon.log().len();
        daemon.signal(signal);
        while !daemon.log()[logged..].contains("draining") {
            thread::sleep(Duration::from_millis(5));
        }
        half.write_all(body.as_bytes()).expect("sent");
        let mut answer = String::new();
        half.read_to_string(&mut answer).expect("an answer, and then the end");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        drop(idle);
        assert_eq!(daemon.ended().code(), Some(0), "{}", daemon.log());
        assert!(daemon.log().ends_with("stopped\n"), "{}", daemon.log());
        daemon.restart();
        assert_eq!(daemon.browse(&ascii("乙.政务"), "/").status, 451, "what was acknowledged last is there");
    }
}
