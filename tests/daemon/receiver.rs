//! A receiver of webhooks: a real HTTP server that checks signatures, and can be told to fail, stopped, and started again.

use crate::support::PATIENCE;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use zhengming::http;

/// What was received.
#[derive(Default)]
struct Received {
    secret: Vec<u8>,
    ids: BTreeSet<String>,
    paths: BTreeSet<String>,
    failures: u32,
    /// The header with the signature, and the body, of each post that was taken.
    posts: Vec<(String, Vec<u8>)>,
}

/// The receiver; its address stays the same.
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
    runtime: Option<Runtime>,
    /// Kept: when it is gone, the server stops.
    stop: watch::Sender<bool>,
}

impl Receiver {
    /// An address that nothing listens on yet.
    pub fn reserve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        Self { address, received: Arc::default(), runtime: None, stop: watch::Sender::new(false) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens; posts are checked with `secret`.
    pub fn start(&mut self, secret: &[u8]) {
        self.received.lock().expect("no panic").secret = secret.to_vec();
        let runtime = Runtime::new().expect("a runtime");
        let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&self.received));
        let begun = Instant::now();
        let listener = loop {
            // Connections of the receiver before may linger on the port.
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        runtime.spawn(http::serve(listener, router, http::Limits::default(), None, self.stop.subscribe()));
        self.runtime = Some(runtime);
    }

    /// Goes away at once, connections and all.
    pub fn stop(&mut self) {
        self.runtime.take().expect("it runs").shutdown_background();
    }

    /// The next few posts are answered with an error.
    pub fn fail(&self, posts: u32) {
        self.received.lock().expect("no panic").failures = posts;
    }

    /// Waits until so many different notices have come.
    pub fn wait_for(&self, notices: usize) {
        let begun = Instant::now();
        loop {
            let count = self.received.lock().expect("no panic").ids.len();
            if count >= notices {
                return;
            }
            assert!(begun.elapsed() < 2 * PATIENCE, "{count} of {notices} notices came");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The posts that were taken: the header with the signature, and the body.
    pub fn posts(&self) -> Vec<(String, Vec<u8>)> {
        self.received.lock().expect("no panic").posts.clone()
    }

    /// The paths that were asked for.
    pub fn paths(&self) -> BTreeSet<String> {
        self.received.lock().expect("no panic").paths.clone()
    }
}

async fn receive(
    State(received): State<Arc<Mutex<Received>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut received = received.lock().expect("no panic");
    if received.failures > 0 {
        received.failures -= 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let header = headers["x-zhengming-signature"].to_str().expect("text");
    let (time, code) = header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("time and signature");
    let mut mac = Hmac::<Sha256>::new_from_slice(&received.secret).expect("any key");
    mac.update(format!("{time}.").as_bytes());
    mac.update(&body);
    let expected: String = mac.finalize().into_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
    if code != expected {
        return StatusCode::FORBIDDEN;
    }
    received.posts.push((header.to_owned(), body.to_vec()));
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let ids = body["notices"].as_array().expect("notices").iter();
    received.ids.extend(ids.map(|notice| notice["id"].as_str().expect("an id").to_owned()));
    received.paths.insert(uri.to_string());
    StatusCode::NO_CONTENT
}
