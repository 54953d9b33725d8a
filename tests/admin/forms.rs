//! Traditional forms and warnings in applications: what reviewers are shown, what the second review picks, what DNS answers.

use crate::filings::{application, approve, confirm, recognise, remit};
use crate::server::{HOME, Server};
use serde_json::{Value, json};

const ADDRESS: [u8; 4] = [203, 0, 113, 5];

fn unit(server: &Server, id: &str, name: &str) {
    let body = json!({ "name": name, "kind": "organ", "region": HOME }).to_string();
    server.ok("operator", "PUT", &format!("/v1/units/{id}"), &body);
}

/// An application for these two names; its path.
fn applied(server: &Server, unit: &str, full: &str, short: &str) -> String {
    let mut body = application(unit, "");
    body["slots"][0]["name"] = full.into();
    body["slots"][1]["name"] = short.into();
    let receipt = server.ok("submitter", "POST", "/v1/applications", &body.to_string());
    format!("/v1/applications/{}", receipt["id"].as_str().unwrap())
}

fn decide(server: &Server, path: &str, level: &str, rest: &Value) -> crate::server::Reply {
    let mut body = json!({ "level": level, "decision": "approve" });
    body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let token = format!("{level}-reviewer");
    server.call(&token, "POST", &format!("{path}/decisions"), &body.to_string())
}

fn slots(server: &Server, path: &str) -> Vec<Value> {
    server.ok("local-reviewer", "GET", path, "")["slots"].as_array().unwrap().clone()
}

fn codes(slot: &Value) -> Vec<&str> {
    let warnings = slot["appraisal"]["warnings"].as_array().unwrap_or_else(|| panic!("no warnings in {slot}"));
    warnings.iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

/// Pays for an application that has passed, and registers its names.
fn pay(server: &Server, path: &str) {
    let order = server.ok("viewer", "GET", path, "")["order"].as_str().unwrap().to_owned();
    confirm(server, &order);
    recognise(server, &remit(server, &[&order], "1200.00"), "1200.00");
}

#[test]
fn a_form_that_is_not_certain_is_proposed_picked_and_published() {
    let server = Server::new();
    unit(&server, "u1", "教育平台局");
    let path = applied(&server, "u1", "教育平台.政务", "教台.政务");
    let shown = slots(&server, &path);
    assert_eq!(codes(&shown[0]), ["traditional_form_uncertain"], "{shown:?}");
    let appraisal = &shown[0]["appraisal"];
    assert_eq!(
        (&appraisal["traditional"]["label"], &appraisal["traditional"]["settled"]),
        (&json!("教育平檯"), &json!(false))
    );
    assert_eq!((&appraisal["proposals"], &appraisal["choices"]), (&json!(["教育平檯", "教育平颱"]), &json!(2)));
    // Lists are for finding one's way; they judge no labels.
    let listed = server.ok("central-reviewer", "GET", "/v1/applications", "");
    assert_eq!(listed["items"][0]["slots"][0].get("appraisal"), None);

    approve(&server, "local-reviewer", path.rsplit('/').next().unwrap(), "local");
    let undecided = decide(&server, &path, "central", &json!({}));
    assert_eq!((undecided.status, undecided.code().as_str()), (422, "traditional_form_required"));
    assert!(undecided.text().contains("教育平檯"), "{}", undecided.text());
    let picks = json!({ "traditional": [{ "kind": 1, "form": "教育平颱" }, { "kind": 2, "form": "none" }] });
    let decided = decide(&server, &path, "central", &picks);
    assert_eq!(decided.status, 200, "{}", decided.text());
    let picked =
        |server: &Server| -> Vec<Value> { slots(server, &path).iter().map(|slot| slot["picked"].clone()).collect() };
    assert_eq!(picked(&server), ["教育平颱", "none"]);
    // What was picked is durable, and takes effect with the fee.
    let server = server.restart();
    assert_eq!(picked(&server), ["教育平颱", "none"]);
    assert!(server.nxdomain("教育平颱.政务"));
    pay(&server, &path);
    for name in ["教育平台.政务", "教育平颱.政务", "www.教育平颱.政务.cn", "教台.政务"] {
        assert!(server.answers(name, ADDRESS), "{name}");
    }
    assert!(server.nxdomain("教育平檯.政务") && server.nxdomain("教檯.政务") && server.nxdomain("教颱.政务"));
    let name = server.ok("viewer", "GET", "/v1/names/教育平台.政务", "");
    assert_eq!(name["variants"][0]["name"], "教育平颱.政务", "{name}");
    // It has ended: nothing is left to look at.
    assert_eq!(slots(&server, &path)[0].get("appraisal"), None);
    let server = server.restart();
    assert!(server.answers("教育平颱.政务", ADDRESS));
}

/// What is settled needs no word, and can be left out by one all the same.
#[test]
fn a_form_that_is_certain_is_active_unless_the_review_says_none() {
    let server = Server::new();
    unit(&server, "u1", "国务局");
    let path = applied(&server, "u1", "国务局.政务", "国局.政务");
    let shown = slots(&server, &path);
    assert_eq!((codes(&shown[0]).len(), &shown[0]["appraisal"]["proposals"]), (0, &json!([])));
    assert_eq!(shown[0]["appraisal"]["traditional"]["settled"], true);
    approve(&server, "local-reviewer", path.rsplit('/').next().unwrap(), "local");
    let none = json!({ "traditional": [{ "kind": 2, "form": "none" }] });
    assert_eq!(decide(&server, &path, "central", &none).status, 200);
    pay(&server, &path);
    assert!(server.answers("國务局.政务", ADDRESS) && server.nxdomain("國局.政务"));
}

/// What looks like a name of another unit is shown, and said to have been seen by both reviewers.
#[test]
fn what_resembles_another_units_name_is_confirmed_by_both() {
    let server = Server::new();
    unit(&server, "u1", "土地局");
    unit(&server, "u2", "士地局");
    server.name("士地局.政务", "u2");
    let path = applied(&server, "u1", "土地局.政务", "土地.政务");
    let shown = slots(&server, &path);
    assert_eq!((codes(&shown[0]), codes(&shown[1])), (vec!["resembles"], vec![]));
    assert_eq!(shown[0]["appraisal"]["warnings"][0]["confirm"], true);
    for level in ["local", "central"] {
        let refused = decide(&server, &path, level, &json!({}));
        assert_eq!((refused.status, refused.code().as_str()), (422, "confirmation_required"), "{level}");
        assert!(refused.text().contains("士地局.政务"), "{}", refused.text());
        assert_eq!(decide(&server, &path, level, &json!({ "confirm": true })).status, 200, "{level}");
    }
}

/// A rejected application holds nothing: what others have taken meanwhile is told where it is looked at.
#[test]
fn what_is_in_the_way_is_told_with_its_code() {
    let server = Server::new();
    unit(&server, "u1", "国务局");
    unit(&server, "u2", "国务院");
    let path = applied(&server, "u1", "国务局.政务", "国局.政务");
    let no = json!({ "decision": "reject", "reason": "不规范" });
    assert_eq!(decide(&server, &path, "local", &no).status, 200);
    server.name("囯局.政务", "u2");
    let shown = slots(&server, &path);
    assert_eq!((codes(&shown[0]), codes(&shown[1])), (vec![], vec!["variant_in_use"]));
}
