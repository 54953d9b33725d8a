//! What the registry costs: import, the way from a change to its answer, and start, measured on the real program.
//!
//! `cargo bench --bench registry`; README.md beside it says how to read the figures. Sizes come from the environment:
//! `NAMES` (100000), `SAMPLES` (2000 changes), `CLIENTS` (8), `STARTS` (5), `DIR` (where the data is: a real disk).
//! Without `--bench`, as `cargo test --benches` runs it, everything is tried with small sizes.

mod changes;
mod clients;
mod figures;
mod import;
mod names;
mod program;
mod start;
mod suspension;
mod usage;

use changes::Changes;
use figures::{heading, row};
use names::Names;
use program::Program;
use std::env;
use std::fs;
use std::path::PathBuf;

/// What is measured.
struct Sizes {
    names: usize,
    samples: usize,
    clients: usize,
    starts: usize,
    directory: PathBuf,
}

fn main() {
    let sizes = Sizes::read();
    fs::create_dir_all(&sizes.directory).expect("a writable directory");
    let directory = tempfile::tempdir_in(&sizes.directory).expect("a writable directory");
    heading("Zhengming registry benchmark");
    figures::describe_machine(&sizes.directory);
    let names = Names::generate(sizes.names);
    row("names / units", &format!("{} / {}", names.len(), names.units()));

    let command_line = directory.path().join("command-line");
    import::by_command(&command_line, &names);
    fs::remove_dir_all(&command_line).expect("our directory");

    let directory = directory.path().join("api");
    Program::lay_out(&directory);
    let program = import::over_http(&directory, &names);
    let mut changes = Changes::new(&names);
    changes::one_by_one(&program, &directory, &mut changes, sizes.samples);
    changes::together(&program, &mut changes, 2 * sizes.samples, sizes.clients);
    suspension::of_a_large_unit(&program);
    start::again(program, &directory, &mut changes, sizes.starts);
}

impl Sizes {
    fn read() -> Self {
        let real = env::args().any(|argument| argument == "--bench");
        let size = |name: &str, usual: usize, small: usize| match env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
            Err(_) => {
                if real {
                    usual
                } else {
                    small
                }
            }
        };
        Self {
            names: size("NAMES", 100_000, 400),
            samples: size("SAMPLES", 2000, 40),
            clients: size("CLIENTS", 8, 2),
            starts: size("STARTS", 5, 1),
            directory: env::var_os("DIR").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), Into::into),
        }
    }
}
