//! The tokens of the admin API, with the secrets of second factors that are in files of their own.

use super::Error;
use super::keys::{SecretFile, secret_text};
use crate::admin::{Access, Token, TotpSecret};
use crate::config::{self, Config, TotpSource};
use crate::registry::Role;
use std::path::Path;

/// Reads every token that `config` has.
///
/// # Errors
/// [`Error::SecondFactor`] and [`Error::Io`], of each token that has one.
pub fn load(config: &Config) -> Result<Vec<Token>, Error> {
    let (mut tokens, mut errors) = (Vec::new(), Vec::new());
    for token in &config.admin.tokens {
        match read(config, token) {
            Ok(token) => tokens.push(token),
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors).map(|()| tokens)
}

fn read(config: &Config, token: &config::Token) -> Result<Token, Error> {
    let totp = match &token.totp {
        None => None,
        Some(TotpSource::Inline(secret)) => Some(secret.clone()),
        Some(TotpSource::File(path)) => Some(read_file(&config.path(path), &token.name)?),
    };
    Ok(Token {
        region: token.region.clone(),
        expires: token.expires,
        networks: token.networks.clone(),
        certificate: token.certificate,
        totp,
        ..Token::new(token.name.as_str().into(), token.role, token.sha256)
    })
}

fn read_file(path: &Path, token: &str) -> Result<TotpSecret, Error> {
    let wrong = |en: &str, zh: &str| Error::SecondFactor {
        path: path.to_owned(),
        en: format!("token {token}: {en}"),
        zh: format!("令牌 {token}：{zh}"),
    };
    let text = secret_text(path).map_err(|error| match error {
        SecretFile::Unreadable(source) => Error::Io { path: path.to_owned(), source },
        SecretFile::Open => wrong(
            "everybody on this machine may read or write the file; run `chmod 600` on it, and make a new secret",
            "本机任何人都可读写该文件；请执行 chmod 600,并更换密钥",
        ),
    })?;
    TotpSecret::from_base32(text.trim()).ok_or_else(|| {
        wrong(
            "the file is not a secret of 16 octets or more in Base32; `zhengming token new --totp` makes one",
            "文件内容不是至少 16 字节的 Base32 密钥；请用 zhengming token new --totp 生成",
        )
    })
}

/// Tells the API's memory of settings that are in force from now on, and the log of what nobody can do with them.
pub(super) fn configure(access: &Access, config: &Config, tokens: &[Token]) {
    access.configure(config.access_limits(), tokens);
    let confirms = |token: &Token| token.role == Role::Operator && token.totp.is_some();
    if !config.registry.second_factor.is_empty() && !tokens.iter().any(confirms) {
        tracing::warn!(
            "no operator's token has a second factor, so nobody can do what `registry.second_factor` names \
             / 没有运营令牌设置二次验证，registry.second_factor 所列操作无法进行"
        );
    }
}
