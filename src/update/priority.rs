//! How urgent threads are that take changes, beside those that answer.

use rustix::process::{getpriority_process, setpriority_process};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

/// How much nicer they are than the threads that answer: on a core that all have to share, those get five sixths of it before
/// an import takes from them, and changes still get their sixth in a flood (sched(7)).
const NICER: i32 = 7;

/// What makes the threads that call it nicer than the one that calls this. Where the system does not let it, nothing is lost
/// but the order.
pub fn behind_answers() -> impl Fn() + Send + Sync + 'static {
    // Of no process, the calls are about the calling thread alone (setpriority(2), "C library/kernel differences").
    let own = getpriority_process(None);
    // Counted from here: a thread begins as nice as the one that starts it, which may stand back already.
    move || {
        if let Err(error) = own.and_then(|own| setpriority_process(None, own + NICER)) {
            tracing::debug!(%error, "a thread that takes changes is as urgent as the answers");
        }
    }
}

/// Lets the calling thread run while nothing else wants its core (`SCHED_IDLE`, sched(7)), and so the threads that it starts.
///
/// A nicer thread that has its turn keeps it until the next tick of the scheduler, 4 ms at 250 Hz, for which a thousand queries
/// wait; one that is idle gives way at once to a thread that wakes up. In a flood, when those that answer never rest by
/// themselves, they leave it a moment (`server`, [`Reader::awaits_next`](crate::snapshot::Reader::awaits_next)).
pub(super) fn in_idle_time() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    // The niceness that is set with it counts for nothing then.
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        tracing::debug!(%error, "the thread that takes changes may not be idle; it is nicer than the answers");
    }
}
