//! A stop in the midst of applying a transaction.

use super::super::apply::{Plan, Write};
use crate::store::Store;
use proptest::sample::Index;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Makes as many of the plan's writes as `stop` says: those that may be made in any order in some other one each time, of
/// which what two threads do is one.
pub fn apply(store: &Store, seq: u64, plan: &Plan, stop: Index) {
    let mut writes: Vec<(usize, &Write)> = plan.writes.iter().enumerate().collect();
    let place = |(at, _): &(usize, &Write)| {
        let mut hasher = DefaultHasher::new();
        (stop.index(usize::MAX), at).hash(&mut hasher);
        hasher.finish()
    };
    for step in [plan.index.clone(), plan.images.clone()] {
        writes[step].sort_by_cached_key(place);
    }
    for (_, write) in &writes[..stop.index(writes.len())] {
        store.execute(seq, std::slice::from_ref(write)).unwrap();
    }
}
