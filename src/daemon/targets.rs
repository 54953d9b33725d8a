//! How many bodies each division has, from a file of two columns, for the statistics of coverage (R52).

use super::Error;
use super::error::FAULTS_MAX;
use crate::admin::{BYTE_ORDER_MARK, Targets};
use crate::config::Config;
use crate::registry::Region;

/// Longest file: a line for each of the country's 40,000 townships has under 1 MiB.
const TARGETS_OCTETS_MAX: u64 = 16 << 20;
/// The columns' names, which may stand in the first line.
const HEADING: &str = "region,institutions";

/// Reads the file that `config` names; without one there are no targets.
///
/// # Errors
/// [`Error::Targets`] of every bad line, and [`Error::Io`].
pub fn load(config: &Config) -> Result<Targets, Error> {
    let Some(path) = config.statistics.targets_file.as_deref().map(|file| config.path(file)) else {
        return Ok(Targets::new());
    };
    let io = |source| Error::Io { path: path.clone(), source };
    if std::fs::metadata(&path).map_err(io)?.len() > TARGETS_OCTETS_MAX {
        return Err(io(std::io::Error::from(std::io::ErrorKind::FileTooLarge)));
    }
    let text = std::fs::read_to_string(&path).map_err(io)?;
    // What spreadsheets put in front of UTF-8.
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    let (mut targets, mut errors) = (Targets::new(), Vec::new());
    for (line, row) in (1..).zip(text.lines()) {
        if errors.len() == FAULTS_MAX {
            break;
        }
        let bad = |en: &str, zh: &str| Error::Targets { path: path.clone(), line, en: en.into(), zh: zh.into() };
        let row = row.trim();
        if row.is_empty() || row.starts_with('#') || (line == 1 && row == HEADING) {
            continue;
        }
        let parsed = row.split_once(',').and_then(|(region, count)| {
            let digits = count.trim().bytes().all(|octet| octet.is_ascii_digit());
            Some((Region::parse(region.trim())?, digits.then(|| count.trim().parse().ok()).flatten()?))
        });
        let Some((region, count)) = parsed else {
            errors.push(bad(
                "a line is a division code and how many bodies it has, with a comma between (620421,543)",
                "每行应为“行政区划代码,机构数”（620421,543）",
            ));
            continue;
        };
        // Counted twice, a share would be half of what it is.
        let around = (1..=region.as_str().len()).filter_map(|end| Region::parse(&region.as_str()[..end]));
        let inside =
            targets.range(region.clone()..).next().is_some_and(|(other, _): (&Region, &u64)| region.contains(other));
        if inside || around.into_iter().any(|other| targets.contains_key(&other)) {
            errors.push(bad(
                "the division, or one inside or around it, has a line already; give one level only",
                "该区划或其上下级已有一行；只能给出同一级别",
            ));
            continue;
        }
        targets.insert(region, count);
    }
    Error::all(errors).map(|()| targets)
}
