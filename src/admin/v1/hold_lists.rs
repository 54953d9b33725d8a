//! What lists of holds answer, and what a rehearsal says of the brake.

use super::readable;
use super::replies::is_zero;
use crate::registry::{Event, Suspension};
use crate::update;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What became of a list of holds, once it is durable and visible.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldListReceipt {
    /// How many lines it had.
    pub lines: usize,
    /// `held`, or `lifted`.
    pub state: String,
    /// The journal line that contains all of it; null for a dry run.
    pub seq: Option<u64>,
    /// The time of the transaction.
    pub at: String,
    /// SOA serial of each zone that changed visibly, by apex.
    pub serials: BTreeMap<String, u32>,
    /// For how many seconds from `at` on caches may still answer what was published before; absent if nothing visible
    /// changed.
    #[serde(skip_serializing_if = "is_zero")]
    pub residual_ttl_secs: u32,
    /// For a dry run: what would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<HoldListPreview>,
}

/// What a dry run of a list shows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldListPreview {
    /// How many units and names would change; lines that say what is so already change nothing.
    pub changed: usize,
    /// The names that would stop resolving, set by set.
    pub suspensions: Vec<SuspensionView>,
    /// The records that would go (`-`) and come (`+`), by apex; those of the first 1,000 names.
    pub differences: BTreeMap<String, Vec<String>>,
}

/// Names of one set that would stop resolving, or be deleted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SuspensionView {
    /// The set's primary suffix.
    #[schema(example = "xn--zfr164b")]
    pub suffix: String,
    /// How many.
    pub names: u64,
    /// Of how many.
    pub total: u64,
    /// Their share in percent, to one decimal.
    pub percent: f64,
    /// How many were suspended within the hour before.
    pub recent: u64,
    /// How many may be within an hour; more engage the brake.
    pub limit: u64,
    /// The protected name among them, in A-labels.
    pub protected: Option<String>,
    /// Whether the brake would stop it before its first change. One object that a second factor confirms it lets through.
    pub stopped: bool,
    /// The names, in U-labels; the first 1,000 of them.
    pub first: Vec<String>,
}

impl HoldListReceipt {
    /// The receipt of a list of so many lines.
    pub fn new(lines: usize, receipt: &update::Receipt) -> Self {
        Self {
            lines,
            state: receipt.outcome.state.to_string(),
            seq: receipt.seq,
            at: receipt.at.to_string(),
            serials: receipt.serials.iter().map(|(apex, serial)| (apex.to_string(), *serial)).collect(),
            residual_ttl_secs: receipt.residual_ttl_secs,
            preview: receipt.preview.as_ref().map(HoldListPreview::from),
        }
    }
}

impl From<&update::Preview> for HoldListPreview {
    fn from(preview: &update::Preview) -> Self {
        let is_object = |event: &&Event| matches!(event, Event::Unit(_) | Event::Name(_));
        let differences = preview.differences.iter().map(|(apex, lines)| (apex.to_string(), lines.clone()));
        Self {
            changed: preview.events.iter().filter(is_object).count(),
            suspensions: preview.suspensions.iter().map(SuspensionView::from).collect(),
            differences: differences.collect(),
        }
    }
}

impl From<&Suspension> for SuspensionView {
    fn from(suspension: &Suspension) -> Self {
        let Suspension { set, names, total, recent, most, protected, stopped, first } = suspension;
        Self {
            suffix: set.to_string(),
            names: *names,
            total: *total,
            percent: percent(*names, *total),
            recent: *recent,
            limit: *most,
            protected: protected.as_deref().map(Into::into),
            stopped: *stopped,
            first: first.iter().map(readable).collect(),
        }
    }
}

/// To one decimal, half up; of nothing, nothing.
fn percent(part: u64, whole: u64) -> f64 {
    let (part, whole) = (u128::from(part), u128::from(whole));
    (part * 2000 + whole).checked_div(2 * whole).unwrap_or(0) as f64 / 10.0
}
