//! The checks of one zone: its apex, each owner, each RRset.

use super::problem::{Problem, Problems, Rule, Severity};
use super::{Located, Place, registry, signed, targets};
use crate::idn;
use crate::zone::denial::Params;
use crate::zone::denial::nsec3::{ITERATIONS_MAX, ITERATIONS_SECURE_MAX};
use crate::zone::drafts::Owner;
use crate::zone::rdata::lowercase_names;
use crate::zone::{Draft, Drafts, Name, Rtype};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Most octets of an RRset's records beside their owners: type, class, TTL, length and RDATA. More fits no message.
const RRSET_LEN_MAX: usize = 65_535;
/// Octets of a record beside owner and RDATA.
const RECORD_FIXED_LEN: usize = 10;

/// What all checks need.
pub(super) struct Checks<'a> {
    pub(super) drafts: &'a Drafts,
    files: &'a [Arc<Path>],
    problems: &'a mut Problems,
    /// Whether all records could be read. Else what could not be would be reported once more, as missing.
    is_whole: bool,
}

/// How far a check goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// As far as an answer needs.
    Served,
    /// To what the zone's signer has left out, too, and what holds no more at this time.
    Signed(i64),
}

/// Checks the zone that `drafts` make; `outside` are records that it was to have and that are not in it.
pub(super) fn zone(
    drafts: &Drafts,
    outside: &[Located],
    files: &[Arc<Path>],
    (registry_zone, depth): (bool, Depth),
    problems: &mut Problems,
) {
    let is_whole = !problems.has_errors();
    let mut checks = Checks { drafts, files, problems, is_whole };
    for located in outside {
        checks.error(located.place, Rule::OutOfZone, || {
            let (owner, zone) = (show(&located.record.owner), show(drafts.apex()));
            (
                format!("{owner} is outside the zone {zone}; is a final dot missing or too many?"),
                format!("{owner} 不在区 {zone} 内，请检查末尾的点"),
            )
        });
    }
    apex_records(&mut checks);
    nsec3_iterations(&mut checks);
    let name_servers = targets::name_servers(drafts);
    for owner in drafts.owners() {
        let above = drafts.hidden_by(owner.labels());
        aliases(&mut checks, owner);
        rrsets(&mut checks, owner);
        occluded(&mut checks, owner, above, &name_servers);
        if above.is_none() {
            targets::check(&mut checks, owner, registry_zone);
        }
    }
    if registry_zone {
        registry::check(&mut checks);
    } else if let Depth::Signed(now) = depth
        && is_whole
    {
        signed::check(&mut checks, now);
    }
}

impl Checks<'_> {
    pub(super) fn error(&mut self, place: Place, rule: Rule, text: impl FnOnce() -> (String, String)) {
        self.report(Severity::Error, place, rule, text);
    }

    pub(super) fn warning(&mut self, place: Place, rule: Rule, text: impl FnOnce() -> (String, String)) {
        self.report(Severity::Warning, place, rule, text);
    }

    pub(super) fn report(
        &mut self,
        severity: Severity,
        place: Place,
        rule: Rule,
        text: impl FnOnce() -> (String, String),
    ) {
        if !self.is_whole && rule.is_about_missing() {
            return;
        }
        let file = &self.files[usize::from(place.file)];
        // A zone with a million of them must not cost a million texts.
        if self.problems.admits(severity, file, place.line) {
            let (en, zh) = text();
            let file = Arc::clone(file);
            self.problems.add(Problem { severity, rule, file, line: place.line, en, zh });
        }
    }
}

/// A name for a person: with its U-labels if it has any.
pub(super) fn show(name: &Name) -> String {
    let ascii = name.to_string();
    let unicode = idn::to_unicode(ascii.trim_end_matches('.'));
    if unicode.is_ascii() { ascii } else { format!("{ascii} ({unicode})") }
}

fn apex_records(checks: &mut Checks<'_>) {
    let whole = Place { file: 0, line: 0 };
    let apex = show(checks.drafts.apex());
    let owner = checks.drafts.find(&[]);
    let has = |rtype| owner.is_some_and(|owner| owner.has(rtype));
    let (soa, ns) = (has(Rtype::SOA), has(Rtype::NS));
    if !soa {
        let text = || {
            (
                format!("there is no SOA at {apex}; add one, or check that the zone's name is right"),
                format!("{apex} 没有 SOA 记录；请添加，或核对区名"),
            )
        };
        checks.error(whole, Rule::SoaMissing, text);
    }
    if !ns {
        let text = || {
            (
                format!("there is no NS at {apex}; add one for each of the zone's servers"),
                format!("{apex} 没有 NS 记录；请为该区的每台服务器添加一条"),
            )
        };
        checks.error(whole, Rule::NsMissing, text);
    }
}

/// The costs of NSEC3: resolvers do without the proofs above one number of iterations, without the zone above another.
fn nsec3_iterations(checks: &mut Checks<'_>) {
    let Some(apex) = checks.drafts.find(&[]) else { return };
    for draft in apex.records().filter(|draft| draft.rtype == Rtype::NSEC3PARAM) {
        let Some(Params { iterations, .. }) = Params::read(draft.rdata) else { continue };
        if iterations <= ITERATIONS_SECURE_MAX {
            continue;
        }
        let (severity, most) = if iterations <= ITERATIONS_MAX {
            (Severity::Warning, ITERATIONS_SECURE_MAX)
        } else {
            (Severity::Error, ITERATIONS_MAX)
        };
        checks.report(severity, draft.place, Rule::Nsec3Iterations, || {
            (
                format!("NSEC3 with {iterations} iterations; sign the zone with 0, and never with more than {most} (RFC 9276)"),
                format!("NSEC3 迭代次数为 {iterations}；请以 0 次签名，不得超过 {most} 次（RFC 9276）"),
            )
        });
    }
}

/// CNAME, DNAME and SOA: what may stand once, or alone.
fn aliases(checks: &mut Checks<'_>, owner: Owner<'_>) {
    let drafts = checks.drafts;
    let shown = || show(&drafts.name(owner.labels()));
    for draft in owner.records().filter(|draft| draft.rtype == Rtype::SOA).skip(usize::from(owner.is_apex())) {
        checks.error(draft.place, Rule::SoaExtra, || {
            let owner = shown();
            (
                format!("a zone has one SOA, at its apex; this one at {owner} is too many"),
                format!("一个区只有一条 SOA，位于区顶点；{owner} 处的这条多余"),
            )
        });
    }
    for rtype in [Rtype::CNAME, Rtype::DNAME] {
        let mut all = owner.records().filter(|draft| draft.rtype == rtype);
        let Some(first) = all.next() else { continue };
        for other in all.filter(|other| canonical_rdata(&first) != canonical_rdata(other)) {
            checks.error(other.place, Rule::AliasRepeated, || {
                let (owner, line) = (shown(), first.place.line);
                (
                    format!("{owner} has another {rtype} in line {line}"),
                    format!("{owner} 在第 {line} 行已有 {rtype} 记录"),
                )
            });
        }
    }
    let Some(cname) = owner.first(Rtype::CNAME) else { return };
    // RFC 2181 §10.1 and RFC 4034 §2.5, §4: only what signs the CNAME may stand beside it.
    let other = owner.records().find(|draft| !matches!(draft.rtype, Rtype::CNAME | Rtype::RRSIG | Rtype::NSEC));
    if let Some(other) = other {
        let (line, rtype) = (other.place.line, other.rtype);
        checks.error(cname.place, Rule::CnameAndOther, || {
            let owner = shown();
            (
                format!("{owner} has a CNAME, so the {rtype} in line {line} cannot stand beside it"),
                format!("{owner} 有 CNAME，不能再有第 {line} 行的 {rtype} 记录"),
            )
        });
    }
}

fn rrsets(checks: &mut Checks<'_>, owner: Owner<'_>) {
    let mut records = owner.records();
    let (Some(first), second) = (records.next(), records.next()) else { return };
    // Most owners have one record, and need no list.
    if second.is_none() {
        return rrset(checks, &[first]);
    }
    let all: Vec<Draft<'_>> = owner.records().collect();
    for of_type in all.chunk_by(|a, b| a.rtype == b.rtype) {
        rrset(checks, of_type);
    }
}

fn rrset(checks: &mut Checks<'_>, rrset: &[Draft<'_>]) {
    let drafts = checks.drafts;
    let Draft { rtype, ttl, owner, place, .. } = rrset[0];
    let shown = || show(&drafts.name(owner));
    if rtype == Rtype::DS {
        ds_digests(checks, rrset);
    }
    if rrset.len() > 1 {
        duplicates(checks, rrset);
        // RRSIG records are no RRset; their TTLs are those of what they cover (RFC 4034 §3).
        let other = rrset.iter().find(|draft| draft.ttl != ttl && rtype != Rtype::RRSIG);
        if let Some(other) = other {
            checks.error(other.place, Rule::TtlConflict, || {
                let (owner, line, found) = (shown(), place.line, other.ttl);
                (
                    format!(
                        "the {rtype} records of {owner} have TTL {ttl} in line {line} and {found} here; make them equal"
                    ),
                    format!("{owner} 的 {rtype} 记录在第 {line} 行的 TTL 为 {ttl}，此处为 {found}，请改为一致"),
                )
            });
        }
    }
    let length: usize = rrset.iter().map(|draft| RECORD_FIXED_LEN + draft.rdata.len()).sum();
    if length > RRSET_LEN_MAX {
        checks.error(place, Rule::RrsetTooLarge, || {
            let owner = shown();
            (
                format!("the {rtype} records of {owner} have {length} octets and fit no message"),
                format!("{owner} 的 {rtype} 记录共 {length} 字节，超出报文上限"),
            )
        });
    }
}

/// Digests whose length resolvers would not take: SHA-1, SHA-256 (RFC 4509 §2.2), SHA-384 (RFC 6605 §2).
fn ds_digests(checks: &mut Checks<'_>, rrset: &[Draft<'_>]) {
    for draft in rrset {
        let [_, _, _, digest_type, digest @ ..] = draft.rdata else { continue };
        let length = match digest_type {
            1 => 20,
            2 => 32,
            4 => 48,
            _ => continue,
        };
        if digest.len() != length {
            checks.error(draft.place, Rule::DsDigest, || {
                let found = digest.len();
                (
                    format!("a DS with digest type {digest_type} has {length} octets of digest, this one {found}"),
                    format!("摘要类型为 {digest_type} 的 DS 应有 {length} 字节摘要，现为 {found} 字节"),
                )
            });
        }
    }
}

fn duplicates(checks: &mut Checks<'_>, rrset: &[Draft<'_>]) {
    let drafts = checks.drafts;
    let mut seen = HashSet::with_capacity(rrset.len());
    for draft in rrset {
        if !seen.insert(canonical_rdata(draft)) {
            checks.warning(draft.place, Rule::Duplicate, || {
                let (owner, rtype) = (show(&drafts.name(draft.owner)), draft.rtype);
                (
                    format!("this {rtype} record of {owner} stands in the zone already; take one of the two out"),
                    format!("{owner} 的这条 {rtype} 记录重复，请删去其一"),
                )
            });
        }
    }
}

fn canonical_rdata(draft: &Draft<'_>) -> Box<[u8]> {
    let mut rdata: Box<[u8]> = draft.rdata.into();
    lowercase_names(draft.rtype, &mut rdata);
    rdata
}

/// What is below a delegation and no glue, or at it and not its own (RFC 1034 §4.2.1), or below a DNAME (RFC 6672 §2.4);
/// `above` is what hides the owner.
fn occluded(checks: &mut Checks<'_>, owner: Owner<'_>, above: Option<Owner<'_>>, name_servers: &HashSet<u64>) {
    let drafts = checks.drafts;
    let is_cut = owner.has(Rtype::NS) && !owner.is_apex();
    if above.is_none() && !is_cut {
        return;
    }
    let hiding = above.unwrap_or(owner).labels();
    let below_dname = above.is_some_and(|above| !above.has(Rtype::NS) || above.is_apex());
    let is_glue = !below_dname && name_servers.contains(&drafts.hash(owner.labels()));
    let mut last = None;
    for draft in owner.records() {
        let rtype = draft.rtype;
        let stays = match rtype {
            Rtype::RRSIG if owner.has(Rtype::NSEC3) => true,
            Rtype::A | Rtype::AAAA => is_glue,
            Rtype::NS | Rtype::DS | Rtype::RRSIG | Rtype::NSEC => above.is_none(),
            // Below a DNAME at the apex they are still what denies (RFC 5155 §7.2.8).
            Rtype::NSEC3 => true,
            _ => false,
        };
        if stays || last == Some(rtype) {
            continue;
        }
        last = Some(rtype);
        // Nothing may stand below a DNAME (RFC 6672 §2.4); below a delegation it may have been the zone's before.
        let (severity, rule) =
            if below_dname { (Severity::Error, Rule::BelowDname) } else { (Severity::Warning, Rule::Occluded) };
        checks.report(severity, draft.place, rule, || {
            let (owner, above) = (show(&drafts.name(owner.labels())), show(&drafts.name(hiding)));
            let (what, what_zh) = if below_dname { ("DNAME", "DNAME") } else { ("delegation", "授权") };
            (
                format!("the {what} of {above} hides the {rtype} of {owner}; it is never answered"),
                format!("{above} 的{what_zh}遮蔽了 {owner} 的 {rtype} 记录，不会被应答"),
            )
        });
    }
}
