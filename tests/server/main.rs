//! The DNS sockets, from outside: real packets, real connections, good and bad.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

mod cookies;
#[path = "../common/dns.rs"]
mod dns;
mod identity;
mod limits;
mod proxy;
mod rate;
#[path = "../common/served.rs"]
mod served;
mod signed;
mod tcp;
mod wildcard;

use dns::{ask_tcp, ask_udp, query, receive, udp};
use served::{held, served, snapshot};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use zhengming::server::{RateLimits, Running, Server, Settings, TcpLimits};
use zhengming::snapshot::Publisher;
use zhengming::telemetry::{Dns, Exporter};
use zhengming::zone::Published;

const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;

/// 中国政府网.政务, which resolves, and 财政局.政务, which is held.
const NAME: &str = "xn--fiqs8sirgfmhq98a.xn--zfr164b";
const HELD: &str = "xn--dgt32shz8a.xn--zfr164b";

fn registrations(address: Ipv4Addr) -> Vec<(&'static str, Published)> {
    let published = Published::Addresses { addresses: vec![address.into()], ttl: 600, www: true };
    vec![("xn--fiqs8sirgfmhq98a", published), ("xn--dgt32shz8a", held("EXPIRED", 0, 403))]
}

struct Started {
    running: Running,
    publisher: Publisher,
    exporter: Exporter,
}

impl Started {
    fn address(&self) -> SocketAddr {
        self.running.addresses()[0]
    }
}

fn query_settings() -> zhengming::query::Settings {
    zhengming::query::Settings::default()
}

/// A server on free ports of these addresses.
fn start_on(addresses: &[&str], tcp: TcpLimits) -> Started {
    start_as(addresses, tcp, query_settings(), None)
}

/// A server that answers by these settings.
fn start_with(query: zhengming::query::Settings) -> Started {
    start_as(&["127.0.0.1:0"], TcpLimits::default(), query, None)
}

fn start_as(
    addresses: &[&str],
    tcp: TcpLimits,
    query: zhengming::query::Settings,
    rate: Option<RateLimits>,
) -> Started {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    start_of(Settings { addresses, workers: 2, tcp, rate, ..Settings::default() }, query)
}

fn start_of(settings: Settings, query: zhengming::query::Settings) -> Started {
    let (publisher, reader) = served(&registrations(Ipv4Addr::new(203, 0, 113, 5)));
    let exporter = Exporter::new();
    let telemetry = Dns::new(&exporter);
    telemetry.set_zones(&[served::APEX]);
    let running = Server::start(&settings, reader, query, telemetry).unwrap();
    Started { running, publisher, exporter }
}

fn start(tcp: TcpLimits) -> Started {
    start_on(&["127.0.0.1:0"], tcp)
}

#[test]
fn both_transports_answer_on_every_address() {
    let server = start_on(&["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"], TcpLimits::default());
    for &address in server.running.addresses() {
        for ask in [ask_udp, ask_tcp] {
            let response = ask(address, 1, NAME);
            assert_eq!((response.id, response.rcode, response.answers), (1, NOERROR, 1), "{address}");
            assert_eq!(response.octets[response.octets.len() - 4..], [203, 0, 113, 5]);
            assert_eq!(ask(address, 2, HELD).rcode, NXDOMAIN, "{address}");
            assert_eq!(ask(address, 3, "www.example").rcode, REFUSED, "{address}");
        }
    }
}

#[test]
fn every_query_of_a_burst_is_answered_once() {
    let server = start(TcpLimits::default());
    let clients: Vec<UdpSocket> = (0..8).map(|_| udp(server.address())).collect();
    // Bursts that the smallest receive buffer in use holds.
    for burst in 0..20_u16 {
        for client in &clients {
            (0..12).for_each(|n| _ = client.send(&query(burst << 8 | n, NAME)).unwrap());
        }
        for client in &clients {
            let mut ids: Vec<u16> = (0..12).map(|_| receive(client).id).collect();
            ids.sort_unstable();
            assert_eq!(ids, (0..12).map(|n| burst << 8 | n).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_publication_is_seen_by_the_next_query() {
    let mut server = start(TcpLimits::default());
    let mut connection = dns::tcp(server.address());
    for last in 1..100 {
        let address = Ipv4Addr::new(203, 0, 113, last);
        server.publisher.publish(snapshot(&registrations(address)));
        let expected = address.octets();
        let response = ask_udp(server.address(), 1, NAME);
        assert_eq!(response.octets[response.octets.len() - 4..], expected);
        std::io::Write::write_all(&mut connection, &dns::framed(&query(2, NAME))).unwrap();
        let response = dns::read(&mut connection).unwrap();
        assert_eq!(response.octets[response.octets.len() - 4..], expected);
    }
}

#[test]
fn responses_and_rubbish_are_not_answered_over_udp() {
    let server = start(TcpLimits::default());
    let client = udp(server.address());
    let mut response = query(1, NAME);
    response[2] |= 0x80;
    for packet in [&[][..], &[0; 11], &response, &vec![0; 3000], &vec![0xff; 60_000]] {
        client.send(packet).unwrap();
    }
    client.send(&query(9, NAME)).unwrap();
    // Two threads may answer in any order, but only one packet is answered at all.
    assert_eq!(receive(&client).id, 9);
    client.set_nonblocking(true).unwrap();
    client.recv(&mut [0; 16]).expect_err("nothing else was answered");
}

#[test]
fn random_octets_do_not_stop_the_server() {
    let server = start(TcpLimits::default());
    let client = udp(server.address());
    client.set_nonblocking(true).unwrap();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for round in 0..20_000 {
        let mut packet = if round % 4 == 0 { Vec::new() } else { query(round, NAME) };
        match round % 4 {
            0 => packet.extend((0..random.below(600)).map(|_| random.next() as u8)),
            1 => packet.truncate(random.below(packet.len())),
            _ => (0..1 + random.below(4)).for_each(|_| {
                let at = random.below(packet.len());
                packet[at] = random.next() as u8;
            }),
        }
        // A full buffer loses packets; that is UDP.
        let _ = client.send(&packet);
        let _ = client.recv(&mut [0; 2048]);
    }
    assert_eq!(ask_udp(server.address(), 1, NAME).rcode, NOERROR);
    assert!(!server.exporter.render().contains("SERVFAIL"));
}

#[test]
fn what_is_answered_is_counted() {
    let server = start(TcpLimits::default());
    for _ in 0..3 {
        ask_udp(server.address(), 1, NAME);
    }
    ask_udp(server.address(), 1, HELD);
    ask_tcp(server.address(), 1, HELD);
    ask_tcp(server.address(), 1, "www.example");
    let exporter = server.exporter.clone();
    // A response is sent before it is counted as timed, so the threads are waited for.
    server.running.stop();
    let text = exporter.render();
    for (labels, count) in [
        ("outcome=\"answer\",rcode=\"NOERROR\",transport=\"udp\",zone=\"xn--zfr164b.\"", 3),
        ("outcome=\"held\",rcode=\"NXDOMAIN\",transport=\"udp\",zone=\"xn--zfr164b.\"", 1),
        ("outcome=\"held\",rcode=\"NXDOMAIN\",transport=\"tcp\",zone=\"xn--zfr164b.\"", 1),
        ("outcome=\"refused\",rcode=\"REFUSED\",transport=\"tcp\",zone=\"\"", 1),
    ] {
        let line = format!("zhengming_dns_queries_total{{{labels}}} {count}");
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("zhengming_dns_latency_seconds_count{transport=\"udp\"} 4"), "{text}");
    assert!(text.contains("zhengming_dns_latency_seconds_count{transport=\"tcp\"} 2"), "{text}");
    assert!(text.contains("zhengming_dns_connections{transport=\"tcp\"} 0"), "{text}");
}

#[test]
fn stopping_frees_the_ports() {
    let server = start(TcpLimits::default());
    let address = server.address();
    let open = dns::tcp(address);
    ask_udp(address, 1, NAME);
    server.running.stop();
    drop(open);
    UdpSocket::bind(address).expect("the UDP port is free again");
    zhengming::http::accept::bind(address).expect("the TCP port is free again");
}

#[test]
fn an_address_that_cannot_be_served_is_named_and_none_stays_open() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    // On an address that no other test uses, so that it stays free.
    let free = UdpSocket::bind("127.0.0.3:0").unwrap().local_addr().unwrap();
    let start = |addresses: Vec<SocketAddr>| {
        let (_, reader) = served(&[]);
        let settings = Settings { addresses, workers: 1, ..Settings::default() };
        Server::start(&settings, reader, query_settings(), Dns::new(&Exporter::new())).err().expect("no start")
    };
    let error = start(vec![free, taken.local_addr().unwrap()]);
    assert_eq!(error.address, taken.local_addr().unwrap());
    assert_eq!(error.source.kind(), std::io::ErrorKind::AddrInUse);
    UdpSocket::bind(free).expect("nothing stays open");
}

/// Marsaglia's xorshift: the same octets on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
