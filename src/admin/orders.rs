//! `/v1/orders` and `/v1/renewals`: what is owed, and terms that are extended.

use super::auth::Caller;
use super::filings::{self, KNOWN};
use super::params::{At, Params, cursor, limit, page};
use super::problem::Problem;
use super::roles::Endpoint;
use super::v1::filings::{ChangeYears, ConfirmOrder, OrderRenewal, OrderView, RefundOrder, RenewNames, name_keys};
use super::v1::requests::unit_id;
use super::v1::{Page, Receipt, name_key};
use super::write::{Write, tagged};
use super::{Admin, history};
use crate::registry::procedure::OrderCommand;
use crate::registry::{Code, Command, Order, OrderId, OrderState, State as _};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;

/// What a refund is called in the journal.
const REFUND: &str = "order.refund";

/// Orders, filtered: those of a unit by age, others by region.
#[utoipa::path(
    get, path = "/v1/orders", tag = "orders",
    params(("unit" = Option<String>, Query, description = "those of this unit"),
           ("state" = Option<String>, Query, description = "those in this state"),
           ("region" = Option<String>, Query, description = "those in this region, with all that lies inside it"),
           ("cursor" = Option<String>, Query, description = "`next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most items, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "A page; regional tokens see the orders of their regions", body = Page<OrderView>)),
)]
pub(super) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<OrderView>>, Problem> {
    let known: Vec<&str> = KNOWN.into_iter().filter(|name| *name != "overdue").collect();
    let params = Params::parse(query.as_deref(), &known)?;
    let (filter, own) = filings::filter(&params, &caller, Endpoint::ListOrders, &OrderState::ALL, OrderState::as_str)?;
    let (from, limit) = (cursor(&params)?, limit(&params)?);
    let page = admin.read(move |store| page(from.as_deref(), |from| store.list_orders(&filter, from, limit))).await??;
    let visible = |order: &&Order| own.as_ref().is_none_or(|own| own.contains(&order.region));
    Ok(Json(Page { items: page.items.iter().filter(visible).map(OrderView::from).collect(), next: page.next }))
}

/// One order.
#[utoipa::path(
    get, path = "/v1/orders/{id}", tag = "orders",
    params(("id" = String, Path, description = "the order's id, as `o42`")),
    responses((status = 200, description = "The order, its version in `ETag`", body = OrderView)),
)]
pub(super) async fn get(State(admin): State<Admin>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let number = number(&id)?;
    let order = admin.read(move |store| store.order(number)).await?.ok_or_else(|| not_found(&id))?;
    caller.within(Endpoint::GetOrder, &order.region)?;
    let mut view = OrderView::from(&order);
    if order.state == OrderState::Refunded && view.reason.is_none() {
        // Of journals from before the order itself said why, the line that refunded it does.
        view.reason = history::note_of(&admin, history::Object::Order(number), REFUND).await?;
    }
    Ok(tagged(order.version, view))
}

fn number(id: &str) -> Result<OrderId, Problem> {
    OrderId::parse(id).ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> Problem {
    let (en, zh) = (format!("There is no order {id}; check the id."), format!("没有编号为 {id} 的订单，请核对编号。"));
    Problem::registry(Code::OrderNotFound, en, zh)
}

/// Orders further years for up to 50 names of one unit; they are extended once the fee is recognised.
#[utoipa::path(
    post, path = "/v1/orders", tag = "orders",
    request_body = OrderRenewal,
    responses((status = 201, description = "Ordered; the order shows the amount", body = Receipt)),
)]
pub(super) async fn create(State(admin): State<Admin>, write: Write) -> Result<Response, Problem> {
    write.without_if_match()?;
    let body = write.json::<OrderRenewal>()?;
    let names = name_keys(&body.names, &admin.policy.get())?;
    let command = OrderCommand::Renewal { unit: unit_id(&body.unit, "unit")?, names, years: body.years };
    let note = format!("{} years", body.years);
    write.submit(&admin, "order.renewal", body.unit, Some(note), Command::Charge(command)).await
}

/// Changes the years of names while the fee is awaited; the rates stay.
#[utoipa::path(
    put, path = "/v1/orders/{id}/years", tag = "orders",
    params(("id" = String, Path, description = "the order's id, as `o42`")),
    request_body = ChangeYears,
    responses((status = 200, description = "Changed; the order shows the new amount", body = Receipt)),
)]
pub(super) async fn change_years(
    State(admin): State<Admin>,
    At(id): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let body = write.json::<ChangeYears>()?;
    let order = number(&id)?;
    let policy = admin.policy.get();
    let mut years = Vec::with_capacity(body.years.len());
    for (index, one) in body.years.iter().enumerate() {
        years.push((name_key(&one.0.name, &policy, &format!("years[{index}].name"))?, one.0.years));
    }
    let command = OrderCommand::ChangeYears { order, years };
    write.submit(&admin, "order.years", id, None, Command::Charge(command)).await
}

/// Confirms that the fee was taken, with the number of its invoice.
#[utoipa::path(
    post, path = "/v1/orders/{id}/confirmation", tag = "orders",
    params(("id" = String, Path, description = "the order's id, as `o42`")),
    request_body = ConfirmOrder,
    responses((status = 200, description = "Confirmed", body = Receipt)),
)]
pub(super) async fn confirm(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let body = write.json::<ConfirmOrder>()?;
    let note = Some(body.invoice.clone()).filter(|text| !text.is_empty());
    let command = OrderCommand::Confirm {
        order: number(&id)?,
        invoice: body.invoice.into(),
        payer: body.payer.into(),
        voucher: body.voucher.map(Into::into),
    };
    write.submit(&admin, "order.confirm", id, note, Command::Charge(command)).await
}

/// Ends an order that is not paid, and the application it is for.
#[utoipa::path(
    delete, path = "/v1/orders/{id}", tag = "orders",
    params(("id" = String, Path, description = "the order's id, as `o42`")),
    responses((status = 200, description = "Withdrawn", body = Receipt)),
)]
pub(super) async fn withdraw(
    State(admin): State<Admin>,
    At(id): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    write.empty()?;
    let command = OrderCommand::Withdraw { order: number(&id)? };
    write.submit(&admin, "order.withdraw", id, None, Command::Charge(command)).await
}

/// Ends an order whose fee was taken, and the application it is for; the fee is given back. Taken out of a remittance that
/// waits, it leaves the remittance's amount as it was sent.
#[utoipa::path(
    post, path = "/v1/orders/{id}/refund", tag = "orders",
    params(("id" = String, Path, description = "the order's id, as `o42`")),
    request_body = RefundOrder,
    responses((status = 200, description = "Refunded", body = Receipt)),
)]
pub(super) async fn refund(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let body = write.json::<RefundOrder>()?;
    let note = Some(body.reason.clone()).filter(|text| !text.is_empty());
    let command = OrderCommand::Refund { order: number(&id)?, reason: body.reason.into() };
    write.submit(&admin, REFUND, id, note, Command::Charge(command)).await
}

/// Extends up to 50 terms at once, or none, where no fee is kept here.
#[utoipa::path(
    post, path = "/v1/renewals", tag = "names",
    request_body = RenewNames,
    responses((status = 200, description = "Renewed, all of them", body = Receipt)),
)]
pub(super) async fn renew(State(admin): State<Admin>, write: Write) -> Result<Response, Problem> {
    write.without_if_match()?;
    let body = write.json::<RenewNames>()?;
    let keys = name_keys(&body.names, &admin.policy.get())?;
    let note = format!("{} years", body.years);
    let command = Command::RenewAll { keys, years: body.years };
    write.submit(&admin, "name.renew", "names".to_owned(), Some(note), command).await
}
