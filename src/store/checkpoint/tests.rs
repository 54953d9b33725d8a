//! Checkpoints: there and back, and any damage is noticed.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

type Sets = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

fn pages(sets: &Sets) -> Vec<(Arc<str>, Pages)> {
    let pages = |names: &BTreeMap<Vec<u8>, Vec<u8>>| {
        let mut edit = Pages::new().edit();
        names.iter().for_each(|(label, octets)| edit.insert(label, octets));
        edit.finish()
    };
    sets.iter().map(|(set, names)| (set.as_str().into(), pages(names))).collect()
}

fn read_all(directory: &Path, mark: &Mark) -> Result<Sets, CheckpointError> {
    let mut sets = Sets::new();
    let mut current = String::new();
    read(directory, mark, &mut |item| match item {
        Item::Set(set, _) => {
            current = set.to_owned();
            sets.insert(current.clone(), BTreeMap::new());
        }
        Item::Name(label, octets) => {
            sets.get_mut(&current).unwrap().insert(label.to_vec(), octets.to_vec());
        }
    })?;
    Ok(sets)
}

fn sets() -> impl Strategy<Value = Sets> {
    let octets = |len| proptest::collection::vec(any::<u8>(), len);
    let names = proptest::collection::btree_map(octets(1..KEY_OCTETS_MAX + 1), octets(0..300), 0..60);
    proptest::collection::btree_map("[a-z0-9-]{1,20}", names, 0..4)
}

fn write_to(directory: &Path, seq: u64, sets: &Sets) -> Mark {
    write(directory, seq, [7; 32], &pages(sets), &|| Ok(())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(sets in sets(), seq in any::<u64>()) {
        let directory = tempfile::tempdir().unwrap();
        let mark = write_to(directory.path(), seq, &sets);
        prop_assert_eq!((mark.seq, mark.made_with), (seq, [7; 32]));
        prop_assert_eq!(read_all(directory.path(), &mark).unwrap(), sets);
    }

    /// A bit that flips anywhere, a file that ends anywhere, and one that goes on, are damage, never a panic.
    #[test]
    fn damage_is_noticed(sets in sets(), at in any::<Index>(), bit in 0..8u8, kind in 0..3u8) {
        let directory = tempfile::tempdir().unwrap();
        let mark = write_to(directory.path(), 3, &sets);
        let file = path(directory.path(), 3);
        let mut octets = fs::read(&file).unwrap();
        let at = at.index(octets.len());
        match kind {
            0 => octets[at] ^= 1 << bit,
            1 => octets.truncate(at),
            _ => octets.push(bit),
        }
        fs::write(&file, octets).unwrap();
        prop_assert!(read_all(directory.path(), &mark).is_err());
    }
}

#[test]
fn another_file_is_not_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let one = BTreeMap::from([("a".to_owned(), BTreeMap::from([(b"x".to_vec(), vec![1])]))]);
    let other = BTreeMap::from([("a".to_owned(), BTreeMap::from([(b"x".to_vec(), vec![2])]))]);
    let mark = write_to(directory.path(), 3, &one);
    let foreign = write_to(&directory.path().join("other"), 3, &other);
    fs::copy(path(&directory.path().join("other"), 3), path(directory.path(), 3)).unwrap();
    assert!(matches!(read_all(directory.path(), &mark), Err(CheckpointError::Damaged)));
    assert!(read_all(directory.path(), &foreign).is_ok());
    let later = Mark { seq: 4, ..mark.clone() };
    assert!(matches!(read_all(directory.path(), &later), Err(CheckpointError::Io(_))), "there is none");
    fs::copy(path(directory.path(), 3), path(directory.path(), 4)).unwrap();
    assert!(matches!(read_all(directory.path(), &later), Err(CheckpointError::Damaged)), "an old one renamed");
    fs::write(path(directory.path(), 3), "zhengming checkpoint 2\nwhatever").unwrap();
    assert!(matches!(read_all(directory.path(), &mark), Err(CheckpointError::Format)));
}

#[test]
fn a_failed_write_leaves_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let sets = BTreeMap::from([("a".to_owned(), BTreeMap::from([(b"x".to_vec(), vec![1])]))]);
    let mark = write_to(directory.path(), 3, &sets);
    let full = || Err(ErrorKind::StorageFull.into());
    assert!(write(directory.path(), 4, [7; 32], &pages(&sets), &full).is_err());
    assert!(!directory.path().join(UNFINISHED).exists());
    assert_eq!(read_all(directory.path(), &mark).unwrap(), sets);
    let mark = write_to(directory.path(), 5, &sets);
    fs::write(directory.path().join(UNFINISHED), "torn").unwrap();
    remove_others(directory.path(), 5).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    assert_eq!(read_all(directory.path(), &mark).unwrap(), sets);
}

#[test]
fn the_store_vouches_durably() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    assert_eq!(store.checkpoint(), None);
    let mark = Mark { seq: 0, digest: [1; 32], made_with: [2; 32] };
    store.vouch(&mark).unwrap();
    drop(store);
    assert_eq!(Store::open(directory.path(), None).unwrap().checkpoint(), Some(mark));
}

/// Octets of zero, as a file system leaves what it has not written, are no names, however many the file says it has.
#[test]
fn zeros_are_no_names() {
    let directory = tempfile::tempdir().unwrap();
    let names = BTreeMap::from([(b"a".to_vec(), Vec::new())]);
    let mark = write_to(directory.path(), 3, &Sets::from([("set".to_owned(), names)]));
    let file = path(directory.path(), 3);
    let mut octets = fs::read(&file).unwrap();
    let first = octets.len() - LENGTHS - 1;
    octets.truncate(first);
    octets[first - 8..].copy_from_slice(&u64::MAX.to_be_bytes());
    octets.resize(first + (1 << 20), 0);
    fs::write(&file, octets).unwrap();
    let mut taken = 0;
    let read = read(directory.path(), &mark, &mut |item| taken += usize::from(matches!(item, Item::Name(..))));
    assert!(matches!(read, Err(CheckpointError::Damaged)), "{read:?}");
    assert_eq!(taken, 0);
}
