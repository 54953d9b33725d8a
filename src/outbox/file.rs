//! The file: notices are appended as lines of JSON, on the disk before their place is noted.

use super::Failed;
use super::batch::{Batch, NoticeV1};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;

/// Octets at the file's end in which its last line is looked for; a notice has under 1 KiB.
const TAIL_LEN: u64 = 16 * 1024;

/// Appends to a file; it is opened anew each time, so that it can be renamed away.
pub(super) struct FileSink {
    path: PathBuf,
}

impl FileSink {
    /// Nothing is opened yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Appends the notices that the file does not have yet.
    ///
    /// # Errors
    /// [`Failed`]; what was half written is taken back.
    pub(super) async fn deliver(&mut self, batch: &Batch) -> Result<(), Failed> {
        let (path, notices) = (self.path.clone(), batch.notices.clone());
        let appended = spawn_blocking(move || append(&path, &notices)).await;
        let path = self.path.display();
        appended.map_err(|error| Failed(error.to_string()))?.map_err(|error| Failed(format!("{path}: {error}")))
    }
}

fn append(path: &Path, notices: &[NoticeV1]) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let (end, last) = tail(&mut file)?;
    if file.metadata()?.len() > end {
        // A line that was being written when the machine stopped.
        file.set_len(end)?;
    }
    // Written, but not noted before the end of the process: what is handed in again begins with it.
    let known = notices.iter().position(|notice| last.as_ref() == Some(&notice.id)).map_or(0, |at| at + 1);
    let mut text = Vec::new();
    for notice in &notices[known..] {
        serde_json::to_writer(&mut text, notice)?;
        text.push(b'\n');
    }
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    if written.is_err() {
        // Perhaps there is no space; half a line must not stay.
        drop(file.set_len(end));
    }
    written
}

/// Where the last whole line ends, and the id of the notice in it.
fn tail(file: &mut File) -> io::Result<(u64, Option<String>)> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_LEN);
    file.seek(SeekFrom::Start(from))?;
    let mut octets = Vec::new();
    file.take(TAIL_LEN).read_to_end(&mut octets)?;
    let Some(end) = octets.iter().rposition(|octet| *octet == b'\n') else {
        // No line ends in it: it is empty, holds one torn line, or is no file of ours.
        return if from == 0 { Ok((0, None)) } else { Err(io::Error::other("it is not a file of notices")) };
    };
    let begin = octets[..end].iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
    let value: Option<serde_json::Value> = serde_json::from_slice(&octets[begin..end]).ok();
    let id = value.and_then(|value| Some(value.get("id")?.as_str()?.to_owned()));
    Ok((from + end as u64 + 1, id))
}
