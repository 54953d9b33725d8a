//! A process that runs out of file descriptors: no listener ends, and each accepts again when there are some.
//!
//! Alone in its program, because it takes the descriptors of every other test.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

#[path = "common/dns.rs"]
mod dns;
#[path = "common/http.rs"]
mod http;
#[allow(dead_code, reason = "one test needs little of it")]
#[path = "transports/kit.rs"]
mod kit;
#[path = "common/served.rs"]
mod served;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use zhengming::gateway;
use zhengming::server::TcpLimits;
use zhengming::telemetry::Telemetry;

/// Few enough to use up quickly.
const DESCRIPTORS_MAX: u64 = 256;

#[test]
fn listeners_survive_the_lack_of_descriptors() {
    let log = log_lines("connections cannot be accepted now");
    let (_publisher, reader) = served::served(&[("xn--dgt32shz8a", served::held("LEGAL", 16, 451))]);
    let telemetry = Telemetry::new();
    let server = kit::start(TcpLimits::default());
    let listener = http::Listener::start(gateway::router(reader, telemetry.gateway), gateway::limits(), None);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let quic = ["doq", "h3"].map(|protocol| (protocol, quic_client(&runtime, &server, protocol)));
    let waiting: Vec<Socket> = (0..4).map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()).collect();
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS_MAX), ..limits }).unwrap();
    let mut hoard = Vec::new();
    let full = loop {
        match File::open("/dev/null") {
            Ok(file) => hoard.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(full.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));

    // The kernel completes these connections; nobody can accept them yet.
    let mut waiting = waiting.into_iter();
    let mut dns_client = connect(waiting.next().unwrap(), server.running.addresses()[0]);
    let encrypted = [("dot", server.dot()), ("http/1.1", server.doh())];
    let encrypted = encrypted.map(|(protocol, address)| (protocol, connect(waiting.next().unwrap(), address)));
    let mut http_client = connect(waiting.next().unwrap(), listener.address);
    dns_client.write_all(&dns::framed(&dns::query(7, kit::NAME))).unwrap();
    http_client.write_all(b"GET / HTTP/1.1\r\nHost: xn--dgt32shz8a.xn--zfr164b\r\nConnection: close\r\n\r\n").unwrap();
    // All accept loops meet the error again and again, but not so often that the log would fill.
    for _ in 0..12 {
        log.recv_timeout(dns::PATIENCE).expect("the loops say that they cannot accept");
    }
    // Connections of QUIC need no descriptors of their own.
    for (protocol, client) in &quic {
        let address = if *protocol == "doq" { server.doq() } else { server.doh3() };
        let shaken = runtime.block_on(async { client.connect(address, kit::HOST).unwrap().await });
        shaken.unwrap_or_else(|error| panic!("{protocol}: {error}"));
    }
    drop(hoard);
    assert_eq!(dns::read(&mut dns_client).unwrap().id, 7);
    for (protocol, stream) in encrypted {
        let config = Arc::new(kit::client_config(&server.trusts, &[protocol]));
        let name = ServerName::try_from(kit::HOST).unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream);
        if protocol == "dot" {
            assert_eq!(kit::ask(&mut stream, 8).id, 8);
        } else {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ns.example\r\n\r\n").unwrap();
            let mut status = [0; 12];
            stream.read_exact(&mut status).unwrap();
            assert_eq!(&status, b"HTTP/1.1 404");
        }
    }
    assert_eq!(http::Response::parse(&http::read_all(&mut http_client)).status, 451);
    setrlimit(Resource::Nofile, limits).unwrap();
}

/// A client of QUIC that has its socket already.
fn quic_client(runtime: &tokio::runtime::Runtime, server: &kit::Started, protocol: &str) -> quinn::Endpoint {
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(kit::client_config(&server.trusts, &[protocol]));
    let _entered = runtime.enter();
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto.unwrap())));
    endpoint
}

/// The lines of the log that contain `text`, as they are written.
fn log_lines(text: &'static str) -> Receiver<()> {
    let (send, receive) = channel();
    let writer = move || Lines { text, send: send.clone() };
    tracing_subscriber::fmt().with_ansi(false).with_writer(writer).init();
    receive
}

struct Lines {
    text: &'static str,
    send: Sender<()>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if String::from_utf8_lossy(line).contains(self.text) {
            // The test may be over.
            let _ = self.send.send(());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn connect(socket: Socket, address: SocketAddr) -> TcpStream {
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(dns::PATIENCE)).unwrap();
    socket.into()
}
