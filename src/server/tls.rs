//! TLS of the encrypted transports: one certificate, looked up at each handshake, so that it can be swapped while serving.

use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{DEFAULT_VERSIONS, ServerConfig, SupportedProtocolVersion};
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// The certificate and key for handshakes from now on; sending others swaps them.
pub type Certificate = watch::Receiver<Arc<CertifiedKey>>;

/// Protocols, as IANA's registry of ALPN protocol IDs names them.
const ALPN_DOT: &[u8] = b"dot";
const ALPN_HTTP_1: &[u8] = b"http/1.1";
const ALPN_DOQ: &[u8] = b"doq";
const ALPN_HTTP_3: &[u8] = b"h3";
/// HTTP/2, which of all HTTP clients want most (RFC 8484 §5.2).
pub(super) const ALPN_HTTP_2: &[u8] = b"h2";

/// Whichever certificate is current.
struct Current(Certificate);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.borrow()))
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

/// What DNS over TLS agrees on with clients. Those that name no protocol are served too.
pub(super) fn dot(certificate: &Certificate) -> Arc<ServerConfig> {
    Arc::new(config(certificate, &[ALPN_DOT]))
}

/// What DNS over HTTPS agrees on with clients. Those that name no protocol speak HTTP/1.1.
pub(super) fn doh(certificate: &Certificate) -> Arc<ServerConfig> {
    Arc::new(config(certificate, &[ALPN_HTTP_2, ALPN_HTTP_1]))
}

/// What DNS over QUIC agrees on with clients: TLS 1.3 (RFC 9001 §4.2), and its own protocol or none.
pub(super) fn doq(certificate: &Certificate) -> Arc<ServerConfig> {
    Arc::new(config_of(certificate, &[ALPN_DOQ], &[&TLS13]))
}

/// What DNS over HTTP/3 agrees on with clients: TLS 1.3, and its own protocol or none.
pub(super) fn doh3(certificate: &Certificate) -> Arc<ServerConfig> {
    Arc::new(config_of(certificate, &[ALPN_HTTP_3], &[&TLS13]))
}

fn config(certificate: &Certificate, protocols: &[&[u8]]) -> ServerConfig {
    config_of(certificate, protocols, DEFAULT_VERSIONS)
}

fn config_of(
    certificate: &Certificate,
    protocols: &[&[u8]],
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("ring serves these versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Current(certificate.clone())));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}
