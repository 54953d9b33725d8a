//! Master files (RFC 1035 §5): a streaming scanner, and the checks of a whole zone with line numbers.
//!
//! [`scan`] hands over record after record and keeps none; [`read`] collects them; [`check`] looks at the zone they
//! make, in the compact form in which [`load`] makes it. `$INCLUDE` is relative to the file it stands in, its origin and owner end with it, its
//! `$TTL` does not (RFC 2308 §4). A record without a TTL takes the one of `$TTL`, else that of the record before it
//! (RFC 1035 §5.1). A SOA with neither begins as if its MINIMUM stood in a `$TTL` before it, which was the meaning of
//! that field once (RFC 2308 §4); that is a warning, and in a suffix an error.

mod check;
mod denial;
mod directive;
mod generate;
mod problem;
mod registry;
mod scan;
mod signed;
mod source;
mod targets;
#[cfg(test)]
mod tests;
mod times;

pub use crate::zone::drafts::Place;
pub use problem::{PROBLEMS_MAX, Problem, Rule, Severity};
pub use scan::{Entry, Scanned, scan, scan_octets};

use crate::zone::rdata::Presentation;
use crate::zone::{Draft, Drafts, Name, Record, Zone, ZoneError};
use check::Depth;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A record and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The record.
    pub record: Record,
    /// Its place.
    pub place: Place,
}

/// All that can be said about a zone's files.
pub struct Report {
    /// What is wrong with the zone, by file and line; at most [`PROBLEMS_MAX`].
    pub errors: Vec<Problem>,
    /// What somebody should look at, by file and line; at most [`PROBLEMS_MAX`].
    pub warnings: Vec<Problem>,
    /// The files by the numbers in [`Place`].
    pub files: Vec<Arc<Path>>,
    /// SHA-256 of the file, or with `$INCLUDE` of the SHA-256 of all files in the order they are included.
    pub digest: [u8; 32],
    /// The records that could be read and are in the zone.
    drafts: Drafts,
}

/// The records of the file at `path`, relative names in it below `apex`. Only the form is checked.
///
/// # Errors
/// All that is wrong with the form, bounded by [`PROBLEMS_MAX`].
pub fn read(path: &Path, apex: &Name) -> Result<Vec<Located>, Vec<Problem>> {
    let mut records = Vec::new();
    let scanned = scan(path, apex, &mut |entry| records.push(entry.to_located()));
    let (errors, _) = scanned.problems.finish();
    if errors.is_empty() { Ok(records) } else { Err(errors) }
}

/// Reads and checks the zone `apex` from the file at `path`; `registry_zone` if registrations are published in it.
pub fn check(path: &Path, apex: &Name, registry_zone: bool) -> Report {
    report(apex, (registry_zone, Depth::Served), |sink| scan(path, apex, sink))
}

/// As [`check`], and whether a signed zone is signed as a whole, and its signatures hold at `now`, in seconds since 1970. Loads
/// do without: it takes about as long again, and what is missing is served as it is.
pub fn check_signed(path: &Path, apex: &Name, registry_zone: bool, now: i64) -> Report {
    report(apex, (registry_zone, Depth::Signed(now)), |sink| scan(path, apex, sink))
}

/// [`check`] for a text in memory, which cannot include files; `name` stands for its file in problems.
pub fn check_octets(octets: &[u8], name: &Path, apex: &Name, registry_zone: bool) -> Report {
    report(apex, (registry_zone, Depth::Served), |sink| scan_octets(octets, name, apex, sink))
}

/// The zone `apex` from the file at `path`, and the digest of [`Report::digest`].
///
/// # Errors
/// All errors of [`check`]; for its warnings call that and [`Report::into_zone`].
pub fn load(path: &Path, apex: &Name, registry_zone: bool) -> Result<(Zone, [u8; 32]), Vec<Problem>> {
    check(path, apex, registry_zone).into_zone()
}

impl Report {
    /// How many records could be read and are in the zone.
    pub fn count(&self) -> usize {
        self.drafts.count()
    }

    /// These records by file and line, each in memory of its own.
    pub fn records(&self) -> Vec<Located> {
        let located = |draft: Draft<'_>| Located { record: self.drafts.record(draft), place: draft.place };
        let mut all: Vec<Located> = self.drafts.records().map(located).collect();
        all.sort_by_key(|located| located.place);
        all
    }

    /// The zone, if there are no errors.
    ///
    /// # Errors
    /// Those of the report.
    pub fn into_zone(self) -> Result<(Zone, [u8; 32]), Vec<Problem>> {
        if self.errors.is_empty() { self.into_served() } else { Err(self.errors) }
    }

    /// The zone, if there is no error that keeps it from being served ([`Rule::keeps_from_serving`]).
    ///
    /// # Errors
    /// All of the report then.
    pub fn into_served(self) -> Result<(Zone, [u8; 32]), Vec<Problem>> {
        if self.errors.iter().any(|error| error.rule.keeps_from_serving()) {
            return Err(self.errors);
        }
        match Zone::from_drafts(self.drafts) {
            Ok(zone) => Ok((zone, self.digest)),
            Err(error) => Err(vec![unbuildable(&error, &self.files[0])]),
        }
    }
}

/// The checks find what keeps a zone from being built before it comes to this; if not, it is said without a line.
fn unbuildable(error: &ZoneError, file: &Arc<Path>) -> Problem {
    let rule = match error {
        ZoneError::Soa(0) => Rule::SoaMissing,
        ZoneError::Soa(_) => Rule::SoaExtra,
        ZoneError::OutOfZone(_) => Rule::OutOfZone,
        ZoneError::RrsetTooLarge(..) => Rule::RrsetTooLarge,
        ZoneError::SoaMalformed => Rule::Rdata,
        ZoneError::Nsec3Iterations(_) => Rule::Nsec3Iterations,
    };
    let (en, zh) = (error.to_string(), format!("无法生成区：{error}"));
    Problem { severity: Severity::Error, rule, file: Arc::clone(file), line: 0, en, zh }
}

/// Collects and checks the records that `scan` hands over.
fn report(
    apex: &Name,
    (registry_zone, depth): (bool, Depth),
    scan: impl FnOnce(&mut dyn FnMut(Entry<'_>)) -> Scanned,
) -> Report {
    let mut drafts = Drafts::new(apex);
    let mut outside = Vec::new();
    let Scanned { mut problems, files, digest } = scan(&mut |entry| {
        let Entry { owner, rtype, ttl, rdata, place } = entry;
        if !drafts.push(owner, rtype, ttl, rdata, place) && outside.len() < PROBLEMS_MAX {
            outside.push(entry.to_located());
        }
    });
    if registry_zone {
        problems.harden(Rule::TtlMissing);
    }
    drafts.sort();
    check::zone(&drafts, &outside, &files, (registry_zone, depth), &mut problems);
    let (errors, warnings) = problems.finish();
    Report { errors, warnings, files, digest, drafts }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, errors {:?}, warnings {:?}", self.count(), self.errors, self.warnings)
    }
}

/// A record as one line of a master file, without the line end.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a>(pub &'a Record);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { owner, rtype, ttl, rdata } = self.0;
        write!(f, "{owner}\t{ttl}\tIN\t{rtype}\t{}", Presentation { rtype: *rtype, rdata })
    }
}
