//! Names as octets that sort as names do in canonical order (RFC 4034 §6.1).
//!
//! The labels stand from right to left, each closed by a zero, so that the key of a name begins with the keys of all
//! names above it. The octets 0 and 1 are escaped by a 1 in front and the next octet after them.

use super::name::{LABEL_LEN_MAX, NAME_LEN_MAX};

/// Octets of the longest key: every octet of a name escaped, and the label `*` in front.
const KEY_LEN_MAX: usize = 2 * NAME_LEN_MAX + 2;
/// Labels of the longest name, the root label included.
const LABELS_MAX: usize = NAME_LEN_MAX / 2 + 1;
/// What escapes.
const ESCAPE: u8 = 1;
/// What closes a label: it sorts before all that could go on with it.
const END: u8 = 0;

/// The key of one name, on the stack.
pub struct Key {
    octets: [u8; KEY_LEN_MAX],
    len: usize,
}

impl Key {
    /// The key of `labels` in wire form, with or without a root label.
    pub fn of(labels: &[u8]) -> Self {
        let mut key = Self { octets: [0; KEY_LEN_MAX], len: 0 };
        write(labels, &mut |octet| key.push(octet));
        key
    }

    /// The key of the name `*` directly below `labels`.
    pub fn of_wildcard_below(labels: &[u8]) -> Self {
        let mut key = Self::of(labels);
        key.push(b'*');
        key.push(END);
        key
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    fn push(&mut self, octet: u8) {
        self.octets[self.len] = octet;
        self.len += 1;
    }
}

/// Hands the key of `labels` in wire form, with or without a root label, to `put`.
pub fn write(labels: &[u8], put: &mut impl FnMut(u8)) {
    let mut starts = [0; LABELS_MAX];
    let (mut count, mut at) = (0, 0);
    while let Some(&length @ 1..) = labels.get(at) {
        starts[count] = at;
        count += 1;
        at += 1 + usize::from(length);
    }
    for &start in starts[..count].iter().rev() {
        for octet in &labels[start + 1..=start + usize::from(labels[start])] {
            match octet.to_ascii_lowercase() {
                octet @ 0..=ESCAPE => {
                    put(ESCAPE);
                    put(octet + 1);
                }
                octet => put(octet),
            }
        }
        put(END);
    }
}

/// The labels in wire form, in lower case and without a root label, of which `key` is the key. They stand at the end of
/// `buffer`.
pub fn labels<'b>(key: &[u8], buffer: &'b mut [u8; NAME_LEN_MAX]) -> &'b [u8] {
    let mut start = buffer.len();
    for label in key.split_inclusive(|&octet| octet == END) {
        let mut unescaped = [0; LABEL_LEN_MAX];
        let mut length = 0;
        let mut octets = label[..label.len() - 1].iter();
        while let Some(&octet) = octets.next() {
            unescaped[length] = match octet {
                ESCAPE => octets.next().map_or(0, |&escaped| escaped - 1),
                octet => octet,
            };
            length += 1;
        }
        start -= 1 + length;
        buffer[start] = length as u8;
        buffer[start + 1..=start + length].copy_from_slice(&unescaped[..length]);
    }
    &buffer[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Name;
    use proptest::prelude::*;

    #[test]
    fn keys_sort_as_rfc4034_section_6_1_says() {
        let names = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
            r"\001.z.example",
            "*.z.example",
            r"\200.z.example",
        ];
        let keys = names.map(|name| Key::of(Name::absolute(name).unwrap().as_wire()));
        assert!(keys.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()));
        assert!(keys[2].as_bytes().starts_with(keys[1].as_bytes()));
        assert!(!keys[5].as_bytes().starts_with(keys[1].as_bytes()));
        assert_eq!(Key::of_wildcard_below(b"\x01z\x07example").as_bytes(), keys[7].as_bytes());
    }

    proptest! {
        #[test]
        fn keys_turn_back_into_names_and_sort_by_labels_from_the_right(
            names in prop::collection::vec(prop::collection::vec(prop::collection::vec(0..5_u8, 1..4), 0..5), 2..20),
        ) {
            let mut by_key: Vec<(Vec<u8>, Vec<Vec<u8>>)> = names.into_iter().map(|labels| {
                let wire: Vec<u8> = labels.iter().flat_map(|label| [&[label.len() as u8], &label[..]].concat()).collect();
                let key = Key::of(&wire);
                assert_eq!(super::labels(key.as_bytes(), &mut [0; NAME_LEN_MAX]), wire);
                (key.as_bytes().to_vec(), labels.into_iter().rev().collect())
            }).collect();
            by_key.sort();
            prop_assert!(by_key.is_sorted_by(|a, b| a.1 <= b.1));
        }
    }
}
