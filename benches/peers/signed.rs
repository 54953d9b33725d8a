//! A signed zone beside the suffix, for the scenario that asks it: a master file, the same for all, signed by ldns.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its apex, and the name of its file in the directory of all.
pub const SIGNED: &str = "signed.example";
/// Its names: enough for a chain of NSEC3 that no cache of answers holds, and signed in seconds.
const NAMES: usize = 10_000;

/// The file of the zone in `directory`, which is made if it is not there: NSEC3 without salt and further iterations (RFC
/// 9276 §3.1), ECDSA (RFC 6605).
///
/// # Panics
/// If ldns' tools are missing or fail.
pub fn file(directory: &Path) -> PathBuf {
    let file = directory.join(SIGNED);
    if file.exists() {
        return file;
    }
    let plain = directory.join("unsigned");
    fs::write(&plain, records()).expect("a writable directory");
    let mut keygen = Command::new("ldns-keygen");
    let key = run(directory, keygen.args(["-k", "-a", "ECDSAP256SHA256", SIGNED]));
    let mut signer = Command::new("ldns-signzone");
    // Valid for longer than the file is kept, and no later than ldns can write.
    signer.args(["-n", "-t", "0", "-e", "20371231235959", "-o", SIGNED, "-f", "being-signed"]).arg(&plain).arg(&key);
    run(directory, &mut signer);
    fs::rename(directory.join("being-signed"), &file).expect("the signer wrote it");
    file
}

fn records() -> String {
    let mut text = format!("$ORIGIN {SIGNED}.\n@ 300 IN SOA ns1 hostmaster 1 1800 900 1209600 300\n@ 3600 IN NS ns1\n");
    text += "ns1 3600 IN A 198.51.100.1\n";
    for i in 0..NAMES {
        writeln!(text, "name{i} 600 IN A 198.51.{}.{}", i / 250, i % 250 + 1).expect("text takes everything");
    }
    text
}

/// What the command says in one word.
fn run(directory: &Path, command: &mut Command) -> String {
    let output = command.current_dir(directory).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
