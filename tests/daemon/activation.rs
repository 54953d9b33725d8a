//! Sockets that are there before the program: handed over as systemd does it.

use crate::support::{PATIENCE, TestDaemon, query};
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use rustix::io::{FdFlags, fcntl_setfd};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

const APEX: &str = "xn--zfr164b.";

/// A free port of UDP and TCP alike, taken.
fn pair(ip: &str) -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind((ip, 0)).expect("a socket");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")) {
            return (udp, tcp);
        }
    }
}

/// A shell that moves these sockets to where systemd puts them, and becomes the program.
fn hand_over(daemon: &mut TestDaemon, sockets: &[&dyn AsFd]) {
    let moves = sockets.iter().enumerate().map(|(number, socket)| {
        let socket = socket.as_fd();
        fcntl_setfd(socket, FdFlags::empty()).expect("an open socket");
        // By way of numbers that are not in use.
        (format!("{}<&{}", 100 + number, socket.as_raw_fd()), format!("{}<&{}", 3 + number, 100 + number))
    });
    let (away, there): (Vec<_>, Vec<_>) = moves.unzip();
    let (away, there, number) = (away.join(" "), there.join(" "), sockets.len());
    let script = format!("exec {away}; exec {there}; export LISTEN_FDS={number} LISTEN_PID=$$; exec \"$0\" \"$@\"");
    daemon.set_wrapper(&["bash", "-c", &script]);
}

/// Whether the response that comes to this socket has an answer.
fn answered(client: &UdpSocket) -> bool {
    let mut octets = [0; 2048];
    let len = client.recv(&mut octets).expect("an answer");
    !Message::from_vec(&octets[..len]).expect("a message").answers.is_empty()
}

fn ask(server: SocketAddr) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.connect(server).expect("an address");
    client.send(&query(APEX, RecordType::SOA)).expect("a query is sent");
    client
}

#[test]
fn sockets_that_were_handed_over_are_served() {
    let (udp, tcp) = pair("127.0.0.1");
    let (admin, gateway) =
        (TcpListener::bind("127.0.0.1:0").expect("a port"), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let (second_udp, second_tcp) = pair("127.0.0.7");
    let (at, other) = (udp.local_addr().expect("an address"), second_udp.local_addr().expect("an address"));
    let (admin_at, gateway_at) = (admin.local_addr().expect("an address"), gateway.local_addr().expect("an address"));
    let mut daemon = TestDaemon::prepare(&[], "");
    daemon.reconfigure(
        "listen = [\"127.0.0.1:0\", \"[::1]:0\"]\nworkers = 1",
        &format!("listen = [\"{at}\", \"{other}\"]\nworkers = 3"),
    );
    daemon.reconfigure("[gateway]\nlisten = [\"127.0.0.1:0\"]", &format!("[gateway]\nlisten = [\"{gateway_at}\"]"));
    daemon.reconfigure("[admin]\nlisten = [\"127.0.0.1:0\"]", &format!("[admin]\nlisten = [\"{admin_at}\"]"));
    hand_over(&mut daemon, &[&udp, &tcp, &second_udp, &second_tcp, &admin, &gateway]);
    // What comes before the start waits for it.
    let early = ask(at);
    let early_other = ask(other);
    daemon.restart();
    drop((udp, tcp, second_udp, second_tcp, admin, gateway));
    assert!(answered(&early) && answered(&early_other));
    for server in [at, other] {
        assert!((0..20).all(|_| answered(&ask(server))), "{server}");
        let mut stream = TcpStream::connect(server).expect("a connection");
        let request = query(APEX, RecordType::SOA);
        stream.write_all(&[&(request.len() as u16).to_be_bytes(), &request[..]].concat()).expect("a query is sent");
        let mut len = [0; 2];
        stream.read_exact(&mut len).expect("an answer");
    }
    assert_eq!((daemon.admin(), daemon.gateway()), (admin_at, gateway_at));
    assert_eq!(daemon.browse("nobody.xn--zfr164b", "/").status, 404);
}

#[test]
fn a_socket_that_nothing_listens_on_stops_the_start() {
    let (udp, tcp) = pair("127.0.0.1");
    let mut daemon = TestDaemon::prepare(&[], "");
    for (socket, protocol) in [(&udp as &dyn AsFd, "UDP"), (&tcp, "TCP")] {
        hand_over(&mut daemon, &[socket]);
        daemon.try_restart().expect_err("no start");
        let at = udp.local_addr().expect("an address");
        let expected =
            format!("a {protocol} socket on {at} was handed over, but nothing is configured to listen there");
        assert!(daemon.log().contains(&expected) && daemon.log().contains("交接了"), "{}", daemon.log());
    }
    // A connection is no listener, and a file no socket.
    let connection = TcpStream::connect(tcp.local_addr().expect("an address")).expect("a connection");
    let file = std::fs::File::open("/dev/null").expect("a file");
    for no_socket in [&connection as &dyn AsFd, &file] {
        hand_over(&mut daemon, &[no_socket]);
        daemon.try_restart().expect_err("no start");
        assert!(daemon.log().contains("is neither UDP nor listening TCP"), "{}", daemon.log());
    }
    // What was meant for another process is none of ours.
    daemon.set_wrapper(&["env", "LISTEN_FDS=1", "LISTEN_PID=1"]);
    daemon.restart();
}

#[test]
fn systemd_hands_over_what_its_unit_names() {
    let address = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut daemon = TestDaemon::prepare(&[], "");
    daemon.reconfigure("listen = [\"127.0.0.1:0\", \"[::1]:0\"]", &format!("listen = [\"{address}\"]"));
    let listen = address.to_string();
    daemon.set_wrapper(&["systemd-socket-activate", "-E", "NOTIFY_SOCKET", "-l", &listen]);
    daemon.launch();
    // The first connection starts the program, and is answered by it.
    let request = query(APEX, RecordType::SOA);
    let start = std::time::Instant::now();
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
        }
    };
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(&[&(request.len() as u16).to_be_bytes(), &request[..]].concat()).expect("a query is sent");
    let mut len = [0; 2];
    stream.read_exact(&mut len).expect("an answer");
    daemon.wait().expect("it runs");
    // What the unit does not name the program binds itself.
    assert!(answered(&ask(address)));
}
