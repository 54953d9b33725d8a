//! What the file of a suffix may not hold, because registrations are published beside it.

use super::check::{Checks, show};
use super::problem::Rule;
use crate::zone::drafts::{Owner, Place};
use crate::zone::{Name, Rtype};

/// SOA TTL and MINIMUM of a suffix: a name that is restored resolves again after so many seconds (RFC 2308 §5).
const NEGATIVE_TTL: u32 = 300;
/// How labels begin that a registration could take (RFC 5890 §2.3.2.1).
const ALABEL_PREFIX: &[u8] = b"xn--";

pub(super) fn check(checks: &mut Checks<'_>) {
    let drafts = checks.drafts;
    for owner in drafts.owners() {
        let Some(first) = first(owner) else { continue };
        let labels = owner.labels();
        if registrable(labels).is_some() {
            checks.error(first, Rule::RegistryLabel, || {
                let owner = show(&drafts.name(labels));
                (
                    format!(
                        "{owner} belongs to a label that can be registered; the file of a suffix has no such labels"
                    ),
                    format!("{owner} 所在的标签可供注册，后缀的区文件中不能出现"),
                )
            });
        }
        if last_label(labels) == Some(b"*") {
            checks.error(first, Rule::RegistryWildcard, || {
                let owner = show(&drafts.name(labels));
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
    let signs = |rtype| matches!(rtype, Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3 | Rtype::NSEC3PARAM);
    let first = checks.drafts.records().filter(|draft| signs(draft.rtype)).min_by_key(|draft| draft.place);
    if let Some(first) = first {
        let rtype = first.rtype;
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
    registrable(name.relative_to(apex)?)
}

/// The same of a name's labels before the apex's.
fn registrable(labels: &[u8]) -> Option<&[u8]> {
    last_label(labels).filter(|label| {
        label
            .split_at_checked(ALABEL_PREFIX.len())
            .is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(ALABEL_PREFIX))
    })
}

fn last_label(mut labels: &[u8]) -> Option<&[u8]> {
    while let Some((&length, after)) = labels.split_first() {
        let (label, after) = after.split_at(usize::from(length));
        if after.is_empty() {
            return Some(label);
        }
        labels = after;
    }
    None
}

/// Where the first record of an owner stands.
fn first(owner: Owner<'_>) -> Option<Place> {
    owner.records().map(|draft| draft.place).min()
}

fn soa(checks: &mut Checks<'_>) {
    let Some(soa) = checks.drafts.find(&[]).and_then(|apex| apex.first(Rtype::SOA)) else { return };
    let minimum = soa.rdata.last_chunk().map_or(0, |minimum| u32::from_be_bytes(*minimum));
    if (soa.ttl, minimum) != (NEGATIVE_TTL, NEGATIVE_TTL) {
        let ttl = soa.ttl;
        checks.warning(soa.place, Rule::RegistrySoa, || {
            let en = format!("the SOA has TTL {ttl} and MINIMUM {minimum}; with {NEGATIVE_TTL} each a restored name resolves again in time");
            let zh = format!("SOA 的 TTL 为 {ttl}，MINIMUM 为 {minimum}；二者均应为 {NEGATIVE_TTL}，恢复的名称才能及时解析");
            (en, zh)
        });
    }
}
