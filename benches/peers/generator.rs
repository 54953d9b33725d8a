//! The generator: many connected sockets on one core, batches in and out, as fast as answers come or at a fixed rate.
//!
//! It never sleeps: a server that has to wake its client pays for that, and a generator that sleeps is late.

use super::questions::{HEADER_LEN, Questions};
use super::sys::Batch;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Sockets, each with a port of its own.
const SOCKETS: usize = 32;
/// Queries that one socket has under way at once when it asks as fast as it can: with all sockets 256, which every
/// server's receive buffer holds (net.core.rmem_default).
const WINDOW: usize = 8;
/// The same at a fixed rate, where the server may fall behind for a while: with all sockets more than its receive buffer
/// holds (some 11,000 queries in the 8 MiB that Linux makes of 4), so that what is not sent is not taken for lost, and what
/// is lost can be under way until it is given up.
const WINDOW_PACED: usize = 1 << PLACE_BITS;
/// Low bits of an ID: the place in `flights`.
const PLACE_BITS: u32 = 10;
/// Most datagrams sent or received in one call.
const BATCH_LEN: usize = 64;
/// A query that is not answered by then is lost.
const LOST_AFTER: Duration = Duration::from_secs(1);
/// Octets that the kernel may queue for a socket.
const RECEIVE_BUFFER: usize = 1 << 20;
/// One in so many answers has its question compared; ID and RCODE are looked at in all.
const QUESTION_CHECKED: u64 = 1000;
/// Rounds of all sockets between two looks for lost queries.
const ROUNDS_PER_SWEEP: u32 = 4096;

/// What is asked of whom.
pub struct Load<'a> {
    /// The server.
    pub to: SocketAddr,
    /// The questions, in turn.
    pub questions: &'a Questions,
    /// Whether it is the echo, which knows no RCODE but 0.
    pub is_echo: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Queries sent.
    pub sent: u64,
    /// Right answers in time.
    pub answered: u64,
    /// Queries without one, those among them that could not be sent because too many were under way.
    pub lost: u64,
    /// Answers with another RCODE or question than due.
    pub wrong: u64,
    /// Answers to nothing that is under way: they come too late, or twice.
    pub stray: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// At a fixed rate: when each answered query was sent, and how long its answer took, in microseconds.
    pub latencies: Vec<(u32, u32)>,
}

impl Report {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that `percent` of the answers do not exceed, of those sent between two times, in microseconds.
    pub fn percentile(&self, percent: f64, from: Duration, to: Duration) -> f64 {
        let (from, to) = (from.as_micros() as u32, to.as_micros() as u32);
        let within = self.latencies.iter().filter(|(sent, _)| (from..to).contains(sent));
        let mut sorted: Vec<u32> = within.map(|(_, took)| *took).collect();
        sorted.sort_unstable();
        let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied().map_or(f64::NAN, f64::from)
    }
}

/// A query under way.
#[derive(Clone, Copy)]
struct Flight {
    question: u32,
    id: u16,
    sent: Instant,
}

/// One socket and what it has under way.
struct Client {
    socket: UdpSocket,
    flights: Vec<Option<Flight>>,
    free: Vec<u16>,
    /// High bits of the next ID.
    turn: u16,
}

impl Client {
    fn new(to: SocketAddr, window: usize) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(to).expect("an address");
        rustix::net::sockopt::set_socket_recv_buffer_size(socket.as_fd(), RECEIVE_BUFFER).expect("a socket");
        Self { socket, flights: vec![None; window], free: (0..window as u16).collect(), turn: 0 }
    }
}

struct Generator<'a> {
    load: &'a Load<'a>,
    clients: Vec<Client>,
    batch: Batch,
    next_question: usize,
    begun: Instant,
    keep_latencies: bool,
    report: Report,
}

/// Asks as fast as answers come, for so long.
pub fn saturate(load: &Load<'_>, duration: Duration) -> Report {
    let mut generator = Generator::new(load, WINDOW);
    let mut rounds = 0_u32;
    loop {
        let now = Instant::now();
        if now - generator.begun >= duration {
            break;
        }
        for client in 0..SOCKETS {
            generator.receive(client, now);
            generator.send(client, WINDOW, now);
        }
        rounds = rounds.wrapping_add(1);
        if rounds.is_multiple_of(ROUNDS_PER_SWEEP) {
            generator.sweep(now);
        }
    }
    generator.finish()
}

/// Asks every question once, as fast as answers come.
pub fn ask_all(load: &Load<'_>) -> Report {
    let mut generator = Generator::new(load, WINDOW);
    let total = load.questions.len() as u64;
    while generator.report.sent < total {
        let now = Instant::now();
        for client in 0..SOCKETS {
            generator.receive(client, now);
            let rest = (total - generator.report.sent) as usize;
            generator.send(client, WINDOW.min(rest), now);
        }
        generator.sweep(now);
    }
    generator.finish()
}

/// Asks at a fixed rate, whatever comes back, for so long or until told to stop.
pub fn pace(load: &Load<'_>, rate: f64, duration: Duration, stop: &AtomicBool) -> Report {
    let mut generator = Generator::new(load, WINDOW_PACED);
    generator.keep_latencies = true;
    generator.report.latencies.reserve((rate * duration.as_secs_f64()) as usize);
    let (mut due, mut client, mut rounds) = (0_u64, 0, 0_u32);
    loop {
        let now = Instant::now();
        let elapsed = now - generator.begun;
        if elapsed >= duration || stop.load(Ordering::Relaxed) {
            break;
        }
        let until_now = (elapsed.as_secs_f64() * rate) as u64;
        while due < until_now {
            let count = (until_now - due).min(WINDOW as u64) as usize;
            let sent = generator.send(client, count, now);
            generator.report.lost += (count - sent) as u64;
            generator.report.sent += (count - sent) as u64;
            due += count as u64;
            client = (client + 1) % SOCKETS;
        }
        for client in 0..SOCKETS {
            generator.receive(client, now);
        }
        rounds = rounds.wrapping_add(1);
        if rounds.is_multiple_of(ROUNDS_PER_SWEEP) {
            generator.sweep(now);
        }
    }
    generator.finish()
}

impl<'a> Generator<'a> {
    fn new(load: &'a Load<'a>, window: usize) -> Self {
        Self {
            load,
            clients: (0..SOCKETS).map(|_| Client::new(load.to, window)).collect(),
            batch: Batch::new(window.min(BATCH_LEN)),
            next_question: 0,
            begun: Instant::now(),
            keep_latencies: false,
            report: Report::default(),
        }
    }

    /// Sends at most `count` queries, as many as the window has room for; how many.
    fn send(&mut self, client: usize, count: usize, now: Instant) -> usize {
        let client = &mut self.clients[client];
        let count = count.min(client.free.len());
        if count == 0 {
            return 0;
        }
        self.batch.clear();
        for _ in 0..count {
            let place = client.free.pop().expect("counted");
            client.turn = client.turn.wrapping_add(1);
            let id = client.turn << PLACE_BITS | place;
            let question = self.next_question;
            self.next_question = (question + 1) % self.load.questions.len();
            let message = self.batch.push(self.load.questions.get(question).0);
            message[..2].copy_from_slice(&id.to_be_bytes());
            client.flights[usize::from(place)] = Some(Flight { question: question as u32, id, sent: now });
        }
        // What the system does not take is lost as a packet is: the sweep finds it.
        let _taken = self.batch.send(&client.socket, true);
        self.report.sent += count as u64;
        count
    }

    fn receive(&mut self, client: usize, now: Instant) {
        let client = &mut self.clients[client];
        if client.free.len() == client.flights.len() {
            return;
        }
        // Nothing there, or an ICMP error of a server that does not listen (yet).
        let Ok(received) = self.batch.receive(&client.socket, false, true) else { return };
        for i in 0..received {
            let answer = self.batch.datagram(i);
            let id = answer.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
            let place = id % (1 << PLACE_BITS);
            let flight = client.flights.get(usize::from(place)).copied().flatten();
            let Some(flight) = flight.filter(|flight| answer.len() >= HEADER_LEN && flight.id == id) else {
                self.report.stray += 1;
                continue;
            };
            client.flights[usize::from(place)] = None;
            client.free.push(place);
            let (question, rcode) = self.load.questions.get(flight.question as usize);
            let due = if self.load.is_echo { 0 } else { rcode };
            let is_right = answer[2] & 0x80 != 0
                && answer[3] & 0xf == due
                && (!self.report.answered.is_multiple_of(QUESTION_CHECKED) || repeats(answer, question));
            if is_right {
                self.report.answered += 1;
            } else {
                self.report.wrong += 1;
            }
            if self.keep_latencies {
                let at = (flight.sent - self.begun).as_micros() as u32;
                self.report.latencies.push((at, (now - flight.sent).as_micros() as u32));
            }
        }
    }

    /// Gives up what was asked too long ago.
    fn sweep(&mut self, now: Instant) {
        for client in &mut self.clients {
            for (place, slot) in client.flights.iter_mut().enumerate() {
                if slot.is_some_and(|flight| now.saturating_duration_since(flight.sent) > LOST_AFTER) {
                    *slot = None;
                    client.free.push(place as u16);
                    self.report.lost += 1;
                }
            }
        }
    }

    /// Waits for what is under way, and counts what does not come.
    fn finish(mut self) -> Report {
        self.report.elapsed = self.begun.elapsed();
        let ended = Instant::now();
        let is_waiting = |clients: &[Client]| clients.iter().any(|client| client.free.len() < client.flights.len());
        while is_waiting(&self.clients) && ended.elapsed() < LOST_AFTER {
            let now = Instant::now();
            for client in 0..SOCKETS {
                self.receive(client, now);
            }
        }
        self.sweep(Instant::now() + 2 * LOST_AFTER);
        self.report
    }
}

/// Whether an answer repeats its question octet for octet, as 0x20 wants it.
fn repeats(answer: &[u8], question: &[u8]) -> bool {
    let name_len = question[HEADER_LEN..].iter().position(|octet| *octet == 0).expect("a name");
    let end = HEADER_LEN + name_len + 5;
    answer.get(HEADER_LEN..end) == Some(&question[HEADER_LEN..end])
}
