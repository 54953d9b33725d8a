//! The past of units, names and changes: every line with what was before and after, reads at a time, and differences.

use crate::server::{NOW, Server};
use serde_json::{Value, json};
use zhengming::registry::Timestamp;

const NAME: &str = "教育局.政务";

/// What a read gave after each step, and where the journal was then.
struct Life {
    server: Server,
    seen: Vec<(u64, i64, Value)>,
    now: i64,
}

impl Life {
    /// Does one thing a minute after the one before, and looks at the name.
    fn step(&mut self, token: &str, method: &str, target: &str, body: &str) -> Value {
        self.now += 60;
        self.server.clock.set(Timestamp(self.now));
        let receipt = self.server.ok(token, method, target, body);
        let reply = self.server.call("operator", "GET", &format!("/v1/names/{NAME}"), "");
        let view = if reply.status == 200 { reply.json() } else { Value::Null };
        self.seen.push((receipt["seq"].as_u64().unwrap(), self.now, view));
        receipt
    }
}

/// A name's whole life: registered, resolved, held, renewed, deleted, registered again.
fn life() -> Life {
    let mut life = Life { server: Server::new(), seen: Vec::new(), now: NOW };
    let (name, hold) = (format!("/v1/names/{NAME}"), format!("/v1/names/{NAME}/holds/LEGAL"));
    life.step("operator", "PUT", "/v1/units/u1", r#"{"name":"教育局","kind":"organ","region":"620421"}"#);
    life.step("operator", "PUT", &name, r#"{"unit":"u1","years":2}"#);
    let body = format!(r#"{{"name":"{NAME}","resolution":{{"type":"A","addresses":["203.0.113.5"]}}}}"#);
    let change = life.step("submitter", "POST", "/v1/changes", &body)["id"].as_str().unwrap().to_owned();
    let decisions = format!("/v1/changes/{change}/decisions");
    life.step("local-reviewer@620421", "POST", &decisions, r#"{"level":"local","decision":"approve"}"#);
    life.step("central-reviewer", "POST", &decisions, r#"{"level":"central","decision":"approve"}"#);
    life.step("operator", "PUT", "/v1/units/u1/holds/LEGAL", r#"{"evidence":"case-1"}"#);
    life.step("operator", "DELETE", "/v1/units/u1/holds/LEGAL", "");
    life.step("operator", "PUT", &hold, r#"{"evidence":"case-2"}"#);
    life.step("operator", "DELETE", &hold, "");
    life.step("operator", "POST", &format!("{name}/renewals"), r#"{"years":3}"#);
    life.step("operator", "DELETE", &name, "");
    life.step("operator", "PUT", &name, r#"{"unit":"u1","years":4}"#);
    life.step("operator", "DELETE", &name, "");
    life.step("operator", "PUT", &name, r#"{"unit":"u1","years":5}"#);
    life
}

fn history(server: &Server, target: &str) -> Vec<Value> {
    server.ok("auditor", "GET", target, "")["items"].as_array().unwrap().clone()
}

#[test]
fn a_names_lines_are_a_chain_of_what_was_before_and_after() {
    let life = life();
    let path = format!("/v1/names/{NAME}/history");
    let lines = history(&life.server, &path);
    // Registered, submitted, two decisions, hold and lift, renewal, deletion, again, deletion, again. The unit's holds are not
    // the name's, and a local approval leaves the name as it is.
    let operations: Vec<&str> = lines.iter().rev().map(|line| line["operation"].as_str().unwrap()).collect();
    let expected = [
        "name.put",
        "change.submit",
        "change.approve",
        "hold.place",
        "hold.lift",
        "name.renew",
        "name.delete",
        "name.put",
        "name.delete",
        "name.put",
    ];
    assert_eq!(operations.len(), expected.len(), "{operations:?}");
    for (line, earlier) in lines.iter().zip(&lines[1..]) {
        assert_eq!(line["before"], earlier["after"], "{line}");
        assert!(line["seq"].as_u64() > earlier["seq"].as_u64());
        assert_ne!(line["before"], line["after"]);
    }
    let first = lines.last().unwrap();
    assert_eq!(
        (&first["before"], &first["principal"], &first["role"]),
        (&Value::Null, &json!("operator"), &json!("operator"))
    );
    assert_eq!((&lines[1]["after"], &lines[3]["after"]), (&Value::Null, &Value::Null), "the deletions");
    assert_eq!(lines[4]["reason"], "3 years");
    // Each line is the journal's.
    let journal = life.server.call("auditor", "GET", "/v1/journal?limit=1000", "").text();
    for line in &lines {
        let written: Value =
            serde_json::from_str(journal.lines().nth(line["seq"].as_u64().unwrap() as usize - 1).unwrap()).unwrap();
        assert_eq!((&written["hash"], &written["at"]), (&line["hash"], &line["at"]));
        assert_eq!(written["actor"]["principal"], line["principal"]);
    }
    // Page by page it is the same.
    let mut paged = Vec::new();
    let mut target = format!("{path}?limit=3");
    loop {
        let page = life.server.ok("auditor", "GET", &target, "");
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        target = format!("{path}?limit=3&before={next}");
    }
    assert_eq!(paged, lines);
    let units = history(&life.server, "/v1/units/u1/history");
    assert_eq!(units.len(), 3, "put, held, lifted");
    assert_eq!(units[1]["after"]["holds"]["LEGAL"]["evidence"], "case-1");
    let change = life.seen[2].0;
    let changes = history(&life.server, &format!("/v1/changes/c{change}/history"));
    let states: Vec<&Value> = changes.iter().map(|line| &line["after"]["state"]).collect();
    assert_eq!(states, ["live", "locally_approved", "submitted"]);
    assert_eq!(changes[1]["regions"], json!(["620421"]));
}

/// From the application to the names, over order and remittance: each of them has its lines, and so has the name it made.
#[test]
fn applications_orders_and_remittances_have_a_past() {
    let server = Server::new();
    server.unit("u1", "organ");
    let application = crate::filings::apply(&server, "u1", "申");
    crate::filings::approve(&server, "local-reviewer", &application, "local");
    crate::filings::approve(&server, "central-reviewer", &application, "central");
    let fee = server.ok("submitter", "GET", &format!("/v1/applications/{application}/fee"), "");
    let order = fee["order"].as_str().unwrap().to_owned();
    crate::filings::confirm(&server, &order);
    let remittance = crate::filings::remit(&server, &[&order], "1200.00");
    let recognised = r#"{"amount":"1200.00"}"#;
    server.ok("finance", "POST", &format!("/v1/remittances/{remittance}/recognition"), recognised);
    let states = |path: &str| -> Vec<Value> {
        let lines = history(&server, path);
        assert!(lines.windows(2).all(|pair| pair[0]["before"] == pair[1]["after"]), "{lines:#?}");
        assert_eq!(lines.last().unwrap()["before"], Value::Null);
        lines.iter().map(|line| line["after"]["state"].clone()).collect()
    };
    let last = |states: &[Value]| states.first().cloned().unwrap();
    let of_application = states(&format!("/v1/applications/{application}/history"));
    assert_eq!((last(&of_application), of_application.len() >= 4), (json!("registered"), true), "{of_application:?}");
    let of_order = states(&format!("/v1/orders/{order}/history"));
    assert!(of_order.len() >= 3, "{of_order:?}");
    let of_remittance = states(&format!("/v1/remittances/{remittance}/history"));
    assert_eq!((last(&of_remittance), of_remittance.len()), (json!("recognised"), 2), "{of_remittance:?}");
    for (kind, code) in [
        ("applications", "application_not_found"),
        ("orders", "order_not_found"),
        ("remittances", "remittance_not_found"),
    ] {
        for id in ["x", "a999", "o999", "r999"] {
            let reply = server.call("auditor", "GET", &format!("/v1/{kind}/{id}/history"), "");
            assert_eq!((reply.status, reply.code().as_str()), (404, code));
        }
    }
}

/// The review of a site is a part of its unit: the lines that changed the unit in other ways are not its own.
#[test]
fn the_review_of_a_site_has_a_past_of_its_own() {
    let server = Server::new();
    server.unit("u1", "organ");
    let rename = |name: &str| {
        let body = json!({ "name": name, "kind": "organ", "region": "620421" }).to_string();
        server.ok("operator", "PUT", "/v1/units/u1", &body);
    };
    rename("甲局");
    let review = "/v1/units/u1/site-review";
    server.ok("operator", "POST", review, r#"{"kind":"new"}"#);
    let id = server.ok("viewer", "GET", "/v1/units/u1", "")["site_review"]["id"].as_str().unwrap().to_owned();
    rename("乙局");
    rename("丙局");
    server.ok("operator", "PUT", &format!("{review}/deadline"), r#"{"deadline":"2027-03-31","reason":"moves"}"#);
    rename("丁局");
    server.ok("operator", "DELETE", review, "");
    let path = format!("/v1/site-reviews/{id}/history");
    let lines = history(&server, &path);
    let operations: Vec<&Value> = lines.iter().map(|line| &line["operation"]).collect();
    assert_eq!(lines.len(), 3, "{operations:?}");
    assert_eq!((&lines[0]["after"]["state"], &lines[2]["before"]), (&json!("cancelled"), &Value::Null));
    assert!(lines.windows(2).all(|pair| pair[0]["before"] == pair[1]["after"]), "{lines:#?}");
    let first = server.ok("auditor", "GET", &format!("{path}?limit=1"), "");
    assert_eq!(first["items"][0], lines[0]);
    let rest = server.ok("auditor", "GET", &format!("{path}?before={}", first["next"].as_str().unwrap()), "");
    assert_eq!(rest["items"].as_array().unwrap()[..], lines[1..]);
    for unknown in ["s1", "s999", "x", "u1"] {
        let reply = server.call("auditor", "GET", &format!("/v1/site-reviews/{unknown}/history"), "");
        assert_eq!((reply.status, reply.code().as_str()), (404, "site_review_not_found"), "{unknown}");
    }
}

#[test]
fn a_read_at_a_time_is_what_a_read_was_then() {
    let life = life();
    life.server.clock.set(Timestamp(life.now + 59));
    let at = |at: &str| {
        let reply = life.server.call("auditor", "GET", &format!("/v1/names/{NAME}?at={at}"), "");
        match reply.status {
            200 => reply.json(),
            404 => Value::Null,
            status => panic!("{status} {}", reply.text()),
        }
    };
    assert_eq!(at("0"), Value::Null);
    for (seq, now, seen) in &life.seen {
        assert_eq!(at(&seq.to_string()), *seen, "after {seq}");
        let time = Timestamp(*now).to_string();
        assert_eq!(at(&time), *seen, "at {time}");
        assert_eq!(at(&Timestamp(now + 59).to_string()), *seen);
    }
    let unit = life.server.ok("auditor", "GET", &format!("/v1/units/u1?at={}", life.seen[5].0), "");
    assert_eq!(unit["holds"][0]["reason"], "LEGAL");
    // What was not there yet is not misspelt.
    for object in [format!("names/{NAME}"), "units/u1".to_owned()] {
        let reply = life.server.call("auditor", "GET", &format!("/v1/{object}?at=0"), "");
        assert_eq!((reply.status, &reply.json()["field"]), (404, &"at".into()), "{}", reply.text());
        assert!(!reply.text().contains("check"), "{}", reply.text());
    }
    // A day has come once it has begun; a second that has not come tells nothing.
    let now = Timestamp(life.now + 59);
    let (day, next) = (now.to_string()[..10].to_owned(), Timestamp(now.0 + 1).to_string());
    assert_eq!(at(&day), life.seen.last().unwrap().2);
    for bad in ["x", "-1", "999999", "2026-13-01", &next, "2099-12-31"] {
        let reply = life.server.call("auditor", "GET", &format!("/v1/names/{NAME}?at={bad}"), "");
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_parameter"), "{bad}");
    }
}

#[test]
fn differences_are_between_what_was_and_what_is() {
    let life = life();
    let diff = |from: u64, to: u64| -> Vec<Value> {
        let text = life.server.call("auditor", "GET", &format!("/v1/diff?from={from}&to={to}"), "").text();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let last = life.seen.last().unwrap().0;
    let images = |seq: u64| {
        let name = history(&life.server, &format!("/v1/names/{NAME}/history?before={}", seq + 1));
        name.first().map_or(Value::Null, |line| line["after"].clone())
    };
    for (from, _, _) in &life.seen {
        for (to, _, _) in life.seen.iter().filter(|(to, _, _)| to >= from) {
            let found = diff(*from, *to);
            let name = found.iter().find(|difference| difference["kind"] == "name");
            let (before, after) = (images(*from), images(*to));
            match name {
                Some(name) => assert_eq!((&name["before"], &name["after"]), (&before, &after), "{from} to {to}"),
                None => assert_eq!(before, after, "{from} to {to}"),
            }
        }
    }
    let all = diff(0, last);
    let kinds: Vec<&str> = all.iter().map(|difference| difference["kind"].as_str().unwrap()).collect();
    assert!(kinds.is_sorted() && kinds.contains(&"unit") && kinds.contains(&"change"), "{kinds:?}");
    assert!(diff(last, last).is_empty());
    for bad in ["", "?from=x", "?from=5&to=4", "?from=0&to=999999"] {
        let reply = life.server.call("auditor", "GET", &format!("/v1/diff{bad}"), "");
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_parameter"), "{bad}");
    }
}

#[test]
fn the_journal_tells_which_acts_a_second_factor_confirmed() {
    let server = Server::guarded();
    server.unit("u1", "organ");
    server.clock.set(Timestamp(NOW + 30));
    let code = crate::server::totp().code_at(NOW + 30);
    let headers =
        format!("Authorization: Bearer operator\r\nContent-Type: application/json\r\nX-Second-Factor: {code}\r\n");
    assert_eq!(server.raw("PUT", "/v1/units/u1/holds/LEGAL", &headers, br#"{"evidence":"d"}"#).status, 200);
    let lines = history(&server, "/v1/units/u1/history");
    assert_eq!((&lines[0]["confirmed"], &lines[1]["confirmed"]), (&json!(true), &json!(false)));
    let journal = server.call("auditor", "GET", "/v1/journal?limit=1000", "").text();
    assert_eq!(journal.matches("\"confirmed\":true").count(), 1);
    assert!(!journal.contains(&code));
}
