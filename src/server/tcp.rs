//! Connections: the listeners of TCP, TLS and HTTPS, and one task per connection. Over TCP and TLS it answers in order
//! (RFC 7766, RFC 7858); for HTTPS see `doh`.

use super::framing::Frames;
use super::proxy::{self, Header};
use super::worker::{End, dropped, with_worker};
use super::{Serving, doh, now};
use crate::http::accept::{self, Full, Slot, Slots};
use crate::query::{Client, Transport};
use crate::telemetry::{DropReason, OpenConnection};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A listening socket and what is spoken on it.
pub(super) struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// What is spoken.
    pub protocol: Protocol,
    /// The connections that may be open.
    pub slots: Slots,
}

/// What is spoken on a connection. Clones are cheap.
#[derive(Clone)]
pub(super) enum Protocol {
    /// DNS in the clear.
    Tcp,
    /// DNS over TLS.
    Tls(TlsAcceptor),
    /// DNS over HTTPS, as this site.
    Https(TlsAcceptor, Arc<doh::Site>),
}

impl Protocol {
    /// Its transport.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Tcp => Transport::Tcp,
            Self::Tls(_) => Transport::Tls,
            Self::Https(..) => Transport::Https,
        }
    }
}

/// Accepts connections until the server stops, then lets them finish what they have begun; what is not finished in time ends with
/// the runtime.
pub(super) async fn listen(listener: Listener, serving: Arc<Serving>, mut stop: watch::Receiver<bool>) {
    let Listener { socket, protocol, slots } = listener;
    let transport = protocol.transport();
    let open = serving.telemetry.connections(transport.as_str());
    // Each connection has an end of this channel: it is told through it to stop, and that nobody has one says that all have.
    let (tell, told) = watch::channel(false);
    let mut stopping = pin!(stopped(&mut stop));
    loop {
        tokio::select! {
            // Stopping goes first: under a flood the other branch is always ready.
            biased;
            () = &mut stopping => break,
            (stream, peer) = accept::accept(&socket) => {
                let peer = peer.ip().to_canonical();
                let proxied = proxy::is_from(&serving.proxies, peer);
                match if proxied { slots.take_for_proxy() } else { slots.take(peer) } {
                    Ok(slot) => {
                        let (serving, stop) = (Arc::clone(&serving), told.clone());
                        let connection = Connection { peer, proxied, slot, _open: open.open(), serving, stop };
                        connection.spawn(stream, &protocol);
                    }
                    Err(full) => no_slot(transport, full),
                }
            }
        }
    }
    drop((socket, told));
    tell.send_replace(true);
    let _ = timeout(serving.tcp.drain, tell.closed()).await;
}

/// Counts a connection that there is no room for.
pub(super) fn no_slot(transport: Transport, full: Full) {
    let total = full == Full::Total;
    dropped(transport, if total { DropReason::Connections } else { DropReason::ConnectionsOfClient });
}

/// Waits until the server shall stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say so: that is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// An open connection with its place in limits and metrics.
pub(super) struct Connection {
    /// The client.
    pub peer: IpAddr,
    /// Whether it is a proxy's, which has yet to say who the client is.
    proxied: bool,
    slot: Slot,
    _open: OpenConnection,
    /// What it is served from.
    pub serving: Arc<Serving>,
    /// Whether the server stops.
    pub stop: watch::Receiver<bool>,
}

/// What DNS messages with their lengths come over.
trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Whether its end is said before it is closed: over TLS that nothing was cut off (RFC 8446 §6.1). Closing TCP says it.
    const HAS_GOODBYE: bool;

    /// Takes what has come, if anything has: most clients send their first request before the connection is accepted, and what is read at once
    /// needs no notice of it.
    fn read_now(&self, room: &mut [u8]) -> Option<usize>;

    /// Hands over what can go without waiting.
    fn write_now(&self, octets: &[u8]) -> io::Result<usize>;
}

impl Stream for TcpStream {
    const HAS_GOODBYE: bool = false;

    fn read_now(&self, room: &mut [u8]) -> Option<usize> {
        // The runtime does not know yet whether there is something: it would wait for a notice first. An end, or an error, is found again.
        let (len, _) = recv(self, room, RecvFlags::DONTWAIT).ok()?;
        (len > 0).then_some(len)
    }

    fn write_now(&self, octets: &[u8]) -> io::Result<usize> {
        match send(self, octets, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            sent => Ok(sent?),
        }
    }
}

impl Stream for TlsStream<TcpStream> {
    const HAS_GOODBYE: bool = true;

    /// Nothing: records are opened where they can be waited for.
    fn read_now(&self, _: &mut [u8]) -> Option<usize> {
        None
    }

    /// Nothing: records are made where sending them can be waited for.
    fn write_now(&self, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Connection {
    /// Serves the connection in a task of its own until it ends for any reason; the reasons that matter are counted.
    fn spawn(self, stream: TcpStream, protocol: &Protocol) {
        let end = Instant::now() + self.serving.tcp.life;
        // Each has its own future: that of HTTPS takes many times the memory of one in the clear, which is moved, too.
        match protocol {
            Protocol::Tcp => drop(tokio::spawn(self.in_the_clear(stream, end))),
            Protocol::Tls(acceptor) => drop(tokio::spawn(self.over_tls(stream, acceptor.clone(), end))),
            Protocol::Https(acceptor, site) => {
                drop(tokio::spawn(self.over_https(stream, acceptor.clone(), Arc::clone(site), end)));
            }
        }
    }

    async fn in_the_clear(mut self, mut stream: TcpStream, end: Instant) {
        if !self.proxied || self.meet_client(&mut stream, Transport::Tcp).await {
            self.serve(stream, Transport::Tcp, end).await;
        }
    }

    async fn over_tls(mut self, stream: TcpStream, acceptor: TlsAcceptor, end: Instant) {
        if let Some(stream) = self.handshake(stream, &acceptor, Transport::Tls).await {
            self.serve(stream, Transport::Tls, end).await;
        }
    }

    async fn over_https(mut self, stream: TcpStream, acceptor: TlsAcceptor, site: Arc<doh::Site>, end: Instant) {
        if let Some(stream) = self.handshake(stream, &acceptor, Transport::Https).await {
            doh::serve(self, stream, &site, end).await;
        }
    }

    /// Learns from the proxy who the client is; whether the connection can be served.
    async fn meet_client(&mut self, stream: &mut TcpStream, transport: Transport) -> bool {
        let read = tokio::select! {
            biased;
            () = stopped(&mut self.stop) => return false,
            read = timeout(self.serving.tcp.idle, read_header(stream)) => read,
        };
        let Ok(Some(client)) = read else {
            dropped(transport, DropReason::ProxyHeader);
            return false;
        };
        self.peer = client.unwrap_or(self.peer);
        self.slot.give_to(self.peer).map_err(|full| no_slot(transport, full)).is_ok()
    }

    /// The connection with TLS on it, once a proxy has said whose it is; nobody else waits for that.
    async fn handshake(
        &mut self,
        mut stream: TcpStream,
        acceptor: &TlsAcceptor,
        transport: Transport,
    ) -> Option<TlsStream<TcpStream>> {
        if self.proxied && !self.meet_client(&mut stream, transport).await {
            return None;
        }
        tokio::select! {
            biased;
            () = stopped(&mut self.stop) => None,
            shaken = timeout(self.serving.tcp.handshake, acceptor.accept(stream)) => match shaken {
                Ok(Ok(stream)) => Some(stream),
                Ok(Err(_)) | Err(_) => {
                    dropped(transport, DropReason::Handshake);
                    None
                }
            }
        }
    }

    /// Answers framed requests until `end` at most.
    async fn serve<S: Stream>(mut self, mut stream: S, transport: Transport, end: Instant) {
        let limits = &self.serving.tcp;
        let mut deadline = Instant::now() + limits.idle;
        let mut frames = Frames::default();
        let mut served = false;
        let mut at_once = stream.read_now(frames.room());
        loop {
            let read = match at_once.take() {
                Some(len) => Ok(Ok(len)),
                None => tokio::select! {
                    biased;
                    read = timeout_at(deadline.min(end), stream.read(frames.room())) => read,
                    () = stopped(&mut self.stop) => break,
                },
            };
            match read {
                Ok(Ok(len)) if len > 0 => frames.fill(len),
                Ok(_) => break,
                Err(_) => {
                    if frames.is_partial() || !served {
                        dropped(transport, DropReason::TcpIdle);
                    }
                    break;
                }
            }
            match answer_all(&mut stream, self.peer, &mut frames, &self.serving, transport).await {
                Ok(0) => {}
                Ok(_) => {
                    served = true;
                    deadline = Instant::now() + limits.idle;
                }
                // There is nobody to say goodbye to.
                Err(()) => return,
            }
        }
        if S::HAS_GOODBYE {
            // What hinders it ends the connection as well.
            let _ = timeout(limits.write, stream.shutdown()).await;
        }
    }
}

/// Reads a proxy's header, over any segmentation, and nothing behind it: the client that it names, if any. Nothing if the
/// header cannot be used, or does not come whole.
async fn read_header(stream: &mut TcpStream) -> Option<Option<IpAddr>> {
    let mut fixed = [0; proxy::FIXED_LEN];
    stream.read_exact(&mut fixed).await.ok()?;
    let header = Header::new(&fixed).ok()?;
    let mut rest = vec![0; header.rest_len()];
    stream.read_exact(&mut rest).await.ok()?;
    Some(header.client(&rest))
}

/// Answers all complete requests; how many got a response. An error ends the connection and has been counted.
async fn answer_all<S: Stream>(
    stream: &mut S,
    address: IpAddr,
    frames: &mut Frames,
    serving: &Serving,
    transport: Transport,
) -> Result<usize, ()> {
    let mut answered = 0;
    loop {
        let client = Client { transport, address, now: now() };
        let step =
            with_worker(|worker| worker.answer_frames(frames, serving, &client, |octets| stream.write_now(octets)));
        answered += step.answered;
        if !step.unsent.is_empty() {
            let sent = async {
                stream.write_all(&step.unsent).await?;
                stream.flush().await
            };
            match timeout(serving.tcp.write, sent).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(()),
                Err(_) => {
                    dropped(transport, DropReason::TcpSlowReader);
                    return Err(());
                }
            }
        }
        match step.end {
            End::More => {}
            End::Done => return Ok(answered),
            End::Closed => return Err(()),
        }
    }
}
