//! A full disk: changes are refused, answers go on, and with the space everything comes back, without a restart.

use crate::kit::{import, name_line, path_of, resolution, seen, shown, unit_line};
use crate::support::{PATIENCE, Reply, TestDaemon, program};
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Size of the disk in MiB; the journal keeps 96 of them free for the store, and checkpoints twice that.
const DISK_MIB: usize = 224;
/// What the program's data take of it at most, in these tests.
const RESERVE_MIB: usize = 32;

/// A program whose data directory is a small disk that only it sees; none, and a word about it, if this machine allows
/// no mounts (then the power-cut and journal tests, which refuse writes by themselves, are all there is).
fn on_a_small_disk() -> Option<TestDaemon> {
    let namespace = ["unshare", "--map-root-user", "--mount"];
    let mount = format!("mount -t tmpfs -o size={DISK_MIB}m tmpfs data && exec \"$0\" \"$@\"");
    let mut daemon = TestDaemon::prepare(&[], "");
    fs::create_dir(daemon.path("data")).expect("a writable directory");
    let tried = Command::new(namespace[0])
        .args(&namespace[1..])
        .args(["sh", "-c", &mount, "true"])
        .current_dir(daemon.path(""))
        .output();
    let allowed = tried.as_ref().is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("NOT TESTED: a full disk, because this machine lets us mount none: {tried:?}");
        return None;
    }
    daemon.set_wrapper(&[&namespace[..], &["sh", "-c", &mount]].concat());
    daemon.restart();
    let names = (0..50).map(|n| name_line(&name(n), "u1", "2030-01-01", Some(8 * n)));
    import(&daemon, "names", &[unit_line("u1")].into_iter().chain(names).collect::<Vec<_>>());
    Some(daemon)
}

fn name(n: u32) -> String {
    format!("名{n}.政务")
}

/// The data directory as the program sees it.
fn data(daemon: &TestDaemon) -> PathBuf {
    let process = daemon.process_id().expect("it runs");
    let path = daemon.path("data");
    PathBuf::from(format!("/proc/{process}/root")).join(path.strip_prefix("/").expect("an absolute path"))
}

/// Takes all space of the disk but so many MiB.
fn fill(daemon: &TestDaemon, left_mib: usize) {
    let mut file = File::create(data(daemon).join("filler")).expect("the disk");
    let block = vec![0; 64 << 10];
    let mut written = 0;
    loop {
        match file.write(&block) {
            Ok(octets) => written += octets,
            Err(error) if error.kind() == ErrorKind::StorageFull => break,
            Err(error) => panic!("{error}"),
        }
    }
    file.set_len((written - (left_mib << 20)) as u64).expect("the disk");
}

fn free(daemon: &TestDaemon) {
    fs::remove_file(data(daemon).join("filler")).expect("the filler");
}

fn export(daemon: &TestDaemon) -> String {
    daemon.api("GET", "/v1/export", "demo-viewer", None).expect_success().text
}

fn journal(daemon: &TestDaemon) -> Vec<(PathBuf, Vec<u8>)> {
    let entries =
        fs::read_dir(data(daemon).join("journal")).expect("the journal").map(|entry| entry.expect("a file").path());
    entries.map(|path| (path.clone(), fs::read(path).expect("a segment"))).collect()
}

#[track_caller]
fn expect_shown(daemon: &TestDaemon, name: &str, n: u32) {
    assert_eq!(seen(&daemon.ask(name, RecordType::AAAA)), shown(n), "{name}");
}

#[track_caller]
fn expect_refusal(reply: &Reply) {
    assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("unwritable")), "{}", reply.text);
    assert_eq!(reply.header("retry-after"), Some("1"));
}

fn writes_accepted(daemon: &TestDaemon) -> (u16, Value, bool) {
    let ready = daemon.send("GET", "/readyz", &[], "", "");
    let metrics = daemon.send("GET", "/metrics", &[], "", "").text;
    (ready.status, ready.json()["reasons"].clone(), metrics.lines().any(|line| line == "zhengming_writes_accepted 1"))
}

#[test]
fn changes_are_refused_before_the_disk_is_full() {
    let Some(daemon) = on_a_small_disk() else { return };
    let (before, lines) = (export(&daemon), journal(&daemon));
    // Less than the reserve, though not nothing.
    fill(&daemon, RESERVE_MIB / 2);
    expect_refusal(&daemon.push(&name(0), &resolution(1000)));
    let hold = json!({ "evidence": "doc-1" });
    expect_refusal(&daemon.api("PUT", "/v1/units/u1/holds/LEGAL", "demo-operator", Some(&hold)));
    assert_eq!(writes_accepted(&daemon), (503, json!(["unwritable"]), false));
    assert!(export(&daemon) == before && journal(&daemon) == lines, "something was written");
    (0..50).for_each(|n| expect_shown(&daemon, &name(n), 8 * n));

    free(&daemon);
    daemon.push(&name(0), &resolution(1000)).expect_success();
    expect_shown(&daemon, &name(0), 1000);
    assert_eq!(writes_accepted(&daemon), (200, json!([]), true));
}

/// Asks until the answer is no 503. The store may have failed when the disk was full: it is opened anew beside the answers.
#[track_caller]
fn when_available(daemon: &TestDaemon, ask: impl Fn() -> Reply) -> Reply {
    let start = Instant::now();
    loop {
        let reply = ask();
        if reply.status != 503 {
            return reply.expect_success();
        }
        assert!(start.elapsed() < PATIENCE, "{reply:?}; {}", daemon.log());
    }
}

#[test]
fn a_disk_that_fills_up_under_load_loses_nothing_acknowledged() {
    let Some(daemon) = on_a_small_disk() else { return };
    let mut versions: Vec<u32> = (0..50).map(|n| 8 * n).collect();
    let mut next = 1000;
    for _ in 0..5 {
        // The store has not written these yet when the last octet goes.
        for _ in 0..20 {
            next += 8;
            let n = next % 50;
            when_available(&daemon, || daemon.push(&name(n), &resolution(next)));
            versions[n as usize] = next;
        }
        fill(&daemon, 0);
        let lines = journal(&daemon);
        for n in 0..50 {
            expect_refusal(&daemon.push(&name(n), &resolution(next + 8)));
            expect_shown(&daemon, &name(n), versions[n as usize]);
        }
        assert!(journal(&daemon) == lines, "something was written");

        free(&daemon);
        next += 8;
        when_available(&daemon, || {
            expect_shown(&daemon, &name(7), versions[7]);
            daemon.push(&name(7), &resolution(next))
        });
        versions[7] = next;
        for (n, version) in (0..).zip(&versions) {
            expect_shown(&daemon, &name(n), *version);
            let path = path_of(&name(n));
            let shown = when_available(&daemon, || daemon.api("GET", &path, "demo-viewer", None)).json();
            assert_eq!(shown["resolution"], with_defaults(&resolution(*version)), "{shown}");
        }
    }
    let verified = program().arg("verify-journal").arg(data(&daemon)).output().expect("the program was built");
    assert!(verified.status.success(), "{verified:?}");
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

/// Addresses as the API shows them.
fn with_defaults(resolution: &Value) -> Value {
    let mut resolution = resolution.clone();
    resolution["www"] = true.into();
    resolution
}
