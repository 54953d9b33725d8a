//! A server with a certificate that can be swapped, and clients that trust one certificate alone.

use crate::dns::{PATIENCE, Response, framed, query};
use crate::served::{self, served};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use tokio::sync::watch;
use zhengming::server::{Encrypted, Running, Server, Settings, TcpLimits};
use zhengming::snapshot::Publisher;
use zhengming::telemetry::{Dns, Exporter};
use zhengming::zone::Published;

/// 中国政府网.政务, which resolves.
pub const NAME: &str = "xn--fiqs8sirgfmhq98a.xn--zfr164b";
/// Another name, with more records than a UDP response holds.
pub const LARGE: &str = "xn--dgt32shz8a.xn--zfr164b";
/// The name in the certificates.
pub const HOST: &str = "ns.example";

pub struct Started {
    pub running: Running,
    pub exporter: Exporter,
    pub certificate: watch::Sender<Arc<CertifiedKey>>,
    /// Trusts the first certificate.
    pub trusts: CertificateDer<'static>,
    _publisher: Publisher,
}

impl Started {
    /// Where DNS over TLS is.
    pub fn dot(&self) -> SocketAddr {
        self.running.encrypted().tls[0]
    }

    /// Where DNS over HTTPS is.
    pub fn doh(&self) -> SocketAddr {
        self.running.encrypted().https[0]
    }

    /// Where DNS over QUIC is.
    pub fn doq(&self) -> SocketAddr {
        self.running.encrypted().quic[0]
    }

    /// Where DNS over HTTP/3 is.
    pub fn doh3(&self) -> SocketAddr {
        self.running.encrypted().http3[0]
    }

    /// Whether something was dropped for this reason.
    pub fn dropped(&self, transport: &str, reason: &str) -> bool {
        let line = format!("zhengming_dns_dropped_total{{reason=\"{reason}\",transport=\"{transport}\"}} ");
        let text = self.exporter.render();
        let value = text.lines().find_map(|l| l.strip_prefix(&line)).unwrap_or_else(|| panic!("no {line} in\n{text}"));
        value != "0"
    }

    /// Waits until something was dropped for this reason.
    pub fn drops(&self, transport: &str, reason: &str) {
        eventually(|| self.dropped(transport, reason), &format!("{transport} {reason}"));
    }

    /// What the metrics say on a line that begins so.
    pub fn metric(&self, line: &str) -> Option<String> {
        let text = self.exporter.render();
        text.lines().find_map(|l| l.strip_prefix(line)).map(|value| value.trim().to_owned())
    }
}

/// Waits until `holds` does; only a failure takes long.
pub fn eventually(mut holds: impl FnMut() -> bool, what: &str) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

pub fn start(tcp: TcpLimits) -> Started {
    let address = |last| Published::Addresses { addresses: vec![last], ttl: 600, www: true };
    let many = (0..200).map(|last| Ipv4Addr::new(203, 0, 113, last).into()).collect();
    let (publisher, reader) = served(&[
        ("xn--fiqs8sirgfmhq98a", address(Ipv4Addr::new(203, 0, 113, 5).into())),
        ("xn--dgt32shz8a", Published::Addresses { addresses: many, ttl: 300, www: false }),
    ]);
    let exporter = Exporter::new();
    let telemetry = Dns::new(&exporter);
    telemetry.set_zones(&[served::APEX]);
    let (trusts, key) = certificate();
    let (certificate, current) = watch::channel(key);
    let free = || vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    let encrypted = Some(Encrypted {
        certificate: current,
        tls: free(),
        https: free(),
        quic: free(),
        http3: free(),
        https_path: "/dns-query".into(),
    });
    let settings = Settings { addresses: free(), workers: 2, tcp, encrypted, ..Settings::default() };
    let query = zhengming::query::Settings { keepalive: 123, ..Default::default() };
    let running = Server::start(&settings, reader, query, telemetry).unwrap();
    Started { running, exporter, certificate, trusts, _publisher: publisher }
}

/// A fresh certificate, and it with its key.
pub fn certificate() -> (CertificateDer<'static>, Arc<CertifiedKey>) {
    let made = rcgen::generate_simple_self_signed([HOST.to_string()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let pair = CertifiedKey::from_der(vec![certificate.clone()], key, &rustls::crypto::ring::default_provider());
    (certificate, Arc::new(pair.unwrap()))
}

/// A client's configuration that trusts this certificate alone and offers these protocols.
pub fn client_config(trusted: &CertificateDer<'static>, protocols: &[&str]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A TLS connection to `server`; an error if the handshake fails.
pub fn tls(server: SocketAddr, trusted: &CertificateDer<'static>, protocols: &[&str]) -> std::io::Result<Tls> {
    let config = Arc::new(client_config(trusted, protocols));
    let connection = ClientConnection::new(config, ServerName::try_from(HOST).unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, crate::dns::tcp(server));
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// The next framed response; none once the server has closed the connection as TLS wants it.
pub fn read(stream: &mut impl Read) -> Option<Response> {
    let mut prefix = [0; 2];
    match stream.read_exact(&mut prefix) {
        Ok(()) => {}
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
            return None;
        }
    }
    let mut message = vec![0; usize::from(u16::from_be_bytes(prefix))];
    stream.read_exact(&mut message).unwrap();
    Some(Response::parse(&message))
}

pub fn ask(stream: &mut (impl Read + Write), id: u16) -> Response {
    stream.write_all(&framed(&query(id, NAME))).unwrap();
    read(stream).expect("a response")
}

/// What a program prints.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Fails if one of `parts` is not in `text`, however it is spaced.
#[track_caller]
pub fn expect(text: &str, parts: &[&str]) {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(words.contains(part), "no {part:?} in\n{text}");
    }
}

/// Random octets that are the same in every run (xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn octet(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u8
    }
}
