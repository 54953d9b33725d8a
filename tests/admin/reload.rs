//! Zone files read again over the API: all or one, all of it or nothing.

use crate::server::{FILED, Server};
use zhengming::zone::Name;

const TARGET: &str = "/v1/zones/reload";

fn is_served(server: &Server) -> bool {
    let apex = Name::absolute(FILED).unwrap();
    server.admin.snapshots.load().zones.iter().any(|zone| *zone.apex() == apex)
}

#[test]
fn what_changed_is_served_and_journalled_and_what_did_not_is_not() {
    let server = Server::new();
    server.file("");
    let dry = server.ok("operator", "POST", "/v1/zones/reload?dry_run=true", r#"{"zone":null}"#);
    assert!(dry["seq"].is_null() && !is_served(&server));
    let done = server.ok("operator", "POST", TARGET, r#"{"zone":null}"#);
    assert_eq!(done["serials"][FILED], 7, "{done}");
    assert!(is_served(&server));
    let seq = done["seq"].as_u64().unwrap();
    let journal = server.call("viewer", "GET", &format!("/v1/journal?after={}", seq - 1), "").text();
    assert!(journal.contains("asked by operator: filed.example. sha256 "), "{journal}");
    let again = server.ok("operator", "POST", TARGET, r#"{"zone":"filed.example"}"#);
    assert!(again["seq"].is_null(), "{again}");
    server.file("a A 192.0.2.1\n");
    let changed = server.ok("operator", "POST", TARGET, r#"{"zone":"FILED.example."}"#);
    assert_eq!(changed["serials"][FILED], 8, "{changed}");
    // A zone in Chinese characters is the same as in A-labels.
    assert!(server.ok("operator", "POST", TARGET, r#"{"zone":"政务"}"#)["seq"].is_null());
}

#[test]
fn an_error_lists_all_with_file_and_line_and_keeps_the_old() {
    let server = Server::new();
    server.file("");
    server.ok("operator", "POST", TARGET, r#"{"zone":null}"#);
    server.file("a A 192.0.2.256\nb CNAME c\nb TXT x\n* MX 1\n");
    for zone in ["null", r#""filed.example""#] {
        let reply = server.call("operator", "POST", TARGET, &format!(r#"{{"zone":{zone}}}"#));
        assert_eq!((reply.status, reply.code().as_str()), (422, "zone_file_invalid"));
        let body = reply.json();
        let found: Vec<_> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| (error["line"].as_u64(), error["rule"].as_str()))
            .collect();
        // What is wrong with the zone stands beside what is wrong with the form.
        let expected = [(Some(4), Some("rdata")), (Some(5), Some("cname-and-other")), (Some(7), Some("rdata"))];
        assert_eq!(found, expected);
        assert!(body["errors"][0]["file"].as_str().unwrap().ends_with("filed.zone"));
        assert!(body["errors"][0]["detail_zh"].as_str().unwrap().contains("IPv4"));
    }
    assert!(is_served(&server));
}
