//! What the outbox counts: notices delivered, deliveries that failed, and how far it has come.

use super::Exporter;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

/// Handles of the outbox; `sink` is `file` or `webhook`.
#[derive(Clone)]
pub struct Outbox {
    delivered: IntCounterVec,
    failures: IntCounterVec,
    seq: IntGaugeVec,
}

impl Outbox {
    /// Registers the handles.
    pub fn new(exporter: &Exporter) -> Self {
        let delivered = Opts::new("zhengming_outbox_delivered_total", "Notices delivered, by sink.");
        let failures = Opts::new("zhengming_outbox_failures_total", "Deliveries that failed and wait, by sink.");
        let seq = Opts::new("zhengming_outbox_seq", "The last transaction whose notices were all delivered, by sink.");
        Self {
            delivered: exporter.register(IntCounterVec::new(delivered, &["sink"])),
            failures: exporter.register(IntCounterVec::new(failures, &["sink"])),
            seq: exporter.register(IntGaugeVec::new(seq, &["sink"])),
        }
    }

    /// Counts notices.
    pub fn delivered(&self, sink: &str, notices: u64) {
        self.delivered.with_label_values(&[sink]).inc_by(notices);
    }

    /// Counts a failure.
    pub fn failed(&self, sink: &str) {
        self.failures.with_label_values(&[sink]).inc();
    }

    /// Tells how far the sink is.
    pub fn reached(&self, sink: &str, seq: u64) {
        self.seq.with_label_values(&[sink]).set(i64::try_from(seq).unwrap_or(i64::MAX));
    }
}
