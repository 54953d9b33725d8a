//! The keys of transaction signatures, with the secrets that are in files of their own.

use crate::config::{Config, Secret, SecretSource, TsigKey};
use crate::telemetry::advice::{Advice, of_file};
use crate::tsig::{Key, Keys};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longest file of a secret. Secrets are some tens of octets; what is longer is another file.
const SECRET_FILE_LEN_MAX: u64 = 4096;
/// What others than the owner and its group may do with a file.
const MODE_OTHERS: u32 = 0o007;

/// What was read.
pub struct Loaded {
    /// The keys.
    pub keys: Keys,
    /// What is allowed, but weak.
    pub warnings: Vec<Warning>,
}

/// Something that is allowed, but weak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What and why, in English.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

/// Why the keys cannot be used: what is wrong with each. No secret is in it.
#[derive(Debug)]
pub struct KeysError {
    faults: Vec<Fault>,
}

#[derive(Debug)]
enum Fault {
    Unreadable { file: String, source: io::Error },
    Wrong { key: String, en: String, zh: String },
}

/// Reads every key that `config` names.
///
/// # Errors
/// [`KeysError`] with everything that is wrong with them.
pub fn load(config: &Config) -> Result<Loaded, KeysError> {
    let (mut keys, mut warnings, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for key in &config.keys {
        match read(config, key) {
            Ok((read, secret_len)) => {
                keys.push(read);
                warnings.extend(short(key, secret_len));
            }
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(Loaded { keys: Keys::new(keys), warnings }) } else { Err(KeysError { faults }) }
}

impl Loaded {
    /// The keys, when the warnings are logged.
    pub(super) fn logged(self) -> Keys {
        for Warning { en, zh } in self.warnings {
            tracing::warn!("{en} / {zh}");
        }
        self.keys
    }
}

/// The key, and octets of its secret.
fn read(config: &Config, key: &TsigKey) -> Result<(Key, usize), Fault> {
    let from_file;
    let secret = match &key.secret {
        SecretSource::Inline(secret) => secret,
        SecretSource::File(path) => {
            from_file = read_file(&config.path(path), &key.name.to_string())?;
            &from_file
        }
    };
    let made = Key::new(key.name.as_wire(), key.algorithm, &secret.0).map_err(|_| {
        wrong(
            &key.name.to_string(),
            "its secret is empty; make one with `openssl rand -base64 32`",
            "密钥为空；请用 openssl rand -base64 32 生成",
        )
    })?;
    Ok((made, secret.0.len()))
}

/// The secret in the file at `path`, which is of `whom`.
///
/// # Errors
/// [`KeysError`].
pub(super) fn read_secret(path: &Path, whom: &str) -> Result<Secret, KeysError> {
    read_file(path, whom).map_err(|fault| KeysError { faults: vec![fault] })
}

/// Why a secret's file is not used.
pub(super) enum SecretFile {
    /// It cannot be read.
    Unreadable(io::Error),
    /// Everybody can read or write it.
    Open,
}

/// The text of a secret's file, which must be out of others' reach.
pub(super) fn secret_text(path: &Path) -> Result<String, SecretFile> {
    let file = File::open(path).map_err(SecretFile::Unreadable)?;
    let mode = file.metadata().map_err(SecretFile::Unreadable)?.permissions().mode();
    if mode & MODE_OTHERS != 0 {
        return Err(SecretFile::Open);
    }
    let mut text = String::new();
    file.take(SECRET_FILE_LEN_MAX).read_to_string(&mut text).map_err(SecretFile::Unreadable)?;
    Ok(text)
}

fn read_file(path: &Path, key: &str) -> Result<Secret, Fault> {
    let text = secret_text(path).map_err(|error| match error {
        SecretFile::Unreadable(source) => Fault::Unreadable { file: path.display().to_string(), source },
        SecretFile::Open => {
            let path = path.display();
            wrong(
                key,
                format!(
                    "everybody on this machine may read or write {path}; run `chmod 600` on it, and make a new secret"
                ),
                format!("本机任何人都可读写 {path}；请执行 chmod 600,并更换密钥"),
            )
        }
    })?;
    let path = path.display();
    Secret::from_base64(text.trim()).ok_or_else(|| {
        wrong(
            key,
            format!("{path} is not a secret in Base64; make one with `openssl rand -base64 32`"),
            format!("{path} 不是 Base64 编码的密钥；请用 openssl rand -base64 32 生成"),
        )
    })
}

/// A secret shorter than the hash is easier to guess than the MAC (RFC 8945 §8).
fn short(key: &TsigKey, secret_len: usize) -> Option<Warning> {
    let wanted = key.algorithm.secret_len();
    (secret_len < wanted).then(|| Warning {
        en: format!(
            "key {}: its secret has {secret_len} octets, {} wants {wanted} (`openssl rand -base64 {wanted}`)",
            key.name, key.algorithm
        ),
        zh: format!(
            "密钥 {}：长度为 {secret_len} 字节，{} 应不少于 {wanted} 字节（openssl rand -base64 {wanted}）",
            key.name, key.algorithm
        ),
    })
}

fn wrong(key: &str, en: impl Into<String>, zh: impl Into<String>) -> Fault {
    Fault::Wrong { key: key.to_owned(), en: en.into(), zh: zh.into() }
}

impl KeysError {
    /// Whether a key is wrong, rather than a file unreadable.
    pub fn is_check(&self) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::Wrong { .. }))
    }
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            let end = if number + 1 < self.faults.len() { "\n" } else { "" };
            write!(f, "{fault}{end}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, source } => {
                let Advice { en, zh } = of_file(source);
                write!(f, "{file}: cannot be read: {source}; {en} / 无法读取：{zh}")
            }
            Self::Wrong { key, en, zh } => write!(f, "key {key}: {en} / {zh}"),
        }
    }
}

impl std::error::Error for KeysError {}
