//! The suspension of one unit with very many names: from the call of the API until none of them answers.

use super::clients::{Api, Dns};
use super::figures::{heading, millis, row};
use super::names::SUFFIX;
use super::program::Program;
use super::usage::row_usage;
use std::fmt::Write;
use std::time::Instant;

/// Names of the unit.
const TOGETHER: usize = 10_000;
/// Lines of one import request.
const LINES: usize = 5000;
/// Times that it is suspended and released.
const ROUNDS: usize = 3;

/// Imports the unit, suspends it and releases it.
pub fn of_a_large_unit(program: &Program) {
    heading(&format!("a hold on one unit with {TOGETHER} names"));
    let (mut api, mut dns) = (Api::connect(program.admin), Dns::connect(program.dns));
    let names: Vec<String> = (0..TOGETHER).map(name).collect();
    let mut lines = vec![
        "{\"unit\":{\"id\":\"large\",\"name\":\"某大单位\",\"kind\":\"organ\",\"region\":\"620421\"}}\n".to_owned(),
    ];
    lines.extend(names.iter().map(|name| {
        format!(
            "{{\"name\":{{\"name\":\"{name}\",\"unit\":\"large\",\"registered\":\"2020-01-01\",\"expires\":\"2035-01-01\",\
             \"kind\":1,\"primary\":false,\"resolution\":{{\"type\":\"A\",\"addresses\":[\"203.0.113.9\"],\"www\":true}},\
             \"basis\":\"migration\"}}}}\n"
        )
    }));
    let mut first = 1;
    for lines in lines.chunks(LINES) {
        let path = format!("/v1/import?id=large&line={first}");
        let (status, text) = api.send("POST", &path, "application/x-ndjson", lines.concat().as_bytes());
        assert!(status == 200 && text.contains("\"refused\":0"), "{status} {text}");
        first += lines.len();
    }
    let mut took = String::new();
    let (before, begun) = (program.usage(), Instant::now());
    for _ in 0..ROUNDS {
        for (method, resolves) in [("PUT", false), ("DELETE", true)] {
            let begun = Instant::now();
            let body: &[u8] = if resolves { b"" } else { b"{\"evidence\":\"case-1\"}" };
            let (status, text) = api.send(method, "/v1/units/large/holds/LEGAL", "application/json", body);
            assert!(status == 200, "{status} {text}");
            let what = if resolves { "back" } else { "gone" };
            write!(took, "{what} {} ", millis(begun.elapsed())).expect("a string takes every write");
            // All at once: whichever is asked for.
            for name in names.iter().step_by(97) {
                assert_eq!(dns.ask(name).is_some(), resolves, "{name}");
            }
        }
    }
    row("from the call until all are gone, and back, ms", took.trim_end());
    row_usage(program.usage().since(before), begun.elapsed(), 2 * ROUNDS * TOGETHER, "name held or released");
}

fn name(n: usize) -> String {
    let label = zhengming::idn::host_to_ascii(&format!("某大单位{n}")).expect("a label");
    format!("{label}.{SUFFIX}")
}
