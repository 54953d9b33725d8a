//! What a registration resolves to: addresses, a forward, or name servers of its own. Exactly one (R42).

use std::net::IpAddr;

/// Most addresses of one name; a full answer of 16 AAAA still fits 512 octets of UDP.
pub const ADDRESSES_MAX: usize = 16;
/// Most name servers of one delegation; 13 is what fits a referral without truncation.
pub const SERVERS_MAX: usize = 13;
/// Most DS records of one delegation: two keys under roll-over, two digests each, doubled.
pub const DS_MAX: usize = 8;
/// Longest forward target in octets.
pub const TARGET_LEN_MAX: usize = 2048;
/// Shortest and longest TTL of addresses and forwards, in seconds.
pub const TTL_SECS: std::ops::RangeInclusive<u32> = 60..=600;
/// TTL of addresses where none is given, in seconds.
pub const TTL_ADDRESSES_SECS: u32 = 600;
/// TTL of forwards where none is given, in seconds.
pub const TTL_FORWARD_SECS: u32 = 300;
/// TTL of delegations, in seconds; NS and DS of registered names have no other.
pub const TTL_DELEGATION_SECS: u32 = 3600;

/// An approved, or proposed, way to resolve one name. Values are checked by [`decide`](fn@super::decide).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// 方案一: IPv4 and IPv6 addresses in the order given.
    Addresses {
        /// One to 16 addresses, without repeats.
        addresses: Vec<IpAddr>,
        /// Seconds.
        ttl: u32,
        /// Whether `www` answers the same.
        www: bool,
    },
    /// 方案二: an HTTP redirect through the gateway.
    Forward {
        /// An http or https URL as `url` normalises it.
        target: Box<str>,
        /// 301, 302, 307 or 308.
        code: u16,
        /// Whether path and query of the request are appended to the target's.
        keep_path: bool,
        /// Seconds.
        ttl: u32,
        /// Whether `www` forwards the same.
        www: bool,
    },
    /// The unit's own name servers.
    Delegation {
        /// One to 13 servers.
        servers: Vec<NameServer>,
        /// Delegation signers, possibly none.
        ds: Vec<DelegationSigner>,
        /// Seconds.
        ttl: u32,
    },
}

/// One name server of a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServer {
    /// Its host name: lower-case A-labels without a final dot.
    pub host: Box<str>,
    /// Glue; only for a host inside the delegated name, and there required.
    pub glue: Vec<IpAddr>,
}

/// A DS record's fields (RFC 4034 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationSigner {
    /// Key tag.
    pub key_tag: u16,
    /// DNSSEC algorithm number.
    pub algorithm: u8,
    /// Digest type; 1 and 12 are refused.
    pub digest_type: u8,
    /// Digest octets.
    pub digest: Vec<u8>,
}
