//! Referrals to child zones: NS in the authority section, glue in the additional one, AA clear.

use super::Kind;
use super::additional;
use super::answer::Sought;
use super::message::{Owner, Section};
use super::proof;
use super::reply::Reply;
use crate::zone::published::DelegationRef;
use crate::zone::{Enclosing, NodeRef, Rtype};

/// Refers to the zone cut `cut` of the static part, whose name begins at `start` of the sought one.
pub(super) fn refer<'z>(
    enclosing: Enclosing<'z>,
    sought: &Sought<'_>,
    cut: NodeRef<'z>,
    start: usize,
    reply: &mut Reply<'z, '_>,
) {
    begin(sought, reply);
    let servers = cut.rrset(Rtype::NS).expect("the node is marked so");
    let owner = sought.owner(start);
    let written = reply.message.rrset(Section::Authority, owner, Rtype::NS, servers.ttl, servers.rdata());
    reply.require(written);
    if reply.signs(enclosing.zone) {
        // The NS records are the child's and not signed here; what is said about DS is (RFC 4035 §3.1.4).
        match cut.rrset(Rtype::DS).filter(|_| !reply.is_truncated()) {
            Some(ds) => {
                let written = reply.rrset(Section::Authority, owner, enclosing.zone, cut, ds);
                reply.require(written);
            }
            None => proof::no_data(enclosing, sought, start, reply),
        }
        reply.write_proofs();
    }
    if !reply.is_truncated() {
        additional::add_glue(enclosing.zone, servers, cut, reply);
    }
}

/// Refers to a registered name's own servers. Glue is what lies inside the name, and nothing else (row 14): under
/// another suffix of the set the same servers are outside, and need none.
pub(super) fn refer_registered(
    sought: &Sought<'_>,
    delegation: DelegationRef<'_>,
    start: usize,
    reply: &mut Reply<'_, '_>,
) {
    begin(sought, reply);
    let owner = sought.owner(start);
    let names = delegation.servers().map(|server| server.name);
    let written = reply.message.rrset(Section::Authority, owner, Rtype::NS, delegation.ttl, names);
    reply.require(written);
    let cut = &sought.name.as_wire()[start..];
    for server in delegation.servers().filter(|server| is_within(server.name, cut)) {
        if reply.is_truncated() {
            return;
        }
        let owner = Owner::Name(server.name);
        let (v4, v6) = (server.v4.iter().map(|octets| &octets[..]), server.v6.iter().map(|octets| &octets[..]));
        // In-domain glue is never left out silently (RFC 9471 §3.1).
        let message = &mut reply.message;
        let written = message
            .rrset(Section::Additional, owner, Rtype::A, delegation.ttl, v4)
            .and_then(|owner| message.rrset(Section::Additional, owner, Rtype::AAAA, delegation.ttl, v6));
        reply.require(written);
    }
}

fn begin(sought: &Sought<'_>, reply: &mut Reply<'_, '_>) {
    // AA speaks of the first owner name in the answer (RFC 1035 §4.1.1): behind an alias it stays.
    if sought.is_question {
        reply.authoritative = false;
        reply.kind = Kind::Referral;
    }
}

/// Whether the name in wire form is `ancestor` or below it, case aside.
fn is_within(name: &[u8], ancestor: &[u8]) -> bool {
    let mut rest = name;
    loop {
        if rest.eq_ignore_ascii_case(ancestor) {
            return true;
        }
        match rest.first() {
            None | Some(0) => return false,
            Some(&length) => rest = &rest[1 + usize::from(length)..],
        }
    }
}
