//! Approved changes: from the call of the API to the changed answer, one by one and together.

use super::clients::{Api, Dns};
use super::figures::{Times, heading, row};
use super::names::Names;
use super::program::Program;
use super::usage::{Syncs, Usage, row_usage};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Changes between two looks at the bare disk: both see the same neighbours on a shared machine.
const ROUND: usize = 100;
/// A change that is not answered by then never is.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Changes that are always new: each goes to a name that was not changed before, as long as there are any.
pub struct Changes<'a> {
    names: &'a Names,
    /// The next name; only those with addresses are taken.
    next: usize,
    round: u8,
}

impl<'a> Changes<'a> {
    /// None made yet.
    pub fn new(names: &'a Names) -> Self {
        Self { names, next: 0, round: 0 }
    }

    /// A name, and an address that it does not have.
    pub fn next(&mut self) -> (String, [u8; 4]) {
        loop {
            let index = self.next;
            self.next += 1;
            if self.next == self.names.len() {
                (self.next, self.round) = (0, self.round + 1);
            }
            if Names::has_addresses(index) {
                return (self.names.name(index), [203, 0, 113, self.round + 1]);
            }
        }
    }
}

/// What a change took.
#[derive(Default)]
struct Took {
    /// Until the API had answered.
    acknowledged: Times,
    /// Until the DNS had answered with the new address.
    answered: Times,
    /// Answers with the old address after the API had answered; there must be none.
    stale: usize,
}

impl Took {
    fn change(&mut self, api: &mut Api, dns: &mut Dns, name: &str, address: [u8; 4]) {
        let begun = Instant::now();
        api.push(name, address);
        self.acknowledged.push(begun.elapsed());
        while dns.ask(name) != Some(address) {
            self.stale += 1;
            assert!(begun.elapsed() < ANSWER_MAX, "the change of {name} is never answered");
        }
        self.answered.push(begun.elapsed());
    }

    fn rows(&self) {
        row("API call to its reply", &self.acknowledged.summary());
        row("API call to the changed answer over UDP", &self.answered.summary());
        assert_eq!(self.stale, 0, "old answers after the reply");
    }
}

/// One client, each change after the answer to the one before; the bare disk beside it.
pub fn one_by_one(program: &Program, directory: &Path, changes: &mut Changes<'_>, samples: usize) {
    heading(&format!("approved changes, one client, {samples} samples"));
    let (mut api, mut dns) = (Api::connect(program.admin), Dns::connect(program.dns));
    let mut took = Took::default();
    // What comes first warms up connections and caches.
    for _ in 0..ROUND.min(samples) {
        let (name, address) = changes.next();
        took.change(&mut api, &mut dns, &name, address);
    }
    took = Took::default();
    let line = line_octets(program, &mut api, &mut dns, changes);
    let mut disk = Disk::open(&directory.join("data").join("bare"), line);
    let mut bare = Times::default();
    let (mut used, mut changing) = (Usage::default(), Duration::ZERO);
    let syncs = Syncs::read(&mut api);
    while took.answered.len() < samples {
        let (before, begun) = (program.usage(), Instant::now());
        for _ in 0..ROUND.min(samples) {
            let (name, address) = changes.next();
            took.change(&mut api, &mut dns, &name, address);
        }
        changing += begun.elapsed();
        used.add(program.usage().since(before));
        bare.append(disk.append(ROUND.min(samples)));
    }
    let syncs = Syncs::read(&mut api).since(syncs);
    took.rows();
    row(&format!("bare append + fdatasync of {line} octets"), &bare.summary());
    let ratio = |percent| took.answered.percentile(percent).as_secs_f64() / bare.percentile(percent).as_secs_f64();
    row(
        "changed answer / bare append",
        &format!("p50 {:.1}  p90 {:.1}  p99 {:.1}", ratio(50.0), ratio(90.0), ratio(99.0)),
    );
    row("fsync of the journal", &syncs.summary(changing));
    row_usage(used, changing, took.answered.len(), "change");
    row("changes", &format!("{:.0} /s", took.answered.len() as f64 / changing.as_secs_f64()));
}

/// Octets that one change adds to the journal.
fn line_octets(program: &Program, api: &mut Api, dns: &mut Dns, changes: &mut Changes<'_>) -> usize {
    let before = program.data_octets("journal");
    let (name, address) = changes.next();
    Took::default().change(api, dns, &name, address);
    usize::try_from(program.data_octets("journal") - before).expect("a line")
}

/// The disk without the program: what an append costs that is waited for.
struct Disk {
    file: File,
    line: Vec<u8>,
    end: u64,
}

impl Disk {
    fn open(path: &Path, line: usize) -> Self {
        Self { file: File::create(path).expect("a writable directory"), line: vec![b'x'; line], end: 0 }
    }

    fn append(&mut self, count: usize) -> Times {
        let mut times = Times::default();
        for _ in 0..count {
            let begun = Instant::now();
            self.file.write_all_at(&self.line, self.end).and_then(|()| self.file.sync_data()).expect("a writable file");
            times.push(begun.elapsed());
            self.end += self.line.len() as u64;
        }
        times
    }
}

/// Many clients at once.
pub fn together(program: &Program, changes: &mut Changes<'_>, samples: usize, clients: usize) {
    let each = samples.div_ceil(clients);
    heading(&format!("approved changes, {} clients, {each} each", clients));
    let mut api = Api::connect(program.admin);
    let work: Vec<Vec<_>> = (0..clients).map(|_| (0..each).map(|_| changes.next()).collect()).collect();
    let (before, syncs, begun) = (program.usage(), Syncs::read(&mut api), Instant::now());
    let mut took = Took::default();
    thread::scope(|scope| {
        let run = |work: Vec<(String, [u8; 4])>| {
            let (mut api, mut dns) = (Api::connect(program.admin), Dns::connect(program.dns));
            let mut took = Took::default();
            for (name, address) in work {
                took.change(&mut api, &mut dns, &name, address);
            }
            took
        };
        let clients: Vec<_> = work.into_iter().map(|work| scope.spawn(move || run(work))).collect();
        for client in clients {
            let one = client.join().expect("a client that works");
            took.acknowledged.append(one.acknowledged);
            took.answered.append(one.answered);
            took.stale += one.stale;
        }
    });
    let (elapsed, count) = (begun.elapsed(), took.answered.len());
    let (used, syncs) = (program.usage().since(before), Syncs::read(&mut api).since(syncs));
    row("changes", &format!("{:.0} /s", count as f64 / elapsed.as_secs_f64()));
    took.rows();
    row("fsync of the journal", &syncs.summary(elapsed));
    row_usage(used, elapsed, count, "change");
}

/// Changes some names; the last of them.
pub fn some(program: &Program, changes: &mut Changes<'_>) -> (String, [u8; 4]) {
    let (mut api, mut dns) = (Api::connect(program.admin), Dns::connect(program.dns));
    let mut last = changes.next();
    for _ in 0..ROUND {
        Took::default().change(&mut api, &mut dns, &last.0, last.1);
        last = changes.next();
    }
    Took::default().change(&mut api, &mut dns, &last.0, last.1);
    last
}
