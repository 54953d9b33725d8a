//! Endpoints of QUIC: one task per handshake, so that none waits for another, under the limits of TCP. What is spoken
//! over the connections is in `doq` and `doh3`.

use super::settings::TcpLimits;
use super::tcp::{no_slot, stopped};
use super::tls::{self, Certificate};
use super::worker::dropped;
use super::{Serving, doh3, doq};
use crate::http::accept::Slots;
use crate::query::Transport;
use crate::telemetry::{DnsConnections, DropReason};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{EndpointConfig, Incoming, TransportConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Queries in flight over one connection, as over HTTP/2.
pub(super) const STREAMS_MAX: u32 = 100;
/// What a client may send on all streams together before it is read.
const WINDOW_LEN: u32 = 65_536;
/// What is kept of responses that a client has not acknowledged: the longest response, and others beside it.
const SEND_WINDOW_LEN: u64 = 131_072;
/// Share of the connections that may be open while clients are not yet asked to show that they are where they say
/// (RFC 9000 §8.1.2): that costs them a round trip, and a flood of forged ones its effect.
const UNVALIDATED_SHARE: usize = 4;
/// Handshakes that have come and not been looked at; the accept loop takes them at once.
const INCOMING_MAX: usize = 1024;
/// Octets kept of all of them.
const INCOMING_LEN_MAX: u64 = 4 << 20;
/// Nothing is wrong: DOQ_NO_ERROR (RFC 9250 §8.4), and for HTTP/3 as good.
const NO_ERROR: VarInt = VarInt::from_u32(0);
/// Pause before an endpoint that has failed is made anew; the error would mostly come again at once.
const PAUSE: Duration = Duration::from_millis(200);

/// What is spoken over the connections of an endpoint. Clones are cheap.
#[derive(Clone)]
pub(super) enum Spoken {
    /// DNS over QUIC.
    Doq,
    /// DNS over HTTP/3, at this path.
    Http3(Arc<str>),
}

impl Spoken {
    /// Its transport.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Doq => Transport::Quic,
            Self::Http3(_) => Transport::Http3,
        }
    }

    /// An endpoint's share of the settings.
    pub fn config(&self, certificate: &Certificate, limits: &TcpLimits) -> quinn::ServerConfig {
        let (tls, stream_window, one_way) = match self {
            Self::Doq => (tls::doq(certificate), doq::STREAM_WINDOW_LEN, doq::ONE_WAY_STREAMS_MAX),
            Self::Http3(_) => (tls::doh3(certificate), doh3::STREAM_WINDOW_LEN, doh3::ONE_WAY_STREAMS_MAX),
        };
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(STREAMS_MAX.into())
            .max_concurrent_uni_streams(one_way.into())
            .stream_receive_window(stream_window.into())
            .receive_window(WINDOW_LEN.into())
            .send_window(SEND_WINDOW_LEN)
            .datagram_receive_buffer_size(None)
            .max_idle_timeout(quinn::IdleTimeout::try_from(limits.idle).ok());
        let crypto = QuicServerConfig::try_from(tls).expect("ring has QUIC's first cipher suite");
        let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
        config.max_incoming(INCOMING_MAX).incoming_buffer_size_total(INCOMING_LEN_MAX);
        // Cookies and limits are the address's with which the connection began.
        config.migration(false).transport_config(Arc::new(transport));
        config
    }
}

/// A socket for QUIC on `address`.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// An endpoint of QUIC.
pub(super) struct Listener {
    endpoint: quinn::Endpoint,
    /// Another hold on the endpoint's socket, for the next endpoint if this one fails.
    socket: UdpSocket,
    config: quinn::ServerConfig,
    spoken: Spoken,
    slots: Slots,
}

impl Listener {
    /// An endpoint on the runtime that is entered.
    pub fn new(socket: UdpSocket, config: quinn::ServerConfig, spoken: Spoken, slots: Slots) -> io::Result<Self> {
        let endpoint = endpoint(&socket, &config)?;
        Ok(Self { endpoint, socket, config, spoken, slots })
    }

    /// Puts a new endpoint in the place of one that an error of its socket has ended; its connections are lost.
    async fn revive(&mut self) {
        loop {
            tracing::warn!(transport = self.spoken.transport().as_str(), "a socket of QUIC failed and is opened again");
            sleep(PAUSE).await;
            match endpoint(&self.socket, &self.config) {
                Ok(endpoint) => return self.endpoint = endpoint,
                Err(error) => tracing::warn!(%error, "QUIC cannot be served now"),
            }
        }
    }
}

fn endpoint(socket: &UdpSocket, config: &quinn::ServerConfig) -> io::Result<quinn::Endpoint> {
    let runtime = Arc::new(quinn::TokioRuntime);
    quinn::Endpoint::new(EndpointConfig::default(), Some(config.clone()), socket.try_clone()?, runtime)
}

/// Accepts connections until the server stops, then lets them finish what they have begun.
pub(super) async fn listen(mut listener: Listener, serving: Arc<Serving>, mut stop: watch::Receiver<bool>) {
    let open = serving.telemetry.connections(listener.spoken.transport().as_str());
    let mut connections = JoinSet::new();
    let unvalidated_max = serving.tcp.connections / UNVALIDATED_SHARE;
    loop {
        let incoming = tokio::select! {
            // Stopping goes first: under a flood the other branch is always ready.
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            incoming = listener.endpoint.accept() => incoming,
        };
        match incoming {
            Some(incoming)
                if !incoming.remote_address_validated()
                    && connections.len() >= unvalidated_max
                    && incoming.may_retry() =>
            {
                let _ = incoming.retry();
            }
            Some(incoming) => admit(incoming, &listener, &open, &serving, &stop, &mut connections),
            None => tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                () = listener.revive() => {}
            },
        }
    }
    let endpoint = listener.endpoint;
    endpoint.set_server_config(None);
    let finished = async { while connections.join_next().await.is_some() {} };
    if timeout(serving.tcp.drain, finished).await.is_err() {
        connections.shutdown().await;
    }
    endpoint.close(NO_ERROR, b"");
    // So that the last words are sent; they are not waited for longer than for connections.
    let _ = timeout(serving.tcp.drain, endpoint.wait_idle()).await;
}

/// Gives the connection a task of its own, if there is room for it.
fn admit(
    incoming: Incoming,
    listener: &Listener,
    open: &DnsConnections,
    serving: &Arc<Serving>,
    stop: &watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    match listener.slots.take(incoming.remote_address().ip()) {
        Ok(slot) => {
            let (open, serving, stop, spoken) =
                (open.open(), Arc::clone(serving), stop.clone(), listener.spoken.clone());
            connections.spawn(async move {
                run(incoming, spoken, serving, stop).await;
                drop((slot, open));
            });
        }
        Err(full) => {
            no_slot(listener.spoken.transport(), full);
            incoming.refuse();
        }
    }
}

/// Shakes hands, and serves the connection until it ends for any reason.
async fn run(incoming: Incoming, spoken: Spoken, serving: Arc<Serving>, mut stop: watch::Receiver<bool>) {
    let end = Instant::now() + serving.tcp.life;
    let failed = || dropped(spoken.transport(), DropReason::Handshake);
    let Ok(connecting) = incoming.accept() else { return failed() };
    let connection = tokio::select! {
        biased;
        () = stopped(&mut stop) => return,
        shaken = timeout(serving.tcp.handshake, connecting) => match shaken {
            Ok(Ok(connection)) => connection,
            _ => return failed(),
        }
    };
    let code = match spoken {
        Spoken::Doq => doq::serve(&connection, &serving, &mut stop, end).await,
        Spoken::Http3(path) => doh3::serve(&connection, &serving, path, &mut stop, end).await,
    };
    connection.close(code, b"");
}

#[cfg(test)]
mod tests {
    use super::*;
    use quinn::udp::{RecvMeta, Transmit};
    use quinn::{AsyncUdpSocket, UdpPoller};
    use std::io::IoSliceMut;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A socket that fails whenever something is to be received.
    #[derive(Debug)]
    struct Failing;

    impl UdpPoller for Failing {
        fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncUdpSocket for Failing {
        fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
            Box::pin(Self)
        }

        fn try_send(&self, _: &Transmit<'_>) -> io::Result<()> {
            Ok(())
        }

        fn poll_recv(
            &self,
            _: &mut Context<'_>,
            _: &mut [IoSliceMut<'_>],
            _: &mut [RecvMeta],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::Error::other("the network is down")))
        }

        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(SocketAddr::from(([127, 0, 0, 1], 1)))
        }
    }

    /// No certificate: the handshake begins all the same.
    fn config() -> quinn::ServerConfig {
        let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
        quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()))
    }

    fn client() -> quinn::Endpoint {
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
        let mut endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
        endpoint
    }

    #[tokio::test]
    async fn an_endpoint_whose_socket_fails_comes_back() {
        let socket = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let (slots, runtime) = (Slots::new(1, 1), Arc::new(quinn::TokioRuntime));
        let mut listener = Listener::new(socket, config(), Spoken::Doq, slots).unwrap();
        listener.endpoint = quinn::Endpoint::new_with_abstract_socket(
            EndpointConfig::default(),
            Some(config()),
            Arc::new(Failing),
            runtime,
        )
        .unwrap();
        assert!(listener.endpoint.accept().await.is_none(), "it ends");
        listener.revive().await;
        let client = client();
        let connecting = client.connect(address, "ns.example").unwrap();
        let incoming = listener.endpoint.accept().await.expect("it accepts again");
        assert_eq!(incoming.remote_address().port(), client.local_addr().unwrap().port());
        drop(connecting);
    }
}
