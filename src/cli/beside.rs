//! Files that are whole under their name or not there: what is written meanwhile stands beside, as `NAME.part`.

use super::Failure;
use std::fs::File;
use std::future::Future;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// What is written in the place of the file at `whole`; gone when this is dropped.
struct Beside<'w> {
    path: PathBuf,
    whole: &'w Path,
}

/// Has `write` write the file at `path`. If that fails, or a signal ends it, what was written is removed and what was there
/// before stays.
///
/// # Errors
/// Those of `write`, or [`Failure`] of the file.
pub(super) async fn write_whole<F>(path: &Path, write: impl FnOnce(BufWriter<File>) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let no_signals = |error: io::Error| Failure::system(format!("no signals: {error}"), "系统无法提供信号");
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let beside = Beside { path: path.with_added_extension("part"), whole: path };
    let file = File::create(&beside.path).map_err(|error| Failure::file(&beside.path, &error))?;
    tokio::select! {
        written = write(BufWriter::new(file)) => written?,
        _ = terminate.recv() => return Err(interrupted(path)),
        _ = interrupt.recv() => return Err(interrupted(path)),
    }
    beside.finish()
}

fn interrupted(path: &Path) -> Failure {
    let path = path.display();
    Failure::system(
        format!("interrupted: {path} was not written; repeat the command"),
        format!("已中断：{path} 未写入；请重新执行"),
    )
}

impl Beside<'_> {
    fn finish(self) -> Result<(), Failure> {
        std::fs::rename(&self.path, self.whole).map_err(|error| Failure::file(self.whole, &error))
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // Renamed, it is not there; where it cannot be removed, the next run overwrites it.
        let _ = std::fs::remove_file(&self.path);
    }
}
