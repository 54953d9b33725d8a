//! Wildcard addresses: every answer comes from the address that was asked, whichever the route would choose.

use crate::dns::{PATIENCE, Response, ask_tcp, framed, query, read, receive, tcp};
use crate::served::{APEX, snapshot};
use crate::{NAME, NOERROR, Started, start_on};
use std::io::Write;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};
use zhengming::server::TcpLimits;

/// Set in the process that has a network of its own.
const INSIDE: &str = "ZHENGMING_TEST_INSIDE";

/// Asks `server`, from `client`, over a socket that takes answers from there alone, and from no other address.
fn ask_from(client: IpAddr, server: SocketAddr) {
    ask(UdpSocket::bind(SocketAddr::new(client, 0)).unwrap(), server);
}

/// Asks until there is an answer: the system drops packets for an address of IPv6 that it has not finished adding.
fn ask(socket: UdpSocket, server: SocketAddr) {
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket.connect(server).unwrap();
    let start = Instant::now();
    let mut octets = [0; 512];
    let len = loop {
        socket.send(&query(9, NAME)).unwrap();
        if let Ok(len) = socket.recv(&mut octets) {
            break len;
        }
        assert!(start.elapsed() < PATIENCE, "{:?} has no answer of {server}", socket.local_addr());
    };
    let response = Response::parse(&octets[..len]);
    assert_eq!((response.id, response.rcode, response.answers), (9, NOERROR, 1), "{server}");
}

fn port_of(server: &Started, ipv4: bool) -> u16 {
    server.running.addresses().iter().find(|address| address.is_ipv4() == ipv4).unwrap().port()
}

#[test]
fn answers_leave_from_the_address_that_was_asked() {
    let server = start_on(&["0.0.0.0:0", "[::]:0"], TcpLimits::default());
    let (v4, v6) = (port_of(&server, true), port_of(&server, false));
    for to in ["127.0.0.1", "127.0.0.2", "127.1.2.3"] {
        let to = SocketAddr::new(to.parse().unwrap(), v4);
        for from in ["127.0.0.1", "127.0.0.9"] {
            ask_from(from.parse().unwrap(), to);
        }
        assert_eq!(ask_tcp(to, 7, NAME).answers, 1);
    }
    let to = SocketAddr::new("::1".parse().unwrap(), v6);
    ask_from("::1".parse().unwrap(), to);
    assert_eq!(ask_tcp(to, 7, NAME).answers, 1);
}

/// A wildcard of one family leaves the same port of the other to another socket.
#[test]
fn both_families_share_a_port() {
    // Other programs of the machine may have a port in one family alone; twenty of them do not.
    let starts = (0..20).map(|_| start_on(&["[::]:0"], TcpLimits::default()));
    let is_free = |first: &Started| {
        let address = (std::net::Ipv4Addr::UNSPECIFIED, port_of(first, false));
        UdpSocket::bind(address).is_ok() && std::net::TcpListener::bind(address).is_ok()
    };
    let first = starts.into_iter().find(is_free).expect("a port that the other family leaves free");
    let port = port_of(&first, false);
    let second = start_on(&[&format!("0.0.0.0:{port}")], TcpLimits::default());
    ask_from("127.0.0.1".parse().unwrap(), SocketAddr::new("127.0.0.2".parse().unwrap(), port));
    second.running.stop();
    let refused = UdpSocket::bind("127.0.0.1:0").unwrap();
    refused.set_read_timeout(Some(PATIENCE)).unwrap();
    refused.connect(("127.0.0.1", port)).unwrap();
    refused.send(&query(1, NAME)).unwrap();
    assert_eq!(refused.recv(&mut [0; 512]).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
}

/// The longest answers leave whole: nothing that the wildcard's control messages need forbids fragments.
#[test]
fn an_answer_longer_than_a_link_carries_is_sent() {
    let many = (0..200).map(|last| std::net::Ipv4Addr::new(203, 0, 113, last).into()).collect();
    let published = zhengming::zone::Published::Addresses { addresses: many, ttl: 300, www: false };
    let settings = zhengming::query::Settings { udp_size_max: 4096, ..crate::query_settings() };
    let mut server = crate::start_as(&["0.0.0.0:0", "[::]:0"], TcpLimits::default(), settings, None);
    server.publisher.publish(snapshot(&[("xn--fiqs8sirgfmhq98a", published)]));
    for (to, ipv4) in [("127.0.0.2", true), ("::1", false)] {
        let socket = UdpSocket::bind(if ipv4 { "127.0.0.1:0" } else { "[::1]:0" }).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect((to, port_of(&server, ipv4))).unwrap();
        let mut request = query(1, NAME);
        request[11] = 1;
        request.extend_from_slice(&[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]);
        socket.send(&request).unwrap();
        assert_eq!(receive(&socket).answers, 200);
    }
}

/// In a network of its own, with addresses of every kind.
#[test]
fn addresses_of_every_kind_are_answered_from() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let set_up = "ip link set lo up && ip link add one type veth peer name two && ip link set two up \
                  && ip link set one up mtu 1400 \
                  && ip addr add 192.0.2.1/24 dev one && ip addr add 192.0.2.2/24 dev one \
                  && for a in 2001:db8::1/64 2001:db8::2/64 fe80::53/64; do ip addr add $a dev one nodad; done \
                  && exec \"$0\" --exact wildcard::addresses_of_every_kind_are_answered_from --nocapture";
    let program = std::env::current_exe().unwrap();
    let output =
        Command::new("unshare").args(["-rn", "sh", "-c", set_up]).arg(program).env(INSIDE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if text.starts_with("unshare: ") {
        // Where the machine allows no namespaces, loopback above must do.
        return eprintln!("no network of its own: {text}");
    }
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn inside() {
    let server = start_on(&["0.0.0.0:0", "[::]:0"], TcpLimits::default());
    let (v4, v6) = (port_of(&server, true), port_of(&server, false));
    let v4 = |address: &str| SocketAddr::new(address.parse().unwrap(), v4);
    for (from, to) in [("192.0.2.1", "192.0.2.2"), ("192.0.2.2", "192.0.2.1"), ("127.0.0.1", "192.0.2.2")] {
        ask_from(from.parse().unwrap(), v4(to));
    }
    for (from, to) in [("2001:db8::1", "2001:db8::2"), ("2001:db8::2", "2001:db8::1"), ("2001:db8::2", "::1")] {
        ask_from(from.parse().unwrap(), SocketAddr::new(to.parse().unwrap(), v6));
    }
    // Link-local addresses mean something on their link only.
    let link = rustix::net::netdevice::name_to_index(UdpSocket::bind("127.0.0.1:0").unwrap(), "one").unwrap();
    let to = SocketAddrV6::new("fe80::53".parse().unwrap(), v6, 0, link);
    let socket = UdpSocket::bind(SocketAddrV6::new("fe80::53".parse().unwrap(), 0, 0, link)).unwrap();
    ask(socket, to.into());
    // An address that comes later is served like the others.
    for address in ["192.0.2.77/32", "2001:db8:1::77/128"] {
        assert!(Command::new("ip").args(["addr", "add", address, "dev", "one", "nodad"]).status().unwrap().success());
    }
    ask_from("192.0.2.1".parse().unwrap(), v4("192.0.2.77"));
    ask_from("2001:db8::1".parse().unwrap(), SocketAddr::new("2001:db8:1::77".parse().unwrap(), v6));
    let mut stream = tcp(v4("192.0.2.77"));
    stream.write_all(&framed(&query(1, APEX))).unwrap();
    assert!(read(&mut stream).is_some());
}
