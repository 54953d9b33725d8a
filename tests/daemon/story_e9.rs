//! E9 as resolvers see it: Unbound and BIND in front of the program, with and without stale answers (RFC 8767), keep the old
//! answer until its TTL is over at most, and never come back to it (registry-rules.md E9, D.3, D.4).
//!
//! What the suspension itself does, on units, variants, `www` and suffixes, and across a kill, is in `holds_and_terms`.

use crate::kit::{import, name_line, unit_line};
use crate::support::{PATIENCE, TestDaemon, ascii, free_port};
use serde_json::json;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest that the resolvers here keep anything: the TTLs of the zone, shortened by who may shorten them.
const CACHE_SECS: u32 = 3;
/// How long a resolver is left alone between two questions.
const POLL: Duration = Duration::from_millis(100);
const HELD: &str = "甲.政务";
const OTHER: &str = "乙.政务";
const ADDRESSES: [(&str, &str); 2] = [(HELD, "203.0.113.5"), (OTHER, "203.0.113.6")];

/// A resolver that finds 政务 at the program.
struct Resolver {
    process: Child,
    port: u16,
    log: PathBuf,
    stale: bool,
}

/// An answer as dig shows it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: String,
    addresses: Vec<String>,
    ttl: u32,
    /// EDE 3: the answer is older than its TTL (RFC 8914 §4.4).
    stale: bool,
}

impl Resolver {
    fn unbound(daemon: &TestDaemon, stale: bool) -> Self {
        let (port, server) = (free_port(), daemon.dns());
        let expired = if stale { " serve-expired: yes\n ede: yes\n ede-serve-expired: yes\n" } else { "" };
        let text = format!(
            "server:\n interface: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n directory: \"{}\"\n pidfile: \"\"\n \
             use-syslog: no\n do-daemonize: no\n do-not-query-localhost: no\n num-threads: 1\n root-hints: \"\"\n \
             module-config: \"iterator\"\n cache-max-ttl: {CACHE_SECS}\n cache-max-negative-ttl: {CACHE_SECS}\n{expired}\
             stub-zone:\n name: \"xn--zfr164b.\"\n stub-addr: {}@{}\n stub-prime: no\n",
            daemon.path("").display(),
            server.ip(),
            server.port(),
        );
        let name = if stale { "unbound-stale" } else { "unbound" };
        Self::start(daemon, name, "unbound", &text, &["-d", "-c"], port, stale)
    }

    fn bind(daemon: &TestDaemon, stale: bool) -> Self {
        let (port, server) = (free_port(), daemon.dns());
        let expired = if stale {
            "stale-cache-enable yes; stale-answer-enable yes; stale-answer-ttl 1; max-stale-ttl 3600;"
        } else {
            ""
        };
        let text = format!(
            "options {{ directory \"{}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
             pid-file none; session-keyfile none; recursion yes; dnssec-validation no; empty-zones-enable no; \
             max-cache-ttl {CACHE_SECS}; max-ncache-ttl {CACHE_SECS}; {expired} }};\ncontrols {{ }};\n\
             zone \"xn--zfr164b\" {{ type forward; forward only; forwarders {{ {} port {}; }}; }};\n",
            daemon.path("").display(),
            server.ip(),
            server.port(),
        );
        let name = if stale { "bind-stale" } else { "bind" };
        Self::start(daemon, name, "named", &text, &["-n", "1", "-g", "-c"], port, stale)
    }

    fn start(
        daemon: &TestDaemon,
        name: &str,
        tool: &str,
        text: &str,
        arguments: &[&str],
        port: u16,
        stale: bool,
    ) -> Self {
        let (configuration, log) = (daemon.path(&format!("{name}.conf")), daemon.path(&format!("{name}.log")));
        fs::write(&configuration, text).expect("a writable directory");
        let file = File::create(&log).expect("a writable directory");
        let mut command = Command::new(tool);
        command.args(arguments).arg(configuration).stdin(Stdio::null());
        command.stdout(file.try_clone().expect("a file")).stderr(file);
        let process = command.spawn().unwrap_or_else(|error| panic!("{tool}: {error}; tests/run installs it"));
        let mut resolver = Self { process, port, log, stale };
        let begun = Instant::now();
        while resolver.ask(OTHER).status != "NOERROR" {
            let ended = resolver.process.try_wait().expect("a child");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{name} is not ready:\n{}", resolver.log());
            std::thread::sleep(POLL);
        }
        resolver
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn ask(&self, name: &str) -> Seen {
        dig(SocketAddr::from(([127, 0, 0, 1], self.port)), name)
    }

    /// Asks until the answer is `wanted`; until then it must be one of `before`.
    #[track_caller]
    fn becomes(&self, name: &str, wanted: impl Fn(&Seen) -> bool, before: impl Fn(&Seen) -> bool) -> Seen {
        let begun = Instant::now();
        loop {
            let seen = self.ask(name);
            if wanted(&seen) {
                return seen;
            }
            assert!(before(&seen), "{name}: {seen:?}\n{}", self.log());
            assert!(begun.elapsed() < PATIENCE, "{name} stays {seen:?}\n{}", self.log());
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn dig(server: SocketAddr, name: &str) -> Seen {
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let arguments = [&at, "-p", &port, "+nocookie", "+tries=1", "+time=15", &ascii(name), "A"];
    let output = Command::new("dig").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("dig: {error}; tests/run installs it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = text.split_once("status: ").and_then(|(_, rest)| rest.split(',').next());
    let records: Vec<Vec<&str>> =
        text.lines().filter(|line| !line.starts_with(';')).map(|line| line.split_whitespace().collect()).collect();
    let addresses = records.iter().filter(|fields| fields.get(3) == Some(&"A"));
    Seen {
        status: status.unwrap_or("none").to_owned(),
        addresses: addresses.clone().filter_map(|fields| fields.get(4)).map(ToString::to_string).collect(),
        ttl: addresses.filter_map(|fields| fields.get(1)?.parse().ok()).max().unwrap_or(0),
        stale: text.contains("EDE: 3"),
    }
}

fn has(address: &'static str) -> impl Fn(&Seen) -> bool {
    move |seen| seen.status == "NOERROR" && seen.addresses == [address]
}

fn is_denied(seen: &Seen) -> bool {
    seen.status == "NXDOMAIN" && seen.addresses.is_empty()
}

#[test]
fn resolvers_lose_a_held_name_and_find_a_restored_one() {
    let mut daemon = TestDaemon::start();
    let lines = ADDRESSES.map(|(name, _)| name_line(name, "u1", "2036-01-01", None));
    import(&daemon, "names", &[&[unit_line("u1")][..], &lines].concat());
    for (name, address) in ADDRESSES {
        daemon.push(name, &json!({ "type": "A", "addresses": [address] })).expect_success();
    }
    let resolvers = [
        Resolver::unbound(&daemon, false),
        Resolver::unbound(&daemon, true),
        Resolver::bind(&daemon, false),
        Resolver::bind(&daemon, true),
    ];
    let path = format!("/v1/names/{}/holds/LEGAL", crate::support::encode(HELD));
    let [(_, address), (_, other)] = ADDRESSES;
    for round in 0..2 {
        for resolver in &resolvers {
            let seen = resolver.becomes(HELD, has(address), is_denied);
            assert!(seen.ttl <= CACHE_SECS, "{seen:?}");
        }
        let held = daemon.api("PUT", &path, "demo-operator", Some(&json!({ "evidence": "order-1" }))).expect_success();
        // What a resolver that shortens nothing may add to it.
        assert_eq!(held.json()["residual_ttl_secs"], 600);
        assert_eq!(dig(daemon.dns(), HELD).status, "NXDOMAIN");
        for resolver in &resolvers {
            // The old address while its TTL lasts, or once more where stale answers are given; then never again.
            resolver.becomes(HELD, is_denied, has(address));
            for _ in 0..5 {
                let seen = resolver.ask(HELD);
                assert!(is_denied(&seen), "{seen:?} in round {round}\n{}", resolver.log());
            }
        }
        if round == 0 {
            let lifted = daemon.api("DELETE", &path, "demo-operator", None).expect_success().json();
            assert_eq!(lifted["residual_ttl_secs"], 300);
        }
    }

    // Stale answers do come from those that give them: of a name that was not held, once the program is gone. The held name
    // has none that they could give.
    for resolver in &resolvers {
        resolver.becomes(OTHER, has(other), |_| false);
    }
    daemon.kill();
    for resolver in resolvers.iter().filter(|resolver| resolver.stale) {
        resolver.becomes(
            OTHER,
            |seen| has(other)(seen) && seen.stale,
            |seen| has(other)(seen) || seen.status == "SERVFAIL",
        );
        for _ in 0..5 {
            let seen = resolver.ask(HELD);
            assert!(seen.addresses.is_empty(), "{seen:?}\n{}", resolver.log());
        }
    }
    for resolver in resolvers.iter().filter(|resolver| !resolver.stale) {
        resolver.becomes(OTHER, |seen| seen.addresses.is_empty(), has(other));
    }
}
