//! Clients of TCP that are slow, silent, greedy or talk nonsense, to DNS, the admin API and the gateway.

use crate::Soak;
use crate::kit::Random;
use crate::probes::{PROBES, framed, read_framed};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connections that are left open and silent at once.
const KEPT_MAX: usize = 150;
/// One more than a client may have (`tcp_connections_per_client_max`).
const TOO_MANY: usize = 65;
/// How long something is written or read that may not go on.
const GRACE: Duration = Duration::from_millis(20);

/// What the server gives readers before it cuts them (`write` of its limits).
const SLOW_READER: Duration = Duration::from_secs(10);

/// A connection from any address in 127.0.0.0/8.
pub fn connect(random: &mut Random, server: SocketAddr) -> TcpStream {
    let local = format!("127.{}.{}.{}:0", 2 + random.below(250), random.below(256), 2 + random.below(250));
    connect_from(local.parse().expect("an address"), server)
}

fn connect_from(local: SocketAddr, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&local.into()).expect("loopback is a /8");
    socket.connect(&server.into()).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(GRACE)).expect("a timeout");
    stream.set_write_timeout(Some(GRACE)).expect("a timeout");
    stream
}

/// One bad client after the other.
pub fn abuse(soak: &Soak) {
    let mut random = soak.random(6);
    let mut kept: Vec<TcpStream> = Vec::new();
    while soak.goes_on() {
        kept.drain(..kept.len().saturating_sub(KEPT_MAX));
        let dns = soak.daemon.dns();
        match random.below(8) {
            // Half-open: nothing, or a part of a request, and then silence.
            0 | 1 => {
                let mut stream = connect(&mut random, dns);
                let request = framed(&PROBES[0].question(7, true));
                let _ = stream.write_all(&request[..random.below(request.len())]);
                kept.push(stream);
                soak.tally.event("half-open connection");
            }
            2 => slow_reader(soak, &mut random, &mut kept),
            3 => {
                let mut stream = connect(&mut random, dns);
                let _ = stream.write_all(&[0xff, 0xff, 1, 2, 3]);
                assert_eq!(stream.read(&mut [0; 9]).unwrap_or_default(), 0, "an answer to a request too long");
                soak.tally.event("request too long over TCP");
            }
            4 if random.below(8) == 0 => {
                let local =
                    format!("127.1.{}.{}:0", random.below(256), 2 + random.below(250)).parse().expect("an address");
                let mut all: Vec<TcpStream> = (0..TOO_MANY).map(|_| connect_from(local, dns)).collect();
                let closed =
                    all.iter_mut().map(|stream| stream.read(&mut [0])).filter(|read| matches!(read, Ok(0))).count();
                assert!(closed >= 1, "a client has {TOO_MANY} connections");
                soak.tally.event("client with too many connections");
            }
            kind => {
                let servers =
                    [dns, soak.daemon.admin(), soak.daemon.gateway(), soak.daemon.dot(), soak.daemon.address("doh")];
                let server = servers[random.below(servers.len())];
                let mut stream = connect(&mut random, server);
                let octets: Vec<u8> = (0..random.below(900)).map(|_| random.next() as u8).collect();
                let octets = if kind == 5 { framed(&octets) } else { octets };
                let _ = stream.write_all(&octets);
                // What a peer that knows no DNS makes of it is nobody's concern; it is small.
                let length = stream.read(&mut [0; 9000]).unwrap_or_default();
                assert!(length <= 8192, "{length} octets");
                soak.tally.event("nonsense over TCP");
            }
        }
    }
}

/// Asks for much more than it reads, then reads a little, then nothing.
fn slow_reader(soak: &Soak, random: &mut Random, kept: &mut Vec<TcpStream>) {
    let mut stream = connect(random, soak.daemon.dns());
    let begun = Instant::now();
    let (probe, id) = PROBES
        .iter()
        .zip(0..)
        .find(|(probe, _)| probe.qtype == 16 && probe.rcode == 0 && probe.name.starts_with(b"\x05large"))
        .expect("there");
    let queries = framed(&probe.question(id, true)).repeat(200);
    // Until the buffers of both sides are full.
    while soak.goes_on() && stream.write_all(&queries).is_ok() {}
    stream.set_read_timeout(Some(crate::PATIENCE)).expect("a timeout");
    for _ in 0..10 {
        match read_framed(&mut stream) {
            Ok(answer) => probe.check(id, &answer, None),
            // On a busy machine it was cut meanwhile, as readers that are too slow are.
            Err(_) if begun.elapsed() > SLOW_READER => return,
            Err(error) => panic!("what was asked first is answered: {error}"),
        }
    }
    kept.push(stream);
    soak.tally.event("slow reader");
}
