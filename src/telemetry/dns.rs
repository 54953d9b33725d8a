//! Handles of the DNS sockets: one block of counters per thread, added up when they are read.

mod collect;
#[cfg(test)]
mod tests;

use super::Exporter;
use super::block::Block;
use prometheus::core::Desc;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Most zones counted apart; those beyond are counted as `other`. Two suffix sets of two suffixes need four.
pub const ZONES_MAX: usize = 32;
/// Upper bounds of the latency histogram in nanoseconds, from one look-up to a stalled machine.
const LATENCY_NANOS: [u64; 14] = [
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
];
/// RCODEs counted apart, with their IANA names; the last stands for all others.
const RCODES: [(u16, &str); 13] = [
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (8, "NXRRSET"),
    (9, "NOTAUTH"),
    (10, "NOTZONE"),
    (16, "BADVERS"),
    (23, "BADCOOKIE"),
    (u16::MAX, "OTHER"),
];

/// Where each RCODE of one octet's low half or little more stands in [`RCODES`].
const RCODE_POSITIONS: [u8; 24] = {
    let mut positions = [RCODES.len() as u8 - 1; 24];
    let mut at = 0;
    while at < RCODES.len() - 1 {
        positions[RCODES[at].0 as usize] = at as u8;
        at += 1;
    }
    positions
};

/// What kind of answer a query got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it; `query::Kind` says more")]
pub enum Answer {
    Answer,
    Nodata,
    Nxdomain,
    Held,
    Referral,
    Refused,
    Error,
    Dropped,
}

/// Why a packet or a connection was dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The source port was 0: nothing can be sent there.
    SourcePort,
    /// The request was longer than any request needs to be.
    RequestTooLong,
    /// The send buffer was full.
    SendBufferFull,
    /// The kernel refused to send.
    SendError,
    /// As many TCP connections were open as are allowed.
    Connections,
    /// The client had as many TCP connections open as one client may.
    ConnectionsOfClient,
    /// A client sent too slowly, or nothing, over a connection.
    TcpIdle,
    /// A client read too slowly from a connection.
    TcpSlowReader,
    /// A TLS handshake failed or took too long.
    Handshake,
    /// What came over HTTPS or QUIC carried no DNS request, or none that is taken.
    Protocol,
    /// A proxy sent no header of the PROXY protocol, or none that can be used.
    ProxyHeader,
}

/// What was done with a response beyond the rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// It was not sent.
    Dropped,
    /// It was sent truncated.
    Slipped,
    /// It was only counted.
    Logged,
}

/// What was found out about the signature of a request that has one (RFC 8945 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it; `tsig::Verdict` says more")]
pub enum Signed {
    Good,
    BadKey,
    Malformed,
    BadSig,
    BadTime,
    BadTrunc,
}

/// Places for RCODES of each kind of answer: a power of two, which costs a count less than a product.
const RCODES_STRIDE: usize = RCODES.len().next_power_of_two();

const ANSWERS: [&str; 8] = ["answer", "nodata", "nxdomain", "held", "referral", "refused", "error", "dropped"];
const DROPS: [&str; 11] = [
    "source_port",
    "request_too_long",
    "send_buffer_full",
    "send_error",
    "connections",
    "connections_of_client",
    "tcp_idle",
    "tcp_slow_reader",
    "handshake",
    "protocol",
    "proxy_header",
];

const SIGNED: [&str; 6] = ["good", "badkey", "malformed", "badsig", "badtime", "badtrunc"];
const LIMITS: [&str; 3] = ["dropped", "slipped", "logged"];

/// Zone slots: [`ZONES_MAX`] zones, `other`, and none.
const SLOTS: usize = ZONES_MAX + 2;
const SLOT_OTHER: usize = ZONES_MAX;
const SLOT_NONE: usize = ZONES_MAX + 1;

// Where things are in a block.
const ANSWERED: usize = 0;
const TRUNCATED: usize = ANSWERED + SLOTS * ANSWERS.len() * RCODES_STRIDE;
const DROPPED: usize = TRUNCATED + 1;
const LATENCY: usize = DROPPED + DROPS.len();
const LATENCY_SUM: usize = LATENCY + LATENCY_NANOS.len() + 1;
const LIMITED: usize = LATENCY_SUM + 1;
const TSIG: usize = LIMITED + LIMITS.len();
const BLOCK_LEN: usize = TSIG + SIGNED.len();

/// The handle from which the sockets' threads draw their counters. Clones share everything.
#[derive(Clone)]
pub struct Dns {
    shared: Arc<Shared>,
}

/// The counters of one thread. Not `Clone`: it has one writer.
pub struct DnsCounter {
    block: Arc<Block>,
    shared: Arc<Shared>,
}

/// The number of open connections of one transport. Clones share it.
#[derive(Clone)]
pub struct DnsConnections {
    open: Arc<AtomicI64>,
}

/// One connection, counted while this lives.
pub struct OpenConnection {
    open: Arc<AtomicI64>,
}

struct Shared {
    /// Slot of each zone by its position in the set of zones; read by all, written at start and reload only.
    slots: [AtomicU8; ZONES_MAX],
    /// Apexes by slot; a slot keeps its apex for ever, so that counts never change their zone.
    apexes: Mutex<Vec<Box<str>>>,
    /// All blocks with their transport.
    blocks: Mutex<Vec<(&'static str, Arc<Block>)>>,
    /// Open connections of each transport that has connections.
    connections: Mutex<BTreeMap<&'static str, Arc<AtomicI64>>>,
    descs: [Desc; 7],
}

impl Dns {
    /// Registers the handles.
    pub fn new(exporter: &Exporter) -> Self {
        let desc = |name: &str, help: &str, labels: &[&str]| {
            let labels = labels.iter().map(ToString::to_string).collect();
            Desc::new(name.into(), help.into(), labels, std::collections::HashMap::new())
                .expect("names and labels are constants that the format allows")
        };
        let shared = Shared {
            slots: [const { AtomicU8::new(SLOT_OTHER as u8) }; ZONES_MAX],
            apexes: Mutex::default(),
            blocks: Mutex::default(),
            connections: Mutex::default(),
            descs: [
                desc(
                    "zhengming_dns_queries_total",
                    "Requests by transport, zone, outcome and RCODE of the response.",
                    &["transport", "zone", "outcome", "rcode"],
                ),
                desc("zhengming_dns_truncated_total", "Responses with TC set.", &["transport"]),
                desc("zhengming_dns_dropped_total", "Requests and connections dropped.", &["transport", "reason"]),
                desc(
                    "zhengming_dns_latency_seconds",
                    "Time from a request's arrival in the program to its response's hand-over to the kernel.",
                    &["transport"],
                ),
                desc("zhengming_dns_connections", "Open connections.", &["transport"]),
                desc("zhengming_dns_rate_limited_total", "UDP responses beyond the rate limit.", &["action"]),
                desc(
                    "zhengming_dns_signed_total",
                    "Requests with a TSIG, by what came of it.",
                    &["transport", "result"],
                ),
            ],
        };
        let dns = Self { shared: Arc::new(shared) };
        exporter.register(Ok(dns.clone()))
    }

    /// Names the zones in the order of the set of zones (canonical order of their apexes), A-labels with a final dot.
    /// Called at start and whenever the set of zones changes; queries answered in the moment between the two may be
    /// counted for a neighbour.
    pub fn set_zones<S: AsRef<str>>(&self, apexes: &[S]) {
        let mut known = lock(&self.shared.apexes);
        for (position, slot) in self.shared.slots.iter().enumerate() {
            let apex = apexes.get(position).map(S::as_ref);
            slot.store(apex.map_or(SLOT_OTHER, |apex| slot_of(&mut known, apex)) as u8, Ordering::Relaxed);
        }
    }

    /// Counters for one thread that serves `transport` (`udp`, `tcp`, `tls` …).
    pub fn counter(&self, transport: &'static str) -> DnsCounter {
        let block = Arc::new(Block::new(BLOCK_LEN));
        lock(&self.shared.blocks).push((transport, Arc::clone(&block)));
        DnsCounter { block, shared: Arc::clone(&self.shared) }
    }

    /// The number of open connections of `transport`.
    pub fn connections(&self, transport: &'static str) -> DnsConnections {
        DnsConnections { open: Arc::clone(lock(&self.shared.connections).entry(transport).or_default()) }
    }
}

impl DnsConnections {
    /// Counts a connection as open until the result is dropped.
    pub fn open(&self) -> OpenConnection {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection { open: Arc::clone(&self.open) }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn slot_of(known: &mut Vec<Box<str>>, apex: &str) -> usize {
    if let Some(slot) = known.iter().position(|k| **k == *apex) {
        return slot;
    }
    if known.len() == ZONES_MAX {
        return SLOT_OTHER;
    }
    known.push(apex.into());
    known.len() - 1
}

impl DnsCounter {
    /// Counts one request: the zone's position in the set of zones, what it was answered, and whether TC was set.
    #[inline]
    pub fn answered(&self, zone: Option<usize>, answer: Answer, rcode: u16, truncated: bool) {
        let slot = zone.map_or(SLOT_NONE, |position| {
            self.shared.slots.get(position).map_or(SLOT_OTHER, |slot| usize::from(slot.load(Ordering::Relaxed)))
        });
        let rcode = RCODE_POSITIONS.get(usize::from(rcode)).map_or(RCODES.len() - 1, |position| usize::from(*position));
        self.block.add(answered_at(slot, answer as usize, rcode), 1);
        if truncated {
            self.block.add(TRUNCATED, 1);
        }
    }

    /// Counts one drop.
    pub fn dropped(&self, drop: DropReason) {
        self.block.add(DROPPED + drop as usize, 1);
    }

    /// Counts one request with a TSIG.
    pub fn signed(&self, signed: Signed) {
        self.block.add(TSIG + signed as usize, 1);
    }

    /// Counts one response beyond the rate limit.
    pub fn limited(&self, limited: Limited) {
        self.block.add(LIMITED + limited as usize, 1);
    }

    /// Counts `requests` that were answered together in `time`: each waited for the whole batch.
    pub fn latency(&self, time: Duration, requests: u64) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = LATENCY_NANOS.partition_point(|bound| *bound < nanos);
        self.block.add(LATENCY + bucket, requests);
        self.block.add(LATENCY_SUM, nanos.saturating_mul(requests));
    }
}

/// Where the answers of one kind with one RCODE are counted for the zone in a slot.
#[inline(always)]
const fn answered_at(slot: usize, answer: usize, rcode: usize) -> usize {
    ANSWERED + (slot * ANSWERS.len() + answer) * RCODES_STRIDE + rcode
}

/// What a thread that panicked left behind is still true here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
