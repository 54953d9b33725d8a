//! Lists of holds, and their reports, through the admin API of a running server.

use super::Failure;
use super::arguments::{HoldList, HoldsExport};
use super::beside::write_whole;
use super::client::{Client, second_factor, text};
use super::lost::lost;
use super::output::{has_read_enough, say_on, tell};
use super::remote::{refused, runtime};
use crate::idn;
use crate::registry::Region;
use crate::telemetry::advice::{Advice, of_file};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// What the server says of a list.
#[derive(Debug, Deserialize)]
struct Receipt {
    lines: u64,
    state: String,
    seq: Option<u64>,
    serials: BTreeMap<String, u32>,
    #[serde(default)]
    residual_ttl_secs: u32,
    preview: Option<Preview>,
}

/// What would be.
#[derive(Debug, Deserialize)]
struct Preview {
    changed: u64,
    suspensions: Vec<Suspension>,
}

/// Names of one set that would stop.
#[derive(Debug, Deserialize)]
struct Suspension {
    suffix: String,
    names: u64,
    total: u64,
    percent: f64,
    recent: u64,
    limit: u64,
    protected: Option<String>,
    stopped: bool,
    first: Vec<String>,
}

/// Sends the list, and tells what became of it. A dry run prints the names that would stop, one a line.
pub(super) fn send(path: &str, list: &HoldList) -> Result<(), Failure> {
    let body = std::fs::read(&list.file).map_err(|error| Failure::file(&list.file, &error))?;
    let kind = if is_table(&list.file) { "text/csv" } else { "application/x-ndjson" };
    let code = second_factor(list.second_factor.as_deref())?;
    let path = if list.dry_run { format!("{path}?dry_run=true") } else { path.to_owned() };
    let mut client = Client::new(&list.server)?;
    let receipt: Receipt = runtime()?.block_on(async {
        let sent = client.send_as(kind, code.as_ref(), Method::POST, &path, Bytes::from(body)).await;
        let response = sent.map_err(lost)?;
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        let text = text(response).await.map_err(lost)?;
        serde_json::from_str(&text).map_err(|error| lost(error.into()))
    })?;
    match &receipt.preview {
        Some(preview) => rehearsed(&receipt, preview),
        None => done(&receipt),
    }
}

/// Writes the holds of a region between two dates to a file, whole or not at all, or to standard output.
pub(super) fn export(export: &HoldsExport) -> Result<(), Failure> {
    let mut query = url::form_urlencoded::Serializer::new(String::from("/v1/holds?"));
    let region = export.region.as_ref().map(Region::as_str);
    for (name, value) in [("region", region), ("from", export.from.as_deref()), ("to", export.to.as_deref())] {
        query.extend_pairs(value.map(|value| (name, value)));
    }
    let is_table = export.output.as_deref().is_some_and(is_table);
    let path = query.append_pair("format", if is_table { "csv" } else { "ndjson" }).finish();
    let mut client = Client::new(&export.server)?;
    runtime()?.block_on(async {
        let response = client.send(Method::GET, &path, Bytes::new()).await.map_err(lost)?;
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        match &export.output {
            None => receive(response, io::stdout().lock()).await,
            Some(path) => write_whole(path, |file| receive(response, file)).await,
        }
    })
}

/// Writes a body as it comes; one that is cut short lacks its last chunk, and is an error.
async fn receive(response: Response<Incoming>, mut to: impl Write) -> Result<(), Failure> {
    let full = |error: io::Error| {
        let Advice { en, zh } = of_file(&error);
        Failure::system(format!("the report cannot be written: {error}; {en}"), format!("报表无法写入：{zh}"))
    };
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.map_err(|error| lost(error.into()))?.data_ref() {
            match to.write_all(data) {
                Err(error) if has_read_enough(&error) => return Ok(()),
                written => written.map_err(full)?,
            }
        }
    }
    match to.flush() {
        Err(error) if !has_read_enough(&error) => Err(full(error)),
        _ => Ok(()),
    }
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"))
}

fn done(receipt: &Receipt) -> Result<(), Failure> {
    let Receipt { lines, state, residual_ttl_secs, .. } = receipt;
    tell(format!("{lines} lines, {state} / 共 {lines} 行，已办理"));
    for (zone, serial) in &receipt.serials {
        tell(format!("{zone} serial {serial} / 序列号 {serial}"));
    }
    tell(format!(
        "caches may answer what was before for {residual_ttl_secs} s / 缓存最多在 {residual_ttl_secs} 秒内仍返回旧结果"
    ));
    if let Some(seq) = receipt.seq {
        tell(format!("seq {seq}"));
    }
    Ok(())
}

fn rehearsed(receipt: &Receipt, preview: &Preview) -> Result<(), Failure> {
    let (lines, changed) = (receipt.lines, preview.changed);
    tell(format!(
        "{lines} lines, {changed} units and names would change / 共 {lines} 行，将有 {changed} 个单位和域名发生变化"
    ));
    for suspension in &preview.suspensions {
        let Suspension { names, total, percent, recent, limit, .. } = suspension;
        let set = idn::to_unicode(&suspension.suffix);
        tell(format!(
            ".{set}: {names} of {total} names ({percent} %) would stop, after {recent} within the hour; {limit} may / \
             .{set}：{total} 个域名中将有 {names} 个（{percent}%）停止解析，此前一小时已暂停 {recent} 个，上限 {limit} 个"
        ));
        if let Some(name) = &suspension.protected {
            let name = idn::to_unicode(name);
            tell(format!("{name} is protected / {name} 为受保护域名"));
        }
        if suspension.stopped {
            tell("the brake would stop it before its first change / 熔断将在首个变更之前予以拦截");
        }
        for name in &suspension.first {
            if !say_on(name)? {
                break;
            }
        }
    }
    // As the list itself would end.
    if preview.suspensions.iter().any(|suspension| suspension.stopped) {
        return Err(Failure::refused(
            "the brake would stop this list: shorten it, or have an operator release the brake once it has stopped",
            "熔断将拦截此清单：请缩短清单，或在拦截后由操作员解除熔断",
        ));
    }
    Ok(())
}
