//! Working days: Mondays to Fridays, without the statutory holidays, with the weekend days that make up for them.
//!
//! The State Council announces both for each year; they come from the configuration. A year nobody has entered has plain
//! weeks, so that a deadline then falls early rather than never.

use super::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use std::collections::BTreeSet;
use std::fmt;

/// Longest range of days in one entry: the longest holiday has nine, so that more is a slip in a month or year.
pub const RANGE_DAYS_MAX: i32 = 31;

/// Days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    first: Date,
    last: Date,
}

/// Which days are worked on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    holidays: BTreeSet<Date>,
    make_up: BTreeSet<Date>,
}

impl DayRange {
    /// The range of `2026-10-01/2026-10-07`, or the one day of `2026-10-10`.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('/').unwrap_or((text, text));
        let day = |text: &str| (text.len() == "2026-10-01".len()).then(|| text.parse::<Date>().ok()).flatten();
        let (first, last) = (day(first)?, day(last)?);
        let days = first.until(last).ok()?.get_days();
        (0..RANGE_DAYS_MAX).contains(&days).then_some(Self { first, last })
    }

    /// Each of its days.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.first.series(1.day()).take_while(move |day| *day <= self.last)
    }
}

impl Calendar {
    /// The calendar with these holidays and these weekend days that are worked on.
    pub fn new(holidays: &[DayRange], make_up: &[DayRange]) -> Self {
        let days = |ranges: &[DayRange]| ranges.iter().flat_map(|range| range.days()).collect();
        Self { holidays: days(holidays), make_up: days(make_up) }
    }

    /// A day that is said to be both holiday and working day, if there is one.
    pub fn contradiction(&self) -> Option<Date> {
        self.holidays.intersection(&self.make_up).next().copied()
    }

    /// The last second of the `days`th working day after the day of `from` in Asia/Shanghai. The day itself does not
    /// count, whenever in it something came in.
    pub fn deadline(&self, from: Timestamp, days: u32) -> Timestamp {
        let Some(mut day) = from.date() else { return from };
        let mut left = days;
        while left > 0 {
            // Holidays are finitely many, so that weeks end in working days again; so does the calendar, in 9999.
            let Ok(next) = day.tomorrow() else { return from };
            day = next;
            left -= u32::from(self.is_worked_on(day));
        }
        Timestamp::end_of(day).unwrap_or(from)
    }

    /// Whether the day of `at` in Asia/Shanghai is a working day.
    pub fn is_working_day(&self, at: Timestamp) -> bool {
        at.date().is_some_and(|day| self.is_worked_on(day))
    }

    fn is_worked_on(&self, day: Date) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        if weekend { self.make_up.contains(&day) } else { !self.holidays.contains(&day) }
    }
}

impl fmt::Display for DayRange {
    /// As [`DayRange::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}/{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges(texts: &[&str]) -> Vec<DayRange> {
        texts.iter().map(|text| DayRange::parse(text).unwrap()).collect()
    }

    /// 2026 as announced: National Day from Thursday to Wednesday, made up for on a Sunday before and a Saturday after.
    fn autumn() -> Calendar {
        let holidays = ranges(&["2026-09-25/2026-09-27", "2026-10-01/2026-10-07"]);
        Calendar::new(&holidays, &ranges(&["2026-09-20", "2026-10-10"]))
    }

    #[test]
    fn deadlines_pass_over_holidays_and_take_make_up_days() {
        for (from, days, end) in [
            // An ordinary week: Monday, and two days later.
            ("2026-11-23", 2, "2026-11-25"),
            ("2026-11-23T15:59:59Z", 2, "2026-11-25"),
            // 16:00 in London is Tuesday in Shanghai.
            ("2026-11-23T16:00:00Z", 2, "2026-11-26"),
            ("2026-11-27", 1, "2026-11-30"),
            ("2026-11-28", 1, "2026-11-30"),
            // Wednesday before National Day.
            ("2026-09-30", 2, "2026-10-09"),
            ("2026-10-03", 1, "2026-10-08"),
            // The Saturday is worked on, the Sunday is not.
            ("2026-10-09", 1, "2026-10-10"),
            ("2026-10-09", 2, "2026-10-12"),
            ("2026-09-18", 1, "2026-09-20"),
            ("2026-09-24", 1, "2026-09-28"),
            ("2026-09-30", 0, "2026-09-30"),
        ] {
            let from_time = Timestamp::parse_start(from).unwrap();
            assert_eq!(autumn().deadline(from_time, days), Timestamp::parse_end(end).unwrap(), "{from} + {days}");
        }
        let saturday = Timestamp::parse_start("2026-10-10").unwrap();
        assert!(autumn().is_working_day(saturday) && !Calendar::default().is_working_day(saturday));
        assert!(!autumn().is_working_day(Timestamp::parse_start("2026-10-07").unwrap()));
    }

    #[test]
    fn ranges_are_read_and_written_and_slips_refused() {
        for text in ["2026-10-01/2026-10-07", "2026-10-10", "2025-12-31/2026-01-02"] {
            assert_eq!(DayRange::parse(text).map(|range| range.to_string()).as_deref(), Some(text));
        }
        assert_eq!(DayRange::parse("2026-10-01/2026-10-07").unwrap().days().count(), 7);
        for text in [
            "",
            "2026-10-32",
            "2026-10-07/2026-10-01",
            "2026-10-01/2027-10-07",
            "2026-10-01/",
            "2026-10-01 2026-10-07",
            "2026-10-01T00:00:00Z",
            "10-01",
        ] {
            assert_eq!(DayRange::parse(text), None, "{text}");
        }
        let both = Calendar::new(&ranges(&["2026-10-09/2026-10-11"]), &ranges(&["2026-10-10"]));
        assert_eq!(both.contradiction().map(|day| day.to_string()).as_deref(), Some("2026-10-10"));
        assert_eq!(autumn().contradiction(), None);
    }

    #[test]
    fn times_outside_the_calendar_have_no_deadline_but_themselves() {
        for far in [Timestamp(i64::MAX), Timestamp(i64::MIN), Timestamp(253_402_207_199)] {
            assert_eq!(autumn().deadline(far, 9), far);
            assert!(!autumn().is_working_day(Timestamp(i64::MAX)));
        }
    }

    proptest! {
        /// Counted from the other end: between the two lie so many working days, and the last is one.
        #[test]
        fn a_deadline_has_its_working_days_before_it(day in 0..400i64, days in 1..40u32) {
            let from = Timestamp(Timestamp::parse_start("2026-01-01").unwrap().0 + day * 86_400);
            let end = autumn().deadline(from, days);
            let between = (1..).map(|n| Timestamp(from.0 + n * 86_400)).take_while(|at| *at <= end);
            prop_assert_eq!(between.filter(|at| autumn().is_working_day(*at)).count(), days as usize);
            prop_assert!(autumn().is_working_day(end));
        }
    }
}
