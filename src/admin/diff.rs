//! `/v1/diff`: what became of every object between two lines of the journal.

use super::Admin;
use super::auth::Caller;
use super::history::{blocking, image};
use super::params::{Params, invalid};
use super::problem::Problem;
use super::stream;
use super::v1::Difference;
use crate::journal::{JournalError, JournalReader};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::Value;
use std::collections::BTreeMap;

/// Most lines between the two, and most objects in them: both are held in memory for the answer.
const LINES_MAX: u64 = 10_000;
const OBJECTS_MAX: usize = 20_000;

/// Objects by kind and id.
type Objects = BTreeMap<(String, String), Difference>;

/// What became of every object after line `from`, up to line `to`: one line each, by kind and id.
#[utoipa::path(
    get, path = "/v1/diff", tag = "audit",
    params(("from" = u64, Query, description = "the line after which to begin; 0 for the beginning"),
           ("to" = Option<u64>, Query, description = "the last line; that of the journal if absent")),
    responses((status = 200, description = "Objects as they were and as they are, as the journal has them", body = Difference, content_type = "application/x-ndjson")),
)]
pub(super) async fn between(
    State(admin): State<Admin>,
    _caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let params = Params::parse(query.as_deref(), &["from", "to"])?;
    let last = admin.journal.last();
    let from = params.number("from", 0..=last)?;
    let from = from.ok_or_else(|| {
        invalid(
            "from",
            "The parameter from is missing; say after which line to begin.",
            "缺少参数 from，请填写从哪一行之后开始比较。",
        )
    })?;
    let to = params.number("to", from..=last)?.unwrap_or(last);
    if to - from > LINES_MAX {
        return Err(too_much());
    }
    let journal = admin.journal.clone();
    let text = blocking(move || differences(&journal, from, to)).await?.ok_or_else(too_much)?;
    let (writer, response) = stream::ndjson();
    tokio::spawn(async move {
        for line in text {
            if writer.send(line).await.is_err() {
                return;
            }
        }
    });
    Ok(response)
}

fn too_much() -> Problem {
    let en = format!("More than {LINES_MAX} lines or {OBJECTS_MAX} objects lie between; ask for smaller parts.");
    invalid("to", en, format!("其间超过 {LINES_MAX} 行或 {OBJECTS_MAX} 个对象，请缩小范围。"))
}

/// The lines of the answer; none if there are too many objects.
fn differences(journal: &JournalReader, from: u64, to: u64) -> Result<Option<Vec<String>>, JournalError> {
    let mut objects = Objects::new();
    // What was before, by the line that has it.
    let mut earlier: BTreeMap<u64, Vec<(String, String)>> = BTreeMap::new();
    for seq in from + 1..=to {
        let Some(mut line) = line(journal, seq)? else { continue };
        for index in 0..line["events"].as_array().map_or(0, Vec::len) {
            let Some(object) = object_of(&line["events"][index]) else { continue };
            let replaced = line["before"][index].as_u64().unwrap_or(0);
            if !objects.contains_key(&object) && replaced > 0 {
                earlier.entry(replaced).or_default().push(object.clone());
            }
            let (kind, id) = object.clone();
            let entry = objects.entry(object).or_insert_with(|| Difference {
                kind,
                id,
                seqs: Vec::new(),
                before: Value::Null,
                after: Value::Null,
            });
            entry.after = image(line["events"][index].take());
            entry.seqs.push(seq);
        }
        if objects.len() > OBJECTS_MAX {
            return Ok(None);
        }
    }
    for (seq, wanted) in earlier {
        let Some(mut line) = line(journal, seq)? else { continue };
        for event in line["events"].as_array_mut().into_iter().flatten() {
            let Some(object) = object_of(event).filter(|object| wanted.contains(object)) else { continue };
            if let Some(entry) = objects.get_mut(&object) {
                entry.before = image(event.take());
            }
        }
    }
    let line = |difference: Difference| serde_json::to_string(&difference).expect("plain data") + "\n";
    // What came and went in between is as it was: not there.
    let changed = objects.into_values().filter(|difference| difference.before != difference.after);
    Ok(Some(changed.map(line).collect()))
}

fn line(journal: &JournalReader, seq: u64) -> Result<Option<Value>, JournalError> {
    let lines = journal.lines_after(seq - 1, 1)?;
    Ok(lines.first().and_then(|line| serde_json::from_str(line).ok()))
}

/// Kind and id of the object that an event, as the journal has it, is about; none if it is about no object.
fn object_of(event: &Value) -> Option<(String, String)> {
    let (kind, image) = event.as_object()?.iter().next()?;
    let kind = match kind.as_str() {
        // What a unit is told is no object.
        "notice" | "noticed" => return None,
        "reserved" | "reservation_ended" => "reservation",
        kind => kind.strip_suffix("_removed").unwrap_or(kind),
    };
    // A name is told by itself; a unit has a name as well as an id.
    let id = image.get("id").or_else(|| image.get("name")).or_else(|| image.get("apex"))?.as_str()?;
    Some((kind.to_owned(), id.to_owned()))
}
