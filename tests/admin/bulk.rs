//! Imports and exports.

use crate::server::{HOME, Server, label};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use zhengming::admin::lines;
use zhengming::registry::{Event, Timestamp};

const ADDRESS: [u8; 4] = [203, 0, 113, 5];

fn unit_line(id: &str) -> String {
    format!(r#"{{"unit":{{"id":"{id}","name":"单位{id}","kind":"organ","region":"{HOME}"}}}}"#) + "\n"
}

fn name_line(name: &str, unit: &str, rest: &str) -> String {
    let term = r#""registered":"2020-05-01","expires":"2030-05-01""#;
    let resolution = r#""resolution":{"type":"A","addresses":["203.0.113.5"]},"basis":"migration""#;
    format!(r#"{{"name":{{"name":"{name}","unit":"{unit}",{term},{resolution}{rest}}}}}"#) + "\n"
}

/// A name that no other number has.
fn name(number: usize) -> String {
    format!("局{number}.政务")
}

/// A unit and `count` names, as lines.
fn import_of(count: usize) -> String {
    let names = (1..=count).map(|number| name_line(&name(number), "u1", ""));
    [unit_line("u1")].into_iter().chain(names).collect()
}

#[test]
fn an_import_resolves_what_it_brings() {
    let server = Server::new();
    let report = server.import("id=i1", &import_of(2500));
    assert_eq!((report["applied"].as_u64(), report["last_line"].as_u64()), (Some(2501), Some(2501)));
    assert_eq!(report["refused"], 0);
    assert!(server.answers(&name(1), ADDRESS) && server.answers(&name(2500), ADDRESS));
    // One line of the journal a batch.
    let journal = server.call("viewer", "GET", "/v1/journal?limit=1000", "").text();
    assert_eq!(journal.lines().filter(|line| line.contains(r#""import""#)).count(), 3);
}

#[test]
fn a_bad_line_refuses_its_batch_and_no_other() {
    let server = Server::new();
    let mut text = import_of(2999);
    let bad = name_line("12345.政务", "u1", "");
    text.insert_str(text.match_indices('\n').nth(1499).unwrap().0 + 1, &bad);
    let report = server.import("id=i1", &text);
    assert_eq!((report["applied"].as_u64(), report["refused"].as_u64()), (Some(2001), Some(1000)));
    let refusals = report["refusals"].as_array().unwrap();
    assert_eq!(refusals.len(), 1);
    assert_eq!((refusals[0]["line"].as_u64(), &refusals[0]["code"]), (Some(1501), &serde_json::json!("label_invalid")));
    assert!(
        server.answers(&name(998), ADDRESS) && server.nxdomain(&name(1200)) && server.answers(&name(2400), ADDRESS)
    );
}

/// The same import again applies only what the first attempt could not.
#[test]
fn an_import_is_resumed_by_its_id() {
    let server = Server::new();
    let text = import_of(2499);
    let cut = text.match_indices('\n').nth(1999).unwrap().0 + 1;
    assert_eq!(server.import("id=i1", &text[..cut])["applied"], 2000);
    let again = server.import("id=i1", &text);
    assert_eq!((again["replayed"].as_u64(), again["applied"].as_u64()), (Some(2000), Some(500)));
    let state = server.state();
    // Or from the line where it stopped.
    let rest = server.import("id=i2&line=2001", &text[cut..]);
    assert_eq!((rest["applied"].as_u64(), rest["last_line"].as_u64()), (Some(500), Some(2500)));
    assert_eq!(server.state(), state);
    // The id stands for these lines and no others.
    let other = server.import("id=i1", &import_of(999).replace("203.0.113.5", "203.0.113.6"));
    assert_eq!(other["refusals"][0]["code"], "idempotency_key_reused");
    assert_eq!(server.state(), state);
}

/// A file that was added to goes on where it ended, in the middle of a batch too, as often as it is added to.
#[test]
fn an_import_that_grew_is_resumed_by_its_id() {
    let server = Server::new();
    let text = import_of(1499);
    let until = |lines: usize| &text[..text.match_indices('\n').nth(lines - 1).unwrap().0 + 1];
    let mut before = 0;
    for lines in [192, 193, 700, 700, 1000, 1204, 1500] {
        let report = server.import("id=i1", until(lines));
        let figures = ["applied", "replayed", "refused"].map(|member| report[member].as_u64().unwrap());
        assert_eq!(figures, [lines as u64 - before, before, 0], "{lines} {report}");
        before = lines as u64;
    }
    assert_eq!(server.import("id=all", &text)["applied"], 1500);
    let state = server.state();
    // A bad line among those that are new refuses them alone.
    let bad = until(1204).to_owned() + &name_line("12345.政务", "u1", "");
    let report = server.import("id=i2", until(1204));
    assert_eq!(report["applied"], 1204);
    let report = server.import("id=i2", &bad);
    assert_eq!((report["replayed"].as_u64(), report["refused"].as_u64()), (Some(1204), Some(1)), "{report}");
    assert_eq!(report["refusals"][0]["line"], 1205);

    // A line that was imported is another one now, or gone: the error says which lines, and where they are in the journal.
    for changed in [text.replacen("203.0.113.5", "203.0.113.6", 1), until(100).to_owned()] {
        let refusal = server.import("id=i1", &changed)["refusals"][0].clone();
        assert_eq!((refusal["code"].as_str(), refusal["line"].as_u64()), (Some("idempotency_key_reused"), Some(1)));
        let (en, zh) = (refusal["detail"].as_str().unwrap(), refusal["detail_zh"].as_str().unwrap());
        assert!(en.contains("lines 1 to 192 were imported before") && zh.contains("第 1 至 192 行"), "{en} {zh}");
    }
    assert_eq!(server.state(), state);
}

#[test]
fn nothing_stands_after_the_end_of_an_export() {
    let source = Server::new();
    source.import("id=i1", &import_of(20));
    let export = source.export();
    let (server, count) = (Server::new(), export.lines().count());
    let report = server.import("id=added", &(export.clone() + &unit_line("u9")));
    let first = &report["refusals"][0];
    assert_eq!((&first["code"], first["line"].as_u64()), (&json!("wrong_type"), Some(count as u64 + 1)), "{report}");
    assert!(first["detail"].as_str().unwrap().contains("after the end"), "{report}");
    assert_eq!((report["applied"].as_u64(), report["refused"].as_u64()), (Some(0), Some(count as u64 - 1)));
    let report = server.import("id=whole", &(export + "\n"));
    assert_eq!((report["refused"].as_u64(), report["applied"].as_u64()), (Some(0), Some(count as u64 - 2)));
}

/// A line about an application, an order or a remittance that is sound but for what `but` says.
fn filing(kind: &str, but: Value) -> String {
    let now = "2026-11-22T07:00:00Z";
    let mut line = match kind {
        "application" => json!({ "id": "a900", "unit": "u1", "purpose": "site", "submitter": "s", "submitted": now,
            "slots": [{ "kind": 1, "name": "丁.政务", "years": 2 }], "state": "local_review", "deadline": "2026-11-30",
            "resolution": { "type": "A", "addresses": ["203.0.113.5"] }, "changed": now }),
        "order" => json!({ "id": "o901", "unit": "u1", "due": now, "by": "s", "state": "awaiting_fee", "changed": now,
            "lines": [{ "name": "无名.政务", "fee": "registration", "years": 2, "yearly": "300.00" }] }),
        _ => json!({ "id": "r902", "orders": ["o999"], "amount": "600.00", "by": "s", "at": now, "state": "remitted",
            "changed": now }),
    };
    line.as_object_mut().unwrap().extend(but.as_object().unwrap().clone());
    json!({ kind: line }).to_string() + "\n"
}

#[test]
fn every_kind_of_bad_line_is_told_with_its_number() {
    let server = Server::new();
    server.unit("u1", "organ");
    server.unit("u2", "social_organisation");
    server.name("旧名.政务", "u1");
    let applied = crate::filings::apply(&server, "u1", "请");
    let (_, order) = crate::filings::due(&server, "u1", "费");
    server.name("国务.政务", "u1");
    server.unit("u5", "organ");
    server.unit("u6", "organ");
    server.ok("operator", "PUT", "/v1/units/u6/holds/BLACKLIST", r#"{"evidence":"case-1"}"#);
    let last = |expires: &str| {
        let leaving = r#","leaving":{"stage":"pending_delete","until":"2030-01-01"}"#;
        name_line("末.公益", "u2", leaving).replace("2030-05-01", expires)
    };
    assert_eq!(server.import("id=last", &last("2026-09-01"))["applied"], 1);
    let long = name_line("甲.政务", "u1", &format!(r#","x":"{}""#, "x".repeat(24 * 1024)));
    let hold = |reason: &str, rest: &str| {
        format!(r#","holds":[{{"reason":"{reason}","start":"2026-01-01","evidence":"d"{rest}}}]"#)
    };
    let with = |from: &str, to: &str| name_line("甲.政务", "u1", "").replace(from, to);
    let forward =
        |target: &str| with(r#""type":"A","addresses":["203.0.113.5"]"#, &format!(r#""type":"URL",{target}"#));
    let cases = [
        ("malformed_json", "{\n".to_owned()),
        ("wrong_type", "[]\n".to_owned()),
        ("unknown_field", name_line("甲.政务", "u1", r#","x":1"#)),
        ("missing_field", r#"{"name":{"name":"甲.政务"}}"#.to_owned() + "\n"),
        ("body_too_large", long),
        ("unit_invalid", unit_line("u 1")),
        ("unit_not_found", name_line("甲.政务", "u9", "")),
        ("label_invalid", name_line("abc.政务", "u1", "")),
        ("filing_invalid", filing("application", json!({ "state": "central_review" }))),
        ("filing_invalid", filing("application", json!({ "state": "lost" }))),
        ("filing_invalid", filing("order", json!({ "state": "confirmed" }))),
        ("filing_invalid", filing("remittance", json!({ "state": "recognised", "orders": [order] }))),
        ("filing_invalid", filing("remittance", json!({ "amount": "1.00", "orders": [order] }))),
        ("filing_invalid", filing("application", json!({ "id": applied, "unit": "u5" }))),
        ("application_not_found", filing("order", json!({ "application": "a999" }))),
        ("order_not_found", filing("remittance", json!({}))),
        (
            "name_claimed",
            filing(
                "order",
                json!({ "lines": [{ "name": "甲请.政务", "fee": "registration", "years": 2, "yearly": "300.00" }] }),
            ),
        ),
        (
            "name_registered",
            filing("application", json!({ "slots": [{ "kind": 1, "name": "旧名.政务", "years": 2 }] })),
        ),
        ("label_character", name_line("定仙墕镇.政务", "u1", "")),
        ("label_too_long", name_line(&("一".repeat(58) + ".政务"), "u1", "")),
        ("division_ambiguous", name_line("鼓楼区教育局.政务", "u1", "")),
        ("division_reserved", name_line("北京市.政务", "u1", "")),
        ("variant_in_use", name_line("囯务.政务", "u5", "")),
        ("variant_of_own_name", name_line("囯务.政务", "u1", "")),
        ("variant_invalid", name_line("甲.政务", "u1", r#","variants":{"traditional":"国事"}"#)),
        ("deletion_final", last("2029-05-01")),
        (
            "unit_blacklisted",
            name_line("甲.政务", "u6", "").replace(
                r#""basis":"migration""#,
                r#""approvals":[{"level":"local","by":"r-1"},{"level":"central","by":"r-2"}]"#,
            ),
        ),
        ("label_reserved", name_line("保留.政务", "u1", "")),
        ("label_occupied", name_line("占用.政务", "u1", "")),
        ("suffix_unknown", name_line("甲.example", "u1", "")),
        ("suffix_not_allowed", name_line("甲.政务", "u2", "")),
        ("name_of_other_unit", name_line("旧名.政务", "u2", "")),
        ("name_claimed", name_line("甲请.政务", "u1", "")),
        ("kind_invalid", name_line("甲.政务", "u1", r#","kind":8"#)),
        ("term_invalid", with("2030-05-01", "2019-05-01")),
        ("term_invalid", name_line("甲.政务", "u1", r#","leaving":{"stage":"pending_delete","until":"2030-01-01"}"#)),
        ("unit_not_found", r#"{"kept":{"name":"甲.政务","unit":"u9","until":"2030-01-01"}}"#.to_owned() + "\n"),
        ("term_by_renewal_only", name_line("旧名.政务", "u1", "").replace("2030-05-01", "2027-05-01")),
        ("approvals_incomplete", with(r#""basis":"migration""#, r#""approvals":[{"level":"local","by":"r-1"}]"#)),
        (
            "same_principal",
            with(
                r#""basis":"migration""#,
                r#""approvals":[{"level":"local","by":"r-1"},{"level":"central","by":"r-1"}]"#,
            ),
        ),
        ("hold_invalid", name_line("甲.政务", "u1", &hold("PENALTY", ""))),
        ("hold_by_clock_only", name_line("甲.政务", "u1", &hold("EXPIRED", ""))),
        (
            "penalty_invalid",
            unit_line("u3").replace(
                "}}",
                r#","penalties":[{"step":"warning","violation":"OTHER","evidence":" ","by":"b","at":"2026-01-01"}]}}"#,
            ),
        ),
        ("address_invalid", with("203.0.113.5", "0.0.0.0")),
        ("ttl_invalid", with(r#""type":"A""#, r#""type":"A","ttl":59"#)),
        ("target_invalid", forward(r#""target":"ftp://site.example/""#)),
        (
            "target_loop",
            forward(&format!(r#""target":"https://{}.xn--zfr164b/""#, label("政府.政务")))
                .replace("甲.政务", "政府.政务"),
        ),
        ("redirect_code_invalid", forward(r#""target":"https://site.example/","code":300"#)),
        ("server_invalid", with(r#""type":"A","addresses":["203.0.113.5"]"#, r#""type":"NS","servers":["bad..host"]"#)),
        (
            "ds_invalid",
            with(
                r#""type":"A","addresses":["203.0.113.5"]"#,
                r#""type":"NS","servers":["ns.example"],"ds":[{"key_tag":1,"algorithm":13,"digest_type":1,"digest":"00"}]"#,
            ),
        ),
    ];
    let state = server.export();
    for (number, (code, line)) in cases.iter().enumerate() {
        // A good line before it: the batch is refused whole.
        let report = server.import(&format!("id=c{number}"), &(unit_line("good") + line));
        let first = &report["refusals"][0];
        assert_eq!((first["code"].as_str(), first["line"].as_u64()), (Some(*code), Some(2)), "{line}: {first}");
        assert_eq!((report["applied"].as_u64(), report["refused"].as_u64()), (Some(0), Some(2)), "{code}");
        assert_eq!(server.export(), state, "{code}");
    }
    let tried: BTreeSet<&str> = cases.iter().map(|(code, _)| *code).chain(OWN_TESTS).collect();
    documented(&server, tried.into_iter());
}

/// Codes of lines that have tests of their own.
const OWN_TESTS: [&str; 6] =
    ["idempotency_key_reused", "brake", "label_kept", "second_factor_required", "migration_running", "invoice_used"];

/// The codes tried above are those that the document lists for lines, some of which have tests of their own.
fn documented<'a>(server: &Server, tried: impl Iterator<Item = &'a str>) {
    let document = server.raw("GET", "/v1/openapi.json", "", b"").json();
    let listed = document["paths"]["/v1/import"]["post"]["responses"]["200"]["x-line-codes"].clone();
    let mut tried: Vec<&str> = tried.collect();
    tried.sort_unstable();
    assert_eq!(listed, serde_json::json!(tried));
}

/// What stands before a line that deletes is done; the line itself is refused as a deletion by hand would be.
#[test]
fn a_line_deletes_no_name_whose_move_is_announced() {
    let server = Server::new();
    server.unit("u1", "organ");
    server.name("旧名.政务", "u1");
    server.ok("operator", "PUT", "/v1/names/旧名.政务/migration", r#"{"notice":"2026-11-23"}"#);
    let removed = r#"{"removed":{"name":"旧名.政务"}}"#;
    let report = server.import("id=r1", &(unit_line("good") + removed));
    let first = &report["refusals"][0];
    assert_eq!((first["code"].as_str(), first["line"].as_u64()), (Some("migration_running"), Some(2)), "{report}");
    assert_eq!((report["applied"].as_u64(), report["refused"].as_u64()), (Some(1), Some(1)));
    server.ok("viewer", "GET", "/v1/names/旧名.政务", "");
    server.ok("operator", "DELETE", "/v1/names/旧名.政务/migration", "");
    assert_eq!(server.import("id=r2", removed)["applied"], 1);
    assert_eq!(server.call("viewer", "GET", "/v1/names/旧名.政务", "").status, 404);
    // One that is gone already is no fault of the line.
    assert_eq!(server.import("id=r3", removed)["refused"], 0);
}

#[test]
fn an_import_cannot_suspend_a_registry_unnoticed() {
    let server = Server::new();
    server.import("id=i1", &import_of(100));
    let state = server.state();
    let hold = r#","holds":[{"reason":"REGISTRY_ADMIN","start":"2026-01-01","evidence":"d"}]"#;
    let held: String = (1..=21).map(|number| name_line(&name(number), "u1", hold)).collect();
    let report = server.import("id=i2", &held);
    assert_eq!((report["refusals"][0]["code"].as_str(), report["refused"].as_u64()), (Some("brake"), Some(21)));
    assert_eq!(server.state(), state);
    // It waits for an operator, who says how many more may go within the hour.
    let brake = server.ok("viewer", "GET", "/v1/brake", "");
    assert_eq!((brake["engaged"].as_bool(), brake["stopped"].as_str()), (Some(true), Some("batch")));
    server.ok("operator", "POST", "/v1/brake/release", r#"{"reason":"属实","names":0}"#);
    let few: String = (1..=20).map(|number| name_line(&name(number), "u1", hold)).collect();
    assert_eq!(server.import("id=i3", &few)["applied"], 20);
    // The hour is one: the twenty-first waits, in a batch of its own too, and goes through after the release.
    let one = name_line(&name(21), "u1", hold);
    assert_eq!(server.import("id=i4", &one)["refusals"][0]["code"], "brake");
    server.ok("operator", "POST", "/v1/brake/release", r#"{"reason":"属实"}"#);
    assert_eq!(server.import("id=i4", &one)["applied"], 1);
    let name = |number: usize| name(number + 1);
    assert!(server.nxdomain(&name(20)) && server.answers(&name(21), ADDRESS));
}

#[test]
fn what_the_import_endpoint_itself_refuses() {
    let server = Server::new();
    let code = |query: &str| server.import_reply(query, "").code();
    assert_eq!(code(""), "invalid_parameter");
    assert_eq!(code("id="), "invalid_parameter");
    assert_eq!(code("id=a%20b"), "invalid_parameter");
    assert_eq!(code("id=a&line=0"), "invalid_parameter");
    let reply = server.call("operator", "POST", "/v1/import?id=a", "{}");
    assert_eq!((reply.status, reply.code().as_str()), (415, "unsupported_media_type"));
    let document = server.raw("GET", "/v1/openapi.json", "", b"").json();
    let parameters = document["paths"]["/v1/import"]["post"]["parameters"].as_array().unwrap().clone();
    let names: BTreeSet<&str> = parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["X-Second-Factor", "dry_run", "id", "line"]));
    let dry = server.import("id=a&dry_run=true", &import_of(3));
    assert_eq!((dry["applied"].as_u64(), dry["seq"].as_u64()), (Some(4), None));
    assert_eq!(server.call("viewer", "GET", "/v1/units/u1", "").code(), "unit_not_found");
    assert_eq!(server.import("id=a", &import_of(3))["applied"], 4, "the dry run has not used up the id");
}

/// Everything an export can hold, taken over by an empty server, is exported again octet for octet.
#[test]
fn an_export_is_imported_into_an_empty_server() {
    let server = Server::new();
    server.import("id=i1", &import_of(600));
    server.unit("u2", "institution");
    server.ok("operator", "PUT", "/v1/units/u2/holds/UNIT_REQUEST", r#"{"evidence":"letter","start":"2027-01-01"}"#);
    for (name, unit, resolution) in [
        (
            "转发.政务",
            "u1",
            r#"{"type":"URL","target":"https://site.example/a?b=c","code":308,"keep_path":true,"ttl":60,"www":false}"#,
        ),
        ("委派.政务", "u1", r#"{"type":"NS","servers":["ns1.example","ns2.example"]}"#),
        ("医院.公益", "u2", r#"{"type":"A","addresses":["2001:db8::1","203.0.113.9"],"ttl":120}"#),
    ] {
        server.name(name, unit);
        server.resolve(name, resolution);
    }
    server.name("未解析.政务", "u1");
    let hold = r#"{"evidence":"court-1","end":"2028-01-01"}"#;
    server.ok("operator", "PUT", "/v1/names/转发.政务/holds/LEGAL", hold);
    // Not so long ago that the clock has more to do with it than to hold it.
    let past = name_line("过期.政务", "u1", "").replace("2030-05-01", "2026-05-01");
    assert_eq!(server.import("id=i2", &past)["applied"], 1);
    let export = server.export();
    assert!(export.lines().count() > 600);
    let copy = Server::new();
    let report = copy.import("id=copy", &export);
    assert_eq!(report["refusals"], serde_json::json!([]));
    assert_eq!(copy.state(), server.state());
    assert!(copy.nxdomain("过期.政务") && copy.answers(&name(600), ADDRESS));
    assert!(!copy.answers("转发.政务", [192, 0, 2, 80]));
}

/// Records of penalties, names on their way to deletion, announced moves and kept labels go along: the copy goes on where
/// the original is.
#[test]
fn an_export_has_the_life_of_names_and_the_record_of_units() {
    let server = Server::new();
    for id in ["u1", "u2", "u3"] {
        server.unit(id, "organ");
    }
    server.name("甲.政务", "u1");
    let days = |days: i64| Timestamp(crate::server::NOW).term_end(2).add_days(days);
    let at = |server: &Server, time: Timestamp| {
        server.clock.set(time);
        // What is asked now is answered after what fell due.
        server.call("viewer", "GET", "/v1/units", "");
    };
    at(&server, days(0));
    server.ok("submitter", "POST", "/v1/names/甲.政务/unfreeze", "");
    at(&server, days(730));
    server.name("丙.政务", "u3");
    server.name("丁.政务", "u1");
    server.ok("operator", "PUT", "/v1/names/丁.政务/migration", r#"{"notice":"2030-12-01"}"#);
    let penalise = |unit: &str, step: &str, end: &str| {
        let body = format!(r#"{{"step":"{step}","violation":"OTHER","evidence":"case-{step}"{end}}}"#);
        server.ok("operator", "POST", &format!("/v1/units/{unit}/penalties"), &body);
    };
    penalise("u2", "warning", "");
    for (step, end) in [("warning", ""), ("suspension", r#","end":"2030-12-31""#), ("deletion", "")] {
        penalise("u3", step, end);
    }
    let export = server.export();
    for part in [r#""stage":"final_notice""#, r#""stage":"pending_delete""#, r#""migration":""#, r#""step":"deletion""#]
    {
        assert!(export.contains(part), "no {part} in {export}");
    }
    let copy = Server::new();
    at(&copy, days(730));
    assert_eq!(copy.import("id=copy", &export)["refusals"], serde_json::json!([]));
    assert_eq!(copy.state(), server.state());
    // Again it changes nothing, and what is newer stays.
    assert_eq!(copy.import("id=again", &export)["refused"], 0);
    assert_eq!(copy.state(), server.state());
    // The ladder goes on, and the clock deletes what it would have deleted.
    let body = r#"{"step":"warning","violation":"OTHER","evidence":"d"}"#;
    assert_eq!(copy.call("operator", "POST", "/v1/units/u2/penalties", body).code(), "penalty_out_of_order");
    for server in [&server, &copy] {
        at(server, days(760));
        assert_eq!(server.call("viewer", "GET", "/v1/names/甲.政务", "").status, 404);
    }
    let kept = server.export();
    assert!(kept.contains(r#"{"kept":{"#), "{kept}");
    assert_eq!(copy.state(), server.state());
    let third = Server::new();
    at(&third, days(760));
    assert_eq!(third.import("id=third", &kept)["refusals"], serde_json::json!([]));
    assert_eq!(third.state(), server.state());
    let term = r#"{"unit":"u2","years":2}"#;
    assert_eq!(third.call("operator", "PUT", "/v1/names/甲.政务", term).code(), "label_kept");
    let back = r#"{"unit":"u1","years":2}"#;
    third.ok("operator", "PUT", "/v1/names/甲.政务", back);
    // A label that was registered again since is not kept by an old file.
    assert_eq!(third.import("id=old", &kept)["refused"], 0);
    assert!(!third.export().contains(r#"{"kept":{"#));
}

/// Names that are renewed and wait to be unfrozen, and those withheld from a unit that is off the blacklist again, go along.
#[test]
fn an_export_has_names_that_wait_and_names_that_are_withheld() {
    let server = Server::new();
    server.unit("u1", "organ");
    server.unit("u3", "organ");
    for (name, unit) in [("甲.政务", "u1"), ("丙.政务", "u3")] {
        server.name(name, unit);
        server.resolve(name, r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    }
    for (step, end) in [("warning", ""), ("suspension", r#","end":"2026-12-31""#), ("deletion", "")] {
        let body = format!(r#"{{"step":"{step}","violation":"OTHER","evidence":"case-1"{end}}}"#);
        server.ok("operator", "POST", "/v1/units/u3/penalties", &body);
    }
    for reason in ["PENALTY", "BLACKLIST"] {
        server.ok("operator", "DELETE", &format!("/v1/units/u3/holds/{reason}"), "");
    }
    let later = Timestamp(crate::server::NOW).term_end(2);
    let copy = Server::new();
    for server in [&server, &copy] {
        // Within the year for which 丙 is withheld. What is asked now is answered after what fell due.
        server.clock.set(Timestamp(later.0 - 400 * 86_400));
        server.call("viewer", "GET", "/v1/units", "");
    }
    let withheld = server.export();
    assert!(withheld.contains("pending_delete"), "{withheld}");
    assert_eq!(copy.import("id=withheld", &withheld)["refusals"], serde_json::json!([]));
    assert_eq!(copy.state(), server.state());

    server.clock.set(later);
    let order = server.ok("submitter", "POST", "/v1/orders", r#"{"unit":"u1","names":["甲.政务"],"years":2}"#);
    let order = order["id"].as_str().unwrap().to_owned();
    crate::filings::confirm(&server, &order);
    let remittance = crate::filings::remit(&server, &[&order], "600.00");
    crate::filings::recognise(&server, &remittance, "600.00");
    assert!(server.nxdomain("甲.政务"), "it waits for the request to unfreeze it");
    let frozen = server.export();
    let third = Server::new();
    third.clock.set(later);
    assert_eq!(third.import("id=frozen", &frozen)["refusals"], serde_json::json!([]));
    assert_eq!(third.state(), server.state());
    assert_eq!(third.import("id=again", &frozen)["refused"], 0);
    assert_eq!(third.state(), server.state());
    for server in [&server, &third] {
        assert!(server.nxdomain("甲.政务"));
        server.ok("submitter", "POST", "/v1/names/甲.政务/unfreeze", "");
        assert!(server.answers("甲.政务", ADDRESS));
    }
    // Unfrozen, it is not frozen again by the old file.
    assert_eq!(third.import("id=old", &frozen)["refused"], 0);
    assert!(third.answers("甲.政务", ADDRESS));
}

/// Whatever is under way goes along with its ids, and goes on where it stood.
#[test]
fn an_export_has_applications_orders_and_remittances() {
    use crate::filings::{application, apply, approve, confirm, due, recognise, remit};
    let server = Server::new();
    server.unit("u1", "organ");
    server.name("续费.政务", "u1");
    let mut draft = application("u1", "稿");
    draft["draft"] = true.into();
    draft["papers"] = json!([{ "paper": "form", "scan": "scan-1" }]);
    server.ok("submitter", "POST", "/v1/applications", &draft.to_string());
    let local = apply(&server, "u1", "初");
    let central = apply(&server, "u1", "复");
    approve(&server, "local-reviewer", &central, "local");
    let rejected = apply(&server, "u1", "退");
    let no = json!({ "level": "local", "decision": "reject", "reason": "不规范" }).to_string();
    server.ok("local-reviewer", "POST", &format!("/v1/applications/{rejected}/decisions"), &no);
    let withdrawn = apply(&server, "u1", "撤");
    server.ok("submitter", "DELETE", &format!("/v1/applications/{withdrawn}"), "");
    let (_, awaited) = due(&server, "u1", "费");
    let (_, confirmed) = due(&server, "u1", "认");
    confirm(&server, &confirmed);
    let (registered, consumed) = due(&server, "u1", "成");
    confirm(&server, &consumed);
    recognise(&server, &remit(&server, &[&consumed], "1200.00"), "1200.00");
    let (_, sent) = due(&server, "u1", "汇");
    confirm(&server, &sent);
    let renewal = json!({ "unit": "u1", "names": ["续费.政务"], "years": 2 }).to_string();
    let renewal = server.ok("submitter", "POST", "/v1/orders", &renewal)["id"].as_str().unwrap().to_owned();
    confirm(&server, &renewal);
    let remittance = remit(&server, &[&sent, &renewal], "1800.00");
    let (_, returned) = due(&server, "u1", "还");
    confirm(&server, &returned);
    server.ok("finance", "POST", &format!("/v1/orders/{returned}/refund"), r#"{"reason":"重复缴费"}"#);
    let picked = apply(&server, "u1", "台");
    approve(&server, "local-reviewer", &picked, "local");
    let forms = json!([{ "kind": 1, "form": "甲檯" }, { "kind": 2, "form": "none" }]);
    let yes = json!({ "level": "central", "decision": "approve", "confirm": true, "traditional": forms }).to_string();
    server.ok("central-reviewer", "POST", &format!("/v1/applications/{picked}/decisions"), &yes);
    server.move_clock("2026-11-23T08:00:00Z");

    let export = server.export();
    for (kind, count) in [("application", 11), ("order", 7), ("remittance", 2)] {
        let start = format!("{{\"{kind}\":");
        assert_eq!(export.lines().filter(|line| line.starts_with(&start)).count(), count, "{kind}: {export}");
    }
    let copy = Server::new();
    copy.move_clock("2026-11-23T08:00:00Z");
    assert_eq!(copy.import("id=copy", &export)["refusals"], json!([]));
    assert_eq!(copy.state(), server.state());
    assert!(copy.answers("甲成.政务", ADDRESS) && copy.nxdomain("甲汇.政务"));
    let copy = copy.restart();
    assert_eq!(copy.state(), server.state());
    assert_eq!(copy.import("id=again", &export)["refused"], 0);
    assert_eq!(copy.state(), server.state(), "again it changes nothing");
    // What is under way is claimed, goes on, and new ids come behind those that were brought.
    copy.unit("u2", "organ");
    let others = application("u2", "初").to_string();
    assert_eq!(copy.call("submitter", "POST", "/v1/applications", &others).code(), "name_claimed");
    let back = copy.ok("viewer", "GET", "/v1/orders?state=refunded", "");
    assert_eq!(back["items"][0]["reason"], "重复缴费", "{back}");
    // The invoices are their unit's there, too.
    let (_, order) = due(&copy, "u2", "票");
    let paid = r#"{"invoice":"24622000000012345678","payer":"unit"}"#;
    let reply = copy.call("local-admin", "POST", &format!("/v1/orders/{order}/confirmation"), paid);
    assert_eq!(reply.code(), "invoice_used");
    let lines = copy.export();
    let line = lines.lines().find(|line| line.starts_with(&format!(r#"{{"order":{{"id":"{order}""#))).unwrap();
    let mut line: Value = serde_json::from_str(line).unwrap();
    let (at, of) = (line["order"]["changed"].clone(), "24622000000012345678");
    line["order"]["confirmation"] = json!({ "by": "local-admin", "at": at, "invoice": of, "payer": "unit" });
    line["order"]["state"] = "confirmed".into();
    let refusals = copy.import("id=used", &format!("{line}\n"))["refusals"].clone();
    assert_eq!(
        (&refusals[0]["code"], refusals[0]["field"].as_str()),
        (&json!("invoice_used"), Some("order.confirmation.invoice"))
    );
    recognise(&copy, &remittance, "1800.00");
    assert!(copy.answers("甲汇.政务", ADDRESS));
    let expires = copy.ok("viewer", "GET", "/v1/names/续费.政务", "")["expires"].clone();
    assert!(expires.as_str().unwrap().starts_with("2030-11-22"), "{expires}");
    approve(&copy, "local-reviewer", &local, "local");
    assert_eq!(approve(&copy, "central-reviewer", &central, "central")["state"], "awaiting_fee");
    confirm(&copy, &awaited);
    let number = |id: &str| id[1..].parse::<u64>().unwrap();
    assert!(number(&apply(&copy, "u1", "新")) > number(&picked));
    // An old file undoes nothing that was decided since.
    copy.move_clock("2026-11-24T08:00:00Z");
    let before = copy.state();
    // But for names, of which a line with an earlier term says that it is old.
    let old = export.lines().filter(|line| !line.starts_with(r#"{"name""#)).map(|line| line.to_owned() + "\n");
    assert_eq!(copy.import("id=old", &old.collect::<String>())["refusals"], json!([]));
    assert_eq!(copy.state(), before);
    let shown = copy.ok("viewer", "GET", &format!("/v1/applications/{registered}"), "");
    assert_eq!((&shown["state"], &shown["approvals"][1]["by"]), (&json!("registered"), &json!("central-reviewer")));
}

/// Exports taken while names come, change, are lifted and go are whole: each gives a server equal to the one it was taken
/// from at that transaction.
#[test]
fn an_export_under_load_is_one_state() {
    let server = Server::new();
    server.import("id=i1", &import_of(3000));
    for number in 1..=40 {
        let held = format!("/v1/names/{}/holds/UNIT_REQUEST", name(number));
        server.ok("operator", "PUT", &held, r#"{"evidence":"letter"}"#);
    }
    let (done, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let export = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in (1..=40).cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let round = name(3000 + number);
                server.name(&round, "u1");
                let held = format!("/v1/names/{}/holds/UNIT_REQUEST", name(number));
                let method = if server.call("operator", "DELETE", &held, "").status == 200 { "DELETE" } else { "PUT" };
                if method == "PUT" {
                    server.ok("operator", "PUT", &held, r#"{"evidence":"letter"}"#);
                }
                server.ok("operator", "DELETE", &format!("/v1/names/{round}"), "");
                let unit = format!(r#"{{"name":"单位{number}","kind":"organ","region":"{HOME}"}}"#);
                server.ok("operator", "PUT", "/v1/units/u1", &unit);
                // An application comes and goes with its order, and another is registered.
                let (application, _) = crate::filings::due(&server, "u1", &format!("去{number}"));
                server.ok("operator", "DELETE", &format!("/v1/applications/{application}"), "");
                if rounds.fetch_add(1, Ordering::Relaxed) < 40 {
                    let (_, order) = crate::filings::due(&server, "u1", &format!("来{number}"));
                    crate::filings::confirm(&server, &order);
                    let remittance = crate::filings::remit(&server, &[&order], "1200.00");
                    crate::filings::recognise(&server, &remittance, "1200.00");
                }
            }
        });
        let mut exports: Vec<String> = (0..4).map(|_| server.export()).collect();
        done.store(true, Ordering::Relaxed);
        // The one that saw most changes.
        exports.sort_by_key(|export| export.lines().count());
        exports.pop().unwrap()
    });
    let end: Value = serde_json::from_str(export.lines().next_back().unwrap()).unwrap();
    assert_eq!(end["end"]["lines"].as_u64(), Some(export.lines().count() as u64 - 2));
    let seq = end["end"]["seq"].to_string();
    let copy = Server::new();
    let report = copy.import("id=copy", &export);
    assert_eq!(report["refusals"], serde_json::json!([]));
    let (copied, expected) = (lines_of(&copy.state()), replayed(&server, seq.parse().unwrap()));
    let differing: Vec<&String> = copied.symmetric_difference(&expected).take(4).collect();
    assert!(differing.is_empty(), "{differing:#?}");
}

fn lines_of(text: &str) -> BTreeSet<String> {
    text.lines().map(ToOwned::to_owned).collect()
}

/// The lines of the state at `seq`, in any order: the journal's first lines applied to a plain map.
fn replayed(server: &Server, seq: u64) -> BTreeSet<String> {
    let (mut units, mut names, mut kept) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let (mut applications, mut orders, mut remittances) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for number in 1..=seq {
        for event in server.admin.journal.transaction(number).unwrap().unwrap().events {
            match event {
                Event::Unit(unit) => drop(units.insert(unit.id.to_string(), lines::unit(&unit))),
                Event::Name(name) => drop(names.insert(name.key.to_string(), lines::name(&name))),
                Event::NameRemoved { key, .. } => drop(names.remove(&key.to_string())),
                Event::Application(new) => drop(applications.insert(new.id, lines::application(&new))),
                Event::Order(new) => drop(orders.insert(new.id, lines::order(&new))),
                Event::Remittance(new) => drop(remittances.insert(new.id, lines::remittance(&new))),
                Event::Reserved(label) => drop(kept.insert(label.key.to_string(), lines::kept(&label))),
                Event::ReservationEnded { key } => drop(kept.remove(&key.to_string())),
                _ => {}
            }
        }
    }
    let objects = units.into_values().chain(names.into_values()).chain(kept.into_values());
    let filings = applications.into_values().chain(orders.into_values()).chain(remittances.into_values());
    let all: String = [lines::begin()].into_iter().chain(objects).chain(filings).collect();
    lines_of(&all)
}
