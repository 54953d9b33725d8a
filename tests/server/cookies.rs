//! DNS cookies as dig and kdig see them, and cookies that NSD made with a secret shared with us.

use crate::{NAME, start_with};
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zhengming::query::{CookieSecret, Cookies, Settings};

const SECRET: [u8; 16] = [0x5a; 16];
const SECRET_TEXT: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

fn settings(roll_secs: u32, required: bool) -> Settings {
    let mut cookies = Cookies::new(vec![CookieSecret(SECRET)], roll_secs);
    cookies.required = required;
    Settings { cookies: Some(cookies), ..Settings::default() }
}

/// What `tool` says of the A records of the tests' name.
pub fn ask(tool: &str, server: SocketAddr, options: &[&str]) -> String {
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let output = Command::new(tool).args([&at, "-p", &port, NAME, "A", "+norec"]).args(options).output();
    let output = output.unwrap_or_else(|error| panic!("{tool} is not installed: {error}"));
    String::from_utf8(output.stdout).unwrap()
}

/// The cookie in dig's output.
fn cookie(output: &str) -> &str {
    let (_, rest) = output.split_once("; COOKIE: ").unwrap_or_else(|| panic!("no cookie in\n{output}"));
    rest.split_whitespace().next().unwrap()
}

#[test]
fn dig_and_kdig_call_our_cookies_good() {
    for roll_secs in [0, 3600] {
        let server = start_with(settings(roll_secs, true));
        // The first answer is BADCOOKIE; both then come again with the cookie they got.
        let output = ask("dig", server.address(), &["+cookie"]);
        assert!(output.contains("203.0.113.5") && output.contains("(good)"), "{output}");
        let output = ask("dig", server.address(), &["+cookie", "+nobadcookie"]);
        assert!(output.contains("BADCOOKIE") && !output.contains("203.0.113.5"), "{output}");
        let output = ask("kdig", server.address(), &["+cookie", "+badcookie"]);
        assert!(output.contains("203.0.113.5"), "{output}");
        let output = ask("kdig", server.address(), &["+nocookie"]);
        assert!(output.contains("203.0.113.5"), "{output}");
    }
}

/// NSD on loopback, ended with the test.
struct Nsd {
    child: Child,
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Nsd {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        // No other test uses this address, so the port stays free until NSD takes it.
        let address = UdpSocket::bind("127.0.0.4:0").unwrap().local_addr().unwrap();
        let zone = "@ 60 IN SOA ns h 1 60 60 60 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n";
        fs::write(directory.path().join("zone"), zone).unwrap();
        let config = format!(
            "server:\n ip-address: 127.0.0.4@{port}\n username: \"\"\n chroot: \"\"\n database: \"\"\n server-count: 1\n \
             zonesdir: \"{path}\"\n pidfile: \"{path}/pid\"\n xfrdfile: \"{path}/xfrd\"\n xfrdir: \"{path}\"\n \
             zonelistfile: \"{path}/list\"\n answer-cookie: yes\n cookie-secret: \"{SECRET_TEXT}\"\n\
             remote-control:\n control-enable: no\nzone:\n name: \"xn--zfr164b\"\n zonefile: \"zone\"\n",
            port = address.port()
        );
        let file = directory.path().join("nsd.conf");
        fs::write(&file, config).unwrap();
        let child = Command::new("nsd").arg("-d").arg("-c").arg(&file).stderr(Stdio::null()).spawn();
        Self { child: child.expect("nsd is installed"), address, _directory: directory }
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        // SIGTERM, so that it takes its own children along.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

#[test]
fn cookies_of_nsd_are_good_here_and_ours_there() {
    let (ours, nsd) = (start_with(settings(0, true)), Nsd::start());
    let begun = Instant::now();
    let from_nsd = loop {
        let output = ask("dig", nsd.address, &["+cookie=0102030405060708", "+tries=1", "+time=1"]);
        if output.contains("; COOKIE: ") {
            break output;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "NSD does not answer:\n{output}");
    };
    let theirs = format!("+cookie={}", cookie(&from_nsd));
    assert_eq!(cookie(&from_nsd).len(), 48, "{from_nsd}");
    let output = ask("dig", ours.address(), &[&theirs, "+nobadcookie"]);
    assert!(output.contains("203.0.113.5"), "a cookie of NSD's is not taken:\n{output}");
    // Both make the same of it: the one of the two that they were shown.
    let made_here = ask("dig", ours.address(), &["+cookie=0102030405060708", "+nobadcookie"]);
    let shown_there = format!("+cookie={}", cookie(&made_here));
    let output = ask("dig", nsd.address, &[&shown_there, "+nobadcookie"]);
    assert_eq!(cookie(&output)[32..].len(), 16, "{output}");
    assert_eq!(cookie(&made_here)[..16], cookie(&output)[..16], "{output}");
}
