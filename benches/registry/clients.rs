//! The smallest clients that ask the real questions: HTTP/1.1 on one kept connection, and DNS over UDP.
//!
//! They share the machine with the program, so they do as little as they can.

use super::program::TOKEN;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Longest wait for an answer over UDP before the query is sent again.
const UDP_WAIT: Duration = Duration::from_millis(50);
/// Type A, class IN (RFC 1035 §3.2).
const A_IN: [u8; 4] = [0, 1, 0, 1];

/// A connection to the admin API.
pub struct Api {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
}

impl Api {
    /// Connects.
    pub fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).expect("the API listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: BufReader::new(stream), request: Vec::new() }
    }

    /// Sends a request as the operator and waits for its response: status and body.
    pub fn send(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        self.send_as(TOKEN, method, path, kind, body)
    }

    /// Sends a request with any token and waits for its response: status and body.
    pub fn send_as(&mut self, token: &str, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let length = body.len();
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        )
        .expect("a vector takes every write");
        self.request.extend_from_slice(body);
        self.stream.get_mut().write_all(&self.request).expect("the API reads");
        self.receive()
    }

    fn receive(&mut self) -> (u16, String) {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the API answers");
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        // A response without content does not tell its length (RFC 9110 §8.6).
        let mut length = (status == 204).then_some(0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("the API answers");
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse::<usize>().ok();
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length.expect("the API tells the length")];
        self.stream.read_exact(&mut body).expect("the API answers");
        (status, String::from_utf8(body).expect("text"))
    }

    /// Pushes an approved change of `name` to one address.
    pub fn push(&mut self, name: &str, [a, b, c, d]: [u8; 4]) {
        let body = format!(
            "{{\"name\":\"{name}\",\"resolution\":{{\"type\":\"A\",\"addresses\":[\"{a}.{b}.{c}.{d}\"],\"www\":true}},\
             \"approvals\":[{{\"level\":\"local\",\"by\":\"reviewer-1\"}},{{\"level\":\"central\",\"by\":\"reviewer-2\"}}]}}"
        );
        let (status, text) = self.send("POST", "/v1/changes", "application/json", body.as_bytes());
        assert_eq!(status, 201, "{text}");
    }

    /// A number of the metrics.
    pub fn metric(&mut self, name: &str) -> f64 {
        let (status, text) = self.send("GET", "/metrics", "text/plain", b"");
        assert_eq!(status, 200, "{text}");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no metric {name}"))
    }
}

/// A socket to the DNS server.
pub struct Dns {
    socket: UdpSocket,
    id: u16,
}

impl Dns {
    /// Connects.
    pub fn connect(to: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(to).expect("an address");
        socket.set_read_timeout(Some(UDP_WAIT)).expect("a timeout");
        Self { socket, id: 0 }
    }

    /// Asks for the address of `name` once; none if there is no server, no answer in time, or no address.
    pub fn ask(&mut self, name: &str) -> Option<[u8; 4]> {
        self.id = self.id.wrapping_add(1);
        let mut query = Vec::with_capacity(64);
        query.extend_from_slice(&self.id.to_be_bytes());
        // One question; nothing else.
        query.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in name.split('.') {
            query.push(u8::try_from(label.len()).expect("a label is short"));
            query.extend_from_slice(label.as_bytes());
        }
        query.push(0);
        query.extend_from_slice(&A_IN);
        // Fails while nobody listens (ICMP).
        self.socket.send(&query).ok()?;
        let mut answer = [0; 1232];
        loop {
            let length = self.socket.recv(&mut answer).ok()?;
            // An answer to an earlier query, which came too late, is passed over.
            if answer[..2] == self.id.to_be_bytes() {
                let answers = u16::from_be_bytes([answer[6], answer[7]]);
                // Nothing comes after the address, for the query has no OPT record.
                let address = answer[..length].last_chunk().copied();
                return address.filter(|_| answers == 1 && answer[3] & 0xf == 0);
            }
        }
    }
}
