//! Reviews of units' sites over the API: who does what, what DNS answers meanwhile, the lists, and each refusal.

use crate::codes::Script;
use crate::server::{AWAY, HOME, Reply, Server};
use serde_json::{Value, json};

/// The last second to hand in what is opened on Sunday, 22 November 2026, and that after it.
const IN_TIME: &str = "2026-12-18T15:59:59Z";
const TOO_LATE: &str = "2026-12-18T16:00:00Z";

fn path(unit: &str, what: &str) -> String {
    format!("/v1/units/{unit}/site-review{what}")
}

fn open(server: &Server, unit: &str) -> Value {
    server.ok("local-admin", "POST", &path(unit, ""), r#"{"kind":"new"}"#)
}

fn submit(server: &Server, unit: &str) -> Value {
    let body = json!({ "name": format!("站{unit}.政务") }).to_string();
    server.ok("submitter", "POST", &path(unit, "/submission"), &body)
}

fn decision(level: &str) -> String {
    json!({ "level": level, "decision": "approve" }).to_string()
}

fn approve(server: &Server, unit: &str, level: &str) -> Value {
    let token = if level == "central" { "central-reviewer" } else { "local-reviewer" };
    server.ok(token, "POST", &path(unit, "/decisions"), &decision(level))
}

fn review_of(server: &Server, unit: &str) -> Value {
    server.ok("viewer", "GET", &format!("/v1/units/{unit}"), "")["site_review"].clone()
}

/// An organ with a resolving name, the review of whose site has come this far.
pub fn under_review(server: &Server, unit: &str, state: &str) {
    server.unit(unit, "organ");
    let name = format!("站{unit}.政务");
    server.name(&name, unit);
    server.resolve(&name, r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    open(server, unit);
    let steps = [("local_review", ""), ("central_review", "local"), ("paper", "central"), ("passed", "paper")];
    for (reached, level) in steps {
        if review_of(server, unit)["state"] == state {
            return;
        }
        let receipt = if level.is_empty() { submit(server, unit) } else { approve(server, unit, level) };
        assert_eq!(receipt["state"], reached, "{receipt}");
    }
    assert_eq!(review_of(server, unit)["state"], state);
}

fn units(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["unit"].as_str().unwrap()).collect()
}

fn resolves(server: &Server, unit: &str) -> bool {
    let name = format!("站{unit}.政务");
    let answers = server.answers(&name, [203, 0, 113, 5]);
    assert_ne!(answers, server.nxdomain(&name), "{unit}");
    answers
}

/// R55: what is not done by its deadline holds the whole unit, and its pass brings it back; both over a restart.
#[test]
fn deadlines_hold_units_and_the_pass_lifts_them() {
    let server = Server::new();
    for (unit, state) in [("o1", "open"), ("o2", "local_review"), ("o3", "paper"), ("o4", "passed")] {
        under_review(&server, unit, state);
    }
    let shown = review_of(&server, "o4");
    assert_eq!((&shown["deadline"], &shown["missed"]), (&Value::Null, &json!(false)));
    let levels: Vec<&Value> = shown["approvals"].as_array().unwrap().iter().map(|given| &given["level"]).collect();
    assert_eq!(levels, ["local", "central", "paper"]);
    // An organ's papers are due after ten working days, and this region's first review after two.
    assert_eq!(review_of(&server, "o3")["deadline"], "2026-12-04T15:59:59Z");
    assert_eq!(review_of(&server, "o2")["deadline"], "2026-11-24T15:59:59Z");
    let foreseen = server.ok("viewer", "GET", "/v1/simulate?at=2026-12-31", "");
    assert_eq!(foreseen["days"]["2026-12-19"]["held:SITE_NOT_SUBMITTED"], 1, "{foreseen}");
    assert_eq!(foreseen["days"]["2026-12-05"]["held:SITE_REVIEW_FAILED"], 1, "{foreseen}");
    server.move_clock(IN_TIME);
    let held = |server: &Server| ["o1", "o2", "o3", "o4"].map(|unit| !resolves(server, unit));
    assert_eq!(held(&server), [false, false, true, false]);
    server.move_clock(TOO_LATE);
    assert_eq!(held(&server), [true, false, true, false]);
    let server = server.restart();
    server.move_clock(TOO_LATE);
    assert_eq!(held(&server), [true, false, true, false]);
    let unit = server.ok("viewer", "GET", "/v1/units/o1", "");
    assert_eq!((&unit["holds"][0]["by"], &unit["holds"][0]["evidence"]), (&json!("clock"), &unit["site_review"]["id"]));
    // Done late, it is done.
    assert_eq!(approve(&server, "o3", "paper")["state"], "passed");
    submit(&server, "o1");
    approve(&server, "o1", "local");
    approve(&server, "o1", "central");
    assert_eq!(held(&server), [true, false, false, false]);
    assert_eq!(approve(&server, "o1", "paper")["state"], "passed");
    assert_eq!(held(&server), [false; 4]);
    // A year of the journal later it is the same, and the past is told as it was.
    let server = server.restart();
    assert_eq!(review_of(&server, "o1")["state"], "passed");
    let then = server.ok("viewer", "GET", "/v1/units/o1?at=2026-12-01", "");
    assert_eq!((&then["site_review"]["state"], &then["holds"]), (&json!("open"), &json!([])));
}

#[test]
fn lists_show_who_waits_for_whom_and_what_is_held() {
    let server = Server::new();
    for (unit, state) in [("o1", "open"), ("o2", "local_review"), ("o3", "paper"), ("o4", "passed")] {
        under_review(&server, unit, state);
    }
    server.unit("o5", "organ");
    let away = json!({ "name": "异地, \"某\" 单位", "kind": "organ", "region": AWAY }).to_string();
    server.ok("operator", "PUT", "/v1/units/o6", &away);
    open(&server, "o6");
    let list = |token: &str, query: &str| server.ok(token, "GET", &format!("/v1/site-reviews{query}"), "");
    assert_eq!(units(&list("viewer", "")), ["o6", "o1", "o2", "o3", "o4"], "by region, then unit");
    assert_eq!(units(&list("viewer", "?state=open")), ["o6", "o1"]);
    assert_eq!(units(&list("viewer", &format!("?state=open&region={HOME}"))), ["o1"]);
    assert_eq!(units(&list(&format!("viewer@{AWAY}"), "")), ["o6"]);
    assert_eq!(units(&list(&format!("viewer@{AWAY}"), &format!("?region={HOME}"))), [""; 0]);
    assert_eq!(units(&list("viewer", "?overdue=true")), [""; 0]);
    // A page at a time.
    let (mut cursor, mut walked) = (String::new(), Vec::new());
    loop {
        let page = list("viewer", &format!("?limit=2{cursor}"));
        walked.extend(units(&page).iter().map(ToString::to_string));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(walked, ["o6", "o1", "o2", "o3", "o4"]);
    // Overdue in the order of their deadlines, reviewers' with units'.
    server.move_clock(TOO_LATE);
    let overdue = list("viewer", "?overdue=true");
    assert_eq!(units(&overdue), ["o2", "o3", "o1", "o6"]);
    assert_eq!(units(&list("viewer", "?overdue=true&state=paper")), ["o3"]);
    assert_eq!(units(&list(&format!("local-reviewer@{HOME}"), "?overdue=true")), ["o2", "o3", "o1"]);
    let item = &overdue["items"][2];
    assert_eq!(
        (&item["overdue"], &item["held"], &item["review"]["missed"]),
        (&json!(true), &json!(["SITE_NOT_SUBMITTED"]), &json!(true))
    );
    // A hold that an operator placed is one for the site too.
    server.name("站乙o4.政务", "o4");
    server.ok("operator", "PUT", "/v1/units/o4/holds/SITE_REVIEW_FAILED", r#"{"evidence":"文号, 一"}"#);
    let held = server.call("auditor", "GET", "/v1/site-reviews/held", "");
    let lines: Vec<Value> = held.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |line: &Value| format!("{} {} {}", line["unit"], line["reason"], line["name"]).replace('"', "");
    assert_eq!(
        lines[..lines.len() - 1].iter().map(told).collect::<Vec<_>>(),
        [
            "o6 SITE_NOT_SUBMITTED ",
            "o1 SITE_NOT_SUBMITTED 站o1.政务",
            "o3 SITE_REVIEW_FAILED 站o3.政务",
            "o4 SITE_REVIEW_FAILED 站乙o4.政务",
            "o4 SITE_REVIEW_FAILED 站o4.政务",
        ]
    );
    assert_eq!(lines.last().unwrap()["end"]["lines"], 5);
    assert_eq!((&lines[1]["since"], lines[1]["account"].as_str().map(str::len)), (&json!(TOO_LATE), Some(8)));
    let table = server.call("auditor", "GET", &format!("/v1/site-reviews/held?format=csv&region={AWAY}"), "");
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let text = table.text();
    let rows: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(rows[0], "unit,account,unit_name,kind,region,reason,since,evidence,name,ascii");
    assert!(rows[1].starts_with("o6,") && rows[1].contains(",\"异地, \"\"某\"\" 单位\",organ,"), "{text}");
    assert_eq!(rows.len(), 3, "{text}");
}

#[test]
fn a_rejection_is_shown_and_corrected_and_an_operator_gives_time() {
    let server = Server::new();
    under_review(&server, "o1", "central_review");
    let body = json!({ "level": "central", "decision": "reject", "reason": "网站名称不规范" }).to_string();
    assert_eq!(server.ok("central-reviewer", "POST", &path("o1", "/decisions"), &body)["state"], "rejected");
    assert_eq!(review_of(&server, "o1")["reason"], "网站名称不规范");
    server.move_clock("2026-12-10");
    assert!(!resolves(&server, "o1"));
    let more = json!({ "deadline": "2026-12-31", "reason": "经研究同意延期" }).to_string();
    assert_eq!(server.ok("operator", "PUT", &path("o1", "/deadline"), &more)["state"], "rejected");
    assert!(resolves(&server, "o1"));
    let lines = server.call("auditor", "GET", "/v1/units/o1/history", "").text();
    assert!(lines.contains("经研究同意延期") && lines.contains("site_review.postpone"), "{lines}");
    submit(&server, "o1");
    let shown = review_of(&server, "o1");
    assert_eq!(
        (&shown["state"], &shown["reason"], &shown["approvals"]),
        (&json!("local_review"), &Value::Null, &json!([]))
    );
    // Taken back, it waits for nobody, and makes way for another one.
    server.ok("operator", "DELETE", &path("o1", ""), "");
    let shown = review_of(&server, "o1");
    assert_eq!((&shown["state"], &shown["deadline"]), (&json!("cancelled"), &Value::Null));
    let listed = |query: &str| server.ok("viewer", "GET", &format!("/v1/site-reviews{query}"), "");
    assert_eq!(units(&listed("?state=cancelled")), ["o1"]);
    assert_eq!((units(&listed("?state=open")), units(&listed("?overdue=true"))), (vec![], vec![]));
    open(&server, "o1");
}

/// An export has the reviews, and whoever takes it over goes on where the original is.
#[test]
fn exports_have_reviews_and_old_ones_undo_nothing() {
    let server = Server::new();
    let all = [("o1", "open"), ("o2", "local_review"), ("o3", "central_review"), ("o4", "paper"), ("o5", "passed")];
    for (unit, state) in all {
        under_review(&server, unit, state);
    }
    server.move_clock("2026-12-05");
    let body = json!({ "level": "local", "decision": "reject", "reason": "不符" }).to_string();
    server.ok("local-reviewer", "POST", &path("o2", "/decisions"), &body);
    let export = server.export();
    assert_eq!(export.matches("\"site_review\":{").count(), all.len(), "{export}");
    let copy = Server::new();
    copy.move_clock("2026-12-05");
    assert_eq!(copy.import("id=copy", &export)["refusals"], json!([]));
    assert_eq!(copy.state(), server.state());
    // What was missed is held, and what is missed later will be.
    assert!(!resolves(&copy, "o4") && resolves(&copy, "o1"));
    copy.move_clock(TOO_LATE);
    assert!(!resolves(&copy, "o1"));
    approve(&copy, "o4", "paper");
    assert!(resolves(&copy, "o4"));
    let now = copy.state();
    assert_eq!(copy.import("id=again", &export)["refused"], 0);
    assert_eq!(copy.state(), now, "an old file undoes nothing");
    // Lines that cannot be, each by its member.
    let line = export.lines().find(|line| line.contains("\"o3\"")).unwrap();
    let fresh = Server::new();
    fresh.move_clock("2026-12-05");
    for (from, to, field) in [
        ("\"state\":\"central_review\"", "\"state\":\"lost\"", "unit.site_review.state"),
        ("\"id\":\"s", "\"id\":\"x", "unit.site_review.id"),
        ("\"state\":\"central_review\"", "\"state\":\"passed\"", "unit.site_review"),
        ("\"state\":\"central_review\"", "\"state\":\"paper\"", "unit.site_review"),
        ("\"level\":\"local\"", "\"level\":\"paper\"", "unit.site_review"),
        ("\"missed\":false", "\"missed\":true", "unit.site_review"),
        ("\"changed\":\"2026", "\"changed\":\"2036", "unit.site_review"),
        ("\"by\":\"local-reviewer\"", "\"by\":\" \"", "unit.site_review"),
    ] {
        assert!(line.contains(from), "{from} in {line}");
        let report = fresh.import("id=bad", &(line.replace(from, to) + "\n"));
        let refusal = &report["refusals"][0];
        assert_eq!((&refusal["code"], &refusal["field"]), (&json!("unit_invalid"), &json!(field)), "{report}");
    }
    // A deadline is no way around what a hold takes.
    let guarded = Server::guarded();
    let open = export.lines().find(|line| line.contains("\"o1\"")).unwrap().to_owned() + "\n";
    guarded.move_clock("2026-12-05");
    assert_eq!(guarded.import("id=open", &open)["refusals"][0]["code"], "second_factor_required");
}

/// Each refusal, and nothing changes.
pub fn codes(script: &mut Script) {
    for (unit, state) in [("s1", "open"), ("s2", "local_review"), ("s3", "central_review"), ("s4", "paper")] {
        under_review(&script.server, unit, state);
    }
    script.server.unit("s5", "organ");
    script.server.unit("s6", "organ");
    let evidence = r#"{"evidence":"doc-1"}"#;
    script.server.ok("operator", "PUT", "/v1/units/s6/holds/BLACKLIST", evidence);
    script.server.name("别家.政务", "s5");
    bodies(script);
    let new = r#"{"kind":"new"}"#;
    script.refused("POST", &path("s1", ""), new, "site_review_pending", "");
    script.refused("POST", &path("s6", ""), new, "unit_blacklisted", "");
    script.refused("POST", &path("s9", ""), new, "unit_not_found", "");
    script.refused("POST", "/v1/units/a_b/site-review", new, "unit_invalid", "id");
    script.refused_to(&format!("local-admin@{AWAY}"), "POST", &path("s5", ""), new, "region_foreign", "");
    for deadline in ["soon", "2026-11-30", "2028-01-01", ""] {
        let body = json!({ "kind": "recheck", "deadline": deadline }).to_string();
        script.refused("POST", &path("s5", ""), &body, "site_deadline_invalid", "deadline");
        let body = json!({ "deadline": deadline, "reason": "x" }).to_string();
        script.refused("PUT", &path("s1", "/deadline"), &body, "site_deadline_invalid", "deadline");
    }
    let later = r#"{"deadline":"2027-03-31","reason":"x"}"#;
    script.refused("PUT", &path("s1", "/deadline"), r#"{"deadline":"2027-03-31"}"#, "reason_required", "reason");
    script.refused("PUT", &path("s2", "/deadline"), later, "site_review_not_pending", "");
    script.refused("PUT", &path("s5", "/deadline"), later, "site_review_not_found", "");
    script.refused("DELETE", &path("s5", ""), "", "site_review_not_found", "");
    submissions(script);
    decisions(script);
}

/// What is wrong with the requests themselves.
fn bodies(script: &mut Script) {
    let bodied = [
        ("operator", "POST", path("s5", "")),
        ("operator", "PUT", path("s1", "/deadline")),
        ("operator", "POST", path("s1", "/submission")),
        ("local-reviewer", "POST", path("s2", "/decisions")),
    ];
    for (token, method, target) in bodied {
        for (body, code, field) in
            [("{", "malformed_json", ""), ("[]", "wrong_type", ""), (r#"{"surprise":1}"#, "unknown_field", "surprise")]
        {
            script.refused_to(token, method, &target, body, code, field);
        }
        let reply: Reply = script.server.call(token, method, &target, "{}");
        script.check(method, &target, &reply, "missing_field", reply.json()["field"].as_str().unwrap());
    }
    script.refused("POST", &path("s5", ""), r#"{"kind":"old"}"#, "wrong_type", "kind");
    script.refused("DELETE", &path("s1", ""), "{}", "malformed_json", "");
    script.refused("GET", "/v1/site-reviews?state=lost", "", "invalid_parameter", "state");
    script.refused("GET", "/v1/site-reviews?unit=s1", "", "invalid_parameter", "unit");
    script.refused("GET", "/v1/site-reviews?overdue=1", "", "invalid_parameter", "overdue");
    script.refused("GET", "/v1/site-reviews?cursor=zzz", "", "invalid_parameter", "cursor");
    script.refused("GET", "/v1/site-reviews/held?format=xml", "", "invalid_parameter", "format");
    script.refused("GET", "/v1/site-reviews/held?region=6", "", "invalid_parameter", "region");
}

/// R23.
fn submissions(script: &mut Script) {
    let name = |name: &str| json!({ "name": name }).to_string();
    let target = path("s1", "/submission");
    for foreign in ["别家.政务", "无人.政务"] {
        script.refused_to("submitter", "POST", &target, &name(foreign), "site_name_invalid", "name");
    }
    script.refused_to("submitter", "POST", &target, &name("12345.政务"), "label_invalid", "name");
    script.refused_to("submitter", "POST", &target, &name("站s1.example"), "suffix_unknown", "name");
    script.server.ok("operator", "PUT", "/v1/units/s1/holds/LEGAL", r#"{"evidence":"doc-1"}"#);
    script.refused_to("submitter", "POST", &target, &name("站s1.政务"), "site_name_invalid", "name");
    script.server.ok("operator", "DELETE", "/v1/units/s1/holds/LEGAL", "");
    let own = name("站s2.政务");
    script.refused_to("submitter", "POST", &path("s2", "/submission"), &own, "site_review_not_pending", "");
    script.refused_to("submitter", "POST", &path("s5", "/submission"), &name("别家.政务"), "site_review_not_found", "");
    script.refused_to(&format!("submitter@{AWAY}"), "POST", &target, &name("站s1.政务"), "region_foreign", "");
}

/// R17, R18, R20.
fn decisions(script: &mut Script) {
    let to = |unit: &str| path(unit, "/decisions");
    let (local, central) = ("local-reviewer", "central-reviewer");
    script.refused_to(local, "POST", &to("s1"), &decision("local"), "site_review_not_pending", "");
    script.refused_to(local, "POST", &to("s2"), &decision("paper"), "site_review_not_pending", "");
    script.refused_to(central, "POST", &to("s2"), &decision("central"), "local_review_first", "");
    script.refused_to(central, "POST", &to("s2"), &decision("local"), "role_forbidden", "");
    script.refused_to(local, "POST", &to("s3"), &decision("central"), "role_forbidden", "");
    script.refused_to(&format!("{local}@{AWAY}"), "POST", &to("s2"), &decision("local"), "region_foreign", "");
    let bare = r#"{"level":"local","decision":"reject"}"#;
    script.refused_to(local, "POST", &to("s2"), bare, "reason_required", "reason");
    let papers = json!([{ "paper": "letter", "scan": "" }]);
    let unreadable = json!({ "level": "paper", "decision": "approve", "papers": papers }).to_string();
    script.refused_to(local, "POST", &to("s4"), &unreadable, "papers_incomplete", "papers");
    script.refused("DELETE", &format!("{}?dry_run=yes", path("s1", "")), "", "invalid_parameter", "dry_run");
}

/// R60: an operator's act that brings the names back takes what lifting the hold would.
pub fn second_factor(guarded: &mut Script) {
    guarded.server.unit("s1", "organ");
    open(&guarded.server, "s1");
    guarded.server.move_clock(TOO_LATE);
    let later = r#"{"deadline":"2027-03-31","reason":"x"}"#;
    guarded.refused("PUT", &path("s1", "/deadline"), later, "second_factor_required", "");
    guarded.refused("DELETE", &path("s1", ""), "", "second_factor_required", "");
}
