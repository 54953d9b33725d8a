//! Changes of resolution and their two approvals.
//!
//! ```text
//! submitted ──local approve──▶ locally_approved ──central approve──▶ live
//!     │ reject                      │ reject
//!     └──────────▶ rejected ◀───────┘          withdrawn: its name was deleted or the submitter took it back
//! ```

use super::ids::ChangeId;
use super::name::NameKey;
use super::resolution::Resolution;
use super::time::Timestamp;

/// Longest reason in octets that is kept in the journal and shown to the unit (about 300 characters).
pub const REASON_LEN_MAX: usize = 1000;
/// Longest id of an asserted reviewer in octets; it is an id, not a person's name and office.
pub const REVIEWER_LEN_MAX: usize = 100;

/// The level of an approval; local comes first (R17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The reviewer of the unit's own region.
    Local,
    /// The registry's reviewer.
    Central,
}

/// Who approved at one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// A token's name, or the opaque reviewer id that an operator asserted.
    pub by: Box<str>,
    /// When.
    pub at: Timestamp,
    /// Whether an operator asserted it for a registry that reviews elsewhere.
    pub asserted: bool,
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeState {
    /// Waits for the local reviewer.
    Submitted,
    /// Waits for the central reviewer.
    LocallyApproved,
    /// Approved twice and published (unless a hold hides it).
    Live,
    /// Refused by a reviewer.
    Rejected,
    /// Ended without a decision.
    Withdrawn,
}

/// One change as it stands after the transaction `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `c` and a `seq`.
    pub id: ChangeId,
    /// The name it is for.
    pub name: NameKey,
    /// What the name shall resolve to.
    pub resolution: Resolution,
    /// The principal that submitted it.
    pub submitter: Box<str>,
    /// When.
    pub submitted: Timestamp,
    /// The name's `resolved_by` it was written against; an approval of a stale change is refused.
    pub base: u64,
    /// Where it stands.
    pub state: ChangeState,
    /// The first approval.
    pub local: Option<Approval>,
    /// The second approval.
    pub central: Option<Approval>,
    /// The reviewer's reason for a rejection (R18).
    pub reason: Option<Box<str>>,
    /// `seq` of the transaction that last changed it; its ETag.
    pub version: u64,
}

impl Level {
    /// The level's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Central => "central",
        }
    }
}

impl ChangeState {
    /// Whether it still waits for a decision.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Submitted | Self::LocallyApproved)
    }

    /// All states.
    pub const ALL: [Self; 5] = [Self::Submitted, Self::LocallyApproved, Self::Live, Self::Rejected, Self::Withdrawn];

    /// The state's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::LocallyApproved => "locally_approved",
            Self::Live => "live",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }
}
