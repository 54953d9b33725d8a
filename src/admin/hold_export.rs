//! `GET /v1/holds`: the holds of a region that were in force between two dates, those that were lifted too; and
//! `GET /v1/blacklist`.
//!
//! Units with their names are read in slices between commits, then the holds that ended, from an index by the time of their end:
//! nothing waits for a report, and none reads the journal. What changes while it is written may be in it or not.

use super::Admin;
use super::auth::Caller;
use super::params::{DATE_OR_TIME, Params, invalid};
use super::problem::Problem;
use super::roles::Endpoint;
use super::rows::{Format, Rows, rows};
use super::stream::Stop;
use super::v1::{BlacklistRow, DayEdge, HoldRow, time};
use crate::registry::{Hold, HoldReason, NameKey, Region, Regions, State as _, Timestamp, UnitId};
use crate::store::Held;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::collections::HashSet;

/// Units read at once on the writer's thread: about a millisecond.
const SLICE_LEN: usize = 256;

/// Which holds a report has.
struct Wanted {
    within: Within,
    reason: Option<HoldReason>,
    from: Timestamp,
    to: Timestamp,
}

/// Holds that were in force at some time between two dates, both included: those still in force, by unit and name, then
/// those that ended, in the order in which they did. One whose evidence or owner was replaced is two. Those that have yet to
/// begin are not in it.
#[utoipa::path(
    get, path = "/v1/holds", tag = "holds",
    params(("region" = Option<String>, Query, description = "units of this division; of all, or of the token's, if absent"),
           ("from" = Option<String>, Query, description = "first day or time; from the beginning if absent"),
           ("to" = Option<String>, Query, description = "last day or time, included; until now if absent"),
           ("reason" = Option<String>, Query, description = "only holds of this reason"),
           ("format" = Option<String>, Query, description = "`ndjson`, or `csv`, in which a cell that a spreadsheet would take for a formula has a `'` in front; ndjson if absent")),
    responses((status = 200, description = "A line for each hold",
               content((HoldRow = "application/x-ndjson"), (String = "text/csv")))),
)]
pub(super) async fn holds(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let params = Params::parse(query.as_deref(), &["region", "from", "to", "reason", "format"])?;
    let from = params.read("from", DATE_OR_TIME, |text| time(text, DayEdge::Start))?;
    let to = params.read("to", DATE_OR_TIME, |text| time(text, DayEdge::End))?;
    let wanted = Wanted {
        within: Within::of(&params, &caller, Endpoint::ExportHolds)?,
        reason: params.read("reason", ("a hold's reason", "暂停原因，例如 LEGAL"), HoldReason::parse)?,
        from: from.unwrap_or(Timestamp(i64::MIN)),
        to: to.unwrap_or(Timestamp(i64::MAX)),
    };
    if wanted.from > wanted.to {
        return Err(invalid(
            "to",
            "The last day lies before the first; exchange them.",
            "结束日期 to 早于开始日期 from，请对调。",
        ));
    }
    // Read before the first octet is sent: what fails here is still answered with a problem document.
    admin.read(|store| store.list_units(None, 1)).await?;
    let principal = &caller.actor.principal;
    tracing::info!(%principal, region = wanted.within.region.as_ref().map(Region::as_str), "export of holds");
    let (rows, response) = rows(Format::of(&params)?);
    tokio::spawn(async move {
        match write_holds(&admin, &rows, &wanted).await {
            Ok(()) | Err(Stop::Gone) => {}
            Err(Stop::Failed) => rows.fail().await,
        }
    });
    Ok(response)
}

/// The units on the blacklist, by id, with since when and why.
#[utoipa::path(
    get, path = "/v1/blacklist", tag = "holds",
    params(("region" = Option<String>, Query, description = "units of this division; of all, or of the token's, if absent"),
           ("format" = Option<String>, Query, description = "`ndjson`, or `csv`, in which a cell that a spreadsheet would take for a formula has a `'` in front; ndjson if absent")),
    responses((status = 200, description = "A line for each unit",
               content((BlacklistRow = "application/x-ndjson"), (String = "text/csv")))),
)]
pub(super) async fn blacklist(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let params = Params::parse(query.as_deref(), &["region", "format"])?;
    let within = Within::of(&params, &caller, Endpoint::Blacklist)?;
    admin.read(|store| store.list_units(None, 1)).await?;
    let (rows, response) = rows(Format::of(&params)?);
    tokio::spawn(async move {
        match write_blacklist(&admin, &rows, &within).await {
            Ok(()) | Err(Stop::Gone) => {}
            Err(Stop::Failed) => rows.fail().await,
        }
    });
    Ok(response)
}

/// Where the units of a report lie.
#[derive(Clone)]
struct Within {
    region: Option<Region>,
    /// Where the token may look, if that is not everywhere.
    own: Option<Regions>,
}

impl Within {
    /// The parameter `region`, which must lie within the caller's reach.
    fn of(params: &Params, caller: &Caller, endpoint: Endpoint) -> Result<Self, Problem> {
        let region = params.read(
            "region",
            ("a division code of 2, 4, 6, 9 or 12 digits", " 2、4、6、9 或 12 位的行政区划代码"),
            Region::parse,
        )?;
        if let Some(region) = &region {
            caller.within(endpoint, region).map_err(|problem| problem.field("region"))?;
        }
        Ok(Self { region, own: caller.limit(endpoint) })
    }

    fn has(&self, region: &Region) -> bool {
        self.region.as_ref().is_none_or(|wanted| wanted.contains(region))
            && self.own.as_ref().is_none_or(|own| own.contains(region))
    }
}

impl Wanted {
    fn has(&self, reason: HoldReason, start: Timestamp) -> bool {
        self.reason.is_none_or(|wanted| wanted == reason) && start <= self.to
    }
}

/// What tells a hold from all others.
type Identity = (UnitId, Option<NameKey>, HoldReason, Timestamp, Box<str>, Box<str>);
type Known = HashSet<Identity>;

fn identity(unit: &UnitId, name: Option<&NameKey>, reason: HoldReason, hold: &Hold) -> Identity {
    (unit.clone(), name.cloned(), reason, hold.start, hold.evidence.clone(), hold.by.clone())
}

async fn write_holds(admin: &Admin, rows: &Rows<HoldRow>, wanted: &Wanted) -> Result<(), Stop> {
    rows.begin().await?;
    // One that ends after it was written is not written again; as many as there are holds in force.
    let mut known = Known::new();
    let mut cursor: Option<String> = None;
    loop {
        let (from, within) = (cursor.take(), wanted.within.clone());
        let page = admin.read(move |store| store.list_held(&|region| within.has(region), from.as_deref())).await?;
        let mut found: Vec<HoldRow> = Vec::new();
        for Held { unit, region, name, holds } in &page.items {
            let in_force = holds.0.iter().filter(|(reason, hold)| hold.active && wanted.has(**reason, hold.start));
            for (reason, hold) in in_force {
                known.insert(identity(unit, name.as_ref(), *reason, hold));
                found.push(HoldRow::new(unit, region, name.as_ref(), *reason, hold));
            }
        }
        rows.send(&found).await?;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    write_past(admin, rows, wanted, &known).await
}

async fn write_past(admin: &Admin, rows: &Rows<HoldRow>, wanted: &Wanted, known: &Known) -> Result<(), Stop> {
    let after = wanted.from;
    let mut cursor: Option<String> = None;
    loop {
        let from = cursor.take();
        let page = admin.read(move |store| store.list_past_holds(after, from.as_deref())).await?;
        let found: Vec<HoldRow> = page
            .items
            .iter()
            .filter(|past| wanted.within.has(&past.region) && wanted.has(past.reason, past.hold.start))
            .filter(|past| !known.contains(&identity(&past.unit, past.name.as_ref(), past.reason, &past.hold)))
            .map(HoldRow::past)
            .collect();
        rows.send(&found).await?;
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

async fn write_blacklist(admin: &Admin, rows: &Rows<BlacklistRow>, within: &Within) -> Result<(), Stop> {
    rows.begin().await?;
    let mut cursor: Option<String> = None;
    loop {
        let from = cursor.take();
        let page = admin.read(move |store| store.list_units(from.as_deref(), SLICE_LEN)).await?;
        let mut found = Vec::new();
        for unit in page.items.iter().filter(|unit| within.has(&unit.region)) {
            let Some(hold) = unit.holds.0.get(&HoldReason::Blacklist).filter(|hold| hold.active) else { continue };
            let id = unit.id.clone();
            let names = admin.read(move |store| {
                let mut names: u64 = 0;
                store.names_of(&id, &mut |_, _| {
                    names += 1;
                    true
                })?;
                Ok(names)
            });
            found.push(BlacklistRow::new(unit, hold, names.await?));
        }
        rows.send(&found).await?;
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}
