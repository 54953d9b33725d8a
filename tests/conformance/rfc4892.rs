//! RFC 4892: `id.server` and its kin in class CHAOS.

use crate::dns::{Query, Response, client, settings, zones};
use zhengming::query::{Settings, Transport};

fn ask(settings: &Settings, name: &str, qtype: &str) -> Response {
    let query = Query { qclass: 3, ..Query::plain(name, qtype) };
    Response::with(&zones(), settings, &client(Transport::Udp), &query.to_wire()).expect("an answer")
}

/// The one record of class CHAOS that the response must be, in wire form.
fn is_text(response: &Response, text: &[u8]) {
    let record = [&[0xc0, 12, 0, 16, 0, 3, 0, 0, 0, 0, 0, text.len() as u8 + 1, text.len() as u8][..], text].concat();
    assert!(response.octets.ends_with(&record), "{response:?}");
    assert_eq!((response.rcode(), response.aa(), response.octets[6..12].to_vec()), (0, false, vec![0, 1, 0, 0, 0, 0]));
}

#[test]
fn section_3_names_answer_what_they_are_told() {
    let settings = Settings { id_server: "unit-1".into(), version_server: "zhengming".into(), ..settings() };
    for (name, text) in [
        ("id.server", "unit-1"),
        ("hostname.bind", "unit-1"),
        ("ID.Server", "unit-1"),
        ("version.server", "zhengming"),
        ("version.bind", "zhengming"),
    ] {
        for qtype in ["TXT", "ANY"] {
            is_text(&ask(&settings, name, qtype), text.as_bytes());
        }
        ask(&settings, name, "A").is("REFUSED");
    }
    for name in ["x.id.server", "server", "authors.bind", "example", "."] {
        ask(&settings, name, "TXT").is("REFUSED");
    }
    // In class IN they are names like any other.
    Query::plain("id.server", "TXT").ask(&zones()).is("REFUSED");
}

#[test]
fn without_the_options_they_are_refused() {
    for name in ["id.server", "hostname.bind", "version.server", "version.bind"] {
        ask(&settings(), name, "TXT").is("REFUSED");
    }
    let one = Settings { id_server: "unit-1".into(), ..settings() };
    ask(&one, "version.bind", "TXT").is("REFUSED");
}
