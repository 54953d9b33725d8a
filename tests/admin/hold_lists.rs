//! Lists of holds: all or nothing, every bad line told, one thing to the brake.

use crate::codes::says_as_much_in_chinese;
use crate::server::{AWAY, HOME, Reply, Server, totp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use zhengming::registry::Timestamp;

const ADDRESS: [u8; 4] = [203, 0, 113, 5];

fn name(number: usize) -> String {
    format!("局{number}.政务")
}

/// A unit with so many names that resolve, and another without any.
fn server_with(names: usize) -> Server {
    let server = Server::new();
    let report = server.import("id=names", &lines(names));
    assert_eq!(report["refused"], 0, "{report}");
    server
}

fn lines(names: usize) -> String {
    let resolution = json!({ "type": "A", "addresses": ["203.0.113.5"], "ttl": 240 });
    let line = |number: usize| {
        json!({ "name": { "name": name(number), "unit": "u1", "registered": "2020-05-01", "expires": "2030-05-01",
                          "resolution": resolution, "basis": "migration" } })
        .to_string()
    };
    let unit = |id: &str| json!({ "unit": { "id": id, "name": "某局", "kind": "organ", "region": HOME } }).to_string();
    let lines: Vec<String> = [unit("u1"), unit("u2")].into_iter().chain((1..=names).map(line)).collect();
    lines.join("\n")
}

/// Sends a list with the operator's token.
pub fn send(server: &Server, target: &str, kind: &str, headers: &str, body: &str) -> Reply {
    let headers = format!("Authorization: Bearer operator\r\nContent-Type: {kind}\r\n{headers}");
    server.raw("POST", target, &headers, body.as_bytes())
}

fn ndjson(server: &Server, target: &str, lines: &[Value]) -> Reply {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    send(server, target, "application/x-ndjson", "", &body)
}

fn held(number: usize) -> Value {
    json!({ "name": name(number), "reason": "REGISTRY_ADMIN", "evidence": "case-1" })
}

#[test]
fn a_list_holds_all_it_names_in_one_line_and_a_list_lifts_them() {
    let server = server_with(40);
    server.name("乙.政务", "u2");
    server.resolve("乙.政务", r#"{"type":"A","addresses":["203.0.113.5"],"ttl":600}"#);
    let list = [
        json!({ "name": name(1), "reason": "LEGAL", "evidence": "order-1" }),
        json!({ "name": crate::server::label(&name(2)) + ".xn--zfr164b.cn", "reason": "PENALTY", "evidence": "case-2",
                "start": "2026-11-22", "end": "2026-12-31" }),
        json!({ "unit": "u2", "reason": "SITE_REVIEW_FAILED", "evidence": "case-3" }),
        json!({ "name": "乙.政务", "reason": "LEGAL", "evidence": "order-1" }),
    ];
    let reply = ndjson(&server, "/v1/holds", &list);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let receipt = reply.json();
    assert_eq!((&receipt["lines"], &receipt["state"]), (&json!(4), &json!("held")));
    assert_eq!(receipt["residual_ttl_secs"], 600);
    assert_eq!(receipt["serials"].as_object().map(serde_json::Map::len), Some(2));
    assert!(server.nxdomain(&name(1)) && server.nxdomain(&name(2)) && server.nxdomain("乙.政务"));
    assert!(server.answers(&name(3), ADDRESS));
    let seq = receipt["seq"].as_u64().unwrap();
    let line = server.call("viewer", "GET", &format!("/v1/journal?after={}", seq - 1), "").text();
    assert_eq!(line.lines().count(), 1);
    assert!(line.contains("holds.place") && line.contains("order-1") && line.contains("case-3"), "{line}");
    let shown = server.ok("viewer", "GET", &format!("/v1/names/{}", name(2)), "");
    assert_eq!(shown["holds"][0]["end"], "2026-12-31T15:59:59Z");

    // The same again changes nothing, and a list of lifts takes its own away and no other.
    assert_eq!(ndjson(&server, "/v1/holds", &list).json()["serials"], json!({}));
    let lifts = "unit,name,reason\r\nu2,,SITE_REVIEW_FAILED\r\n,\"乙.政务\",LEGAL\r\n,局2.政务,PENALTY\r\n";
    let reply = send(&server, "/v1/holds/lifts", "text/csv; charset=utf-8", "", lifts);
    assert_eq!((reply.status, &reply.json()["state"]), (200, &json!("lifted")), "{}", reply.text());
    assert_eq!(reply.json()["residual_ttl_secs"], 300);
    assert!(server.answers("乙.政务", ADDRESS) && server.answers(&name(2), ADDRESS) && server.nxdomain(&name(1)));
}

#[test]
fn a_table_says_the_same_as_lines() {
    let (tables, lines) = (server_with(3), server_with(3));
    let table = "\u{feff}reason,unit,name,evidence,end\nLEGAL,,局1.政务,\"order \"\"9\"\", part 1\",\n\nPENALTY,u2,,case-2,2026-12-31\n";
    let reply = send(&tables, "/v1/holds", "text/csv", "", table);
    assert_eq!((reply.status, &reply.json()["lines"]), (200, &json!(2)), "{}", reply.text());
    let same = [
        json!({ "name": name(1), "reason": "LEGAL", "evidence": "order \"9\", part 1" }),
        json!({ "unit": "u2", "reason": "PENALTY", "evidence": "case-2", "end": "2026-12-31" }),
    ];
    assert_eq!(ndjson(&lines, "/v1/holds", &same).status, 200);
    assert_eq!(tables.state(), lines.state());
}

#[test]
fn a_rehearsal_tells_what_would_stop_and_what_the_brake_would_do() {
    let server = server_with(100);
    let few: Vec<Value> = (1..=20).map(held).collect();
    let before = server.everything();
    let shown = ndjson(&server, "/v1/holds?dry_run=true", &few).json();
    assert_eq!((&shown["seq"], &shown["residual_ttl_secs"], &shown["lines"]), (&Value::Null, &json!(240), &json!(20)));
    let preview = &shown["preview"];
    assert_eq!(preview["changed"], 20);
    let suspended = &preview["suspensions"][0];
    let figures = json!({ "suffix": "xn--zfr164b", "names": 20, "total": 100, "percent": 20.0, "recent": 0, "limit": 20,
                          "protected": null, "stopped": false, "first": suspended["first"] });
    assert_eq!(*suspended, figures);
    let first: BTreeSet<&str> = suspended["first"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(first.len(), 20);
    assert!(first.contains(&*name(7)));
    assert_eq!(preview["differences"]["xn--zfr164b."].as_array().map(Vec::len), Some(60), "two go, one comes");

    let many: Vec<Value> = (1..=21).map(held).collect();
    let shown = ndjson(&server, "/v1/holds?dry_run=true", &many).json();
    assert_eq!(shown["preview"]["suspensions"][0]["stopped"], true);
    // A unit stops all it has.
    let unit = [json!({ "unit": "u1", "reason": "LEGAL", "evidence": "order-1" })];
    let shown = ndjson(&server, "/v1/holds?dry_run=true", &unit).json();
    let suspended = &shown["preview"]["suspensions"][0];
    assert_eq!((&suspended["names"], &suspended["percent"]), (&json!(100), &json!(100.0)));
    assert_eq!(server.everything(), before);
    assert_eq!(server.ok("viewer", "GET", "/v1/brake", "")["engaged"], false);
    // That of a single hold says as much.
    let body = r#"{"evidence":"order-1"}"#;
    let single = server.ok("operator", "PUT", "/v1/units/u1/holds/LEGAL?dry_run=true", body);
    assert_eq!(single["preview"]["suspensions"][0]["names"], 100);
}

#[test]
fn a_list_stops_before_its_first_change_and_goes_through_after_the_release() {
    let server = server_with(100);
    let many: Vec<Value> = (1..=30).map(held).collect();
    let before = server.state();
    let key = "Idempotency-Key: list-1\r\n";
    let body: String = many.iter().map(|line| format!("{line}\n")).collect();
    let hand_in = || send(&server, "/v1/holds", "application/x-ndjson", key, &body);
    let stopped = hand_in();
    assert_eq!((stopped.status, stopped.code().as_str()), (409, "brake"));
    assert_eq!(server.state(), before);
    let brake = server.ok("viewer", "GET", "/v1/brake", "");
    assert_eq!((&brake["engaged"], &brake["stopped"], &brake["names"]), (&json!(true), &json!("batch"), &json!(30)));
    // Waiting is not passing: nor do parts of it pass while it waits.
    assert_eq!(hand_in().code(), "brake");
    assert_eq!(ndjson(&server, "/v1/holds", &many[..1]).code(), "brake");
    let shown = ndjson(&server, "/v1/holds?dry_run=true", &many[..1]).json();
    assert_eq!(shown["preview"]["suspensions"][0]["stopped"], true, "{shown}");
    server.ok("operator", "POST", "/v1/brake/release", r#"{"reason":"属实"}"#);
    let done = hand_in();
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(server.nxdomain(&name(30)) && server.answers(&name(31), ADDRESS));
    // Answered as before, not done again.
    assert_eq!(hand_in().json(), done.json());
}

#[test]
fn a_second_factor_is_needed_and_does_not_get_a_list_past_the_brake() {
    let server = Server::guarded();
    let code = |secs: i64| {
        server.clock.set(Timestamp(crate::server::NOW + secs));
        format!("X-Second-Factor: {}\r\n", totp().code_at(crate::server::NOW + secs))
    };
    let import = format!("Authorization: Bearer operator\r\nContent-Type: application/x-ndjson\r\n{}", code(60));
    let report = server.raw("POST", "/v1/import?id=names", &import, lines(100).as_bytes());
    assert_eq!(report.json()["refused"], 0, "{}", report.text());
    let one: String = format!("{}\n", held(1));
    let list =
        |server: &Server, headers: &str, body: &str| send(server, "/v1/holds", "application/x-ndjson", headers, body);
    assert_eq!(list(&server, "", &one).code(), "second_factor_required");
    let all: String = (1..=30).map(|number| format!("{}\n", held(number))).collect();
    assert_eq!(list(&server, &code(120), &all).code(), "brake");
    let release = server.with("operator", "POST", "/v1/brake/release", &code(180), r#"{"reason":"属实"}"#);
    assert_eq!(release.status, 200, "{}", release.text());
    assert_eq!(list(&server, &code(240), &all).status, 200);
    let lifts = "name,reason\n局1.政务,REGISTRY_ADMIN\n";
    assert_eq!(send(&server, "/v1/holds/lifts", "text/csv", "", lifts).code(), "second_factor_required");
    assert_eq!(send(&server, "/v1/holds/lifts", "text/csv", &code(300), lifts).status, 200);
    assert!(server.answers(&name(1), ADDRESS));
}

/// A thousand bad lines among good ones: each is told, whatever is wrong with it, and nothing has changed.
#[test]
fn every_bad_line_is_told_and_nothing_changes() {
    let server = server_with(5);
    let away = json!({ "name": "异地", "kind": "organ", "region": AWAY }).to_string();
    server.ok("operator", "PUT", "/v1/units/u9", &away);
    let before = server.everything();
    let good = json!({ "name": name(1), "reason": "LEGAL", "evidence": "d" });
    let with = |member: &str, value: Value| {
        let mut line = good.clone();
        line[member] = value;
        line
    };
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(24 * 1024));
    let cases = [
        (2, "malformed_json", "{".to_owned()),
        (3, "wrong_type", "[]".to_owned()),
        (4, "unknown_field", with("x", json!(1)).to_string()),
        (5, "missing_field", json!({ "name": name(2), "evidence": "d" }).to_string()),
        (6, "missing_field", json!({ "reason": "LEGAL", "evidence": "d" }).to_string()),
        (7, "unknown_field", with("unit", json!("u1")).to_string()),
        (8, "body_too_large", long),
        (9, "unit_invalid", json!({ "unit": "u 1", "reason": "LEGAL", "evidence": "d" }).to_string()),
        (10, "unit_not_found", json!({ "unit": "u7", "reason": "LEGAL", "evidence": "d" }).to_string()),
        (11, "label_invalid", with("name", json!("-局.政务")).to_string()),
        (12, "label_character", with("name", json!("局か.政务")).to_string()),
        (13, "label_too_long", with("name", json!("一".repeat(58) + ".政务")).to_string()),
        (14, "suffix_unknown", with("name", json!("局.example")).to_string()),
        (15, "name_not_found", with("name", json!("没有.政务")).to_string()),
        (16, "hold_invalid", with("reason", json!("BORED")).to_string()),
        (17, "hold_invalid", with("end", json!("tomorrow")).to_string()),
        (18, "hold_invalid", json!({ "name": name(2), "reason": "PENALTY", "evidence": "d" }).to_string()),
        (19, "hold_invalid", json!({ "name": name(3), "reason": "LEGAL", "evidence": " " }).to_string()),
        (20, "hold_by_clock_only", with("reason", json!("EXPIRED")).to_string()),
        (21, "item_repeated", good.to_string()),
    ];
    let lines: Vec<&str> = cases.iter().map(|(_, _, line)| line.as_str()).collect();
    let body = format!("{good}\n{}\n\n{}\n", lines.join("\n"), with("reason", json!("UNIT_REQUEST")));
    for target in ["/v1/holds", "/v1/holds?dry_run=true"] {
        let reply = send(&server, target, "application/x-ndjson", "", &body);
        assert_eq!((reply.status, reply.code().as_str()), (422, "list_invalid"));
        let told = reply.json()["lines"].clone();
        for bad in told.as_array().unwrap() {
            says_as_much_in_chinese(bad);
            // What is no object, or too long to be read, has no members.
            let is_read = !["malformed_json", "body_too_large", "wrong_type"].contains(&bad["code"].as_str().unwrap());
            assert!(bad["field"].is_string() || !is_read, "{bad}");
        }
        let told = told.as_array().unwrap().iter().map(|bad| (bad["line"].as_u64(), bad["code"].as_str()));
        let due: Vec<_> = cases.iter().map(|(line, code, _)| (Some(*line), Some(*code))).collect();
        assert_eq!(told.collect::<Vec<_>>(), due, "{}", reply.text());
        assert_eq!(server.everything(), before);
    }
    // One line that cannot be read keeps all good ones from being done.
    let body = format!("{good}\n{}\n{{\n", with("name", json!(name(4))));
    let reply = send(&server, "/v1/holds", "application/x-ndjson", "", &body);
    assert_eq!((reply.code().as_str(), &reply.json()["lines"][0]["line"]), ("list_invalid", &json!(3)));
    assert_eq!(server.everything(), before);
    // By the rows of a table, too, and in a list that lifts.
    let table = "name,reason\n局1.政务,LEGAL\n局2.政务\n局3.政务,EXPIRED\n";
    let reply = send(&server, "/v1/holds/lifts", "text/csv", "", table);
    let codes: Vec<Value> = reply.json()["lines"].as_array().unwrap().iter().map(|bad| bad["code"].clone()).collect();
    assert_eq!(codes, ["hold_not_found", "malformed_csv", "hold_by_clock_only"]);
    reply.json()["lines"].as_array().unwrap().iter().for_each(says_as_much_in_chinese);
    assert_eq!(reply.json()["lines"][0]["field"], "reason");
    let region = format!("Authorization: Bearer operator@{HOME}\r\nContent-Type: text/csv\r\n");
    let foreign = b"unit,reason,evidence\nu9,LEGAL,d\n";
    let reply = server.raw("POST", "/v1/holds", &region, foreign);
    assert_eq!(reply.json()["lines"][0]["code"], "region_foreign", "{}", reply.text());
    assert_eq!(reply.json()["lines"][0]["field"], "unit");
    documented(&server, cases.iter().map(|(_, code, _)| *code));
}

/// The codes tried above are those that the document lists for lines.
fn documented<'a>(server: &Server, tried: impl Iterator<Item = &'a str>) {
    let document = server.raw("GET", "/v1/openapi.json", "", b"").json();
    let tried: BTreeSet<&str> = tried.chain(["malformed_csv", "hold_not_found", "region_foreign"]).collect();
    for path in ["/v1/holds", "/v1/holds/lifts"] {
        assert_eq!(document["paths"][path]["post"]["responses"]["422"]["x-line-codes"], json!(tried), "{path}");
    }
}

#[test]
fn headings_and_bodies_that_are_none_are_refused() {
    let server = server_with(1);
    let before = server.everything();
    let first = |body: &[u8]| {
        let headers = "Authorization: Bearer operator\r\nContent-Type: text/csv\r\n";
        let reply = server.raw("POST", "/v1/holds", headers, body);
        assert_eq!(reply.code(), "list_invalid", "{}", reply.text());
        let bad = reply.json()["lines"][0].clone();
        says_as_much_in_chinese(&bad);
        (
            bad["line"].as_u64().unwrap(),
            bad["code"].as_str().unwrap().to_owned(),
            bad["field"].as_str().map(str::to_owned),
        )
    };
    let field = |text: &str| Some(text.to_owned());
    assert_eq!(first("unit,why,evidence\n".as_bytes()), (1, "unknown_field".into(), field("why")));
    assert_eq!(first(b"unit,reason\nu1,LEGAL\n"), (1, "missing_field".into(), field("evidence")));
    assert_eq!(first(b"unit,unit,reason,evidence\n"), (1, "malformed_csv".into(), field("unit")));
    assert_eq!(first(b""), (1, "missing_field".into(), field("reason")));
    // The encoding that spreadsheets use where nobody tells them otherwise.
    let gbk = b"name,reason,evidence\n\xbe\xd6.\xd5\xfe\xce\xf1,LEGAL,d\n";
    assert_eq!(first(gbk), (2, "malformed_csv".into(), field("name")));

    let refused = |kind: &str, headers: &str, body: &str| send(&server, "/v1/holds", kind, headers, body).code();
    assert_eq!(refused("application/json", "", "{}"), "unsupported_media_type");
    assert_eq!(refused("text/csv", "", "unit,reason,evidence\n"), "batch_empty");
    assert_eq!(refused("application/x-ndjson", "", ""), "batch_empty");
    assert_eq!(refused("application/x-ndjson", "If-Match: \"1\"\r\n", ""), "if_match_invalid");
    assert_eq!(refused("application/x-ndjson", "Idempotency-Key: a b\r\n", ""), "idempotency_key_invalid");
    assert_eq!(send(&server, "/v1/holds?dryrun=true", "text/csv", "", "").code(), "invalid_parameter");
    let many = format!("{}\n", held(1)).repeat(10_001);
    assert_eq!(refused("application/x-ndjson", "", &many), "batch_too_large");
    assert_eq!(refused("application/x-ndjson", "", &"x".repeat((8 << 20) + 1)), "body_too_large");
    assert_eq!(server.everything(), before);
}

/// As many as a list may have, with one line and one publication.
#[test]
fn ten_thousand_names_are_held_at_once() {
    let server = server_with(0);
    for part in 0..10 {
        let line = |number: usize| {
            json!({ "name": { "name": name(number), "unit": "u1", "registered": "2020-05-01", "expires": "2030-05-01",
                              "resolution": { "type": "A", "addresses": ["203.0.113.5"] }, "basis": "migration" } })
        };
        let lines: String = (part * 1000..(part + 1) * 1000).map(|number| format!("{}\n", line(number))).collect();
        assert_eq!(server.import(&format!("id=p{part}"), &lines)["applied"], 1000);
    }
    let list: Vec<Value> = (0..10_000).map(held).collect();
    assert_eq!(ndjson(&server, "/v1/holds", &list).code(), "brake");
    server.ok("operator", "POST", "/v1/brake/release", r#"{"reason":"属实"}"#);
    let reply = ndjson(&server, "/v1/holds", &list);
    assert_eq!((reply.status, &reply.json()["lines"]), (200, &json!(10_000)), "{}", reply.text());
    assert!(server.nxdomain(&name(0)) && server.nxdomain(&name(9_999)));
}
