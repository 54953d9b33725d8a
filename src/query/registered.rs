//! Answers at and below registered names, profile `flat`: addresses, forwards, delegations and holds.

use super::Kind;
use super::answer::Sought;
use super::message::{Full, Owner, Section};
use super::negative;
use super::referral;
use super::reply::Reply;
use crate::zone::{Enclosing, PublishedRef, Rtype};

/// Answers a name at or below the registered name that begins at `start` of it.
#[inline]
pub(super) fn answer<'z>(
    enclosing: Enclosing<'z>,
    sought: &Sought<'_>,
    published: PublishedRef<'z>,
    start: usize,
    www: bool,
    reply: &mut Reply<'z, '_>,
) {
    match published {
        // NXDOMAIN covers everything below (RFC 8020); other RCODEs, or silence, keep old answers alive in resolvers.
        PublishedRef::Held { info_code, extra_text, .. } => {
            reply.set_error(info_code, extra_text.as_bytes());
            negative::nxdomain(enclosing, sought, None, reply);
            reply.kind = Kind::Held;
        }
        PublishedRef::Delegation(delegation) if start == 0 && sought.qtype == Rtype::DS => {
            if delegation.ds().next().is_none() {
                return negative::nodata(enclosing, sought, None, reply);
            }
            reply.kind = Kind::Answer;
            let owner = sought.owner(0);
            let written = reply.message.rrset(Section::Answer, owner, Rtype::DS, delegation.ttl, delegation.ds());
            reply.require(written);
        }
        PublishedRef::Delegation(delegation) => referral::refer_registered(sought, delegation, start, reply),
        // `www` is a copy, not a CNAME: the review shows both lines, and no further look-up is needed.
        _ if start != 0 && !(www && published.www()) => negative::nxdomain(enclosing, sought, None, reply),
        PublishedRef::Addresses { v4, v6, ttl, .. } => addresses(enclosing, sought, ttl, (v4, v6), reply),
        PublishedRef::Forward { ttl, .. } => {
            addresses(enclosing, sought, ttl, enclosing.zone.gateway_rdata(), reply);
        }
    }
}

fn addresses<'z>(
    enclosing: Enclosing<'z>,
    sought: &Sought<'_>,
    ttl: u32,
    (v4, v6): (&[[u8; 4]], &[[u8; 16]]),
    reply: &mut Reply<'z, '_>,
) {
    let owner = sought.owner(0);
    let written = match sought.qtype {
        // For ANY one RRset is enough (RFC 8482 §4.1).
        Rtype::A | Rtype::ANY if !v4.is_empty() => write(owner, Rtype::A, ttl, v4, reply),
        Rtype::AAAA | Rtype::ANY if !v6.is_empty() => write(owner, Rtype::AAAA, ttl, v6, reply),
        _ => return negative::nodata(enclosing, sought, None, reply),
    };
    reply.kind = Kind::Answer;
    reply.require(written);
}

#[inline]
fn write<const LEN: usize>(
    owner: Owner<'_>,
    rtype: Rtype,
    ttl: u32,
    rdata: &[[u8; LEN]],
    reply: &mut Reply<'_, '_>,
) -> Result<(), Full> {
    let first = reply.first_of(rdata.len());
    let message = &mut reply.message;
    match first {
        0 => message.rrset(Section::Answer, owner, rtype, ttl, rdata.iter().map(|octets| &octets[..])).map(drop),
        _ => {
            let rotated = rdata[first..].iter().chain(&rdata[..first]);
            message.rrset(Section::Answer, owner, rtype, ttl, rotated.map(|octets| &octets[..])).map(drop)
        }
    }
}
