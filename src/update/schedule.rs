//! What falls due: expiry, starts and ends of holds, deadlines of site reviews, each in the second it is due, as far
//! as the brake lets it.

use super::engine::{CommitError, Engine};
use super::handle::{Submission, UpdateError};
use crate::registry::{Actor, Command, Request, Role, State, Timestamp};
use crate::telemetry::ChangeResult;
use std::time::{Duration, Instant};

/// Most objects of one step, so that one transaction stays a line of moderate length.
pub const DUE_LIMIT: usize = 1000;
/// Most notices of one step: some 200 octets of the journal each, and no wait that a client would notice.
pub const NOTICES_MAX: usize = 500;
/// Longest that the writer sleeps: a clock that was set forward, and due things that something stops, are looked at again.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Most steps in a row; that many would be a decision that never ends.
const STEPS_MAX: usize = 100_000;

impl Engine {
    /// Does everything that is due by now.
    ///
    /// # Errors
    /// [`CommitError`] if something due cannot be done now.
    pub fn apply_due(&mut self) -> Result<(), CommitError> {
        self.watch_clock()?;
        if self.jumped {
            return Ok(());
        }
        for _ in 0..STEPS_MAX {
            let now = self.now();
            if self.due_done == Some(now) {
                return Ok(());
            }
            let mut changed = false;
            let mut refused = None;
            let step = self.run(&[due(self.due_limit)], |answers| match answers.into_iter().next() {
                Some(Ok(receipt)) => changed = receipt.seq.is_some(),
                Some(Err(UpdateError::Refused(refusals))) => refused = Some(refusals.to_string()),
                Some(Err(_)) | None => {}
            });
            match step {
                Ok(()) => {}
                Err(CommitError::TooLong(_)) if self.due_limit > 1 => {
                    self.due_limit /= 2;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if let Some(refused) = refused {
                tracing::error!("what is due was refused: {refused}");
            }
            if changed {
                self.metrics.changed("due", ChangeResult::Committed);
            } else {
                self.due_done = Some(now);
                self.due_limit = DUE_LIMIT;
                return Ok(());
            }
        }
        Err(CommitError::Unwritable("what is due does not end".into()))
    }

    /// One step of what is due without haste: notices to units. Whether there may be more. The queue is served between two
    /// steps, for a day on which a whole registry's terms end has a million notices.
    ///
    /// # Errors
    /// [`CommitError`] if they cannot be given now.
    pub fn notify(&mut self) -> Result<bool, CommitError> {
        let now = self.now();
        if self.notified.is_some_and(|(at, since)| at == now && since.elapsed() < SLEEP_MAX) {
            return Ok(false);
        }
        let mut changed = false;
        self.run(&[asked(Command::Notify { limit: NOTICES_MAX }, "notify")], |answers| {
            changed = matches!(answers.first(), Some(Ok(receipt)) if receipt.seq.is_some());
        })?;
        if changed {
            self.metrics.changed("notify", ChangeResult::Committed);
        } else {
            self.notified = Some((now, Instant::now()));
        }
        Ok(changed)
    }

    /// How long the writer may sleep without being late for anything.
    pub fn sleep(&self) -> Duration {
        let Ok(store) = self.store.ready() else { return SLEEP_MAX };
        let mut first: Option<Timestamp> = None;
        let read = store.due(Timestamp(i64::MAX), &mut |due| {
            first = Some(due.at);
            false
        });
        match (read, first) {
            // What is due and not done waits for the brake, a grace period or space; it is tried again each second.
            (Ok(()), Some(at)) if at > self.now() => self.clock.until(at).min(SLEEP_MAX),
            _ => SLEEP_MAX,
        }
    }
}

/// What is due, to be done.
pub(super) fn due(limit: usize) -> Submission {
    asked(Command::Due { limit }, "due")
}

/// A command of the clock's.
pub(super) fn asked(command: Command, operation: &str) -> Submission {
    Submission {
        actor: Actor { principal: "clock".into(), role: Role::System, region: None },
        command,
        request: Request { operation: operation.into(), target: "schedule".into(), note: None, key: None },
        if_match: None,
        dry_run: false,
        confirmed: false,
    }
}

/// Holds back a failing step, so that it is not tried again before each command.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff(Option<Instant>);

impl Backoff {
    /// Whether it may be tried now.
    pub fn is_over(&self) -> bool {
        self.0.is_none_or(|since| since.elapsed() >= SLEEP_MAX)
    }

    /// Notes how the try went.
    pub fn tried(&mut self, failed: bool) {
        self.0 = failed.then(Instant::now);
    }
}
