//! The past of applications, orders, remittances and reviews of sites: every line of the journal that touched them.

use super::Admin;
use super::auth::Caller;
use super::history::{Object, page, unit_of_review};
use super::params::At;
use super::problem::Problem;
use super::v1::{HistoryLine, Page};
use crate::registry::{ApplicationId, OrderId, RemittanceId, SiteReviewId};
use axum::Json;
use axum::extract::{RawQuery, State};

/// What each line that touched an application changed, the newest first: who handed it in, passed or rejected it, and why.
#[utoipa::path(
    get, path = "/v1/applications/{id}/history", tag = "audit",
    params(("id" = String, Path, description = "the application's id, as `a42`"),
           ("before" = Option<u64>, Query, description = "lines before this `seq`: `next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most lines, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "Lines with what was before and after, as the journal has it", body = Page<HistoryLine>)),
)]
pub(super) async fn of_application(
    State(admin): State<Admin>,
    _caller: Caller,
    At(id): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let id = ApplicationId::parse(&id).ok_or_else(|| Object::Application(ApplicationId(0)).not_found())?;
    page(&admin, Object::Application(id), query.as_deref()).await
}

/// What each line that touched an order changed, the newest first.
#[utoipa::path(
    get, path = "/v1/orders/{id}/history", tag = "audit",
    params(("id" = String, Path, description = "the order's id, as `o42`"),
           ("before" = Option<u64>, Query, description = "lines before this `seq`: `next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most lines, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "Lines with what was before and after, as the journal has it", body = Page<HistoryLine>)),
)]
pub(super) async fn of_order(
    State(admin): State<Admin>,
    _caller: Caller,
    At(id): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let id = OrderId::parse(&id).ok_or_else(|| Object::Order(OrderId(0)).not_found())?;
    page(&admin, Object::Order(id), query.as_deref()).await
}

/// What each line that touched a remittance changed, the newest first.
#[utoipa::path(
    get, path = "/v1/remittances/{id}/history", tag = "audit",
    params(("id" = String, Path, description = "the remittance's id, as `r42`"),
           ("before" = Option<u64>, Query, description = "lines before this `seq`: `next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most lines, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "Lines with what was before and after, as the journal has it", body = Page<HistoryLine>)),
)]
pub(super) async fn of_remittance(
    State(admin): State<Admin>,
    _caller: Caller,
    At(id): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let id = RemittanceId::parse(&id).ok_or_else(|| Object::Remittance(RemittanceId(0)).not_found())?;
    page(&admin, Object::Remittance(id), query.as_deref()).await
}

/// What each line that touched the review of a site changed, the newest first.
#[utoipa::path(
    get, path = "/v1/site-reviews/{id}/history", tag = "audit",
    params(("id" = String, Path, description = "the review's id, as `s42`; of one that was opened here, see the unit's history for others"),
           ("before" = Option<u64>, Query, description = "lines before this `seq`: `next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most lines, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "Lines with what was before and after, as the journal has it", body = Page<HistoryLine>)),
)]
pub(super) async fn of_site_review(
    State(admin): State<Admin>,
    _caller: Caller,
    At(id): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let object = match SiteReviewId::parse(&id) {
        Some(id) => unit_of_review(&admin, id).await?.map(|unit| Object::SiteReview(unit, id)),
        None => None,
    };
    page(&admin, object.ok_or_else(Object::no_site_review)?, query.as_deref()).await
}
