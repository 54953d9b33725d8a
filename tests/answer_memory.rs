//! Answering over UDP allocates nothing, whatever is asked: neither for the answer, nor for the count of it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

#[path = "common/dns.rs"]
mod dns;
#[path = "common/served.rs"]
mod served;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use zhengming::query;
use zhengming::server::{RateLimits, Server, Settings};
use zhengming::telemetry::Telemetry;
use zhengming::zone::Published;

/// Counts the allocations of all threads.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn an_answer_over_udp_allocates_nothing() {
    let hosted = Published::Addresses { addresses: vec![[203, 0, 113, 5].into()], ttl: 600, www: true };
    let registrations = [("xn--fiqs8sirgfmhq98a", hosted), ("xn--dgt32shz8a", served::held("EXPIRED", 0, 403))];
    let (_publisher, reader) = served::served(&registrations);
    let telemetry = Telemetry::new();
    // Far below what is asked, and everything slips, so that every question has its answer.
    let limits = RateLimits { answers: 1, negatives: 1, slip: 1, exempt: vec![], ..RateLimits::default() };
    let addresses = vec!["127.0.0.1:0".parse().unwrap()];
    let settings = Settings { addresses, workers: 1, rate: Some(limits), ..Settings::default() };
    let query_settings = query::Settings::default();
    let server = Server::start(&settings, reader, query_settings, telemetry.dns).unwrap();
    let client = dns::udp(server.addresses()[0]);
    let queries: Vec<Vec<u8>> = [
        "xn--fiqs8sirgfmhq98a.xn--zfr164b",
        "www.xn--fiqs8sirgfmhq98a.xn--zfr164b",
        "mail.xn--fiqs8sirgfmhq98a.xn--zfr164b",
        "xn--dgt32shz8a.xn--zfr164b",
        "unknown.xn--zfr164b",
        "ns.nic.xn--zfr164b",
        "xn--zfr164b",
        "www.example",
    ]
    .iter()
    .map(|name| dns::query(1, name))
    .chain([vec![0; 12], vec![0xff; 40]])
    .collect();
    let mut response = [0; 4096];
    let mut round = || {
        for query in &queries {
            client.send(query).unwrap();
            // What is not answered is followed by what is.
            client.send(&queries[0]).unwrap();
            client.recv(&mut response).unwrap();
            if query[2] & 0x80 == 0 {
                client.recv(&mut response).unwrap();
            }
        }
    };
    // The first packets touch what is made once: buffers, and what threads keep for themselves.
    round();
    // On a busy machine threads that have nothing to do with answers may begin meanwhile; what answers need is needed each time.
    let allocations = (0..5).map(|_| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        (0..200).for_each(|_| round());
        ALLOCATIONS.load(Ordering::Relaxed) - before
    });
    assert_eq!(allocations.min(), Some(0), "in {} answers", 200 * queries.len());
}
