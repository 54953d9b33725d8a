//! Rows of reports: holds over time, and the blacklist.

use super::super::rows::Row;
use super::readable;
use crate::registry::{Hold, HoldReason, NameKey, Penalty, PenaltyStep, Region, Unit, UnitId};
use crate::store::PastHold;
use serde::Serialize;
use utoipa::ToSchema;

/// A hold in a report. In a table the columns stand in this order, and what is null is empty.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldRow {
    /// The unit it is on, or whose name.
    pub unit: String,
    /// The unit's division; of a hold that ended, where the unit was then.
    #[schema(example = "620421")]
    pub region: String,
    /// The name in U-labels, if it is on one.
    pub name: Option<String>,
    /// The same in A-labels.
    pub ascii: Option<String>,
    /// Why.
    #[schema(example = "PENALTY")]
    pub reason: String,
    /// From when.
    pub start: String,
    /// When it lifts, or would have lifted, itself.
    pub end: Option<String>,
    /// Id of the document or case behind it.
    pub evidence: String,
    /// Who placed it.
    pub by: String,
    /// When it ended; null: it is in force.
    pub lifted: Option<String>,
    /// Who ended it; the program's own principal where it ran out.
    pub lifted_by: Option<String>,
    /// By what: `hold.lift`, `due`, `name.delete`, or another hold with its reason, `hold.place`.
    pub lifted_with: Option<String>,
}

/// A unit on the blacklist.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BlacklistRow {
    /// Its id.
    pub unit: String,
    /// 单位全称.
    pub name: String,
    /// What kind of body it is.
    pub kind: String,
    /// Its division.
    pub region: String,
    /// Its account number.
    pub account: Option<String>,
    /// Since when.
    pub since: String,
    /// Until when, if it ends by itself.
    pub end: Option<String>,
    /// Id of the document or case behind it.
    pub evidence: String,
    /// Who placed it.
    pub by: String,
    /// What the penalty was for that put it there, if one did.
    pub violation: Option<String>,
    /// How many names it has, or had and are withheld: none resolves.
    pub names: u64,
}

impl Row for HoldRow {
    const COLUMNS: &'static [&'static str] = &[
        "unit",
        "region",
        "name",
        "ascii",
        "reason",
        "start",
        "end",
        "evidence",
        "by",
        "lifted",
        "lifted_by",
        "lifted_with",
    ];
}

impl Row for BlacklistRow {
    const COLUMNS: &'static [&'static str] =
        &["unit", "name", "kind", "region", "account", "since", "end", "evidence", "by", "violation", "names"];
}

impl HoldRow {
    /// A hold in force.
    pub fn new(unit: &UnitId, region: &Region, name: Option<&NameKey>, reason: HoldReason, hold: &Hold) -> Self {
        Self {
            unit: unit.to_string(),
            region: region.to_string(),
            name: name.map(readable),
            ascii: name.map(ToString::to_string),
            reason: reason.as_str().into(),
            start: hold.start.to_string(),
            end: hold.end.map(|end| end.to_string()),
            evidence: hold.evidence.to_string(),
            by: hold.by.to_string(),
            lifted: None,
            lifted_by: None,
            lifted_with: None,
        }
    }

    /// One that ended.
    pub fn past(past: &PastHold) -> Self {
        Self {
            lifted: Some(past.ended.to_string()),
            lifted_by: Some(past.ended_by.to_string()),
            lifted_with: Some(past.operation.to_string()),
            ..Self::new(&past.unit, &past.region, past.name.as_ref(), past.reason, &past.hold)
        }
    }
}

impl BlacklistRow {
    /// The row of a unit with this hold, and so many names that are withheld.
    pub fn new(unit: &Unit, hold: &Hold, names: u64) -> Self {
        // One that was listed by hand since was not listed for what the last penalty was for.
        let is_its = |penalty: &&Penalty| penalty.step == PenaltyStep::Deletion && penalty.at == hold.start;
        let deleted = unit.penalties.0.iter().rev().find(is_its);
        Self {
            unit: unit.id.to_string(),
            name: unit.name.to_string(),
            kind: unit.kind.as_str().into(),
            region: unit.region.to_string(),
            account: unit.account.map(|account| account.to_string()),
            since: hold.start.to_string(),
            end: hold.end.map(|end| end.to_string()),
            evidence: hold.evidence.to_string(),
            by: hold.by.to_string(),
            violation: deleted.map(|penalty| penalty.violation.as_str().to_owned()),
            names,
        }
    }
}
