//! The brake's memory: what it stopped, what was suspended within the hour, and whether the clock has jumped.

use super::name::NameKey;
use super::time::Timestamp;
use std::collections::BTreeMap;

/// Over how long suspensions are added up: what comes in small parts counts as one.
pub const WINDOW_SECS: i64 = 3600;
/// What shares a bucket of the window; the oldest bucket counts whole until all of it is older than the window.
const BUCKET_SECS: i64 = 60;
/// Most due names that are counted before the brake engages; the count is for the operator, and must not stop the writer
/// for long.
pub const BRAKE_COUNT_MAX: u64 = 100_000;

/// Most names of a suspension that a rehearsal lists.
pub const SUSPENDED_SHOWN_MAX: usize = 1000;

/// Everything the brake knows; the default is a registry in which nothing was suspended.
///
/// ```text
/// none ──too much, or a protected name──▶ engaged ──ReleaseBrake──▶ released ──backlog done, allowance used or old──▶ none
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brake {
    /// What it stopped, until that has taken effect.
    pub stop: Option<Stop>,
    /// Names suspended lately, by primary suffix of their set.
    pub recent: BTreeMap<Box<str>, Recent>,
    /// The jump of the clock that keeps all due times waiting.
    pub jump: Option<Jump>,
}

/// One suspension that was too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Since when.
    pub since: Timestamp,
    /// Primary suffix of the set that would lose too many names.
    pub set: Box<str>,
    /// How many names would have been suspended, counted no further than [`BRAKE_COUNT_MAX`].
    pub names: u64,
    /// Of how many.
    pub total: u64,
    /// The protected name among them, in A-labels, if that is why.
    pub protected: Option<Box<str>>,
    /// Whether it was a batch, which is handed in again; otherwise it is what fell due.
    pub batch: bool,
    /// Whether an operator has let it go.
    pub release: Option<Release>,
}

/// What an operator has let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// What was due by then takes effect without being judged again; batches may use the allowance for an hour from then.
    pub until: Timestamp,
    /// How many names of the set batches may still suspend; with none the next batch is weighed by an hour that begins anew.
    pub names: u64,
}

/// How many names of a set were suspended, minute by minute, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent(pub Vec<(Timestamp, u64)>);

/// A clock that shows another time than has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// When it was noticed, by the time that has passed.
    pub since: Timestamp,
    /// What the clock showed.
    pub shown: Timestamp,
}

/// What a decision takes away from one set, as the brake sees it. For rehearsals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// The set's primary suffix.
    pub set: Box<str>,
    /// How many names stop resolving, or are deleted.
    pub names: u64,
    /// Of how many.
    pub total: u64,
    /// How many were suspended within the hour before.
    pub recent: u64,
    /// How many may be within an hour.
    pub most: u64,
    /// The protected name among them, in A-labels.
    pub protected: Option<Box<str>>,
    /// Whether the brake stops it, unless it is one object and a second factor confirms it.
    pub stopped: bool,
    /// The names, in order, at most [`SUSPENDED_SHOWN_MAX`] of them.
    pub first: Vec<NameKey>,
}

impl Brake {
    /// What suspensions wait for.
    pub fn engaged(&self) -> Option<&Stop> {
        self.stop.as_ref().filter(|stop| stop.release.is_none())
    }

    /// How many names of the set were suspended within the hour before `now`.
    pub fn recent(&self, set: &str, now: Timestamp) -> u64 {
        self.recent.get(set).map_or(0, |recent| recent.since(now).map(|(_, names)| names).sum())
    }

    /// The same brake, with `names` of the set suspended at `now`.
    #[must_use]
    pub fn counting(mut self, set: &str, names: u64, now: Timestamp) -> Self {
        let minute = Timestamp(now.0.div_euclid(BUCKET_SECS).saturating_mul(BUCKET_SECS));
        let mut recent: Vec<_> = self.recent.get(set).map(|recent| recent.since(now).collect()).unwrap_or_default();
        match recent.last_mut() {
            Some((last, count)) if *last >= minute => *count = count.saturating_add(names),
            _ => recent.push((minute, names)),
        }
        self.recent.retain(|_, recent| recent.since(now).next().is_some());
        self.recent.insert(set.into(), Recent(recent));
        self
    }
}

impl Recent {
    /// The buckets that reach into the hour before `now`.
    fn since(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, u64)> {
        let begin = now.0.saturating_sub(WINDOW_SECS);
        self.0.iter().copied().filter(move |(minute, _)| minute.0.saturating_add(BUCKET_SECS) > begin)
    }
}

impl Release {
    /// Whether batches may still suspend names under it.
    pub fn allows(&self, names: u64, now: Timestamp) -> bool {
        names <= self.names && now.0 < self.until.0.saturating_add(WINDOW_SECS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_slides_by_the_minute() {
        let mut brake = Brake::default();
        for minute in 0..120 {
            brake = brake.counting("a", 2, Timestamp(minute * 60 + 30));
        }
        let now = Timestamp(119 * 60 + 30);
        // 60 minutes and the one that the hour begins in.
        assert_eq!((brake.recent("a", now), brake.recent["a"].0.len()), (122, 61));
        assert_eq!(brake.recent("b", now), 0);
        assert_eq!(brake.recent("a", Timestamp(now.0 + 1800)), 62);
        assert_eq!(brake.recent("a", Timestamp(120 * 60 + WINDOW_SECS)), 0);
        // What is old goes when something new is counted, of other sets too.
        let brake = brake.counting("b", 1, Timestamp(120 * 60 + WINDOW_SECS));
        assert_eq!(brake.recent.keys().map(|set| &**set).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_time_that_stands_still_counts_on() {
        let brake = Brake::default().counting("a", 5, Timestamp(100)).counting("a", 6, Timestamp(100));
        assert_eq!(brake.recent("a", Timestamp(100)), 11);
    }

    #[test]
    fn an_allowance_is_for_an_hour() {
        let release = Release { until: Timestamp(0), names: 5 };
        assert!(release.allows(5, Timestamp(WINDOW_SECS - 1)));
        assert!(!release.allows(6, Timestamp(0)) && !release.allows(5, Timestamp(WINDOW_SECS)));
    }
}
