//! Why the journal cannot be used, in English and in Chinese, with what to do about it.

use super::line::Flaw;
use super::scan::{Chain, Fault};
use super::seals::SEALS_FILE;
use crate::registry::Timestamp;
use crate::telemetry::advice::of_file;
use std::io;
use std::path::Path;

/// Why the journal cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The chain is broken in the middle: segment, line number in it, and what to do.
    #[error("{segment}, line {line} / 第 {line} 行: {what}. {remedy}")]
    Broken {
        /// Path of the segment file.
        segment: String,
        /// Number of the line in it, from 1.
        line: usize,
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The store is ahead: acknowledged lines were lost. `rebuild --accept-loss` goes on without them.
    #[error(
        "the store has applied {applied}, but the journal ends at {last} / 存储已应用到第 {applied} 号，日志却止于第 {last} 号"
    )]
    Behind {
        /// The last transaction that the store has applied.
        applied: u64,
        /// The last one that the journal has.
        last: u64,
    },
    /// The end is torn or missing, but a seal knows of lines there: they were acknowledged, so nothing is cut off or appended.
    #[error(
        "{segment}, line {line} / 第 {line} 行: the journal is whole up to transaction {last} only, but {seq} was sealed at {at}: \
         what follows was acknowledged, so nothing is cut off or added. Stop, and put this file back from a backup or from a replica \
         (what a start has cut off is in *.torn beside it). \
         If there is none, --accept-loss alone does not go past a seal: move {} out of the data directory, keep it, and run \
         zhengming rebuild --accept-loss; the changes after {last} are lost then / \
         日志仅完整至第 {last} 号事务，而第 {seq} 号已于 {at} 签名：其后内容曾获确认，不予截去或续写。请停止服务，用备份或副本恢复此文件（启动时截去的内容存于同目录的 *.torn）。\
         若均无，仅用 --accept-loss 不能越过签名检查点：请将 {} 移出数据目录另行保存，再运行 zhengming rebuild --accept-loss；\
         第 {last} 号之后的变更将丢失",
        SEALS_FILE,
        SEALS_FILE
    )]
    Sealed {
        /// Path of the segment file.
        segment: String,
        /// Number of the first line in it that is not whole, from 1.
        line: u64,
        /// The last line that was sealed.
        seq: u64,
        /// When.
        at: String,
        /// The last whole line.
        last: u64,
    },
    /// A transaction of the journal was not taken by whoever replays it.
    #[error("transaction {seq} cannot be replayed / 第 {seq} 号事务无法重放: {what}")]
    Replay {
        /// Its number.
        seq: u64,
        /// Why.
        what: String,
    },
    /// The operating system says no.
    #[error("{path}: {source}; {}", of_file(source))]
    Io {
        /// Which file or directory.
        path: String,
        /// What it says.
        source: io::Error,
    },
}

/// Why a group was not appended. None of it will ever be seen.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No space, now or by the reserve kept free; what was written is cut off again. Later appends may succeed.
    #[error("no space for the journal / 日志空间不足: {0}")]
    Full(String),
    /// A line would be longer than the limit.
    #[error("the transaction makes a line of {0} octets / 该事务的日志行长达 {0} 字节，超出上限")]
    TooLong(usize),
    /// A write or fsync failed; whether lines are durable is unknown, so nothing is appended until a restart.
    #[error("the journal failed and takes no more lines until a restart / 日志已失效，重启前不再接受写入: {0}")]
    Failed(String),
}

impl JournalError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), source }
    }

    /// The chain is broken by `fault` on `line` of the segment at `path`.
    pub(super) fn broken(path: &Path, line: u64, fault: &Fault) -> Self {
        let restore = "Stop, and put this file back from a backup or from a replica; zhengming verify-journal then says \
                       whether the chain is whole / 请停止服务，用备份或副本恢复此文件，再用 zhengming verify-journal 验证";
        let (what, remedy) = match fault {
            Fault::Line(Flaw::Form) => ("this is not a line of the journal / 此行不是日志行".into(), restore),
            Fault::Line(Flaw::Hash) => {
                ("the line is not the one its hash was made of / 行内容与其散列值不符".into(), restore)
            }
            Fault::Line(Flaw::Version(found)) => (
                format!(
                    "the line has version {found}, this program knows version 1 / 行版本为 {found}，本程序只认版本 1"
                ),
                "Use the program that wrote it, or a newer one / 请使用写入该行的程序或更新的版本",
            ),
            Fault::Seq { expected, found } => (
                format!(
                    "transaction {expected} should be here, not {found} / 此处应为第 {expected} 号事务，却是第 {found} 号"
                ),
                restore,
            ),
            Fault::Prev => (
                "the line does not follow the line before it: `prev` is not that line's hash / \
                 本行与上一行不相接：prev 不是上一行的散列值"
                    .into(),
                restore,
            ),
            Fault::Applied => (
                "the store has applied another transaction of this number / 存储中同号事务与此行不同".into(),
                "The journal and the store are not of one registry: put back those that belong together, or rebuild the \
                 store from this journal with zhengming rebuild / 日志与存储不配套：请恢复成套的数据，或用 zhengming rebuild \
                 由日志重建存储",
            ),
        };
        Self::Broken {
            segment: path.display().to_string(),
            line: usize::try_from(line).unwrap_or(usize::MAX),
            what,
            remedy: remedy.into(),
        }
    }

    /// The last `line` of the segment at `path` was written whole and is another one now.
    pub(super) fn altered(path: &Path, line: u64, fault: &Fault) -> Self {
        let mut error = Self::broken(path, line, fault);
        if let Self::Broken { what, remedy, .. } = &mut error {
            *what += ". It is the last line and has its end, so it was not torn while it was written: it was altered since, and \
                      may have been acknowledged / 此为末行且已写完整，并非写入中断所致：系事后被改动，且可能已获确认";
            *remedy += ". If there is neither, keep a copy of this file, take the line out by hand (only a last line can go so: no \
                        other follows it), and go on with zhengming rebuild --accept-loss: its change is lost / 若均无，请先另存此文件，\
                        再手工删去该行（仅末行可以：其后没有别的行），并执行 zhengming rebuild --accept-loss；该行的变更将丢失";
        }
        error
    }

    /// The transactions from `expected` to the segment at `path`, which begins with `found`, are in no file.
    pub(super) fn missing(path: &Path, expected: u64, found: u64) -> Self {
        let what = format!(
            "transactions {expected} to {} are missing before this segment / 此段之前缺少第 {expected} 至 {} 号事务",
            found.saturating_sub(1),
            found.saturating_sub(1),
        );
        let remedy =
            "Put the missing segment files back from a backup or from a replica / 请用备份或副本恢复缺失的段文件";
        Self::Broken { segment: path.display().to_string(), line: 1, what, remedy: remedy.into() }
    }

    /// A whole line whose members this program cannot read.
    pub(super) fn unreadable(path: &Path, line: u64, what: &str) -> Self {
        let what =
            format!("the line is whole, but its members are not known: {what} / 行完整，但其成员无法识别：{what}");
        let remedy = "Use the program that wrote it, or a newer one / 请使用写入该行的程序或更新的版本";
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        Self::Broken { segment: path.display().to_string(), line, what, remedy: remedy.into() }
    }
}

/// A torn end that was cut off, or that a running server may be writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornEnd {
    /// Path of the segment file.
    pub segment: String,
    /// Number of the first line that is not whole, from 1.
    pub line: u64,
    /// Octets from there to the end.
    pub octets: u64,
    /// Name of the file beside the segment where they are kept, once they are cut off.
    pub kept: Option<String>,
}

impl TornEnd {
    /// What follows the good lines of a segment.
    pub(super) fn of(path: &Path, chain: &Chain) -> Self {
        Self { segment: path.display().to_string(), line: chain.lines + 1, octets: chain.rest, kept: None }
    }
}

/// What a whole journal is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Segment files.
    pub segments: usize,
    /// Whole lines in them.
    pub lines: u64,
    /// Octets of these lines.
    pub octets: u64,
    /// The last whole line.
    pub last: crate::registry::Position,
    /// The time of the last whole line.
    pub at: Option<Timestamp>,
    /// What follows it, if anything: a group that was not waited for. A start cuts it off, unless the store knows of it.
    pub torn: Option<TornEnd>,
}
