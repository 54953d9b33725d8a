//! Certificates of the admin listener and of encrypted DNS, read from PEM files and again on a reload.

use super::Error;
use super::pem::{CERTIFICATE, Fault, PRIVATE_KEY};
use crate::config::Config;
use crate::{http, server};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// The demonstration's own certificate and key for encrypted DNS, in the data directory.
const MADE_CERT: &str = "dns-cert.pem";
const MADE_KEY: &str = "dns-key.pem";
/// What the demonstration's certificate is for; it listens nowhere else.
const MADE_FOR: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What handshakes get from now on, where there is TLS.
pub(super) struct Certificates {
    admin: Option<watch::Sender<Arc<ServerConfig>>>,
    server: Option<watch::Sender<Arc<CertifiedKey>>>,
}

/// What was read from the files.
pub(super) struct Read {
    admin: Option<Arc<ServerConfig>>,
    server: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Of what the configuration names; the demonstration's own is made if it is missing.
    pub(super) fn load(config: &Config) -> Result<Self, Error> {
        if let Some((cert, key)) = made_files(config)
            // One is of no use without the other.
            && !(cert.exists() && key.exists())
        {
            make(&cert, &key)?;
        }
        let Read { admin, server } = read(config)?;
        Ok(Self { admin: admin.map(watch::Sender::new), server: server.map(watch::Sender::new) })
    }

    /// Puts what was read in the place of what is there.
    pub(super) fn replace(&self, read: Read) {
        if let (Some(current), Some(read)) = (&self.admin, read.admin) {
            current.send_replace(read);
        }
        if let (Some(current), Some(read)) = (&self.server, read.server) {
            current.send_replace(read);
        }
    }

    /// Where an admin listener sees its own.
    pub(super) fn admin(&self) -> Option<http::Tls> {
        self.admin.as_ref().map(watch::Sender::subscribe)
    }

    /// Where encrypted DNS sees its own.
    pub(super) fn server(&self) -> Option<server::Certificate> {
        self.server.as_ref().map(watch::Sender::subscribe)
    }
}

/// Checks that the certificates can be used, for `check-config`.
///
/// # Errors
/// [`Error::Certificate`].
pub fn check(config: &Config) -> Result<(), Error> {
    read(config).map(drop)
}

/// Reads all files that `config` names.
pub(super) fn read(config: &Config) -> Result<Read, Error> {
    let made = made_files(config).filter(|(cert, key)| cert.exists() && key.exists());
    let is_made = made.is_some();
    let named = |cert: &Option<PathBuf>, key: &Option<PathBuf>| {
        Some((config.path(cert.as_deref()?), config.path(key.as_deref()?)))
    };
    let tls = &config.server.tls;
    let server = named(&tls.cert, &tls.key).or(made);
    let admin = named(&config.admin.tls_cert, &config.admin.tls_key);
    let clients = config.admin.tls_client_ca.as_deref().map(|ca| config.path(ca));
    let admin = admin.map(|(cert, key)| read_admin(&cert, &key, clients.as_deref())).transpose();
    let server = server.map(|(cert, key)| read_pair(&cert, &key).map(Arc::new)).transpose();
    let server = server.map_err(|error| if is_made { made_anew(error) } else { error });
    Error::both(server, admin).map(|(server, admin)| Read { admin, server })
}

fn read_pair(cert: &Path, key: &Path) -> Result<CertifiedKey, Error> {
    let bad = |path: &Path, what| Error::Certificate { path: path.to_owned(), what };
    let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
    let chain = chain.map_err(|error| bad(cert, Fault::of(&error, CERTIFICATE)));
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, Fault::of(&error, PRIVATE_KEY)));
    let (chain, private) = Error::both(chain, private)?;
    CertifiedKey::from_der(chain, private, &ring::default_provider()).map_err(|error| {
        let key = key.display();
        bad(
            cert,
            Fault::new(
                format!("cannot be served with the key in {key} ({error}); name a certificate and its own key"),
                format!("证书与 {key} 中的私钥无法配合使用；请指定证书及其对应的私钥"),
            ),
        )
    })
}

/// The admin listener's TLS; with an authority of clients, only who shows a certificate of it is let in.
fn read_admin(cert: &Path, key: &Path, clients: Option<&Path>) -> Result<Arc<ServerConfig>, Error> {
    let verifier = match clients {
        Some(path) => read_clients(path),
        None => Ok(WebPkiClientVerifier::no_client_auth()),
    };
    let (pair, verifier) = Error::both(read_pair(cert, key), verifier)?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring serves the default versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(pair)));
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

fn read_clients(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let bad = |what| Error::Certificate { path: path.to_owned(), what };
    let unreadable = |error: pem::Error| bad(Fault::of(&error, CERTIFICATE));
    let unusable = |error: &dyn Display| {
        let en = format!("no authority of clients can be made of it ({error}); name certificates of authorities");
        bad(Fault::new(en, "其中的证书不能用作客户端证书的签发机构；请指定签发机构的证书"))
    };
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(authority.map_err(unreadable)?).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() {
        return Err(unreadable(pem::Error::NoItemsFound));
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| unusable(&error))
}

/// Where the demonstration keeps the certificate that it makes itself; nothing else makes one.
fn made_files(config: &Config) -> Option<(PathBuf, PathBuf)> {
    let tls = &config.server.tls;
    let makes = config.demo && tls.cert.is_none() && tls.addresses().next().is_some();
    makes.then(|| (config.data_dir().join(MADE_CERT), config.data_dir().join(MADE_KEY)))
}

/// What to do about those: nobody has to keep them.
fn made_anew(error: Error) -> Error {
    match error {
        Error::Certificate { path, what: Fault { en, zh } } => {
            let en = format!(
                "{en}, or remove {MADE_CERT} and {MADE_KEY}: the demonstration makes them anew at its next start"
            );
            let zh = format!("{zh}，或删除 {MADE_CERT} 和 {MADE_KEY}：演示程序下次启动时会重新生成");
            Error::Certificate { path, what: Fault { en, zh } }
        }
        Error::Several(errors) => Error::Several(errors.into_iter().map(made_anew).collect()),
        error => error,
    }
}

/// Makes a self-signed certificate. The key is written first: a certificate that is there has one.
fn make(cert: &Path, key: &Path) -> Result<(), Error> {
    let bad = |error: rcgen::Error| Error::Certificate {
        path: cert.to_owned(),
        what: Fault::new(format!("no certificate can be made ({error})"), "无法生成证书"),
    };
    let made = rcgen::generate_simple_self_signed(MADE_FOR.map(str::to_owned)).map_err(bad)?;
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let mut options = OpenOptions::new();
    // Nobody else reads a key.
    options.write(true).create(true).truncate(true).mode(0o600);
    let write = |mut file: fs::File| {
        file.write_all(made.signing_key.serialize_pem().as_bytes())?;
        file.sync_all()
    };
    options.open(key).and_then(write).map_err(io(key))?;
    fs::write(cert, made.cert.pem()).map_err(io(cert))?;
    tracing::info!(path = %cert.display(), "made a self-signed certificate for encrypted DNS / 已生成自签名证书");
    Ok(())
}
