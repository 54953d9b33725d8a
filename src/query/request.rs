//! A request taken apart: header, question, and of the other sections what concerns us: OPT and TSIG.

use super::edns::Edns;
use super::header::{HEADER_LEN, Header};
use super::question::Question;
use crate::tsig::Record;
use crate::zone::Rtype;
use crate::zone::name::NAME_LEN_MAX;
use crate::zone::record::CLASS_IN;

/// Position of the additional section's count.
const ADDITIONAL: usize = 3;
/// Octets of a record between its owner name and its RDATA.
pub(super) const RECORD_FIXED_LEN: usize = 10;
/// Octets of the numbers of a SOA.
const SOA_NUMBERS_LEN: usize = 20;
/// Longest label; the two bits above it mark a compression pointer (RFC 1035 §4.1.4).
const LABEL_LEN_MAX: u8 = 63;

/// A request.
pub(super) struct Request<'q> {
    /// Its header.
    pub header: Header,
    /// Its question, if it has exactly one that can be read (RFC 9619).
    pub question: Option<Question<'q>>,
    /// Its OPT record.
    pub edns: Option<Edns<'q>>,
    /// Its TSIG record.
    pub tsig: Option<Record<'q>>,
    /// Whether something in it is against the format.
    pub malformed: bool,
}

/// One record, not looked into.
pub(super) struct RawRecord<'q> {
    /// Owner name as it stands in the message.
    pub owner: &'q [u8],
    /// Type.
    pub rtype: Rtype,
    /// Class.
    pub class: u16,
    /// TTL.
    pub ttl: u32,
    /// RDATA.
    pub rdata: &'q [u8],
}

impl<'q> Request<'q> {
    /// Takes `octets` apart, which begin with `header`. What could be read stands in the result, malformed or not.
    #[inline]
    pub fn parse(header: Header, octets: &'q [u8]) -> Self {
        let mut request = Self { header, question: None, edns: None, tsig: None, malformed: true };
        if header.counts[0] != 1 {
            if header.counts[0] == 0 {
                // Who sent an OPT gets one (RFC 6891 §6.1.1), and perhaps only a cookie was asked for (RFC 7873 §5.4).
                request.malformed = request.read_records(octets, HEADER_LEN).is_none();
            }
            return request;
        }
        request.question = Question::read(&octets[HEADER_LEN..]);
        if let Some(question) = &request.question {
            let records = HEADER_LEN + question.octets.len();
            request.malformed = header.counts[1..] != [0; 3] && request.read_records(octets, records).is_none();
        }
        request
    }

    /// Whether it breaks the rules of QUIC, so that its connection has to end: streams tell messages apart, not IDs, and
    /// QUIC itself says how long connections last (RFC 9250 §4.2.1, §5.5.2).
    pub fn is_wrong_over_quic(&self) -> bool {
        self.header.has_id() || self.edns.is_some_and(|edns| edns.keepalive)
    }

    /// Reads the records from octet `start` on.
    fn read_records(&mut self, octets: &'q [u8], start: usize) -> Option<()> {
        let mut rest = &octets[start..];
        for (section, count) in self.header.counts.into_iter().enumerate().skip(1) {
            for _ in 0..count {
                // A TSIG is the last record of all; one that is not is none to answer with (RFC 8945 §5.2).
                if self.tsig.take().is_some() {
                    return None;
                }
                let record_at = octets.len() - rest.len();
                let record = RawRecord::read(&mut rest)?;
                match record.rtype {
                    Rtype::OPT => self.read_opt(&record, section)?,
                    Rtype::TSIG if section != ADDITIONAL => return None,
                    Rtype::TSIG => self.tsig = Some(Record::read(octets, record_at)?),
                    // Nothing is done with it, but what is no record is no request either.
                    _ => {
                        let rdata_at = octets.len() - rest.len() - record.rdata.len();
                        if !is_name(octets, record_at) || !is_rdata(octets, rdata_at, &record) {
                            return None;
                        }
                    }
                }
            }
        }
        Some(())
    }

    /// One OPT at most, of the root, in the additional section (RFC 6891 §6.1.1).
    fn read_opt(&mut self, record: &RawRecord<'q>, section: usize) -> Option<()> {
        if section != ADDITIONAL || record.owner != [0] || self.edns.is_some() {
            return None;
        }
        let (edns, well_formed) = Edns::read(record);
        self.edns = Some(edns);
        well_formed.then_some(())
    }
}

impl<'q> RawRecord<'q> {
    /// Takes the first record off `rest`.
    pub fn read(rest: &mut &'q [u8]) -> Option<Self> {
        let (owner, after) = rest.split_at(name_len(rest)?);
        let (fixed, after) = after.split_at_checked(RECORD_FIXED_LEN)?;
        let u16_at = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let (rdata, after) = after.split_at_checked(usize::from(u16_at(8)))?;
        *rest = after;
        let ttl = u32::from(u16_at(4)) << 16 | u32::from(u16_at(6));
        Some(Self { owner, rtype: Rtype(u16_at(0)), class: u16_at(2), ttl, rdata })
    }
}

/// Whether a name begins at octet `at`: its pointers lead to prior names (RFC 1035 §4.1.4), and it is not too long.
fn is_name(octets: &[u8], mut at: usize) -> bool {
    let (mut start, mut length) = (at, 0);
    loop {
        match octets.get(at) {
            Some(0) => return length < NAME_LEN_MAX,
            Some(&label @ 1..=LABEL_LEN_MAX) => {
                at += 1 + usize::from(label);
                length += 1 + usize::from(label);
            }
            Some(&high @ 0xc0..) => {
                let Some(&low) = octets.get(at + 1) else { return false };
                at = usize::from(u16::from_be_bytes([high & LABEL_LEN_MAX, low]));
                // Each leads further back than the last, so that they end.
                if !(HEADER_LEN..start).contains(&at) {
                    return false;
                }
                start = at;
            }
            _ => return false,
        }
    }
}

/// Whether RDATA at octet `at` can be such a record's. Looked at are the usual types whose names may be compressed, DNAME,
/// and addresses; without RDATA, UPDATE means something else (RFC 2136 §2.4).
fn is_rdata(octets: &[u8], at: usize, record: &RawRecord<'_>) -> bool {
    if record.class != CLASS_IN {
        return true;
    }
    let (before, names, after) = match record.rtype {
        Rtype::A => return record.rdata.len() == 4,
        Rtype::AAAA => return record.rdata.len() == 16,
        Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::DNAME => (0, 1, 0),
        Rtype::MX => (2, 1, 0),
        Rtype::SOA => (0, 2, SOA_NUMBERS_LEN),
        _ => return true,
    };
    let mut rest = before;
    for _ in 0..names {
        match record.rdata.get(rest..).and_then(name_len) {
            Some(len) if is_name(octets, at + rest) => rest += len,
            _ => return false,
        }
    }
    rest + after == record.rdata.len()
}

/// Octets of the name at the start of `octets`, which a compression pointer may end.
fn name_len(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *octets.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=LABEL_LEN_MAX => at += 1 + usize::from(length),
            0xc0.. => return octets.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
}
