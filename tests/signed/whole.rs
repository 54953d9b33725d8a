//! What `check-zone` says of a signed zone from which something was taken, beside what dnssec-verify and ldns-verify-zone say.

use super::ZONES;
use super::signing::Denial;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use zhengming::zone::{Name, Record, Rtype};
use zhengming::zonefile::{Line, Problem, Rule, check_signed, read};

const RULES: [Rule; 4] = [Rule::SignatureMissing, Rule::DenialMissing, Rule::DenialChain, Rule::DenialTypes];

/// What is wrong with the zone as a signed one.
fn wrong(file: &Path, apex: &Name) -> Vec<Problem> {
    let errors = check_signed(file, apex, false, 0).errors;
    errors.into_iter().filter(|error| RULES.contains(&error.rule)).collect()
}

fn accepts(verifier: &mut Command) -> bool {
    verifier.output().expect("tests/run installs it").status.success()
}

fn bind_accepts(file: &Path, apex: &str) -> bool {
    accepts(Command::new("dnssec-verify").args(["-q", "-z", "-o", apex]).arg(file))
}

fn ldns_accepts(file: &Path) -> bool {
    accepts(Command::new("ldns-verify-zone").arg(file))
}

#[test]
fn what_signers_make_is_whole() {
    for zone in ZONES.iter().filter(|zone| zone.is_signed()) {
        let apex = Name::absolute(&zone.apex).unwrap();
        assert_eq!(wrong(&zone.file, &apex), [], "{}", zone.apex);
        assert!(ldns_accepts(&zone.file), "{}", zone.apex);
    }
}

/// A record whose absence a verifier of either kind is bound to see, with all that goes with it: a signature alone, an NSEC
/// or NSEC3 with or without its own, a whole RRset with its signatures.
fn cuts(records: &[Record]) -> Vec<(String, Vec<bool>)> {
    let covered = |record: &Record| Rtype(u16::from_be_bytes([record.rdata[0], record.rdata[1]]));
    let kept = |cut: &dyn Fn(&Record) -> bool| records.iter().map(|record| !cut(record)).collect::<Vec<bool>>();
    let mut cuts = Vec::new();
    for (at, record) in records.iter().enumerate().filter(|(_, record)| record.rtype == Rtype::RRSIG) {
        let same = |other: &Record| std::ptr::eq(other, &records[at]);
        cuts.push((format!("{} RRSIG of {}", record.owner, covered(record)), kept(&same)));
    }
    let sets: BTreeSet<(String, Rtype)> =
        records.iter().map(|record| (record.owner.to_lowercase().to_string(), record.rtype)).collect();
    for (owner, rtype) in sets.into_iter().filter(|(_, rtype)| !matches!(*rtype, Rtype::RRSIG | Rtype::SOA)) {
        let whole = |other: &Record| {
            let of_it = other.rtype == rtype || (other.rtype == Rtype::RRSIG && covered(other) == rtype);
            of_it && other.owner.to_lowercase().to_string() == owner
        };
        cuts.push((format!("{owner} {rtype}"), kept(&whole)));
    }
    cuts
}

#[test]
fn what_is_taken_from_a_signed_zone_is_missed_where_its_verifiers_miss_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cut");
    // A verifier takes its time: of what one signer leaves as the other does, some is enough.
    for (label, step) in [("nsec-ecdsa", 1), ("nsec3-ed25519", 1), ("ldns-nsec", 5), ("ldns-nsec3", 5)] {
        let zone = ZONES.iter().find(|zone| zone.apex == format!("{label}.test.") && zone.denial != Denial::OptOut);
        let zone = zone.unwrap();
        let apex = Name::absolute(&zone.apex).unwrap();
        let records: Vec<Record> = read(&zone.file, &apex).unwrap().into_iter().map(|located| located.record).collect();
        let (mut seen, mut unseen) = (0, 0);
        for (what, kept) in cuts(&records).into_iter().step_by(step) {
            let lines = records.iter().zip(&kept).filter(|(_, kept)| **kept);
            let text: String = lines.map(|(record, _)| format!("{}\n", Line(record))).collect();
            fs::write(&file, text).unwrap();
            let (ours, theirs) = (wrong(&file, &apex), bind_accepts(&file, &zone.apex));
            assert_eq!(ours.is_empty(), theirs, "{label} without {what}: {ours:?}");
            // It looks neither which types are denied nor for NSEC3PARAM.
            let is_seen = |error: &Problem| matches!(error.rule, Rule::SignatureMissing | Rule::DenialChain);
            if ldns_accepts(&file) {
                assert!(!ours.iter().any(is_seen), "{label} without {what}: {ours:?}");
            } else {
                assert!(!ours.is_empty(), "{label} without {what}");
            }
            if ours.is_empty() { unseen += 1 } else { seen += 1 }
        }
        // Glue is neither signed nor denied.
        assert!(seen > 100 / step && unseen < 20, "{label}: {seen} seen, {unseen} not");
    }
}
