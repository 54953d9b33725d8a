//! Holds on units and names: `/v1/units/{id}/holds/{reason}` and `/v1/names/{name}/holds/{reason}`.

use super::Admin;
use super::params::{At, invalid};
use super::problem::Problem;
use super::v1::requests::unit_id;
use super::v1::{PlaceHold, Receipt, name_key};
use super::write::Write;
use crate::registry::command::HoldTarget;
use crate::registry::{Command, HoldReason};
use axum::extract::State;
use axum::response::Response;

/// Holds a unit: none of its names resolves, whatever the suffix.
#[utoipa::path(
    put, path = "/v1/units/{id}/holds/{reason}", tag = "holds",
    params(("id" = String, Path, description = "the unit's id"),
           ("reason" = String, Path, description = "LEGAL, BLACKLIST, PENALTY, SITE_REVIEW_FAILED, SITE_NOT_SUBMITTED, REGISTRY_ADMIN or UNIT_REQUEST")),
    request_body = PlaceHold,
    responses((status = 200, description = "Placed, or replaced", body = Receipt)),
)]
pub(super) async fn place_on_unit(
    State(admin): State<Admin>,
    At((id, reason)): At<(String, String)>,
    write: Write,
) -> Result<Response, Problem> {
    let target = HoldTarget::Unit(unit_id(&id, "id")?);
    place(admin, write, target, &reason).await
}

/// Lifts one hold of a unit, and no other.
#[utoipa::path(
    delete, path = "/v1/units/{id}/holds/{reason}", tag = "holds",
    params(("id" = String, Path, description = "the unit's id"), ("reason" = String, Path, description = "the hold's reason")),
    responses((status = 200, description = "Lifted", body = Receipt)),
)]
pub(super) async fn lift_from_unit(
    State(admin): State<Admin>,
    At((id, reason)): At<(String, String)>,
    write: Write,
) -> Result<Response, Problem> {
    let target = HoldTarget::Unit(unit_id(&id, "id")?);
    lift(admin, write, target, &reason).await
}

/// Holds a name: it does not resolve under any suffix.
#[utoipa::path(
    put, path = "/v1/names/{name}/holds/{reason}", tag = "holds",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded"),
           ("reason" = String, Path, description = "LEGAL, BLACKLIST, PENALTY, SITE_REVIEW_FAILED, SITE_NOT_SUBMITTED, REGISTRY_ADMIN or UNIT_REQUEST")),
    request_body = PlaceHold,
    responses((status = 200, description = "Placed, or replaced", body = Receipt)),
)]
pub(super) async fn place_on_name(
    State(admin): State<Admin>,
    At((name, reason)): At<(String, String)>,
    write: Write,
) -> Result<Response, Problem> {
    let target = HoldTarget::Name(name_key(&name, &admin.policy.get(), "name")?);
    place(admin, write, target, &reason).await
}

/// Lifts one hold of a name, and no other.
#[utoipa::path(
    delete, path = "/v1/names/{name}/holds/{reason}", tag = "holds",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded"),
           ("reason" = String, Path, description = "the hold's reason")),
    responses((status = 200, description = "Lifted", body = Receipt)),
)]
pub(super) async fn lift_from_name(
    State(admin): State<Admin>,
    At((name, reason)): At<(String, String)>,
    write: Write,
) -> Result<Response, Problem> {
    let target = HoldTarget::Name(name_key(&name, &admin.policy.get(), "name")?);
    lift(admin, write, target, &reason).await
}

async fn place(admin: Admin, write: Write, target: HoldTarget, reason: &str) -> Result<Response, Problem> {
    let reason = parse_reason(reason)?;
    let spec = write.json::<PlaceHold>()?.into_registry()?;
    let note = format!("{}: {}", reason.as_str(), spec.evidence);
    let text = target_text(&target);
    write.submit(&admin, "hold.place", text, Some(note), Command::PlaceHold { target, reason, spec }).await
}

async fn lift(admin: Admin, write: Write, target: HoldTarget, reason: &str) -> Result<Response, Problem> {
    let reason = parse_reason(reason)?;
    write.empty()?;
    let text = target_text(&target);
    let note = Some(reason.as_str().to_owned());
    write.submit(&admin, "hold.lift", text, note, Command::LiftHold { target, reason }).await
}

fn parse_reason(text: &str) -> Result<HoldReason, Problem> {
    HoldReason::parse(text).ok_or_else(|| {
        let known: Vec<&str> = HoldReason::ALL.iter().map(|reason| reason.as_str()).collect();
        let (list, list_zh) = (known.join(", "), known.join("、"));
        let en = format!("There is no reason {text} for a hold; use one of: {list}.");
        invalid("reason", en, format!("没有暂停原因 {text}，请使用以下原因之一：{list_zh}。"))
    })
}

fn target_text(target: &HoldTarget) -> String {
    match target {
        HoldTarget::Unit(id) => id.to_string(),
        HoldTarget::Name(key) => key.to_string(),
    }
}
