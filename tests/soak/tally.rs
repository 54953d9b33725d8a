//! What was sent and what must have become of it, against what the program has counted.

use crate::support::{PATIENCE, TestDaemon};
use crate::usage::{drops_of, metrics, sum};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// What becomes of a packet over UDP: an RCODE, or one of these.
pub type Fate = u16;
/// No answer: a response, or no header.
pub const SILENCE: Fate = u16::MAX;
/// Dropped unread: longer than any request.
pub const TOO_LONG: Fate = u16::MAX - 1;
/// Dropped unread: from port 0.
pub const FROM_PORT_0: Fate = u16::MAX - 2;

/// The names of RCODEs in the metrics.
const RCODES: [(Fate, &str); 10] = [
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (9, "NOTAUTH"),
    (16, "BADVERS"),
    (23, "BADCOOKIE"),
];

/// Shared by all kinds of traffic.
#[derive(Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// Packets sent over UDP, by what must become of them.
    udp: BTreeMap<Fate, u64>,
    /// Everything else that happened, by what it was.
    events: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A packet was sent over UDP, and this must become of it.
    pub fn udp(&self, fate: Fate) {
        *self.counts().udp.entry(fate).or_default() += 1;
    }

    /// Something happened.
    pub fn event(&self, what: &'static str) {
        self.add(what, 1);
    }

    /// Something happened several times.
    pub fn add(&self, what: &'static str, times: u64) {
        *self.counts().events.entry(what).or_default() += times;
    }

    /// How often something happened.
    pub fn events(&self, what: &'static str) -> u64 {
        self.counts().events.get(what).copied().unwrap_or_default()
    }

    /// Fails unless the program has counted exactly what was sent to it over UDP, by kind; less only what the kernel
    /// itself says it had no room for.
    pub fn check(&self, daemon: &TestDaemon) {
        let sent: u64 = self.counts().udp.values().sum();
        let start = Instant::now();
        // The last batches are counted a moment after their answers.
        let (text, lost) = loop {
            let (text, lost) = (metrics(daemon), drops_of(daemon.dns()) + drops_of(daemon.dns_v6()));
            let counted = sum(&text, "zhengming_dns_queries_total{", &["transport=\"udp\""])
                + sum(&text, "zhengming_dns_dropped_total{", &["transport=\"udp\"", "reason=\"request_too_long\""])
                + sum(&text, "zhengming_dns_dropped_total{", &["transport=\"udp\"", "reason=\"source_port\""]);
            if counted + lost == sent {
                break (text, lost);
            }
            assert!(start.elapsed() < PATIENCE, "{sent} sent, {counted} counted, {lost} lost\n{self}\n{text}");
        };
        println!("{sent} packets over UDP, each counted once; {lost} of them by the kernel, whose buffer was full");
        for (fate, expected) in self.counts().udp.clone() {
            let counted = counted_as(&text, fate);
            println!("  {}: {expected} sent, {counted} counted", name(fate));
            assert!(
                counted <= expected && counted + lost >= expected,
                "{}: {expected} sent, {counted} counted",
                name(fate)
            );
        }
        for what in ["SERVFAIL", "OTHER"] {
            assert_eq!(sum(&text, "zhengming_dns_queries_total{", &[&format!("rcode=\"{what}\"")]), 0, "{text}");
        }
        for action in ["dropped", "slipped"] {
            let limited = sum(&text, "zhengming_dns_rate_limited_total{", &[&format!("action=\"{action}\"")]);
            println!("  rate limit: {limited} {action}");
            assert!(limited > 0, "the floods met no limit: {text}");
        }
        for reason in ["tcp_idle", "request_too_long", "connections_of_client"] {
            let dropped =
                sum(&text, "zhengming_dns_dropped_total{", &["transport=\"tcp\"", &format!("reason=\"{reason}\"")]);
            println!("  TCP {reason}: {dropped}");
            assert!(dropped > 0, "{reason}: {text}");
        }
        for transport in ["tls", "https"] {
            let failed = sum(
                &text,
                "zhengming_dns_dropped_total{",
                &[&format!("transport=\"{transport}\""), "reason=\"handshake\""],
            );
            assert!(failed > 0, "{transport}: {text}");
        }
    }
}

fn counted_as(text: &str, fate: Fate) -> u64 {
    let dropped = |reason: &str| {
        sum(text, "zhengming_dns_dropped_total{", &["transport=\"udp\"", &format!("reason=\"{reason}\"")])
    };
    let silent = sum(text, "zhengming_dns_queries_total{", &["transport=\"udp\"", "outcome=\"dropped\""]);
    match fate {
        SILENCE => silent,
        TOO_LONG => dropped("request_too_long"),
        FROM_PORT_0 => dropped("source_port"),
        rcode => {
            let label = format!("rcode=\"{}\"", name(rcode));
            let all = sum(text, "zhengming_dns_queries_total{", &["transport=\"udp\"", &label]);
            // What is not answered has no RCODE, and is counted beside those of NOERROR.
            all - if rcode == 0 { silent } else { 0 }
        }
    }
}

fn name(fate: Fate) -> &'static str {
    match fate {
        SILENCE => "not answered",
        TOO_LONG => "too long",
        FROM_PORT_0 => "from port 0",
        rcode => RCODES.iter().find(|(known, _)| *known == rcode).map_or("another RCODE", |(_, name)| name),
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        for (fate, sent) in &counts.udp {
            writeln!(f, "UDP {}: {sent}", name(*fate))?;
        }
        counts.events.iter().try_for_each(|(what, times)| writeln!(f, "{what}: {times}"))
    }
}
