//! Penalties of a unit: `/v1/units/{id}/penalties`.

use super::Admin;
use super::params::At;
use super::problem::Problem;
use super::v1::requests::unit_id;
use super::v1::{Penalise, Receipt};
use super::write::Write;
use crate::registry::Command;
use axum::extract::State;
use axum::response::Response;

/// Imposes the next penalty on a unit: a warning, a suspension of at most 90 days that lifts itself at a midnight in
/// Asia/Shanghai, and then the deletion of its names and the blacklist.
#[utoipa::path(
    post, path = "/v1/units/{id}/penalties", tag = "holds",
    params(("id" = String, Path, description = "the unit's id")),
    request_body = Penalise,
    responses((status = 200, description = "Imposed", body = Receipt)),
)]
pub(super) async fn impose(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let unit = unit_id(&id, "id")?;
    let (step, spec) = write.json::<Penalise>()?.into_registry()?;
    let note = format!("{}: {} {}", step.as_str(), spec.violation.as_str(), spec.evidence);
    write.submit(&admin, "unit.penalise", id, Some(note), Command::Penalise { unit, step, spec }).await
}
