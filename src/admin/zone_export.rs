//! `/v1/zones/{apex}/export`: a zone as it is served, one record a line.
//!
//! The form is that of ICANN's zone file access (Registry Agreement, Specification 4 §2.1.4): owner, TTL, class, type and RDATA
//! with single TABs between them, names absolute and in lower case, no directives, comments or blank lines, the SOA record first
//! and last. In between owners stand in canonical order (RFC 4034 §6.1).

use super::Admin;
use super::auth::Caller;
use super::params::{At, Params};
use super::problem::{Edge, Problem};
use super::stream::{self, Gone, Writer};
use crate::publication::presentation;
use crate::zone::canonical::Key;
use crate::zone::rdata::{self, Presentation};
use crate::zone::{Name, Published, Record, Rtype, Stored, Zone};
use crate::{idn, snapshot};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use std::fmt::Write as _;
use std::sync::Arc;

/// Octets that are sent at a time.
const CHUNK_OCTETS: usize = 64 * 1024;
/// A zone's media type (RFC 4027).
const TEXT_DNS: HeaderValue = HeaderValue::from_static("text/dns; charset=us-ascii");

/// A zone's records as they are served now, one a line: what DNS would answer, all of one moment.
#[utoipa::path(
    get, path = "/v1/zones/{apex}/export", tag = "audit",
    params(("apex" = String, Path, description = "the zone's apex, in U- or A-labels")),
    responses((status = 200, description = "Owner, TTL, class, type and RDATA, with TABs between them", body = String, content_type = "text/dns")),
)]
pub(super) async fn export(
    State(admin): State<Admin>,
    _caller: Caller,
    At(apex): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Params::parse(query.as_deref(), &[])?;
    let name = idn::host_to_ascii(&apex).and_then(|ascii| Name::absolute(&ascii).ok()).map(|name| name.to_lowercase());
    let name = name.or_else(|| Name::absolute(&apex).ok().map(|name| name.to_lowercase()));
    let served: Arc<snapshot::Snapshot> = Arc::clone(&admin.snapshots.load());
    let Some(name) = name.filter(|name| served.zones.get(name).is_some()) else {
        return Err(Problem::edge(
            Edge::ZoneUnknown,
            format!("No zone {apex} is served; check the name against the configuration."),
            format!("本服务器没有提供区 {apex}，请对照配置核对名称。"),
        ));
    };
    let (writer, mut response) = stream::ndjson();
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT_DNS);
    let runtime = tokio::runtime::Handle::current();
    // Sorting a large zone takes a moment, and must not keep other requests waiting.
    tokio::task::spawn_blocking(move || {
        let Some(zone) = served.zones.get(&name) else { return };
        let mut out = Out { runtime, writer, text: String::with_capacity(CHUNK_OCTETS + 1024) };
        // If the client is gone, there is no one to write for.
        let _ = write_zone(zone, &mut out);
    });
    Ok(response)
}

/// What is sent piece by piece.
struct Out {
    runtime: tokio::runtime::Handle,
    writer: Writer,
    text: String,
}

/// A record on its way out.
struct Line {
    /// Where its owner stands, below the apex.
    key: Vec<u8>,
    /// The type's number, the SOA record before all others.
    rtype: u16,
    text: String,
}

fn write_zone(zone: &Zone, out: &mut Out) -> Result<(), Gone> {
    let mut fixed: Vec<Line> = zone.records().filter_map(|record| fixed_line(zone, record)).collect();
    fixed.sort_by(|a, b| (&a.key, a.rtype, &a.text).cmp(&(&b.key, b.rtype, &b.text)));
    let soa = fixed.first().map(|line| line.text.clone()).unwrap_or_default();
    let mut fixed = fixed.into_iter().peekable();
    let mut labels: Vec<_> = zone.registrations().into_iter().flat_map(|pages| pages.iter()).collect();
    // All are of one level and in lower case: their order is that of their octets.
    labels.sort_unstable_by_key(|registered| registered.key);
    for Stored { key: label, value: octets } in labels {
        let key = [label, &[0]].concat();
        while let Some(line) = fixed.next_if(|line| line.key < key) {
            out.put(&line.text)?;
        }
        for line in registered_lines(zone, label, octets) {
            out.put(&line.text)?;
        }
    }
    for line in fixed {
        out.put(&line.text)?;
    }
    out.put(&soa)?;
    out.flush()
}

fn fixed_line(zone: &Zone, record: Record) -> Option<Line> {
    let owner = record.owner.to_lowercase();
    let key = Key::of(owner.relative_to(&zone.apex().to_lowercase())?).as_bytes().to_vec();
    let mut octets = record.rdata;
    rdata::lowercase_names(record.rtype, &mut octets);
    let shown = Presentation { rtype: record.rtype, rdata: &octets };
    let kind = record.rtype.to_string().to_ascii_lowercase();
    let rtype = if record.rtype == Rtype::SOA { 0 } else { record.rtype.0 };
    Some(Line { key, rtype, text: format!("{owner}\t{}\tin\t{kind}\t{shown}\n", record.ttl) })
}

/// The records of one registration, in order.
fn registered_lines(zone: &Zone, label: &[u8], octets: &[u8]) -> Vec<Line> {
    let label = String::from_utf8_lossy(label);
    let apex = zone.apex().to_lowercase();
    let shown = presentation(&Published::decode(octets), &label, &apex, zone.gateway());
    let line = |text: &String| {
        let mut fields = text.splitn(5, ' ');
        let (owner, ttl, class, kind, rdata) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let name = Name::absolute(owner).ok()?.to_lowercase();
        let key = Key::of(name.relative_to(&apex)?).as_bytes().to_vec();
        let text = format!("{owner}\t{ttl}\t{class}\t{kind}\t{rdata}\n").to_ascii_lowercase();
        Some(Line { key, rtype: rtype_order(kind), text })
    };
    // What is a redirect or a hold is no record, and a comment there.
    let mut lines: Vec<Line> = shown.iter().filter(|text| !text.starts_with(';')).filter_map(line).collect();
    lines.sort_by(|a, b| (&a.key, a.rtype, &a.text).cmp(&(&b.key, b.rtype, &b.text)));
    lines
}

fn rtype_order(kind: &str) -> u16 {
    [Rtype::A, Rtype::NS, Rtype::AAAA, Rtype::DS]
        .iter()
        .find(|rtype| rtype.to_string() == kind)
        .map_or(0, |rtype| rtype.0)
}

impl Out {
    fn put(&mut self, line: &str) -> Result<(), Gone> {
        // Writing to a string cannot fail.
        let _ = self.text.write_str(line);
        if self.text.len() >= CHUNK_OCTETS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Gone> {
        let text = std::mem::take(&mut self.text);
        self.runtime.block_on(self.writer.send(text))
    }
}
