//! The program that lives the year, and the connections to it.

#[path = "../../tests/support/mod.rs"]
mod support;

use super::clients::Api;
use super::model::Model;
use super::usage::Usage;
use jiff::civil::Date;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::TestDaemon;

pub use support::query;

/// The operator of the demonstration.
pub const TOKEN: &str = "demo-operator";
/// Lines of one import request.
const REQUEST_LINES: usize = 10_000;

/// The running program.
pub struct Estate {
    daemon: TestDaemon,
    /// A connection to the API.
    pub api: Api,
    today: Date,
    /// What the processes before this one have used, and how much memory the largest of them had at its peak.
    used: Usage,
    peak: u64,
}

impl Estate {
    /// Starts it, empty, on the first day; `setting` is what it needs besides the tests' configuration.
    pub fn start(setting: &str) -> Self {
        let today = Model::FIRST_DAY;
        let noon = noon(today);
        let daemon = TestDaemon::start_with(&["--test-clock", &noon], setting);
        let api = Api::connect(daemon.admin());
        Self { daemon, api, today, used: Usage::default(), peak: 0 }
    }

    /// Imports everything the model has.
    pub fn import(&mut self, model: &Model) {
        let mut body = Vec::new();
        let (mut lines, mut first) = (0, 1);
        let mut flush = |body: &mut Vec<u8>, lines: &mut usize, api: &mut Api| {
            if *lines > 0 {
                let path = format!("/v1/import?id=year&line={first}");
                let (status, text) = api.send("POST", &path, "application/x-ndjson", body);
                assert!(status == 200 && text.contains("\"refused\":0"), "{status} {text}");
                first += *lines;
                *lines = 0;
                body.clear();
            }
        };
        model.lines(|line| {
            body.extend_from_slice(line.as_bytes());
            lines += 1;
            if lines == REQUEST_LINES {
                flush(&mut body, &mut lines, &mut self.api);
            }
        });
        flush(&mut body, &mut lines, &mut self.api);
    }

    /// Moves the clock to noon of a day in Shanghai; returns when what fell due has taken effect.
    pub fn set_day(&mut self, day: Date) {
        self.today = day;
        // The server closes connections that were idle for some seconds, as this one is while the model is walked.
        self.api = Api::connect(self.daemon.admin());
        let body = format!("{{\"now\":\"{}\"}}", noon(day));
        self.expect(204, "POST", "/v1/test/clock", &body);
    }

    /// Sends JSON as the operator and checks the status.
    #[track_caller]
    pub fn expect(&mut self, expected: u16, method: &str, path: &str, body: &str) -> String {
        let (status, text) = self.api.send(method, path, "application/json", body.as_bytes());
        assert_eq!(status, expected, "{method} {path} {body}: {text}");
        text
    }

    /// Sends JSON with any token, which must succeed; what was answered.
    #[track_caller]
    pub fn call(&mut self, token: &str, method: &str, path: &str, body: &str) -> serde_json::Value {
        let (status, text) = self.api.send_as(token, method, path, "application/json", body.as_bytes());
        assert!((200..300).contains(&status), "{token} {method} {path} {body}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Kills the program and starts it again on the same day; how long the start took.
    pub fn crash(&mut self) -> Duration {
        self.used = self.usage();
        self.peak = self.resident().1;
        self.daemon.kill();
        self.daemon.set_arguments(&["--test-clock", &noon(self.today)]);
        let begun = Instant::now();
        self.daemon.restart();
        self.api = Api::connect(self.daemon.admin());
        begun.elapsed()
    }

    /// Each line of what a path answers.
    pub fn lines(&self, path: &str, line: &mut dyn FnMut(&str)) {
        read_lines(&self.url(path), line);
    }

    /// Where the API is.
    pub fn admin(&self) -> std::net::SocketAddr {
        self.daemon.admin()
    }

    /// The address of a path of the API.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.daemon.admin())
    }

    /// Octets of the journal, and of all the rest that it keeps.
    pub fn kept(&self) -> (u64, u64) {
        let data = self.daemon.path("data");
        let journal = octets_in(&data.join("journal"));
        (journal, octets_in(&data) - journal)
    }

    /// Where it answers queries.
    pub fn dns(&self) -> std::net::SocketAddr {
        self.daemon.dns()
    }

    /// What it has used so far, all its processes.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::read(&self.proc("task"));
        usage.add(self.used);
        usage
    }

    /// Resident memory in octets: now, and at its peak, all its processes.
    pub fn resident(&self) -> (u64, u64) {
        let status = fs::read_to_string(self.proc("status")).expect("a process of ours");
        let octets = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
            line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
        };
        (octets("VmRSS:"), octets("VmHWM:").max(self.peak))
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.daemon.process_id().expect("it runs")).into()
    }

    /// Stops it in good order and has its journal verified.
    pub fn finish(mut self) {
        assert!(self.daemon.stop().success(), "it did not stop in good order");
        let verified = support::program().arg("verify-journal").arg(self.daemon.path("data")).output();
        let verified = verified.expect("the program was built");
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

/// Each line of what a URL answers to the operator.
///
/// # Panics
/// If the answer does not come to its end.
pub fn read_lines(url: &str, line: &mut dyn FnMut(&str)) {
    let bearer = format!("Bearer {TOKEN}");
    let mut answer = ureq::get(url).header("authorization", &bearer).call().expect("an answer");
    let mut reader = BufReader::new(answer.body_mut().with_config().limit(u64::MAX).reader());
    let mut text = String::new();
    while reader.read_line(&mut text).expect("an answer to its end") > 0 {
        line(text.trim_end());
        text.clear();
    }
}

/// What the files in a directory take on the disk, and in those below it.
fn octets_in(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("a directory of the program").flatten();
    let octets = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => octets_in(&entry.path()),
        Ok(found) => found.len(),
        // It may go meanwhile.
        Err(_) => 0,
    };
    entries.map(octets).sum()
}

/// Noon in Shanghai.
fn noon(day: Date) -> String {
    format!("{day}T04:00:00Z")
}
