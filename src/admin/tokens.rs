//! `/v1/tokens`: who may call, without what lets them.

use super::Admin;
use super::auth::Caller;
use super::params::Params;
use super::problem::Problem;
use super::v1::TokenView;
use axum::Json;
use axum::extract::{RawQuery, State};

/// The tokens of the configuration, in its order; no hash and no secret is among what is shown.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "audit",
    responses((status = 200, description = "All tokens", body = Vec<TokenView>)),
)]
pub(super) async fn list(
    State(admin): State<Admin>,
    _caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<TokenView>>, Problem> {
    Params::parse(query.as_deref(), &[])?;
    let now = admin.clock.now();
    let view = |token: &super::Token| TokenView::new(token, admin.access.last_used(&token.name), now);
    Ok(Json(admin.tokens.get().iter().map(view).collect()))
}
