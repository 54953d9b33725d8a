//! The question (RFC 1035 §4.1.2).

use crate::zone::{Qname, Rtype};

/// The one question of a request.
pub(super) struct Question<'q> {
    /// As it came; it is echoed bit by bit.
    pub octets: &'q [u8],
    /// QNAME.
    pub name: Qname,
    /// QTYPE.
    pub qtype: Rtype,
    /// QCLASS.
    pub qclass: u16,
}

impl<'q> Question<'q> {
    /// The question at the start of `octets`. Nothing stands before it that a name could be compressed with.
    #[inline]
    pub fn read(octets: &'q [u8]) -> Option<Self> {
        let name = Qname::from_wire(octets)?;
        let name_len = name.as_wire().len();
        let octets = octets.get(..name_len + 4)?;
        let u16_at = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
        Some(Self { octets, name, qtype: Rtype(u16_at(name_len)), qclass: u16_at(name_len + 2) })
    }
}
