//! Forward targets: a public http or https URL that does not lead back to a name that forwards itself.

use super::{Case, addresses, labels, names};
use crate::registry::name::is_www;
use crate::registry::resolution::TARGET_LEN_MAX;
use crate::registry::{Code, NameKey, Policy, Refusal, Resolution};
use std::net::IpAddr;
use url::{Host, Url};

const FIELD: &str = "resolution.target";

/// The target as `url` normalises it, if `key` may forward there.
pub(super) fn check(case: &Case<'_>, key: &NameKey, target: &str) -> Result<Box<str>, Refusal> {
    let url = parse(target)?;
    check_host(&url, case.policy())?;
    check_loop(case, key, &url)?;
    Ok(url.as_str().into())
}

fn parse(target: &str) -> Result<Url, Refusal> {
    // `url` drops tabs and line breaks and trims; what was reviewed must be what is served.
    let odd = target.chars().any(|c| c.is_control() || c.is_whitespace());
    let url = Url::parse(target).ok().filter(|url| !odd && matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        return Err(invalid(
            "The target is no http or https URL; write it in full, as in https://www.example/.",
            "转发目标不是 http 或 https 网址，请完整填写，例如 https://www.example/。",
        ));
    };
    if target.len().max(url.as_str().len()) > TARGET_LEN_MAX {
        return Err(invalid(
            &format!("The target is longer than {TARGET_LEN_MAX} octets; choose a shorter URL."),
            &format!("转发目标超过 {TARGET_LEN_MAX} 个字节，请选用较短的网址。"),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "The target has a user name or password before its host; leave them out.",
            "转发目标在主机名之前含有用户名或密码，请去掉。",
        ));
    }
    Ok(url)
}

fn check_host(url: &Url, policy: &Policy) -> Result<(), Refusal> {
    let address = match url.host() {
        Some(Host::Domain(domain)) => return check_domain(domain),
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
        None => return Err(invalid("The target has no host; write one.", "转发目标缺少主机名，请补上。")),
    };
    // A certificate and a review are for a name: even a public address is no place to send citizens to.
    if !policy.allow_special_addresses || addresses::is_never_a_host(address) {
        return Err(invalid(
            "The target's host is an IP address; write the site's domain name.",
            "转发目标的主机为 IP 地址，请填写网站的域名。",
        ));
    }
    Ok(())
}

fn check_domain(domain: &str) -> Result<(), Refusal> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let last = domain.rsplit('.').next();
    if last == Some("localhost") || !domain.contains('.') {
        return Err(invalid(
            "The target's host is no public name; write the site's full domain name.",
            "转发目标的主机不是公开的域名，请填写网站的完整域名。",
        ));
    }
    if domain.split('.').any(str::is_empty) {
        return Err(invalid("The target's host has an empty label; correct it.", "转发目标的主机名有空标签，请更正。"));
    }
    Ok(())
}

/// Neither the name itself nor a name that forwards may be a target: one step is all a citizen is sent (D.6). Variants
/// count as their names, for one that is not active now can be switched on later.
fn check_loop(case: &Case<'_>, key: &NameKey, url: &Url) -> Result<(), Refusal> {
    let Some(host) = url.domain() else { return Ok(()) };
    let bare = host.split_once('.').filter(|(first, _)| is_www(first)).map_or(host, |(_, rest)| rest);
    let Ok(other) = NameKey::parse(bare, case.policy()) else { return Ok(()) };
    let package = labels::package(case, &other)?;
    let is_own = names::bundle(case, &other) == names::bundle(case, key) || package.iter().any(|name| name.key == *key);
    if !is_own && !package.iter().any(|name| matches!(name.resolution, Some(Resolution::Forward { .. }))) {
        return Ok(());
    }
    let shown = other.to_unicode();
    Err(Refusal::new(
        Code::TargetLoop,
        format!("The target is on {shown}, which is forwarded itself; give the address of the site behind it."),
        format!("转发目标位于 {shown}，而该域名本身也是转发，请填写最终网站的网址。"),
    )
    .at(FIELD))
}

fn invalid(en: &str, zh: &str) -> Refusal {
    Refusal::new(Code::TargetInvalid, en, zh).at(FIELD)
}
