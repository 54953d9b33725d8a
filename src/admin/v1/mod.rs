//! The API's own types, version 1: what goes over the wire, and how it becomes the registry's types and back.

pub mod check;
pub mod filings;
pub mod history;
pub mod hold_lists;
pub mod objects;
pub mod replies;
pub mod reports;
pub mod requests;
pub mod resolution;
pub mod simulation;
pub mod site_reviews;
pub mod slots;
pub mod statistics;
pub mod tokens;

pub use history::{Difference, HistoryLine};
pub use hold_lists::{HoldListReceipt, SuspensionView};
pub use objects::{ChangeView, HoldView, NameView, UnitView};
pub use replies::{Page, Receipt, Reloaded};
pub use reports::{BlacklistRow, HoldRow};
pub use requests::{
    ChangeHolder, ContactChange, Decision, Migration, Penalise, PlaceHold, PutName, PutUnit, ReleaseBrake, ReloadZones,
    Renewal, SubmitChange,
};
pub use resolution::{Resolution, ResolutionInput};
pub use statistics::{Coverage, CoverageRow};
pub use tokens::TokenView;

use super::problem::Problem;
use crate::idn;
use crate::registry::{Code, NameKey, Policy, Timestamp};
use std::sync::Arc;

/// Which end of a day a date without a time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayEdge {
    /// Its first second in Asia/Shanghai.
    Start,
    /// Its last second in Asia/Shanghai.
    End,
}

/// The point in time that `text` names: RFC 3339, or a date, which is taken in Asia/Shanghai.
pub fn time(text: &str, edge: DayEdge) -> Option<Timestamp> {
    match edge {
        DayEdge::Start => Timestamp::parse_start(text).ok(),
        DayEdge::End => Timestamp::parse_end(text).ok(),
    }
}

/// The same for a member of a body.
///
/// # Errors
/// `code`, about `field`.
pub fn time_at(code: Code, field: &str, text: &str, edge: DayEdge) -> Result<Timestamp, Problem> {
    let bad = || {
        Problem::registry(
            code,
            format!(
                "{field} is neither a date (2026-11-22) nor a time (2026-11-22T08:00:00Z); give it as one of them."
            ),
            format!("{field} 应为日期（如 2026-11-22）或时间（如 2026-11-22T08:00:00Z），请更正。"),
        )
        .field(field)
    };
    time(text, edge).ok_or_else(bad)
}

/// A name as people read it.
pub fn readable(key: &NameKey) -> String {
    key.to_unicode()
}

/// The key of a name as people or machines write it, under any suffix of its set.
///
/// # Errors
/// What the registry says about the label or suffix, about `field`.
pub fn name_key(text: &str, policy: &Policy, field: &str) -> Result<NameKey, Problem> {
    NameKey::parse(text, policy).map_err(|refusal| Problem::from(refusal).field(field))
}

/// The primary suffix of the set that `text` is a suffix of.
pub fn suffix_set(text: &str, policy: &Policy) -> Option<Arc<str>> {
    let ascii = idn::host_to_ascii(text)?;
    let set = policy.sets.iter().find(|set| set.suffixes.iter().any(|suffix| **suffix == *ascii))?;
    set.suffixes.first().cloned()
}
