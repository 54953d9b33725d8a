//! `/v1/remittances`: confirmed orders sent on together, and recognised together.

use super::Admin;
use super::auth::Caller;
use super::filings::{self, KNOWN};
use super::params::{At, Params, cursor, limit, page};
use super::problem::Problem;
use super::roles::Endpoint;
use super::v1::filings::{Recognise, Remit, RemittanceView, amount, order_ids};
use super::v1::{Page, Receipt};
use super::write::{Write, tagged};
use crate::registry::procedure::OrderCommand;
use crate::registry::{Code, Command, Region, Remittance, RemittanceId, RemittanceState, State as _};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;

/// Remittances, filtered, by region.
#[utoipa::path(
    get, path = "/v1/remittances", tag = "orders",
    params(("state" = Option<String>, Query, description = "those in this state"),
           ("region" = Option<String>, Query, description = "those of this region alone, with all that lies inside it"),
           ("cursor" = Option<String>, Query, description = "`next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most items, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "A page; regional tokens see those of their regions alone", body = Page<RemittanceView>)),
)]
pub(super) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<RemittanceView>>, Problem> {
    let known: Vec<&str> = KNOWN.into_iter().filter(|name| !["overdue", "unit"].contains(name)).collect();
    let params = Params::parse(query.as_deref(), &known)?;
    let (filter, own) =
        filings::filter(&params, &caller, Endpoint::ListRemittances, &RemittanceState::ALL, RemittanceState::as_str)?;
    let (from, limit) = (cursor(&params)?, limit(&params)?);
    let read =
        move |store: &crate::store::Store| page(from.as_deref(), |from| store.list_remittances(&filter, from, limit));
    let page = admin.read(read).await??;
    let inside = |regions: &[Region]| own.as_ref().is_none_or(|own| regions.iter().all(|region| own.contains(region)));
    let visible = |remittance: &&Remittance| inside(&remittance.regions);
    Ok(Json(Page { items: page.items.iter().filter(visible).map(RemittanceView::from).collect(), next: page.next }))
}

/// One remittance.
#[utoipa::path(
    get, path = "/v1/remittances/{id}", tag = "orders",
    params(("id" = String, Path, description = "the remittance's id, as `r42`")),
    responses((status = 200, description = "The remittance, its version in `ETag`", body = RemittanceView)),
)]
pub(super) async fn get(State(admin): State<Admin>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let number = number(&id)?;
    let remittance = admin.read(move |store| store.remittance(number)).await?.ok_or_else(|| not_found(&id))?;
    remittance.regions.iter().try_for_each(|region| caller.within(Endpoint::GetRemittance, region))?;
    Ok(tagged(remittance.version, RemittanceView::from(&remittance)))
}

fn number(id: &str) -> Result<RemittanceId, Problem> {
    RemittanceId::parse(id).ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> Problem {
    let (en, zh) =
        (format!("There is no remittance {id}; check the id."), format!("没有编号为 {id} 的汇款批次，请核对编号。"));
    Problem::registry(Code::RemittanceNotFound, en, zh)
}

/// Sends confirmed orders on; the amount must be their sum.
#[utoipa::path(
    post, path = "/v1/remittances", tag = "orders",
    request_body = Remit,
    responses((status = 201, description = "Sent on; it waits for finance", body = Receipt)),
)]
pub(super) async fn create(State(admin): State<Admin>, write: Write) -> Result<Response, Problem> {
    write.without_if_match()?;
    let body = write.json::<Remit>()?;
    let command = OrderCommand::Remit { orders: order_ids(&body.orders)?, amount: amount(&body.amount)? };
    write.submit(&admin, "remittance.create", "orders".to_owned(), Some(body.amount), Command::Charge(command)).await
}

/// Recognises a remittance if what arrived is its amount: names are registered and terms extended, all at once.
#[utoipa::path(
    post, path = "/v1/remittances/{id}/recognition", tag = "orders",
    params(("id" = String, Path, description = "the remittance's id, as `r42`")),
    request_body = Recognise,
    responses((status = 200, description = "Recognised; everything it paid for has happened", body = Receipt)),
)]
pub(super) async fn recognise(
    State(admin): State<Admin>,
    At(id): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let body = write.json::<Recognise>()?;
    let command = OrderCommand::Recognise { remittance: number(&id)?, amount: amount(&body.amount)? };
    write.submit(&admin, "remittance.recognise", id, Some(body.amount), Command::Charge(command)).await
}

/// Takes a remittance back before it is recognised; its orders are confirmed as before.
#[utoipa::path(
    delete, path = "/v1/remittances/{id}", tag = "orders",
    params(("id" = String, Path, description = "the remittance's id, as `r42`")),
    responses((status = 200, description = "Taken back", body = Receipt)),
)]
pub(super) async fn take_back(
    State(admin): State<Admin>,
    At(id): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    write.empty()?;
    let command = OrderCommand::TakeBack { remittance: number(&id)? };
    write.submit(&admin, "remittance.withdraw", id, None, Command::Charge(command)).await
}
