//! Lists of holds through the admin API of a running server.

use super::Failure;
use super::arguments::HoldList;
use super::client::{Client, text};
use super::output::say;
use super::remote::{lost, refused, runtime};
use crate::idn;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use std::collections::BTreeMap;

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
    let is_table = list.file.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    let kind = if is_table { "text/csv" } else { "application/x-ndjson" };
    let code = list.second_factor.as_deref().map(HeaderValue::from_str).transpose();
    let code = code.map_err(|_| Failure::usage("the code has odd characters", "动态口令含有非法字符"))?;
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

fn done(receipt: &Receipt) -> Result<(), Failure> {
    let Receipt { lines, state, residual_ttl_secs, .. } = receipt;
    eprintln!("{lines} lines, {state} / 共 {lines} 行，已办理");
    for (zone, serial) in &receipt.serials {
        eprintln!("{zone} serial {serial} / 序列号 {serial}");
    }
    eprintln!(
        "caches may answer what was before for {residual_ttl_secs} s / 缓存最多在 {residual_ttl_secs} 秒内仍返回旧结果"
    );
    if let Some(seq) = receipt.seq {
        eprintln!("seq {seq}");
    }
    Ok(())
}

fn rehearsed(receipt: &Receipt, preview: &Preview) -> Result<(), Failure> {
    let (lines, changed) = (receipt.lines, preview.changed);
    eprintln!(
        "{lines} lines, {changed} units and names would change / 共 {lines} 行，将有 {changed} 个单位和域名发生变化"
    );
    for suspension in &preview.suspensions {
        let Suspension { names, total, percent, recent, limit, .. } = suspension;
        let set = idn::to_unicode(&suspension.suffix);
        eprintln!(
            ".{set}: {names} of {total} names ({percent} %) would stop, after {recent} within the hour; {limit} may / \
             .{set}：{total} 个域名中将有 {names} 个（{percent}%）停止解析，此前一小时已暂停 {recent} 个，上限 {limit} 个"
        );
        if let Some(name) = &suspension.protected {
            let name = idn::to_unicode(name);
            eprintln!("{name} is protected / {name} 为受保护域名");
        }
        if suspension.stopped {
            eprintln!("the brake would stop it before its first change / 熔断将在首个变更之前予以拦截");
        }
        for name in &suspension.first {
            say(name)?;
        }
    }
    Ok(())
}
