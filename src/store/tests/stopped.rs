//! A stop after each write to sled that a batch makes.

use super::{
    Model, SETS, UNITS, apply_all, compare, founding, holds_until, key, numbered, position, registered, unit_id,
};
use crate::registry::*;
use crate::store::packs::pack::entries;
use crate::store::{Store, StoreError, WritePace};
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

#[test]
fn a_stop_after_every_single_write() {
    let mut removed_and_added = founding();
    removed_and_added.seq = 3;
    let with = |n: usize, expires| {
        let mut held = holds_until(90);
        held.0.insert(HoldReason::Expired, held.0[&HoldReason::Legal].clone());
        let holds = if n.is_multiple_of(2) { Holds::default() } else { held };
        let name = Registration { expires: Timestamp(expires), holds, ..registered(key(n, n)) };
        Registration { unit: unit_id(n % UNITS), primary: true, version: 2, ..name }
    };
    removed_and_added.events = vec![
        Event::NameRemoved { key: key(0, 0), unit: unit_id(0), variants: Variants::default() },
        Event::Name(with(2, 70)),
        Event::Name(with(3, 80)),
    ];
    let mut first = founding();
    first.seq = 2;
    first.events = vec![
        Event::Name(with(0, 50)),
        Event::Name(with(1, 60)),
        Event::Name(Registration { holds: holds_until(5), ..with(3, 20) }),
    ];
    let log = [founding(), first, removed_and_added];
    let mut model = Model::default();
    log.iter().for_each(|transaction| model.apply(transaction, position(transaction.seq)));
    for writes in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path(), None).unwrap();
        apply_all(&mut store, &log[..1]);
        store.flush().unwrap();
        apply_all(&mut store, &log);
        compare(&store, &model);
        store.trees.stops.store(writes, SeqCst);
        let stopped = store.flush().is_err();
        drop(store);
        // Its file is there, and no line of the journal is needed.
        let mut store = Store::open(directory.path(), None).unwrap();
        compare(&store, &model);
        // It may stop in the same place while that is written again.
        store.trees.stops.store(writes, SeqCst);
        drop(store.flush());
        drop(store);
        let mut store = Store::open(directory.path(), None).unwrap();
        compare(&store, &model);
        store.flush().unwrap();
        compare(&store, &model);
        drop(store);
        assert!(!directory.path().join("batch").exists());
        compare(&Store::open(directory.path(), None).unwrap(), &model);
        if !stopped {
            assert!(writes > 8, "{writes}");
            return;
        }
    }
}

/// A store that was stopped in the midst of a batch, which goes from transaction 1 to 2.
fn stopped(directory: &Path) {
    let mut store = Store::open(directory, None).unwrap();
    apply_all(&mut store, &[founding()]);
    store.flush().unwrap();
    apply_all(&mut store, &[Transaction { seq: 2, ..founding() }]);
    store.trees.stops.store(1, SeqCst);
    assert!(store.flush().is_err());
}

#[test]
fn a_file_that_is_damaged_or_of_another_state_makes_the_store_be_rebuilt() {
    let directory = tempfile::tempdir().unwrap();
    stopped(directory.path());
    let file = directory.path().join("batch");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let mut octets = whole.clone();
        octets[at] ^= 1;
        fs::write(&file, octets).unwrap();
        assert!(matches!(Store::open(directory.path(), None), Err(StoreError::Damaged(_))), "{at}");
        fs::write(&file, &whole[..at]).unwrap();
        assert!(matches!(Store::open(directory.path(), None), Err(StoreError::Damaged(_))), "{at}");
    }
    let other = tempfile::tempdir().unwrap();
    drop(Store::open(other.path(), None).unwrap());
    fs::write(other.path().join("batch"), &whole).unwrap();
    assert!(matches!(Store::open(other.path(), None), Err(StoreError::Damaged(_))), "sled has lost transaction 1");
    fs::write(&file, whole).unwrap();
    assert_eq!(Store::open(directory.path(), None).unwrap().position(), position(2));
}

#[test]
fn a_file_that_is_behind_goes() {
    let directory = tempfile::tempdir().unwrap();
    stopped(directory.path());
    let file = directory.path().join("batch");
    let whole = fs::read(&file).unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    apply_all(&mut store, &[Transaction { seq: 3, ..founding() }]);
    store.flush().unwrap();
    drop(store);
    fs::write(&file, whole).unwrap();
    fs::write(directory.path().join("batch.unfinished"), "cut off").unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    assert_eq!(store.position(), position(3));
    assert!(!file.exists());
    apply_all(&mut store, &[Transaction { seq: 4, ..founding() }]);
    store.flush().unwrap();
}

/// What cannot be written is told, and is not lost while the journal has it.
#[test]
fn a_batch_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    fs::create_dir(directory.path().join("batch.unfinished")).unwrap();
    apply_all(&mut store, &[founding()]);
    assert!(matches!(store.flush(), Err(StoreError::Io(_))));
    drop(store);
    fs::remove_dir(directory.path().join("batch.unfinished")).unwrap();
    assert_eq!(Store::open(directory.path(), None).unwrap().position(), Position::default());
}

#[test]
fn batches_are_begun_and_waited_for_as_the_pace_says() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    let hour = Duration::from_secs(3600);
    let many = |seq| Transaction { seq, ..founding() };
    store.set_pace(WritePace { batch_octets: 1 << 20, unwritten_octets: 1 << 30, wait: hour });
    apply_all(&mut store, &[many(1)]);
    store.write_behind().unwrap();
    assert_eq!(store.written, Position::default(), "neither much nor old");
    // Who applies more than may be unwritten waits until it is written.
    store.set_pace(WritePace { batch_octets: 1, unwritten_octets: 1, wait: hour });
    (2..=20).for_each(|seq| apply_all(&mut store, &[many(seq)]));
    assert!(store.written.seq >= 18, "{:?}", store.written);
    // What is old is written, however little it is.
    store.set_pace(WritePace { wait: Duration::ZERO, ..WritePace::default() });
    apply_all(&mut store, &[many(21)]);
    for _ in 0..10_000 {
        store.write_behind().unwrap();
        if store.written == position(21) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it is at {:?}", store.written);
}

/// Packs that were being cut when it stopped have no dead entries once their batch is written, and nothing else differs.
#[test]
fn a_stop_while_packs_are_cut_leaves_nothing_behind() {
    let of = |seq: u64, part: usize| {
        let events =
            (0..480).filter(|n| n % 4 == part).map(|n| Event::Name(registered(numbered(n, SETS[0])))).collect();
        Transaction { seq, events, ..founding() }
    };
    let log = [founding(), of(2, 0), of(3, 1), of(4, 2), of(5, 3)];
    let contents = |writes: usize| {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path(), None).unwrap();
        apply_all(&mut store, &log[..3]);
        store.flush().unwrap();
        apply_all(&mut store, &log[3..4]);
        store.trees.stops.store(writes, SeqCst);
        let stopped = store.flush().is_err();
        drop(store);
        let mut store = Store::open(directory.path(), None).unwrap();
        apply_all(&mut store, &log);
        store.flush().unwrap();
        let tree = store.trees.db.open_tree("names").unwrap();
        let packs: Vec<_> = tree.iter().map(Result::unwrap).collect();
        for pair in packs.windows(2) {
            let last = entries(&pair[0].1).unwrap().pop().unwrap().0;
            assert!(*last < *pair[1].0, "after {writes} writes");
        }
        assert!(packs.len() > 10);
        (stopped, store.contents())
    };
    let (_, whole) = contents(usize::MAX);
    for writes in 0.. {
        let (stopped, found) = contents(writes);
        assert!(found == whole, "after {writes} writes");
        if !stopped {
            return;
        }
    }
}
