//! The servers with the same zones, each a process of its own on a free port, ended with the test.

use crate::packet::{Question, Response};
use crate::peers::{self, file_name};
use crate::support::{PATIENCE, TestDaemon};
use crate::zones::Served;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zhengming::zone::Rtype;

/// How long a starting server is left alone between two questions whether it answers.
const POLL: Duration = Duration::from_millis(50);

/// Servers that are asked the same.
pub const SERVERS: usize = 4;
/// Their names, Zhengming's first.
pub const NAMES: [&str; SERVERS] = ["Zhengming", "NSD", "Knot", "BIND"];

/// Zhengming and its peers.
pub struct Servers {
    /// In the order of [`NAMES`].
    pub all: [Server; SERVERS],
    /// Kept while they run.
    _keep: (TestDaemon, TempDir),
}

/// One server.
pub struct Server {
    /// Its name in messages.
    pub name: &'static str,
    /// The process and its log, if it is a peer.
    process: Option<(Child, PathBuf)>,
    address: SocketAddr,
    socket: UdpSocket,
    next_id: u16,
}

impl Servers {
    /// Starts all of them with these zones.
    pub fn start(zones: &[Served]) -> Self {
        Self::start_with(zones, false)
    }

    /// The same; those that can want a good cookie over UDP if `cookies_required`.
    pub fn start_with(zones: &[Served], cookies_required: bool) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        for (number, zone) in zones.iter().enumerate() {
            fs::write(path.join(file_name(number)), &zone.text).expect("a writable directory");
        }
        let mut peers = [peers::nsd(path, zones), peers::knot(path, zones), peers::bind(path, zones, cookies_required)];
        let (key, secret) = peers::KEY;
        let mut toml = format!("[[keys]]\nname = '{key}'\nalgorithm = 'hmac-sha256'\nsecret = '{secret}'\n");
        for (number, zone) in zones.iter().enumerate() {
            let (apex, file) = (&zone.apex, path.join(file_name(number)));
            writeln!(toml, "[[zones]]\napex = '{apex}'\nfile = '{}'", file.display()).expect("a string");
        }
        let mut daemon = TestDaemon::prepare(&[], &toml);
        let secret = peers::COOKIE_SECRET;
        let identity = format!(
            "workers = 1\nnsid = 'probe'\ncookie_secrets = ['{secret}']\ncookie_roll_secs = 0\n\
             cookies_required = {cookies_required}"
        );
        daemon.reconfigure("workers = 1", &identity);
        daemon.restart();
        peers.iter_mut().for_each(|peer| peer.wait(zones));
        let [nsd, knot, bind] = peers;
        let zhengming = Server::new(NAMES[0], daemon.dns());
        Self { all: [zhengming, nsd, knot, bind], _keep: (daemon, directory) }
    }

    /// What they answer.
    pub fn ask(&mut self, question: &Question) -> [Response; SERVERS] {
        // All of them work at the same time.
        let requests = self.all.each_mut().map(|server| server.send(question));
        let mut requests = requests.into_iter();
        self.all.each_mut().map(|server| {
            let octets = server.receive(question, &requests.next().expect("one for each"));
            Response::read(&octets)
                .unwrap_or_else(|fault| panic!("{}, {question}: {fault}: {octets:02x?}", server.name))
        })
    }

    /// Which of them serve the zone.
    pub fn serve(&mut self, zone: &Served) -> [bool; SERVERS] {
        let (name, edns) = (zone.apex.clone(), None);
        let answers = self.ask(&Question { name, qtype: Rtype::SOA, edns, tcp: false, recursion: false });
        answers.map(|answer| answer.aa() && answer.answer().iter().any(|record| record.rtype == Rtype::SOA))
    }
}

impl Server {
    fn new(name: &'static str, address: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(address).expect("an address");
        Self { name, process: None, address, socket, next_id: 0 }
    }

    /// A peer that was started, and the log it writes.
    pub fn peer(name: &'static str, process: Child, port: u16, log: PathBuf) -> Self {
        let mut server = Self::new(name, (Ipv4Addr::LOCALHOST, port).into());
        server.process = Some((process, log));
        server
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        let log = self.process.as_ref().and_then(|(_, log)| fs::read(log).ok());
        String::from_utf8_lossy(&log.unwrap_or_default()).into_owned()
    }

    /// Waits until it answers. NSD and Knot do so only when all zones are loaded; BIND then says so.
    fn wait(&mut self, zones: &[Served]) {
        let start = Instant::now();
        let is_loaded = |server: &Self| server.name != "BIND" || server.log().contains("all zones loaded");
        let question =
            Question { name: zones[0].apex.clone(), qtype: Rtype::SOA, edns: None, tcp: false, recursion: false };
        self.socket.set_read_timeout(Some(POLL)).expect("a timeout");
        let answered = |server: &Self| server.socket.recv(&mut [0; 512]).is_ok();
        while self.socket.send(&question.to_wire(0)).is_err() || !answered(self) || !is_loaded(self) {
            let ended = self.process.as_mut().and_then(|(process, _)| process.try_wait().expect("a child"));
            if ended.is_some() || start.elapsed() > PATIENCE {
                panic!("{} does not answer ({ended:?}):\n{}", self.name, self.log());
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

    /// Asks; over TCP only when the answer is received. Returns what is asked.
    fn send(&mut self, question: &Question) -> Vec<u8> {
        self.next_id = self.next_id.wrapping_add(1);
        let request = question.to_wire(self.next_id);
        if !question.tcp {
            self.socket.send(&request).expect("sent");
        }
        request
    }

    /// The octets that it answers to `request`.
    fn receive(&self, question: &Question, request: &[u8]) -> Vec<u8> {
        let response = if question.tcp { self.tcp(request) } else { self.udp(request) };
        response.unwrap_or_else(|| panic!("{} does not answer {question}", self.name))
    }

    fn udp(&self, request: &[u8]) -> Option<Vec<u8>> {
        let mut response = vec![0; 65_535];
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
        if let Some((mut process, _)) = self.process.take() {
            // NSD is several processes, which end with the first if that is asked to end.
            if let Some(pid) = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            let _ = process.wait();
        }
    }
}
