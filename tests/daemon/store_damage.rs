//! What becomes of a store that is gone, damaged, or ahead of its journal: the journal is the truth.

use crate::kit::{Random, SUFFIXES, import, is_at_least, name_line, path_of, resolution, seed, serial_of, unit_line};
use crate::restart::{CHECK_FAILED, expect_no_start, expect_small, expect_version, export, segments, small, verify};
use crate::support::{TestDaemon, program};
use hickory_proto::rr::RecordType;
use serde_json::Value;
use std::fs;
use std::thread;
use std::time::Duration;

/// How many times the store is damaged at random.
const DAMAGES: u32 = 20;
/// How often a change is tried while the store is opened anew, and the pause between.
const OPENINGS_MAX: u32 = 600;
const OPENING: Duration = Duration::from_millis(50);

#[test]
fn a_store_that_is_gone_or_damaged_is_rebuilt_with_the_same_answers() {
    let mut daemon = small();
    let before = export(&daemon);
    daemon.stop();
    fs::remove_dir_all(daemon.path("data/sled")).expect("the store");
    daemon.restart();
    assert_eq!(export(&daemon), before);
    expect_small(&daemon);
    let serial = serial_of(&daemon.ask(SUFFIXES[0], RecordType::SOA));

    for damage in ["scribbled over", "emptied", "no directory"] {
        daemon.stop();
        let db = daemon.path("data/sled/db");
        let octets = fs::metadata(&db).expect("sled's file").len();
        match damage {
            "scribbled over" => fs::write(&db, vec![0xa5; usize::try_from(octets).expect("small")]).expect("our file"),
            "emptied" => fs::write(&db, "").expect("our file"),
            _ => {
                fs::remove_dir_all(daemon.path("data/sled")).expect("the store");
                fs::write(daemon.path("data/sled"), "no store").expect("a writable directory");
            }
        }
        let logged = daemon.log().len();
        daemon.restart();
        assert_eq!(export(&daemon), before, "{damage}");
        expect_small(&daemon);
        assert_eq!(serial_of(&daemon.ask(SUFFIXES[0], RecordType::SOA)), serial, "{damage}");
        // What sled itself finds to be of no use it leaves out: then the journal is replayed from its beginning.
        let said = ["rebuilt from the journal", "brought up to the journal from=0"];
        assert!(said.iter().any(|said| daemon.log()[logged..].contains(said)), "{damage}: {}", daemon.log());
    }
    daemon.push("名0.政务", &resolution(100)).expect_success();
    expect_version(&daemon, "名0.政务", 100);
}

#[test]
fn a_damaged_checkpoint_is_warned_of_and_never_shows() {
    let mut daemon = small();
    let before = export(&daemon);
    assert!(daemon.stop().success());
    let logged = daemon.log().len();
    daemon.restart();
    assert!(daemon.log()[logged..].contains("the names are loaded from the checkpoint"), "{}", daemon.log());
    assert!(daemon.stop().success());
    let mut checkpoints = fs::read_dir(daemon.path("data/checkpoint")).expect("checkpoints");
    let file = checkpoints.next().expect("one was loaded").expect("readable").path();
    let mut octets = fs::read(&file).expect("our file");
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    fs::write(&file, octets).expect("our file");
    let logged = daemon.log().len();
    daemon.restart();
    let log = daemon.log();
    let warned =
        log[logged..].lines().any(|line| line.contains("WARN") && line.contains("the checkpoint of transaction"));
    assert!(warned, "{log}");
    assert_eq!(export(&daemon), before);
    expect_small(&daemon);
}

/// Pushes a change, again while the store is opened anew: damage that a start did not meet is met by the first change that reads
/// it, which is refused until the store is mended.
fn push_when_open(daemon: &TestDaemon, name: &str, resolution: &Value) {
    for _ in 0..OPENINGS_MAX {
        let reply = daemon.push(name, resolution);
        if reply.status != 503 {
            drop(reply.expect_success());
            return;
        }
        thread::sleep(OPENING);
    }
    panic!("the store is not opened again: {}", daemon.log());
}

#[test]
fn random_damage_to_the_store_never_shows() {
    let mut random = Random(seed("random_damage"));
    let mut daemon = TestDaemon::start_with(&["--test-batches"], "");
    let name = |n: u32| format!("名{n}.政务");
    let names = (0..300).map(|n| name_line(&name(n), "u1", "2030-01-01", Some(8 * n)));
    import(&daemon, "names", &[unit_line("u1")].into_iter().chain(names).collect::<Vec<_>>());
    let mut found = 0;
    for round in 1..=DAMAGES {
        // Some of it is new each time, so that sled writes more than once.
        for _ in 0..20 {
            let n = u32::try_from(random.below(300)).expect("small");
            push_when_open(&daemon, &name(n), &resolution(8 * (300 * round + n)));
        }
        let before = export(&daemon);
        if random.below(2) == 0 {
            daemon.kill();
        } else {
            assert!(daemon.stop().success());
        }
        let db = daemon.path("data/sled/db");
        let mut octets = fs::read(&db).expect("sled's file");
        let (start, length) = (random.below(octets.len()), 1 + random.below(4096));
        let kind = random.below(3);
        match kind {
            0 => octets.truncate(start),
            1 => octets.iter_mut().skip(start).take(length).for_each(|octet| *octet = 0),
            _ => octets.iter_mut().skip(start).take(length).for_each(|octet| *octet ^= 0x5a),
        }
        fs::write(&db, octets).expect("our file");
        let logged = daemon.log().len();
        daemon.restart();
        let after = export(&daemon);
        let differing = after.iter().zip(&before).filter(|(after, before)| after != before).count();
        let log = &daemon.log()[logged..];
        assert!(
            after == before,
            "round {round}, damage {kind} of {length} at {start}: {differing} of {} lines differ, {} are left; {log}",
            before.len(),
            after.len()
        );
        found += usize::from(log.contains("rebuilt from the journal"));
    }
    println!("{found} of {DAMAGES} were rebuilt from the journal");
}

#[test]
fn a_store_ahead_of_the_journal_stops_the_start_until_the_loss_is_accepted() {
    let mut daemon = small();
    daemon.stop();
    let segment = segments(&daemon).pop().expect("a segment");
    let shorter = fs::read(&segment).expect("the segment");
    daemon.restart();
    let before = export(&daemon);
    for n in 1..20 {
        daemon.push("名0.政务", &resolution(8 * n)).expect_success();
    }
    daemon.register("u2", "organ", "丢失.政务");
    let serials = SUFFIXES.map(|suffix| serial_of(&daemon.ask(suffix, RecordType::SOA)));
    daemon.stop();
    fs::write(&segment, shorter).expect("our file");

    let log = expect_no_start(&mut daemon, CHECK_FAILED);
    assert!(log.contains("rebuild --accept-loss") && log.contains("acknowledged"), "{log}");
    let rebuild = |more: &[&str]| {
        let mut command = program();
        command.args(["rebuild", "--config"]).arg(daemon.path("config.toml")).args(more);
        command.output().expect("the program was built")
    };
    assert_eq!(rebuild(&[]).status.code(), CHECK_FAILED, "only who says so loses anything");
    let accepted = rebuild(&["--accept-loss"]);
    assert!(accepted.status.success(), "{accepted:?}");
    assert!(String::from_utf8_lossy(&accepted.stdout).contains("are lost"), "{accepted:?}");

    daemon.restart();
    assert_eq!(export(&daemon), before);
    expect_small(&daemon);
    assert_eq!(daemon.api("GET", &path_of("丢失.政务"), "demo-viewer", None).status, 404);
    for (suffix, lost) in SUFFIXES.iter().zip(serials) {
        let now = serial_of(&daemon.ask(suffix, RecordType::SOA));
        assert!(now != lost && is_at_least(now, lost), "{suffix}: {now} is not above {lost}");
    }
    assert!(verify(&daemon).status.success());
}
