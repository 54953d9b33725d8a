//! One request to one response, octets to octets (RFC 1034 §4.3.2).

use crate::zone::ZoneSet;

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

/// Answers `request` into `response`, whose length bounds the message (65,535 octets serve every case).
///
/// Never panics, allocates, locks, reads a clock or logs, whatever the octets are.
pub fn respond(
    zones: &ZoneSet,
    settings: &Settings,
    transport: Transport,
    request: &[u8],
    response: &mut [u8],
) -> Outcome {
    let _ = (zones, settings, transport, request, response);
    todo!()
}
