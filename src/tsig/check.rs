//! Whether a signed request is good, and the TSIG of its answer either way (RFC 8945 §5.2 and §5.3).

use super::key::{Digest, Key, Keys, MAC_LEN_MAX};
use super::record::Record;
use super::{ARCOUNT_AT, CLASS_ANY, HEADER_LEN, TYPE_TSIG};
use subtle::ConstantTimeEq;

/// Seconds that the time of our answers may be off by the client's clock (RFC 8945 §10).
const FUDGE: u16 = 300;
/// Octets of a record between its owner name and its RDATA.
const RECORD_FIXED_LEN: usize = 10;
/// Octets of time signed, fudge, MAC size, original ID, error and other length.
const NUMBERS_LEN: usize = 16;
/// Octets of a time, which is what other data holds if anything (RFC 8945 §5.2.3).
const TIME_LEN: usize = 6;

/// What is to be done about a signed request, in the order in which it is found out (RFC 8945 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Answer it, and sign the answer.
    Good,
    /// NOTAUTH, unsigned: the key is not known, or not with this algorithm (§5.2.1).
    BadKey,
    /// FORMERR, without a TSIG: the MAC is longer than its hash, or shorter than any may be (§5.2.2.1).
    Malformed,
    /// NOTAUTH, unsigned: the MAC is not that of the message (§5.2.2).
    BadSig,
    /// NOTAUTH, signed: it was not signed now (§5.2.3).
    BadTime,
    /// NOTAUTH, signed: the MAC is shorter than was agreed on (§5.2.4).
    BadTrunc,
}

/// What was found out about a request, and what signs its answer.
#[derive(Clone, Copy, Debug)]
pub struct Check<'k> {
    verdict: Verdict,
    /// The key, if the answer is signed with it.
    key: Option<&'k Key>,
    /// Octets of the answer's MAC.
    mac_len: usize,
    /// Octets of the answer's TSIG record.
    record_len: usize,
}

/// What the answer's TSIG says besides names, MAC and original ID.
struct Said {
    time_signed: u64,
    fudge: u16,
    error: u16,
    /// The server's time, for BADTIME.
    other: Option<u64>,
}

impl Verdict {
    /// The TSIG error (RFC 8945 §3).
    pub fn error(self) -> u16 {
        match self {
            Self::Good | Self::Malformed => 0,
            Self::BadSig => 16,
            Self::BadKey => 17,
            Self::BadTime => 18,
            Self::BadTrunc => 22,
        }
    }
}

/// [`Keys::check`].
pub(super) fn check<'k>(keys: &'k Keys, record: &Record<'_>, now: u64) -> Check<'k> {
    let name = record.key_name().expect("a record that was read has a name");
    let unsigned = |verdict| Check::new(verdict, None, 0, name.as_wire().len(), record);
    let key = keys.find(name.as_wire());
    let usable = key.and_then(|key| Some((key, key.algorithm.output_len(record.algorithm)?)));
    let Some((key, output_len)) = usable else { return unsigned(Verdict::BadKey) };
    let sent_len = record.mac.len();
    if sent_len > output_len || sent_len < key.algorithm.hash.mac_len_min() {
        return Check { verdict: Verdict::Malformed, key: None, mac_len: 0, record_len: 0 };
    }
    if !bool::from(mac_of_request(key, record)[..sent_len].ct_eq(record.mac)) {
        return unsigned(Verdict::BadSig);
    }
    let verdict = if now.abs_diff(record.time_signed) > u64::from(record.fudge) {
        Verdict::BadTime
    } else if sent_len < key.algorithm.mac_len {
        Verdict::BadTrunc
    } else {
        Verdict::Good
    };
    // Not weaker than was asked (RFC 8945 §5.2.2.1 leaves it open; a client may hold answers to its own length).
    let mac_len = key.algorithm.mac_len.max(sent_len);
    Check::new(verdict, Some(key), mac_len, name.as_wire().len(), record)
}

/// The MAC that the request should have (RFC 8945 §4.3): of the message as it was before its TSIG was added, when it
/// had its first ID.
fn mac_of_request(key: &Key, record: &Record<'_>) -> [u8; MAC_LEN_MAX] {
    let mut digest = key.digest();
    let message = record.signed();
    let count = u16::from_be_bytes([message[ARCOUNT_AT], message[ARCOUNT_AT + 1]]);
    digest.update(&record.original_id);
    digest.update(&message[2..ARCOUNT_AT]);
    digest.update(&count.wrapping_sub(1).to_be_bytes());
    digest.update(&message[HEADER_LEN..]);
    variables(&mut digest, key, record, record.time_signed, record.fudge);
    digest.update(&record.error);
    digest.update(&(record.other.len() as u16).to_be_bytes());
    digest.update(record.other);
    digest.finish()
}

/// The TSIG variables of RFC 8945 §4.3.3 in front of the error.
fn variables(digest: &mut Digest, key: &Key, record: &Record<'_>, time_signed: u64, fudge: u16) {
    digest.update(key.name());
    digest.update(&CLASS_ANY.to_be_bytes());
    digest.update(&[0; 4]);
    digest.update(record.algorithm_name().as_wire());
    digest.update(&time(time_signed));
    digest.update(&fudge.to_be_bytes());
}

impl<'k> Check<'k> {
    fn new(verdict: Verdict, key: Option<&'k Key>, mac_len: usize, name_len: usize, record: &Record<'_>) -> Self {
        let other_len = if verdict == Verdict::BadTime { TIME_LEN } else { 0 };
        let rdata_len = record.algorithm.len() + NUMBERS_LEN + mac_len + other_len;
        Self { verdict, key, mac_len, record_len: name_len + RECORD_FIXED_LEN + rdata_len }
    }

    /// What is to be done.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The name, in wire form and lower case, of the key that a good request was signed with.
    pub fn key_name(&self) -> Option<&'k [u8]> {
        self.key.filter(|_| self.verdict == Verdict::Good).map(Key::name)
    }

    /// Octets that [`Check::sign`] appends.
    pub fn record_len(&self) -> usize {
        self.record_len
    }

    /// Appends the answer's TSIG to the message in the first `len` of `octets`, which is complete but for it, and counts
    /// it in the header; the message's new length, or none if it does not fit. `record` is the request's.
    ///
    /// Signed with the request's MAC in front (RFC 8945 §5.3.1 and §5.3.2), or, where the key or the MAC were bad, not
    /// signed at all. The ID digested, and told as the original one, is the request's original one: what stands between
    /// may have changed the other.
    pub fn sign(&self, record: &Record<'_>, octets: &mut [u8], len: usize, now: u64) -> Option<usize> {
        if self.verdict == Verdict::Malformed {
            return Some(len);
        }
        let said = self.said(record, now);
        let mac = self.key.map(|key| self.mac_of_answer(key, record, &octets[..len], &said));
        let mac = mac.as_ref().map_or(&[][..], |mac| &mac[..self.mac_len]);
        let mut room = octets.get_mut(len..len + self.record_len)?;
        let mut put = |part: &[u8]| {
            let (written, rest) = std::mem::take(&mut room).split_at_mut(part.len());
            written.copy_from_slice(part);
            room = rest;
        };
        let name = record.key_name().expect("a record that was read has a name");
        let other = said.other.map(time);
        let other = other.as_ref().map_or(&[][..], |other| other);
        put(name.as_wire());
        put(&TYPE_TSIG.to_be_bytes());
        put(&CLASS_ANY.to_be_bytes());
        put(&[0; 4]);
        put(&((self.record_len - name.as_wire().len() - RECORD_FIXED_LEN) as u16).to_be_bytes());
        put(record.algorithm);
        put(&time(said.time_signed));
        put(&said.fudge.to_be_bytes());
        put(&(mac.len() as u16).to_be_bytes());
        put(mac);
        put(&record.original_id);
        put(&said.error.to_be_bytes());
        put(&(other.len() as u16).to_be_bytes());
        put(other);
        let count = u16::from_be_bytes([octets[ARCOUNT_AT], octets[ARCOUNT_AT + 1]]);
        octets[ARCOUNT_AT..HEADER_LEN].copy_from_slice(&(count + 1).to_be_bytes());
        Some(len + self.record_len)
    }

    fn said(&self, record: &Record<'_>, now: u64) -> Said {
        let error = self.verdict.error();
        match self.verdict {
            // The client's own time: it can check this answer although the clocks differ (RFC 8945 §5.2.3).
            Verdict::BadTime => Said { time_signed: record.time_signed, fudge: record.fudge, error, other: Some(now) },
            _ if self.key.is_none() => {
                Said { time_signed: record.time_signed, fudge: record.fudge, error, other: None }
            }
            _ => Said { time_signed: now, fudge: FUDGE, error, other: None },
        }
    }

    /// RFC 8945 §5.3.1.
    fn mac_of_answer(&self, key: &Key, record: &Record<'_>, message: &[u8], said: &Said) -> [u8; MAC_LEN_MAX] {
        let mut digest = key.digest();
        digest.update(&(record.mac.len() as u16).to_be_bytes());
        digest.update(record.mac);
        digest.update(&record.original_id);
        digest.update(&message[2..]);
        variables(&mut digest, key, record, said.time_signed, said.fudge);
        digest.update(&said.error.to_be_bytes());
        match said.other {
            Some(now) => {
                digest.update(&(TIME_LEN as u16).to_be_bytes());
                digest.update(&time(now));
            }
            None => digest.update(&[0, 0]),
        }
        digest.finish()
    }
}

/// Seconds since 1970 in 48 bits.
fn time(seconds: u64) -> [u8; TIME_LEN] {
    let [_, _, octets @ ..] = seconds.to_be_bytes();
    octets
}
