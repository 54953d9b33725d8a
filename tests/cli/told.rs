//! What commands say when they fail: what is wrong, and what to do next, in both languages.

use super::support::{PATIENCE, TestDaemon, program, tree};
use super::{REFUSED, SYSTEM, USAGE, expect, text};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// A command with a token.
fn command(arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments).env("ZHENGMING_TOKEN", "demo-viewer");
    command
}

/// Expects that it fails so, and says this on standard error.
#[track_caller]
fn fails(output: &Output, code: i32, words: &[&str]) {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{err}");
    for word in words {
        assert!(err.contains(word), "no {word:?} in\n{err}");
    }
}

/// An address on which nothing listens: it was bound a moment ago.
fn free() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("an address").to_string()
}

#[test]
fn a_server_that_does_not_answer_is_named_with_what_to_do() {
    let url = format!("http://{}", free());
    let refused = command(&["export", "--url", &url]).output().expect("the program was built");
    fails(&refused, SYSTEM, &[&url, "nothing listens there", "--url", "没有服务在监听"]);
    let unknown = command(&["history", "u1", "--url", "http://no-such-host.invalid"]).output().expect("it was built");
    fails(&unknown, SYSTEM, &["no-such-host.invalid", "has no address", "主机名无法解析"]);
    // What closes without a word.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let closing = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]);
    });
    let closed = command(&["reload", "--url", &url]).output().expect("the program was built");
    fails(&closed, SYSTEM, &[&url, "closed the connection without an answer", "服务器未作应答即关闭连接"]);
    closing.join().expect("no panic");
}

#[test]
fn http_to_a_port_of_tls_and_the_other_way_round_are_told_apart() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("made");
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    fs::write(&cert, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let bare = TestDaemon::start();
    let mut daemon = TestDaemon::prepare(&[], "");
    daemon.reconfigure("[admin]", &format!("[admin]\ntls_cert = {cert:?}\ntls_key = {key:?}"));
    daemon.restart();
    let cert = text(&cert);

    let names = text(&tree("config/demo-names.ndjson"));
    let spoken = |scheme: &str, daemon: &TestDaemon| format!("{scheme}://{}", daemon.admin());
    let (http, https) = (spoken("http", &daemon), spoken("https", &bare));
    // An import does not try that again and again.
    for arguments in [&["export"][..], &["import", &names]] {
        let to_tls = command(arguments).args(["--url", &http]).output().expect("the program was built");
        fails(&to_tls, SYSTEM, &[&http, "use https://", "请在 --url 中改用 https://"]);
        let to_bare =
            command(arguments).args(["--url", &https, "--ca", &cert]).output().expect("the program was built");
        fails(&to_bare, SYSTEM, &[&https, "does not speak TLS", "请在 --url 中改用 http://"]);
    }
    let url = spoken("https", &daemon);
    let trusted = command(&["export", "--url", &url, "--ca", &cert]).output().expect("the program was built");
    assert_eq!(trusted.status.code(), Some(0), "{}", String::from_utf8_lossy(&trusted.stderr));
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let ca = directory.path().join("other.pem");
    fs::write(&ca, other.cert.pem()).expect("written");
    let distrusted = command(&["export", "--url", &url, "--ca", &text(&ca)]).output().expect("the program was built");
    fails(&distrusted, SYSTEM, &[&url, "is not trusted", "--ca", "服务器证书不受信任"]);
}

#[test]
fn files_are_told_with_what_to_do() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let key = text(&directory.path().join("key.pem"));
    expect(&["seal-key", "new", &key], 0, &[]);
    let before = fs::read(&key).expect("a key");
    expect(&["seal-key", "new", &key], SYSTEM, &["is not overwritten", "name another file", "不会被覆盖"]);
    assert_eq!(fs::read(&key).expect("a key"), before);
    expect(&["seal-key", "public", "no-such-key.pem"], SYSTEM, &["no-such-key.pem", "check the path", "请检查路径"]);
    expect(&["import", "no-such-file"], SYSTEM, &["no-such-file", "check the path", "文件或目录不存在"]);
    let binary = directory.path().join("binary");
    fs::write(&binary, [0xff, 0xfe]).expect("written");
    expect(&["seal-key", "public", &text(&binary)], SYSTEM, &["should be text in UTF-8", "不是 UTF-8 文本"]);
    expect(&["seal-key", "public", &text(directory.path())], SYSTEM, &["it is a directory", "这是目录"]);
    let below = text(&binary.join("journal"));
    expect(&["seal-key", "new", &below], SYSTEM, &["is no directory", "路径中有一级不是目录"]);
}

#[test]
fn a_port_in_use_is_told_with_what_to_do() {
    let held = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = held.local_addr().expect("an address").to_string();
    let mut daemon = TestDaemon::prepare(&[], "");
    daemon.reconfigure("[server]\nlisten = [\"127.0.0.1:0\"", &format!("[server]\nlisten = [\"{address}\""));
    daemon.try_restart().expect_err("it must not start");
    for words in [&*address, "another process listens there", "ss -lntup", "该地址已被其他进程占用"] {
        assert!(daemon.log().contains(words), "no {words:?} in\n{}", daemon.log());
    }
    drop(held);
    daemon.restart();
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_wrong_command_line_is_told_in_chinese_too() {
    for (arguments, words) in [
        (&["surve"][..], "没有“surve”这个命令"),
        (&["serve"], "缺少必需的参数 --config <FILE>"),
        (&["serve", "--confg", "x"], "无法识别的参数“--confg”"),
        (&["serve", "--config"], "参数 --config <FILE> 缺少值"),
        (&["export", "--cert", "x"], "缺少必需的参数 --key <FILE>"),
        (&["completions", "csh"], "的值“csh”无效"),
        (&["token", "new", "x", "--role", "root"], "参数 --role <ROLE> 的值“root”无效"),
        (&["rebuild", "--config", "a", "--config", "b"], "参数 --config <FILE> 重复"),
    ] {
        expect(arguments, USAGE, &[words, "zhengming --help"]);
    }
    for arguments in [&[][..], &["holds"]] {
        expect(arguments, USAGE, &["Usage"]);
    }
}

/// A server that begins an export and never ends it: what it was asked, and the connection.
fn begun(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).expect("a request");
        request.extend_from_slice(&octet);
    }
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let line = "{\"begin\":{\"format\":1}}\n";
    stream.write_all(format!("{head}{:x}\r\n{line}\r\n", line.len()).as_bytes()).expect("sent");
    stream
}

/// Waits until the file is there.
fn appears(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < PATIENCE, "no {}", path.display());
        std::thread::yield_now();
    }
}

#[test]
fn an_export_that_is_interrupted_or_cut_short_leaves_what_was_there_and_nothing_else() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    for export in [&["export"][..], &["holds", "export"]] {
        for signal in [Some(Signal::INT), Some(Signal::TERM), None] {
            let file = directory.path().join("out.ndjson");
            let part = directory.path().join("out.ndjson.part");
            fs::write(&file, "before").expect("written");
            let mut command = command(export);
            command.args(["--url", &url, "--output"]).arg(&file).stderr(Stdio::piped()).stdout(Stdio::piped());
            let child = command.spawn().expect("the program was built");
            let stream = begun(&listener);
            appears(&part);
            match signal {
                Some(signal) => kill_process(Pid::from_child(&child), signal).expect("it runs"),
                None => drop(stream.shutdown(std::net::Shutdown::Both)),
            }
            let output = child.wait_with_output().expect("it ends");
            match signal {
                Some(_) => fails(&output, SYSTEM, &["interrupted", "was not written", "已中断"]),
                None => fails(&output, SYSTEM, &["no good answer", "没有正常应答"]),
            }
            assert_eq!(fs::read_to_string(&file).expect("the old one"), "before");
            assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1, "{export:?} {signal:?}");
        }
    }
}

#[test]
fn one_check_tells_the_faults_of_every_file_and_section() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("written");
    write("a.zone", "$TTL 300\n@ SOA ns.example. h.example. 1 1 1 1 300\n@ NS ns.example.\n@ A 192.0.2.256\n");
    write("targets.csv", "region,institutions\n62,x\n63,1\nnowhere,2\n");
    write("reserved.txt", "good\n-bad-\n");
    write("seed.ndjson", "{\"unit\":1}\n{\"name\":2}\n");
    write("short", "not base32");
    let token = |name: &str, file: &str| {
        let sha256 = format!("{:064x}", name.len());
        format!(
            "[[admin.tokens]]\nname = \"{name}\"\nrole = \"viewer\"\nsha256 = \"{sha256}\"\ntotp_secret_file = \"{file}\"\n"
        )
    };
    let config = [
        "version = 1\n[server]\nlistne = []\n[server.tls]\ncert = \"no-cert.pem\"\n",
        "[gateway]\nlisten = [\"0.0.0.0:1\", \"0.0.0.0:1\"]\n",
        "[log]\nlevel = \"loud\"\n",
        "[data]\nseed = \"seed.ndjson\"\n[seals]\nkey_file = \"no-seal-key.pem\"\n",
        "[statistics]\ntargets_file = \"targets.csv\"\n[idn]\nreserved = [\"reserved.txt\", \"no-reserved.txt\"]\n",
        "[[zones]]\napex = \"a.example\"\nfile = \"a.zone\"\n[[zones]]\napex = \"b.example\"\nfile = \"no-b.zone\"\n",
        "[[keys]]\nname = \"k.\"\nalgorithm = \"hmac-sha256\"\nsecret_file = \"no-key\"\n",
        &token("one", "no-totp"),
        &token("other", "short"),
    ]
    .concat();
    write("config.toml", &config);
    let all = [
        "unknown key `server.listne`",
        "`log.level`",
        "a.zone:4:",
        "no-b.zone",
        "no-totp",
        "targets.csv, line 2",
        "targets.csv, line 4",
        "reserved.txt, ",
        "no-reserved.txt",
        "no-seal-key.pem",
        "no-key",
        "short",
    ];
    let file = text(&directory.path().join("config.toml"));
    expect(&["check-config", &file], REFUSED, &all);
}

/// What is wrong with an option, a section or a file keeps no other from being read.
#[test]
fn a_wrong_section_hides_no_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("written");
    write("seed.ndjson", "{\"unit\":1}\n");
    write("reserved.txt", "-bad-\n\u{3400}\n");
    let token = "[[admin.tokens]]\nname = \"t\"\nrole = \"viewer\"\n";
    let config = [
        "version = 1\n[data]\nseed = \"seed.ndjson\"\n",
        "[registry]\nclock_step_secs = 5\n[registry.calendar]\nholidays = [\"2026-10-07/2026-10-01\"]\n",
        "[idn]\nreserved = [\"reserved.txt\", \"no-reserved.txt\"]\ndivisions = \"no-divisions.txt\"\n",
        "[seals]\nkey_file = \"no-seal-key.pem\"\n[statistics]\ntargets_file = 1\n",
        "[outbox]\nwebhook = \"https://localhost/\"\nsecret_file = \"no-secret\"\nca_file = \"no-ca.pem\"\n",
        "[[zones]]\napex = \"a..b\"\nfile = \"a.zone\"\n[[zones]]\napex = \"b.example\"\nfile = \"no-b.zone\"\n",
        "[admin]\ntls_cert = \"no-cert.pem\"\ntls_key = \"no-key.pem\"\ntls_client_ca = \"no-clients.pem\"\n",
        &format!("{token}sha256 = \"{}\"\n{token}sha256 = \"{}\"\n", "1".repeat(64), "2".repeat(64)),
    ]
    .concat();
    write("config.toml", &config);
    let file = text(&directory.path().join("config.toml"));
    let mut all = vec![
        "`registry.clock_step_secs`",
        "`registry.calendar.holidays[0]`",
        "`a..b` is not a domain name",
        "the token name t is given twice",
        "`statistics.targets_file` should be text",
        "reserved.txt, line 1",
        "no-reserved.txt",
        "no-divisions.txt",
        "no-seal-key.pem",
        "no-secret",
        "no-ca.pem",
        "no-b.zone",
        "no-cert.pem",
        "no-key.pem",
        "no-clients.pem",
    ];
    let seed = "seed.ndjson, line 1";
    let shown = expect(&["check-config", &file], REFUSED, &[&all[..], &[seed, "reserved.txt, line 2"]].concat());
    assert!(!shown.contains("a.zone"), "nobody knows which zone it is of: {shown}");
    // By a table that cannot be read no character is judged, and what else is wrong is told.
    write("config.toml", &config.replace("[idn]\n", "[idn]\nlgr = \"no-table.xml\"\n"));
    all.push("no-table.xml");
    let shown = expect(&["check-config", &file], REFUSED, &all);
    assert!(!shown.contains(seed) && !shown.contains("reserved.txt, line 2"), "{shown}");
}

/// What cannot be a code is no guess: it is refused before the server counts it as one.
#[test]
fn a_code_of_other_than_six_digits_is_not_sent() {
    for code in ["", "abc", "12345", "1234567", "１２３４５６"] {
        let arguments = ["import", "no-such-file", "--second-factor", code, "--url", "http://127.0.0.1:1"];
        expect(&arguments, USAGE, &["is 6 digits; nothing was sent", "动态口令为 6 位数字"]);
    }
}
