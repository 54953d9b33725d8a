//! TSIG in requests (RFC 8945). No keys are known yet, so every signed request is refused as §5.2.1 says: NOTAUTH with
//! an unsigned TSIG that says BADKEY.

use super::message::{Full, Message};
use super::request::{RECORD_FIXED_LEN, RawRecord};
use crate::zone::record::CLASS_ANY;
use crate::zone::{Qname, Rtype};

/// TSIG error BADKEY (RFC 8945 §3).
const BADKEY: u16 = 17;
/// Octets of time signed and fudge.
const TIME_LEN: usize = 8;
/// Octets of an empty MAC with its length, original ID, error, and empty other data with its length.
const OTHER_FIELDS_LEN: usize = 8;

/// The parts of a request's TSIG that its answer repeats.
pub(super) struct Tsig<'q> {
    key_name: &'q [u8],
    algorithm: &'q [u8],
    /// Time signed and fudge.
    time: &'q [u8],
    original_id: &'q [u8],
}

impl<'q> Tsig<'q> {
    /// Reads a TSIG record, whose names are not compressed (RFC 8945 §4.2).
    pub fn read(record: &RawRecord<'q>) -> Option<Self> {
        let key_name_len = Qname::from_wire(record.owner)?.as_wire().len();
        let algorithm_len = Qname::from_wire(record.rdata)?.as_wire().len();
        let (algorithm, rest) = record.rdata.split_at(algorithm_len);
        let (time, rest) = rest.split_at_checked(TIME_LEN)?;
        let (mac_len, rest) = rest.split_first_chunk()?;
        let rest = rest.get(usize::from(u16::from_be_bytes(*mac_len))..)?;
        let (original_id, rest) = rest.split_at_checked(2)?;
        let (_error, rest) = rest.split_first_chunk::<2>()?;
        let (other_len, other) = rest.split_first_chunk()?;
        let is_whole = key_name_len == record.owner.len()
            && record.class == CLASS_ANY
            && record.ttl == 0
            && other.len() == usize::from(u16::from_be_bytes(*other_len));
        is_whole.then_some(Self { key_name: record.owner, algorithm, time, original_id })
    }

    /// Octets of what [`Tsig::write_badkey`] appends.
    pub fn badkey_len(&self) -> usize {
        self.key_name.len() + RECORD_FIXED_LEN + self.rdata_len()
    }

    fn rdata_len(&self) -> usize {
        self.algorithm.len() + TIME_LEN + OTHER_FIELDS_LEN
    }

    /// Appends the TSIG that says that the key is not known.
    pub fn write_badkey(&self, message: &mut Message<'_>) -> Result<(), Full> {
        let none = 0u16.to_be_bytes();
        message.put(self.key_name)?;
        message.put(&Rtype::TSIG.0.to_be_bytes())?;
        message.put(&CLASS_ANY.to_be_bytes())?;
        message.put(&0u32.to_be_bytes())?;
        message.put(&u16::try_from(self.rdata_len()).map_err(|_| Full)?.to_be_bytes())?;
        message.put(self.algorithm)?;
        message.put(self.time)?;
        message.put(&none)?;
        message.put(self.original_id)?;
        message.put(&BADKEY.to_be_bytes())?;
        message.put(&none)?;
        message.count_additional();
        Ok(())
    }
}
