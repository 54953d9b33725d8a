//! Where NS, MX and SRV records lead: to addresses, and never to an alias.

use super::Located;
use super::check::{Checks, show};
use super::problem::{Rule, Severity};
use super::tree::{Tree, push_key};
use crate::zone::rdata::names;
use crate::zone::{Name, Rtype};
use std::collections::HashSet;

/// What is at the name a record leads to.
enum Target {
    /// Addresses, or nothing that this zone could say.
    Fine,
    /// A CNAME.
    Alias,
    /// No address.
    Nothing,
    /// No address, below this delegation.
    Hidden(usize),
}

/// The names of all name servers in the zone, as keys.
pub(super) fn name_servers(tree: &Tree<'_>) -> HashSet<Vec<u8>> {
    let mut servers = HashSet::new();
    for node in tree.nodes() {
        for located in tree.records(node).filter(|located| located.record.rtype == Rtype::NS) {
            let mut key = Vec::new();
            push_key(&located.record.rdata, &mut key);
            servers.insert(key);
        }
    }
    servers
}

pub(super) fn check(checks: &mut Checks<'_>, registry_zone: bool) {
    let tree = checks.tree;
    for node in tree.nodes().filter(|&node| tree.hidden_by(node).is_none()) {
        let is_cut = tree.has(node, Rtype::NS) && tree.owner(node).as_wire().len() > checks.apex.as_wire().len();
        for located in tree.records(node) {
            match located.record.rtype {
                Rtype::NS => name_server(checks, node, is_cut, located, registry_zone),
                // What a delegation hides was reported as such.
                Rtype::MX | Rtype::SRV if !is_cut => host(checks, located, registry_zone),
                _ => {}
            }
        }
    }
}

fn name_server(checks: &mut Checks<'_>, node: usize, is_cut: bool, located: &Located, registry_zone: bool) {
    let Some(name) = target_name(located) else { return };
    let severity = match target(checks, &name, registry_zone) {
        Target::Fine => return,
        Target::Alias => return alias(checks, located, &name),
        // A delegation leads to servers below another one: resolvers find those themselves (RFC 9471 §3.2).
        Target::Hidden(cut) if is_cut && cut != node => Severity::Warning,
        Target::Hidden(_) | Target::Nothing => Severity::Error,
    };
    checks.report(severity, located.place, Rule::GlueMissing, || {
        let (owner, name) = (show(&located.record.owner), show(&name));
        (
            format!("the name server {name} of {owner} has no address in the zone; add its A or AAAA record"),
            format!("{owner} 的名称服务器 {name} 在区内没有地址，请添加 A 或 AAAA 记录"),
        )
    });
}

fn host(checks: &mut Checks<'_>, located: &Located, registry_zone: bool) {
    let Some(name) = target_name(located) else { return };
    match target(checks, &name, registry_zone) {
        Target::Fine => {}
        Target::Alias => alias(checks, located, &name),
        Target::Nothing | Target::Hidden(_) => checks.warning(located.place, Rule::TargetWithoutAddress, || {
            let (rtype, name) = (located.record.rtype, show(&name));
            (
                format!("this {rtype} record leads to {name}, which has no address in the zone"),
                format!("此 {rtype} 记录指向的 {name} 在区内没有地址"),
            )
        }),
    }
}

/// RFC 2181 §10.3, RFC 2782.
fn alias(checks: &mut Checks<'_>, located: &Located, name: &Name) {
    checks.error(located.place, Rule::TargetIsAlias, || {
        let (rtype, name) = (located.record.rtype, show(name));
        (
            format!("this {rtype} record leads to {name}, which is a CNAME; write the name that has the addresses"),
            format!("此 {rtype} 记录指向的 {name} 是 CNAME，请直接写有地址的名称"),
        )
    });
}

fn target_name(located: &Located) -> Option<Name> {
    let (range, _) = names(located.record.rtype, &located.record.rdata).find(|(_, usage)| usage.additional)?;
    Name::from_wire(&located.record.rdata[range]).ok().map(|(name, _)| name)
}

fn target(checks: &Checks<'_>, name: &Name, registry_zone: bool) -> Target {
    let tree = checks.tree;
    if !name.is_within(checks.apex) || (registry_zone && super::registry::label(name, checks.apex).is_some()) {
        return Target::Fine;
    }
    let node = match tree.find(name.as_wire()) {
        Some(node) => Some(node),
        None if tree.exists(name.as_wire()) => None,
        None => return covered(checks, name),
    };
    match node {
        Some(node) if tree.has_address(node) => Target::Fine,
        Some(node) if tree.hidden_by(node).is_some() => hidden(tree, tree.hidden_by(node)),
        Some(node) if tree.has(node, Rtype::CNAME) => Target::Alias,
        Some(node) if tree.has(node, Rtype::NS) && name.as_wire().len() > checks.apex.as_wire().len() => {
            Target::Hidden(node)
        }
        _ => Target::Nothing,
    }
}

/// What answers for a name that does not exist: a delegation above it, or the wildcard of its closest encloser
/// (RFC 4592 §3.3.1).
fn covered(checks: &Checks<'_>, name: &Name) -> Target {
    let tree = checks.tree;
    let mut encloser = name.parent();
    while let Some(above) = encloser {
        if !above.is_within(checks.apex) {
            break;
        }
        if tree.exists(above.as_wire()) {
            let is_cut =
                |&node: &usize| tree.has(node, Rtype::NS) && above.as_wire().len() > checks.apex.as_wire().len();
            let own = tree.find(above.as_wire());
            let cut = own.filter(is_cut).or_else(|| own.and_then(|node| tree.hidden_by(node)));
            if cut.is_some() {
                return hidden(tree, cut);
            }
            if own.is_some_and(|node| tree.has(node, Rtype::DNAME)) {
                return Target::Alias;
            }
            let wildcard = [b"\x01*", above.as_wire()].concat();
            return match tree.find(&wildcard) {
                Some(node) if tree.has_address(node) => Target::Fine,
                Some(node) if tree.has(node, Rtype::CNAME) => Target::Alias,
                _ => Target::Nothing,
            };
        }
        encloser = above.parent();
    }
    Target::Nothing
}

/// Below a DNAME a name is an alias, below a delegation it is somebody else's.
fn hidden(tree: &Tree<'_>, by: Option<usize>) -> Target {
    match by {
        Some(cut) if tree.has(cut, Rtype::NS) => Target::Hidden(cut),
        _ => Target::Alias,
    }
}
