//! Units (开办主体): the organs, institutions and social organisations that hold names.

use super::hold::Holds;
use super::penalty::Penalties;
use super::site_review::SiteReview;
use std::fmt;

/// A unit's id as its client chose it: `[A-Za-z0-9-]{1,64}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(Box<str>);

/// Longest unit id in octets; it is part of store keys and of paths.
pub const UNIT_ID_LEN_MAX: usize = 64;
/// Longest legal name of a unit in octets of UTF-8 (about 100 characters; the longest real ones have under 60).
pub const UNIT_NAME_LEN_MAX: usize = 300;

/// Working days within which a change of contacts is reported (R53).
pub const CONTACT_DAYS: u32 = 20;

/// Longest id of a proof document in octets; it is an id, not the document.
pub const PROOF_LEN_MAX: usize = 200;

/// A division's code in GB/T 2260: 2, 4, 6, 9 or 12 digits; a code is inside another if that is its prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Box<str>);

/// The divisions that a token acts in: those named, with all that lies inside them. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regions(Box<[Region]>);

/// Most regions of one token: a province has about a dozen prefectures, the country 31 provinces.
pub const REGIONS_MAX: usize = 40;

/// A unit's account number: eight digits that the system assigns (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(pub u32);

/// The first account number, and how many there are: all of eight digits.
pub const ACCOUNTS: (u32, u32) = (10_000_000, 90_000_000);

/// What kind of body a unit is; decides the suffixes it may use (R1, R2, R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// 党政机关: party and government organs.
    Organ,
    /// 事业单位: public institutions.
    Institution,
    /// 社会组织: social organisations.
    SocialOrganisation,
}

/// One unit as it stands after the transaction `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The client's id.
    pub id: UnitId,
    /// 单位全称: the name approved by law.
    pub name: Box<str>,
    /// Organ, institution or social organisation.
    pub kind: UnitKind,
    /// The division whose reviewers decide first.
    pub region: Region,
    /// Id of the document that proves administrative functions (R2); opens `.政务` to an institution.
    pub admin_function_proof: Option<Box<str>>,
    /// Why none of the unit's names resolves; empty when nothing holds them.
    pub holds: Holds,
    /// The penalties on its record (R56).
    pub penalties: Penalties,
    /// Its account number (R14); only units of journals from before there were any have none.
    pub account: Option<Account>,
    /// The review of its site, the last one that was opened.
    pub site_review: Option<Box<SiteReview>>,
    /// `seq` of the transaction that last changed the unit; its ETag.
    pub version: u64,
}

impl UnitId {
    /// The id of `text`, or `None` if it is not `[A-Za-z0-9-]{1,64}`.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=UNIT_ID_LEN_MAX).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (fits && plain).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Region {
    /// The region of `text`, or `None` if it is not 2, 4, 6, 9 or 12 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let known_length = matches!(text.len(), 2 | 4 | 6 | 9 | 12);
        (known_length && text.bytes().all(|b| b.is_ascii_digit())).then(|| Self(text.into()))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this region or lies inside it.
    pub fn contains(&self, other: &Region) -> bool {
        other.0.starts_with(&*self.0)
    }
}

impl Regions {
    /// These divisions; none if there is none of them, or more than [`REGIONS_MAX`].
    pub fn of(regions: Vec<Region>) -> Option<Self> {
        (1..=REGIONS_MAX).contains(&regions.len()).then(|| Self(regions.into()))
    }

    /// Whether `region` is one of them or inside one.
    pub fn contains(&self, region: &Region) -> bool {
        self.0.iter().any(|own| own.contains(region))
    }

    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Region> {
        self.0.iter()
    }
}

impl From<Region> for Regions {
    fn from(region: Region) -> Self {
        Self(Box::new([region]))
    }
}

impl UnitKind {
    /// The kind's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organ => "organ",
            Self::Institution => "institution",
            Self::SocialOrganisation => "social_organisation",
        }
    }

    /// The kind named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Organ, Self::Institution, Self::SocialOrganisation].into_iter().find(|k| k.as_str() == text)
    }
}

impl Account {
    /// The account number of `text`, if it is eight digits of which the first is not 0.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        digits.then(|| text.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
