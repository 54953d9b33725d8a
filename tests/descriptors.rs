//! A process that runs out of file descriptors: no listener ends, and each accepts again when there are some.
//!
//! Alone in its program, because it takes the descriptors of every other test.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

#[path = "common/dns.rs"]
mod dns;
#[path = "common/http.rs"]
mod http;
#[path = "common/served.rs"]
mod served;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use zhengming::gateway;
use zhengming::query;
use zhengming::server::{Server, Settings};
use zhengming::telemetry::Telemetry;

/// Few enough to use up quickly.
const DESCRIPTORS_MAX: u64 = 256;

#[test]
fn listeners_survive_the_lack_of_descriptors() {
    let log = log_lines("connections cannot be accepted now");
    let (_publisher, reader) = served::served(&[("xn--dgt32shz8a", served::held("LEGAL", 16, 451))]);
    let telemetry = Telemetry::new();
    let settings = Settings { addresses: vec!["127.0.0.1:0".parse().unwrap()], workers: 1, ..Settings::default() };
    let query_settings = query::Settings::default();
    let server = Server::start(&settings, reader.clone(), query_settings, telemetry.dns.clone()).unwrap();
    let listener = http::Listener::start(gateway::router(reader, telemetry.gateway), gateway::limits(), None);

    let waiting: Vec<Socket> = (0..2).map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()).collect();
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
    let mut dns_client = connect(waiting.next().unwrap(), server.addresses()[0]);
    let mut http_client = connect(waiting.next().unwrap(), listener.address);
    dns_client.write_all(&dns::framed(&dns::query(7, "xn--dgt32shz8a.xn--zfr164b"))).unwrap();
    http_client.write_all(b"GET / HTTP/1.1\r\nHost: xn--dgt32shz8a.xn--zfr164b\r\nConnection: close\r\n\r\n").unwrap();
    // Both accept loops meet the error again and again, but not so often that the log would fill.
    for _ in 0..6 {
        log.recv_timeout(dns::PATIENCE).expect("the loops say that they cannot accept");
    }
    drop(hoard);
    assert_eq!(dns::read(&mut dns_client).unwrap().id, 7);
    assert_eq!(http::Response::parse(&http::read_all(&mut http_client)).status, 451);
    setrlimit(Resource::Nofile, limits).unwrap();
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
