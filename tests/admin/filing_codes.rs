//! Bad input about applications, orders and remittances: each rule has its code, and nothing changes.

use crate::codes::Script;
use crate::filings::{OFFICE, application, apply, approve, confirm, due, remit};
use crate::server::AWAY;
use serde_json::{Value, json};

const APPLICATIONS: &str = "/v1/applications";

pub fn filings(script: &mut Script) {
    let server = &script.server;
    server.unit("a1", "organ");
    server.unit("a2", "institution");
    server.unit("a4", "social_organisation");
    let town = json!({ "name": "某乡", "kind": "organ", "region": OFFICE }).to_string();
    server.ok("operator", "PUT", "/v1/units/a3", &town);
    bodies(script);
    contents(script);
    possible(script);
    decisions(script);
    forms(script);
    orders(script);
    remittances(script);
}

/// What is wrong with the bodies themselves.
fn bodies(script: &mut Script) {
    let bodied = [
        ("operator", "POST", "/v1/applications"),
        ("operator", "PUT", "/v1/applications/a1"),
        ("local-reviewer", "POST", "/v1/applications/a1/decisions"),
        ("operator", "POST", "/v1/orders"),
        ("local-admin", "PUT", "/v1/orders/o1/years"),
        ("local-admin", "POST", "/v1/orders/o1/confirmation"),
        ("finance", "POST", "/v1/orders/o1/refund"),
        ("operator", "POST", "/v1/renewals"),
        ("local-admin", "POST", "/v1/remittances"),
        ("finance", "POST", "/v1/remittances/r1/recognition"),
    ];
    for (token, method, target) in bodied {
        for (body, code, field) in
            [("{", "malformed_json", ""), ("[]", "wrong_type", ""), (r#"{"surprise":1}"#, "unknown_field", "surprise")]
        {
            script.refused_to(token, method, target, body, code, field);
        }
        let reply = script.server.call(token, method, target, "{}");
        script.check(method, target, &reply, "missing_field", reply.json()["field"].as_str().unwrap());
    }
    script.refused("GET", "/v1/applications?state=lost", "", "invalid_parameter", "state");
    script.refused("GET", "/v1/applications?region=6", "", "invalid_parameter", "region");
    script.refused("GET", "/v1/applications?cursor=zzz", "", "invalid_parameter", "cursor");
    script.refused("GET", "/v1/orders?overdue=true", "", "invalid_parameter", "overdue");
    script.refused("GET", "/v1/remittances?unit=a1", "", "invalid_parameter", "unit");
}

/// R8, R12, R20, R24, R42: what an application must be.
fn contents(script: &mut Script) {
    let slot = |kind: u8, name: &str| json!({ "kind": kind, "name": format!("{name}.政务"), "years": 2 });
    let with = |slots: Value| {
        let mut body = application("a1", "");
        body["slots"] = slots;
        body.to_string()
    };
    let (one, two) = (slot(1, "甲"), slot(2, "乙"));
    let mut termless = two.clone();
    termless.as_object_mut().unwrap().remove("years");
    let years = |years: u32| json!({ "kind": 2, "name": "乙.政务", "years": years });
    let eight: Vec<Value> = (1..=8).map(|kind| slot(kind, &format!("局{kind}"))).collect();
    for (slots, code, field) in [
        (json!([]), "slot1_required", "slots"),
        (json!([two]), "slot1_required", "slots"),
        (json!([one]), "slot2_required", "slots"),
        (json!([one, termless]), "slot_term_required", "slots[1].years"),
        (json!([one, years(1)]), "term_invalid", "slots[1].years"),
        (json!([one, years(11)]), "term_invalid", "slots[1].years"),
        (json!(eight), "slots_too_many", "slots"),
        (json!([one, slot(8, "乙")]), "kind_invalid", "slots[1].kind"),
        (json!([one, slot(0, "乙")]), "kind_invalid", "slots[1].kind"),
        (json!([one, slot(1, "乙")]), "slot_repeated", "slots[1].kind"),
        (json!([one, slot(2, "甲")]), "slot_bundle_repeated", "slots[1].name"),
        (json!([one, slot(2, "12345")]), "label_invalid", "slots[1].name"),
        (json!([one, json!({ "kind": 2, "name": "乙.example", "years": 2 })]), "suffix_unknown", "slots[1].name"),
        (json!([one, slot(2, "保留")]), "label_reserved", "slots[1].name"),
        (json!([one, slot(2, "占用")]), "label_occupied", "slots[1].name"),
    ] {
        script.refused("POST", APPLICATIONS, &with(slots), code, field);
    }
    let but = |member: &str, value: Value| {
        let mut body = application("a1", "");
        body[member] = value;
        body.to_string()
    };
    for purpose in ["column", "topic", "system", "栏目", "专题", "业务系统"] {
        script.refused("POST", APPLICATIONS, &but("purpose", purpose.into()), "purpose_needs_path", "purpose");
    }
    let paper = |paper: &str, scan: &str| json!({ "paper": paper, "scan": scan });
    for papers in [json!([paper("form", "")]), json!([paper("form", "s-1"), paper("form", "s-2")])] {
        script.refused("POST", APPLICATIONS, &but("papers", papers), "papers_incomplete", "papers");
    }
    let both = json!({ "type": "A", "addresses": ["203.0.113.5"], "target": "https://www.example/" });
    script.refused("POST", APPLICATIONS, &but("resolution", both), "unknown_field", "resolution.target");
    let bad = json!({ "type": "A", "addresses": ["0.0.0.0"] });
    script.refused("POST", APPLICATIONS, &but("resolution", bad), "address_invalid", "resolution.addresses[0]");
    let mut none = application("a1", "");
    none.as_object_mut().unwrap().remove("resolution");
    script.refused("POST", APPLICATIONS, &none.to_string(), "missing_field", "resolution");
}

/// R1, R4, R5, R25, R56: what keeps a unit from names.
fn possible(script: &mut Script) {
    script.refused("POST", APPLICATIONS, &application("a2", "").to_string(), "suffix_not_allowed", "slots[0].name");
    script.refused("POST", APPLICATIONS, &application("a9", "").to_string(), "unit_not_found", "unit");
    script.refused("POST", APPLICATIONS, &application("a/9", "").to_string(), "unit_invalid", "unit");
    let away = format!("submitter@{AWAY}");
    script.refused_to(&away, "POST", APPLICATIONS, &application("a1", "").to_string(), "region_foreign", "unit");
    // There is no rate for 公益 outside poor areas here.
    let free = application("a4", "").to_string().replace("政务", "公益");
    script.refused("POST", APPLICATIONS, &free, "rate_missing", "slots[0].name");
    script.server.name("甲有.政务", "a1");
    let own = application("a1", "有").to_string();
    script.refused("POST", APPLICATIONS, &own, "name_registered", "slots[0].name");
    let others = application("a3", "有").to_string();
    script.refused("POST", APPLICATIONS, &others, "name_of_other_unit", "slots[0].name");
    apply(&script.server, "a1", "先");
    let late = application("a1", "先").to_string();
    script.refused("POST", APPLICATIONS, &late, "name_claimed", "slots[0].name");
    let put = r#"{"unit":"a1","years":2}"#;
    script.refused("PUT", "/v1/names/乙先.政务", put, "name_claimed", "name");
    let hold = r#"{"evidence":"case-1"}"#;
    script.server.ok("operator", "PUT", "/v1/units/a3/holds/BLACKLIST", hold);
    script.refused("POST", APPLICATIONS, &application("a3", "黑").to_string(), "unit_blacklisted", "unit");
    script.server.ok("operator", "DELETE", "/v1/units/a3/holds/BLACKLIST", "");
}

/// R7, R17, R18: who decides, and in which order.
fn decisions(script: &mut Script) {
    let id = apply(&script.server, "a1", "一");
    let path = format!("{APPLICATIONS}/{id}");
    let decisions = format!("{path}/decisions");
    let decision = |level: &str, rest: &str| format!(r#"{{"level":"{level}","decision":{rest}}}"#);
    let approve_it = r#""approve","confirm":true"#;
    let away = format!("local-reviewer@{AWAY}");
    script.refused_to(&away, "POST", &decisions, &decision("local", approve_it), "region_foreign", "");
    script.refused_to(&away, "GET", &path, "", "region_foreign", "");
    let central = decision("central", approve_it);
    script.refused_to("central-reviewer", "POST", &decisions, &central, "local_review_first", "");
    script.refused_to("local-reviewer", "POST", &decisions, &decision("central", approve_it), "role_forbidden", "");
    script.refused_to(
        "local-reviewer",
        "POST",
        &decisions,
        &decision("local", "\"approve\""),
        "confirmation_required",
        "confirm",
    );
    script.refused_to(
        "local-reviewer",
        "POST",
        &decisions,
        &decision("local", "\"reject\""),
        "reason_required",
        "reason",
    );
    script.refused_to(
        "local-reviewer",
        "POST",
        &decisions,
        &decision("office", approve_it),
        "application_not_pending",
        "level",
    );
    let picked = decision("local", r#""approve","confirm":true,"traditional":[{"kind":1,"form":"none"}]"#);
    let field = "traditional";
    script.refused_to("local-reviewer", "POST", &decisions, &picked, "form_by_central_approval_only", field);
    script.refused_to("viewer", "GET", &format!("{path}/fee"), "", "not_payable", "");
    script.refused("PUT", &path, &contents_of("一"), "application_not_pending", "");
    script.refused("POST", &format!("{path}/submission"), "", "application_not_pending", "");
    for unknown in ["a999", "a0", "x", "c1"] {
        script.refused("GET", &format!("{APPLICATIONS}/{unknown}"), "", "application_not_found", "");
        script.refused("DELETE", &format!("{APPLICATIONS}/{unknown}"), "", "application_not_found", "");
    }
    let town = apply(&script.server, "a3", "镇");
    let decisions = format!("{APPLICATIONS}/{town}/decisions");
    script.refused_to("local-reviewer", "POST", &decisions, &decision("local", approve_it), "office_review_first", "");
    approve(&script.server, "local-reviewer", &town, "office");
    script.refused_to("local-reviewer", "POST", &decisions, &decision("local", approve_it), "same_principal", "");
    script.server.ok("submitter", "DELETE", &format!("{APPLICATIONS}/{town}"), "");
    script.refused("DELETE", &format!("{APPLICATIONS}/{town}"), "", "application_not_pending", "");
    let tag = format!("{{\"level\":\"local\",\"decision\":{approve_it}}}");
    let headers = "If-Match: \"1\"\r\n";
    let reply = script.server.with("local-reviewer", "POST", &format!("{path}/decisions"), headers, &tag);
    script.check("POST", &format!("{path}/decisions"), &reply, "version_stale", "");
}

/// Traditional forms: what is not certain is picked with the second approval, among what the table permits.
fn forms(script: &mut Script) {
    let id = apply(&script.server, "a1", "台");
    let decisions = format!("{APPLICATIONS}/{id}/decisions");
    approve(&script.server, "local-reviewer", &id, "local");
    let pick = |forms: Value| {
        json!({ "level": "central", "decision": "approve", "confirm": true, "traditional": forms }).to_string()
    };
    let of = |kind: u8, form: &str| json!({ "kind": kind, "form": form });
    let mut refused = |forms: Value, code: &str, field: &str| {
        script.refused_to("central-reviewer", "POST", &decisions, &pick(forms), code, field);
    };
    refused(json!([]), "traditional_form_required", "traditional");
    refused(json!([of(1, "none")]), "traditional_form_required", "traditional");
    refused(json!([of(1, "甲"), of(2, "none")]), "variant_invalid", "traditional[0].form");
    refused(json!([of(1, "甲台"), of(2, "none")]), "variant_invalid", "traditional[0].form");
    refused(json!([of(1, "甲臺"), of(2, "none")]), "variant_invalid", "traditional[0].form");
    refused(json!([of(1, "甲か"), of(2, "none")]), "variant_invalid", "traditional[0].form");
    refused(json!([of(2, "none"), of(2, "乙檯")]), "slot_repeated", "traditional[1].kind");
    refused(json!([of(3, "none")]), "kind_invalid", "traditional[0].kind");
    refused(json!([of(9, "none")]), "kind_invalid", "traditional[0].kind");
    refused(json!([{ "kind": 1 }]), "missing_field", "traditional[0].form");
    let rejected =
        r#"{"level":"central","decision":"reject","reason":"不规范","traditional":[{"kind":1,"form":"none"}]}"#;
    let (code, field) = ("form_by_central_approval_only", "traditional");
    script.refused_to("central-reviewer", "POST", &decisions, rejected, code, field);
    script.server.ok("central-reviewer", "POST", &decisions, &pick(json!([of(1, "甲颱"), of(2, "none")])));
}

fn contents_of(tag: &str) -> String {
    let mut body = application("a1", tag);
    body.as_object_mut().unwrap().remove("unit");
    body.to_string()
}

/// R25, R28, R30, R33, R61.
fn orders(script: &mut Script) {
    let (_, order) = due(&script.server, "a1", "二");
    let (years, confirmation) = (format!("/v1/orders/{order}/years"), format!("/v1/orders/{order}/confirmation"));
    let of = |name: &str, years: u32| json!({ "years": [{ "name": name, "years": years }] }).to_string();
    let admin = "local-admin";
    script.refused_to(admin, "PUT", &years, &of("甲二.政务", 11), "term_invalid", "years[0].years");
    script.refused_to(admin, "PUT", &years, &of("甲有.政务", 2), "name_not_found", "years[0].name");
    script.refused_to(admin, "PUT", &years, r#"{"years":[]}"#, "batch_empty", "years");
    let one = json!({ "name": "甲二.政务", "years": 3 });
    let twice = json!({ "years": [one, { "name": "甲二.政务", "years": 4 }] }).to_string();
    script.refused_to(admin, "PUT", &years, &twice, "item_repeated", "years[1].name");
    let paid = |rest: &str| format!(r#"{{"payer":"treasury"{rest}}}"#);
    script.refused_to(admin, "POST", &confirmation, &paid(""), "invoice_required", "invoice");
    script.refused_to(admin, "POST", &confirmation, &paid(r#","invoice":" ""#), "invoice_required", "invoice");
    for invoice in ["24622000 12345678", "发票1", "-1", &"1".repeat(33), "1\u{200B}"] {
        let body = paid(&format!(r#","invoice":{}"#, json!(invoice)));
        script.refused_to(admin, "POST", &confirmation, &body, "invoice_invalid", "invoice");
    }
    let voucher = paid(r#","invoice":"1","voucher":"20231122ABCDEF""#);
    script.refused_to(admin, "POST", &confirmation, &voucher, "voucher_invalid", "voucher");
    script.refused_to(admin, "POST", &confirmation, r#"{"payer":"friend","invoice":"1"}"#, "wrong_type", "payer");
    script.refused_to("operator", "POST", &confirmation, &paid(r#","invoice":"1""#), "role_forbidden", "");
    confirm(&script.server, &order);
    script.refused_to(admin, "POST", &confirmation, &paid(r#","invoice":"1""#), "order_not_pending", "");
    script.refused_to("submitter", "DELETE", &format!("/v1/orders/{order}"), "", "order_not_pending", "");
    for unknown in ["o999", "o0", "a1"] {
        script.refused("GET", &format!("/v1/orders/{unknown}"), "", "order_not_found", "");
        script.refused("DELETE", &format!("/v1/orders/{unknown}"), "", "order_not_found", "");
        let confirmation = format!("/v1/orders/{unknown}/confirmation");
        script.refused_to(admin, "POST", &confirmation, &paid(r#","invoice":"1""#), "order_not_found", "");
        let remit = json!({ "orders": [unknown], "amount": "1.00" }).to_string();
        script.refused_to(admin, "POST", "/v1/remittances", &remit, "order_not_found", "orders[0]");
    }
    let renewal = |names: &[&str], years: u32| json!({ "unit": "a1", "names": names, "years": years }).to_string();
    let orders = "/v1/orders";
    script.refused("POST", orders, &renewal(&[], 2), "batch_empty", "names");
    script.refused("POST", orders, &renewal(&["甲有.政务"; 51], 2), "batch_too_large", "names");
    script.refused("POST", orders, &renewal(&["甲有.政务"; 2], 2), "item_repeated", "names[1]");
    script.refused("POST", orders, &renewal(&["甲无.政务"], 2), "name_not_found", "names[0]");
    script.refused("POST", orders, &renewal(&["甲有.政务"], 1), "term_invalid", "years");
    script.refused("POST", orders, &renewal(&["甲有.政务"], 9), "term_invalid", "names[0]");
    script.server.unit("a5", "organ");
    script.server.name("甲别.政务", "a5");
    script.refused("POST", orders, &renewal(&["甲别.政务"], 2), "name_of_other_unit", "names[0]");
    let others = json!({ "unit": "a5", "names": ["甲别.政务"], "years": 2 }).to_string();
    let other = script.server.ok("submitter", "POST", orders, &others)["id"].as_str().unwrap().to_owned();
    let (others, used) = (format!("/v1/orders/{other}/confirmation"), paid(r#","invoice":"24622000000012345678""#));
    script.refused_to(admin, "POST", &others, &used, "invoice_used", "invoice");
    script.server.ok("submitter", "POST", orders, &renewal(&["甲有.政务"], 2));
    script.refused("POST", "/v1/names/甲有.政务/renewals", r#"{"years":2}"#, "name_claimed", "");
}

/// R27: sums match, or nothing is consumed.
fn remittances(script: &mut Script) {
    let (_, order) = due(&script.server, "a1", "三");
    let (remittances, admin) = ("/v1/remittances", "local-admin");
    let body = |orders: &[&str], amount: &str| json!({ "orders": orders, "amount": amount }).to_string();
    script.refused_to(admin, "POST", remittances, &body(&[&order], "1200.00"), "order_not_pending", "orders[0]");
    confirm(&script.server, &order);
    let versioned = script.server.with(admin, "POST", remittances, "If-Match: \"1\"\r\n", &body(&[&order], "1200.00"));
    script.check("POST", remittances, &versioned, "if_match_invalid", "If-Match");
    script.refused_to(admin, "POST", remittances, &body(&[&order], "1200.01"), "amount_mismatch", "amount");
    for amount in ["1,200", "1200", "1200.0", "1200.000"] {
        script.refused_to(admin, "POST", remittances, &body(&[&order], amount), "amount_invalid", "amount");
    }
    script.refused_to(admin, "POST", remittances, &body(&[], "0.00"), "batch_empty", "orders");
    script.refused_to(admin, "POST", remittances, &body(&[&order, &order], "2400.00"), "item_repeated", "orders[1]");
    script.refused_to(admin, "POST", remittances, &body(&["o999"], "1.00"), "order_not_found", "orders[0]");
    script.refused_to(admin, "POST", remittances, &body(&["x"], "1.00"), "order_not_found", "orders[0]");
    let many: Vec<String> = (0..101).map(|n| format!("o{}", n + 1)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    script.refused_to(admin, "POST", remittances, &body(&many, "1.00"), "batch_too_large", "orders");
    let id = remit(&script.server, &[&order], "1200.00");
    let recognition = format!("/v1/remittances/{id}/recognition");
    script.refused_to("finance", "POST", &recognition, r#"{"amount":"1100.00"}"#, "amount_mismatch", "amount");
    script.refused_to("finance", "POST", &recognition, r#"{"amount":"1200"}"#, "amount_invalid", "amount");
    script.refused_to(admin, "POST", &recognition, r#"{"amount":"1200.00"}"#, "role_forbidden", "");
    let hold = r#"{"evidence":"case-2"}"#;
    script.server.ok("operator", "PUT", "/v1/units/a1/holds/BLACKLIST", hold);
    let field = "orders[0]";
    script.refused_to("finance", "POST", &recognition, r#"{"amount":"1200.00"}"#, "order_impossible", field);
    script.server.ok(admin, "DELETE", &format!("/v1/remittances/{id}"), "");
    script.refused_to(admin, "POST", remittances, &body(&[&order], "1200.00"), "order_impossible", field);
    script.server.ok("operator", "DELETE", "/v1/units/a1/holds/BLACKLIST", "");
    let refund = format!("/v1/orders/{order}/refund");
    script.refused_to("finance", "POST", &refund, r#"{"reason":" "}"#, "reason_required", "reason");
    script.refused_to(admin, "POST", &refund, r#"{"reason":"重复缴费"}"#, "role_forbidden", "");
    script.server.ok("finance", "POST", &refund, r#"{"reason":"重复缴费"}"#);
    let shown =
        |script: &Script| script.server.ok("local-admin", "GET", &format!("/v1/orders/{order}"), "")["reason"].clone();
    assert_eq!(shown(script), "重复缴费");
    // Its unit moves away, and the order with it: the last line about it is another one.
    let unit = |region: &str| json!({ "name": "甲乙某局", "kind": "organ", "region": region }).to_string();
    script.server.ok("operator", "PUT", "/v1/units/a1", &unit(AWAY));
    assert_eq!(shown(script), "重复缴费");
    script.server.ok("operator", "PUT", "/v1/units/a1", &unit(crate::server::HOME));
    let told =
        script.server.call("operator", "DELETE", &format!("/v1/orders/{order}"), "").json()["detail"].to_string();
    assert!(told.contains("is over"), "{told}");
    script.refused_to("finance", "POST", &refund, r#"{"reason":"重复缴费"}"#, "order_not_pending", "");
    script.refused_to("finance", "POST", &recognition, r#"{"amount":"1200.00"}"#, "remittance_not_pending", "");
    for unknown in ["r999", "r0", "o1"] {
        script.refused("GET", &format!("/v1/remittances/{unknown}"), "", "remittance_not_found", "");
    }
}
