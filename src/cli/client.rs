//! The HTTP client of the commands that talk to a running server: one connection, opened anew when it is lost.

use super::Failure;
use super::arguments::Server;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

/// Where a token comes from if no file is named.
const TOKEN_VARIABLE: &str = "ZHENGMING_TOKEN";
/// Where Debian and its relatives keep the certificates they trust.
const SYSTEM_CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Longest wait for a connection, and for the head of a response; the server itself gives up after 30 seconds.
const WAIT: Duration = Duration::from_secs(60);

/// What goes wrong on the way; the same request may be tried again.
pub(super) type Lost = Box<dyn Error + Send + Sync>;

/// A client of one server, with one token.
pub(super) struct Client {
    url: Url,
    authority: HeaderValue,
    token: HeaderValue,
    tls: Option<TlsConnector>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client of the server that the command line names; nothing is sent yet.
    pub(super) fn new(server: &Server) -> Result<Self, Failure> {
        let bad_url = || {
            let url = &server.url;
            Failure::usage(format!("{url} is no http or https URL"), format!("{url} 不是 http 或 https 地址"))
        };
        let url = Url::parse(&server.url).map_err(|_| bad_url())?;
        let host = url.host_str().ok_or_else(bad_url)?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let authority = HeaderValue::from_str(&authority).map_err(|_| bad_url())?;
        let tls = match url.scheme() {
            "http" => None,
            "https" => Some(connector(server.ca.as_deref())?),
            _ => return Err(bad_url()),
        };
        let token = HeaderValue::from_str(&format!("Bearer {}", token(server)?));
        let mut token = token.map_err(|_| Failure::usage("the token has odd characters", "令牌含有非法字符"))?;
        token.set_sensitive(true);
        Ok(Self { url, authority, token, tls, sender: None })
    }

    /// Sends one request with lines as its body and waits for the head of its response.
    pub(super) async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>, Lost> {
        self.send_as("application/x-ndjson", method, path, body).await
    }

    /// The same with JSON.
    pub(super) async fn send_json(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Lost> {
        self.send_as("application/json", method, path, body).await
    }

    async fn send_as(
        &mut self,
        content_type: &'static str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Lost> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, &self.token)
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(body))?;
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => timeout(WAIT, self.connect()).await??,
        };
        sender.ready().await?;
        let response = timeout(WAIT, sender.send_request(request)).await??;
        self.sender = Some(sender);
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Lost> {
        let port = self.url.port_or_known_default().ok_or("the URL has no port")?;
        // An IPv6 address stands in brackets in a URL, and nowhere else.
        let host = self.url.host_str().ok_or("the URL has no host")?.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => hello(stream).await,
            Some(tls) => hello(tls.connect(ServerName::try_from(host.to_owned())?, stream).await?).await,
        }
    }
}

/// Reads a whole body, which must be text.
pub(super) async fn text(response: Response<Incoming>) -> Result<String, Lost> {
    Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?)
}

async fn hello<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
) -> Result<SendRequest<Full<Bytes>>, Lost> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the connection; what went wrong is seen by the request that needed it.
    tokio::spawn(connection);
    Ok(sender)
}

fn token(server: &Server) -> Result<String, Failure> {
    let text = match &server.token_file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?,
        None => std::env::var(TOKEN_VARIABLE).map_err(|_| {
            Failure::usage(
                format!("no token: name a file with --token-file, or set {TOKEN_VARIABLE}"),
                format!("缺少令牌：请用 --token-file 指定文件，或设置环境变量 {TOKEN_VARIABLE}"),
            )
        })?,
    };
    Ok(text.trim().to_owned())
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, Failure> {
    let path = ca.unwrap_or(Path::new(SYSTEM_CERTIFICATES));
    let unusable = |error: String| {
        let path = path.display();
        Failure::system(format!("{path}: {error}"), format!("{path}：证书无法使用，请用 --ca 指定"))
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = certificates.collect();
    // Of the system's certificates some may be of kinds that rustls does not take; the rest serve.
    roots.add_parsable_certificates(certificates.map_err(|error| unusable(error.to_string()))?);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring serves the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
