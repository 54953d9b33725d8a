//! HTTP over real sockets, octet by octet, so that requests can be as wrong as they like.

#![allow(dead_code, reason = "each test program uses its part of it")]

use axum::Router;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zhengming::http::{self, Limits, Tls};

/// How long a test waits for what must come; only a failure takes so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A listener at work on a free port of 127.0.0.1.
pub struct Listener {
    pub address: SocketAddr,
    stop: Arc<watch::Sender<bool>>,
    served: Option<JoinHandle<std::io::Result<()>>>,
    runtime: Runtime,
}

impl Listener {
    pub fn start(router: Router, limits: Limits, tls: Option<Tls>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = http::accept::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let served = runtime.spawn(http::serve(listener, router, limits, tls, stopping));
        Self { address, stop: Arc::new(stop), served: Some(served), runtime }
    }

    /// Tells the listener to stop, now or from another thread.
    pub fn stopper(&self) -> impl Fn() + Send + 'static {
        let stop = Arc::clone(&self.stop);
        move || _ = stop.send_replace(true)
    }

    /// Waits until the listener has stopped.
    pub fn join(&mut self) {
        let served = self.served.take().expect("joined once");
        self.runtime.block_on(served).expect("the accept loop does not panic").unwrap();
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends `request` and reads until the server closes; the request must ask it to, or be wrong enough.
    pub fn exchange(&self, request: &[u8]) -> Response {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        Response::parse(&read_all(&mut stream))
    }

    /// A GET of `target` from `host`.
    pub fn get(&self, host: &str, target: &str) -> Response {
        self.exchange(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    }
}

/// Everything until the server closes, however it does that.
pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut octets = [0; 4096];
    loop {
        match stream.read(&mut octets) {
            Ok(0) => return all,
            Ok(len) => all.extend_from_slice(&octets[..len]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("the server did not close the connection: {error}"),
        }
    }
}

/// A response as it came.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Response {
    pub fn parse(octets: &[u8]) -> Self {
        let text = String::from_utf8(octets.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.into(), body: body.into() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
