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
//! One list both places and lifts: a list that lifts needs units or names and reasons, and passes over the rest of what a list
//! that places has. In a table, cells may be marked as text, as reports are (`cells`).
//!
//! A report of holds, or of the blacklist, is a list too. A line of one tells the owner of a name besides the name, which is not
//! looked at; and lines about holds that have ended, or that only the clock places and lifts, ask for nothing.

use super::cells;
use super::json;
use super::lines::LINE_LEN_MAX;
use super::problem::{Edge, Problem};
use super::rows::Row as _;
use super::v1::requests::unit_id;
use super::v1::{BlacklistRow, DayEdge, HoldRow, name_key, time_at};
use crate::registry::command::{HoldItem, HoldSpec, HoldTarget};
use crate::registry::{Code, HoldReason, Policy, Timestamp};
use csv::ByteRecord;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

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

/// A line, of any list or report. What lines of reports tell besides is known, and not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what is not looked at is known all the same, so that it is not refused")]
struct Line {
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    evidence: Option<String>,
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    end: Option<String>,
    /// Reports of holds only: the name in A-labels, null where the hold is on a unit.
    #[serde(default, deserialize_with = "present")]
    ascii: Option<Option<String>>,
    /// Reports of holds only: when it ended.
    #[serde(default)]
    lifted: Option<String>,
    /// Reports of the blacklist only: its start.
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    region: Option<IgnoredAny>,
    #[serde(default)]
    by: Option<IgnoredAny>,
    #[serde(default)]
    lifted_by: Option<IgnoredAny>,
    #[serde(default)]
    lifted_with: Option<IgnoredAny>,
    #[serde(default)]
    kind: Option<IgnoredAny>,
    #[serde(default)]
    account: Option<IgnoredAny>,
    #[serde(default)]
    violation: Option<IgnoredAny>,
    #[serde(default)]
    names: Option<IgnoredAny>,
}

/// A member that is there, though it may be null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The columns of lists.
const LIST: &[&str] = &["unit", "name", "reason", "evidence", "start", "end"];

/// Whether a table with this column is read, though it may not be looked at.
fn known(column: &[u8]) -> Option<&'static str> {
    let all = LIST.iter().chain(HoldRow::COLUMNS).chain(BlacklistRow::COLUMNS);
    all.copied().find(|known| known.as_bytes() == column)
}

/// Reads a list whole.
pub(super) fn read(body: &[u8], form: Form, act: Act, policy: &Policy) -> List {
    // What spreadsheets put in front of UTF-8.
    let body = body.strip_prefix(json::BYTE_ORDER_MARK.as_bytes()).unwrap_or(body);
    let mut list = List::default();
    match form {
        Form::Json => read_json(body, act, policy, &mut list),
        Form::Csv => read_csv(body, act, policy, &mut list),
    }
    list
}

impl List {
    fn take(&mut self, line: usize, item: Result<Option<HoldItem>, Problem>) {
        match item {
            Ok(item) => self.items.extend(item.map(|item| (line, item))),
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

fn json_item(line: &[u8], act: Act, policy: &Policy) -> Result<Option<HoldItem>, Problem> {
    json::parse::<Line>(line)?.into_item(act, policy)
}

fn read_csv(body: &[u8], act: Act, policy: &Policy, list: &mut List) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(body);
    let columns = match reader.byte_headers().map(|headings| headings_of(headings, act)) {
        Ok(Ok(columns)) => columns,
        Ok(Err(problem)) => return list.bad.push(problem.line(1)),
        Err(error) => return list.bad.push(unreadable(&error).line(1)),
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
            Err(error) => return list.bad.push(unreadable(&error)),
        }
    }
}

/// The columns in the order of the heading.
fn headings_of(headings: &ByteRecord, act: Act) -> Result<Vec<&'static str>, Problem> {
    let mut columns = Vec::new();
    for heading in headings {
        let shown = String::from_utf8_lossy(heading).into_owned();
        match known(heading) {
            Some(column) if columns.contains(&column) => {
                let (en, zh) = (format!("the column {column} is there twice"), format!("列 {column} 出现了两次"));
                return Err(malformed(&en, &zh).field(column));
            }
            Some(column) => columns.push(column),
            None => {
                let en = format!(
                    "There is no column {shown:?} here (known: {}, and those of reports of holds); correct it, or take it out.",
                    LIST.join(", ")
                );
                let zh = format!(
                    "此处没有“{shown}”这一列（可用的列：{}，以及暂停报表的各列），请更正或去掉。",
                    LIST.join("、")
                );
                return Err(Problem::edge(Edge::UnknownField, en, zh).field(shown));
            }
        }
    }
    let needed: &[&str] = match act {
        _ if columns.contains(&"since") => &["unit"],
        Act::Place => &["reason", "evidence"],
        Act::Lift => &["reason"],
    };
    match needed.iter().find(|column| !columns.contains(column)) {
        Some(column) => Err(missing(column)),
        None => Ok(columns),
    }
}

fn csv_item(record: &ByteRecord, columns: &[&str], act: Act, policy: &Policy) -> Result<Option<HoldItem>, Problem> {
    if record.len() != columns.len() {
        let (has, heading) = (record.len(), columns.len());
        let en = format!("its number of values is {has}, that of the heading's {heading}");
        return Err(malformed(&en, &format!("该行有 {has} 个值，标题行有 {heading} 个")));
    }
    if record.as_slice().len() > LINE_LEN_MAX {
        return Err(too_long());
    }
    let value = |column: &str| -> Result<Option<String>, Problem> {
        let Some(octets) = columns.iter().position(|known| *known == column).and_then(|at| record.get(at)) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(octets).map_err(|_| {
            let en = format!("the value of {column} is not UTF-8; have the spreadsheet save it as \"CSV UTF-8\"");
            malformed(&en, &format!("列 {column} 的值不是 UTF-8，请在电子表格中另存为“CSV UTF-8”")).field(column)
        })?;
        Ok((!text.is_empty()).then(|| cells::read(text).to_owned()))
    };
    // A cell that is needed and empty says that it is empty.
    let needed =
        |column: &str| Ok::<_, Problem>(value(column)?.or_else(|| columns.contains(&column).then(String::new)));
    let line = Line {
        unit: value("unit")?,
        name: value("name")?,
        reason: needed("reason")?,
        evidence: needed("evidence")?,
        start: value("start")?,
        end: value("end")?,
        ascii: columns.contains(&"ascii").then(|| value("ascii")).transpose()?,
        lifted: value("lifted")?,
        since: value("since")?,
        ..Line::default()
    };
    line.into_item(act, policy)
}

impl Line {
    /// What the line asks for.
    fn into_item(self, act: Act, policy: &Policy) -> Result<Option<HoldItem>, Problem> {
        let Some(line) = self.into_list_line() else { return Ok(None) };
        let target = target(line.unit.as_deref(), line.name.as_deref(), policy);
        let place = match act {
            Act::Place => Some(HoldSpec {
                evidence: line.evidence.ok_or_else(|| missing("evidence"))?.into(),
                start: time("start", line.start, DayEdge::Start)?,
                end: time("end", line.end, DayEdge::End)?,
            }),
            Act::Lift => None,
        };
        let reason = reason(&line.reason.ok_or_else(|| missing("reason"))?);
        Ok(Some(HoldItem { target: target?, reason: reason?, place }))
    }

    /// The line as a list has it; none if it is one of a report and asks for nothing.
    fn into_list_line(self) -> Option<Self> {
        // In a report of the blacklist `name` is what the unit is called.
        if self.since.is_some() && self.reason.is_none() {
            let reason = Some(HoldReason::Blacklist.as_str().to_owned());
            return Some(Self { name: None, reason, start: self.since.clone(), ..self });
        }
        let is_expired = self.reason.as_deref() == Some(HoldReason::Expired.as_str());
        match &self.ascii {
            None => Some(self),
            Some(_) if self.lifted.is_some() || is_expired => None,
            Some(Some(_)) => Some(Self { unit: None, ..self }),
            Some(None) => Some(self),
        }
    }
}

fn time(field: &str, text: Option<String>, edge: DayEdge) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| time_at(Code::HoldInvalid, field, &text, edge)).transpose()
}

fn target(unit: Option<&str>, name: Option<&str>, policy: &Policy) -> Result<HoldTarget, Problem> {
    match (unit, name) {
        (Some(unit), None) => unit_id(unit, "unit").map(HoldTarget::Unit),
        (None, Some(name)) => name_key(name, policy, "name").map(HoldTarget::Name),
        (None, None) => Err(missing("unit")),
        (Some(_), Some(_)) => {
            let en = "The line has unit and name, and is about one of them; take the other out.";
            Err(Problem::edge(Edge::UnknownField, en, "unit 与 name 只能填写一项，请去掉另一项。").field("name"))
        }
    }
}

fn reason(text: &str) -> Result<HoldReason, Problem> {
    HoldReason::parse(text).ok_or_else(|| {
        let known: Vec<&str> = HoldReason::ALL.iter().map(|reason| reason.as_str()).collect();
        let en = format!("There is no such reason for a hold; use one of: {}.", known.join(", "));
        let zh = format!("没有该暂停原因，请使用以下原因之一：{}。", known.join("、"));
        Problem::registry(Code::HoldInvalid, en, zh).field("reason")
    })
}

fn missing(column: &str) -> Problem {
    let (en, zh) = if column == "unit" {
        ("A unit or a name is missing; add one of them.".to_owned(), "缺少 unit 或 name，请补充其中一项。".to_owned())
    } else {
        (format!("{column} is missing; add it."), format!("缺少 {column}，请补充。"))
    };
    Problem::edge(Edge::MissingField, en, zh).field(column)
}

fn malformed(en: &str, zh: &str) -> Problem {
    Problem::edge(
        Edge::MalformedCsv,
        format!("This is no line of the table: {en}. Correct it, and send the list again."),
        format!("该行不合表格的格式：{zh}，请更正后重新提交。"),
    )
}

fn unreadable(error: &csv::Error) -> Problem {
    malformed(&error.to_string(), "无法读取")
}

fn too_long() -> Problem {
    Problem::edge(
        Edge::BodyTooLarge,
        format!(
            "The line is longer than {LINE_LEN_MAX} octets, and no hold needs as many; see whether a line end is missing before it, \
             or a value is too long."
        ),
        format!("该行超过 {LINE_LEN_MAX} 个字节，任何暂停都无需如此之长，请检查其前是否缺少换行，或有过长的值。"),
    )
}
