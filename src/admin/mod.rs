//! The admin API: REST endpoints under `/v1`, who may use them, and health and metrics beside them.
//!
//! ```text
//! request ─▶ observe (id, counters) ─▶ authorize (token, table of roles) ─▶ handler ─▶ update ─▶ receipt or problem
//! ```

pub mod access;
mod applications;
mod auth;
mod cells;
mod changes;
mod check;
mod diff;
mod export;
mod filing_history;
mod filings;
mod health;
mod history;
mod hold_export;
mod hold_lines;
mod hold_list;
mod holds;
mod import;
mod journal;
mod json;
pub mod lines;
mod names;
mod openapi;
mod orders;
mod params;
mod penalties;
pub mod problem;
mod reload;
mod remittances;
pub mod roles;
mod router;
mod rows;
mod shared;
mod site_reviews;
mod statistics;
mod stream;
mod terms;
pub mod token;
mod tokens;
pub mod totp;
mod units;
pub mod v1;
mod write;
mod zone_export;

pub use access::{Access, AccessLimits};
pub(crate) use json::BYTE_ORDER_MARK;
pub use openapi::document;
pub use reload::{Read, Refused, ZoneFiles};
pub use router::router;
pub use shared::Shared;
pub use statistics::Targets;
pub use token::Token;
pub use totp::TotpSecret;

use crate::journal::JournalReader;
use crate::registry::{Policy, Unavailable};
use crate::store::Store;
use crate::update::{Clock, Handle, UpdateError};
use crate::{snapshot, telemetry};
use problem::Problem;
use std::sync::Arc;

/// Longest body in octets, the import's apart; the largest change (16 addresses, 13 servers with glue, a target of
/// 2 KiB) has under 8 KiB.
pub const BODY_LEN_MAX: usize = 64 * 1024;
/// Longest list of holds in octets: 10,000 lines with evidence of 200 octets and names as long as they may be have 6 MiB.
pub const LIST_LEN_MAX: usize = 8 << 20;
/// Items on a page where the client names no number.
pub const LIST_LIMIT_DEFAULT: u64 = 100;
/// Most items on a page: a page is read on the writer's thread, between commits.
pub const LIST_LIMIT_MAX: u64 = 1000;

/// What the API works with. Clones share it.
#[derive(Clone)]
pub struct Admin {
    /// The door for changes, and for reads of the store.
    pub handle: Handle,
    /// The journal's lines.
    pub journal: JournalReader,
    /// What is served now, for readiness.
    pub snapshots: snapshot::Reader,
    /// Who may call.
    pub tokens: Shared<Vec<Token>>,
    /// How often they call, and which codes they used.
    pub access: Arc<Access>,
    /// How many bodies each division has.
    pub targets: Shared<Targets>,
    /// The registry's settings; the suffix sets tell how names are read.
    pub policy: Shared<Policy>,
    /// The zone files, for one reload at a time.
    pub zone_files: Arc<tokio::sync::Mutex<dyn ZoneFiles>>,
    /// All metrics.
    pub exporter: telemetry::Exporter,
    /// The API's own metrics.
    pub metrics: telemetry::Admin,
    /// The time, for tokens that expire.
    pub clock: Arc<dyn Clock>,
    /// The clock that a test may move.
    #[cfg(feature = "test-clock")]
    pub test_clock: Option<Arc<crate::update::TestClock>>,
}

impl Admin {
    /// A bounded read of the store.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> Result<T, Unavailable> + Send + 'static,
    ) -> Result<T, Problem> {
        match self.handle.read(read).await {
            Ok(result) => Ok(result?),
            Err(UpdateError::Busy) => Err(UpdateError::Busy.into()),
            // Said of writes; to a reader it means that the state cannot be read.
            Err(error) => Err(Unavailable(error.to_string()).into()),
        }
    }
}
