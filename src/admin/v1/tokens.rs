//! A token as the API shows it.

use crate::admin::Token;
use crate::registry::{Regions, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A token, without what lets its bearer in.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TokenView {
    /// The principal's name in the journal.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Division codes where it may act; none: everywhere.
    pub regions: Vec<String>,
    /// From when on it is refused, if ever.
    pub expires: Option<String>,
    /// Whether that time has come.
    pub expired: bool,
    /// Networks it may come from; none: any.
    pub networks: Vec<String>,
    /// Whether it is bound to a client certificate.
    pub certificate: bool,
    /// Whether it has a second factor.
    pub second_factor: bool,
    /// When it was last used since the start of the server.
    pub last_used: Option<String>,
}

impl TokenView {
    /// What is shown of `token` at `now`.
    pub fn new(token: &Token, last_used: Option<Timestamp>, now: Timestamp) -> Self {
        Self {
            name: token.name.to_string(),
            role: token.role.as_str().to_owned(),
            regions: token.region.iter().flat_map(Regions::iter).map(ToString::to_string).collect(),
            expires: token.expires.map(|end| end.to_string()),
            expired: token.expires.is_some_and(|end| end <= now),
            networks: token.networks.iter().map(ToString::to_string).collect(),
            certificate: token.certificate.is_some(),
            second_factor: token.totp.is_some(),
            last_used: last_used.map(|at| at.to_string()),
        }
    }
}
