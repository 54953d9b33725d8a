//! `[registry.calendar]`, `[registry.review]`, `[registry.site_review]`, `[[registry.rates]]` and `[[registry.poor_areas]]`: how applications
//! and sites are reviewed, by which days, and what names cost.

use super::reader::{Faults, Table, Value};
use super::{Config, Registry, terms};
use crate::idn;
use crate::registry::fee::{RATE_YUAN_MAX, RATE_YUAN_MIN};
use crate::registry::review::{ONLINE_DAYS_MAX, PAPER_DAYS_MAX};
use crate::registry::site_review::SITE_DAYS_MAX;
use crate::registry::{
    Area, Calendar, DayRange, PoorArea, Rate, Rates, Region, ReviewRules, SiteReviewRules, Timestamp,
};
use std::sync::Arc;

/// Longest id of a paper in octets.
const PAPER_LEN_MAX: usize = 40;
/// The day from which the rates of the founding notices hold.
const RATES_FROM: &str = "2015-01-01";

/// `[registry.calendar]`: days that differ from the plain week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// Statutory holidays.
    pub holidays: Vec<DayRange>,
    /// Weekend days that are worked on to make up for them.
    pub working_weekends: Vec<DayRange>,
}

/// `[[registry.rates]]`: one row of the fees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateRow {
    /// Any suffix of the set, U-labels or A-labels.
    pub suffix: String,
    /// For which areas.
    pub area: Area,
    /// From when on.
    pub from: Timestamp,
    /// Yuan for a name and year.
    pub yuan: u32,
}

impl Days {
    /// The calendar of these days.
    pub(super) fn calendar(&self) -> Calendar {
        Calendar::new(&self.holidays, &self.working_weekends)
    }
}

/// The rates of the founding notices (R25).
pub(super) fn default_rates() -> Vec<RateRow> {
    let from = Timestamp::parse_start(RATES_FROM).expect("a date");
    let row = |suffix: &str, area, yuan| RateRow { suffix: suffix.to_owned(), area, from, yuan };
    vec![
        row("政务", Area::Ordinary, 300),
        row("政务", Area::Poor, 100),
        row("公益", Area::Ordinary, 200),
        row("公益", Area::Poor, 100),
    ]
}

pub(super) fn days(table: &Table<'_>, default: Days) -> Days {
    Days {
        holidays: table.read("holidays", default.holidays, ranges),
        working_weekends: table.read("working_weekends", default.working_weekends, ranges),
    }
}

pub(super) fn review(table: &Table<'_>, default: ReviewRules) -> ReviewRules {
    let online = |value: &Value<'_>| value.integer(1..=i64::from(ONLINE_DAYS_MAX));
    ReviewRules {
        local_days: table.read("local_days", default.local_days, online),
        paper_days: table.read("paper_days", default.paper_days, |value| value.integer(1..=i64::from(PAPER_DAYS_MAX))),
        central_days: table.read("central_days", default.central_days, online),
        office_days: table.read("office_days", default.office_days, online),
        office_regions: table.read("office_regions", default.office_regions, |value| value.list(region)),
        papers: table.read("papers", default.papers, papers),
        regions: table.sections("regions", default.regions, |table| {
            let days = table.require("days", |value| value.integer(1..=i64::from(PAPER_DAYS_MAX)));
            Some((table.require("region", region)?, days?))
        }),
    }
}

pub(super) fn site_review(table: &Table<'_>, default: SiteReviewRules) -> SiteReviewRules {
    let days = |value: &Value<'_>| value.integer(1..=i64::from(SITE_DAYS_MAX));
    SiteReviewRules {
        submit_days: table.read("submit_days", default.submit_days, days),
        correction_days: table.read("correction_days", default.correction_days, days),
        paper_days: table.read("paper_days", default.paper_days, days),
        papers: table.read("papers", default.papers, papers),
        notices_days: table.read("notices_days", default.notices_days, reminder_days),
    }
}

/// Days before a deadline, in ascending order.
fn reminder_days(value: &Value<'_>) -> Option<Vec<i32>> {
    let days = terms::notices_days(value)?;
    if days.last().is_none_or(|last| *last < 0) {
        return Some(days);
    }
    value.note(
        "days before the deadline only, as [-7, -2]".to_owned(),
        "只能是截止日之前的天数，如 [-7, -2]".to_owned(),
    );
    None
}

pub(super) fn rate(table: &Table<'_>) -> Option<RateRow> {
    let suffix = table.require("suffix", Value::text);
    let area = match table.get("area") {
        Some(value) => value.parsed("ordinary or poor", "ordinary 或 poor", Area::parse),
        None => Some(Area::Ordinary),
    };
    let from = table.require("from", start);
    let yuan = table.require("yuan", |value| value.integer(RATE_YUAN_MIN.into()..=RATE_YUAN_MAX.into()));
    Some(RateRow { suffix: suffix?, area: area?, from: from?, yuan: yuan? })
}

pub(super) fn poor_area(table: &Table<'_>) -> Option<PoorArea> {
    let (own, from) = (table.require("region", region), table.require("from", start));
    let until = table.read("until", None, |value| {
        let end = |text: &str| Timestamp::parse_end(text).ok();
        value.parsed("a date (2020-12-31)", "日期（2020-12-31）", end).map(Some)
    });
    Some(PoorArea { region: own?, from: from?, until })
}

fn ranges(value: &Value<'_>) -> Option<Vec<DayRange>> {
    value.list(|item| {
        item.parsed(
            "a day (2026-10-10) or days (2026-10-01/2026-10-07, at most 31)",
            "日期（2026-10-10）或日期区间（2026-10-01/2026-10-07，不超过 31 天）",
            DayRange::parse,
        )
    })
}

fn region(value: &Value<'_>) -> Option<Region> {
    value.parsed("a division code of 2, 4, 6, 9 or 12 digits", "2、4、6、9 或 12 位的行政区划代码", Region::parse)
}

fn start(value: &Value<'_>) -> Option<Timestamp> {
    value.parsed("a date (2015-01-01)", "日期（2015-01-01）", |text| Timestamp::parse_start(text).ok())
}

fn papers(value: &Value<'_>) -> Option<Vec<Box<str>>> {
    value.list(|item| item.parsed("the id of a paper (form, legal-person)", "材料编号（form、legal-person）", paper))
}

fn paper(text: &str) -> Option<Box<str>> {
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
    ((1..=PAPER_LEN_MAX).contains(&text.len()) && plain).then(|| text.into())
}

/// No day is worked on and free.
pub(super) fn days_agree(config: &Config, faults: &Faults<'_>) {
    if let Some(day) = config.registry.calendar.calendar().contradiction() {
        faults.add(
            None,
            format!("`registry.calendar`: {day} is both a holiday and a working day; leave out one of the two"),
            format!("“registry.calendar”：{day} 既是假日又是工作日，请去掉其一"),
        );
    }
}

/// Each rate is of a suffix, and on one day there is one for everybody.
pub(super) fn rates_agree(config: &Config, faults: &Faults<'_>) {
    let rates = &config.registry.rates;
    // A file that leaves the rates alone may have other suffixes; then these rows are for nobody.
    if *rates == default_rates() {
        return;
    }
    for (at, row) in rates.iter().enumerate() {
        if primary_of(config, &row.suffix).is_none() {
            faults.add(
                None,
                format!("`registry.rates`: `{}` is not a suffix of `[[suffixes]]`", row.suffix),
                format!("“registry.rates”：“{}”不在 [[suffixes]] 之中", row.suffix),
            );
        }
        let same = |other: &RateRow| {
            let (set, own) = (primary_of(config, &other.suffix), primary_of(config, &row.suffix));
            (set.is_some() || other.suffix == row.suffix) && (set, other.area, other.from) == (own, row.area, row.from)
        };
        if rates[..at].iter().any(same) {
            faults.add(
                None,
                format!("`registry.rates`: two rows of `{}` begin on the same day for the same areas", row.suffix),
                format!("“registry.rates”：“{}”有两行的起始日期和地区类别相同", row.suffix),
            );
        }
    }
}

/// The rates as the registry takes them.
pub(super) fn rates(config: &Config) -> Rates {
    let Registry { rates, poor_areas, .. } = &config.registry;
    let rows = rates.iter().filter_map(|row| {
        let set = primary_of(config, &row.suffix)?;
        Some(Rate { set, area: row.area, from: row.from, yuan: row.yuan })
    });
    Rates { rows: rows.collect(), poor_areas: poor_areas.clone() }
}

/// The primary suffix, in A-labels, of the set that `suffix` belongs to.
fn primary_of(config: &Config, suffix: &str) -> Option<Arc<str>> {
    let wanted = idn::host_to_ascii(suffix)?;
    let is_it = |own: &String| idn::host_to_ascii(own).as_deref() == Some(&*wanted);
    let set = config.suffixes.iter().find(|set| set.suffixes.iter().any(is_it))?;
    Some(idn::host_to_ascii(set.suffixes.first()?)?.into())
}
