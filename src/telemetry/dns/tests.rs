//! Counts as a scrape shows them.

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
    counters[0].signed(Signed::BadTrunc);
    counters[1].signed(Signed::BadTrunc);
    let text = exporter.render();
    let queries = |labels: &str, n: u32| has(&text, &format!("zhengming_dns_queries_total{{{labels}}} {n}"));
    queries("outcome=\"held\",rcode=\"NXDOMAIN\",transport=\"udp\",zone=\"xn--zfr164b.\"", 2);
    queries("outcome=\"held\",rcode=\"NXDOMAIN\",transport=\"tcp\",zone=\"xn--zfr164b.\"", 1);
    queries("outcome=\"refused\",rcode=\"REFUSED\",transport=\"udp\",zone=\"\"", 2);
    queries("outcome=\"error\",rcode=\"OTHER\",transport=\"udp\",zone=\"xn--55qw42g.\"", 2);
    has(&text, "zhengming_dns_truncated_total{transport=\"udp\"} 2");
    has(&text, "zhengming_dns_dropped_total{reason=\"tcp_idle\",transport=\"tcp\"} 1");
    has(&text, "zhengming_dns_signed_total{result=\"badtrunc\",transport=\"udp\"} 2");
    has(&text, "zhengming_dns_signed_total{result=\"good\",transport=\"udp\"} 0");
    has(&text, "zhengming_dns_latency_seconds_bucket{transport=\"udp\",le=\"0.000002\"} 0");
    has(&text, "zhengming_dns_latency_seconds_bucket{transport=\"udp\",le=\"0.000005\"} 6");
    has(&text, "zhengming_dns_latency_seconds_count{transport=\"udp\"} 6");
}

#[test]
fn connections_are_counted_while_they_are_open() {
    let exporter = Exporter::new();
    let dns = Dns::new(&exporter);
    let (tcp, tls) = (dns.connections("tcp"), dns.connections("tls"));
    let open = [tcp.open(), dns.connections("tcp").open()];
    drop(tls.open());
    has(&exporter.render(), "zhengming_dns_connections{transport=\"tcp\"} 2");
    has(&exporter.render(), "zhengming_dns_connections{transport=\"tls\"} 0");
    drop(open);
    has(&exporter.render(), "zhengming_dns_connections{transport=\"tcp\"} 0");
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
