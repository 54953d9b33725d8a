//! The end of the journal altered or torn: what a start, `rebuild` and `verify-journal` make of it, with the store and the seals
//! and without them.

use super::support::{PATIENCE, TestDaemon, program};
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::Instant;

/// A journal of several lines, the server stopped; sealed to its last line or not at all.
fn stopped(seals: bool) -> TestDaemon {
    let mut daemon =
        TestDaemon::prepare(&[], if seals { "[seals]\nkey_file = \"seal-key.pem\"\nlines = 1\n" } else { "" });
    if seals {
        let made = program().args(["seal-key", "new"]).arg(daemon.path("seal-key.pem")).output();
        assert!(made.expect("the program was built").status.success());
    }
    daemon.restart();
    daemon.register("u1", "organ", "教育局.政务");
    daemon.register("u2", "organ", "卫生局.政务");
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    daemon
}

fn segment(daemon: &TestDaemon) -> PathBuf {
    daemon.path("data/journal/00000000000000000001.jsonl")
}

/// What starts have cut off.
fn kept(daemon: &TestDaemon) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(daemon.path("data/journal")).expect("a journal");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "torn"))
        .map(|path| fs::read(path).expect("a file"))
        .collect()
}

fn verify(daemon: &TestDaemon) -> Output {
    program().arg("verify-journal").arg(daemon.path("data")).output().expect("the program was built")
}

fn rebuild(daemon: &TestDaemon) -> Output {
    program().args(["rebuild", "--config"]).arg(daemon.path("config.toml")).output().expect("the program was built")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What a start that does not come about says.
#[track_caller]
fn refused_start(daemon: &mut TestDaemon) -> String {
    let before = daemon.log().len();
    let status = daemon.try_restart().expect_err("it must not start");
    let log = daemon.log()[before..].to_owned();
    assert_eq!(status.code(), Some(1), "{log}");
    log
}

fn forget_the_store(daemon: &TestDaemon) {
    for directory in ["data/sled", "data/checkpoint"] {
        let _ = fs::remove_dir_all(daemon.path(directory));
    }
}

/// The text with the first digit after `member` in the last line replaced.
fn altered(good: &str, member: &str) -> String {
    let line = good.trim_end().rfind('\n').expect("several lines") + 1;
    let at = line + good[line..].find(member).expect("the member") + member.len();
    let at = at + good[at..].find(|c: char| c.is_ascii_digit()).expect("a digit");
    let other = if &good[at..=at] == "1" { "2" } else { "1" };
    good[..at].to_owned() + other + &good[at + 1..]
}

#[test]
fn an_altered_last_line_is_a_broken_chain_whatever_else_is_there() {
    for seals in [false, true] {
        let mut daemon = stopped(seals);
        let good = fs::read_to_string(segment(&daemon)).expect("a journal");
        let line = format!("line {} ", good.lines().count());
        for store in [true, false] {
            if !store {
                forget_the_store(&daemon);
            }
            for member in ["\"at\":\"", ",\"prev\":\"", ",\"hash\":\""] {
                let bad = altered(&good, member);
                fs::write(segment(&daemon), &bad).expect("written");
                let verified = verify(&daemon);
                let rebuilt = rebuild(&daemon);
                for output in [&verified, &rebuilt] {
                    let said = said(output);
                    assert_eq!(output.status.code(), Some(1), "{member} {said}");
                    assert!(said.contains(&line) && said.contains("it was altered since"), "{member} {said}");
                    assert!(said.contains("被改动") && !said.contains("unfinished"), "{member} {said}");
                }
                let log = refused_start(&mut daemon);
                assert!(log.contains(&line) && log.contains("it was altered since"), "{member} {log}");
                assert!(!log.contains("cut off"), "{log}");
                assert_eq!(fs::read_to_string(segment(&daemon)).expect("a journal"), bad, "nothing is cut off");
                assert!(kept(&daemon).is_empty());
            }
        }
        fs::write(segment(&daemon), &good).expect("written");
        daemon.restart();
        daemon.api("GET", "/v1/units/u2", "demo-viewer", None).expect_success();
    }
}

#[test]
fn a_torn_line_that_a_seal_knows_is_not_cut_off() {
    let mut daemon = stopped(true);
    let good = fs::read(segment(&daemon)).expect("a journal");
    let sealed = fs::read_to_string(daemon.path("data/journal-seals.ndjson")).expect("seals");
    let lines = good.iter().filter(|octet| **octet == b'\n').count();
    assert!(sealed.lines().last().is_some_and(|seal| seal.contains(&format!("\"seq\":{lines},"))), "{sealed}");
    forget_the_store(&daemon);
    let holed = || {
        let mut octets = good.clone();
        let end = octets.len() - 100;
        octets[end - 200..end].fill(0);
        octets
    };
    for torn in [good[..good.len() - 20].to_vec(), good[..good.len() - 1].to_vec(), holed()] {
        fs::write(segment(&daemon), &torn).expect("written");
        let mut told = vec![refused_start(&mut daemon)];
        for output in [verify(&daemon), rebuild(&daemon)] {
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            told.push(said(&output));
        }
        for said in told {
            assert!(said.contains("was sealed at") && said.contains("不予截去"), "{said}");
        }
        assert_eq!(fs::read(segment(&daemon)).expect("a journal"), torn);
        assert!(kept(&daemon).is_empty());
    }
    // Whole lines that are missing are asked of the seals as well, before anything is written behind the rest.
    let shorter = &good[..good[..good.len() - 1].iter().rposition(|octet| *octet == b'\n').expect("a line end") + 1];
    fs::write(segment(&daemon), shorter).expect("written");
    let log = refused_start(&mut daemon);
    assert!(log.contains("was sealed at"), "{log}");
    assert_eq!(fs::read(segment(&daemon)).expect("a journal"), shorter);
    // What comes after the sealed lines is cut off as ever.
    fs::write(segment(&daemon), [&good, &b"{\"v\":1,\"seq\":"[..]].concat()).expect("written");
    assert!(said(&verify(&daemon)).contains("13 octets of an unfinished line"));
    daemon.restart();
    assert_eq!(kept(&daemon), [b"{\"v\":1,\"seq\":"]);
    assert_eq!(daemon.stop().code(), Some(0));
    // A seal that cannot be read allows nothing.
    let good = fs::read(segment(&daemon)).expect("a journal");
    fs::write(segment(&daemon), &good[..good.len() - 20]).expect("written");
    fs::write(daemon.path("data/journal-seals.ndjson"), "no seal\n").expect("written");
    forget_the_store(&daemon);
    assert!(refused_start(&mut daemon).contains("journal-seals.ndjson"));
    assert_eq!(fs::read(segment(&daemon)).expect("a journal").len(), good.len() - 20);
}

#[test]
fn a_lost_end_that_a_seal_knows_is_put_back_or_given_up_with_its_seals() {
    let mut daemon = stopped(true);
    let good = fs::read(segment(&daemon)).expect("a journal");
    let end = good[..good.len() - 1].iter().rposition(|octet| *octet == b'\n').expect("a line end") + 1;
    let accept = |daemon: &TestDaemon| {
        let arguments = ["rebuild", "--accept-loss", "--config"];
        program().args(arguments).arg(daemon.path("config.toml")).output().expect("the program was built")
    };
    fs::write(segment(&daemon), &good[..end]).expect("written");
    // Without the option, the store says what is missing; with it, the seals do, and what to do without them.
    let rebuilt = rebuild(&daemon);
    assert_eq!(rebuilt.status.code(), Some(1), "{}", said(&rebuilt));
    let words = ["Put the segments with the missing end back", "--accept-loss (where seals know", "恢复含有末尾的段"];
    words.iter().for_each(|words| assert!(said(&rebuilt).contains(words), "{}", said(&rebuilt)));
    for store in [true, false] {
        if !store {
            forget_the_store(&daemon);
        }
        let rebuilt = accept(&daemon);
        assert_eq!(rebuilt.status.code(), Some(1), "{}", said(&rebuilt));
        let words =
            ["from a backup or from a replica", "move journal-seals.ndjson out of the data directory", "移出数据目录"];
        words.iter().for_each(|words| assert!(said(&rebuilt).contains(words), "{}", said(&rebuilt)));
        assert_eq!(fs::read(segment(&daemon)).expect("a journal"), good[..end], "nothing has changed");
    }
    // Either way goes.
    fs::write(segment(&daemon), &good).expect("written");
    let rebuilt = rebuild(&daemon);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
    fs::write(segment(&daemon), &good[..end]).expect("written");
    fs::rename(daemon.path("data/journal-seals.ndjson"), daemon.path("seals-of-old.ndjson")).expect("moved");
    assert_eq!(rebuild(&daemon).status.code(), Some(1), "the store knows, too");
    let rebuilt = accept(&daemon);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
    assert!(said(&rebuilt).contains("1 acknowledged transactions are lost"), "{}", said(&rebuilt));
    daemon.restart();
    daemon.api("GET", "/v1/units/u1", "demo-viewer", None).expect_success();
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn an_altered_last_line_may_be_given_up_as_the_message_says() {
    let mut daemon = stopped(false);
    let good = fs::read_to_string(segment(&daemon)).expect("a journal");
    fs::write(segment(&daemon), altered(&good, ",\"hash\":\"")).expect("written");
    let told = said(&rebuild(&daemon));
    assert!(told.contains("take the line out by hand") && told.contains("手工删去该行"), "{told}");
    let end = good.trim_end().rfind('\n').expect("several lines") + 1;
    fs::write(segment(&daemon), &good[..end]).expect("written");
    let arguments = ["rebuild", "--accept-loss", "--config"];
    let rebuilt = program().args(arguments).arg(daemon.path("config.toml")).output().expect("the program was built");
    assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
    assert!(verify(&daemon).status.success());
    daemon.restart();
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_torn_line_is_cut_off_only_where_the_store_does_not_know_it_and_is_kept() {
    let mut daemon = stopped(false);
    let good = fs::read(segment(&daemon)).expect("a journal");
    let torn = &good[..good.len() - 20];
    let start = torn.iter().rposition(|octet| *octet == b'\n').expect("a line end") + 1;
    fs::write(segment(&daemon), torn).expect("written");
    let log = refused_start(&mut daemon);
    assert!(log.contains("the store has applied") && kept(&daemon).is_empty(), "{log}");
    let rebuilt = rebuild(&daemon);
    assert_eq!(rebuilt.status.code(), Some(1), "{}", said(&rebuilt));
    assert!(said(&rebuilt).contains("the store has applied") && kept(&daemon).is_empty(), "{}", said(&rebuilt));
    assert_eq!(fs::read(segment(&daemon)).expect("a journal"), torn);

    forget_the_store(&daemon);
    let verified = verify(&daemon);
    assert!(verified.status.success() && said(&verified).contains("unfinished line"), "{}", said(&verified));
    let rebuilt = rebuild(&daemon);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
    assert!(said(&rebuilt).contains("the end of the journal was torn and is cut off"), "{}", said(&rebuilt));
    assert_eq!(kept(&daemon), [&torn[start..]]);
    daemon.restart();
    assert_eq!(daemon.stop().code(), Some(0));
    // Cut off again in the same place, both are kept.
    forget_the_store(&daemon);
    fs::write(segment(&daemon), torn).expect("written");
    let before = daemon.log().len();
    daemon.restart();
    assert!(daemon.log()[before..].contains("日志末尾不完整"), "{}", daemon.log());
    assert_eq!(kept(&daemon).len(), 2);
    let until = Instant::now() + PATIENCE;
    while daemon.api("GET", "/v1/units/u1", "demo-viewer", None).status != 200 {
        assert!(Instant::now() < until, "{}", daemon.log());
    }
}
