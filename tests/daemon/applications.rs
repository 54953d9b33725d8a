//! From an application to a registered name, and the reviewers' part of it (registry-rules.md E3, E6), with dig.

use crate::support::{REGION, Reply, TestDaemon, ascii};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::process::Command;

const FULL: &str = "靖远县教育局.政务";
const SHORT: &str = "靖远教育.政务";
/// The rules of 靖远 for reviews, and the autumn of 2026 as it was announced.
const RULES: &str = "\n[[registry.review.regions]]\nregion = \"620421\"\ndays = 2\n\
    [registry.calendar]\nholidays = [\"2026-09-25/2026-09-27\", \"2026-10-01/2026-10-07\"]\n\
    working_weekends = [\"2026-09-20\", \"2026-10-10\"]\n";

fn call(daemon: &TestDaemon, token: &str, method: &str, path: &str, body: &Value) -> Reply {
    daemon.api(method, path, token, (!body.is_null()).then_some(body))
}

#[track_caller]
fn done(daemon: &TestDaemon, token: &str, method: &str, path: &str, body: &Value) -> Value {
    call(daemon, token, method, path, body).expect_success().json()
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{}", reply.text);
}

#[track_caller]
fn id_of(receipt: &Value) -> String {
    receipt["id"].as_str().expect("an id").to_owned()
}

fn unit(daemon: &TestDaemon, id: &str, kind: &str, region: &str) {
    let body = json!({ "name": "靖远县教育局", "kind": kind, "region": region });
    done(daemon, "demo-operator", "PUT", &format!("/v1/units/{id}"), &body);
}

fn application(unit: &str, years: u32) -> Value {
    json!({
        "unit": unit,
        "purpose": "site",
        "slots": [
            { "kind": 1, "name": FULL, "years": years },
            { "kind": 2, "name": SHORT, "years": years },
        ],
        "resolution": { "type": "A", "addresses": ["203.0.113.5"] },
    })
}

fn decide(daemon: &TestDaemon, token: &str, id: &str, level: &str, decision: &Value) -> Reply {
    let mut body = json!({ "level": level });
    body.as_object_mut().expect("an object").extend(decision.as_object().expect("an object").clone());
    call(daemon, token, "POST", &format!("/v1/applications/{id}/decisions"), &body)
}

fn approval() -> Value {
    json!({ "decision": "approve" })
}

/// What dig prints of the name's address: its status, and the address if there is one.
fn dig(daemon: &TestDaemon, name: &str) -> (String, String) {
    let (server, port) = (daemon.dns().ip().to_string(), daemon.dns().port().to_string());
    let (server, name) = (format!("@{server}"), ascii(name));
    let run = |rest: &[&str]| {
        let output =
            Command::new("dig").args([&[&server, "-p", &port, "+noidnout"][..], rest, &[&name, "A"]].concat()).output();
        String::from_utf8(output.expect("dig is installed").stdout).expect("text")
    };
    let comments = run(&["+noall", "+comments"]);
    let status = comments.split("status: ").nth(1).and_then(|rest| rest.split(',').next()).expect("a status");
    (status.to_owned(), run(&["+short"]).trim().to_owned())
}

fn absent(daemon: &TestDaemon, when: &str) {
    for name in [FULL, SHORT, "www.靖远县教育局.政务.cn"] {
        assert_eq!(dig(daemon, name), ("NXDOMAIN".into(), String::new()), "{name} {when}");
    }
}

/// E3: a unit registers in seven steps, and answers in the second its fee is recognised.
#[test]
fn a_unit_registers_in_seven_steps() {
    let mut daemon = TestDaemon::start_with(&[], RULES);
    unit(&daemon, "u1", "organ", REGION);
    unit(&daemon, "u2", "institution", REGION);
    let apply =
        |unit: &str, years: u32| call(&daemon, "demo-submitter", "POST", "/v1/applications", &application(unit, years));
    refused(&apply("u1", 1), 422, "term_invalid");
    refused(&apply("u1", 11), 422, "term_invalid");
    refused(&apply("u2", 2), 422, "suffix_not_allowed");
    let mut one = application("u1", 2);
    one["slots"].as_array_mut().expect("slots").truncate(1);
    refused(&call(&daemon, "demo-submitter", "POST", "/v1/applications", &one), 422, "slot2_required");
    assert_eq!(done(&daemon, "demo-viewer", "GET", "/v1/applications", &Value::Null)["items"], json!([]));

    let id = id_of(&apply("u1", 2).expect_success().json());
    let (path, fee) = (format!("/v1/applications/{id}"), format!("/v1/applications/{id}/fee"));
    absent(&daemon, "applied for");
    refused(&apply("u1", 2), 409, "name_claimed");
    refused(&call(&daemon, "demo-submitter", "GET", &fee, &Value::Null), 409, "not_payable");
    decide(&daemon, "demo-local", &id, "local", &approval()).expect_success();
    refused(&call(&daemon, "demo-submitter", "GET", &fee, &Value::Null), 409, "not_payable");
    decide(&daemon, "demo-central", &id, "central", &approval()).expect_success();
    let due = done(&daemon, "demo-submitter", "GET", &fee, &Value::Null);
    assert_eq!(due["amount"], "1200.00", "2 names for 2 years at 300");
    let order = due["order"].as_str().expect("an order");
    let confirmation = format!("/v1/orders/{order}/confirmation");
    let unpaid = call(&daemon, "demo-admin", "POST", &confirmation, &json!({ "payer": "treasury" }));
    refused(&unpaid, 422, "invoice_required");
    let paid = json!({ "payer": "treasury", "invoice": "24622000000012345678" });
    done(&daemon, "demo-admin", "POST", &confirmation, &paid);
    let batch = |amount: &str| json!({ "orders": [order], "amount": amount });
    refused(&call(&daemon, "demo-admin", "POST", "/v1/remittances", &batch("1100.00")), 409, "amount_mismatch");
    let remittance = id_of(&done(&daemon, "demo-admin", "POST", "/v1/remittances", &batch("1200.00")));
    absent(&daemon, "paid, and not recognised");
    let recognition = format!("/v1/remittances/{remittance}/recognition");
    let arrived = |amount: &str| json!({ "amount": amount });
    refused(&call(&daemon, "demo-finance", "POST", &recognition, &arrived("1199.99")), 409, "amount_mismatch");
    absent(&daemon, "recognised by half");
    // What is durable before it is visible survives a power cut in the same moment.
    let receipt = done(&daemon, "demo-finance", "POST", &recognition, &arrived("1200.00"));
    assert!(receipt["serials"]["xn--zfr164b."].is_u64(), "{receipt}");
    let resolves = |daemon: &TestDaemon| {
        for name in [FULL, SHORT, "www.靖远县教育局.政务.cn"] {
            assert_eq!(dig(daemon, name), ("NOERROR".into(), "203.0.113.5".into()), "{name}");
        }
        assert_eq!(done(daemon, "demo-submitter", "GET", &path, &Value::Null)["state"], "registered");
    };
    resolves(&daemon);
    daemon.kill();
    daemon.restart();
    resolves(&daemon);
    let again = call(&daemon, "demo-finance", "POST", &recognition, &arrived("1200.00"));
    refused(&again, 409, "remittance_not_pending");
}

/// An application that waits for its fee; its id, its order, and what it costs.
fn payable(daemon: &TestDaemon, unit: &str, full: &str, short: &str) -> (String, String) {
    let mut body = application(unit, 2);
    body["slots"][0]["name"] = full.into();
    body["slots"][1]["name"] = short.into();
    let id = id_of(&done(daemon, "demo-submitter", "POST", "/v1/applications", &body));
    let approval = json!({ "decision": "approve", "confirm": true });
    decide(daemon, "demo-local", &id, "local", &approval).expect_success();
    decide(daemon, "demo-central", &id, "central", &approval).expect_success();
    let fee = done(daemon, "demo-submitter", "GET", &format!("/v1/applications/{id}/fee"), &Value::Null);
    (id, fee["order"].as_str().expect("an order").to_owned())
}

/// R56 and R27: a unit that is blacklisted while its orders are under way pays for nothing more, keeps nobody else's
/// remittance, and gets back what was paid; all of that outlives a power cut.
#[test]
fn a_blacklisted_units_order_comes_out_of_its_remittance() {
    let mut daemon = TestDaemon::start_with(&[], RULES);
    unit(&daemon, "good", "organ", REGION);
    unit(&daemon, "bad", "organ", REGION);
    let (good, good_order) = payable(&daemon, "good", FULL, SHORT);
    let (bad, bad_order) = payable(&daemon, "bad", "靖远县水务局.政务", "靖远水务.政务");
    let (unpaid, unpaid_order) = payable(&daemon, "bad", "靖远县财政局.政务", "靖远财政.政务");
    let show = |daemon: &TestDaemon, path: String| done(daemon, "demo-viewer", "GET", &path, &Value::Null);
    let confirmation = |order: &str| format!("/v1/orders/{order}/confirmation");
    let paid = |invoice: &str| json!({ "payer": "unit", "invoice": invoice });
    done(&daemon, "demo-admin", "POST", &confirmation(&good_order), &paid("24622000000012345678"));
    // Its invoice is no other unit's, also after a power cut, and from a store that is made anew.
    let export = |daemon: &TestDaemon| {
        let text = daemon.api("GET", "/v1/export", "demo-operator", None).expect_success().text;
        text.lines().filter(|line| line.starts_with("{\"order\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = export(&daemon);
    for anew in [false, true] {
        let reply = call(&daemon, "demo-admin", "POST", &confirmation(&bad_order), &paid("24622000000012345678"));
        refused(&reply, 409, "invoice_used");
        let told = reply.json();
        assert_eq!(told["field"], "invoice");
        for language in ["detail", "detail_zh"] {
            let detail = told[language].as_str().expect("a sentence");
            assert!(detail.contains(&good_order) && detail.contains("24622000000012345678"), "{detail}");
        }
        daemon.kill();
        if anew {
            fs::remove_dir_all(daemon.path("data/sled")).expect("a store");
        }
        daemon.restart();
    }
    assert_eq!(export(&daemon), before, "nothing has changed");
    refused(
        &call(&daemon, "demo-admin", "POST", &confirmation(&bad_order), &paid("24622000000012345678")),
        409,
        "invoice_used",
    );
    done(&daemon, "demo-admin", "POST", &confirmation(&bad_order), &paid("24622000000012345679"));
    let batch = json!({ "orders": [good_order, bad_order], "amount": "2400.00" });
    let remittance = id_of(&done(&daemon, "demo-admin", "POST", "/v1/remittances", &batch));
    let hold = json!({ "evidence": "case-7" });
    done(&daemon, "demo-operator", "PUT", "/v1/units/bad/holds/BLACKLIST", &hold);

    // What was not paid is over, and says why; its names are free.
    let ended = show(&daemon, format!("/v1/applications/{unpaid}"));
    assert_eq!((&ended["state"], &ended["reason"]), (&json!("withdrawn"), &json!("BLACKLIST: case-7")));
    assert_eq!(show(&daemon, format!("/v1/orders/{unpaid_order}"))["state"], "withdrawn");
    payable(&daemon, "good", "靖远县财政局.政务", "靖远财政.政务");
    let recognition = format!("/v1/remittances/{remittance}/recognition");
    let arrived = json!({ "amount": "2400.00" });
    let reply = call(&daemon, "demo-finance", "POST", &recognition, &arrived);
    refused(&reply, 409, "order_impossible");
    let told = reply.json();
    assert_eq!(told["field"], "orders[1]");
    for language in ["detail", "detail_zh"] {
        let detail = told[language].as_str().expect("a sentence");
        let names_it = detail.contains(&format!("{bad_order} (unit_blacklisted)")) && !detail.contains(&good_order);
        assert!(names_it && detail.contains("/refund"), "{detail}");
    }
    absent(&daemon, "in a remittance that waits");

    let refund = format!("/v1/orders/{bad_order}/refund");
    let reason = json!({ "reason": "单位已列入黑名单" });
    refused(&call(&daemon, "demo-admin", "POST", &refund, &reason), 403, "role_forbidden");
    done(&daemon, "demo-finance", "POST", &refund, &reason);
    daemon.kill();
    daemon.restart();
    done(&daemon, "demo-finance", "POST", &recognition, &arrived);
    assert_eq!(dig(&daemon, FULL), ("NOERROR".into(), "203.0.113.5".into()));
    assert_eq!(dig(&daemon, "靖远县水务局.政务").0, "NXDOMAIN");
    assert_eq!(show(&daemon, format!("/v1/applications/{good}"))["state"], "registered");
    let ended = show(&daemon, format!("/v1/applications/{bad}"));
    assert_eq!((&ended["state"], &ended["reason"]), (&json!("withdrawn"), &json!("单位已列入黑名单")));
    let order = show(&daemon, format!("/v1/orders/{bad_order}"));
    assert_eq!((&order["state"], &order["reason"]), (&json!("refunded"), &json!("单位已列入黑名单")));
    // As lists and exports say it.
    let listed = show(&daemon, "/v1/orders?state=refunded".into());
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["reason"]),
        (&json!(bad_order), &json!("单位已列入黑名单"))
    );
    let line = export(&daemon).into_iter().find(|line| line.contains(&bad_order)).expect("its line");
    assert!(line.contains("\"reason\":\"单位已列入黑名单\""), "{line}");
    let history = done(&daemon, "demo-auditor", "GET", &format!("/v1/orders/{bad_order}/history"), &Value::Null);
    let last = history["items"].as_array().expect("lines").first().expect("one").to_string();
    assert!(last.contains("order.refund") && last.contains("单位已列入黑名单"), "{last}");
}

/// E6: two levels, no shortcuts; reasons are shown, and deadlines are counted in working days.
#[test]
fn reviewers_take_no_shortcuts_and_are_listed_when_late() {
    let sha256: String = Sha256::digest("wuding").iter().map(|octet| format!("{octet:02x}")).collect();
    let wuding = format!(
        "\n[[admin.tokens]]\nname = \"wuding\"\nrole = \"local-reviewer\"\nregion = \"532329\"\nsha256 = \"{sha256}\"\n"
    );
    // The Wednesday before National Day.
    let daemon = TestDaemon::start_with(&["--test-clock", "2026-09-30T01:00:00Z"], &(RULES.to_owned() + &wuding));
    unit(&daemon, "u1", "organ", REGION);
    let body = application("u1", 2);
    let id = id_of(&done(&daemon, "demo-submitter", "POST", "/v1/applications", &body));
    let path = format!("/v1/applications/{id}");
    let show = || done(&daemon, "demo-submitter", "GET", &path, &Value::Null);
    refused(&call(&daemon, "wuding", "GET", &path, &Value::Null), 403, "region_foreign");
    refused(&decide(&daemon, "wuding", &id, "local", &approval()), 403, "region_foreign");
    refused(&decide(&daemon, "demo-central", &id, "central", &approval()), 409, "local_review_first");
    refused(&decide(&daemon, "demo-local", &id, "central", &approval()), 403, "role_forbidden");
    refused(&decide(&daemon, "demo-submitter", &id, "local", &approval()), 403, "role_forbidden");
    refused(&decide(&daemon, "demo-local", &id, "local", &json!({ "decision": "reject" })), 422, "reason_required");

    let late = |now: &str| {
        call(&daemon, "demo-operator", "POST", "/v1/test/clock", &json!({ "now": now })).expect_success();
        let page = done(&daemon, "demo-local", "GET", "/v1/applications?overdue=true", &Value::Null);
        page["items"].as_array().expect("items").len()
    };
    // Two working days after 30 September are 8 and 9 October: the holiday does not count.
    assert_eq!(show()["deadline"], "2026-10-09T15:59:59Z");
    assert_eq!((late("2026-10-09T15:59:59Z"), late("2026-10-09T16:00:00Z")), (0, 1));
    assert_eq!(show()["state"], "local_review", "lateness decides nothing");
    let reason = json!({ "decision": "reject", "reason": "简称不规范" });
    decide(&daemon, "demo-local", &id, "local", &reason).expect_success();
    let shown = show();
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("rejected"), &json!("简称不规范")), "{shown}");
    assert_eq!(late("2026-10-09T17:00:00Z"), 0);

    let mut edited = body.clone();
    edited.as_object_mut().expect("an object").remove("unit");
    edited["slots"][1]["name"] = "靖远县教育.政务".into();
    done(&daemon, "demo-submitter", "PUT", &path, &edited);
    done(&daemon, "demo-submitter", "POST", &format!("{path}/submission"), &Value::Null);
    // It is Saturday 10 October in Shanghai, which is worked on: Monday and Tuesday follow.
    let shown = show();
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("local_review"), &Value::Null));
    assert_eq!(shown["deadline"], "2026-10-13T15:59:59Z");
    decide(&daemon, "demo-local", &id, "local", &approval()).expect_success();
    decide(&daemon, "demo-central", &id, "central", &approval()).expect_success();
    assert_eq!(show()["state"], "awaiting_fee");
    absent(&daemon, "unpaid");
}
