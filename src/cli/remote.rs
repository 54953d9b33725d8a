//! Commands that go through the admin API of a running server: export, history and reload.

use super::Failure;
use super::arguments::Server;
use super::beside::write_whole;
use super::client::{Client, text};
use super::lost::lost;
use super::output::{has_read_enough, say_on, tell};
use crate::telemetry::advice::{Advice, of_file};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

/// The code of what takes a second factor besides the token.
const SECOND_FACTOR_REQUIRED: &str = "second_factor_required";
/// What to do then on the command line; the server speaks of the header. Commands that may be answered so have the option.
pub(super) const WITH_CODE: &str =
    "repeat the command with --second-factor CODE, the current code of the token's authenticator";
/// The same in Chinese.
pub(super) const WITH_CODE_ZH: &str = "请加上 --second-factor CODE（令牌对应的当前动态口令）重新执行";

/// A problem document, as far as people read it.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    code: String,
    detail: String,
    #[serde(default)]
    detail_zh: String,
    #[serde(default)]
    line: Option<u64>,
    #[serde(default)]
    field: Option<String>,
    #[serde(default)]
    errors: Vec<FileError>,
    #[serde(default)]
    lines: Vec<BadLine>,
}

/// A bad line of a list.
#[derive(Debug, Deserialize)]
struct BadLine {
    line: u64,
    code: String,
    #[serde(default)]
    field: Option<String>,
    detail: String,
    detail_zh: String,
}

/// An error of a zone file, or a warning.
#[derive(Debug, Deserialize)]
struct FileError {
    file: String,
    line: u32,
    rule: String,
    severity: String,
    detail: String,
    detail_zh: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, rule, severity, detail, detail_zh } = self;
        write!(f, "{file}:{line}: {severity}[{rule}]: {detail} / {detail_zh}")
    }
}

/// What the server says of zone files it read again.
#[derive(Debug, Deserialize)]
struct Reloaded {
    seq: Option<u64>,
    serials: std::collections::BTreeMap<String, u32>,
    found: Vec<FileError>,
}

/// Writes every unit and name to `output`, or to standard output.
pub(super) fn export(output: Option<&Path>, server: &Server) -> Result<(), Failure> {
    let mut client = Client::new(server)?;
    let receive = async {
        let response = client.send(Method::GET, "/v1/export", Bytes::new()).await.map_err(lost)?;
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        match output {
            None => copy(response, io::stdout().lock()).await,
            Some(path) => write_whole(path, |file| copy(response, file)).await,
        }
    };
    runtime()?.block_on(receive)
}

/// A page of an object's history.
#[derive(Debug, Deserialize)]
struct History {
    items: Vec<serde_json::Value>,
    next: Option<String>,
}

/// Prints the lines of the journal that touched a name, a unit, or another object as `applications/a7`, the newest first.
pub(super) fn history(object: &str, server: &Server) -> Result<(), Failure> {
    let mut client = Client::new(server)?;
    // Names have dots, ids of units neither those nor slashes.
    let by_its_look = if object.contains(['.', '。']) { "names" } else { "units" };
    let (kind, id) = object.split_once('/').unwrap_or((by_its_look, object));
    if !["units", "names", "changes", "applications", "orders", "remittances", "site-reviews"].contains(&kind) {
        return Err(Failure::usage(
            format!(
                "there are no {kind}; known are units, names, changes, applications, orders, remittances and site-reviews"
            ),
            format!(
                "没有“{kind}”这一类对象；可用的有 units、names、changes、applications、orders、remittances、site-reviews"
            ),
        ));
    }
    let segment: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let path = format!("/v1/{kind}/{segment}/history?limit=1000");
    let mut next: Option<String> = None;
    let runtime = runtime()?;
    loop {
        let path = next.map_or_else(|| path.clone(), |before| format!("{path}&before={before}"));
        let page: History = runtime.block_on(async {
            let response = client.send(Method::GET, &path, Bytes::new()).await.map_err(lost)?;
            if response.status() != StatusCode::OK {
                return Err(refused(response).await);
            }
            let text = text(response).await.map_err(lost)?;
            serde_json::from_str(&text).map_err(|error| lost(error.into()))
        })?;
        for line in page.items {
            if !say_on(line)? {
                return Ok(());
            }
        }
        next = page.next;
        if next.is_none() {
            return Ok(());
        }
    }
}

/// Has the server read its zone files again.
pub(super) fn reload(zone: Option<String>, dry_run: bool, server: &Server) -> Result<(), Failure> {
    let mut client = Client::new(server)?;
    let body = Bytes::from(serde_json::json!({ "zone": zone }).to_string());
    let path = if dry_run { "/v1/zones/reload?dry_run=true" } else { "/v1/zones/reload" };
    let done: Reloaded = runtime()?.block_on(async {
        let response = client.send_json(Method::POST, path, body).await.map_err(lost)?;
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        let text = text(response).await.map_err(lost)?;
        serde_json::from_str(&text).map_err(|error| lost(error.into()))
    })?;
    for found in &done.found {
        tell(found);
    }
    match done.seq {
        _ if dry_run => tell("the zones can be served / 各区可以提供服务"),
        None => tell("nothing has changed / 没有变化"),
        Some(seq) => {
            for (zone, serial) in done.serials {
                tell(format!("{zone} serial {serial} / 序列号 {serial}"));
            }
            tell(format!("seq {seq}"));
        }
    }
    Ok(())
}

async fn copy(response: Response<Incoming>, mut to: impl Write) -> Result<(), Failure> {
    let full = |error: io::Error| {
        let Advice { en, zh } = of_file(&error);
        Failure::system(format!("the export cannot be written: {error}; {en}"), format!("导出无法写入：{zh}"))
    };
    let mut body = response.into_body();
    let mut end = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| lost(error.into()))?;
        if let Some(data) = frame.data_ref() {
            match to.write_all(data) {
                Err(error) if has_read_enough(&error) => return Ok(()),
                written => written.map_err(full)?,
            }
            keep_last_line(&mut end, data);
        }
    }
    match to.flush() {
        Err(error) if has_read_enough(&error) => return Ok(()),
        written => written.map_err(full)?,
    }
    if end.starts_with(b"{\"end\":") {
        return Ok(());
    }
    Err(Failure::system(
        "the export was cut short: its last line is missing; look at the server's log, then export again",
        "导出不完整：缺少结束行；请查看服务器日志后重新导出",
    ))
}

/// Adds `data` to what came before, and keeps its last whole line.
fn keep_last_line(end: &mut Vec<u8>, data: &[u8]) {
    end.extend_from_slice(data);
    let body = end.strip_suffix(b"\n").unwrap_or(end);
    if let Some(at) = body.iter().rposition(|octet| *octet == b'\n') {
        end.drain(..=at);
    }
}

impl Problem {
    /// Whether it is refused for want of a second factor.
    pub(super) fn wants_code(&self) -> bool {
        let codes = self.lines.iter().map(|line| &line.code);
        codes.chain([&self.code]).any(|code| code == SECOND_FACTOR_REQUIRED)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}", self.code)?;
        if let Some(field) = &self.field {
            write!(f, " ({field})")?;
        }
        write!(f, ": {} / {}", self.detail, self.detail_zh)?;
        for error in &self.errors {
            write!(f, "\n{error}")?;
        }
        for BadLine { line, code, field, detail, detail_zh } in &self.lines {
            let field = field.as_ref().map_or_else(String::new, |field| format!(" ({field})"));
            write!(f, "\nline {line}: {code}{field}: {detail} / {detail_zh}")?;
        }
        Ok(())
    }
}

pub(super) async fn refused(response: Response<Incoming>) -> Failure {
    let status = response.status();
    match text(response).await.map(|body| serde_json::from_str::<Problem>(&body)) {
        Ok(Ok(problem)) if problem.wants_code() => {
            Failure::refused_text(format!("{problem}\n{WITH_CODE}\n{WITH_CODE_ZH}"))
        }
        Ok(Ok(problem)) => Failure::refused_text(problem),
        _ => Failure::refused(
            format!(
                "the server answers {status}, and not as the admin API does; check --url, and what stands in front of it"
            ),
            format!("服务器应答 {status}，但不是管理接口的应答；请检查 --url 及其前端代理"),
        ),
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::system(format!("no runtime: {error}"), "系统资源不足"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_found_however_it_is_cut() {
        for cuts in [vec!["a\nb\n{\"end\":1}\n"], vec!["a\n", "b\n{\"e", "nd\":1}", "\n"], vec!["{\"end\":1}\n"]] {
            let mut end = Vec::new();
            cuts.iter().for_each(|data| keep_last_line(&mut end, data.as_bytes()));
            assert_eq!(end, b"{\"end\":1}\n", "{cuts:?}");
        }
    }
}
