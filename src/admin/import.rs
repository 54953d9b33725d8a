//! `/v1/import`: units and names as lines of JSON, a batch of lines a transaction.
//!
//! ```text
//! octets ─▶ lines (each bounded) ─▶ batch (1,000 lines) ─▶ one command, named by import id and first line ─▶ report
//! ```
//!
//! A batch ends at each line whose number is a multiple of 1,000. A bad line refuses its batch and the import goes on.
//! Sent again under the same id, batches that were applied are recognised and not applied again.

use super::auth::Caller;
use super::lines::{self, Item, LINE_LEN_MAX};
use super::openapi::is_of_line;
use super::params::{Params, invalid};
use super::problem::{Edge, ErrorCode, Problem};
use super::stream::NDJSON;
use super::v1::replies::ImportReport;
use super::write::{cut_short, if_match, unsupported};
use super::{Admin, write};
use crate::registry::command::ImportItem;
use crate::registry::{Code, Command, NameKey, Policy, Request as Asked};
use crate::update::{Receipt, Submission, UpdateError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
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
    let id =
        id.ok_or_else(|| invalid("id", "An import needs an id, to be resumed by.", "导入须有编号 id，以便续传。"))?;
    let line = params.number("line", 1..=LINES_MAX)?.unwrap_or(1);
    check_headers(&parts.headers)?;
    let mut import = Import {
        policy: admin.policy.get(),
        caller,
        dry_run: params.flag("dry_run")?,
        batch: Batch::default(),
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
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|value| value.split(';').next()).map(|value| value.trim().to_ascii_lowercase());
    if !matches!(kind.as_deref(), Some(NDJSON | "application/ndjson" | "application/jsonl")) {
        return Err(unsupported(NDJSON));
    }
    if if_match(headers)?.is_some() {
        let en = "An import touches many objects; it has no version to match.";
        return Err(Problem::edge(Edge::IfMatchInvalid, en, "导入涉及多个对象，不支持 If-Match。").field("If-Match"));
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
    report: ImportReport,
}

/// Lines that are applied together.
#[derive(Default)]
struct Batch {
    /// The first line's number.
    first: usize,
    items: Vec<(usize, ImportItem)>,
    digest: Sha256,
    refusals: Vec<Problem>,
    /// Lines that could not be read as items.
    bad: usize,
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
        let item = match line {
            None => Err(line_too_long()),
            Some(line) => {
                self.batch.digest.update(line);
                self.batch.digest.update(b"\n");
                let blank = line.trim_ascii().is_empty();
                if blank {
                    Ok(Item::Mark(None))
                } else {
                    lines::parse(line, &self.policy, &self.caller.actor.principal)
                }
            }
        };
        match item {
            Ok(Item::Put(item)) => self.batch.items.push((self.line, item)),
            Ok(Item::Mark(_)) => {}
            Ok(Item::Remove(key)) => self.remove(key).await?,
            Err(problem) => {
                self.batch.bad += 1;
                self.batch.refusals.push(problem.line(self.line));
            }
        }
        if self.line.is_multiple_of(BATCH_LINES) { self.flush().await } else { Ok(()) }
    }

    /// Applies the batch, or reports why not.
    async fn flush(&mut self) -> Result<(), Problem> {
        let batch = std::mem::take(&mut self.batch);
        let count = batch.items.len() + batch.bad;
        if !batch.refusals.is_empty() {
            self.refuse(count, batch.refusals);
        } else if count > 0 {
            let key = format!("import:{}:{}", self.id, batch.first);
            let digest: [u8; 32] = batch.digest.finalize().into();
            let command = Command::Import { items: batch.items };
            match self.submit(command, key, digest, batch.first).await? {
                Ok(receipt) => self.applied(count, &receipt),
                Err(refusals) => self.refuse(count, refusals),
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
        let name = format!("import:{}:{line}", self.id);
        match self.submit(Command::RemoveImported { key }, name, digest, line).await? {
            Ok(receipt) => self.applied(1, &receipt),
            Err(refusals) if refusals.iter().all(|r| r.code == ErrorCode::Registry(Code::NameNotFound)) => {}
            Err(refusals) => self.refuse(1, refusals),
        }
        Ok(())
    }

    /// Hands a command in. What refuses this batch alone is the inner error; what ends the import is the outer one.
    async fn submit(
        &self,
        command: Command,
        key: String,
        digest: [u8; 32],
        line: usize,
    ) -> Result<Result<Receipt, Vec<Problem>>, Problem> {
        let submission = Submission {
            actor: self.caller.actor.clone(),
            command,
            request: Asked {
                operation: "import".into(),
                target: self.id.as_str().into(),
                note: Some(format!("from line {line}").into()),
                key: (!self.dry_run).then(|| (key.into(), digest)),
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
                        if problem.line.is_some() { problem } else { problem.line(line) }
                    };
                    return Ok(Err(refusals.iter().map(problem).collect()));
                }
                Err(error @ UpdateError::KeyReused) => return Ok(Err(vec![Problem::from(error).line(line)])),
                Err(UpdateError::Busy) => tokio::time::sleep(BUSY_PAUSE).await,
                Err(error) => return Err(Problem::from(error).line(line)),
            }
        }
        Err(Problem::from(UpdateError::Busy).line(line))
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

fn line_too_long() -> Problem {
    Problem::edge(
        Edge::BodyTooLarge,
        format!("The line is longer than {LINE_LEN_MAX} octets."),
        format!("该行超过 {LINE_LEN_MAX} 字节。"),
    )
}
