//! DNS over QUIC (RFC 9250): one task per handshake, so that none waits for another, one stream per query, under the
//! limits of TCP.

use super::framing::{PREFIX_LEN, REQUEST_LEN_MAX};
use super::settings::TcpLimits;
use super::tcp::{no_slot, stopped};
use super::tls::{self, Certificate};
use super::worker::{dropped, with_worker};
use super::{Serving, now};
use crate::http::accept::Slots;
use crate::query::{Client, Transport};
use crate::telemetry::{DnsConnections, DropReason};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{EndpointConfig, Incoming, ReadError, ReadToEndError, RecvStream, SendStream, TransportConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// Error codes of streams and connections (RFC 9250 §8.4).
const DOQ_NO_ERROR: VarInt = VarInt::from_u32(0);
const DOQ_PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
const DOQ_REQUEST_CANCELLED: VarInt = VarInt::from_u32(3);
const DOQ_EXCESSIVE_LOAD: VarInt = VarInt::from_u32(4);

/// Queries in flight over one connection, as over HTTP/2.
const STREAMS_MAX: u32 = 100;
/// What a client may send on one stream: a query with its length.
const STREAM_WINDOW_LEN: u32 = (PREFIX_LEN + REQUEST_LEN_MAX) as u32;
/// What it may send on all streams together before it is read.
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

/// An endpoint of QUIC.
pub(super) struct Listener {
    endpoint: quinn::Endpoint,
    slots: Slots,
}

/// The endpoint's share of the settings.
pub(super) fn config(certificate: &Certificate, limits: &TcpLimits) -> quinn::ServerConfig {
    let crypto = QuicServerConfig::try_from(tls::doq(certificate)).expect("ring has QUIC's first cipher suite");
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.max_incoming(INCOMING_MAX).incoming_buffer_size_total(INCOMING_LEN_MAX);
    // Cookies and limits are the address's with which the connection began.
    config.migration(false).transport_config(Arc::new(transport(limits)));
    config
}

fn transport(limits: &TcpLimits) -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle = quinn::IdleTimeout::try_from(limits.idle).ok();
    transport
        .max_concurrent_bidi_streams(STREAMS_MAX.into())
        // RFC 9250 §4.2 has no streams in one direction.
        .max_concurrent_uni_streams(0_u32.into())
        .stream_receive_window(STREAM_WINDOW_LEN.into())
        .receive_window(WINDOW_LEN.into())
        .send_window(SEND_WINDOW_LEN)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(idle);
    transport
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

impl Listener {
    /// An endpoint on the runtime that is entered.
    pub fn new(socket: UdpSocket, config: quinn::ServerConfig, slots: Slots) -> io::Result<Self> {
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint = quinn::Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime)?;
        Ok(Self { endpoint, slots })
    }
}

/// Accepts connections until the server stops, then lets them finish what they have begun.
pub(super) async fn listen(listener: Listener, serving: Arc<Serving>, mut stop: watch::Receiver<bool>) {
    let Listener { endpoint, slots } = listener;
    let open = serving.telemetry.connections(Transport::Quic.as_str());
    let mut connections = JoinSet::new();
    let unvalidated_max = serving.tcp.connections / UNVALIDATED_SHARE;
    loop {
        tokio::select! {
            // Stopping goes first: under a flood the other branch is always ready.
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { break };
                if !incoming.remote_address_validated() && connections.len() >= unvalidated_max && incoming.may_retry() {
                    let _ = incoming.retry();
                } else {
                    admit(incoming, &slots, &open, &serving, &stop, &mut connections);
                }
            }
        }
    }
    endpoint.set_server_config(None);
    let finished = async { while connections.join_next().await.is_some() {} };
    if timeout(serving.tcp.drain, finished).await.is_err() {
        connections.shutdown().await;
    }
    endpoint.close(DOQ_NO_ERROR, b"");
    // So that the last words are sent; they are not waited for longer than for connections.
    let _ = timeout(serving.tcp.drain, endpoint.wait_idle()).await;
}

/// Gives the connection a task of its own, if there is room for it.
fn admit(
    incoming: Incoming,
    slots: &Slots,
    open: &DnsConnections,
    serving: &Arc<Serving>,
    stop: &watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    match slots.take(incoming.remote_address().ip()) {
        Ok(slot) => {
            let (open, serving, stop) = (open.open(), Arc::clone(serving), stop.clone());
            connections.spawn(async move {
                shake_hands(incoming, serving, stop).await;
                drop((slot, open));
            });
        }
        Err(full) => {
            no_slot(Transport::Quic, full);
            incoming.refuse();
        }
    }
}

async fn shake_hands(incoming: Incoming, serving: Arc<Serving>, mut stop: watch::Receiver<bool>) {
    let end = Instant::now() + serving.tcp.life;
    let Ok(connecting) = incoming.accept() else { return dropped(Transport::Quic, DropReason::Handshake) };
    let connection = tokio::select! {
        biased;
        () = stopped(&mut stop) => return,
        shaken = timeout(serving.tcp.handshake, connecting) => match shaken {
            Ok(Ok(connection)) => connection,
            _ => return dropped(Transport::Quic, DropReason::Handshake),
        }
    };
    let code = serve(&connection, &serving, &mut stop, end).await;
    connection.close(code, b"");
}

/// Answers queries until `end` at most; the code to close the connection with.
async fn serve(
    connection: &quinn::Connection,
    serving: &Arc<Serving>,
    stop: &mut watch::Receiver<bool>,
    end: Instant,
) -> VarInt {
    let limits = &serving.tcp;
    let peer = connection.remote_address().ip();
    let mut deadline = Instant::now() + limits.idle;
    let mut served = false;
    let mut queries = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(stop) => break,
            Some(ended) = queries.join_next() => match ended {
                Ok(Ok(())) => {
                    served = true;
                    deadline = Instant::now() + limits.idle;
                }
                Ok(Err(code)) => return code,
                Err(_) => tracing::error!("answering a query over QUIC panicked; only this query is lost"),
            },
            accepted = connection.accept_bi() => match accepted {
                Ok((send, receive)) => _ = queries.spawn(answer(send, receive, peer, Arc::clone(serving))),
                Err(_) => return DOQ_NO_ERROR,
            },
            () = sleep_until(deadline.min(end)) => {
                if !served {
                    dropped(Transport::Quic, DropReason::TcpIdle);
                }
                break;
            }
        }
    }
    let finished = async { while queries.join_next().await.is_some() {} };
    let _ = timeout(limits.write, finished).await;
    DOQ_NO_ERROR
}

/// Answers the query of one stream; the code to close the connection with, if the client has broken the protocol.
async fn answer(
    mut send: SendStream,
    mut receive: RecvStream,
    peer: IpAddr,
    serving: Arc<Serving>,
) -> Result<(), VarInt> {
    let limits = &serving.tcp;
    let too_much = |reason, send: &mut SendStream, receive: &mut RecvStream| {
        dropped(Transport::Quic, reason);
        // Either fails only if the stream is gone.
        let _ = (receive.stop(DOQ_EXCESSIVE_LOAD), send.reset(DOQ_EXCESSIVE_LOAD));
    };
    let octets = match timeout(limits.idle, receive.read_to_end(PREFIX_LEN + REQUEST_LEN_MAX)).await {
        Ok(Ok(octets)) => octets,
        Ok(Err(ReadToEndError::TooLong)) => {
            too_much(DropReason::RequestTooLong, &mut send, &mut receive);
            return Ok(());
        }
        Ok(Err(ReadToEndError::Read(ReadError::Reset(_)))) => {
            let _ = send.reset(DOQ_REQUEST_CANCELLED);
            return Ok(());
        }
        // The connection is gone.
        Ok(Err(ReadToEndError::Read(_))) => return Ok(()),
        Err(_) => {
            too_much(DropReason::TcpIdle, &mut send, &mut receive);
            return Ok(());
        }
    };
    let client = Client { transport: Transport::Quic, address: peer, now: now() };
    let answered = only_message(&octets).and_then(|message| {
        with_worker(|worker| {
            let response = worker.answer(message, &serving, &client)?;
            let len = u16::try_from(response.len()).expect("a message has at most 65,535 octets");
            Some([&len.to_be_bytes(), response].concat())
        })
    });
    let Some(answered) = answered else {
        dropped(Transport::Quic, DropReason::Protocol);
        // Left alone, it would look finished.
        let _ = send.reset(DOQ_PROTOCOL_ERROR);
        return Err(DOQ_PROTOCOL_ERROR);
    };
    let sent =
        async { send.write_all(&answered).await.is_ok() && send.finish().is_ok() && send.stopped().await.is_ok() };
    // A client that wants it no more, or is gone, is none of our troubles.
    match timeout(limits.write, sent).await {
        Ok(_) => Ok(()),
        Err(_) => {
            dropped(Transport::Quic, DropReason::TcpSlowReader);
            let _ = send.reset(DOQ_EXCESSIVE_LOAD);
            Err(DOQ_EXCESSIVE_LOAD)
        }
    }
}

/// The message of a stream, if its length says that it is whole and alone (RFC 9250 §4.2, §4.3.3).
fn only_message(octets: &[u8]) -> Option<&[u8]> {
    let (len, message) = octets.split_first_chunk()?;
    (usize::from(u16::from_be_bytes(*len)) == message.len()).then_some(message)
}
