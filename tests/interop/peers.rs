//! The peers as they are configured and started.

use crate::servers::Server;
use crate::support::free_port;
use crate::zones::Served;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// Name and secret, in Base64, of the key that all servers have; it signs with HMAC-SHA-256.
pub const KEY: (&str, &str) = ("key.test", "dGhlIHNlY3JldCBvZiB0aGUgdGVzdHMsIDMyIG9jdGV0");

/// The secret, in hexadecimal digits, that all servers make cookies with (RFC 9018).
pub const COOKIE_SECRET: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// The file of a zone, in the directory of all of them.
pub fn file_name(number: usize) -> String {
    format!("{number}.zone")
}

fn spawn(name: &'static str, port: u16, command: &mut Command, path: &Path) -> Server {
    let path = path.join(format!("{name}.log"));
    let log = File::create(&path).expect("a writable directory");
    command.stdout(log.try_clone().expect("a file")).stderr(log).stdin(std::process::Stdio::null());
    let process = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}; tests/run installs it"));
    Server::peer(name, process, port, path)
}

/// NSD with minimal responses and refusals of ANY off, so that there is more to compare.
pub fn nsd(path: &Path, zones: &[Served]) -> Server {
    let (port, directory) = (free_port(), path.display());
    let mut text = format!(
        "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n zonesdir: \"{directory}\"\n \
         database: \"\"\n zonelistfile: \"{directory}/nsd.list\"\n xfrdfile: \"{directory}/nsd.xfrd\"\n \
         xfrdir: \"{directory}\"\n pidfile: \"\"\n server-count: 1\n rrl-ratelimit: 0\n minimal-responses: no\n \
         refuse-any: no\n round-robin: no\n tcp-count: 200\n nsid: \"ascii_probe\"\n answer-cookie: yes\n \
         cookie-secret: \"{COOKIE_SECRET}\"\nremote-control:\n control-enable: no\n"
    );
    let (key, secret) = KEY;
    write!(text, "key:\n name: \"{key}\"\n algorithm: hmac-sha256\n secret: \"{secret}\"\n").expect("a string");
    for (number, zone) in zones.iter().enumerate() {
        let (apex, file) = (&zone.apex, file_name(number));
        write!(text, "zone:\n name: \"{apex}\"\n zonefile: \"{file}\"\n").expect("a string");
    }
    let configuration = path.join("nsd.conf");
    fs::write(&configuration, text).expect("a writable directory");
    spawn("NSD", port, Command::new("nsd").args(["-d", "-c"]).arg(configuration), path)
}

/// Knot without what it checks beyond need.
pub fn knot(path: &Path, zones: &[Served]) -> Server {
    let (port, directory) = (free_port(), path.display());
    let (key, secret) = KEY;
    let mut text = format!(
        "key:\n  - id: {key}\n    algorithm: hmac-sha256\n    secret: {secret}\nacl:\n  - id: signed\n    key: {key}\n    \
         action: query\nserver:\n  rundir: \"{directory}\"\n  listen: 127.0.0.1@{port}\n  nsid: probe\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: \"{directory}/knot\"\n\
         mod-cookies:\n  - id: default\n    secret: 0x{COOKIE_SECRET}\n    badcookie-slip: 1\ntemplate:\n  - id: default\n    \
         global-module: mod-cookies/default\n    storage: \"{directory}\"\n    semantic-checks: off\n    journal-content: none\n    \
         zonefile-sync: -1\n    acl: signed\nzone:\n"
    );
    for (number, zone) in zones.iter().enumerate() {
        let (apex, file) = (&zone.apex, file_name(number));
        write!(text, "  - domain: \"{apex}\"\n    file: \"{file}\"\n").expect("a string");
    }
    let configuration = path.join("knot.conf");
    fs::write(&configuration, text).expect("a writable directory");
    spawn("Knot", port, Command::new("knotd").arg("-c").arg(configuration), path)
}

/// BIND as an authoritative server only, without what it checks beyond need, and with the TTL of RFC 2308 §3 for SOA too.
pub fn bind(path: &Path, zones: &[Served], cookies_required: bool) -> Server {
    let (port, directory) = (free_port(), path.display());
    let required = if cookies_required { "yes" } else { "no" };
    let mut text = format!(
        "options {{\n directory \"{directory}\";\n listen-on port {port} {{ 127.0.0.1; }};\n listen-on-v6 {{ none; }};\n \
         pid-file none;\n session-keyfile none;\n recursion no;\n notify no;\n allow-transfer {{ none; }};\n dnssec-validation no;\n \
         minimal-responses no;\n minimal-any no;\n zero-no-soa-ttl no;\n max-udp-size 1232;\n rrset-order {{ order none; }};\n \
         empty-zones-enable no;\n check-names primary ignore;\n check-integrity no;\n check-wildcard no;\n \
         server-id \"probe\";\n cookie-secret \"{COOKIE_SECRET}\";\n \
         require-server-cookie {required};\n check-mx ignore;\n check-mx-cname ignore;\n check-srv-cname ignore;\n}};\ncontrols {{ }};\n"
    );
    let (key, secret) = KEY;
    writeln!(text, "key \"{key}\" {{ algorithm hmac-sha256; secret \"{secret}\"; }};").expect("a string");
    for (number, zone) in zones.iter().enumerate() {
        // In quotes a backslash stands for itself only if there are two.
        let (apex, file) = (zone.apex.to_string().replace('\\', "\\\\"), file_name(number));
        writeln!(text, "zone \"{apex}\" {{ type primary; file \"{file}\"; }};").expect("a string");
    }
    let configuration = path.join("named.conf");
    fs::write(&configuration, text).expect("a writable directory");
    spawn("BIND", port, Command::new("named").args(["-4", "-n", "1", "-g", "-c"]).arg(configuration), path)
}
