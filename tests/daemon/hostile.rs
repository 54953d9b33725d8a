//! What nobody should send: random octets, mutated messages and half requests to every port. The program goes on answering,
//! and keeps nothing of it.

use crate::kit::{Random, import, name_line, seed, seen, shown, unit_line};
use crate::support::{TestDaemon, query};
use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::RecordType;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Rounds before memory is looked at the first time: buffers, threads and caches have their size then.
const WARM_UP: usize = 200;
/// Rounds after that.
const ROUNDS: usize = 500;
/// Most KiB that they may add. Leaking what one round sends would add three times that.
const GROWTH_MAX_KIB: usize = 2048;
/// How long an answer is waited for where there need be none.
const GRACE: Duration = Duration::from_millis(2);

/// What is valid and gets mutated.
fn seeds() -> Vec<Vec<u8>> {
    let queries = [
        ("甲.政务", RecordType::A),
        ("www.甲.政务.cn", RecordType::ANY),
        ("xn--zfr164b", RecordType::AXFR),
        ("nic.xn--zfr164b", RecordType::DS),
        ("乙.政务", RecordType::NS),
    ];
    queries.iter().map(|(name, rtype)| query(name, *rtype)).collect()
}

/// Requests to the HTTP ports, whole and valid; most of them need a token that is not there.
const REQUESTS: [&str; 5] = [
    "GET /v1/names?limit=10 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo-viewer\r\n\r\n",
    "POST /v1/changes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo-operator\r\nContent-Type: application/json\r\n\
     Content-Length: 61\r\n\r\n{\"name\":\"甲.政务\",\"resolution\":{\"type\":\"A\",\"addresses\":[]}}",
    "POST /v1/import?id=x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo-operator\r\n\
     Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: xn--9iv.xn--zfr164b\r\n\r\n",
    "GET /path?query HTTP/1.1\r\nHost: 乙.政务:80\r\nConnection: close\r\n\r\n",
];

/// Changes some octets, cuts some off, or doubles some.
fn mutate(random: &mut Random, octets: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(octets.len().max(1));
        match random.below(6) {
            _ if octets.is_empty() => octets.push(random.next() as u8),
            0 => octets.truncate(at),
            1 => octets[at] ^= 1 << random.below(8),
            2 => octets[at] = random.next() as u8,
            3 => octets.insert(at, random.next() as u8),
            4 => drop(octets.remove(at)),
            _ => octets.extend_from_within(at..),
        }
    }
}

fn random_octets(random: &mut Random, length_max: usize) -> Vec<u8> {
    let length = random.below(length_max);
    (0..length).map(|_| random.next() as u8).collect()
}

/// One of the seeds mutated, or anything.
fn hostile(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    if random.below(4) == 0 {
        return random_octets(random, 1500);
    }
    let mut octets = seeds[random.below(seeds.len())].clone();
    mutate(random, &mut octets);
    octets
}

/// Sends messages over UDP, and reads what comes back.
fn over_udp(socket: &UdpSocket, messages: &[Vec<u8>]) {
    messages.iter().for_each(|message| assert!(socket.send(message).is_ok()));
    let mut answer = [0; 65_535];
    // Silence is an answer too.
    while let Ok(length) = socket.recv(&mut answer) {
        assert!((12..=4096).contains(&length), "{length} octets");
        let parsed = Message::from_vec(&answer[..length]);
        assert!(parsed.is_ok_and(|m| m.metadata.message_type == MessageType::Response), "{:?}", &answer[..length]);
    }
}

/// Sends octets over a connection of their own, and reads what comes back within the grace.
fn over_tcp(server: SocketAddr, octets: &[u8], close: bool) {
    // The server may have too many of our connections for the moment; then it closes this one.
    let Ok(mut stream) = TcpStream::connect(server) else { return };
    stream.set_read_timeout(Some(GRACE)).expect("a timeout");
    // It may close before all is written.
    if stream.write_all(octets).is_err() {
        return;
    }
    if close {
        drop(stream.shutdown(std::net::Shutdown::Write));
    }
    let mut answer = [0; 4096];
    drop(stream.read(&mut answer));
}

fn round(random: &mut Random, daemon: &TestDaemon, udp: &UdpSocket, messages: &[Vec<u8>], requests: &[Vec<u8>]) {
    over_udp(udp, &(0..8).map(|_| hostile(random, messages)).collect::<Vec<_>>());
    let message = hostile(random, messages);
    let mut framed = u16::try_from(message.len()).expect("short").to_be_bytes().to_vec();
    framed.extend(message);
    if random.below(3) == 0 {
        mutate(random, &mut framed);
    }
    over_tcp(daemon.dns(), &framed, random.below(2) == 0);
    for server in [daemon.admin(), daemon.gateway()] {
        over_tcp(server, &hostile(random, requests), random.below(2) == 0);
    }
}

/// Resident memory in KiB, and open files.
fn usage(daemon: &TestDaemon) -> (usize, usize) {
    let process = daemon.process_id().expect("it runs");
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    let resident = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    (resident, fs::read_dir(format!("/proc/{process}/fd")).expect("a running process").count())
}

#[track_caller]
fn still_answers(daemon: &TestDaemon) {
    assert_eq!(seen(&daemon.ask("甲.政务", RecordType::AAAA)), shown(1));
    assert_eq!(seen(&daemon.ask_tcp("甲.政务", RecordType::AAAA)), shown(1));
    assert_eq!(daemon.browse("乙.政务", "/").status, 302);
    daemon.api("GET", "/v1/names", "demo-viewer", None).expect_success();
}

#[test]
fn hostile_octets_on_every_port_change_nothing_and_leave_nothing() {
    let mut random = Random(seed("hostile"));
    let daemon = TestDaemon::start();
    let names = [name_line("甲.政务", "u1", "2030-01-01", Some(1)), name_line("乙.政务", "u1", "2030-01-01", Some(3))];
    import(&daemon, "names", &[&[unit_line("u1")][..], &names].concat());
    let export = || daemon.api("GET", "/v1/export", "demo-viewer", None).expect_success().text;
    let before = export();

    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    udp.connect(daemon.dns()).expect("an address");
    udp.set_read_timeout(Some(GRACE)).expect("a timeout");
    let messages = seeds();
    let requests: Vec<Vec<u8>> = REQUESTS.map(|request| request.as_bytes().to_vec()).into();
    for _ in 0..WARM_UP {
        round(&mut random, &daemon, &udp, &messages, &requests);
    }
    still_answers(&daemon);
    let warm = usage(&daemon);
    for _ in 0..ROUNDS {
        round(&mut random, &daemon, &udp, &messages, &requests);
    }
    still_answers(&daemon);
    let after = usage(&daemon);
    println!("KiB and files: {warm:?}, then {after:?}");
    assert!(after.0 < warm.0 + GROWTH_MAX_KIB, "memory grew from {} to {} KiB", warm.0, after.0);
    assert!(after.1 < warm.1 + 50, "open files went from {} to {}", warm.1, after.1);
    assert_eq!(export(), before);
    assert!(!daemon.log().contains("panicked") && !daemon.log().contains("ERROR"), "{}", daemon.log());
}
