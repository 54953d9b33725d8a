//! How a command fails: an exit code, and what to do in English and Chinese.

use crate::telemetry::advice::{Advice, of_file};
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// A check failed, or a request was refused.
const REFUSED: u8 = 1;
/// The command line is wrong.
pub(super) const USAGE: u8 = 2;
/// A file, the network or the operating system failed.
const SYSTEM: u8 = 3;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// A check failed, or a request was refused.
    pub(super) fn refused(en: impl fmt::Display, zh: impl fmt::Display) -> Self {
        Self { code: REFUSED, text: format!("{en}\n{zh}") }
    }

    /// As [`Failure::refused`], of a text that is in both languages already.
    pub(super) fn refused_text(text: impl fmt::Display) -> Self {
        Self { code: REFUSED, text: text.to_string() }
    }

    /// The command line is wrong in a way its definitions cannot say.
    pub(super) fn usage(en: impl fmt::Display, zh: impl fmt::Display) -> Self {
        Self { code: USAGE, text: format!("{en}\n{zh}") }
    }

    /// A file, the network or the operating system failed.
    pub(super) fn system(en: impl fmt::Display, zh: impl fmt::Display) -> Self {
        Self { code: SYSTEM, text: format!("{en}\n{zh}") }
    }

    /// As [`Failure::system`], of a text that is in both languages already.
    pub(super) fn system_text(text: impl fmt::Display) -> Self {
        Self { code: SYSTEM, text: text.to_string() }
    }

    /// The file at `path` cannot be used.
    pub(super) fn file(path: &Path, error: &std::io::Error) -> Self {
        let (path, Advice { en, zh }) = (path.display(), of_file(error));
        Self::system(format!("{path}: {error}; {en}"), format!("{path}：{zh}"))
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zhengming: {}", self.text.replace('\n', "\n           "))
    }
}
