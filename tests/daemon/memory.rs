//! What the program asks of the system's memory.

use crate::support::TestDaemon;
use std::fs;

/// The system's word on pages of 2 MiB; what it chose stands in brackets.
const LARGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// The option in the program reaches the allocator, whatever the linker makes of its symbol, and counts while the index is
/// read only.
#[test]
fn pages_of_2_mib_are_for_what_a_start_reads() {
    let daemon = TestDaemon::start();
    let process = daemon.process_id().expect("it runs");
    let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).expect("it runs");
    let status = read("status");
    // proc_pid_status(5): whether the process may still have such pages; absent where the kernel knows none.
    let enabled = status.lines().find_map(|line| line.strip_prefix("THP_enabled:"));
    assert!(enabled.is_none_or(|enabled| enabled.trim() == "0"), "{status}");
    let system = fs::read_to_string(LARGE_PAGES).unwrap_or_default();
    if !system.contains("[madvise]") {
        println!("pages of 2 MiB are not for programs to choose here: {system}");
        return;
    }
    let maps = read("smaps");
    // proc_pid_smaps(5): "hg" is a mapping that was advised to have huge pages.
    let advised = maps.lines().filter_map(|line| line.strip_prefix("VmFlags:"));
    assert!(advised.into_iter().any(|flags| flags.split_whitespace().any(|flag| flag == "hg")), "none in {maps}");
    let large = read("smaps_rollup")
        .lines()
        .find_map(|line| line.strip_prefix("AnonHugePages:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    assert!(large.is_some_and(|kib| kib >= 2048), "{large:?}");
}
