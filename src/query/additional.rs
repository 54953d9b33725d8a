//! The additional section: glue of referrals, and addresses of names in RDATA (RFC 1034 §4.3.2 step 6).

use super::message::{Full, Owner, Section};
use super::reply::Reply;
use crate::zone::rdata::names;
use crate::zone::{Found, NodeRef, Qname, RrsetRef, Rtype, Zone};

/// Most names of one RRset whose addresses are added to an answer; they are a courtesy.
const TARGETS_MAX: usize = 16;

/// Adds the addresses that the zone has of the names in `rrset`, as far as they fit.
pub(super) fn add_targets(zone: &Zone, rrset: RrsetRef<'_>, reply: &mut Reply<'_, '_>) {
    if matches!(rrset.rtype, Rtype::A | Rtype::AAAA) {
        return;
    }
    for (index, target) in targets(rrset).take(TARGETS_MAX).enumerate() {
        if is_repeated(rrset, index, target) {
            continue;
        }
        let node = match find(zone, target) {
            Some((_, Found::Node(node) | Found::Wildcard(node, _))) => node,
            // Glue will do: the servers of the zone itself may be below a cut of its own (nic), and so may other hosts.
            Some((name, Found::Cut { .. })) => match node_at(zone, &name) {
                Some(node) => node,
                None => continue,
            },
            _ => continue,
        };
        if add_addresses(zone, target, node, reply).is_err() {
            return;
        }
    }
}

/// Adds glue for the servers of the zone cut `cut`: for those inside it or the message is truncated (RFC 9471 §3.1),
/// then for the others that the zone knows, as far as they fit (§3.2).
pub(super) fn add_glue(zone: &Zone, servers: RrsetRef<'_>, cut: NodeRef<'_>, reply: &mut Reply<'_, '_>) {
    for in_domain in [true, false] {
        for (index, target) in targets(servers).enumerate() {
            let Some((name, found)) = find(zone, target) else { continue };
            let is_in_domain = matches!(found, Found::Cut { node, .. } if node.owner() == cut.owner());
            if is_in_domain != in_domain || is_repeated(servers, index, target) {
                continue;
            }
            let node = match found {
                Found::Node(node) | Found::Wildcard(node, _) => node,
                Found::Cut { .. } => match node_at(zone, &name) {
                    Some(node) => node,
                    None => continue,
                },
                _ => continue,
            };
            if add_addresses(zone, target, node, reply).is_err() {
                if in_domain {
                    reply.truncate();
                }
                return;
            }
        }
    }
}

/// The names in the RDATA of `rrset` whose addresses go with it.
fn targets<'z>(rrset: RrsetRef<'z>) -> impl Iterator<Item = &'z [u8]> {
    rrset.rdata().flat_map(move |rdata| {
        let wanted = names(rrset.rtype, rdata).filter(|(_, usage)| usage.additional);
        wanted.map(|(range, _)| &rdata[range])
    })
}

fn is_repeated(rrset: RrsetRef<'_>, index: usize, target: &[u8]) -> bool {
    targets(rrset).take(index).any(|earlier| earlier.eq_ignore_ascii_case(target))
}

fn find<'z>(zone: &'z Zone, target: &[u8]) -> Option<(Qname, Found<'z>)> {
    let name = Qname::from_wire(target)?;
    let above = name.label_count().checked_sub(zone.depth())?;
    let apex_start = name.start_of_last(name.label_count() - above);
    if !name.as_wire()[apex_start..].eq_ignore_ascii_case(zone.apex().as_wire()) {
        return None;
    }
    let found = zone.lookup(&name, apex_start);
    Some((name, found))
}

fn node_at<'z>(zone: &'z Zone, name: &Qname) -> Option<NodeRef<'z>> {
    zone.node(&name.as_wire()[..name.start_of_last(zone.depth())])
}

/// Adds the addresses of `node`, which is `target` or the wildcard that stands for it.
fn add_addresses(zone: &Zone, target: &[u8], node: NodeRef<'_>, reply: &mut Reply<'_, '_>) -> Result<(), Full> {
    let mut owner = Owner::Name(target);
    for rtype in [Rtype::A, Rtype::AAAA] {
        if let Some(rrset) = node.rrset(rtype) {
            owner = reply.rrset(Section::Additional, owner, zone, node, rrset)?;
        }
    }
    Ok(())
}
