//! The gateway over real HTTP: redirects, notices, hosts in every form, and the limits of its listener.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

#[path = "../common/http.rs"]
mod http;
mod limits;
#[path = "../common/served.rs"]
mod served;
mod tls;

use http::Listener;
use served::{held, served, snapshot};
use zhengming::gateway;
use zhengming::http::Limits;
use zhengming::snapshot::Publisher;
use zhengming::telemetry::{Exporter, Gateway as Metrics};
use zhengming::zone::Published;

/// 中国政府网, 中央编办, 审核管理平台, 财政局 and 国家税务总局 in A-labels.
const PLAIN: &str = "xn--fiqs8sirgfmhq98a";
const KEEPING: &str = "xn--fiq11i8xgb87b";
const EXPIRED: &str = "xn--kprv2p5nc27ozzo0xk";
const LEGAL: &str = "xn--dgt32shz8a";
const HOSTED: &str = "xn--zfr54hw1e2pag3nj78b";

fn registrations() -> Vec<(&'static str, Published)> {
    vec![
        (PLAIN, forward("https://portal.example/", 302, false, true)),
        (KEEPING, forward("https://keeping.example/base?x=1", 308, true, false)),
        (EXPIRED, held("EXPIRED", 0, 403)),
        (LEGAL, held("LEGAL", 16, 451)),
        (HOSTED, Published::Addresses { addresses: vec![[203, 0, 113, 5].into()], ttl: 600, www: true }),
    ]
}

fn forward(target: &str, code: u16, keep_path: bool, www: bool) -> Published {
    Published::Forward { target: target.into(), code, keep_path, ttl: 300, www }
}

/// A gateway with the registrations above.
fn start(limits: Limits) -> (Listener, Publisher, Exporter) {
    let (publisher, reader) = served(&registrations());
    let exporter = Exporter::new();
    (Listener::start(gateway::router(reader, Metrics::new(&exporter)), limits, None), publisher, exporter)
}

#[test]
fn hosts_in_every_form() {
    let (listener, _publisher, _) = start(gateway::limits());
    let name = format!("{PLAIN}.xn--zfr164b");
    for (host, status) in [
        (name.clone(), 302),
        (name.to_uppercase(), 302),
        (format!("{name}."), 302),
        (format!("{name}:8080"), 302),
        (format!("{name}.:80"), 302),
        (format!("www.{name}"), 302),
        (format!("WWW.{name}."), 302),
        ("中国政府网.政务".into(), 302),
        ("www.中国政府网。政务:8080".into(), 302),
        (format!("{KEEPING}.xn--zfr164b"), 308),
        // Its registration has no `www`.
        (format!("www.{KEEPING}.xn--zfr164b"), 404),
        // Exactly the name and `www`: nothing else below it.
        (format!("mail.{name}"), 404),
        (format!("www.www.{name}"), 404),
        (format!("{EXPIRED}.xn--zfr164b"), 403),
        (format!("www.{EXPIRED}.xn--zfr164b"), 403),
        (format!("{LEGAL}.xn--zfr164b"), 451),
        // Resolves elsewhere: no business of the gateway.
        (format!("{HOSTED}.xn--zfr164b"), 404),
        ("xn--zfr164b".into(), 404),
        ("nic.xn--zfr164b".into(), 404),
        ("unknown.example".into(), 404),
        ("192.0.2.1".into(), 404),
        ("[2001:db8::1]:80".into(), 404),
        (String::new(), 400),
        (format!("user@{name}"), 400),
        (format!("{name}:port"), 400),
        (format!("{name}/x"), 400),
    ] {
        assert_eq!(listener.get(&host, "/").status, status, "Host: {host}");
    }
}

#[test]
fn requests_without_one_host_are_refused() {
    let (listener, _publisher, _) = start(gateway::limits());
    let name = format!("{PLAIN}.xn--zfr164b");
    for (request, status) in [
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".into(), 400),
        (format!("GET / HTTP/1.1\r\nHost: {name}\r\nHost: {name}\r\nConnection: close\r\n\r\n"), 400),
        (format!("GET http://{name}/ HTTP/1.1\r\nConnection: close\r\n\r\n"), 400),
        // The target's host counts, not the field's (RFC 9112 §3.2.2).
        (format!("GET http://{name}/ HTTP/1.1\r\nHost: unknown.example\r\nConnection: close\r\n\r\n"), 302),
        (format!("GET http://unknown.example/ HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"), 404),
        (format!("CONNECT {name}:443 HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"), 400),
        (format!("OPTIONS * HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"), 302),
        (format!("GET / HTTP/1.0\r\nHost: {name}\r\n\r\n"), 302),
        ("GET / HTTP/1.0\r\n\r\n".into(), 400),
    ] {
        assert_eq!(listener.exchange(request.as_bytes()).status, status, "{request:?}");
    }
}

#[test]
fn a_redirect_says_where_and_for_how_long() {
    let (listener, _publisher, _) = start(gateway::limits());
    let host = format!("{PLAIN}.xn--zfr164b");
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
        let request = format!("{method} /a?b=c HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let response = listener.exchange(request.as_bytes());
        assert_eq!(response.status, 302, "{method}");
        assert_eq!(response.header("Location"), Some("https://portal.example/"), "{method}");
        assert_eq!(response.header("Cache-Control"), Some("max-age=300"));
        assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(response.body, "");
    }
}

#[test]
fn path_and_query_follow_where_the_forward_keeps_them() {
    let (listener, _publisher, _) = start(gateway::limits());
    let host = format!("{KEEPING}.xn--zfr164b");
    for (target, location) in [
        ("/", "https://keeping.example/base?x=1"),
        ("/a/b?c=d", "https://keeping.example/base/a/b?x=1&c=d"),
        ("//other.example/", "https://keeping.example/base/other.example/?x=1"),
        ("/../../etc", "https://keeping.example/base/etc?x=1"),
        ("/a%0d%0aSet-Cookie:%20a=b", "https://keeping.example/base/a%0d%0aSet-Cookie:%20a=b?x=1"),
    ] {
        let response = listener.get(&host, target);
        assert_eq!((response.status, response.header("Location")), (308, Some(location)), "{target}");
        assert_eq!(response.header("Set-Cookie"), None);
    }
}

#[test]
fn notices_are_plain_pages_in_both_languages() {
    let (listener, _publisher, _) = start(gateway::limits());
    for (host, status, texts) in [
        (EXPIRED, 403, ["审核管理平台.政务", "已到期", "expired"]),
        (LEGAL, 451, ["财政局.政务", "法院", "order of a court"]),
        ("unknown", 404, ["<h1>", "未找到", "Not found"]),
    ] {
        let response = listener.get(&format!("{host}.xn--zfr164b"), "/script");
        assert_eq!(response.status, status);
        for text in texts {
            assert!(response.body.contains(text), "{text} is missing in {}", response.body);
        }
        assert!(!response.body.contains("script"), "nothing of the request but the name");
        assert_eq!(response.header("Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!(response.header("Cache-Control"), Some("no-store"));
        assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
        assert!(response.header("Content-Security-Policy").unwrap().starts_with("default-src 'none'"));
    }
}

#[test]
fn a_hold_and_its_end_are_seen_by_the_next_request() {
    let (listener, mut publisher, _) = start(gateway::limits());
    let host = format!("{PLAIN}.xn--zfr164b");
    for round in 0..5 {
        assert_eq!(listener.get(&host, "/").status, 302, "round {round}");
        publisher.publish(snapshot(&[(PLAIN, held("PENALTY", 15, 403))]));
        assert_eq!(listener.get(&host, "/").status, 403, "round {round}");
        publisher.publish(snapshot(&registrations()));
    }
}

#[test]
fn responses_are_counted_by_status() {
    let (listener, _publisher, exporter) = start(gateway::limits());
    for host in [PLAIN, PLAIN, EXPIRED, "unknown", "not a host"] {
        listener.get(&format!("{host}.xn--zfr164b"), "/");
    }
    let text = exporter.render();
    for (status, count) in [(302, 2), (403, 1), (404, 1), (400, 1)] {
        let line = format!("zhengming_gateway_responses_total{{status=\"{status}\"}} {count}");
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
}
