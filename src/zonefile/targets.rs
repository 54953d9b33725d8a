//! Where NS, MX and SRV records lead: to addresses, and never to an alias.

use super::check::{Checks, show};
use super::problem::{Rule, Severity};
use crate::zone::drafts::Owner;
use crate::zone::rdata::names;
use crate::zone::{Draft, Drafts, Name, Rtype};
use std::collections::HashSet;

/// What is at the name a record leads to.
enum Target<'a> {
    /// Addresses, or nothing that this zone could say.
    Fine,
    /// A CNAME.
    Alias,
    /// No address.
    Nothing,
    /// No address, below this delegation.
    Hidden(Owner<'a>),
}

/// The names of all name servers in the zone, by their hashes: of two names with one a warning could be missed, no more.
pub(super) fn name_servers(drafts: &Drafts) -> HashSet<u64> {
    let servers = drafts.records().filter(|draft| draft.rtype == Rtype::NS);
    let names = servers.filter_map(|draft| target_name(&draft));
    names.filter_map(|name| Some(drafts.hash(name.relative_to(drafts.apex())?))).collect()
}

/// Looks where the records of an owner lead that nothing hides.
pub(super) fn check(checks: &mut Checks<'_>, owner: Owner<'_>, registry_zone: bool) {
    let is_cut = owner.has(Rtype::NS) && !owner.is_apex();
    for draft in owner.records() {
        match draft.rtype {
            Rtype::NS => name_server(checks, owner, is_cut, draft, registry_zone),
            // What a delegation hides was reported as such.
            Rtype::MX | Rtype::SRV if !is_cut => host(checks, draft, registry_zone),
            _ => {}
        }
    }
}

fn name_server(checks: &mut Checks<'_>, owner: Owner<'_>, is_cut: bool, draft: Draft<'_>, registry_zone: bool) {
    let drafts = checks.drafts;
    let Some(name) = target_name(&draft) else { return };
    let severity = match target(checks, &name, registry_zone) {
        Target::Fine => return,
        Target::Alias => return alias(checks, draft, &name),
        // A delegation leads to servers below another one: resolvers find those themselves (RFC 9471 §3.2).
        Target::Hidden(cut) if is_cut && cut.labels() != owner.labels() => Severity::Warning,
        Target::Hidden(_) | Target::Nothing => Severity::Error,
    };
    checks.report(severity, draft.place, Rule::GlueMissing, || {
        let (owner, name) = (show(&drafts.name(draft.owner)), show(&name));
        (
            format!("the name server {name} of {owner} has no address in the zone; add its A or AAAA record"),
            format!("{owner} 的名称服务器 {name} 在区内没有地址，请添加 A 或 AAAA 记录"),
        )
    });
}

fn host(checks: &mut Checks<'_>, draft: Draft<'_>, registry_zone: bool) {
    let Some(name) = target_name(&draft) else { return };
    match target(checks, &name, registry_zone) {
        Target::Fine => {}
        Target::Alias => alias(checks, draft, &name),
        Target::Nothing | Target::Hidden(_) => checks.warning(draft.place, Rule::TargetWithoutAddress, || {
            let (rtype, name) = (draft.rtype, show(&name));
            (
                format!("this {rtype} record leads to {name}, which has no address in the zone"),
                format!("此 {rtype} 记录指向的 {name} 在区内没有地址"),
            )
        }),
    }
}

/// RFC 2181 §10.3, RFC 2782.
fn alias(checks: &mut Checks<'_>, draft: Draft<'_>, name: &Name) {
    checks.error(draft.place, Rule::TargetIsAlias, || {
        let (rtype, name) = (draft.rtype, show(name));
        (
            format!("this {rtype} record leads to {name}, which is a CNAME; write the name that has the addresses"),
            format!("此 {rtype} 记录指向的 {name} 是 CNAME，请直接写有地址的名称"),
        )
    });
}

fn target_name(draft: &Draft<'_>) -> Option<Name> {
    let (range, _) = names(draft.rtype, draft.rdata).find(|(_, usage)| usage.additional)?;
    Name::from_wire(&draft.rdata[range]).ok().map(|(name, _)| name)
}

fn target<'a>(checks: &Checks<'a>, name: &Name, registry_zone: bool) -> Target<'a> {
    let drafts = checks.drafts;
    let Some(labels) = name.relative_to(drafts.apex()) else { return Target::Fine };
    if registry_zone && super::registry::label(name, drafts.apex()).is_some() {
        return Target::Fine;
    }
    match drafts.find(labels) {
        Some(owner) if owner.has_address() => Target::Fine,
        Some(_) if drafts.hidden_by(labels).is_some() => hidden(drafts.hidden_by(labels)),
        Some(owner) if owner.has(Rtype::CNAME) => Target::Alias,
        Some(owner) if owner.has(Rtype::NS) && !owner.is_apex() => Target::Hidden(owner),
        Some(_) => Target::Nothing,
        None => covered(drafts, labels),
    }
}

/// What answers for a name that does not exist: a delegation above it, or the wildcard of its closest encloser
/// (RFC 4592 §3.3.1).
fn covered<'a>(drafts: &'a Drafts, labels: &[u8]) -> Target<'a> {
    let mut above = labels;
    while let Some(&length) = above.first() {
        above = &above[1 + usize::from(length)..];
        let Some(encloser) = drafts.find(above) else { continue };
        let is_cut = encloser.has(Rtype::NS) && !encloser.is_apex();
        let cut = if is_cut { Some(encloser) } else { drafts.hidden_by(above) };
        if cut.is_some() {
            return hidden(cut);
        }
        if encloser.has(Rtype::DNAME) {
            return Target::Alias;
        }
        let wildcard = [b"\x01*", above].concat();
        return match drafts.find(&wildcard) {
            Some(owner) if owner.has_address() => Target::Fine,
            Some(owner) if owner.has(Rtype::CNAME) => Target::Alias,
            _ => Target::Nothing,
        };
    }
    Target::Nothing
}

/// Below a DNAME a name is an alias, below a delegation it is somebody else's.
fn hidden(by: Option<Owner<'_>>) -> Target<'_> {
    match by {
        Some(cut) if cut.has(Rtype::NS) => Target::Hidden(cut),
        _ => Target::Alias,
    }
}
