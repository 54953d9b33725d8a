//! Points in time, and the calendar the registry counts terms in (Asia/Shanghai).

use jiff::Span;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use std::fmt;

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Asia/Shanghai is UTC+8 without summer time since 1991.
pub const SHANGHAI_OFFSET_SECS: i64 = 8 * 3600;
/// Seconds of a day.
pub const DAY_SECS: i64 = 24 * 3600;

const SHANGHAI: Offset = Offset::constant(8);

/// A text that is no point in time; the message says which forms are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date (2026-11-22) or time (2026-11-22T08:00:00Z)")]
pub struct TimeError;

impl Timestamp {
    /// The time `text` says: RFC 3339, or a date, which then means its first second in Asia/Shanghai.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn parse_start(text: &str) -> Result<Self, TimeError> {
        Self::parse(text, Time::midnight())
    }

    /// The time `text` says: RFC 3339, or a date, which then means its last second in Asia/Shanghai.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn parse_end(text: &str) -> Result<Self, TimeError> {
        Self::parse(text, LAST_SECOND)
    }

    /// The last second of this time's day in Asia/Shanghai.
    pub fn end_of_day(self) -> Self {
        self.on_calendar(|date| Some((date, LAST_SECOND)))
    }

    /// The same time of day, `years` later in the calendar of Asia/Shanghai; 29 February becomes 28 where there is none.
    pub fn add_years(self, years: u32) -> Self {
        let time = self.shanghai().map_or(Time::midnight(), |datetime| datetime.time());
        self.on_calendar(|date| Some((date.checked_add(Span::new().try_years(years).ok()?).ok()?, time)))
    }

    /// The same time of day, `months` later in the calendar of Asia/Shanghai; the last day of a month that has fewer days.
    pub fn add_months(self, months: u32) -> Self {
        let time = self.shanghai().map_or(Time::midnight(), |datetime| datetime.time());
        self.on_calendar(|date| Some((date.checked_add(Span::new().try_months(months).ok()?).ok()?, time)))
    }

    /// When a term of `years` that begins now ends: the last second of a day (R24).
    pub fn term_end(self, years: u32) -> Self {
        self.add_years(years).end_of_day()
    }

    /// The day in Asia/Shanghai: `2026-11-22`.
    pub fn shanghai_day(self) -> String {
        self.shanghai().map_or_else(|| self.to_string(), |datetime| datetime.date().to_string())
    }

    /// Its day in Asia/Shanghai; none outside the calendar.
    pub(super) fn date(self) -> Option<Date> {
        self.shanghai().map(|datetime| datetime.date())
    }

    /// The last second of a day in Asia/Shanghai.
    pub(super) fn end_of(date: Date) -> Option<Self> {
        from_shanghai(date, LAST_SECOND)
    }

    fn parse(text: &str, time_of_date: Time) -> Result<Self, TimeError> {
        // "2026-11-22" is a date and nothing else; every other form must bring its own offset.
        if text.len() == "2026-11-22".len() {
            let date: Date = text.parse().map_err(|_| TimeError)?;
            return from_shanghai(date, time_of_date).ok_or(TimeError);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| TimeError)?;
        Ok(Self(time.as_second()))
    }

    fn shanghai(self) -> Option<jiff::civil::DateTime> {
        Some(SHANGHAI.to_datetime(jiff::Timestamp::from_second(self.0).ok()?))
    }

    /// Moves within the calendar; a time outside it (the year 9999 is its last) stays as it is.
    fn on_calendar(self, step: impl FnOnce(Date) -> Option<(Date, Time)>) -> Self {
        let moved = self.shanghai().and_then(|now| step(now.date())).and_then(|(date, time)| from_shanghai(date, time));
        moved.unwrap_or(self)
    }
}

const LAST_SECOND: Time = Time::constant(23, 59, 59, 0);

fn from_shanghai(date: Date, time: Time) -> Option<Timestamp> {
    Some(Timestamp(SHANGHAI.to_timestamp(date.to_datetime(time)).ok()?.as_second()))
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second: `2026-11-22T08:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_start(text).unwrap()
    }

    #[test]
    fn texts_are_read_in_their_own_zone() {
        for (text, start, end) in [
            ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z"),
            ("2026-11-22T08:00:00+08:00", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z"),
            ("2026-11-22T08:00:00.9Z", "2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z"),
            ("2026-11-22", "2026-11-21T16:00:00Z", "2026-11-22T15:59:59Z"),
            ("2024-02-29", "2024-02-28T16:00:00Z", "2024-02-29T15:59:59Z"),
            ("1970-01-01", "1969-12-31T16:00:00Z", "1970-01-01T15:59:59Z"),
        ] {
            assert_eq!(Timestamp::parse_start(text).map(|t| t.to_string()), Ok(start.into()), "{text}");
            assert_eq!(Timestamp::parse_end(text).map(|t| t.to_string()), Ok(end.into()), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "now",
            "2026-13-01",
            "2023-02-29",
            "2026-11-22T08:00:00",
            "20261122",
            "2026/11/22",
            "1795334400",
            "一月",
        ] {
            assert_eq!(Timestamp::parse_start(text), Err(TimeError), "{text}");
            assert_eq!(Timestamp::parse_end(text), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn terms_end_with_a_day_in_shanghai() {
        for (start, years, end) in [
            ("2024-02-29", 2, "2026-02-28T15:59:59Z"),
            ("2024-02-29", 4, "2028-02-29T15:59:59Z"),
            ("2026-11-22", 10, "2036-11-22T15:59:59Z"),
            // 15:59:59Z is still that day in Shanghai, a second later is the next.
            ("2026-11-22T15:59:59Z", 2, "2028-11-22T15:59:59Z"),
            ("2026-11-22T16:00:00Z", 2, "2028-11-23T15:59:59Z"),
        ] {
            assert_eq!(at(start).term_end(years).to_string(), end, "{start} + {years}");
        }
    }

    #[test]
    fn months_end_on_days_that_exist() {
        for (start, months, end) in
            [("2019-03-01", 3, "2019-06-01"), ("2018-11-30", 3, "2019-02-28"), ("2019-12-31", 2, "2020-02-29")]
        {
            assert_eq!(at(start).add_months(months), at(end), "{start} + {months}");
        }
    }

    #[test]
    fn a_renewal_keeps_the_last_second() {
        let end = Timestamp::parse_end("2026-12-31").unwrap();
        assert_eq!(end.add_years(2).to_string(), "2028-12-31T15:59:59Z");
    }

    #[test]
    fn times_outside_the_calendar_stay() {
        for far in [Timestamp(i64::MAX), Timestamp(i64::MIN), Timestamp(253_402_207_199)] {
            assert_eq!(far.add_years(10), far);
            assert_eq!(far.add_years(u32::MAX), far);
        }
        assert_eq!(Timestamp(i64::MAX).end_of_day(), Timestamp(i64::MAX));
    }
}
