//! Bad input: every code that the OpenAPI document lists is produced, on an operation that lists it, and nothing changes.

use crate::fields::{self, Fields};
use crate::server::{AWAY, HOME, Reply, Server};
use serde_json::Value;
use std::collections::BTreeSet;
use zhengming::registry::Timestamp;

/// What a person is told to do next, in one word.
const NEXT_STEPS: &[&str] = &[
    "add", "approve", "ask", "begin", "check", "choose", "copy", "correct", "decides", "delete", "do", "encode",
    "exchange", "export", "follows", "give", "have", "leave", "lifted", "lists", "look", "make", "mend", "name",
    "needs", "own", "pick", "put", "read", "register", "reject", "renew", "repeat", "say", "see", "send", "shorten",
    "shows", "sign", "submit", "take", "tell", "try", "use", "wait", "waits", "withdraw", "write",
];

/// Asks, and remembers which codes came.
pub struct Script {
    pub server: Server,
    document: Value,
    seen: BTreeSet<String>,
    fields: Fields,
    /// Sentences that do not say what they should.
    faults: Vec<String>,
}

const NAME: &str = "教育局.政务";
const JSON: &str = "Content-Type: application/json\r\n";

impl Script {
    fn new() -> Self {
        Self::over(Server::new())
    }

    fn over(server: Server) -> Self {
        server.unit("u1", "organ");
        server.unit("u2", "social_organisation");
        server.name(NAME, "u1");
        let document = server.raw("GET", "/v1/openapi.json", "", b"").json();
        Self { server, document, seen: BTreeSet::new(), fields: Fields::new(), faults: Vec::new() }
    }

    /// A request of the operator's that must be refused with `code`, about `field` if that is not empty.
    pub fn refused(&mut self, method: &str, target: &str, body: &str, code: &str, field: &str) {
        self.refused_to("operator", method, target, body, code, field);
    }

    pub fn refused_to(&mut self, token: &str, method: &str, target: &str, body: &str, code: &str, field: &str) {
        let before = self.server.everything();
        let reply = self.server.call(token, method, target, body);
        self.check(method, target, &reply, code, field);
        assert_eq!(self.server.everything(), before, "{method} {target} {body}");
    }

    fn refused_with(&mut self, headers: &str, method: &str, target: &str, body: &[u8], code: &str, field: &str) {
        let before = self.server.export();
        let headers = format!("Authorization: Bearer operator\r\n{headers}");
        let reply = self.server.raw(method, target, &headers, body);
        self.check(method, target, &reply, code, field);
        assert_eq!(self.server.export(), before, "{method} {target}");
    }

    pub fn check(&mut self, method: &str, target: &str, reply: &Reply, code: &str, field: &str) {
        let case = format!("{method} {target}: {}", reply.text());
        assert_eq!(reply.code(), code, "{case}");
        assert_eq!(reply.json()["field"].as_str().unwrap_or_default(), field, "{case}");
        if let Some(what) = missing_in(&reply.json()) {
            self.faults.push(format!("{what}: {} / {}", reply.json()["detail"], reply.json()["detail_zh"]));
        }
        self.seen.insert(code.to_owned());
        self.fields.entry(code.to_owned()).or_default().insert(field.to_owned());
        if matches!(code, "not_found" | "method_not_allowed") {
            return;
        }
        let template = self.template(target);
        self.document_lists(method, template, reply.status, code);
        if !field.is_empty() && !matches!(code, "unknown_field" | "invalid_parameter") {
            fields::is_taken(&self.document, (template, method), field);
        }
    }

    /// The document's path that the target is one of.
    fn template(&self, target: &str) -> &str {
        let path = target.split('?').next().unwrap();
        let fits = |template: &str| {
            let (mut asked, mut known) = (path.split('/'), template.split('/'));
            loop {
                match (asked.next(), known.next()) {
                    (None, None) => return true,
                    (Some(asked), Some(known)) if asked == known || known.starts_with('{') => {}
                    _ => return false,
                }
            }
        };
        let paths = self.document["paths"].as_object().unwrap();
        let exact = paths.keys().find(|template| *template == path);
        exact.or_else(|| paths.keys().find(|template| fits(template))).expect("a known path")
    }

    fn document_lists(&self, method: &str, template: &str, status: u16, code: &str) {
        let listed =
            &self.document["paths"][template][method.to_lowercase()]["responses"][status.to_string()]["x-codes"];
        let listed = listed.as_array().unwrap_or_else(|| panic!("{method} {template} lists nothing for {status}"));
        assert!(listed.iter().any(|known| known == code), "{method} {template} does not list {code}");
    }

    /// Takes over what came from another server.
    fn learn(&mut self, other: Self) {
        self.seen.extend(other.seen);
        self.faults.extend(other.faults);
        for (code, fields) in other.fields {
            self.fields.entry(code).or_default().extend(fields);
        }
    }

    fn change(&self, token: &str, name: &str, address: &str) -> String {
        let resolution = format!(r#"{{"type":"A","addresses":["{address}"]}}"#);
        let body = format!(r#"{{"name":"{name}","resolution":{resolution}}}"#);
        self.server.ok(token, "POST", "/v1/changes", &body)["id"].as_str().unwrap().to_owned()
    }
}

/// That both sentences say which thing it is and what to do; neither is a word, or half of the other.
pub fn says_as_much_in_chinese(problem: &Value) {
    assert_eq!(missing_in(problem), None, "{problem}");
}

/// What is missing in one of the sentences.
fn missing_in(problem: &Value) -> Option<String> {
    let sentence = |member: &str| problem[member].as_str().unwrap_or_else(|| panic!("{member} of {problem}"));
    let (en, zh) = (sentence("detail"), sentence("detail_zh"));
    // A Chinese text has about a third of the characters of an English one.
    if !zh.ends_with('。') || zh.chars().count() * 5 < en.chars().count() {
        return Some("half of the other".to_owned());
    }
    let next = ["请", "须", "应", "只能", "可", "不能", "由", "等待", "见"];
    if !next.iter().any(|word| zh.contains(word)) {
        return Some("what to do, in Chinese".to_owned());
    }
    let lower = en.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_ascii_alphabetic());
    if !words.any(|word| NEXT_STEPS.contains(&word)) {
        return Some("what to do, in English".to_owned());
    }
    // What is counted in one is counted in the other; single digits also stand for kinds and levels.
    let mut numbers = en.split(|c: char| !c.is_ascii_digit()).filter(|number| number.len() > 1);
    numbers.find(|number| !zh.contains(number)).map(|number| format!("the number {number}, in Chinese"))
}

#[test]
fn every_documented_code_is_produced_and_nothing_changes() {
    let mut script = Script::new();
    requests(&mut script);
    objects(&mut script);
    resolutions(&mut script);
    reviews(&mut script);
    holds(&mut script);
    // What an import says of single lines has its own test in `bulk`.
    script.seen.extend(["idempotency_key_reused", "brake", "filing_invalid"].map(ToOwned::to_owned));
    lists(&mut script);
    crate::filing_codes::filings(&mut script);
    crate::site_reviews::codes(&mut script);
    second_factor(&mut script);
    terms(&mut script);
    failures(&mut script);
    let listed = &script.document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    let listed: BTreeSet<String> =
        listed.as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    assert_eq!(script.seen, listed);
    script.faults.sort();
    script.faults.dedup();
    assert_eq!(script.faults, Vec::<String>::new());
    fields::are_named(&script.fields);
}

/// What is wrong with the request itself.
fn requests(script: &mut Script) {
    let unit = r#"{"name":"x","kind":"organ","region":"620421"}"#;
    script.refused("GET", "/v1/nothing", "", "not_found", "");
    script.refused("GET", "/v2/units", "", "not_found", "");
    script.refused("PATCH", "/v1/units/u1", "", "method_not_allowed", "");
    script.refused_to("nobody", "GET", "/v1/units/u1", "", "unauthorized", "");
    script.refused_to("submitter", "PUT", "/v1/units/u9", unit, "role_forbidden", "");
    let bodied = [
        ("PUT", "/v1/units/u1"),
        ("PUT", "/v1/names/教育局.政务"),
        ("PUT", "/v1/names/教育局.政务/holder"),
        ("POST", "/v1/names/教育局.政务/renewals"),
        ("PUT", "/v1/names/教育局.政务/migration"),
        ("POST", "/v1/units/u1/contact-changes"),
        ("POST", "/v1/changes"),
        ("POST", "/v1/changes/c1/decisions"),
        ("PUT", "/v1/units/u1/holds/LEGAL"),
        ("PUT", "/v1/names/教育局.政务/holds/LEGAL"),
        ("POST", "/v1/brake/release"),
        ("POST", "/v1/zones/reload"),
    ];
    for (method, target) in bodied {
        // The operator decides no changes; a reviewer is asked there.
        let token = if target.ends_with("decisions") { "local-reviewer" } else { "operator" };
        for (body, code, field) in [
            ("{", "malformed_json", ""),
            ("{}x", "malformed_json", ""),
            ("[]", "wrong_type", ""),
            (r#"{"surprise":1}"#, "unknown_field", "surprise"),
        ] {
            script.refused_to(token, method, target, body, code, field);
        }
        let reply = script.server.call(token, method, target, "{}");
        script.check(method, target, &reply, "missing_field", reply.json()["field"].as_str().unwrap());
        let long = format!("\"{}\"", "x".repeat(64 * 1024));
        script.refused_to(token, method, target, &long, "body_too_large", "");
        for query in ["dry_run=yes", "dryrun=true", "dry_run=true&dry_run=true"] {
            let field = query.split('=').next().unwrap();
            script.refused_to(token, method, &format!("{target}?{query}"), "{}", "invalid_parameter", field);
        }
        if token == "operator" {
            let target: String = target
                .bytes()
                .map(|b| if b.is_ascii() { (b as char).to_string() } else { format!("%{b:02X}") })
                .collect();
            script.refused_with(
                "Content-Type: text/plain\r\n",
                method,
                &target,
                b"{}",
                "unsupported_media_type",
                "Content-Type",
            );
            script.refused_with("", method, &target, b"{}", "unsupported_media_type", "Content-Type");
            let twice = format!("{JSON}{JSON}");
            script.refused_with(&twice, method, &target, b"{}", "unsupported_media_type", "Content-Type");
            let key = format!("{JSON}Idempotency-Key: a b\r\n");
            script.refused_with(&key, method, &target, b"{}", "idempotency_key_invalid", "Idempotency-Key");
            let tag = format!("{JSON}If-Match: 7\r\n");
            script.refused_with(&tag, method, &target, b"{}", "if_match_invalid", "If-Match");
        }
    }
    for (method, target) in [("DELETE", "/v1/names/教育局.政务"), ("DELETE", "/v1/units/u1/holds/LEGAL")] {
        script.refused(method, target, "{}", "malformed_json", "");
    }
    script.refused("GET", "/v1/units?page=2", "", "invalid_parameter", "page");
    script.refused("GET", "/v1/names?limit=1001", "", "invalid_parameter", "limit");
    script.refused("GET", "/v1/names?state=gone", "", "invalid_parameter", "state");
    script.refused("GET", "/v1/names?hold=BAD", "", "invalid_parameter", "hold");
    script.refused("GET", "/v1/names?suffix=example", "", "invalid_parameter", "suffix");
    script.refused("GET", "/v1/names?expires_to=2026-02-30", "", "invalid_parameter", "expires_to");
    script.refused("GET", "/v1/names?idle_days=4000", "", "invalid_parameter", "idle_days");
    script.refused("GET", "/v1/simulate", "", "invalid_parameter", "at");
    script.refused("GET", "/v1/simulate?at=2026-11-21", "", "invalid_parameter", "at");
    script.refused("GET", "/v1/simulate?at=2042-01-01", "", "invalid_parameter", "at");
    script.refused("GET", "/v1/simulate?at=2027-01-01&cursor=zzz", "", "invalid_parameter", "cursor");
    script.refused("GET", "/v1/names?cursor=zzz", "", "invalid_parameter", "cursor");
    script.refused("GET", "/v1/journal?after=x", "", "invalid_parameter", "after");
    script.refused("GET", "/v1/names/%ff.xn--zfr164b", "", "invalid_parameter", "path");
    script.refused("POST", "/v1/zones/reload", r#"{"zone":"nowhere.example"}"#, "zone_unknown", "zone");
    // There is no file yet.
    script.refused("POST", "/v1/zones/reload", r#"{"zone":null}"#, "zone_file_invalid", "");
    script.refused("POST", "/v1/test/clock", r#"{"now":"soon"}"#, "invalid_parameter", "now");
    let put = |body: &str| script.server.with("operator", "PUT", "/v1/units/u7", "Idempotency-Key: k\r\n", body);
    assert_eq!(put(unit).status, 201);
    let reused = put(&unit.replace("\"x\"", "\"y\""));
    script.check("PUT", "/v1/units/u7", &reused, "idempotency_key_reused", "Idempotency-Key");
    let tag = format!("{JSON}If-Match: \"999\"\r\n");
    script.refused_with(&tag, "PUT", "/v1/units/u7", unit.as_bytes(), "version_stale", "");
}

/// Units and names.
fn objects(script: &mut Script) {
    let unit =
        |name: &str, kind: &str, region: &str| format!(r#"{{"name":"{name}","kind":"{kind}","region":"{region}"}}"#);
    script.refused("PUT", "/v1/units/u.1", &unit("x", "organ", "62"), "unit_invalid", "id");
    script.refused("PUT", "/v1/units/u3", &unit("x", "organ", "6"), "unit_invalid", "region");
    script.refused("PUT", "/v1/units/u3", &unit(" ", "organ", "62"), "unit_invalid", "name");
    script.refused("PUT", "/v1/units/u3", &unit("x", "king", "62"), "wrong_type", "kind");
    script.refused("PUT", "/v1/units/u1", &unit("x", "social_organisation", "620421"), "suffix_not_allowed", "kind");
    script.refused("GET", "/v1/units/u9", "", "unit_not_found", "");
    let foreign = &unit("x", "organ", HOME);
    script.refused_to(&format!("operator@{AWAY}"), "PUT", "/v1/units/u3", foreign, "region_foreign", "region");
    let away = format!("operator@{AWAY}");
    script.refused_to(&away, "PUT", "/v1/units/u1", &unit("x", "organ", AWAY), "region_foreign", "");
    script.refused_to(&away, "GET", "/v1/units/u1", "", "region_foreign", "");
    let name = |rest: &str| format!(r#"{{"unit":"u1"{rest}}}"#);
    let new = "/v1/names/财政局.政务";
    let two_years = name(r#","years":2"#);
    for bad in ["-财政局.政务", "财政--局.政务", "12345.政务", "www.教育局.政务", "政务"] {
        script.refused("PUT", &format!("/v1/names/{bad}"), &two_years, "label_invalid", "name");
    }
    for bad in ["财政局か.政务", "中国·政府.政务", "𠮷局.政务"] {
        script.refused("PUT", &format!("/v1/names/{bad}"), &two_years, "label_character", "name");
    }
    script.refused("PUT", "/v1/names/定仙墕镇.政务", &two_years, "label_character", "name");
    script.refused("PUT", "/v1/names/鼓楼区教育局.政务", &two_years, "division_ambiguous", "name");
    script.refused("PUT", "/v1/names/北京市.政务", &two_years, "division_reserved", "name");
    script.server.unit("u5", "organ");
    script.server.name("国务.政务", "u1");
    script.refused("PUT", "/v1/names/囯务.政务", r#"{"unit":"u5","years":2}"#, "variant_in_use", "name");
    script.refused("PUT", "/v1/names/囯务.政务", &two_years, "variant_of_own_name", "name");
    let odd = name(r#","variants":{"traditional":"国事"}"#);
    script.refused("PUT", "/v1/names/国务.政务", &odd, "variant_invalid", "variants.traditional");
    script.refused("GET", "/v1/check", "", "invalid_parameter", "name");
    script.refused("GET", "/v1/check?name=x.example&unit=u99", "", "unit_not_found", "unit");
    script.refused_to(&away, "GET", "/v1/check?name=x.example&unit=u1", "", "region_foreign", "unit");
    script.refused(
        "PUT",
        &format!("/v1/names/{}.政务", "一".repeat(58)),
        &name(r#","years":2"#),
        "label_too_long",
        "name",
    );
    script.refused("GET", "/v1/names/x.example", "", "suffix_unknown", "name");
    script.refused("PUT", "/v1/names/保留.政务", &name(r#","years":2"#), "label_reserved", "name");
    script.refused("PUT", "/v1/names/占用.政务", &name(r#","years":2"#), "label_occupied", "name");
    script.refused("PUT", new, r#"{"unit":"u2","years":2}"#, "suffix_not_allowed", "name");
    script.refused("PUT", new, r#"{"unit":"u9","years":2}"#, "unit_not_found", "unit");
    script.refused("PUT", new, r#"{"unit":"u/9","years":2}"#, "unit_invalid", "unit");
    for years in ["1", "11", "4294967295"] {
        script.refused("PUT", new, &name(&format!(r#","years":{years}"#)), "term_invalid", "years");
        let renewals = format!("/v1/names/{NAME}/renewals");
        script.refused("POST", &renewals, &format!(r#"{{"years":{years}}}"#), "term_invalid", "years");
    }
    script.refused("PUT", new, &name(""), "term_invalid", "years");
    script.refused("PUT", new, &name(r#","years":2.5"#), "wrong_type", "years");
    script.refused("PUT", new, &name(r#","years":2,"kind":8"#), "kind_invalid", "kind");
    let old = format!("/v1/names/{NAME}");
    script.refused("PUT", &old, r#"{"unit":"u2"}"#, "name_of_other_unit", "unit");
    let holder = format!("{old}/holder");
    script.refused("PUT", &holder, r#"{"unit":"u1"}"#, "consent_required", "consent");
    script.refused("PUT", &holder, r#"{"unit":"u2","consent":"doc-1"}"#, "suffix_not_allowed", "unit");
    script.refused("PUT", &holder, r#"{"unit":"u9","consent":"doc-1"}"#, "unit_not_found", "unit");
    script.refused("PUT", &holder, r#"{"unit":"u/9","consent":"doc-1"}"#, "unit_invalid", "unit");
    script.server.ok("operator", "PUT", "/v1/units/u5/holds/BLACKLIST", r#"{"evidence":"d"}"#);
    script.refused("PUT", &holder, r#"{"unit":"u5","consent":"doc-1"}"#, "unit_blacklisted", "unit");
    script.server.ok("operator", "DELETE", "/v1/units/u5/holds/BLACKLIST", "");
    let order = format!(r#"{{"unit":"u1","names":["{NAME}"],"years":2}}"#);
    let order = script.server.ok("submitter", "POST", "/v1/orders", &order)["id"].as_str().unwrap().to_owned();
    script.refused("PUT", &holder, r#"{"unit":"u5","consent":"doc-1"}"#, "name_claimed", "");
    script.server.ok("submitter", "DELETE", &format!("/v1/orders/{order}"), "");
    script.refused("PUT", &old, &name(r#","years":5"#), "term_by_renewal_only", "years");
    script.refused("GET", new, "", "name_not_found", "");
    script.refused("DELETE", new, "", "name_not_found", "");
}

/// Resolutions: R38 to R42.
fn resolutions(script: &mut Script) {
    let forwards = "转发.政务";
    script.server.name(forwards, "u1");
    script.server.resolve(forwards, r#"{"type":"URL","target":"https://site.example/"}"#);
    let loops = format!("https://{}.xn--zfr164b/", crate::server::label(forwards));
    let cases = [
        (r#"{"type":"A","addresses":["http://site.example/"]}"#, "address_invalid", "resolution.addresses[0]"),
        (r#"{"type":"A","addresses":[]}"#, "address_invalid", "resolution.addresses"),
        (r#"{"type":"A","addresses":["203.0.113.5","203.0.113.5"]}"#, "address_invalid", "resolution.addresses[1]"),
        (r#"{"type":"A","addresses":["0.0.0.0"]}"#, "address_invalid", "resolution.addresses[0]"),
        (r#"{"type":"A","addresses":"203.0.113.5"}"#, "wrong_type", "resolution.addresses"),
        (r#"{"type":"A","addresses":["203.0.113.5"],"ttl":59}"#, "ttl_invalid", "resolution.ttl"),
        (
            r#"{"type":"A","addresses":["203.0.113.5"],"target":"https://x.example/"}"#,
            "unknown_field",
            "resolution.target",
        ),
        (r#"{"type":"A"}"#, "missing_field", "resolution.addresses"),
        (r#"{"type":"URL","target":"203.0.113.5"}"#, "target_invalid", "resolution.target"),
        (r#"{"type":"URL","target":"https://user@site.example/"}"#, "target_invalid", "resolution.target"),
        (r#"{"type":"URL","target":"https://site.example/","code":303}"#, "redirect_code_invalid", "resolution.code"),
        (r#"{"type":"URL","target":"LOOP"}"#, "target_loop", "resolution.target"),
        (r#"{"type":"NS","servers":[]}"#, "server_invalid", "resolution.servers"),
        (
            r#"{"type":"NS","servers":["ns.example"],"ds":[{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"0"}]}"#,
            "ds_invalid",
            "resolution.ds[0].digest",
        ),
    ];
    for (resolution, code, field) in cases {
        let body = format!(r#"{{"name":"{NAME}","resolution":{}}}"#, resolution.replace("LOOP", &loops));
        script.refused("POST", "/v1/changes", &body, code, field);
    }
    let addresses: Vec<String> = (0..17).map(|n| format!("\"203.0.113.{n}\"")).collect();
    let many = format!(r#"{{"name":"{NAME}","resolution":{{"type":"A","addresses":[{}]}}}}"#, addresses.join(","));
    script.refused("POST", "/v1/changes", &many, "address_invalid", "resolution.addresses");
    let unregistered = r#"{"name":"没有.政务","resolution":{"type":"A","addresses":["203.0.113.5"]}}"#;
    script.refused("POST", "/v1/changes", unregistered, "name_not_found", "name");
    let foreign = format!(r#"{{"name":"{NAME}","resolution":{{"type":"A","addresses":["203.0.113.5"]}}}}"#);
    script.refused_to(&format!("submitter@{AWAY}"), "POST", "/v1/changes", &foreign, "region_foreign", "name");
}

/// Approvals and decisions: R17, R18.
fn reviews(script: &mut Script) {
    let with = |approvals: &str| {
        format!(
            r#"{{"name":"{NAME}","resolution":{{"type":"A","addresses":["203.0.113.5"]}},"approvals":{approvals}}}"#
        )
    };
    let both = r#"[{"level":"local","by":"r-1"},{"level":"central","by":"r-2"}]"#;
    script.refused("POST", "/v1/changes", &with("[]"), "approvals_incomplete", "approvals");
    script.refused(
        "POST",
        "/v1/changes",
        &with(r#"[{"level":"local","by":"r-1"}]"#),
        "approvals_incomplete",
        "approvals",
    );
    script.refused("POST", "/v1/changes", &with(r#"[{"level":"top","by":"r-1"}]"#), "wrong_type", "approvals[0].level");
    let same = both.replace("r-2", "r-1");
    script.refused("POST", "/v1/changes", &with(&same), "same_principal", "approvals");
    let own = both.replace("r-2", "operator");
    script.refused("POST", "/v1/changes", &with(&own), "same_principal", "approvals");
    script.refused_to("submitter", "POST", "/v1/changes", &with(both), "role_forbidden", "");
    let id = script.change("submitter", NAME, "203.0.113.5");
    script.refused("POST", "/v1/changes", &with(both), "change_pending", "name");
    let decisions = format!("/v1/changes/{id}/decisions");
    let decision = |level: &str, rest: &str| format!(r#"{{"level":"{level}","decision":{rest}}}"#);
    let (approve, reject) = ("\"approve\"", "\"reject\"");
    script.refused_to("central-reviewer", "POST", &decisions, &decision("central", approve), "local_review_first", "");
    script.refused_to("local-reviewer", "POST", &decisions, &decision("local", reject), "reason_required", "reason");
    for remark in ["a\\u202eb", "x".repeat(1001).as_str()] {
        let body = decision("local", &format!(r#""approve","reason":"{remark}""#));
        script.refused_to("local-reviewer", "POST", &decisions, &body, "reason_required", "reason");
    }
    let away = format!("local-reviewer@{AWAY}");
    script.refused_to(&away, "POST", &decisions, &decision("local", approve), "region_foreign", "");
    for unknown in ["c999", "c0", "x", "c1x"] {
        script.refused("GET", &format!("/v1/changes/{unknown}"), "", "change_not_found", "");
    }
    script.refused_to("submitter@620421", "DELETE", &format!("/v1/changes/{id}"), "", "role_forbidden", "");
    // The resolution moves under the waiting change: an import brings another one.
    let line = format!(
        r#"{{"name":{{"name":"{NAME}","unit":"u1","registered":"2026-11-22T08:00:00Z","expires":"2028-11-22","resolution":{{"type":"A","addresses":["203.0.113.9"]}},"basis":"migration"}}}}"#
    );
    assert_eq!(script.server.import("id=stale", &line)["applied"], 1);
    script.refused_to("local-reviewer", "POST", &decisions, &decision("local", approve), "change_stale", "");
    script.server.ok("submitter", "DELETE", &format!("/v1/changes/{id}"), "");
    script.refused_to("local-reviewer", "POST", &decisions, &decision("local", approve), "change_not_pending", "");
    script.refused_to("submitter", "DELETE", &format!("/v1/changes/{id}"), "", "change_not_pending", "");
}

fn holds(script: &mut Script) {
    let on_unit = "/v1/units/u1/holds";
    let put = |script: &mut Script, reason: &str, body: &str, code: &str, field: &str| {
        script.refused("PUT", &format!("{on_unit}/{reason}"), body, code, field);
    };
    let penalise = |script: &mut Script, step: &str, end: &str, code: &str, field: &str| {
        let body = format!(r#"{{"step":"{step}","violation":"OTHER","evidence":"d"{end}}}"#);
        script.refused("POST", "/v1/units/u1/penalties", &body, code, field);
    };
    penalise(script, "suspension", r#","end":"2027-01-31""#, "penalty_out_of_order", "step");
    penalise(script, "deletion", "", "penalty_out_of_order", "step");
    penalise(script, "praise", "", "penalty_invalid", "step");
    penalise(script, "warning", r#","end":"2027-01-31""#, "penalty_invalid", "end");
    put(script, "BORED", r#"{"evidence":"d"}"#, "invalid_parameter", "reason");
    put(script, "legal", r#"{"evidence":"d"}"#, "invalid_parameter", "reason");
    put(script, "EXPIRED", r#"{"evidence":"d"}"#, "hold_by_clock_only", "reason");
    put(script, "LEGAL", r#"{"evidence":""}"#, "hold_invalid", "evidence");
    put(script, "LEGAL", r#"{"evidence":"d","end":"tomorrow"}"#, "hold_invalid", "end");
    put(script, "LEGAL", r#"{"evidence":"d","end":"2026-11-21"}"#, "hold_invalid", "end");
    put(script, "PENALTY", r#"{"evidence":"d"}"#, "hold_invalid", "end");
    put(script, "PENALTY", r#"{"evidence":"d","end":"2027-02-21"}"#, "hold_invalid", "end");
    script.refused("DELETE", &format!("{on_unit}/LEGAL"), "", "hold_not_found", "");
    script.refused("DELETE", &format!("/v1/names/{NAME}/holds/EXPIRED"), "", "hold_by_clock_only", "reason");
    script.refused("PUT", "/v1/units/u9/holds/LEGAL", r#"{"evidence":"d"}"#, "unit_not_found", "");
    script.refused("PUT", "/v1/names/没有.政务/holds/LEGAL", r#"{"evidence":"d"}"#, "name_not_found", "");
    script.refused("POST", "/v1/brake/release", r#"{"reason":"none"}"#, "brake_not_engaged", "");
    let versioned = "If-Match: \"1\"\r\nContent-Type: application/json\r\n";
    let body = br#"{"reason":"none"}"#;
    // What is new, many objects or none has no version: it is refused before the body is looked at.
    for target in ["brake/release", "applications", "orders", "renewals", "zones/reload"] {
        script.refused_with(versioned, "POST", &format!("/v1/{target}"), body, "if_match_invalid", "If-Match");
    }
}

/// Lists of holds; what is wrong with single lines has its own tests in `hold_lists`.
fn lists(script: &mut Script) {
    for target in ["/v1/holds", "/v1/holds/lifts"] {
        script.refused("POST", target, "{}", "unsupported_media_type", "Content-Type");
        for (query, body, code, field) in [
            ("", "", "batch_empty", ""),
            ("", "[]\n", "list_invalid", ""),
            ("?dry_run=no", "", "invalid_parameter", "dry_run"),
        ] {
            let headers = "Authorization: Bearer operator\r\nContent-Type: application/x-ndjson\r\n";
            let before = script.server.everything();
            let reply = script.server.raw("POST", &format!("{target}{query}"), headers, body.as_bytes());
            script.check("POST", target, &reply, code, field);
            assert_eq!(script.server.everything(), before);
        }
    }
    script.seen.insert("malformed_csv".to_owned());
    for (query, field) in [
        ("region=6", "region"),
        ("from=someday", "from"),
        ("to=2026-02-30", "to"),
        ("from=2026-02-02&to=2026-02-01", "to"),
        ("reason=BORED", "reason"),
        ("format=xml", "format"),
        ("since=2026", "since"),
    ] {
        script.refused("GET", &format!("/v1/holds?{query}"), "", "invalid_parameter", field);
    }
    script.refused("GET", "/v1/blacklist?from=2026-01-01", "", "invalid_parameter", "from");
    let home = format!("auditor@{}", HOME);
    for report in ["holds", "blacklist"] {
        script.refused_to(&home, "GET", &format!("/v1/{report}?region=62"), "", "region_foreign", "region");
    }
}

/// What a token alone may not do where the settings guard it (R60).
fn second_factor(script: &mut Script) {
    let mut guarded = Script::over(Server::guarded());
    let code = "second_factor_required";
    for target in ["/v1/units/u1/holds/LEGAL", "/v1/names/教育局.政务/holds/BLACKLIST"] {
        guarded.refused("PUT", target, r#"{"evidence":"d"}"#, code, "");
        guarded.refused("DELETE", target, "", code, "");
    }
    guarded.refused("DELETE", "/v1/names/教育局.政务", "", code, "");
    crate::site_reviews::second_factor(&mut guarded);
    guarded.refused("POST", "/v1/brake/release", r#"{"reason":"meant"}"#, code, "");
    let both = r#"[{"level":"local","by":"r-1"},{"level":"central","by":"r-2"}]"#;
    let resolution = r#"{"type":"A","addresses":["203.0.113.5"]}"#;
    let body = format!(r#"{{"name":"{NAME}","resolution":{resolution},"approvals":{both}}}"#);
    guarded.refused("POST", "/v1/changes", &body, code, "");
    let id = guarded.change("submitter", NAME, "203.0.113.5");
    let decisions = format!("/v1/changes/{id}/decisions");
    let central = r#"{"level":"central","decision":"approve"}"#;
    guarded.refused_to("central-reviewer", "POST", &decisions, central, code, "");
    let wrong = "X-Second-Factor: 000000\r\n";
    guarded.refused_with(wrong, "DELETE", "/v1/names/教育局.政务", b"", "second_factor_invalid", "X-Second-Factor");
    for _ in 0..4 {
        guarded.server.raw(
            "DELETE",
            "/v1/names/教育局.政务",
            &format!("Authorization: Bearer operator\r\n{wrong}"),
            b"",
        );
    }
    guarded.refused_with(wrong, "DELETE", "/v1/names/教育局.政务", b"", "too_many_requests", "X-Second-Factor");
    // An import is no way around it.
    let unit = r#"{"unit":{"id":"u1","name":"教育局","kind":"organ","region":"620421","holds":[{"reason":"LEGAL","start":"2026-11-01","evidence":"d"}]}}"#;
    let before = guarded.server.export();
    let report = guarded.server.import("id=guarded", unit);
    assert_eq!(report["refusals"][0]["code"], code, "{report}");
    assert_eq!(guarded.server.export(), before);
    // A hold of one name, and a rehearsal, need none.
    let hold = r#"{"evidence":"d"}"#;
    guarded.server.ok("operator", "PUT", "/v1/names/教育局.政务/holds/LEGAL", hold);
    guarded.server.ok("operator", "PUT", "/v1/units/u1/holds/LEGAL?dry_run=true", hold);
    script.learn(guarded);
}

/// The life of terms: R35 to R37, R54. It moves the clock, so it has a server of its own.
fn terms(script: &mut Script) {
    let mut aged = Script::new();
    let name = format!("/v1/names/{NAME}");
    let migration = format!("{name}/migration");
    let contacts = "/v1/units/u1/contact-changes";
    for bad in ["2026-11-23", "lately"] {
        let body = format!(r#"{{"changed":"{bad}"}}"#);
        aged.refused("POST", contacts, &body, "contact_change_invalid", "changed");
    }
    // R53: on the twentieth working day in time, on the day after late, and taken all the same.
    for (changed, state) in [("2026-10-25", "late"), ("2026-10-26", "in_time"), ("2026-11-22", "in_time")] {
        let reply = aged.server.ok("submitter", "POST", contacts, &format!(r#"{{"changed":"{changed}"}}"#));
        assert_eq!((&reply["id"], &reply["state"]), (&"u1".into(), &state.into()), "{changed}");
    }
    aged.refused("POST", &format!("{name}/unfreeze"), "", "not_frozen", "");
    aged.refused("POST", &format!("{name}/unfreeze"), "{}", "malformed_json", "");
    for bad in ["2026-11-21", "2027-11-23", "soon"] {
        aged.refused("PUT", &migration, &format!(r#"{{"notice":"{bad}"}}"#), "migration_invalid", "notice");
    }
    aged.server.ok("operator", "PUT", &migration, r#"{"notice":"2026-11-23"}"#);
    aged.refused("DELETE", &name, "", "migration_running", "");
    aged.server.name("无迁移.政务", "u1");
    aged.refused("DELETE", "/v1/names/无迁移.政务/migration", "", "migration_not_found", "");
    // Under the other suffix names are deleted by the other profile.
    let redeemed = "/v1/names/福利院.公益";
    aged.server.ok("operator", "PUT", redeemed, r#"{"unit":"u2","years":2}"#);
    let at = |days: i64| Timestamp(crate::server::NOW).term_end(2).add_days(days);
    for days in [45, 75] {
        aged.server.clock.set(at(days));
        aged.server.export();
    }
    aged.refused("POST", &format!("{redeemed}/renewals"), r#"{"years":2}"#, "deletion_final", "");
    aged.refused("POST", &format!("{redeemed}/unfreeze"), "", "deletion_final", "");
    aged.refused("DELETE", redeemed, "", "deletion_final", "");
    let order = r#"{"unit":"u2","names":["福利院.公益"],"years":2}"#;
    aged.refused("POST", "/v1/orders", order, "deletion_final", "names[0]");
    let change = r#"{"name":"福利院.公益","resolution":{"type":"A","addresses":["203.0.113.5"]}}"#;
    aged.refused("POST", "/v1/changes", change, "deletion_final", "name");
    for days in [730, 760] {
        aged.server.clock.set(at(days));
        aged.server.export();
    }
    aged.server.unit("u3", "organ");
    aged.refused("PUT", &name, r#"{"unit":"u3","years":2}"#, "label_kept", "name");
    let line = r#"{"name":{"name":"教育局.政务","unit":"u3","registered":"2026-11-22","expires":"2036-11-22"}}"#;
    let before = aged.server.export();
    let report = aged.server.import("id=kept", line);
    assert_eq!(report["refusals"][0]["code"], "label_kept", "{report}");
    assert_eq!(aged.server.export(), before);
    aged.server.ok("operator", "PUT", &name, r#"{"unit":"u1","years":2}"#);
    script.learn(aged);
}

/// What goes wrong in the server.
fn failures(script: &mut Script) {
    busy(script);
    let unit = r#"{"name":"x","kind":"organ","region":"620421"}"#;
    script.server.end_writer();
    let reply = script.server.call("operator", "PUT", "/v1/units/u8", unit);
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    script.check("PUT", "/v1/units/u8", &reply, "unwritable", "");
    let reply = script.server.call("operator", "GET", "/v1/units/u1", "");
    script.check("GET", "/v1/units/u1", &reply, "unavailable", "");
    let reply =
        script.server.import_reply("id=late", r#"{"unit":{"id":"u8","name":"x","kind":"organ","region":"62"}}"#);
    assert_eq!(reply.json()["line"], 1, "an import says where to go on");
    script.check("POST", "/v1/import", &reply, "unwritable", "");
    std::fs::remove_dir_all(script.server.directory().join("journal")).unwrap();
    let reply = script.server.call("viewer", "GET", "/v1/journal", "");
    assert_eq!(reply.status, 500);
    script.check("GET", "/v1/journal", &reply, "internal", "");
    assert!(!reply.text().contains("journal/"), "causes are for the log");
}

/// The writer stands still, and its queue fills.
fn busy(script: &mut Script) {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let handle = script.server.admin.handle.clone();
    let (began, begun) = std::sync::mpsc::channel::<()>();
    script.server.runtime.spawn({
        let handle = handle.clone();
        async move {
            let stood = handle.read(move |_| {
                began.send(()).unwrap();
                held.recv().unwrap();
            });
            stood.await.unwrap();
        }
    });
    begun.recv().unwrap();
    let full = script.server.runtime.block_on(async {
        let mut waiting = tokio::task::JoinSet::new();
        loop {
            let handle = handle.clone();
            let mut read = Box::pin(async move { handle.read(|_| ()).await.is_ok() });
            // Polled once, it is in the queue, or it is refused because the queue is full.
            let polled = std::future::poll_fn(|context| std::task::Poll::Ready(read.as_mut().poll(context))).await;
            match polled {
                std::task::Poll::Ready(false) => return waiting,
                std::task::Poll::Ready(true) => panic!("the writer does not stand still"),
                std::task::Poll::Pending => drop(waiting.spawn(read)),
            }
        }
    });
    let reply = script.server.call("operator", "GET", "/v1/units/u1", "");
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    script.check("GET", "/v1/units/u1", &reply, "busy", "");
    release.send(()).unwrap();
    let all = script.server.runtime.block_on(full.join_all());
    assert!(all.len() > 1000 && all.iter().all(|done| *done));
    assert_eq!(script.server.call("operator", "GET", "/v1/units/u1", "").status, 200);
}
