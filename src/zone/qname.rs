//! A name being looked up: lower-cased once, its labels marked, on the stack.

use super::name::{LABEL_LEN_MAX, NAME_LEN_MAX};

/// Most labels of a name, the root label left out: 127 labels of one octet.
const LABELS_MAX: usize = NAME_LEN_MAX / 2;

/// A name in lower case (RFC 4343), with the beginnings of its labels.
#[derive(Clone, Copy)]
pub struct Qname {
    wire: [u8; NAME_LEN_MAX],
    len: u8,
    labels: u8,
    starts: [u8; LABELS_MAX + 1],
}

impl Qname {
    /// The uncompressed name at the start of `octets`, if there is one.
    #[inline]
    pub fn from_wire(octets: &[u8]) -> Option<Self> {
        let mut name = Self { wire: [0; NAME_LEN_MAX], len: 0, labels: 0, starts: [0; LABELS_MAX + 1] };
        let mut at = 0;
        loop {
            let length = usize::from(*octets.get(at)?);
            if length > LABEL_LEN_MAX || at + 1 + length > NAME_LEN_MAX {
                return None;
            }
            name.starts[usize::from(name.labels)] = at as u8;
            if length == 0 {
                break;
            }
            name.labels += 1;
            at += 1 + length;
        }
        let octets = octets.get(..=at)?;
        name.len = octets.len() as u8;
        name.wire[..=at].copy_from_slice(octets);
        // Length octets are below b'A', so lowering every octet cannot change them.
        name.wire[..=at].make_ascii_lowercase();
        Some(name)
    }

    /// The name a person writes as `text`, labels between dots, with or without a final dot; escapes are not known.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut wire = [0; NAME_LEN_MAX];
        let mut at = 0;
        for label in text.strip_suffix('.').unwrap_or(text).split('.') {
            if label.is_empty() || label.len() > LABEL_LEN_MAX {
                return None;
            }
            *wire.get_mut(at)? = label.len() as u8;
            wire.get_mut(at + 1..at + 1 + label.len())?.copy_from_slice(label.as_bytes());
            at += 1 + label.len();
        }
        // The root label that ends it is one of the zeros, if there is room left for it.
        Self::from_wire(&wire)
    }

    /// The octets, in lower case, root label included.
    #[inline]
    pub fn as_wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.len)]
    }

    /// How many labels there are, the root label left out.
    #[inline]
    pub fn label_count(&self) -> usize {
        usize::from(self.labels)
    }

    /// Where the name of the last `count` labels begins.
    #[inline]
    pub fn start_of_last(&self, count: usize) -> usize {
        usize::from(self.starts[self.label_count() - count])
    }

    /// The octets of the label that begins at `start`, its length left out.
    #[inline]
    pub fn label_at(&self, start: usize) -> &[u8] {
        let length = usize::from(self.wire[start]);
        &self.wire[start + 1..start + 1 + length]
    }
}
