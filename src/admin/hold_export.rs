//! `GET /v1/holds`: the holds of a region that were in force between two dates, those that were lifted too; and
//! `GET /v1/blacklist`.
//!
//! Units and names are read in slices between commits, then the holds that ended, from an index by the time of their end:
//! nothing waits for a report, and none reads the journal. What changes while it is written may be in it or not.

use super::Admin;
use super::auth::Caller;
use super::params::{Params, invalid};
use super::problem::Problem;
use super::roles::Endpoint;
use super::rows::{Format, Rows, rows};
use super::stream::Stop;
use super::v1::{BlacklistRow, DayEdge, HoldRow, time};
use crate::registry::{Hold, HoldReason, NameKey, Region, Regions, State as _, Timestamp, Unit, UnitId};
use crate::store::NameFilter;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::collections::HashSet;

/// Objects read at once on the writer's thread: about a millisecond.
const SLICE_LEN: usize = 256;

/// Which holds a report has.
struct Wanted {
    region: Option<Region>,
    /// Where the token may look, if that is not everywhere.
    own: Option<Regions>,
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
    let from = params.read("from", "a date or time", |text| time(text, DayEdge::Start))?;
    let to = params.read("to", "a date or time", |text| time(text, DayEdge::End))?;
    let wanted = Wanted {
        region: region(&params, &caller, Endpoint::ExportHolds)?,
        own: caller.limit(Endpoint::ExportHolds),
        reason: params.read("reason", "a hold's reason", HoldReason::parse)?,
        from: from.unwrap_or(Timestamp(i64::MIN)),
        to: to.unwrap_or(Timestamp(i64::MAX)),
    };
    if wanted.from > wanted.to {
        return Err(invalid("to", "The last day lies before the first.", "结束日期早于开始日期。"));
    }
    // Read before the first octet is sent: what fails here is still answered with a problem document.
    admin.read(|store| store.list_units(None, 1)).await?;
    let principal = &caller.actor.principal;
    tracing::info!(%principal, region = wanted.region.as_ref().map(Region::as_str), "export of holds");
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
    let wanted = Wanted {
        region: region(&params, &caller, Endpoint::Blacklist)?,
        own: caller.limit(Endpoint::Blacklist),
        reason: Some(HoldReason::Blacklist),
        from: Timestamp(i64::MIN),
        to: Timestamp(i64::MAX),
    };
    admin.read(|store| store.list_units(None, 1)).await?;
    let (rows, response) = rows(Format::of(&params)?);
    tokio::spawn(async move {
        match write_blacklist(&admin, &rows, &wanted).await {
            Ok(()) | Err(Stop::Gone) => {}
            Err(Stop::Failed) => rows.fail().await,
        }
    });
    Ok(response)
}

/// The parameter `region`, which must lie within the caller's reach.
fn region(params: &Params, caller: &Caller, endpoint: Endpoint) -> Result<Option<Region>, Problem> {
    let region = params.read("region", "a division code of 2, 4, 6, 9 or 12 digits", Region::parse)?;
    if let Some(region) = &region {
        caller.within(endpoint, region)?;
    }
    Ok(region)
}

impl Wanted {
    fn is_of(&self, region: &Region) -> bool {
        self.region.as_ref().is_none_or(|wanted| wanted.contains(region))
            && self.own.as_ref().is_none_or(|own| own.contains(region))
    }

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
        let from = cursor.take();
        let page = admin.read(move |store| store.list_units(from.as_deref(), SLICE_LEN)).await?;
        for unit in page.items.iter().filter(|unit| wanted.is_of(&unit.region)) {
            write_unit(admin, rows, wanted, unit, &mut known).await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    write_past(admin, rows, wanted, &known).await
}

/// The holds in force on a unit and its names.
async fn write_unit(
    admin: &Admin,
    rows: &Rows<HoldRow>,
    wanted: &Wanted,
    unit: &Unit,
    known: &mut Known,
) -> Result<(), Stop> {
    let in_force = unit.holds.0.iter().filter(|(reason, hold)| hold.active && wanted.has(**reason, hold.start));
    let mut found: Vec<HoldRow> = Vec::new();
    for (reason, hold) in in_force {
        known.insert(identity(&unit.id, None, *reason, hold));
        found.push(HoldRow::new(&unit.id, &unit.region, None, *reason, hold));
    }
    rows.send(&found).await?;
    let mut cursor: Option<String> = None;
    loop {
        let (from, filter) = (cursor.take(), NameFilter { unit: Some(unit.id.clone()), ..NameFilter::default() });
        let page = admin.read(move |store| store.list_names(&filter, from.as_deref(), SLICE_LEN)).await?;
        let mut found: Vec<HoldRow> = Vec::new();
        for name in &page.items {
            for (reason, hold) in
                name.holds.0.iter().filter(|(reason, hold)| hold.active && wanted.has(**reason, hold.start))
            {
                known.insert(identity(&unit.id, Some(&name.key), *reason, hold));
                found.push(HoldRow::new(&unit.id, &unit.region, Some(&name.key), *reason, hold));
            }
        }
        rows.send(&found).await?;
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
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
            .filter(|past| wanted.is_of(&past.region) && wanted.has(past.reason, past.hold.start))
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

async fn write_blacklist(admin: &Admin, rows: &Rows<BlacklistRow>, wanted: &Wanted) -> Result<(), Stop> {
    rows.begin().await?;
    let mut cursor: Option<String> = None;
    loop {
        let from = cursor.take();
        let page = admin.read(move |store| store.list_units(from.as_deref(), SLICE_LEN)).await?;
        let mut found = Vec::new();
        for unit in page.items.iter().filter(|unit| wanted.is_of(&unit.region)) {
            let Some(hold) = unit.holds.0.get(&HoldReason::Blacklist).filter(|hold| hold.active) else { continue };
            let id = unit.id.clone();
            let names = admin.read(move |store| {
                let mut names: u64 = 0;
                store.names_of(&id, &mut |_| {
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
