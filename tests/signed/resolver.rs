//! The same questions through Unbound, which asks the program as a resolver asks and validates what it gets.

use crate::peers::Peer;
use crate::signing::Denial;
use crate::support::free_port;
use crate::validation::{is_answered, may_be_unsigned};
use crate::{ZONES, questions, serve};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

#[test]
fn unbound_validates_everything() {
    let daemon = serve();
    let directory = tempfile::tempdir().unwrap();
    let unbound = start_unbound(directory.path(), daemon.dns());
    let mut faults = String::new();
    let mut verdicts = BTreeMap::<(Denial, String, bool), usize>::new();
    for zone in &*ZONES {
        let asked = questions::about(zone).into_iter();
        let asked: Vec<_> =
            asked.filter(|(name, rtype)| is_answered(zone, name, rtype) && !is_refused(name, rtype)).collect();
        let direct = dig(directory.path(), daemon.dns(), &asked);
        let resolved = dig(directory.path(), unbound.address, &asked);
        assert_eq!((direct.len(), resolved.len()), (asked.len(), asked.len()));
        for (((name, rtype), direct), resolved) in asked.iter().zip(direct).zip(resolved) {
            let is_secure = resolved.flags.split(' ').any(|flag| flag == "ad");
            // What an opt-out record takes part in denying is not secure (RFC 5155 §9.2).
            let is_denied = resolved.status == "NXDOMAIN" || resolved.is_empty;
            let may_be_insecure = zone.denial == Denial::OptOut && is_denied || may_be_unsigned(zone, name);
            if direct.status != resolved.status || !is_secure && !may_be_insecure {
                writeln!(faults, "{name} {rtype}: {} from us, through Unbound {resolved:?}", direct.status).unwrap();
            }
            *verdicts.entry((zone.denial, resolved.status, is_secure)).or_default() += 1;
        }
    }
    println!("{verdicts:#?}");
    assert!(faults.is_empty(), "{faults}\n{}", fs::read_to_string(directory.path().join("unbound.log")).unwrap());
    for denial in [Denial::Nsec, Denial::Nsec3, Denial::OptOut] {
        let statuses = if denial == Denial::OptOut { &["NOERROR"][..] } else { &["NOERROR", "NXDOMAIN"] };
        for &status in statuses {
            assert!(verdicts.contains_key(&(denial, status.to_owned(), true)), "no secure {status} with {denial:?}");
        }
    }
}

/// Unbound 1.17 takes the CNAME made from a DNAME, when asked for as such, for a name that needs a DS of its own. The answer
/// is that of NSD and Knot (`peers.rs`).
pub fn is_refused(name: &str, rtype: &str) -> bool {
    name.starts_with("x.moved.") && rtype == "CNAME"
}

/// What dig shows of one answer.
#[derive(Debug)]
struct Seen {
    status: String,
    flags: String,
    /// Whether the answer section is.
    is_empty: bool,
}

/// All the answers, in the order of the questions.
fn dig(directory: &Path, server: SocketAddr, questions: &[(String, String)]) -> Vec<Seen> {
    let batch = directory.join("questions");
    let lines: String = questions.iter().map(|(name, rtype)| format!("{name} {rtype}\n")).collect();
    fs::write(&batch, lines).unwrap();
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let options = ["+dnssec", "+noall", "+comments", "+tries=3", "+nocookie", "-f"];
    let mut command = Command::new("dig");
    command.args([&at, "-p", &port]).args(options).arg(&batch);
    let output = command.output().unwrap_or_else(|error| panic!("dig: {error}; tests/run installs it"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let after = |line: &str, mark: &str, end: char| {
        let rest = line.split_once(mark)?.1;
        Some(rest.split(end).next()?.to_owned())
    };
    let statuses = text.lines().filter_map(|line| after(line, "status: ", ','));
    let flags = text.lines().filter_map(|line| Some((after(line, ";; flags: ", ';')?, line.contains("ANSWER: 0,"))));
    statuses.zip(flags).map(|(status, (flags, is_empty))| Seen { status, flags, is_empty }).collect()
}

/// A validating resolver that finds every zone at `server` and nothing else anywhere. It makes no answers of its own from
/// proofs it has seen: Unbound 1.17 does so wrongly below a wildcard that is an empty non-terminal.
fn start_unbound(path: &Path, server: SocketAddr) -> Peer {
    let (port, directory) = (free_port(), path.display());
    let mut text = format!(
        "server:\n interface: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n directory: \"{directory}\"\n pidfile: \"\"\n \
         use-syslog: no\n do-daemonize: no\n do-not-query-localhost: no\n num-threads: 1\n val-log-level: 2\n \
         access-control: 127.0.0.0/8 allow\n local-zone: \"test.\" nodefault\n root-hints: \"\"\n \
         aggressive-nsec: no\n"
    );
    for zone in &*ZONES {
        let anchor = zone.anchor.replace('"', "");
        writeln!(text, " trust-anchor: \"{} DNSKEY {anchor}\"", zone.apex).unwrap();
    }
    for zone in &*ZONES {
        let (address, port) = (server.ip(), server.port());
        writeln!(text, "stub-zone:\n name: \"{}\"\n stub-addr: {address}@{port}\n stub-prime: no", zone.apex).unwrap();
    }
    let configuration = path.join("unbound.conf");
    fs::write(&configuration, text).unwrap();
    let mut command = Command::new("unbound");
    Peer::start("Unbound", port, command.args(["-d", "-c"]).arg(configuration), &path.join("unbound.log"))
}
