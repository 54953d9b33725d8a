//! Instructions in user space for one query over UDP, counted by callgrind: everything that a UDP thread does for it.
//!
//! `benches/instructions/run` builds it, counts, and compares with `baseline.txt`: more than 3 % worse fails. With
//! `--write` it writes the baseline. `NAMES` sets how many names are registered (20,000).

mod kinds;
mod world;

use kinds::KINDS;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use zhengming::server::UdpTurns;

/// Batches counted of each kind, each as long as a batch can be.
const BATCHES: usize = 16;
/// Requests of a batch.
const BATCH_LEN: usize = 64;
/// Largest growth against the baseline in percent.
const WORSE_MAX: f64 = 3.0;
/// The argument that makes the program the one that is measured.
const MEASURED: &str = "--measured";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == MEASURED) {
        measured();
        return ExitCode::SUCCESS;
    }
    // `cargo test` runs it too, and `cargo bench` by the way: only the script counts.
    if std::env::var_os("COUNT").is_none() {
        println!("run benches/instructions/run");
        return ExitCode::SUCCESS;
    }
    let counts = count();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions");
    report(&counts, &directory.join("baseline.txt"), arguments.iter().any(|argument| argument == "--write"))
}

/// What callgrind looks at: one batch, from waiting for it to having sent its answers.
#[inline(never)]
fn counted_turn(worker: &mut UdpTurns) -> usize {
    black_box(worker.turn().expect("requests wait in the socket"))
}

/// Its end makes callgrind write down what it has counted since the last.
#[inline(never)]
fn end_of_kind(answers: usize) {
    black_box(answers);
}

fn measured() {
    for kind in KINDS {
        let mut worker = world::worker(kind);
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        client.connect(worker.address().expect("it is bound")).expect("an address");
        let names = world::names();
        let mut answers = 0;
        for batch in 0..BATCHES + 1 {
            for n in 0..BATCH_LEN {
                client.send(&kind.request((batch * BATCH_LEN + n) * 31 % names, names)).expect("loopback takes it");
            }
            // The first warms up: what is bound lazily is bound, and the sockets are seen to work.
            let received = if batch == 0 { worker.turn().expect("requests") } else { counted_turn(&mut worker) };
            assert_eq!(received, BATCH_LEN, "all were sent before");
            let mut response = [0; 4096];
            for _ in 0..received {
                let len = client.recv(&mut response).expect("an answer to each");
                kind.check(&response[..len]);
                answers += 1;
            }
        }
        end_of_kind(answers);
    }
}

/// Instructions per query of each kind, from one run under callgrind.
fn count() -> Vec<f64> {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind.{}", std::process::id()));
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--toggle-collect=*counted_turn*", "--dump-after=*end_of_kind*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().expect("this program is a file"))
        .arg(MEASURED)
        .status()
        .expect("valgrind runs (Debian's package valgrind)");
    assert!(status.success(), "{status}");
    let counts = (1..=KINDS.len()).map(|part| {
        let path = PathBuf::from(format!("{}.{part}", out.display()));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
        let total: f64 = total.and_then(|text| text.trim().parse().ok()).expect("callgrind writes a total");
        total / (BATCHES * BATCH_LEN) as f64
    });
    let counts = counts.collect();
    if std::env::var_os("KEEP").is_none() {
        (0..=KINDS.len()).for_each(|part| drop(fs::remove_file(format!("{}.{part}", out.display()))));
        let _ = fs::remove_file(&out);
    }
    counts
}

/// Prints the table, and whether nothing is worse than the baseline allows.
fn report(counts: &[f64], path: &Path, write: bool) -> ExitCode {
    let baseline = fs::read_to_string(path).unwrap_or_default();
    let known = |name: &str| {
        baseline.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<f64>().ok())
    };
    let mut new =
        String::from("# Instructions in user space per query; benches/instructions/run --write writes this.\n");
    let mut worse = false;
    println!("{:24}{:>10}{:>10}{:>9}", "", "baseline", "now", "change");
    for (kind, &now) in KINDS.iter().zip(counts) {
        let _ = writeln!(new, "{} {now:.0}", kind.name);
        let Some(before) = known(kind.name) else {
            println!("{:24}{:>10}{now:>10.0}", kind.name, "-");
            continue;
        };
        let change = (now / before - 1.0) * 100.0;
        let is_worse = change > WORSE_MAX;
        worse |= is_worse;
        println!("{:24}{before:>10.0}{now:>10.0}{change:>8.1}%{}", kind.name, if is_worse { "  worse" } else { "" });
    }
    if write {
        fs::write(path, new).expect("the baseline can be written");
        return ExitCode::SUCCESS;
    }
    if worse {
        println!("more than {WORSE_MAX} % worse; if that is meant, run with --write and say why in the commit");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
