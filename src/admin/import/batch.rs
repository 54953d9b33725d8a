//! Lines that are applied together, and which of them were applied before.
//!
//! A batch is known by the number of its first line and the digest of all its lines. The last batch of a file that was added to
//! begins with the lines that it had before: the digest of these is that of the earlier batch, and they are passed over.

use super::super::problem::Problem;
use crate::registry::Command;
use crate::registry::command::ImportItem;
use sha2::{Digest, Sha256};

/// Lines that are applied together.
#[derive(Default)]
pub(super) struct Batch {
    /// The first line's number.
    pub(super) first: usize,
    pub(super) items: Vec<(usize, ImportItem)>,
    pub(super) refusals: Vec<Problem>,
    /// Lines that could not be read as items.
    pub(super) bad: usize,
    /// The lines as they came, each with its end; at most a batch of the longest.
    text: Vec<u8>,
    /// Where each line ends in it.
    ends: Vec<usize>,
}

/// A batch that was imported before.
pub(super) struct Before {
    pub(super) seq: u64,
    pub(super) digest: [u8; 32],
    /// Which lines it had, in words.
    pub(super) lines: Option<Box<str>>,
}

impl Batch {
    /// Adds a line; none if it was too long to be kept.
    pub(super) fn push(&mut self, line: Option<&[u8]>) {
        if let Some(line) = line {
            self.text.extend_from_slice(line);
            self.text.push(b'\n');
        }
        self.ends.push(self.text.len());
    }

    /// How many objects it has.
    pub(super) fn count(&self) -> usize {
        self.items.len() + self.bad
    }

    /// The last line's number.
    pub(super) fn last(&self) -> usize {
        self.first + self.ends.len().saturating_sub(1)
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }

    /// How many of the first lines have this digest.
    pub(super) fn lines_of(&self, digest: &[u8; 32]) -> Option<usize> {
        let mut sha = Sha256::new();
        let mut start = 0;
        let same = |end: &usize| {
            sha.update(&self.text[start..*end]);
            start = *end;
            sha.clone().finalize()[..] == *digest
        };
        self.ends.iter().position(same).map(|index| index + 1)
    }

    /// Puts back what was handed in and not taken.
    pub(super) fn take_back(&mut self, command: Command) {
        if let Command::Import { items } = command {
            self.items = items;
        }
    }

    /// The batch without its first lines.
    pub(super) fn after(mut self, lines: usize) -> Self {
        let first = self.first + lines;
        let start = self.ends[lines - 1];
        self.items.retain(|(line, _)| *line >= first);
        self.text.drain(..start);
        self.ends.drain(..lines);
        self.ends.iter_mut().for_each(|end| *end -= start);
        Self { first, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn batch(first: usize, lines: &[Option<String>]) -> Batch {
        let mut batch = Batch { first, ..Batch::default() };
        lines.iter().for_each(|line| batch.push(line.as_ref().map(String::as_bytes)));
        batch
    }

    proptest! {
        #[test]
        fn what_follows_lines_imported_before_is_a_batch_of_its_own(
            lines in prop::collection::vec("[a-c]{1,3}".prop_map(Some), 2..20),
            cut in 1usize..19,
        ) {
            let cut = cut.min(lines.len() - 1);
            let (before, whole) = (batch(7, &lines[..cut]), batch(7, &lines));
            prop_assert_eq!(whole.lines_of(&before.digest()), Some(cut));
            let rest = whole.after(cut);
            let alone = batch(7 + cut, &lines[cut..]);
            prop_assert_eq!((rest.first, rest.last(), rest.digest()), (alone.first, alone.last(), alone.digest()));
            prop_assert_eq!(rest.lines_of(&before.digest()).is_some(), lines[cut..].starts_with(&lines[..cut]));
        }
    }
}
