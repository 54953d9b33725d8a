//! Whether the clock shows the time that has passed. One that jumps would end terms and begin holds by the thousand, and
//! the time of a transaction never goes back: so what is due waits, and transactions go on by the time that has passed.
//!
//! A start cannot tell a long stop from a clock that was set meanwhile: it takes a later time as it is, and leaves the
//! rest to the brake. A clock that shows less than the journal is off from the start.

use super::clock::Clock;
use super::engine::{CommitError, Engine};
use super::schedule::asked;
use crate::registry::{Command, Timestamp};

/// The last time that was trusted, and the steady time of that moment.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    shown: Timestamp,
    steady: i64,
}

impl Watch {
    /// From a start on, after a transaction at `at`.
    pub fn begin(clock: &dyn Clock, at: Timestamp, step_secs: i64, jumped: bool) -> Self {
        let shown = clock.now();
        let behind = step_secs > 0 && shown.0 < at.0.saturating_sub(step_secs);
        Self { shown: if behind || jumped { at } else { shown }, steady: clock.steady_secs() }
    }

    /// The time, if it has passed as the steady clock says.
    pub fn passed(self, clock: &dyn Clock) -> Timestamp {
        let since = clock.steady_secs().saturating_sub(self.steady);
        Timestamp(self.shown.0.saturating_add(since))
    }

    /// Whether the clock differs from that by more than `step_secs`; by 0: never.
    pub fn is_off(self, clock: &dyn Clock, step_secs: i64) -> bool {
        step_secs > 0 && clock.now().0.abs_diff(self.passed(clock).0) > step_secs.unsigned_abs()
    }

    /// Takes the clock as it is.
    pub fn trust(&mut self, clock: &dyn Clock) {
        *self = Self { shown: clock.now(), steady: clock.steady_secs() };
    }
}

impl Engine {
    /// Looks at the clock, and notes if it has jumped or is back.
    ///
    /// # Errors
    /// [`CommitError`] if that cannot be written; what is due waits then, too.
    pub fn watch_clock(&mut self) -> Result<(), CommitError> {
        let off = self.watch.is_off(&*self.clock, self.policy.clock_step_secs);
        let shown = self.clock.now();
        let command = match (self.jumped, off) {
            (false, false) => {
                self.watch.trust(&*self.clock);
                return Ok(());
            }
            (true, true) => return Ok(()),
            (false, true) => Command::ClockJumped { shown },
            (true, false) => Command::ClockBack,
        };
        let passed = self.watch.passed(&*self.clock);
        if off {
            tracing::error!(%shown, %passed, "the clock has jumped: what is due waits until it is back, or a release");
        } else {
            tracing::info!(%shown, "the clock shows the time that has passed again");
        }
        self.run(&[asked(command, "clock")], drop)
    }
}
