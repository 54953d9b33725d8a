//! One request to one response, octets to octets (RFC 1034 §4.3.2).
//!
//! ```text
//! request ─┬▶ header, question, OPT ─▶ decide ─▶ answer ─┬▶ registered   (what the registry publishes)
//!          │  (request)               (here)             ├▶ referral, additional
//!          │                                             └▶ negative, proof  ─▶ reply ─▶ message
//!          └▶ fast: the same octets for the most frequent of these, in a tenth of the time
//! ```

mod additional;
mod answer;
mod chaos;
mod cookie;
mod edns;
mod fast;
mod freshness;
mod header;
mod message;
mod negative;
mod proof;
mod question;
mod referral;
mod registered;
mod reply;
mod request;

pub use cookie::{CookieSecret, Cookies};
pub use fast::Asked;
pub use freshness::freshness;

use crate::tsig;
use crate::zone::record::{CLASS_ANY, CLASS_CH, CLASS_IN};
use crate::zone::{Rtype, ZoneSet};
use edns::{INFO_NOT_AUTHORITATIVE, INFO_NOT_SUPPORTED, INFO_PROHIBITED};
use header::{Header, OPCODE_NOTIFY, OPCODE_QUERY, OPCODE_UPDATE};
use question::Question;
use reply::{BADCOOKIE, BADVERS, FORMERR, NOERROR, NOTAUTH, NOTIMP, REFUSED, Reply, UDP_SIZE_MIN};
use request::Request;
use std::net::IpAddr;

/// How the request came; decides size limits and what some options of EDNS mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
    /// DNS over HTTPS on HTTP/3 (RFC 8484, RFC 9114).
    Http3,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Self; 6] = [Self::Udp, Self::Tcp, Self::Tls, Self::Https, Self::Quic, Self::Http3];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
            Self::Http3 => "http3",
        }
    }

    /// Whether nobody on the way sees more of a message than its length, which padding hides (RFC 7830 §6).
    fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::Quic | Self::Http3)
    }

    /// Whether it is a TCP connection that DNS alone uses, so that its time-out may be told (RFC 7828 §3.1).
    fn has_keepalive(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }
}

/// Who asks, how, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// How the request came.
    pub transport: Transport,
    /// Where it came from.
    pub address: IpAddr,
    /// Seconds since 1970, as of now or the last moment: cookies and signatures carry them.
    pub now: u64,
}

/// The server's own settings that answers depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest UDP response in octets, EDNS or not asked for more (1232: what fits unfragmented everywhere).
    pub udp_size_max: u16,
    /// NSID octets (RFC 5001); none: not answered.
    pub nsid: Vec<u8>,
    /// DNS cookies; none: not answered.
    pub cookies: Option<Cookies>,
    /// The keys that requests may be signed with (RFC 8945).
    pub keys: tsig::Keys,
    /// How long a TCP connection may be idle, in units of 100 ms, for clients that ask (RFC 7828).
    pub keepalive: u16,
    /// What `id.server` and `hostname.bind` answer in class CHAOS (RFC 4892), at most 255 octets; empty: refused.
    pub id_server: String,
    /// What `version.server` and `version.bind` answer; empty: refused.
    pub version_server: String,
    /// Whether the records of an answer's RRset begin with another one from request to request; else in the zone's order.
    pub rotate_rrsets: bool,
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
    /// The zone's position in [`ZoneSet::apexes`], if one was found.
    pub zone: Option<usize>,
    /// Whether TC was set.
    pub truncated: bool,
    /// Whether the client sent a good server cookie, and so is where it says it is.
    pub cookie: bool,
    /// Whether the answer was made from a wildcard or a DNAME, so that any name would have got one.
    pub synthesised: bool,
    /// What was found out about the request's signature, if it has one.
    pub tsig: Option<tsig::Verdict>,
}

impl Outcome {
    /// Nothing is sent.
    const DROPPED: Self = Self {
        len: 0,
        rcode: 0,
        kind: Kind::Dropped,
        zone: None,
        truncated: false,
        cookie: false,
        synthesised: false,
        tsig: None,
    };
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
    /// Malformed, not implemented, or of a zone that is not loaded.
    Error,
    /// Nothing is sent: a response, too short to answer, or what no client of QUIC sends.
    Dropped,
}

/// Answers `request` into `response`, whose length bounds the message (65,535 octets serve every case). Nothing is sent
/// if it is shorter than 512 octets.
///
/// Never panics, allocates, locks, reads a clock or logs, whatever the octets are.
#[inline]
pub fn respond(zones: &ZoneSet, settings: &Settings, client: &Client, request: &[u8], response: &mut [u8]) -> Outcome {
    if request.len() <= fast::REQUEST_LEN_MAX && response.len() >= fast::ROOM {
        response[..request.len()].copy_from_slice(request);
        if let Some(outcome) = respond_in_place(zones, settings, client, response, request.len()) {
            return outcome;
        }
    }
    respond_fully(zones, settings, client, request, response)
}

/// The same in place of the request, which is the first `request_len` of `octets`, by the hot path alone: none if it does
/// not know the request, or there are less than 512 octets; then none of them has changed.
pub fn respond_in_place(
    zones: &ZoneSet,
    settings: &Settings,
    client: &Client,
    octets: &mut [u8],
    request_len: usize,
) -> Option<Outcome> {
    // QUIC has rules of its own (RFC 9250 §4.2.1).
    if client.transport == Transport::Quic {
        return None;
    }
    let room = octets.first_chunk_mut()?;
    let mut asked = Asked::NONE;
    asked.read(zones, room, request_len);
    asked.fetch();
    let outcome = asked.respond(settings, || *client, room, request_len);
    outcome.or_else(|| asked.respond_with_more(settings, client, octets, request_len))
}

/// The first step of [`respond_in_place`], for requests over UDP. For a batch: all its requests are read, then
/// [`Asked::fetch`] is called for each, and then they are answered.
#[inline(always)]
pub fn read_in_place<'z, const LEN: usize>(
    zones: &'z ZoneSet,
    octets: &[u8; LEN],
    request_len: usize,
    asked: &mut Asked<'z>,
) {
    match octets.first_chunk() {
        Some(octets) => asked.read(zones, octets, request_len),
        None => asked.clear(),
    }
}

/// The last step of [`respond_in_place`], for the same octets as the first. Who asks is called for only if the answer
/// depends on it. What it leaves may have a cookie or ask for signatures, and be for [`respond_with_more`].
#[inline(always)]
pub fn respond_to<const LEN: usize>(
    asked: &Asked<'_>,
    settings: &Settings,
    client: impl Fn() -> Client,
    octets: &mut [u8; LEN],
    request_len: usize,
) -> Option<Outcome> {
    asked.respond(settings, client, octets.first_chunk_mut()?, request_len)
}

/// The same for requests with a cookie, and for those that ask for signatures where there are some; their answers may be
/// as long as `octets`.
pub fn respond_with_more(
    asked: &Asked<'_>,
    settings: &Settings,
    client: &Client,
    octets: &mut [u8],
    request_len: usize,
) -> Option<Outcome> {
    asked.respond_with_more(settings, client, octets, request_len)
}

/// The same without the hot path, which gives the same octets for what it knows.
#[inline(never)]
pub fn respond_fully(
    zones: &ZoneSet,
    settings: &Settings,
    client: &Client,
    request: &[u8],
    response: &mut [u8],
) -> Outcome {
    let header = Header::read(request).filter(|header| !header.is_response());
    let Some(header) = header.filter(|_| response.len() >= usize::from(UDP_SIZE_MIN)) else {
        return Outcome::DROPPED;
    };
    let request = Request::parse(header, request);
    if client.transport == Transport::Quic && request.is_wrong_over_quic() {
        return Outcome::DROPPED;
    }
    let mut reply = Reply::new(&request, settings, client, response);
    decide(zones, settings, client, &request, &mut reply);
    if request.tsig.is_some() {
        reply.fit_signature();
    }
    reply.finish(&request, settings, client)
}

/// Writes, instead of the answer to `request`, one without records whose TC sends the client to TCP; with its RCODE, which
/// is true all the same, and the cookie that shows next time where the client is. For requests that [`respond`] has
/// answered into the same room.
pub fn truncate(settings: &Settings, client: &Client, request: &[u8], response: &mut [u8]) -> usize {
    let (Some(header), Some(answered)) = (Header::read(request), Header::read(response)) else { return 0 };
    let request = Request::parse(header, request);
    let mut reply = Reply::new(&request, settings, client, response);
    (reply.rcode, reply.authoritative) = (answered.rcode(), answered.is_authoritative());
    reply.truncate();
    reply.finish(&request, settings, client).len
}

/// The same for the `len` octets that [`respond_in_place`] made of a request.
pub fn truncate_in_place(octets: &mut [u8], len: usize) -> usize {
    fast::truncate(octets, len)
}

/// What a request meets before it is looked up.
fn decide<'z>(
    zones: &'z ZoneSet,
    settings: &'z Settings,
    client: &Client,
    request: &Request<'_>,
    reply: &mut Reply<'z, '_>,
) {
    // Before all else: who asks decides about everything that follows (RFC 8945 §5.2).
    if let Some(verdict) = reply.signature().filter(|verdict| *verdict != tsig::Verdict::Good) {
        return match verdict {
            tsig::Verdict::Malformed => reply.fail(FORMERR, Kind::Error),
            _ => reply.fail(NOTAUTH, Kind::Refused),
        };
    }
    let opcode = request.header.opcode();
    if !matches!(opcode, OPCODE_QUERY | OPCODE_NOTIFY | OPCODE_UPDATE) {
        return reply.fail(NOTIMP, Kind::Error);
    }
    if request.malformed {
        return reply.fail(FORMERR, Kind::Error);
    }
    let Some(question) = &request.question else {
        if opcode != OPCODE_QUERY {
            return reply.fail(FORMERR, Kind::Error);
        }
        return fetch_cookie(request, reply);
    };
    if let Some(edns) = &request.edns {
        if edns.is_later_version() {
            return reply.fail(BADVERS, Kind::Error);
        }
        // RFC 9660 §3.2.
        if edns.zone_version == Some(false) {
            return reply.fail(FORMERR, Kind::Error);
        }
        if let Some(cookies) = &settings.cookies {
            // RFC 7873 §5.2.2.
            if edns.cookie == Some(None) {
                return reply.fail(FORMERR, Kind::Error);
            }
            if cookies.required && client.transport == Transport::Udp && reply.cookie() == Some(false) {
                return reply.fail(BADCOOKIE, Kind::Error);
            }
        }
    }
    if opcode == OPCODE_QUERY && question.qclass == CLASS_CH {
        return chaos::answer(settings, question, reply);
    }
    if !matches!(question.qclass, CLASS_IN | CLASS_ANY) {
        reply.fail(REFUSED, Kind::Refused);
        return reply.set_error(INFO_NOT_SUPPORTED, &[]);
    }
    if opcode != OPCODE_QUERY {
        return refuse_change(zones, question, reply);
    }
    if matches!(question.qtype, Rtype::AXFR | Rtype::IXFR) {
        return refuse_for_zone(zones, question, reply);
    }
    let wants_version = request.edns.as_ref().is_some_and(|edns| edns.zone_version.is_some());
    answer::answer(zones, question, client.address, wants_version, reply);
    if question.qclass == CLASS_ANY {
        // There might be more in other classes (RFC 1035 §6.2).
        reply.authoritative = false;
    }
}

/// Answers NOTIFY and UPDATE: this server is nobody's secondary, and changes come by another door.
fn refuse_change<'z>(zones: &'z ZoneSet, question: &Question<'_>, reply: &mut Reply<'z, '_>) {
    if question.qtype != Rtype::SOA {
        return reply.fail(FORMERR, Kind::Error);
    }
    refuse_for_zone(zones, question, reply);
}

/// Refuses what is asked of a whole zone, if QNAME is the apex of one here; of others it is not ours to say (RFC 5936
/// §2.2.1, RFC 2136 §3.1.1).
fn refuse_for_zone<'z>(zones: &'z ZoneSet, question: &Question<'_>, reply: &mut Reply<'z, '_>) {
    let zone = zones.closest(&question.name, question.name.label_count());
    match zone.filter(|zone| zone.apex_start() == 0) {
        Some(zone) => {
            reply.zone = Some(zone.position());
            reply.fail(REFUSED, Kind::Refused);
            reply.set_error(INFO_PROHIBITED, &[]);
        }
        None => {
            reply.fail(NOTAUTH, Kind::Refused);
            reply.set_error(INFO_NOT_AUTHORITATIVE, &[]);
        }
    }
}

/// Answers a request without a question: it may ask for nothing but a cookie (RFC 7873 §5.4).
fn fetch_cookie(request: &Request<'_>, reply: &mut Reply<'_, '_>) {
    match (&request.edns, reply.cookie()) {
        (Some(edns), Some(valid)) => {
            let has_server_cookie = edns.cookie.flatten().is_some_and(|sent| sent.has_server());
            reply.fail(if valid || !has_server_cookie { NOERROR } else { BADCOOKIE }, Kind::Error);
        }
        _ => reply.fail(FORMERR, Kind::Error),
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            udp_size_max: 1232,
            nsid: Vec::new(),
            cookies: None,
            keys: tsig::Keys::default(),
            keepalive: 100,
            id_server: String::new(),
            version_server: String::new(),
            rotate_rrsets: false,
        }
    }
}
