//! A year in the life of a registry: a real program, a clock that is moved a day at a time, and a naive model beside it.
//!
//! `benches/year/run` (915,000 names of real divisions where `DIVISIONS` names a list of them); without it a small year is
//! lived in the tests. Each day terms end, are renewed or not, names that nobody pays for are deleted, names are applied for,
//! registered, changed, held, released and deleted, units are penalised; each evening all counts are held against the model,
//! and what changed, and a sample, is asked over DNS. Each month the program is killed and started again, and the whole
//! export compared. `SEED` repeats a year.

mod applications;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../registry/clients.rs"]
mod clients;
mod day;
mod estate;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../registry/figures.rs"]
mod figures;
mod labels;
mod model;
mod questions;
mod reports;
mod tables;
#[allow(dead_code, reason = "the other benchmark uses the rest")]
#[path = "../registry/usage.rs"]
mod usage;
mod verdict;

/// What the shared clients need to know of the program.
mod program {
    pub use super::estate::TOKEN;
}

use day::Year;
use estate::Estate;
use figures::{heading, mebibytes, row};
use labels::Labels;
use model::Model;
use std::env;
use std::time::Instant;
use tables::Tables;
use verdict::Verdicts;

/// What is lived.
struct Sizes {
    names: usize,
    days: i32,
    seed: u64,
}

fn main() {
    let sizes = Sizes::read();
    heading("a year of a registry");
    row("names / days / seed", &format!("{} / {} / {}", sizes.names, sizes.days, sizes.seed));
    let tables = Tables::read();
    let labels = Labels::read(sizes.names, &tables.table);
    let mut model = Model::new(&labels, sizes.seed);
    row("units / variants that resolve beside their names", &model.sizes());

    let mut estate = Estate::start(&tables.setting);
    let begun = Instant::now();
    estate.import(&model);
    row("imported, s", &format!("{:.1}", begun.elapsed().as_secs_f64()));
    tell_resources(&estate, "after the import");
    let mut verdicts = Verdicts::default();
    verdicts.evening(&mut estate, &model, &[]);
    let begun = Instant::now();
    verdicts.export(&estate, &model);
    row("exported and compared, s", &format!("{:.1}", begun.elapsed().as_secs_f64()));

    let (before, begun) = (estate.usage(), Instant::now());
    let mut year = Year::new(sizes.seed);
    for day in 1..=sizes.days {
        let touched = year.live(&mut estate, &mut model);
        verdicts.evening(&mut estate, &model, &touched);
        // A month's end: a crash, a start from what is on the disk, and every line of the export.
        if day % 30 == 0 || day == sizes.days {
            let start = estate.crash();
            verdicts.evening(&mut estate, &model, &touched);
            verdicts.export(&estate, &model);
            let (resident, _) = estate.resident();
            let (start, resident) = (start.as_secs_f64(), mebibytes(resident));
            println!("  day {day}: {} | started in {start:.2} s, {resident} resident", year.summary());
        }
    }
    let (took, used) = (begun.elapsed(), estate.usage().since(before));
    row("what happened", &year.summary());
    row("answers compared / counts compared / lines compared", &verdicts.summary());
    row(
        "time a day, wall and CPU of the program",
        &format!(
            "{:.2} s, {:.2} s",
            took.as_secs_f64() / f64::from(sizes.days),
            used.cpu.as_secs_f64() / f64::from(sizes.days)
        ),
    );
    row(
        "CPU of the program, all of it / its writer, s",
        &format!("{:.0} / {:.0}", used.cpu.as_secs_f64(), used.writer_cpu.as_secs_f64()),
    );
    tell_resources(&estate, "at the end");
    reports::measure(&estate, &model);
    let begun = Instant::now();
    estate.finish();
    row("stopped, and the journal verified, s", &format!("{:.1}", begun.elapsed().as_secs_f64()));
}

/// Memory and disk.
fn tell_resources(estate: &Estate, when: &str) {
    let (resident, peak) = estate.resident();
    row(&format!("resident, now / at most, {when}"), &format!("{} / {}", mebibytes(resident), mebibytes(peak)));
    let (journal, rest) = estate.kept();
    row(&format!("journal / store and checkpoint, {when}"), &format!("{} / {}", mebibytes(journal), mebibytes(rest)));
}

impl Sizes {
    fn read() -> Self {
        let real = env::args().any(|argument| argument == "--bench");
        let number = |name: &str, usual: u64, small: u64| match env::var(name) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
            Err(_) if real => usual,
            Err(_) => small,
        };
        Self {
            names: usize::try_from(number("NAMES", 915_000, 2_000)).expect("a number of names"),
            days: i32::try_from(number("DAYS", 365, 45)).expect("a number of days"),
            seed: number("SEED", 20_270_101, 20_270_101),
        }
    }
}
