//! `/v1/import`: units and names as lines of JSON, a batch of lines a transaction.
//!
//! ```text
//! octets ─▶ lines (each bounded) ─▶ batch (1,000 lines) ─▶ one command, named by import id and first line ─▶ report
//! ```
//!
//! A batch ends at each line whose number is a multiple of 1,000. A bad line refuses its batch and the import goes on.
//! Sent again under the same id, lines that were applied are recognised and not applied again (`import/batch.rs`), also where
//! the last batch has become longer.

mod batch;

use super::auth::Caller;
use super::lines::{self, Item, LINE_LEN_MAX};
use super::openapi::is_of_line;
use super::params::{Params, invalid};
use super::problem::{Edge, ErrorCode, Problem};
use super::stream::NDJSON;
use super::v1::replies::ImportReport;
use super::write::{MediaType, cut_short, if_match, unsupported};
use super::{Admin, write};
use crate::registry::{Code, Command, NameKey, Policy, Request as Asked};
use crate::update::{Receipt, Submission, UpdateError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use batch::{Batch, Before};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Lines of one batch; a batch is one line of the journal.
pub const BATCH_LINES: usize = 1000;
/// Refusals that are reported one by one.
const REFUSALS_MAX: usize = 1000;
/// Longest import id in octets; it is part of idempotency keys.
const IMPORT_ID_LEN_MAX: usize = 64;
/// Most lines of one import; far more than the largest registry has names.
const LINES_MAX: u64 = 1 << 40;
/// Pause before a batch is handed in again when the writer's queue is full, and how often that is done.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const BUSY_TRIES: usize = 200;

/// Takes units and names as they are in another registry or in an export: holds, past dates and approved resolutions
/// included. Lines that were read are reported even where batches were refused. A dry run tries each batch against what
/// is there now: it does not see what earlier batches would have brought.
#[utoipa::path(
    post, path = "/v1/import", tag = "bulk",
    params(("id" = String, Query, description = "the import's id, 1 to 64 of A-Z, a-z, 0-9 and -"),
           ("line" = Option<u64>, Query, description = "number of the body's first line, to go on with an import; 1 if absent")),
    request_body(content = String, content_type = "application/x-ndjson", description = "one object a line, each at most 24 KiB"),
    responses((status = 200, description = "What became of the lines", body = ImportReport)),
)]
pub(super) async fn import(
    State(admin): State<Admin>,
    caller: Caller,
    request: Request,
) -> Result<Json<ImportReport>, Problem> {
    let (parts, body) = request.into_parts();
    let params = Params::parse(parts.uri.query(), &["id", "line", "dry_run"])?;
    let id = params.read(
        "id",
        ("1 to 64 of the characters A-Z, a-z, 0-9 and -", " 1 至 64 个字母、数字和连字符"),
        import_id,
    )?;
    let id = id.ok_or_else(|| {
        invalid("id", "An import needs an id, to be resumed by; give it one.", "导入须有编号 id 以便续传，请填写。")
    })?;
    let line = params.number("line", 1..=LINES_MAX)?.unwrap_or(1);
    check_headers(&parts.headers)?;
    let mut import = Import {
        policy: admin.policy.get(),
        caller,
        dry_run: params.flag("dry_run")?,
        batch: Batch::default(),
        ended: false,
        // The number of the line before the first.
        line: usize::try_from(line - 1).expect("the limit fits"),
        report: ImportReport { id: id.clone(), ..ImportReport::default() },
        id,
        admin,
    };
    import.run(body).await?;
    let report = import.report;
    let (principal, applied, refused) = (&import.caller.actor.principal, report.applied, report.refused);
    tracing::info!(%principal, operation = "import", target = report.id, applied, refused, seq = report.seq, "write");
    Ok(Json(report))
}

fn import_id(text: &str) -> Option<String> {
    let fits = (1..=IMPORT_ID_LEN_MAX).contains(&text.len());
    (fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')).then(|| text.to_owned())
}

fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = MediaType::of(headers);
    if !matches!(kind.essence()?, Some(NDJSON | "application/ndjson" | "application/jsonl")) {
        return Err(unsupported(&[NDJSON]));
    }
    if if_match(headers)?.is_some() {
        let en = "An import touches many objects, and has no version to match; leave If-Match out.";
        let zh = "导入涉及多个对象，没有可供 If-Match 比对的版本，请去掉 If-Match。";
        return Err(Problem::edge(Edge::IfMatchInvalid, en, zh).field("If-Match"));
    }
    // The id and the line make an import idempotent; a key is checked, and otherwise not needed.
    write::idempotency_key(headers).map(drop)
}

struct Import {
    admin: Admin,
    caller: Caller,
    policy: Arc<Policy>,
    id: String,
    dry_run: bool,
    line: usize,
    batch: Batch,
    /// Whether an export has ended.
    ended: bool,
    report: ImportReport,
}

/// Why a command was not done.
enum NotDone {
    /// It is refused; what for.
    Refused(Vec<Problem>),
    /// Other lines were imported under the same key.
    Reused(Command),
}

impl Import {
    async fn run(&mut self, mut body: Body) -> Result<(), Problem> {
        let mut rest: Vec<u8> = Vec::new();
        // Whether the line in `rest` is already known to be too long; the rest of it is skipped.
        let mut skipping = false;
        while let Some(frame) = body.frame().await {
            // What was complete before the client went away is applied; it goes on from `last_line` or from the start.
            let Ok(frame) = frame else { return Err(cut_short().line(self.line + 1)) };
            let Ok(data) = frame.into_data() else { continue };
            let mut data: &[u8] = &data;
            while let Some(end) = data.iter().position(|b| *b == b'\n') {
                if !skipping && rest.len() + end <= LINE_LEN_MAX {
                    rest.extend_from_slice(&data[..end]);
                    self.take(Some(&rest)).await?;
                } else {
                    self.take(None).await?;
                }
                rest.clear();
                skipping = false;
                data = &data[end + 1..];
            }
            skipping |= rest.len() + data.len() > LINE_LEN_MAX;
            if !skipping {
                rest.extend_from_slice(data);
            }
        }
        if skipping || !rest.is_empty() {
            self.take((!skipping).then_some(&rest)).await?;
        }
        self.flush().await
    }

    /// Takes the next line; none if it was too long to be kept.
    async fn take(&mut self, line: Option<&[u8]>) -> Result<(), Problem> {
        self.line += 1;
        if self.batch.first == 0 {
            self.batch.first = self.line;
        }
        self.batch.push(line);
        if line.is_none_or(|line| !line.trim_ascii().is_empty()) {
            match self.read(line) {
                Ok(Item::Put(item)) => self.batch.items.push((self.line, item)),
                Ok(Item::Begin | Item::End { .. }) => {}
                Ok(Item::Remove(key)) => self.remove(key).await?,
                Err(problem) => {
                    self.batch.bad += 1;
                    self.batch.refusals.push(problem.line(self.line));
                }
            }
        }
        if self.line.is_multiple_of(BATCH_LINES) { self.flush().await } else { Ok(()) }
    }

    fn read(&mut self, line: Option<&[u8]>) -> Result<Item, Problem> {
        if self.ended {
            return Err(after_end());
        }
        let item = lines::parse(line.ok_or_else(line_too_long)?, &self.policy, &self.caller.actor.principal)?;
        // How many lines there should be is for whoever has the file: what comes here may be a part of it, on purpose.
        self.ended = matches!(item, Item::End { .. });
        Ok(item)
    }

    /// Applies the batch, or reports why not. What was imported of it before is passed over.
    async fn flush(&mut self) -> Result<(), Problem> {
        let mut batch = std::mem::take(&mut self.batch);
        while batch.count() > 0 {
            let count = batch.count();
            let refusals = std::mem::take(&mut batch.refusals);
            if refusals.is_empty() {
                let command = Command::Import { items: std::mem::take(&mut batch.items) };
                match self.submit(command, batch.digest(), batch.first, batch.last()).await? {
                    Ok(receipt) => {
                        self.applied(count, &receipt);
                        break;
                    }
                    Err(NotDone::Refused(refusals)) => {
                        self.refuse(count, refusals);
                        break;
                    }
                    Err(NotDone::Reused(command)) => batch.take_back(command),
                }
            }
            let before = self.before(batch.first).await?;
            match before.as_ref().and_then(|before| batch.lines_of(&before.digest)) {
                Some(lines) => {
                    batch.refusals = refusals;
                    batch = batch.after(lines);
                    self.report.replayed += count - batch.count();
                }
                None => {
                    let reused = || vec![reused(&self.id, batch.first, before.as_ref())];
                    let refusals = if refusals.is_empty() { reused() } else { refusals };
                    self.refuse(count, refusals);
                    break;
                }
            }
        }
        self.report.last_line = self.line;
        Ok(())
    }

    /// Deletes a name that the exporting registry deleted while it exported. What stands before the line comes first.
    async fn remove(&mut self, key: NameKey) -> Result<(), Problem> {
        let digest: [u8; 32] = Sha256::digest(key.to_string()).into();
        let line = self.line;
        self.flush().await?;
        match self.submit(Command::RemoveImported { key }, digest, line, line).await? {
            Ok(receipt) => self.applied(1, &receipt),
            Err(NotDone::Refused(refusals))
                if refusals.iter().all(|r| r.code == ErrorCode::Registry(Code::NameNotFound)) => {}
            Err(NotDone::Refused(refusals)) => {
                self.refuse(1, refusals.into_iter().map(of_removed).collect());
            }
            Err(NotDone::Reused(_)) => {
                let before = self.before(line).await?;
                self.refuse(1, vec![reused(&self.id, line, before.as_ref())]);
            }
        }
        Ok(())
    }

    /// What was imported under this id from this line on.
    async fn before(&self, first: usize) -> Result<Option<Before>, Problem> {
        if self.dry_run {
            return Ok(None);
        }
        let (principal, key) = (self.caller.actor.principal.clone(), self.key(first));
        let now = self.admin.clock.now();
        let Some(answered) = self.admin.read(move |store| store.answered(&principal, &key, now)).await? else {
            return Ok(None);
        };
        let journal = self.admin.journal.clone();
        let read = tokio::task::spawn_blocking(move || journal.transaction(answered.seq)).await;
        let transaction = read.map_err(Problem::internal)?.map_err(Problem::internal)?;
        let lines = transaction.and_then(|transaction| transaction.request.note);
        Ok(Some(Before { seq: answered.seq, digest: answered.digest, lines }))
    }

    fn key(&self, first: usize) -> String {
        format!("import:{}:{first}", self.id)
    }

    /// Hands a command of these lines in. What refuses this batch alone is the inner error; what ends the import is the outer
    /// one.
    async fn submit(
        &self,
        command: Command,
        digest: [u8; 32],
        first: usize,
        last: usize,
    ) -> Result<Result<Receipt, NotDone>, Problem> {
        let submission = Submission {
            actor: self.caller.actor.clone(),
            command,
            request: Asked {
                operation: "import".into(),
                target: self.id.as_str().into(),
                note: Some(format!("lines {first} to {last}").into()),
                key: (!self.dry_run).then(|| (self.key(first).into(), digest)),
            },
            if_match: None,
            dry_run: self.dry_run,
            confirmed: self.caller.confirmed,
        };
        for _ in 0..BUSY_TRIES {
            match self.admin.handle.submit(submission.clone()).await {
                Ok(receipt) => return Ok(Ok(receipt)),
                Err(UpdateError::Refused(refusals)) if refusals.first().code != Code::Unavailable => {
                    let problem = |refusal: &crate::registry::Refusal| {
                        let problem = Problem::from(refusal.clone());
                        if problem.line.is_some() { problem } else { problem.line(first) }
                    };
                    return Ok(Err(NotDone::Refused(refusals.iter().map(problem).collect())));
                }
                Err(UpdateError::KeyReused) => return Ok(Err(NotDone::Reused(submission.command))),
                Err(UpdateError::Busy) => tokio::time::sleep(BUSY_PAUSE).await,
                Err(error) => return Err(Problem::from(error).line(first)),
            }
        }
        Err(Problem::from(UpdateError::Busy).line(first))
    }

    fn applied(&mut self, count: usize, receipt: &Receipt) {
        if receipt.replayed {
            self.report.replayed += count;
        } else {
            self.report.applied += count;
            self.report.seq = receipt.seq.or(self.report.seq);
        }
    }

    fn refuse(&mut self, count: usize, refusals: Vec<Problem>) {
        debug_assert!(refusals.iter().all(|p| is_of_line(p.code)), "the document does not list one of {refusals:?}");
        self.report.refused += count;
        let room = REFUSALS_MAX - self.report.refusals.len();
        self.report.refusals_cut |= refusals.len() > room;
        self.report.refusals.extend(refusals.iter().take(room).map(Problem::body));
    }
}

/// What keeps the name of a line from being deleted is about that name; what the request lacks is not.
fn of_removed(problem: Problem) -> Problem {
    match problem.code {
        ErrorCode::Registry(Code::SecondFactorRequired | Code::Brake) => problem,
        _ => problem.field("removed.name"),
    }
}

fn line_too_long() -> Problem {
    Problem::edge(
        Edge::BodyTooLarge,
        format!(
            "The line is longer than {LINE_LEN_MAX} octets, and no object needs as many; see whether a line end is missing before \
             it, or a value is too long."
        ),
        format!("该行超过 {LINE_LEN_MAX} 个字节，任何对象都无需如此之长，请检查其前是否缺少换行，或有过长的值。"),
    )
}

fn after_end() -> Problem {
    let en =
        "The line stands after the end of the export: the file was added to, or is two. Import what belongs together.";
    Problem::edge(Edge::WrongType, en, "该行位于导出文件的结束行之后：文件被追加或由多个文件拼成，请分别导入。")
}

/// Other lines were imported under this id from `first` on.
fn reused(id: &str, first: usize, before: Option<&Before>) -> Problem {
    let lines =
        before.and_then(|before| before.lines.as_deref()).map_or_else(|| format!("lines from {first}"), Into::into);
    let lines_zh = lines.strip_prefix("lines ").and_then(|range| range.split_once(" to "));
    let lines_zh =
        lines_zh.map_or_else(|| format!("自第 {first} 行起"), |(first, last)| format!("第 {first} 至 {last} 行"));
    let seq = before.map_or_else(String::new, |before| format!(", transaction {}", before.seq));
    let seq_zh = before.map_or_else(String::new, |before| format!("，第 {} 号事务", before.seq));
    Problem::edge(
        Edge::IdempotencyKeyReused,
        format!(
            "Under the id {id}, {lines} were imported before{seq}, and are not the same now: what was imported stays as it is. Put \
             these lines back and add new ones after them, or import the file under an id of its own."
        ),
        format!(
            "编号 {id} 此前已导入（{lines_zh}{seq_zh}），现内容与之不同：已导入的内容保持不变。请恢复这些行并在其后追加，或改用新的编号导入。"
        ),
    )
    .field("id")
    .line(first)
}
