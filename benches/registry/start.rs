//! The start: from exec to the first right answer over UDP.

use super::changes::{self, Changes};
use super::clients::Dns;
use super::figures::{Times, heading, mebibytes, row};
use super::program::Program;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Pause between two queries while the program starts.
const PAUSE: Duration = Duration::from_micros(500);
/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(600);

/// Ends the program and starts it again, some times in good order and some times by a crash.
pub fn again(mut program: Program, directory: &Path, changes: &mut Changes<'_>, starts: usize) {
    heading("start, from exec to the first right answer over UDP");
    let (mut after_stop, mut after_crash) = (Times::default(), Times::default());
    let mut resident = (0, 0);
    let mut used = Duration::ZERO;
    let mut without = (Times::default(), Duration::ZERO, (0, 0));
    for _ in 0..starts {
        let last = changes::some(&program, changes);
        program.stop();
        let took;
        (program, took) = start(directory, &last);
        after_stop.push(took);
        used += program.usage().cpu;
        resident = program.resident();

        let last = changes::some(&program, changes);
        program.kill();
        let took;
        (program, took) = start(directory, &last);
        after_crash.push(took);

        let last = changes::some(&program, changes);
        program.stop();
        fs::remove_dir_all(directory.join("data/checkpoint")).expect("it is left at the end");
        let took;
        (program, took) = start(directory, &last);
        without.0.push(took);
        without.1 += program.usage().cpu;
        without.2 = program.resident();
    }
    row("after SIGTERM, seconds", &after_stop.seconds());
    row("after SIGKILL right behind a change, seconds", &after_crash.seconds());
    row(
        "median",
        &format!(
            "{:.2} s / {:.2} s",
            after_stop.percentile(50.0).as_secs_f64(),
            after_crash.percentile(50.0).as_secs_f64()
        ),
    );
    row("CPU of a start", &format!("{:.2} s", used.as_secs_f64() / starts as f64));
    row("resident after a start / peak", &format!("{} / {}", mebibytes(resident.0), mebibytes(resident.1)));
    row("without a checkpoint, seconds", &without.0.seconds());
    row("CPU of such a start", &format!("{:.2} s", without.1.as_secs_f64() / starts as f64));
    row("resident after it / peak", &format!("{} / {}", mebibytes(without.2.0), mebibytes(without.2.1)));
    program.stop();
}

/// Starts the program; how long the first right answer took.
fn start(directory: &Path, (name, address): &(String, [u8; 4])) -> (Program, Duration) {
    let begun = Instant::now();
    let mut program = Program::spawn(directory);
    let mut dns = Dns::connect(program.dns);
    loop {
        match dns.ask(name) {
            Some(found) if found == *address => break,
            Some(found) => panic!("{name} is {found:?} after the start, not {address:?}"),
            None => thread::sleep(PAUSE),
        }
        assert!(begun.elapsed() < START_MAX, "it does not start");
    }
    let took = begun.elapsed();
    program.wait_until_ready();
    (program, took)
}
