//! Records in any order, of which an index is made at once: at a start nobody reads yet, so none has to be found in between.
//!
//! They stand in 64 parts, by what slot of the root they belong to. The index is made of one part after the other, and
//! each goes when its pages are there, so that both together take hardly more than the index; with one insertion after
//! the other, what the pages were while they grew would lie between them.

use super::{Bulk, PARTS, Pages, PagesEdit, Stored, part};
use std::cmp::max;

/// Octets of a chunk: half of one is empty at the end of each part, and many are one allocation less each.
const CHUNK_LEN: usize = 16 << 10;
/// Octets before a record: the length of its key and that of its value.
const LENGTHS: usize = 2 + 4;

/// Records for one index.
pub struct Gathered {
    /// Empty: it has the key of the hash.
    pages: Pages,
    parts: Vec<Part>,
    /// Of all records.
    octets: usize,
}

/// What shares the first bits of its hash, in chunks that never grow; no record is in two of them.
#[derive(Default)]
struct Part(Vec<Vec<u8>>);

impl Gathered {
    /// None yet, for an index like `pages`, which is empty.
    fn on(pages: Pages) -> Self {
        Self { pages, parts: (0..PARTS).map(|_| Part::default()).collect(), octets: 0 }
    }

    /// Adds a record; of several with one key the last counts.
    ///
    /// # Panics
    /// If the key has 64 KiB or more, or the value 4 GiB.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) {
        self.octets += key.len() + value.len();
        self.parts[part(self.pages.hash_octets(key))].push(Stored { key, value });
    }

    /// The index of all records.
    pub fn finish(self) -> Pages {
        let mut bulk = Bulk::on(self.pages, self.octets);
        for part in self.parts {
            let mut records: Vec<_> = part.records().map(|record| (bulk.hash(record.key), record)).collect();
            // Stable: what was added later stays behind.
            records.sort_by_key(|(hash, _)| *hash);
            for (at, &(hash, Stored { key, value })) in records.iter().enumerate() {
                let mut later = records[at + 1..].iter().take_while(|(other, _)| *other == hash);
                if !later.any(|(_, other)| other.key == key) {
                    bulk.push(hash, key, value);
                }
            }
        }
        bulk.finish()
    }

    /// The same, to be edited.
    pub fn edit(self) -> PagesEdit {
        self.finish().edit()
    }
}

impl Default for Gathered {
    fn default() -> Self {
        Self::on(Pages::new())
    }
}

impl Part {
    fn push(&mut self, Stored { key, value }: Stored<'_>) {
        let length = LENGTHS + key.len() + value.len();
        let chunk = match self.0.last_mut() {
            Some(chunk) if chunk.capacity() - chunk.len() >= length => chunk,
            _ => self.0.push_mut(Vec::with_capacity(max(length, CHUNK_LEN))),
        };
        chunk.extend_from_slice(&u16::try_from(key.len()).expect("keys are labels").to_le_bytes());
        chunk.extend_from_slice(&u32::try_from(value.len()).expect("values are records").to_le_bytes());
        chunk.extend_from_slice(key);
        chunk.extend_from_slice(value);
    }

    fn records(&self) -> impl Iterator<Item = Stored<'_>> {
        self.0.iter().flat_map(|chunk| {
            let mut rest = &chunk[..];
            std::iter::from_fn(move || {
                let (&[a, b, c, d, e, f], after) = rest.split_first_chunk::<LENGTHS>()?;
                let (key, after) = after.split_at(u16::from_le_bytes([a, b]).into());
                let (value, after) = after.split_at(u32::from_le_bytes([c, d, e, f]) as usize);
                rest = after;
                Some(Stored { key, value })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Few keys, so that they come again; records longer than a chunk; hashes that collide.
        #[test]
        fn it_holds_what_a_map_would(
            records in prop::collection::vec(
                (0..200_u32, prop_oneof![
                    8 => prop::collection::vec(any::<u8>(), 0..60),
                    1 => prop::collection::vec(any::<u8>(), 900..4200),
                    1 => (0..3 * CHUNK_LEN).prop_map(|length| vec![7; length]),
                ]),
                0..300,
            ),
            mask in prop_oneof![Just(u64::MAX), Just(0xc000_0000_0000_00ff), Just(0x03), Just(0)],
        ) {
            let mut empty = Pages::with_seed(7);
            empty.key.mask = mask;
            let mut gathered = Gathered::on(empty);
            let mut model = HashMap::new();
            for (key, value) in &records {
                let key = format!("xn--{key}").into_bytes();
                gathered.insert(&key, value);
                model.insert(key, &value[..]);
            }
            let pages = gathered.finish();
            prop_assert_eq!(pages.len(), model.len());
            let all: HashMap<_, _> = pages.iter().map(|Stored { key, value }| (key.to_vec(), value)).collect();
            prop_assert_eq!(&all, &model);
            prop_assert!(model.iter().all(|(key, value)| pages.get(key) == Some(value)));
        }
    }
}
