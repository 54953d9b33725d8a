//! `import` of files that grew, that were cut short, and that are read once only.

use super::support::{TestDaemon, program};
use serde_json::json;
use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

fn import(daemon: &TestDaemon, arguments: &[&str]) -> Output {
    let url = format!("http://{}", daemon.admin());
    let mut command = program();
    command.arg("import").args(arguments).args(["--url", &url]).env("ZHENGMING_TOKEN", "demo-operator");
    command.output().expect("the program was built")
}

/// The same from a pipe.
fn pipe(daemon: &TestDaemon, text: &str, arguments: &[&str]) -> Output {
    let url = format!("http://{}", daemon.admin());
    let mut command = program();
    command.args(["import", "-"]).args(arguments).args(["--url", &url]).env("ZHENGMING_TOKEN", "demo-operator");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the program was built");
    // It may have ended before it has read all.
    let _ = process.stdin.take().expect("a pipe").write_all(text.as_bytes());
    process.wait_with_output().expect("a child")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn units(numbers: std::ops::Range<usize>) -> String {
    let line = |n| {
        json!({ "unit": { "id": format!("u{n}"), "name": "某局", "kind": "organ", "region": "620421" } }).to_string()
    };
    numbers.map(|n| line(n) + "\n").collect()
}

fn has(daemon: &TestDaemon, unit: &str) -> bool {
    daemon.api("GET", &format!("/v1/units/{unit}"), "demo-viewer", None).status == 200
}

#[test]
fn a_file_that_grew_goes_on_under_its_id_and_one_that_changed_is_refused() {
    let daemon = TestDaemon::start();
    let path = daemon.path("units.ndjson");
    let file = path.to_string_lossy().into_owned();
    let send = |text: String| {
        fs::write(&path, text).expect("written");
        import(&daemon, &[&file, "--id", "units"])
    };
    let first = send(units(0..1100));
    assert!(err(&first).contains("1100 applied, 0 applied before, 0 refused"), "{}", err(&first));
    let more = send(units(0..1150));
    assert_eq!(more.status.code(), Some(0), "{}", err(&more));
    assert!(err(&more).contains("50 applied, 1100 applied before, 0 refused"), "{}", err(&more));
    let changed = send(units(0..1150).replacen("u1001\"", "v1001\"", 1));
    assert_eq!(changed.status.code(), Some(1), "{}", err(&changed));
    assert!(err(&changed).contains("lines 1001 to 1100 were imported before"), "{}", err(&changed));
    assert!(err(&changed).contains("此前已导入（第 1001 至 1100 行，第 "), "{}", err(&changed));
    assert!(!has(&daemon, "v1001") && has(&daemon, "u1149"));
}

#[test]
fn an_export_is_imported_whole_or_on_purpose() {
    let source = TestDaemon::start();
    assert!(pipe(&source, &units(0..5), &["--id", "five"]).status.success());
    let export = source.api("GET", "/v1/export", "demo-viewer", None).expect_success().text;
    let daemon = TestDaemon::start();
    let path = daemon.path("export.ndjson");
    let file = path.to_string_lossy().into_owned();
    let lines: Vec<&str> = export.split_inclusive('\n').collect();
    let cut = lines[..lines.len() - 1].concat();
    let lacking = [lines[0], &lines[2..].concat()].concat();
    let added = export.clone() + &units(7..8);
    for (text, what, zh) in [
        (&cut, "its last line, `end`, is missing", "缺少结束行"),
        (&lacking, "5 lines by its end, but 4 are in the file", "实有 4 行"),
        (&added, "stands after the end of the export", "结束行）之后"),
    ] {
        fs::write(&path, text).expect("written");
        let refused = import(&daemon, &[&file]);
        assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
        for word in [what, zh, "nothing was imported"] {
            assert!(err(&refused).contains(word), "no {word} in {}", err(&refused));
        }
        assert!(!has(&daemon, "u0") && !has(&daemon, "u7"));
    }
    let partial = import(&daemon, &[&file, "--partial"]);
    assert!(partial.status.code() == Some(1) && !has(&daemon, "u0"), "{}", err(&partial));
    // A pipe is read once: what came before stays, and the exit code tells.
    let piped = pipe(&daemon, &cut, &["--id", "pipe"]);
    assert_eq!(piped.status.code(), Some(1), "{}", err(&piped));
    for word in ["5 applied", "`end`, is missing", "what came before it is imported", "其前的内容已导入"] {
        assert!(err(&piped).contains(word), "no {word} in {}", err(&piped));
    }
    assert!(has(&daemon, "u4"));
    let piped = pipe(&daemon, &added, &["--id", "added"]);
    assert!(piped.status.code() == Some(1) && err(&piped).contains("after the end") && !has(&daemon, "u7"));

    fs::write(&path, &cut).expect("written");
    let partial = import(&daemon, &[&file, "--partial"]);
    assert!(partial.status.success() && err(&partial).contains("5 applied"), "{}", err(&partial));
    // A file is cut anywhere, mostly within a line, and here within a character.
    let within = cut.rfind("某局").expect("a name") + 1;
    let id = |text: &[u8], id: &str| {
        fs::write(&path, text).expect("written");
        import(&daemon, &[&file, "--partial", "--id", id])
    };
    for (name, text, applied) in [("within", &cut.as_bytes()[..within], 4), ("newline", cut.trim_end().as_bytes(), 5)] {
        let partial = id(text, name);
        let told = err(&partial);
        assert!(partial.status.success() && told.contains(&format!("{applied} applied, 0 applied before, 0 refused")));
        for word in ["the last line is unfinished and left out", "最后一行不完整"] {
            assert_eq!(told.matches(word).count(), usize::from(name == "within"), "{told}");
        }
    }
    // Such a line in the middle is an error still, at its column of its line.
    let wrong = id(cut.replacen(r#"{"unit""#, r#"{"unit"#, 1).as_bytes(), "wrong");
    assert_eq!(wrong.status.code(), Some(1), "{}", err(&wrong));
    for word in ["line 2: malformed_json", "(column ", "（第 "] {
        assert!(err(&wrong).contains(word), "no {word} in {}", err(&wrong));
    }
    assert!(!err(&wrong).contains("line 1 "), "{}", err(&wrong));

    fs::write(&path, &export).expect("written");
    let whole = import(&daemon, &[&file]);
    fs::write(&path, &lacking).expect("written");
    let partial = import(&daemon, &[&file, "--partial"]);
    assert!(partial.status.success(), "{}", err(&partial));
    assert!(whole.status.success() && err(&whole).contains("0 refused"), "{}", err(&whole));
    assert_eq!(import(&daemon, &["/nowhere/names.ndjson"]).status.code(), Some(3));
}

/// Names in files, answers of servers and the command line itself may have what a terminal acts on.
#[test]
fn nothing_that_a_terminal_acts_on_is_told_raw() {
    let daemon = TestDaemon::start();
    let odd = json!({ "unit": { "id": "u1", "\u{1b}[31mred\u{9b}": 1 } }).to_string();
    let refused = pipe(&daemon, &odd, &["--id", "odd"]);
    let config = program().args(["check-config", "\u{1b}]0;title\u{7}"]).output().expect("the program was built");
    let usage = program().arg("\u{1b}[2J").output().expect("the program was built");
    for (output, code) in [(refused, 1), (config, 3), (usage, 2)] {
        let told = err(&output);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains("\\x1b") || code == 2, "{told:?}");
        assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told:?}");
    }
}

#[test]
fn whoever_reads_the_beginning_of_an_export_only_ends_it_quietly() {
    let daemon = TestDaemon::start();
    assert!(pipe(&daemon, &units(0..3000), &["--id", "many"]).status.success());
    let url = format!("http://{}", daemon.admin());
    for arguments in [&["export"][..], &["holds", "export"], &["history", "u1"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = program();
        command.args(arguments).args(["--url", &url]).env("ZHENGMING_TOKEN", "demo-operator").stdout(writer);
        let output = command.output().expect("the program was built");
        assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()), "{arguments:?}");
    }
}

/// An export that was cut to nothing, as on a full disk, is no import that was done.
#[test]
fn an_empty_file_is_no_import() {
    let daemon = TestDaemon::start();
    let path = daemon.path("empty.ndjson");
    let file = path.to_string_lossy().into_owned();
    for text in ["", "\n"] {
        fs::write(&path, text).expect("written");
        let refused = import(&daemon, &[&file]);
        assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
        for word in ["there is nothing in the file", "文件是空的", "nothing was imported"] {
            assert!(err(&refused).contains(word), "no {word} in {}", err(&refused));
        }
    }
    assert_eq!(pipe(&daemon, "", &["--id", "nothing"]).status.code(), Some(1));
    assert_eq!(import(&daemon, &[&file, "--partial"]).status.code(), Some(0), "on purpose it is done");
}

/// Spreadsheets and some editors put a mark in front; in another encoding nothing is taken, and it is said why.
#[test]
fn a_byte_order_mark_is_taken_and_another_encoding_named() {
    let daemon = TestDaemon::start();
    let path = daemon.path("units.ndjson");
    let file = path.to_string_lossy().into_owned();
    fs::write(&path, format!("\u{feff}{}", units(0..2))).expect("written");
    let taken = import(&daemon, &[&file]);
    assert!(err(&taken).contains("2 lines, 2 applied"), "{}", err(&taken));
    assert!(pipe(&daemon, &format!("\u{feff}{}", units(2..3)), &["--id", "pipe"]).status.success());
    assert!(has(&daemon, "u0") && has(&daemon, "u2"));
    // 局 in GBK.
    let unit = units(3..4).into_bytes();
    let at = unit.windows(3).position(|three| three == "局".as_bytes()).expect("a name");
    fs::write(&path, [&unit[..at], b"\xbe\xd6", &unit[at + 3..]].concat()).expect("written");
    let refused = import(&daemon, &[&file]);
    assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
    for word in ["line 1: malformed_json", "This is not UTF-8 (column ", "不是 UTF-8 编码（第 ", "GBK"] {
        assert!(err(&refused).contains(word), "no {word} in {}", err(&refused));
    }
}
