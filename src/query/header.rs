//! The header of a message (RFC 1035 §4.1.1).

/// Octets of a header.
pub(super) const HEADER_LEN: usize = 12;
/// Opcode QUERY.
pub(super) const OPCODE_QUERY: u8 = 0;
/// Opcode NOTIFY (RFC 1996).
pub(super) const OPCODE_NOTIFY: u8 = 4;
/// Opcode UPDATE (RFC 2136).
pub(super) const OPCODE_UPDATE: u8 = 5;

const QR: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
const RD: u16 = 0x0100;
/// The low bits of the RCODE; the others are in OPT (RFC 6891 §6.1.3).
const RCODE: u16 = 0x000f;

/// A request's header.
#[derive(Clone, Copy)]
pub(super) struct Header {
    id: [u8; 2],
    flags: u16,
    /// QDCOUNT, ANCOUNT, NSCOUNT and ARCOUNT.
    pub counts: [u16; 4],
}

impl Header {
    /// The header at the start of `octets`, if they are enough.
    #[inline]
    pub fn read(octets: &[u8]) -> Option<Self> {
        let octets: &[u8; HEADER_LEN] = octets.first_chunk()?;
        let u16_at = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
        Some(Self { id: [octets[0], octets[1]], flags: u16_at(2), counts: [4, 6, 8, 10].map(u16_at) })
    }

    /// Whether it is a response. Those are never answered: two servers would talk for ever.
    #[inline]
    pub fn is_response(&self) -> bool {
        self.flags & QR != 0
    }

    /// Whether AA is set.
    pub fn is_authoritative(&self) -> bool {
        self.flags & AA != 0
    }

    /// Whether it has an ID other than 0.
    pub fn has_id(&self) -> bool {
        self.id != [0, 0]
    }

    /// The ID.
    #[inline]
    pub fn id(&self) -> u16 {
        u16::from_be_bytes(self.id)
    }

    /// The low bits of the RCODE.
    pub fn rcode(&self) -> u16 {
        self.flags & RCODE
    }

    /// The opcode.
    #[inline]
    pub fn opcode(&self) -> u8 {
        ((self.flags & OPCODE) >> 11) as u8
    }

    /// Writes the response's header. RD of a query is copied (RFC 1035 §4.1.1), of other opcodes it is no such bit
    /// (RFC 1996 §3.5, RFC 2136 §2.2, RFC 8906 §8.1.4); we do not recurse and say so with RA clear; AD and CD are clear,
    /// nothing is validated here (RFC 4035 §3.1.6 and §3.2.2).
    #[inline]
    pub fn write_response(
        &self,
        octets: &mut [u8],
        rcode: u16,
        authoritative: bool,
        truncated: bool,
        counts: [u16; 4],
    ) {
        let copied = if self.opcode() == OPCODE_QUERY { OPCODE | RD } else { OPCODE };
        let mut flags = QR | self.flags & copied | rcode & RCODE;
        if authoritative {
            flags |= AA;
        }
        if truncated {
            flags |= TC;
        }
        octets[..2].copy_from_slice(&self.id);
        octets[2..4].copy_from_slice(&flags.to_be_bytes());
        for (field, count) in octets[4..HEADER_LEN].as_chunks_mut::<2>().0.iter_mut().zip(counts) {
            *field = count.to_be_bytes();
        }
    }
}
