//! The review of a unit's site (网站复核): a status of the unit with deadlines, whose neglect holds all its names (R22, R23, R55).
//!
//! ```text
//!          open ──submit──▶ local_review ──pass──▶ central_review ──pass──▶ passed
//!  deadline │ ▲                  │ reject              │ reject │ of an organ  ▲
//!           ▼ └─postponed        ▼                     │        ▼              │ confirmed
//!  SITE_NOT_SUBMITTED        rejected ◀────────────────┴──── paper ────────────┘
//!                  ▲             │ deadline           reject   │ deadline
//!                  └──resubmit   └─▶ SITE_REVIEW_FAILED ◀──────┘
//! ```
//!
//! An operator can take it back (`cancelled`) until it has passed. A missed deadline ends nothing: the unit hands in,
//! corrects or sends its papers later, and the pass lifts what the clock placed. The time that reviewers take is not the
//! unit's: while they have it, nothing falls due.

use super::application::Paper;
use super::change::Approval;
use super::hold::HoldReason;
use super::ids::SiteReviewId;
use super::name::NameKey;
use super::review::PAPER_DAYS_MAX;
use super::time::Timestamp;
use super::unit::UnitId;
use std::fmt;

/// Working days to hand a review in, where nothing else is set; the notices give days by campaign.
const SUBMIT_DAYS: u32 = 20;
/// Working days to correct what was rejected, where nothing else is set.
const CORRECTION_DAYS: u32 = 10;
/// Days before a deadline on which units are reminded of it, where nothing else is set: a week, and once more in time for a
/// letter.
const NOTICES_DAYS: [i32; 2] = [-7, -2];
/// Most working days of any of these: about half a year.
pub const SITE_DAYS_MAX: u32 = 120;

/// How far the review of a unit's site has come; the unit's version is its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteReview {
    /// `s` and the `seq` that opened it.
    pub id: SiteReviewId,
    /// For a new site, or one that is there already.
    pub kind: SiteReviewKind,
    /// Where it stands.
    pub state: SiteReviewState,
    /// The last second in which what it waits for is in time: the unit's doing, or a reviewer's (R19).
    pub deadline: Option<Timestamp>,
    /// Whether the clock has drawn the consequence of the deadline. Whoever lifts the hold then has the last word.
    pub missed: bool,
    /// The Chinese name of the site (R23), from its submission on.
    pub name: Option<NameKey>,
    /// The principal that submitted it last.
    pub submitter: Option<Box<str>>,
    /// When.
    pub submitted: Option<Timestamp>,
    /// The first review.
    pub local: Option<Approval>,
    /// The second review.
    pub central: Option<Approval>,
    /// The confirmation of an organ's papers (R22).
    pub paper: Option<Approval>,
    /// The papers that were ticked with it (R20), in the order of their ids.
    pub papers: Vec<Paper>,
    /// Why it was rejected last (R18).
    pub reason: Option<Box<str>>,
    /// When any of this last changed; of two images the later one counts.
    pub changed: Timestamp,
    /// When the unit is next reminded of the deadline; an import counts anew from its own settings.
    pub reminder: Option<Timestamp>,
}

/// Something a unit is to be told of the review of its site. It changes nothing: the journal has it, and the outbox hands it
/// on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteNotice {
    /// Of what.
    pub kind: SiteNoticeKind,
    /// Who is to be told.
    pub unit: UnitId,
    /// The review.
    pub review: SiteReviewId,
    /// What it waits for, or waited for.
    pub state: SiteReviewState,
    /// The last second in which that is, or was, in time.
    pub deadline: Timestamp,
}

/// What a notice about a site is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SiteNoticeKind {
    /// Something is asked of the unit by the deadline: to hand in, to correct, to send papers; or it is given more time.
    Asked,
    /// The deadline comes in so many days; they are negative.
    Due(i32),
    /// The deadline has passed, and the unit is held (R55).
    Lapsed,
    /// The review was taken back: nothing is asked of the unit any more.
    Cancelled,
}

/// What site is reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SiteReviewKind {
    /// 新开办: a new one.
    New,
    /// 复核: one that is there already.
    Recheck,
}

/// Where a review stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SiteReviewState {
    /// Waits for the unit to hand it in.
    Open,
    /// Waits for the reviewer of the unit's region.
    LocalReview,
    /// Waits for the registry's reviewer.
    CentralReview,
    /// Both have passed; waits for an organ's papers, signed and sealed.
    Paper,
    /// Waits for the unit to correct it.
    Rejected,
    /// Passed.
    Passed,
    /// 撤销: taken back by the registry. It stays on record, so that no older image of it comes to life again.
    Cancelled,
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SiteStep {
    /// 初审: the reviewer of the unit's region.
    Local,
    /// 复审: the registry's reviewer.
    Central,
    /// 纸质材料确认: the office of the unit's region again.
    Paper,
}

/// Within how many working days sites are reviewed; reviewers have the days they have for applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteReviewRules {
    /// To hand it in; no deadline is set sooner.
    pub submit_days: u32,
    /// To correct and hand in again what was rejected.
    pub correction_days: u32,
    /// For an organ's papers, from the second review on.
    pub paper_days: u32,
    /// Papers without which they are not confirmed (R20), each by an id such as `letter`.
    pub papers: Vec<Box<str>>,
    /// When units are reminded of a deadline, in days from it, negative and in ascending order.
    pub notices_days: Vec<i32>,
}

impl SiteReview {
    /// When the clock will hold the unit, and for what, if nothing is done till then.
    pub fn consequence(&self) -> Option<(Timestamp, HoldReason)> {
        let deadline = self.deadline.filter(|_| !self.missed)?;
        Some((Timestamp(deadline.0.saturating_add(1)), self.state.neglect()?))
    }

    /// Whether what it waits for should have been done before `now`.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline < now)
    }
}

impl SiteReviewState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::LocalReview,
        Self::CentralReview,
        Self::Paper,
        Self::Rejected,
        Self::Passed,
        Self::Cancelled,
    ];

    /// Whether nothing comes after it but another review.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Passed | Self::Cancelled)
    }

    /// Why a unit is held that lets its deadline pass in this state; none while it waits for others (R55).
    pub fn neglect(self) -> Option<HoldReason> {
        match self {
            Self::Open => Some(HoldReason::SiteNotSubmitted),
            Self::Rejected | Self::Paper => Some(HoldReason::SiteReviewFailed),
            Self::LocalReview | Self::CentralReview | Self::Passed | Self::Cancelled => None,
        }
    }

    /// The decision it waits for.
    pub fn awaits(self) -> Option<SiteStep> {
        match self {
            Self::LocalReview => Some(SiteStep::Local),
            Self::CentralReview => Some(SiteStep::Central),
            Self::Paper => Some(SiteStep::Paper),
            Self::Open | Self::Rejected | Self::Passed | Self::Cancelled => None,
        }
    }

    /// Whether the unit can hand it in.
    pub fn is_submittable(self) -> bool {
        matches!(self, Self::Open | Self::Rejected)
    }

    /// The state's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::LocalReview => "local_review",
            Self::CentralReview => "central_review",
            Self::Paper => "paper",
            Self::Rejected => "rejected",
            Self::Passed => "passed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl SiteReviewKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::New, Self::Recheck];

    /// The kind's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Recheck => "recheck",
        }
    }

    /// The kind named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Default for SiteReviewRules {
    fn default() -> Self {
        Self {
            submit_days: SUBMIT_DAYS,
            correction_days: CORRECTION_DAYS,
            paper_days: PAPER_DAYS_MAX,
            papers: Vec::new(),
            notices_days: NOTICES_DAYS.to_vec(),
        }
    }
}

impl SiteReviewRules {
    /// When a unit is next reminded of this deadline, after `now`.
    pub fn reminder_after(&self, deadline: Timestamp, now: Timestamp) -> Option<Timestamp> {
        self.notices_days.iter().map(|days| deadline.add_days((*days).into())).find(|at| *at > now)
    }

    /// The last reminder of this deadline whose time has come, by its days.
    pub fn reminder_reached(&self, deadline: Timestamp, now: Timestamp) -> Option<i32> {
        self.notices_days.iter().rev().copied().find(|days| deadline.add_days((*days).into()) <= now)
    }
}

impl SiteNoticeKind {
    /// The kind named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "asked" => Some(Self::Asked),
            "lapsed" => Some(Self::Lapsed),
            "cancelled" => Some(Self::Cancelled),
            _ => text.strip_prefix("due")?.parse().ok().map(Self::Due).filter(|kind| kind.to_string() == text),
        }
    }

    /// Its days from the deadline, if it has any.
    pub fn days(self) -> Option<i32> {
        match self {
            Self::Due(days) => Some(days),
            Self::Asked | Self::Lapsed | Self::Cancelled => None,
        }
    }

    /// The kind without its days, for readers.
    pub fn class(self) -> &'static str {
        match self {
            Self::Asked => "site_review_asked",
            Self::Due(_) => "site_review_due",
            Self::Lapsed => "site_review_lapsed",
            Self::Cancelled => "site_review_cancelled",
        }
    }
}

impl fmt::Display for SiteNoticeKind {
    /// `asked`, `due-7`, `lapsed` or `cancelled`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked"),
            Self::Due(days) => write!(f, "due{days:+}"),
            Self::Lapsed => f.write_str("lapsed"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_notices_are_read_as_written() {
        use SiteNoticeKind::{Asked, Cancelled, Due, Lapsed};
        for kind in [Asked, Due(-7), Lapsed, Cancelled] {
            assert_eq!(SiteNoticeKind::parse(&kind.to_string()), Some(kind));
        }
        for text in ["", "due", "due7", "due-07", "Asked"] {
            assert_eq!(SiteNoticeKind::parse(text), None, "{text}");
        }
    }

    #[test]
    fn reminders_come_in_their_order_and_none_twice() {
        let rules = SiteReviewRules::default();
        let deadline = Timestamp(0).add_days(30);
        let next = |now: Timestamp| rules.reminder_after(deadline, now).map(|at| (at.0 - deadline.0) / 86_400);
        assert_eq!(
            (next(Timestamp(0)), next(deadline.add_days(-7)), next(deadline.add_days(-2))),
            (Some(-7), Some(-2), None)
        );
        let reached = |days: i64| rules.reminder_reached(deadline, deadline.add_days(days));
        assert_eq!((reached(-8), reached(-7), reached(-3), reached(-2)), (None, Some(-7), Some(-7), Some(-2)));
    }
}
