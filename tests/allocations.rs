//! No answer allocates: every kind of outcome is asked for under an allocator that counts.

#[path = "common/respond.rs"]
mod respond;

use respond::{Opt, Query};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use zhengming::query::{self, Kind, Transport};

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has no counter any more.
    let _ = ALLOCATIONS.try_with(|counted| counted.set(counted.get() + 1));
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`, and `pointer` came from the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATIONS.get();
    let result = run();
    (ALLOCATIONS.get() - before, result)
}

#[test]
fn no_answer_allocates() {
    let zones = respond::zones();
    let settings = respond::settings();
    let mut response = vec![0; 65_535];
    let mut seen = Vec::new();
    let names = [
        "xn--live.xn--zfr164b",
        "www.xn--live.xn--zfr164b",
        "xn--forward.xn--zfr164b.cn",
        "x.xn--own.xn--zfr164b",
        "xn--own.xn--zfr164b.cn",
        "xn--legal.xn--zfr164b",
        "xn--nobody.xn--zfr164b",
        "xn--zfr164b",
        "a.nic.xn--zfr164b",
        "alias.example",
        "toheld.example",
        "x.xn--own.moved.example",
        "example.com",
    ];
    let opt = Opt { options: vec![(3, vec![]), (10, vec![1; 24]), (11, vec![]), (12, vec![0; 9])], ..Opt::new() };
    let mut requests = vec![vec![0; 5], vec![0x80; 40], vec![0; 40]];
    for name in names {
        for qtype in ["A", "AAAA", "NS", "SOA", "TXT", "DS", "ANY", "AXFR", "TYPE4711"] {
            for edns in [None, Some(opt.clone()), Some(Opt { version: 1, ..Opt::new() })] {
                requests.push(Query { edns, ..Query::new(name, qtype) }.to_wire());
            }
        }
    }
    for request in &requests {
        for transport in Transport::ALL {
            let respond = || query::respond(&zones, &settings, &respond::client(transport), request, &mut response);
            let (allocations, outcome) = allocations_of(respond);
            assert_eq!(allocations, 0, "{outcome:?} for {request:02x?}");
            seen.push(outcome.kind);
        }
    }
    let kinds = [Kind::Answer, Kind::Nodata, Kind::Nxdomain, Kind::Held, Kind::Referral, Kind::Refused, Kind::Error];
    for kind in kinds.into_iter().chain([Kind::Dropped]) {
        assert!(seen.contains(&kind), "{kind:?} was not tried");
    }
}

#[test]
fn the_count_counts() {
    assert!(allocations_of(|| vec![0u8; 100]).0 > 0);
}
