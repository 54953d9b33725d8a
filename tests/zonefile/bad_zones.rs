//! One bad file for each rule: the file itself says what is expected.

use crate::oracles::{knot_accepts, named_accepts};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use zhengming::zone::Name;
use zhengming::zonefile::{Problem, Rule, Severity, check_signed};

/// When the files are checked, early in 2027: the signatures in them that are to hold do from 2026 on.
const NOW: i64 = 1_800_000_000;

/// What the comments at the top of a bad file say.
struct Expectation {
    apex: Name,
    registry: bool,
    /// `error 7 ttl`, sorted.
    problems: BTreeSet<String>,
    /// Whether BIND and Knot refuse the file, both accept it (we are stricter, or only warn), or differ.
    peers: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bad-zones")
}

fn expectation(path: &Path) -> Expectation {
    let octets = std::fs::read(path).expect("a bad zone");
    let text = String::from_utf8_lossy(&octets);
    let values = |key: &str| {
        let prefix = format!("; {key}: ");
        let found: Vec<String> =
            text.lines().filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned)).collect();
        assert!(!found.is_empty(), "{}: no `{key}`", path.display());
        found
    };
    let apex = values("apex").remove(0);
    let (apex, registry) = apex.strip_suffix(" registry").map_or((apex.as_str(), false), |apex| (apex, true));
    let apex = Name::absolute(apex).expect("an apex");
    Expectation { apex, registry, problems: values("expect").into_iter().collect(), peers: values("peers").remove(0) }
}

fn line(problem: &Problem) -> String {
    let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
    format!("{severity} {} {}", problem.line, problem.rule)
}

#[test]
fn every_bad_file_is_refused_for_what_it_says() {
    for entry in folder().read_dir().expect("the bad zones") {
        let path = entry.expect("a file").path();
        let expected = expectation(&path);
        let report = check_signed(&path, &expected.apex, expected.registry, NOW);
        let found: BTreeSet<String> = report.errors.iter().chain(&report.warnings).map(line).collect();
        assert_eq!(found, expected.problems, "{}", path.display());
        let rule = path.file_stem().and_then(|stem| stem.to_str()).expect("a rule");
        assert!(found.iter().any(|problem| problem.ends_with(&format!(" {rule}"))), "{rule} has another rule's file");
        for problem in report.errors.iter().chain(&report.warnings) {
            assert_eq!(&*problem.file, &*path);
            assert!(problem.en.is_ascii() || problem.en.contains(['（', '(', '`', '…']), "{}", problem.en);
            assert!(!problem.zh.is_ascii(), "{} is said in English only", problem.rule);
        }
    }
}

#[test]
fn every_rule_has_a_bad_file() {
    // The file would have to be over 64 KiB long; src/zonefile/tests.rs makes it up instead.
    let made_up = [Rule::RrsetTooLarge];
    for &rule in Rule::ALL.iter().filter(|rule| !made_up.contains(rule)) {
        assert!(folder().join(format!("{rule}.zone")).is_file(), "no bad file for {rule}");
    }
}

#[test]
fn peers_judge_the_bad_files_as_they_say() {
    for entry in folder().read_dir().expect("the bad zones") {
        let path = entry.expect("a file").path();
        let expected = expectation(&path);
        let verdict = match (named_accepts(&path, &expected.apex), knot_accepts(&path, &expected.apex)) {
            (true, true) => "accept",
            (false, false) => "refuse",
            _ => "differ",
        };
        assert_eq!(verdict, expected.peers, "{}", path.display());
    }
}

/// The file of `denial-chain` is of NSEC3; this is the same of NSEC.
#[test]
fn an_nsec_that_leads_past_a_name_is_told_where_it_stands() {
    let whole = std::fs::read_to_string(folder().join("denial-types.zone")).expect("a bad zone");
    let past = whole.replace("NSEC www.example. A", "NSEC example. A").replace("NSEC example. MX", "NSEC example. A");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("zone");
    std::fs::write(&path, past).expect("written");
    let report = check_signed(&path, &Name::absolute("example.").expect("an apex"), false, NOW);
    let rules: Vec<Rule> = report.errors.iter().map(|error| error.rule).collect();
    assert_eq!(rules, [Rule::DenialChain], "{:?}", report.errors);
    assert!(report.errors[0].en.starts_with("the NSEC of mail.example. leads to example."), "{}", report.errors[0].en);
}

/// What ends soon is told while it holds; what another signature goes on from is not.
#[test]
fn signatures_that_end_soon_are_told_before() {
    let whole = std::fs::read_to_string(folder().join("signature-time.zone")).expect("a bad zone");
    let soon = NOW + 86_400;
    let mended = whole.replace("20200201000000 20200101000000", &format!("{soon} 20260101000000"));
    let mended = mended.replace("20900101000000 20890101000000", "20900101000000 20260101000000");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("zone");
    let check = |text: &str| {
        std::fs::write(&path, text).expect("written");
        check_signed(&path, &Name::absolute("example.").expect("an apex"), false, NOW)
    };
    let warnings = check(&mended).warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].rule, Rule::SignatureTime);
    let en = "the signature of the NS of example. ends at 20270116080000, and no other goes on";
    assert!(warnings[0].en.starts_with(en) && warnings[0].en.ends_with("(2 RRsets have this)"), "{}", warnings[0].en);
    let again = mended.lines().filter(|line| line.contains(&soon.to_string()));
    let again: String = again.map(|line| line.replace(&soon.to_string(), "20900101000000") + "\n").collect();
    let report = check(&(mended.clone() + &again));
    assert!(report.errors.is_empty() && report.warnings.is_empty(), "{report:?}");
}
