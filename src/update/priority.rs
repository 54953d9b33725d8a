//! How urgent threads are that take changes, beside those that answer.

use rustix::process::{getpriority_process, setpriority_process};

/// How much nicer they are than the threads that answer: on a core that all have to share, those get five sixths of it before
/// an import or a suspension takes from them, and changes still get their sixth in a flood (sched(7)). Of less a large unit
/// would not be gone within a second; of more, queries would wait longer meanwhile.
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
