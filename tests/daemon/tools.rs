//! What kdig, drill and dig print: the answer table as operators see it (registry-rules.md D.3).

use crate::kit::{import, name_line, unit_line};
use crate::support::{TestDaemon, ascii};
use serde_json::json;
use std::process::Command;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
fn expect(text: &str, parts: &[&str]) {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(words.contains(part), "no {part:?} in\n{text}");
    }
}

fn daemon() -> TestDaemon {
    let daemon = TestDaemon::start();
    let names = ["甲", "乙", "丙", "丁"].map(|name| name_line(&format!("{name}.政务"), "u1", "2030-01-01", None));
    import(&daemon, "names", &[&[unit_line("u1")][..], &names].concat());
    let addresses = json!({ "type": "A", "addresses": ["203.0.113.5", "2001:db8::5"] });
    daemon.push("甲.政务", &addresses).expect_success();
    let ds = json!([{ "key_tag": 4711, "algorithm": 13, "digest_type": 2, "digest": "ab".repeat(32) }]);
    let servers = json!(["ns.example", { "host": "ns1.乙.政务", "glue": ["198.51.100.1"] }]);
    daemon.push("乙.政务", &json!({ "type": "NS", "servers": servers, "ds": ds })).expect_success();
    daemon.push("丙.政务", &json!({ "type": "URL", "target": "https://www.example/" })).expect_success();
    daemon.push("丁.政务", &addresses).expect_success();
    let hold = json!({ "evidence": "doc-1" });
    daemon
        .api("PUT", "/v1/names/%E4%B8%81.%E6%94%BF%E5%8A%A1/holds/SITE_REVIEW_FAILED", "demo-operator", Some(&hold))
        .expect_success();
    daemon
}

#[test]
fn kdig_and_drill_and_dig_read_the_answers() {
    let daemon = daemon();
    let (port, v6_port) = (daemon.dns().port().to_string(), daemon.dns_v6().port().to_string());
    let [live, own, forward, held] = ["甲.政务", "乙.政务", "丙.政务", "丁.政务"].map(ascii);
    let kdig = |rest: &[&str]| run("kdig", &[&["@127.0.0.1", "-p", &port, "+noidn"][..], rest].concat());
    let drill = |rest: &[&str]| run("drill", &[rest, &["@127.0.0.1", "-p", &port]].concat());
    let dig = |rest: &[&str]| run("dig", &[&["@::1", "-p", &v6_port, "+nocookie", "+noidnout"][..], rest].concat());

    // Rows 1, 2, 3: live, its copy at www, and a type that is not there.
    expect(&kdig(&[&live, "A"]), &["status: NOERROR", "Flags: qr aa rd", &format!("{live} 600 IN A 203.0.113.5")]);
    expect(
        &drill(&[&format!("www.{live}"), "AAAA"]),
        &["rcode: NOERROR", "flags: qr aa rd", "600 IN AAAA 2001:db8::5"],
    );
    expect(&dig(&["+tcp", &live, "MX"]), &["status: NOERROR", "flags: qr aa rd;", "ANSWER: 0", "IN SOA"]);
    // Row 4: another host below it.
    expect(&kdig(&["+tcp", &format!("mail.{live}"), "A"]), &["status: NXDOMAIN", "Flags: qr aa rd", "IN SOA"]);
    // Row 5: a forward has the gateway's address.
    expect(&drill(&["-t", &forward, "A"]), &["rcode: NOERROR", "300 IN A 127.0.0.1"]);
    // Row 10: held; with EDNS the reason, without it no OPT.
    expect(&kdig(&["+edns", &held, "A"]), &["status: NXDOMAIN", "EDE: 15 (Blocked): 'hold=SITE_REVIEW_FAILED'"]);
    let plain = kdig(&["+noedns", &held, "A"]);
    expect(&plain, &["status: NXDOMAIN", "Flags: qr aa rd", "ADDITIONAL: 0"]);
    assert!(!plain.contains("EDNS") && !plain.contains("EDE"), "{plain}");
    // Rows 14, 15: delegated, with narrow glue; the DS belongs to this side.
    let referral = dig(&["+norecurse", &format!("x.{own}"), "A"]);
    let glue = format!("ns1.{own} 3600 IN A 198.51.100.1");
    expect(&referral, &["status: NOERROR", "flags: qr;", &format!("{own} 3600 IN NS ns.example."), &glue]);
    expect(&kdig(&[&own, "DS"]), &["Flags: qr aa rd", "3600 IN DS 4711 13 2"]);
    // Rows 17, 18: the apex, and nic.
    expect(&kdig(&["xn--zfr164b.", "SOA"]), &["Flags: qr aa rd", "xn--zfr164b. 300 IN SOA ns1.nic.xn--zfr164b."]);
    expect(&drill(&["nic.xn--zfr164b", "NS"]), &["rcode: NOERROR", "ns1.nic.xn--zfr164b."]);
    // Row 19: not ours.
    expect(
        &kdig(&["+edns", "www.example.com", "A"]),
        &["status: REFUSED", "Flags: qr rd;", "EDE: 20 (Not Authoritative)"],
    );
    // Row 20: the question comes back as it was written.
    let mixed = format!("wWw.{}", live.replace("xn--", "Xn--"));
    expect(&dig(&[&mixed, "A"]), &[&format!("{mixed} 600 IN A 203.0.113.5")]);
    // Rows 22, 23: ANY is minimal, there are no transfers.
    expect(&kdig(&["+notcp", &live, "ANY"]), &["status: NOERROR", "ANSWER: 1;"]);
    expect(&dig(&["+noall", "+comments", "xn--zfr164b.", "AXFR"]), &["Transfer failed."]);
    expect(&kdig(&["xn--zfr164b.", "AXFR"]), &["REFUSED"]);
}
