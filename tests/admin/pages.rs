//! What is shown without a token, and the journal as auditors read it.

use crate::server::Server;
use sha2::{Digest, Sha256};

#[test]
fn the_page_of_the_api_needs_nothing_from_outside() {
    let server = Server::new();
    let get = |path: &str| server.raw("GET", path, "", b"");
    assert_eq!(get("/v1/docs").header("location"), Some("/v1/docs/"));
    let page = get("/v1/docs/");
    assert_eq!(page.status, 200);
    let html = page.text();
    let mut assets = 0;
    for part in html.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
        assert!(!part.contains("//"), "{part} is elsewhere");
        let asset = get(&format!("/v1/docs/{}", part.trim_start_matches("./")));
        assert_eq!(asset.status, 200, "{part}");
        assets += 1;
    }
    assert!(assets >= 4, "{html}");
    let start = get("/v1/docs/swagger-initializer.js").text();
    assert!(start.contains("/v1/openapi.json") && start.contains(r#""validatorUrl": "none""#), "{start}");
    assert!(!start.contains("http://") && !start.contains("https://"), "{start}");
    let document = get("/v1/openapi.json");
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(document.json()["openapi"], "3.1.0");
    assert!(get("/v1/roles").text().contains("| `POST /v1/changes/{id}/decisions` |"));
}

#[test]
fn health_readiness_and_metrics_are_open() {
    let server = Server::new();
    let get = |path: &str| server.raw("GET", path, "", b"");
    assert_eq!((get("/healthz").status, get("/healthz").text().as_str()), (200, "ok\n"));
    server.unit("u1", "organ");
    let ready = get("/readyz").json();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["version"], env!("CARGO_PKG_VERSION"));
    assert!(ready["seq"].as_u64().unwrap() >= 2);
    let metrics = get("/metrics");
    let line = r#"zhengming_admin_requests_total{endpoint="/v1/units/{id}",method="PUT",status="201"} 1"#;
    assert!(metrics.text().contains(line), "{}", metrics.text());
    assert!(get("/healthz").header("x-request-id").is_some_and(|id| id.len() == 16));
}

/// The lines of the journal are given as they are: each names the hash of the one before, and its own.
#[test]
fn the_journal_can_be_checked_by_anyone() {
    let server = Server::new();
    for n in 1..=5 {
        server.unit(&format!("u{n}"), "organ");
    }
    let mut lines: Vec<String> = Vec::new();
    loop {
        let reply = server.call("viewer", "GET", &format!("/v1/journal?after={}&limit=2", lines.len()), "");
        assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
        if reply.body.is_empty() {
            break;
        }
        assert!(reply.text().lines().count() <= 2);
        lines.extend(reply.text().lines().map(ToOwned::to_owned));
    }
    assert_eq!(lines.len(), 6, "the zones, and five units");
    let mut before = "0".repeat(64);
    for (number, line) in (1..).zip(&lines) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((value["seq"].as_u64(), value["prev"].as_str()), (Some(number), Some(&*before)));
        let (signed, _) = line.rsplit_once(r#","hash":"#).unwrap();
        before = Sha256::digest(signed.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(value["hash"].as_str(), Some(&*before));
        assert!(!line.contains("Bearer"));
    }
    assert!(lines[5].contains("unit.put") && lines[5].contains(r#""u5""#));
}
