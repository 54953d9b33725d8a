//! The SOA of negative answers in the form it has in a message, made once for all of them.

use super::record::{CLASS_IN, Rtype};

/// Octets of an owner that is a compression pointer.
const POINTER_LEN: usize = 2;
/// Octets of type, class, TTL and length.
const FIXED_LEN: usize = 10;
/// The two bits that mark a compression pointer.
const POINTER: u16 = 0xc000;

/// A SOA record whose owner, MNAME and RNAME end with pointers to the apex, wherever that stands in the message.
pub(super) struct SoaFragment {
    octets: Box<[u8]>,
    /// Where the pointers of MNAME and RNAME are; the owner's is at the beginning.
    pointers_at: [usize; 2],
    serial_at: usize,
}

impl SoaFragment {
    /// The fragment of a SOA with this TTL: labels of MNAME and RNAME before the apex's, and its five numbers.
    pub fn new(ttl: u32, labels: [&[u8]; 2], numbers: &[u8]) -> Self {
        let mut octets = vec![0; POINTER_LEN];
        octets.extend_from_slice(&Rtype::SOA.0.to_be_bytes());
        octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        octets.extend_from_slice(&ttl.to_be_bytes());
        octets.extend_from_slice(&[0; 2]);
        let pointers_at = labels.map(|labels| {
            octets.extend_from_slice(labels);
            octets.extend_from_slice(&[0; POINTER_LEN]);
            octets.len() - POINTER_LEN
        });
        let serial_at = octets.len();
        octets.extend_from_slice(numbers);
        let rdata_at = POINTER_LEN + FIXED_LEN;
        let length = u16::try_from(octets.len() - rdata_at).expect("two names and five numbers are short");
        octets[rdata_at - 2..rdata_at].copy_from_slice(&length.to_be_bytes());
        Self { octets: octets.into(), pointers_at, serial_at }
    }

    /// Writes the record to the start of `out`, if it fits, for a message in which the apex stands at `apex_at`; how long
    /// it is.
    #[inline]
    pub fn write(&self, out: &mut [u8], apex_at: u16, serial: u32) -> Option<usize> {
        let out = out.get_mut(..self.octets.len())?;
        out.copy_from_slice(&self.octets);
        let pointer = (POINTER | apex_at).to_be_bytes();
        for at in [0, self.pointers_at[0], self.pointers_at[1]] {
            *out[at..].first_chunk_mut()? = pointer;
        }
        *out[self.serial_at..].first_chunk_mut()? = serial.to_be_bytes();
        Some(self.octets.len())
    }
}
