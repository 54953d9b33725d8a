//! Whether what denies in a signed zone is whole: every name is in the chain of NSEC (RFC 4035 §2.3) or NSEC3 (RFC 5155 §7.1),
//! says which types it has, and leads to the next, until the last leads to the first.

use super::check::Checks;
use super::problem::Rule;
use super::signed::{first, is_own, shown};
use crate::zone::canonical::Key;
use crate::zone::denial::Params;
use crate::zone::denial::nsec3::{HASH_LEN, Hash};
use crate::zone::drafts::{Owner, Place};
use crate::zone::rdata::encoding::base32;
use crate::zone::rdata::print::read_bitmap;
use crate::zone::{Draft, Drafts, Name, Rtype};
use std::collections::BTreeSet;

/// In the flags of NSEC3: delegations without DS may be left out after it (RFC 5155 §3.1.2.1).
const OPT_OUT: u8 = 1;

/// Checks the chain of the zone with this apex, which is signed.
pub(super) fn check(checks: &mut Checks<'_>, apex: Owner<'_>) {
    let params = apex.records().filter(|draft| draft.rtype == Rtype::NSEC3PARAM && draft.rdata.get(1) == Some(&0));
    if let Some(params) = params.filter_map(|draft| Params::read(draft.rdata)).next() {
        return Nsec3::of(checks.drafts, params).check(checks);
    }
    if checks.drafts.records().any(|draft| draft.rtype == Rtype::NSEC) {
        return nsec(checks);
    }
    checks.error(first(apex), Rule::DenialMissing, || {
        (
            "the zone is signed, and has neither NSEC nor NSEC3 with NSEC3PARAM: nothing proves what does not exist; sign it again".into(),
            "区已签名，但既无 NSEC，也无 NSEC3 及 NSEC3PARAM，无法证明名称不存在；请重新签名".into(),
        )
    });
}

/// Whether it is a delegation.
fn is_cut(owner: Owner<'_>) -> bool {
    owner.has(Rtype::NS) && !owner.is_apex()
}

/// The types that a name is said to have (RFC 4035 §2.3, RFC 5155 §7.1): at a delegation its NS too.
fn types_of(owner: Owner<'_>) -> BTreeSet<Rtype> {
    let records = owner.records().filter(|draft| draft.nsec3_hash().is_none());
    let told = |draft: &Draft<'_>| is_own(owner, false, draft) || matches!(draft.rtype, Rtype::NS | Rtype::RRSIG);
    records.filter(told).map(|draft| draft.rtype).collect()
}

/// Reports types that a record has and the name has not, or the other way round.
fn compare(checks: &mut Checks<'_>, owner: Owner<'_>, by: Rtype, place: Place, bitmap: &[u8]) {
    let drafts = checks.drafts;
    let said: BTreeSet<Rtype> = read_bitmap(bitmap).unwrap_or_default().into_iter().collect();
    let found = types_of(owner);
    if said == found {
        return;
    }
    checks.error(place, Rule::DenialTypes, || {
        let owner = shown(drafts, owner.labels());
        let list = |types: Vec<&Rtype>| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let (less, more) = (list(found.difference(&said).collect()), list(said.difference(&found).collect()));
        let (mut en, mut zh) = (format!("the {by} of {owner}"), format!("{owner} 的 {by}"));
        if !less.is_empty() {
            en += &format!(" denies {less}, which is there");
            zh += &format!(" 否认了实有的类型 {less}");
        }
        if !more.is_empty() {
            let (and, and_zh) = if less.is_empty() { ("", " ") } else { (", and", "，并") };
            en += &format!("{and} names {more}, which is not there");
            zh += &format!("{and_zh}列出了没有的类型 {more}");
        }
        (en + "; sign the zone again", zh + "；请重新签名")
    });
}

fn missing(checks: &mut Checks<'_>, owner: Owner<'_>, by: Rtype) {
    let drafts = checks.drafts;
    checks.error(first(owner), Rule::DenialMissing, || {
        let owner = shown(drafts, owner.labels());
        (
            format!("{owner} has no {by}, so that the zone proves that it does not exist; sign the zone again"),
            format!("{owner} 没有 {by}，区会证明该名称不存在；请重新签名"),
        )
    });
}

// ------------------------------------------------------------------------------------------------ NSEC

/// The name that an NSEC leads to.
fn next_of(draft: &Draft<'_>) -> Option<(Name, usize)> {
    Name::from_wire(draft.rdata).ok()
}

fn nsec(checks: &mut Checks<'_>) {
    let drafts = checks.drafts;
    let mut count = 0;
    for owner in drafts.owners() {
        let has_own = owner.records().any(|draft| draft.nsec3_hash().is_none());
        if !has_own || drafts.hidden_by(owner.labels()).is_some() {
            continue;
        }
        let Some(nsec) = owner.first(Rtype::NSEC) else {
            missing(checks, owner, Rtype::NSEC);
            continue;
        };
        count += 1;
        let bitmap = next_of(&nsec).map_or(&[][..], |(_, length)| &nsec.rdata[length..]);
        compare(checks, owner, Rtype::NSEC, nsec.place, bitmap);
    }
    if !is_closed(drafts, count) {
        nsec_breaks(checks);
    }
}

/// Whether the chain leads from the apex over all of its `count` records, upwards, and back: found without sorting them.
fn is_closed(drafts: &Drafts, count: usize) -> bool {
    let mut at = Vec::new();
    for visited in 1..=count {
        let owner = drafts.find(&at).filter(|owner| drafts.hidden_by(owner.labels()).is_none());
        let nsec = owner.and_then(|owner| owner.first(Rtype::NSEC));
        let Some((next, _)) = nsec.and_then(|nsec| next_of(&nsec)) else { return false };
        let Some(labels) = next.relative_to(drafts.apex()) else { return false };
        if labels.is_empty() {
            return visited == count;
        }
        if Key::of(labels).as_bytes() <= Key::of(&at).as_bytes() {
            return false;
        }
        at.clear();
        at.extend_from_slice(labels);
    }
    false
}

/// Reports each NSEC that leads elsewhere than to the next name in canonical order.
fn nsec_breaks(checks: &mut Checks<'_>) {
    let drafts = checks.drafts;
    let nsec = |owner: Owner<'_>| owner.first(Rtype::NSEC).is_some() && drafts.hidden_by(owner.labels()).is_none();
    let mut chain: Vec<Owner<'_>> = drafts.owners().filter(|owner| nsec(*owner)).collect();
    chain.sort_by_cached_key(|owner| Key::of(owner.labels()).as_bytes().to_vec());
    for (at, owner) in chain.iter().enumerate() {
        let Some(nsec) = owner.first(Rtype::NSEC) else { continue };
        let following = chain[(at + 1) % chain.len()].labels();
        let next = next_of(&nsec).map(|(name, _)| name);
        let leads = next.as_ref().and_then(|name| name.relative_to(drafts.apex()));
        if leads.is_some_and(|leads| leads.eq_ignore_ascii_case(following)) {
            continue;
        }
        checks.error(nsec.place, Rule::DenialChain, || {
            let (owner, following) = (shown(drafts, owner.labels()), shown(drafts, following));
            let next = next.as_ref().map(super::check::show).unwrap_or_default();
            (
                format!("the NSEC of {owner} leads to {next}, and the next name that has one is {following}; sign the zone again"),
                format!("{owner} 的 NSEC 指向 {next}，而其后的名称为 {following}；请重新签名"),
            )
        });
    }
}

// ------------------------------------------------------------------------------------------------ NSEC3

/// The NSEC3 records of one chain, by hash.
struct Nsec3<'d> {
    params: Params,
    links: Vec<(Hash, Draft<'d>)>,
}

impl<'d> Nsec3<'d> {
    fn of(drafts: &'d Drafts, params: Params) -> Self {
        let records = drafts.records().filter(|draft| draft.rtype == Rtype::NSEC3);
        let of_chain = records.filter(|draft| Params::read(draft.rdata).as_ref() == Some(&params));
        let mut links: Vec<(Hash, Draft<'d>)> =
            of_chain.filter_map(|draft| Some((draft.nsec3_hash()?, draft))).collect();
        links.sort_unstable_by_key(|(hash, draft)| (*hash, draft.place));
        Self { params, links }
    }

    fn check(&self, checks: &mut Checks<'_>) {
        let drafts = checks.drafts;
        for (at, (hash, draft)) in self.links.iter().enumerate() {
            let (following, _) = self.links[(at + 1) % self.links.len()];
            if self.next_of(draft) != Some(following) {
                broken(checks, hash, draft, &following);
            }
        }
        let mut met = vec![false; self.links.len()];
        let apex = drafts.apex().to_lowercase();
        for owner in drafts.owners() {
            if !owner.is_name() || drafts.hidden_by(owner.labels()).is_some() {
                continue;
            }
            let hash = self.params.hash([&owner.labels().to_ascii_lowercase(), apex.as_wire()]);
            match self.links.binary_search_by_key(&hash, |(hash, _)| *hash) {
                Ok(at) => {
                    met[at] = true;
                    let draft = &self.links[at].1;
                    compare(checks, owner, Rtype::NSEC3, draft.place, self.rest_of(draft).unwrap_or_default());
                }
                Err(at) if self.may_be_left_out(owner, at) => {}
                Err(_) => missing(checks, owner, Rtype::NSEC3),
            }
        }
        for ((hash, draft), _) in self.links.iter().zip(met).filter(|(_, met)| !met) {
            checks.error(draft.place, Rule::DenialTypes, || {
                let hash = label(hash);
                (
                    format!("the NSEC3 {hash} stands for no name of the zone; sign the zone again"),
                    format!("NSEC3 {hash} 不对应区内的任何名称；请重新签名"),
                )
            });
        }
    }

    /// Whether what comes before position `at` lets names be left out that only delegations without DS come to: these, and
    /// the empty names above them (RFC 5155 §7.1).
    fn may_be_left_out(&self, owner: Owner<'_>, at: usize) -> bool {
        let before = at.checked_sub(1).or(self.links.len().checked_sub(1));
        let is_open =
            before.is_some_and(|before| self.links[before].1.rdata.get(1).is_some_and(|flags| flags & OPT_OUT != 0));
        let is_empty = owner.records().next().is_none();
        is_open && (is_empty || (is_cut(owner) && !owner.has(Rtype::DS)))
    }

    /// What of RDATA stands behind algorithm, flags, iterations and salt.
    fn rest_of<'r>(&self, draft: &Draft<'r>) -> Option<&'r [u8]> {
        let after_hash = 5 + self.params.salt.len() + 1 + HASH_LEN;
        draft.rdata.get(after_hash..)
    }

    fn next_of(&self, draft: &Draft<'_>) -> Option<Hash> {
        draft.rdata.get(5 + self.params.salt.len() + 1..)?.first_chunk().copied()
    }
}

/// A hash as the label that it is.
fn label(hash: &Hash) -> String {
    let mut label = String::new();
    base32(hash, &mut label);
    label
}

fn broken(checks: &mut Checks<'_>, hash: &Hash, draft: &Draft<'_>, following: &Hash) {
    let place = draft.place;
    checks.error(place, Rule::DenialChain, || {
        let (hash, following) = (label(hash), label(following));
        (
            format!("the NSEC3 {hash} does not lead to {following}, which is the next; sign the zone again"),
            format!("NSEC3 {hash} 未指向其后的 {following}；请重新签名"),
        )
    });
}
