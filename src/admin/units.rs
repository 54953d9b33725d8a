//! `/v1/units`.

use super::auth::Caller;
use super::params::{At, Params, cursor, limit, page};
use super::problem::Problem;
use super::roles::Endpoint;
use super::v1::requests::unit_id;
use super::v1::{ContactChange, DayEdge, Page, PutUnit, Receipt, UnitView, time_at};
use super::write::{Write, tagged};
use super::{Admin, history};
use crate::registry::{Code, Command, State as _, Unit, UnitId};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;

/// Units in order of their ids.
#[utoipa::path(
    get, path = "/v1/units", tag = "units",
    params(("cursor" = Option<String>, Query, description = "`next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most items, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "A page; regional tokens see the units of their region", body = Page<UnitView>)),
)]
pub(super) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<UnitView>>, Problem> {
    let params = Params::parse(query.as_deref(), &["cursor", "limit"])?;
    let (from, limit) = (cursor(&params)?, limit(&params)?);
    let region = caller.limit(Endpoint::ListUnits);
    let page = admin.read(move |store| page(from.as_deref(), |from| store.list_units(from, limit))).await??;
    let visible = |unit: &&Unit| region.as_ref().is_none_or(|own| own.contains(&unit.region));
    Ok(Json(Page { items: page.items.iter().filter(visible).map(UnitView::from).collect(), next: page.next }))
}

/// One unit.
#[utoipa::path(
    get, path = "/v1/units/{id}", tag = "units",
    params(("id" = String, Path, description = "the unit's id"),
           ("at" = Option<String>, Query, description = "as it was after this line of the journal, or at this day's end or time")),
    responses((status = 200, description = "The unit, its version in `ETag`", body = UnitView)),
)]
pub(super) async fn get(
    State(admin): State<Admin>,
    caller: Caller,
    At(id): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let id = unit_id(&id, "id")?;
    let when = history::when(&admin, &Params::parse(query.as_deref(), &["at"])?)?;
    let was = when.is_some();
    let unit = match when {
        Some(when) => history::unit_at(&admin, &id, when).await?,
        None => {
            let id = id.clone();
            admin.read(move |store| store.unit(&id)).await?
        }
    };
    let unit = unit.ok_or_else(|| if was { not_yet(&id) } else { not_found(&id) })?;
    caller.within(Endpoint::GetUnit, &unit.region)?;
    Ok(tagged(unit.version, UnitView::from(&unit)))
}

/// The unit, which must be there.
pub(super) async fn find(admin: &Admin, id: UnitId) -> Result<Unit, Problem> {
    let wanted = id.clone();
    admin.read(move |store| store.unit(&wanted)).await?.ok_or_else(|| not_found(&id))
}

fn not_found(id: &UnitId) -> Problem {
    Problem::registry(
        Code::UnitNotFound,
        format!("There is no unit {id}; check the id."),
        format!("没有编号为 {id} 的单位，请核对编号。"),
    )
}

/// That the unit was not there at the time that was asked about.
fn not_yet(id: &UnitId) -> Problem {
    Problem::registry(
        Code::UnitNotFound,
        format!("There was no unit {id} at that time; ask about another one, its history says since when it is there."),
        format!("该时间还没有编号为 {id} 的单位，请另选时间（何时登记见其历史）。"),
    )
    .field("at")
}

/// Creates a unit, or replaces its data; its holds stay.
#[utoipa::path(
    put, path = "/v1/units/{id}", tag = "units",
    params(("id" = String, Path, description = "1 to 64 of A-Z, a-z, 0-9 and -, chosen by the client")),
    request_body = PutUnit,
    responses((status = 200, description = "Replaced", body = Receipt), (status = 201, description = "Created", body = Receipt)),
)]
pub(super) async fn put(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let id = unit_id(&id, "id")?;
    let spec = write.json::<PutUnit>()?.into_registry()?;
    let target = id.to_string();
    write.submit(&admin, "unit.put", target, None, Command::PutUnit { id, spec }).await
}

/// Notes that a unit has reported a change of its contacts, in time (20 working days) or late. No personal data is taken:
/// the answer's state and the journal say when, and nothing else.
#[utoipa::path(
    post, path = "/v1/units/{id}/contact-changes", tag = "units",
    params(("id" = String, Path, description = "the unit's id")),
    request_body = ContactChange,
    responses((status = 200, description = "Noted; `state` is `in_time` or `late`", body = Receipt)),
)]
pub(super) async fn report_contacts(
    State(admin): State<Admin>,
    At(id): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let unit = unit_id(&id, "id")?;
    let text = write.json::<ContactChange>()?.changed;
    let changed = time_at(Code::ContactChangeInvalid, "changed", &text, DayEdge::Start)?;
    let (target, note) = (unit.to_string(), format!("changed {changed}"));
    write.submit(&admin, "unit.contacts", target, Some(note), Command::ReportContacts { unit, changed }).await
}
