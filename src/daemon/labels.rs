//! What labels are held against, read from the files that the configuration names.

use crate::admin::BYTE_ORDER_MARK;
use crate::config::Config;
use crate::idn::table::{Builder, Fault, TABLE_OCTETS_MAX};
use crate::idn::{Form, Label, LabelError, Table};
use crate::registry::{Divisions, Labels, LookAlikes};
use crate::telemetry::advice::{Advice, of_file};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a file that labels are held against cannot be used.
#[derive(Debug)]
pub struct LabelsError {
    files: Vec<(PathBuf, What)>,
}

#[derive(Debug)]
enum What {
    Unreadable(io::Error),
    Faults(Vec<Fault>),
}

/// Reads everything, for a start. What of a table is not evaluated is logged.
///
/// # Errors
/// [`LabelsError`] with everything that is wrong with the files.
pub fn load(config: &Config) -> Result<Labels, LabelsError> {
    check(config, true).whole()
}

/// What was read, and what is wrong.
pub struct Checked {
    /// As far as the files go.
    pub labels: Labels,
    /// Whether names are read with them as they will be: the table is the one that was meant.
    pub has_table: bool,
    error: LabelsError,
}

impl Checked {
    /// What is wrong with the files.
    ///
    /// # Errors
    /// [`LabelsError`], if there is anything.
    pub fn whole(self) -> Result<Labels, LabelsError> {
        self.error.or(self.labels)
    }
}

/// Reads everything, for `check-config`. Whether the options of the table are right is `is_table_right`.
pub fn check(config: &Config, is_table_right: bool) -> Checked {
    let mut error = LabelsError { files: Vec::new() };
    let table = error.note(table(config)).flatten().map(Arc::new);
    let has_table = is_table_right && error.files.is_empty();
    let (labels, others) = load_with(config, table, has_table);
    error.files.extend(others.files);
    Checked { labels, has_table, error }
}

/// Reads everything again but the table, which the store's index of packages is made with: that takes a restart.
///
/// # Errors
/// As [`load`].
pub(super) fn reload(config: &Config, old: &Labels) -> Result<Labels, LabelsError> {
    let (labels, error) = load_with(config, old.shared_table(), true);
    error.or(labels)
}

/// Everything but the table. Without its table a label may look wrong that is not: its characters are not judged then.
fn load_with(config: &Config, table: Option<Arc<Table>>, has_table: bool) -> (Labels, LabelsError) {
    // Names of divisions and reserved labels are compared as the table spells them.
    let spelling = Labels::new(table.clone(), &[], Divisions::default(), LookAlikes::default());
    let mut error = LabelsError { files: Vec::new() };
    let divisions = config.idn.divisions.as_ref().and_then(|file| {
        error.note(with(config, file, |text| Divisions::parse(text, &|name| spelling.spelling(name))))
    });
    let mut look_alikes = LookAlikes::default();
    if let Some(file) = &config.idn.look_alikes {
        error.note(with(config, file, |text| look_alikes.add_unihan(text)));
    }
    let mut reserved: Vec<Label> = Vec::new();
    for file in &config.idn.reserved {
        reserved.extend(
            error.note(with(config, file, |text| labels(text, table.as_deref(), has_table))).unwrap_or_default(),
        );
    }
    reserved.extend(config.registry.reserved_labels.iter().filter_map(|label| Label::parse(label).ok()));
    (Labels::new(table, &reserved, divisions.unwrap_or_default(), look_alikes), error)
}

fn table(config: &Config) -> Result<Option<Table>, LabelsError> {
    let idn = &config.idn;
    let mut builder = Builder::new();
    if let Some(file) = &idn.lgr {
        let warnings = with(config, file, |text| builder.lgr(text))?;
        for warning in warnings {
            tracing::warn!("{}, {warning}", config.path(file).display());
        }
        return Ok(Some(builder.finish()));
    }
    let (Some(simplified), Some(traditional)) = (&idn.simplified, &idn.traditional) else { return Ok(None) };
    let mut error = LabelsError { files: Vec::new() };
    error.note(with(config, simplified, |text| builder.rfc3743(text, Form::Simplified)));
    error.note(with(config, traditional, |text| builder.rfc3743(text, Form::Traditional)));
    if error.files.is_empty() { Ok(Some(builder.finish())) } else { Err(error) }
}

/// One label a line; `#` begins a comment.
fn labels(text: &str, table: Option<&Table>, has_table: bool) -> Result<Vec<Label>, Vec<Fault>> {
    let (mut labels, mut faults) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match Label::parse_in(line, table) {
            Ok(label) => labels.push(label),
            Err(LabelError::Character { .. }) if !has_table => {}
            Err(error) => faults.push(Fault { line: index + 1, en: error.en(), zh: error.zh() }),
        }
    }
    if faults.is_empty() { Ok(labels) } else { Err(faults) }
}

/// What `read` makes of a file's text.
fn with<T>(config: &Config, file: &Path, read: impl FnOnce(&str) -> Result<T, Vec<Fault>>) -> Result<T, LabelsError> {
    let path = config.path(file);
    let text = match text_of(&path) {
        Ok(text) => text,
        Err(error) => return Err(LabelsError { files: vec![(path, What::Unreadable(error))] }),
    };
    read(&text).map_err(|faults| LabelsError { files: vec![(path, What::Faults(faults))] })
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(TABLE_OCTETS_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > TABLE_OCTETS_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {TABLE_OCTETS_MAX} octets")));
    }
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

impl LabelsError {
    /// What was read, or nothing and its faults noted here.
    fn note<T>(&mut self, read: Result<T, Self>) -> Option<T> {
        read.map_err(|error| self.files.extend(error.files)).ok()
    }

    /// `read`, or this if anything is wrong.
    fn or<T>(self, read: T) -> Result<T, Self> {
        if self.files.is_empty() { Ok(read) } else { Err(self) }
    }

    /// Whether a file is wrong, rather than unreadable.
    pub fn is_check(&self) -> bool {
        self.files.iter().any(|(_, what)| matches!(what, What::Faults(_)))
    }
}

impl fmt::Display for LabelsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (path, what) in &self.files {
            let path = path.display();
            match what {
                What::Unreadable(error) => {
                    let Advice { en, zh } = of_file(error);
                    write!(f, "{between}{path}: {error}; {en}\n{path}：{zh}")?;
                }
                What::Faults(faults) => {
                    for fault in faults {
                        write!(f, "{between}{path}, {fault}")?;
                        between = "\n";
                    }
                }
            }
            between = "\n";
        }
        Ok(())
    }
}

impl std::error::Error for LabelsError {}
