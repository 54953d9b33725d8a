//! Second factors, limits, networks and ends of tokens, and the list of tokens.

use crate::server::{NOW, Reply, Server, limits, totp};
use std::sync::Barrier;
use zhengming::admin::AccessLimits;
use zhengming::registry::Timestamp;

const HOLD: &[u8] = br#"{"evidence":"doc-1"}"#;
const JSON: &str = "Content-Type: application/json\r\n";

/// A server where everything that can take a second factor does, half a minute after its start.
fn guarded() -> Server {
    let server = Server::guarded();
    server.unit("u1", "organ");
    server.name("教育局.政务", "u1");
    server.clock.set(Timestamp(NOW + 30));
    server
}

fn confirmed(server: &Server, method: &str, target: &str, body: &[u8], code: &str) -> Reply {
    let headers = format!("Authorization: Bearer operator\r\n{JSON}X-Second-Factor: {code}\r\n");
    server.raw(method, target, &headers, body)
}

fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{}", reply.text());
}

#[test]
fn a_code_confirms_one_act() {
    let server = guarded();
    let hold = "/v1/units/u1/holds/LEGAL";
    let before = server.export();
    let without = server.call("operator", "PUT", hold, r#"{"evidence":"doc-1"}"#);
    refused(&without, 403, "second_factor_required");
    assert!(without.text().contains("X-Second-Factor"), "it says what to do");
    refused(&confirmed(&server, "PUT", hold, HOLD, "000000"), 403, "second_factor_invalid");
    refused(&confirmed(&server, "PUT", hold, HOLD, "12345x"), 403, "second_factor_invalid");
    let old = totp().code_at(NOW);
    refused(&confirmed(&server, "PUT", hold, HOLD, &old), 403, "second_factor_invalid");
    assert_eq!(server.export(), before, "nothing changed");

    let code = totp().code_at(NOW + 30);
    // A rehearsal, and a read, use nothing up; nor does a role that may not.
    assert_eq!(confirmed(&server, "PUT", &format!("{hold}?dry_run=true"), HOLD, &code).status, 200);
    assert_eq!(confirmed(&server, "GET", "/v1/units/u1", b"", &code).status, 200);
    let viewer = format!("Authorization: Bearer viewer\r\n{JSON}X-Second-Factor: {code}\r\n");
    refused(&server.raw("PUT", hold, &viewer, HOLD), 403, "role_forbidden");
    assert_eq!(confirmed(&server, "PUT", hold, HOLD, &code).status, 200);
    assert!(server.nxdomain("教育局.政务"));
    refused(&confirmed(&server, "DELETE", hold, b"", &code), 403, "second_factor_invalid");
    server.clock.set(Timestamp(NOW + 60));
    assert_eq!(confirmed(&server, "DELETE", hold, b"", &totp().code_at(NOW + 60)).status, 200);
    let metrics = server.call("", "GET", "/metrics", "").text();
    for line in ["{result=\"confirmed\"} 2", "{result=\"used\"} 2", "{result=\"wrong\"} 1", "{result=\"malformed\"} 1"]
    {
        assert!(metrics.contains(&format!("zhengming_admin_second_factors_total{line}")), "{metrics}");
    }
}

/// Who has lost the answer sends the same again, the code too: it is told what was done, and nothing is done.
#[test]
fn a_request_that_was_confirmed_can_be_repeated_with_its_code() {
    let server = guarded();
    let code = totp().code_at(NOW + 30);
    let ask = |reason: &str, key: &str| {
        let headers = format!("Authorization: Bearer operator\r\n{JSON}X-Second-Factor: {code}\r\n{key}");
        server.raw("PUT", &format!("/v1/units/u1/holds/{reason}"), &headers, HOLD)
    };
    let first = ask("LEGAL", "Idempotency-Key: one\r\n");
    assert_eq!(first.status, 200, "{}", first.text());
    let again = ask("LEGAL", "Idempotency-Key: one\r\n");
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")), "{}", again.text());
    assert_eq!(again.json()["seq"], first.json()["seq"]);
    // What fails for another reason says so.
    refused(&ask("REGISTRY_ADMIN", "Idempotency-Key: one\r\n"), 422, "idempotency_key_reused");
    // It confirms nothing else, with another key or none.
    for key in ["Idempotency-Key: two\r\n", ""] {
        refused(&ask("REGISTRY_ADMIN", key), 403, "second_factor_invalid");
    }
}

#[test]
fn of_many_requests_with_one_code_one_is_done() {
    let server = guarded();
    let code = totp().code_at(NOW + 30);
    let reasons = ["LEGAL", "PENALTY", "BLACKLIST", "REGISTRY_ADMIN", "UNIT_REQUEST", "SITE_REVIEW_FAILED"];
    let start = Barrier::new(reasons.len());
    let done = std::thread::scope(|scope| {
        let ask = |reason: &str| {
            start.wait();
            let body = br#"{"evidence":"doc-1","end":"2026-12-01"}"#;
            confirmed(&server, "PUT", &format!("/v1/units/u1/holds/{reason}"), body, &code)
        };
        let threads: Vec<_> = reasons.iter().map(|reason| scope.spawn(move || ask(reason).status)).collect();
        let statuses: Vec<u16> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        statuses.iter().filter(|status| **status == 200).count()
    });
    assert_eq!(done, 1);
    let holds = server.call("operator", "GET", "/v1/units/u1", "").json()["holds"].as_array().unwrap().len();
    assert_eq!(holds, 1);
}

/// One code confirms a file; what the file removes is a batch to the brake all the same.
#[test]
fn a_code_does_not_carry_a_file_past_the_brake() {
    let server = guarded();
    let names: Vec<String> = (1..25).map(|number| format!("局{number}.政务")).collect();
    names.iter().for_each(|name| drop(server.name(name, "u1")));
    let removed: String = names.iter().map(|name| format!(r#"{{"removed":{{"name":"{name}"}}}}"#) + "\n").collect();
    let kind = "Content-Type: application/x-ndjson\r\n";
    let code = totp().code_at(NOW + 30);
    let headers = format!("Authorization: Bearer operator\r\n{kind}X-Second-Factor: {code}\r\n");
    let report = server.raw("POST", "/v1/import?id=r1", &headers, removed.as_bytes()).json();
    assert_eq!((report["applied"].as_u64(), report["refused"].as_u64()), (Some(20), Some(4)), "{report}");
    assert_eq!(report["refusals"][0]["code"], "brake");
}

#[test]
fn guesses_wait() {
    let server = guarded();
    let hold = "/v1/units/u1/holds/LEGAL";
    for _ in 0..5 {
        refused(&confirmed(&server, "PUT", hold, HOLD, "000000"), 403, "second_factor_invalid");
    }
    let reply = confirmed(&server, "PUT", hold, HOLD, &totp().code_at(NOW + 30));
    refused(&reply, 429, "too_many_requests");
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
}

#[test]
fn tokens_are_listed_without_what_lets_them_in() {
    let server = Server::new();
    assert_eq!(server.call("viewer", "GET", "/v1/tokens", "").status, 403);
    server.call("submitter@620421", "GET", "/v1/brake", "");
    let reply = server.call("auditor", "GET", "/v1/tokens", "");
    let list = reply.json();
    let tokens = list.as_array().unwrap();
    assert_eq!(tokens.len(), server.admin.tokens.get().len());
    let submitter = tokens.iter().find(|token| token["name"] == "submitter@620421").unwrap();
    assert_eq!(submitter["last_used"], "2026-11-22T08:00:00Z");
    assert_eq!(submitter["regions"], serde_json::json!(["620421"]));
    assert_eq!((submitter["second_factor"].as_bool(), submitter["expired"].as_bool()), (Some(true), Some(false)));
    let unused = tokens.iter().find(|token| token["name"] == "submitter").unwrap();
    assert!(unused["last_used"].is_null());
    let text = reply.text();
    assert!(!text.contains("hash") && !text.contains("GEZD"), "{text}");
    for token in server.admin.tokens.get().iter() {
        assert!(!text.contains(&zhengming::admin::token::hex(&token.hash)));
    }
}

#[test]
fn who_asks_or_fails_too_often_waits() {
    let server = Server::new();
    let get = |token: &str| server.call(token, "GET", "/v1/brake", "");
    server.admin.access.configure(AccessLimits { per_token: 1, ..limits() }, &server.admin.tokens.get());
    let limited = (0..30).map(|_| get("viewer")).find(|reply| reply.status == 429).expect("a limit");
    refused(&limited, 429, "too_many_requests");
    assert_eq!(limited.header("retry-after"), Some("1"));
    assert_eq!(get("auditor").status, 200, "another token has its own share");

    server.admin.access.configure(AccessLimits { failures: 3, ..limits() }, &server.admin.tokens.get());
    let statuses: Vec<u16> = (0..5).map(|_| get("nobody").status).collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    assert_eq!(get("viewer").status, 429, "whoever has a token by then cannot be told apart");
    let metrics = server.call("", "GET", "/metrics", "").text();
    assert!(metrics.contains("zhengming_admin_limited_total{limit=\"login\"} 3"), "{metrics}");

    let exempt = vec!["127.0.0.0/8".parse().unwrap()];
    let local = AccessLimits { per_address: 1, failures: 3, exempt, ..limits() };
    server.admin.access.configure(local, &server.admin.tokens.get());
    assert!((0..20).all(|_| get("viewer").status == 200), "local tools are not limited");
    server.admin.access.configure(AccessLimits { per_address: 1, ..limits() }, &server.admin.tokens.get());
    assert!((0..30).any(|_| get("viewer").status == 429));
}

#[test]
fn a_token_is_bound_to_its_networks_and_warned_of_before_its_end() {
    let server = Server::new();
    let mut tokens = (*server.admin.tokens.get()).clone();
    for token in &mut tokens {
        let network = if &*token.name == "viewer" { "192.0.2.0/24" } else { "127.0.0.0/8" };
        token.networks = vec![network.parse().unwrap()];
        token.expires = Some(Timestamp(NOW + 30 * 86_400 + 60));
    }
    server.admin.access.configure(limits(), &tokens);
    server.admin.tokens.set(tokens);
    refused(&server.call("viewer", "GET", "/v1/brake", ""), 401, "unauthorized");
    let reply = server.call("auditor", "GET", "/v1/brake", "");
    assert_eq!((reply.status, reply.header("x-token-expires")), (200, None));
    server.clock.set(Timestamp(NOW + 60));
    let reply = server.call("auditor", "GET", "/v1/brake", "");
    assert_eq!((reply.status, reply.header("x-token-expires")), (200, Some("2026-12-22t08:01:00z")));
    let metrics = server.call("", "GET", "/metrics", "").text();
    let end = format!("zhengming_admin_token_expiry_timestamp_seconds{{token=\"auditor\"}} {}", NOW + 30 * 86_400 + 60);
    assert!(metrics.contains(&end), "{metrics}");
    assert!(metrics.contains("zhengming_admin_auth_failures_total{reason=\"network_foreign\"} 1"), "{metrics}");
}
