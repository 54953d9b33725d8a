//! The sums of all blocks as Prometheus metrics.

use super::{
    ANSWERS, BLOCK_LEN, DROPPED, DROPS, Dns, LATENCY, LATENCY_NANOS, LATENCY_SUM, LIMITED, LIMITS, RCODES, SIGNED,
    TRUNCATED, TSIG,
};
use super::{SLOT_NONE, SLOT_OTHER, SLOTS, answered_at, lock};
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

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
        let mut limited = Vec::new();
        let mut signed = Vec::new();
        for (transport, sum) in &sums {
            queries.extend(self.queries(transport, sum));
            truncated.push(counter(sum[TRUNCATED], &[("transport", transport)]));
            for (reason, name) in DROPS.iter().enumerate() {
                let labels = [("reason", *name), ("transport", *transport)];
                dropped.push(counter(sum[DROPPED + reason], &labels));
            }
            signed.extend(
                SIGNED
                    .iter()
                    .enumerate()
                    .map(|(at, name)| counter(sum[TSIG + at], &[("result", *name), ("transport", *transport)])),
            );
            latency.push(latency_metric(transport, sum));
            // Only UDP has a rate limit.
            if *transport == "udp" {
                limited.extend(
                    LIMITS.iter().enumerate().map(|(at, name)| counter(sum[LIMITED + at], &[("action", *name)])),
                );
            }
        }
        let counted = MetricType::COUNTER;
        let descs = &self.shared.descs;
        let mut families = vec![
            family(&descs[0], counted, queries),
            family(&descs[1], counted, truncated),
            family(&descs[2], counted, dropped),
            family(&descs[3], MetricType::HISTOGRAM, latency),
            family(&descs[4], MetricType::GAUGE, self.open()),
            family(&descs[5], counted, limited),
            family(&descs[6], counted, signed),
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

    fn open(&self) -> Vec<Metric> {
        let connections = lock(&self.shared.connections);
        let metric = |(transport, open): (&&str, &Arc<AtomicI64>)| {
            let mut gauge = Gauge::default();
            gauge.set_value(open.load(Ordering::Relaxed) as f64);
            let mut metric = Metric::from_gauge(gauge);
            metric.set_label(labels(&[("transport", transport)]));
            metric
        };
        connections.iter().map(metric).collect()
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
                    let value = sum[answered_at(slot, kind, at)];
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
