//! Mnemonics of numbers in RDATA and of the RR types themselves, both ways.

use super::table;
use crate::zone::record::Rtype;
use std::fmt;

impl Rtype {
    /// The type written as `text`: a mnemonic in any case, or `TYPE` and its number (RFC 3597 §5).
    pub fn from_mnemonic(text: &[u8]) -> Option<Self> {
        if let Some(descriptor) = table::by_mnemonic(text) {
            return Some(descriptor.rtype);
        }
        let (prefix, digits) = text.split_at_checked(4)?;
        prefix.eq_ignore_ascii_case(b"TYPE").then(|| number(digits)).flatten().map(Self)
    }

    /// Whether records of the type can stand in a zone: it is no question or meta type (RFC 6895 §3.1).
    pub fn is_data(self) -> bool {
        !matches!(self.0, 0 | 41 | 128..=255)
    }
}

impl fmt::Display for Rtype {
    /// The mnemonic, `TYPE` and the number if it has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match table::descriptor(*self) {
            Some(descriptor) => f.write_str(descriptor.mnemonic),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// A decimal number that fits; signs and empty texts are none.
pub fn number<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    let mut value = 0u64;
    // More digits than any u64 below 10^19 needs are leading zeros at best, and refused.
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    for &octet in text {
        value = value * 10 + u64::from(octet.is_ascii_digit().then(|| octet - b'0')?);
    }
    T::try_from(value).ok()
}

/// Seconds with optional units: `3600`, `1h30m`, `2W` (weeks, days, hours, minutes, seconds, in this order in BIND's
/// files but in any order here).
pub fn period(text: &[u8]) -> Option<u32> {
    if let Some(seconds) = number(text) {
        return Some(seconds);
    }
    let mut rest = text;
    let mut total = 0u64;
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let (&unit, after) = rest[digits..].split_first()?;
        let seconds = match unit.to_ascii_lowercase() {
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        total = total.checked_add(u64::from(number::<u32>(&rest[..digits])?) * seconds)?;
        rest = after;
    }
    if text.is_empty() { None } else { u32::try_from(total).ok() }
}

/// A DNSSEC algorithm by number or mnemonic (the IANA registry "DNS Security Algorithm Numbers").
pub fn algorithm(text: &[u8]) -> Option<u8> {
    number(text).or_else(|| find(ALGORITHMS, text))
}

/// A certificate type by number or mnemonic (RFC 4398 §2.1).
pub fn cert_type(text: &[u8]) -> Option<u16> {
    number(text).or_else(|| find(CERT_TYPES, text))
}

/// A scheme of DSYNC by number or mnemonic (RFC 9859 §2.1); it has one.
pub fn scheme(text: &[u8]) -> Option<u8> {
    number(text).or_else(|| text.eq_ignore_ascii_case(b"NOTIFY").then_some(1))
}

const ALGORITHMS: &[(&str, u8)] = &[
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("SM2SM3", 17),
    ("ECC-GOST12", 23),
    // As BIND writes them.
    ("NSEC3DSA", 6),
    ("NSEC3RSASHA1", 7),
    ("ECCGOST", 12),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

const CERT_TYPES: &[(&str, u16)] = &[
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
];

fn find<T: Copy>(table: &[(&str, T)], text: &[u8]) -> Option<T> {
    table.iter().find(|(mnemonic, _)| mnemonic.as_bytes().eq_ignore_ascii_case(text)).map(|&(_, value)| value)
}
