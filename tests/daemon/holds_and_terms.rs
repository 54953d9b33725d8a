//! Holds and terms: they stop resolution in the same moment, each reason by itself, and nothing that happens to the process
//! undoes them (registry-rules.md E9, E10, D.3 rows 10 and 11).

use crate::kit::{Asker, NOON, SUFFIXES, import, name_line, owners, path_of, resolution, seen, shown, unit_line};
use crate::support::{PATIENCE, TestDaemon, ascii, query};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{RData, RecordType};
use serde_json::{Value, json};
use std::net::UdpSocket;
use std::time::Duration;

const CLOCK: [&str; 2] = ["--test-clock", NOON];

/// The extended error of an answer: its code and text (RFC 8914 §2).
fn extended_error(answer: &Message) -> Option<(u16, String)> {
    let code = EdnsCode::from(15);
    let EdnsOption::Unknown(_, octets) = answer.edns.as_ref()?.option(code)? else { panic!("{answer}") };
    let (number, text) = octets.split_at(2);
    Some((u16::from_be_bytes([number[0], number[1]]), String::from_utf8(text.to_vec()).expect("UTF-8")))
}

/// A denial with the suffix's SOA, good for 300 seconds and no longer.
#[track_caller]
fn expect_denial(answer: &Message) {
    let header = (answer.metadata.response_code, answer.metadata.authoritative, answer.answers.len());
    assert_eq!(header, (ResponseCode::NXDomain, true, 0), "{answer}");
    let [soa] = &answer.authorities[..] else { panic!("{answer}") };
    let RData::SOA(data) = &soa.data else { panic!("{answer}") };
    assert_eq!((soa.ttl, data.minimum), (300, 300), "{answer}");
}

/// All that is at or below the label is denied for this reason, with EDNS and without.
#[track_caller]
fn expect_held(daemon: &TestDaemon, label: &str, code: u16, reason: &str) {
    let mut names = owners(label);
    names.push(format!("a.b.{}", ascii(&format!("{label}.政务"))));
    for name in names {
        for rtype in [RecordType::A, RecordType::NS, RecordType::TXT] {
            let answer = daemon.ask(&name, rtype);
            expect_denial(&answer);
            assert_eq!(extended_error(&answer), Some((code, format!("hold={reason}"))), "{name}");
        }
        let plain = ask_without_edns(daemon, &name);
        expect_denial(&plain);
        assert!(plain.edns.is_none() && plain.additionals.is_empty(), "{plain}");
    }
}

fn ask_without_edns(daemon: &TestDaemon, name: &str) -> Message {
    let mut message = Message::from_vec(&query(name, RecordType::A)).expect("a query");
    message.edns = None;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(daemon.dns()).expect("an address");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.send(&message.to_vec().expect("a query")).expect("sent");
    let mut answer = [0; 2048];
    let length = socket.recv(&mut answer).expect("an answer");
    Message::from_vec(&answer[..length]).expect("a message")
}

#[track_caller]
fn expect_version(daemon: &TestDaemon, label: &str, n: u32) {
    for owner in owners(label) {
        assert_eq!(seen(&daemon.ask(&owner, RecordType::AAAA)), shown(n), "{owner}");
    }
}

fn hold(daemon: &TestDaemon, on: &str, reason: &str, members: &Value) -> Value {
    let mut body = json!({ "evidence": "doc-1" });
    body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    daemon.api("PUT", &format!("{on}/holds/{reason}"), "demo-operator", Some(&body)).expect_success().json()
}

fn lift(daemon: &TestDaemon, on: &str, reason: &str) -> Value {
    daemon.api("DELETE", &format!("{on}/holds/{reason}"), "demo-operator", None).expect_success().json()
}

fn set_clock(daemon: &TestDaemon, now: &str) {
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&json!({ "now": now }))).expect_success();
}

/// One unit with a name that has addresses, one that forwards and one with servers of its own.
fn one_unit(daemon: &TestDaemon) {
    let lines = [
        unit_line("u1"),
        name_line("甲.政务", "u1", "2030-01-01", Some(1)),
        name_line("乙.政务", "u1", "2030-01-01", Some(3)),
        name_line("丙.政务", "u1", "2030-01-01", Some(7)),
        unit_line("u2"),
        name_line("丁.政务", "u2", "2030-01-01", Some(9)),
    ];
    import(daemon, "names", &lines);
}

#[test]
fn a_hold_on_a_unit_stops_all_its_names_and_survives_a_kill() {
    let mut daemon = TestDaemon::start_with(&CLOCK, "");
    one_unit(&daemon);
    let all = [("甲", 1), ("乙", 3), ("丙", 7)];
    all.iter().for_each(|(label, n)| expect_version(&daemon, label, *n));

    let receipt = hold(&daemon, "/v1/units/u1", "SITE_REVIEW_FAILED", &json!({}));
    assert_eq!(receipt["serials"].as_object().map(serde_json::Map::len), Some(SUFFIXES.len()), "{receipt}");
    // Killed before anything else is asked of it.
    daemon.kill();
    daemon.restart();
    all.iter().for_each(|(label, _)| expect_held(&daemon, label, 15, "SITE_REVIEW_FAILED"));
    expect_version(&daemon, "丁", 9);
    let notice = daemon.browse(&ascii("乙.政务"), "/");
    assert_eq!((notice.status, notice.header("cache-control")), (403, Some("no-store")), "{notice:?}");
    assert!(notice.text.contains("暂停") && notice.text.contains("suspended"), "{}", notice.text);

    // Each reason is lifted by itself.
    hold(&daemon, "/v1/units/u1", "PENALTY", &json!({ "end": "2026-12-31" }));
    all.iter().for_each(|(label, _)| expect_held(&daemon, label, 15, "PENALTY"));
    lift(&daemon, "/v1/units/u1", "SITE_REVIEW_FAILED");
    daemon.kill();
    daemon.restart();
    all.iter().for_each(|(label, _)| expect_held(&daemon, label, 15, "PENALTY"));
    // A change of a held name is decided, and does not show.
    daemon.push("甲.政务", &resolution(2)).expect_success();
    expect_held(&daemon, "甲", 15, "PENALTY");
    lift(&daemon, "/v1/units/u1", "PENALTY");
    expect_version(&daemon, "甲", 2);
    expect_version(&daemon, "乙", 3);
    daemon.kill();
    daemon.restart();
    expect_version(&daemon, "丙", 7);
    assert_eq!(daemon.browse(&ascii("乙.政务"), "/").status, 302);
}

#[test]
fn an_order_of_an_authority_shows_as_one_and_goes_before_other_reasons() {
    let daemon = TestDaemon::start_with(&CLOCK, "");
    one_unit(&daemon);
    let name = path_of("乙.政务");
    hold(&daemon, &name, "LEGAL", &json!({}));
    hold(&daemon, "/v1/units/u1", "REGISTRY_ADMIN", &json!({}));
    expect_held(&daemon, "乙", 16, "LEGAL");
    expect_held(&daemon, "甲", 15, "REGISTRY_ADMIN");
    let notice = daemon.browse(&ascii("乙.政务"), "/");
    assert_eq!((notice.status, notice.header("cache-control")), (451, Some("no-store")), "{notice:?}");
    let listed = daemon.api("GET", "/v1/names?hold=LEGAL", "demo-viewer", None).expect_success().json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
    lift(&daemon, &name, "LEGAL");
    expect_held(&daemon, "乙", 15, "REGISTRY_ADMIN");
    lift(&daemon, "/v1/units/u1", "REGISTRY_ADMIN");
    expect_version(&daemon, "乙", 3);
}

#[test]
fn terms_and_holds_begin_and_end_in_their_second() {
    let daemon = TestDaemon::start_with(&CLOCK, "");
    import(&daemon, "names", &[unit_line("u1"), name_line("甲.政务", "u1", "2027-01-31", Some(1))]);
    // The term ends with its last day in Asia/Shanghai.
    set_clock(&daemon, "2027-01-31T15:59:58Z");
    expect_version(&daemon, "甲", 1);
    set_clock(&daemon, "2027-01-31T15:59:59Z");
    expect_held(&daemon, "甲", 0, "EXPIRED");
    let name = path_of("甲.政务");
    let refused = daemon.api("DELETE", &format!("{name}/holds/EXPIRED"), "demo-operator", None);
    assert_eq!(refused.json()["code"], "hold_by_clock_only", "{}", refused.text);
    // A renewal counts from the old end, and lifts what the clock has set.
    daemon.api("POST", &format!("{name}/renewals"), "demo-operator", Some(&json!({ "years": 2 }))).expect_success();
    expect_version(&daemon, "甲", 1);
    let shown = daemon.api("GET", &name, "demo-viewer", None).json();
    assert_eq!(shown["expires"], "2029-01-31T15:59:59Z", "{shown}");

    let term = json!({ "start": "2027-03-01T00:00:00Z", "end": "2027-03-31" });
    hold(&daemon, &name, "PENALTY", &term);
    expect_version(&daemon, "甲", 1);
    set_clock(&daemon, "2027-02-28T23:59:59Z");
    expect_version(&daemon, "甲", 1);
    set_clock(&daemon, "2027-03-01T00:00:00Z");
    expect_held(&daemon, "甲", 15, "PENALTY");
    set_clock(&daemon, "2027-03-31T15:59:58Z");
    expect_held(&daemon, "甲", 15, "PENALTY");
    set_clock(&daemon, "2027-03-31T15:59:59Z");
    expect_version(&daemon, "甲", 1);
}

#[test]
fn what_fell_due_while_the_program_was_down_is_in_its_first_answer() {
    // A port that is known before the program has it, and that no other test draws.
    let port = 20_000 + std::process::id() % 10_000;
    let mut daemon = TestDaemon::prepare(&CLOCK, "");
    daemon.reconfigure("\"127.0.0.1:0\", \"[::1]:0\"", &format!("\"127.0.0.1:{port}\", \"[::1]:0\""));
    daemon.restart();
    let lines = [
        unit_line("u1"),
        name_line("甲.政务", "u1", "2027-01-31", Some(1)),
        name_line("乙.政务", "u1", "2030-01-31", Some(2)),
    ];
    import(&daemon, "names", &lines);
    hold(&daemon, &path_of("乙.政务"), "PENALTY", &json!({ "end": "2026-12-31" }));
    for end in ["kill", "stop"] {
        if end == "kill" {
            daemon.kill();
        } else {
            assert!(daemon.stop().success());
        }
        daemon.set_arguments(&["--test-clock", "2027-02-01T00:00:00Z"]);
        let asker = Asker::new(daemon.dns(), Duration::from_millis(100));
        daemon.launch();
        // Asked until there is an answer at all.
        let first = loop {
            if let Ok(answer) = asker.ask("甲.政务", RecordType::AAAA) {
                break answer;
            }
        };
        expect_denial(&first);
        assert_eq!(extended_error(&first), Some((0, "hold=EXPIRED".into())));
        daemon.wait().expect("it starts");
        expect_version(&daemon, "乙", 2);
    }
}

#[test]
fn a_mass_suspension_waits_for_an_operator() {
    let mut daemon = TestDaemon::start_with(&CLOCK, "");
    let name = |n: usize| format!("名{n}.政务");
    let expires = |n: usize| if n < 30 { "2027-01-31" } else { "2030-01-31" };
    let names = (0..100).map(|n| name_line(&name(n), "u1", expires(n), Some(8 * n as u32)));
    let lines: Vec<Value> = [unit_line("u1")].into_iter().chain(names).collect();
    import(&daemon, "names", &lines);
    hold(&daemon, &path_of(&name(99)), "PENALTY", &json!({ "end": "2026-12-31" }));

    let resolving = |daemon: &TestDaemon| {
        let asker = Asker::new(daemon.dns(), PATIENCE);
        let resolves = |n: usize| !asker.ask(&name(n), RecordType::AAAA).expect("an answer").answers.is_empty();
        (0..100).filter(|n| resolves(*n)).count()
    };
    let ready = |daemon: &TestDaemon| {
        let reply = daemon.send("GET", "/readyz", &[], "", "");
        let metrics = daemon.send("GET", "/metrics", &[], "", "").text;
        let metric = metrics.lines().find_map(|line| line.strip_prefix("zhengming_brake_engaged ")).map(str::to_owned);
        (reply.status, reply.json()["reasons"].clone(), metric.expect("the metric"))
    };
    assert_eq!((resolving(&daemon), ready(&daemon)), (99, (200, json!([]), "0".into())));
    set_clock(&daemon, "2027-02-01T00:00:00Z");
    // What ends a hold does not wait.
    assert_eq!((resolving(&daemon), ready(&daemon)), (100, (503, json!(["brake"]), "1".into())));
    let brake = daemon.api("GET", "/v1/brake", "demo-viewer", None).json();
    assert_eq!((&brake["names"], &brake["total"]), (&json!(30), &json!(100)), "{brake}");
    // Changes go on, and a restart changes nothing about it.
    daemon.push(&name(50), &resolution(8)).expect_success();
    daemon.kill();
    daemon.set_arguments(&["--test-clock", "2027-02-01T00:00:01Z"]);
    daemon.restart();
    assert_eq!((resolving(&daemon), ready(&daemon)), (100, (503, json!(["brake"]), "1".into())));

    let release = json!({ "reason": "一批域名确已到期" });
    assert_eq!(daemon.api("POST", "/v1/brake/release", "demo-central", Some(&release)).status, 403);
    daemon.api("POST", "/v1/brake/release", "demo-operator", Some(&release)).expect_success();
    // It takes effect like everything due, before whatever is asked next of the writer.
    daemon.api("GET", "/v1/brake", "demo-viewer", None).expect_success();
    assert_eq!((resolving(&daemon), ready(&daemon)), (70, (200, json!([]), "0".into())));
    expect_held(&daemon, "名29", 0, "EXPIRED");
    let journal = daemon.api("GET", "/v1/journal?after=0", "demo-viewer", None).expect_success().text;
    assert!(journal.contains("brake.release") && journal.contains("demo-operator"), "{journal}");
}

#[test]
fn terms_end_on_days_that_exist_and_lists_include_the_last_day() {
    let daemon = TestDaemon::start_with(&["--test-clock", "2024-02-29T04:00:00Z"], "");
    daemon.register("u1", "organ", "甲.政务");
    let expires = |text: &str| {
        let path = format!("/v1/names?expires_from=2020-01-01&expires_to={text}");
        daemon.api("GET", &path, "demo-viewer", None).expect_success().json()["items"].as_array().map(Vec::len)
    };
    let shown = daemon.api("GET", &path_of("甲.政务"), "demo-viewer", None).json();
    assert_eq!(shown["expires"], "2026-02-28T15:59:59Z", "{shown}");
    assert_eq!((expires("2026-02-27"), expires("2026-02-28")), (Some(0), Some(1)));
    let renew = |years: u32| {
        let path = format!("{}/renewals", path_of("甲.政务"));
        daemon.api("POST", &path, "demo-operator", Some(&json!({ "years": years })))
    };
    for years in [1, 9, 11] {
        assert_eq!(renew(years).json()["code"], "term_invalid", "{years} years");
    }
    renew(8).expect_success();
    assert_eq!((expires("2034-02-27"), expires("2034-02-28")), (Some(0), Some(1)));
}
