//! What a name costs: amounts, and the dated rates by suffix and kind of area (R25, R63).

use super::time::Timestamp;
use super::unit::Region;
use std::fmt;
use std::sync::Arc;

/// Least yuan for a name and year, poor areas included (R25).
pub const RATE_YUAN_MIN: u32 = 100;
/// Most yuan for a name and year; a hundred times what is charged, so that more is a slip.
pub const RATE_YUAN_MAX: u32 = 30_000;

/// Fen in a yuan.
const FEN: u64 = 100;

/// An amount of money, in fen (hundredths of a yuan).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub u64);

/// What a line of an order is for (R63). Registration and renewal have one rate; the others are named so that they can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fee {
    /// 注册费, for the first term of a name.
    Registration,
    /// 续费, for further years.
    Renewal,
    /// 管理费.
    Management,
    /// 安全服务费.
    Security,
}

/// The kinds of area that rates tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// Everywhere else.
    Ordinary,
    /// Regions that were on the list of poor areas on the day.
    Poor,
}

/// One row: from a day on, a name costs so much a year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Primary suffix of the set.
    pub set: Arc<str>,
    /// For which areas.
    pub area: Area,
    /// From when on, until a later row.
    pub from: Timestamp,
    /// Yuan for a name and year.
    pub yuan: u32,
}

/// A region that is a poor area for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoorArea {
    /// Which, with all that lies inside it.
    pub region: Region,
    /// From when.
    pub from: Timestamp,
    /// Until when, if that is known.
    pub until: Option<Timestamp>,
}

/// All rates, past and future ones too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// The rows, in any order.
    pub rows: Vec<Rate>,
    /// The poor areas.
    pub poor_areas: Vec<PoorArea>,
}

impl Money {
    /// So many yuan.
    pub fn from_yuan(yuan: u32) -> Self {
        Self(u64::from(yuan) * FEN)
    }

    /// The amount of `1200.00`; without its fen, as `1200`, it is none: whether yuan or fen were meant is not guessed.
    pub fn parse(text: &str) -> Option<Self> {
        /// Digits before the point: more than all names for ten years cost.
        const DIGITS_MAX: usize = 12;
        let (yuan, fen) = text.split_once('.')?;
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let fits = (1..=DIGITS_MAX).contains(&yuan.len()) && fen.len() == 2 && digits(yuan) && digits(fen);
        let plain = yuan == "0" || !yuan.starts_with('0');
        (fits && plain).then(|| Some(Self(yuan.parse::<u64>().ok()? * FEN + fen.parse::<u64>().ok()?))).flatten()
    }

    /// The amount so many times.
    pub fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(u64::from(count)))
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum, amount| sum.saturating_add(amount.0)))
    }
}

impl fmt::Display for Money {
    /// Yuan with two digits of fen: `1200.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / FEN, self.0 % FEN)
    }
}

impl Rates {
    /// What a name of the set costs a unit of the region for a year, as of `at`; none if no row has begun.
    pub fn yearly(&self, set: &str, region: &Region, at: Timestamp) -> Option<Money> {
        let row = |area: Area| {
            let begun = self.rows.iter().filter(|row| *row.set == *set && row.area == area && row.from <= at);
            begun.max_by_key(|row| row.from).map(|row| Money::from_yuan(row.yuan))
        };
        match self.area(region, at) {
            // Where poor areas have no rate of their own, they pay what all pay.
            Area::Poor => row(Area::Poor).or_else(|| row(Area::Ordinary)),
            Area::Ordinary => row(Area::Ordinary),
        }
    }

    /// The kind of area that the region is as of `at`.
    pub fn area(&self, region: &Region, at: Timestamp) -> Area {
        let is_poor = |poor: &PoorArea| {
            poor.region.contains(region) && poor.from <= at && poor.until.is_none_or(|until| at <= until)
        };
        if self.poor_areas.iter().any(is_poor) { Area::Poor } else { Area::Ordinary }
    }
}

impl Fee {
    /// All types.
    pub const ALL: [Self; 4] = [Self::Registration, Self::Renewal, Self::Management, Self::Security];

    /// The type's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Renewal => "renewal",
            Self::Management => "management",
            Self::Security => "security",
        }
    }

    /// The type named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fee| fee.as_str() == text)
    }
}

impl Area {
    /// The kind's name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Poor => "poor",
        }
    }

    /// The kind named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ordinary, Self::Poor].into_iter().find(|area| area.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_start(text).unwrap()
    }

    fn rates() -> Rates {
        let row = |set: &str, area, from: &str, yuan| Rate { set: set.into(), area, from: at(from), yuan };
        let region = |code: &str| Region::parse(code).unwrap();
        let until = Some(Timestamp::parse_end("2020-12-31").unwrap());
        Rates {
            rows: vec![
                row("gov", Area::Ordinary, "2027-01-01", 250),
                row("gov", Area::Ordinary, "2015-01-01", 300),
                row("gov", Area::Poor, "2015-01-01", 100),
                row("org", Area::Ordinary, "2015-01-01", 200),
            ],
            poor_areas: vec![PoorArea { region: region("620421"), from: at("2015-01-01"), until }],
        }
    }

    /// R25: 政务 2 y = 600, 10 y = 3000; 公益 2 y = 400; poor 2 y = 200.
    #[test]
    fn the_row_of_the_day_and_area_counts() {
        let (poor, rich) = (Region::parse("620421001").unwrap(), Region::parse("620422").unwrap());
        for (set, region, day, years, amount) in [
            ("gov", &rich, "2016-05-01", 2, Some("600.00")),
            ("gov", &rich, "2016-05-01", 10, Some("3000.00")),
            ("org", &rich, "2016-05-01", 2, Some("400.00")),
            ("gov", &poor, "2016-05-01", 2, Some("200.00")),
            ("org", &poor, "2016-05-01", 2, Some("400.00")),
            ("gov", &poor, "2020-12-31", 2, Some("200.00")),
            ("gov", &poor, "2021-01-01", 2, Some("600.00")),
            ("gov", &rich, "2026-12-31", 2, Some("600.00")),
            ("gov", &rich, "2027-01-01", 2, Some("500.00")),
            ("gov", &rich, "2014-12-31", 2, None),
            ("net", &rich, "2016-05-01", 2, None),
        ] {
            let yearly = rates().yearly(set, region, at(day));
            let amount = amount.map(ToOwned::to_owned);
            assert_eq!(yearly.map(|rate| rate.times(years).to_string()), amount, "{set} {region} {day} {years}");
        }
    }

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (text, fen) in [("0.00", 0), ("1200.00", 120_000), ("0.05", 5), ("999999999999.99", 99_999_999_999_999)] {
            assert_eq!(Money::parse(text), Some(Money(fen)));
            assert_eq!(Money(fen).to_string(), text);
        }
        for text in [
            "", "1200", ".", "1200.", ".50", "1200.0", "1200.000", "-1.00", "+1.00", "1,200.00", "01.00", "１.00",
            "1e3",
        ] {
            assert_eq!(Money::parse(text), None, "{text}");
        }
        assert_eq!([Money(1), Money(u64::MAX)].into_iter().sum::<Money>(), Money(u64::MAX));
        assert_eq!(Money(u64::MAX).times(2), Money(u64::MAX));
    }
}
