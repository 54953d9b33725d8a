//! What all writes have in common: idempotency keys, If-Match and ETag, dry runs, receipts.

use crate::server::Server;

const UNIT: &str = r#"{"name":"教育局","kind":"organ","region":"620421"}"#;
const OTHER: &str = r#"{"name":"财政局","kind":"organ","region":"620421"}"#;

#[test]
fn a_write_with_a_key_is_done_once() {
    let server = Server::new();
    let put = |server: &Server, token: &str, body: &str| {
        server.with(token, "PUT", "/v1/units/u1", "Idempotency-Key: k-1\r\n", body)
    };
    let first = put(&server, "operator", UNIT);
    let before = server.export();
    let second = put(&server, "operator", UNIT);
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.json(), second.json());
    assert_eq!(first.header("etag"), second.header("etag"));
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), (None, Some("true")));
    assert_eq!(put(&server, "operator", OTHER).code(), "idempotency_key_reused");
    assert_eq!(server.export(), before);
    let server = server.restart();
    assert_eq!(put(&server, "operator", UNIT).json(), first.json(), "also after a restart");
    // Keys belong to their principal.
    assert_eq!(put(&server, "operator@620421", OTHER).status, 200);
}

#[test]
fn a_key_of_a_refused_write_is_free_again() {
    let server = Server::new();
    let put = |body: &str| server.with("operator", "PUT", "/v1/units/u1", "Idempotency-Key: k-1\r\n", body);
    assert_eq!(put(r#"{"name":"教育局","kind":"organ","region":"6"}"#).code(), "unit_invalid");
    assert_eq!(put(UNIT).status, 201);
}

#[test]
fn versions_guard_against_concurrent_edits() {
    let server = Server::new();
    let created = server.with("operator", "PUT", "/v1/units/u1", "", UNIT);
    let tag = created.header("etag").unwrap().to_owned();
    let shown = server.call("viewer", "GET", "/v1/units/u1", "");
    assert_eq!(shown.header("etag"), Some(&*tag));
    assert_eq!(tag, format!("\"{}\"", shown.json()["version"]));
    let put =
        |tag: &str, body: &str| server.with("operator", "PUT", "/v1/units/u1", &format!("If-Match: {tag}\r\n"), body);
    let edited = put(&tag, OTHER);
    assert_eq!(edited.status, 200);
    let stale = put(&tag, UNIT);
    assert_eq!((stale.status, stale.code().as_str()), (412, "version_stale"));
    assert_eq!(put(edited.header("etag").unwrap(), UNIT).status, 200);
    // An object that is not there has no version.
    let absent = server.with("operator", "PUT", "/v1/units/u2", "If-Match: \"1\"\r\n", UNIT);
    assert_eq!(absent.status, 412);
}

#[test]
fn a_dry_run_shows_everything_and_changes_nothing() {
    let server = Server::new();
    server.unit("u1", "organ");
    server.name("教育局.政务", "u1");
    let before = server.export();
    let body = r#"{"name":"教育局.政务","resolution":{"type":"A","addresses":["203.0.113.5"]},
        "approvals":[{"level":"local","by":"r-1"},{"level":"central","by":"r-2"}]}"#;
    let headers = "Idempotency-Key: k-9\r\n";
    let tried = server.with("operator", "POST", "/v1/changes?dry_run=true", headers, body);
    assert_eq!(tried.status, 200);
    let shown = tried.json();
    assert!(shown["seq"].is_null());
    assert_eq!(shown["state"], "live");
    assert_eq!(shown["preview"]["names"][0]["resolution"]["addresses"][0], "203.0.113.5");
    let lines = shown["preview"]["differences"]["xn--zfr164b.cn."].as_array().unwrap();
    let comes = |text: &str| {
        lines.iter().any(|line| line.as_str().unwrap().starts_with('+') && line.as_str().unwrap().contains(text))
    };
    assert!(comes("203.0.113.5") && comes("www."), "{lines:?}");
    assert_eq!(server.export(), before);
    assert!(server.nxdomain("教育局.政务"));
    // The key is not used up, and the real write gets what was shown.
    let done = server.with("operator", "POST", "/v1/changes", headers, body);
    assert_eq!(done.status, 201);
    assert_eq!(done.json()["id"], shown["id"]);
    assert!(server.answers("教育局.政务", [203, 0, 113, 5]));
}

#[test]
fn a_receipt_names_object_line_and_serials() {
    let server = Server::new();
    server.unit("u1", "organ");
    let receipt = server.name("教育局.政务", "u1");
    assert_eq!((receipt["name"].as_str(), receipt["state"].as_str()), (Some("教育局.政务"), Some("inactive")));
    assert_eq!(receipt["at"], "2026-11-22T08:00:00Z");
    assert_eq!(receipt["serials"], serde_json::json!({}), "nothing visible has changed");
    let seq = receipt["seq"].as_u64().unwrap();
    let line = server.call("viewer", "GET", &format!("/v1/journal?after={}", seq - 1), "").text();
    assert!(line.contains(receipt["id"].as_str().unwrap()) && line.contains("name.put"), "{line}");
    let live = server.resolve("教育局.政务", r#"{"type":"A","addresses":["203.0.113.5"]}"#);
    let apexes: Vec<&String> = live["serials"].as_object().unwrap().keys().collect();
    assert_eq!(apexes, ["xn--zfr164b.", "xn--zfr164b.cn."]);
    assert_eq!(server.ok("operator", "DELETE", "/v1/names/教育局.政务", "")["state"], "deleted");
    assert_eq!(server.call("viewer", "GET", "/v1/names/教育局.政务", "").code(), "name_not_found");
}

/// The residual TTL of a reply: what caches may go on with, counted from what was published (RFC 9499 §5, RFC 2308 §5).
#[test]
fn replies_tell_how_long_caches_may_answer_the_old() {
    let server = Server::new();
    server.unit("u1", "organ");
    let residual = |receipt: &serde_json::Value| receipt["residual_ttl_secs"].as_u64();
    assert_eq!(residual(&server.name("甲.政务", "u1")), None, "nothing is published yet");
    server.name("乙.政务", "u1");
    server.name("丙.政务", "u1");
    let short = r#"{"type":"A","addresses":["203.0.113.5"],"ttl":120}"#;
    assert_eq!(residual(&server.resolve("甲.政务", short)), Some(300), "that it was denied");
    server.resolve("乙.政务", r#"{"type":"URL","target":"https://site.example/","ttl":240}"#);
    server.resolve("丙.政务", r#"{"type":"NS","servers":["ns1.example","ns2.example"]}"#);
    // The old address lives for its own TTL; a type that was missing, or `www`, for that of the denial.
    let long = r#"{"type":"A","addresses":["203.0.113.6"],"ttl":540}"#;
    assert_eq!(residual(&server.resolve("甲.政务", long)), Some(300));
    assert_eq!(residual(&server.resolve("甲.政务", short)), Some(540));
    let place = |on: &str, reason: &str, headers: &str, query: &str| {
        let reply =
            server.with("operator", "PUT", &format!("/v1/{on}/holds/{reason}{query}"), headers, r#"{"evidence":"d"}"#);
        assert_eq!(reply.status, 200, "{}", reply.text());
        residual(&reply.json())
    };
    let lift =
        |on: &str, reason: &str| residual(&server.ok("operator", "DELETE", &format!("/v1/{on}/holds/{reason}"), ""));
    assert_eq!(place("names/甲.政务", "LEGAL", "", ""), Some(120));
    // A second reason takes nothing away, and lifting one of two brings nothing back.
    assert_eq!(place("names/甲.政务", "UNIT_REQUEST", "", ""), None);
    assert_eq!(lift("names/甲.政务", "UNIT_REQUEST"), None);
    // Of all the names of a unit the greatest counts, and only those that stop; a rehearsal says it before.
    assert_eq!(place("units/u1", "LEGAL", "", "?dry_run=true"), Some(3600));
    let key = "Idempotency-Key: k-1\r\n";
    assert_eq!(place("units/u1", "LEGAL", key, ""), Some(3600));
    assert_eq!(place("units/u1", "LEGAL", key, ""), Some(3600), "answered as before");
    let history = server.ok("auditor", "GET", "/v1/units/u1/history", "");
    assert_eq!(history["items"][0]["residual_ttl_secs"], 3600);
    assert_eq!(lift("units/u1", "LEGAL"), Some(300));
    assert_eq!(residual(&server.ok("operator", "DELETE", "/v1/names/甲.政务", "")), None, "it did not resolve");
    assert_eq!(residual(&server.ok("operator", "DELETE", "/v1/names/乙.政务", "")), Some(240));
}

#[test]
fn lists_go_on_from_their_cursors() {
    let server = Server::new();
    for n in 10..35 {
        server.unit(&format!("u{n}"), "organ");
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.ok("viewer", "GET", &format!("/v1/units?limit=10{cursor}"), "");
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 10);
        seen.extend(items.iter().map(|unit| unit["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (10..35).map(|n| format!("u{n}")).collect::<Vec<_>>());
    for cursor in ["x", "i6", "izz", "e00"] {
        let reply = server.call("viewer", "GET", &format!("/v1/units?cursor={cursor}"), "");
        assert_eq!(
            (reply.code().as_str(), &reply.json()["field"]),
            ("invalid_parameter", &serde_json::json!("cursor"))
        );
    }
}
