//! TLS of the encrypted transports: one certificate, looked up at each handshake, so that it can be swapped while serving.

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// The certificate and key for handshakes from now on; sending others swaps them.
pub type Certificate = watch::Receiver<Arc<CertifiedKey>>;

/// DNS over TLS, as IANA's registry of ALPN protocol IDs names it.
const ALPN_DOT: &[u8] = b"dot";

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
    Arc::new(config(certificate, ALPN_DOT))
}

fn config(certificate: &Certificate, protocol: &[u8]) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring serves the default versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Current(certificate.clone())));
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}
