//! dnsviz walks from the root to every signed zone and finds no error, nothing to warn of, and all of it secure.

use crate::ZONES;
use crate::tree::Tree;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

/// Names below every apex. Not among them: names below `odd`, where the wildcard is an empty non-terminal, for whose NODATA
/// dnsviz 0.9.4 wants an NSEC of its own; and delegations, which lead to nobody.
const NAMES: &[&str] = &[
    "",
    "www.",
    "nothing.",
    "ent.",
    "a.b.ent.",
    "x.ent.",
    "x.wild.",
    "x.towild.",
    "x.tonothing.",
    "alias.",
    "dangling.",
    "b.moved.",
    "x.moved.",
    "zzzz.",
];
/// The statuses that are good: of records, of signatures and proofs, and of answers.
const GOOD: &[&str] = &["SECURE", "VALID", "NOERROR", "NXDOMAIN"];
/// Of what an opt-out record denies nothing is sure (RFC 5155 §9.2).
const OPT_OUT: &[&str] = &["INSECURE"];

/// dnsviz 0.9.4 looks for the version of pygraphviz where version 1.7, which Debian has beside it, does not tell it.
const GROK: &str = "import sys, types, pygraphviz\n\
    sys.modules['pygraphviz.release'] = pygraphviz.release = types.SimpleNamespace(version=pygraphviz.__version__)\n\
    from dnsviz.commands.grok import main\n\
    main(['grok'] + sys.argv[1:])\n";

#[test]
fn dnsviz_finds_no_fault() {
    let Some(tree) = Tree::start() else { return };
    let names: String =
        ZONES.iter().flat_map(|zone| NAMES.iter().map(move |name| format!("{name}{}\n", zone.apex))).collect();
    fs::write(tree.path().join("names"), names).unwrap();
    fs::write(tree.path().join("key"), format!(". IN DNSKEY {}\n", tree.anchor().replace('"', ""))).unwrap();
    // Authoritative servers, from the root on; -E: also whether they take EDNS of the future.
    let mut probe = tree.command("dnsviz");
    probe.args([
        "probe",
        "-d",
        "1",
        "-A",
        "-E",
        "-a",
        ".",
        "-x",
        ".:ns1.test=192.0.2.1",
        "-f",
        "names",
        "-o",
        "probed",
    ]);
    Tree::run(&mut probe);
    let mut grok = tree.command("/usr/bin/python3");
    Tree::run(grok.args(["-c", GROK, "-t", "key", "-r", "probed", "-l", "info", "-o", "found"]));
    let found: Value = serde_json::from_slice(&fs::read(tree.path().join("found")).unwrap()).unwrap();
    let (mut faults, mut secure) = (String::new(), 0);
    judge(&found, "", &mut faults, &mut secure);
    println!("{secure} of records, proofs and delegations are secure");
    assert!(faults.is_empty(), "{faults}");
    for zone in &*ZONES {
        let of = &found[&zone.apex];
        assert_eq!((&of["zone"]["status"], &of["delegation"]["status"]), (&"SECURE".into(), &"SECURE".into()));
    }
    assert!(secure > 500, "{secure}");
}

/// Collects everything below `path` that is an error, a warning, or not secure.
fn judge(value: &Value, path: &str, faults: &mut String, secure: &mut usize) {
    let Value::Object(members) = value else {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        return items.iter().for_each(|item| judge(item, path, faults, secure));
    };
    for (member, value) in members {
        match (&**member, value) {
            ("errors" | "error" | "warnings" | "warning", found) => writeln!(faults, "{path}: {found}").unwrap(),
            ("status", Value::String(status)) => {
                let is_opt_out = path.contains("optout") && OPT_OUT.contains(&&**status);
                *secure += usize::from(status == "SECURE");
                if !GOOD.contains(&&**status) && !is_opt_out {
                    writeln!(faults, "{path}: {status}").unwrap();
                }
            }
            _ => judge(value, &format!("{path}/{member}"), faults, secure),
        }
    }
}
