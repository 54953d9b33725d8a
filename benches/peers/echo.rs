//! The echo: the least that a server over UDP can cost. A thread like one of the server's, without the server.

use super::sys::Batch;
use std::net::UdpSocket;
use std::os::fd::AsFd;

/// As many datagrams in a system call as the server takes.
const BATCH_LEN: usize = 64;
/// Octets that are added to a request, as an A record does that is compressed (RFC 1035 §4.1.4).
const ANSWER_LEN: usize = 16;
/// Octets that the kernel may queue; what the server asks for.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Answers everything with itself and an empty record, for ever.
pub fn serve(port: u16) -> ! {
    let socket = UdpSocket::bind(("127.0.0.1", port)).expect("a free port");
    rustix::net::sockopt::set_socket_recv_buffer_size(socket.as_fd(), RECEIVE_BUFFER).expect("a socket");
    let mut batch = Batch::new(BATCH_LEN);
    loop {
        // Interrupted, or told of an ICMP error: there is nothing to do about either.
        let Ok(received) = batch.receive(&socket, true, false) else { continue };
        for i in 0..received {
            let (octets, length) = batch.datagram_mut(i);
            // QR and AA; one answer, and no additional record.
            octets[2] |= 0x84;
            octets[3] = 0;
            octets[7] = 1;
            octets[11] = 0;
            octets[*length..*length + ANSWER_LEN].fill(0);
            *length += ANSWER_LEN;
        }
        let _dropped = batch.send(&socket, false);
    }
}
