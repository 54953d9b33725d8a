//! EDNS(0): the request's OPT record and ours (RFC 6891), NSID (RFC 5001), cookies (RFC 7873), TCP keepalive (RFC 7828),
//! padding (RFC 7830), extended errors (RFC 8914), zone versions (RFC 9660).

use super::cookie;
use super::message::{Full, Message};
use super::request::RawRecord;
use crate::zone::Rtype;

/// The version of EDNS we speak.
const VERSION: u8 = 0;
/// Octets of an OPT record without options.
pub(super) const OPT_LEN: usize = 11;
/// Octets in front of an option's data.
pub(super) const OPTION_HEADER_LEN: usize = 4;
/// The bit "DNSSEC answer OK" in OPT's TTL.
const DO: u32 = 0x8000;
const OPTION_NSID: u16 = 3;
const OPTION_COOKIE: u16 = 10;
const OPTION_KEEPALIVE: u16 = 11;
const OPTION_PADDING: u16 = 12;
const OPTION_EXTENDED_ERROR: u16 = 15;
const OPTION_ZONE_VERSION: u16 = 19;
/// The type of version that is the SOA's serial (RFC 9660 §7.2).
const VERSION_SOA_SERIAL: u8 = 0;
/// Octets of the zone version option in a response.
pub(super) const ZONE_VERSION_LEN: usize = OPTION_HEADER_LEN + 6;
/// Octets of the keepalive option in a response.
pub(super) const KEEPALIVE_LEN: usize = OPTION_HEADER_LEN + 2;
/// Padded responses are a multiple of this long (RFC 8467 §4.1).
const PADDING_BLOCK_LEN: usize = 468;

/// EDE "Not Authoritative".
pub(super) const INFO_NOT_AUTHORITATIVE: u16 = 20;
/// EDE "Not Supported".
pub(super) const INFO_NOT_SUPPORTED: u16 = 21;
/// EDE "Not Ready".
pub(super) const INFO_NOT_READY: u16 = 14;
/// EDE "Prohibited".
pub(super) const INFO_PROHIBITED: u16 = 18;

/// What a request's OPT record says.
#[derive(Clone, Copy)]
pub(super) struct Edns<'q> {
    /// Largest UDP response the client takes.
    pub udp_size: u16,
    /// The client's cookie; the inner option is empty if it has a length that no cookie has.
    pub cookie: Option<Option<cookie::Sent<'q>>>,
    /// Whether the client asks for the zone's version, and if so, whether its option is empty as it must be.
    pub zone_version: Option<bool>,
    /// Whether the client asks how long its connection may be idle.
    pub keepalive: bool,
    /// Whether the client pads, and so wants padding.
    pub padding: bool,
    version: u8,
    /// Whether the client takes signatures and proofs (RFC 3225 §3).
    pub dnssec_ok: bool,
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

/// What our OPT record says.
#[derive(Clone, Copy, Default)]
pub(super) struct Options<'a> {
    /// NSID, if there is one and room for it; it is sent if the client asked for it.
    pub nsid: &'a [u8],
    /// The cookie for the client.
    pub cookie: Option<&'a [u8]>,
    /// How long the connection may be idle, in units of 100 ms.
    pub keepalive: Option<u16>,
    /// An extended error.
    pub error: Option<ExtendedError<'a>>,
    /// How many labels the zone's apex has, and its serial.
    pub zone_version: Option<(u8, u32)>,
    /// Whether the message is padded, and how many octets then follow OPT. Padding takes the room that is left.
    pub padded_before: Option<usize>,
}

impl<'q> Edns<'q> {
    /// Reads an OPT record; also whether its options are well formed. Unknown ones are ignored (RFC 6891 §6.1.2).
    pub fn read(record: &RawRecord<'q>) -> (Self, bool) {
        let [_, version, _, _] = record.ttl.to_be_bytes();
        let dnssec_ok = record.ttl & DO != 0;
        let udp_size = record.class;
        let mut edns = Self {
            udp_size,
            cookie: None,
            zone_version: None,
            keepalive: false,
            padding: false,
            version,
            dnssec_ok,
            nsid: false,
        };
        if edns.is_later_version() {
            // What its RDATA means is for that version to say (RFC 6891 §6.1.3).
            return (edns, true);
        }
        let mut rest = record.rdata;
        while let Some(([code_high, code_low, high, low], after)) = rest.split_first_chunk() {
            let Some((data, after)) = after.split_at_checked(usize::from(u16::from_be_bytes([*high, *low]))) else {
                return (edns, false);
            };
            match u16::from_be_bytes([*code_high, *code_low]) {
                OPTION_NSID => edns.nsid = true,
                // Of several the first counts (RFC 7873 §5.2).
                OPTION_COOKIE => edns.cookie = edns.cookie.or_else(|| Some(cookie::Sent::read(data))),
                OPTION_KEEPALIVE => edns.keepalive = true,
                OPTION_PADDING => edns.padding = true,
                OPTION_ZONE_VERSION => {
                    edns.zone_version = Some(data.is_empty() && edns.zone_version != Some(false));
                }
                _ => {}
            }
            rest = after;
        }
        (edns, rest.is_empty())
    }

    /// Whether the client speaks a version that we do not.
    pub fn is_later_version(&self) -> bool {
        self.version > VERSION
    }

    /// Octets of our OPT record with these options, padding aside.
    pub fn response_len(&self, options: Options<'_>) -> usize {
        OPT_LEN + self.options_len(options)
    }

    fn options_len(&self, options: Options<'_>) -> usize {
        let nsid_len = if self.answers_nsid(options.nsid) { OPTION_HEADER_LEN + options.nsid.len() } else { 0 };
        let cookie_len = options.cookie.map_or(0, |cookie| OPTION_HEADER_LEN + cookie.len());
        let keepalive_len = options.keepalive.map_or(0, |_| KEEPALIVE_LEN);
        let version_len = options.zone_version.map_or(0, |_| ZONE_VERSION_LEN);
        nsid_len + cookie_len + keepalive_len + version_len + options.error.map_or(0, |error| error.len())
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
        options: Options<'_>,
    ) -> Result<(), Full> {
        let extended_rcode = u32::from(rcode >> 4) << 24;
        let flags = if self.dnssec_ok { DO } else { 0 };
        message.put(&[0])?;
        message.put(&Rtype::OPT.0.to_be_bytes())?;
        message.put(&udp_size.to_be_bytes())?;
        message.put(&(extended_rcode | u32::from(VERSION) << 16 | flags).to_be_bytes())?;
        let options_at = message.len() + 2;
        message.put(&[0, 0])?;
        if self.answers_nsid(options.nsid) {
            message.put(&OPTION_NSID.to_be_bytes())?;
            message.put(&length(options.nsid.len())?)?;
            message.put(options.nsid)?;
        }
        if let Some(cookie) = options.cookie {
            message.put(&OPTION_COOKIE.to_be_bytes())?;
            message.put(&length(cookie.len())?)?;
            message.put(cookie)?;
        }
        if let Some(keepalive) = options.keepalive {
            message.put(&OPTION_KEEPALIVE.to_be_bytes())?;
            message.put(&length(KEEPALIVE_LEN - OPTION_HEADER_LEN)?)?;
            message.put(&keepalive.to_be_bytes())?;
        }
        if let Some((labels, serial)) = options.zone_version {
            message.put(&OPTION_ZONE_VERSION.to_be_bytes())?;
            message.put(&length(ZONE_VERSION_LEN - OPTION_HEADER_LEN)?)?;
            message.put(&[labels, VERSION_SOA_SERIAL])?;
            message.put(&serial.to_be_bytes())?;
        }
        if let Some(error) = options.error {
            message.put(&OPTION_EXTENDED_ERROR.to_be_bytes())?;
            message.put(&length(error.len() - OPTION_HEADER_LEN)?)?;
            message.put(&error.info_code.to_be_bytes())?;
            message.put(error.extra_text)?;
        }
        if let Some(behind_len) = options.padded_before {
            pad(message, behind_len)?;
        }
        let options_len = length(message.len() - options_at)?;
        message.octets_mut()[options_at - 2..options_at].copy_from_slice(&options_len);
        message.count_additional();
        Ok(())
    }
}

/// Appends the option that makes the message, with `behind_len` octets still to come, a whole number of blocks long, or
/// as long as it can be.
fn pad(message: &mut Message<'_>, behind_len: usize) -> Result<(), Full> {
    let unpadded_len = message.len() + OPTION_HEADER_LEN + behind_len;
    let padded_len = unpadded_len.next_multiple_of(PADDING_BLOCK_LEN).min(message.octets_mut().len());
    let Some(padding_len) = padded_len.checked_sub(unpadded_len) else { return Ok(()) };
    message.put(&OPTION_PADDING.to_be_bytes())?;
    message.put(&length(padding_len)?)?;
    message.put(&[0; PADDING_BLOCK_LEN][..padding_len])
}

fn length(octets: usize) -> Result<[u8; 2], Full> {
    u16::try_from(octets).map(u16::to_be_bytes).map_err(|_| Full)
}
