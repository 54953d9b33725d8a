//! What an operator does meanwhile: changes of names, reloads of zone files, good and bad ones.

use crate::kit::{resolution, seen, shown};
use crate::support::{self, PATIENCE};
use crate::{Soak, fs};
use hickory_proto::rr::RecordType;
use rustix::process::Signal;
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

/// Names that change.
pub const NAMES: u32 = 20;
/// What the log says where nothing of a reload was taken, and where all of it was.
pub const KEPT: &str = "everything stays as it was";
const TAKEN: &str = "were read again";
/// Between two changes, and between two reloads: a registry has fewer.
const PAUSE: Duration = Duration::from_millis(250);

/// The `n`th name that changes.
pub fn name(n: u32) -> String {
    let digit = |d: u32| char::from_u32(0x5341 + d).expect("an ideograph");
    format!("变{}{}.政务", digit(n / 10), digit(n % 10))
}

/// The zone of the soak in its `n`th version.
pub fn zone_file(n: u32) -> String {
    let mut text = format!(
        "$ORIGIN soak.example.\n$TTL 300\n@ SOA ns hostmaster {} 7200 3600 1209600 300\n@ NS ns\n@ TXT \"version {n}\"\n\
         ns A 192.0.2.1\nwww A 192.0.2.2\n*.wild A 192.0.2.3\nalias CNAME www\nmoved DNAME wild\ncut NS ns.cut\n\
         ns.cut A 192.0.2.4\na.ent TXT \"below\"\n",
        n + 1
    );
    (0..40).for_each(|n| writeln!(text, "large TXT \"{n:0100}\"").expect("a string"));
    text
}

/// Changes names, one after the other: each shows when it is acknowledged.
pub fn changes(soak: &Soak) {
    let mut random = soak.random(8);
    while soak.goes_on() {
        let (name, number) = (name(random.below(NAMES as usize) as u32), random.next() as u32 >> 8);
        soak.daemon.push(&name, &resolution(number)).expect_success();
        // Over TCP: no flood stands before it.
        let answer = support::ask_tcp(soak.daemon.dns(), &name, RecordType::AAAA);
        assert_eq!(seen(&answer), shown(number), "{name}");
        soak.tally.event("change");
        for path in ["/v1/names?limit=5", "/v1/names/%FF", "/v1/changes/c0", "/nothing"] {
            let status = soak.daemon.api("GET", path, "demo-viewer", None).status;
            assert!(matches!(status, 200 | 400 | 404), "{path}: {status}");
        }
        assert_eq!(soak.daemon.api("POST", "/v1/changes", "no token", None).status, 401);
        thread::sleep(PAUSE);
    }
}

/// Writes another version of the zone file and reloads; every third is broken and changes nothing.
pub fn reloads(soak: &Soak) {
    let text = || support::ask_tcp(soak.daemon.dns(), "soak.example", RecordType::TXT).answers[0].data.to_string();
    let mut served: u32 = text().trim_start_matches("version ").parse().expect("a number");
    while soak.goes_on() {
        let breaks = served % 3 == 2 && soak.tally.events("reload of a broken file") <= u64::from(served) / 3;
        let next = served + u32::from(!breaks);
        let broken = if breaks { "www A 192.0.2.256\n" } else { "" };
        fs::write(soak.daemon.path("soak.zone"), zone_file(served + 1) + broken).expect("our file");
        reload(soak, if breaks { KEPT } else { TAKEN });
        served = next;
        assert_eq!(text(), format!("version {served}"));
        soak.tally.event(if breaks { "reload of a broken file" } else { "reload" });
        thread::sleep(PAUSE);
    }
}

fn reload(soak: &Soak, outcome: &str) {
    let logged = soak.daemon.log().len();
    soak.daemon.signal(Signal::HUP);
    let start = Instant::now();
    while !soak.daemon.log()[logged..].contains(outcome) {
        assert!(start.elapsed() < PATIENCE, "no word of the reload: {}", &soak.daemon.log()[logged..]);
        thread::sleep(Duration::from_millis(5));
    }
}
