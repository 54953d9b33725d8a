//! What the program asks of the system's memory.

use crate::kit::{import, name_line, unit_line};
use crate::support::TestDaemon;
use std::fs;

/// The system's word on pages of 2 MiB; what it chose stands in brackets.
const LARGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// Names registered: their index is larger than two such pages.
const NAMES: usize = 50_000;
/// Lines of one import.
const LINES: usize = 10_000;

/// The option in the program reaches the allocator, whatever the linker makes of its symbol, and counts while the index is
/// read only.
#[test]
fn pages_of_2_mib_are_for_what_a_start_reads() {
    let mut daemon = TestDaemon::start();
    // proc_pid_status(5): whether the process may still have such pages; absent where the kernel knows none.
    let status = read(&daemon, "status");
    let enabled = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
    assert!(enabled.is_none_or(|enabled| enabled.trim() == "0"), "{status}");
    let system = fs::read_to_string(LARGE_PAGES).unwrap_or_default();
    if !system.contains("[madvise]") {
        println!("pages of 2 MiB are not for programs to choose here: {system}");
        return;
    }
    // proc_pid_smaps(5): "hg" is a mapping that was advised to have huge pages.
    let maps = read(&daemon, "smaps");
    let mut advised = maps.lines().filter_map(|line| line.strip_prefix("VmFlags:"));
    assert!(advised.any(|flags| flags.split_whitespace().any(|flag| flag == "hg")), "none in {maps}");

    // All threads share one part of the memory, so that none has such a page of its own because it did something meanwhile.
    daemon.set_wrapper(&["env", "_RJEM_MALLOC_CONF=narenas:1"]);
    daemon.stop();
    daemon.restart();
    let empty = large(&daemon);
    // Of long labels, so that fewer are needed.
    let name = |n| format!("某某省某某市某某县某某镇某某村{n}.政务");
    let names: Vec<_> = (0..NAMES).map(|n| name_line(&name(n), "u1", "2030-01-01", Some(1))).collect();
    import(&daemon, "unit", &[unit_line("u1")]);
    names.chunks(LINES).enumerate().for_each(|(n, lines)| drop(import(&daemon, &format!("names-{n}"), lines)));
    let changed = large(&daemon);
    daemon.stop();
    daemon.restart();
    let started = large(&daemon);
    println!("KiB in pages of 2 MiB: {empty} empty, {changed} after an import, {started} after a start");
    assert!(changed <= empty, "an import has no such pages");
    assert!(started >= changed + 2 * 2048, "the index that a start makes has");
}

fn read(daemon: &TestDaemon, file: &str) -> String {
    let process = daemon.process_id().expect("it runs");
    fs::read_to_string(format!("/proc/{process}/{file}")).expect("it runs")
}

/// KiB of the process in such pages.
fn large(daemon: &TestDaemon) -> u64 {
    let maps = read(daemon, "smaps_rollup");
    let large = maps.lines().find_map(|line| line.strip_prefix("AnonHugePages:")?.trim().strip_suffix(" kB"));
    large.and_then(|kib| kib.trim().parse().ok()).unwrap_or_else(|| panic!("{maps}"))
}
