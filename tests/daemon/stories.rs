//! What users do: resolution, two levels of review, and forwards (registry-rules.md E1, E4, E5, E6).

use crate::kit::{NOON, path_of, resolution};
use crate::support::{PATIENCE, Reply, TestDaemon, ascii, encode};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

const NAME: &str = "靖远县教育局.政务";

fn submit(daemon: &TestDaemon, name: &str, resolution: &Value) -> Reply {
    let body = json!({ "name": name, "resolution": resolution });
    daemon.api("POST", "/v1/changes", "demo-submitter", Some(&body))
}

fn decide(daemon: &TestDaemon, change: &str, token: &str, decision: &Value) -> Reply {
    daemon.api("POST", &format!("/v1/changes/{change}/decisions"), token, Some(decision))
}

fn approval(level: &str) -> Value {
    json!({ "level": level, "decision": "approve" })
}

#[track_caller]
fn id_of(reply: Reply) -> String {
    reply.expect_success().json()["id"].as_str().expect("an id").to_owned()
}

#[track_caller]
fn expect_refusal(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{}", reply.text);
}

#[track_caller]
fn goes_live(daemon: &TestDaemon, name: &str, resolution: &Value) {
    let change = id_of(submit(daemon, name, resolution));
    decide(daemon, &change, "demo-local", &approval("local")).expect_success();
    let live = decide(daemon, &change, "demo-central", &approval("central")).expect_success().json();
    assert_eq!(live["state"], "live", "{live}");
}

#[test]
fn a_resolver_operator_sees_a_name_after_two_approvals_and_not_before() {
    let daemon = TestDaemon::start();
    daemon.register("u1", "organ", NAME);
    let change = id_of(submit(&daemon, NAME, &json!({ "type": "A", "addresses": ["203.0.113.5"], "www": true })));
    let www = format!("www.{}", ascii(NAME));
    let absent = |when: &str| {
        for name in [NAME, &www] {
            let answer = daemon.ask(name, RecordType::A);
            assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain, "{when}: {answer}");
        }
    };
    absent("submitted");
    decide(&daemon, &change, "demo-local", &approval("local")).expect_success();
    absent("locally approved");
    decide(&daemon, &change, "demo-central", &approval("central")).expect_success();
    for name in [NAME, &www, "靖远县教育局.政务.cn", "靖远县教育局。政务"] {
        assert_eq!(daemon.resolve(name, RecordType::A), ["203.0.113.5"], "{name}");
    }
    let answer = daemon.ask_tcp(NAME, RecordType::MX);
    assert_eq!((answer.metadata.response_code, answer.metadata.authoritative), (ResponseCode::NoError, true));
    assert!(answer.answers.is_empty() && answer.authorities[0].record_type() == RecordType::SOA, "{answer}");
    // Read over the API, in either form.
    let shown = daemon.api("GET", &path_of(&ascii("靖远县教育局.政务.cn")), "demo-viewer", None).json();
    assert_eq!((&shown["name"], &shown["state"]), (&json!(NAME), &json!("active")), "{shown}");
}

#[test]
fn an_address_is_no_url_and_a_url_no_address() {
    let daemon = TestDaemon::start();
    daemon.register("u1", "organ", NAME);
    let wrong = [
        (json!({ "type": "A", "addresses": ["http://www.example/"] }), "address_invalid"),
        (json!({ "type": "URL", "target": "203.0.113.5" }), "target_invalid"),
    ];
    for (resolution, code) in wrong {
        expect_refusal(&submit(&daemon, NAME, &resolution), 422, code);
    }
    let both = json!({ "type": "A", "addresses": ["203.0.113.5"], "target": "https://www.example/" });
    assert_eq!(submit(&daemon, NAME, &both).status, 400);
    submit(&daemon, NAME, &resolution(1)).expect_success();
    expect_refusal(&submit(&daemon, NAME, &resolution(3)), 409, "change_pending");
}

#[test]
fn a_reviewer_takes_no_shortcut() {
    let daemon = TestDaemon::start();
    daemon.register("u1", "organ", NAME);
    let elsewhere = json!({ "name": "异地单位", "kind": "organ", "region": "530000" });
    daemon.api("PUT", "/v1/units/u2", "demo-operator", Some(&elsewhere)).expect_success();
    let term = json!({ "unit": "u2", "years": 2 });
    daemon.api("PUT", &path_of("异地单位.政务"), "demo-operator", Some(&term)).expect_success();
    let foreign = id_of(submit(&daemon, "异地单位.政务", &resolution(1)));
    expect_refusal(&decide(&daemon, &foreign, "demo-local", &approval("local")), 403, "region_foreign");

    let change = id_of(submit(&daemon, NAME, &resolution(1)));
    expect_refusal(&decide(&daemon, &change, "demo-central", &approval("central")), 409, "local_review_first");
    for (token, level) in [("demo-submitter", "local"), ("demo-local", "central"), ("demo-operator", "central")] {
        expect_refusal(&decide(&daemon, &change, token, &approval(level)), 403, "role_forbidden");
    }
    let silent = json!({ "level": "local", "decision": "reject" });
    expect_refusal(&decide(&daemon, &change, "demo-local", &silent), 422, "reason_required");
    let rejection = json!({ "level": "local", "decision": "reject", "reason": "地址有误" });
    decide(&daemon, &change, "demo-local", &rejection).expect_success();
    let shown = daemon.api("GET", &format!("/v1/changes/{change}"), "demo-submitter", None).json();
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!("地址有误")), "{shown}");
    expect_refusal(&decide(&daemon, &change, "demo-local", &approval("local")), 409, "change_not_pending");
    goes_live(&daemon, NAME, &resolution(2));
}

/// What the real curl gets from the gateway: the status and the headers, in lower case, and the body.
fn curl(daemon: &TestDaemon, host: &str, path: &str) -> (u16, String) {
    let host = format!("Host: {host}");
    let url = format!("http://{}{path}", daemon.gateway());
    let output = Command::new("curl").args(["-sS", "-i", "--noproxy", "*", "-H", &host, &url]).output();
    let output = output.expect("curl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    (status, text)
}

#[test]
fn a_citizen_follows_a_forward_from_the_moment_it_is_approved() {
    let daemon = TestDaemon::start();
    daemon.register("u1", "organ", NAME);
    let host = ascii(NAME);
    let host = host.trim_end_matches('.');
    assert_eq!(curl(&daemon, host, "/").0, 404);
    let first = json!({ "type": "URL", "target": "https://www.example/portal/", "code": 302 });
    goes_live(&daemon, NAME, &first);
    assert_eq!(daemon.resolve(NAME, RecordType::A), ["127.0.0.1"], "the gateway of the configuration");
    assert_eq!(daemon.resolve(&format!("www.{NAME}"), RecordType::A), ["127.0.0.1"]);
    let port = daemon.gateway().port();
    let forms = [
        host.to_owned(),
        host.to_uppercase(),
        format!("{host}."),
        format!("{host}:{port}"),
        format!("www.{host}"),
        NAME.to_owned(),
        format!("{host}.cn"),
    ];
    for form in forms {
        let (status, text) = curl(&daemon, &form, "/some/path?and=query");
        assert_eq!(status, 302, "{form}: {text}");
        for header in ["location: https://www.example/portal/\r\n", "cache-control: max-age=300\r\n"] {
            assert!(text.contains(header), "{form}: no {header:?} in {text}");
        }
    }
    let second = json!({ "type": "URL", "target": "https://new.example/", "code": 308, "keep_path": true });
    goes_live(&daemon, NAME, &second);
    let (status, text) = curl(&daemon, host, "/some/path?and=query");
    assert!(status == 308 && text.contains("location: https://new.example/some/path?and=query\r\n"), "{text}");
    assert_eq!(curl(&daemon, "unknown.example", "/").0, 404);
    assert_eq!(curl(&daemon, "xn--fiqs8s.xn--zfr164b", "/").0, 404);
    for target in [format!("http://{NAME}/"), format!("http://www.{host}.cn/x")] {
        let itself = submit(&daemon, NAME, &json!({ "type": "URL", "target": target }));
        expect_refusal(&itself, 422, "target_loop");
    }
    // A name that resolves elsewhere is not the gateway's, from the moment that is approved.
    goes_live(&daemon, NAME, &resolution(1));
    assert_eq!(curl(&daemon, host, "/").0, 404);
}

#[test]
fn the_names_of_the_founding_documents_resolve_as_the_demonstration_has_them() {
    let daemon = TestDaemon::prepare(&["--test-clock", NOON], "");
    let seed = crate::support::tree("config/demo-names.ndjson");
    daemon.reconfigure("directory = \"data\"", &format!("directory = \"data\"\nseed = {:?}", seed.to_string_lossy()));
    let mut daemon = daemon;
    daemon.restart();
    let names = [
        "网上名称管理.公益",
        "审核管理平台.政务",
        "标识证书管理.公益",
        "中国政府网.政务",
        "中央编办.政务",
        "国家域名注册管理网.公益",
    ];
    for name in names {
        let shown = daemon.api("GET", &format!("/v1/names/{}", encode(name)), "demo-viewer", None).expect_success();
        assert_eq!(shown.json()["state"], "active", "{}", shown.text);
        let answer = daemon.ask(name, RecordType::A);
        let resolves = !answer.answers.is_empty() || !answer.authorities.is_empty();
        assert!(answer.metadata.response_code == ResponseCode::NoError && resolves, "{name}: {answer}");
    }
    // Not imported again by the next start.
    // Notices may be given meanwhile: the last line, which tells how far the journal is, moves by them.
    let exported = |daemon: &TestDaemon| {
        let text = daemon.api("GET", "/v1/export", "demo-viewer", None).text;
        text.lines().filter(|line| !line.starts_with("{\"end\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    // One of the names has been unpaid for two years, and is given its final notice in the first second.
    let begun = Instant::now();
    while !daemon.api("GET", "/v1/export", "demo-viewer", None).text.contains("final_notice") {
        assert!(begun.elapsed() < PATIENCE, "no final notice\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let before = exported(&daemon);
    daemon.stop();
    daemon.restart();
    assert_eq!(exported(&daemon), before);
}
