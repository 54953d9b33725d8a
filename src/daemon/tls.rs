//! The admin listener's certificate, read from PEM files and again on a reload.

use super::Error;
use crate::config::Config;
use crate::http;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// The certificate that new connections get.
pub(super) struct Certificate {
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Certificate {
    /// What the configuration names; none if it names none.
    pub(super) fn load(config: &Config) -> Result<Option<Self>, Error> {
        Ok(read(config)?.map(|read| Self { current: watch::Sender::new(read) }))
    }

    /// Reads the files again.
    pub(super) fn reload(&self, config: &Config) -> Result<(), Error> {
        if let Some(read) = read(config)? {
            self.current.send_replace(read);
        }
        Ok(())
    }

    /// Where a listener sees it.
    pub(super) fn receiver(&self) -> http::Tls {
        self.current.subscribe()
    }
}

/// Checks that the certificate can be used, for `check-config`.
///
/// # Errors
/// [`Error::Certificate`].
pub fn check(config: &Config) -> Result<(), Error> {
    read(config).map(drop)
}

fn read(config: &Config) -> Result<Option<Arc<ServerConfig>>, Error> {
    let (Some(chain), Some(key)) = (&config.admin.tls_cert, &config.admin.tls_key) else { return Ok(None) };
    let (chain_path, key_path) = (config.path(chain), config.path(key));
    let bad = |path: &Path, what: String| Error::Certificate { path: path.to_owned(), what };
    let chain = CertificateDer::pem_file_iter(&chain_path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| bad(&chain_path, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|error| bad(&key_path, error.to_string()))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring serves the default versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| bad(&chain_path, error.to_string()))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(server)))
}
