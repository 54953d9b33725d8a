//! Before anything is measured: every server answers the same sample of questions equally, or the run ends.

use super::estate::SUFFIX;
use super::packet::Response;
use super::questions::{HEADER_LEN, Questions, SOA, Scenario, encode};
use super::servers::Server;
use std::net::UdpSocket;
use std::time::Duration;

/// Questions of each scenario, spread over all.
const SAMPLE: usize = 400;
/// A server that takes longer does not answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Longest answer over UDP.
const ANSWER_LEN_MAX: usize = 4096;

/// Asks all servers the same.
///
/// # Panics
/// If two answers differ in RCODE, AA, TC, the answer section, or the SOA of a negative answer.
pub fn all_answer_equally(servers: &[Server], scenario: Scenario, questions: &Questions) {
    let servers: Vec<&Server> = servers.iter().filter(|server| !server.make.is_echo()).collect();
    let sockets: Vec<UdpSocket> = servers.iter().map(|server| connect(server)).collect();
    let step = questions.len().div_ceil(SAMPLE);
    for i in (0..questions.len()).step_by(step) {
        let (question, rcode) = questions.get(i);
        let answers: Vec<Response> =
            sockets.iter().zip(&servers).map(|(socket, server)| ask(socket, server, question)).collect();
        for (answer, server) in answers.iter().zip(&servers) {
            let name = String::from_utf8_lossy(&question[HEADER_LEN..]);
            assert!(
                answer.rcode == u16::from(rcode) && summary(answer) == summary(&answers[0]),
                "{}: {} answers {name:?} with\n{answer}\nbut {} with\n{}",
                scenario.name(),
                server.make.name(),
                servers[0].make.name(),
                answers[0]
            );
        }
    }
}

fn connect(server: &Server) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(server.address).expect("an address");
    socket.set_read_timeout(Some(ANSWER_MAX)).expect("a timeout");
    socket
}

fn ask(socket: &UdpSocket, server: &Server, question: &[u8]) -> Response {
    let mut octets = [0; ANSWER_LEN_MAX];
    socket.send(question).expect("the server listens");
    let length = socket.recv(&mut octets).unwrap_or_else(|error| panic!("{}: {error}", server.make.name()));
    Response::read(&octets[..length]).unwrap_or_else(|fault| panic!("{}: {fault}", server.make.name()))
}

/// What must be equal. Which further records are courtesies is for each server to decide (RFC 1034 §4.3.2 step 6).
fn summary(answer: &Response) -> impl PartialEq {
    let is_negative = answer.answer().is_empty();
    let authority = is_negative.then(|| answer.authority().clone());
    (answer.rcode, answer.aa(), answer.tc(), answer.answer().clone(), authority)
}

/// The serial of the suffix at a server.
///
/// # Panics
/// If it does not answer with a SOA.
pub fn serial(server: &Server) -> u32 {
    let answer = ask(&connect(server), server, &encode(SUFFIX, SOA, None));
    let soa = answer.answer().first().expect("the suffix has a SOA");
    // Serial and four times stand at the end (RFC 1035 §3.3.13).
    let numbers = soa.rdata.last_chunk::<20>().expect("a whole SOA");
    u32::from_be_bytes(*numbers.first_chunk().expect("four octets"))
}
