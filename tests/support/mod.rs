//! The real program in a temporary directory, on ports of its own, and what asks it.
//!
//! Each test binary uses a part of this.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part")]

mod ask;
mod http;
mod ports;

pub use ask::{ask, ask_tcp, query};
pub use http::{Caller, Reply};
pub use ports::free_port;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for anything; only a broken program takes so long, so a loaded machine passes too.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The region that `demo-local` reviews.
pub const REGION: &str = "620421";

/// The program.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_zhengming"))
}

/// A file of this tree.
pub fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A running (or stopped) program with a directory of its own, which goes when this is dropped.
pub struct TestDaemon {
    directory: TempDir,
    process: Option<Child>,
    notified: Option<UnixDatagram>,
    arguments: Vec<String>,
    wrapper: Vec<String>,
    addresses: Value,
    agent: ureq::Agent,
}

impl TestDaemon {
    /// Starts the program with the standard configuration.
    pub fn start() -> Self {
        Self::start_with(&[], "")
    }

    /// Starts the program with further `arguments` of `serve`, and `toml` at the end of its configuration.
    pub fn start_with(arguments: &[&str], toml: &str) -> Self {
        let mut daemon = Self::prepare(arguments, toml);
        daemon.restart();
        daemon
    }

    /// Everything but the start, for a test that lays something out first; [`TestDaemon::restart`] starts.
    pub fn prepare(arguments: &[&str], toml: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::write(directory.path().join("config.toml"), configuration() + toml).expect("a writable directory");
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections_per_host(16)
            // The server closes what is idle for 15 seconds; a request must not cross with that.
            .max_idle_age(Duration::from_secs(5))
            .build()
            .into();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let (notified, wrapper) = (None, Vec::new());
        Self { directory, process: None, notified, arguments, wrapper, addresses: Value::Null, agent }
    }

    /// Other further arguments of `serve`, from the next start on.
    pub fn set_arguments(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    }

    /// A command that starts the program, from the next start on: it is given the program and its arguments.
    pub fn set_wrapper(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
    }

    /// Replaces text in the configuration, for the next start or reload.
    #[track_caller]
    pub fn reconfigure(&self, from: &str, to: &str) {
        let path = self.path("config.toml");
        let text = fs::read_to_string(&path).expect("the configuration");
        assert!(text.contains(from), "no {from:?} in\n{text}");
        fs::write(path, text.replace(from, to)).expect("a writable directory");
    }

    /// Starts the program (again), and returns when everything answers.
    pub fn restart(&mut self) {
        self.try_restart().unwrap_or_else(|status| panic!("{status}; its log:\n{}", self.log()));
    }

    /// As [`TestDaemon::restart`]; the exit status if the program ends instead.
    ///
    /// # Errors
    /// How it ended.
    pub fn try_restart(&mut self) -> Result<(), ExitStatus> {
        self.launch();
        self.wait()
    }

    /// After [`TestDaemon::launch`]: returns when everything answers.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn wait(&mut self) -> Result<(), ExitStatus> {
        let notified = self.notified.take().expect("launched with it");
        let start = Instant::now();
        let mut state = [0; 64];
        loop {
            match notified.recv(&mut state) {
                Ok(length) if state[..length].starts_with(b"READY=1") => break,
                _ => {}
            }
            let process = self.process.as_mut().expect("launched");
            if let Some(status) = process.try_wait().expect("a child") {
                self.process = None;
                return Err(status);
            }
            assert!(start.elapsed() < PATIENCE, "not ready; its log:\n{}", self.log());
        }
        let ready = fs::read_to_string(self.path("ready.json")).expect("the ready file");
        self.addresses = serde_json::from_str(&ready).expect("the ready file is JSON");
        Ok(())
    }

    /// Starts the program, and does not wait until it answers.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let socket = self.path("notify");
        let _ = fs::remove_file(&socket);
        let notified = UnixDatagram::bind(&socket).expect("a socket for the start");
        notified.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        self.notified = Some(notified);
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log file");
        let mut command = self.serve();
        command.env("NOTIFY_SOCKET", &socket).stderr(log);
        self.process = Some(command.spawn().expect("the program was built"));
    }

    /// The command that starts the program.
    pub fn serve(&self) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => program(),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program().get_program());
                command
            }
        };
        command.arg("serve").args(["--config", "config.toml", "--ready-file", "ready.json"]).args(&self.arguments);
        command.current_dir(self.directory.path());
        command
    }

    /// Kills the program as a power cut would: SIGKILL.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("a child");
        process.wait().expect("a child");
    }

    /// Asks the program to stop (SIGTERM) and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Waits until the program has ended by itself, or by a signal.
    pub fn ended(&mut self) -> ExitStatus {
        self.process.take().expect("it runs").wait().expect("a child")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it runs");
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("a child");
    }

    /// The process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// A file in the program's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the program has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The first address that DNS is served on.
    pub fn dns(&self) -> SocketAddr {
        self.address("dns")
    }

    /// The first address of DNS over TLS.
    pub fn dot(&self) -> SocketAddr {
        self.address("dot")
    }

    /// The address of the admin API.
    pub fn admin(&self) -> SocketAddr {
        self.address("admin")
    }

    /// The address of the gateway.
    pub fn gateway(&self) -> SocketAddr {
        self.address("gateway")
    }

    /// The same server over IPv6.
    pub fn dns_v6(&self) -> SocketAddr {
        self.nth_address("dns", 1)
    }

    /// The first address of this kind in the ready file.
    pub fn address(&self, of: &str) -> SocketAddr {
        self.nth_address(of, 0)
    }

    fn nth_address(&self, of: &str, n: usize) -> SocketAddr {
        self.addresses[of][n].as_str().and_then(|address| address.parse().ok()).expect("an address")
    }

    /// What sends requests to the admin API, also from other threads, and after the program is gone.
    pub fn caller(&self) -> Caller {
        Caller { agent: self.agent.clone(), server: self.admin() }
    }

    /// Asks over UDP, with EDNS.
    pub fn ask(&self, name: &str, rtype: RecordType) -> Message {
        ask(self.dns(), name, rtype)
    }

    /// Asks over TCP, with EDNS.
    pub fn ask_tcp(&self, name: &str, rtype: RecordType) -> Message {
        ask_tcp(self.dns(), name, rtype)
    }

    /// The addresses that `name` resolves to, as text, in the order of the answer.
    pub fn resolve(&self, name: &str, rtype: RecordType) -> Vec<String> {
        self.ask(name, rtype).answers.iter().map(|record| record.data.to_string()).collect()
    }

    /// Sends a request to the admin API with `token`; an absent body is none.
    pub fn api(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> Reply {
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.send(method, path, &[("authorization", &format!("Bearer {token}"))], "application/json", &body)
    }

    /// Sends any request to the admin API.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], content_type: &str, body: &str) -> Reply {
        self.request(self.admin(), method, path, headers, content_type, body)
    }

    /// Asks the gateway for `path` of `host`, which a browser sends in A-labels.
    pub fn browse(&self, host: &str, path: &str) -> Reply {
        let host = ascii(host);
        self.request(self.gateway(), "GET", path, &[("host", host.trim_end_matches('.'))], "", "")
    }

    fn request(
        &self,
        to: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        content_type: &str,
        body: &str,
    ) -> Reply {
        let caller = Caller { agent: self.agent.clone(), server: to };
        let answer = caller.send(method, path, headers, content_type, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}; log:\n{}", self.log()))
    }

    /// Puts a unit and a name with the demonstration's operator; the name has no resolution yet.
    pub fn register(&self, unit: &str, kind: &str, name: &str) {
        let data = serde_json::json!({ "name": format!("测试{unit}"), "kind": kind, "region": REGION });
        self.api("PUT", &format!("/v1/units/{unit}"), "demo-operator", Some(&data)).expect_success();
        let data = serde_json::json!({ "unit": unit, "years": 2 });
        self.api("PUT", &format!("/v1/names/{}", encode(name)), "demo-operator", Some(&data)).expect_success();
    }

    /// Submits a change with both approvals asserted by the operator.
    pub fn push(&self, name: &str, resolution: &Value) -> Reply {
        let approvals = [("local", "reviewer-1"), ("central", "reviewer-2")]
            .map(|(level, by)| serde_json::json!({ "level": level, "by": by }));
        let body = serde_json::json!({ "name": name, "resolution": resolution, "approvals": approvals });
        self.api("POST", "/v1/changes", "demo-operator", Some(&body))
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The configuration that tests start from: the demonstration's tokens, free ports, the tree's zones.
pub fn configuration() -> String {
    let demo = fs::read_to_string(tree("config/demo.toml")).expect("the demonstration's configuration");
    let mut text = String::from(
        "version = 1\ndemo = true\n[server]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\nworkers = 1\n\
         [gateway]\nlisten = [\"127.0.0.1:0\"]\n[data]\ndirectory = \"data\"\n[registry]\nallow_special_addresses = true\n\
         second_factor = []\n\
         [admin]\nlisten = [\"127.0.0.1:0\"]\n",
    );
    // The tokens, and then the suffix sets, are those of the demonstration.
    let tokens = &demo[demo.find("[[admin.tokens]]").expect("tokens")..demo.find("[gateway]").expect("a gateway")];
    let sets = &demo[demo.find("[[suffixes]]").expect("suffixes")..demo.find("[registry]").expect("a registry")];
    let sets = sets.replace("../zones", &tree("zones").to_string_lossy());
    write!(text, "{tokens}\n{sets}").expect("a string");
    text
}

/// A name as DNS has it, however it is written.
pub fn ascii(name: &str) -> String {
    zhengming::idn::host_to_ascii(name).unwrap_or_else(|| name.to_owned()) + "."
}

/// Octets outside a path's characters, percent-encoded.
pub fn encode(segment: &str) -> String {
    let octet = |octet: u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(octet).to_string(),
        _ => format!("%{octet:02X}"),
    };
    segment.bytes().map(octet).collect()
}
