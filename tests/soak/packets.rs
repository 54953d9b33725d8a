//! Packets that nobody should send, one after the other: what each must get is known, or the next probe shows that it
//! did no harm.

use crate::Soak;
use crate::kit::Random;
use crate::probes::{PROBES, TRIES_MAX, UDP_SIZE, WAIT, ask, message, rcode, socket, wire, with_opt};
use crate::tally::{FROM_PORT_0, Fate, SILENCE, TOO_LONG};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, UdpSocket};

/// First octet of the IDs of probes between the packets; no packet's own begins so.
const PROBE_ID: u8 = 0xff;
/// Longer than any request that is taken over UDP.
const LONG: usize = 3000;

/// A packet with this ID, what it is, and what must become of it.
struct Packet {
    octets: Vec<u8>,
    fate: Fate,
}

/// A record as it stands in a message: owner, type, class, TTL, RDATA.
fn record(owner: &[u8], rtype: u16, class: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let fixed =
        [&rtype.to_be_bytes()[..], &class.to_be_bytes(), &ttl.to_be_bytes(), &(rdata.len() as u16).to_be_bytes()];
    [owner, &fixed.concat(), rdata].concat()
}

fn with_counts(mut octets: Vec<u8>, counts: [u8; 4]) -> Vec<u8> {
    counts.into_iter().zip([5, 7, 9, 11]).for_each(|(count, at)| octets[at] = count);
    octets
}

/// One packet of each kind. RCODEs by RFC 1035 §4.1.1, 6891, 7873, 8945, 9619 and 9660.
fn known_packets(id: u16) -> Vec<Packet> {
    let name = wire("甲.政务");
    let query = |flags, qtype, qclass| message(id, flags, &name, qtype, qclass);
    let good = || query(0, 1, 1);
    let opt = record(&[0], 41, 4096, 0, &[]);
    let address = record(&[0xc0, 12], 1, 1, 300, &[192, 0, 2, 1]);
    let tsig = [&b"\x0bhmac-sha256\0"[..], &[0, 0, 0x6b, 0, 0, 0, 1, 44, 0, 4, 1, 2, 3, 4, 0, 1, 0, 0, 0, 0]].concat();
    let option = |code: u8, data: &[u8]| [&[0, code, 0, data.len() as u8], data].concat();
    let packets: Vec<(Vec<u8>, Fate)> = vec![
        (vec![], SILENCE),
        (good()[..11].to_vec(), SILENCE),
        (query(0x8000, 1, 1), SILENCE),
        (query(0xffff, 1, 1), SILENCE),
        ([&good()[..], &[0; LONG]].concat(), TOO_LONG),
        (good()[..12].to_vec(), 1),
        (good()[..20].to_vec(), 1),
        (with_counts(good(), [0, 0, 0, 0]), 1),
        (with_counts([&good()[..], &good()[12..]].concat(), [2, 0, 0, 0]), 1),
        (with_counts(good(), [1, 0, 0, 1]), 1),
        (with_counts(good(), [1, 255, 255, 255]), 1),
        (message(id, 0, &[0xc0, 12], 1, 1), 1),
        (message(id, 0, b"\x40too long\0", 1, 1), 1),
        (message(id, 0, &[&[63; 64].repeat(4)[..], &[0]].concat(), 1, 1), 1),
        (with_counts([&good()[..], &opt, &opt].concat(), [1, 0, 0, 2]), 1),
        (with_counts([&good()[..], &opt].concat(), [1, 1, 0, 0]), 1),
        (with_counts([&good()[..], &record(&name, 41, 1232, 0, &[])].concat(), [1, 0, 0, 1]), 1),
        (with_opt(good(), 0, &[0, 3, 0, 9, 1]), 1),
        (with_opt(good(), 0, &option(10, &[1; 7])), 1),
        (with_opt(good(), 0, &option(10, &[1; 41])), 1),
        (with_opt(good(), 0, &option(19, &[1])), 1),
        (with_opt(good(), 1, &[]), 16),
        (with_opt(good(), 255, &option(3, &[])), 16),
        (query(1 << 11, 1, 1), 4),
        (query(2 << 11, 1, 1), 4),
        (query(15 << 11, 1, 1), 4),
        (query(4 << 11, 6, 1), 9),
        (message(id, 4 << 11, &wire("政务"), 6, 1), 5),
        (message(id, 5 << 11, &wire("政务"), 6, 1), 5),
        (query(5 << 11, 1, 1), 1),
        (query(0, 252, 1), 9),
        (query(0, 251, 1), 9),
        (message(id, 0, &wire("政务"), 252, 1), 5),
        (message(id, 0, &wire("政务"), 251, 1), 5),
        (with_counts([&good()[..], &record(b"\xc0\xff", 1, 1, 0, &[1; 4])].concat(), [1, 1, 0, 0]), 1),
        (with_counts([&good()[..], &record(&name, 5, 1, 0, &[5])].concat(), [1, 0, 0, 1]), 1),
        (query(0, 1, 4), 5),
        (message(id, 0, b"\x07version\x04bind\0", 16, 3), 5),
        (with_counts([&good()[..], &record(b"\x03key\0", 250, 255, 0, &tsig)].concat(), [1, 0, 0, 1]), 9),
        (with_counts([&good()[..], &record(b"\x03key\0", 250, 1, 0, &tsig)].concat(), [1, 0, 0, 1]), 1),
        (with_counts([&good()[..], &record(b"\x03key\0", 250, 255, 0, &tsig), &address].concat(), [1, 0, 0, 2]), 1),
        (with_counts([&good()[..], &address].concat(), [1, 0, 0, 1]), 0),
        (with_opt(good(), 0, &option(10, &[1; 24])), 0),
        (with_opt(good(), 0, &[option(65, &[1; 9]), option(8, &[0, 1, 24, 0, 192, 0, 2])].concat()), 0),
    ];
    packets.into_iter().map(|(octets, fate)| Packet { octets, fate }).collect()
}

/// What cannot be read, is not implemented or is not allowed, and what looks like it but is good.
pub fn malformed(soak: &Soak) {
    let mut random = soak.random(3);
    let socket = socket("127.0.0.1:0", soak.daemon.dns());
    // Each has another ID: what was sent twice, because the answer was late, is answered twice.
    let mut id = random.next() as u16;
    while soak.goes_on() {
        for Packet { mut octets, fate } in known_packets(0) {
            id = (id + 1) % (u16::from(PROBE_ID) << 8);
            octets.iter_mut().zip(id.to_be_bytes()).for_each(|(octet, of_id)| *octet = of_id);
            if [SILENCE, TOO_LONG].contains(&fate) {
                socket.send(&octets).expect("sent");
                soak.tally.udp(fate);
                let mut answers = until_probed(soak, &socket, id);
                answers.retain(|answer| answer[..2] == id.to_be_bytes());
                assert!(answers.is_empty(), "{octets:02x?} got {answers:02x?}");
            } else {
                let answer = ask(soak, &socket, &octets, fate);
                let size = UDP_SIZE[usize::from(octets[11] > 0)];
                assert!(rcode(&answer) == fate && answer.len() <= size, "{octets:02x?} got {answer:02x?}");
                assert_eq!(answer[2] & 0xf9, 0x80 | octets[2] & 0x79, "QR, opcode and RD");
            }
            soak.tally.event("packet that must get a known answer or none");
        }
    }
}

/// Good requests with some octets changed, and octets that never were one. Whatever they get is small and a response.
pub fn mutated(soak: &Soak) {
    let mut random = soak.random(4);
    let mut number = 0_u16;
    let socket = socket("127.0.0.1:0", soak.daemon.dns());
    while soak.goes_on() {
        let packets = known_packets(random.next() as u16);
        let mut octets = packets[random.below(packets.len())].octets.clone();
        octets.truncate(LONG / 3);
        if random.below(8) == 0 {
            octets = (0..random.below(600)).map(|_| random.next() as u8).collect();
        }
        mutate(&mut random, &mut octets);
        if octets.starts_with(&[PROBE_ID]) {
            octets[0] = 0;
        }
        number = number.wrapping_add(1);
        socket.send(&octets).expect("sent");
        let answers = until_probed(soak, &socket, number);
        assert!(answers.len() <= 1, "{} answers to {octets:02x?}", answers.len());
        match answers.first() {
            None => soak.tally.udp(SILENCE),
            Some(answer) => {
                assert!(answer[2] & 0x80 != 0 && answer.len() <= UDP_SIZE[1], "{octets:02x?} got {answer:02x?}");
                assert_eq!(answer[..2], octets[..2]);
                soak.tally.udp(rcode(answer));
            }
        }
        soak.tally.event("mutated packet");
    }
}

fn mutate(random: &mut Random, octets: &mut Vec<u8>) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(octets.len().max(1));
        let in_header = random.below(octets.len().clamp(1, 12));
        match random.below(6) {
            _ if octets.is_empty() => octets.push(random.next() as u8),
            0 => octets.truncate(at),
            1 => octets[at] ^= 1 << random.below(8),
            2 => octets[at] = random.next() as u8,
            3 => octets.insert(at, random.next() as u8),
            4 => drop(octets.remove(at)),
            _ => octets[in_header] = random.below(3) as u8,
        }
    }
}

/// Sends a probe with a `number` that the last few had not, and takes what comes before its answer. One thread answers, so
/// that nothing comes after it but answers to earlier probes that were sent twice.
fn until_probed(soak: &Soak, socket: &UdpSocket, number: u16) -> Vec<Vec<u8>> {
    let probe = &PROBES[0];
    let id = u16::from_be_bytes([PROBE_ID, number as u8]);
    let mut before = Vec::new();
    let mut answer = vec![0; 65_535];
    for _ in 0..TRIES_MAX {
        socket.send(&probe.question(id, false)).expect("sent");
        soak.tally.udp(probe.rcode);
        while let Ok(length) = socket.recv(&mut answer) {
            if answer[..2] == id.to_be_bytes() {
                probe.check(id, &answer[..length], Some(UDP_SIZE[0]));
                return before;
            }
            if answer[0] != PROBE_ID {
                before.push(answer[..length].to_vec());
            }
        }
    }
    panic!("no answer to a probe within {TRIES_MAX} times {WAIT:?}");
}

/// Requests from port 0, to which nothing can be sent. Only a privileged user can make them; others are told so.
pub fn source_port_0(soak: &Soak) {
    let server = soak.daemon.dns();
    let socket = match Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)) {
        Ok(socket) => socket,
        Err(error) => return println!("no packets from port 0: {error}"),
    };
    let query = PROBES[0].question(1, true);
    // Without a checksum, which UDP over IPv4 allows (RFC 768).
    let header: Vec<u8> =
        [0, server.port(), 8 + query.len() as u16, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    let to: SocketAddr = (server.ip(), 0).into();
    for _ in 0..100 {
        socket.send_to(&[&header[..], &query].concat(), &to.into()).expect("sent");
        soak.tally.udp(FROM_PORT_0);
    }
}
