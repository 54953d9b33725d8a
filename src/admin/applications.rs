//! `/v1/applications`: what units ask to register, and its reviews.

use super::Admin;
use super::auth::Caller;
use super::check::Appraiser;
use super::filings::{self, KNOWN};
use super::params::{At, Params, cursor, limit, page};
use super::problem::Problem;
use super::roles::Endpoint;
use super::v1::filings::{
    ApplicationDecision, ApplicationLevel, ApplicationView, CreateApplication, EditApplication, FeeView, papers,
};
use super::v1::requests::{Verdict, remark};
use super::v1::slots::{FormPickInput, SlotAppraisal};
use super::v1::{Page, Receipt};
use super::write::{Write, tagged};
use crate::registry::procedure::ApplicationCommand;
use crate::registry::{
    Application, ApplicationId, ApplicationState, Code, Command, Named as _, Order, Slot, State as _, Timestamp,
    Unavailable, Unit, command,
};
use crate::store::Store;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;

/// Applications, filtered: overdue ones by their deadlines, those of a unit by age, others by region.
#[utoipa::path(
    get, path = "/v1/applications", tag = "applications",
    params(("unit" = Option<String>, Query, description = "those of this unit"),
           ("state" = Option<String>, Query, description = "those in this state"),
           ("region" = Option<String>, Query, description = "those in this region, with all that lies inside it"),
           ("overdue" = Option<bool>, Query, description = "true: those whose review should be done by now"),
           ("cursor" = Option<String>, Query, description = "`next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most items, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "A page; regional tokens see the applications of their regions", body = Page<ApplicationView>)),
)]
pub(super) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<ApplicationView>>, Problem> {
    let params = Params::parse(query.as_deref(), &KNOWN)?;
    let now = admin.clock.now();
    let (mut filter, own) = filings::filter(
        &params,
        &caller,
        Endpoint::ListApplications,
        &ApplicationState::ALL,
        ApplicationState::as_str,
    )?;
    filter.overdue_at = params.flag("overdue")?.then_some(now);
    let (from, limit) = (cursor(&params)?, limit(&params)?);
    let (items, next) = admin
        .read(move |store| {
            let page = match page(from.as_deref(), |from| store.list_applications(&filter, from, limit))? {
                Ok(page) => page,
                Err(problem) => return Ok(Err(problem)),
            };
            let visible = page.items.into_iter().filter(|a| own.as_ref().is_none_or(|own| own.contains(&a.region)));
            let items = visible.map(|a| Ok((unit_of(store, &a)?, a))).collect::<Result<Vec<_>, _>>()?;
            Ok(Ok((items, page.next)))
        })
        .await??;
    let policy = admin.policy.get();
    let view = |(unit, application): &(Option<Unit>, Application)| {
        let view = ApplicationView::new(application, Some(now));
        match unit {
            Some(unit) => view.of_unit(&application.slots, unit, &policy.labels),
            None => view,
        }
    };
    let items = items.iter().map(view).collect();
    Ok(Json(Page { items, next }))
}

fn unit_of(store: &Store, application: &Application) -> Result<Option<Unit>, Unavailable> {
    store.unit(&application.unit)
}

/// One application; until it has ended, with what its names come to now: look-alikes, forms in doubt, what is in the way.
#[utoipa::path(
    get, path = "/v1/applications/{id}", tag = "applications",
    params(("id" = String, Path, description = "the application's id, as `a42`")),
    responses((status = 200, description = "The application, its version in `ETag`", body = ApplicationView)),
)]
pub(super) async fn get(State(admin): State<Admin>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let now: Timestamp = admin.clock.now();
    let (application, unit, _) = find(&admin, &caller, Endpoint::GetApplication, &id).await?;
    let view = ApplicationView::new(&application, Some(now));
    let Some(unit) = unit else { return Ok(tagged(application.version, view)) };
    let appraiser = Appraiser::new(&admin, caller);
    let view = view.of_unit(&application.slots, &unit, &appraiser.policy.labels);
    if application.state.has_ended() {
        return Ok(tagged(application.version, view));
    }
    let slots = application.slots;
    let appraise = move |store: &Store| {
        let one = |slot: &Slot| {
            let appraised = appraiser.appraise(store, &slot.name, Some(&unit))?;
            Ok(SlotAppraisal::new(slot, appraised, &appraiser.policy.labels))
        };
        slots.iter().map(one).collect::<Result<Vec<_>, Unavailable>>()
    };
    let appraisals = admin.read(appraise).await?;
    Ok(tagged(application.version, view.appraised(appraisals)))
}

/// What an application costs; only once both reviews passed.
#[utoipa::path(
    get, path = "/v1/applications/{id}/fee", tag = "applications",
    params(("id" = String, Path, description = "the application's id, as `a42`")),
    responses((status = 200, description = "The amount, line by line", body = FeeView)),
)]
pub(super) async fn fee(State(admin): State<Admin>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let (application, _, order) = find(&admin, &caller, Endpoint::GetFee, &id).await?;
    let Some(order) = order else {
        let (state, state_zh) = (application.state.as_str(), application.state.zh());
        return Err(Problem::registry(
            Code::NotPayable,
            format!("Nothing is owed: the application is {state}, and its fee is due once both reviews have passed."),
            format!("该申请的状态为{state_zh}，两级审核通过后方产生费用。"),
        ));
    };
    Ok(tagged(order.version, FeeView::from(&order)))
}

type Found = (Application, Option<Unit>, Option<Order>);

async fn find(admin: &Admin, caller: &Caller, endpoint: Endpoint, id: &str) -> Result<Found, Problem> {
    let number = number(id)?;
    let found = admin
        .read(move |store| {
            let Some(application) = store.application(number)? else { return Ok(None) };
            let order = application.order.map(|id| store.order(id)).transpose()?.flatten();
            Ok(Some((unit_of(store, &application)?, order, application)))
        })
        .await?;
    let (unit, order, application) = found.ok_or_else(|| not_found(id))?;
    // Where the unit is now: whoever decides about it there reads it too.
    caller.within(endpoint, unit.as_ref().map_or(&application.region, |unit| &unit.region))?;
    Ok((application, unit, order))
}

fn number(id: &str) -> Result<ApplicationId, Problem> {
    ApplicationId::parse(id).ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> Problem {
    let (en, zh) =
        (format!("There is no application {id}; check the id."), format!("没有编号为 {id} 的申请，请核对编号。"));
    Problem::registry(Code::ApplicationNotFound, en, zh)
}

/// Draws an application up, and hands it in unless it is a draft.
#[utoipa::path(
    post, path = "/v1/applications", tag = "applications",
    request_body = CreateApplication,
    responses((status = 201, description = "Handed in, or drawn up; `state` says which", body = Receipt)),
)]
pub(super) async fn create(State(admin): State<Admin>, write: Write) -> Result<Response, Problem> {
    write.without_if_match()?;
    let body = write.json::<CreateApplication>()?;
    let target = body.unit.clone();
    let command = body.into_registry(&admin.policy.get())?;
    write.submit(&admin, "application.create", target, None, Command::Apply(command)).await
}

/// Replaces the contents of a draft or a rejected application.
#[utoipa::path(
    put, path = "/v1/applications/{id}", tag = "applications",
    params(("id" = String, Path, description = "the application's id, as `a42`")),
    request_body = EditApplication,
    responses((status = 200, description = "Edited", body = Receipt)),
)]
pub(super) async fn edit(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let spec = write.json::<EditApplication>()?.into_registry(&admin.policy.get())?;
    let command = ApplicationCommand::Edit { application: number(&id)?, spec };
    write.submit(&admin, "application.edit", id, None, Command::Apply(command)).await
}

/// Hands a draft in, or a rejected application again.
#[utoipa::path(
    post, path = "/v1/applications/{id}/submission", tag = "applications",
    params(("id" = String, Path, description = "the application's id, as `a42`")),
    responses((status = 200, description = "Handed in", body = Receipt)),
)]
pub(super) async fn submit(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    write.empty()?;
    let command = ApplicationCommand::Submit { application: number(&id)? };
    write.submit(&admin, "application.submit", id, None, Command::Apply(command)).await
}

/// Approves or rejects an application at one level; nobody decides at two, and no submitter decides. The second review picks
/// traditional forms where they are not certain.
#[utoipa::path(
    post, path = "/v1/applications/{id}/decisions", tag = "applications",
    params(("id" = String, Path, description = "the application's id, as `a42`")),
    request_body = ApplicationDecision,
    responses((status = 200, description = "Decided; `state` says how the application stands", body = Receipt)),
)]
pub(super) async fn decide(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let body = write.json::<ApplicationDecision>()?;
    write.caller.may(match body.level {
        ApplicationLevel::Office => Endpoint::ApproveApplicationByOffice,
        ApplicationLevel::Local => Endpoint::ApproveApplicationLocally,
        ApplicationLevel::Central => Endpoint::ApproveApplicationCentrally,
    })?;
    let (application, verdict) = (number(&id)?, body.verdict());
    let operation = match body.decision {
        Verdict::Approve => "application.approve",
        Verdict::Reject => "application.reject",
    };
    let note = match &verdict {
        command::Verdict::Reject { reason } => Some(reason.to_string()),
        command::Verdict::Approve => remark(body.reason.clone())?,
    };
    let step = body.level.into();
    let (papers, forms) = (papers(body.papers), FormPickInput::into_registry(body.traditional, &admin.policy.get())?);
    let command = ApplicationCommand::Review { application, step, verdict, papers, forms, confirm: body.confirm };
    write.submit(&admin, operation, id, note, Command::Apply(command)).await
}

/// Takes an application back: a submitter until its fee is confirmed, the local administrator while it is due.
#[utoipa::path(
    delete, path = "/v1/applications/{id}", tag = "applications",
    params(("id" = String, Path, description = "the application's id, as `a42`")),
    responses((status = 200, description = "Withdrawn, its order with it", body = Receipt)),
)]
pub(super) async fn withdraw(
    State(admin): State<Admin>,
    At(id): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    write.empty()?;
    let command = ApplicationCommand::Withdraw { application: number(&id)? };
    write.submit(&admin, "application.withdraw", id, None, Command::Apply(command)).await
}
