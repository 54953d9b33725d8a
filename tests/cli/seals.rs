//! Seals of the journal: made while it grows, and what they find that the chain alone does not.

use super::support::{PATIENCE, TestDaemon, program};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

fn run(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = program();
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    command.output().expect("the program was built")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A journal with seals in SM3 as well, the server stopped; and the public key.
fn sealed() -> (TestDaemon, PathBuf) {
    let mut daemon = TestDaemon::prepare(&[], "[seals]\nkey_file = \"seal-key.pem\"\nlines = 3\nsm3 = true\n");
    let key = daemon.path("seal-key.pem");
    let made = run(&[&"seal-key", &"new", &key]);
    assert!(made.status.success(), "{}", text(&made));
    let public = daemon.path("public.pem");
    fs::write(&public, &made.stdout).expect("written");
    assert_eq!(run(&[&"seal-key", &"public", &key]).stdout, made.stdout);
    assert!(!run(&[&"seal-key", &"new", &key]).status.success(), "a key is not overwritten");
    daemon.restart();
    for n in 0..7 {
        daemon.register(&format!("u{n}"), "organ", &format!("教育局{n}.政务"));
    }
    let until = Instant::now() + PATIENCE;
    while !fs::read_to_string(seals(&daemon)).is_ok_and(|seals| seals.lines().count() > 0) {
        assert!(Instant::now() < until, "{}", daemon.log());
        std::thread::yield_now();
    }
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    (daemon, public)
}

fn seals(daemon: &TestDaemon) -> PathBuf {
    daemon.path("data/journal-seals.ndjson")
}

fn check(daemon: &TestDaemon, public: &Path) -> (Option<i32>, String) {
    let output = run(&[&"verify-journal", &daemon.path("data"), &"--public-key", &public]);
    (output.status.code(), text(&output))
}

/// The one segment of the journal.
fn segment(daemon: &TestDaemon) -> PathBuf {
    let entries = fs::read_dir(daemon.path("data/journal")).expect("a journal");
    entries.map(|entry| entry.expect("an entry").path()).next().expect("a segment")
}

/// The journal with `edit` done to each line, and a new chain made over it: nothing in it shows that.
fn rewrite(journal: &str, edit: impl Fn(usize, &str) -> String) -> String {
    let (mut text, mut prev) = (String::new(), "0".repeat(64));
    for (number, line) in (1..).zip(journal.lines()) {
        let line = edit(number, line.trim_end());
        let body = line.split(",\"prev\":\"").next().expect("a line").to_owned() + &format!(",\"prev\":\"{prev}\"");
        prev = Sha256::digest(&body).iter().map(|octet| format!("{octet:02x}")).collect();
        text += &format!("{body},\"hash\":\"{prev}\"}}\n");
    }
    text
}

#[test]
fn a_journal_rewritten_with_a_new_chain_is_found_by_its_seals() {
    let (mut daemon, public) = sealed();
    let (code, said) = check(&daemon, &public);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(" seals, the last of line") && said.contains("; 0 lines after it"), "{said}");
    let file = segment(&daemon);
    let good = fs::read_to_string(&file).expect("a journal");

    // The rewriting itself leaves a good journal as it is.
    assert_eq!(rewrite(&good, |_, line| line.to_owned()), good.replace(" \n", "\n"));
    let forged =
        rewrite(&good, |number, line| if number == 4 { line.replace("测试", "顶替") } else { line.to_owned() });
    assert_ne!(forged, good);
    fs::write(&file, &forged).expect("written");
    let chain = run(&[&"verify-journal", &daemon.path("data")]);
    assert_eq!(chain.status.code(), Some(0), "the chain is whole: {}", text(&chain));
    let (code, said) = check(&daemon, &public);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is not the one that was sealed") && said.contains("改写"), "{said}");
    assert!(daemon.try_restart().is_err(), "nor does a server start with it");

    // Cut off, it is found too; and so is one octet, which the chain tells by its line.
    let cut: String = good.lines().take(3).map(|line| format!("{line}\n")).collect();
    fs::write(&file, cut).expect("written");
    let (code, said) = check(&daemon, &public);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("its end was cut off"), "{said}");
    fs::write(&file, good.replacen("测试u2", "测试ux", 1)).expect("written");
    let (code, said) = check(&daemon, &public);
    let line = good.lines().position(|line| line.contains("测试u2")).expect("a line of that unit") + 1;
    assert!(code == Some(1) && said.contains(&format!("line {line} ")), "{said}");
    fs::write(&file, &good).expect("written");
    assert_eq!(check(&daemon, &public).0, Some(0));

    // Who writes the journal anew would empty the file of seals too.
    fs::write(&file, &forged).expect("written");
    fs::write(seals(&daemon), "").expect("written");
    let (code, said) = check(&daemon, &public);
    assert!(code == Some(1) && said.contains("there is no seal") && said.contains("没有签名检查点"), "{said}");
}

#[test]
fn a_forged_seal_and_another_key_are_told() {
    let (daemon, public) = sealed();
    let good = fs::read_to_string(seals(&daemon)).expect("seals");
    let last: Value = serde_json::from_str(good.lines().last().expect("a seal")).expect("a seal");
    let hash = last["hash"].as_str().expect("a hash");
    fs::write(seals(&daemon), good.replace(hash, &"a".repeat(64))).expect("written");
    let (code, said) = check(&daemon, &public);
    assert!(code == Some(1) && said.contains("the signature is not of this line"), "{said}");
    fs::write(seals(&daemon), &good).expect("written");
    let other = run(&[&"seal-key", &"new", &daemon.path("other.pem")]);
    fs::write(daemon.path("other-public.pem"), &other.stdout).expect("written");
    let (code, said) = check(&daemon, &daemon.path("other-public.pem"));
    assert!(code == Some(1) && said.contains("another key"), "{said}");
    assert!(last["sm3"].as_str().is_some_and(|head| head.len() == 64));
}

/// The runbook's way, without this program.
#[test]
fn openssl_checks_a_seal_and_its_keys_are_taken() {
    let (daemon, public) = sealed();
    let good = fs::read_to_string(seals(&daemon)).expect("seals");
    let line = good.lines().last().expect("a seal");
    let (signed, rest) = line.split_once(",\"sig\":\"").expect("a signature");
    let digits = rest.trim_end_matches("\"}");
    let octet = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits");
    let signature: Vec<u8> = (0..digits.len()).step_by(2).map(octet).collect();
    fs::write(daemon.path("signed"), signed).expect("written");
    fs::write(daemon.path("sig"), signature).expect("written");
    let verified = Command::new("openssl")
        .args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"])
        .arg(&public)
        .arg("-in")
        .arg(daemon.path("signed"))
        .arg("-sigfile")
        .arg(daemon.path("sig"))
        .output()
        .expect("openssl is installed");
    assert!(verified.status.success(), "{}", text(&verified));
    let theirs = daemon.path("openssl.pem");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&theirs).status();
    assert!(made.expect("openssl is installed").success());
    let public = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&theirs).output().expect("openssl");
    assert_eq!(run(&[&"seal-key", &"public", &theirs]).stdout, public.stdout);
}

/// What is wrong with the seals is told by each start: afterwards it is too late for a copy.
#[test]
fn a_start_tells_of_seals_that_are_damaged_or_unfinished() {
    let (mut daemon, public) = sealed();
    let good = fs::read_to_string(seals(&daemon)).expect("seals");
    let (before, after) = good.split_once(",\"sig\":\"").expect("a signature");
    let digit = if after.starts_with('0') { '1' } else { '0' };
    let damaged = format!("{before},\"sig\":\"{digit}{}", &after[1..]);
    let torn = "{\"v\":1,\"seq\":9,\"ha";
    fs::write(seals(&daemon), damaged.clone() + torn).expect("written");
    daemon.restart();
    let log = daemon.log();
    for word in ["line 1 / 第 1 行: the signature is not of this line", "由副本恢复", "journal-seals.ndjson.torn"]
    {
        assert!(log.contains(word), "no {word} in {log}");
    }
    assert_eq!(fs::read_to_string(daemon.path("data/journal-seals.ndjson.torn")).expect("kept"), torn);
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    assert_eq!(check(&daemon, &public).0, Some(1));

    let flipped = good.replacen("{\"v\":1", "{\"v\":3", 1);
    fs::write(seals(&daemon), flipped).expect("written");
    assert!(daemon.try_restart().is_err());
    let log = daemon.log();
    for word in ["journal-seals.ndjson, line 1 / 第 1 行: the seal has version 3", "the damaged file back from a copy"]
    {
        assert!(log.contains(word), "no {word} in {log}");
    }
    assert!(!log.contains("line 0") && log.contains("文件已损坏"), "{log}");
}
