//! `/v1/journal`: the journal's lines as they are, for auditors.

use super::Admin;
use super::auth::Caller;
use super::params::{Params, limit};
use super::problem::Problem;
use super::stream::NDJSON;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// Lines of the journal after a number, octet for octet, so that their chain of hashes can be checked.
#[utoipa::path(
    get, path = "/v1/journal", tag = "audit",
    params(("after" = Option<u64>, Query, description = "the last `seq` already known; 0 if absent"),
           ("limit" = Option<u32>, Query, description = "most lines, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "Lines; none if there are no later ones", body = String, content_type = "application/x-ndjson")),
)]
pub(super) async fn read(
    State(admin): State<Admin>,
    _caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let params = Params::parse(query.as_deref(), &["after", "limit"])?;
    let after = params.number("after", 0..=u64::MAX)?.unwrap_or(0);
    let limit = limit(&params)?;
    let lines = tokio::task::spawn_blocking(move || admin.journal.lines_after(after, limit)).await;
    let lines = lines.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        text += line.trim_end_matches('\n');
        text.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, NDJSON)], text).into_response())
}
