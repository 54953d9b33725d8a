//! Commands that go through the admin API of a running server: import and export.

use super::Failure;
use super::arguments::Server;
use super::client::{Client, Lost, text};
use super::output::say;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Lines in one request: one batch of the server, so that what an interrupted import loses is one batch at most.
const BATCH_LINES: usize = 1000;
/// How often a request is tried that found no server, or a busy one; with the pause this spans a restart.
const TRIES: u32 = 20;
/// Pause between tries.
const PAUSE: Duration = Duration::from_secs(1);
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_secs(1);
/// Refusals that are shown one by one; the count says how many there are.
const REFUSALS_SHOWN_MAX: usize = 100;

/// What the server says of the lines it took.
#[derive(Debug, Deserialize)]
struct Report {
    applied: u64,
    replayed: u64,
    refused: u64,
    seq: Option<u64>,
    refusals: Vec<Problem>,
}

/// A problem document, as far as people read it.
#[derive(Debug, Deserialize)]
struct Problem {
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

/// Sends `file` batch by batch. Sent again under the same id, what was applied is not applied again.
pub(super) fn import(file: &Path, id: Option<String>, server: &Server) -> Result<(), Failure> {
    let id = match id {
        Some(id) => id,
        None if file == Path::new("-") => {
            return Err(Failure::usage("standard input needs an --id", "从标准输入导入时必须指定 --id"));
        }
        None => digest(file).map_err(|error| Failure::file(file, &error))?,
    };
    let mut client = Client::new(server)?;
    let input: Box<dyn BufRead> = match file.to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(BufReader::new(File::open(file).map_err(|error| Failure::file(file, &error))?)),
    };
    let total = runtime()?.block_on(send_all(input, &id, &mut client))?;
    total.finish(&id)
}

/// Writes every unit and name to `output`, or to standard output.
pub(super) fn export(output: Option<&Path>, server: &Server) -> Result<(), Failure> {
    let mut client = Client::new(server)?;
    let receive = async {
        let response = client.send(Method::GET, "/v1/export", Bytes::new()).await.map_err(lost)?;
        if response.status() != StatusCode::OK {
            return Err(refused(response).await);
        }
        let Some(path) = output else { return copy(response, io::stdout().lock()).await };
        // A whole export, or none under this name.
        let beside = path.with_added_extension("part");
        let file = File::create(&beside).map_err(|error| Failure::file(&beside, &error))?;
        copy(response, BufWriter::new(file)).await?;
        std::fs::rename(&beside, path).map_err(|error| Failure::file(path, &error))
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
            format!("没有“{kind}”这一类对象"),
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
            say(line)?;
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
        eprintln!("{found}");
    }
    match done.seq {
        _ if dry_run => eprintln!("the zones can be served / 各区可以提供服务"),
        None => eprintln!("nothing has changed / 没有变化"),
        Some(seq) => {
            for (zone, serial) in done.serials {
                eprintln!("{zone} serial {serial} / 序列号 {serial}");
            }
            eprintln!("seq {seq}");
        }
    }
    Ok(())
}

async fn copy(response: Response<Incoming>, mut to: impl Write) -> Result<(), Failure> {
    let full = |error: io::Error| Failure::system(format!("the export cannot be written: {error}"), "导出无法写入");
    let mut body = response.into_body();
    let mut end = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| lost(error.into()))?;
        if let Some(data) = frame.data_ref() {
            to.write_all(data).map_err(full)?;
            keep_last_line(&mut end, data);
        }
    }
    to.flush().map_err(full)?;
    if end.starts_with(b"{\"end\":") {
        return Ok(());
    }
    Err(Failure::system("the export was cut short: its last line is missing", "导出不完整：缺少结束行"))
}

/// Adds `data` to what came before, and keeps its last whole line.
fn keep_last_line(end: &mut Vec<u8>, data: &[u8]) {
    end.extend_from_slice(data);
    let body = end.strip_suffix(b"\n").unwrap_or(end);
    if let Some(at) = body.iter().rposition(|octet| *octet == b'\n') {
        end.drain(..=at);
    }
}

async fn send_all(mut input: Box<dyn BufRead>, id: &str, client: &mut Client) -> Result<Total, Failure> {
    let mut total = Total::new();
    loop {
        let (batch, lines) = read_batch(&mut *input)
            .map_err(|error| Failure::system(format!("the import cannot be read: {error}"), "导入文件无法读取"))?;
        if lines == 0 {
            return Ok(total);
        }
        let first = total.lines + 1;
        let report = send(client, &format!("/v1/import?id={id}&line={first}"), batch).await?;
        total.add(lines as u64, &report);
    }
}

/// The next lines, at most a batch of them.
fn read_batch(input: &mut dyn BufRead) -> io::Result<(Bytes, usize)> {
    let mut batch = Vec::new();
    let mut lines = 0;
    while lines < BATCH_LINES && input.read_until(b'\n', &mut batch)? > 0 {
        lines += 1;
    }
    Ok((batch.into(), lines))
}

/// Sends one batch, again and again while the server is away or busy: the id and line keep it from counting twice.
async fn send(client: &mut Client, path: &str, batch: Bytes) -> Result<Report, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        match client.send(Method::POST, path, batch.clone()).await {
            Ok(response) if response.status() == StatusCode::OK => {
                let report = text(response).await.map_err(lost)?;
                return serde_json::from_str(&report).map_err(|error| lost(error.into()));
            }
            Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE && tries < TRIES => {}
            Ok(response) => return Err(refused(response).await),
            Err(error) if tries == TRIES => return Err(lost(error)),
            Err(error) => eprintln!("{error}; trying again / 正在重试"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What has been sent so far.
struct Total {
    lines: u64,
    applied: u64,
    replayed: u64,
    refused: u64,
    shown: usize,
    seq: Option<u64>,
    start: Instant,
    progress: Instant,
}

impl Total {
    fn new() -> Self {
        let now = Instant::now();
        Self { lines: 0, applied: 0, replayed: 0, refused: 0, shown: 0, seq: None, start: now, progress: now }
    }

    fn add(&mut self, lines: u64, report: &Report) {
        self.lines += lines;
        self.applied += report.applied;
        self.replayed += report.replayed;
        self.refused += report.refused;
        self.seq = report.seq.or(self.seq);
        for problem in report.refusals.iter().take(REFUSALS_SHOWN_MAX - self.shown) {
            eprintln!("{problem}");
            self.shown += 1;
        }
        if self.progress.elapsed() >= PROGRESS {
            self.progress = Instant::now();
            eprintln!("{} lines, {:.0} lines/s / 已处理 {} 行", self.lines, self.rate(), self.lines);
        }
    }

    fn rate(&self) -> f64 {
        self.lines as f64 / self.start.elapsed().as_secs_f64().max(0.001)
    }

    fn finish(&self, id: &str) -> Result<(), Failure> {
        let Self { lines, applied, replayed, refused, .. } = self;
        let rate = self.rate();
        let seq = self.seq.map_or_else(String::new, |seq| format!(", seq {seq}"));
        eprintln!(
            "import {id}: {lines} lines, {applied} applied, {replayed} applied before, {refused} refused{seq}, {rate:.0} lines/s\n\
             导入 {id}：共 {lines} 行，导入 {applied}，此前已导入 {replayed}，拒绝 {refused}"
        );
        if *refused == 0 {
            return Ok(());
        }
        Err(Failure::refused(
            format!(
                "{refused} objects are in batches that were refused; correct the lines above and import them again"
            ),
            format!("{refused} 个对象所在批次被拒绝；请改正上述各行后重新导入"),
        ))
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

/// Names an import by its content, so that the same file goes on where it stopped.
fn digest(file: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut input = BufReader::new(File::open(file)?);
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            let hash: [u8; 32] = hash.finalize().into();
            return Ok(crate::admin::token::hex(&hash[..8]));
        }
        hash.update(chunk);
        let length = chunk.len();
        input.consume(length);
    }
}

pub(super) fn lost(error: Lost) -> Failure {
    Failure::system(format!("no good answer from the server: {error}"), "服务器没有正常应答")
}

pub(super) async fn refused(response: Response<Incoming>) -> Failure {
    let status = response.status();
    match text(response).await.map(|body| serde_json::from_str::<Problem>(&body)) {
        Ok(Ok(problem)) => Failure::refused_text(problem),
        _ => Failure::refused(format!("the server answers {status}"), format!("服务器应答 {status}")),
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
    fn batches_are_whole_lines() {
        let text = "a\n".repeat(BATCH_LINES + 1) + "b";
        let mut input = text.as_bytes();
        let (first, lines) = read_batch(&mut input).unwrap();
        assert_eq!((first.len(), lines), (2 * BATCH_LINES, BATCH_LINES));
        assert_eq!(read_batch(&mut input).unwrap(), (Bytes::from_static(b"a\nb"), 2));
        assert_eq!(read_batch(&mut input).unwrap().1, 0);
    }

    #[test]
    fn the_last_line_is_found_however_it_is_cut() {
        for cuts in [vec!["a\nb\n{\"end\":1}\n"], vec!["a\n", "b\n{\"e", "nd\":1}", "\n"], vec!["{\"end\":1}\n"]] {
            let mut end = Vec::new();
            cuts.iter().for_each(|data| keep_last_line(&mut end, data.as_bytes()));
            assert_eq!(end, b"{\"end\":1}\n", "{cuts:?}");
        }
    }
}
