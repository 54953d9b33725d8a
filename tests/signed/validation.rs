//! Every answer and every proof, validated by delv with the zone's own key as its anchor.

use crate::signing::{Denial, Signed};
use crate::{ZONES, questions, serve};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Delegations: what is at and below them is not answered here, except DS.
const DELEGATED: [&str; 5] = ["secure", "insecure", "d.opted", "e.opted", "d.mixed"];
/// Wildcards, and what leads to one.
const WILDCARDS: [&str; 6] = ["wild", "toalias", "tonothing", "towild", "w.mixed", "chain"];

#[test]
fn delv_validates_everything() {
    let daemon = serve();
    let mut faults = String::new();
    let counts: Vec<_> = std::thread::scope(|scope| {
        let validate = |half: usize| {
            let zones = ZONES.iter().skip(half).step_by(2);
            zones.map(|zone| validate(daemon.dns(), zone)).collect::<Vec<_>>()
        };
        let halves = [scope.spawn(move || validate(0)), scope.spawn(move || validate(1))];
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let mut verdicts = BTreeMap::<(Denial, String), usize>::new();
    for (denial, of_zone, wrong) in counts {
        of_zone.into_iter().for_each(|verdict| *verdicts.entry((denial, verdict)).or_default() += 1);
        faults += &wrong;
    }
    println!("{verdicts:#?}");
    assert!(faults.is_empty(), "{faults}");
    for denial in [Denial::Nsec, Denial::Nsec3, Denial::OptOut] {
        for verdict in [VALID, DENIED] {
            assert!(verdicts.contains_key(&(denial, verdict.to_owned())), "no {verdict} with {denial:?}");
        }
    }
}

const VALID: &str = "; fully validated";
const DENIED: &str = "; negative response, fully validated";
/// What an opt-out record covers may exist unsigned, so a wildcard's records are not secure (RFC 5155 §12.2).
const UNSIGNED: &str = "; unsigned answer";

/// The verdicts on one zone, and the wrong ones.
fn validate(server: SocketAddr, zone: &Signed) -> (Denial, Vec<String>, String) {
    let directory = tempfile::tempdir().unwrap();
    let anchors = directory.path().join("anchors");
    fs::write(&anchors, format!("trust-anchors {{ \"{}\" static-key {}; }};\n", zone.apex, zone.anchor)).unwrap();
    let (mut verdicts, mut wrong) = (Vec::new(), String::new());
    for (name, rtype) in questions::about(zone).into_iter().filter(|(name, rtype)| is_answered(zone, name, rtype)) {
        let output = delv(server, zone, &anchors, &name, &rtype);
        let verdict = output.lines().find(|line| [VALID, DENIED, UNSIGNED].contains(line)).unwrap_or("none");
        if verdict == "none" || verdict == UNSIGNED && !may_be_unsigned(zone, &name) {
            writeln!(wrong, "{name} {rtype}: {output}").unwrap();
        }
        verdicts.push(verdict.to_owned());
    }
    (zone.denial, verdicts, wrong)
}

/// Whether the name is made from a wildcard whose records an opt-out record leaves insecure.
pub fn may_be_unsigned(zone: &Signed, name: &str) -> bool {
    let relative = name.trim_end_matches(&zone.apex).trim_end_matches('.');
    zone.denial == Denial::OptOut && WILDCARDS.iter().any(|wild| relative.ends_with(wild))
}

/// Whether a validator can take what is asked for as an answer.
pub fn is_answered(zone: &Signed, name: &str, rtype: &str) -> bool {
    let relative = name.trim_end_matches(&zone.apex).trim_end_matches('.');
    let below = DELEGATED.iter().any(|cut| relative.ends_with(&format!(".{cut}")));
    let at = DELEGATED.contains(&relative) && relative != "e.opted";
    let delegated = below && relative != "y.e.opted" || at;
    let ds_here = rtype == "DS" && (at || relative == "x.e.opted");
    // delv asks a resolver, which the server is not: it takes neither referrals nor aliases out of the zone, follows no
    // CNAME for NSEC, has no parent to ask for the apex's DS, and refuses to ask for RRSIG.
    (!delegated || ds_here)
        && rtype != "RRSIG"
        && !(rtype == "DS" && relative.is_empty())
        && relative != "away"
        && !(rtype == "NSEC" && relative == "alias" && zone.denial != Denial::Nsec)
}

fn delv(server: SocketAddr, zone: &Signed, anchors: &Path, name: &str, rtype: &str) -> String {
    let mut command = Command::new("delv");
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let root = format!("+root={}", zone.apex);
    command.args([&at, "-p", &port, "-a"]).arg(anchors).args([&root, "-q", name, "-t", rtype]);
    let output = command.output().unwrap_or_else(|error| panic!("delv: {error}; tests/run installs it"));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What we read of a signed file and print again is the zone that was signed.
#[test]
fn ldns_verifies_what_we_print() {
    let directory = tempfile::tempdir().unwrap();
    for zone in &*ZONES {
        let apex = zhengming::zone::Name::absolute(&zone.apex).unwrap();
        let records = zhengming::zonefile::read(&zone.file, &apex).unwrap();
        let text: String =
            records.iter().map(|located| format!("{}\n", zhengming::zonefile::Line(&located.record))).collect();
        let printed = directory.path().join("printed.zone");
        fs::write(&printed, text).unwrap();
        let output = Command::new("ldns-verify-zone").arg(&printed).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", zone.apex);
    }
}
