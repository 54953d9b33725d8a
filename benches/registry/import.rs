//! The import: over the API, and by the command line.

use super::clients::Api;
use super::figures::{heading, mebibytes, row};
use super::names::Names;
use super::program::Program;
use super::usage::{Syncs, row_usage};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

/// Lines of one import request: ten batches, and far from the API's time limit.
const REQUEST_LINES: usize = 10_000;

/// Imports over `POST /v1/import`; the program goes on running.
pub fn over_http(directory: &Path, names: &Names) -> Program {
    heading("import over POST /v1/import, one client");
    let mut program = Program::spawn(directory);
    program.wait_until_ready();
    let mut api = Api::connect(program.admin);
    let bodies = bodies(names);
    program.forget_peak();
    let (empty, _) = program.resident();
    let (before, syncs, begun) = (program.usage(), Syncs::read(&mut api), Instant::now());
    for (first, body) in &bodies {
        let (status, text) =
            api.send("POST", &format!("/v1/import?id=bench&line={first}"), "application/x-ndjson", body);
        assert!(status == 200 && text.contains("\"refused\":0"), "{status} {text}");
    }
    let took = begun.elapsed();
    let (used, syncs) = (program.usage().since(before), Syncs::read(&mut api).since(syncs));
    let rate = names.len() as f64 / took.as_secs_f64();
    row("names, journalled and answered", &format!("{rate:.0} /s  ({:.2} s)", took.as_secs_f64()));
    row_usage(used, took, names.len(), "name");
    row("fsync of the journal", &syncs.summary(took));
    let (now, peak) = program.resident();
    let figures = [empty, peak, now].map(mebibytes);
    row("resident before / peak / after", &figures.join(" / "));
    let on_disk = [program.data_octets("journal"), program.data_octets("sled")].map(mebibytes);
    row("on disk, journal / store", &on_disk.join(" / "));
    program
}

/// The lines as requests, each with the number of its first line.
fn bodies(names: &Names) -> Vec<(usize, Vec<u8>)> {
    let mut bodies: Vec<(usize, Vec<u8>)> = Vec::new();
    for (index, line) in names.lines().enumerate() {
        if index.is_multiple_of(REQUEST_LINES) {
            bodies.push((index + 1, Vec::new()));
        }
        bodies.last_mut().expect("there is one").1.extend_from_slice(line.as_bytes());
    }
    bodies
}

/// Imports with `zhengming import`, and shows what it says.
pub fn by_command(directory: &Path, names: &Names) {
    heading("import by the command line: zhengming import");
    Program::lay_out(directory);
    let file = directory.join("names.ndjson");
    let mut lines = BufWriter::new(File::create(&file).expect("a writable directory"));
    names.lines().for_each(|line| lines.write_all(line.as_bytes()).expect("a writable file"));
    lines.into_inner().expect("a writable file");
    let mut program = Program::spawn(directory);
    program.wait_until_ready();
    let begun = Instant::now();
    let command = program.import_command(&file).stdin(Stdio::null()).output().expect("the program was built");
    let took = begun.elapsed();
    let said = String::from_utf8_lossy(&command.stderr);
    assert!(command.status.success(), "{said}");
    row("names", &format!("{:.0} /s  ({:.2} s)", names.len() as f64 / took.as_secs_f64(), took.as_secs_f64()));
    let said: Vec<&str> = said.lines().collect();
    row("lines of progress", &said.len().saturating_sub(2).to_string());
    said.iter().rev().take(2).rev().for_each(|line| println!("  {line}"));
    program.stop();
}
