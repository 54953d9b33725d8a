//! The index against `HashMap`.

use super::super::node;
use super::super::record::Rtype;
use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

type Model = HashMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    /// Finish the edit and keep the version.
    Version,
}

fn step() -> impl Strategy<Value = Step> {
    // Few keys, so that steps meet; values up to a page, so that pages split after a handful.
    let key = || (0..400u32).prop_map(|n| format!("xn--{n}").into_bytes());
    let value = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => proptest::collection::vec(any::<u8>(), 900..4200),
    ];
    prop_oneof![
        6 => (key(), value).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => key().prop_map(Step::Remove),
        1 => Just(Step::Version),
    ]
}

fn masked(mask: u64) -> Pages {
    let mut pages = Pages::with_seed(7);
    pages.key.mask = mask;
    pages
}

fn check(pages: &Pages, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(pages.len(), model.len());
    let found: Model = pages.iter().map(|stored| (stored.key.to_vec(), stored.value.to_vec())).collect();
    prop_assert_eq!(&found, model);
    for n in 0..400u32 {
        let key = format!("xn--{n}").into_bytes();
        prop_assert_eq!(pages.get(&key), model.get(&key).map(Vec::as_slice));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn behaves_like_a_map_and_keeps_old_versions(
        steps in proptest::collection::vec(step(), 1..600),
        // All bits; a few of the first level; bits of deep levels only; tags only: everything collides.
        mask in prop_oneof![Just(u64::MAX), Just(0xc000_0000_0000_00ff), Just(0x0000_0000_00ff_ff01), Just(0x03), Just(0)],
    ) {
        let mut model = Model::new();
        let mut edit = masked(mask).edit();
        let mut versions = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    edit.insert(&key, &value);
                    prop_assert_eq!(edit.get(&key), Some(&value[..]));
                    model.insert(key, value);
                }
                Step::Remove(key) => prop_assert_eq!(edit.remove(&key), model.remove(&key).is_some()),
                Step::Version => {
                    let pages = edit.finish();
                    edit = pages.edit();
                    versions.push((pages, model.clone()));
                }
            }
        }
        versions.push((edit.finish(), model));
        for (pages, model) in &versions {
            check(pages, model)?;
        }
    }
}

#[test]
fn what_is_emptied_shrinks_to_one_page() {
    let mut edit = Pages::new().edit();
    for n in 0..5000u32 {
        edit.insert(&n.to_be_bytes(), &[0; 40]);
    }
    let full = edit.finish();
    assert!(full.memory() > 5000 * 44);
    let mut edit = full.edit();
    for n in 0..5000u32 {
        assert!(edit.remove(&n.to_be_bytes()));
    }
    let empty = edit.finish();
    assert!(empty.is_empty());
    assert_eq!(empty.root.starts, 1);
    assert!(empty.memory() < 2000);
    assert_eq!(full.get(&17u32.to_be_bytes()), Some(&[0; 40][..]));
}

#[test]
fn overhead_per_name_is_small() {
    // A registration as most are: a label of 23 octets, one address.
    let mut edit = Pages::with_seed(1).edit();
    let count = 50_000u32;
    for n in 0..count {
        edit.insert(format!("xn--{n:019}").as_bytes(), &[0; 8]);
    }
    let each = edit.finish().memory() / count as usize;
    // Two owner names, N and www.N, share it; the goal is 80 octets for each.
    assert!(each <= 80, "{each} octets a registration");
}

/// However full its pages happen to be: an address and its signature by ECDSA, for a label of 24 octets. The NSEC3 chain takes
/// some 96 more, and 300 is the goal.
#[test]
fn a_signed_owner_is_small() {
    let signature = [&[0; 18][..], b"\x06signed\x07example\0", &[1; 64]].concat();
    for count in [20_000_u32, 25_000, 30_000, 40_000] {
        let mut edit = Pages::with_seed(1).edit();
        for n in 0..count {
            let key = format!("\x18xn--{n:020}");
            let mut node = Vec::new();
            node::begin(0, key.as_bytes(), key.as_bytes(), &mut node);
            node::write_rrset(Rtype::A, 300, &[[192, 0, 2, 1]], &mut node);
            node::write_rrset(Rtype::RRSIG, 300, &[&signature], &mut node);
            edit.insert(key.as_bytes(), &node);
        }
        let each = edit.finish().memory() / count as usize;
        assert!(each <= 204, "{each} octets an owner of {count}");
    }
}

#[test]
fn an_edit_copies_one_path() {
    let mut edit = Pages::with_seed(1).edit();
    for n in 0..20_000u32 {
        edit.insert(&n.to_be_bytes(), &[1; 30]);
    }
    let before = edit.finish();
    let mut edit = before.edit();
    edit.insert(&77u32.to_be_bytes(), &[2; 30]);
    let after = edit.finish();
    let same = |pair: &(&Child, &Child)| match pair {
        (Child::Leaf(a), Child::Leaf(b)) => a.is(b),
        (Child::Branch(a), Child::Branch(b)) => Arc::ptr_eq(&a.children, &b.children),
        _ => false,
    };
    let shared = before.root.distinct().zip(after.root.distinct()).filter(same).count();
    assert_eq!(shared, before.root.distinct().count() - 1);
    assert_eq!(before.get(&77u32.to_be_bytes()), Some(&[1; 30][..]));
    assert_eq!(after.get(&77u32.to_be_bytes()), Some(&[2; 30][..]));
}
