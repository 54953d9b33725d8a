//! Questions to the program by the thousand, and what its answers say.

use super::estate::query;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{RData, RecordType};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Questions under way at once: a socket's buffer holds as many answers.
const UNDER_WAY: usize = 64;
/// Longest wait for an answer; on loopback nothing is lost.
const WAIT: Duration = Duration::from_secs(30);

/// The option of extended errors (RFC 8914 §2).
const EXTENDED_ERROR: u16 = 15;

/// What an answer says, as far as the registry decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Addresses, with authority.
    Addresses(Vec<Ipv4Addr>),
    /// Name servers, without authority.
    Referral,
    /// NXDOMAIN with authority, and the INFO-CODE of an extended error.
    Nxdomain(Option<u16>),
    /// Anything else.
    Other(String),
}

/// The answers to a question for A of each name.
pub fn ask_all(server: SocketAddr, names: &[&str]) -> Vec<Said> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(server).expect("an address");
    socket.set_read_timeout(Some(WAIT)).expect("a timeout");
    let mut said = Vec::with_capacity(names.len());
    let mut octets = [0; 2048];
    for names in names.chunks(UNDER_WAY) {
        let queries: Vec<Vec<u8>> = names.iter().map(|name| query(name, RecordType::A)).collect();
        let mut answers = HashMap::new();
        for query in &queries {
            socket.send(query).expect("sent");
        }
        while answers.len() < names.len() {
            let length = socket.recv(&mut octets).expect("an answer to each question");
            answers.insert([octets[0], octets[1]], Message::from_vec(&octets[..length]).expect("a message"));
        }
        said.extend(queries.iter().map(|query| read(&answers[&[query[0], query[1]]])));
    }
    said
}

fn read(answer: &Message) -> Said {
    let (code, authoritative) = (answer.metadata.response_code, answer.metadata.authoritative);
    let addresses = answer.answers.iter().filter_map(|record| match &record.data {
        RData::A(address) => Some(address.0),
        _ => None,
    });
    let addresses: Vec<Ipv4Addr> = addresses.collect();
    match code {
        ResponseCode::NoError if authoritative && addresses.len() == answer.answers.len() && !addresses.is_empty() => {
            Said::Addresses(addresses)
        }
        ResponseCode::NoError if !authoritative && answer.answers.is_empty() && !answer.authorities.is_empty() => {
            Said::Referral
        }
        ResponseCode::NXDomain if authoritative => Said::Nxdomain(info_code(answer)),
        _ => Said::Other(format!("{code} {answer}")),
    }
}

/// The INFO-CODE of an extended error.
fn info_code(answer: &Message) -> Option<u16> {
    let option = answer.edns.as_ref()?.option(EdnsCode::from(EXTENDED_ERROR))?;
    match option {
        EdnsOption::Unknown(_, data) => Some(u16::from_be_bytes(*data.first_chunk()?)),
        _ => None,
    }
}
