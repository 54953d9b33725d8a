//! Starts that are not ordinary: what is missing, damaged or taken, and what the program makes of it.

use crate::kit::{
    Random, SUFFIXES, import, is_at_least, name_line, path_of, resolution, seed, seen, serial_of, shown, unit_line,
};
use crate::support::{TestDaemon, program};
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

/// Check failed: a script that starts the program can tell it from a system error.
const CHECK_FAILED: Option<i32> = Some(1);

/// How many times the store is damaged at random.
const DAMAGES: u32 = 20;

/// The segments of the journal, oldest first.
fn segments(daemon: &TestDaemon) -> Vec<PathBuf> {
    let entries = fs::read_dir(daemon.path("data/journal")).expect("the journal");
    let mut segments: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    segments.sort();
    segments
}

/// All units and names; the last line, which tells how far the journal goes, left out.
fn export(daemon: &TestDaemon) -> Vec<String> {
    let text = daemon.api("GET", "/v1/export", "demo-viewer", None).expect_success().text;
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    assert!(lines.pop().is_some_and(|line| line.contains("\"end\"")), "a whole export");
    lines
}

fn verify(daemon: &TestDaemon) -> Output {
    program().arg("verify-journal").arg(daemon.path("data")).output().expect("the program was built")
}

/// Starts it, expects that it ends with this code, and returns what it logged since.
#[track_caller]
fn expect_no_start(daemon: &mut TestDaemon, code: Option<i32>) -> String {
    let before = daemon.log().len();
    let status = daemon.try_restart().expect_err("it must not start");
    let log = daemon.log()[before..].to_owned();
    assert_eq!(status.code(), code, "{log}");
    log
}

#[track_caller]
fn expect_version(daemon: &TestDaemon, name: &str, n: u32) {
    assert_eq!(seen(&daemon.ask(name, RecordType::AAAA)), shown(n), "{name}; {}", daemon.log());
}

/// A registry with a few names and changes.
fn small() -> TestDaemon {
    let daemon = TestDaemon::start();
    let names = (0..5).map(|n| name_line(&format!("名{n}.政务"), "u1", "2030-01-01", Some(8 * n + 1)));
    import(&daemon, "names", &[unit_line("u1")].into_iter().chain(names).collect::<Vec<_>>());
    for n in 0..5 {
        daemon.push(&format!("名{n}.政务"), &resolution(8 * n + 2)).expect_success();
    }
    daemon
}

#[track_caller]
fn expect_small(daemon: &TestDaemon) {
    (0..5).for_each(|n| expect_version(daemon, &format!("名{n}.政务"), 8 * n + 2));
}

#[test]
fn segments_older_than_the_store_are_not_needed_to_serve() {
    let mut daemon = TestDaemon::start();
    import(&daemon, "unit", &[unit_line("u1")]);
    // Forwards with the longest targets fill the first segment soonest.
    let line = |batch: usize, n: usize| {
        let mut line = name_line(&format!("长{n}.政务"), "u1", "2030-01-01", None);
        let target = format!("https://v{batch}.example/{}", "x".repeat(1950));
        line["name"]["resolution"] = json!({ "type": "URL", "target": target });
        line["name"]["basis"] = "migration".into();
        line
    };
    let mut batch = 0;
    while segments(&daemon).len() < 2 {
        batch += 1;
        let lines: Vec<Value> = (0..1000).map(|n| line(batch, n)).collect();
        import(&daemon, &format!("batch-{batch}"), &lines);
    }
    daemon.push("长0.政务", &resolution(1)).expect_success();
    let before = export(&daemon);
    assert_eq!(daemon.stop().code(), Some(0));

    let old = segments(&daemon)[0].clone();
    let kept = fs::read(&old).expect("a segment");
    for damage in ["unreadable", "garbage", "directory"] {
        match damage {
            // Stops everybody but root.
            "unreadable" => fs::set_permissions(&old, fs::Permissions::from_mode(0)).expect("our file"),
            "garbage" => {
                fs::remove_file(&old).expect("our file");
                fs::write(&old, vec![0xff; 1 << 20]).expect("a writable directory");
            }
            _ => {
                fs::remove_file(&old).expect("our file");
                fs::create_dir(&old).expect("a writable directory");
            }
        }
        daemon.restart();
        assert!(export(&daemon) == before, "{damage}");
        expect_version(&daemon, "长0.政务", 1);
        assert!(daemon.browse("长999.政务", "/").header("location").is_some_and(|url| url.ends_with("xx")), "{damage}");
        daemon.push("长0.政务", &resolution(2)).expect_success();
        expect_version(&daemon, "长0.政务", 2);
        daemon.push("长0.政务", &resolution(1)).expect_success();
        // Killed: what the store has not written yet is replayed from the last segment.
        daemon.kill();
        daemon.restart();
        expect_version(&daemon, "长0.政务", 1);
        assert_eq!(daemon.stop().code(), Some(0));
    }
    assert!(!verify(&daemon).status.success(), "whoever wants the whole chain is told");
    fs::remove_dir(&old).expect("our directory");
    fs::write(&old, kept).expect("a writable directory");
    assert!(verify(&daemon).status.success());
}

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
fn random_damage_to_the_store_never_shows() {
    let mut random = Random(seed("random_damage"));
    let mut daemon = TestDaemon::start();
    let name = |n: u32| format!("名{n}.政务");
    let names = (0..300).map(|n| name_line(&name(n), "u1", "2030-01-01", Some(8 * n)));
    import(&daemon, "names", &[unit_line("u1")].into_iter().chain(names).collect::<Vec<_>>());
    let mut found = 0;
    for round in 1..=DAMAGES {
        // Some of it is new each time, so that sled writes more than once.
        for _ in 0..20 {
            let n = u32::try_from(random.below(300)).expect("small");
            daemon.push(&name(n), &resolution(8 * (300 * round + n))).expect_success();
        }
        let before = export(&daemon);
        if random.below(2) == 0 {
            daemon.kill()
        } else {
            assert!(daemon.stop().success())
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
fn a_torn_last_line_is_cut_off() {
    let mut daemon = small();
    daemon.kill();
    let last = segments(&daemon).pop().expect("a segment");
    let whole = fs::read_to_string(&last).expect("the segment");
    let line = whole.lines().last().expect("a line");
    // A group that nobody was told of: any part of its line.
    for length in [1, line.len() / 2, line.len() - 1] {
        let mut file = fs::File::options().append(true).open(&last).expect("our file");
        file.write_all(&line.as_bytes()[..length]).expect("written");
        daemon.restart();
        expect_small(&daemon);
        assert_eq!(fs::read_to_string(&last).expect("the segment"), whole);
        daemon.kill();
    }
    assert!(verify(&daemon).status.success());
}

#[test]
fn a_broken_chain_stops_the_start_and_says_where_and_what_to_do() {
    let mut daemon = small();
    daemon.stop();
    let segment = segments(&daemon).pop().expect("a segment");
    let whole = fs::read_to_string(&segment).expect("the segment");
    let broken = whole.lines().enumerate().map(|(number, line)| {
        let line = if number == 2 { line.replacen("demo-operator", "demo-operat0r", 1) } else { line.to_owned() };
        line + "\n"
    });
    let broken: String = broken.collect();
    assert_ne!(broken, whole);
    fs::write(&segment, &broken).expect("our file");
    let log = expect_no_start(&mut daemon, CHECK_FAILED);
    let said = String::from_utf8(verify(&daemon).stderr).expect("UTF-8");
    for text in [&log, &said] {
        for part in [&*segment.to_string_lossy(), "line 3", "backup", "备份"] {
            // A relative path in the one is an absolute one in the other.
            let part = part.rsplit("journal/").next().expect("a part");
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
    assert_eq!(fs::read_to_string(&segment).expect("the segment"), broken, "nothing is repaired behind one's back");
    fs::write(&segment, whole).expect("our file");
    daemon.restart();
    expect_small(&daemon);
}

#[test]
fn a_data_directory_serves_one_process() {
    let daemon = small();
    let second = daemon.serve().output().expect("the program was built");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success(), "{said}");
    let holder = format!("process {}", daemon.process_id().expect("it runs"));
    assert!(said.contains("in use") && said.contains(&holder), "{said}");
    let rebuild = program()
        .args(["rebuild", "--config"])
        .arg(daemon.path("config.toml"))
        .output()
        .expect("the program was built");
    assert!(!rebuild.status.success() && String::from_utf8_lossy(&rebuild.stderr).contains("in use"), "{rebuild:?}");
    // The first has not noticed.
    expect_small(&daemon);
    daemon.push("名0.政务", &resolution(100)).expect_success();
    expect_version(&daemon, "名0.政务", 100);
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
