//! The SOA of negative answers in the form it has in a message, made once for all of them.

use super::record::{CLASS_IN, Rtype};

/// Longest record that is kept: of its two names some 60 octets stand before the apex's labels.
pub const SOA_LEN_MAX: usize = 96;
/// What nearly all are not longer than.
const LEN_SHORT: usize = 64;
/// The room it is written to: what one octet counts can be written to without a look at where it ends.
pub const ROOM: usize = u8::MAX as usize + size_of::<u32>();
/// Octets of an owner that is a compression pointer.
const POINTER_LEN: usize = 2;
/// Octets of type, class, TTL and length.
const FIXED_LEN: usize = 10;
/// The two bits that mark a compression pointer.
const POINTER: u16 = 0xc000;

/// A SOA record whose owner, MNAME and RNAME end with pointers to the apex, wherever that stands in the message.
pub(super) struct SoaFragment {
    octets: [u8; SOA_LEN_MAX],
    len: u8,
    /// Where the pointers of MNAME and RNAME are; the owner's is at the beginning.
    pointers_at: [u8; 2],
    serial_at: u8,
}

impl SoaFragment {
    /// The fragment of a SOA with this TTL: labels of MNAME and RNAME before the apex's, and its five numbers. None if it is
    /// too long.
    pub fn new(ttl: u32, labels: [&[u8]; 2], numbers: &[u8]) -> Option<Self> {
        let mut record = vec![0; POINTER_LEN];
        record.extend_from_slice(&Rtype::SOA.0.to_be_bytes());
        record.extend_from_slice(&CLASS_IN.to_be_bytes());
        record.extend_from_slice(&ttl.to_be_bytes());
        record.extend_from_slice(&[0; 2]);
        let pointers_at = labels.map(|labels| {
            record.extend_from_slice(labels);
            record.extend_from_slice(&[0; POINTER_LEN]);
            (record.len() - POINTER_LEN) as u8
        });
        let serial_at = record.len() as u8;
        record.extend_from_slice(numbers);
        let rdata_at = POINTER_LEN + FIXED_LEN;
        let length = u16::try_from(record.len() - rdata_at).expect("two names and five numbers are short");
        record[rdata_at - 2..rdata_at].copy_from_slice(&length.to_be_bytes());
        let mut octets = [0; SOA_LEN_MAX];
        octets.get_mut(..record.len())?.copy_from_slice(&record);
        Some(Self { octets, len: record.len() as u8, pointers_at, serial_at })
    }

    /// Writes the record to the start of `out` for a message in which the apex stands at `apex_at`; how long it is. Copies
    /// of a fixed length need no call; what they write behind the record is nothing.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; ROOM], apex_at: u8, serial: u32) -> usize {
        out[..LEN_SHORT].copy_from_slice(&self.octets[..LEN_SHORT]);
        if usize::from(self.len) > LEN_SHORT {
            out[LEN_SHORT..SOA_LEN_MAX].copy_from_slice(&self.octets[LEN_SHORT..]);
        }
        let pointer = (POINTER | u16::from(apex_at)).to_be_bytes();
        for at in [0, self.pointers_at[0], self.pointers_at[1]].map(usize::from) {
            out[at..at + POINTER_LEN].copy_from_slice(&pointer);
        }
        let serial_at = usize::from(self.serial_at);
        out[serial_at..serial_at + size_of::<u32>()].copy_from_slice(&serial.to_be_bytes());
        usize::from(self.len)
    }
}
