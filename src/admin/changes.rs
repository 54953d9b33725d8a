//! `/v1/changes`: proposed resolutions and their two approvals.

use super::Admin;
use super::auth::Caller;
use super::json::Object;
use super::params::At;
use super::problem::Problem;
use super::roles::Endpoint;
use super::v1::requests::{ReviewLevel, Verdict, remark};
use super::v1::{ChangeView, Decision, Receipt, SubmitChange, name_key};
use super::write::{Write, tagged};
use crate::registry::change::Level;
use crate::registry::{Change, ChangeId, Code, Command, State as _, command};
use axum::extract::State;
use axum::response::Response;

/// Proposes a resolution. Without approvals it waits for two; with both asserted by an operator it is live at once.
#[utoipa::path(
    post, path = "/v1/changes", tag = "changes",
    request_body = SubmitChange,
    responses((status = 201, description = "Submitted, or live; `state` says which. `held`: approved, and what the name resolves to once nothing holds it", body = Receipt)),
)]
pub(super) async fn submit(State(admin): State<Admin>, write: Write) -> Result<Response, Problem> {
    let body = write.json::<SubmitChange>()?;
    let endpoint = if body.approvals.is_some() { Endpoint::SubmitApprovedChange } else { Endpoint::SubmitChange };
    write.caller.may(endpoint)?;
    let name = name_key(&body.name, &admin.policy.get(), "name")?;
    let resolution = body.resolution.0.into_registry("resolution")?;
    if body.approvals.as_ref().is_some_and(Vec::is_empty) {
        return Err(no_approvals());
    }
    let approvals = body.approvals.unwrap_or_default();
    let asserted: Vec<_> = approvals.into_iter().map(|Object(given)| (given.level.into(), given.by.into())).collect();
    let note = note(&asserted);
    let target = name.to_string();
    write.submit(&admin, "change.submit", target, note, Command::Submit { name, resolution, asserted }).await
}

/// An empty list asserts nothing; taking it for an unapproved change would hide a client's mistake.
fn no_approvals() -> Problem {
    Problem::registry(
        Code::ApprovalsIncomplete,
        "approvals is empty: give both approvals, or leave the member out.",
        "approvals 为空：请给出两级审核意见，或省略该字段。",
    )
    .field("approvals")
}

fn note(asserted: &[(Level, Box<str>)]) -> Option<String> {
    let texts: Vec<String> = asserted.iter().map(|(level, by)| format!("{}: {by}", level.as_str())).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// One change.
#[utoipa::path(
    get, path = "/v1/changes/{id}", tag = "changes",
    params(("id" = String, Path, description = "the change's id, as `c42`")),
    responses((status = 200, description = "The change, its version in `ETag`", body = ChangeView)),
)]
pub(super) async fn get(State(admin): State<Admin>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let change = find(&admin, &caller, Endpoint::GetChange, &id).await?;
    Ok(tagged(change.version, ChangeView::from(&change)))
}

async fn find(admin: &Admin, caller: &Caller, endpoint: Endpoint, id: &str) -> Result<Change, Problem> {
    let not_found = || {
        Problem::registry(
            Code::ChangeNotFound,
            format!("There is no change {id}; check the id."),
            format!("没有编号为 {id} 的变更，请核对编号。"),
        )
    };
    let number = ChangeId::parse(id).ok_or_else(not_found)?;
    let change = admin.read(move |store| store.change(number)).await?.ok_or_else(not_found)?;
    caller.within_name(admin, endpoint, &change.name).await?;
    Ok(change)
}

/// Approves or rejects a waiting change; local before central, and by three different principals.
#[utoipa::path(
    post, path = "/v1/changes/{id}/decisions", tag = "changes",
    params(("id" = String, Path, description = "the change's id, as `c42`")),
    request_body = Decision,
    responses((status = 200, description = "Decided; `state` says how the change stands. `held`: approved, and what the name resolves to once nothing holds it", body = Receipt)),
)]
pub(super) async fn decide(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let body = write.json::<Decision>()?;
    let endpoint = match body.level {
        ReviewLevel::Local => Endpoint::ApproveLocally,
        ReviewLevel::Central => Endpoint::ApproveCentrally,
    };
    write.caller.may(endpoint)?;
    let change = find(&admin, &write.caller, endpoint, &id).await?.id;
    let reason = body.reason.unwrap_or_default();
    let (operation, note) = match body.decision {
        Verdict::Approve => ("change.approve", remark(Some(reason.clone()))?),
        Verdict::Reject => ("change.reject", Some(reason.clone())),
    };
    let verdict = match body.decision {
        Verdict::Approve => command::Verdict::Approve,
        Verdict::Reject => command::Verdict::Reject { reason: reason.into() },
    };
    let command = Command::Review { change, level: body.level.into(), verdict };
    write.submit(&admin, operation, change.to_string(), note, command).await
}

/// Takes a waiting change back: its submitter, or an operator.
#[utoipa::path(
    delete, path = "/v1/changes/{id}", tag = "changes",
    params(("id" = String, Path, description = "the change's id, as `c42`")),
    responses((status = 200, description = "Withdrawn", body = Receipt)),
)]
pub(super) async fn withdraw(
    State(admin): State<Admin>,
    At(id): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    write.empty()?;
    let change = find(&admin, &write.caller, Endpoint::WithdrawChange, &id).await?.id;
    write.submit(&admin, "change.withdraw", change.to_string(), None, Command::Withdraw { change }).await
}
