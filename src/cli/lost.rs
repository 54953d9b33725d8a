//! Requests that got no good answer: what is wrong with the way to the server, and what to do.

use super::Failure;
use super::client::Lost;
use crate::http::client::{Cause, cause};
use std::error::Error;
use std::fmt;

/// A request that got no response from the server at `url`.
#[derive(Debug)]
pub(super) struct Unanswered {
    /// As it stands on the command line.
    pub(super) url: String,
    /// What went wrong.
    pub(super) why: Lost,
}

/// What to say of it.
pub(super) struct Told {
    pub(super) en: String,
    pub(super) zh: String,
    /// Whether it may be otherwise soon, as while a server starts again.
    pub(super) passes: bool,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.why)
    }
}

impl Error for Unanswered {}

/// What went wrong, and what to do.
pub(super) fn told(lost: &Lost) -> Told {
    let Some(Unanswered { url, why }) = lost.downcast_ref() else {
        return Told {
            en: format!("no good answer from the server: {lost}; look at its log, then repeat the command"),
            zh: "服务器没有正常应答；请查看其日志后重试".into(),
            passes: true,
        };
    };
    let (en, zh, passes) = match cause(why) {
        Cause::Refused => (
            format!("nothing listens there ({why}); start the server, or name its admin API with --url"),
            "该地址没有服务在监听；请启动服务，或用 --url 指定管理接口地址",
            true,
        ),
        Cause::Unresolved => (
            format!("its host has no address ({why}); check --url, and the resolver of this machine"),
            "主机名无法解析；请检查 --url 与本机的域名解析",
            true,
        ),
        Cause::Unreachable => (
            format!("nothing comes back from there ({why}); check --url, the network, and firewalls on the way"),
            "没有回应；请检查 --url、网络及途中的防火墙",
            true,
        ),
        Cause::NoTls => (
            format!("it does not speak TLS there ({why}); if that is the right port, use http:// in --url"),
            "该端口未使用 TLS；若端口无误，请在 --url 中改用 http://",
            false,
        ),
        Cause::NoHttp => (
            format!("what it answers is not HTTP ({why}); if it speaks TLS there, use https:// in --url"),
            "应答不是 HTTP；若该端口使用 TLS，请在 --url 中改用 https://",
            false,
        ),
        Cause::Certificate => (
            format!(
                "its certificate is not trusted ({why}); name the authority's with --ca, and the host as in the certificate"
            ),
            "服务器证书不受信任；请用 --ca 指定签发机构的证书，且 --url 中的主机名应与证书一致",
            false,
        ),
        Cause::ClientCertificate => (
            format!("it does not take the connection ({why}); if it wants a client certificate, give --cert and --key"),
            "服务器拒绝了 TLS 连接；若须出示客户端证书，请用 --cert 与 --key 指定",
            false,
        ),
        Cause::Closed => (
            format!(
                "it closed the connection without an answer ({why}); look at its log; if it speaks TLS there, use https://"
            ),
            "服务器未作应答即关闭连接；请查看其日志；若该端口使用 TLS，请改用 https://",
            true,
        ),
        Cause::Other => (
            format!("no good answer ({why}); look at the server's log, then repeat the command"),
            "服务器没有正常应答；请查看其日志后重试",
            true,
        ),
    };
    Told { en: format!("{url}: {en}"), zh: format!("{url}：{zh}"), passes }
}

/// The failure of a command that got no good answer.
pub(super) fn lost(error: Lost) -> Failure {
    let Told { en, zh, .. } = told(&error);
    Failure::system(en, zh)
}
