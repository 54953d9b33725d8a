//! Reading a master file, checking it and making its index takes at most one and a half times what the index takes then.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use zhengming::zone::Name;
use zhengming::zonefile;

/// Names of the file, each with `www` below it.
const NAMES: u32 = 60_000;

/// Keeps the account of what this thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(octets: isize) {
    // A thread that is ending has no account any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + octets);
        MOST.with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller keeps the contract of `realloc`, and `pointer` came from the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn loading_takes_little_more_than_what_is_loaded() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let head = "$TTL 600\n@ 300 IN SOA ns1 hostmaster 7 1800 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n";
    let mut text = head.to_owned();
    for number in 0..NAMES {
        // Spread, so that the file is not sorted.
        let spread = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [_, a, b, c] = number.to_be_bytes();
        text += &format!(
            "xn--{:013x}{number:x} A 203.{a}.{b}.{c}\nwww.xn--{:013x}{number:x} A 203.{a}.{b}.{c}\n",
            spread >> 12,
            spread >> 12
        );
    }
    file.write_all(text.as_bytes()).unwrap();
    drop(text);
    let before = HELD.get();
    MOST.set(before);
    let (zone, _) = zonefile::load(file.path(), &Name::absolute("xn--zfr164b").unwrap(), false).unwrap();
    let (most, then) = (MOST.get() - before, HELD.get() - before);
    println!("{most} octets at most, {then} then, {:.2} times", most as f64 / then as f64);
    assert!(zone.records().count() > 2 * NAMES as usize);
    assert!(2 * most <= 3 * then, "{most} octets at most, {then} then");
}
