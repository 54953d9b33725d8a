//! Probes over TLS, HTTPS and QUIC, and clients that do not finish handshakes or talk nonsense behind them.

use crate::connections::connect;
use crate::probes::{PROBES, framed, passed, read_framed};
use crate::{PATIENCE, Soak};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::error::Error;
use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// The name in the certificate that the demonstration makes.
const HOST: &str = "localhost";
/// Handshakes that are left unfinished at once.
const KEPT_MAX: usize = 60;

fn config(soak: &Soak, protocol: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(soak.daemon.path("data/dns-cert.pem")).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    config
}

fn server_name() -> ServerName<'static> {
    ServerName::try_from(HOST).unwrap()
}

/// All probes over a connection of each transport, again and again.
pub fn probes(soak: &Soak) {
    let runtime = Runtime::new().unwrap();
    while soak.goes_on() {
        passed(soak, over_tls(soak));
        // Each of them ends: nothing may wait for ever.
        passed(soak, runtime.block_on(async { timeout(PATIENCE, over_https(soak)).await }).expect("HTTPS answers"));
        passed(soak, runtime.block_on(async { timeout(PATIENCE, over_quic(soak)).await }).expect("QUIC answers"));
    }
}

fn over_tls(soak: &Soak) -> Result<(), Box<dyn Error>> {
    let connection = ClientConnection::new(Arc::new(config(soak, "dot")), server_name())?;
    let stream = TcpStream::connect(soak.daemon.dot())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, stream);
    let questions = PROBES.iter().zip(0..).flat_map(|(probe, id)| framed(&probe.question(id, id % 2 == 0)));
    stream.write_all(&questions.collect::<Vec<u8>>())?;
    for _ in &*PROBES {
        let answer = read_framed(&mut stream)?;
        let id = u16::from_be_bytes([answer[0], answer[1]]);
        PROBES[usize::from(id)].check(id, &answer, None);
        soak.tally.event("probe over TLS");
    }
    Ok(())
}

async fn over_https(soak: &Soak) -> Result<(), Box<dyn Error>> {
    let stream = tokio::net::TcpStream::connect(soak.daemon.address("doh")).await?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config(soak, "h2")));
    let stream = connector.connect(server_name(), stream).await?;
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await?;
    let connection = tokio::spawn(connection);
    for probe in &*PROBES {
        let request = hyper::Request::post(format!("https://{HOST}/dns-query"))
            .header("content-type", "application/dns-message")
            .body(Full::new(Bytes::from(probe.question(0, true))))?;
        let answer = sender.send_request(request).await?;
        // One that reached the server in parts, too slowly, is no fault of its.
        if answer.status() == 408 {
            return Err("408".into());
        }
        assert_eq!(answer.status(), 200);
        probe.check(0, &answer.into_body().collect().await?.to_bytes(), None);
        soak.tally.event("probe over HTTPS");
    }
    drop(sender);
    let _ = connection.await;
    Ok(())
}

async fn over_quic(soak: &Soak) -> Result<(), Box<dyn Error>> {
    let crypto = QuicClientConfig::try_from(config(soak, "doq"))?;
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse()?)?;
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let connection = endpoint.connect_with(config, soak.daemon.address("doq"), HOST)?.await?;
    for probe in &*PROBES {
        let (mut send, mut receive) = connection.open_bi().await?;
        send.write_all(&framed(&probe.question(0, true))).await?;
        send.finish()?;
        let answer = receive.read_to_end(70_000).await?;
        probe.check(0, &answer[2..], None);
        soak.tally.event("probe over QUIC");
    }
    connection.close(0_u32.into(), b"");
    endpoint.wait_idle().await;
    Ok(())
}

/// Handshakes that stop half-way, nonsense behind good ones, datagrams that are no QUIC.
pub fn abuse(soak: &Soak) {
    let mut random = soak.random(7);
    let mut kept: Vec<TcpStream> = Vec::new();
    let (dot, doh): (SocketAddr, SocketAddr) = (soak.daemon.dot(), soak.daemon.address("doh"));
    let quic = UdpSocket::bind("127.0.0.1:0").unwrap();
    quic.connect(soak.daemon.address("doq")).unwrap();
    let configs = [config(soak, "dot"), config(soak, "h2")].map(Arc::new);
    while soak.goes_on() {
        kept.drain(..kept.len().saturating_sub(KEPT_MAX));
        let which = random.below(2);
        let mut stream = connect(&mut random, [dot, doh][which]);
        match random.below(4) {
            0 => {
                let mut hello = Vec::new();
                let mut connection = ClientConnection::new(Arc::clone(&configs[which]), server_name()).unwrap();
                connection.write_tls(&mut hello).unwrap();
                hello.truncate(1 + random.below(hello.len()));
                let _ = stream.write_all(&hello);
                kept.push(stream);
                soak.tally.event("TLS handshake that stops");
            }
            1 => {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let connection = ClientConnection::new(Arc::clone(&configs[which]), server_name()).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let octets: Vec<u8> = (0..random.below(3000)).map(|_| random.next() as u8).collect();
                let preface: &[u8] = if which == 1 { b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" } else { b"" };
                let _ = stream.write_all(&[preface, &octets].concat());
                soak.tally.event("nonsense over TLS");
            }
            2 => {
                let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
                soak.tally.event("no TLS at all");
            }
            _ => {
                for _ in 0..8 {
                    let mut octets: Vec<u8> = (0..1 + random.below(1300)).map(|_| random.next() as u8).collect();
                    // Every other one begins as a packet of QUIC's version 1 does.
                    if random.below(2) == 0 {
                        octets.splice(..octets.len().min(5), [0xc3, 0, 0, 0, 1]);
                    }
                    // The system may tell of an earlier one that was refused.
                    let _ = quic.send(&octets);
                }
                soak.tally.add("datagram that is no QUIC", 8);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
