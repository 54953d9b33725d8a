//! What one registration publishes, as the index keeps it: a few octets per name, read without decoding it whole.

use super::name::Name;
use std::net::IpAddr;

/// A registration's published form, for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// Addresses.
    Addresses { addresses: Vec<IpAddr>, ttl: u32, www: bool },
    /// A forward: DNS answers the gateway's addresses, HTTP the redirect.
    Forward { target: Box<str>, code: u16, keep_path: bool, ttl: u32, www: bool },
    /// A delegation. DS RDATA in wire form.
    Delegation { servers: Vec<(Name, Vec<IpAddr>)>, ds: Vec<Box<[u8]>>, ttl: u32 },
    /// Held: NXDOMAIN with an extended error, and a notice at the gateway.
    Held {
        /// Extended DNS error (RFC 8914): 15 blocked, 16 censored, 0 other.
        info_code: u16,
        /// EXTRA-TEXT, at most 40 octets (`hold=EXPIRED`).
        extra_text: Box<str>,
        /// HTTP status of the notice: 403 or 451.
        status: u16,
    },
}

impl Published {
    /// Appends the index's form to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let _ = out;
        todo!()
    }

    /// The registration that `octets`, made by [`Published::encode`], describe. Allocates; not for the read path of DNS.
    pub fn decode(octets: &[u8]) -> Self {
        let _ = octets;
        todo!()
    }
}
