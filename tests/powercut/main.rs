//! A power cut at any moment: every acknowledged line is there afterwards, no refused one is, and none is half there.
//!
//! A real journal does its work on a real directory through a disk that notes each operation. For every moment of that
//! trace, the operations that were not waited for are lost, kept and torn in all ways (sampled where they are too many),
//! and the journal is opened on what is left. Then the same again with each kind of wait left out of the trace in turn:
//! each time something must be lost, or that wait would not be needed.

mod disk;
#[allow(dead_code, reason = "shared with the tests of the journal, which use the rest")]
mod recorder;

#[path = "../journal/transactions.rs"]
#[allow(dead_code, reason = "shared with the tests of the journal, which use all of it")]
mod transactions;

use disk::{AfterCut, CutDisk};
use recorder::{Fault, Killed, Op, Recorder};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use zhengming::journal::disk::{Directory, Disk as _, SyncPoint};
use zhengming::journal::{AppendError, Journal, Limits};
use zhengming::registry::{Hash, Position};

/// Limits under which the workload fills several segments.
const SMALL: Limits = Limits { line_octets: 16 << 10, segment_octets: 2400, free_octets: 0 };

/// What callers had been told by some moment of the trace.
#[derive(Clone, Default)]
struct Told {
    /// Lines that were acknowledged, or shown after a start.
    kept: BTreeMap<u64, Hash>,
    /// The note of each transaction that was refused for lack of space: it must never be seen.
    refused: Vec<String>,
    /// What starts cut off: it must be kept.
    aside: Vec<Vec<u8>>,
}

/// A recorded run: the operations, and after how many of them callers were told what.
struct Run {
    trace: Vec<Op>,
    told: Vec<(usize, Told)>,
}

/// The workload's state.
struct Workload {
    disk: Arc<Recorder>,
    journal: Option<Journal>,
    told: Told,
    history: Vec<(usize, Told)>,
    /// Makes every transaction's note its own, so that a refused one is known from its successor.
    attempts: usize,
}

impl Workload {
    fn start() -> (tempfile::TempDir, Self) {
        let directory = tempfile::tempdir().expect("a directory");
        let disk = Arc::new(Recorder::new(Directory::create(directory.path()).expect("a directory")));
        let mut work = Self { disk, journal: None, told: Told::default(), history: Vec::new(), attempts: 0 };
        work.open();
        (directory, work)
    }

    /// Opens the journal; what it shows counts as acknowledged from then on.
    fn open(&mut self) {
        let mut shown = Vec::new();
        let journal = Journal::open_on(Arc::clone(&self.disk) as _, SMALL, Position::default(), &mut |_, position| {
            shown.push(position);
            Ok(())
        });
        self.journal = Some(journal.expect("a start"));
        self.keep(&shown);
    }

    fn keep(&mut self, positions: &[Position]) {
        self.told.kept.extend(positions.iter().map(|position| (position.seq, position.hash)));
        self.tell();
    }

    fn tell(&mut self) {
        self.history.push((self.disk.trace().len(), self.told.clone()));
    }

    fn group(&mut self, size: usize, octets: usize) -> Vec<zhengming::registry::Transaction> {
        let next = self.journal.as_ref().expect("open").position().seq + 1;
        let mut group: Vec<_> = (next..).take(size).map(|seq| transactions::plain(seq, octets)).collect();
        for transaction in &mut group {
            self.attempts += 1;
            let note = format!("attempt {} {}", self.attempts, transaction.request.note.take().unwrap_or_default());
            transaction.request.note = Some(note.into());
        }
        group
    }

    fn append(&mut self, size: usize, octets: usize) {
        let group = self.group(size, octets);
        let positions = self.journal.as_mut().expect("open").append(&group).expect("an append");
        self.keep(&positions);
    }

    /// An append that runs out of space after `written` octets.
    fn append_full(&mut self, size: usize, written: usize) {
        let group = self.group(size, 30);
        self.disk.inject(Fault::Full { written });
        let refused = self.journal.as_mut().expect("open").append(&group);
        assert!(matches!(refused, Err(AppendError::Full(_))), "{refused:?}");
        self.disk.heal();
        self.told.refused.extend(group.iter().map(|transaction| note(transaction).to_owned()));
        self.tell();
    }

    /// An append during which the process is killed, and the start after it.
    fn append_killed(&mut self, size: usize, octets: usize, at: SyncPoint) {
        let group = self.group(size, octets);
        self.disk.inject(Fault::Kill(at));
        let mut journal = self.journal.take().expect("open");
        let killed = catch_unwind(AssertUnwindSafe(|| drop(journal.append(&group)))).expect_err("a kill");
        assert!(killed.is::<Killed>(), "{at:?} was reached");
        self.disk.heal();
        self.open();
    }

    /// An append whose wait fails, and the start after it.
    fn append_failed(&mut self, size: usize) {
        let group = self.group(size, 30);
        self.disk.inject(Fault::Sync(SyncPoint::Append));
        let failed = self.journal.as_mut().expect("open").append(&group);
        assert!(matches!(failed, Err(AppendError::Failed(_))), "{failed:?}");
        self.disk.heal();
        self.open();
    }

    /// A torn end, as an earlier power cut left it: half a group whose first line is damaged.
    fn tear(&mut self) {
        let group = self.group(3, 30);
        self.disk.inject(Fault::Kill(SyncPoint::Append));
        let mut journal = self.journal.take().expect("open");
        catch_unwind(AssertUnwindSafe(|| drop(journal.append(&group)))).expect_err("a kill");
        self.disk.heal();
        self.disk.damage_last_write();
        self.open();
        let cut = self.journal.as_ref().expect("open").cut_off().expect("a torn end").clone();
        let kept = self.disk.path().join(cut.kept.expect("it is kept"));
        self.told.aside.push(std::fs::read(kept).expect("a file"));
        self.tell();
    }

    fn finish(self) -> Run {
        Run { trace: self.disk.trace(), told: self.history }
    }
}

/// Everything that can happen to a journal, over several segments.
fn recorded_run() -> Run {
    let (_directory, mut work) = Workload::start();
    work.append(1, 30);
    work.append(3, 30);
    work.append_full(2, 700);
    work.append(1, 30);
    work.append(2, 30);
    work.append_killed(2, 30, SyncPoint::Append);
    work.append(1, 30);
    work.tear();
    work.append(2, 30);
    work.append_failed(2);
    work.append(1, 30);
    work.append_full(3, 1100);
    // The next ones are too long for what is left of a segment.
    work.append_killed(1, 2000, SyncPoint::CreatedEntry);
    work.append(1, 2000);
    work.append_killed(1, 2000, SyncPoint::Created);
    work.append(1, 2000);
    work.append_full(1, 40);
    work.append(2, 30);
    work.finish()
}

fn note(transaction: &zhengming::registry::Transaction) -> &str {
    transaction.request.note.as_deref().expect("a note")
}

/// Cuts the power at every moment of a run, in every way; the first loss, if there is one. Also how many cuts were made.
fn cut_everywhere(run: &Run, left_out: Option<SyncPoint>) -> Result<usize, String> {
    let mut disk = CutDisk::default();
    let mut told = Told::default();
    let mut history = run.told.iter().peekable();
    let mut cuts = 0;
    for moment in 0..=run.trace.len() {
        // What is told after an operation, and before the next, holds for a cut between the two.
        while let Some((_, next)) = history.next_if(|(at, _)| *at <= moment) {
            told = next.clone();
        }
        let mut loss = None;
        disk.for_each_cut(moment as u64, &mut |left| {
            cuts += 1;
            match check(left, &told) {
                Ok(()) => ControlFlow::Continue(()),
                Err(what) => {
                    loss = Some(match run.trace.get(moment) {
                        Some(op) => format!("cut before operation {moment}, {op:?}: {what}"),
                        None => format!("cut at the end: {what}"),
                    });
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(loss) = loss {
            return Err(loss);
        }
        if let Some(op) = run.trace.get(moment) {
            disk.perform(op, left_out);
        }
    }
    Ok(cuts)
}

/// Opens the journal on what a cut has left.
fn check(left: AfterCut, told: &Told) -> Result<(), String> {
    let left = Arc::new(left);
    let mut found = BTreeMap::new();
    let mut seen = Vec::new();
    let opened = Journal::open_on(Arc::clone(&left) as _, SMALL, Position::default(), &mut |transaction, position| {
        seen.push(note(&transaction).to_owned());
        found.insert(position.seq, position.hash);
        Ok(())
    });
    let mut journal = opened.map_err(|error| format!("it does not open: {error}"))?;
    for (seq, hash) in &told.kept {
        if found.get(seq) != Some(hash) {
            return Err(format!("line {seq} was acknowledged and is lost"));
        }
    }
    if let Some(refused) = seen.iter().find(|note| told.refused.contains(note)) {
        return Err(format!("{refused} was refused and is there"));
    }
    for octets in &told.aside {
        if !left.kept().contains(octets) {
            return Err("what was cut off is not kept".into());
        }
    }
    // It goes on from there, and is whole.
    let next = transactions::plain(journal.position().seq + 1, 30);
    let position = journal.append(&[next]).map_err(|error| format!("it does not go on: {error}"))?[0];
    let again = Journal::open_on(left as _, SMALL, Position::default(), &mut |_, _| Ok(()));
    let again = again.map_err(|error| format!("it does not open again: {error}"))?;
    if again.position() == position { Ok(()) } else { Err("what was appended after the start is lost".into()) }
}

#[test]
fn no_power_cut_loses_what_was_acknowledged() {
    let run = recorded_run();
    let files = run.trace.iter().filter(|op| matches!(op, Op::Create { .. })).count();
    assert!(files >= 3, "the workload fills several segments, not {files}");
    let cuts = cut_everywhere(&run, None).unwrap_or_else(|loss| panic!("{loss}"));
    assert!(cuts > 2000, "only {cuts} cuts were tried");
}

#[test]
fn every_wait_for_the_disk_is_needed() {
    let run = recorded_run();
    for point in SyncPoint::ALL {
        let loss = cut_everywhere(&run, Some(point)).expect_err(&format!("nothing is lost without {point:?}"));
        println!("without {point:?}: {loss}");
    }
}
