//! The one writer: its queue, group commit, the schedule of what falls due, and the brake.
//!
//! ```text
//! submit ─▶ queue ─▶ decide (on speculative state) ─▶ journal (one fsync a group) ─▶ publish ─▶ reply ─▶ store
//! ```
//!
//! The only door for a change: the API, an import, the clock and a reload all end here.

mod checkpoint;
pub mod clock;
mod differences;
mod engine;
mod group;
pub mod handle;
mod mend;
pub mod overlay;
mod pages;
mod priority;
pub mod publish;
mod recover;
mod reload;
mod restore;
mod scan;
mod schedule;
pub mod simulate;
mod tally;
#[cfg(test)]
mod tests;
mod watch;
mod writer;

pub use checkpoint::Pace;
#[cfg(feature = "test-clock")]
pub use clock::TestClock;
pub use clock::{Clock, SystemClock};
pub use handle::{Handle, Preview, Receipt, Status, Submission, UpdateError};
pub use pages::LargePages;
pub use priority::behind_answers;

use crate::idn::Table;
use crate::journal::disk::Disk;
use crate::journal::{JournalError, JournalReader, Limits};
use crate::registry::Policy;
use crate::snapshot;
pub use crate::store::WritePace;
use crate::telemetry;
use crate::telemetry::advice::of_file;
use crate::zone::{Gateway, Unloaded, Zone};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What makes a zone differ though nothing it is made from does: raised when `publication` or the forms of answers change
/// in a release, so that serials move by it.
const PUBLICATION_FORMAT: u8 = 1;

/// Zones as their files have them (no registrations yet), and the settings of publication.
pub struct Reload {
    /// One per configured zone, built and checked by `zonefile`; with the SHA-256 of its file.
    pub zones: Vec<(Zone, [u8; 32])>,
    /// The configured zones whose files could not be loaded.
    pub unloaded: Vec<Unloaded>,
    /// Addresses of the gateway, by primary suffix of the set.
    pub gateways: Vec<(Arc<str>, Gateway)>,
    /// The registry's settings.
    pub policy: Policy,
    /// Whose request it is, for the auditor; none: the start's or a signal's.
    pub asked_by: Option<Box<str>>,
}

/// What the writer starts from.
pub struct Start {
    /// Where `lock`, `journal/` and `sled/` are; created if absent.
    pub data_dir: PathBuf,
    /// The zones and settings to serve.
    pub reload: Reload,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What it counts.
    pub metrics: telemetry::Writer,
    /// How often what is published is written to a checkpoint.
    pub checkpoints: Pace,
    /// How much the store writes at once.
    pub writes: WritePace,
}

/// The running writer.
pub struct Running {
    /// The door for changes; clone it.
    pub handle: Handle,
    /// What is served; clone it.
    pub snapshots: snapshot::Reader,
    /// The journal's lines; clone it.
    pub journal: JournalReader,
    /// Its thread.
    writer: std::thread::JoinHandle<()>,
}

/// [`StartError::Locked::holder`] in Chinese.
fn holder_zh(holder: &str) -> String {
    match holder.strip_prefix("process ") {
        Some(pid) => format!("进程 {pid} "),
        None if holder == "another process" => "另一进程".into(),
        // Whatever else is known of it is better told in the wrong language than not at all.
        None => format!(" {holder} "),
    }
}

/// Why the writer does not start. The texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process has the data directory.
    #[error(
        "{path} is in use by {holder}: stop it first, or give this one another data directory / \
         数据目录正被{}使用：请先停止该进程，或另行指定数据目录",
        holder_zh(holder)
    )]
    Locked {
        /// The data directory.
        path: String,
        /// Who has it, as far as is known.
        holder: String,
    },
    /// The journal does not open.
    #[error(transparent)]
    Journal(JournalError),
    /// The store has applied transactions that the journal does not have.
    #[error(
        "the store has applied transaction {applied}, but the journal ends at {last}: acknowledged changes were lost. \
         Put the segments with the missing end back from a backup, a replica or a copy, or go on without it: \
         zhengming rebuild --accept-loss (where seals know of that end, it says what else to do) / \
         存储已应用到第 {applied} 号事务，日志却止于第 {last} 号，已确认的变更丢失。请用备份、副本或其他拷贝恢复含有末尾的段；\
         若接受丢失，请运行 zhengming rebuild --accept-loss（若签名检查点涉及该末尾，届时会说明须另做什么）"
    )]
    Behind {
        /// The store's last transaction.
        applied: u64,
        /// The journal's.
        last: u64,
    },
    /// The store cannot be opened, nor rebuilt.
    #[error(
        "the store cannot be opened, nor rebuilt from the journal: {0}. Put right what it says (where the disk is full, make room), \
         and start again; nothing is lost that is in the journal / 存储无法打开，也无法由日志重建。请排除上述问题（磁盘已满时先清理\
         空间）后重新启动；日志中的内容不会丢失"
    )]
    Store(String),
    /// What fell due, or the zones that were read, cannot be written to the journal.
    #[error("the journal takes no lines / 日志无法写入: {0}")]
    Unwritable(String),
    /// A file or directory cannot be used.
    #[error("{path}: {source}; {}", of_file(source))]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The last transaction the new store has applied.
    pub seq: u64,
    /// Where the old store is now, if there was one.
    pub aside: Option<PathBuf>,
    /// How many transactions the old store had applied that the journal does not have.
    pub lost: u64,
}

/// Opens the journal and the store, applies what fell due meanwhile, and starts the writer.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub fn start(settings: Start) -> Result<Running, StartError> {
    writer::start(settings, None)
}

/// [`start`] with the journal on any disk and with any limits.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub fn start_on(settings: Start, disk: Arc<dyn Disk>, limits: Limits) -> Result<Running, StartError> {
    writer::start(settings, Some((disk, limits)))
}

/// Rebuilds the store from the journal, with packages of labels by `table`. With `accept_loss` also when the store had applied more than the journal has:
/// serials go on above every serial the old store knew.
///
/// # Errors
/// [`StartError`]; the old store is in its place, or beside it under the name the log tells.
pub fn rebuild(data_dir: &Path, table: Option<Arc<Table>>, accept_loss: bool) -> Result<Rebuilt, StartError> {
    recover::rebuild(data_dir, table, accept_loss)
}

impl Running {
    /// Finishes what is queued, writes the store out and ends the writer. Whether it ended as it should.
    pub fn stop(self) -> bool {
        // The queue may be full: this waits for its turn like every other message.
        let sent = self.handle.queue.send((self.handle.awaited.one_more(), handle::Message::Stop)).is_ok();
        self.writer.join().is_ok() && sent
    }
}
