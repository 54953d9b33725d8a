//! The command line as scripts see it: exit codes, errors, and what is generated from its definitions.

#[path = "../support/mod.rs"]
mod support;

mod altered;
mod holds;
mod imports;
mod readme;
mod rebuilt;
mod seals;
mod server;
mod told;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use support::{program, tree};

/// Done.
const DONE: i32 = 0;
/// A check failed, or a request was refused.
const REFUSED: i32 = 1;
/// The command line is wrong.
const USAGE: i32 = 2;
/// A file, the network or the operating system failed.
const SYSTEM: i32 = 3;

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).env_remove("ZHENGMING_TOKEN").output().expect("the program was built")
}

/// Runs it, and expects this exit code and these words on standard error.
#[track_caller]
fn expect(arguments: &[&str], code: i32, words: &[&str]) -> String {
    let output = run(arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
    for word in words {
        assert!(err.contains(word), "{arguments:?}: no {word:?} in\n{err}");
    }
    out.into_owned()
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let config = text(&tree("config/demo.toml"));
    for arguments in
        [&["check-config", &config][..], &["man"], &["completions", "bash"], &["token", "new", "x", "--role", "viewer"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = program().args(arguments).stdout(writer).output().expect("the program was built");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(DONE), "{arguments:?}: {err}");
    }
}

#[test]
fn exit_codes_tell_usage_from_check_from_system() {
    expect(&["--version"], DONE, &[]);
    assert!(expect(&["--help"], DONE, &[]).contains("Exit codes"));
    expect(&[], USAGE, &["Usage"]);
    expect(&["serve"], USAGE, &["--config"]);
    expect(&["surve"], USAGE, &["serve"]);
    expect(&["check-config", "no-such-file.toml"], SYSTEM, &["no-such-file.toml", "无法读取"]);
    expect(&["serve", "--config", "no-such-file.toml"], SYSTEM, &["no-such-file.toml"]);
    expect(&["check-zone", "example", "no-such-file.zone"], SYSTEM, &["no-such-file.zone"]);
    expect(&["check-zone", "..", "no-such-file.zone"], USAGE, &["is not a domain name", "不是域名"]);
    expect(&["import", "no-such-file.ndjson"], SYSTEM, &["no-such-file.ndjson"]);
    expect(&["import", "-"], USAGE, &["--id"]);
    let names = text(&tree("config/demo-names.ndjson"));
    expect(&["import", &names], USAGE, &["ZHENGMING_TOKEN", "--token-file"]);
}

#[test]
fn configurations_of_the_tree_are_valid() {
    for (file, zones) in [("config/demo.toml", "8 zones"), ("config/zhengming.toml", "4 zones")] {
        let shown = expect(&["check-config", &text(&tree(file))], DONE, &[]);
        assert!(shown.contains(zones), "{shown}");
    }
}

#[test]
fn what_a_zone_is_warned_of_is_told_with_its_configuration() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("zones.toml");
    let zone = text(&tree("tests/data/bad-zones/signature-time.zone"));
    let toml = format!("version = 1\n[[zones]]\napex = \"example\"\nfile = \"{zone}\"\n");
    let suffixes = "[[suffixes]]\nsuffixes = [\"政务\"]\nzone_files = [\"政务.zone\"]\nunit_kinds = [\"organ\"]\n";
    fs::copy(tree("zones/xn--zfr164b.zone"), directory.path().join("政务.zone")).expect("a writable directory");
    fs::write(&file, format!("{toml}{suffixes}")).expect("a writable directory");
    expect(
        &["check-config", &text(&file)],
        DONE,
        &["zone:9: warning[signature-time]", "zone:19: warning[signature-time]"],
    );
}

#[test]
fn a_wrong_configuration_is_named_line_by_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("wrong.toml");
    fs::write(&file, "version = 1\n[server]\nlistne = []\nworkers = -1\n").expect("a writable directory");
    let words = ["line 3", "did you mean `listen`", "是否应为", "line 4", "-1 is not between"];
    expect(&["check-config", &text(&file)], REFUSED, &words);
    expect(&["serve", "--config", &text(&file)], REFUSED, &words);
}

#[test]
fn zones_of_the_tree_are_valid_and_a_wrong_one_is_named_by_line() {
    let zones = fs::read_dir(tree("zones")).expect("the zones").map(|entry| entry.expect("a file").path());
    let zones: Vec<_> = zones.filter(|path| path.extension().is_some_and(|extension| extension == "zone")).collect();
    assert!(zones.len() >= 4, "{zones:?}");
    for zone in zones {
        let apex = text(zone.file_stem().expect("a name").as_ref());
        expect(&["check-zone", "--registry", &apex, &text(&zone)], DONE, &[]);
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("wrong.zone");
    let records =
        "$TTL 300\n@ SOA ns.example. mail.example. 1 1800 900 1209600 300\n@ NS ns.example.\n@ A 192.0.2.256\n";
    fs::write(&file, records).expect("a writable directory");
    expect(&["check-zone", "公益", &text(&file)], REFUSED, &[":4:", "the zone cannot be served", "个错误"]);
}

#[test]
fn a_journal_that_is_none_is_an_error() {
    expect(&["verify-journal", "no-such-directory"], SYSTEM, &["no-such-directory"]);
    let empty = tempfile::tempdir().expect("a directory");
    expect(&["verify-journal", &text(empty.path())], REFUSED, &["there is no journal", "没有日志"]);
}

#[test]
fn a_token_is_shown_once_and_its_hash_is_what_the_configuration_wants() {
    let out =
        expect(&["token", "new", "review-1", "--role", "local-reviewer", "--region", "620421"], DONE, &["仅显示一次"]);
    let (token, lines) = out.split_once('\n').expect("the token and the lines");
    let mut sha256sum =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sha256sum");
    sha256sum.stdin.take().expect("a pipe").write_all(token.as_bytes()).expect("a pipe");
    let hash = String::from_utf8(sha256sum.wait_with_output().expect("a hash").stdout).expect("text");
    assert!(lines.contains(&format!("sha256 = \"{}\"", &hash[..64])), "{lines}");
    let config = zhengming::config::Config::parse(&format!("version = 1\n{lines}"), "".into());
    assert_eq!(config.expect("valid lines").admin.tokens.len(), 1);

    let out = expect(&["token", "new", "op", "--role", "operator", "--totp"], DONE, &["请录入验证器"]);
    let secret = out.split("otpauth://totp/Zhengming:op?secret=").nth(1).and_then(|rest| rest.split('&').next());
    let secret = secret.expect("an otpauth URI");
    assert!(out.contains(&format!("totp_secret = \"{secret}\"")), "{out}");
    let lines = out.lines().filter(|line| line.contains(" = ") || line.starts_with('[')).collect::<Vec<_>>().join("\n");
    let config = zhengming::config::Config::parse(&format!("version = 1\n{lines}"), "".into());
    assert!(config.expect("valid lines").admin.tokens[0].totp.is_some());
    expect(&["token", "new", "x", "--role", "local-reviewer"], USAGE, &["--region"]);
    expect(&["token", "new", "x", "--role", "root"], USAGE, &["central-reviewer"]);
    expect(&["token", "new", "a b", "--role", "viewer"], USAGE, &["letters"]);
}

#[test]
fn completions_are_made_for_every_shell() {
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
        let script = expect(&["completions", shell], DONE, &[]);
        assert!(script.contains(word) && script.contains("check-config"), "{shell}: {script}");
    }
    expect(&["completions", "csh"], USAGE, &["bash"]);
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let page = expect(&["man"], DONE, &[]);
    assert!(page.starts_with(".ie") && page.contains("zhengming") && page.contains("Exit codes"), "{page}");
    let directory = tempfile::tempdir().expect("a temporary directory");
    expect(&["man", "--directory", &text(directory.path())], DONE, &[]);
    for page in ["zhengming.1", "zhengming-serve.1", "zhengming-import.1", "zhengming-token-new.1"] {
        assert!(directory.path().join(page).exists(), "no {page}");
    }
}

#[test]
fn an_import_without_a_server_says_so() {
    // Port 9 is discard; nothing listens there on loopback. A refused certificate file comes first for https.
    let names = text(&tree("config/demo-names.ndjson"));
    let output = program()
        .args(["export", "--url", "http://127.0.0.1:9"])
        .env("ZHENGMING_TOKEN", "x")
        .output()
        .expect("the program was built");
    assert_eq!(output.status.code(), Some(SYSTEM), "{output:?}");
    let output = program()
        .args(["import", &names, "--url", "https://127.0.0.1:9", "--ca", "no-such-file.pem"])
        .env("ZHENGMING_TOKEN", "x")
        .output()
        .expect("the program was built");
    assert_eq!(output.status.code(), Some(SYSTEM), "{output:?}");
    expect(&["export", "--url", "ftp://127.0.0.1"], USAGE, &["http"]);
}
