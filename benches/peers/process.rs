//! A server's processes, seen from outside: processor time, memory, and their end.

use super::sys;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Patience with a server that was asked to end.
const END_MAX: Duration = Duration::from_secs(20);
/// Pause between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// A process on a core of its own, and those that it has started. They end when this is dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command` on one core; its output goes to a file.
    ///
    /// # Panics
    /// If there is no such program.
    pub fn spawn(command: &Command, core: usize, log: &Path) -> Self {
        let log = fs::File::create(log).expect("a writable directory");
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", &core.to_string()]).arg(command.get_program()).args(command.get_args());
        if let Some(directory) = command.get_current_dir() {
            pinned.current_dir(directory);
        }
        pinned.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        Self { child: pinned.spawn().expect("taskset, of util-linux") }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Time on a CPU so far, user and system, of all its processes; threads that have ended are in it, as PowerDNS has one
    /// for each TCP connection.
    pub fn cpu(&self) -> Duration {
        self.tree().into_iter().filter_map(sys::cpu).sum()
    }

    /// Resident memory in octets; what processes share is counted once (proc(5), Pss).
    pub fn resident(&self) -> u64 {
        let pss = |pid: u32| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        self.tree().into_iter().filter_map(pss).sum::<u64>() * 1024
    }

    /// The process and all below it.
    fn tree(&self) -> Vec<u32> {
        let mut tree = vec![self.child.id()];
        let parents: Vec<(u32, u32)> = processes().collect();
        let mut at = 0;
        while let Some(above) = tree.get(at).copied() {
            tree.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| *pid));
            at += 1;
        }
        tree
    }
}

/// All processes with their parents.
fn processes() -> impl Iterator<Item = (u32, u32)> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name, in brackets, may contain anything.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((pid, parent))
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| matches!(self.child.try_wait(), Ok(None))) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > END_MAX {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            std::thread::sleep(LOOK);
        }
    }
}
