//! The fields of old and rare types: APL, NSAP, ATMA, the locators of ILNP, the prefix of A6, the bitmap of NXT.

use super::encoding::{HexDigits, hex};
use super::gateway::Words;
use super::mnemonic::number;
use super::parse::old_type;
use super::token::Tokens;
use super::{Fault, Field, NameUse};
use crate::zone::record::Rtype;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

/// Bits of an address of A6 (RFC 2874 §3.1).
const A6_BITS: u8 = 128;
/// NXT has bits for the types below this (RFC 2535 §5.2).
const NXT_TYPES: u16 = 128;
/// Negation of an item of APL, beside the length (RFC 3123 §4).
const NEGATED: u8 = 0x80;

/// Appends `[!]family:address/prefix …`, none being a list too (RFC 3123 §5).
pub(super) fn parse_apl(tokens: &mut Tokens<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut words = Words { tokens, field: Field::Prefixes };
    while words.tokens.peek().is_some() {
        prefix(words.next()?, out).ok_or(Fault::Bad(Field::Prefixes))?;
    }
    Ok(())
}

fn prefix(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let text = std::str::from_utf8(text).ok()?;
    let (negated, text) = text.strip_prefix('!').map_or((0, text), |text| (NEGATED, text));
    let (family, text) = text.split_once(':')?;
    let (address, length) = text.rsplit_once('/')?;
    let (address, bits) = match number(family.as_bytes())? {
        1u16 => (IpAddr::V4(address.parse().ok()?), 32),
        2 => (IpAddr::V6(address.parse().ok()?), 128),
        _ => return None,
    };
    let length = number::<u8>(length.as_bytes()).filter(|&length| length <= bits)?;
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    // Trailing zeros are left out (RFC 3123 §4).
    let kept = octets.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
    out.extend([0, if address.is_ipv4() { 1 } else { 2 }, length, negated | kept as u8]);
    out.extend_from_slice(&octets[..kept]);
    Some(())
}

pub(super) fn print_apl(octets: &[u8], out: &mut String) -> Option<()> {
    let mut rest = octets;
    while let [0, family, length, kept, after @ ..] = rest {
        let negated = if kept & NEGATED != 0 { "!" } else { "" };
        let (address, after) = after.split_at_checked(usize::from(kept & !NEGATED))?;
        let mut whole = [0; 16];
        whole.get_mut(..address.len())?.copy_from_slice(address);
        let (shown, bits) = match family {
            1 if address.len() <= 4 => (IpAddr::from(*whole.first_chunk::<4>()?), 32),
            2 => (IpAddr::from(whole), 128),
            _ => return None,
        };
        if *length > bits || address.last() == Some(&0) {
            return None;
        }
        let space = if rest.len() < octets.len() { " " } else { "" };
        push(out, format_args!("{space}{negated}{family}:{shown}/{length}"));
        rest = after;
    }
    rest.is_empty().then_some(())
}

/// Appends `0x` and hexadecimal digits, dots between them at will (RFC 1706 §7).
pub(super) fn nsap(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let digits = text.strip_prefix(b"0x").or(text.strip_prefix(b"0X"))?;
    dotted_hex(digits, out)
}

fn dotted_hex(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    let mut digits = HexDigits::new();
    for part in text.split(|&octet| octet == b'.') {
        digits.feed(part, out)?;
    }
    (digits.finish() && out.len() > start).then_some(())
}

pub(super) fn print_nsap(octets: &[u8], out: &mut String) -> Option<()> {
    out.push_str("0x");
    hex(octets, out);
    (!octets.is_empty()).then_some(())
}

/// Appends an address of the ATM Forum's ATM Name System §5.2: `+` and the digits of E.164 (format 1), or an end system
/// address in hexadecimal (format 0); dots at will.
pub(super) fn atma(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let Some(digits) = text.strip_prefix(b"+") else {
        out.push(0);
        return dotted_hex(text, out);
    };
    out.push(1);
    let start = out.len();
    out.extend(digits.iter().filter(|&&octet| octet != b'.'));
    let digits = &out[start..];
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(())
}

pub(super) fn print_atma(octets: &[u8], out: &mut String) -> Option<()> {
    match octets {
        [0, address @ ..] if !address.is_empty() => hex(address, out),
        [1, digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            out.push('+');
            out.extend(digits.iter().map(|&digit| char::from(digit)));
        }
        _ => return None,
    }
    Some(())
}

/// Appends four groups of one to four hexadecimal digits (RFC 6742 §2.1.2, §2.3.2).
pub(super) fn locator(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut groups = 0;
    for group in text.split(|&octet| octet == b':') {
        if !(1..=4).contains(&group.len()) || !group.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        out.extend(u16::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok()?.to_be_bytes());
        groups += 1;
    }
    (groups == 4).then_some(())
}

pub(super) fn print_locator(octets: &[u8], out: &mut String) {
    for (position, group) in octets.as_chunks::<2>().0.iter().enumerate() {
        let colon = if position > 0 { ":" } else { "" };
        push(out, format_args!("{colon}{:04x}", u16::from_be_bytes(*group)));
    }
}

/// Octets of A6's address suffix behind a prefix of so many bits.
fn suffix_len(prefix_len: u8) -> usize {
    usize::from(A6_BITS - prefix_len).div_ceil(8)
}

/// Octets of a whole A6 record, if they are one: prefix length, suffix, and a name unless the prefix is empty (RFC 2874
/// §3.1).
pub(super) fn a6_width(rest: &[u8]) -> Option<usize> {
    let prefix_len = *rest.first().filter(|&&prefix_len| prefix_len <= A6_BITS)?;
    let width = 1 + suffix_len(prefix_len);
    ((rest.len() > width) == (prefix_len > 0)).then_some(width)
}

/// Appends prefix length and suffix; the prefix's name is the next field's.
pub(super) fn parse_a6(tokens: &mut Tokens<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut words = Words { tokens, field: Field::A6 };
    let prefix_len: u8 = words.number()?;
    if prefix_len > A6_BITS {
        return Err(Fault::Bad(Field::A6));
    }
    out.push(prefix_len);
    if prefix_len < A6_BITS {
        let address = u128::from(words.parsed::<Ipv6Addr>()?);
        // The prefix's own bits are zero (RFC 2874 §3.1).
        let suffix = (address & (u128::MAX >> prefix_len)).to_be_bytes();
        out.extend_from_slice(&suffix[16 - suffix_len(prefix_len)..]);
    }
    match (prefix_len, words.tokens.peek()) {
        (0, Some(_)) => Err(Fault::Surplus),
        (1.., None) => {
            Err(Fault::Missing(Field::Name(NameUse { compress: false, lowercase: true, additional: false })))
        }
        _ => Ok(()),
    }
}

pub(super) fn print_a6(octets: &[u8], out: &mut String) -> Option<()> {
    let (&prefix_len, suffix) = octets.split_first()?;
    let mut address = [0; 16];
    address.get_mut(16 - suffix.len()..)?.copy_from_slice(suffix);
    let address = Ipv6Addr::from(address);
    let beyond = u128::MAX.checked_shr(u32::from(prefix_len)).unwrap_or(0);
    if u128::from(address) & !beyond != 0 {
        return None;
    }
    push(out, format_args!("{prefix_len}"));
    if prefix_len < A6_BITS {
        push(out, format_args!(" {address}"));
    }
    Some(())
}

/// Appends the bitmap of NXT: a bit for each type, without windows (RFC 2535 §5.2).
pub(super) fn parse_nxt(tokens: &mut Tokens<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let bad = Fault::Bad(Field::NxtBitmap);
    let mut words = Words { tokens, field: Field::NxtBitmap };
    let start = out.len();
    while words.tokens.peek().is_some() {
        let Rtype(number) = old_type(words.next()?).ok_or(bad)?;
        if !(1..NXT_TYPES).contains(&number) {
            return Err(bad);
        }
        let at = start + usize::from(number / 8);
        out.resize(out.len().max(at + 1), 0);
        out[at] |= 0x80 >> (number % 8);
    }
    Ok(())
}

pub(super) fn print_nxt(octets: &[u8], out: &mut String) -> Option<()> {
    let start = out.len();
    // Bit 0 would be that of another format.
    let valid = octets.len() <= usize::from(NXT_TYPES / 8)
        && octets.first().is_none_or(|first| first & 0x80 == 0)
        && octets.last() != Some(&0);
    if !valid {
        return None;
    }
    for number in (1..octets.len() as u16 * 8).filter(|bit| octets[usize::from(bit / 8)] & (0x80 >> (bit % 8)) != 0) {
        let space = if out.len() > start { " " } else { "" };
        push(out, format_args!("{space}{}", Rtype(number)));
    }
    Some(())
}

/// Ports of a protocol: a bit for each.
const PORTS: usize = 1 << 16;
/// Protocols by name (the IANA registry "Protocol Numbers").
const PROTOCOLS: &[(&str, u8)] = &[("ICMP", 1), ("TCP", 6), ("UDP", 17)];
/// The services that old files name (RFC 1010); others are written by their port.
const SERVICES: &[(&str, u16)] = &[
    ("echo", 7),
    ("discard", 9),
    ("daytime", 13),
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("time", 37),
    ("domain", 53),
    ("tftp", 69),
    ("gopher", 70),
    ("finger", 79),
    ("http", 80),
    ("pop3", 110),
    ("sunrpc", 111),
    ("nntp", 119),
    ("ntp", 123),
];

/// Appends protocol and bitmap of `protocol [port …]`.
pub(super) fn parse_services(tokens: &mut Tokens<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let bad = Fault::Bad(Field::Services);
    let mut words = Words { tokens, field: Field::Services };
    let protocol = words.next()?;
    out.push(number(protocol).or_else(|| by_name(PROTOCOLS, protocol)).ok_or(bad)?);
    let start = out.len();
    while words.tokens.peek().is_some() {
        let service = words.next()?;
        let port: u16 = number(service).or_else(|| by_name(SERVICES, service)).ok_or(bad)?;
        let at = start + usize::from(port / 8);
        out.resize(out.len().max(at + 1), 0);
        out[at] |= 0x80 >> (port % 8);
    }
    Ok(())
}

fn by_name<T: Copy>(known: &[(&str, T)], text: &[u8]) -> Option<T> {
    known.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(text)).map(|&(_, value)| value)
}

pub(super) fn print_services(octets: &[u8], out: &mut String) -> Option<()> {
    let (protocol, bits) = octets.split_first()?;
    // A zero at the end would not be read back.
    if bits.len() > PORTS / 8 || bits.last() == Some(&0) {
        return None;
    }
    push(out, format_args!("{protocol}"));
    for port in (0..bits.len() * 8).filter(|port| bits[port / 8] & (0x80 >> (port % 8)) != 0) {
        push(out, format_args!(" {port}"));
    }
    Some(())
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}
