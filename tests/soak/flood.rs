//! Floods from many addresses that answer rate limiting must hold down: random names below a suffix, one name again and
//! again, names of nobody, answers larger than the questions.

use crate::Soak;
use crate::probes::{UDP_SIZE, message, rcode, wire, with_opt};
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

/// Sockets at once; after each round half of them come from other addresses.
const SOCKETS: usize = 48;
/// Packets that one socket sends without reading.
const BURST: usize = 8;
/// Between bursts, so that the receive buffers of the smallest kernels overflow seldom and probes get through.
const PAUSE: Duration = Duration::from_millis(2);

/// Sends floods, and looks at what is let through.
pub fn floods(soak: &Soak) {
    let mut random = soak.random(5);
    let (server, suffix) = (soak.daemon.dns(), wire("政务"));
    let names = [wire("甲.政务"), wire("large.soak.example"), wire("x.cut.soak.example"), wire("nobody.test")];
    let mut sockets: Vec<UdpSocket> = Vec::new();
    let mut answer = vec![0; 65_535];
    while soak.goes_on() {
        sockets.truncate(SOCKETS / 2);
        while sockets.len() < SOCKETS {
            // Networks of /24: some few take all the traffic they can, most come seldom.
            let (b, c) =
                if random.below(2) == 0 { (1, random.below(4)) } else { (random.below(256), random.below(256)) };
            let socket = UdpSocket::bind(format!("127.{b}.{c}.{}:0", 2 + random.below(250))).expect("loopback is a /8");
            socket.set_nonblocking(true).expect("an option");
            sockets.push(socket);
        }
        for socket in &sockets {
            for _ in 0..BURST {
                let kind = random.below(5);
                let id = (random.next() as u16) << 3 | kind as u16;
                let request = match kind {
                    4 => {
                        let label = format!("r{:016x}", random.next());
                        message(id, 0, &[&[17], label.as_bytes(), &suffix].concat(), 1, 1)
                    }
                    1 => with_opt(message(id, 0, &names[1], 16, 1), 0, &[]),
                    _ => message(id, 0, &names[kind], 1, 1),
                };
                // One that could not be sent was none.
                if socket.send_to(&request, server).is_ok() {
                    soak.tally.udp([0, 0, 0, 5, 3][kind]);
                    soak.tally.event("flood packet");
                }
            }
            thread::sleep(PAUSE);
            while let Ok(length) = socket.recv(&mut answer) {
                let kind = usize::from(answer[1] & 7);
                assert!(length <= UDP_SIZE[usize::from(kind == 1)], "{length} octets");
                assert_eq!(rcode(&answer[..length]), [0, 0, 0, 5, 3][kind], "{:02x?}", &answer[..length]);
                soak.tally.event("answer to a flood");
            }
        }
    }
}
