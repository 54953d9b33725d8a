//! Whether a zone that is signed in its file is signed as a whole: every RRset of its own by one of its keys (RFC 4035 §2.2).
//!
//! Signatures are not verified: what is looked for is what a signer, or an edit after it, has left out, and whether their times
//! are right.

use super::check::{Checks, show};
use super::denial;
use super::problem::Rule;
use super::times::Times;
use crate::zone::drafts::{Owner, Place};
use crate::zone::{Draft, Drafts, Name, Rtype};

/// Where RDATA of RRSIG has its algorithm, its key tag, and the name of who signs (RFC 4034 §3.1).
const ALGORITHM: usize = 2;
const KEY_TAG: std::ops::Range<usize> = 16..18;
const SIGNER: usize = 18;

/// A key of the zone, as signatures name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    algorithm: u8,
    tag: u16,
}

/// Checks the signatures of a zone at this time, and then what denies the names that it does not have, if anything in it signs.
pub(super) fn check(checks: &mut Checks<'_>, now: i64) {
    let drafts = checks.drafts;
    let place_of = |wanted| drafts.records().filter(|draft| draft.rtype == wanted).map(|draft| draft.place).min();
    let Some(apex) = drafts.find(&[]) else { return };
    let keys: Vec<Key> =
        apex.records().filter(|draft| draft.rtype == Rtype::DNSKEY).filter_map(|draft| Key::of(draft.rdata)).collect();
    let Some(signature) = place_of(Rtype::RRSIG) else {
        if let Some(place) = place_of(Rtype::DNSKEY).filter(|_| !keys.is_empty()) {
            checks.warning(place, Rule::SignatureMissing, || {
                let en = "the zone has keys, and nothing in it is signed; sign it before its DS is in the zone above";
                (en.into(), "区内有密钥，但没有任何签名；在上级区发布 DS 之前请先签名".into())
            });
        }
        return;
    };
    if keys.is_empty() {
        return checks.error(signature, Rule::SignatureMissing, || {
            let apex = show(drafts.apex());
            (
                format!("there are signatures, and no DNSKEY at {apex} to check them with; sign the zone again"),
                format!("区内有签名，但 {apex} 没有可供验证的 DNSKEY；请重新签名"),
            )
        });
    }
    let mut times = Times::at(now);
    for owner in drafts.owners() {
        let is_hidden = drafts.hidden_by(owner.labels()).is_some();
        signatures(checks, owner, is_hidden, &keys, &mut times);
    }
    times.report(checks);
    denial::check(checks, apex);
}

/// Whether a record of an owner is the zone's own, and so signed and denied by it: not what a delegation hides, and of what
/// stands at one only DS and what is made of the two (RFC 4035 §2.2, §2.3).
pub(super) fn is_own(owner: Owner<'_>, is_hidden: bool, draft: &Draft<'_>) -> bool {
    if draft.nsec3_hash().is_some() {
        return draft.rtype == Rtype::NSEC3;
    }
    let is_cut = owner.has(Rtype::NS) && !owner.is_apex();
    !is_hidden && (!is_cut || matches!(draft.rtype, Rtype::DS | Rtype::NSEC))
}

fn signatures(checks: &mut Checks<'_>, owner: Owner<'_>, is_hidden: bool, keys: &[Key], times: &mut Times) {
    let drafts = checks.drafts;
    let mut last = None;
    for draft in owner.records().filter(|draft| draft.rtype != Rtype::RRSIG) {
        let rtype = draft.rtype;
        if last.replace(rtype) == Some(rtype) || !is_own(owner, is_hidden, &draft) {
            continue;
        }
        let covering = || owner.records().filter(move |other| covered(other) == Some(rtype));
        let own = || covering().filter(|other| is_by(other.rdata, drafts.apex(), keys));
        if own().next().is_some() {
            times.take(rtype, || show(&drafts.name(owner.labels())), own());
            continue;
        }
        checks.error(draft.place, Rule::SignatureMissing, || {
            let owner = show(&drafts.name(owner.labels()));
            let mut tags: Vec<String> =
                covering().filter_map(|other| tag(other.rdata)).map(|tag| tag.to_string()).collect();
            tags.dedup();
            match &*tags.join(", ") {
                "" => (
                    format!("the {rtype} of {owner} is not signed, and the zone is; sign the zone again"),
                    format!("区已签名，但 {owner} 的 {rtype} 没有签名；请重新签名"),
                ),
                tags => (
                    format!("the {rtype} of {owner} is signed with key {tags}, which is none of the zone's DNSKEYs"),
                    format!("{owner} 的 {rtype} 由密钥 {tags} 签名，该密钥不在区的 DNSKEY 之中"),
                ),
            }
        });
    }
}

/// What a signature is of.
fn covered(draft: &Draft<'_>) -> Option<Rtype> {
    let number = draft.rdata.first_chunk().filter(|_| draft.rtype == Rtype::RRSIG)?;
    Some(Rtype(u16::from_be_bytes(*number)))
}

/// Whether a signature says that one of the zone's keys has made it.
fn is_by(rrsig: &[u8], apex: &Name, keys: &[Key]) -> bool {
    let signer = rrsig.get(SIGNER..).and_then(|rest| rest.get(..apex.as_wire().len()));
    let key = tag(rrsig).zip(rrsig.get(ALGORITHM)).map(|(tag, &algorithm)| Key { algorithm, tag });
    signer.is_some_and(|signer| signer.eq_ignore_ascii_case(apex.as_wire()))
        && key.is_some_and(|key| keys.contains(&key))
}

fn tag(rrsig: &[u8]) -> Option<u16> {
    rrsig.get(KEY_TAG).and_then(|tag| tag.first_chunk()).map(|tag| u16::from_be_bytes(*tag))
}

impl Key {
    /// From RDATA of DNSKEY; none if it is not for signing zones (RFC 4034 §2.1).
    fn of(rdata: &[u8]) -> Option<Self> {
        let [high, _, 3, algorithm, ..] = *rdata else { return None };
        // RFC 4034 appendix B; RSAMD5, which has another tag, signs nothing any more.
        let sum = |(at, octet): (usize, &u8)| if at % 2 == 0 { u32::from(*octet) << 8 } else { u32::from(*octet) };
        let sum: u32 = rdata.iter().enumerate().map(sum).sum();
        let tag = (sum + (sum >> 16)) as u16;
        (high & 1 == 1).then_some(Self { algorithm, tag })
    }
}

/// Where the first record of an owner stands; the whole file if it has none.
pub(super) fn first(owner: Owner<'_>) -> Place {
    owner.records().map(|draft| draft.place).min().unwrap_or(Place { file: 0, line: 0 })
}

/// The name with these labels before the apex's, for a person.
pub(super) fn shown(drafts: &Drafts, labels: &[u8]) -> String {
    show(&drafts.name(labels))
}
