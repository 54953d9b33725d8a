//! EDNS(0): the request's OPT record and ours (RFC 6891), NSID (RFC 5001), extended errors (RFC 8914).

use super::message::{Full, Message};
use super::request::RawRecord;
use crate::zone::Rtype;

/// The version of EDNS we speak.
const VERSION: u8 = 0;
/// Octets of an OPT record without options.
pub(super) const OPT_LEN: usize = 11;
/// Octets in front of an option's data.
const OPTION_HEADER_LEN: usize = 4;
/// The bit "DNSSEC answer OK" in OPT's TTL.
const DO: u32 = 0x8000;
const OPTION_NSID: u16 = 3;
const OPTION_EXTENDED_ERROR: u16 = 15;

/// EDE "Not Authoritative".
pub(super) const INFO_NOT_AUTHORITATIVE: u16 = 20;
/// EDE "Prohibited".
pub(super) const INFO_PROHIBITED: u16 = 18;

/// What a request's OPT record says.
#[derive(Clone, Copy)]
pub(super) struct Edns {
    /// Largest UDP response the client takes.
    pub udp_size: u16,
    version: u8,
    dnssec_ok: bool,
    nsid: bool,
}

/// An extended DNS error.
#[derive(Clone, Copy)]
pub(super) struct ExtendedError<'a> {
    /// INFO-CODE.
    pub info_code: u16,
    /// EXTRA-TEXT.
    pub extra_text: &'a [u8],
}

impl ExtendedError<'_> {
    /// Octets of the option.
    pub fn len(&self) -> usize {
        OPTION_HEADER_LEN + 2 + self.extra_text.len()
    }
}

impl Edns {
    /// Reads an OPT record; also whether its options are well formed. Unknown ones are ignored (RFC 6891 §6.1.2).
    pub fn read(record: &RawRecord<'_>) -> (Self, bool) {
        let [_, version, _, _] = record.ttl.to_be_bytes();
        let mut edns = Self { udp_size: record.class, version, dnssec_ok: record.ttl & DO != 0, nsid: false };
        let mut rest = record.rdata;
        while let Some(([code_high, code_low, high, low], after)) = rest.split_first_chunk() {
            let Some(after) = after.get(usize::from(u16::from_be_bytes([*high, *low]))..) else {
                return (edns, false);
            };
            edns.nsid |= u16::from_be_bytes([*code_high, *code_low]) == OPTION_NSID;
            rest = after;
        }
        (edns, rest.is_empty())
    }

    /// Whether the client speaks a version that we do not.
    pub fn is_later_version(&self) -> bool {
        self.version > VERSION
    }

    /// Octets of our OPT record, extended errors apart.
    pub fn response_len(&self, nsid: &[u8]) -> usize {
        OPT_LEN + if self.answers_nsid(nsid) { OPTION_HEADER_LEN + nsid.len() } else { 0 }
    }

    fn answers_nsid(&self, nsid: &[u8]) -> bool {
        self.nsid && !nsid.is_empty()
    }

    /// Appends our OPT record.
    pub fn write(
        &self,
        message: &mut Message<'_>,
        udp_size: u16,
        rcode: u16,
        nsid: Option<&[u8]>,
        error: Option<ExtendedError<'_>>,
    ) -> Result<(), Full> {
        let nsid = nsid.filter(|nsid| self.answers_nsid(nsid));
        let nsid_len = nsid.map_or(0, |nsid| OPTION_HEADER_LEN + nsid.len());
        let options_len = nsid_len + error.map_or(0, |error| error.len());
        let extended_rcode = u32::from(rcode >> 4) << 24;
        let flags = if self.dnssec_ok { DO } else { 0 };
        message.put(&[0])?;
        message.put(&Rtype::OPT.0.to_be_bytes())?;
        message.put(&udp_size.to_be_bytes())?;
        message.put(&(extended_rcode | u32::from(VERSION) << 16 | flags).to_be_bytes())?;
        message.put(&length(options_len)?)?;
        if let Some(nsid) = nsid {
            message.put(&OPTION_NSID.to_be_bytes())?;
            message.put(&length(nsid.len())?)?;
            message.put(nsid)?;
        }
        if let Some(error) = error {
            message.put(&OPTION_EXTENDED_ERROR.to_be_bytes())?;
            message.put(&length(error.len() - OPTION_HEADER_LEN)?)?;
            message.put(&error.info_code.to_be_bytes())?;
            message.put(error.extra_text)?;
        }
        message.count_additional();
        Ok(())
    }
}

fn length(octets: usize) -> Result<[u8; 2], Full> {
    u16::try_from(octets).map(u16::to_be_bytes).map_err(|_| Full)
}
