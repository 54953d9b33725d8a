//! Delegations: name servers with their glue, and delegation signers.

use super::addresses;
use crate::idn;
use crate::registry::resolution::{DS_MAX, SERVERS_MAX};
use crate::registry::{Code, DelegationSigner, NameKey, NameServer, Policy, Refusal};
use std::net::IpAddr;

/// Most glue addresses of one server: with 13 servers a referral still fits one TCP message many times over, and few
/// servers have more than one address of each family.
const GLUE_MAX: usize = 4;
/// DS digest types and the octets of their digests (RFC 8624 §3.3: SHA-256 and SHA-384; SHA-1 and GOST are refused).
const DIGESTS: [(u8, usize); 2] = [(2, 32), (4, 48)];
/// Algorithms that zones may be signed with (RFC 8624 §3.1, without those based on SHA-1, MD5, DSA or GOST; 17 is SM2).
const ALGORITHMS: [u8; 7] = [8, 10, 13, 14, 15, 16, 17];

/// The servers with their hosts in normal form.
pub(super) fn check_servers(
    policy: &Policy,
    key: &NameKey,
    servers: &[NameServer],
) -> Result<Vec<NameServer>, Refusal> {
    if servers.is_empty() || servers.len() > SERVERS_MAX {
        let count = servers.len();
        return Err(Refusal::new(
            Code::ServerInvalid,
            format!("Give 1 to {SERVERS_MAX} name servers; there are {count}."),
            format!("请填写 1 至 {SERVERS_MAX} 个域名服务器，现有 {count} 个。"),
        )
        .at("resolution.servers"));
    }
    let aliases = aliases(policy, key);
    let mut checked: Vec<NameServer> = Vec::with_capacity(servers.len());
    for (index, server) in servers.iter().enumerate() {
        let field = format!("resolution.servers[{index}]");
        let host = host_name(&server.host).ok_or_else(|| no_host(&server.host).at(format!("{field}.host")))?;
        if checked.iter().any(|other| *other.host == *host) {
            return Err(invalid(
                format!("{host} is given twice; leave one out."),
                format!("域名服务器 {host} 重复，请去掉一个。"),
            )
            .at(format!("{field}.host")));
        }
        let in_domain = aliases.iter().any(|alias| is_within(&host, alias));
        check_glue(policy, &host, in_domain, &server.glue, &format!("{field}.glue"))?;
        checked.push(NameServer { host: host.into(), glue: server.glue.clone() });
    }
    Ok(checked)
}

pub(super) fn check_ds(ds: &[DelegationSigner]) -> Result<(), Refusal> {
    if ds.len() > DS_MAX {
        return Err(ds_invalid(
            format!("At most {DS_MAX} DS records; there are {}.", ds.len()),
            format!("DS 记录最多 {DS_MAX} 条，现有 {} 条。", ds.len()),
        )
        .at("resolution.ds"));
    }
    for (index, signer) in ds.iter().enumerate() {
        let field = |name: &str| format!("resolution.ds[{index}]{name}");
        let Some((digest_type, length)) = DIGESTS.into_iter().find(|(known, _)| *known == signer.digest_type) else {
            let found = signer.digest_type;
            return Err(ds_invalid(
                format!("Digest type {found} is not accepted; use 2 (SHA-256) or 4 (SHA-384)."),
                format!("不接受摘要类型 {found}，请使用 2（SHA-256）或 4（SHA-384）。"),
            )
            .at(field(".digest_type")));
        };
        if signer.digest.len() != length {
            let found = signer.digest.len();
            return Err(ds_invalid(
                format!("A digest of type {digest_type} has {length} octets, this one {found}; copy it whole."),
                format!("类型 {digest_type} 的摘要应为 {length} 个字节，现为 {found} 个，请完整填写。"),
            )
            .at(field(".digest")));
        }
        if !ALGORITHMS.contains(&signer.algorithm) {
            let found = signer.algorithm;
            return Err(ds_invalid(
                format!("Algorithm {found} is not accepted; sign with 8, 10 or 13 to 17."),
                format!("不接受算法 {found}，请使用 8、10 或 13 至 17。"),
            )
            .at(field(".algorithm")));
        }
        if ds[..index].contains(signer) {
            return Err(
                ds_invalid("The same DS is given twice; leave one out.", "DS 记录重复，请去掉一条。").at(field(""))
            );
        }
    }
    Ok(())
}

/// The name under each suffix of its set: a server inside any of them is inside the name.
fn aliases(policy: &Policy, key: &NameKey) -> Vec<String> {
    let set = policy.sets.iter().find(|set| set.suffixes.first() == Some(&key.set));
    let suffixes = set.map_or(std::slice::from_ref(&key.set), |set| &set.suffixes);
    suffixes.iter().map(|suffix| format!("{}.{suffix}", key.label.as_ascii())).collect()
}

fn is_within(host: &str, ancestor: &str) -> bool {
    host.strip_suffix(ancestor).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// A host name in lower-case A-labels: letters, digits and hyphens (RFC 1123 §2.1), two labels at least, no address.
fn host_name(text: &str) -> Option<String> {
    let host = idn::host_to_ascii(text)?;
    let is_ldh = |label: &str| !label.contains('_') && !label.starts_with('-') && !label.ends_with('-');
    let last_is_number = host.rsplit('.').next()?.bytes().all(|b| b.is_ascii_digit());
    (host.contains('.') && !last_is_number && host.split('.').all(is_ldh)).then_some(host)
}

/// Glue where the host could not be found without it, and nowhere else (narrow glue).
fn check_glue(policy: &Policy, host: &str, in_domain: bool, glue: &[IpAddr], field: &str) -> Result<(), Refusal> {
    let shown = idn::to_unicode(host);
    match (in_domain, glue.len()) {
        (false, 0) => Ok(()),
        (true, 1..=GLUE_MAX) => addresses::check_each(glue, policy, Code::ServerInvalid, field),
        (true, _) => Err(invalid(
            format!("{shown} lies inside the name and needs 1 to {GLUE_MAX} addresses as glue; give them."),
            format!("{shown} 位于该域名之内，须提供 1 至 {GLUE_MAX} 个粘附地址，请补充。"),
        )
        .at(field)),
        (false, _) => Err(invalid(
            format!("{shown} lies outside the name, where its addresses are not ours to say; leave its glue out."),
            format!("{shown} 不在该域名之内，不得提供粘附地址，请去掉。"),
        )
        .at(field)),
    }
}

fn no_host(host: &str) -> Refusal {
    // The text may be anything; a person finds it again by its beginning.
    let shown: String = host.chars().filter(|c| !c.is_control()).take(80).collect();
    invalid(
        format!("“{shown}” is no host name; give a full name of letters, digits and hyphens, as in ns1.example.net."),
        format!("“{shown}”不是主机名，请填写由字母、数字和连字符组成的完整域名，例如 ns1.example.net。"),
    )
}

fn invalid(en: impl Into<Box<str>>, zh: impl Into<Box<str>>) -> Refusal {
    Refusal::new(Code::ServerInvalid, en, zh)
}

fn ds_invalid(en: impl Into<Box<str>>, zh: impl Into<Box<str>>) -> Refusal {
    Refusal::new(Code::DsInvalid, en, zh)
}
