//! The sockets of connections: bound first, all or none, and then given to the runtime that serves them.

use super::settings::{Encrypted, Settings};
use super::tcp::{self, Protocol};
use super::{Serving, StartError, doq, tls};
use crate::http::accept::Slots;
use crate::http::inherited::Inherited;
use crate::query::Transport;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use tokio::sync::watch;

/// Where encrypted transports are served, in the order of the settings; ports 0 have become real ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncryptedAddresses {
    /// DNS over TLS.
    pub tls: Vec<SocketAddr>,
    /// DNS over HTTPS.
    pub https: Vec<SocketAddr>,
    /// DNS over QUIC.
    pub quic: Vec<SocketAddr>,
}

/// A socket for connections that no runtime has yet.
pub(super) enum Bound {
    /// Of TCP, with what is spoken on it.
    Tcp(TcpListener, Protocol, Slots),
    /// Of UDP, for QUIC.
    Quic(UdpSocket, quinn::ServerConfig, Slots),
}

/// One that a runtime has.
pub(super) enum Listener {
    Tcp(tcp::Listener),
    Quic(doq::Listener),
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
        let https = Protocol::Https(tls::doh(certificate).into(), Arc::clone(&settings.https_path));
        for &address in &settings.https {
            let socket = tcp_socket(address, inherited, &mut addresses.https)?;
            sockets.push(Self::Tcp(socket, https.clone(), slots.clone()));
        }
        for &address in &settings.quic {
            let socket = quic_socket(address, inherited, &mut addresses.quic)?;
            sockets.push(Self::Quic(socket, doq::config(certificate, limits), slots.clone()));
        }
        Ok((sockets, addresses))
    }

    /// What is spoken on it.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Tcp(_, protocol, _) => protocol.transport(),
            Self::Quic(..) => Transport::Quic,
        }
    }

    /// It on the runtime that is entered.
    pub fn listen(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(socket, protocol, slots) => {
                Listener::Tcp(tcp::Listener { socket: tokio::net::TcpListener::from_std(socket)?, protocol, slots })
            }
            Self::Quic(socket, config, slots) => Listener::Quic(doq::Listener::new(socket, config, slots)?),
        })
    }
}

impl Listener {
    /// Serves until the server stops.
    pub async fn serve(self, serving: Arc<Serving>, stop: watch::Receiver<bool>) {
        match self {
            Self::Tcp(listener) => tcp::listen(listener, serving, stop).await,
            Self::Quic(listener) => doq::listen(listener, serving, stop).await,
        }
    }
}

fn tcp_socket(
    address: SocketAddr,
    inherited: &Inherited,
    bound: &mut Vec<SocketAddr>,
) -> Result<TcpListener, StartError> {
    let mut bind = || {
        let socket = inherited.tcp(address)?;
        bound.push(socket.local_addr()?);
        Ok(socket)
    };
    bind().map_err(|source| StartError { address, source })
}

fn quic_socket(
    address: SocketAddr,
    inherited: &Inherited,
    bound: &mut Vec<SocketAddr>,
) -> Result<UdpSocket, StartError> {
    let mut bind = || {
        // Connections cannot be spread over several sockets without the kernel's knowing them; the first takes all.
        let socket = match inherited.udp(address).into_iter().next() {
            Some(socket) => socket,
            None => doq::bind(address)?,
        };
        socket.set_nonblocking(true)?;
        bound.push(socket.local_addr()?);
        Ok(socket)
    };
    bind().map_err(|source| StartError { address, source })
}
