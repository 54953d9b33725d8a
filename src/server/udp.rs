//! UDP: threads of our own, each with its own socket on the same address, batches in and out.

use super::rate::Limiter;
use super::settings::{Changeable, Settings};
use super::sys::{self, BATCH_LEN, Batch, Exchange, Peer, Place};
use super::{Serving, count, now};
use crate::query::{self, Asked, Client, Outcome, Transport};
use crate::snapshot::Watch;
use crate::telemetry::{DnsCounter, DropReason};
use crate::zone::ZoneSet;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU64;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often a thread without requests looks whether it shall stop.
pub(super) const WAIT: Duration = Duration::from_millis(200);
/// Pause after an error of receiving that is not a time-out: it is the socket's, and would come again at once.
pub(super) const ERROR_PAUSE: Duration = Duration::from_millis(10);
/// Requests whose look-ups wait for memory together: about as many as a core can have lines on their way.
const GROUP_LEN: usize = 16;
/// A batch of so many says that requests come faster than one by one: the next is likely to be as small, and each costs two system
/// calls, which keep a thread busy that could rest. Fewer come one at a time; after more, the next batch is likely to be there.
const SMALL_BATCH: Range<usize> = 4..BATCH_LEN / 2;
/// The same after a pause, which makes batches larger by itself: with fewer, requests come at such a rate that one by one will do.
const SMALL_BATCH_GATHERED: Range<usize> = 10..SMALL_BATCH.end;
/// How long more requests are gathered after a small batch. A request so waits for about as long, and for the thread to wake.
const GATHERING: Duration = Duration::from_micros(50);
/// The same while a change is awaited. The writer runs when nothing else does (`update`): so it gets twice as much done before
/// its core is taken back, and its data from the caches.
const GATHERING_AWAITED: Duration = Duration::from_micros(100);
/// How many requests a thread answers without a pause before it leaves its core to the writer, if a change is awaited; and for
/// how long. In a flood a thread never pauses otherwise. So the writer has a fifth of the core: 256 answers take 0.6 to 0.9 ms.
const UNRESTED: usize = 256;
const REST: Duration = Duration::from_micros(200);
/// How much later than asked for the kernel may wake a thread. It takes 50 µs otherwise, to save wake-ups.
const TIMER_SLACK: NonZeroU64 = NonZeroU64::MIN;
/// Kernel buffers asked for: a burst of some ten thousand queries while a thread is not scheduled.
const BUFFER_LEN: usize = 4 << 20;

/// One socket per worker on `address`; with port 0 all on the same free port.
pub(super) fn bind(address: SocketAddr, settings: &Settings) -> io::Result<Vec<UdpSocket>> {
    // The first socket is bound without SO_REUSEPORT: so the address must be free, where sharing would take half of
    // the queries from a server that already runs there.
    let first = open(address)?;
    first.bind(&address.into())?;
    first.set_reuse_port(true)?;
    let first = UdpSocket::from(first);
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < settings.threads() {
        let next = open(address)?;
        next.set_reuse_port(true)?;
        next.bind(&address.into())?;
        sockets.push(next.into());
    }
    Ok(sockets)
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    set_up(socket, address)
}

/// Sockets that were handed over, one per worker. Another user's socket, which the first is, shares its port with none of
/// ours, so where there are too few, workers share one.
pub(super) fn adopt(handed: Vec<UdpSocket>, settings: &Settings) -> io::Result<Vec<UdpSocket>> {
    let set_up = |socket: UdpSocket| {
        let address = socket.local_addr()?;
        socket.set_nonblocking(false)?;
        set_up(socket.into(), address).map(UdpSocket::from)
    };
    let mut sockets = handed.into_iter().map(set_up).collect::<io::Result<Vec<_>>>()?;
    for at in 0..settings.threads().saturating_sub(sockets.len()) {
        sockets.push(sockets[at].try_clone()?);
    }
    Ok(sockets)
}

fn set_up(socket: Socket, address: SocketAddr) -> io::Result<Socket> {
    // The system gives what it allows; less is no reason not to serve. What systemd gave may be more.
    if socket.recv_buffer_size()? < BUFFER_LEN {
        let _ = socket.set_recv_buffer_size(BUFFER_LEN);
    }
    if socket.send_buffer_size()? < BUFFER_LEN {
        let _ = socket.set_send_buffer_size(BUFFER_LEN);
    }
    socket.set_read_timeout(Some(WAIT))?;
    let socket = UdpSocket::from(socket);
    sys::ignore_path_mtu(&socket, address.is_ipv6())?;
    Ok(socket.into())
}

/// Serves `socket` until the server stops.
pub(super) fn serve(socket: &UdpSocket, serving: &Serving) {
    let mut worker = Worker::new(serving);
    if let Err(error) = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK)) {
        tracing::debug!(%error, "a thread of UDP is woken a little late");
    }
    // Answering never panics; if it did after all, one batch would be lost and not the thread.
    while catch_unwind(AssertUnwindSafe(|| worker.run(socket, serving))).is_err() {
        tracing::error!("answering a batch of UDP requests panicked; the batch is lost");
    }
}

/// What one thread has for itself.
pub(super) struct Worker {
    batch: Batch,
    counter: DnsCounter,
    changeable: Watch<Changeable>,
    limiter: Option<Limiter>,
    /// The moment that the limiter's time counts from.
    begun: Instant,
}

impl Worker {
    pub(super) fn new(serving: &Serving) -> Self {
        let changeable = serving.changeable.watch();
        Self {
            batch: Batch::new(),
            counter: serving.telemetry.counter("udp"),
            limiter: limiter(changeable.get(), serving),
            changeable,
            begun: Instant::now(),
        }
    }

    fn run(&mut self, socket: &UdpSocket, serving: &Serving) {
        let (mut has_gathered, mut unrested) = (false, 0_usize);
        while !serving.stop.load(Ordering::Relaxed) {
            match self.turn(socket, serving) {
                Ok(received) => {
                    has_gathered = is_small(received, has_gathered);
                    unrested = unrested.saturating_add(received);
                    if let Some(pause) = pause(has_gathered, unrested, serving.reader.awaits_next()) {
                        unrested = 0;
                        std::thread::park_timeout(pause);
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => {
                    tracing::warn!(%error, "receiving over UDP failed");
                    std::thread::park_timeout(ERROR_PAUSE);
                }
            }
        }
    }

    /// Waits for requests and answers one batch of them; how many they were.
    pub(super) fn turn(&mut self, socket: &UdpSocket, serving: &Serving) -> io::Result<usize> {
        let received = self.batch.receive(socket)?;
        self.answer(socket, serving, received);
        Ok(received)
    }

    fn answer(&mut self, socket: &UdpSocket, serving: &Serving, received: usize) {
        refresh(&mut self.changeable, &mut self.limiter, serving);
        let start = Instant::now();
        let snapshot = serving.reader.load();
        let moment = Moment { seconds: now(), micros: start.saturating_duration_since(self.begun).as_micros() as u64 };
        let zones = &snapshot.zones;
        let mut asked = [Asked::NONE; GROUP_LEN];
        for first in (0..received).step_by(GROUP_LEN) {
            let group = first..received.min(first + GROUP_LEN);
            read(zones, &self.batch, group.clone(), &mut asked);
            fetch(&mut asked[..group.len()]);
            self.respond(zones, &moment, group, &asked);
        }
        // Not held over the system call: the writer frees old versions as soon as nobody reads them.
        drop(snapshot);
        let unsent = self.batch.send(socket);
        for (drops, reason) in [(unsent.full, DropReason::SendBufferFull), (unsent.failed, DropReason::SendError)] {
            (0..drops).for_each(|_| self.counter.dropped(reason));
        }
        self.counter.latency(start.elapsed(), received as u64);
    }

    /// Answers the requests at these positions; `asked` is what the hot path knows of them.
    #[inline(never)]
    fn respond(&mut self, zones: &ZoneSet, moment: &Moment, group: Range<usize>, asked: &[Asked<'_>; GROUP_LEN]) {
        for (i, asked) in group.zip(asked) {
            let Exchange { request, request_len, peer, .. } = self.batch.exchange(i);
            let settings = &self.changeable.get().query;
            let client = || moment.client(peer);
            match query::respond_to(asked, settings, client, request, request_len) {
                Some(outcome) => self.queue_in_place(moment, i, &outcome),
                None => self.respond_otherwise(zones, moment, i, asked),
            }
        }
    }

    /// Counts and queues an answer that stands in place of the `i`th request.
    #[inline(always)]
    fn queue_in_place(&mut self, moment: &Moment, i: usize, outcome: &Outcome) {
        count(&self.counter, outcome);
        let mut len = outcome.len;
        if let Some(limiter) = &mut self.limiter {
            // A copy: without limits the outcome never needs to be in memory.
            let outcome = *outcome;
            let Exchange { request, peer, .. } = self.batch.exchange(i);
            let verdict = limiter.judge(moment.micros, peer.address().ip(), &outcome, &request[..len]);
            len = verdict.carry_out(len, &self.counter, || query::truncate_in_place(request, len));
        }
        if len > 0 {
            self.batch.queue(i, len, Place::Request);
        }
    }

    /// Answers the `i`th request, whatever it is.
    #[inline(never)]
    fn respond_otherwise(&mut self, zones: &ZoneSet, moment: &Moment, i: usize, asked: &Asked<'_>) {
        let Self { batch, counter, changeable, limiter, .. } = self;
        let Exchange { request, request_len, response, peer, cut } = batch.exchange(i);
        if !peer.has_port() {
            return counter.dropped(DropReason::SourcePort);
        }
        if cut {
            return counter.dropped(DropReason::RequestTooLong);
        }
        let (settings, client) = (&changeable.get().query, moment.client(peer));
        if let Some(outcome) = query::respond_with_more(asked, settings, &client, request, request_len) {
            return self.queue_in_place(moment, i, &outcome);
        }
        let request = &request[..request_len];
        let outcome = query::respond_fully(zones, settings, &client, request, response);
        count(counter, &outcome);
        let mut len = outcome.len;
        if let Some(limiter) = limiter {
            let verdict = limiter.judge(moment.micros, client.address, &outcome, &response[..len]);
            len = verdict.carry_out(len, counter, || query::truncate(settings, &client, request, response));
        }
        if len > 0 {
            batch.queue(i, len, Place::Response);
        }
    }
}

/// The time, read once for a batch.
struct Moment {
    /// Seconds since 1970.
    seconds: u64,
    /// The limiter's microseconds.
    micros: u64,
}

impl Moment {
    #[inline]
    fn client(&self, peer: &Peer) -> Client {
        Client { transport: Transport::Udp, address: peer.address().ip(), now: self.seconds }
    }
}

/// Whether more requests are gathered after a batch of so many; `has_gathered` says whether this batch was itself gathered.
#[inline]
fn is_small(received: usize, has_gathered: bool) -> bool {
    if has_gathered { SMALL_BATCH_GATHERED } else { SMALL_BATCH }.contains(&received)
}

/// How long a thread pauses after a batch: to gather more, or for the writer's sake.
#[inline]
fn pause(gathers: bool, unrested: usize, awaits_next: bool) -> Option<Duration> {
    match (gathers, awaits_next) {
        (true, false) => Some(GATHERING),
        (true, true) => Some(GATHERING_AWAITED),
        (false, true) if unrested >= UNRESTED => Some(REST),
        (false, _) => None,
    }
}

/// The first step of the hot path for the requests at these positions.
#[inline(never)]
fn read<'z>(zones: &'z ZoneSet, batch: &Batch, group: Range<usize>, asked: &mut [Asked<'z>; GROUP_LEN]) {
    for (i, asked) in group.zip(asked) {
        match batch.request(i) {
            Some((request, request_len)) => query::read_in_place(zones, request, request_len, asked),
            None => asked.clear(),
        }
    }
}

/// The second: asks the memory for what the look-ups of all of them need, and waits for it once.
#[inline(never)]
fn fetch(asked: &mut [Asked<'_>]) {
    let touched = asked.iter_mut().fold(0, |touched, asked| touched ^ asked.fetch());
    std::hint::black_box(touched);
}

/// Takes over what a reload has changed; counts of the rate limits begin anew if those are others.
#[inline]
pub(super) fn refresh(changeable: &mut Watch<Changeable>, limits: &mut Option<Limiter>, serving: &Serving) {
    if let Some(old) = changeable.refresh()
        && old.rate != changeable.get().rate
    {
        *limits = limiter(changeable.get(), serving);
    }
}

/// The limiter of one thread, if there are limits.
pub(super) fn limiter(changeable: &Changeable, serving: &Serving) -> Option<Limiter> {
    changeable.rate.clone().map(|limits| Limiter::new(limits, serving.threads))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(workers: usize) -> Settings {
        Settings { workers, ..Settings::default() }
    }

    #[test]
    fn requests_spread_over_the_sockets() {
        let sockets = bind("127.0.0.1:0".parse().unwrap(), &settings(2)).unwrap();
        let address = sockets[0].local_addr().unwrap();
        assert_eq!(sockets[1].local_addr().unwrap(), address);
        for _ in 0..64 {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[1], address).unwrap();
        }
        let mut octets = [0; 8];
        let counts = [0, 1].map(|i| std::iter::from_fn(|| sockets[i].recv(&mut octets).ok()).count());
        assert_eq!(counts[0] + counts[1], 64);
        assert!(counts[0] > 0 && counts[1] > 0, "{counts:?}");
    }

    #[test]
    fn only_steady_small_batches_are_gathered() {
        // Those that come one by one, and what fills a batch anyway: at once.
        assert!([0, 1, 3, BATCH_LEN / 2, BATCH_LEN].iter().all(|received| !is_small(*received, false)));
        assert!(is_small(4, false) && is_small(BATCH_LEN / 2 - 1, false));
        // As many as a pause makes of requests that would do without it: no further one.
        assert!([0, 4, 9, BATCH_LEN / 2, BATCH_LEN].iter().all(|received| !is_small(*received, true)));
        assert!(is_small(10, true) && is_small(BATCH_LEN / 2 - 1, true));
    }

    #[test]
    fn the_writer_gets_a_moment_of_a_thread_that_never_rests() {
        assert_eq!(pause(false, UNRESTED, true), Some(REST));
        assert_eq!(pause(false, UNRESTED - 1, true), None);
        // Nobody waits: not a moment is lost.
        assert_eq!(pause(false, usize::MAX, false), None);
        // It rests anyway.
        assert_eq!(pause(true, UNRESTED, true), Some(GATHERING_AWAITED));
        assert_eq!(pause(true, UNRESTED, false), Some(GATHERING));
    }

    #[test]
    fn an_address_in_use_is_not_shared() {
        let sockets = bind("127.0.0.1:0".parse().unwrap(), &settings(2)).unwrap();
        let address = sockets[0].local_addr().unwrap();
        assert_eq!(bind(address, &settings(2)).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(sockets);
        bind(address, &settings(1)).unwrap();
    }
}
