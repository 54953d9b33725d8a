//! Negative answers (RFC 2308): NXDOMAIN and NODATA, with the zone's SOA.

use super::Kind;
use super::answer::Sought;
use super::message::Section;
use super::proof;
use super::reply::{NXDOMAIN, Reply};
use crate::zone::{Enclosing, Gap};

/// The name does not exist; `gap` is where it ends to exist, if the zone has that in its chain of denial.
#[inline]
pub(super) fn nxdomain<'z>(enclosing: Enclosing<'z>, sought: &Sought<'_>, gap: Option<Gap>, reply: &mut Reply<'z, '_>) {
    // Also behind an alias: the RCODE is that of the last name (RFC 6604 §3).
    reply.rcode = NXDOMAIN;
    reply.kind = Kind::Nxdomain;
    add_soa(enclosing, sought, reply);
    if let Some(gap) = gap {
        proof::name_error(enclosing, sought, gap, reply);
    }
}

/// The name exists, or a wildcard stands for it at the end of `gap`; the type does not.
#[inline]
pub(super) fn nodata<'z>(enclosing: Enclosing<'z>, sought: &Sought<'_>, gap: Option<Gap>, reply: &mut Reply<'z, '_>) {
    if sought.is_question {
        reply.kind = Kind::Nodata;
    }
    add_soa(enclosing, sought, reply);
    match gap {
        Some(gap) => proof::wildcard_no_data(enclosing, sought, gap, reply),
        None => proof::no_data(enclosing, sought, 0, reply),
    }
}

fn add_soa(enclosing: Enclosing<'_>, sought: &Sought<'_>, reply: &mut Reply<'_, '_>) {
    let owner = sought.owner(enclosing.apex_start);
    let ttl = enclosing.zone.soa().negative_ttl();
    let written = reply.soa(Section::Authority, owner, enclosing.zone, ttl);
    reply.require(written);
}
