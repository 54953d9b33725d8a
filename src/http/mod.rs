//! An accept loop for HTTP/1.1 with limits on headers, time and connections, and optional TLS.
//!
//! `axum::serve` has none of these limits, and ends or spins on failing accepts; admin and gateway share this loop.
//! Handlers find the client's address as `axum::extract::ConnectInfo<SocketAddr>`, and its certificate, where TLS asks for
//! one, as [`ClientCertificate`].

pub mod accept;
pub mod client;
pub mod inherited;
mod rest;
pub mod stall;

use accept::{Slot, Slots};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, EXPECT, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sha2::{Digest as _, Sha256};
use stall::{BodyStall, WriteStall};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Smallest read buffer that hyper takes.
const BUFFER_LEN_MIN: usize = 8192;
/// Most header lines; browsers send about twenty.
const HEADERS_MAX: usize = 100;

/// The TLS configuration for connections accepted from now on; sending another one swaps it.
pub type Tls = watch::Receiver<Arc<rustls::ServerConfig>>;

/// SHA-256 of the certificate that the client has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCertificate(pub [u8; 32]);

/// What one listener allows. Past a limit the connection is closed; past `header_len` it gets 431, past `request` 503.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest request line and headers together, in octets.
    pub header_len: usize,
    /// From the end of the last response (or the start of the connection) to the end of a request's headers: cuts idle
    /// connections and slow headers alike.
    pub header: Duration,
    /// From a request's headers to its response's, reading what is left of its body apart (a second). The work of a handler that
    /// is cut off may still take effect.
    pub request: Duration,
    /// Longest silence inside a request's body.
    pub body_stall: Duration,
    /// Longest time that a client takes nothing of a response.
    pub write_stall: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one client: one IPv4 address, or one IPv6 /64.
    pub connections_per_client: usize,
    /// How long requests in work may take to finish when the listener stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Cookies of other sites under one suffix make browsers' headers long; 16 KiB is what large servers take.
            header_len: 16 * 1024,
            header: Duration::from_secs(15),
            request: Duration::from_secs(30),
            body_stall: Duration::from_secs(20),
            write_stall: Duration::from_secs(20),
            handshake: Duration::from_secs(10),
            // About 32 KiB each while idle.
            connections: 1024,
            // An office behind one address opens six per browser; a proxy more. Half the room stays for others.
            connections_per_client: 256,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves `router` on `listener` until `stop` becomes true (or its sender is dropped), then lets requests in work finish
/// within [`Limits::drain`].
///
/// # Errors
/// Only at the start, if the runtime cannot take the listener.
pub async fn serve(
    listener: std::net::TcpListener,
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let slots = Slots::new(limits.connections, limits.connections_per_client);
    let limits = Arc::new(limits);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Stopping goes first: under a flood the other branch is always ready.
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next() => report_panic(ended),
            (stream, peer) = accept::accept(&listener) => {
                let Ok(slot) = slots.take(peer.ip()) else { continue };
                let connection = Connection {
                    slot,
                    peer,
                    limits: Arc::clone(&limits),
                    service: TowerToHyperService::new(router.clone()),
                    stop: stop.clone(),
                };
                connections.spawn(connection.run(stream, tls.as_ref().map(|tls| Arc::clone(&tls.borrow()))));
            }
        }
    }
    drop(listener);
    let drained = timeout(limits.drain, async {
        while let Some(ended) = connections.join_next().await {
            report_panic(ended);
        }
    });
    if drained.await.is_err() {
        tracing::info!(connections = connections.len(), "connections cut off: they did not finish in time");
        connections.shutdown().await;
    }
    Ok(())
}

/// Waits until the listener shall stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say so: that is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked; only this connection is lost");
    }
}

/// One accepted connection.
struct Connection {
    slot: Slot,
    peer: SocketAddr,
    limits: Arc<Limits>,
    service: TowerToHyperService<Router>,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>) {
        match tls {
            None => self.serve(stream, None).await,
            Some(config) => {
                let handshake = tokio_rustls::TlsAcceptor::from(config).accept(stream);
                match timeout(self.limits.handshake, handshake).await {
                    Ok(Ok(stream)) => {
                        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                        let certificate = shown.map(|shown| ClientCertificate(Sha256::digest(shown).into()));
                        self.serve(stream, certificate).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                }
            }
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, certificate: Option<ClientCertificate>) {
        let Self { slot, peer, limits, service, mut stop } = self;
        let (within, silence) = (limits.request, limits.body_stall);
        let answer = service_fn(move |request| answer(service.clone(), request, (peer, certificate), within, silence));
        let stream = TokioIo::new(WriteStall::new(stream, limits.write_stall));
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.header)
                .max_header_size(limits.header_len)
                .max_headers(HEADERS_MAX)
                .max_buf_size(limits.header_len.max(BUFFER_LEN_MIN))
                .serve_connection(stream, answer)
        );
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(slot);
    }
}

async fn answer(
    service: TowerToHyperService<Router>,
    mut request: Request<Incoming>,
    (peer, certificate): (SocketAddr, Option<ClientCertificate>),
    within: Duration,
    silence: Duration,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    if let Some(certificate) = certificate {
        request.extensions_mut().insert(certificate);
    }
    let asks_first = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let (body, lender) = rest::lend(BodyStall::new(body, silence));
    let request = Request::from_parts(parts, Body::new(body));
    match timeout(within, service.call(request)).await {
        Ok(Ok(mut response)) => {
            let goes_on = if asks_first { lender.was_read() } else { lender.read_rest().await };
            if !goes_on {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
        Err(_) => {
            tracing::warn!("a request took too long and was given up");
            let response = Response::builder()
                .status(StatusCode::SERVICE_UNAVAILABLE)
                .header(CONTENT_TYPE, "text/plain; charset=utf-8")
                .header(CONNECTION, "close");
            let text = "The request took too long. 请求处理超时。\n";
            Ok(response.body(Body::from(text)).expect("constant headers are valid"))
        }
    }
}
