//! `/v1/names`.

use super::auth::Caller;
use super::params::{At, DATE_OR_TIME, Params, cursor, limit, page};
use super::problem::Problem;
use super::roles::Endpoint;
use super::v1::requests::unit_id;
use super::v1::{ChangeHolder, DayEdge, NameView, Page, PutName, Receipt, Renewal, name_key, suffix_set, time};
use super::write::{Write, tagged};
use super::{Admin, history, v1};
use crate::registry::{Code, Command, HoldReason, NameKey, NameState, Policy, Registration, State as _};
use crate::registry::{Timestamp, Unavailable, Unit, UnitId, publisher_of};
use crate::store::{NameFilter, Store};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;

/// Most days that names can be asked to have been idle for, ten years.
const IDLE_DAYS_MAX: u64 = 3660;

/// Names, filtered, in order of their keys.
#[utoipa::path(
    get, path = "/v1/names", tag = "names",
    params(("unit" = Option<String>, Query, description = "names of this unit"),
           ("suffix" = Option<String>, Query, description = "names under this suffix, in U- or A-labels"),
           ("state" = Option<String>, Query, description = "`active`, `inactive`, `held` or `expired`"),
           ("hold" = Option<String>, Query, description = "names on which, or on whose unit, this hold is active"),
           ("expires_from" = Option<String>, Query, description = "terms that end on this day or time, or later"),
           ("expires_to" = Option<String>, Query, description = "terms that end on this day or time, or earlier"),
           ("idle_days" = Option<u32>, Query, description = "names in their term that nothing holds, and that have had nothing approved to resolve to for so many days: candidates for being given up"),
           ("cursor" = Option<String>, Query, description = "`next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most items, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "A page; regional tokens see the names of their region", body = Page<NameView>)),
)]
pub(super) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<NameView>>, Problem> {
    let known = ["unit", "suffix", "state", "hold", "expires_from", "expires_to", "idle_days", "cursor", "limit"];
    let params = Params::parse(query.as_deref(), &known)?;
    let policy = admin.policy.get();
    let filter = filter(&params, &policy, admin.clock.now())?;
    let (from, limit) = (cursor(&params)?, limit(&params)?);
    let region = caller.limit(Endpoint::ListNames);
    let (items, next) = admin
        .read(move |store| {
            let page = match page(from.as_deref(), |from| store.list_names(&filter, from, limit))? {
                Ok(page) => page,
                Err(problem) => return Ok(Err(problem)),
            };
            let mut items = Vec::with_capacity(page.items.len());
            for name in page.items {
                let unit = holder(store, &name)?;
                if region.as_ref().is_none_or(|own| own.contains(&unit.region)) {
                    items.push((unit, name));
                }
            }
            Ok(Ok((items, page.next)))
        })
        .await??;
    let items = items.iter().map(|(unit, name)| NameView::new(&policy, unit, name)).collect();
    Ok(Json(Page { items, next }))
}

fn filter(params: &Params, policy: &Policy, now: Timestamp) -> Result<NameFilter, Problem> {
    let state = |text: &str| NameState::ALL.into_iter().find(|state| state.as_str() == text);
    Ok(NameFilter {
        unit: params.read("unit", ("a unit id", "单位编号（1 至 64 个字母、数字和连字符）"), UnitId::parse)?,
        set: params
            .read("suffix", ("a suffix of this registry", "本注册局的后缀"), |text| suffix_set(text, policy))?,
        state: params.read(
            "state",
            ("active, inactive, held or expired", " active、inactive、held 或 expired"),
            state,
        )?,
        hold: params.read("hold", ("a hold's reason", "暂停原因，例如 LEGAL"), HoldReason::parse)?,
        expires_from: params.read("expires_from", DATE_OR_TIME, |text| time(text, DayEdge::Start))?,
        expires_to: params.read("expires_to", DATE_OR_TIME, |text| time(text, DayEdge::End))?,
        idle_since: params.number("idle_days", 0..=IDLE_DAYS_MAX)?.map(|days| now.add_days(-days.cast_signed())),
    })
}

fn holder(store: &Store, name: &Registration) -> Result<Unit, Unavailable> {
    let unit = store.unit(&name.unit)?;
    unit.ok_or_else(|| Unavailable(format!("{} belongs to {}, which is missing", name.key, name.unit)))
}

/// One name; it is found by its active variants too.
#[utoipa::path(
    get, path = "/v1/names/{name}", tag = "names",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded; 。 is taken for a dot"),
           ("at" = Option<String>, Query, description = "as it was after this line of the journal, or at this day's end or time")),
    responses((status = 200, description = "The name, its version in `ETag`", body = NameView)),
)]
pub(super) async fn get(
    State(admin): State<Admin>,
    caller: Caller,
    At(name): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let policy = admin.policy.get();
    let key = name_key(&name, &policy, "name")?;
    let wanted = key.clone();
    let when = history::when(&admin, &Params::parse(query.as_deref(), &["at"])?)?;
    let was = when.is_some();
    let found = match when {
        Some(when) => history::name_at(&admin, &key, when).await?,
        None => {
            let read = move |store: &Store| {
                publisher_of(store, &wanted)?.map(|name| Ok((holder(store, &name)?, name))).transpose()
            };
            admin.read(read).await?
        }
    };
    let (unit, name) = found.ok_or_else(|| if was { not_yet(&key) } else { not_found(&key) })?;
    caller.within(Endpoint::GetName, &unit.region)?;
    Ok(tagged(name.version, NameView::new(&policy, &unit, &name)))
}

fn not_found(key: &NameKey) -> Problem {
    let name = v1::readable(key);
    Problem::registry(
        Code::NameNotFound,
        format!("{name} is not registered; check the spelling."),
        format!("{name} 未注册，请核对写法。"),
    )
}

/// That the name was not registered at the time that was asked about.
fn not_yet(key: &NameKey) -> Problem {
    let name = v1::readable(key);
    Problem::registry(
        Code::NameNotFound,
        format!("{name} was not registered at that time; ask about another one, its history says when it was."),
        format!("{name} 在该时间没有注册，请另选时间（何时注册见其历史）。"),
    )
    .field("at")
}

/// Registers a name, or changes its slot, primary mark and active variants.
#[utoipa::path(
    put, path = "/v1/names/{name}", tag = "names",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded; 。 is taken for a dot")),
    request_body = PutName,
    responses((status = 200, description = "Changed", body = Receipt), (status = 201, description = "Registered", body = Receipt)),
)]
pub(super) async fn put(State(admin): State<Admin>, At(name): At<String>, write: Write) -> Result<Response, Problem> {
    let policy = admin.policy.get();
    let key = name_key(&name, &policy, "name")?;
    let spec = write.json::<PutName>()?.into_registry(&policy)?;
    let target = key.to_string();
    write.submit(&admin, "name.put", target, None, Command::PutName { key, spec }).await
}

/// Ends a registration; withdraws its pending change.
#[utoipa::path(
    delete, path = "/v1/names/{name}", tag = "names",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded; 。 is taken for a dot")),
    responses((status = 200, description = "Deleted", body = Receipt)),
)]
pub(super) async fn delete(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let key = name_key(&name, &admin.policy.get(), "name")?;
    write.empty()?;
    let target = key.to_string();
    write.submit(&admin, "name.delete", target, None, Command::DeleteName { key }).await
}

/// Gives a name to another unit, which needs the consent of the authority in charge; a waiting change is withdrawn.
#[utoipa::path(
    put, path = "/v1/names/{name}/holder", tag = "names",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded; 。 is taken for a dot")),
    request_body = ChangeHolder,
    responses((status = 200, description = "Changed", body = Receipt)),
)]
pub(super) async fn change_holder(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let key = name_key(&name, &admin.policy.get(), "name")?;
    let ChangeHolder { unit, consent } = write.json()?;
    let unit = unit_id(&unit, "unit")?;
    let note = consent.clone();
    let command = Command::ChangeHolder { key: key.clone(), unit, consent: consent.map(Into::into) };
    write.submit(&admin, "name.holder", key.to_string(), note, command).await
}

/// Extends a term by whole years from its old end; lifts EXPIRED if the new end lies ahead.
#[utoipa::path(
    post, path = "/v1/names/{name}/renewals", tag = "names",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded; 。 is taken for a dot")),
    request_body = Renewal,
    responses((status = 200, description = "Renewed", body = Receipt)),
)]
pub(super) async fn renew(State(admin): State<Admin>, At(name): At<String>, write: Write) -> Result<Response, Problem> {
    let key = name_key(&name, &admin.policy.get(), "name")?;
    let years = write.json::<Renewal>()?.years;
    let (target, note) = (key.to_string(), format!("{years} years"));
    write.submit(&admin, "name.renew", target, Some(note), Command::Renew { key, years }).await
}
