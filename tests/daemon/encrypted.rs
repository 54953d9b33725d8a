//! Encrypted DNS of the running program: the demonstration's own certificate, and a new one at SIGHUP.

use crate::support::{PATIENCE, TestDaemon};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Instant;

const DOT: &str = "[server.tls]\ndot_listen = [\"127.0.0.1:0\", \"[::1]:0\"]\n";

/// What kdig says of the SOA of 政务 over TLS, if the server's certificate is the one in `file` and for `host`.
fn kdig(daemon: &TestDaemon, file: &str, host: &str) -> String {
    let port = daemon.dot().port().to_string();
    let (ca, host) = (format!("+tls-ca={}", daemon.path(file).display()), format!("+tls-hostname={host}"));
    let asked = ["@127.0.0.1", "-p", &port, "+tls", &ca, &host, "+retry=0", "xn--zfr164b", "SOA"];
    let output = Command::new("kdig").args(asked).output().expect("kdig; tests/run installs it");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn answered(text: &str) -> bool {
    text.contains("status: NOERROR")
}

fn make(daemon: &TestDaemon, name: &str) {
    let made = rcgen::generate_simple_self_signed(["ns.example".to_owned()]).expect("a certificate");
    fs::write(daemon.path(&format!("{name}.pem")), made.cert.pem()).expect("a file");
    fs::write(daemon.path(&format!("{name}.key")), made.signing_key.serialize_pem()).expect("a file");
}

#[test]
fn the_demonstration_makes_its_certificate_once() {
    let mut daemon = TestDaemon::start_with(&[], DOT);
    let key = daemon.path("data/dns-key.pem");
    assert_eq!(fs::metadata(&key).expect("a key").permissions().mode() & 0o777, 0o600, "only its owner reads a key");
    let text = kdig(&daemon, "data/dns-cert.pem", "localhost");
    assert!(answered(&text), "{text}");
    let before = fs::read(&key).expect("a key");
    daemon.kill();
    daemon.restart();
    assert_eq!(fs::read(&key).expect("a key"), before);
    assert!(answered(&kdig(&daemon, "data/dns-cert.pem", "localhost")));
    assert!(!answered(&kdig(&daemon, "data/dns-cert.pem", "elsewhere.example")));
}

/// The demonstration's certificate is nobody's loss: one half is made anew, and of a damaged one it is said that it can be.
#[test]
fn the_demonstration_gets_over_a_damaged_certificate() {
    let mut daemon = TestDaemon::start_with(&[], DOT);
    daemon.kill();
    fs::remove_file(daemon.path("data/dns-key.pem")).expect("removed");
    daemon.restart();
    assert!(answered(&kdig(&daemon, "data/dns-cert.pem", "localhost")));
    daemon.kill();
    let cert = daemon.path("data/dns-cert.pem");
    let whole = fs::read(&cert).expect("a certificate");
    fs::write(&cert, &whole[..100]).expect("written");
    assert!(daemon.try_restart().is_err());
    let log = daemon.log();
    for word in ["-----END CERTIFICATE----- is missing", "缺少 -----END CERTIFICATE----- 一行", "data/dns-cert.pem："]
    {
        assert!(log.contains(word), "no {word} in {log}");
    }
    for word in ["or remove dns-cert.pem and dns-key.pem", "或删除 dns-cert.pem 和 dns-key.pem"] {
        assert!(log.contains(word), "no {word} in {log}");
    }
}

#[test]
fn all_encrypted_transports_are_served_from_one_certificate() {
    let toml = format!("{DOT}doh_listen = [\"127.0.0.1:0\"]\ndoq_listen = [\"127.0.0.1:0\"]\ndoh_path = \"/names\"\n");
    let daemon = TestDaemon::start_with(&[], &toml);
    let ca = format!("+tls-ca={}", daemon.path("data/dns-cert.pem").display());
    for (protocol, of) in [("+tls", "dot"), ("+https=/names", "doh"), ("+quic", "doq")] {
        let port = daemon.address(of).port().to_string();
        // Last, because the certificate's options choose TLS.
        let asked = ["@127.0.0.1", "-p", &port, &ca, "+tls-hostname=localhost", protocol, "xn--zfr164b", "SOA"];
        let output = Command::new("kdig").args(asked).output().expect("kdig; tests/run installs it");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(answered(&text), "{protocol}: {text}");
    }
}

#[test]
fn a_new_certificate_comes_with_sighup_and_a_bad_one_does_not() {
    let toml = format!("{DOT}cert = \"one.pem\"\nkey = \"one.key\"\n");
    let mut daemon = TestDaemon::prepare(&[], &toml);
    ["one", "two"].iter().for_each(|name| make(&daemon, name));
    daemon.restart();
    assert!(!daemon.path("data/dns-key.pem").exists(), "nothing is made where one is given");
    assert!(answered(&kdig(&daemon, "one.pem", "ns.example")));

    // Of another name.
    daemon.reconfigure("cert = \"one.pem\"\nkey = \"one.key\"", "cert = \"two.pem\"\nkey = \"two.key\"");
    reload(&daemon, "were read again");
    assert!(answered(&kdig(&daemon, "two.pem", "ns.example")));
    assert!(!answered(&kdig(&daemon, "one.pem", "ns.example")));

    // One that does not fit its key changes nothing.
    fs::copy(daemon.path("one.pem"), daemon.path("two.pem")).expect("a file");
    reload(&daemon, "everything stays as it was");
    assert!(!answered(&kdig(&daemon, "one.pem", "ns.example")));

    // In place, as a renewal does it.
    fs::copy(daemon.path("one.key"), daemon.path("two.key")).expect("a file");
    reload(&daemon, "were read again");
    assert!(answered(&kdig(&daemon, "one.pem", "ns.example")));
}

/// Sends SIGHUP, and waits until the log says once more what came of it.
fn reload(daemon: &TestDaemon, outcome: &str) {
    let count = || daemon.log().matches(outcome).count();
    let (before, start) = (count(), Instant::now());
    daemon.signal(Signal::HUP);
    while count() == before {
        assert!(start.elapsed() < PATIENCE, "no {outcome:?} in\n{}", daemon.log());
        std::thread::yield_now();
    }
}
