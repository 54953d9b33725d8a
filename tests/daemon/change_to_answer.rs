//! From an approved change to the changed answer: the acknowledgement is the moment, for DNS and for the gateway.

use crate::kit::{
    Asker, SUFFIXES, Seen, import, is_at_least, name_line, owners, resolution, seen, serial_of, shown, target,
    unit_line,
};
use crate::support::{Caller, PATIENCE, Reply, TestDaemon, ascii, tree};
use hickory_proto::rr::RecordType;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;

const CLIENTS: u32 = 8;
const CHANGES_EACH: u32 = 125;
const NAMES_EACH: u32 = 5;

/// A name that changes while others ask for it.
struct Watched {
    label: String,
    /// Its versions have numbers from here on; none of them is its state before the first change.
    base: u32,
    /// The version that was acknowledged last.
    acknowledged: AtomicU32,
    /// The version that may show already.
    approved: AtomicU32,
}

impl Watched {
    fn new(position: u32) -> Self {
        let label = format!("测试{position}");
        Self { label, base: position * 1000, acknowledged: AtomicU32::new(0), approved: AtomicU32::new(0) }
    }

    fn shown(&self, version: u32) -> Seen {
        if version == 0 { Seen::Absent } else { shown(self.base + version) }
    }

    /// Checks an answer that another thread got between these two moments.
    fn check(&self, ask: impl FnOnce(&str) -> Seen) {
        let from = self.acknowledged.load(Ordering::SeqCst);
        let shows = ask(&ascii(&format!("{}.政务", self.label)));
        let to = self.approved.load(Ordering::SeqCst);
        let possible: Vec<Seen> = (from..=to).map(|version| self.shown(version)).collect();
        assert!(possible.contains(&shows), "{} shows {shows:?}, not one of {possible:?}", self.label);
    }
}

/// Where both want the same core, answers come first: the writer has what nothing else wants, and the API is nicer.
#[test]
fn what_takes_changes_stands_behind_the_threads_that_answer() {
    /// The number of `SCHED_IDLE` (sched(7)), and of what is usual.
    const IDLE: i32 = 5;
    const OTHER: i32 = 0;
    let daemon = TestDaemon::start();
    let process = fs::read_to_string(daemon.path("data/lock")).expect("the lock names its process");
    let tasks = fs::read_dir(format!("/proc/{}/task", process.trim())).expect("it runs");
    let order_of = |task: std::io::Result<fs::DirEntry>| {
        // A thread that has just ended is none of these.
        let stat = fs::read_to_string(task.expect("a thread").path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        // proc_pid_stat(5): the 19th field and the 41st, of which two stand before these.
        let mut fields = rest.split_whitespace();
        let (nice, policy) = (fields.nth(16)?.parse::<i32>().ok()?, fields.nth(21)?.parse::<i32>().ok()?);
        Some((name.to_owned(), nice, policy))
    };
    let threads: Vec<(String, i32, i32)> = tasks.filter_map(order_of).collect();
    let named = |prefix: &str| -> Vec<_> { threads.iter().filter(|(name, ..)| name.starts_with(prefix)).collect() };
    let (answering, api, writer) = (named("dns-"), named("http"), named("writer"));
    assert!(!answering.is_empty() && !api.is_empty() && writer.len() == 1, "{threads:?}");
    assert_eq!(writer[0].2, IDLE, "{threads:?}");
    let nicest_that_answers = answering.iter().map(|(_, nice, _)| *nice).max().expect("there are some");
    assert!(answering.iter().chain(&api).all(|(.., policy)| *policy == OTHER), "{threads:?}");
    // Started by `nice -n 19`, nothing can be nicer (sched(7)).
    assert!(api.iter().all(|(_, nice, _)| *nice > nicest_that_answers || *nice == 19), "{threads:?}");
}

#[test]
fn a_thousand_approved_changes_are_each_in_the_next_answer() {
    let daemon = TestDaemon::start();
    let names: Vec<Watched> = (0..CLIENTS * NAMES_EACH).map(Watched::new).collect();
    let mut lines: Vec<Value> = (0..CLIENTS).map(|client| unit_line(&format!("u{client}"))).collect();
    lines.extend((0..).zip(&names).map(|(position, name)| {
        let unit = format!("u{}", position / NAMES_EACH);
        name_line(&format!("{}.政务", name.label), &unit, "2030-01-01", None)
    }));
    import(&daemon, "names", &lines);

    let done = AtomicBool::new(false);
    let (polls, digs, reviewed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let asker = Asker::new(daemon.dns(), PATIENCE);
            while !done.load(Ordering::SeqCst) {
                let position = polls.fetch_add(1, Ordering::SeqCst) % names.len();
                names[position].check(|owner| seen(&asker.ask(owner, RecordType::AAAA).expect("an answer")));
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let count = digs.fetch_add(1, Ordering::SeqCst);
                let server = if count % 2 == 0 { daemon.dns() } else { daemon.dns_v6() };
                let transport = if count % 3 == 0 { "+tcp" } else { "+notcp" };
                names[count % names.len()].check(|owner| dig(server, transport, owner));
            }
        });
        let clients: Vec<_> = names
            .chunks(NAMES_EACH as usize)
            .map(|mine| {
                let (daemon, reviewed) = (&daemon, &reviewed);
                scope.spawn(move || change_all(daemon, mine, reviewed))
            })
            .collect();
        let ended: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        ended.into_iter().for_each(|client| client.expect("a client failed"));
    });
    let reviewed = reviewed.into_inner();
    assert!(reviewed >= (CLIENTS * CHANGES_EACH / 2) as usize, "{reviewed} changes went through both reviews");
    assert!(polls.into_inner() > names.len() && digs.into_inner() > 10);
}

/// One client: changes its names in turn, and looks at every answer that must have changed, or must not have.
fn change_all(daemon: &TestDaemon, names: &[Watched], reviewed: &AtomicUsize) {
    let caller = daemon.caller();
    let asker = Asker::new(daemon.dns(), PATIENCE);
    let ask = |owner: &str| seen(&asker.ask(owner, RecordType::AAAA).expect("an answer"));
    for count in 0..CHANGES_EACH {
        let name = &names[(count % NAMES_EACH) as usize];
        let version = count / NAMES_EACH + 1;
        let number = name.base + version;
        let full = format!("{}.政务", name.label);
        let unchanged = || {
            for owner in owners(&name.label) {
                assert_eq!(ask(&owner), name.shown(version - 1), "{owner} before the second approval of {version}");
            }
        };
        let receipt = if count % 8 < 5 {
            reviewed.fetch_add(1, Ordering::SeqCst);
            let change = submit(&caller, &full, number);
            unchanged();
            decide(&caller, &change, "demo-local", "local").expect_success();
            unchanged();
            name.approved.store(version, Ordering::SeqCst);
            decide(&caller, &change, "demo-central", "central").expect_success().json()
        } else {
            name.approved.store(version, Ordering::SeqCst);
            daemon.push(&full, &resolution(number)).expect_success().json()
        };
        // Nothing comes between the acknowledgement and this question.
        let owners = owners(&name.label);
        let first = &owners[count as usize % owners.len()];
        let next = if count % 5 == 0 { seen(&daemon.ask_tcp(first, RecordType::AAAA)) } else { ask(first) };
        assert_eq!(next, shown(number), "{first} after {receipt}");
        name.acknowledged.store(version, Ordering::SeqCst);
        for owner in &owners {
            assert_eq!(ask(owner), shown(number), "{owner} after {receipt}");
        }
        if shown(number) == Seen::Forward {
            assert_eq!(daemon.browse(&owners[0], "/").header("location"), Some(&*target(number)));
        }
        for suffix in SUFFIXES {
            let serial = receipt["serials"][format!("{suffix}.")].as_u64().expect("a serial");
            let soa = serial_of(&asker.ask(suffix, RecordType::SOA).expect("an answer"));
            assert!(is_at_least(soa, u32::try_from(serial).expect("a serial")), "{soa} is behind {receipt}");
        }
    }
}

fn submit(caller: &Caller, name: &str, number: u32) -> String {
    let body = json!({ "name": name, "resolution": resolution(number) });
    let reply = caller.api("POST", "/v1/changes", "demo-submitter", None, Some(&body)).expect("an answer");
    let receipt = reply.expect_success().json();
    assert_eq!((&receipt["state"], &receipt["serials"]), (&json!("submitted"), &json!({})), "{receipt}");
    receipt["id"].as_str().expect("an id").to_owned()
}

fn decide(caller: &Caller, change: &str, token: &str, level: &str) -> Reply {
    let body = json!({ "level": level, "decision": "approve" });
    let path = format!("/v1/changes/{change}/decisions");
    caller.api("POST", &path, token, None, Some(&body)).expect("an answer")
}

/// What the real dig shows.
fn dig(server: SocketAddr, transport: &str, owner: &str) -> Seen {
    let (address, port) = (server.ip().to_string(), server.port().to_string());
    let output = Command::new("dig")
        .args([&format!("@{address}"), "-p", &port, transport, "+tries=1", "+timeout=60", "+nocookie", owner, "AAAA"])
        .output()
        .expect("dig is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let words = || text.lines().filter(|line| !line.starts_with(';')).flat_map(str::split_whitespace);
    if text.contains("status: NXDOMAIN") {
        return Seen::Absent;
    }
    assert!(text.contains("status: NOERROR"), "{text}");
    let address = words().find_map(|word| word.strip_prefix("2001:db8::"));
    if let Some(address) = address {
        let address: std::net::Ipv6Addr = format!("::{address}").parse().expect("an address");
        return Seen::Version(u32::try_from(address.to_bits()).expect("one of ours"));
    }
    let servers = words().filter_map(|word| word.strip_suffix(".example.")?.strip_prefix("ns"));
    servers.filter_map(|number| number.parse().ok()).map(Seen::Version).next().unwrap_or(Seen::Forward)
}

#[test]
fn receipts_tell_the_serial_of_the_answer_also_around_the_end_of_the_circle() {
    let daemon = TestDaemon::prepare(&[], "");
    // Close to the end: the changes of this test pass it (RFC 1982 §3.1).
    let first = u32::MAX - 5;
    for suffix in SUFFIXES {
        let zone = fs::read_to_string(tree(&format!("zones/{suffix}.zone"))).expect("a zone");
        let with_serial = zone.replace("hostmaster.nic 1 ", &format!("hostmaster.nic {first} "));
        assert_ne!(zone, with_serial);
        fs::write(daemon.path(&format!("{suffix}.zone")), with_serial).expect("a writable directory");
        daemon.reconfigure(&tree(&format!("zones/{suffix}.zone")).to_string_lossy(), &format!("{suffix}.zone"));
    }
    let mut daemon = daemon;
    daemon.restart();
    daemon.register("u1", "organ", "测试一.政务");
    let other = serial_of(&daemon.ask("xn--55qw42g", RecordType::SOA));
    let mut before = first;
    for number in 1..=12 {
        let receipt = daemon.push("测试一.政务", &resolution(number)).expect_success().json();
        assert_eq!(receipt["serials"].as_object().expect("serials").len(), SUFFIXES.len(), "{receipt}");
        for suffix in SUFFIXES {
            let soa = serial_of(&daemon.ask(suffix, RecordType::SOA));
            assert_eq!(receipt["serials"][format!("{suffix}.")], soa, "{receipt}");
            assert_eq!(soa, before.wrapping_add(1));
            // A negative answer carries the same record.
            assert_eq!(serial_of(&daemon.ask(&format!("xn--fiqs8s.{suffix}"), RecordType::A)), soa);
        }
        before = before.wrapping_add(1);
    }
    assert!(before < first, "the serial has gone round");
    assert_eq!(serial_of(&daemon.ask("xn--55qw42g", RecordType::SOA)), other, "the other set has not changed");
    // What changes nothing visible moves nothing.
    daemon.register("u2", "organ", "测试二.政务");
    assert_eq!(serial_of(&daemon.ask(SUFFIXES[0], RecordType::SOA)), before);
    // Neither does a restart, and the file's serial is behind now.
    daemon.stop();
    daemon.restart();
    assert_eq!(serial_of(&daemon.ask(SUFFIXES[0], RecordType::SOA)), before);
    assert_eq!(seen(&daemon.ask(&ascii("测试一.政务"), RecordType::AAAA)), shown(12));
}
