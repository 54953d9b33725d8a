//! Zone files that cannot be served: they stop nothing else, and their names get SERVFAIL until a reload mends it.

use crate::kit::{SUFFIXES, import, name_line, resolution, seen, serial_of, shown, unit_line};
use crate::support::{PATIENCE, TestDaemon, tree};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

const GOOD: &str = "$TTL 300\n@ SOA ns hm 7 1800 900 1209600 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n";
const PARENT: &str = "$TTL 300\n@ SOA ns hm 7 1800 900 1209600 300\n@ NS ns\nns A 192.0.2.1\n\
                      child NS ns.child\nns.child A 192.0.2.9\n";
const ZONES: &str = "[[zones]]\napex = \"parent.test\"\nfile = \"parent.zone\"\n\
                     [[zones]]\napex = \"child.parent.test\"\nfile = \"child.zone\"\n\
                     [[zones]]\napex = \"absent.test\"\nfile = \"absent.zone\"\n";
/// Files that have no end, or no beginning, and one that is in itself.
const ENDLESS: &str = "[[zones]]\napex = \"zero.test\"\nfile = \"/dev/zero\"\n\
                       [[zones]]\napex = \"pipe.test\"\nfile = \"pipe\"\n\
                       [[zones]]\napex = \"loop.test\"\nfile = \"loop.zone\"\n\
                       [[zones]]\napex = \"directory.test\"\nfile = \".\"\n";

#[track_caller]
fn rcode(daemon: &TestDaemon, name: &str) -> ResponseCode {
    let answer = daemon.ask(name, RecordType::A);
    assert!(answer.metadata.response_code != ResponseCode::ServFail || answer.authorities.is_empty());
    answer.metadata.response_code
}

fn write(daemon: &TestDaemon, file: &str, text: &str) {
    fs::write(daemon.path(file), text).expect("a writable directory");
}

fn ready(daemon: &TestDaemon) -> (u16, Value) {
    let reply = daemon.send("GET", "/readyz", &[], "", "");
    (reply.status, reply.json())
}

fn metric(daemon: &TestDaemon, line: &str) -> bool {
    daemon.send("GET", "/metrics", &[], "", "").text.lines().any(|found| found.starts_with(line))
}

fn reload(daemon: &TestDaemon, zone: &Value) -> crate::support::Reply {
    daemon.api("POST", "/v1/zones/reload", "demo-operator", Some(&json!({ "zone": zone })))
}

/// Sends SIGHUP and waits for this text in the log.
#[track_caller]
fn hangup(daemon: &TestDaemon, said: &str) -> String {
    let logged = daemon.log().len();
    daemon.signal(Signal::HUP);
    let start = Instant::now();
    loop {
        let log = daemon.log()[logged..].to_owned();
        if log.contains(said) {
            return log;
        }
        assert!(start.elapsed() < PATIENCE, "no word of {said}: {log}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_bad_file_stops_no_other_zone_and_a_reload_that_mends_it_serves_it() {
    let mut daemon = TestDaemon::prepare(&[], ZONES);
    write(&daemon, "parent.zone", PARENT);
    write(&daemon, "child.zone", &format!("{GOOD}bad A 192.0.2.256\nworse MX 1\n"));
    daemon.restart();
    let log = daemon.log();
    // Every error by file and line, and what follows from it.
    for said in ["child.zone:6: error[rdata]", "child.zone:7: error[rdata]", "absent.zone: error[unreadable]"] {
        assert!(log.contains(said), "no {said} in\n{log}");
    }
    assert_eq!(log.matches("its names get SERVFAIL").count(), 2, "{log}");
    // The parent has a delegation and glue for the child, and neither is told.
    for name in ["child.parent.test", "ns.child.parent.test", "x.y.child.parent.test", "absent.test", "a.absent.test"] {
        assert_eq!(rcode(&daemon, name), ResponseCode::ServFail, "{name}");
    }
    assert_eq!(daemon.ask_tcp("x.child.parent.test", RecordType::A).metadata.response_code, ResponseCode::ServFail);
    assert_eq!(daemon.resolve("ns.parent.test", RecordType::A), ["192.0.2.1"]);
    assert_eq!(rcode(&daemon, "x.parent.test"), ResponseCode::NXDomain);
    let (status, body) = ready(&daemon);
    assert_eq!((status, &body["reasons"]), (503, &json!(["zones_not_loaded"])), "{body}");
    assert_eq!(body["zones_not_loaded"], json!(["absent.test.", "child.parent.test."]));
    assert!(metric(&daemon, "zhengming_zones_not_loaded 2") && metric(&daemon, "zhengming_writes_accepted 1"));
    // Queries are counted for the zone that could not answer them.
    let counted =
        "zhengming_dns_queries_total{outcome=\"error\",rcode=\"SERVFAIL\",transport=\"udp\",zone=\"absent.test.\"} 2";
    assert!(metric(&daemon, counted), "{}", daemon.send("GET", "/metrics", &[], "", "").text);

    // Changes go on: no suffix is concerned.
    import(&daemon, "names", &[unit_line("u1"), name_line("甲.政务", "u1", "2030-01-01", Some(1))]);
    daemon.push("甲.政务", &resolution(2)).expect_success();

    // What is still bad does not keep others from being read again.
    write(&daemon, "parent.zone", &format!("{PARENT}new A 192.0.2.5\n"));
    let reply = reload(&daemon, &json!(null)).expect_success().json();
    assert_eq!(reply["not_loaded"], json!(["absent.test.", "child.parent.test."]), "{reply}");
    assert_eq!(daemon.resolve("new.parent.test", RecordType::A), ["192.0.2.5"]);
    // Asked for by itself, a bad file is refused.
    assert_eq!(reload(&daemon, &json!("child.parent.test")).status, 422);
    write(&daemon, "child.zone", GOOD);
    let reply = reload(&daemon, &json!("child.parent.test")).expect_success().json();
    assert_eq!((&reply["not_loaded"], &reply["serials"]["child.parent.test."]), (&json!(["absent.test."]), &json!(7)));
    assert_eq!(daemon.resolve("www.child.parent.test", RecordType::A), ["192.0.2.2"]);

    // Now it is served, and a bad file is no reason to stop that; nor may it take others along.
    write(&daemon, "child.zone", "nonsense\n");
    write(&daemon, "absent.zone", GOOD);
    hangup(&daemon, "everything stays as it was");
    assert_eq!(reload(&daemon, &json!(null)).status, 422);
    assert_eq!(daemon.resolve("www.child.parent.test", RecordType::A), ["192.0.2.2"]);
    assert_eq!(rcode(&daemon, "www.absent.test"), ResponseCode::ServFail);
    write(&daemon, "child.zone", GOOD);
    hangup(&daemon, "were read again");
    assert_eq!(daemon.resolve("www.absent.test", RecordType::A), ["192.0.2.2"]);
    assert_eq!((ready(&daemon).0, metric(&daemon, "zhengming_zones_not_loaded 0")), (200, true));

    // A zone that a reload of the configuration would add is no zone that was not loaded before.
    let config = fs::read_to_string(daemon.path("config.toml")).expect("the configuration");
    let more = format!("{config}\n[[zones]]\napex = \"more.test\"\nfile = \"more.zone\"\n");
    write(&daemon, "config.toml", &more);
    hangup(&daemon, "everything stays as it was");
    assert_eq!(rcode(&daemon, "more.test"), ResponseCode::Refused);
    // One that is taken out of it is gone, and the parent speaks for its names.
    write(&daemon, "config.toml", &config.replace("apex = \"child.parent.test\"", "apex = \"other.test\""));
    hangup(&daemon, "were read again");
    let referral = daemon.ask("www.child.parent.test", RecordType::A);
    assert!(referral.answers.is_empty() && !referral.metadata.authoritative && referral.authorities.len() == 1);
    assert_eq!(daemon.resolve("www.other.test", RecordType::A), ["192.0.2.2"]);
}

#[test]
fn a_reload_tells_what_is_wrong_with_what_it_serves() {
    let mut daemon = TestDaemon::prepare(&[], ZONES);
    for (file, text) in [("parent.zone", PARENT), ("child.zone", GOOD), ("absent.zone", GOOD)] {
        write(&daemon, file, text);
    }
    daemon.restart();
    let wrong = "a CNAME b\n@ MX 10 a\nb 2147483648 A 192.0.2.3\n";
    write(&daemon, "absent.zone", &format!("{GOOD}{wrong}"));
    for zone in [json!(null), json!("absent.test")] {
        let found = &reload(&daemon, &zone).expect_success().json()["found"];
        let told = |index: usize| ["line", "rule", "severity"].map(|member| found[index][member].clone());
        assert_eq!(told(0), [json!(7), json!("target-is-alias"), json!("error")], "{found}");
        assert_eq!(told(1), [json!(8), json!("ttl"), json!("warning")], "{found}");
        assert_eq!(found.as_array().map(Vec::len), Some(2), "{found}");
    }
    assert_eq!(daemon.resolve("b.absent.test", RecordType::A), ["192.0.2.3"]);
}

#[test]
fn a_suffix_that_is_not_loaded_stops_changes_but_no_answers_of_others() {
    let mut daemon = TestDaemon::prepare(&[], "");
    let file = format!("{}.zone", SUFFIXES[1]);
    let original = tree(&format!("zones/{file}"));
    let good = fs::read_to_string(&original).expect("the zone");
    write(&daemon, &file, &good);
    daemon.reconfigure(&original.to_string_lossy(), &file);
    daemon.restart();
    import(&daemon, "names", &[unit_line("u1"), name_line("甲.政务", "u1", "2030-01-01", Some(1))]);
    let ask = |daemon: &TestDaemon, suffix: &str| daemon.ask(&format!("甲.{suffix}"), RecordType::AAAA);
    assert_eq!([seen(&ask(&daemon, "政务")), seen(&ask(&daemon, "政务.cn"))], [shown(1); 2]);
    let serial = serial_of(&daemon.ask(SUFFIXES[1], RecordType::SOA));

    // What keeps a suffix from being served keeps it so at a start too, be it only that a label could be registered.
    write(&daemon, &file, &format!("{good}xn--fiqs8s 60 IN A 192.0.2.1\n"));
    daemon.kill();
    daemon.restart();
    assert_eq!(seen(&ask(&daemon, "政务")), shown(1));
    assert_eq!(ask(&daemon, "政务.cn").metadata.response_code, ResponseCode::ServFail);
    assert_eq!(ask(&daemon, "公益").metadata.response_code, ResponseCode::NXDomain);
    let refused = daemon.push("甲.政务", &resolution(2));
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.text.contains("xn--zfr164b.cn. is not loaded"), "{}", refused.text);
    assert!(metric(&daemon, "zhengming_writes_accepted 0"));
    let (status, body) = ready(&daemon);
    assert_eq!((status, &body["zones_not_loaded"]), (503, &json!(["xn--zfr164b.cn."])), "{body}");

    write(&daemon, &file, &good);
    reload(&daemon, &json!("政务.cn")).expect_success();
    assert_eq!([seen(&ask(&daemon, "政务")), seen(&ask(&daemon, "政务.cn"))], [shown(1); 2]);
    let after = serial_of(&daemon.ask(SUFFIXES[1], RecordType::SOA));
    assert!(crate::kit::is_at_least(after, serial), "{after} after {serial}");
    daemon.push("甲.政务", &resolution(2)).expect_success();
    assert_eq!([seen(&ask(&daemon, "政务")), seen(&ask(&daemon, "政务.cn"))], [shown(2); 2]);
    assert_eq!(ready(&daemon).0, 200);
    daemon.kill();
    daemon.restart();
    assert_eq!([seen(&ask(&daemon, "政务")), seen(&ask(&daemon, "政务.cn"))], [shown(2); 2]);
}

#[test]
fn files_without_an_end_keep_nobody_waiting() {
    let mut daemon = TestDaemon::prepare(&[], &format!("{ZONES}{ENDLESS}"));
    for (file, text) in [("parent.zone", PARENT), ("child.zone", GOOD), ("absent.zone", GOOD)] {
        write(&daemon, file, text);
    }
    write(&daemon, "loop.zone", &format!("{GOOD}$INCLUDE loop.zone\n"));
    let made = std::process::Command::new("mkfifo").arg(daemon.path("pipe")).status().expect("mkfifo");
    assert!(made.success());
    daemon.restart();
    for apex in ["zero.test", "pipe.test", "loop.test", "directory.test"] {
        assert_eq!(rcode(&daemon, apex), ResponseCode::ServFail, "{apex}");
    }
    assert_eq!(daemon.resolve("www.absent.test", RecordType::A), ["192.0.2.2"]);
    reload(&daemon, &json!(null)).expect_success();
    assert_eq!(reload(&daemon, &json!("pipe.test")).status, 422);
}

#[test]
fn no_zone_at_all_can_be_loaded() {
    let mut daemon = TestDaemon::prepare(&[], "");
    let zones = tree("zones").to_string_lossy().into_owned();
    daemon.reconfigure(&zones, "nowhere");
    daemon.restart();
    assert_eq!(rcode(&daemon, "甲.政务"), ResponseCode::ServFail);
    daemon.reconfigure("nowhere", &zones);
    hangup(&daemon, "were read again");
    assert_eq!(rcode(&daemon, "甲.政务"), ResponseCode::NXDomain);
    import(&daemon, "names", &[unit_line("u1"), name_line("甲.政务", "u1", "2030-01-01", Some(1))]);
    assert_eq!(seen(&daemon.ask("甲.政务", RecordType::AAAA)), shown(1));
    // All sets lost, with names in them, and back again by a reload.
    daemon.kill();
    daemon.reconfigure(&zones, "nowhere");
    daemon.restart();
    assert_eq!(rcode(&daemon, "甲.政务"), ResponseCode::ServFail);
    daemon.reconfigure("nowhere", &zones);
    hangup(&daemon, "were read again");
    assert_eq!(seen(&daemon.ask("甲.政务", RecordType::AAAA)), shown(1));
}
