//! RDATA whose first numbers say what follows: IPSECKEY (RFC 4025), AMTRELAY (RFC 8777) and HIP (RFC 8005).
//!
//! Their names are neither compressed nor lower-cased (RFC 3597 §4, RFC 4034 §6.2), so that nobody looks for them.

use super::encoding::{Base64Digits, HexDigits, base64, hex};
use super::mnemonic::number;
use super::token::{Kind, Tokens};
use super::{Fault, Field};
use crate::zone::name::{self, Name};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The discovery bit of AMTRELAY's type octet (RFC 8777 §4.2.2).
const DISCOVERY: u8 = 0x80;
/// No gateway, which both types write as `.` (RFC 4025 §2.3, RFC 8777 §4.2.3).
const NOTHING: u8 = 0;
/// The gateway is an IPv4 address.
const IPV4: u8 = 1;
/// An IPv6 address.
const IPV6: u8 = 2;
/// A name.
const NAME: u8 = 3;

/// The rest of the tokens of one record, with what to say of a wrong one.
pub(super) struct Words<'a, 'b> {
    pub tokens: &'b mut Tokens<'a>,
    pub field: Field,
}

impl<'a> Words<'a, '_> {
    /// The next token, which must stand without quotes.
    pub fn next(&mut self) -> Result<&'a [u8], Fault> {
        let token = self.tokens.next().ok_or(Fault::Missing(self.field))?;
        if token.kind == Kind::Plain { Ok(token.text) } else { Err(Fault::Bad(self.field)) }
    }

    /// The next token as a number.
    pub fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Fault> {
        number(self.next()?).ok_or(Fault::Bad(self.field))
    }

    /// The next token as what the standard library reads.
    pub fn parsed<T: FromStr>(&mut self) -> Result<T, Fault> {
        let text = std::str::from_utf8(self.next()?).map_err(|_| Fault::Bad(self.field))?;
        text.parse().map_err(|_| Fault::Bad(self.field))
    }

    /// Appends the next token as a name.
    pub fn name(&mut self, origin: &Name, out: &mut Vec<u8>) -> Result<(), Fault> {
        let text = self.next()?;
        if !text.is_ascii() {
            return Err(Fault::NonAscii);
        }
        name::parse_into(text, origin.as_wire(), out).map_err(Fault::Name)
    }

    fn gateway(&mut self, kind: u8, origin: &Name, out: &mut Vec<u8>) -> Result<(), Fault> {
        match kind {
            NOTHING if self.next()? == b"." => {}
            IPV4 => out.extend(self.parsed::<Ipv4Addr>()?.octets()),
            IPV6 => out.extend(self.parsed::<Ipv6Addr>()?.octets()),
            NAME => self.name(origin, out)?,
            _ => return Err(Fault::Bad(self.field)),
        }
        Ok(())
    }

    /// Appends the octets of all tokens that are left, in Base64.
    pub fn base64(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut digits = Base64Digits::new();
        while self.tokens.peek().is_some() {
            digits.feed(self.next()?, out).ok_or(Fault::Bad(self.field))?;
        }
        if digits.finish() { Ok(()) } else { Err(Fault::Bad(self.field)) }
    }
}

/// Appends `precedence type algorithm gateway [key]`.
pub(super) fn parse_ipseckey(tokens: &mut Tokens<'_>, origin: &Name, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut words = Words { tokens, field: Field::IpsecKey };
    let (precedence, kind, algorithm) = (words.number()?, words.number()?, words.number()?);
    out.extend([precedence, kind, algorithm]);
    words.gateway(kind, origin, out)?;
    let key_start = out.len();
    words.base64(out)?;
    // Algorithm 0 says that there is no key (RFC 4025 §2.4).
    if algorithm != 0 && out.len() == key_start { Err(Fault::Missing(Field::Base64)) } else { Ok(()) }
}

/// Appends `precedence discovery type relay`.
pub(super) fn parse_amtrelay(tokens: &mut Tokens<'_>, origin: &Name, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut words = Words { tokens, field: Field::AmtRelay };
    let (precedence, discovery, kind): (u8, u8, u8) = (words.number()?, words.number()?, words.number()?);
    if discovery > 1 {
        return Err(Fault::Bad(Field::AmtRelay));
    }
    out.extend([precedence, if discovery == 1 { DISCOVERY | kind } else { kind }]);
    words.gateway(kind, origin, out)
}

/// Appends `algorithm HIT key [rendezvous servers]`.
pub(super) fn parse_hip(tokens: &mut Tokens<'_>, origin: &Name, out: &mut Vec<u8>) -> Result<(), Fault> {
    let bad = Fault::Bad(Field::Hip);
    let mut words = Words { tokens, field: Field::Hip };
    let algorithm: u8 = words.number()?;
    let (hit, key) = (words.next()?, words.next()?);
    let start = out.len();
    out.extend([0, algorithm, 0, 0]);
    let mut digits = HexDigits::new();
    digits.feed(hit, out).filter(|()| digits.finish()).ok_or(bad)?;
    let hit_len = out.len() - start - 4;
    let mut digits = Base64Digits::new();
    digits.feed(key, out).filter(|()| digits.finish()).ok_or(bad)?;
    let key_len = out.len() - start - 4 - hit_len;
    if hit_len == 0 || key_len == 0 {
        return Err(bad);
    }
    out[start] = u8::try_from(hit_len).map_err(|_| bad)?;
    out[start + 2..start + 4].copy_from_slice(&u16::try_from(key_len).map_err(|_| bad)?.to_be_bytes());
    while words.tokens.peek().is_some() {
        words.name(origin, out)?;
    }
    Ok(())
}

pub(super) fn print_ipseckey(octets: &[u8], out: &mut String) -> Option<()> {
    let [precedence, kind, algorithm, rest @ ..] = octets else { return None };
    push(out, format_args!("{precedence} {kind} {algorithm} "));
    let key = print_gateway(*kind, rest, out)?;
    if !key.is_empty() {
        out.push(' ');
        base64(key, out);
    }
    (*algorithm == 0 || !key.is_empty()).then_some(())
}

pub(super) fn print_amtrelay(octets: &[u8], out: &mut String) -> Option<()> {
    let [precedence, kind, rest @ ..] = octets else { return None };
    let (discovery, kind) = (u8::from(kind & DISCOVERY != 0), kind & !DISCOVERY);
    push(out, format_args!("{precedence} {discovery} {kind} "));
    print_gateway(kind, rest, out)?.is_empty().then_some(())
}

pub(super) fn print_hip(octets: &[u8], out: &mut String) -> Option<()> {
    let [hit_len @ 1..=255, algorithm, key_high, key_low, rest @ ..] = octets else { return None };
    let (hit, rest) = rest.split_at_checked(usize::from(*hit_len))?;
    let (key, mut rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*key_high, *key_low])))?;
    push(out, format_args!("{algorithm} "));
    hex(hit, out);
    out.push(' ');
    base64(key, out);
    while !rest.is_empty() {
        out.push(' ');
        rest = print_name(rest, out)?;
    }
    (!key.is_empty()).then_some(())
}

/// Appends the gateway that `octets` begin with; what stands behind it.
fn print_gateway<'o>(kind: u8, octets: &'o [u8], out: &mut String) -> Option<&'o [u8]> {
    match kind {
        NOTHING => {
            out.push('.');
            Some(octets)
        }
        IPV4 => {
            let (address, rest) = octets.split_first_chunk::<4>()?;
            push(out, format_args!("{}", Ipv4Addr::from(*address)));
            Some(rest)
        }
        IPV6 => {
            let (address, rest) = octets.split_first_chunk::<16>()?;
            push(out, format_args!("{}", Ipv6Addr::from(*address)));
            Some(rest)
        }
        NAME => print_name(octets, out),
        _ => None,
    }
}

fn print_name<'o>(octets: &'o [u8], out: &mut String) -> Option<&'o [u8]> {
    let (name, length) = Name::from_wire(octets).ok()?;
    push(out, format_args!("{name}"));
    Some(&octets[length..])
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}
