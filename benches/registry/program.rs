//! The program under measurement: its directory, its process, and what the kernel tells of it.

#[path = "../../tests/support/mod.rs"]
mod support;

use super::usage::Usage;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};
use support::PATIENCE;

/// The operator of the demonstration.
pub const TOKEN: &str = "demo-operator";
/// Pause between two looks for something that will come.
const LOOK: Duration = Duration::from_micros(200);

/// The ports that are tried: below those that the kernel gives to clients (ip(7), ip_local_port_range).
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;

/// The running program.
pub struct Program {
    directory: PathBuf,
    process: Child,
    /// Where it answers queries.
    pub dns: SocketAddr,
    /// Where its API is.
    pub admin: SocketAddr,
}

impl Program {
    /// Lays out a directory in which nothing has run yet. The ports are chosen here: a start is measured from outside.
    pub fn lay_out(directory: &Path) {
        fs::create_dir_all(directory).expect("a writable directory");
        let mut ports = FIRST_PORT + std::process::id() as u16 % PORTS..;
        let (dns, admin) = (free_address(&mut ports), free_address(&mut ports));
        let text = support::configuration();
        let text = text.replacen("[\"127.0.0.1:0\", \"[::1]:0\"]", &format!("[\"{dns}\"]"), 1);
        let text = text.replacen("[admin]\nlisten = [\"127.0.0.1:0\"]", &format!("[admin]\nlisten = [\"{admin}\"]"), 1);
        // A unit of a tenth of all names is held on purpose.
        let allowed = "allow_special_addresses = true";
        let text = text.replacen(allowed, &format!("{allowed}\nbrake_names_min = 1000000"), 1);
        assert!(text.contains(&dns.to_string()) && text.contains(&admin.to_string()), "{text}");
        fs::write(directory.join("config.toml"), text).expect("a writable directory");
        fs::write(directory.join("addresses"), format!("{dns}\n{admin}\n")).expect("a writable directory");
    }

    /// Starts the program, without waiting for anything.
    pub fn spawn(directory: &Path) -> Self {
        let addresses = fs::read_to_string(directory.join("addresses")).expect("laid out");
        let mut addresses = addresses.lines().map(|line| line.parse().expect("an address"));
        let (dns, admin) = (addresses.next().expect("laid out"), addresses.next().expect("laid out"));
        let _ = fs::remove_file(directory.join("ready.json"));
        let log = File::options().create(true).append(true).open(directory.join("log")).expect("a log file");
        let process = support::program()
            .args(["serve", "--config", "config.toml", "--ready-file", "ready.json"])
            .current_dir(directory)
            .stderr(log)
            .spawn()
            .expect("the program was built");
        Self { directory: directory.into(), process, dns, admin }
    }

    /// Waits until everything answers.
    pub fn wait_until_ready(&mut self) {
        let begun = Instant::now();
        while !self.directory.join("ready.json").exists() {
            let ended = self.process.try_wait().expect("a child");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "it does not start: {}", self.log());
            thread::sleep(LOOK);
        }
    }

    /// The import command, against this program.
    pub fn import_command(&self, file: &Path) -> Command {
        let mut command = support::program();
        let url = format!("http://{}", self.admin);
        command.arg("import").arg(file).args(["--url", &url]).env("ZHENGMING_TOKEN", TOKEN);
        command
    }

    /// Ends it in good order (SIGTERM).
    pub fn stop(mut self) {
        kill_process(self.pid(), Signal::TERM).expect("a child");
        self.process.wait().expect("a child");
    }

    /// Ends it as a crash does (SIGKILL).
    pub fn kill(mut self) {
        kill_process(self.pid(), Signal::KILL).expect("a child");
        self.process.wait().expect("a child");
    }

    fn pid(&self) -> Pid {
        i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).expect("a process id")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Octets of the files below a directory of its data.
    pub fn data_octets(&self, below: &str) -> u64 {
        let entries = fs::read_dir(self.directory.join("data").join(below)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|file| file.len()).sum()
    }

    /// Begins to look for a new peak of resident memory (proc(5), clear_refs).
    pub fn forget_peak(&self) {
        fs::write(self.proc("clear_refs"), "5").expect("a process of ours");
    }

    /// Resident memory in octets: now, and at its peak.
    pub fn resident(&self) -> (u64, u64) {
        let status = fs::read_to_string(self.proc("status")).expect("a process of ours");
        let octets = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
            line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
        };
        (octets("VmRSS:"), octets("VmHWM:"))
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        Usage::read(&self.proc("task"))
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.process.id()).into()
    }
}

/// An address of loopback whose port nobody uses, neither for TCP nor for UDP.
fn free_address(ports: &mut impl Iterator<Item = u16>) -> SocketAddr {
    let free = ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).find(|address| {
        let (tcp, udp) = (TcpListener::bind(address), UdpSocket::bind(address));
        tcp.is_ok() && udp.is_ok()
    });
    free.expect("some port is free")
}

impl Drop for Program {
    fn drop(&mut self) {
        // Ended already, unless a measurement failed.
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}
