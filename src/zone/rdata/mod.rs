//! RDATA by one table: for each RR type the fields its RDATA is made of. The table reads presentation form into
//! uncompressed wire form, prints it, checks it, and says what the names in it are for.

pub mod encoding;
pub mod error;
mod gateway;
pub mod location;
pub mod mnemonic;
pub mod parse;
pub mod print;
mod rare;
pub mod service;
pub mod table;
#[cfg(test)]
mod tests;
pub mod token;

pub use error::{Fault, RdataError};
pub use parse::{from_text, parse};
pub use print::Presentation;
pub use table::{Descriptor, TABLE, descriptor};

use crate::zone::record::Rtype;
use std::ops::Range;

/// One field of RDATA: how it is written in master files and in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A name.
    Name(NameUse),
    /// A number of one octet.
    U8,
    /// A number of two octets.
    U16,
    /// A number of four octets.
    U32,
    /// Seconds in four octets, written with units at will (`1h30m`).
    Period,
    /// A moment in four octets, written `YYYYMMDDHHmmSS` (RFC 4034 §3.2).
    Time,
    /// An RR type.
    Type,
    /// An RR type, which may be written as a number alone (RFC 2535 §7.1).
    OldType,
    /// A DNSSEC algorithm in one octet.
    Algorithm,
    /// A certificate type in two octets (RFC 4398 §2.1).
    CertType,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// One character-string.
    Text,
    /// One or more character-strings up to the end.
    Texts,
    /// Letters and digits after a length octet (RFC 8659 §4.1).
    Tag,
    /// Octets up to the end, written as one text.
    Octets,
    /// Octets up to the end, at least one, in Base64.
    Base64,
    /// Octets up to the end, at least one, in hexadecimal.
    Hex,
    /// Octets after a length octet in hexadecimal, `-` for none (RFC 5155 §3.3).
    Salt,
    /// Octets after a length octet in Base32hex (RFC 5155 §3.3).
    Hash,
    /// A type bitmap up to the end (RFC 4034 §4.1.2).
    Bitmap,
    /// Service parameters up to the end (RFC 9460 §2.1).
    SvcParams,
    /// Six octets (RFC 7043).
    Eui48,
    /// Eight octets (RFC 7043).
    Eui64,
    /// A position on the earth (RFC 1876).
    Location,
    /// A name that may be missing.
    NameIfAny(NameUse),
    /// One character-string that may be missing.
    TextIfAny,
    /// A character-string of digits, at least four (RFC 1183 §3.1).
    Digits,
    /// Octets up to the end in Base64, perhaps none.
    Base64IfAny,
    /// Octets up to the end in Base64, `-` for none.
    Base64OrDash,
    /// How a child is notified: `NOTIFY` or a number of one octet (RFC 9859 §2.1).
    Scheme,
    /// Eight octets in four groups of hexadecimal digits (RFC 6742).
    Locator,
    /// Prefixes of addresses up to the end (RFC 3123).
    Prefixes,
    /// An address of OSI up to the end (RFC 1706).
    Nsap,
    /// An address of ATM up to the end.
    Atma,
    /// Prefix length and address suffix of A6 (RFC 2874 §3.1).
    A6,
    /// The bitmap of NXT up to the end (RFC 2535 §5.2).
    NxtBitmap,
    /// Protocol and ports of WKS up to the end (RFC 1035 §3.4.2).
    Services,
    /// All of IPSECKEY (RFC 4025).
    IpsecKey,
    /// All of AMTRELAY (RFC 8777).
    AmtRelay,
    /// All of HIP (RFC 8005).
    Hip,
}

/// What a name in RDATA is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameUse {
    /// May be compressed in messages (RFC 3597 §4: only types of RFC 1035).
    pub compress: bool,
    /// Is lower-cased in canonical form (RFC 4034 §6.2, RFC 6840 §5.1).
    pub lowercase: bool,
    /// Its addresses go into the additional section. In SVCB and HTTPS `.` stands for the owner (RFC 9460 §2.5).
    pub additional: bool,
}

/// The names in `rdata`, which is in uncompressed wire form: where each stands, root label included, and what it is for.
/// Allocates nothing; ends early where the octets are no RDATA of `rtype`.
pub fn names(rtype: Rtype, rdata: &[u8]) -> impl Iterator<Item = (Range<usize>, NameUse)> {
    let fields = descriptor(rtype).and_then(|descriptor| descriptor.fields).unwrap_or_default();
    let mut fields = fields.iter();
    let mut at = 0;
    std::iter::from_fn(move || {
        for &field in fields.by_ref() {
            let start = at;
            at += width(field, rdata.get(start..)?)?;
            match field {
                Field::Name(usage) => return Some((start..at, usage)),
                Field::NameIfAny(usage) if start < at => return Some((start..at, usage)),
                _ => {}
            }
        }
        None
    })
}

/// Lower-cases the names of `rdata` that canonical form has in lower case (RFC 4034 §6.2).
pub fn lowercase_names(rtype: Rtype, rdata: &mut [u8]) {
    let mut from = 0;
    // Lower-casing changes no length, so the names found again after each one stay where they are.
    loop {
        let next = names(rtype, rdata).find(|(range, usage)| usage.lowercase && range.start >= from);
        let Some((range, _)) = next else { return };
        from = range.end;
        rdata[range].make_ascii_lowercase();
    }
}

/// Whether `rdata` is well-formed RDATA of `rtype`; of an unknown type everything is.
pub fn is_well_formed(rtype: Rtype, rdata: &[u8]) -> bool {
    if rdata.len() > usize::from(u16::MAX) {
        return false;
    }
    match descriptor(rtype).and_then(|descriptor| descriptor.fields) {
        Some(fields) => print::fields(fields, rdata, &mut String::new()).is_some(),
        None => true,
    }
}

/// How many octets at the start of `rest` belong to `field`; none if too few are there.
fn width(field: Field, rest: &[u8]) -> Option<usize> {
    let width = match field {
        Field::Name(_) => crate::zone::name::wire_len(rest)?,
        Field::NameIfAny(_) if rest.is_empty() => 0,
        Field::NameIfAny(_) => crate::zone::name::wire_len(rest)?,
        Field::U8 | Field::Algorithm | Field::Scheme => 1,
        Field::U16 | Field::Type | Field::OldType | Field::CertType => 2,
        Field::U32 | Field::Period | Field::Time | Field::Ipv4 => 4,
        Field::Eui48 => 6,
        Field::Eui64 | Field::Locator => 8,
        Field::Ipv6 | Field::Location => 16,
        Field::TextIfAny if rest.is_empty() => 0,
        Field::Text | Field::TextIfAny | Field::Digits | Field::Tag | Field::Salt | Field::Hash => {
            1 + usize::from(*rest.first()?)
        }
        Field::A6 => rare::a6_width(rest)?,
        _ => rest.len(),
    };
    (width <= rest.len()).then_some(width)
}
