//! The PROXY protocol: who the client is, whom it is believed of, over UDP and TCP, by hand and by real programs.

use crate::dns::{PATIENCE, Response, framed, query, read, receive, tcp};
use crate::served::snapshot_for;
use crate::{NAME, NOERROR, REFUSED, Started, query_settings, registrations, start_of};
use socket2::{Domain, Socket, Type};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;
use zhengming::server::{RateLimits, Settings, TcpLimits};

/// The proxies of these tests; everybody else is none.
const PROXIES: &str = "127.0.9.0/24";
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 1);
const DIRECT: Ipv4Addr = Ipv4Addr::LOCALHOST;
const NOTIMP: u8 = 4;

fn settings(tcp: TcpLimits) -> Settings {
    let addresses = vec!["127.0.0.1:0".parse().unwrap()];
    Settings { addresses, workers: 2, tcp, proxies: vec![PROXIES.parse().unwrap()], ..Settings::default() }
}

fn start(tcp: TcpLimits) -> Started {
    start_of(settings(tcp), query_settings())
}

/// A server whose zone is for clients in 198.51.100.0/24 alone.
fn start_closed() -> Started {
    let mut server = start(TcpLimits::default());
    let registrations = registrations(Ipv4Addr::new(203, 0, 113, 5));
    server.publisher.publish(snapshot_for("198.51.100.0/24", &registrations));
    server
}

/// A header with this command, family and rest.
fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let fixed = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a";
    [fixed, &[command, family][..], &(rest.len() as u16).to_be_bytes(), rest].concat()
}

/// The header of a client, with a field behind the addresses.
fn of(client: &str) -> Vec<u8> {
    let field = [0x04, 0, 3, 1, 2, 3];
    let ports = [0xd4, 0x31, 0, 53];
    match client.parse().unwrap() {
        IpAddr::V4(client) => header(0x21, 0x12, &[&client.octets()[..], &[192, 0, 2, 1], &ports, &field].concat()),
        IpAddr::V6(client) => header(0x21, 0x22, &[&client.octets()[..], &[0; 16], &ports, &field].concat()),
    }
}

fn udp_from(client: Ipv4Addr, server: &Started) -> UdpSocket {
    let socket = UdpSocket::bind((client, 0)).unwrap();
    socket.connect(server.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn tcp_from(client: Ipv4Addr, server: &Started) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((client, 0)).into()).unwrap();
    socket.connect(&server.address().into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    socket.into()
}

fn ask_udp(client: Ipv4Addr, server: &Started, header: &[u8]) -> Response {
    let socket = udp_from(client, server);
    socket.send(&[header, &query(7, NAME)].concat()).unwrap();
    receive(&socket)
}

fn ask_tcp(client: Ipv4Addr, server: &Started, header: &[u8]) -> Option<Response> {
    let mut stream = tcp_from(client, server);
    stream.write_all(&[header, &framed(&query(7, NAME))].concat()).unwrap();
    read(&mut stream)
}

/// How often something was dropped for want of a header.
fn dropped(server: &Started, transport: &str) -> u64 {
    let line = format!("zhengming_dns_dropped_total{{reason=\"proxy_header\",transport=\"{transport}\"}} ");
    let text = server.exporter.render();
    // There is no line before the transport's first connection.
    text.lines().find_map(|l| l.strip_prefix(&line)).map_or(0, |count| count.parse().expect("a number"))
}

fn eventually(mut holds: impl FnMut() -> bool, what: &str) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn lists_of_networks_look_at_the_client_in_the_header() {
    let server = start_closed();
    for (header, rcode, what) in [
        (of("198.51.100.7"), NOERROR, "a client that may ask"),
        (of("::ffff:198.51.100.8"), NOERROR, "the same in the other form"),
        (of("192.0.2.7"), REFUSED, "one that may not"),
        (of("2001:db8::7"), REFUSED, "nor this"),
        (header(0x20, 0, &[]), REFUSED, "the proxy itself"),
        (header(0x21, 0, &[9; 20]), REFUSED, "the proxy for somebody unknown"),
    ] {
        assert_eq!(ask_udp(PROXY, &server, &header).rcode, rcode, "{what}");
        assert_eq!(ask_tcp(PROXY, &server, &header).unwrap().rcode, rcode, "{what}");
    }
    assert_eq!(ask_udp(DIRECT, &server, &[]).rcode, REFUSED);
    assert_eq!(ask_tcp(DIRECT, &server, &[]).unwrap().rcode, REFUSED);
    assert_eq!((dropped(&server, "udp"), dropped(&server, "tcp")), (0, 0));
}

#[test]
fn a_proxy_without_a_good_header_is_dropped_and_counted() {
    let server = start(TcpLimits::default());
    let good = of("198.51.100.7");
    let bad = [
        (vec![], "none"),
        (good[..15].to_vec(), "a part"),
        ([&good[..12], &[0x11], &good[13..]].concat(), "another version"),
        ([&good[..13], &[0x31], &good[14..]].concat(), "a Unix socket"),
        (header(0x21, 0x12, &[0; 11]), "no whole address"),
        (header(0x21, 0x12, &[0; 2000]), "too long"),
        (b"PROXY TCP4 198.51.100.7 192.0.2.1 1 53\r\n".to_vec(), "version 1"),
    ];
    let socket = udp_from(PROXY, &server);
    for (number, (header, what)) in bad.iter().enumerate() {
        socket.send(&[header, &query(7, NAME)[..]].concat()).unwrap();
        eventually(|| dropped(&server, "udp") == number as u64 + 1, what);
        // Behind it the next one is answered: nothing else came before.
        socket.send(&[&good[..], &query(number as u16, NAME)].concat()).unwrap();
        assert_eq!(receive(&socket).id, number as u16, "{what}");
        assert_eq!(ask_tcp(PROXY, &server, &[&header[..], &[0; 16]].concat()), None, "{what}");
        eventually(|| dropped(&server, "tcp") == number as u64 + 1, what);
    }
}

#[test]
fn nobody_else_is_believed() {
    let server = start_closed();
    // As a message it is one of an unknown opcode.
    assert_eq!(ask_udp(DIRECT, &server, &of("198.51.100.7")).rcode, NOTIMP);
    assert_eq!(ask_udp(DIRECT, &server, &[]).rcode, REFUSED);
    // Over TCP it is the length of one that does not come.
    let mut stream = tcp_from(DIRECT, &server);
    stream.write_all(&[of("198.51.100.7"), framed(&query(7, NAME))].concat()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream), None);
    assert_eq!((dropped(&server, "udp"), dropped(&server, "tcp")), (0, 0));
}

#[test]
fn a_header_may_come_octet_by_octet_and_holds_for_the_connection() {
    let server = start_closed();
    let mut stream = tcp_from(PROXY, &server);
    for octet in [of("198.51.100.7"), framed(&query(0, NAME))].concat() {
        stream.write_all(&[octet]).unwrap();
    }
    assert_eq!(read(&mut stream).unwrap().rcode, NOERROR);
    for id in 1..5 {
        stream.write_all(&framed(&query(id, NAME))).unwrap();
        let response = read(&mut stream).unwrap();
        assert_eq!((response.id, response.rcode), (id, NOERROR));
    }
}

#[test]
fn a_header_that_does_not_end_is_cut_off() {
    let server = start(TcpLimits { idle: Duration::from_millis(50), ..TcpLimits::default() });
    let mut stream = tcp_from(PROXY, &server);
    stream.write_all(&of("198.51.100.7")[..20]).unwrap();
    assert_eq!(read(&mut stream), None);
    assert_eq!(dropped(&server, "tcp"), 1);
}

#[test]
fn connections_are_limited_by_client_and_not_by_proxy() {
    let server = start(TcpLimits { connections_per_client: 2, ..TcpLimits::default() });
    let open = |client: &str| {
        let mut stream = tcp_from(PROXY, &server);
        // Where there is no room the connection may be closed before this.
        let _ = stream.write_all(&[of(client), framed(&query(1, NAME))].concat());
        read(&mut stream).map(|_| stream)
    };
    let held: Vec<_> = ["198.51.100.1", "198.51.100.1", "198.51.100.2", "198.51.100.2"].map(open).into();
    assert!(held.iter().all(Option::is_some));
    assert!(open("198.51.100.1").is_none());
    drop(held);
    eventually(|| open("198.51.100.1").is_some(), "room again");
}

#[test]
fn the_rate_is_limited_by_client_and_not_by_proxy() {
    let limits = RateLimits { answers: 1, slip: 1, exempt: vec![PROXIES.parse().unwrap()], ..RateLimits::default() };
    let server = start_of(Settings { rate: Some(limits), ..settings(TcpLimits::default()) }, query_settings());
    let socket = udp_from(PROXY, &server);
    let is_truncated = |client: &str| {
        socket.send(&[of(client), query(1, NAME)].concat()).unwrap();
        receive(&socket).octets[2] & 2 != 0
    };
    assert!((0..90).map(|_| is_truncated("198.51.100.7")).filter(|truncated| *truncated).count() > 60);
    // Of other networks each has its own measure; the proxy itself is spared.
    assert!((0..90).all(|network| !is_truncated(&format!("203.{network}.113.1"))));
    assert!((0..90).all(|_| !is_truncated(&PROXY.to_string())));
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn kdig_is_a_proxy() {
    let server = start_closed();
    let port = server.address().port().to_string();
    let kdig = |client: &str, transport: &str| {
        let proxy = format!("+proxy={client}#1234-192.0.2.1#53");
        let source = PROXY.to_string();
        output("kdig", &["@127.0.0.1", "-p", &port, "-b", &source, "+retry=0", &proxy, transport, NAME, "A"])
    };
    for transport in ["+notcp", "+tcp"] {
        let (may, may_not) = (kdig("198.51.100.7", transport), kdig("192.0.2.7", transport));
        assert!(may.contains("status: NOERROR") && may.contains("203.0.113.5"), "{transport}: {may}");
        assert!(may_not.contains("status: REFUSED"), "{transport}: {may_not}");
    }
}

/// dnsdist in front, as an operator has it: its clients are told apart behind it.
#[test]
fn dnsdist_in_front_tells_who_asks() {
    let mut settings = settings(TcpLimits::default());
    settings.proxies = vec!["127.0.9.53/32".parse().unwrap()];
    let mut server = start_of(settings, query_settings());
    let registrations = registrations(Ipv4Addr::new(203, 0, 113, 5));
    server.publisher.publish(snapshot_for("127.0.7.0/24", &registrations));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dnsdist.conf");
    let start_on = |port: u16| {
        let configuration = format!(
            "setLocal('127.0.0.1:{port}')\nsetACL('127.0.0.0/8')\nsetSecurityPollSuffix('')\n\
             newServer{{address='{}', source='127.0.9.53', useProxyProtocol=true, checkName='xn--zfr164b.'}}\n",
            server.address()
        );
        std::fs::write(&file, configuration).unwrap();
        let child = Command::new("dnsdist")
            .args(["--supervised", "--disable-syslog", "-C"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child.unwrap_or_else(|error| panic!("dnsdist: {error}; tests/run installs it"))
    };
    let (mut port, mut child) = (String::new(), None::<std::process::Child>);
    let dig = |port: &str, client: &str, transport: &str| {
        output("dig", &["@127.0.0.1", "-p", port, "-b", client, "+tries=1", "+time=2", transport, NAME, "A"])
    };
    let forwards = || {
        // It ends if another test has got the port, of UDP or of TCP, meanwhile.
        if child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
            let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            (port, child) = (free.to_string(), Some(start_on(free)));
        }
        dig(&port, "127.0.7.1", "+notcp").contains("203.0.113.5")
    };
    eventually(forwards, "dnsdist forwards");
    let mut child = child.expect("it was started");
    for transport in ["+notcp", "+tcp"] {
        let (may, may_not) = (dig(&port, "127.0.7.2", transport), dig(&port, "127.0.8.2", transport));
        assert!(may.contains("203.0.113.5"), "{transport}: {may}");
        assert!(may_not.contains("status: REFUSED"), "{transport}: {may_not}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((dropped(&server, "udp"), dropped(&server, "tcp")), (0, 0));
    drop(tcp(server.address()));
}
