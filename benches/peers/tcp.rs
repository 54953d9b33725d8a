//! DNS over TCP: a connection for every query, and many queries on few connections.

use super::questions::Questions;
use rustix::net::sockopt::set_socket_linger;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Connections that are opened before the first of them is read from; twice as many are open at once. Knot's queue of
/// connections that wait for `accept` holds about ten: with more the kernel drops SYNs, and its timer is measured.
pub const FEW: usize = 4;
/// As many that the server never waits for the generator.
pub const MANY: usize = 32;
/// Connections that are kept.
const KEPT: usize = 8;
/// Queries under way on each of them.
const PIPELINED: usize = 64;
/// A server that takes longer has failed.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Right answers.
    pub answered: u64,
    /// Connections that failed, and wrong answers.
    pub failed: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }
}

/// Opens a connection for every query, for so long. While one lot of so many is answered, the next is opened.
pub fn connections(to: SocketAddr, questions: &Questions, duration: Duration, lot: usize) -> Report {
    let (mut report, begun, mut next) = (Report::default(), Instant::now(), 0);
    let mut waiting: Vec<(TcpStream, usize)> = Vec::new();
    // On a busy machine one turn may take longer than told.
    while begun.elapsed() < duration || report.answered + report.failed == 0 {
        let mut opened = Vec::with_capacity(lot);
        for _ in 0..lot {
            match open(to, questions, next) {
                Ok(stream) => opened.push((stream, next)),
                Err(_) => report.failed += 1,
            }
            next = (next + 1) % questions.len();
        }
        for (mut stream, question) in waiting.drain(..) {
            let mut reader = Reader::default();
            match reader.answer(&mut stream) {
                Ok(answer) if is_right(answer, question as u16, questions.get(question).1) => report.answered += 1,
                _ => report.failed += 1,
            }
        }
        waiting = opened;
    }
    report.elapsed = begun.elapsed();
    report
}

/// A new connection with a query on it.
fn open(to: SocketAddr, questions: &Questions, question: usize) -> io::Result<TcpStream> {
    let mut stream = connect(to)?;
    // Closed with RST, it leaves no TIME-WAIT behind: there are not enough ports for those (RFC 9293 §3.6.1).
    set_socket_linger(stream.as_fd(), Some(Duration::ZERO))?;
    let mut message = Vec::with_capacity(128);
    push(&mut message, questions.get(question).0, question as u16);
    stream.write_all(&message)?;
    Ok(stream)
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    Ok(stream)
}

/// Keeps a few connections full of queries, for so long.
///
/// # Panics
/// If the server does not take connections at all.
pub fn pipelined(to: SocketAddr, questions: &Questions, duration: Duration) -> Report {
    let (mut report, mut next) = (Report::default(), 0);
    let mut streams: Vec<_> =
        (0..KEPT).map(|_| (connect(to).expect("the server listens"), Reader::default(), 0)).collect();
    let mut send = |stream: &mut TcpStream| {
        let (first, mut message) = (next, Vec::with_capacity(PIPELINED * 128));
        for i in 0..PIPELINED {
            push(&mut message, questions.get((first + i) % questions.len()).0, i as u16);
        }
        next = (first + PIPELINED) % questions.len();
        stream.write_all(&message).map(|()| first)
    };
    for (stream, _, first) in &mut streams {
        *first = send(stream).expect("the server reads");
    }
    let begun = Instant::now();
    'all: while begun.elapsed() < duration || report.answered + report.failed == 0 {
        for (stream, reader, first) in &mut streams {
            // Answers may come in another order (RFC 7766 §6.2.1.1), each once.
            let mut seen = 0_u64;
            for _ in 0..PIPELINED {
                let Ok(answer) = reader.answer(stream) else {
                    report.failed += PIPELINED as u64;
                    break 'all;
                };
                let id = u16::from_be_bytes([answer[0], answer[1]]);
                let rcode = questions.get((*first + usize::from(id)) % questions.len()).1;
                let is_new = usize::from(id) < PIPELINED && seen & 1 << id == 0;
                if is_new && is_right(answer, id, rcode) {
                    seen |= 1 << id;
                    report.answered += 1;
                } else {
                    report.failed += 1;
                }
            }
            let Ok(sent) = send(stream) else { break 'all };
            *first = sent;
        }
    }
    report.elapsed = begun.elapsed();
    report
}

/// A message with its length in front (RFC 1035 §4.2.2), and this ID.
fn push(to: &mut Vec<u8>, message: &[u8], id: u16) {
    to.extend((message.len() as u16).to_be_bytes());
    let start = to.len();
    to.extend_from_slice(message);
    to[start..start + 2].copy_from_slice(&id.to_be_bytes());
}

fn is_right(answer: &[u8], id: u16, rcode: u8) -> bool {
    answer[..2] == id.to_be_bytes() && answer[2] & 0x80 != 0 && answer[3] & 0xf == rcode
}

/// What was read of a connection and not yet taken.
#[derive(Default)]
struct Reader {
    octets: Vec<u8>,
    taken: usize,
}

impl Reader {
    /// The next message.
    fn answer(&mut self, stream: &mut TcpStream) -> io::Result<&[u8]> {
        let whole = loop {
            let rest = &self.octets[self.taken..];
            if let Some((length, message)) = rest.split_first_chunk() {
                let length = usize::from(u16::from_be_bytes(*length));
                if message.len() >= length {
                    break length;
                }
            }
            self.octets.drain(..self.taken);
            self.taken = 0;
            let before = self.octets.len();
            self.octets.resize(before + (1 << 14), 0);
            let read = stream.read(&mut self.octets[before..])?;
            self.octets.truncate(before + read);
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let start = self.taken + 2;
        self.taken = start + whole;
        if whole < super::questions::HEADER_LEN {
            Err(io::ErrorKind::InvalidData.into())
        } else {
            Ok(&self.octets[start..self.taken])
        }
    }
}
