//! The penalty ladder of a unit (R56): warning, suspension, deletion with blacklist; no step is skipped.
//!
//! ```text
//! warning ──▶ suspension (at most 90 days) ──▶ deletion of all names, blacklist ──blacklist lifted──▶ the ladder anew
//! ```

use super::time::Timestamp;

/// Most steps that a unit's record keeps; the journal has those before, and nobody is blacklisted ten times.
pub const PENALTIES_MAX: usize = 30;
/// Days for which the former names of a blacklisted unit stay withheld.
pub const WITHHELD_DAYS: i64 = 365;

/// One step of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PenaltyStep {
    /// 警告: it is on record, and nothing else.
    Warning,
    /// 暂停: none of the unit's names resolves until a midnight in Asia/Shanghai.
    Suspension,
    /// 注销并列入黑名单: its names are deleted, and it registers nothing more.
    Deletion,
}

/// What a penalty is for (R57).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two years unpaid.
    UnpaidTwoYears,
    /// What was registered does not match the facts.
    DataMismatch,
    /// 等保: the classified protection was not passed by its deadline.
    ProtectionOverdue,
    /// Another one, which the evidence names.
    Other,
}

/// One penalty on a unit's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Penalty {
    /// Which step it was.
    pub step: PenaltyStep,
    /// What it was for.
    pub violation: Violation,
    /// Id of the document or case behind it.
    pub evidence: Box<str>,
    /// The principal that imposed it.
    pub by: Box<str>,
    /// When.
    pub at: Timestamp,
    /// The midnight at which a suspension lifts itself.
    pub end: Option<Timestamp>,
}

/// A unit's record, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Penalties(pub Vec<Penalty>);

impl Penalties {
    /// The step that comes next; after a deletion the ladder begins anew.
    pub fn next(&self) -> PenaltyStep {
        match self.0.last().map(|penalty| penalty.step) {
            None | Some(PenaltyStep::Deletion) => PenaltyStep::Warning,
            Some(PenaltyStep::Warning) => PenaltyStep::Suspension,
            Some(PenaltyStep::Suspension) => PenaltyStep::Deletion,
        }
    }
}

impl PenaltyStep {
    /// All steps, in their order.
    pub const ALL: [Self; 3] = [Self::Warning, Self::Suspension, Self::Deletion];

    /// The step's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Suspension => "suspension",
            Self::Deletion => "deletion",
        }
    }

    /// The kind of the notice that tells its unit.
    pub fn notice(self) -> &'static str {
        match self {
            Self::Warning => "penalty_warning",
            Self::Suspension => "penalty_suspension",
            Self::Deletion => "penalty_deletion",
        }
    }

    /// What it is, in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Warning => "警告",
            Self::Suspension => "暂停解析",
            Self::Deletion => "注销并列入黑名单",
        }
    }

    /// The step named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

impl Violation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::UnpaidTwoYears, Self::DataMismatch, Self::ProtectionOverdue, Self::Other];

    /// The violation's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnpaidTwoYears => "UNPAID_TWO_YEARS",
            Self::DataMismatch => "DATA_MISMATCH",
            Self::ProtectionOverdue => "PROTECTION_OVERDUE",
            Self::Other => "OTHER",
        }
    }

    /// The violation named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|violation| violation.as_str() == text)
    }
}
