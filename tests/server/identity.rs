//! What dig and kdig show of the server itself, and of requests that it does not take.

use crate::cookies::ask;
use crate::{NAME, start_with};
use std::process::Command;
use zhengming::query::Settings;

fn tool(tool: &str, server: std::net::SocketAddr, arguments: &[&str]) -> String {
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let output = Command::new(tool).args([&at, "-p", &port, "+norec"]).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{tool} is not installed: {error}"));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn dig_and_kdig_ask_the_server_who_it_is() {
    let settings = Settings { id_server: "unit-1".into(), version_server: "正名 1".into(), ..Settings::default() };
    let server = start_with(settings);
    for client in ["dig", "kdig"] {
        let output = tool(client, server.address(), &["CH", "TXT", "id.server"]);
        assert!(output.contains("\"unit-1\"") && output.contains("NOERROR"), "{output}");
        let output = tool(client, server.address(), &["CH", "TXT", "version.bind", "+short"]);
        assert!(output.starts_with("\"\\230\\173\\163"), "{output}");
        let output = tool(client, server.address(), &["CH", "TXT", "authors.bind"]);
        assert!(output.contains("REFUSED"), "{output}");
    }
    let silent = start_with(Settings::default());
    let output = tool("dig", silent.address(), &["CH", "TXT", "version.bind"]);
    assert!(output.contains("REFUSED"), "{output}");
}

#[test]
fn dig_shows_the_zone_version_and_what_is_refused() {
    let server = start_with(Settings::default());
    let output = ask("dig", server.address(), &["+ednsopt=19"]);
    assert!(output.contains("203.0.113.5") && output.contains("OPT=19: 01 00 00 00"), "{output}");
    for (opcode, name, status) in [
        ("NOTIFY", "xn--zfr164b", "REFUSED"),
        ("NOTIFY", "elsewhere.test", "NOTAUTH"),
        ("UPDATE", "xn--zfr164b", "REFUSED"),
        ("UPDATE", NAME, "NOTAUTH"),
        ("STATUS", "xn--zfr164b", "NOTIMP"),
    ] {
        let output = tool("dig", server.address(), &[&format!("+opcode={opcode}"), name, "SOA"]);
        assert!(output.contains(&format!("status: {status}")), "{opcode} {name}: {output}");
    }
}
