//! Seals: signed heads of the journal in a file of their own, which tell a journal that was rewritten from the one that was.
//!
//! A chain of hashes shows that no line was changed alone; whoever can write all of it can make a new chain. A seal says which
//! line was the last at a time, and is signed with a key that need not be on the same machine for the check:
//!
//! ```text
//! {"v":1,"seq":7000,"hash":"<hash of line 7000>","at":"2026-11-22T08:00:00Z","sm3":"<head>","key":"<id>","sig":"<Ed25519>"}
//! ```
//! `sig` is the signature of the line's octets before `,"sig":`. `sm3`, where it is asked for, is a second chain over the whole
//! journal in another hash (GB/T 32905): head n = SM3(head n−1, line n without its end), head 0 = 32 zero octets.
//!
//! Lines are only ever appended. Copies of the file elsewhere are what makes it worth something: each line stands for itself.

use super::error::JournalError;
use super::line::{self, from_hex, to_hex};
use super::reader::JournalReader;
use super::seal_key::{SealKey, SealPublicKey};
use super::verify::walk;
use crate::registry::{Position, Timestamp};
use crate::telemetry::advice::of_file;
use serde::{Deserialize, Serialize};
use sm3::{Digest as _, Sm3};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file's name, beside the journal's directory.
pub const SEALS_FILE: &str = "journal-seals.ndjson";
/// What the signature follows.
const SIG: &str = ",\"sig\":\"";
/// Lines read at a time while a chain is followed.
const READ_LINES: usize = 256;
/// Most seals whose signatures a start looks at, the last ones: two weeks of them as the defaults have it, in under a second.
/// `verify-journal` looks at all.
const CHECKED_AT_START_MAX: usize = 2000;
/// Longest file of seals that is read: a million of them.
const SEALS_OCTETS_MAX: u64 = 512 << 20;

/// How often the journal is sealed, and with what.
pub struct SealSettings {
    /// Who signs.
    pub key: SealKey,
    /// After how many lines.
    pub lines: u64,
    /// After how many seconds, if there are new lines.
    pub secs: i64,
    /// Whether a chain in SM3 is kept beside.
    pub sm3: bool,
}

/// Seals a journal that grows.
pub struct Sealer {
    settings: SealSettings,
    reader: JournalReader,
    file: File,
    path: PathBuf,
    /// The last seal; the beginning if there is none.
    last: Position,
    at: Option<Timestamp>,
    /// The head of the SM3 chain, and the line it includes.
    sm3: ([u8; 32], u64),
    /// What was found at the start, and does not keep it from going on.
    found: Vec<SealFinding>,
}

/// What is wrong with a file of seals, though more can be added to it.
#[derive(Debug)]
pub enum SealFinding {
    /// It ended within a seal: the octets of it, and the file that they are kept in.
    Torn {
        /// How many.
        octets: usize,
        /// Where.
        aside: PathBuf,
    },
    /// A seal of the same key is not signed with it.
    Doubtful(SealError),
}

/// Why a journal cannot be sealed, or is not the one that was.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A file cannot be read or written.
    #[error("{path}: {source}; {}", of_file(source))]
    Io {
        /// Which.
        path: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The journal itself is broken.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A line is no seal, or not of this key.
    #[error("{path}, line {line} / 第 {line} 行: {what}")]
    Seal {
        /// The file of seals.
        path: String,
        /// The line in it, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The journal has another line where this one was sealed.
    #[error(
        "line {seq} of the journal is not the one that was sealed at {at}: the journal was rewritten at or before it. Put it \
         back from a copy, and find out who could write it / 日志第 {seq} 行与 {at} 的签名检查点不符：日志在该行或其之前被改写。\
         请由副本恢复，并查明何人有写入权限"
    )]
    Rewritten {
        /// The first line that differs from what was sealed.
        seq: u64,
        /// When it was sealed.
        at: String,
    },
    /// The journal ends before a line that was sealed.
    #[error(
        "line {seq} was sealed at {at}, but the journal ends at {last}: its end was cut off. Put it back from a copy / 第 {seq} \
         行已于 {at} 签名，日志却止于第 {last} 行：末尾被截去，请由副本恢复"
    )]
    CutOff {
        /// The first sealed line that is missing.
        seq: u64,
        /// When it was sealed.
        at: String,
        /// The last line there is.
        last: u64,
    },
}

impl SealError {
    fn of(path: &Path, line: usize, what: &str) -> Self {
        Self::Seal { path: path.display().to_string(), line, what: what.into() }
    }
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealReport {
    /// Seals that are good.
    pub seals: usize,
    /// The last sealed line.
    pub seq: u64,
    /// When it was sealed.
    pub at: String,
    /// Lines after it that no seal covers yet.
    pub unsealed: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealV1 {
    v: u32,
    seq: u64,
    hash: String,
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sm3: Option<String>,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sig: Option<String>,
}

impl Sealer {
    /// Goes on sealing the journal of `reader` in the data directory; its file of seals is made if it is not there.
    ///
    /// # Errors
    /// [`SealError`]: above all if the last seal is not of this journal. Nothing is sealed then.
    pub fn open(settings: SealSettings, reader: JournalReader, data_dir: &Path) -> Result<Self, SealError> {
        let path = data_dir.join(SEALS_FILE);
        let fail = |source| SealError::Io { path: path.display().to_string(), source };
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).open(&path).map_err(fail)?;
        File::open(data_dir).and_then(|directory| directory.sync_all()).map_err(fail)?;
        let text = read(&path)?;
        let (whole, torn) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
        let seals = parse(whole, &path)?;
        let mut found = Vec::new();
        if !torn.is_empty() {
            // The end of a seal that a power cut left out was told to nobody.
            let aside = keep_aside(&path, torn).map_err(fail)?;
            file.set_len(whole.len() as u64).map_err(fail)?;
            found.push(SealFinding::Torn { octets: torn.len(), aside });
        }
        found.extend(doubtful(whole, &seals, &settings.key.public(), &path).map(SealFinding::Doubtful));
        let (last, at, sm3) = (Position::default(), None, ([0; 32], 0));
        let mut sealer = Self { settings, reader, file, path, last, at, sm3, found };
        if let Some(seal) = seals.last() {
            sealer.resume(seal)?;
        }
        Ok(sealer)
    }

    fn resume(&mut self, seal: &SealV1) -> Result<(), SealError> {
        let last = self.reader.last();
        if seal.seq > last {
            return Err(SealError::CutOff { seq: seal.seq, at: seal.at.clone(), last });
        }
        let position = self.position(seal.seq)?;
        if to_hex(&position.hash) != seal.hash {
            return Err(SealError::Rewritten { seq: seal.seq, at: seal.at.clone() });
        }
        self.last = position;
        self.at = Timestamp::parse_start(&seal.at).ok();
        let head = seal.sm3.as_deref().and_then(|head| from_hex(head.as_bytes())?.try_into().ok());
        if let Some(head) = head {
            self.sm3 = (head, seal.seq);
        }
        Ok(())
    }

    /// Seals what has come, if it is time to; whether it was. Called every second or so.
    ///
    /// # Errors
    /// [`SealError`]; it is worth trying again.
    pub fn tick(&mut self, now: Timestamp) -> Result<bool, SealError> {
        let new = self.reader.last().saturating_sub(self.last.seq);
        let waited = self.at.is_none_or(|at| now.0.saturating_sub(at.0) >= self.settings.secs);
        if new == 0 || (new < self.settings.lines && !waited) {
            return Ok(false);
        }
        self.seal(now).map(|()| true)
    }

    /// Seals the journal as it is, if it has new lines.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&mut self, now: Timestamp) -> Result<(), SealError> {
        let last = self.reader.last();
        if last == self.last.seq {
            return Ok(());
        }
        let position = self.position(last)?;
        if self.settings.sm3 {
            self.follow(last)?;
        }
        let seal = SealV1 {
            v: 1,
            seq: last,
            hash: to_hex(&position.hash),
            at: now.to_string(),
            sm3: self.settings.sm3.then(|| to_hex(&self.sm3.0)),
            key: self.settings.key.public().id(),
            sig: None,
        };
        let mut line = serde_json::to_string(&seal).expect("a seal is plain data");
        line.pop();
        let signature = to_hex(&self.settings.key.sign(line.as_bytes()));
        line += &format!("{SIG}{signature}\"}}\n");
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|source| SealError::Io { path: self.path.display().to_string(), source })?;
        (self.last, self.at) = (position, Some(now));
        Ok(())
    }

    /// What was found at the start, for the log.
    pub fn found(&self) -> &[SealFinding] {
        &self.found
    }

    /// The last line that is sealed; 0 if none is.
    pub fn sealed(&self) -> u64 {
        self.last.seq
    }

    fn position(&self, seq: u64) -> Result<Position, SealError> {
        let lines = self.reader.lines_after(seq - 1, 1)?;
        let link = lines.first().and_then(|line| line::check(line.as_bytes()).ok());
        let link = link.ok_or(SealError::CutOff { seq, at: String::new(), last: self.reader.last() })?;
        Ok(Position { seq, hash: link.hash })
    }

    /// Brings the SM3 chain up to this line.
    fn follow(&mut self, to: u64) -> Result<(), SealError> {
        while self.sm3.1 < to {
            let limit = READ_LINES.min(usize::try_from(to - self.sm3.1).unwrap_or(READ_LINES));
            let lines = self.reader.lines_after(self.sm3.1, limit)?;
            if lines.is_empty() {
                return Err(SealError::CutOff { seq: to, at: String::new(), last: self.sm3.1 });
            }
            for line in lines {
                self.sm3 = (sm3_head(&self.sm3.0, line.as_bytes()), self.sm3.1 + 1);
            }
        }
        Ok(())
    }
}

/// Writes the torn end of the file of seals into a file of its own, and waits for it.
fn keep_aside(path: &Path, torn: &str) -> io::Result<PathBuf> {
    for again in 1_u32.. {
        let number = if again == 1 { String::new() } else { format!("-{again}") };
        let aside = path.with_file_name(format!("{SEALS_FILE}{number}.torn"));
        match File::create_new(&aside) {
            Ok(mut file) => return file.write_all(torn.as_bytes()).and_then(|()| file.sync_all()).map(|()| aside),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The first of the last seals that says it is of this key, and is not signed with it.
fn doubtful(text: &str, seals: &[SealV1], key: &SealPublicKey, path: &Path) -> Option<SealError> {
    let own = (1..).zip(text.lines()).zip(seals).skip(seals.len().saturating_sub(CHECKED_AT_START_MAX));
    let mut own = own.filter(|(_, seal)| seal.key == key.id());
    own.find_map(|((number, line), seal)| Some(SealError::of(path, number, check_signature(line, seal, key).err()?)))
}

/// The SM3 head after one more line.
fn sm3_head(head: &[u8; 32], line: &[u8]) -> [u8; 32] {
    Sm3::new().chain_update(head).chain_update(line).finalize().into()
}

/// Checks the journal in `directory` against the seals at `seals`, which must be of `key`.
///
/// # Errors
/// [`SealError`] tells the first mismatch.
pub fn check_seals(directory: &Path, seals: &Path, key: &SealPublicKey) -> Result<SealReport, SealError> {
    let text = read(seals)?;
    let sealed = parse(&text, seals)?;
    for ((number, line), seal) in (1..).zip(text.lines()).zip(&sealed) {
        check_signature(line, seal, key).map_err(|what| SealError::of(seals, number, what))?;
    }
    let chained = sealed.iter().any(|seal| seal.sm3.is_some());
    let mut next = sealed.iter().peekable();
    let (mut head, mut wrong) = ([0; 32], None);
    let report = walk(directory, &mut |_| {}, &mut |link, octets| {
        if chained {
            head = sm3_head(&head, line::without_mark(octets).0);
        }
        while let Some(seal) = next.next_if(|seal| seal.seq == link.seq) {
            let same = to_hex(&link.hash) == seal.hash && seal.sm3.as_ref().is_none_or(|sm3| *sm3 == to_hex(&head));
            if !same && wrong.is_none() {
                wrong = Some(SealError::Rewritten { seq: seal.seq, at: seal.at.clone() });
            }
        }
    })?;
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    if let Some(seal) = next.next() {
        return Err(SealError::CutOff { seq: seal.seq, at: seal.at.clone(), last: report.last.seq });
    }
    let (seq, at) = sealed.last().map(|seal| (seal.seq, seal.at.clone())).unwrap_or_default();
    Ok(SealReport { seals: sealed.len(), seq, at, unsealed: report.last.seq - seq })
}

/// That no seal beside the journal in `directory` knows of a line after `last`, where it ends or is torn, at this line of
/// this segment. Seals are not checked for their signatures here: any of them is reason enough neither to cut nor to append.
///
/// # Errors
/// [`JournalError::Sealed`], or that the seals cannot be read.
pub(super) fn allow_end(directory: &Path, (segment, line): (&str, u64), last: u64) -> Result<(), JournalError> {
    let path = directory.parent().unwrap_or(Path::new("")).join(SEALS_FILE);
    let whole = |text: String| text.rfind('\n').map_or_else(String::new, |end| text[..=end].to_owned());
    let seals = match read(&path).and_then(|text| parse(&whole(text), &path)) {
        Ok(seals) => seals,
        Err(SealError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(SealError::Io { path, source }) => return Err(JournalError::Io { path, source }),
        Err(SealError::Seal { path, line, what }) => {
            let remedy = "Whether the end of the journal is there is known by the seals alone / 日志末尾是否完整须对照签名检查点";
            return Err(JournalError::Broken { segment: path, line, what, remedy: remedy.into() });
        }
        Err(_) => unreachable!("reading seals finds no fault of a journal"),
    };
    match seals.last() {
        Some(seal) if seal.seq > last => {
            Err(JournalError::Sealed { segment: segment.into(), line, seq: seal.seq, at: seal.at.clone(), last })
        }
        _ => Ok(()),
    }
}

fn check_signature(line: &str, seal: &SealV1, key: &SealPublicKey) -> Result<(), &'static str> {
    if seal.key != key.id() {
        return Err("the seal is of another key; give that key's public half / 检查点由另一密钥签名，请使用其公钥");
    }
    let signature = seal.sig.as_deref().and_then(|sig| from_hex(sig.as_bytes())).unwrap_or_default();
    let signed = line.rfind(SIG).map_or("", |end| &line[..end]);
    if key.signed(signed.as_bytes(), &signature) {
        Ok(())
    } else {
        Err("the signature is not of this line: the seal was forged or damaged / 签名与该行不符：检查点被伪造或损坏")
    }
}

fn read(path: &Path) -> Result<String, SealError> {
    let fail = |source| SealError::Io { path: path.display().to_string(), source };
    if fs::metadata(path).map_err(fail)?.len() > SEALS_OCTETS_MAX {
        return Err(fail(io::Error::from(io::ErrorKind::FileTooLarge)));
    }
    fs::read_to_string(path).map_err(fail)
}

/// The seals of a file, their numbers rising.
fn parse(text: &str, path: &Path) -> Result<Vec<SealV1>, SealError> {
    let mut seals = Vec::<SealV1>::new();
    for (number, line) in (1..).zip(text.lines()) {
        let bad = |what| SealError::of(path, number, what);
        let seal: SealV1 = serde_json::from_str(line).map_err(|_| {
            bad("this is no seal: the line is damaged; put the file back from a copy / 此行不是检查点，应已损坏；请由副本恢复该文件")
        })?;
        if seal.v != 1 {
            let v = seal.v;
            return Err(bad(&format!(
                "the seal has version {v}, this program knows version 1: use the program that wrote it, or, if that was this \
                 one, put the damaged file back from a copy / 检查点版本为 {v}，本程序只认版本 1：请使用写入它的程序；若由本程序\
                 写入，则文件已损坏，请由副本恢复"
            )));
        }
        if seals.last().is_some_and(|before| before.seq >= seal.seq) {
            return Err(bad(
                "the seals are not in order: lines were taken out or put in; put the file back from a copy \
                 / 检查点次序有误，文件被改动过；请由副本恢复该文件",
            ));
        }
        seals.push(seal);
    }
    Ok(seals)
}
