//! What the DNS sockets are told: addresses, threads, limits, certificate.

use super::rate::RateLimits;
use super::tls::Certificate;
use crate::http::inherited::Inherited;
use crate::query;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Settings of the DNS sockets.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Addresses to serve on, each over UDP and TCP. Port 0 picks a free one (the same for both).
    pub addresses: Vec<SocketAddr>,
    /// UDP threads per address, and threads of all connections; 0: one for each core.
    pub workers: usize,
    /// Whether each UDP thread stays on a core of its own.
    pub pin: bool,
    /// Limits of TCP, and again of the encrypted transports.
    pub tcp: TcpLimits,
    /// The encrypted transports; none: not served.
    pub encrypted: Option<Encrypted>,
    /// Limits of what one network is sent over UDP; none: everything.
    pub rate: Option<RateLimits>,
    /// Whose packets and connections must begin with a header of the PROXY protocol, which says who the client is.
    pub proxies: Vec<IpNet>,
    /// Sockets that are there already, of those addresses they are on.
    pub inherited: Inherited,
}

/// What a reload changes while the server runs.
#[derive(Clone, Debug)]
pub struct Changeable {
    /// What answers depend on.
    pub query: query::Settings,
    /// Limits of what one network is sent over UDP; none: everything.
    pub rate: Option<RateLimits>,
}

/// Settings of the encrypted transports.
#[derive(Clone, Debug)]
pub struct Encrypted {
    /// The certificate of all of them.
    pub certificate: Certificate,
    /// Addresses to serve DNS over TLS on (RFC 7858).
    pub tls: Vec<SocketAddr>,
    /// Addresses to serve DNS over HTTPS on (RFC 8484).
    pub https: Vec<SocketAddr>,
    /// Addresses to serve DNS over QUIC on (RFC 9250).
    pub quic: Vec<SocketAddr>,
    /// Addresses to serve DNS over HTTPS with HTTP/3 on (RFC 9114).
    pub http3: Vec<SocketAddr>,
    /// The path of DNS over HTTPS.
    pub https_path: Arc<str>,
}

/// What clients of TCP, and of what runs over it, may take. Past a limit the connection is closed (RFC 7766 §6.1, §6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// From one complete request to the next (or from the start): cuts idle clients and slow senders alike.
    pub idle: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// Longest time to take one write of responses.
    pub write: Duration,
    /// Longest life of a connection, however busy: then the next client has its turn.
    pub life: Duration,
    /// Open connections in all: so many of TCP, and as many of all encrypted transports together.
    pub connections: usize,
    /// Open connections of one client: one IPv4 address, or one IPv6 /64.
    pub connections_per_client: usize,
    /// How long connections may take to finish when the server stops.
    pub drain: Duration,
}

impl Settings {
    /// How many threads that makes.
    pub fn threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            // RFC 7766 §6.2.3 asks for seconds; resolvers reuse a connection within that time or not at all.
            idle: Duration::from_secs(10),
            // A few round trips on the worst path.
            handshake: Duration::from_secs(5),
            write: Duration::from_secs(10),
            life: Duration::from_secs(300),
            // About 10 KiB each while it reads, and one answer more while it writes; with queries side by side, what
            // `budget` allows.
            connections: 1024,
            // A large resolver opens a few; many behind one address share them. Most of the room stays for others.
            connections_per_client: 64,
            drain: Duration::from_secs(3),
        }
    }
}
