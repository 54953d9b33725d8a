//! What the process holds, and what it and the kernel have counted.

use crate::support::TestDaemon;
use std::fs;
use std::net::SocketAddr;

/// Memory and descriptors.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident memory.
    pub resident_kib: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

impl Usage {
    /// What the program holds now.
    pub fn of(daemon: &TestDaemon) -> Self {
        let process = daemon.process_id().expect("it runs");
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        let resident_kib = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("a running process").count() as u64;
        Self { resident_kib, descriptors }
    }
}

/// The program's metrics.
pub fn metrics(daemon: &TestDaemon) -> String {
    daemon.api("GET", "/metrics", "demo-viewer", None).expect_success().text
}

/// The sum of the metrics that begin so and have all of these labels.
pub fn sum(metrics: &str, prefix: &str, labels: &[&str]) -> u64 {
    let lines =
        metrics.lines().filter(|line| line.starts_with(prefix) && labels.iter().all(|label| line.contains(label)));
    lines.map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok()).expect("a number")).sum()
}

/// Connections of all transports.
pub fn open_connections(daemon: &TestDaemon) -> u64 {
    sum(&metrics(daemon), "zhengming_dns_connections{", &[])
}

/// Packets that the kernel dropped because the receive buffer of this UDP socket was full.
pub fn drops_of(address: SocketAddr) -> u64 {
    let table = if address.is_ipv4() { "/proc/net/udp" } else { "/proc/net/udp6" };
    let text = fs::read_to_string(table).expect("the kernel's table");
    let port = format!(":{:04X}", address.port());
    let of_it =
        text.lines().skip(1).filter(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port)));
    of_it
        .map(|line| line.split_whitespace().last().and_then(|drops| drops.parse::<u64>().ok()).expect("a number"))
        .sum()
}
