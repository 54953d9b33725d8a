//! Ports for other makes of server, which cannot be told to take any and say which.

use std::net::{TcpListener, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the ports begin, and how many there are: all of them below those that the system gives to whoever asks for any. Of these
/// it may give dig the server's own, if both share ports, and dig then reads its own question.
const FIRST: u32 = 10_000;
const COUNT: u32 = 20_000;

/// A port that nobody has, over UDP and TCP. Test programs that run side by side begin at different ones.
pub fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let begin = process::id() % 1000 * 12;
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + (begin + tried) % COUNT).expect("a port");
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
