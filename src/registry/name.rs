//! Registrations: one label under one suffix set, held by one unit for a term.

use super::change::ChangeId;
use super::hold::{HoldReason, Holds};
use super::resolution::Resolution;
use super::time::Timestamp;
use super::unit::{Unit, UnitId};
use crate::idn::Label;
use std::fmt;
use std::sync::Arc;

/// What names a registration: its label, and the suffix set by its primary suffix.
///
/// Its text form, `LABEL.SUFFIX` in A-labels without a final dot, is the key in the store and in the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey {
    /// The registered label.
    pub label: Label,
    /// The primary suffix of the set, A-labels without a final dot (`xn--zfr164b`).
    pub set: Arc<str>,
}

/// One registration as it stands after the transaction `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Label and suffix set.
    pub key: NameKey,
    /// Who holds it; never changes (R5).
    pub unit: UnitId,
    /// When the first term began.
    pub registered: Timestamp,
    /// When the current term ends: the last second of a day in Asia/Shanghai.
    pub expires: Timestamp,
    /// The slot of the application it came from, 1..=7 (R8).
    pub kind: u8,
    /// 主域名: the main name of its site (R9).
    pub primary: bool,
    /// What is approved and published while nothing holds it.
    pub resolution: Option<Resolution>,
    /// `seq` of the transaction that last set `resolution`; 0 while none is set. Pending changes are bound to it.
    pub resolved_by: u64,
    /// Why this name does not resolve, the unit's holds apart.
    pub holds: Holds,
    /// The change that waits for approval, if one does.
    pub pending: Option<ChangeId>,
    /// `seq` of the transaction that last changed the registration; its ETag.
    pub version: u64,
}

/// A registration's state as people ask for it; derived, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameState {
    /// It resolves.
    Active,
    /// Nothing is approved for it yet.
    Inactive,
    /// A hold other than EXPIRED keeps it from resolving.
    Held,
    /// Its term ended and no graver hold is on it.
    Expired,
}

impl NameKey {
    /// The key that `text` was written from (`LABEL.SUFFIX` in A-labels, no final dot), if it has that form.
    pub fn from_canonical(text: &str) -> Option<Self> {
        let (label, set) = text.split_once('.')?;
        (!set.is_empty()).then_some(())?;
        Some(Self { label: Label::from_canonical(label)?, set: set.into() })
    }
}

impl Registration {
    /// The hold that keeps it from resolving, the unit's and its own taken together.
    pub fn effective_hold(&self, unit: &Unit) -> Option<HoldReason> {
        self.holds.effective().into_iter().chain(unit.holds.effective()).min()
    }

    /// The state as people ask for it.
    pub fn state(&self, unit: &Unit) -> NameState {
        match (self.effective_hold(unit), &self.resolution) {
            (Some(HoldReason::Expired), _) => NameState::Expired,
            (Some(_), _) => NameState::Held,
            (None, None) => NameState::Inactive,
            (None, Some(_)) => NameState::Active,
        }
    }
}

impl NameState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Active, Self::Inactive, Self::Held, Self::Expired];

    /// The state's name in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Held => "held",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.label.as_ascii(), self.set)
    }
}
