//! DNS over real sockets: requests written by hand, responses read no further than a test needs.

#![allow(dead_code, reason = "each test program uses its part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// How long a test waits for what must come; only a failure takes so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a test looks at in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub id: u16,
    pub rcode: u8,
    pub answers: u16,
    pub octets: Vec<u8>,
}

impl Response {
    pub fn parse(octets: &[u8]) -> Self {
        assert!(octets.len() >= 12, "no header: {octets:?}");
        assert_eq!(octets[2] & 0x80, 0x80, "QR is set in responses");
        Self {
            id: u16::from_be_bytes([octets[0], octets[1]]),
            rcode: octets[3] & 0x0f,
            answers: u16::from_be_bytes([octets[6], octets[7]]),
            octets: octets.to_vec(),
        }
    }
}

/// A query for the A records of `name`.
pub fn query(id: u16, name: &str) -> Vec<u8> {
    let mut octets = id.to_be_bytes().to_vec();
    octets.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        octets.push(label.len() as u8);
        octets.extend_from_slice(label.as_bytes());
    }
    octets.extend_from_slice(&[0, 0, 1, 0, 1]);
    octets
}

/// A message as TCP carries it.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

/// A UDP socket that talks to `server` only: an answer from any other address would never arrive.
pub fn udp(server: SocketAddr) -> UdpSocket {
    let local = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(local).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub fn receive(socket: &UdpSocket) -> Response {
    let mut octets = [0; 65_535];
    let len = socket.recv(&mut octets).unwrap();
    Response::parse(&octets[..len])
}

pub fn ask_udp(server: SocketAddr, id: u16, name: &str) -> Response {
    let socket = udp(server);
    socket.send(&query(id, name)).unwrap();
    receive(&socket)
}

pub fn tcp(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The next response of a connection; `None` once the server has closed it.
pub fn read(stream: &mut TcpStream) -> Option<Response> {
    let mut prefix = [0; 2];
    if let Err(error) = stream.read_exact(&mut prefix) {
        let closed = [std::io::ErrorKind::UnexpectedEof, std::io::ErrorKind::ConnectionReset];
        assert!(closed.contains(&error.kind()), "the server neither answered nor closed: {error}");
        return None;
    }
    let mut message = vec![0; usize::from(u16::from_be_bytes(prefix))];
    stream.read_exact(&mut message).unwrap();
    Some(Response::parse(&message))
}

pub fn ask_tcp(server: SocketAddr, id: u16, name: &str) -> Response {
    let mut stream = tcp(server);
    stream.write_all(&framed(&query(id, name))).unwrap();
    read(&mut stream).expect("a response")
}
