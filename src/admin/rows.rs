//! Rows of a report, as lines of JSON or as a table with a heading, sent while they are read.

use super::cells;
use super::params::{Params, invalid};
use super::problem::Problem;
use super::stream::{self, Gone, Writer};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use csv::{Terminator, Writer as Table, WriterBuilder};
use serde::Serialize;
use std::borrow::Cow;
use std::marker::PhantomData;

/// The media type of a table with a heading (RFC 4180 §3).
const TABLE: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");

/// A row; its members are the columns.
pub(super) trait Row: Serialize {
    /// The columns, in the order of the members.
    const COLUMNS: &'static [&'static str];
}

/// What rows are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

/// The writing end of a report.
pub(super) struct Rows<T> {
    format: Format,
    writer: Writer,
    row: PhantomData<fn(T)>,
}

impl Format {
    /// The parameter `format`; lines of JSON if absent.
    pub(super) fn of(params: &Params) -> Result<Self, Problem> {
        match params.get("format") {
            None | Some("ndjson") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some(_) => Err(invalid(
                "format",
                "The value is neither ndjson nor csv; give one of them.",
                "参数 format 应为 ndjson 或 csv，请更正。",
            )),
        }
    }
}

/// A report, and the response it is sent as.
pub(super) fn rows<T: Row>(format: Format) -> (Rows<T>, Response) {
    let (writer, mut response) = stream::ndjson();
    if format == Format::Csv {
        response.headers_mut().insert(header::CONTENT_TYPE, TABLE);
    }
    (Rows { format, writer, row: PhantomData }, response)
}

impl<T: Row> Rows<T> {
    /// Writes the heading, where there is one.
    pub(super) async fn begin(&self) -> Result<(), Gone> {
        match self.format {
            Format::Json => Ok(()),
            Format::Csv => self.writer.send(table(|table| table.write_record(T::COLUMNS))).await,
        }
    }

    /// Writes rows.
    pub(super) async fn send(&self, rows: &[T]) -> Result<(), Gone> {
        let text = match self.format {
            Format::Json => rows.iter().map(line).collect(),
            Format::Csv => table(|table| rows.iter().try_for_each(|row| table.serialize(row))),
        };
        self.writer.send(text).await
    }

    /// Writes after so many rows, up to this transaction, that these are all: in JSON, where a table has no place for it.
    pub(super) async fn end(&self, seq: u64, lines: u64) -> Result<(), Gone> {
        match self.format {
            Format::Json => self.writer.send(line(&serde_json::json!({ "end": { "seq": seq, "lines": lines } }))).await,
            Format::Csv => Ok(()),
        }
    }

    /// Cuts the body short.
    pub(super) async fn fail(self) {
        self.writer.fail().await;
    }
}

fn line(row: &impl Serialize) -> String {
    serde_json::to_string(row).expect("rows are plain data") + "\n"
}

/// A table, each cell of it as a spreadsheet takes for text.
fn table(write: impl FnOnce(&mut Table<Vec<u8>>) -> csv::Result<()>) -> String {
    let mut plain = WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    write(&mut plain).expect("rows are flat, and memory takes them");
    let plain = plain.into_inner().expect("memory takes all of it");
    let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::with_capacity(plain.len()));
    for record in csv::ReaderBuilder::new().has_headers(false).from_reader(&*plain).records() {
        let record = record.expect("it was written just now");
        let cells = record.iter().map(cells::written);
        table.write_record(cells.map(Cow::into_owned)).expect("memory takes it");
    }
    let octets = table.into_inner().expect("memory takes all of it");
    String::from_utf8(octets).expect("values are text")
}
