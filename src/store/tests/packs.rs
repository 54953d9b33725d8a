//! Packs against a map: random changes, ranges, what lies where in sled, and damage.

use super::{SETS, founding, numbered, position, registered, unit_id};
use crate::registry::*;
use crate::store::layers::Layers;
use crate::store::packs::{Change, Packs, pack::PACK_OCTETS_MAX, pack::entries, value_in};
use crate::store::{Store, Trees};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

fn packs(directory: &std::path::Path) -> (sled::Db, Packs) {
    let db = Trees::open_unlocked(directory).unwrap();
    let tree = db.open_tree("packs").unwrap();
    (db, Packs::new(tree))
}

fn all(packs: &Packs) -> Map {
    packs.range(&[], None).map(Result::unwrap).collect()
}

fn get(packs: &Packs, key: &[u8]) -> Option<Vec<u8>> {
    packs.pack_of(key).unwrap().and_then(|(_, octets)| value_in(&octets, key).unwrap())
}

/// Keys that begin with each other, and some that follow all others; few enough to meet again.
fn keys() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => Just(Vec::new()),
        3 => proptest::collection::vec(prop_oneof![Just(0u8), Just(b'a'), Just(0xFF)], 0..6),
        6 => (0..400u16).prop_map(|n| [b"name ", &n.to_be_bytes()[..]].concat()),
    ]
}

/// Values of no octets as index entries have, of images, and some longer than a pack.
fn values() -> impl Strategy<Value = Option<Vec<u8>>> {
    let value = prop_oneof![3 => Just(0usize), 5 => 1..300usize, 1 => 1000..3000usize];
    proptest::option::weighted(0.7, (value, any::<u8>()).prop_map(|(length, octet)| vec![octet; length]))
}

#[derive(Clone, Debug)]
enum Step {
    Write(BTreeMap<Vec<u8>, Option<Vec<u8>>>),
    /// The same after stops, each after so many writes to sled, in the midst of it.
    Stopped(BTreeMap<Vec<u8>, Option<Vec<u8>>>, Vec<usize>),
    Range(Vec<u8>, Option<Vec<u8>>),
    Open,
}

fn step() -> impl Strategy<Value = Step> {
    let changes = || proptest::collection::btree_map(keys(), values(), 1..40);
    let stops = proptest::collection::vec(0..12usize, 1..4);
    prop_oneof![
        5 => changes().prop_map(Step::Write),
        4 => (changes(), stops).prop_map(|(changes, stops)| Step::Stopped(changes, stops)),
        3 => (keys(), proptest::option::of(keys())).prop_map(|(from, to)| Step::Range(from, to)),
        1 => Just(Step::Open),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn they_equal_a_map(steps in proptest::collection::vec(step(), 1..30)) {
        let directory = tempfile::tempdir().unwrap();
        let (mut db, mut ours) = packs(directory.path());
        let mut map = Map::new();
        for (seq, step) in (1..).zip(steps) {
            match step {
                Step::Write(changes) | Step::Stopped(changes, _) if changes.is_empty() => {}
                Step::Write(ref changes) | Step::Stopped(ref changes, _) => {
                    let borrowed: Vec<Change<'_>> =
                        changes.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
                    if let Step::Stopped(_, stops) = &step {
                        for stop in stops {
                            ours.stops.store(*stop, SeqCst);
                            let mended = ours.mend(seq, changes.keys().map(Vec::as_slice));
                            drop(mended.and_then(|()| ours.write(seq, &borrowed)));
                            drop((ours, db));
                            (db, ours) = packs(directory.path());
                            // Each key has its old value or its new one, once.
                            let found: Vec<_> = ours.range(&[], None).map(Result::unwrap).collect();
                            prop_assert!(found.is_sorted_by(|(one, _), (other, _)| one < other));
                            let found: Map = found.into_iter().collect();
                            for key in map.keys().chain(changes.keys()) {
                                let now = get(&ours, key);
                                prop_assert_eq!(&now, &found.get(key).cloned());
                                let new = changes.get(key).unwrap_or(&now);
                                prop_assert!(now == map.get(key).cloned() || now == *new);
                            }
                        }
                        ours.mend(seq, changes.keys().map(Vec::as_slice)).unwrap();
                    }
                    ours.write(seq, &borrowed).unwrap();
                    for (key, value) in changes {
                        match value {
                            Some(value) => drop(map.insert(key.clone(), value.clone())),
                            None => drop(map.remove(key)),
                        }
                    }
                    prop_assert_eq!(&all(&ours), &map);
                    for key in changes.keys() {
                        prop_assert_eq!(get(&ours, key), map.get(key).cloned());
                    }
                }
                Step::Range(from, to) => {
                    let found: Vec<_> = ours.range(&from, to.clone()).map(Result::unwrap).collect();
                    let within = |key: &[u8]| from.as_slice() <= key && to.as_deref().is_none_or(|to| key < to);
                    let wanted: Vec<_> = map.clone().into_iter().filter(|(key, _)| within(key)).collect();
                    prop_assert_eq!(found, wanted);
                }
                Step::Open => {
                    drop((ours, db));
                    (db, ours) = packs(directory.path());
                }
            }
            prop_assert_eq!(ours.last_key().unwrap(), map.keys().next_back().cloned());
            prop_assert_eq!(ours.is_empty(), map.is_empty());
        }
        // Each pack lies between its fence and the next one, is not empty, and only a single entry makes it long.
        let tree = db.open_tree("packs").unwrap();
        let fences: Vec<_> = tree.iter().keys().map(Result::unwrap).collect();
        for (at, fence) in fences.iter().enumerate() {
            let octets = tree.get(fence).unwrap().unwrap();
            let next = fences.get(at + 1);
            let within: Vec<_> = ours.range(fence, next.map(|next| next.to_vec())).map(Result::unwrap).collect();
            prop_assert!(!within.is_empty());
            prop_assert_eq!(&entries(&octets).unwrap(), &within, "none is dead");
            prop_assert!(octets.len() <= PACK_OCTETS_MAX + 4 * within.len() || within.len() == 1, "{} octets", octets.len());
            prop_assert!(within.iter().all(|(key, _)| *ours.pack_of(key).unwrap().unwrap().0 == **fence));
        }
    }

    /// Octets that are no pack are told, and never a panic.
    #[test]
    fn what_is_no_pack_is_told(octets in proptest::collection::vec(any::<u8>(), 0..60), key in keys()) {
        let directory = tempfile::tempdir().unwrap();
        let (db, ours) = packs(directory.path());
        db.open_tree("packs").unwrap().insert(b"", octets).unwrap();
        drop((ours.pack_of(&key).unwrap().map(|(_, octets)| value_in(&octets, &key)), ours.last_key()));
        drop((ours.range(&key, None).count(), ours.mend(1, [key.as_slice()].into_iter()), ours.write(1, &[(&key, None)])));
    }
}

#[test]
fn growth_at_the_end_fills_packs() {
    let directory = tempfile::tempdir().unwrap();
    let (db, ours) = packs(directory.path());
    for n in 0..1000u32 {
        ours.write(1, &[(&n.to_be_bytes(), Some(&[7; 96]))]).unwrap();
    }
    let each = PACK_OCTETS_MAX / 100;
    assert_eq!(db.open_tree("packs").unwrap().len(), 1000 / each, "{each} entries of 100 octets a pack");
}

/// Batches of many transactions leave what those of one name each do.
#[test]
fn batches_leave_what_single_transactions_do() {
    const NAMES: usize = 1500;
    let name = |n: usize| {
        // In no order of their labels, nor of their ends.
        let expires = Timestamp(i64::try_from(n * 104_729 % 1_299_709).unwrap());
        Registration { unit: unit_id(n % 2), expires, ..registered(numbered(n * 7919 % 100_003, SETS[n % 2])) }
    };
    let written = |batch: usize| {
        let one_by_one = batch == 1;
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path(), None).unwrap();
        store.apply(&founding(), position(1)).unwrap();
        for (seq, batch) in (2..).zip((0..NAMES).collect::<Vec<_>>().chunks(batch)) {
            let events = batch.iter().map(|n| Event::Name(name(*n))).collect();
            store.apply(&Transaction { seq, events, ..founding() }, position(seq)).unwrap();
            if one_by_one {
                store.flush().unwrap();
            }
        }
        let mut contents = store.contents();
        contents.remove(&b"meta"[..]);
        contents
    };
    let one_by_one = written(1);
    assert_eq!(one_by_one[&b"names"[..]].len(), NAMES);
    assert!(written(500) == one_by_one, "three transactions, one batch");
}

/// A step with layers.
#[derive(Clone, Debug)]
enum Lay {
    Put(Vec<u8>, Option<Vec<u8>>),
    /// What is in memory begins to be written, and is read meanwhile.
    Freeze,
    Range(Vec<u8>, Option<Vec<u8>>),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is in which layer, and however far the thread is that writes, what is read equals a map.
    #[test]
    fn layers_over_packs_equal_a_map(steps in proptest::collection::vec(prop_oneof![
        12 => (keys(), values()).prop_map(|(key, value)| Lay::Put(key, value)),
        1 => Just(Lay::Freeze),
        2 => (keys(), proptest::option::of(keys())).prop_map(|(from, to)| Lay::Range(from, to)),
    ], 1..300)) {
        let directory = tempfile::tempdir().unwrap();
        let (_db, packs) = packs(directory.path());
        let mut ours = Layers::new(packs);
        let mut map = Map::new();
        let mut writing: Option<std::thread::JoinHandle<()>> = None;
        for (seq, step) in (1..).zip(steps) {
            match step {
                Lay::Put(key, value) => {
                    ours.put(key.clone(), value.clone());
                    match value {
                        Some(value) => drop(map.insert(key.clone(), value)),
                        None => drop(map.remove(&key)),
                    }
                    prop_assert_eq!(ours.get(&key).unwrap(), map.get(&key).cloned());
                }
                Lay::Freeze => {
                    if let Some(thread) = writing.take() {
                        thread.join().unwrap();
                        ours.thaw();
                    }
                    let packs = Arc::clone(ours.packs());
                    writing = ours.freeze().map(|layer| std::thread::spawn(move || {
                        let changes: Vec<Change<'_>> = layer.iter().map(|(key, value)| (&**key, value.as_deref())).collect();
                        packs.write(seq, &changes).unwrap();
                    }));
                }
                Lay::Range(from, to) => {
                    let found: Vec<_> = ours.range(&from, to.as_deref()).map(Result::unwrap).collect();
                    let within = |key: &[u8]| from.as_slice() <= key && to.as_deref().is_none_or(|to| key < to);
                    let wanted: Vec<_> = map.clone().into_iter().filter(|(key, _)| within(key)).collect();
                    prop_assert_eq!(found, wanted);
                    let found: Vec<_> = ours.prefix(&from).map(|entry| entry.unwrap().0).collect();
                    let wanted: Vec<_> = map.keys().filter(|key| key.starts_with(&from)).cloned().collect();
                    prop_assert_eq!(found, wanted);
                    prop_assert_eq!(ours.last_key().unwrap(), map.keys().next_back().cloned());
                    for key in map.keys().chain([&from]) {
                        prop_assert_eq!(ours.get(key).unwrap(), map.get(key).cloned());
                    }
                }
            }
        }
        drop(writing.map(std::thread::JoinHandle::join));
    }
}

/// Who reads while packs are cut finds every entry that is not being changed, by its key and in its range.
#[test]
fn reading_meanwhile_misses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (_db, ours) = packs(directory.path());
    // Each fourth is there before, and the others come in rounds, which cuts every pack several times.
    let key = |n: u32| n.to_be_bytes();
    let value = [7; 96];
    let before: Vec<[u8; 4]> = (0..1500).map(|n| key(4 * n)).collect();
    let changes: Vec<Change<'_>> = before.iter().map(|key| (&key[..], Some(&value[..]))).collect();
    ours.write(1, &changes).unwrap();
    /// Said also if the thread panics.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _over = Over(&is_over);
            for round in 1..4 {
                let more: Vec<[u8; 4]> = (0..1500).map(|n| key(4 * n + round)).collect();
                for chunk in more.chunks(7) {
                    let changes: Vec<Change<'_>> = chunk.iter().map(|key| (&key[..], Some(&value[..]))).collect();
                    ours.write(u64::from(round) + 1, &changes).unwrap();
                }
            }
        });
        while !is_over.load(SeqCst) {
            for key in &before {
                assert!(get(&ours, key).is_some(), "{key:?}");
            }
            let found: Vec<_> = ours.range(&[], None).map(|entry| entry.unwrap().0).collect();
            assert!(found.is_sorted_by(|one, other| one < other), "each once");
            assert_eq!(found.iter().filter(|key| key[3] % 4 == 0).count(), before.len());
        }
    });
}
