//! Replies that are no object: receipts of writes, pages of lists, reports of imports, readiness.

use super::super::problem::{FileError, ProblemBody};
use super::filings::{ApplicationView, OrderView, RemittanceView};
use super::objects::{BrakeView, ChangeView, HoldView, UnitView};
use super::{Resolution, SuspensionView, objects, readable};
use crate::registry::{Event, NameKey, Registration};
use crate::update;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What every write answers, once it is durable and visible.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// Id of the object: unit id, name in A-labels, or change id.
    pub id: String,
    /// The name in U-labels, where the object is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The object's state in one word.
    pub state: String,
    /// The journal line that contains the write; null for a dry run.
    pub seq: Option<u64>,
    /// The time of the transaction.
    pub at: String,
    /// SOA serial of each zone that changed visibly, by apex: answers from this serial on contain the write.
    pub serials: BTreeMap<String, u32>,
    /// The residual TTL: for so many seconds from `at` on, caches that keep to the TTL may still answer what was published
    /// before. Of names that stop it is the greatest TTL of their records; of names that come (back), that of the denial
    /// (RFC 2308). Resolvers that serve stale data (RFC 8767) may go on longer, and so may those that have answers from the
    /// servers of a delegated name, whose TTLs are not ours. Absent if nothing visible changed.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(example = 600)]
    pub residual_ttl_secs: u32,
    /// The object's version after the write, as in `ETag`.
    pub version: u64,
    /// For a dry run: what would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
}

/// Whether a number is left out of a reply.
pub fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a reload of zone files answers, once it is durable and visible.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Reloaded {
    /// The journal line with the digests of what changed; null if nothing did, and for a dry run.
    pub seq: Option<u64>,
    /// The time of the transaction; null for a dry run.
    pub at: Option<String>,
    /// SOA serial of each zone that changed, by apex.
    pub serials: BTreeMap<String, u32>,
    /// The configured zones that are still not loaded, by apex.
    pub not_loaded: Vec<String>,
    /// What is wrong with the files that were read, and does not keep their zones from being served.
    pub found: Vec<FileError>,
}

/// What a dry run shows.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Preview {
    /// Units as they would be.
    pub units: Vec<UnitView>,
    /// Names as they would be.
    pub names: Vec<NamePreview>,
    /// Names that would be deleted, in A-labels.
    pub deleted: Vec<String>,
    /// Changes as they would be.
    pub changes: Vec<ChangeView>,
    /// Applications as they would be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<ApplicationView>,
    /// Orders as they would be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<OrderView>,
    /// Remittances as they would be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remittances: Vec<RemittanceView>,
    /// The names that would stop resolving, set by set, and whether the brake would stop a batch of as many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspensions: Vec<SuspensionView>,
    /// The records that would go (`-`) and come (`+`), by apex.
    pub differences: BTreeMap<String, Vec<String>>,
}

/// A name as it would be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NamePreview {
    /// The name in U-labels.
    pub name: String,
    /// The same in A-labels.
    pub ascii: String,
    /// Who holds it.
    pub unit: String,
    /// End of its term.
    pub expires: String,
    /// Its own holds.
    pub holds: Vec<HoldView>,
    /// What is approved.
    pub resolution: Option<Resolution>,
    /// The change that waits.
    pub pending: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What it shows. May be fewer than asked for, even none, while there is a `next`.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// What became of an import's lines.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ImportReport {
    /// The import's id.
    pub id: String,
    /// The last line that was read; goes on with `line` one higher.
    pub last_line: usize,
    /// Objects applied by this request.
    pub applied: usize,
    /// Objects whose batch an earlier request with the same id had applied.
    pub replayed: usize,
    /// Objects in batches that were refused.
    pub refused: usize,
    /// The last journal line written; null if there was none.
    pub seq: Option<u64>,
    /// Why batches were refused, each with its line; no more than 1,000.
    pub refusals: Vec<ProblemBody>,
    /// Whether more refusals were found than are shown.
    pub refusals_cut: bool,
}

/// Whether the server is fit to take changes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `degraded`.
    pub status: String,
    /// Why it is degraded: `brake`, `clock`, `unwritable`, `store_rebuilding` or `zones_not_loaded`.
    pub reasons: Vec<String>,
    /// What the operating system said, if writing failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The configured zones whose files could not be loaded, by apex: their names are answered with SERVFAIL, and while a
    /// suffix is among them no change is taken. A reload that finds a good file serves them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones_not_loaded: Vec<String>,
    /// The last transaction that is served.
    pub seq: u64,
    /// When what is served was published.
    pub published_at: String,
    /// The brake on mass suspension.
    pub brake: BrakeView,
    /// The program's version.
    pub version: String,
}

impl From<&update::Receipt> for Receipt {
    fn from(receipt: &update::Receipt) -> Self {
        let outcome = &receipt.outcome;
        Self {
            id: outcome.id.to_string(),
            name: NameKey::from_canonical(&outcome.id).map(|key| readable(&key)),
            state: outcome.state.to_string(),
            seq: receipt.seq,
            at: receipt.at.to_string(),
            serials: receipt.serials.iter().map(|(apex, serial)| (apex.to_string(), *serial)).collect(),
            residual_ttl_secs: receipt.residual_ttl_secs,
            version: outcome.version,
            preview: receipt.preview.as_ref().map(Into::into),
        }
    }
}

impl From<&update::Preview> for Preview {
    fn from(preview: &update::Preview) -> Self {
        let differences = preview.differences.iter().map(|(apex, lines)| (apex.to_string(), lines.clone()));
        let suspensions = preview.suspensions.iter().map(SuspensionView::from).collect();
        let mut view = Self { differences: differences.collect(), suspensions, ..Self::default() };
        for event in &preview.events {
            match event {
                Event::Unit(unit) => view.units.push(unit.into()),
                Event::Name(name) => view.names.push(name.into()),
                Event::NameRemoved { key, .. } => view.deleted.push(key.to_string()),
                Event::Change(change) => view.changes.push(change.into()),
                Event::Application(new) => view.applications.push(ApplicationView::new(new, None)),
                Event::Order(order) => view.orders.push(order.into()),
                Event::Remittance(remittance) => view.remittances.push(remittance.into()),
                Event::VariantsEnded { .. } | Event::Brake(_) | Event::ZoneLoaded { .. } => {}
                Event::Reserved(_) | Event::ReservationEnded { .. } => {}
                Event::Notice(_) | Event::Noticed(_) | Event::SiteNotice(_) => {}
            }
        }
        view
    }
}

impl From<&Registration> for NamePreview {
    fn from(name: &Registration) -> Self {
        Self {
            name: readable(&name.key),
            ascii: name.key.to_string(),
            unit: name.unit.to_string(),
            expires: name.expires.to_string(),
            holds: objects::holds(&name.holds),
            resolution: name.resolution.as_ref().map(Into::into),
            pending: name.pending.map(|id| id.to_string()),
        }
    }
}
