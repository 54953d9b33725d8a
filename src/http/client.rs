//! Connections to HTTP servers: of the command line to the API, of the outbox to its receiver.

use hyper::body::Body;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use url::Url;

/// Where Debian and its relatives keep the certificates they trust.
pub const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What goes wrong on the way; the same request may be tried again.
pub type Lost = Box<dyn Error + Send + Sync>;

/// Why there is no answer, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing listens there.
    Refused,
    /// The host has no address.
    Unresolved,
    /// Nothing comes back.
    Unreachable,
    /// What listens does not speak TLS, and we do.
    NoTls,
    /// It does not speak HTTP, but TLS perhaps.
    NoHttp,
    /// Its certificate is not trusted.
    Certificate,
    /// It ends the handshake, as those do that want a certificate.
    ClientCertificate,
    /// It closed the connection.
    Closed,
    /// Something else.
    Other,
}

/// The name of a host has no address.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unresolved(io::Error);

/// Why there is no answer.
pub fn cause(lost: &Lost) -> Cause {
    let mut next: Option<&(dyn Error + 'static)> = Some(&**lost);
    while let Some(error) = next {
        if let Some(cause) = cause_of(error) {
            return cause;
        }
        next = error.source();
    }
    Cause::Other
}

fn cause_of(error: &(dyn Error + 'static)) -> Option<Cause> {
    if error.is::<Unresolved>() {
        return Some(Cause::Unresolved);
    }
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(Cause::Unreachable);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return match error {
            _ if error.is_parse() => Some(Cause::NoHttp),
            _ if error.is_incomplete_message() || error.is_closed() => Some(Cause::Closed),
            _ => None,
        };
    }
    let error = error.downcast_ref::<io::Error>()?;
    // What an error of this kind holds is not its source.
    if let Some(error) = error.get_ref().and_then(|held| held.downcast_ref::<rustls::Error>()) {
        return match error {
            rustls::Error::InvalidMessage(_) => Some(Cause::NoTls),
            rustls::Error::InvalidCertificate(_) => Some(Cause::Certificate),
            rustls::Error::AlertReceived(_) => Some(Cause::ClientCertificate),
            _ => None,
        };
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => Some(Cause::Refused),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Some(Cause::Unreachable),
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => Some(Cause::Closed),
        _ => None,
    }
}

/// A server by its URL.
#[derive(Clone)]
pub struct Target {
    url: Url,
    authority: HeaderValue,
    tls: Option<TlsConnector>,
}

/// Why a file does not do for a connection.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// No certificates can be read from it.
    #[error("{0}")]
    Certificates(pem::Error),
    /// No private key can be read from it.
    #[error("{0}")]
    Key(pem::Error),
    /// The certificate does not go with the key.
    #[error("{0}")]
    Pair(rustls::Error),
}

/// Why a URL leads to no server.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is none of HTTP.
    #[error("not an http or https URL / 不是 http 或 https 网址")]
    Url,
    /// The certificates to trust cannot be read.
    #[error("{}: {why}", path.display())]
    Certificates {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        why: Unusable,
    },
}

impl Target {
    /// The server at `url`, trusted by the certificates in the file `ca`, or by those of the system.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn new(url: &str, ca: Option<&Path>) -> Result<Self, TargetError> {
        Self::showing(url, ca, None)
    }

    /// The same, shown the certificate and key in these files, if it asks for one.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn showing(url: &str, ca: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<Self, TargetError> {
        let url = Url::parse(url).map_err(|_| TargetError::Url)?;
        let host = url.host_str().ok_or(TargetError::Url)?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let authority = HeaderValue::from_str(&authority).map_err(|_| TargetError::Url)?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => Some(connector(ca.unwrap_or(Path::new(SYSTEM_CERTIFICATES)), identity)?),
            _ => return Err(TargetError::Url),
        };
        Ok(Self { url, authority, tls })
    }

    /// The value of `Host`.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// Path and query of the URL.
    pub fn path(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// A new connection, for requests with bodies of this type.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn connect<B>(&self) -> Result<SendRequest<B>, Lost>
    where
        B: Body<Data: Send, Error: Into<Lost>> + Send + 'static,
    {
        let port = self.url.port_or_known_default().ok_or("the URL has no port")?;
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let host = self.url.host_str().ok_or("the URL has no host")?.trim_matches(['[', ']']);
        let addresses: Vec<_> = lookup_host((host, port)).await.map_err(Unresolved)?.collect();
        let stream = TcpStream::connect(&addresses[..]).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => hello(stream).await,
            Some(tls) => hello(tls.connect(ServerName::try_from(host.to_owned())?, stream).await?).await,
        }
    }
}

async fn hello<S, B>(stream: S) -> Result<SendRequest<B>, Lost>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data: Send, Error: Into<Lost>> + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the connection; what went wrong is seen by the request that needed it.
    tokio::spawn(connection);
    Ok(sender)
}

fn connector(path: &Path, identity: Option<(&Path, &Path)>) -> Result<TlsConnector, TargetError> {
    let unusable = |path: &Path, why| TargetError::Certificates { path: path.to_owned(), why };
    let chain_of = |path: &Path| {
        let chain = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
        chain.map_err(|error| unusable(path, Unusable::Certificates(error)))
    };
    let mut roots = RootCertStore::empty();
    // Of the system's certificates some may be of kinds that rustls does not take; the rest serve.
    roots.add_parsable_certificates(chain_of(path)?);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring serves the default versions")
        .with_root_certificates(roots);
    let config = match identity {
        Some((cert, key)) => {
            let chain = chain_of(cert)?;
            let read = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, Unusable::Key(error)))?;
            config.with_client_auth_cert(chain, read).map_err(|error| unusable(cert, Unusable::Pair(error)))?
        }
        None => config.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

impl fmt::Debug for Target {
    /// Without path and query, in which a receiver's own secret may be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}://{:?})", self.url.scheme(), self.authority)
    }
}
