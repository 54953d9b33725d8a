//! Points in time, and the calendar the registry counts terms in (Asia/Shanghai).

use std::fmt;

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Asia/Shanghai is UTC+8 without summer time since 1991.
pub const SHANGHAI_OFFSET_SECS: i64 = 8 * 3600;

/// A text that is no point in time; the message says which forms are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date (2026-11-22) or time (2026-11-22T08:00:00Z)")]
pub struct TimeError;

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second: `2026-11-22T08:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}
