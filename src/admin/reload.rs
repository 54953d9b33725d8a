//! Reading zone files again on request, as SIGHUP does, but not the configuration that names them.

use super::Admin;
use super::problem::{Edge, Faults, FileError, Problem};
use super::v1::{ReloadZones, Reloaded};
use super::write::Write;
use crate::update::Reload;
use crate::zone::{Name, Zone};
use crate::zonefile;
use axum::Json;
use axum::extract::State;

/// Who can read the zone files again. One reload at a time: whoever has the lock reads and hands over.
pub trait ZoneFiles: Send {
    /// The zones to serve, with one file read again, or all of them.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then.
    fn read(&self, zone: Option<&Name>) -> Result<Read, Refused>;

    /// Takes note of what is served now.
    fn served(&mut self, zones: Vec<(Zone, [u8; 32])>);
}

/// What was read of zone files.
pub struct Read {
    /// The zones, to be served.
    pub reload: Reload,
    /// Errors with which a zone is served all the same, and warnings.
    pub found: Vec<zonefile::Problem>,
}

/// Why zone files are not taken.
#[derive(Debug)]
pub enum Refused {
    /// No zone of this name is configured.
    UnknownZone,
    /// What is wrong with the files.
    Files(Vec<zonefile::Problem>),
}

/// Reads zone files again and serves what changed in them. If the file of a zone that is served has an error, all zones
/// stay as they are. One that was not loaded before may stay so, unless it is asked for: `not_loaded` names it.
#[utoipa::path(
    post, path = "/v1/zones/reload", tag = "zones",
    request_body = ReloadZones,
    params(("dry_run" = Option<bool>, Query, description = "read and check the files, and change nothing")),
    responses((status = 200, description = "What is served now", body = Reloaded)),
)]
pub(super) async fn reload(State(admin): State<Admin>, write: Write) -> Result<Json<Reloaded>, Problem> {
    write.without_if_match()?;
    let asked = write.json::<ReloadZones>()?.zone;
    let principal = &*write.caller.actor.principal;
    let result = run(&admin, asked.as_deref(), principal, write.is_dry_run()).await;
    let (seq, code) = match &result {
        Ok(done) => (done.seq, None),
        Err(problem) => (None, Some(problem.code.as_str())),
    };
    let zone = asked.as_deref().unwrap_or("all");
    tracing::info!(%principal, operation = "zones.reload", zone, seq, code, "write");
    result.map(Json)
}

async fn run(admin: &Admin, asked: Option<&str>, principal: &str, dry_run: bool) -> Result<Reloaded, Problem> {
    let zone = asked.map(|text| apex(text).ok_or_else(|| unknown(text))).transpose()?;
    let mut files = admin.zone_files.lock().await;
    // Reading a large file takes seconds; other requests go on meanwhile on other threads.
    let read = tokio::task::block_in_place(|| files.read(zone.as_ref()));
    let Read { mut reload, found } = read.map_err(|refused| match refused {
        Refused::UnknownZone => unknown(asked.unwrap_or_default()),
        Refused::Files(errors) => invalid(&errors),
    })?;
    let mut not_loaded: Vec<String> =
        reload.unloaded.iter().map(|zone| zone.apex().to_lowercase().to_string()).collect();
    not_loaded.sort();
    let found = found.iter().map(FileError::from).collect();
    if dry_run {
        return Ok(Reloaded { not_loaded, found, ..Reloaded::default() });
    }
    reload.asked_by = Some(principal.into());
    let zones = reload.zones.clone();
    let receipt = admin.handle.reload(reload).await?;
    files.served(zones);
    Ok(Reloaded {
        seq: receipt.seq,
        at: Some(receipt.at.to_string()),
        serials: receipt.serials.iter().map(|(apex, serial)| (apex.to_string(), *serial)).collect(),
        not_loaded,
        found,
    })
}

/// An apex in Chinese characters or A-labels, with or without a final dot.
fn apex(text: &str) -> Option<Name> {
    let text = text.strip_suffix('.').unwrap_or(text);
    // Labels with underscores or of reverse zones are no hosts, but names.
    let ascii = crate::idn::host_to_ascii(text).unwrap_or_else(|| text.to_owned());
    Name::absolute(&ascii).ok().map(|name| name.to_lowercase())
}

fn unknown(zone: &str) -> Problem {
    Problem::edge(
        Edge::ZoneUnknown,
        format!("No zone {zone} is configured; check the name, or leave zone null for all."),
        format!("没有配置区 {zone}，请核对名称，或将 zone 设为 null 以读取全部。"),
    )
    .field("zone")
}

fn invalid(errors: &[zonefile::Problem]) -> Problem {
    let count = errors.len();
    let errors_en = if count == 1 { "error" } else { "errors" };
    let en = format!(
        "The zone files have {count} {errors_en}, listed in `errors`; all zones stay as they were. Correct the files, and reload again."
    );
    let zh = format!("区文件有 {count} 处错误，见 errors；所有区保持不变，请改正文件后重新读取。");
    let mut problem = Problem::edge(Edge::ZoneFileInvalid, en, zh);
    problem.faults = Faults::Files(errors.iter().map(FileError::from).collect());
    problem
}
