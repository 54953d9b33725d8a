//! The commands against a running server: import, export, reload, stop, and what is left on disk.

use super::support::{TestDaemon, program, tree};
use hickory_proto::rr::RecordType;
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::process::Output;

fn command(daemon: &TestDaemon, token: &str, arguments: &[&str]) -> Output {
    let url = format!("http://{}", daemon.admin());
    program()
        .args(arguments)
        .args(["--url", &url])
        .env("ZHENGMING_TOKEN", token)
        .output()
        .expect("the program was built")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_import_is_answered_resumed_and_exported_again() {
    let mut daemon = TestDaemon::start();
    let names = tree("config/demo-names.ndjson").to_string_lossy().into_owned();
    let first = command(&daemon, "demo-operator", &["import", &names]);
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    assert!(err(&first).contains("192 applied, 0 applied before, 0 refused"), "{}", err(&first));
    assert_eq!(daemon.resolve("靖远县教育局.政务", RecordType::A), ["203.0.113.5"]);
    assert_eq!(daemon.ask_tcp("www.靖远县教育局.政务.cn", RecordType::A).answers.len(), 1);
    assert_eq!(daemon.browse("靖远县司法局.政务", "/").header("location"), Some("https://justice.example/jingyuan"));

    let again = command(&daemon, "demo-operator", &["import", &names]);
    assert!(err(&again).contains("0 applied, 192 applied before, 0 refused"), "{}", err(&again));
    let refused = command(&daemon, "demo-viewer", &["import", &names, "--id", "other"]);
    assert_eq!(refused.status.code(), Some(1), "{}", err(&refused));
    assert!(err(&refused).contains("role_forbidden"), "{}", err(&refused));

    // One of the names has been unpaid for two years, and is given its final notice in the first second.
    let begun = std::time::Instant::now();
    while !daemon.api("GET", "/v1/export", "demo-viewer", None).text.contains("final_notice") {
        assert!(begun.elapsed() < crate::support::PATIENCE, "no final notice\n{}", daemon.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // What is exported can be imported elsewhere, and exports the same there.
    let file = daemon.path("export.ndjson").to_string_lossy().into_owned();
    let export = command(&daemon, "demo-operator", &["export", "--output", &file]);
    assert_eq!(export.status.code(), Some(0), "{}", err(&export));
    let other = TestDaemon::start();
    let import = command(&other, "demo-operator", &["import", &file]);
    assert_eq!(import.status.code(), Some(0), "{}", err(&import));
    let copy = command(&other, "demo-operator", &["export"]);
    let objects = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("{\"end\"")).map(ToOwned::to_owned).collect()
    };
    let original = fs::read_to_string(&file).expect("the export");
    assert_eq!(objects(&original), objects(&String::from_utf8_lossy(&copy.stdout)));
    assert!(objects(&original).len() > 190);

    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    daemon.restart();
    assert_eq!(daemon.resolve("靖远县教育局.政务", RecordType::A), ["203.0.113.5"]);
}

#[test]
fn a_reload_takes_what_can_change_live_and_keeps_the_old_when_anything_is_wrong() {
    let daemon = TestDaemon::start();
    let config = daemon.path("config.toml");
    let good = fs::read_to_string(&config).expect("the configuration");
    let status = |token: &str| daemon.api("GET", "/v1/units", token, None).status;
    assert_eq!((status("demo-viewer"), status("another")), (200, 401));

    // SHA-256 of "another"; the demonstration's viewer goes.
    let another = "ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5";
    let viewer = "2c409f0dcce66d0c980ae534d1ccdc0fc6738d7fc35d803949919f4dfa3f8834";
    assert!(good.contains(viewer));
    fs::write(&config, good.replace(viewer, another)).expect("written");
    reload(&daemon, "were read again");
    assert_eq!((status("demo-viewer"), status("another")), (401, 200));

    fs::write(&config, good.replace("[server]", "[sevrer]")).expect("written");
    reload(&daemon, "everything stays as it was");
    assert_eq!((status("demo-viewer"), status("another")), (401, 200));

    // Without the mark the tokens would be refused; without them it is still no matter for a reload.
    let plain = "version = 1\n[server]\nlisten = [\"127.0.0.1:0\"]\n";
    fs::write(&config, plain).expect("written");
    reload(&daemon, "`demo` changed");
    assert_eq!(status("another"), 200);
}

/// Sends SIGHUP, and waits until the log says so: the API answers while the reload goes on.
fn reload(daemon: &TestDaemon, said: &str) {
    let before = daemon.log().matches(said).count();
    daemon.signal(Signal::HUP);
    let start = std::time::Instant::now();
    while daemon.log().matches(said).count() == before {
        assert!(start.elapsed() < super::support::PATIENCE, "no {said:?} in\n{}", daemon.log());
        std::thread::yield_now();
    }
}

#[test]
fn the_data_directory_has_one_user_and_its_journal_is_checked_and_rebuilt_from() {
    let mut daemon = TestDaemon::start();
    daemon.register("u1", "organ", "测绘一局.政务");
    daemon.push("测绘一局.政务", &json!({ "type": "A", "addresses": ["192.0.2.7"] })).expect_success();
    let config = daemon.path("config.toml").to_string_lossy().into_owned();
    let run = |arguments: &[&str]| program().args(arguments).output().expect("the program was built");
    let busy = run(&["rebuild", "--config", &config]);
    assert_eq!(busy.status.code(), Some(3), "{}", err(&busy));
    assert!(err(&busy).contains("in use by"), "{}", err(&busy));

    daemon.kill();
    let data = daemon.path("data").to_string_lossy().into_owned();
    let verified = run(&["verify-journal", &data]);
    assert_eq!(verified.status.code(), Some(0), "{}", err(&verified));
    let rebuilt = run(&["rebuild", "--config", &config]);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", err(&rebuilt));
    daemon.restart();
    assert_eq!(daemon.resolve("测绘一局.政务", RecordType::A), ["192.0.2.7"]);
    daemon.stop();

    // An unfinished line goes, and the log says so.
    let segment = daemon.path("data/journal/00000000000000000001.jsonl");
    let mut file = fs::File::options().append(true).open(&segment).expect("a file");
    file.write_all(b"{\"v\":1,\"seq\":").expect("written");
    daemon.restart();
    assert!(daemon.log().contains("13 octets from line "), "{}", daemon.log());
    let kept =
        fs::read_dir(daemon.path("data/journal")).expect("the journal").map(|entry| entry.expect("a file").path());
    let kept = kept.into_iter().find(|path| path.extension().is_some_and(|end| end == "torn")).expect("it is kept");
    assert_eq!(fs::read(kept).expect("a file"), b"{\"v\":1,\"seq\":");
    daemon.stop();

    // One octet of the first line: the check names the line, and a start from nothing but the journal refuses.
    let mut octets = fs::read(&segment).expect("a file");
    octets[20] ^= 1;
    fs::write(&segment, octets).expect("written");
    let broken = run(&["verify-journal", &data]);
    assert_eq!(broken.status.code(), Some(1), "{}", err(&broken));
    assert!(err(&broken).contains("line 1 "), "{}", err(&broken));
    fs::remove_dir_all(daemon.path("data/sled")).expect("removed");
    assert_eq!(daemon.try_restart().expect_err("no start").code(), Some(1), "{}", daemon.log());
}

#[test]
fn the_seed_is_planted_once() {
    let names = tree("config/demo-names.ndjson");
    let mut daemon = TestDaemon::prepare(&[], "");
    let config = fs::read_to_string(daemon.path("config.toml")).expect("the configuration");
    let seeded = config.replace("[data]\n", &format!("[data]\nseed = \"{}\"\n", names.display()));
    fs::write(daemon.path("config.toml"), seeded).expect("written");
    daemon.restart();
    let name = "/v1/names/xn--5nru1rvyheq2ar3pdik.xn--zfr164b";
    assert_eq!(daemon.resolve("靖远县教育局.政务", RecordType::A), ["203.0.113.5"]);
    daemon.api("DELETE", name, "demo-operator", None).expect_success();
    daemon.stop();
    daemon.restart();
    assert_eq!(daemon.api("GET", name, "demo-operator", None).status, 404);
}

#[test]
fn the_admin_api_speaks_tls_with_the_configured_certificate() {
    let made =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a certificate");
    let mut daemon = TestDaemon::prepare(&[], "");
    fs::write(daemon.path("cert.pem"), made.cert.pem()).expect("written");
    fs::write(daemon.path("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let config = fs::read_to_string(daemon.path("config.toml")).expect("the configuration");
    let tls = config.replace("[admin]\n", "[admin]\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n");
    fs::write(daemon.path("config.toml"), tls).expect("written");
    daemon.restart();
    let (url, ca) = (format!("https://{}", daemon.admin()), daemon.path("cert.pem"));
    let export = |ca: &std::path::Path| {
        let arguments = [std::ffi::OsStr::new("export"), "--url".as_ref(), url.as_ref(), "--ca".as_ref(), ca.as_ref()];
        program().args(arguments).env("ZHENGMING_TOKEN", "demo-operator").output().expect("the program was built")
    };
    let trusted = export(&ca);
    assert_eq!(trusted.status.code(), Some(0), "{}", err(&trusted));
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    fs::write(daemon.path("other.pem"), other.cert.pem()).expect("written");
    assert_eq!(export(&daemon.path("other.pem")).status.code(), Some(3), "a stranger's certificate is not trusted");
}
