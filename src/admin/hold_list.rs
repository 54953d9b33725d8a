//! Holds of a list: `/v1/holds` places them, `/v1/holds/lifts` takes them away; the whole list or nothing of it.

use super::hold_lines::{self, Act, Form, List};
use super::problem::{Edge, Faults, Problem};
use super::stream::{CSV, NDJSON};
use super::v1::HoldListReceipt;
use super::write::{ListWrite, unsupported};
use super::{Admin, token};
use crate::registry::{Code, Command};
use crate::update::UpdateError;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Bad lines that are told one by one.
const LINES_SHOWN_MAX: usize = 1000;

/// Holds the units and names of a list, at most 10,000, each for its reason. The whole list is checked first: if any line is
/// bad, all bad lines are told with their numbers, and nothing changes. It is one thing to the brake, also when a second
/// factor confirms it. A dry run tells what would stop, and whether the brake would.
#[utoipa::path(
    post, path = "/v1/holds", tag = "holds",
    request_body(content((String = "application/x-ndjson"), (String = "text/csv")), description = "lines with `unit` or `name`, `reason`, `evidence`, `start` and `end`; or the same as a table, with a heading, whose cells may be marked as text as those of reports are; a report of holds or of the blacklist is such a list too, of which lines about holds that ended, and EXPIRED, are passed over; at most 8 MiB"),
    responses((status = 200, description = "All placed, or replaced", body = HoldListReceipt)),
)]
pub(super) async fn place(State(admin): State<Admin>, write: ListWrite) -> Result<Response, Problem> {
    apply(&admin, write, Act::Place).await
}

/// Lifts the holds of a list, and no others: all or none.
#[utoipa::path(
    post, path = "/v1/holds/lifts", tag = "holds",
    request_body(content((String = "application/x-ndjson"), (String = "text/csv")), description = "lines with `unit` or `name`, and `reason`; or the same as a table, with a heading; what a list that places has besides, or a report, is passed over; at most 8 MiB"),
    responses((status = 200, description = "All lifted", body = HoldListReceipt)),
)]
pub(super) async fn lift(State(admin): State<Admin>, write: ListWrite) -> Result<Response, Problem> {
    apply(&admin, write, Act::Lift).await
}

async fn apply(admin: &Admin, ListWrite(write): ListWrite, act: Act) -> Result<Response, Problem> {
    let form = match write.media_type().essence()? {
        Some(NDJSON | "application/ndjson" | "application/jsonl") => Form::Json,
        Some(CSV) => Form::Csv,
        _ => return Err(unsupported(&[NDJSON, CSV])),
    };
    write.without_if_match()?;
    let (body, policy) = (write.body(), admin.policy.get());
    // Ten thousand names take a moment to be read, and must not keep other requests waiting.
    let read = move || (hold_lines::read(&body, form, act, &policy), token::hex(&Sha256::digest(&body)));
    let (List { items, bad }, digest) = tokio::task::spawn_blocking(read).await.map_err(Problem::internal)?;
    let lines = items.len();
    let note = Some(format!("{lines} {}, sha256 {digest}", if lines == 1 { "line" } else { "lines" }));
    let operation = if act == Act::Place { "holds.place" } else { "holds.lift" };
    // With lines that cannot be read nothing is done; what is wrong with the others is told all the same.
    let write = if bad.is_empty() { write } else { write.rehearsing() };
    match write.hand_in(admin, operation, "holds".into(), note, Command::HoldList { items }).await {
        Ok(receipt) if bad.is_empty() => Ok(Json(HoldListReceipt::new(lines, &receipt)).into_response()),
        Ok(_) => Err(list_invalid(bad)),
        Err(error) => Err(refused(error, bad)),
    }
}

fn refused(error: UpdateError, mut bad: Vec<Problem>) -> Problem {
    match error {
        UpdateError::Refused(refusals) if refusals.iter().all(|refusal| refusal.line.is_some()) => {
            bad.extend(refusals.iter().cloned().map(Problem::from));
            list_invalid(bad)
        }
        UpdateError::Refused(refusals) if refusals.first().code == Code::BatchEmpty && !bad.is_empty() => {
            list_invalid(bad)
        }
        error => error.into(),
    }
}

fn list_invalid(mut bad: Vec<Problem>) -> Problem {
    bad.sort_by_key(|problem| problem.line);
    let count = bad.len();
    let (cut, cut_zh) = if count > LINES_SHOWN_MAX {
        (format!("; the first {LINES_SHOWN_MAX} are listed"), format!("（列出前 {LINES_SHOWN_MAX} 行）"))
    } else {
        Default::default()
    };
    let are = if count == 1 { "line of the list is" } else { "lines of the list are" };
    let lines = bad.iter().take(LINES_SHOWN_MAX).map(Problem::bad_line).collect();
    let problem = Problem::edge(
        Edge::ListInvalid,
        format!("{count} {are} bad, and nothing was done{cut}. Correct what `lines` tells of and send the list again."),
        format!("名单中有 {count} 行有误{cut_zh}，未作任何更改。请改正 lines 所列各行后重新提交。"),
    );
    Problem { faults: Faults::Lines(lines), ..problem }
}
