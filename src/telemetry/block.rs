//! A thread's own counters: written by one thread, read by a scrape, on cache lines that no other thread writes.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters on one aligned piece of memory: two lines of 64 octets, because processors fetch them in pairs.
const PER_LINE: usize = 16;

#[repr(align(128))]
#[derive(Default)]
struct Line([AtomicU64; PER_LINE]);

/// A fixed number of counters with one writer.
pub struct Block {
    lines: Box<[Line]>,
}

impl Block {
    /// `len` counters at zero.
    pub fn new(len: usize) -> Self {
        Self { lines: (0..len.div_ceil(PER_LINE)).map(|_| Line::default()).collect() }
    }

    /// Adds `by` to counter `index`. Only the block's one writer may call this: it is a load and a store, so that no
    /// line is locked; a second writer would lose counts (and nothing worse).
    #[inline]
    pub fn add(&self, index: usize, by: u64) {
        let counter = &self.lines[index / PER_LINE].0[index % PER_LINE];
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    /// The value of counter `index`.
    pub fn get(&self, index: usize) -> u64 {
        self.lines[index / PER_LINE].0[index % PER_LINE].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_separate() {
        let block = Block::new(17);
        for index in 0..17 {
            block.add(index, index as u64);
            block.add(index, 1);
        }
        assert!((0..17).all(|index| block.get(index) == index as u64 + 1));
    }

    #[test]
    fn no_two_blocks_share_a_line() {
        let (a, b) = (Block::new(1), Block::new(1));
        let address = |block: &Block| block.lines.as_ptr() as usize;
        assert_eq!((address(&a) % 128, address(&b) % 128), (0, 0));
    }
}
