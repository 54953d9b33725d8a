//! The signed zones below a root of their own, in a network of its own: the program has the addresses that the NS records
//! lead to, on port 53, so whoever begins at the root finds every zone as on the Internet.

use crate::signing::{self, Denial, Signed};
use crate::support::{PATIENCE, TestDaemon};
use crate::{ZONES, add_zone};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The addresses of ns1 and ns2 in every zone.
const SET_UP: &str = "ip link set lo up && for address in 192.0.2.1/32 192.0.2.2/32 2001:db8::1/128; do \
                      ip address add $address dev lo; done && exec \"$0\" \"$@\"";
/// The configuration before the zones. No demonstration listens beyond loopback.
const CONFIGURATION: &str = "version = 1\n[server]\nlisten = ['192.0.2.1:53', '192.0.2.2:53', '[2001:db8::1]:53']\n\
    workers = 1\n[gateway]\nlisten = ['127.0.0.1:0']\n[data]\ndirectory = 'data'\n[admin]\nlisten = ['127.0.0.1:0']\n\
    [rate_limit]\nenabled = false\n";
/// The name servers of the root and of `test`.
const SERVERS: &str = "ns1.test. A 192.0.2.1\nns1.test. AAAA 2001:db8::1\nns2.test. A 192.0.2.2\n";
/// How long a starting server is left alone before its log is read again.
const POLL: Duration = Duration::from_millis(50);

/// The program with the tree.
pub struct Tree {
    daemon: TestDaemon,
    directory: tempfile::TempDir,
    /// The root as it was signed.
    root: Signed,
    /// A zone of the same contents that nobody has signed.
    pub unsigned: Signed,
}

impl Tree {
    /// Starts it; nothing where the machine allows no networks of one's own.
    pub fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let [unsigned, bogus] = ["unsigned.test.", "bogus.test."].map(|apex| signing::write_plain(path, apex));
        // Its parent has the DS of another key.
        let bogus = signing::sign(path, "bogus.test.", &bogus, "ECDSAP256SHA256", Denial::Nsec, &[]);
        // It has no NSEC to be asked for, as zones with NSEC3 have not.
        let unsigned =
            Signed { apex: "unsigned.test.".into(), file: unsigned, anchor: String::new(), denial: Denial::Nsec3 };
        let parent = parent(path, &unsigned, &bogus);
        let text = format!(
            "$TTL 3600\n. SOA ns1.test. hostmaster.test. 1 7200 3600 1209600 300\n. NS ns1.test.\ntest. NS ns1.test.\n\
             test. NS ns2.test.\n{SERVERS}{}\n",
            signing::ds(path, &parent)
        );
        let plain = path.join("root");
        fs::write(&plain, text).unwrap();
        let root = signing::sign(path, ".", &plain, "ECDSAP256SHA256", Denial::Nsec, &[]);
        let mut toml = String::from(CONFIGURATION);
        ZONES.iter().chain([&unsigned, &bogus, &parent, &root]).for_each(|zone| add_zone(&mut toml, zone));
        let mut daemon = TestDaemon::prepare(&[], "");
        fs::write(daemon.path("config.toml"), toml).unwrap();
        daemon.set_wrapper(&["unshare", "-rn", "sh", "-c", SET_UP]);
        if let Err(status) = daemon.try_restart() {
            let log = daemon.log();
            assert!(log.starts_with("unshare: "), "{status}; its log:\n{log}");
            eprintln!("no network of its own: {log}");
            return None;
        }
        Some(Self { daemon, directory, root, unsigned })
    }

    /// Where the tree's tools may write.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A command in the program's network.
    pub fn command(&self, tool: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.daemon.process_id().unwrap().to_string();
        command.args(["--preserve-credentials", "--user", "--net", "--target", &target, "--", tool]);
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// What a command there says, which must succeed.
    pub fn run(command: &mut Command) -> Output {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// The root's key as BIND takes it: flags, protocol, algorithm, key in quotes.
    pub fn anchor(&self) -> &str {
        &self.root.anchor
    }

    /// A file that says where the root is.
    pub fn hints(&self) -> PathBuf {
        let file = self.path().join("hints");
        fs::write(&file, format!("$TTL 3600\n. NS ns1.test.\n{SERVERS}")).unwrap();
        file
    }

    /// Starts a server there; it is ready when its log has `mark`.
    pub fn server(&self, tool: &str, arguments: &[&str], mark: &str) -> Server {
        let log = self.path().join(format!("{tool}.log"));
        let file = File::create(&log).unwrap();
        let mut command = self.command(tool);
        command.args(arguments).stdout(file.try_clone().unwrap()).stderr(file);
        let process = command.spawn().unwrap_or_else(|error| panic!("{tool}: {error}; tests/run installs it"));
        let mut server = Server { process, log };
        let start = Instant::now();
        while !server.log().contains(mark) {
            let ended = server.process.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < PATIENCE,
                "{tool} is not ready ({ended:?}):\n{}",
                server.log()
            );
            std::thread::park_timeout(POLL);
        }
        server
    }
}

/// A server in the tree's network, ended when this is dropped.
pub struct Server {
    process: Child,
    log: PathBuf,
}

impl Server {
    /// What it has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The zone `test`, with opt-out: all zones are delegated, the signed ones with their DS.
fn parent(directory: &Path, unsigned: &Signed, bogus: &Signed) -> Signed {
    let mut text = format!(
        "$TTL 3600\n$ORIGIN test.\n@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\n@ NS ns2\n{SERVERS}"
    );
    for zone in ZONES.iter().chain([unsigned, bogus]) {
        let apex = &zone.apex;
        text += &format!(
            "{apex} NS ns1.{apex}\n{apex} NS ns2.{apex}\nns1.{apex} A 192.0.2.1\nns1.{apex} AAAA 2001:db8::1\n\
             ns2.{apex} A 192.0.2.2\n"
        );
    }
    for zone in &*ZONES {
        text += &(signing::ds(directory, zone) + "\n");
    }
    text += &signing::ds(directory, &ZONES[0]).replace(&ZONES[0].apex, &bogus.apex);
    text += "\n";
    let plain = directory.join("test");
    fs::write(&plain, text).unwrap();
    signing::sign(directory, "test.", &plain, "ECDSAP256SHA256", Denial::OptOut, &["-A", "-3", "-", "-H", "0"])
}
