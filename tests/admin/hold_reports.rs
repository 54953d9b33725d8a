//! Reports of holds: those in force between two dates, those that ended too, and the blacklist.

use crate::server::{AWAY, HOME, Server};
use serde_json::{Value, json};

/// The rows of a report.
fn rows(server: &Server, token: &str, query: &str) -> Vec<Value> {
    let reply = server.call(token, "GET", &format!("/v1/holds{query}"), "");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")), "{}", reply.text());
    reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reason, object and end of each row.
fn told(rows: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let object = |row: &Value| if row["name"].is_null() { text(&row["unit"]) } else { text(&row["name"]) };
    rows.iter().map(|row| format!("{} {} {}", text(&row["reason"]), object(row), text(&row["lifted"]))).collect()
}

fn place(server: &Server, on: &str, reason: &str, body: &str) {
    server.ok("operator", "PUT", &format!("/v1/{on}/holds/{reason}"), body);
}

fn lift(server: &Server, on: &str, reason: &str) {
    server.ok("operator", "DELETE", &format!("/v1/{on}/holds/{reason}"), "");
}

/// Holds over two months: of a unit and of names, at home and away, lifted, run out, replaced, ended with their name.
fn history() -> Server {
    let server = Server::new();
    server.unit("u1", "organ");
    let away = json!({ "name": "异地", "kind": "organ", "region": AWAY }).to_string();
    server.ok("operator", "PUT", "/v1/units/u9", &away);
    for (name, unit) in [("甲.政务", "u1"), ("乙.政务", "u1"), ("丙.政务", "u1"), ("远.政务", "u9")] {
        server.name(name, unit);
    }
    let case = |id: &str| format!(r#"{{"evidence":"{id}"}}"#);
    // 22 November.
    place(&server, "names/甲.政务", "LEGAL", &case("order-1"));
    place(&server, "names/远.政务", "LEGAL", &case("order-2"));
    place(&server, "names/乙.政务", "PENALTY", r#"{"evidence":"case-3","end":"2026-11-30"}"#);
    place(&server, "names/丙.政务", "UNIT_REQUEST", &case("letter-4"));
    place(&server, "names/乙.政务", "REGISTRY_ADMIN", r#"{"evidence":"case-5","start":"2027-06-01"}"#);
    server.move_clock("2026-12-10T02:00:00Z");
    lift(&server, "names/甲.政务", "LEGAL");
    place(&server, "units/u1", "SITE_REVIEW_FAILED", &case("case-6"));
    server.move_clock("2026-12-20T02:00:00Z");
    // Another order takes the place of the first; its end is moved and it is the same hold.
    place(&server, "units/u1", "SITE_REVIEW_FAILED", &case("case-7"));
    place(&server, "units/u1", "SITE_REVIEW_FAILED", r#"{"evidence":"case-7","end":"2027-03-01"}"#);
    server.ok("operator", "DELETE", "/v1/names/丙.政务", "");
    server
}

#[test]
fn a_report_has_what_was_in_force_between_two_dates() {
    let server = history();
    let all = rows(&server, "auditor", "");
    assert_eq!(
        told(&all),
        [
            "SITE_REVIEW_FAILED u1 -",
            "LEGAL 远.政务 -",
            "PENALTY 乙.政务 2026-12-10T02:00:00Z",
            "LEGAL 甲.政务 2026-12-10T02:00:00Z",
            "SITE_REVIEW_FAILED u1 2026-12-20T02:00:00Z",
            "UNIT_REQUEST 丙.政务 2026-12-20T02:00:00Z",
        ],
        "{all:#?}"
    );
    let penalty = json!({ "unit": "u1", "region": HOME, "name": "乙.政务", "ascii": all[2]["ascii"], "reason": "PENALTY",
        "start": "2026-11-22T08:00:00Z", "end": "2026-11-30T15:59:59Z", "evidence": "case-3", "by": "operator",
        "lifted": "2026-12-10T02:00:00Z", "lifted_by": all[2]["lifted_by"], "lifted_with": "due" });
    assert_eq!(all[2], penalty);
    let why = |row: &Value| (row["evidence"].clone(), row["lifted_by"].clone(), row["lifted_with"].clone());
    assert_eq!(why(&all[3]), (json!("order-1"), json!("operator"), json!("hold.lift")));
    assert_eq!(why(&all[4]), (json!("case-6"), json!("operator"), json!("hold.place")));
    assert_eq!(why(&all[5]), (json!("letter-4"), json!("operator"), json!("name.delete")));
    assert_eq!((&all[0]["evidence"], &all[0]["end"]), (&json!("case-7"), &json!("2027-03-01T15:59:59Z")));

    // A region, and days of which both the first and the last count.
    let region = |query: &str| told(&rows(&server, "auditor", &format!("?region=6204&{query}")));
    assert_eq!(region("to=2026-11-21").len(), 0);
    assert_eq!(region("to=2026-11-22").len(), 3);
    assert_eq!(region("from=2026-12-10T02:00:00Z&to=2026-12-19").len(), 3, "what ended in that second was over");
    assert_eq!(region("from=2026-12-10&to=2026-12-10").len(), 5);
    assert_eq!(region("from=2026-12-21"), ["SITE_REVIEW_FAILED u1 -"]);
    assert_eq!(region("reason=LEGAL"), ["LEGAL 甲.政务 2026-12-10T02:00:00Z"]);
    // Local roles see their own, and ask for no other.
    for token in ["local-reviewer", "local-admin", "viewer"] {
        assert_eq!(rows(&server, &format!("{token}@{HOME}"), "").len(), 5, "{token}");
        assert_eq!(rows(&server, &format!("{token}@{AWAY}"), &format!("?region={AWAY}")).len(), 1, "{token}");
    }
    let before = all;
    let server = server.restart();
    assert_eq!(rows(&server, "auditor", ""), before, "also after a restart");
}

#[test]
fn a_report_is_a_table_too() {
    let server = history();
    let odd = r#"{"evidence":"a \"quoted\", odd\u0020id"}"#;
    place(&server, "names/甲.政务", "UNIT_REQUEST", odd);
    let reply = server.call("auditor", "GET", &format!("/v1/holds?region={HOME}&format=csv&reason=UNIT_REQUEST"), "");
    assert_eq!(reply.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let text = reply.text();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines[0], "unit,region,name,ascii,reason,start,end,evidence,by,lifted,lifted_by,lifted_with");
    assert!(lines[1].starts_with("u1,620421,甲.政务,xn--"), "{text}");
    assert!(lines[1].ends_with(r#",UNIT_REQUEST,2026-12-20T02:00:00Z,,"a ""quoted"", odd id",operator,,,"#), "{text}");
    assert!(lines[2].ends_with(",letter-4,operator,2026-12-20T02:00:00Z,operator,name.delete"), "{text}");
    assert_eq!(lines.len(), 3);
    // A heading stands over nothing, too.
    let none = server.call("auditor", "GET", "/v1/blacklist?format=csv", "").text();
    assert_eq!(none, "unit,name,kind,region,account,since,end,evidence,by,violation,names\r\n");
}

/// A table is opened in spreadsheets, which run what looks like a formula; a list is made of its cells, and says the same.
#[test]
fn cells_of_a_table_are_no_formulas_and_can_be_sent_back() {
    let server = Server::new();
    let odd =
        ["=HYPERLINK(\"http://x.example\")", "+1+2", "-2+3", "@SUM(1)", "＝1+1", "'=1", "''@a", "'quoted'", "plain"];
    let written = odd.map(|text| if odd[7..].contains(&text) { text.to_owned() } else { format!("'{text}") });
    for (number, evidence) in odd.iter().enumerate() {
        let unit = json!({ "name": "=cmd|' /C calc'!A0", "kind": "organ", "region": HOME }).to_string();
        server.ok("operator", "PUT", &format!("/v1/units/u{number}"), &unit);
        place(&server, &format!("units/u{number}"), "BLACKLIST", &json!({ "evidence": evidence }).to_string());
        place(&server, &format!("units/u{number}"), "SITE_REVIEW_FAILED", &json!({ "evidence": evidence }).to_string());
    }
    let read = |target: &str| -> Vec<csv::StringRecord> {
        let text = server.call("auditor", "GET", target, "").text();
        csv::Reader::from_reader(text.as_bytes()).records().map(Result::unwrap).collect()
    };
    let cells = |rows: &[csv::StringRecord], column: usize| -> Vec<String> {
        rows.iter().map(|row| row[column].to_owned()).collect()
    };
    let report = read("/v1/holds?format=csv&reason=BLACKLIST");
    assert_eq!(cells(&report, 7), written);
    let blacklist = read("/v1/blacklist?format=csv");
    assert_eq!((cells(&blacklist, 7), &blacklist[0][1]), (written.to_vec(), "'=cmd|' /C calc'!A0"));
    let held = read("/v1/site-reviews/held?format=csv");
    assert_eq!((cells(&held, 7), &held[0][2]), (written.to_vec(), "'=cmd|' /C calc'!A0"));

    // The evidence of the report as the evidence of a list.
    let mut list = csv::Writer::from_writer(Vec::new());
    list.write_record(["unit", "reason", "evidence"]).unwrap();
    for row in &report {
        list.write_record([&row[0], "LEGAL", &row[7]]).unwrap();
    }
    let list = String::from_utf8(list.into_inner().unwrap()).unwrap();
    let reply = crate::hold_lists::send(&server, "/v1/holds", "text/csv", "", &list);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let evidence: Vec<Value> =
        rows(&server, "auditor", "?reason=LEGAL").iter().map(|row| row["evidence"].clone()).collect();
    assert_eq!(evidence, odd);
}

/// More than fits into one read of the store, both of what is in force and of what ended.
#[test]
fn a_report_goes_on_over_many_reads() {
    let server = Server::new();
    let name = |number: usize| format!("局{number}.政务");
    let line = |number: usize| json!({ "name": { "name": name(number), "unit": "u1", "registered": "2020-05-01", "expires": "2030-05-01" } });
    let unit = json!({ "unit": { "id": "u1", "name": "某局", "kind": "organ", "region": HOME } });
    for part in 0..2 {
        let lines: String = (part * 900..(part + 1) * 900).map(|number| format!("{}\n", line(number))).collect();
        let report = server.import(&format!("id=p{part}"), &format!("{unit}\n{lines}"));
        assert_eq!(report["refused"], 0, "{report}");
    }
    let list = |evidence: &str| -> String {
        (0..1800)
            .map(|n| format!("{}\n", json!({ "name": name(n), "reason": "LEGAL", "evidence": evidence })))
            .collect()
    };
    for evidence in ["order-1", "order-2"] {
        // They have no resolution, so that nothing stops and the brake has nothing to say.
        let reply = crate::hold_lists::send(&server, "/v1/holds", "application/x-ndjson", "", &list(evidence));
        assert_eq!(reply.status, 200, "{}", reply.text());
        let seconds = if evidence == "order-1" { "10" } else { "20" };
        server.move_clock(&format!("2026-11-22T08:00:{seconds}Z"));
    }
    let all = rows(&server, "auditor", "");
    assert_eq!(all.len(), 3600);
    let count = |evidence: &str| all.iter().filter(|row| row["evidence"] == evidence).count();
    assert_eq!((count("order-1"), count("order-2")), (1800, 1800));
    assert_eq!(rows(&server, "auditor", "?from=2026-11-22T08:00:10Z").len(), 1800);
}

#[test]
fn the_blacklist_names_units_with_since_when_and_why() {
    let server = Server::new();
    for id in ["u1", "u2", "u3"] {
        server.unit(id, "organ");
    }
    server.name("甲.政务", "u1");
    for (step, end) in [("warning", ""), ("suspension", r#","end":"2026-12-31""#), ("deletion", "")] {
        let body = format!(r#"{{"step":"{step}","violation":"UNPAID_TWO_YEARS","evidence":"case-1"{end}}}"#);
        server.ok("operator", "POST", "/v1/units/u1/penalties", &body);
    }
    server.move_clock("2026-11-23T08:00:00Z");
    place(&server, "units/u2", "BLACKLIST", r#"{"evidence":"case-2"}"#);
    place(&server, "units/u3", "BLACKLIST", r#"{"evidence":"case-3","start":"2027-01-01"}"#);
    let list = |token: &str| -> Vec<Value> {
        let reply = server.call(token, "GET", "/v1/blacklist", "");
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let listed = list("auditor");
    let expected = json!({ "unit": "u1", "name": "单位u1", "kind": "organ", "region": HOME,
        "account": listed[0]["account"], "since": "2026-11-22T08:00:00Z", "end": null, "evidence": "case-1",
        "by": "operator", "violation": "UNPAID_TWO_YEARS", "names": 1 });
    assert_eq!(listed[0], expected);
    assert!(listed[0]["account"].as_str().is_some_and(|account| account.len() == 8));
    assert_eq!(
        (listed.len(), &listed[1]["unit"], &listed[1]["since"]),
        (2, &json!("u2"), &json!("2026-11-23T08:00:00Z"))
    );
    assert_eq!((list(&format!("local-admin@{HOME}")).len(), list(&format!("local-admin@{AWAY}")).len()), (2, 0));
    lift(&server, "units/u2", "BLACKLIST");
    assert_eq!(list("viewer").len(), 1);
    // Listed by hand since, it is not listed for what the penalty was for; its name is withheld all the same.
    lift(&server, "units/u1", "BLACKLIST");
    assert!(list("viewer").is_empty());
    place(&server, "units/u1", "BLACKLIST", r#"{"evidence":"case-4"}"#);
    let again = list("viewer").pop().expect("it is listed");
    assert_eq!((&again["evidence"], &again["violation"], &again["names"]), (&json!("case-4"), &Value::Null, &json!(1)));
}
