//! `/v1/export`: every unit, name, kept label, application, order and remittance, in the lines that an import reads.
//!
//! The store is read in slices between commits, so nothing waits for an export. What changes meanwhile is written from the
//! journal, first of units, names and labels, then, once they stand, of applications and the like as well: the whole is the
//! state at the transaction that the last line names.

use super::auth::Caller;
use super::params::Params;
use super::problem::Problem;
use super::stream::{self, Stop, Writer};
use super::{Admin, lines};
use crate::registry::{
    Application, Event, HoldReason, Holds, NameKey, Order, Registration, Remittance, Timestamp, Unavailable, Unit,
    UnitId,
};
use crate::store::{FilingFilter, NameFilter, Page, Store};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// Objects read at once on the writer's thread: about a millisecond.
const SLICE_LEN: usize = 256;

/// The registry as it is, as lines of JSON: units, names, kept labels, and applications, orders and remittances with their ids.
/// The last line is `end`; without it the export was cut short. It says how many lines stand between `begin` and it.
#[utoipa::path(
    get, path = "/v1/export", tag = "bulk",
    responses((status = 200, description = "Lines as `POST /v1/import` takes them", body = String, content_type = "application/x-ndjson")),
)]
pub(super) async fn export(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Params::parse(query.as_deref(), &[])?;
    // Read before the first octet is sent: what fails here is still answered with a problem document.
    let from = admin.read(|store| Ok(store.position().seq)).await?;
    tracing::info!(principal = %caller.actor.principal, seq = from, "export");
    let (writer, response) = stream::ndjson();
    tokio::spawn(async move {
        match write_all(&admin, &writer, from).await {
            Ok(()) | Err(Stop::Gone) => {}
            Err(Stop::Failed) => writer.fail().await,
        }
    });
    Ok(response)
}

async fn write_all(admin: &Admin, writer: &Writer, from: u64) -> Result<(), Stop> {
    writer.send(lines::begin()).await?;
    let mut held = Held::default();
    write_units(admin, writer, &mut held.units).await?;
    write_names(admin, writer, from, &mut held.names).await?;
    write_kept(admin, writer).await?;
    let then = admin.read(|store| Ok(store.position().seq)).await?;
    write_touched(admin, writer, from + 1..=then, &mut held, is_of_object).await?;
    write_filings(admin, writer, then).await?;
    let to = admin.read(|store| Ok(store.position().seq)).await?;
    write_touched(admin, writer, then + 1..=to, &mut held, |_| true).await?;
    let lines = writer.lines() - 1;
    writer.send(lines::end(to, lines)).await?;
    Ok(())
}

/// The holds that were written: one that is gone from a later image has been lifted meanwhile.
#[derive(Default)]
struct Held {
    units: HashMap<UnitId, Holds>,
    names: HashMap<NameKey, Holds>,
}

/// All pages of a listing, each as the lines that `lines` makes of it.
async fn write_pages<T: Send + 'static>(
    admin: &Admin,
    writer: &Writer,
    list: fn(&Store, Option<&str>) -> Result<Page<T>, Unavailable>,
    mut lines: impl FnMut(&[T]) -> String,
) -> Result<(), Stop> {
    let mut cursor: Option<String> = None;
    loop {
        let page = admin.read(move |store| list(store, cursor.as_deref())).await?;
        writer.send(lines(&page.items)).await?;
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// All units, those that change meanwhile too: the names that follow need them.
async fn write_units(admin: &Admin, writer: &Writer, held: &mut HashMap<UnitId, Holds>) -> Result<(), Stop> {
    let list = |store: &Store, cursor: Option<&str>| store.list_units(cursor, SLICE_LEN);
    let lines = |units: &[Unit]| {
        let held_ones = units.iter().filter(|unit| !unit.holds.0.is_empty());
        held.extend(held_ones.map(|unit| (unit.id.clone(), unit.holds.clone())));
        units.iter().map(lines::unit).collect()
    };
    write_pages(admin, writer, list, lines).await
}

async fn write_names(
    admin: &Admin,
    writer: &Writer,
    from: u64,
    held: &mut HashMap<NameKey, Holds>,
) -> Result<(), Stop> {
    let list = |store: &Store, cursor: Option<&str>| store.list_names(&NameFilter::default(), cursor, SLICE_LEN);
    let lines = |names: &[Registration]| {
        let old = || names.iter().filter(|name| name.version <= from);
        held.extend(old().filter(|name| !name.holds.0.is_empty()).map(|name| (name.key.clone(), name.holds.clone())));
        old().map(lines::name).collect()
    };
    write_pages(admin, writer, list, lines).await
}

/// Kept labels; one that is taken meanwhile is registered by the lines that follow.
async fn write_kept(admin: &Admin, writer: &Writer) -> Result<(), Stop> {
    let list = |store: &Store, cursor: Option<&str>| store.list_reservations(cursor, SLICE_LEN);
    write_pages(admin, writer, list, |kept| kept.iter().map(lines::kept).collect()).await
}

/// Applications, then orders, then remittances: each stands behind what it is about.
async fn write_filings(admin: &Admin, writer: &Writer, from: u64) -> Result<(), Stop> {
    let list =
        |store: &Store, cursor: Option<&str>| store.list_applications(&FilingFilter::default(), cursor, SLICE_LEN);
    let lines = |all: &[Application]| all.iter().filter(|one| one.version <= from).map(lines::application).collect();
    write_pages(admin, writer, list, lines).await?;
    let list = |store: &Store, cursor: Option<&str>| store.list_orders(&FilingFilter::default(), cursor, SLICE_LEN);
    let lines = |all: &[Order]| all.iter().filter(|one| one.version <= from).map(lines::order).collect();
    write_pages(admin, writer, list, lines).await?;
    let list =
        |store: &Store, cursor: Option<&str>| store.list_remittances(&FilingFilter::default(), cursor, SLICE_LEN);
    let lines = |all: &[Remittance]| all.iter().filter(|one| one.version <= from).map(lines::remittance).collect();
    write_pages(admin, writer, list, lines).await
}

/// Whether the event is about a unit, a name or a label.
fn is_of_object(event: &Event) -> bool {
    !matches!(event, Event::Application(_) | Event::Order(_) | Event::Remittance(_))
}

/// What these transactions left of the objects they touched, as far as they are wanted, in their order.
async fn write_touched(
    admin: &Admin,
    writer: &Writer,
    range: RangeInclusive<u64>,
    held: &mut Held,
    wanted: fn(&Event) -> bool,
) -> Result<(), Stop> {
    for seq in range {
        let journal = admin.journal.clone();
        let read = tokio::task::spawn_blocking(move || journal.transaction(seq)).await;
        let transaction = read.map_err(Problem::internal)?.map_err(Problem::internal)?;
        let transaction =
            transaction.ok_or_else(|| Problem::internal(format!("transaction {seq} is not in the journal")))?;
        let mut events: Vec<&Event> = transaction.events.iter().filter(|event| wanted(event)).collect();
        // An order stands behind its application, and a name behind the application that no longer claims it.
        events.sort_by_key(|event| !matches!(event, Event::Unit(_) | Event::Application(_)));
        writer.send(events.into_iter().map(|event| touched(event, transaction.at, held)).collect()).await?;
    }
    Ok(())
}

/// The line of what an event left of its object.
fn touched(event: &Event, at: Timestamp, held: &mut Held) -> String {
    match event {
        Event::Unit(unit) => {
            let before = held.units.insert(unit.id.clone(), unit.holds.clone()).unwrap_or_default();
            lines::unit(&Unit { holds: with_lifted(&unit.holds, &before, at), ..unit.clone() })
        }
        Event::Name(name) => {
            let before = held.names.insert(name.key.clone(), name.holds.clone()).unwrap_or_default();
            lines::name(&Registration { holds: with_lifted(&name.holds, &before, at), ..name.clone() })
        }
        Event::NameRemoved { key, .. } => {
            held.names.remove(key);
            lines::removed(key)
        }
        Event::Application(application) => lines::application(application),
        Event::Order(order) => lines::order(order),
        Event::Remittance(remittance) => lines::remittance(remittance),
        Event::VariantsEnded { .. } | Event::Change(_) | Event::Brake(_) | Event::ZoneLoaded { .. } => String::new(),
        Event::Reserved(kept) => lines::kept(kept),
        Event::ReservationEnded { .. } => String::new(),
        Event::Notice(_) | Event::Noticed(_) | Event::SiteNotice(_) => String::new(),
    }
}

fn with_lifted(now: &Holds, before: &Holds, at: Timestamp) -> Holds {
    // EXPIRED follows from the term on both sides.
    let gone = before.0.iter().filter(|(reason, _)| **reason != HoldReason::Expired && !now.0.contains_key(reason));
    let mut all = now.clone();
    all.0.extend(gone.map(|(reason, hold)| (*reason, hold.lifted(at))));
    all
}
