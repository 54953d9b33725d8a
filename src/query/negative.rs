//! Negative answers (RFC 2308): NXDOMAIN and NODATA, with the zone's SOA.

use super::Kind;
use super::answer::Sought;
use super::message::Section;
use super::reply::{NXDOMAIN, Reply};
use crate::zone::Enclosing;

/// The name does not exist.
#[inline]
pub(super) fn nxdomain(enclosing: Enclosing<'_>, sought: &Sought<'_>, reply: &mut Reply<'_, '_>) {
    // Also behind an alias: the RCODE is that of the last name (RFC 6604 §3).
    reply.rcode = NXDOMAIN;
    reply.kind = Kind::Nxdomain;
    add_soa(enclosing, sought, reply);
}

/// The name exists, the type does not.
#[inline]
pub(super) fn nodata(enclosing: Enclosing<'_>, sought: &Sought<'_>, reply: &mut Reply<'_, '_>) {
    if sought.is_question {
        reply.kind = Kind::Nodata;
    }
    add_soa(enclosing, sought, reply);
}

fn add_soa(enclosing: Enclosing<'_>, sought: &Sought<'_>, reply: &mut Reply<'_, '_>) {
    let soa = enclosing.zone.soa();
    let owner = sought.owner(enclosing.apex_start);
    let written = reply.message.soa(Section::Authority, owner, soa.negative_ttl(), soa);
    reply.require(written);
}
