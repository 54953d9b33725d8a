//! DNS sockets: loops of UDP, TCP, TLS, HTTPS and QUIC, limits, and the counting of outcomes.
//!
//! UDP has threads of its own (`udp`), all connections share a runtime of their own (`tcp`): neither waits for the
//! control plane. Both hand octets to [`crate::query::respond`] and know nothing of their meaning.

mod bound;
mod budget;
mod capped;
mod doh;
mod doh3;
mod doq;
mod framing;
mod plain;
pub mod proxy;
mod quic;
mod rate;
pub mod settings;
mod sys;
mod tcp;
mod tls;
mod turns;
mod udp;
mod worker;

pub use bound::EncryptedAddresses;
pub use rate::RateLimits;
pub use settings::{Changeable, Encrypted, Settings, TcpLimits};
pub use tls::Certificate;
pub use turns::UdpTurns;

use crate::http::accept::Slots;
use crate::query::{self, Kind, Outcome, Transport};
use crate::snapshot::{Live, Reader};
use crate::telemetry::advice::of_listener;
use crate::telemetry::{Answer, Dns, DnsCounter, Signed};
use crate::tsig::Verdict;
use crate::update::{Clock, SystemClock};
use bound::{Bound, Listener};
use ipnet::IpNet;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use tcp::Protocol;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How often a free port of UDP is tried that may be taken over TCP; ephemeral ports are rarely taken twice in a row.
const PORT_TRIES_MAX: usize = 16;

/// Why the sockets cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("DNS cannot be served on {address}: {source}; {}\n无法在 {address} 提供域名服务：{}", of_listener(source).en, of_listener(source).zh)]
pub struct StartError {
    /// The configured address.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// What all threads and connections need.
struct Serving {
    reader: Reader,
    changeable: Live<Changeable>,
    tcp: TcpLimits,
    /// Whose packets and connections begin with a header of the PROXY protocol.
    proxies: Vec<IpNet>,
    /// UDP threads of each address.
    threads: usize,
    /// Whether each stays on a core of its own.
    pin: bool,
    telemetry: Dns,
    stop: AtomicBool,
}

/// Binds, serves, and stops.
pub struct Server;

/// A server at work. Dropping it stops it as [`Running::stop`] does.
pub struct Running {
    addresses: Vec<SocketAddr>,
    encrypted: EncryptedAddresses,
    serving: Arc<Serving>,
    stop_tcp: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds every address over UDP and TCP, and those of the encrypted transports, then serves them from what `reader`
    /// shows. Once this returns, all ports are open; if it fails, none stays open.
    ///
    /// # Errors
    /// [`StartError`] for the first address that cannot be served.
    pub fn start(
        settings: &Settings,
        reader: Reader,
        query: query::Settings,
        telemetry: Dns,
    ) -> Result<Running, StartError> {
        let mut addresses = Vec::new();
        let mut udp = Vec::new();
        let mut tcp = Vec::new();
        let slots = Slots::new(settings.tcp.connections, settings.tcp.connections_per_client);
        for &address in &settings.addresses {
            let bind = || bind(address, settings);
            let (sockets, socket) = bound::patiently(bind).map_err(|source| StartError { address, source })?;
            addresses.push(socket.local_addr().map_err(|source| StartError { address, source })?);
            udp.extend(sockets);
            tcp.push(Bound::Tcp(socket, Protocol::Tcp, slots.clone()));
        }
        let mut bound = EncryptedAddresses::default();
        if let Some(encrypted) = &settings.encrypted {
            let (sockets, addresses) = Bound::encrypted(encrypted, settings)?;
            tcp.extend(sockets);
            bound = addresses;
        }
        let (stop_tcp, stop) = watch::channel(false);
        let stop_udp = AtomicBool::new(false);
        let changeable = Live::new(Changeable { query, rate: settings.rate.clone() });
        let (limits, proxies) = (settings.tcp.clone(), settings.proxies.clone());
        let (threads, pin) = (settings.threads(), settings.pin);
        let serving =
            Arc::new(Serving { reader, changeable, tcp: limits, proxies, threads, pin, telemetry, stop: stop_udp });
        let mut running = Running { addresses, encrypted: bound, serving, stop_tcp, threads: Vec::new() };
        let Some(&address) = running.addresses.first() else { return Ok(running) };
        running
            .spawn_udp(udp)
            .and_then(|()| running.spawn_tcp(tcp, settings.threads(), stop))
            .map(|()| running)
            .map_err(|source| StartError { address, source })
    }
}

impl Running {
    /// The addresses as bound, in the order of the settings; ports 0 have become real ones.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The addresses of encrypted transports.
    pub fn encrypted(&self) -> &EncryptedAddresses {
        &self.encrypted
    }

    /// Where a reload puts what it changes.
    pub fn changeable(&self) -> Live<Changeable> {
        self.serving.changeable.clone()
    }

    /// Stops taking requests, finishes those in work (TCP within its drain limit), and waits for the threads. Blocks
    /// for as long.
    pub fn stop(self) {
        drop(self);
    }

    fn spawn_udp(&mut self, sockets: Vec<UdpSocket>) -> io::Result<()> {
        for (number, socket) in sockets.into_iter().enumerate() {
            let serving = Arc::clone(&self.serving);
            let thread = Builder::new().name(format!("dns-udp-{number}"));
            let plain = plain::prepare(&socket, &serving)?;
            self.threads.push(thread.spawn(move || {
                // Of each address the first on the first core, and so on. Without, everything works as well.
                if serving.pin
                    && let Err(error) = sys::stay_on_core(number % serving.threads)
                {
                    tracing::warn!(%error, "a UDP thread cannot be kept on a core");
                }
                match plain {
                    Some(state) => plain::serve(&socket, &state, &serving),
                    None => udp::serve(&socket, &serving),
                }
            })?);
        }
        Ok(())
    }

    fn spawn_tcp(&mut self, bound: Vec<Bound>, workers: usize, stop: watch::Receiver<bool>) -> io::Result<()> {
        let telemetry = self.serving.telemetry.clone();
        let mut transports: Vec<Transport> = bound.iter().map(Bound::transport).collect();
        transports.dedup();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("dns-tcp")
            .on_thread_start(move || worker::start_thread(&telemetry, &transports))
            .enable_all()
            .build()?;
        let listeners = {
            let _entered = runtime.enter();
            bound.into_iter().map(Bound::listen).collect::<io::Result<Vec<_>>>()
        };
        let listeners = match listeners {
            Ok(listeners) => listeners,
            Err(error) => {
                // Dropping it would block, which the caller's thread may not allow.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let serving = Arc::clone(&self.serving);
        // The runtime lives and ends on a thread of its own, which may block.
        let thread = Builder::new().name("dns-tcp".into());
        self.threads.push(thread.spawn(move || serve_tcp(&runtime, listeners, &serving, &stop))?);
        Ok(())
    }
}

fn serve_tcp(runtime: &Runtime, listeners: Vec<Listener>, serving: &Arc<Serving>, stop: &watch::Receiver<bool>) {
    // Spawned, so that they run on the runtime's own threads, which have counters.
    let listen = |listener: Listener| runtime.spawn(listener.serve(Arc::clone(serving), stop.clone()));
    let tasks: Vec<_> = listeners.into_iter().map(listen).collect();
    runtime.block_on(async {
        for task in tasks {
            if task.await.is_err() {
                tracing::error!("a DNS listener for connections had panicked");
            }
        }
    });
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.stop.store(true, Ordering::Relaxed);
        self.stop_tcp.send_replace(true);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a DNS thread had panicked");
            }
        }
    }
}

/// The sockets of one address: UDP and TCP on the same port.
fn bind(address: SocketAddr, settings: &Settings) -> io::Result<(Vec<UdpSocket>, TcpListener)> {
    let mut tries = 0;
    loop {
        tries += 1;
        let udp = match settings.inherited.udp(address) {
            none if none.is_empty() => udp::bind(address, settings)?,
            handed => udp::adopt(handed, settings)?,
        };
        let bound = udp[0].local_addr()?;
        match settings.inherited.tcp(bound) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if address.port() == 0 && tries < PORT_TRIES_MAX && error.kind() == io::ErrorKind::AddrInUse => {
            }
            Err(error) => return Err(error),
        }
    }
}

/// Seconds since 1970 for cookies and signatures, read once for many requests.
fn now() -> u64 {
    // A clock before 1970 is of no use for either.
    SystemClock.now().0.max(0) as u64
}

/// Counts what became of one request.
#[inline]
fn count(counter: &DnsCounter, outcome: &Outcome) {
    let answer = match outcome.kind {
        Kind::Answer => Answer::Answer,
        Kind::Nodata => Answer::Nodata,
        Kind::Nxdomain => Answer::Nxdomain,
        Kind::Held => Answer::Held,
        Kind::Referral => Answer::Referral,
        Kind::Refused => Answer::Refused,
        Kind::Error => Answer::Error,
        Kind::Dropped => Answer::Dropped,
    };
    if let Some(verdict) = outcome.tsig {
        counter.signed(match verdict {
            Verdict::Good => Signed::Good,
            Verdict::BadKey => Signed::BadKey,
            Verdict::Malformed => Signed::Malformed,
            Verdict::BadSig => Signed::BadSig,
            Verdict::BadTime => Signed::BadTime,
            Verdict::BadTrunc => Signed::BadTrunc,
        });
    }
    counter.answered(outcome.zone, answer, outcome.rcode, outcome.truncated);
}
