//! Stories of the people who use the API (registry-rules.md, section E), with what DNS answers at each step.

use crate::server::{AWAY, HOME, Server};
use zhengming::zone::Rtype;

const NAME: &str = "靖远县教育局.政务";
const ADDRESS: [u8; 4] = [203, 0, 113, 5];

fn registered() -> Server {
    let server = Server::new();
    server.unit("u1", "organ");
    server.name(NAME, "u1");
    server
}

fn submit(server: &Server, token: &str, resolution: &str) -> String {
    let body = format!(r#"{{"name":"{NAME}","resolution":{resolution}}}"#);
    let receipt = server.ok(token, "POST", "/v1/changes", &body);
    receipt["id"].as_str().unwrap().to_owned()
}

fn decide(server: &Server, token: &str, id: &str, level: &str, decision: &str) -> (u16, String) {
    let body = format!(r#"{{"level":"{level}","decision":"{decision}"}}"#);
    let reply = server.call(token, "POST", &format!("/v1/changes/{id}/decisions"), &body);
    let word = if reply.status == 200 { reply.json()["state"].as_str().unwrap().to_owned() } else { reply.code() };
    (reply.status, word)
}

/// E4: a resolution is visible with its second approval, and not before; `www` with it.
#[test]
fn a_change_is_answered_from_its_second_approval_on() {
    let server = registered();
    assert!(server.nxdomain(NAME));
    let id = submit(&server, "submitter", r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    assert!(server.nxdomain(NAME));
    assert_eq!(decide(&server, "local-reviewer@620421", &id, "local", "approve"), (200, "locally_approved".into()));
    assert!(server.nxdomain(NAME));
    assert_eq!(decide(&server, "central-reviewer", &id, "central", "approve"), (200, "live".into()));
    for suffix in ["", ".cn"] {
        assert!(server.answers(&format!("{NAME}{suffix}"), ADDRESS));
        assert!(server.answers(&format!("www.{NAME}{suffix}"), ADDRESS));
    }
    let change = server.ok("viewer", "GET", &format!("/v1/changes/{id}"), "");
    assert_eq!(change["state"], "live");
    assert_eq!(change["approvals"][0]["by"], "local-reviewer@620421");
    assert_eq!(change["approvals"][1]["by"], "central-reviewer");
    // The next change leaves the old answer until it is approved.
    let id = submit(&server, "submitter", r#"{"type":"A","addresses":["203.0.113.6"],"www":false}"#);
    assert!(server.answers(NAME, ADDRESS));
    decide(&server, "local-reviewer", &id, "local", "approve");
    decide(&server, "central-reviewer", &id, "central", "approve");
    assert!(server.answers(NAME, [203, 0, 113, 6]));
    assert!(server.nxdomain(&format!("www.{NAME}")));
}

/// E6: two levels, no shortcuts.
#[test]
fn reviewers_cannot_cut_corners() {
    let server = registered();
    let id = submit(&server, "submitter", r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    let foreign = format!("local-reviewer@{AWAY}");
    assert_eq!(server.call(&foreign, "GET", &format!("/v1/changes/{id}"), "").code(), "region_foreign");
    assert_eq!(decide(&server, &foreign, &id, "local", "approve"), (403, "region_foreign".into()));
    assert_eq!(decide(&server, "central-reviewer", &id, "central", "approve"), (409, "local_review_first".into()));
    assert_eq!(decide(&server, "local-reviewer", &id, "central", "approve"), (403, "role_forbidden".into()));
    assert_eq!(decide(&server, "operator", &id, "local", "approve"), (403, "role_forbidden".into()));
    assert_eq!(decide(&server, "local-reviewer", &id, "local", "reject"), (422, "reason_required".into()));
    let body = r#"{"level":"local","decision":"reject","reason":"地址不属于本单位"}"#;
    let receipt = server.ok("local-reviewer", "POST", &format!("/v1/changes/{id}/decisions"), body);
    assert_eq!(receipt["state"], "rejected");
    let seen = server.ok("submitter", "GET", &format!("/v1/changes/{id}"), "");
    assert_eq!(seen["reason"], "地址不属于本单位");
    let again = submit(&server, "submitter", r#"{"type":"A","addresses":["203.0.113.7"]}"#);
    assert_eq!(server.ok("viewer", "GET", &format!("/v1/changes/{again}"), "")["state"], "submitted");
    assert!(server.nxdomain(NAME));
}

/// E9: holds of a unit take all its names out at once, under all suffixes, and lifting one lifts no other.
#[test]
fn holds_stop_and_restore_every_name_of_a_unit() {
    let server = registered();
    server.resolve(NAME, r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    let hold = "/v1/units/u1/holds/SITE_REVIEW_FAILED";
    let receipt = server.ok("operator", "PUT", hold, r#"{"evidence":"review-7"}"#);
    assert!(receipt["serials"]["xn--zfr164b."].as_u64().unwrap() > 1);
    let held = |server: &Server| {
        for name in [NAME.to_owned(), format!("www.{NAME}"), format!("{NAME}.cn"), format!("a.b.{NAME}")] {
            let (rcode, answers, response) = server.dns(&name, Rtype::A);
            assert_eq!((rcode, answers), (3, 0), "{name}");
            assert!(response.windows(5).any(|octets| octets == b"hold="), "the extended error says why");
        }
    };
    held(&server);
    let server = server.restart();
    held(&server);
    let penalty = r#"{"evidence":"case-1","end":"2026-12-22"}"#;
    server.ok("operator", "PUT", "/v1/units/u1/holds/PENALTY", penalty);
    server.ok("operator", "DELETE", hold, "");
    held(&server);
    assert_eq!(server.ok("viewer", "GET", &format!("/v1/names/{NAME}"), "")["effective_hold"], "PENALTY");
    server.ok("operator", "DELETE", "/v1/units/u1/holds/PENALTY", "");
    assert!(server.answers(NAME, ADDRESS));
}

/// With consent a name goes to another unit: it is found there, held with that one and no longer with the old one, also by
/// what comes in the same moment.
#[test]
fn a_name_follows_its_new_holder() {
    let server = registered();
    server.resolve(NAME, r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    server.unit("u8", "organ");
    server.ok("operator", "PUT", &format!("/v1/names/{NAME}/holder"), r#"{"unit":"u8","consent":"doc-7"}"#);
    let of = |unit: &str| {
        let page = server.ok("viewer", "GET", &format!("/v1/names?unit={unit}"), "");
        page["items"].as_array().unwrap().len()
    };
    assert_eq!((of("u1"), of("u8")), (0, 1));
    server.ok("operator", "PUT", "/v1/units/u1/holds/LEGAL", r#"{"evidence":"case-1"}"#);
    assert!(server.answers(NAME, ADDRESS));
    server.ok("operator", "PUT", "/v1/units/u8/holds/LEGAL", r#"{"evidence":"case-2"}"#);
    assert!(server.nxdomain(NAME));
}

/// Whose a name was that is gone nobody can tell: its changes are for those who see all regions.
#[test]
fn changes_of_a_name_that_is_gone_are_of_no_region() {
    let server = registered();
    let id = submit(&server, "submitter", r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    let status = |token: &str| server.call(token, "GET", &format!("/v1/changes/{id}"), "").status;
    let (home, away) = (format!("local-reviewer@{HOME}"), format!("local-reviewer@{AWAY}"));
    assert_eq!((status(&home), status(&away), status("viewer")), (200, 403, 200));
    server.ok("operator", "DELETE", &format!("/v1/names/{NAME}"), "");
    assert_eq!((status(&home), status(&away), status("viewer")), (403, 403, 200));
    let withdrawn = server.call(&format!("submitter@{AWAY}"), "DELETE", &format!("/v1/changes/{id}"), "");
    assert_eq!(withdrawn.code(), "region_foreign");
}

/// A hold ends with its last day, and a term with its own, when the clock says so; a renewal lifts EXPIRED.
#[test]
fn the_clock_ends_holds_and_terms() {
    let server = registered();
    server.resolve(NAME, r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    let penalty = r#"{"evidence":"case-1","end":"2026-12-22"}"#;
    server.ok("operator", "PUT", &format!("/v1/names/{NAME}/holds/PENALTY"), penalty);
    server.move_clock("2026-12-22T15:59:58Z");
    assert!(server.nxdomain(NAME));
    server.move_clock("2026-12-22T15:59:59Z");
    assert!(server.answers(NAME, ADDRESS));
    let shown = server.ok("viewer", "GET", &format!("/v1/names/{NAME}"), "");
    assert_eq!(shown["expires"], "2028-11-22T15:59:59Z");
    server.move_clock("2028-11-22T15:59:59Z");
    assert!(server.nxdomain(NAME));
    let find = |query: &str| {
        let page = server.ok("viewer", "GET", &format!("/v1/names?{query}"), "");
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(find("state=expired&hold=EXPIRED&suffix=政务.cn&unit=u1"), 1);
    assert_eq!(find("expires_to=2028-11-22"), 1, "the end is inclusive (R31)");
    assert_eq!(find("expires_to=2028-11-21"), 0);
    assert_eq!(find("expires_from=2028-11-22&expires_to=2028-11-22"), 1);
    assert_eq!(find("suffix=公益"), 0);
    let receipt = server.ok("operator", "POST", &format!("/v1/names/{NAME}/renewals"), r#"{"years":2}"#);
    assert_eq!((receipt["state"].as_str(), receipt["name"].as_str()), (Some("active"), Some(NAME)));
    assert!(server.answers(NAME, ADDRESS));
}

/// A forward is answered with the gateway's address, name servers of one's own with a referral.
#[test]
fn all_three_kinds_of_resolution_are_published() {
    let server = registered();
    server.resolve(NAME, r#"{"type":"URL","target":"https://site.example/a"}"#);
    assert!(server.answers(NAME, [192, 0, 2, 80]));
    let glued = format!(r#"{{"host":"ns1.{}.xn--zfr164b","glue":["203.0.113.53"]}}"#, crate::server::label(NAME));
    let ds = r#"[{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"DIGEST"}]"#.replace("DIGEST", &"ab".repeat(32));
    server.resolve(NAME, &format!(r#"{{"type":"NS","servers":["ns.example",{glued}],"ds":{ds}}}"#));
    let (rcode, answers, response) = server.dns(NAME, Rtype::A);
    assert_eq!((rcode, answers), (0, 0));
    assert_eq!(u16::from_be_bytes([response[8], response[9]]), 2, "two name servers in the authority section");
    let shown = server.ok("viewer", "GET", &format!("/v1/names/{NAME}.cn"), "");
    assert_eq!(shown["resolution"]["servers"][1]["glue"][0], "203.0.113.53");
    assert_eq!(shown["name"], NAME);
    assert_eq!(shown["suffixes"], serde_json::json!(["xn--zfr164b", "xn--zfr164b.cn"]));
}

/// Names are found however they are written.
#[test]
fn names_are_understood_in_every_form() {
    let server = registered();
    let ascii = format!("{}.xn--zfr164b", crate::server::label(NAME));
    let upper = ascii.to_uppercase();
    for form in [NAME, "靖远县教育局。政务", "靖远县教育局．政务．cn", &ascii, &upper, "靖远县教育局.政务."]
    {
        let shown = server.ok("viewer", "GET", &format!("/v1/names/{form}"), "");
        assert_eq!((shown["name"].as_str(), shown["ascii"].as_str()), (Some(NAME), Some(&*ascii)), "{form}");
    }
}

/// The brake keeps names resolving whose terms end all at once, until an operator lets them go.
#[test]
fn the_brake_waits_for_an_operator() {
    let server = Server::new();
    server.unit("u1", "organ");
    let digits = ["〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let names: Vec<String> = (0..25).map(|n| format!("局{}{}.政务", digits[1 + n / 9], digits[1 + n % 9])).collect();
    for name in &names {
        server.name(name, "u1");
        server.resolve(name, r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    }
    assert_eq!(server.call("", "GET", "/readyz", "").status, 200);
    server.move_clock("2028-11-23");
    assert!(server.answers(&names[0], ADDRESS));
    let ready = server.call("", "GET", "/readyz", "");
    assert_eq!((ready.status, &ready.json()["reasons"][0]), (503, &serde_json::json!("brake")));
    let brake = server.ok("viewer", "GET", "/v1/brake", "");
    assert_eq!((brake["engaged"].as_bool(), brake["names"].as_u64()), (Some(true), Some(25)));
    let release = |token: &str| server.call(token, "POST", "/v1/brake/release", r#"{"reason":"所有期满均属实"}"#);
    assert_eq!(release("central-reviewer").status, 403);
    // A rehearsal shows what waits, and lets nothing go.
    let rehearsal = server.ok("operator", "POST", "/v1/brake/release?dry_run=true", r#"{"reason":"所有期满均属实"}"#);
    let (shown, suspensions) = (&rehearsal["preview"]["names"], &rehearsal["preview"]["suspensions"]);
    assert_eq!((shown.as_array().map(Vec::len), suspensions[0]["names"].as_u64()), (Some(25), Some(25)), "{rehearsal}");
    let lines = rehearsal["preview"]["differences"]["xn--zfr164b."].as_array().unwrap();
    // Each has an address, and the same at www.
    assert_eq!(lines.iter().filter(|line| line.as_str().unwrap().starts_with("- ")).count(), 50, "{lines:?}");
    server.move_clock("2028-11-23");
    assert!(server.answers(&names[0], ADDRESS));
    assert_eq!(release("operator").status, 200);
    server.move_clock("2028-11-23");
    assert!(names.iter().all(|name| server.nxdomain(name)));
    assert_eq!(server.call("", "GET", "/readyz", "").status, 200);
    assert_eq!(server.ok("viewer", "GET", "/v1/brake", "")["engaged"], false);
    let home = format!("operator@{HOME}");
    assert_eq!(release(&home).code(), "role_forbidden");
}
