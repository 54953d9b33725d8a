//! Zhengming under measurement: its directory, and the names in it, which are imported once and kept between runs.

use super::clients::Api;
use super::estate::{Estate, SUFFIX};
use super::process::Process;
use super::servers::Ports;
use super::signed::SIGNED;
use super::support;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The operator of the demonstration.
pub const TOKEN: &str = "demo-operator";
/// Lines of an import request.
const REQUEST_LINES: usize = 10_000;
/// Written when all names are in; data of another layout is thrown away.
const LAYOUT: &str = "1\n";
/// The apex's serial at the first import; later ones are the journal's.
const FIRST_SERIAL: u32 = 1;
/// Pause between two looks whether it is ready.
const LOOK: Duration = Duration::from_millis(1);

/// Writes the configuration; the command that starts the program.
pub fn lay_out(directory: &Path, dns: SocketAddr, admin: SocketAddr) -> Command {
    fs::create_dir_all(directory).expect("a writable directory");
    fs::write(directory.join("apex.zone"), Estate::apex(FIRST_SERIAL)).expect("a writable directory");
    let demo = support::configuration();
    let tokens = &demo[demo.find("[[admin.tokens]]").expect("tokens")..demo.find("[[suffixes]]").expect("suffixes")];
    let suffix = zhengming::idn::to_unicode(SUFFIX);
    let text = format!(
        "version = 1\ndemo = true\n[server]\nlisten = [\"{dns}\"]\nworkers = 1\ntcp_connections_per_client_max = 1024\n\
         [rate_limit]\nenabled = false\n[gateway]\nlisten = []\n[data]\ndirectory = \"data\"\n[registry]\n\
         allow_special_addresses = true\nbrake_percent = 100\nsecond_factor = []\n[admin]\nlisten = [\"{admin}\"]\n{tokens}\n\
         [[suffixes]]\nsuffixes = [\"{suffix}\"]\nzone_files = [\"apex.zone\"]\nunit_kinds = [\"organ\"]\n\
         unit_kinds_with_proof = []\n[[zones]]\napex = \"{SIGNED}\"\nfile = \"../{SIGNED}\"\n"
    );
    fs::write(directory.join("config.toml"), text).expect("a writable directory");
    let _ = fs::remove_file(directory.join("ready.json"));
    let mut command = support::program();
    command.args(["serve", "--config", "config.toml", "--ready-file", "ready.json"]).current_dir(directory);
    command
}

/// Sees that the names are in the data directory.
///
/// # Panics
/// If the import fails.
pub fn prepare(directory: &Path, estate: &Estate, core: usize, ports: &mut Ports) {
    let mark = directory.join("complete");
    if fs::read_to_string(&mark).is_ok_and(|layout| layout == LAYOUT) {
        return;
    }
    let _ = fs::remove_dir_all(directory);
    let (dns, admin) = (ports.next(), ports.next());
    let command = lay_out(directory, dns, admin);
    let mut process = Process::spawn(&command, core, &directory.join("log"));
    while !directory.join("ready.json").exists() {
        let log = || fs::read_to_string(directory.join("log")).unwrap_or_default();
        assert!(!process.has_ended(), "Zhengming does not start: {}", log());
        std::thread::sleep(LOOK);
    }
    let (mut api, mut body, mut lines, mut first) = (Api::connect(admin), Vec::new(), 0, 1);
    let begun = Instant::now();
    for line in estate.lines() {
        body.extend_from_slice(line.as_bytes());
        // A unit's line comes with that of its first name.
        lines += line.matches('\n').count();
        if lines >= REQUEST_LINES {
            import(&mut api, "first", first, &body);
            first += lines;
            (lines, body) = (0, Vec::new());
        }
    }
    import(&mut api, "first", first, &body);
    println!(
        "imported {} names in {:.1} s; they are kept for the next run",
        estate.len(),
        begun.elapsed().as_secs_f64()
    );
    drop(process);
    fs::write(mark, LAYOUT).expect("a writable directory");
}

/// Imports lines; all of them must be taken.
///
/// # Panics
/// If one is refused.
pub fn import(api: &mut Api, id: &str, first: usize, body: &[u8]) {
    if body.is_empty() {
        return;
    }
    let path = format!("/v1/import?id={id}&line={first}");
    let (status, text) = api.send("POST", &path, "application/x-ndjson", body);
    assert!(status == 200 && text.contains("\"refused\":0"), "{status} {text}");
}
