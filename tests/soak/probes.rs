//! Questions whose answers are known, asked again and again while everything else goes on.

use crate::Soak;
use crate::kit::Random;
use crate::support::ascii;
use hickory_proto::rr::{Name, RecordType};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::LazyLock;
use std::time::Duration;

/// A question and what must be answered.
pub struct Probe {
    /// QNAME in wire form.
    pub name: Vec<u8>,
    /// QTYPE.
    pub qtype: u16,
    /// RCODE.
    pub rcode: u16,
    aa: bool,
    /// Records of the answer section; none over UDP if `large`.
    answers: u16,
    /// Octets that must be in the answer.
    shows: &'static [u8],
    /// Whether it is too large for UDP.
    large: bool,
}

/// How long one answer over UDP is waited for before the question is sent again: longer than a loaded machine takes.
pub const WAIT: Duration = Duration::from_secs(5);
/// So often; the floods may fill the server's buffer, but not for ever.
pub const TRIES_MAX: usize = 12;
/// Largest answers over UDP, without EDNS and with it (`udp_size_max`).
pub const UDP_SIZE: [usize; 2] = [512, 1232];

const PASSED: &str = "pass of probes over a connection";
const CUT_SHORT: &str = "pass that was cut short";

const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;
const REFUSED: u16 = 5;

/// All probes.
pub static PROBES: LazyLock<Vec<Probe>> = LazyLock::new(|| {
    let a = RecordType::A;
    let probe = |name: &str, qtype: RecordType, rcode, aa, answers, shows| Probe {
        name: wire(name),
        qtype: qtype.into(),
        rcode,
        aa,
        answers,
        shows,
        large: name.starts_with("large"),
    };
    vec![
        probe("甲.政务", a, NOERROR, true, 1, &[203, 0, 113, 1]),
        probe("www.甲.政务.cn", a, NOERROR, true, 1, &[203, 0, 113, 1]),
        probe("甲.政务", RecordType::AAAA, NOERROR, true, 1, &[0x20, 1, 0xd, 0xb8]),
        probe("甲.政务", RecordType::MX, NOERROR, true, 0, &[]),
        probe("乙.政务", a, NOERROR, true, 1, &[127, 0, 0, 1]),
        probe("丙.政务", a, NOERROR, false, 0, b"\x03ns7"),
        probe("below.丙.政务.cn", RecordType::TXT, NOERROR, false, 0, b"\x03ns7"),
        probe("丁.政务", a, NXDOMAIN, true, 0, &[]),
        probe("nobody.政务", a, NXDOMAIN, true, 0, &[]),
        probe("政务", RecordType::SOA, NOERROR, true, 1, &[]),
        probe("soak.example", RecordType::NS, NOERROR, true, 1, &[192, 0, 2, 1]),
        probe("www.soak.example", a, NOERROR, true, 1, &[192, 0, 2, 2]),
        probe("x.y.wild.soak.example", a, NOERROR, true, 1, &[192, 0, 2, 3]),
        probe("x.y.wild.soak.example", RecordType::AAAA, NOERROR, true, 0, &[]),
        probe("alias.soak.example", a, NOERROR, true, 2, &[192, 0, 2, 2]),
        probe("z.moved.soak.example", a, NOERROR, true, 3, &[192, 0, 2, 3]),
        probe("x.cut.soak.example", a, NOERROR, false, 0, &[192, 0, 2, 4]),
        probe("ent.soak.example", a, NOERROR, true, 0, &[]),
        probe("x.ent.soak.example", a, NXDOMAIN, true, 0, &[]),
        probe("large.soak.example", RecordType::TXT, NOERROR, true, 40, b"000039"),
        probe("www.elsewhere.test", a, REFUSED, false, 0, &[]),
    ]
});

/// A name in wire form.
pub fn wire(name: &str) -> Vec<u8> {
    let name = Name::from_ascii(ascii(name)).expect("a name");
    let labels = name.iter().flat_map(|label| [&[label.len() as u8], label].concat());
    labels.chain([0]).collect()
}

/// A message with this header and question, without EDNS.
pub fn message(id: u16, flags: u16, name: &[u8], qtype: u16, qclass: u16) -> Vec<u8> {
    let header: Vec<u8> = [id, flags, 1, 0, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    [&header[..], name, &qtype.to_be_bytes(), &qclass.to_be_bytes()].concat()
}

/// Adds an OPT record with these options as they stand on the wire.
pub fn with_opt(mut message: Vec<u8>, version: u8, options: &[u8]) -> Vec<u8> {
    message[11] += 1;
    message.extend_from_slice(&[0, 0, 41, 16, 0, 0, version, 0, 0]);
    message.extend_from_slice(&(options.len() as u16).to_be_bytes());
    message.extend_from_slice(options);
    message
}

/// RCODE with the extended bits of an OPT that stands last.
pub fn rcode(answer: &[u8]) -> u16 {
    let extended = match hickory_proto::op::Message::from_vec(answer) {
        Ok(message) => message.edns.map_or(0, |edns| u16::from(edns.rcode_high())),
        Err(error) => panic!("{error}: {answer:02x?}"),
    };
    u16::from(answer[3] & 0x0f) | extended << 4
}

impl Probe {
    /// The question, with EDNS or without.
    pub fn question(&self, id: u16, edns: bool) -> Vec<u8> {
        let plain = message(id, 0, &self.name, self.qtype, 1);
        if edns { with_opt(plain, 0, &[]) } else { plain }
    }

    /// Fails unless `answer` is the right one.
    #[track_caller]
    pub fn check(&self, id: u16, answer: &[u8], udp_size: Option<usize>) {
        let truncated = self.large && udp_size.is_some();
        let answers = u16::from_be_bytes([answer[6], answer[7]]);
        let seen = (u16::from_be_bytes([answer[0], answer[1]]), answer[2], rcode(answer), answers);
        let flags = 0x80 | u8::from(self.aa) << 2 | u8::from(truncated) << 1;
        let expected = (id, flags, self.rcode, if truncated { 0 } else { self.answers });
        assert_eq!(seen, expected, "type {} of {:?}: {answer:02x?}", self.qtype, String::from_utf8_lossy(&self.name));
        let shows =
            truncated || self.shows.is_empty() || answer.windows(self.shows.len()).any(|octets| octets == self.shows);
        assert!(shows, "no {:?} in {answer:02x?}", self.shows);
        assert!(answer.len() <= udp_size.unwrap_or(usize::MAX), "{} octets", answer.len());
    }
}

/// Sends over UDP until an answer with the same ID comes, which is the right one if it is that of `fate`.
pub fn ask(soak: &Soak, socket: &UdpSocket, request: &[u8], fate: u16) -> Vec<u8> {
    let mut answer = vec![0; 65_535];
    for _ in 0..TRIES_MAX {
        socket.send(request).expect("sent");
        soak.tally.udp(fate);
        while let Ok(length) = socket.recv(&mut answer) {
            if answer[..2] == request[..2] {
                answer.truncate(length);
                return answer;
            }
        }
    }
    panic!("no answer to {request:02x?}");
}

/// A UDP socket that talks to the program only.
pub fn socket(local: &str, server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(local).expect("a socket");
    socket.connect(server).expect("an address");
    socket.set_read_timeout(Some(WAIT)).expect("a timeout");
    socket
}

/// Probes over UDP, IPv4 and IPv6, with and without EDNS, with cookies.
pub fn over_udp(soak: &Soak) {
    let mut random = soak.random(1);
    let sockets = [socket("127.0.0.1:0", soak.daemon.dns()), socket("[::1]:0", soak.daemon.dns_v6())];
    // The cookie each socket was given.
    let mut cookies = [vec![7; 8], vec![7; 8]];
    while soak.goes_on() {
        for probe in &*PROBES {
            let (which, id) = (random.below(2), random.next() as u16);
            let (socket, cookie) = (&sockets[which], &mut cookies[which]);
            let edns = random.below(3);
            let request = match edns {
                2 => with_opt(probe.question(id, false), 0, &[&[0, 10, 0, cookie.len() as u8], &cookie[..]].concat()),
                edns => probe.question(id, edns == 1),
            };
            let answer = ask(soak, socket, &request, probe.rcode);
            probe.check(id, &answer, Some(UDP_SIZE[edns.min(1)]));
            if edns == 2 {
                let at = answer.windows(4).rposition(|octets| octets == [0, 10, 0, 24]).expect("a cookie");
                *cookie = answer[at + 4..at + 28].to_vec();
            }
            soak.tally.event("probe over UDP");
        }
    }
}

/// Sends framed requests in pieces of random sizes.
pub fn write_in_pieces(
    stream: &mut TcpStream,
    mut octets: &[u8],
    random: &mut Random,
    most: usize,
) -> std::io::Result<()> {
    while !octets.is_empty() {
        let (piece, rest) = octets.split_at((1 + random.below(most)).min(octets.len()));
        stream.write_all(piece)?;
        octets = rest;
    }
    Ok(())
}

/// The next message with its length.
pub fn read_framed(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// A message with its length.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

/// Takes note of how a pass over a connection went. The server may close one that the machine has let idle too long; that is
/// counted, and must be rare.
pub fn passed(soak: &Soak, pass: Result<(), Box<dyn Error>>) {
    soak.tally.event(if pass.is_ok() { PASSED } else { CUT_SHORT });
    if let Err(error) = pass {
        println!("a pass of probes was cut short: {error}");
    }
}

/// Fails if too many passes were cut short.
pub fn check_passes(soak: &Soak) {
    let [passed, cut_short] = [PASSED, CUT_SHORT].map(|what| soak.tally.events(what));
    assert!(passed > 0 && cut_short * 50 <= passed + 50, "{cut_short} passes were cut short, {passed} were not");
}

/// Passes of all probes over connections, one after the other.
pub fn over_tcp(soak: &Soak) {
    let mut random = soak.random(2);
    while soak.goes_on() {
        passed(soak, over_one_connection(soak, &mut random));
    }
}

/// All probes at once over one connection, in pieces cut anywhere; answers may come in any order.
fn over_one_connection(soak: &Soak, random: &mut Random) -> Result<(), Box<dyn Error>> {
    let server = if random.below(2) == 0 { soak.daemon.dns() } else { soak.daemon.dns_v6() };
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(crate::PATIENCE))?;
    for _ in 0..1 + random.below(4) {
        let questions = PROBES.iter().zip(0..).flat_map(|(probe, id)| framed(&probe.question(id, id % 2 == 0)));
        // Octet by octet now and then, all in one piece most often.
        let most = [1, 7, 4096, 4096][random.below(4)];
        write_in_pieces(&mut stream, &questions.collect::<Vec<u8>>(), random, most)?;
        for _ in &*PROBES {
            let answer = read_framed(&mut stream)?;
            let id = u16::from_be_bytes([answer[0], answer[1]]);
            PROBES[usize::from(id)].check(id, &answer, None);
            soak.tally.event("probe over TCP");
        }
    }
    Ok(())
}
