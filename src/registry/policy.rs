//! The registry's settings, as the configuration gives them.

use super::calendar::Calendar;
use super::fee::Rates;
use super::labels::Labels;
use super::life::Terms;
use super::name::NameKey;
use super::review::ReviewRules;
use super::site_review::SiteReviewRules;
use super::unit::UnitKind;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One registration published under several suffixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuffixSet {
    /// The suffixes in A-labels without a final dot; the first is the primary one that keys are written with.
    pub suffixes: Vec<Arc<str>>,
    /// The kinds of unit that may register here (R1, R4).
    pub unit_kinds: Vec<UnitKind>,
    /// The kinds that may with proof of administrative functions (R2).
    pub unit_kinds_with_proof: Vec<UnitKind>,
}

/// All settings of the registry's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The suffix sets.
    pub sets: Vec<SuffixSet>,
    /// Labels nobody may register, in A-label form.
    pub reserved_labels: Vec<Box<str>>,
    /// Whether private, loopback, link-local and documentation addresses may be resolved to and forwarded to.
    pub allow_special_addresses: bool,
    /// Seconds from the end of a term until EXPIRED holds it.
    pub expiry_grace_secs: i64,
    /// Share of a suffix set's names in percent above which suspensions within an hour are stopped.
    pub brake_percent: u32,
    /// Number of names up to which they never are.
    pub brake_names_min: u64,
    /// Which days are worked on; deadlines are counted in them.
    pub calendar: Calendar,
    /// Who reviews applications, and within how many working days.
    pub review: ReviewRules,
    /// Within how many working days sites are reviewed.
    pub site_review: SiteReviewRules,
    /// What a name costs.
    pub rates: Rates,
    /// Names whose suspension is always stopped.
    pub protected_names: BTreeSet<NameKey>,
    /// Seconds by which the clock may differ from the time that has passed; beyond it due times wait. 0: by any.
    pub clock_step_secs: i64,
    /// What labels are held against beside their form.
    pub labels: Labels,
    /// What a token alone may not do: it takes a second factor too (R60).
    pub second_factor: Vec<Guarded>,
    /// Notices, and how terms end.
    pub terms: Terms,
}

/// What can be asked to be confirmed by a second factor (R60).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guarded {
    /// Holds of a unit, placed and lifted: they reach all its names.
    UnitHold,
    /// The end of a registration.
    Deletion,
    /// A unit on the blacklist (R56), or off it.
    Blacklist,
    /// The release of the brake.
    BrakeRelease,
    /// A resolution that takes effect: the central approval, and what is pushed with both.
    DnsChange,
}

impl Guarded {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::UnitHold, Self::Deletion, Self::Blacklist, Self::BrakeRelease, Self::DnsChange];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnitHold => "unit-hold",
            Self::Deletion => "deletion",
            Self::Blacklist => "blacklist",
            Self::BrakeRelease => "brake-release",
            Self::DnsChange => "dns-change",
        }
    }

    /// What it is, in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Self::UnitHold => "单位暂停",
            Self::Deletion => "注销域名",
            Self::Blacklist => "黑名单",
            Self::BrakeRelease => "解除熔断",
            Self::DnsChange => "解析变更生效",
        }
    }

    /// The one named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guarded| guarded.as_str() == text)
    }
}

impl Policy {
    /// The rules as they are where nothing is set, for these suffix sets.
    pub fn of(sets: Vec<SuffixSet>) -> Self {
        Self {
            sets,
            reserved_labels: Vec::new(),
            allow_special_addresses: false,
            expiry_grace_secs: 0,
            brake_percent: 5,
            brake_names_min: 20,
            calendar: Calendar::default(),
            review: ReviewRules::default(),
            site_review: SiteReviewRules::default(),
            rates: Rates::default(),
            second_factor: Vec::new(),
            terms: Terms::default(),
            protected_names: BTreeSet::new(),
            clock_step_secs: 3600,
            labels: Labels::default(),
        }
    }
}

/// Shortest and longest term in years (R24).
pub const TERM_YEARS: std::ops::RangeInclusive<u32> = 2..=10;
