//! One change, from the call to the changed answer, by each server's fastest means.

use super::clients::{Api, Dns};
use super::estate::{Estate, SUFFIX, dotted};
use super::figures::Figures;
use super::questions::{A, SOA, push_name};
use super::servers::{Make, Server};
use std::fs::{self, File};
use std::net::UdpSocket;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Most changes of one server, and how long to go on with them; one is always made.
const SAMPLES: usize = 200;
const LONGEST: Duration = Duration::from_secs(10);
/// A change that is not answered by then never is.
const ANSWER_MAX: Duration = Duration::from_secs(600);
/// Pause between two questions after a change that takes long.
const LOOK: Duration = Duration::from_micros(200);
/// First octet of the addresses before (as the estate has them) and after a change: as long as text.
const BEFORE: u8 = 198;
const AFTER: u8 = 203;
/// Flags of a dynamic update (RFC 2136 §2.2), and the classes of its records.
const UPDATE: u16 = 5 << 11;
const CLASS_IN: u16 = 1;
const CLASS_ANY: u16 = 255;
const TTL: u32 = 600;

/// Measures all servers.
///
/// # Panics
/// If a change is refused or never answered.
pub fn all(servers: &[Server], estate: &Estate, figures: &mut Figures) {
    for server in servers.iter().filter(|server| !server.make.is_echo()) {
        let mut way = Way::of(server, estate);
        let mut dns = Dns::connect(server.address);
        let mut names = estate.changed().filter(|index| !Estate::is_delegated(*index)).cycle();
        let fixed = names.next().expect("a name");
        let (mut times, mut undo) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        while times.is_empty() || (times.len() < SAMPLES && begun.elapsed() < LONGEST) {
            // A file is changed at one place, to and fro; elsewhere each change goes to another name.
            let index = if matches!(way, Way::File { .. }) { fixed } else { names.next().expect("a cycle") };
            let mut address = Estate::address(index);
            address[0] = if undo.contains(&index) { BEFORE } else { AFTER };
            undo = if address[0] == BEFORE { Vec::new() } else { [undo, vec![index]].concat() };
            times.push(change(&mut way, &mut dns, &estate.name(index), address));
        }
        for index in undo {
            way.change(&estate.name(index), Estate::address(index));
        }
        let mut sorted = times.clone();
        sorted.sort_unstable();
        let rank = |percent: usize| sorted[(percent * sorted.len()).div_ceil(100).max(1) - 1].as_secs_f64() * 1e3;
        figures.add("one change until answered, p50", "ms", way.name(), server.make, rank(50));
        figures.add("one change until answered, p99", "ms", way.name(), server.make, rank(99));
    }
}

fn change(way: &mut Way, dns: &mut Dns, name: &str, address: [u8; 4]) -> Duration {
    let begun = Instant::now();
    way.change(name, address);
    while dns.ask(name) != Some(address) {
        assert!(begun.elapsed() < ANSWER_MAX, "the change of {name} is never answered");
        std::thread::sleep(LOOK);
    }
    begun.elapsed()
}

/// How a server takes changes.
enum Way {
    /// `POST /v1/changes` with both approvals.
    Api(Api),
    /// A dynamic update over UDP (RFC 2136).
    Update(UdpSocket),
    /// The zone's file is changed, and read again at a command.
    File { file: File, at: u64, reload: Command },
}

impl Way {
    fn of(server: &Server, estate: &Estate) -> Self {
        let directory = &server.directory;
        let reload = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments.iter().map(|argument| argument.replace("DIR", &directory.to_string_lossy())));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        match server.make {
            Make::Nsd => {
                Self::file(directory.join(SUFFIX), estate, reload("nsd-control", &["-c", "DIR/conf", "reload", SUFFIX]))
            }
            Make::Powerdns => Self::file(
                directory.join(SUFFIX),
                estate,
                reload("pdns_control", &["--config-dir=DIR", "bind-reload-now", SUFFIX]),
            ),
            Make::Gdnsd => Self::file(
                directory.join("zones").join(SUFFIX),
                estate,
                reload("gdnsdctl", &["-c", "DIR", "reload-zones"]),
            ),
            Make::Knot | Make::Bind => {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
                socket.connect(server.address).expect("an address");
                socket.set_read_timeout(Some(ANSWER_MAX)).expect("a timeout");
                Self::Update(socket)
            }
            Make::Zhengming | Make::Echo | Make::EchoAgain => {
                Self::Api(Api::connect(server.admin.expect("ours has an API")))
            }
        }
    }

    /// Looks for the record that is changed, once.
    fn file(path: PathBuf, estate: &Estate, reload: Command) -> Self {
        let index = estate.changed().find(|index| !Estate::is_delegated(*index)).expect("a name");
        let (name, address) = (estate.name(index), dotted(Estate::address(index)));
        let label = name.split('.').next().expect("a label");
        let text = fs::read_to_string(&path).expect("the server's zone");
        let line = format!("\n{label} 600 IN A {address}");
        let at = text.find(&line).expect("every name has its line") + line.len() - address.len();
        let file = File::options().write(true).open(path).expect("the server's zone");
        Self::File { file, at: at as u64, reload }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Api(_) => "API",
            Self::Update(_) => "dynamic update",
            Self::File { .. } => "file and reload",
        }
    }

    fn change(&mut self, name: &str, address: [u8; 4]) {
        match self {
            Self::Api(api) => api.push(name, address),
            Self::Update(socket) => {
                let mut answer = [0; 512];
                socket.send(&update(name, address)).expect("the server listens");
                let length = socket.recv(&mut answer).expect("an answer to the update");
                assert!(length > 3 && answer[3] & 0xf == 0, "the update is refused: {:?}", &answer[..length]);
            }
            Self::File { file, at, reload } => {
                file.write_all_at(address[0].to_string().as_bytes(), *at).expect("a writable file");
                // pdns_control stops waiting after seven seconds, which says nothing about the reload: the answer does.
                let _ = reload.status().expect("the server's package has it");
            }
        }
    }
}

/// The message that replaces the addresses of a name.
fn update(name: &str, address: [u8; 4]) -> Vec<u8> {
    let mut wire = Vec::new();
    for number in [1, UPDATE, 1, 0, 2, 0] {
        wire.extend(number.to_be_bytes());
    }
    push_name(&mut wire, SUFFIX);
    wire.extend([SOA, CLASS_IN].into_iter().flat_map(u16::to_be_bytes));
    let mut record = |class: u16, ttl: u32, rdata: &[u8]| {
        push_name(&mut wire, name);
        wire.extend([A, class].into_iter().flat_map(u16::to_be_bytes));
        wire.extend(ttl.to_be_bytes());
        wire.extend((rdata.len() as u16).to_be_bytes());
        wire.extend_from_slice(rdata);
    };
    record(CLASS_ANY, 0, &[]);
    record(CLASS_IN, TTL, &address);
    wire
}
