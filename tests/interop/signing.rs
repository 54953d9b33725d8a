//! Some of the random zones come signed: with NSEC, NSEC3 or opt-out, and several algorithms.

use crate::random::Random;
use crate::zones::{Family, Served};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Algorithms, and what the key generator is told beside.
const ALGORITHMS: &[(&str, &[&str])] =
    &[("ECDSAP256SHA256", &[]), ("ED25519", &[]), ("RSASHA256", &["-b", "1024"]), ("ECDSAP384SHA384", &[])];
/// What the signer is told for each kind of denial.
const DENIALS: &[&[&str]] = &[
    &[],
    &["-3", "-", "-H", "0"],
    &["-3", "beef", "-H", "2"],
    &["-A", "-3", "-", "-H", "0"],
    &["-A", "-3", "0123456789", "-H", "1"],
];

/// Octets of the longest name in a zone that is signed.
const OWNER_LEN_MAX: usize = 250;

/// Signs every second family of zones, all that belong to it in one way; a zone that the signer cannot sign stays plain.
pub fn sign_some(random: &mut Random, families: &mut [Family]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for family in families.iter_mut().step_by(2) {
        // At the longest names there is no room for what hashing adds: the signer gives up, and NSD ends at the start.
        if family.owners.iter().any(|owner| owner.as_wire().len() > OWNER_LEN_MAX) {
            continue;
        }
        let (algorithm, denial) = (random.pick(ALGORITHMS), random.pick(DENIALS));
        for zone in family.zones.iter_mut().filter(|zone| !zone.is_odd()) {
            zone.drop_lone_ds();
            if let Some(text) = sign(directory.path(), zone, algorithm, denial) {
                zone.text = text;
            }
        }
    }
}

/// The zone's text, signed; none if the signer cannot.
pub fn sign(directory: &Path, zone: &Served, (algorithm, bits): (&str, &[&str]), denial: &[&str]) -> Option<String> {
    let apex = zone.apex.to_string();
    let (plain, signed) = (directory.join("plain"), directory.join("signed"));
    fs::write(&plain, &zone.text).expect("a writable directory");
    let mut keygen = Command::new("dnssec-keygen");
    run(keygen.args(["-q", "-a", algorithm, "-f", "KSK", "-K"]).arg(directory).args(bits).arg(&apex)).expect("a key");
    let mut signer = Command::new("dnssec-signzone");
    // -z: one key signs all. -P: its own check does not like every name; the peers' answers are what counts here.
    signer.args(["-q", "-z", "-P", "-S", "-n", "1", "-K"]).arg(directory).args(["-o", &apex, "-f"]).arg(&signed);
    match run(signer.args(denial).arg(&plain).current_dir(directory)) {
        Ok(()) => Some(fs::read_to_string(&signed).expect("it was written")),
        Err(said) if said.contains("name too long") => None,
        Err(said) => panic!("{signer:?}\n{said}\n{}", zone.text),
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"));
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
