//! The three servers with the same zones, each a process of its own on a free port, ended with the test.

use crate::packet::{Question, Response};
use crate::support::{PATIENCE, TestDaemon};
use crate::zones::Served;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zhengming::zone::Rtype;

/// How long a starting server is left alone between two questions whether it answers.
const POLL: Duration = Duration::from_millis(50);

/// Zhengming, NSD and Knot.
pub struct Servers {
    /// In this order.
    pub all: [Server; 3],
    /// Kept while they run.
    _keep: (TestDaemon, TempDir),
}

/// One server.
pub struct Server {
    /// Its name in messages.
    pub name: &'static str,
    process: Option<Child>,
    address: SocketAddr,
    socket: UdpSocket,
    next_id: u16,
}

impl Servers {
    /// Starts the three with these zones.
    pub fn start(zones: &[Served]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        for (number, zone) in zones.iter().enumerate() {
            fs::write(path.join(file_name(number)), &zone.text).expect("a writable directory");
        }
        let [mut nsd, mut knot] = [start_nsd(path, zones), start_knot(path, zones)];
        let mut toml = String::new();
        for (number, zone) in zones.iter().enumerate() {
            let (apex, file) = (&zone.apex, path.join(file_name(number)));
            writeln!(toml, "[[zones]]\napex = '{apex}'\nfile = '{}'", file.display()).expect("a string");
        }
        let daemon = TestDaemon::start_with(&[], &toml);
        nsd.wait(zones, &path.join("nsd.log"));
        knot.wait(zones, &path.join("knot.log"));
        let zhengming = Server::new("Zhengming", None, daemon.dns());
        Self { all: [zhengming, nsd, knot], _keep: (daemon, directory) }
    }

    /// What the three answer.
    pub fn ask(&mut self, question: &Question) -> [Response; 3] {
        self.all.each_mut().map(|server| {
            let octets = server.ask(question);
            Response::read(&octets)
                .unwrap_or_else(|fault| panic!("{}, {question}: {fault}: {octets:02x?}", server.name))
        })
    }

    /// Fails unless all three serve the zone.
    pub fn check_loaded(&mut self, zone: &Served) {
        let (name, edns) = (zone.apex.clone(), None);
        let answers = self.ask(&Question { name, qtype: Rtype::SOA, edns, tcp: false, recursion: false });
        for (server, answer) in self.all.iter().zip(answers) {
            assert_eq!(answer.answer().len(), 1, "{} does not serve\n{}\n{answer}", server.name, zone.text);
        }
    }
}

impl Server {
    fn new(name: &'static str, process: Option<Child>, address: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(address).expect("an address");
        Self { name, process, address, socket, next_id: 0 }
    }

    /// Waits until it answers. Both peers do so only when all zones are loaded.
    fn wait(&mut self, zones: &[Served], log: &Path) {
        let start = Instant::now();
        let question =
            Question { name: zones[0].apex.clone(), qtype: Rtype::SOA, edns: None, tcp: false, recursion: false };
        self.socket.set_read_timeout(Some(POLL)).expect("a timeout");
        let answered = |server: &Self| server.socket.recv(&mut [0; 512]).is_ok();
        while self.socket.send(&question.to_wire(0)).is_err() || !answered(self) {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().expect("a child"));
            if ended.is_some() || start.elapsed() > PATIENCE {
                panic!("{} does not answer ({ended:?}):\n{}", self.name, fs::read_to_string(log).unwrap_or_default());
            }
            // A port that nobody listens on yet refuses at once.
            std::thread::park_timeout(POLL);
        }
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        while self.pending() {}
    }

    /// Takes a late answer to an earlier packet off the socket, if there is one.
    fn pending(&self) -> bool {
        self.socket.set_nonblocking(true).expect("a socket");
        let is_pending = self.socket.recv(&mut [0; 512]).is_ok();
        self.socket.set_nonblocking(false).expect("a socket");
        is_pending
    }

    /// The octets that it answers.
    pub fn ask(&mut self, question: &Question) -> Vec<u8> {
        self.next_id = self.next_id.wrapping_add(1);
        let request = question.to_wire(self.next_id);
        let response = if question.tcp { self.tcp(&request) } else { self.udp(&request) };
        response.unwrap_or_else(|| panic!("{} does not answer {question}", self.name))
    }

    fn udp(&self, request: &[u8]) -> Option<Vec<u8>> {
        let mut response = vec![0; 65_535];
        self.socket.send(request).ok()?;
        loop {
            let length = self.socket.recv(&mut response).ok()?;
            if response[..2] == request[..2] {
                response.truncate(length);
                return Some(response);
            }
        }
    }

    /// What it answers to `packet` over UDP, if it does: `sentinel` is asked after it, so silence needs no waiting.
    pub fn probe_udp(&mut self, packet: &[u8], sentinel: &Question) -> Option<Vec<u8>> {
        self.next_id = self.next_id.wrapping_add(1) | 0x8000;
        let sentinel = sentinel.to_wire(self.next_id);
        self.socket.send(packet).expect("sent");
        self.socket.send(&sentinel).expect("sent");
        let (mut probed, mut response) = (None, vec![0; 65_535]);
        loop {
            let length = self.socket.recv(&mut response).unwrap_or_else(|error| panic!("{}: {error}", self.name));
            if response[..2] == sentinel[..2] {
                return probed;
            }
            probed = Some(response[..length].to_vec());
        }
    }

    /// The same over TCP, on one connection; the server may also close it.
    pub fn probe_tcp(&mut self, packet: &[u8], sentinel: &Question) -> Option<Vec<u8>> {
        self.next_id = self.next_id.wrapping_add(1) | 0x8000;
        let sentinel = sentinel.to_wire(self.next_id);
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        // A server that has closed the connection after the first message resets it at the second.
        stream.write_all(&framed(packet)).expect("sent");
        let _closed = stream.write_all(&framed(&sentinel));
        let first = read_framed(&mut stream)?;
        (first[..2] != sentinel[..2]).then_some(first)
    }

    /// What it answers to `packet` over TCP; none if the connection is closed without an answer.
    fn tcp(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(&framed(packet)).ok()?;
        read_framed(&mut stream)
    }
}

/// The packet with its length in front (RFC 1035 §4.2.2).
fn framed(packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).expect("a short packet").to_be_bytes();
    [&length, packet].concat()
}

fn read_framed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut response = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut response).ok()?;
    Some(response)
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // NSD is several processes, which end with the first if that is asked to end.
            if let Some(pid) = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            let _ = process.wait();
        }
    }
}

fn file_name(number: usize) -> String {
    format!("{number}.zone")
}

/// A port that is free for UDP and TCP.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let port = listener.local_addr().expect("bound").port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn spawn(name: &'static str, port: u16, command: &mut Command, log: &Path) -> Server {
    let log = File::create(log).expect("a writable directory");
    command.stdout(log.try_clone().expect("a file")).stderr(log).stdin(std::process::Stdio::null());
    let process = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}; tests/run installs it"));
    Server::new(name, Some(process), (Ipv4Addr::LOCALHOST, port).into())
}

/// NSD with minimal responses and refusals of ANY off, so that there is more to compare.
fn start_nsd(path: &Path, zones: &[Served]) -> Server {
    let (port, directory) = (free_port(), path.display());
    let mut text = format!(
        "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n zonesdir: \"{directory}\"\n \
         database: \"\"\n zonelistfile: \"{directory}/nsd.list\"\n xfrdfile: \"{directory}/nsd.xfrd\"\n \
         xfrdir: \"{directory}\"\n pidfile: \"\"\n server-count: 1\n rrl-ratelimit: 0\n minimal-responses: no\n \
         refuse-any: no\n round-robin: no\n tcp-count: 200\nremote-control:\n control-enable: no\n"
    );
    for (number, zone) in zones.iter().enumerate() {
        let (apex, file) = (&zone.apex, file_name(number));
        write!(text, "zone:\n name: \"{apex}\"\n zonefile: \"{file}\"\n").expect("a string");
    }
    let configuration = path.join("nsd.conf");
    fs::write(&configuration, text).expect("a writable directory");
    spawn("NSD", port, Command::new("nsd").args(["-d", "-c"]).arg(configuration), &path.join("nsd.log"))
}

fn start_knot(path: &Path, zones: &[Served]) -> Server {
    let (port, directory) = (free_port(), path.display());
    let mut text = format!(
        "server:\n  rundir: \"{directory}\"\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: \"{directory}/knot\"\n\
         template:\n  - id: default\n    storage: \"{directory}\"\n    semantic-checks: off\n    journal-content: none\n    \
         zonefile-sync: -1\nzone:\n"
    );
    for (number, zone) in zones.iter().enumerate() {
        let (apex, file) = (&zone.apex, file_name(number));
        write!(text, "  - domain: \"{apex}\"\n    file: \"{file}\"\n").expect("a string");
    }
    let configuration = path.join("knot.conf");
    fs::write(&configuration, text).expect("a writable directory");
    spawn("Knot", port, Command::new("knotd").arg("-c").arg(configuration), &path.join("knot.log"))
}
