//! Packages of labels, seen from outside (registry-rules.md E7): one holder, one set of data, one set of holds.

use crate::kit::path_of;
use crate::restart::export;
use crate::support::{REGION, Reply, TestDaemon, ascii, encode, tree};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

const NAME: &str = "国家税务总局.政务";
const TRADITIONAL: &str = "國家稅務總局.政务";

/// The table and the lists that come with the program.
fn settings() -> String {
    let file = |name: &str| tree("config").join(name).display().to_string();
    let (table, countries, divisions) = (file("idn-zh.xml"), file("countries.txt"), file("demo-divisions.tsv"));
    format!("[idn]\nlgr = \"{table}\"\nreserved = [\"{countries}\"]\ndivisions = \"{divisions}\"\n")
}

fn check(daemon: &TestDaemon, name: &str, unit: Option<&str>) -> Value {
    let unit = unit.map_or_else(String::new, |unit| format!("&unit={unit}"));
    let target = format!("/v1/check?name={}{unit}", encode(name));
    daemon.api("GET", &target, "demo-viewer", None).expect_success().json()
}

fn put(daemon: &TestDaemon, name: &str, body: &Value) -> Reply {
    daemon.api("PUT", &path_of(name), "demo-operator", Some(body))
}

fn addresses(daemon: &TestDaemon, name: &str) -> Vec<String> {
    daemon.resolve(name, RecordType::A)
}

#[track_caller]
fn absent(daemon: &TestDaemon, name: &str, when: &str) {
    let answer = daemon.ask(name, RecordType::A);
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain, "{name} {when}: {answer}");
}

#[test]
fn a_package_has_one_holder_and_its_forms_one_set_of_data() {
    let mut daemon = TestDaemon::start_with(&[], &settings());
    daemon.register("tax", "organ", NAME);
    daemon.register("other", "organ", "教育局.政务");
    daemon.push(NAME, &json!({ "type": "A", "addresses": ["203.0.113.5"], "www": true })).expect_success();
    let www = |name: &str| format!("www.{}", ascii(name));
    let both = |daemon: &TestDaemon, expected: &[&str]| {
        for name in [NAME, TRADITIONAL, "國家稅務總局。政务．cn", &www(NAME), &www(TRADITIONAL)] {
            assert_eq!(addresses(daemon, name), expected, "{name}");
        }
    };
    both(&daemon, &["203.0.113.5"]);
    // What is reserved resolves nowhere, and says nothing of a hold.
    absent(&daemon, "国傢税务总局.政务", "reserved");

    let other = check(&daemon, "国傢税务总局.政务", Some("other"));
    assert_eq!((&other["status"], &other["code"]), (&json!("in_use"), &json!("variant_in_use")), "{other}");
    assert!(other["detail"].as_str().expect("a sentence").contains("variant of 国家税务总局.政务"), "{other}");
    let own = check(&daemon, TRADITIONAL, Some("tax"));
    assert_eq!((&own["status"], &own["code"]), (&json!("own"), &json!("variant_of_own_name")), "{own}");
    let free = check(&daemon, "教育厅.政务", Some("other"));
    assert_eq!((&free["status"], &free["octets"]), (&json!("available"), &json!(14)), "{free}");
    let refused = put(&daemon, "国傢税务总局.政务", &json!({ "unit": "other", "years": 2 }));
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("variant_in_use")), "{}", refused.text);

    // Read by its variant, with any dot.
    let shown = daemon.api("GET", &path_of("國家稅務總局。政务"), "demo-viewer", None).expect_success().json();
    assert_eq!(shown["name"], json!(NAME), "{shown}");
    assert_eq!(
        shown["variants"],
        json!([{ "relation": "traditional", "name": TRADITIONAL, "ascii": ascii(TRADITIONAL).trim_end_matches('.') }])
    );

    // A hold takes all of it away, and a power cut brings nothing back.
    let hold = json!({ "evidence": "case-1" });
    let held = format!("{}/holds/LEGAL", path_of(NAME));
    daemon.api("PUT", &held, "demo-operator", Some(&hold)).expect_success();
    daemon.kill();
    daemon.restart();
    for name in [NAME, TRADITIONAL, &www(TRADITIONAL)] {
        absent(&daemon, name, "held");
    }
    daemon.api("DELETE", &held, "demo-operator", None).expect_success();
    both(&daemon, &["203.0.113.5"]);

    // So does one on its holder.
    let of_unit = "/v1/units/tax/holds/LEGAL";
    daemon.api("PUT", of_unit, "demo-operator", Some(&hold)).expect_success();
    for name in [NAME, TRADITIONAL, &www(TRADITIONAL)] {
        absent(&daemon, name, "held by its holder's hold");
    }
    daemon.api("DELETE", of_unit, "demo-operator", None).expect_success();
    both(&daemon, &["203.0.113.5"]);

    // What is active changes by hand, and survives a power cut as it then is.
    let before = export(&daemon);
    put(&daemon, NAME, &json!({ "unit": "tax", "variants": {} })).expect_success();
    daemon.kill();
    daemon.restart();
    absent(&daemon, TRADITIONAL, "not active any more");
    assert_eq!(addresses(&daemon, NAME), ["203.0.113.5"]);
    put(&daemon, NAME, &json!({ "unit": "tax", "variants": { "traditional": "國家稅務總局" } })).expect_success();
    both(&daemon, &["203.0.113.5"]);
    assert_eq!(export(&daemon).len(), before.len());

    daemon.api("DELETE", &path_of(NAME), "demo-operator", None).expect_success();
    daemon.kill();
    daemon.restart();
    for name in [NAME, TRADITIONAL, &www(TRADITIONAL)] {
        absent(&daemon, name, "deleted");
    }
    put(&daemon, TRADITIONAL, &json!({ "unit": "other", "years": 2 })).expect_success();
}

#[test]
fn a_table_comes_and_goes_between_starts() {
    let mut daemon = TestDaemon::start();
    daemon.register("tax", "organ", NAME);
    // Without a table these are two names; with one they share a package, which is told, and stay.
    daemon.register("other", "organ", TRADITIONAL);
    for (name, address) in [(NAME, "203.0.113.5"), (TRADITIONAL, "203.0.113.6")] {
        daemon.push(name, &json!({ "type": "A", "addresses": [address], "www": false })).expect_success();
    }
    daemon.stop();
    daemon.reconfigure("version = 1\n", &format!("version = 1\n{}", settings_of_table()));
    daemon.restart();
    assert!(daemon.log().contains("are variants of each other by this table"), "{}", daemon.log());
    assert_eq!(addresses(&daemon, NAME), ["203.0.113.5"]);
    assert_eq!(addresses(&daemon, TRADITIONAL), ["203.0.113.6"]);
    let refused = put(&daemon, "囯家税务总局.政务", &json!({ "unit": "other", "years": 2 }));
    assert_eq!(refused.status, 409, "{}", refused.text);
    // Neither can make the other's name its variant.
    let taken = put(&daemon, NAME, &json!({ "unit": "tax", "variants": { "traditional": "國家稅務總局" } }));
    assert_eq!((taken.status, &taken.json()["code"]), (409, &json!("name_of_other_unit")), "{}", taken.text);
}

/// The table alone, as one line that stands before all sections.
fn settings_of_table() -> String {
    format!("idn.lgr = \"{}\"\n", tree("config/idn-zh.xml").display())
}

#[test]
fn a_variant_is_delegated_with_its_name() {
    let daemon = TestDaemon::start_with(&[], &settings());
    daemon.register("tax", "organ", NAME);
    let host = format!("ns1.{}", ascii(NAME));
    let servers = json!([{ "host": host.trim_end_matches('.'), "glue": ["203.0.113.53"] }, { "host": "ns.example" }]);
    daemon.push(NAME, &json!({ "type": "NS", "servers": servers })).expect_success();
    for name in [NAME, TRADITIONAL] {
        let answer = daemon.ask(&format!("x.{}", ascii(name)), RecordType::A);
        let owners: Vec<String> = answer.authorities.iter().map(|record| record.name.to_ascii()).collect();
        assert_eq!(owners, [ascii(name), ascii(name)], "{answer}");
        assert!(!answer.metadata.authoritative, "{answer}");
    }
}

#[test]
fn wrong_tables_are_told_by_line() {
    let daemon = TestDaemon::prepare(&[], "[idn]\nlgr = \"table.xml\"\n");
    std::fs::write(daemon.path("table.xml"), "<lgr><data>\n<char cp=\"3042\"/>\n</data></lgr>")
        .expect("a writable directory");
    let output = crate::support::program()
        .args(["check-config", "config.toml"])
        .current_dir(daemon.path("."))
        .output()
        .expect("the program was built");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("table.xml, line 2: U+3042 cannot stand"), "{text}");
}

/// A form that phrases do not settle is shown to the reviewers, picked with the second approval, and answered from the second
/// on in which the fee is recognised; a power cut in between undoes nothing.
#[test]
fn a_form_that_a_reviewer_picks_resolves_once_it_is_paid() {
    const FULL: &str = "审核管理平台.政务";
    const PICKED: &str = "審核管理平臺.政务";
    let mut daemon = TestDaemon::start_with(&[], &settings());
    let unit = json!({ "name": "审核管理平台中心", "kind": "organ", "region": REGION });
    daemon.api("PUT", "/v1/units/u1", "demo-operator", Some(&unit)).expect_success();
    let slot = |kind: u8, name: &str| json!({ "kind": kind, "name": name, "years": 2 });
    let body = json!({ "unit": "u1", "purpose": "site", "slots": [slot(1, FULL), slot(2, "审管平台.政务")],
                       "resolution": { "type": "A", "addresses": ["203.0.113.5"] } });
    let done = |daemon: &TestDaemon, token: &str, method: &str, path: &str, body: Option<&Value>| {
        daemon.api(method, path, token, body).expect_success().json()
    };
    let receipt = done(&daemon, "demo-submitter", "POST", "/v1/applications", Some(&body));
    let path = format!("/v1/applications/{}", receipt["id"].as_str().expect("an id"));
    let shown = done(&daemon, "demo-local", "GET", &path, None);
    let appraisal = &shown["slots"][0]["appraisal"];
    assert_eq!(appraisal["proposals"][0], "審核管理平臺", "{shown}");
    assert_eq!(appraisal["warnings"][0]["code"], "traditional_form_uncertain", "{shown}");
    let decisions = format!("{path}/decisions");
    let mut approval = json!({ "level": "local", "decision": "approve" });
    done(&daemon, "demo-local", "POST", &decisions, Some(&approval));
    approval["level"] = "central".into();
    let undecided = daemon.api("POST", &decisions, "demo-central", Some(&approval));
    assert_eq!((undecided.status, &undecided.json()["code"]), (422, &json!("traditional_form_required")));
    approval["traditional"] = json!([{ "kind": 1, "form": "審核管理平臺" }, { "kind": 2, "form": "none" }]);
    done(&daemon, "demo-central", "POST", &decisions, Some(&approval));
    daemon.kill();
    daemon.restart();

    let order = done(&daemon, "demo-submitter", "GET", &format!("{path}/fee"), None)["order"].clone();
    let confirmation = format!("/v1/orders/{}/confirmation", order.as_str().expect("an order"));
    let paid = json!({ "payer": "treasury", "invoice": "24622000000012345678" });
    done(&daemon, "demo-admin", "POST", &confirmation, Some(&paid));
    let batch = json!({ "orders": [order], "amount": "1200.00" });
    let remittance = done(&daemon, "demo-admin", "POST", "/v1/remittances", Some(&batch))["id"].clone();
    let recognition = format!("/v1/remittances/{}/recognition", remittance.as_str().expect("an id"));
    absent(&daemon, PICKED, "unpaid");
    done(&daemon, "demo-finance", "POST", &recognition, Some(&json!({ "amount": "1200.00" })));
    let resolves = |daemon: &TestDaemon| {
        for name in [FULL, PICKED, &format!("www.{}", ascii(PICKED)), "審核管理平臺.政务.cn", "审管平台.政务"]
        {
            assert_eq!(addresses(daemon, name), ["203.0.113.5"], "{name}");
        }
        for name in ["審核管理平檯.政务", "審管平臺.政务"] {
            absent(daemon, name, "not picked");
        }
    };
    resolves(&daemon);
    // The journal alone says the same.
    daemon.kill();
    std::fs::remove_dir_all(daemon.path("data/sled")).expect("the store");
    daemon.restart();
    resolves(&daemon);
    assert_eq!(done(&daemon, "demo-viewer", "GET", &path, None)["slots"][0]["picked"], "審核管理平臺");
}
