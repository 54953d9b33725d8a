//! The algorithm of RFC 1034 §4.3.2: find the zone, find the name in it, follow aliases.

use super::Kind;
use super::additional;
use super::edns::{INFO_NOT_AUTHORITATIVE, INFO_NOT_READY, INFO_PROHIBITED};
use super::message::{Full, Owner, Section};
use super::negative;
use super::proof;
use super::question::Question;
use super::referral;
use super::registered;
use super::reply::{REFUSED, Reply, SERVFAIL, YXDOMAIN};
use crate::zone::name::{NAME_LEN_MAX, wire_len};
use crate::zone::{Closest, Enclosing, Found, Gap, NodeRef, Qname, RrsetRef, Rtype, ZoneSet};
use std::net::IpAddr;

/// Most aliases followed in one answer; resolvers give up sooner. The chain is sent as far as it was followed.
pub(super) const CHAIN_LEN_MAX: usize = 16;

/// The name sought now: the question's, or an alias's target.
pub(super) struct Sought<'n> {
    /// The name.
    pub name: &'n Qname,
    /// It as the question or the alias writes it.
    pub written: &'n [u8],
    /// Whether it is the question's, and not an alias's target.
    pub is_question: bool,
    /// QTYPE.
    pub qtype: Rtype,
    /// Where the owners of the DNAMEs that led here stand in the message.
    dnames: &'n [Option<usize>],
}

/// The name that an alias leads to, in wire form.
pub(super) struct Target {
    octets: [u8; NAME_LEN_MAX],
    len: usize,
    /// Where the alias's own name stands in the message.
    alias_at: usize,
    /// Where the owner of the DNAME that the alias is made from stands, if this one was written for it.
    dname_at: Option<usize>,
}

impl Sought<'_> {
    /// The sought name from this octet on, as an owner name.
    #[inline]
    pub fn owner(&self, start: usize) -> Owner<'_> {
        if self.is_question { Owner::Question(start) } else { Owner::Name(&self.written[start..]) }
    }

    /// Whether the DNAME at the name from this octet on led here. A chain may come to the same one again, but no record
    /// stands twice in an answer (RFC 2181 §5).
    fn has_dname(&self, start: usize, reply: &Reply<'_, '_>) -> bool {
        let mut owners = self.dnames.iter().flatten();
        owners.any(|&owner| reply.message.is_name_at(owner, &self.written[start..]))
    }
}

impl Target {
    fn new(parts: [&[u8]; 2], alias_at: usize, dname_at: Option<usize>) -> Option<Self> {
        let mut octets = [0; NAME_LEN_MAX];
        let len = parts[0].len() + parts[1].len();
        octets.get_mut(..parts[0].len())?.copy_from_slice(parts[0]);
        octets.get_mut(parts[0].len()..len)?.copy_from_slice(parts[1]);
        (wire_len(&octets[..len]) == Some(len)).then_some(Self { octets, len, alias_at, dname_at })
    }

    fn as_wire(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

/// Answers `question`.
#[inline]
pub(super) fn answer<'z>(
    zones: &'z ZoneSet,
    question: &Question<'_>,
    client: IpAddr,
    wants_version: bool,
    reply: &mut Reply<'z, '_>,
) {
    let (name, written, qtype) = (&question.name, question.octets, question.qtype);
    let sought = Sought { name, written, is_question: true, qtype, dnames: &[] };
    let Some(closest) = closest(zones, &sought) else {
        reply.fail(REFUSED, Kind::Refused);
        return reply.set_error(INFO_NOT_AUTHORITATIVE, &[]);
    };
    reply.zone = Some(closest.position());
    let key = reply.key_name();
    let is_allowed = match closest {
        Closest::Loaded(enclosing) => enclosing.zone.allows(client, key),
        Closest::Unloaded { zone, .. } => zone.allows(client, key),
    };
    if !is_allowed {
        reply.fail(REFUSED, Kind::Refused);
        return reply.set_error(INFO_PROHIBITED, &[]);
    }
    let Closest::Loaded(enclosing) = closest else {
        // Other servers of the zone may have it; what the zone above says of these names is not for us to tell.
        reply.fail(SERVFAIL, Kind::Error);
        return reply.set_error(INFO_NOT_READY, &[]);
    };
    if wants_version {
        reply.set_zone_version(enclosing.zone);
    }
    reply.authoritative = true;
    if let Some(target) = answer_in(enclosing, &sought, reply) {
        follow(zones, question.qtype, client, target, reply);
    }
    reply.write_proofs();
    if reply.is_truncated() {
        reply.truncate();
    }
}

/// Goes on with the target of an alias, as long as it leads into a zone of ours and not in a circle. Also if the chain does
/// not fit into the message: then for the RCODE alone, which is that of its last name (RFC 6604 §3).
fn follow<'z>(zones: &'z ZoneSet, qtype: Rtype, client: IpAddr, mut target: Target, reply: &mut Reply<'z, '_>) {
    let (mut aliases, mut dnames) = ([0; CHAIN_LEN_MAX], [None; CHAIN_LEN_MAX]);
    for length in 1..CHAIN_LEN_MAX {
        aliases[length] = target.alias_at;
        dnames[length] = target.dname_at;
        // Of a chain that did not fit nothing is in the message any more; its length alone ends it.
        let written = if reply.is_truncated() { 0 } else { length };
        if aliases[1..=written].iter().any(|&alias| reply.message.is_name_at(alias, target.as_wire())) {
            return;
        }
        let Some(name) = Qname::from_wire(target.as_wire()) else { return };
        let dnames = &dnames[1..=written];
        let sought = Sought { name: &name, written: target.as_wire(), is_question: false, qtype, dnames };
        // What the client may not ask for is no part of an answer either.
        let Some(Closest::Loaded(enclosing)) = closest(zones, &sought) else { return };
        if !enclosing.zone.allows(client, reply.key_name()) {
            return;
        }
        match answer_in(enclosing, &sought, reply) {
            Some(next) => target = next,
            None => return,
        }
    }
}

/// The zone that answers. A DS is the parent's (RFC 4035 §3.1.4.1), so at an apex the zone above is asked if it is ours.
#[inline]
fn closest<'z>(zones: &'z ZoneSet, sought: &Sought<'_>) -> Option<Closest<'z>> {
    let labels = sought.name.label_count();
    let closest = zones.closest(sought.name, labels)?;
    if sought.qtype == Rtype::DS && closest.apex_start() == 0 && labels > 0 {
        return zones.closest(sought.name, labels - 1).or(Some(closest));
    }
    Some(closest)
}

/// Answers from one zone; the target, if the name is an alias.
fn answer_in<'z>(enclosing: Enclosing<'z>, sought: &Sought<'_>, reply: &mut Reply<'z, '_>) -> Option<Target> {
    match enclosing.zone.lookup(sought.name, enclosing.apex_start) {
        Found::Node(node) => return answer_from_node(enclosing, sought, node, None, reply),
        Found::Wildcard(node, gap) => {
            reply.synthesised = true;
            return answer_from_node(enclosing, sought, node, Some(gap), reply);
        }
        Found::Cut { node, start: 0 } if sought.qtype == Rtype::DS => {
            return answer_from_node(enclosing, sought, node, None, reply);
        }
        Found::Cut { node, start } => referral::refer(enclosing, sought, node, start, reply),
        Found::Dname { node, start } => return answer_from_dname(enclosing, sought, node, start, reply),
        Found::Registered { published, start, www } => {
            registered::answer(enclosing, sought, published, start, www, reply);
        }
        Found::Missing(gap) => negative::nxdomain(enclosing, sought, Some(gap), reply),
    }
    None
}

/// Answers with the records of a node; `gap` if it is a wildcard that stands for the name.
fn answer_from_node<'z>(
    enclosing: Enclosing<'z>,
    sought: &Sought<'_>,
    node: NodeRef<'z>,
    gap: Option<Gap>,
    reply: &mut Reply<'z, '_>,
) -> Option<Target> {
    let rrset = match sought.qtype {
        // One RRset is enough (RFC 8482 §4.1), but signatures alone or a denial tell nobody anything.
        Rtype::ANY => {
            let mut telling = node.rrsets().filter(|rrset| !matches!(rrset.rtype, Rtype::RRSIG | Rtype::NSEC));
            telling.next().or_else(|| node.rrsets().next())
        }
        qtype => node.rrset(qtype),
    };
    if let Some(rrset) = rrset {
        reply.kind = Kind::Answer;
        let written = write_rrset(enclosing, sought, node, rrset, reply);
        reply.require(written);
        if let Some(gap) = gap {
            proof::wildcard_answer(enclosing, sought, gap, reply);
        }
        reply.write_proofs();
        if !reply.is_truncated() {
            additional::add_targets(enclosing.zone, rrset, reply);
        }
        return None;
    }
    let Some(cname) = node.rrset(Rtype::CNAME) else {
        negative::nodata(enclosing, sought, gap, reply);
        return None;
    };
    reply.kind = Kind::Answer;
    let alias_at = reply.message.len();
    let written = write_rrset(enclosing, sought, node, cname, reply);
    reply.require(written);
    if let Some(gap) = gap {
        proof::wildcard_answer(enclosing, sought, gap, reply);
    }
    cname.rdata().next().and_then(|rdata| Target::new([rdata, &[]], alias_at, None))
}

fn write_rrset(
    enclosing: Enclosing<'_>,
    sought: &Sought<'_>,
    node: NodeRef<'_>,
    rrset: RrsetRef<'_>,
    reply: &mut Reply<'_, '_>,
) -> Result<(), Full> {
    let owner = sought.owner(0);
    match rrset.rtype {
        Rtype::DNAME if sought.has_dname(0, reply) => Ok(()),
        // The serial is not in the records: it belongs to the version.
        Rtype::SOA => reply.soa(Section::Answer, owner, enclosing.zone, rrset.ttl),
        // Signatures are no RRset: each has the TTL of what it covers (RFC 4034 §3).
        Rtype::RRSIG => reply.message.whole(Section::Answer, |message| {
            rrset.rdata().try_for_each(|rdata| {
                message.rrset(Section::Answer, owner, Rtype::RRSIG, node.signature_ttl(rrset, rdata), [rdata]).map(drop)
            })
        }),
        _ => reply.rrset(Section::Answer, owner, enclosing.zone, node, rrset).map(drop),
    }
}

/// Answers below a DNAME: the DNAME, and the CNAME made from it (RFC 6672 §3.1), which is not signed (§5.3.1).
fn answer_from_dname(
    enclosing: Enclosing<'_>,
    sought: &Sought<'_>,
    node: NodeRef<'_>,
    start: usize,
    reply: &mut Reply<'_, '_>,
) -> Option<Target> {
    let dname = node.rrset(Rtype::DNAME).expect("the node is marked so");
    reply.kind = Kind::Answer;
    reply.synthesised = true;
    let owner = sought.owner(start);
    let dname_at = (!sought.has_dname(start, reply)).then_some(reply.message.len());
    if dname_at.is_some() {
        let written = reply.rrset(Section::Answer, owner, enclosing.zone, node, dname);
        reply.require(written);
    }
    let substituted = [&sought.written[..start], dname.rdata().next().unwrap_or_default()];
    let Some(target) = Target::new(substituted, reply.message.len(), dname_at) else {
        reply.rcode = YXDOMAIN;
        return None;
    };
    let rdata = [target.as_wire()];
    let written = reply.message.rrset(Section::Answer, sought.owner(0), Rtype::CNAME, dname.ttl, rdata);
    reply.require(written);
    // Unlike at a CNAME of the zone, the search goes on for ANY too (RFC 6672 §3.2 step 3c).
    (sought.qtype != Rtype::CNAME).then_some(target)
}
