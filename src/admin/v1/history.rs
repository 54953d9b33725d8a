//! Lines of the journal as an object's history shows them, and what differs between two of them.

use super::replies::is_zero;
use crate::registry::{Regions, Transaction};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What one line of the journal did to an object.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HistoryLine {
    /// The line's number.
    pub seq: u64,
    /// When.
    pub at: String,
    /// Its hash, by which it is found in the journal.
    pub hash: String,
    /// Who.
    pub principal: String,
    /// In which role.
    pub role: String,
    /// The divisions where the principal may act; none: everywhere.
    pub regions: Vec<String>,
    /// Whether a second factor confirmed it.
    pub confirmed: bool,
    /// What was asked (`hold.place`).
    pub operation: String,
    /// The reason, or the approvals, as given.
    pub reason: Option<String>,
    /// For how many seconds from `at` on caches may have answered what the whole line took away; absent if nothing
    /// visible changed.
    #[serde(skip_serializing_if = "is_zero")]
    pub residual_ttl_secs: u32,
    /// The object before, as the journal has it; null: it was not there.
    pub before: Value,
    /// The object after; null: it is gone.
    pub after: Value,
}

/// What became of one object between two lines of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Difference {
    /// What it is: `unit`, `name`, `change`, …
    pub kind: String,
    /// Its id; of a name, its A-labels.
    pub id: String,
    /// The lines between that touched it.
    pub seqs: Vec<u64>,
    /// The object before, as the journal has it; null: it was not there.
    pub before: Value,
    /// The object after; null: it is gone.
    pub after: Value,
}

impl HistoryLine {
    /// The line of `transaction`, which left the object as `after`; what was before is not known yet.
    pub fn new(transaction: &Transaction, hash: String, after: Value) -> Self {
        let Transaction { actor, request, .. } = transaction;
        Self {
            seq: transaction.seq,
            at: transaction.at.to_string(),
            hash,
            principal: actor.principal.to_string(),
            role: actor.role.as_str().to_owned(),
            regions: actor.region.iter().flat_map(Regions::iter).map(ToString::to_string).collect(),
            confirmed: transaction.confirmed,
            operation: request.operation.to_string(),
            reason: request.note.as_deref().map(ToOwned::to_owned),
            residual_ttl_secs: transaction.residual_ttl_secs,
            before: Value::Null,
            after,
        }
    }
}
