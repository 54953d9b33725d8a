//! One request to one response, octets to octets (RFC 1034 §4.3.2).
//!
//! ```text
//! request ─▶ header, question, OPT ─▶ decide ─▶ answer ─┬▶ registered   (what the registry publishes)
//!            (request)               (here)             ├▶ referral, additional
//!                                                       └▶ negative     ─▶ reply ─▶ message
//! ```

mod additional;
mod answer;
mod edns;
mod header;
mod message;
mod negative;
mod question;
mod referral;
mod registered;
mod reply;
mod request;
mod tsig;

use crate::zone::record::CLASS_IN;
use crate::zone::{Rtype, ZoneSet};
use edns::INFO_PROHIBITED;
use header::{Header, OPCODE_QUERY};
use reply::{BADVERS, FORMERR, NOTAUTH, NOTIMP, REFUSED, Reply, UDP_SIZE_MIN};
use request::Request;

/// How the request came; decides size limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// The server's own settings that answers depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest UDP response in octets, EDNS or not asked for more (1232: what fits unfragmented everywhere).
    pub udp_size_max: u16,
    /// NSID octets (RFC 5001); none: not answered.
    pub nsid: Vec<u8>,
}

/// What became of a request, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Octets of the response; 0: no response is sent.
    pub len: usize,
    /// Its RCODE, extended bits included.
    pub rcode: u16,
    /// What kind of answer it is.
    pub kind: Kind,
    /// The zone's position in [`ZoneSet::iter`], if one was found.
    pub zone: Option<usize>,
    /// Whether TC was set.
    pub truncated: bool,
}

/// Kinds of answer, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Records of the type asked for (or a CNAME).
    Answer,
    /// The name exists, the type does not.
    Nodata,
    /// The name does not exist.
    Nxdomain,
    /// The name is held.
    Held,
    /// A referral to a child zone.
    Referral,
    /// Outside our zones, or not allowed.
    Refused,
    /// Malformed or not implemented.
    Error,
    /// Nothing is sent (a response, or too short to answer).
    Dropped,
}

/// Answers `request` into `response`, whose length bounds the message (65,535 octets serve every case). Nothing is sent
/// if it is shorter than 512 octets.
///
/// Never panics, allocates, locks, reads a clock or logs, whatever the octets are.
#[inline]
pub fn respond(
    zones: &ZoneSet,
    settings: &Settings,
    transport: Transport,
    request: &[u8],
    response: &mut [u8],
) -> Outcome {
    let header = Header::read(request).filter(|header| !header.is_response());
    let Some(header) = header.filter(|_| response.len() >= usize::from(UDP_SIZE_MIN)) else {
        return Outcome { len: 0, rcode: 0, kind: Kind::Dropped, zone: None, truncated: false };
    };
    let request = Request::parse(header, request);
    let mut reply = Reply::new(&request, settings, transport, response);
    decide(zones, &request, &mut reply);
    reply.finish(&request, settings)
}

/// What a request meets before it is looked up.
fn decide<'z>(zones: &'z ZoneSet, request: &Request<'_>, reply: &mut Reply<'z, '_>) {
    if request.header.opcode() != OPCODE_QUERY {
        // NOTIFY and UPDATE among them: this server is nobody's secondary, and changes come by another door.
        return reply.fail(NOTIMP, Kind::Error);
    }
    let Some(question) = request.question.as_ref().filter(|_| !request.malformed) else {
        return reply.fail(FORMERR, Kind::Error);
    };
    if request.edns.is_some_and(|edns| edns.is_later_version()) {
        return reply.fail(BADVERS, Kind::Error);
    }
    if request.tsig.is_some() {
        return reply.fail(NOTAUTH, Kind::Refused);
    }
    if question.qclass != CLASS_IN {
        return reply.fail(REFUSED, Kind::Refused);
    }
    if matches!(question.qtype, Rtype::AXFR | Rtype::IXFR) {
        reply.fail(REFUSED, Kind::Refused);
        return reply.set_error(INFO_PROHIBITED, &[]);
    }
    answer::answer(zones, question, reply);
}
