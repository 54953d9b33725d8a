//! Handles of the DNS sockets: one block of counters per thread, added up when they are read.

use super::Exporter;
use super::block::Block;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
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

/// What kind of answer a query got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
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
    /// A TCP client sent too slowly, or nothing.
    TcpIdle,
    /// A TCP client read too slowly.
    TcpSlowReader,
}

const ANSWERS: [&str; 8] = ["answer", "nodata", "nxdomain", "held", "referral", "refused", "error", "dropped"];
const DROPS: [&str; 8] = [
    "source_port",
    "request_too_long",
    "send_buffer_full",
    "send_error",
    "connections",
    "connections_of_client",
    "tcp_idle",
    "tcp_slow_reader",
];

/// Zone slots: [`ZONES_MAX`] zones, `other`, and none.
const SLOTS: usize = ZONES_MAX + 2;
const SLOT_OTHER: usize = ZONES_MAX;
const SLOT_NONE: usize = ZONES_MAX + 1;

// Where things are in a block.
const ANSWERED: usize = 0;
const TRUNCATED: usize = ANSWERED + SLOTS * ANSWERS.len() * RCODES.len();
const DROPPED: usize = TRUNCATED + 1;
const LATENCY: usize = DROPPED + DROPS.len();
const LATENCY_SUM: usize = LATENCY + LATENCY_NANOS.len() + 1;
const BLOCK_LEN: usize = LATENCY_SUM + 1;

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

struct Shared {
    /// Slot of each zone by its position in the set of zones; read by all, written at start and reload only.
    slots: [AtomicU8; ZONES_MAX],
    /// Apexes by slot; a slot keeps its apex for ever, so that counts never change their zone.
    apexes: Mutex<Vec<Box<str>>>,
    /// All blocks with their transport.
    blocks: Mutex<Vec<(&'static str, Arc<Block>)>>,
    connections: AtomicI64,
    descs: [Desc; 5],
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
            connections: AtomicI64::new(0),
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
                desc("zhengming_dns_tcp_connections", "Open TCP connections.", &[]),
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

    /// Counters for one thread that serves `transport` (`udp`, `tcp`).
    pub fn counter(&self, transport: &'static str) -> DnsCounter {
        let block = Arc::new(Block::new(BLOCK_LEN));
        lock(&self.shared.blocks).push((transport, Arc::clone(&block)));
        DnsCounter { block, shared: Arc::clone(&self.shared) }
    }

    /// Changes how many TCP connections are open.
    pub fn connections_by(&self, difference: i64) {
        self.shared.connections.fetch_add(difference, Ordering::Relaxed);
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
        let rcode = RCODES.iter().position(|(number, _)| *number == rcode).unwrap_or(RCODES.len() - 1);
        self.block.add(ANSWERED + (slot * ANSWERS.len() + answer as usize) * RCODES.len() + rcode, 1);
        if truncated {
            self.block.add(TRUNCATED, 1);
        }
    }

    /// Counts one drop.
    pub fn dropped(&self, drop: DropReason) {
        self.block.add(DROPPED + drop as usize, 1);
    }

    /// Counts `requests` that were answered together in `time`: each waited for the whole batch.
    pub fn latency(&self, time: Duration, requests: u64) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = LATENCY_NANOS.partition_point(|bound| *bound < nanos);
        self.block.add(LATENCY + bucket, requests);
        self.block.add(LATENCY_SUM, nanos.saturating_mul(requests));
    }
}

impl Collector for Dns {
    fn desc(&self) -> Vec<&Desc> {
        self.shared.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let sums = self.sums();
        let mut queries = Vec::new();
        let mut truncated = Vec::new();
        let mut dropped = Vec::new();
        let mut latency = Vec::new();
        for (transport, sum) in &sums {
            queries.extend(self.queries(transport, sum));
            truncated.push(counter(sum[TRUNCATED], &[("transport", transport)]));
            for (reason, name) in DROPS.iter().enumerate() {
                let labels = [("reason", *name), ("transport", *transport)];
                dropped.push(counter(sum[DROPPED + reason], &labels));
            }
            latency.push(latency_metric(transport, sum));
        }
        let mut open = Gauge::default();
        open.set_value(self.shared.connections.load(Ordering::Relaxed) as f64);
        let counted = MetricType::COUNTER;
        let descs = &self.shared.descs;
        let mut families = vec![
            family(&descs[0], counted, queries),
            family(&descs[1], counted, truncated),
            family(&descs[2], counted, dropped),
            family(&descs[3], MetricType::HISTOGRAM, latency),
            family(&descs[4], MetricType::GAUGE, vec![Metric::from_gauge(open)]),
        ];
        families.retain(|family| !family.get_metric().is_empty());
        families
    }
}

impl Dns {
    /// The blocks of each transport, added up.
    fn sums(&self) -> BTreeMap<&'static str, Vec<u64>> {
        let mut sums = BTreeMap::new();
        for (transport, block) in lock(&self.shared.blocks).iter() {
            let sum = sums.entry(*transport).or_insert_with(|| vec![0; BLOCK_LEN]);
            for (index, total) in sum.iter_mut().enumerate() {
                *total += block.get(index);
            }
        }
        sums
    }

    /// The counts of requests that are not zero; most combinations never occur.
    fn queries(&self, transport: &str, sum: &[u64]) -> Vec<Metric> {
        let apexes = lock(&self.shared.apexes);
        let mut metrics = Vec::new();
        for slot in 0..SLOTS {
            let zone = match slot {
                SLOT_NONE => "",
                SLOT_OTHER => "other",
                _ => apexes.get(slot).map_or("", |apex| apex),
            };
            for (kind, outcome) in ANSWERS.iter().enumerate() {
                for (at, (_, rcode)) in RCODES.iter().enumerate() {
                    let value = sum[ANSWERED + (slot * ANSWERS.len() + kind) * RCODES.len() + at];
                    if value > 0 {
                        let labels =
                            [("outcome", *outcome), ("rcode", *rcode), ("transport", transport), ("zone", zone)];
                        metrics.push(counter(value, &labels));
                    }
                }
            }
        }
        metrics
    }
}

fn latency_metric(transport: &str, sum: &[u64]) -> Metric {
    let mut histogram = Histogram::default();
    let mut cumulative = 0;
    let mut buckets = Vec::with_capacity(LATENCY_NANOS.len());
    for (at, nanos) in LATENCY_NANOS.iter().enumerate() {
        cumulative += sum[LATENCY + at];
        let mut bucket = Bucket::default();
        bucket.set_cumulative_count(cumulative);
        bucket.set_upper_bound(*nanos as f64 / 1e9);
        buckets.push(bucket);
    }
    histogram.set_bucket(buckets);
    histogram.set_sample_count(cumulative + sum[LATENCY + LATENCY_NANOS.len()]);
    histogram.set_sample_sum(sum[LATENCY_SUM] as f64 / 1e9);
    let mut metric = Metric::from_label(labels(&[("transport", transport)]));
    metric.set_histogram(histogram);
    metric
}

fn counter(value: u64, names: &[(&str, &str)]) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    let mut metric = Metric::from_label(labels(names));
    metric.set_counter(counter);
    metric
}

fn labels(names: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).into());
        pair.set_value((*value).into());
        pair
    };
    names.iter().map(pair).collect()
}

fn family(desc: &Desc, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(desc.fq_name.clone());
    family.set_help(desc.help.clone());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

/// What a thread that panicked left behind is still true here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }

    #[test]
    fn threads_are_added_up() {
        let exporter = Exporter::new();
        let dns = Dns::new(&exporter);
        dns.set_zones(&["xn--55qw42g.", "xn--zfr164b."]);
        let counters = [dns.counter("udp"), dns.counter("udp"), dns.counter("tcp")];
        for counter in &counters {
            counter.answered(Some(1), Answer::Held, 3, true);
            counter.answered(None, Answer::Refused, 5, false);
            counter.answered(Some(0), Answer::Error, 77, false);
            counter.latency(Duration::from_micros(5), 3);
        }
        counters[2].dropped(DropReason::TcpIdle);
        let text = exporter.render();
        let queries = |labels: &str, n: u32| has(&text, &format!("zhengming_dns_queries_total{{{labels}}} {n}"));
        queries("outcome=\"held\",rcode=\"NXDOMAIN\",transport=\"udp\",zone=\"xn--zfr164b.\"", 2);
        queries("outcome=\"held\",rcode=\"NXDOMAIN\",transport=\"tcp\",zone=\"xn--zfr164b.\"", 1);
        queries("outcome=\"refused\",rcode=\"REFUSED\",transport=\"udp\",zone=\"\"", 2);
        queries("outcome=\"error\",rcode=\"OTHER\",transport=\"udp\",zone=\"xn--55qw42g.\"", 2);
        has(&text, "zhengming_dns_truncated_total{transport=\"udp\"} 2");
        has(&text, "zhengming_dns_dropped_total{reason=\"tcp_idle\",transport=\"tcp\"} 1");
        has(&text, "zhengming_dns_latency_seconds_bucket{transport=\"udp\",le=\"0.000002\"} 0");
        has(&text, "zhengming_dns_latency_seconds_bucket{transport=\"udp\",le=\"0.000005\"} 6");
        has(&text, "zhengming_dns_latency_seconds_count{transport=\"udp\"} 6");
        has(&text, "zhengming_dns_tcp_connections 0");
    }

    #[test]
    fn a_reload_leaves_counts_with_their_zone() {
        let exporter = Exporter::new();
        let dns = Dns::new(&exporter);
        let counter = dns.counter("udp");
        dns.set_zones(&["b.", "c."]);
        counter.answered(Some(0), Answer::Answer, 0, false);
        dns.set_zones(&["a.", "b."]);
        counter.answered(Some(0), Answer::Answer, 0, false);
        counter.answered(Some(1), Answer::Answer, 0, false);
        counter.answered(Some(2), Answer::Answer, 0, false);
        counter.answered(Some(ZONES_MAX + 5), Answer::Answer, 0, false);
        let text = exporter.render();
        for (zone, n) in [("a.", 1), ("b.", 2), ("other", 2)] {
            let labels = format!("outcome=\"answer\",rcode=\"NOERROR\",transport=\"udp\",zone=\"{zone}\"");
            has(&text, &format!("zhengming_dns_queries_total{{{labels}}} {n}"));
        }
        assert!(!text.contains("zone=\"c.\""));
    }

    #[test]
    fn zones_beyond_the_table_are_other() {
        let exporter = Exporter::new();
        let dns = Dns::new(&exporter);
        let first: Vec<String> = (0..ZONES_MAX).map(|n| format!("a{n}.")).collect();
        dns.set_zones(&first);
        dns.set_zones(&["late."]);
        dns.counter("udp").answered(Some(0), Answer::Answer, 0, false);
        assert!(exporter.render().contains("zone=\"other\"} 1"));
    }
}
