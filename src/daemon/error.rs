//! Why the program does not start.

use super::keys::KeysError;
use super::labels::LabelsError;
use super::pem::Fault;
use super::zones::ZonesError;
use crate::config::ConfigError;
use crate::http::inherited::InheritedError;
use crate::telemetry::advice::{of_file, of_listener};
use crate::telemetry::log::LogError;
use crate::{server, update};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Most faults of one file that are told, as of zone files: one with more is wrong as a whole, and nobody reads further.
pub(super) const FAULTS_MAX: usize = 100;

/// Why the program does not start. The texts say what to do, in English and Chinese.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong, or cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Logging cannot be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A zone file is wrong, or cannot be read.
    #[error(transparent)]
    Zones(#[from] ZonesError),
    /// A file that labels are held against is wrong, or cannot be read.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// The journal or the store cannot be used.
    #[error("{0}\n数据目录无法使用，处理办法见上一行")]
    Writer(#[from] update::StartError),
    /// The first import is wrong.
    #[error("{path}, line {line}: {en}\n首次导入的数据有误：{zh}", path = path.display())]
    Seed {
        /// The file.
        path: PathBuf,
        /// Line in it; 0 if it is about the whole.
        line: usize,
        /// What is wrong.
        en: String,
        /// The same in Chinese.
        zh: String,
    },
    /// A DNS address cannot be served.
    #[error(transparent)]
    Server(#[from] server::StartError),
    /// A socket that systemd handed over cannot be used.
    #[error(transparent)]
    Inherited(#[from] InheritedError),
    /// An HTTP address cannot be bound.
    #[error("{address}: {source}; {}\n无法监听 {address}：{}", of_listener(source).en, of_listener(source).zh)]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}; {}\n{path}：{}", of_file(source).en, of_file(source).zh, path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("{path}: {}\n{path}：{}", what.en, what.zh, path = path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        what: Fault,
    },
    /// The secret of a second factor cannot be used.
    #[error("{path}: {en}\n{zh}", path = path.display())]
    SecondFactor {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        en: String,
        /// The same in Chinese.
        zh: String,
    },
    /// The file of targets is wrong.
    #[error("{path}, line {line}: {en}\n{zh}", path = path.display())]
    Targets {
        /// The file.
        path: PathBuf,
        /// Line in it.
        line: usize,
        /// What is wrong.
        en: String,
        /// The same in Chinese.
        zh: String,
    },
    /// The journal cannot be sealed.
    #[error("{what}")]
    Seals {
        /// What is wrong, in both languages.
        what: String,
    },
    /// Keys of transaction signatures cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// More than one of these.
    #[error("{}", lines(.0))]
    Several(Vec<Self>),
    /// The operating system gives no threads or signals.
    #[error("the operating system gives no threads or signals: {0}\n系统无法提供线程或信号")]
    Signals(io::Error),
}

impl Error {
    /// What all of these come to.
    ///
    /// # Errors
    /// One of several, if there is any.
    pub fn all(mut errors: Vec<Self>) -> Result<(), Self> {
        match errors.len() {
            0 => Ok(()),
            1 => errors.pop().map_or(Ok(()), Err),
            _ => Err(Self::Several(errors)),
        }
    }

    /// Both, if both are there.
    ///
    /// # Errors
    /// What is wrong with either.
    pub(super) fn both<A, B>(one: Result<A, Self>, other: Result<B, Self>) -> Result<(A, B), Self> {
        match (one, other) {
            (Ok(one), Ok(other)) => Ok((one, other)),
            (Err(one), Err(other)) => Err(Self::Several(vec![one, other])),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// Whether something that was checked is wrong, rather than something that failed.
    pub fn is_check(&self) -> bool {
        match self {
            Self::Config(ConfigError::Faults { .. })
            | Self::Log(_)
            | Self::Seed { .. }
            | Self::Certificate { .. }
            | Self::SecondFactor { .. }
            | Self::Seals { .. }
            | Self::Targets { .. }
            | Self::Writer(update::StartError::Journal(_) | update::StartError::Behind { .. }) => true,
            Self::Several(errors) => errors.iter().any(Self::is_check),
            Self::Zones(error) => error.is_check(),
            Self::Labels(error) => error.is_check(),
            Self::Keys(error) => error.is_check(),
            _ => false,
        }
    }
}

/// Each error on lines of its own.
fn lines(errors: &[Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
