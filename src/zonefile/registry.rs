//! What the file of a suffix may not hold, because registrations are published beside it.

use super::check::{Checks, show};
use super::problem::Rule;
use crate::zone::{Name, Rtype};

/// SOA TTL and MINIMUM of a suffix: a name that is restored resolves again after so many seconds (RFC 2308 §5).
const NEGATIVE_TTL: u32 = 300;
/// How labels begin that a registration could take (RFC 5890 §2.3.2.1).
const ALABEL_PREFIX: &[u8] = b"xn--";

pub(super) fn check(checks: &mut Checks<'_>) {
    let tree = checks.tree;
    for node in tree.nodes() {
        let owner = tree.owner(node);
        let Some(first) = tree.records(node).next() else { continue };
        if label(owner, checks.apex).is_some() {
            checks.error(first.place, Rule::RegistryLabel, || {
                let owner = show(owner);
                (
                    format!(
                        "{owner} belongs to a label that can be registered; the file of a suffix has no such labels"
                    ),
                    format!("{owner} 所在的标签可供注册，后缀的区文件中不能出现"),
                )
            });
        }
        if is_wildcard(owner, checks.apex) {
            checks.error(first.place, Rule::RegistryWildcard, || {
                let owner = show(owner);
                (
                    format!("{owner} would answer for names that are not registered; a suffix has no wildcard"),
                    format!("{owner} 会应答未注册的名称，后缀下不得有通配符"),
                )
            });
        }
    }
    soa(checks);
    signed(checks);
}

/// Registrations change what the signatures and the denial of a signed file are about.
fn signed(checks: &mut Checks<'_>) {
    let tree = checks.tree;
    let signs = |rtype| matches!(rtype, Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3 | Rtype::NSEC3PARAM);
    let first = tree.nodes().flat_map(|node| tree.records(node)).find(|located| signs(located.record.rtype));
    if let Some(first) = first {
        let rtype = first.record.rtype;
        checks.error(first.place, Rule::RegistrySigned, || {
            (
                format!("the file of a suffix is not signed: with this {rtype} and others resolvers would take registered names for forged"),
                format!("后缀的区文件不得预先签名：有此 {rtype} 等记录，解析器会把已注册的名称视为伪造"),
            )
        });
    }
}

/// The label directly below the apex that `name` is at or below, if a registration could take it.
pub(super) fn label<'n>(name: &'n Name, apex: &Name) -> Option<&'n [u8]> {
    last_label(name, apex).filter(|label| {
        label
            .split_at_checked(ALABEL_PREFIX.len())
            .is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(ALABEL_PREFIX))
    })
}

fn is_wildcard(name: &Name, apex: &Name) -> bool {
    last_label(name, apex) == Some(b"*")
}

fn last_label<'n>(name: &'n Name, apex: &Name) -> Option<&'n [u8]> {
    let mut rest = name.relative_to(apex)?;
    while let Some((&length, after)) = rest.split_first() {
        let (label, after) = after.split_at(usize::from(length));
        if after.is_empty() {
            return Some(label);
        }
        rest = after;
    }
    None
}

fn soa(checks: &mut Checks<'_>) {
    let tree = checks.tree;
    let Some(soa) = tree.find(checks.apex.as_wire()).and_then(|node| tree.first(node, Rtype::SOA)) else { return };
    let minimum = soa.record.rdata.last_chunk().map_or(0, |minimum| u32::from_be_bytes(*minimum));
    if (soa.record.ttl, minimum) != (NEGATIVE_TTL, NEGATIVE_TTL) {
        let ttl = soa.record.ttl;
        checks.warning(soa.place, Rule::RegistrySoa, || {
            let en = format!("the SOA has TTL {ttl} and MINIMUM {minimum}; with {NEGATIVE_TTL} each a restored name resolves again in time");
            let zh = format!("SOA 的 TTL 为 {ttl}，MINIMUM 为 {minimum}；二者均应为 {NEGATIVE_TTL}，恢复的名称才能及时解析");
            (en, zh)
        });
    }
}
