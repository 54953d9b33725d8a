//! The servers: how each is set up, started and told apart. All have one worker on the same core, answer minimally,
//! limit no rates, and have caches as they come.

use super::clients::Dns;
use super::estate::{Estate, SUFFIX};
use super::process::Process;
use super::program;
use super::signed::{self, SIGNED};
use clap::ValueEnum;
use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Patience with a server that loads its zone.
const LOAD_MAX: Duration = Duration::from_secs(1800);
/// Pause between two questions whether it answers.
const LOOK: Duration = Duration::from_millis(1);
/// The ports that are tried: below those that the kernel gives to clients (ip(7), ip_local_port_range).
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub enum Make {
    /// The echo, twice: what differs between the two is noise.
    Echo,
    /// The same program in a second process.
    EchoAgain,
    /// Ours.
    Zhengming,
    /// NLnet Labs'.
    Nsd,
    /// CZ.NIC's.
    Knot,
    /// ISC's.
    Bind,
    /// PowerDNS with its bind backend.
    Powerdns,
    /// gdnsd, which has no DNSSEC.
    Gdnsd,
}

impl Make {
    /// All that answer questions.
    pub const SERVERS: [Self; 6] = [Self::Zhengming, Self::Nsd, Self::Knot, Self::Bind, Self::Powerdns, Self::Gdnsd];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::EchoAgain => "echo again",
            Self::Zhengming => "Zhengming",
            Self::Nsd => "NSD",
            Self::Knot => "Knot",
            Self::Bind => "BIND",
            Self::Powerdns => "PowerDNS",
            Self::Gdnsd => "gdnsd",
        }
    }

    /// Whether it is an echo.
    pub fn is_echo(self) -> bool {
        matches!(self, Self::Echo | Self::EchoAgain)
    }

    /// Its version, as it tells it.
    pub fn version(self) -> String {
        let (program, argument) = match self {
            Self::Echo | Self::EchoAgain | Self::Zhengming => return env!("CARGO_PKG_VERSION").into(),
            Self::Nsd => ("nsd", "-v"),
            Self::Knot => ("knotd", "--version"),
            Self::Bind => ("named", "-v"),
            Self::Powerdns => ("pdns_server", "--version"),
            Self::Gdnsd => ("gdnsd", "--version"),
        };
        let Ok(output) = Command::new(program).arg(argument).output() else { return "not installed".into() };
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
        let words = text.split(|c: char| c.is_whitespace() || c == '(' || c == ',');
        words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).find(is_number).unwrap_or("?").into()
    }
}

/// What all are started with.
pub struct Site<'a> {
    /// The names.
    pub estate: &'a Estate,
    /// Where each server has a directory.
    pub directory: PathBuf,
    /// The core of the servers.
    pub core: usize,
}

/// A server at work.
pub struct Server {
    /// Whose it is.
    pub make: Make,
    /// Where it answers.
    pub address: SocketAddr,
    /// Zhengming's API.
    pub admin: Option<SocketAddr>,
    /// Its configuration, zone and log.
    pub directory: PathBuf,
    /// Its processes.
    pub process: Process,
    /// From exec to the first right answer.
    pub load: Duration,
    /// Time on a CPU until then.
    pub load_cpu: Duration,
    /// Resident octets after that.
    pub resident: u64,
}

impl Server {
    /// Starts it, and waits for the first right answer.
    ///
    /// # Panics
    /// If it does not answer rightly; its log is shown.
    pub fn start(make: Make, site: &Site<'_>, ports: &mut Ports) -> Self {
        let directory = site.directory.join(make.name().replace(' ', "-").to_lowercase());
        let address = ports.next();
        let admin = (make == Make::Zhengming).then(|| ports.next());
        let command = match (make, admin) {
            (Make::Zhengming, Some(admin)) => program::lay_out(&directory, address, admin),
            (Make::Echo | Make::EchoAgain, _) => {
                fresh(&directory);
                let mut command = Command::new(std::env::current_exe().expect("this program"));
                command.args(["--echo", &address.port().to_string()]);
                command
            }
            _ => {
                fresh(&directory);
                fs::copy(site.directory.join("zone"), directory.join(SUFFIX)).expect("the zone was written");
                fs::copy(signed::file(&site.directory), directory.join(SIGNED)).expect("the zone was written");
                lay_out(make, &directory, address.port())
            }
        };
        let log = directory.join("log");
        let begun = Instant::now();
        let process = Process::spawn(&command, site.core, &log);
        let mut server = Self {
            make,
            address,
            admin,
            directory,
            process,
            load: Duration::ZERO,
            load_cpu: Duration::ZERO,
            resident: 0,
        };
        server.wait(site.estate, begun, &log);
        server
    }

    fn wait(&mut self, estate: &Estate, begun: Instant, log: &Path) {
        let last = (0..estate.asked()).rfind(|index| !Estate::is_delegated(*index)).expect("a name");
        let (name, address) = (estate.name(last), Estate::address(last));
        let mut dns = Dns::connect(self.address);
        // The echo answers with zeros, and one record.
        while !matches!(dns.ask(&name), Some(found) if found == address || self.make.is_echo()) {
            if self.process.has_ended() || begun.elapsed() > LOAD_MAX {
                let log = fs::read_to_string(log).unwrap_or_default();
                panic!("{} does not answer:\n{log}", self.make.name());
            }
            std::thread::sleep(LOOK);
        }
        (self.load, self.load_cpu) = (begun.elapsed(), self.process.cpu());
        self.resident = self.process.resident();
    }
}

/// Ports that nobody uses, neither for TCP nor for UDP.
pub struct Ports(u16);

impl Ports {
    /// From one that another run is unlikely to begin with.
    pub fn new() -> Self {
        Self(FIRST_PORT + std::process::id() as u16 % PORTS)
    }

    /// The next free one, on loopback.
    pub fn next(&mut self) -> SocketAddr {
        loop {
            self.0 += 1;
            let address = SocketAddr::from(([127, 0, 0, 1], self.0));
            let (tcp, udp) = (TcpListener::bind(address), UdpSocket::bind(address));
            if tcp.is_ok() && udp.is_ok() {
                return address;
            }
        }
    }
}

fn fresh(directory: &Path) {
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory).expect("a writable directory");
}

/// Writes a peer's configuration; the command that starts it.
fn lay_out(make: Make, path: &Path, port: u16) -> Command {
    let directory = path.display();
    let write = |name: &str, text: String| fs::write(path.join(name), text).expect("a writable directory");
    let command = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|argument| argument.replace("DIR", &directory.to_string())));
        command
    };
    match make {
        Make::Nsd => {
            write("conf", nsd(path, port));
            command("nsd", &["-d", "-c", "DIR/conf"])
        }
        Make::Knot => {
            fs::create_dir(path.join("db")).expect("a writable directory");
            write("conf", knot(path, port));
            command("knotd", &["-c", "DIR/conf"])
        }
        Make::Bind => {
            write("conf", bind(path, port));
            command("named", &["-g", "-n", "1", "-c", "DIR/conf"])
        }
        Make::Powerdns => {
            write("zones", format!("zone \"{SUFFIX}\" {{ type master; file \"{directory}/{SUFFIX}\"; }};\n"));
            write("pdns.conf", powerdns(path, port));
            command("pdns_server", &["--config-dir=DIR", "--daemon=no", "--guardian=no"])
        }
        Make::Gdnsd => {
            for name in ["zones", "run", "state"] {
                fs::create_dir(path.join(name)).expect("a writable directory");
            }
            fs::rename(path.join(SUFFIX), path.join("zones").join(SUFFIX)).expect("the same directory");
            write("config", gdnsd(path, port));
            command("gdnsd", &["-c", "DIR", "start"])
        }
        Make::Echo | Make::EchoAgain | Make::Zhengming => unreachable!("they are laid out elsewhere"),
    }
}

fn nsd(path: &Path, port: u16) -> String {
    let directory = path.display();
    format!(
        "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n zonesdir: \"{directory}\"\n \
         database: \"\"\n pidfile: \"\"\n xfrdfile: \"{directory}/xfrd\"\n xfrdir: \"{directory}\"\n \
         zonelistfile: \"{directory}/list\"\n server-count: 1\n reuseport: yes\n rrl-ratelimit: 0\n \
         rrl-whitelist-ratelimit: 0\n minimal-responses: yes\n round-robin: no\n refuse-any: no\n tcp-count: 200\n\
         remote-control:\n control-enable: yes\n control-interface: \"{directory}/control\"\n\
         zone:\n name: {SUFFIX}\n zonefile: {SUFFIX}\nzone:\n name: {SIGNED}\n zonefile: {SIGNED}\n"
    )
}

fn knot(path: &Path, port: u16) -> String {
    let directory = path.display();
    format!(
        "server:\n    rundir: \"{directory}\"\n    listen: 127.0.0.1@{port}\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\nlog:\n  - target: stderr\n    any: warning\ndatabase:\n    storage: \"{directory}/db\"\n\
         acl:\n  - id: local\n    address: 127.0.0.1\n    action: update\ntemplate:\n  - id: default\n    \
         storage: \"{directory}\"\n    zonefile-load: whole\n    zonefile-sync: -1\n    journal-content: changes\n    \
         semantic-checks: off\n    acl: local\nzone:\n  - domain: {SUFFIX}\n    file: {SUFFIX}\n  - domain: {SIGNED}\n    file: {SIGNED}\n"
    )
}

fn bind(path: &Path, port: u16) -> String {
    let directory = path.display();
    format!(
        "options {{ directory \"{directory}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
         recursion no; pid-file \"{directory}/pid\"; session-keyfile \"{directory}/key\"; minimal-responses yes; \
         minimal-any no; rrset-order {{ order none; }}; zero-no-soa-ttl no; dnssec-validation no; querylog no; tcp-clients 1000; \
         tcp-listen-queue 1024; notify no; }};\ncontrols {{ }};\nzone \"{SUFFIX}\" {{ type primary; file \"{SUFFIX}\"; check-names ignore; \
         zone-statistics none; allow-update {{ 127.0.0.1; }}; }};\nzone \"{SIGNED}\" {{ type primary; file \"{SIGNED}\"; \
         zone-statistics none; }};\n"
    )
}

fn powerdns(path: &Path, port: u16) -> String {
    let directory = path.display();
    format!(
        "launch=bind\nbind-config={directory}/zones\nlocal-address=127.0.0.1\nlocal-port={port}\nsocket-dir={directory}\n\
         receiver-threads=1\ndistributor-threads=1\nmax-tcp-connections=1000\nwebserver=no\napi=no\nloglevel=0\n\
         security-poll-suffix=\nversion-string=anonymous\n"
    )
}

fn gdnsd(path: &Path, port: u16) -> String {
    let directory = path.display();
    format!(
        "options => {{ listen => {{ 127.0.0.1:{port} => {{ udp_threads => 1, tcp_threads => 1 }} }}, \
         run_dir => {directory}/run, state_dir => {directory}/state }}\n"
    )
}
