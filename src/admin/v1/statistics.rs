//! Statistics as the API shows them.

use serde::Serialize;
use utoipa::ToSchema;

/// Coverage by division.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Coverage {
    /// A row for each division, by its code.
    pub items: Vec<CoverageRow>,
    /// All of them together: the sums, and the share that follows from the sums.
    pub total: CoverageRow,
}

/// One division.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CoverageRow {
    /// Its code; empty for the total.
    pub region: String,
    /// 机构数: how many bodies there are, by the configured targets; null: nobody has said.
    pub institutions: Option<u64>,
    /// Units that the registry knows.
    pub units: u64,
    /// 已注册: those of them that have at least one name.
    pub registered: u64,
    /// 覆盖率: `registered` of `institutions` in percent, to one decimal; may be above 100.
    pub coverage_percent: Option<f64>,
    /// 已注册域名数.
    pub names: u64,
}
