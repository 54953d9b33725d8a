//! `/v1/export`: every unit and name, in the lines that an import reads.
//!
//! The store is read in slices between commits, so nothing waits for an export. What changes meanwhile is left out of the
//! slices and written at the end from the journal: the whole is the state at the transaction that the last line names.

use super::auth::Caller;
use super::problem::Problem;
use super::stream::{self, Writer};
use super::{Admin, lines};
use crate::registry::{Event, Unavailable};
use crate::store::NameFilter;
use axum::extract::{RawQuery, State};
use axum::response::Response;

/// Objects read at once on the writer's thread: about a millisecond.
const SLICE_LEN: usize = 256;

/// Units and names as they are, as lines of JSON. The last line is `end`; without it the export was cut short.
#[utoipa::path(
    get, path = "/v1/export", tag = "bulk",
    responses((status = 200, description = "Lines as `POST /v1/import` takes them", body = String, content_type = "application/x-ndjson")),
)]
pub(super) async fn export(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    super::params::Params::parse(query.as_deref(), &[])?;
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

/// Why an export ends early.
enum Stop {
    Gone,
    /// It has been logged.
    Failed,
}

impl From<stream::Gone> for Stop {
    fn from(_: stream::Gone) -> Self {
        Self::Gone
    }
}

impl From<Problem> for Stop {
    fn from(_: Problem) -> Self {
        Self::Failed
    }
}

async fn write_all(admin: &Admin, writer: &Writer, from: u64) -> Result<(), Stop> {
    writer.send(lines::begin()).await?;
    write_units(admin, writer, from).await?;
    write_names(admin, writer, from).await?;
    let to = admin.read(|store| Ok(store.position().seq)).await?;
    write_touched(admin, writer, from, to).await?;
    writer.send(lines::end(to)).await?;
    Ok(())
}

async fn write_units(admin: &Admin, writer: &Writer, from: u64) -> Result<(), Stop> {
    let mut cursor: Option<String> = None;
    loop {
        let here = cursor.take();
        let (text, next) = admin
            .read(move |store| {
                let page = store.list_units(here.as_deref(), SLICE_LEN)?;
                let old = page.items.iter().filter(|unit| unit.version <= from);
                Ok::<_, Unavailable>((old.map(lines::unit).collect::<String>(), page.next))
            })
            .await?;
        writer.send(text).await?;
        cursor = next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

async fn write_names(admin: &Admin, writer: &Writer, from: u64) -> Result<(), Stop> {
    let mut cursor: Option<String> = None;
    loop {
        let here = cursor.take();
        let (text, next) = admin
            .read(move |store| {
                let page = store.list_names(&NameFilter::default(), here.as_deref(), SLICE_LEN)?;
                let old = page.items.iter().filter(|name| name.version <= from);
                Ok::<_, Unavailable>((old.map(lines::name).collect::<String>(), page.next))
            })
            .await?;
        writer.send(text).await?;
        cursor = next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// What the transactions after `from` up to `to` left of the objects they touched, in their order.
async fn write_touched(admin: &Admin, writer: &Writer, from: u64, to: u64) -> Result<(), Stop> {
    for seq in from + 1..=to {
        let journal = admin.journal.clone();
        let read = tokio::task::spawn_blocking(move || journal.transaction(seq)).await;
        let transaction = read.map_err(Problem::internal)?.map_err(Problem::internal)?;
        let transaction =
            transaction.ok_or_else(|| Problem::internal(format!("transaction {seq} is not in the journal")))?;
        let text = transaction.events.iter().map(|event| match event {
            Event::Unit(unit) => lines::unit(unit),
            Event::Name(name) => lines::name(name),
            Event::NameRemoved { key, .. } => lines::removed(key),
            Event::Change(_) | Event::Brake(_) | Event::ZoneLoaded { .. } => String::new(),
        });
        writer.send(text.collect()).await?;
    }
    Ok(())
}
