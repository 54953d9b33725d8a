//! Health, readiness, metrics, the brake, and in tests the clock. `/healthz`, `/readyz` and `/metrics` take no token: the
//! listener is on loopback unless its operator decides otherwise, and none of them names a unit or a principal.

use super::Admin;
use super::auth::Caller;
use super::params::Params;
use super::problem::Problem;
use super::v1::objects::BrakeView;
use super::v1::replies::Readiness;
use super::v1::{Receipt, ReleaseBrake};
use super::write::Write;
use crate::registry::{Command, State as _};
use crate::telemetry;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Whether the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")),
)]
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether changes are taken, due times kept, and all zones loaded; DNS goes on answering in either case.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Ready", body = Readiness), (status = 503, description = "Degraded; `reasons` says why", body = Readiness)),
)]
pub(super) async fn ready(State(admin): State<Admin>) -> Response {
    let status = admin.handle.status();
    let brake = BrakeView::new(&status.brake, admin.clock.now());
    let reasons = [
        (brake.engaged, "brake"),
        (brake.clock_jump.is_some(), "clock"),
        (status.unwritable.is_some(), "unwritable"),
        (status.store_rebuilding, "store_rebuilding"),
        (!status.unloaded.is_empty(), "zones_not_loaded"),
    ];
    let reasons: Vec<String> = reasons.iter().filter(|(is, _)| *is).map(|(_, reason)| (*reason).to_owned()).collect();
    let ready = reasons.is_empty();
    let (seq, published_at) = {
        let served = admin.snapshots.load();
        (served.seq, served.published_at.to_string())
    };
    let body = Readiness {
        status: if ready { "ready" } else { "degraded" }.into(),
        reasons,
        detail: status.unwritable,
        zones_not_loaded: status.unloaded.iter().map(ToString::to_string).collect(),
        seq,
        published_at,
        brake,
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

/// All metrics in the Prometheus text format.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, telemetry::CONTENT_TYPE)], admin.exporter.render())
}

/// Whether the brake on mass suspension is engaged, what it stopped, and what was suspended within the hour.
#[utoipa::path(
    get, path = "/v1/brake", tag = "brake",
    responses((status = 200, description = "The brake", body = BrakeView)),
)]
pub(super) async fn brake(
    State(admin): State<Admin>,
    _caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<BrakeView>, Problem> {
    Params::parse(query.as_deref(), &[])?;
    let brake = admin.read(|store| store.brake()).await?;
    Ok(Json(BrakeView::new(&brake, admin.clock.now())))
}

/// Lets what the brake stopped take effect, and takes a clock that has jumped as it is. A rehearsal shows what would take effect
/// at once of what is due, the first thousand objects.
#[utoipa::path(
    post, path = "/v1/brake/release", tag = "brake",
    request_body = ReleaseBrake,
    responses((status = 200, description = "Released", body = Receipt)),
)]
pub(super) async fn release(State(admin): State<Admin>, write: Write) -> Result<Response, Problem> {
    write.without_if_match()?;
    let ReleaseBrake { reason, names } = write.json()?;
    let command = Command::ReleaseBrake { reason: reason.as_str().into(), names };
    write.submit(&admin, "brake.release", "brake".into(), Some(reason), command).await
}

/// Moves the clock of a test; answers when what fell due by then has taken effect.
#[cfg(feature = "test-clock")]
#[utoipa::path(
    post, path = "/v1/test/clock", tag = "test",
    request_body = super::v1::requests::MoveClock,
    responses((status = 204, description = "Moved")),
)]
pub(super) async fn move_clock(State(admin): State<Admin>, write: Write) -> Result<StatusCode, Problem> {
    use super::v1::{DayEdge, time};
    let super::v1::requests::MoveClock { now, jump } = write.json()?;
    let now = time(&now, DayEdge::Start);
    let now = now.ok_or_else(|| {
        super::params::invalid(
            "now",
            "This is not a date or time; give one as 2027-12-31.",
            "now 不是日期或时间，请按 2027-12-31 的形式填写。",
        )
    })?;
    let clock = admin.test_clock.as_ref();
    let clock = clock.ok_or_else(|| Problem::internal("this server runs on the system's clock"))?;
    if jump {
        clock.jump(now);
    } else {
        clock.set(now);
    }
    // Reads queue behind what the clock has woken.
    admin.read(|_| Ok(())).await?;
    Ok(StatusCode::NO_CONTENT)
}
