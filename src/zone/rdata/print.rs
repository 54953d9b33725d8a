//! RDATA in presentation form.

use super::encoding::{base32, base64, hex};
use super::{Field, descriptor, gateway, location, parse, rare, service, width};
use crate::zone::name::Name;
use crate::zone::record::Rtype;
use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

/// RDATA for printing: in the form of its type, as `\# LENGTH HEX` if the type is unknown or the octets are malformed.
#[derive(Clone, Copy, Debug)]
pub struct Presentation<'a> {
    /// The type.
    pub rtype: Rtype,
    /// RDATA in uncompressed wire form.
    pub rdata: &'a [u8],
}

impl fmt::Display for Presentation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let known = descriptor(self.rtype).and_then(|descriptor| descriptor.fields);
        if known.and_then(|known| fields(known, self.rdata, &mut text)).is_some() {
            return f.write_str(&text);
        }
        text.clear();
        hex(self.rdata, &mut text);
        write!(f, "\\# {}{}{text}", self.rdata.len(), if text.is_empty() { "" } else { " " })
    }
}

/// Appends the fields; none if the octets are not what the fields say.
pub(super) fn fields(fields: &[Field], rdata: &[u8], out: &mut String) -> Option<()> {
    let mut rest = rdata;
    for (position, &field) in fields.iter().enumerate() {
        let (octets, after) = rest.split_at(width(field, rest)?);
        let before = out.len();
        // Bitmaps and service parameters may be empty, and then leave no space behind.
        if position > 0 {
            out.push(' ');
        }
        let start = out.len();
        print(field, octets, out)?;
        if out.len() == start {
            out.truncate(before);
        }
        rest = after;
    }
    rest.is_empty().then_some(())
}

fn print(field: Field, octets: &[u8], out: &mut String) -> Option<()> {
    match field {
        Field::NameIfAny(_) | Field::TextIfAny | Field::Base64IfAny if octets.is_empty() => {}
        Field::Name(_) | Field::NameIfAny(_) => push(out, &Name::from_wire(octets).ok()?.0),
        Field::U8 | Field::Algorithm | Field::Scheme | Field::U16 | Field::CertType | Field::U32 | Field::Period => {
            push(out, &number(octets));
        }
        Field::Time => time(number(octets), out),
        Field::Type | Field::OldType => push(out, &Rtype(u16::from_be_bytes(octets.try_into().ok()?))),
        Field::Ipv4 => push(out, &Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        Field::Ipv6 => push(out, &Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)),
        Field::Digits if !parse::is_x121(&octets[1..]) => return None,
        Field::Text | Field::TextIfAny | Field::Digits => quoted(&octets[1..], out),
        Field::Texts => texts(octets, out)?,
        Field::Tag => tag(&octets[1..], out)?,
        Field::Octets => quoted(octets, out),
        Field::Base64OrDash if octets.is_empty() => out.push('-'),
        Field::Base64 | Field::Base64IfAny | Field::Base64OrDash if !octets.is_empty() => base64(octets, out),
        Field::Hex if !octets.is_empty() => hex(octets, out),
        Field::Salt if octets.len() == 1 => out.push('-'),
        Field::Salt => hex(&octets[1..], out),
        Field::Hash if octets.len() > 1 => base32(&octets[1..], out),
        Field::Bitmap => bitmap(octets, out)?,
        Field::SvcParams => service::print(octets, out)?,
        Field::Eui48 | Field::Eui64 => eui(octets, out),
        Field::Location => location::print(octets, out)?,
        Field::Locator => rare::print_locator(octets, out),
        Field::Prefixes => rare::print_apl(octets, out)?,
        Field::Nsap => rare::print_nsap(octets, out)?,
        Field::Atma => rare::print_atma(octets, out)?,
        Field::A6 => rare::print_a6(octets, out)?,
        Field::NxtBitmap => rare::print_nxt(octets, out)?,
        Field::Services => rare::print_services(octets, out)?,
        Field::IpsecKey => gateway::print_ipseckey(octets, out)?,
        Field::AmtRelay => gateway::print_amtrelay(octets, out)?,
        Field::Hip => gateway::print_hip(octets, out)?,
        Field::Base64 | Field::Base64IfAny | Field::Base64OrDash | Field::Hex | Field::Hash => return None,
    }
    Some(())
}

fn push(out: &mut String, value: &dyn fmt::Display) {
    write!(out, "{value}").expect("writing to a String cannot fail");
}

fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |value, &octet| value << 8 | u32::from(octet))
}

/// A character-string in quotes (RFC 1035 §5.1).
pub(super) fn quoted(octets: &[u8], out: &mut String) {
    out.push('"');
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(octet as char);
            }
            0x20..=0x7e => out.push(octet as char),
            _ => push(out, &format_args!("\\{octet:03}")),
        }
    }
    out.push('"');
}

fn texts(octets: &[u8], out: &mut String) -> Option<()> {
    let mut rest = octets;
    let start = out.len();
    while let Some((&length, after)) = rest.split_first() {
        if out.len() > start {
            out.push(' ');
        }
        let (text, after) = after.split_at_checked(usize::from(length))?;
        quoted(text, out);
        rest = after;
    }
    // RFC 1035 §3.3.14: one or more.
    (!octets.is_empty()).then_some(())
}

fn tag(octets: &[u8], out: &mut String) -> Option<()> {
    if octets.is_empty() || !octets.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    out.push_str(std::str::from_utf8(octets).ok()?);
    Some(())
}

fn bitmap(octets: &[u8], out: &mut String) -> Option<()> {
    let start = out.len();
    for rtype in read_bitmap(octets)? {
        if out.len() > start {
            out.push(' ');
        }
        push(out, &rtype);
    }
    Some(())
}

/// The types of a bitmap (RFC 4034 §4.1.2); none if it is not in the one form it must have.
pub fn read_bitmap(octets: &[u8]) -> Option<Vec<Rtype>> {
    let mut types = Vec::new();
    let mut last = None;
    let mut rest = octets;
    while let [window, length @ 1..=32, after @ ..] = rest {
        let (bits, after) = after.split_at_checked(usize::from(*length))?;
        if last.is_some_and(|last| last >= *window) || bits.last() == Some(&0) {
            return None;
        }
        last = Some(*window);
        let set = (0..u16::from(*length) * 8).filter(|&bit| bits[usize::from(bit / 8)] & (0x80 >> (bit % 8)) != 0);
        types.extend(set.map(|bit| Rtype(u16::from(*window) << 8 | bit)));
        rest = after;
    }
    rest.is_empty().then_some(types)
}

fn eui(octets: &[u8], out: &mut String) {
    for (position, octet) in octets.iter().enumerate() {
        push(out, &format_args!("{}{octet:02x}", if position > 0 { "-" } else { "" }));
    }
}

/// The time of a signature as master files have it (RFC 4034 §3.2).
pub fn signature_time(seconds: u32) -> String {
    let mut out = String::new();
    time(seconds, &mut out);
    out
}

fn time(seconds: u32, out: &mut String) {
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let at = epoch + jiff::SignedDuration::from_secs(i64::from(seconds));
    let (date, time) = (at.date(), at.time());
    push(out, &format_args!("{:04}{:02}{:02}", date.year(), date.month(), date.day()));
    push(out, &format_args!("{:02}{:02}{:02}", time.hour(), time.minute(), time.second()));
}
