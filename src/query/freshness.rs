//! How long a response stays true, for caches that know HTTP and not DNS (RFC 8484 §5.1).

use super::header::{HEADER_LEN, Header};
use super::reply::{NOERROR, NXDOMAIN};
use super::request::RawRecord;
use crate::zone::{Qname, Rtype};

/// Position of the answer section's count.
const ANSWER: usize = 1;
/// Position of the authority section's count.
const AUTHORITY: usize = 2;
/// Octets of QTYPE and QCLASS.
const QUESTION_FIXED_LEN: usize = 4;

/// Seconds for which `response`, one of ours, may be kept: the smallest TTL of its answers, and of the SOA that says that
/// something is not there, no more than its MINIMUM (RFC 2308 §5). 0 for everything else.
pub fn freshness(response: &[u8]) -> u32 {
    read(response).unwrap_or(0)
}

fn read(response: &[u8]) -> Option<u32> {
    let header = Header::read(response)?;
    let mut rest = response.get(HEADER_LEN..)?;
    if ![NOERROR, NXDOMAIN].contains(&header.rcode()) {
        return None;
    }
    for _ in 0..header.counts[0] {
        let name_len = Qname::from_wire(rest)?.as_wire().len();
        rest = rest.get(name_len + QUESTION_FIXED_LEN..)?;
    }
    let mut smallest = None;
    let mut take = |ttl: u32| smallest = Some(smallest.map_or(ttl, |smallest: u32| smallest.min(ttl)));
    for section in [ANSWER, AUTHORITY] {
        for _ in 0..header.counts[section] {
            let record = RawRecord::read(&mut rest)?;
            if section == ANSWER {
                take(record.ttl);
            } else if record.rtype == Rtype::SOA {
                take(record.ttl);
                take(u32::from_be_bytes(*record.rdata.last_chunk()?));
            }
        }
    }
    smallest
}
