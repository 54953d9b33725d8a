//! Starts that are not ordinary: what is missing, damaged or taken, and what the program makes of it.

use crate::kit::{import, name_line, resolution, seen, shown, unit_line};
use crate::support::{TestDaemon, program};
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use std::thread;
use std::time::Duration;

/// Check failed: a script that starts the program can tell it from a system error.
pub const CHECK_FAILED: Option<i32> = Some(1);

/// The segments of the journal, oldest first; not what was cut off of them.
pub fn segments(daemon: &TestDaemon) -> Vec<PathBuf> {
    let entries = fs::read_dir(daemon.path("data/journal")).expect("the journal");
    let mut segments: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    segments.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    segments.sort();
    segments
}

/// All units and names; the last line, which tells how far the journal goes, left out.
pub fn export(daemon: &TestDaemon) -> Vec<String> {
    let text = daemon.api("GET", "/v1/export", "demo-viewer", None).expect_success().text;
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    assert!(lines.pop().is_some_and(|line| line.contains("\"end\"")), "a whole export");
    lines
}

pub fn verify(daemon: &TestDaemon) -> Output {
    program().arg("verify-journal").arg(daemon.path("data")).output().expect("the program was built")
}

/// Starts it, expects that it ends with this code, and returns what it logged since.
#[track_caller]
pub fn expect_no_start(daemon: &mut TestDaemon, code: Option<i32>) -> String {
    let before = daemon.log().len();
    let status = daemon.try_restart().expect_err("it must not start");
    let log = daemon.log()[before..].to_owned();
    assert_eq!(status.code(), code, "{log}");
    log
}

#[track_caller]
pub fn expect_version(daemon: &TestDaemon, name: &str, n: u32) {
    assert_eq!(seen(&daemon.ask(name, RecordType::AAAA)), shown(n), "{name}; {}", daemon.log());
}

/// A registry with a few names and changes.
pub fn small() -> TestDaemon {
    let daemon = TestDaemon::start();
    let names = (0..5).map(|n| name_line(&format!("名{n}.政务"), "u1", "2030-01-01", Some(8 * n + 1)));
    import(&daemon, "names", &[unit_line("u1")].into_iter().chain(names).collect::<Vec<_>>());
    for n in 0..5 {
        daemon.push(&format!("名{n}.政务"), &resolution(8 * n + 2)).expect_success();
    }
    daemon
}

#[track_caller]
pub fn expect_small(daemon: &TestDaemon) {
    (0..5).for_each(|n| expect_version(daemon, &format!("名{n}.政务"), 8 * n + 2));
}

/// What is applied gets into the store though nothing happens any more.
#[test]
fn an_idle_program_writes_the_store_out() {
    let mut daemon = small();
    // A slow machine may need longer.
    for pause in [4, 8, 16, 32] {
        thread::sleep(Duration::from_secs(pause));
        daemon.kill();
        let logged = daemon.log().len();
        daemon.restart();
        expect_small(&daemon);
        if !daemon.log()[logged..].contains("brought up to the journal") {
            return;
        }
        daemon.push("名0.政务", &resolution(2)).expect_success();
    }
    panic!("the store stays behind: {}", daemon.log());
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
            "unreadable" => fs::set_permissions(&old, fs::Permissions::from_mode(0o000)).expect("our file"),
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
