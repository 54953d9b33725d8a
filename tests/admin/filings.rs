//! Applications, orders and remittances over the API, with what DNS answers at each step.

use crate::server::{AWAY, HOME, Server};
use serde_json::{Value, json};

/// A unit inside [`HOME`] whose applications a government office approves first.
pub const OFFICE: &str = "620421001";

/// An application for 甲`tag` and 乙`tag` of the unit, for two years.
pub fn application(unit: &str, tag: &str) -> Value {
    let slot = |kind: u8, name: &str| json!({ "kind": kind, "name": format!("{name}{tag}.政务"), "years": 2 });
    json!({
        "unit": unit,
        "purpose": "site",
        "slots": [slot(1, "甲"), slot(2, "乙")],
        "resolution": { "type": "A", "addresses": ["203.0.113.5"] },
    })
}

/// Hands an application in; its id.
pub fn apply(server: &Server, unit: &str, tag: &str) -> String {
    id_of(&server.ok("submitter", "POST", "/v1/applications", &application(unit, tag).to_string()))
}

fn id_of(receipt: &Value) -> String {
    receipt["id"].as_str().unwrap().to_owned()
}

/// Approves at one level, with what its reviewer has to confirm.
pub fn approve(server: &Server, token: &str, id: &str, level: &str) -> Value {
    let body = json!({ "level": level, "decision": "approve", "confirm": true });
    server.ok(token, "POST", &format!("/v1/applications/{id}/decisions"), &body.to_string())
}

/// An application that waits for its fee; its id, and that of its order.
pub fn due(server: &Server, unit: &str, tag: &str) -> (String, String) {
    let id = apply(server, unit, tag);
    approve(server, "local-reviewer", &id, "local");
    assert_eq!(approve(server, "central-reviewer", &id, "central")["state"], "awaiting_fee");
    let shown = server.ok("viewer", "GET", &format!("/v1/applications/{id}"), "");
    (id, shown["order"].as_str().unwrap().to_owned())
}

pub fn confirm(server: &Server, order: &str) {
    let body = json!({ "invoice": "24622000000012345678", "payer": "unit", "voucher": "202311220001ABCDEF" });
    let receipt = server.ok("local-admin", "POST", &format!("/v1/orders/{order}/confirmation"), &body.to_string());
    assert_eq!(receipt["state"], "confirmed");
}

/// A remittance of these orders; its id.
pub fn remit(server: &Server, orders: &[&str], amount: &str) -> String {
    let body = json!({ "orders": orders, "amount": amount });
    id_of(&server.ok("local-admin", "POST", "/v1/remittances", &body.to_string()))
}

pub fn recognise(server: &Server, remittance: &str, amount: &str) -> Value {
    let body = json!({ "amount": amount });
    server.ok("finance", "POST", &format!("/v1/remittances/{remittance}/recognition"), &body.to_string())
}

/// E3, over the API alone.
#[test]
fn names_are_registered_and_answer_once_their_fee_is_recognised() {
    let server = Server::new();
    server.unit("u1", "organ");
    let account = server.ok("viewer", "GET", "/v1/units/u1", "")["account"].as_str().unwrap().to_owned();
    assert!(account.len() == 8 && account.bytes().all(|b| b.is_ascii_digit()), "{account}");
    let id = apply(&server, "u1", "");
    let path = format!("/v1/applications/{id}");
    let shown = server.ok("submitter", "GET", &path, "");
    assert_eq!(shown["state"], "local_review");
    assert_eq!(shown["slots"][0]["warning"], "unrelated", "甲 is nothing of the unit's name");
    let fee = |code: u16| {
        let reply = server.call("submitter", "GET", &format!("{path}/fee"), "");
        assert_eq!(reply.status, code, "{}", reply.text());
        reply
    };
    assert_eq!(fee(409).code(), "not_payable");
    approve(&server, "local-reviewer@620421", &id, "local");
    assert_eq!(fee(409).code(), "not_payable");
    assert_eq!(approve(&server, "central-reviewer", &id, "central")["state"], "awaiting_fee");
    let due = fee(200).json();
    assert_eq!((&due["amount"], &due["currency"]), (&json!("1200.00"), &json!("CNY")));
    assert_eq!(due["lines"][1]["amount"], "600.00");
    let order = due["order"].as_str().unwrap();
    // R30: years may change until the fee is confirmed.
    let years = |years: u8| json!({ "years": [{ "name": "乙.政务", "years": years }] }).to_string();
    server.ok("local-admin", "PUT", &format!("/v1/orders/{order}/years"), &years(3));
    assert_eq!(fee(200).json()["amount"], "1500.00");
    confirm(&server, order);
    let late = server.call("local-admin", "PUT", &format!("/v1/orders/{order}/years"), &years(2));
    assert_eq!(late.code(), "order_not_pending");
    assert!(server.nxdomain("甲.政务"));
    let remittance = remit(&server, &[order], "1500.00");
    assert!(server.nxdomain("甲.政务"));
    let short = json!({ "amount": "1499.99" }).to_string();
    let recognition = format!("/v1/remittances/{remittance}/recognition");
    assert_eq!(server.call("finance", "POST", &recognition, &short).code(), "amount_mismatch");
    assert_eq!(recognise(&server, &remittance, "1500.00")["state"], "recognised");
    for name in ["甲.政务", "乙.政务", "www.甲.政务", "乙.政务.cn"] {
        assert!(server.answers(name, [203, 0, 113, 5]), "{name}");
    }
    let shown = server.ok("submitter", "GET", &path, "");
    assert_eq!(shown["state"], "registered");
    let name = server.ok("viewer", "GET", "/v1/names/甲.政务", "");
    assert_eq!((&name["primary"], &name["kind"], &name["state"]), (&json!(true), &json!(1), &json!("active")));
    assert!(server.ok("viewer", "GET", "/v1/names/乙.政务", "")["expires"].as_str().unwrap().starts_with("2029-11-22"));
    let orders = server.ok("viewer", "GET", "/v1/orders?unit=u1&state=consumed", "");
    assert_eq!(orders["items"][0]["confirmation"]["payer"], "unit");
    // All of it is there after a restart, from the journal.
    let server = server.restart();
    assert_eq!(server.ok("submitter", "GET", &path, "")["state"], "registered");
    assert!(server.answers("甲.政务", [203, 0, 113, 5]));
}

/// R32, R33: up to 50 names at once, from the old end, once the fee is recognised.
#[test]
fn fifty_names_are_renewed_by_one_order_and_fifty_one_by_none() {
    let server = Server::new();
    server.unit("u1", "organ");
    let names: Vec<String> = (0..51).map(|n| format!("局{n}.政务")).collect();
    names.iter().for_each(|name| drop(server.name(name, "u1")));
    let before = server.everything();
    for path in ["/v1/orders", "/v1/renewals"] {
        let mut body = json!({ "names": names, "years": 2 });
        if path == "/v1/orders" {
            body["unit"] = "u1".into();
        }
        let reply = server.call("operator", "POST", path, &body.to_string());
        assert_eq!((reply.status, reply.code().as_str()), (422, "batch_too_large"));
    }
    assert_eq!(server.everything(), before);
    let body = json!({ "unit": "u1", "names": names[..50], "years": 2 }).to_string();
    let order = id_of(&server.ok("submitter@620421", "POST", "/v1/orders", &body));
    let shown = server.ok("submitter", "GET", &format!("/v1/orders/{order}"), "");
    assert_eq!((&shown["amount"], &shown["application"]), (&json!("30000.00"), &Value::Null));
    let one = json!({ "unit": "u1", "names": [names[0]], "years": 2 }).to_string();
    assert_eq!(server.call("submitter", "POST", "/v1/orders", &one).code(), "name_claimed");
    let expires = |name: &str| {
        let shown = server.ok("viewer", "GET", &format!("/v1/names/{name}"), "");
        shown["expires"].as_str().unwrap()[..10].to_owned()
    };
    confirm(&server, &order);
    let remittance = remit(&server, &[&order], "30000.00");
    assert_eq!(expires(&names[0]), "2028-11-22");
    recognise(&server, &remittance, "30000.00");
    assert_eq!((expires(&names[0]), expires(&names[49])), ("2030-11-22".into(), "2030-11-22".into()));
    assert_eq!(expires(&names[50]), "2028-11-22");
    // The direct way, for a registry that takes fees elsewhere.
    let body = json!({ "names": names[..50], "years": 6 }).to_string();
    server.ok("operator", "POST", "/v1/renewals", &body);
    assert_eq!(expires(&names[49]), "2036-11-22");
    let reply = server.call("operator", "POST", "/v1/renewals", &json!({ "names": names, "years": 2 }).to_string());
    assert_eq!(reply.code(), "batch_too_large");
    let over = json!({ "names": [names[50], names[0]], "years": 2 }).to_string();
    let reply = server.call("operator", "POST", "/v1/renewals", &over);
    assert_eq!((reply.code(), &reply.json()["field"]), ("term_invalid".into(), &json!("names[1]")));
    assert_eq!(expires(&names[50]), "2028-11-22", "all or none");
}

/// E6: lists are cut by region and deadline, and a passed deadline decides nothing.
#[test]
fn overdue_reviews_are_listed_and_decided_all_the_same() {
    let server = Server::new();
    server.unit("u1", "organ");
    let away = format!(r#"{{"name":"外地单位","kind":"organ","region":"{AWAY}"}}"#);
    server.ok("operator", "PUT", "/v1/units/u2", &away);
    let (home, foreign) = (apply(&server, "u1", "a"), apply(&server, "u2", "b"));
    let list = |token: &str, query: &str| -> String {
        let page = server.ok(token, "GET", &format!("/v1/applications?{query}"), "");
        let ids = page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap());
        ids.collect::<Vec<_>>().join(" ")
    };
    assert!(list("viewer", "overdue=true").is_empty());
    // Sunday; HOME promises two working days, so until Tuesday.
    server.move_clock("2026-11-24T15:59:59Z");
    assert!(list("viewer", "overdue=true").is_empty());
    server.move_clock("2026-11-24T16:00:00Z");
    assert_eq!(list("viewer", "overdue=true"), home);
    server.move_clock("2026-11-29T00:00:00Z");
    assert_eq!(list("viewer", "overdue=true"), format!("{home} {foreign}"));
    let local = format!("local-reviewer@{HOME}");
    assert_eq!(list(&local, "overdue=true"), home);
    assert_eq!(list("viewer", &format!("region={AWAY}")), foreign);
    assert_eq!(list("viewer", "region=53&state=local_review"), foreign);
    assert!(list(&local, &format!("region={AWAY}")).is_empty());
    assert_eq!(list("viewer", "unit=u1"), home);
    let shown = server.ok("viewer", "GET", &format!("/v1/applications/{home}"), "");
    assert_eq!((&shown["overdue"], &shown["deadline"]), (&json!(true), &json!("2026-11-24T15:59:59Z")));
    approve(&server, &local, &home, "local");
    assert_eq!(list("viewer", "overdue=true"), foreign);
    assert_eq!(list("viewer", "state=central_review"), home);
}

/// A unit that moves to another division is reviewed there, and read there.
#[test]
fn an_application_is_read_where_its_unit_is() {
    let server = Server::new();
    server.unit("u1", "organ");
    let id = apply(&server, "u1", "迁");
    let (home, away) = (format!("local-reviewer@{HOME}"), format!("local-reviewer@{AWAY}"));
    let statuses = || [&home, &away].map(|who| server.call(who, "GET", &format!("/v1/applications/{id}"), "").status);
    assert_eq!(statuses(), [200, 403]);
    let moved = format!(r#"{{"name":"单位u1","kind":"organ","region":"{AWAY}"}}"#);
    server.ok("operator", "PUT", "/v1/units/u1", &moved);
    assert_eq!(statuses(), [403, 200]);
    approve(&server, &away, &id, "local");
}

/// An operator's rehearsal shows what would be, and changes nothing.
#[test]
fn a_dry_run_shows_the_images() {
    let server = Server::new();
    server.unit("u1", "organ");
    let before = server.everything();
    let body = application("u1", "").to_string();
    let receipt = server.ok("submitter", "POST", "/v1/applications?dry_run=true", &body);
    let preview = &receipt["preview"];
    assert_eq!(preview["applications"][0]["state"], "local_review");
    assert_eq!(server.everything(), before);
}

/// What is paid for must be there when it is recognised.
#[test]
fn a_name_with_an_open_order_is_not_deleted() {
    let server = Server::new();
    server.unit("u1", "organ");
    server.name("续费.政务", "u1");
    let renewal = r#"{"unit":"u1","names":["续费.政务"],"years":2}"#;
    let order = server.ok("submitter", "POST", "/v1/orders", renewal)["id"].as_str().unwrap().to_owned();
    let before = server.everything();
    let refused = server.call("operator", "DELETE", "/v1/names/续费.政务", "");
    assert_eq!((refused.status, refused.code().as_str()), (409, "name_claimed"), "{}", refused.text());
    assert!(refused.text().contains(&order), "it says which: {}", refused.text());
    assert_eq!(server.everything(), before);
    server.ok("submitter", "DELETE", &format!("/v1/orders/{order}"), "");
    server.ok("operator", "DELETE", "/v1/names/续费.政务", "");
}
