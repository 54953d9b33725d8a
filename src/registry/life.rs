//! The life of a term beside its holds: notices, the request to unfreeze, the way out, and the label kept afterwards.
//!
//! ```text
//! in term ──end, grace──▶ EXPIRED ──too long unpaid──▶ final notice ──▶ (pending delete) ──▶ deleted, label kept
//!    ▲                       │                             │
//!    └──── renewed, and unfrozen where that is asked for ──┘
//! ```

use super::name::NameKey;
use super::time::{DAY_SECS, Timestamp};
use super::unit::UnitId;
use std::fmt;
use std::sync::Arc;

/// How the names of a suffix set end (R35–R37). Two profiles stand at its defaults: the registry's own and ICANN's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Days from the end of a term, unpaid, until the final notice: two years (R36); in ICANN's profile the auto-renew
    /// grace period after which a registrar deletes.
    pub unpaid_days: i64,
    /// Days from the final notice in which the name can still be renewed: 30 (R36); ICANN's redemption grace period.
    pub final_days: i64,
    /// Days after them in which nothing helps any more; ICANN's pendingDelete.
    pub pending_delete_days: i64,
    /// Days for which the label is kept for its last holder (R37).
    pub kept_days: i64,
    /// Whether a renewal restores a name on which EXPIRED is, or a request to unfreeze it is needed as well (R35).
    pub unfreeze: Unfreeze,
}

/// Which renewals need a request to unfreeze before the name resolves again (R35).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfreeze {
    /// None.
    Never,
    /// Those that a unit orders and pays; an operator that renews directly has the request before it.
    Orders,
    /// All.
    Always,
}

/// Who renews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewedBy {
    /// An operator, for a registry that collects fees elsewhere.
    Operator,
    /// An order of the unit's that was paid.
    Order,
}

/// The settings of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// When units are told, in days from the end of the term, in ascending order.
    pub notices_days: Vec<i32>,
    /// The profile of each suffix set that has another than the national one, by primary suffix.
    pub profiles: Vec<(Arc<str>, Profile)>,
    /// The profile of the others.
    pub national: Profile,
}

/// What a registration has of its life; nothing, for most of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// On its way to deletion.
    pub leaving: Option<Leaving>,
    /// When it was asked to restore the name once its renewal is paid (解冻申请, R35).
    pub unfreeze: Option<Timestamp>,
    /// Since when the site's home page tells of its move to another name (R54).
    pub migration: Option<Timestamp>,
}

/// A name on its way to deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// How far it is.
    pub stage: Stage,
    /// When the stage ends.
    pub until: Timestamp,
}

/// How far a name is on its way to deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The final notice was given; a renewal still restores the name. ICANN's redemption period.
    Final,
    /// Nothing restores it.
    PendingDelete,
}

/// A label kept for the unit that last held it (R37).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The name it was.
    pub key: NameKey,
    /// For whom it is kept.
    pub unit: UnitId,
    /// Until when.
    pub until: Timestamp,
}

/// Something a unit is to be told. It changes nothing: the journal has it, and the outbox hands it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Of what.
    pub kind: NoticeKind,
    /// The name it is about.
    pub name: NameKey,
    /// Who is to be told.
    pub unit: UnitId,
    /// When the term ends, or ended.
    pub expires: Timestamp,
    /// When the name is deleted, or until when its label is kept.
    pub until: Option<Timestamp>,
}

/// What a notice is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// The term ends in so many days, or has ended so many days ago (then they are positive).
    Term(i32),
    /// The last before deletion.
    Final,
    /// The name was deleted.
    Deleted,
}

/// A place in the order of names by the end of their terms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TermEnd {
    /// When the term ends.
    pub at: Timestamp,
    /// The name; none stands before all names of that moment.
    pub key: Option<NameKey>,
}

/// Up to which name, in the order of the ends of terms, a notice has been given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// Which notice: its days from the end of the term.
    pub days: i32,
    /// The last name that was looked at.
    pub upto: TermEnd,
}

/// Which names are walked through in the order of the ends of their terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// All.
    All,
    /// Those on which EXPIRED is, and that are not on their way to deletion yet.
    Expired,
}

/// Days within which the last notice is still worth giving; later it would be news of long ago.
pub const NOTICE_LATE_DAYS_MAX: i32 = 30;
/// Months for which a site has to tell of its move before the old name may go (R54).
pub const MIGRATION_MONTHS: u32 = 3;
/// Days for which ICANN wants a name not to resolve before it is deleted (Expired Registration Recovery Policy §2.2).
pub const INTERRUPTED_DAYS_MIN: i64 = 8;

impl Profile {
    /// The founding notices' (R36, R37).
    pub const NATIONAL: Self =
        Self { unpaid_days: 730, final_days: 30, pending_delete_days: 0, kept_days: 365, unfreeze: Unfreeze::Orders };
    /// ICANN's: redemption and pendingDelete as gTLD registries have them (RFC 3915).
    pub const ICANN_RGP: Self =
        Self { unpaid_days: 45, final_days: 30, pending_delete_days: 5, kept_days: 0, unfreeze: Unfreeze::Never };
}

impl Terms {
    /// The profile of the set with this primary suffix.
    pub fn profile(&self, set: &str) -> &Profile {
        self.profiles.iter().find(|(known, _)| **known == *set).map_or(&self.national, |(_, profile)| profile)
    }

    /// The fewest days after which a name of any set may be given the final notice.
    pub fn unpaid_days_min(&self) -> i64 {
        let others = self.profiles.iter().map(|(_, profile)| profile.unpaid_days);
        others.fold(self.national.unpaid_days, i64::min)
    }

    /// When the notice at `index` of [`Self::notices_days`] is no longer worth giving, in days from the end of the term:
    /// when the next one is due, or the term has ended that it warns of.
    pub fn notice_end_days(&self, index: usize) -> i32 {
        let days = self.notices_days[index];
        let next = self.notices_days.get(index + 1).copied().unwrap_or(days.saturating_add(NOTICE_LATE_DAYS_MAX));
        if days < 0 { next.min(0) } else { next }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self { notices_days: vec![-30, -7, 5], profiles: Vec::new(), national: Profile::NATIONAL }
    }
}

impl Unfreeze {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Never, Self::Orders, Self::Always];

    /// The value's name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Orders => "orders",
            Self::Always => "always",
        }
    }
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 2] = [Self::Final, Self::PendingDelete];

    /// The stage's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final_notice",
            Self::PendingDelete => "pending_delete",
        }
    }

    /// The stage named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

impl NoticeKind {
    /// The kind named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "final" => Some(Self::Final),
            "deleted" => Some(Self::Deleted),
            _ => text.strip_prefix("term")?.parse().ok().map(Self::Term).filter(|kind| kind.to_string() == text),
        }
    }

    /// Its days from the end of the term, if it has any.
    pub fn days(self) -> Option<i32> {
        match self {
            Self::Term(days) => Some(days),
            Self::Final | Self::Deleted => None,
        }
    }

    /// The kind without its days, for readers.
    pub fn class(self) -> &'static str {
        match self {
            Self::Term(days) if days < 0 => "expiring",
            Self::Term(_) => "expired",
            Self::Final => "final",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for NoticeKind {
    /// `term-30`, `term+5`, `final` or `deleted`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Term(days) => write!(f, "term{days:+}"),
            Self::Final => f.write_str("final"),
            Self::Deleted => f.write_str("deleted"),
        }
    }
}

impl Leaving {
    /// Whether a renewal can still restore the name at `now`.
    pub fn is_restorable(&self, now: Timestamp) -> bool {
        self.stage == Stage::Final && self.until > now
    }
}

impl Timestamp {
    /// So many days later; earlier, if they are negative.
    pub fn add_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(DAY_SECS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_notices_are_read_as_written() {
        for kind in [NoticeKind::Term(-30), NoticeKind::Term(5), NoticeKind::Final, NoticeKind::Deleted] {
            assert_eq!(NoticeKind::parse(&kind.to_string()), Some(kind));
        }
        for text in ["", "term", "term5", "term+05", "Final", "term-", "term+-5"] {
            assert_eq!(NoticeKind::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_notice_is_worth_giving_until_the_next_or_until_what_it_warns_of() {
        let ends = |days: &[i32]| -> Vec<i32> {
            let terms = Terms { notices_days: days.to_vec(), ..Terms::default() };
            (0..days.len()).map(|index| terms.notice_end_days(index)).collect()
        };
        assert_eq!(ends(&[-30, -7, 5]), [-7, 0, 35]);
        assert_eq!(ends(&[-7]), [0]);
        assert_eq!(ends(&[0, 1]), [1, 31]);
    }
}
