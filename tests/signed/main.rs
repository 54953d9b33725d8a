//! Zones that come signed: signed by the tools operators use, served by the program beside NSD and Knot, validated by
//! delv, by Unbound in front, by BIND and Unbound that come from the root, by dnsviz, and as a whole by ldns-verify-zone.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

mod dnsviz;
mod peers;
mod questions;
mod recursion;
mod resolver;
mod signing;
#[path = "../support/mod.rs"]
mod support;
mod tree;
mod validation;
mod whole;

use signing::Signed;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use support::TestDaemon;

/// All zones, signed once.
static ZONES: LazyLock<Vec<Signed>> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("signed");
    // Keys of an earlier run would sign too.
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    signing::sign_all(&directory)
});

/// The program with all of them.
fn serve() -> TestDaemon {
    // One client asks everything here.
    let mut toml = String::from("[rate_limit]\nenabled = false\n");
    ZONES.iter().for_each(|zone| add_zone(&mut toml, zone));
    TestDaemon::start_with(&[], &toml)
}

/// Adds the zone to a configuration.
fn add_zone(toml: &mut String, zone: &Signed) {
    writeln!(toml, "[[zones]]\napex = '{}'\nfile = '{}'", zone.apex, zone.file.display()).unwrap();
}

#[test]
fn a_signed_zone_keeps_the_serial_it_is_signed_with() {
    let mut daemon = TestDaemon::prepare(&[], "[[zones]]\napex = 'nsec-ecdsa.test.'\nfile = 'signed.zone'\n");
    let signed = fs::read_to_string(&ZONES[0].file).unwrap();
    let file = daemon.path("signed.zone");
    for comment in ["; one\n", "; two\n"] {
        // Of an unsigned zone another file has another serial.
        fs::write(&file, comment.to_owned() + &signed).unwrap();
        daemon.restart();
        let soa = daemon.resolve("nsec-ecdsa.test.", hickory_proto::rr::RecordType::SOA);
        assert!(soa[0].contains(" 2026112201 "), "{soa:?}");
        daemon.stop();
    }
}
