//! What the program asks of the system's memory.

use crate::support::TestDaemon;
use std::fs;

/// The system's word on pages of 2 MiB; what it chose stands in brackets.
const LARGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// The option in the program reaches the allocator, whatever the linker makes of its symbol.
#[test]
fn the_index_may_have_large_pages() {
    let daemon = TestDaemon::start();
    let process = daemon.process_id().expect("it runs");
    let system = fs::read_to_string(LARGE_PAGES).unwrap_or_default();
    if !system.contains("[madvise]") {
        println!("pages of 2 MiB are not for programs to choose here: {system}");
        return;
    }
    let maps = fs::read_to_string(format!("/proc/{process}/smaps")).expect("it runs");
    // proc_pid_smaps(5): "hg" is a mapping that was advised to have huge pages.
    let advised = maps.lines().filter_map(|line| line.strip_prefix("VmFlags:"));
    assert!(advised.into_iter().any(|flags| flags.split_whitespace().any(|flag| flag == "hg")), "none in {maps}");
}
