//! DNS sockets: UDP and TCP loops, limits, and the counting of outcomes.
//!
//! UDP has threads of its own (`udp`), TCP a runtime of its own (`tcp`): neither waits for the control plane. Both hand
//! octets to [`crate::query::respond`] and know nothing of their meaning.

mod framing;
pub mod settings;
mod sys;
mod tcp;
mod udp;

pub use settings::{Settings, TcpLimits, WildcardAddress, check_address};

use crate::http::accept::{self, Slots};
use crate::query::{self, Kind, Outcome};
use crate::snapshot::Reader;
use crate::telemetry::{Answer, Dns, DnsCounter};
use crate::update::{Clock, SystemClock};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How often a free port of UDP is tried that may be taken over TCP; ephemeral ports are rarely taken twice in a row.
const PORT_TRIES_MAX: usize = 16;

/// Why the sockets cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("DNS cannot be served on {address}: {source}; 无法在 {address} 提供域名服务")]
pub struct StartError {
    /// The configured address.
    pub address: SocketAddr,
    /// What the system, or [`check_address`], says.
    pub source: io::Error,
}

/// What all threads and connections need.
struct Serving {
    reader: Reader,
    query: query::Settings,
    tcp: TcpLimits,
    telemetry: Dns,
    stop: AtomicBool,
}

/// Binds, serves, and stops.
pub struct Server;

/// A server at work. Dropping it stops it as [`Running::stop`] does.
pub struct Running {
    addresses: Vec<SocketAddr>,
    serving: Arc<Serving>,
    stop_tcp: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds every address over UDP and TCP, then serves them from what `reader` shows. Once this returns, all ports
    /// are open; if it fails, none stays open.
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
        for &address in &settings.addresses {
            let (sockets, listener) = bind(address, settings).map_err(|source| StartError { address, source })?;
            addresses.push(listener.local_addr().map_err(|source| StartError { address, source })?);
            udp.extend(sockets);
            tcp.push(listener);
        }
        let (stop_tcp, stop) = watch::channel(false);
        let stop_udp = AtomicBool::new(false);
        let serving = Arc::new(Serving { reader, query, tcp: settings.tcp.clone(), telemetry, stop: stop_udp });
        let mut running = Running { addresses, serving, stop_tcp, threads: Vec::new() };
        let Some(&address) = settings.addresses.first() else { return Ok(running) };
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

    /// Stops taking requests, finishes those in work (TCP within its drain limit), and waits for the threads. Blocks
    /// for as long.
    pub fn stop(self) {
        drop(self);
    }

    fn spawn_udp(&mut self, sockets: Vec<UdpSocket>) -> io::Result<()> {
        for (number, socket) in sockets.into_iter().enumerate() {
            let serving = Arc::clone(&self.serving);
            let thread = Builder::new().name(format!("dns-udp-{number}"));
            self.threads.push(thread.spawn(move || udp::serve(&socket, &serving))?);
        }
        Ok(())
    }

    fn spawn_tcp(
        &mut self,
        listeners: Vec<TcpListener>,
        workers: usize,
        stop: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let telemetry = self.serving.telemetry.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("dns-tcp")
            .on_thread_start(move || tcp::start_thread(&telemetry))
            .enable_all()
            .build()?;
        let listeners = {
            let _entered = runtime.enter();
            listeners.into_iter().map(tokio::net::TcpListener::from_std).collect::<io::Result<Vec<_>>>()
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

fn serve_tcp(
    runtime: &Runtime,
    listeners: Vec<tokio::net::TcpListener>,
    serving: &Arc<Serving>,
    stop: &watch::Receiver<bool>,
) {
    let slots = Slots::new(serving.tcp.connections, serving.tcp.connections_per_client);
    // Spawned, so that they run on the runtime's own threads, which have counters.
    let listen = |listener| runtime.spawn(tcp::listen(listener, slots.clone(), Arc::clone(serving), stop.clone()));
    let tasks: Vec<_> = listeners.into_iter().map(listen).collect();
    runtime.block_on(async {
        for task in tasks {
            if task.await.is_err() {
                tracing::error!("a DNS listener for TCP had panicked");
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
    check_address(address).map_err(|wildcard| io::Error::new(io::ErrorKind::InvalidInput, wildcard))?;
    let mut tries = 0;
    loop {
        tries += 1;
        let udp = udp::bind(address, settings)?;
        let bound = udp[0].local_addr()?;
        match accept::bind(bound) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if address.port() == 0 && tries < PORT_TRIES_MAX && error.kind() == io::ErrorKind::AddrInUse => {
            }
            Err(error) => return Err(error),
        }
    }
}

/// Seconds since 1970 for cookies, read once for many requests.
fn now() -> u32 {
    // The low bits: cookies count modulo 2³² (RFC 9018 §4.3).
    SystemClock.now().0 as u32
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
    counter.answered(outcome.zone, answer, outcome.rcode, outcome.truncated);
}
