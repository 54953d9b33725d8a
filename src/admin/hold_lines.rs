//! The lines of a list of holds: one JSON object a line, or CSV with a heading.
//!
//! ```text
//! {"unit":"u1","reason":"SITE_REVIEW_FAILED","evidence":"case-17"}
//! {"name":"靖远县教育局.政务","reason":"LEGAL","evidence":"order-9","start":"2026-12-01","end":"2027-02-28"}
//!
//! unit,name,reason,evidence,start,end
//! u1,,SITE_REVIEW_FAILED,case-17,,
//! ,靖远县教育局.政务,LEGAL,order-9,2026-12-01,2027-02-28
//! ```
//!
//! A list that lifts has units or names and reasons only. In a table, cells may be marked as text, as reports are (`cells`).

use super::cells;
use super::json;
use super::lines::LINE_LEN_MAX;
use super::problem::{Edge, Problem};
use super::v1::requests::unit_id;
use super::v1::{DayEdge, name_key, time_at};
use crate::registry::command::{HoldItem, HoldSpec, HoldTarget};
use crate::registry::{Code, HoldReason, Policy};
use csv::ByteRecord;
use serde::Deserialize;

/// What a list does with the holds it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Place,
    Lift,
}

/// The form of a list, by its media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
}

/// What a list says: its good lines, and what is wrong with the others. Each has its number.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) items: Vec<(usize, HoldItem)>,
    pub(super) bad: Vec<Problem>,
}

/// A hold to place.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceLine {
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    name: Option<String>,
    reason: String,
    evidence: String,
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    end: Option<String>,
}

/// A hold to lift.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LiftLine {
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    name: Option<String>,
    reason: String,
}

impl Act {
    /// The columns of a list in CSV; the last of them may be left out, if they are not the first three.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Place => &["unit", "name", "reason", "evidence", "start", "end"],
            Self::Lift => &["unit", "name", "reason"],
        }
    }
}

/// Reads a list whole.
pub(super) fn read(body: &[u8], form: Form, act: Act, policy: &Policy) -> List {
    // What spreadsheets put in front of UTF-8.
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let mut list = List::default();
    match form {
        Form::Json => read_json(body, act, policy, &mut list),
        Form::Csv => read_csv(body, act, policy, &mut list),
    }
    list
}

impl List {
    fn take(&mut self, line: usize, item: Result<HoldItem, Problem>) {
        match item {
            Ok(item) => self.items.push((line, item)),
            Err(problem) => self.bad.push(problem.line(line)),
        }
    }
}

fn read_json(body: &[u8], act: Act, policy: &Policy, list: &mut List) {
    for (index, line) in body.split(|octet| *octet == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let item = if line.len() > LINE_LEN_MAX { Err(too_long()) } else { json_item(line, act, policy) };
        list.take(index + 1, item);
    }
}

fn json_item(line: &[u8], act: Act, policy: &Policy) -> Result<HoldItem, Problem> {
    match act {
        Act::Place => json::parse::<PlaceLine>(line)?.into_item(policy),
        Act::Lift => json::parse::<LiftLine>(line)?.into_item(policy),
    }
}

fn read_csv(body: &[u8], act: Act, policy: &Policy, list: &mut List) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(body);
    let columns = match reader.byte_headers().map(|headings| headings_of(headings, act)) {
        Ok(Ok(columns)) => columns,
        Ok(Err(problem)) => return list.bad.push(problem.line(1)),
        Err(error) => return list.bad.push(malformed(&error.to_string()).line(1)),
    };
    let mut record = ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                list.take(usize::try_from(line).unwrap_or(usize::MAX), csv_item(&record, &columns, act, policy));
            }
            // Octets in memory do not fail to be read, and records of any length and encoding are taken here.
            Err(error) => return list.bad.push(malformed(&error.to_string())),
        }
    }
}

/// The columns in the order of the heading.
fn headings_of(headings: &ByteRecord, act: Act) -> Result<Vec<&'static str>, Problem> {
    let known = act.columns();
    let mut columns = Vec::new();
    for heading in headings {
        let column = known.iter().find(|column| column.as_bytes() == heading).copied();
        let shown = String::from_utf8_lossy(heading).into_owned();
        match column {
            Some(column) if columns.contains(&column) => {
                return Err(malformed("a column is there twice").field(column));
            }
            Some(column) => columns.push(column),
            None => {
                let en = format!("There is no column {shown:?} here; known are: {}.", known.join(", "));
                return Err(Problem::edge(Edge::UnknownField, en, format!("没有“{shown}”这一列。")).field(shown));
            }
        }
    }
    let needed = ["reason", "evidence"].into_iter().filter(|column| known.contains(column));
    match needed.into_iter().find(|column| !columns.contains(column)) {
        Some(column) => Err(missing(column)),
        None => Ok(columns),
    }
}

fn csv_item(record: &ByteRecord, columns: &[&str], act: Act, policy: &Policy) -> Result<HoldItem, Problem> {
    if record.len() != columns.len() {
        let (has, heading) = (record.len(), columns.len());
        return Err(malformed(&format!("the line has {has} values, the heading {heading}")));
    }
    if record.as_slice().len() > LINE_LEN_MAX {
        return Err(too_long());
    }
    let value = |column: &str| -> Result<Option<String>, Problem> {
        let Some(octets) = columns.iter().position(|known| *known == column).and_then(|at| record.get(at)) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(octets).map_err(|_| {
            malformed("the value is not UTF-8; have the spreadsheet save it as \"CSV UTF-8\"").field(column)
        })?;
        Ok((!text.is_empty()).then(|| cells::read(text).to_owned()))
    };
    let (unit, name, reason) = (value("unit")?, value("name")?, value("reason")?.unwrap_or_default());
    match act {
        Act::Lift => LiftLine { unit, name, reason }.into_item(policy),
        Act::Place => {
            let evidence = value("evidence")?.unwrap_or_default();
            PlaceLine { unit, name, reason, evidence, start: value("start")?, end: value("end")? }.into_item(policy)
        }
    }
}

impl PlaceLine {
    fn into_item(self, policy: &Policy) -> Result<HoldItem, Problem> {
        let time = |field: &str, text: Option<String>, edge| {
            text.map(|text| time_at(Code::HoldInvalid, field, &text, edge)).transpose()
        };
        let place = HoldSpec {
            start: time("start", self.start, DayEdge::Start)?,
            end: time("end", self.end, DayEdge::End)?,
            evidence: self.evidence.into(),
        };
        let target = target(self.unit.as_deref(), self.name.as_deref(), policy)?;
        Ok(HoldItem { target, reason: reason(&self.reason)?, place: Some(place) })
    }
}

impl LiftLine {
    fn into_item(self, policy: &Policy) -> Result<HoldItem, Problem> {
        let target = target(self.unit.as_deref(), self.name.as_deref(), policy)?;
        Ok(HoldItem { target, reason: reason(&self.reason)?, place: None })
    }
}

fn target(unit: Option<&str>, name: Option<&str>, policy: &Policy) -> Result<HoldTarget, Problem> {
    match (unit, name) {
        (Some(unit), None) => unit_id(unit, "unit").map(HoldTarget::Unit),
        (None, Some(name)) => name_key(name, policy, "name").map(HoldTarget::Name),
        (None, None) => Err(missing("unit")),
        (Some(_), Some(_)) => {
            let en = "Give unit or name, not both: a line is about one of them.";
            Err(Problem::edge(Edge::UnknownField, en, "unit 与 name 只能填写一项。").field("name"))
        }
    }
}

fn reason(text: &str) -> Result<HoldReason, Problem> {
    HoldReason::parse(text).ok_or_else(|| {
        let known: Vec<&str> = HoldReason::ALL.iter().map(|reason| reason.as_str()).collect();
        let en = format!("There is no such reason; known are: {}.", known.join(", "));
        Problem::registry(Code::HoldInvalid, en, "没有该暂停原因。").field("reason")
    })
}

fn missing(column: &str) -> Problem {
    let (en, zh) = if column == "unit" {
        ("A unit or a name is missing.".to_owned(), "缺少 unit 或 name。".to_owned())
    } else {
        (format!("{column} is missing."), format!("缺少 {column}。"))
    };
    Problem::edge(Edge::MissingField, en, zh).field(column)
}

fn malformed(what: &str) -> Problem {
    Problem::edge(Edge::MalformedCsv, format!("This is no line of the CSV: {what}."), "CSV 格式有误。")
}

fn too_long() -> Problem {
    Problem::edge(
        Edge::BodyTooLarge,
        format!("The line is longer than {LINE_LEN_MAX} octets."),
        format!("该行超过 {LINE_LEN_MAX} 字节。"),
    )
}
