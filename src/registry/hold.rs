//! Holds: the set of reasons for which a unit's names, or one name, do not resolve.

use super::time::Timestamp;
use std::collections::BTreeMap;

/// Why something is held. In order of precedence: the first active one decides EDE code and notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldReason {
    /// An order of a court or authority.
    Legal,
    /// The unit is blacklisted (R56).
    Blacklist,
    /// A penalty of at most 90 days (R56).
    Penalty,
    /// The site review was not passed (R55).
    SiteReviewFailed,
    /// No site review was handed in by its deadline (R55).
    SiteNotSubmitted,
    /// Any other decision of the registry.
    RegistryAdmin,
    /// The unit asked for it.
    UnitRequest,
    /// The term ended (R35); set by the clock only.
    Expired,
}

/// One hold: one reason on one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// From when it holds.
    pub start: Timestamp,
    /// When it lifts itself, if ever.
    pub end: Option<Timestamp>,
    /// Whether it holds now: the clock sets this when `start` has come, so that state alone decides what is published.
    pub active: bool,
    /// Id of the document or case behind it.
    pub evidence: Box<str>,
    /// The principal that placed it.
    pub by: Box<str>,
}

/// The holds on one object, at most one per reason, in order of precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds(pub BTreeMap<HoldReason, Hold>);

/// Longest evidence text in octets; it is an id, not the document.
pub const EVIDENCE_LEN_MAX: usize = 200;
/// Longest penalty in days (R56).
pub const PENALTY_DAYS_MAX: i64 = 90;

impl Holds {
    /// The reason that decides, if any hold is active.
    pub fn effective(&self) -> Option<HoldReason> {
        self.0.iter().find(|(_, hold)| hold.active).map(|(reason, _)| *reason)
    }
}

impl Hold {
    /// What tells that the hold was lifted at `at`: itself, shrunk to the second before. An import takes the hold away by it.
    #[must_use]
    pub fn lifted(&self, at: Timestamp) -> Self {
        Self { start: Timestamp(at.0.saturating_sub(1)), end: Some(at), active: false, ..self.clone() }
    }

    /// Whether this is what [`Self::lifted`] made of `other`. One that was placed later, by another or for another reason is
    /// not the one that was lifted.
    pub fn tells_end_of(&self, other: &Self) -> bool {
        let is_told = self.end.is_some_and(|end| end.0.saturating_sub(1) == self.start.0);
        let is_same = (&self.evidence, &self.by) == (&other.evidence, &other.by);
        is_told && is_same && self.end.is_some_and(|end| other.start <= end)
    }
}

impl HoldReason {
    /// All reasons, in order of precedence.
    pub const ALL: [Self; 8] = [
        Self::Legal,
        Self::Blacklist,
        Self::Penalty,
        Self::SiteReviewFailed,
        Self::SiteNotSubmitted,
        Self::RegistryAdmin,
        Self::UnitRequest,
        Self::Expired,
    ];

    /// The reason's name in files, in the API and in EDE texts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legal => "LEGAL",
            Self::Blacklist => "BLACKLIST",
            Self::Penalty => "PENALTY",
            Self::SiteReviewFailed => "SITE_REVIEW_FAILED",
            Self::SiteNotSubmitted => "SITE_NOT_SUBMITTED",
            Self::RegistryAdmin => "REGISTRY_ADMIN",
            Self::UnitRequest => "UNIT_REQUEST",
            Self::Expired => "EXPIRED",
        }
    }

    /// The reason named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}
