//! The sockets of connections: bound first, all or none, and then given to the runtime that serves them.

use super::quic::Spoken;
use super::settings::{Encrypted, Settings};
use super::tcp::{self, Protocol};
use super::{Serving, StartError, doh, quic, tls};
use crate::http::accept::Slots;
use crate::http::inherited::Inherited;
use crate::query::Transport;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// How long an address may be there and not be usable yet.
const TENTATIVE_MAX: Duration = Duration::from_secs(3);
/// Pause between two tries for it.
const RETRY: Duration = Duration::from_millis(100);

/// Where encrypted transports are served, in the order of the settings; ports 0 have become real ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptedAddresses {
    /// DNS over TLS.
    pub tls: Vec<SocketAddr>,
    /// DNS over HTTPS.
    pub https: Vec<SocketAddr>,
    /// DNS over QUIC.
    pub quic: Vec<SocketAddr>,
    /// DNS over HTTPS with HTTP/3.
    pub http3: Vec<SocketAddr>,
}

/// A socket for connections that no runtime has yet.
pub(super) enum Bound {
    /// Of TCP, with what is spoken on it.
    Tcp(TcpListener, Protocol, Slots),
    /// Of UDP, for QUIC.
    Quic(UdpSocket, quinn::ServerConfig, Spoken, Slots),
}

/// One that a runtime has.
pub(super) enum Listener {
    Tcp(tcp::Listener),
    Quic(Box<quic::Listener>),
}

impl Bound {
    /// The sockets of the encrypted transports, and where they are.
    pub fn encrypted(settings: &Encrypted, all: &Settings) -> Result<(Vec<Self>, EncryptedAddresses), StartError> {
        let (limits, inherited) = (&all.tcp, &all.inherited);
        // Of their own: encrypted connections, however many, leave those to TCP that UDP falls back on.
        let slots = Slots::new(limits.connections, limits.connections_per_client);
        let mut sockets = Vec::new();
        let mut addresses = EncryptedAddresses::default();
        let certificate = &settings.certificate;
        let tls = Protocol::Tls(tls::dot(certificate).into());
        for &address in &settings.tls {
            let socket = tcp_socket(address, inherited, &mut addresses.tls)?;
            sockets.push(Self::Tcp(socket, tls.clone(), slots.clone()));
        }
        let path = &settings.https_path;
        for (listen, spoken, bound) in [
            (&settings.quic, Spoken::Doq, &mut addresses.quic),
            (&settings.http3, Spoken::Http3(Arc::clone(path)), &mut addresses.http3),
        ] {
            for &address in listen {
                let socket = quic_socket(address, inherited, bound)?;
                let config = spoken.config(certificate, limits);
                sockets.push(Self::Quic(socket, config, spoken.clone(), slots.clone()));
            }
        }
        let https = TlsAcceptor::from(tls::doh(certificate));
        for &address in &settings.https {
            let socket = tcp_socket(address, inherited, &mut addresses.https)?;
            let beside = addresses.http3.iter().find(|http3| http3.ip() == address.ip());
            let site = doh::Site::new(path, beside.map(SocketAddr::port));
            sockets.push(Self::Tcp(socket, Protocol::Https(https.clone(), Arc::new(site)), slots.clone()));
        }
        Ok((sockets, addresses))
    }

    /// What is spoken on it.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Tcp(_, protocol, _) => protocol.transport(),
            Self::Quic(_, _, spoken, _) => spoken.transport(),
        }
    }

    /// It on the runtime that is entered.
    pub fn listen(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(socket, protocol, slots) => {
                Listener::Tcp(tcp::Listener { socket: tokio::net::TcpListener::from_std(socket)?, protocol, slots })
            }
            Self::Quic(socket, config, spoken, slots) => {
                Listener::Quic(Box::new(quic::Listener::new(socket, config, spoken, slots)?))
            }
        })
    }
}

impl Listener {
    /// Serves until the server stops.
    pub async fn serve(self, serving: Arc<Serving>, stop: watch::Receiver<bool>) {
        match self {
            Self::Tcp(listener) => tcp::listen(listener, serving, stop).await,
            Self::Quic(listener) => quic::listen(*listener, serving, stop).await,
        }
    }
}

/// Binds as often as an address of the machine takes to be usable: one of IPv6 that has just come is tried for doubles
/// first (RFC 4862 §5.4), for a second or two.
pub(super) fn patiently<T>(mut bind: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let until = Instant::now() + TENTATIVE_MAX;
    loop {
        match bind() {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable && Instant::now() < until => {
                std::thread::park_timeout(RETRY);
            }
            bound => return bound,
        }
    }
}

fn tcp_socket(
    address: SocketAddr,
    inherited: &Inherited,
    bound: &mut Vec<SocketAddr>,
) -> Result<TcpListener, StartError> {
    let bind = || {
        let socket = inherited.tcp(address)?;
        bound.push(socket.local_addr()?);
        Ok(socket)
    };
    patiently(bind).map_err(|source| StartError { address, source })
}

fn quic_socket(
    address: SocketAddr,
    inherited: &Inherited,
    bound: &mut Vec<SocketAddr>,
) -> Result<UdpSocket, StartError> {
    let bind = || {
        // Connections cannot be spread over several sockets without the kernel's knowing them; the first takes all.
        let socket = match inherited.udp(address).into_iter().next() {
            Some(socket) => socket,
            None => quic::bind(address)?,
        };
        socket.set_nonblocking(true)?;
        bound.push(socket.local_addr()?);
        Ok(socket)
    };
    patiently(bind).map_err(|source| StartError { address, source })
}
