//! BIND and Unbound as resolvers that know nothing but the root and its key, and send no more of a name than they must
//! (RFC 9156, strictly): what they find is what the program has answered, and secure where it is signed.

use crate::resolver::is_refused;
use crate::signing::{Denial, Signed};
use crate::tree::{Server, Tree};
use crate::validation::{is_answered, may_be_unsigned};
use crate::{ZONES, questions};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

/// An answer as dig shows it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: String,
    /// Whether AD is set.
    is_secure: bool,
    /// Records of the answer section without TTL, in lower case.
    answer: BTreeSet<String>,
}

#[test]
fn resolvers_find_and_validate_everything_from_the_root() {
    let Some(tree) = Tree::start() else { return };
    for (name, server, port) in [("Unbound", unbound(&tree), 5302), ("BIND", bind(&tree), 5301)] {
        let (mut faults, mut counts) = (String::new(), BTreeMap::<(String, bool), usize>::new());
        for zone in ZONES.iter().chain([&tree.unsigned]) {
            compare(&tree, name, port, zone, &mut faults, &mut counts);
        }
        println!("{name}: {counts:#?}");
        assert!(faults.is_empty(), "{faults}\n{}", server.log());
        for is_secure in [true, false] {
            for status in ["NOERROR", "NXDOMAIN"] {
                assert!(counts.contains_key(&(status.to_owned(), is_secure)), "{name}: no {status}, {is_secure}");
            }
        }
        // They do validate: what is signed with another key than the parent says is nothing.
        let asked = [("www.bogus.test.".to_owned(), "A".to_owned())];
        assert_eq!(dig(&tree, "192.0.2.1", 53, &asked)[0].status, "NOERROR");
        assert_eq!(dig(&tree, "127.0.0.1", port, &asked)[0].status, "SERVFAIL");
    }
}

/// Asks everything about a zone, of the program and of the resolver.
fn compare(
    tree: &Tree,
    resolver: &str,
    port: u16,
    zone: &Signed,
    faults: &mut String,
    counts: &mut BTreeMap<(String, bool), usize>,
) {
    let is_signed = zone.is_signed();
    let asked = questions::about(zone).into_iter();
    let asked: Vec<_> = asked
        .filter(|(name, rtype)| is_answered(zone, name, rtype) && !is_another_matter(resolver, zone, name, rtype))
        .collect();
    let direct = dig(tree, "192.0.2.1", 53, &asked);
    let resolved = dig(tree, "127.0.0.1", port, &asked);
    assert_eq!((direct.len(), resolved.len()), (asked.len(), asked.len()), "{resolver}");
    for (((name, rtype), direct), resolved) in asked.iter().zip(direct).zip(resolved) {
        // What an opt-out record takes part in denying is not secure (RFC 5155 §9.2).
        let is_denied = resolved.status == "NXDOMAIN" || resolved.answer.is_empty();
        let may_be_insecure = zone.denial == Denial::OptOut && is_denied || may_be_unsigned(zone, name);
        let is_as_due = if is_signed { resolved.is_secure || may_be_insecure } else { !resolved.is_secure };
        if (&direct.status, &direct.answer) != (&resolved.status, &resolved.answer) || !is_as_due {
            writeln!(faults, "{name} {rtype}: {direct:#?} from us, through {resolver} {resolved:#?}").unwrap();
        }
        *counts.entry((resolved.status, resolved.is_secure)).or_default() += 1;
    }
}

/// What a resolver makes of an answer that is due as it is.
fn is_another_matter(resolver: &str, zone: &Signed, name: &str, rtype: &str) -> bool {
    // Both may have seen the CNAME before, and then follow it for NSEC too, which stands beside it (RFC 4034 §4).
    name.starts_with("alias.") && rtype == "NSEC"
        // resolver.rs says why.
        || resolver == "Unbound" && is_refused(name, rtype)
        // BIND 9.18 answers this from the denial of a shorter name, without SOA and with AD, be the zone signed or not.
        || resolver == "BIND" && !zone.is_signed() && name.starts_with("nothing.at.all.")
}

/// All the answers, in the order of the questions.
fn dig(tree: &Tree, address: &str, port: u16, questions: &[(String, String)]) -> Vec<Seen> {
    let lines: String = questions.iter().map(|(name, rtype)| format!("{name} {rtype}\n")).collect();
    let batch = tree.path().join("questions");
    fs::write(&batch, lines).unwrap();
    let mut command = tree.command("dig");
    command.args([&format!("@{address}"), "-p", &port.to_string(), "+dnssec", "+noall", "+comments", "+answer"]);
    command.args(["+nottlid", "+tries=3", "+time=15", "+nocookie", "-f"]).arg(batch);
    let text = String::from_utf8_lossy(&Tree::run(&mut command).stdout).to_lowercase();
    text.split(";; ->>header<<-").skip(1).map(seen).collect()
}

/// One answer in dig's output, in lower case.
fn seen(text: &str) -> Seen {
    let after = |mark: &str, end: char| {
        let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("no {mark:?} in {text}"));
        rest.split(end).next().unwrap_or_default()
    };
    let is_record = |line: &&str| !line.is_empty() && !line.starts_with(';');
    Seen {
        status: after("status: ", ',').to_uppercase(),
        is_secure: after(";; flags:", ';').split(' ').any(|flag| flag == "ad"),
        answer: text
            .lines()
            .skip(1)
            .filter(is_record)
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect(),
    }
}

fn bind(tree: &Tree) -> Server {
    let text = format!(
        "options {{\n directory \"{directory}\";\n listen-on port 5301 {{ 127.0.0.1; }};\n listen-on-v6 {{ none; }};\n \
         pid-file none;\n session-keyfile none;\n recursion yes;\n qname-minimization strict;\n dnssec-validation yes;\n \
         empty-zones-enable no;\n}};\ncontrols {{ }};\ntrust-anchors {{ \".\" static-key {anchor}; }};\n\
         zone \".\" {{ type hint; file \"{hints}\"; }};\n",
        directory = tree.path().display(),
        anchor = tree.anchor(),
        hints = tree.hints().display()
    );
    fs::write(tree.path().join("named.conf"), text).unwrap();
    tree.server("named", &["-n", "1", "-g", "-c", "named.conf"], " running")
}

/// It makes no answers of its own from proofs it has seen: Unbound 1.17 does so wrongly below a wildcard that is an empty
/// non-terminal.
fn unbound(tree: &Tree) -> Server {
    let text = format!(
        "server:\n interface: 127.0.0.1@5302\n username: \"\"\n chroot: \"\"\n directory: \"{directory}\"\n pidfile: \"\"\n \
         use-syslog: no\n do-daemonize: no\n num-threads: 1\n val-log-level: 2\n verbosity: 1\n \
         local-zone: \"test.\" nodefault\n root-hints: \"{hints}\"\n aggressive-nsec: no\n qname-minimisation: yes\n \
         qname-minimisation-strict: yes\n trust-anchor: \". DNSKEY {anchor}\"\n",
        directory = tree.path().display(),
        anchor = tree.anchor().replace('"', ""),
        hints = tree.hints().display()
    );
    fs::write(tree.path().join("unbound.conf"), text).unwrap();
    tree.server("unbound", &["-d", "-c", "unbound.conf"], "start of service")
}
