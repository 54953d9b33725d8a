//! Questions to any server, over UDP and TCP.

use super::{PATIENCE, ascii};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

/// Asks `server` over UDP, with EDNS.
pub fn ask(server: SocketAddr, name: &str, rtype: RecordType) -> Message {
    let local = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(local).expect("a socket");
    socket.connect(server).expect("an address");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.send(&query(name, rtype)).expect("sent");
    let mut answer = vec![0; 65_535];
    let length = socket.recv(&mut answer).expect("an answer");
    Message::from_vec(&answer[..length]).expect("a message")
}

/// Asks `server` over TCP, with EDNS.
pub fn ask_tcp(server: SocketAddr, name: &str, rtype: RecordType) -> Message {
    let mut stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let query = query(name, rtype);
    let length = u16::try_from(query.len()).expect("a short query").to_be_bytes();
    stream.write_all(&[&length, query.as_slice()].concat()).expect("sent");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).expect("an answer");
    Message::from_vec(&answer).expect("a message")
}

/// A query with EDNS.
pub fn query(name: &str, rtype: RecordType) -> Vec<u8> {
    let name = Name::from_ascii(ascii(name)).expect("a name");
    let mut message = Message::new(rand_id(), MessageType::Query, OpCode::Query);
    message.add_query(Query::query(name, rtype));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    message.edns = Some(edns);
    message.to_vec().expect("a query")
}

/// Any id: a socket takes answers from its server only.
fn rand_id() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
