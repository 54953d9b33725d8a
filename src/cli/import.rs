//! `zhengming import`: a file in batches through the admin API, or in one request where a second factor confirms it.
//!
//! A file is looked through before anything is sent; standard input is, while it is sent.

use super::Failure;
use super::arguments::{ImportHow, Server};
use super::client::{Client, Piped, second_factor, text};
use super::lost::{Told, lost, told};
use super::output::tell;
use super::remote::{Problem, WITH_CODE, WITH_CODE_ZH, refused, runtime};
use super::whole::{Flaw, Whole, is_unfinished, without_mark};
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Lines in one request: one batch of the server, so that what an interrupted import loses is one batch at most.
const BATCH_LINES: usize = 1000;
/// How often a request is tried that found no server, or a busy one; with the pause this spans a restart.
const TRIES: u32 = 20;
/// Pause between tries.
const PAUSE: Duration = Duration::from_secs(1);
/// How often progress is shown.
const PROGRESS: Duration = Duration::from_secs(1);
/// Batches that are read ahead of a request that takes them all.
const AHEAD: usize = 2;
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

/// Sends `file`. Sent again under the same id, what was applied is not applied again.
pub(super) fn import(file: &Path, how: ImportHow, server: &Server) -> Result<(), Failure> {
    let code = second_factor(how.second_factor.as_deref())?;
    // A pipe can be read once only, whatever it is called.
    let is_file = || std::fs::metadata(file).map(|metadata| metadata.is_file());
    let can_be_reread = file != Path::new("-") && is_file().map_err(|error| Failure::file(file, &error))?;
    let digest = match can_be_reread {
        true => Some(examine(file, how.partial)?),
        false => None,
    };
    let id = how.id.or(digest).ok_or_else(|| {
        Failure::usage(
            "standard input, and what can be read once only, needs an --id",
            "从标准输入或管道导入时必须指定 --id",
        )
    })?;
    let mut client = Client::new(server)?;
    let input: Box<dyn BufRead + Send> = match file.to_str() {
        Some("-") => Box::new(BufReader::new(io::stdin())),
        _ => Box::new(BufReader::new(File::open(file).map_err(|error| Failure::file(file, &error))?)),
    };
    let batches = Batches { input, whole: Whole::default(), partial: how.partial };
    match code {
        None => runtime()?.block_on(send_all(batches, &id, &mut client)),
        Some(code) => runtime()?.block_on(send_as_one(batches, &id, &code, &mut client)),
    }
}

/// Looks a file through: what names it, if it is whole.
fn examine(file: &Path, partial: bool) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::file(file, &error);
    let mut input = BufReader::new(File::open(file).map_err(failed)?);
    let (mut hash, mut whole, mut line) = (Sha256::new(), Whole::default(), Vec::new());
    while input.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        hash.update(&line);
        if partial && is_unfinished(&line) {
            break;
        }
        whole.take(&line).map_err(|flaw| flawed(&flaw, "nothing was imported", "未导入任何内容"))?;
        line.clear();
    }
    if !partial {
        whole.finish().map_err(|flaw| incomplete(&flaw, "nothing was imported", "未导入任何内容"))?;
    }
    let hash: [u8; 32] = hash.finalize().into();
    Ok(crate::admin::token::hex(&hash[..8]))
}

fn flawed(Flaw { en, zh }: &Flaw, done: &str, done_zh: &str) -> Failure {
    Failure::refused(format!("{en}; {done}"), format!("{zh}；{done_zh}"))
}

fn incomplete(flaw: &Flaw, done: &str, done_zh: &str) -> Failure {
    let en = format!("{}. Export it again, or take what there is with --partial", flaw.en);
    let zh = format!("{}。请重新导出，或用 --partial 导入现有部分", flaw.zh);
    flawed(&Flaw { en, zh }, done, done_zh)
}

/// A file that is read once.
struct Batches {
    input: Box<dyn BufRead + Send>,
    whole: Whole,
    partial: bool,
}

/// Why there is no next batch.
enum Unread {
    Io(io::Error),
    Flaw(Flaw),
}

impl Batches {
    /// The next lines, at most a batch of them; none at the end. A last line that was cut is no line, if that is allowed.
    fn next(&mut self) -> Result<Option<(Bytes, usize)>, Unread> {
        let (mut batch, mut lines, mut start) = (Vec::new(), 0, 0);
        while lines < BATCH_LINES && self.input.read_until(b'\n', &mut batch).map_err(Unread::Io)? > 0 {
            if self.partial && is_unfinished(&batch[start..]) {
                tell("the last line is unfinished and left out / 最后一行不完整，已略去");
                batch.truncate(start);
                break;
            }
            if self.whole.is_at_start() {
                let mark = batch.len() - without_mark(&batch).len();
                batch.drain(..mark);
            }
            self.whole.take(&batch[start..]).map_err(Unread::Flaw)?;
            start = batch.len();
            lines += 1;
        }
        Ok((lines > 0).then(|| (batch.into(), lines)))
    }

    /// What is missing at its end, unless that is allowed.
    fn missing(&self) -> Option<Flaw> {
        self.whole.finish().err().filter(|_| !self.partial)
    }
}

async fn send_all(mut batches: Batches, id: &str, client: &mut Client) -> Result<(), Failure> {
    let mut total = Total::new();
    loop {
        match batches.next() {
            Ok(Some((batch, lines))) => {
                let report = send(client, &path(id, total.lines + 1), batch).await?;
                total.add(lines as u64, &report);
            }
            Ok(None) => return total.finish(id, batches.missing()),
            Err(unread) => return Err(total.stopped(id, unread)),
        }
    }
}

/// Sends all by one request: the code is good once. What is read waits for what the server takes.
async fn send_as_one(batches: Batches, id: &str, code: &HeaderValue, client: &mut Client) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let (done, mut read) = oneshot::channel();
    // Not joined: where the server refuses the request, it may wait for standard input for ever.
    thread::spawn(move || read_into(batches, &sender, done));
    let answer = client.send_piped(code, &path(id, 1), Piped(receiver)).await;
    let (lines, missing) = match read.try_recv() {
        Ok((_, Err(Unread::Flaw(flaw)))) => {
            return Err(flawed(&flaw, "whole batches before it may be imported", "其前的完整批次可能已导入"));
        }
        Ok((_, Err(Unread::Io(error)))) => {
            return Err(Failure::system(format!("the import cannot be read: {error}"), "导入文件无法读取"));
        }
        Ok((lines, Ok(missing))) => (lines, missing),
        // The server has not waited for the end.
        Err(_) => (0, None),
    };
    let response = answer.map_err(lost)?;
    if response.status() != StatusCode::OK {
        return Err(refused(response).await);
    }
    let text = text(response).await.map_err(lost)?;
    let report: Report = serde_json::from_str(&text).map_err(|error| lost(error.into()))?;
    let mut total = Total::new();
    total.add(lines, &report);
    total.finish(id, missing)
}

/// How many lines were read, and what is missing, or why no more were.
type Read = (u64, Result<Option<Flaw>, Unread>);

fn read_into(mut batches: Batches, sender: &mpsc::Sender<io::Result<Bytes>>, done: oneshot::Sender<Read>) {
    let mut lines = 0;
    let read = loop {
        match batches.next() {
            Ok(Some((batch, more))) => {
                lines += more as u64;
                if sender.blocking_send(Ok(batch)).is_err() {
                    return;
                }
            }
            Ok(None) => break Ok(batches.missing()),
            Err(unread) => break Err(unread),
        }
    };
    let failed = read.is_err();
    drop(done.send((lines, read)));
    if failed {
        // The request is cut short: what the server has of its last batch is not applied.
        drop(sender.blocking_send(Err(io::ErrorKind::InvalidData.into())));
    }
}

fn path(id: &str, line: u64) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("/v1/import?id={id}&line={line}")
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
            Err(error) => match told(&error) {
                Told { en, zh, passes: true } if tries < TRIES => tell(format!("{en}; trying again / {zh}；正在重试")),
                _ => return Err(lost(error)),
            },
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
    /// Whether something was refused for want of a second factor.
    unconfirmed: bool,
    seq: Option<u64>,
    start: Instant,
    progress: Instant,
}

impl Total {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            lines: 0,
            applied: 0,
            replayed: 0,
            refused: 0,
            shown: 0,
            unconfirmed: false,
            seq: None,
            start: now,
            progress: now,
        }
    }

    fn add(&mut self, lines: u64, report: &Report) {
        self.lines += lines;
        self.applied += report.applied;
        self.replayed += report.replayed;
        self.refused += report.refused;
        self.seq = report.seq.or(self.seq);
        self.unconfirmed |= report.refusals.iter().any(Problem::wants_code);
        for problem in report.refusals.iter().take(REFUSALS_SHOWN_MAX - self.shown) {
            tell(problem);
            self.shown += 1;
        }
        if self.progress.elapsed() >= PROGRESS {
            self.progress = Instant::now();
            tell(format!("{} lines, {:.0} lines/s / 已处理 {} 行", self.lines, self.rate(), self.lines));
        }
    }

    /// What ends the import before the end of the file.
    fn stopped(&self, id: &str, unread: Unread) -> Failure {
        self.tell(id);
        let (en, zh) = ("what was imported before stays", "此前已导入的内容保留");
        match unread {
            Unread::Flaw(flaw) => flawed(&flaw, en, zh),
            Unread::Io(error) => {
                Failure::system(format!("the import cannot be read: {error}; {en}"), format!("导入文件无法读取；{zh}"))
            }
        }
    }

    fn rate(&self) -> f64 {
        self.lines as f64 / self.start.elapsed().as_secs_f64().max(0.001)
    }

    fn tell(&self, id: &str) {
        let Self { lines, applied, replayed, refused, .. } = self;
        let rate = self.rate();
        let seq = self.seq.map_or_else(String::new, |seq| format!(", seq {seq}"));
        tell(format!(
            "import {id}: {lines} lines, {applied} applied, {replayed} applied before, {refused} refused{seq}, {rate:.0} lines/s\n\
             导入 {id}：共 {lines} 行，导入 {applied}，此前已导入 {replayed}，拒绝 {refused}"
        ));
    }

    /// Tells what was done, and what is wrong.
    fn finish(&self, id: &str, missing: Option<Flaw>) -> Result<(), Failure> {
        self.tell(id);
        if let Some(flaw) = missing {
            return Err(incomplete(&flaw, "what came before it is imported", "其前的内容已导入"));
        }
        let refused = self.refused;
        if refused == 0 {
            return Ok(());
        }
        if self.unconfirmed {
            // What else was refused may only lack what stands in those batches.
            return Err(Failure::refused(
                format!("{refused} objects are in batches that were refused, for want of a second factor: {WITH_CODE}"),
                format!("{refused} 个对象所在批次因缺少二次验证被拒绝：{WITH_CODE_ZH}"),
            ));
        }
        Err(Failure::refused(
            format!(
                "{refused} objects are in batches that were refused; correct the lines above and import them again"
            ),
            format!("{refused} 个对象所在批次被拒绝；请改正上述各行后重新导入"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_whole_lines() {
        let text = "a\n".repeat(BATCH_LINES + 1) + "b";
        let input = Box::new(io::Cursor::new(text.into_bytes()));
        let mut batches = Batches { input, whole: Whole::default(), partial: false };
        let (first, lines) = batches.next().ok().flatten().unwrap();
        assert_eq!((first.len(), lines), (2 * BATCH_LINES, BATCH_LINES));
        assert_eq!(batches.next().ok().flatten().unwrap(), (Bytes::from_static(b"a\nb"), 2));
        assert!(batches.next().is_ok_and(|batch| batch.is_none()));
    }

    #[test]
    fn a_mark_in_front_is_not_sent() {
        let input = Box::new(io::Cursor::new("\u{feff}a\n\u{feff}b\n".as_bytes()));
        let mut batches = Batches { input, whole: Whole::default(), partial: false };
        assert_eq!(batches.next().ok().flatten().unwrap(), (Bytes::from("a\n\u{feff}b\n"), 2));
    }
}
