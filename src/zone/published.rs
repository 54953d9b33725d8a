//! What one registration publishes, as the index keeps it: a few octets per name, read without decoding it whole.
//!
//! ```text
//! any kind   |VARIANT            of the owner names that are an active variant of a registered label
//! addresses  kind|WWW            n4: u8  ttl: u32  IPv4 × n4  IPv6 …
//! forward    kind|WWW|KEEP_PATH  0: u8   ttl: u32  code: u16  target …
//! delegation kind                n: u8   ttl: u32  (name  n4: u8  n6: u8  IPv4 × n4  IPv6 × n6) × n  (length: u16  DS) …
//! held       kind                0: u8   info-code: u16  status: u16  extra-text …
//! ```
//!
//! Numbers are in network order.

#[cfg(test)]
mod tests;

use super::name::Name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A registration's published form, for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// Addresses. The index keeps IPv4 before IPv6, each in the order given.
    Addresses {
        /// A and AAAA.
        addresses: Vec<IpAddr>,
        /// Seconds.
        ttl: u32,
        /// Whether `www` answers the same.
        www: bool,
    },
    /// A forward: DNS answers the gateway's addresses, HTTP the redirect.
    Forward {
        /// Where the redirect leads.
        target: Box<str>,
        /// HTTP status of the redirect.
        code: u16,
        /// Whether path and query of the request are appended.
        keep_path: bool,
        /// Seconds.
        ttl: u32,
        /// Whether `www` forwards the same.
        www: bool,
    },
    /// A delegation. DS RDATA in wire form.
    Delegation {
        /// Name servers, each with its glue.
        servers: Vec<(Name, Vec<IpAddr>)>,
        /// DS RDATA.
        ds: Vec<Box<[u8]>>,
        /// Seconds, of NS, glue and DS.
        ttl: u32,
    },
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

/// The same, as the index keeps it: borrowed, read without allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishedRef<'a> {
    /// Addresses.
    Addresses {
        /// IPv4 addresses.
        v4: &'a [[u8; 4]],
        /// IPv6 addresses.
        v6: &'a [[u8; 16]],
        /// Seconds.
        ttl: u32,
        /// Whether `www` answers the same.
        www: bool,
    },
    /// A forward.
    Forward {
        /// Where the redirect leads.
        target: Text<'a>,
        /// HTTP status of the redirect.
        code: u16,
        /// Whether path and query of the request are appended.
        keep_path: bool,
        /// Seconds.
        ttl: u32,
        /// Whether `www` forwards the same.
        www: bool,
    },
    /// A delegation.
    Delegation(DelegationRef<'a>),
    /// Held.
    Held {
        /// Extended DNS error.
        info_code: u16,
        /// EXTRA-TEXT.
        extra_text: Text<'a>,
        /// HTTP status of the notice.
        status: u16,
    },
}

/// Octets that [`Published::encode`] took from a `str`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a [u8]);

/// A delegation as the index keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelegationRef<'a> {
    /// Seconds, of NS, glue and DS.
    pub ttl: u32,
    count: u8,
    servers: &'a [u8],
    ds: &'a [u8],
}

/// A name server of a delegation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerRef<'a> {
    /// Its name in wire form.
    pub name: &'a [u8],
    /// IPv4 glue.
    pub v4: &'a [[u8; 4]],
    /// IPv6 glue.
    pub v6: &'a [[u8; 16]],
}

const ADDRESSES: u8 = 0;
const FORWARD: u8 = 1;
const DELEGATION: u8 = 2;
const HELD: u8 = 3;
/// The bits of the first octet that tell the kind.
const KIND_MASK: u8 = 0x03;
const WWW: u8 = 0x10;
const KEEP_PATH: u8 = 0x20;
const VARIANT: u8 = 0x40;

impl Published {
    /// Appends the index's form to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        match self {
            Self::Addresses { addresses, ttl, www } => {
                out.extend_from_slice(&[ADDRESSES | flag(*www, WWW), count_v4(addresses)]);
                out.extend_from_slice(&ttl.to_be_bytes());
                write_addresses(addresses, out);
            }
            Self::Forward { target, code, keep_path, ttl, www } => {
                out.extend_from_slice(&[FORWARD | flag(*www, WWW) | flag(*keep_path, KEEP_PATH), 0]);
                out.extend_from_slice(&ttl.to_be_bytes());
                out.extend_from_slice(&code.to_be_bytes());
                out.extend_from_slice(target.as_bytes());
            }
            Self::Delegation { servers, ds, ttl } => {
                out.extend_from_slice(&[
                    DELEGATION,
                    u8::try_from(servers.len()).expect("a delegation has at most 13 servers"),
                ]);
                out.extend_from_slice(&ttl.to_be_bytes());
                for (name, glue) in servers {
                    out.extend_from_slice(name.as_wire());
                    out.push(count_v4(glue));
                    out.push(u8::try_from(glue.len()).expect("a server has few addresses") - count_v4(glue));
                    write_addresses(glue, out);
                }
                for rdata in ds {
                    let length = u16::try_from(rdata.len()).expect("RDATA has at most 65,535 octets");
                    out.extend_from_slice(&length.to_be_bytes());
                    out.extend_from_slice(rdata);
                }
            }
            Self::Held { info_code, extra_text, status } => {
                out.extend_from_slice(&[HELD, 0]);
                out.extend_from_slice(&info_code.to_be_bytes());
                out.extend_from_slice(&status.to_be_bytes());
                out.extend_from_slice(extra_text.as_bytes());
            }
        }
    }

    /// Marks `octets`, made by [`Published::encode`], as those of an active variant: they answer the same, but are not
    /// counted as a registration.
    pub fn mark_variant(octets: &mut [u8]) {
        if let Some(first) = octets.first_mut() {
            *first |= VARIANT;
        }
    }

    /// The registration that `octets`, made by [`Published::encode`], describe. Allocates; not for the read path of DNS.
    pub fn decode(octets: &[u8]) -> Self {
        match PublishedRef::new(octets) {
            PublishedRef::Addresses { v4, v6, ttl, www } => {
                Self::Addresses { addresses: addresses(v4, v6).collect(), ttl, www }
            }
            PublishedRef::Forward { target, code, keep_path, ttl, www } => {
                Self::Forward { target: target.as_str().into(), code, keep_path, ttl, www }
            }
            PublishedRef::Delegation(delegation) => {
                let name = |wire: &[u8]| Name::from_wire(wire).expect("encode wrote a name").0;
                let server = |server: ServerRef<'_>| (name(server.name), addresses(server.v4, server.v6).collect());
                Self::Delegation {
                    servers: delegation.servers().map(server).collect(),
                    ds: delegation.ds().map(Box::from).collect(),
                    ttl: delegation.ttl,
                }
            }
            PublishedRef::Held { info_code, extra_text, status } => {
                Self::Held { info_code, extra_text: extra_text.as_str().into(), status }
            }
        }
    }
}

impl<'a> PublishedRef<'a> {
    /// Reads `octets`, made by [`Published::encode`].
    ///
    /// # Panics
    /// On other octets, possibly.
    pub fn new(octets: &'a [u8]) -> Self {
        let (&[first, count, a, b, c, d], rest) =
            octets.split_first_chunk().expect("every kind has six octets at least");
        let www = first & WWW != 0;
        let ttl = u32::from_be_bytes([a, b, c, d]);
        match first & KIND_MASK {
            ADDRESSES => {
                let (v4, v6) = rest.split_at(4 * usize::from(count));
                Self::Addresses { v4: v4.as_chunks().0, v6: v6.as_chunks().0, ttl, www }
            }
            FORWARD => {
                let (code, target) = read_u16(rest);
                Self::Forward { target: Text(target), code, keep_path: first & KEEP_PATH != 0, ttl, www }
            }
            HELD => Self::Held {
                info_code: u16::from_be_bytes([a, b]),
                extra_text: Text(rest),
                status: u16::from_be_bytes([c, d]),
            },
            _ => {
                let mut servers = Servers { left: count, rest };
                servers.by_ref().for_each(drop);
                let (servers, ds) = rest.split_at(rest.len() - servers.rest.len());
                Self::Delegation(DelegationRef { ttl, count, servers, ds })
            }
        }
    }

    /// IPv4 and IPv6 addresses, seconds, and whether `www` answers the same, if `octets`, made by [`Published::encode`],
    /// describe addresses.
    #[inline(always)]
    #[allow(clippy::type_complexity, reason = "the fields of one variant")]
    pub fn addresses(octets: &'a [u8]) -> Option<(&'a [[u8; 4]], &'a [[u8; 16]], u32, bool)> {
        let (&[first, count, a, b, c, d], rest) = octets.split_first_chunk()?;
        if first & KIND_MASK != ADDRESSES {
            return None;
        }
        let (v4, v6) = rest.split_at_checked(4 * usize::from(count))?;
        Some((v4.as_chunks().0, v6.as_chunks().0, u32::from_be_bytes([a, b, c, d]), first & WWW != 0))
    }

    /// Whether `octets` were marked by [`Published::mark_variant`].
    pub fn is_variant(octets: &[u8]) -> bool {
        octets.first().is_some_and(|first| first & VARIANT != 0)
    }

    /// Whether `octets`, made by [`Published::encode`], describe a delegation.
    #[inline]
    pub fn is_delegation(octets: &[u8]) -> bool {
        octets.first().is_some_and(|first| first & KIND_MASK == DELEGATION)
    }

    /// The TTL of its records in seconds; none of a hold, which has no records.
    pub fn ttl(&self) -> Option<u32> {
        match *self {
            Self::Addresses { ttl, .. } | Self::Forward { ttl, .. } => Some(ttl),
            Self::Delegation(delegation) => Some(delegation.ttl),
            Self::Held { .. } => None,
        }
    }

    /// Whether `www` below the name answers as the name does.
    #[inline]
    pub fn www(&self) -> bool {
        match *self {
            Self::Addresses { www, .. } | Self::Forward { www, .. } => www,
            Self::Delegation(_) | Self::Held { .. } => false,
        }
    }
}

impl<'a> Text<'a> {
    /// The octets.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        std::str::from_utf8(self.0).expect("encode wrote a str")
    }
}

impl<'a> DelegationRef<'a> {
    /// The name servers.
    pub fn servers(&self) -> impl Iterator<Item = ServerRef<'a>> + Clone + use<'a> {
        Servers { left: self.count, rest: self.servers }
    }

    /// DS RDATA in wire form.
    pub fn ds(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let mut rest = self.ds;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (length, after) = read_u16(rest);
            let (rdata, after) = after.split_at(usize::from(length));
            rest = after;
            Some(rdata)
        })
    }
}

#[derive(Clone)]
struct Servers<'a> {
    left: u8,
    rest: &'a [u8],
}

impl<'a> Iterator for Servers<'a> {
    type Item = ServerRef<'a>;

    fn next(&mut self) -> Option<ServerRef<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut end = 0;
        while self.rest[end] != 0 {
            end += 1 + usize::from(self.rest[end]);
        }
        let (name, rest) = self.rest.split_at(end + 1);
        let (v4, after) = rest[2..].split_at(4 * usize::from(rest[0]));
        let (v6, after) = after.split_at(16 * usize::from(rest[1]));
        self.rest = after;
        Some(ServerRef { name, v4: v4.as_chunks().0, v6: v6.as_chunks().0 })
    }
}

fn count_v4(addresses: &[IpAddr]) -> u8 {
    let count = addresses.iter().filter(|address| address.is_ipv4()).count();
    u8::try_from(count).expect("a name has at most 16 addresses")
}

fn write_addresses(addresses: &[IpAddr], out: &mut Vec<u8>) {
    for address in addresses {
        if let IpAddr::V4(address) = address {
            out.extend_from_slice(&address.octets());
        }
    }
    for address in addresses {
        if let IpAddr::V6(address) = address {
            out.extend_from_slice(&address.octets());
        }
    }
}

fn addresses<'a>(v4: &'a [[u8; 4]], v6: &'a [[u8; 16]]) -> impl Iterator<Item = IpAddr> + use<'a> {
    let v4 = v4.iter().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets)));
    v4.chain(v6.iter().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets))))
}

#[inline]
fn read_u16(octets: &[u8]) -> (u16, &[u8]) {
    let (value, rest) = octets.split_at(2);
    (u16::from_be_bytes([value[0], value[1]]), rest)
}
