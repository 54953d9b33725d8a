//! TCP: the listeners, and one task per connection that answers in order (RFC 7766).

use super::framing::{Frames, PREFIX_LEN, TooLong};
use super::{Serving, count, now};
use crate::http::accept::{self, Full, Slot, Slots};
use crate::query::{self, Client, Transport};
use crate::telemetry::{Dns, DnsCounter, DropReason};
use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

/// Longest message with its length.
const FRAME_LEN_MAX: usize = PREFIX_LEN + 65_535;

/// What one thread of the runtime has for itself.
struct Worker {
    counter: DnsCounter,
    /// Room for responses: for one of any length while others are already there.
    scratch: Box<[u8]>,
}

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// Gives this thread what it needs to serve connections; each thread of the runtime starts with it.
pub(super) fn start_thread(telemetry: &Dns) {
    let worker = Worker { counter: telemetry.counter("tcp"), scratch: vec![0; 2 * FRAME_LEN_MAX].into() };
    WORKER.set(Some(worker));
}

fn with_worker<T>(use_it: impl FnOnce(&mut Worker) -> T) -> T {
    WORKER.with_borrow_mut(|worker| use_it(worker.as_mut().expect("every thread of the runtime starts with one")))
}

fn dropped(reason: DropReason) {
    with_worker(|worker| worker.counter.dropped(reason));
}

/// Accepts connections until the server stops, then lets them finish what they have begun.
pub(super) async fn listen(
    listener: TcpListener,
    slots: Slots,
    serving: Arc<Serving>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Stopping goes first: under a flood the other branch is always ready.
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            (stream, peer) = accept::accept(&listener) => match slots.take(peer.ip()) {
                Ok(slot) => {
                    let open = Open::new(slot, &serving.telemetry);
                    connections.spawn(serve(stream, peer.ip(), open, Arc::clone(&serving), stop.clone()));
                }
                Err(Full::Total) => dropped(DropReason::Connections),
                Err(Full::Client) => dropped(DropReason::ConnectionsOfClient),
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if timeout(serving.tcp.drain, finished).await.is_err() {
        connections.shutdown().await;
    }
}

/// Waits until the server shall stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say so: that is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// An open connection, as limits and metrics see it.
struct Open {
    _slot: Slot,
    telemetry: Dns,
}

impl Open {
    fn new(slot: Slot, telemetry: &Dns) -> Self {
        telemetry.connections_by(1);
        Self { _slot: slot, telemetry: telemetry.clone() }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.telemetry.connections_by(-1);
    }
}

/// Serves one connection until it ends for any reason; the reasons that matter are counted.
async fn serve(
    mut stream: TcpStream,
    address: IpAddr,
    open: Open,
    serving: Arc<Serving>,
    mut stop: watch::Receiver<bool>,
) {
    // Responses are written whole; waiting to fill a segment only delays them. Failing, it is merely slower.
    let _ = stream.set_nodelay(true);
    let limits = &serving.tcp;
    let end = tokio::time::Instant::now() + limits.life;
    let mut deadline = tokio::time::Instant::now() + limits.idle;
    let mut frames = Frames::default();
    let mut served = false;
    loop {
        tokio::select! {
            biased;
            read = timeout_at(deadline.min(end), stream.read(frames.room())) => match read {
                Ok(Ok(len)) if len > 0 => frames.fill(len),
                Ok(_) => break,
                Err(_) => {
                    if frames.is_partial() || !served {
                        dropped(DropReason::TcpIdle);
                    }
                    break;
                }
            },
            () = stopped(&mut stop) => break,
        }
        match answer_all(&mut stream, address, &mut frames, &serving).await {
            Ok(0) => {}
            Ok(_) => {
                served = true;
                deadline = tokio::time::Instant::now() + limits.idle;
            }
            Err(()) => break,
        }
    }
    drop(open);
}

/// Answers all complete requests; how many got a response. An error ends the connection and has been counted.
async fn answer_all(
    stream: &mut TcpStream,
    address: IpAddr,
    frames: &mut Frames,
    serving: &Serving,
) -> Result<usize, ()> {
    let mut answered = 0;
    loop {
        let client = Client { transport: Transport::Tcp, address, now: now() };
        let step = with_worker(|worker| worker.answer(stream, frames, &client, serving));
        answered += step.answered;
        if !step.unsent.is_empty() {
            match timeout(serving.tcp.write, stream.write_all(&step.unsent)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(()),
                Err(_) => {
                    dropped(DropReason::TcpSlowReader);
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

/// What one filling of the scratch buffer did.
struct Step {
    answered: usize,
    /// What the socket did not take at once; empty for a client that reads.
    unsent: Vec<u8>,
    end: End,
}

enum End {
    /// The buffer is full; there may be more requests.
    More,
    /// No complete request is left.
    Done,
    /// The connection is of no more use.
    Closed,
}

impl Worker {
    /// Answers requests as far as the scratch buffer reaches, and hands the responses to the kernel.
    fn answer(&mut self, stream: &TcpStream, frames: &mut Frames, client: &Client, serving: &Serving) -> Step {
        let start = Instant::now();
        let (mut len, mut requests, mut answered) = (0, 0, 0);
        let mut end = End::More;
        while len + FRAME_LEN_MAX <= self.scratch.len() {
            let request = match frames.next() {
                Ok(Some(request)) => request,
                Ok(None) => {
                    end = End::Done;
                    break;
                }
                Err(TooLong) => {
                    self.counter.dropped(DropReason::RequestTooLong);
                    end = End::Closed;
                    break;
                }
            };
            let (prefix, response) = self.scratch[len..len + FRAME_LEN_MAX].split_at_mut(PREFIX_LEN);
            let snapshot = serving.reader.load();
            let outcome = query::respond(&snapshot.zones, &serving.query, client, request, response);
            count(&self.counter, &outcome);
            requests += 1;
            if outcome.len > 0 {
                let octets = u16::try_from(outcome.len).expect("a message has at most 65,535 octets");
                prefix.copy_from_slice(&octets.to_be_bytes());
                len += PREFIX_LEN + outcome.len;
                answered += 1;
            }
        }
        let written = match if len > 0 { stream.try_write(&self.scratch[..len]) } else { Ok(0) } {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return Step { answered, unsent: Vec::new(), end: End::Closed },
        };
        if requests > 0 {
            self.counter.latency(start.elapsed(), requests);
        }
        Step { answered, unsent: self.scratch[written..len].to_vec(), end }
    }
}
