//! RDATA from presentation form.

use super::encoding::{Base64Digits, HexDigits};
use super::mnemonic::{algorithm, cert_type, number, period, scheme};
use super::token::{Kind, Token, Tokenizer, Tokens, unescape};
use super::{Fault, Field, RdataError, descriptor, gateway, is_well_formed, location, rare, service};
use crate::zone::name::{self, Name};
use crate::zone::record::Rtype;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest text [`from_text`] takes: the longest RDATA with every octet as `\DDD`, and quotes.
const TEXT_LEN_MAX: usize = 4 * 65_535 + 1_024;

/// Reads the RDATA of `rtype` from one text, as it stands in a master file after the type.
///
/// # Errors
/// What is wrong with it and where.
pub fn from_text(rtype: Rtype, text: &str, origin: &Name) -> Result<Box<[u8]>, RdataError> {
    if text.len() > TEXT_LEN_MAX {
        return Err(RdataError { at: 0, fault: Fault::TooLong });
    }
    let mut tokenizer = Tokenizer::default();
    tokenizer.feed(text.as_bytes(), 0).map_err(|(at, _)| RdataError { at, fault: Fault::Token })?;
    if tokenizer.open().is_some() {
        return Err(RdataError { at: text.len(), fault: Fault::Token });
    }
    let mut out = Vec::new();
    parse(rtype, &mut tokenizer.tokens(text.as_bytes()), origin, &mut out)?;
    Ok(out.into())
}

/// Appends to `out` the RDATA of `rtype` that the rest of `tokens` spells, in uncompressed wire form.
///
/// # Errors
/// What is wrong with it and where; `out` may have grown then.
pub fn parse(rtype: Rtype, tokens: &mut Tokens<'_>, origin: &Name, out: &mut Vec<u8>) -> Result<(), RdataError> {
    let start = out.len();
    let mut parser = Parser { tokens, origin, out };
    let read = parser.rdata(rtype);
    let length = parser.out.len() - start;
    let read = if read.is_ok() && length > usize::from(u16::MAX) { Err(Fault::TooLong) } else { read };
    read.map_err(|fault| RdataError { at: tokens.last_start(), fault })
}

struct Parser<'a, 'b> {
    tokens: &'b mut Tokens<'a>,
    origin: &'b Name,
    out: &'b mut Vec<u8>,
}

impl<'a> Parser<'a, '_> {
    fn rdata(&mut self, rtype: Rtype) -> Result<(), Fault> {
        if self.tokens.peek().is_some_and(|token| token.kind == Kind::Plain && token.text == br"\#") {
            return self.generic(rtype);
        }
        let fields = descriptor(rtype).and_then(|descriptor| descriptor.fields).ok_or(Fault::GenericOnly)?;
        for &field in fields {
            self.field(field)?;
        }
        if self.tokens.next().is_some() { Err(Fault::Surplus) } else { Ok(()) }
    }

    /// `\# LENGTH HEX…` (RFC 3597 §5).
    fn generic(&mut self, rtype: Rtype) -> Result<(), Fault> {
        self.tokens.next();
        let length = self.tokens.next().ok_or(Fault::GenericForm)?;
        let length: u16 = number(length.text).ok_or(Fault::GenericForm)?;
        let start = self.out.len();
        let mut digits = HexDigits::new();
        for token in self.tokens.by_ref() {
            digits.feed(token.text, self.out).filter(|()| token.kind == Kind::Plain).ok_or(Fault::GenericForm)?;
        }
        if !digits.finish() || self.out.len() - start != usize::from(length) {
            return Err(Fault::GenericForm);
        }
        if is_well_formed(rtype, &self.out[start..]) { Ok(()) } else { Err(Fault::GenericRdata) }
    }

    fn field(&mut self, field: Field) -> Result<(), Fault> {
        match field {
            Field::Texts => return self.texts(),
            Field::Text => return self.text(field),
            Field::Octets => return self.octets(field),
            Field::Base64 => return self.base64(),
            Field::Hex => return self.hex(),
            Field::Bitmap => return self.bitmap(),
            Field::SvcParams => return service::parse(self.tokens, self.out),
            Field::Location => return location::parse(self.tokens, self.out),
            Field::NameIfAny(_) | Field::TextIfAny | Field::Base64IfAny if self.tokens.peek().is_none() => {
                return Ok(());
            }
            Field::TextIfAny | Field::Digits => return self.text(field),
            Field::Base64IfAny => return self.base64(),
            Field::Base64OrDash if self.next_is_dash() => return Ok(()),
            Field::Base64OrDash => return self.base64(),
            Field::Prefixes => return rare::parse_apl(self.tokens, self.out),
            Field::A6 => return rare::parse_a6(self.tokens, self.out),
            Field::NxtBitmap => return rare::parse_nxt(self.tokens, self.out),
            Field::Services => return rare::parse_services(self.tokens, self.out),
            Field::IpsecKey => return gateway::parse_ipseckey(self.tokens, self.origin, self.out),
            Field::AmtRelay => return gateway::parse_amtrelay(self.tokens, self.origin, self.out),
            Field::Hip => return gateway::parse_hip(self.tokens, self.origin, self.out),
            _ => {}
        }
        let text = self.word(field)?;
        let bad = Fault::Bad(field);
        match field {
            Field::Name(_) | Field::NameIfAny(_) => return self.name(text),
            Field::U8 => self.out.push(number(text).ok_or(bad)?),
            Field::Algorithm => self.out.push(algorithm(text).ok_or(bad)?),
            Field::U16 => self.u16(number(text).ok_or(bad)?),
            Field::Type => self.u16(Rtype::from_mnemonic(text).ok_or(bad)?.0),
            Field::OldType => self.u16(old_type(text).ok_or(bad)?.0),
            Field::CertType => self.u16(cert_type(text).ok_or(bad)?),
            Field::U32 => self.u32(number(text).ok_or(bad)?),
            Field::Period => self.u32(period(text).ok_or(bad)?),
            Field::Time => self.u32(time(text).ok_or(bad)?),
            Field::Ipv4 => self.out.extend(address::<Ipv4Addr>(text).ok_or(bad)?.octets()),
            Field::Ipv6 => self.out.extend(address::<Ipv6Addr>(text).ok_or(bad)?.octets()),
            Field::Tag if text.len() < 256 && text.iter().all(u8::is_ascii_alphanumeric) => {
                self.out.push(text.len() as u8);
                self.out.extend_from_slice(text);
            }
            Field::Salt => self.counted::<4>(if text == b"-" { b"" } else { text }).ok_or(bad)?,
            Field::Hash => self.counted::<5>(text).ok_or(bad)?,
            Field::Eui48 => eui(text, 6, self.out).ok_or(bad)?,
            Field::Eui64 => eui(text, 8, self.out).ok_or(bad)?,
            Field::Scheme => self.out.push(scheme(text).ok_or(bad)?),
            Field::Locator => rare::locator(text, self.out).ok_or(bad)?,
            Field::Nsap => rare::nsap(text, self.out).ok_or(bad)?,
            Field::Atma => rare::atma(text, self.out).ok_or(bad)?,
            _ => return Err(bad),
        }
        Ok(())
    }

    /// The next token, which must stand without quotes.
    fn word(&mut self, field: Field) -> Result<&'a [u8], Fault> {
        match self.tokens.next() {
            None => Err(Fault::Missing(field)),
            Some(Token { text, kind: Kind::Plain }) => Ok(text),
            Some(_) => Err(Fault::Bad(field)),
        }
    }

    fn u16(&mut self, value: u16) {
        self.out.extend(value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.out.extend(value.to_be_bytes());
    }

    fn name(&mut self, text: &[u8]) -> Result<(), Fault> {
        if !text.is_ascii() {
            return Err(Fault::NonAscii);
        }
        name::parse_into(text, self.origin.as_wire(), self.out).map_err(Fault::Name)
    }

    fn texts(&mut self) -> Result<(), Fault> {
        self.text(Field::Texts)?;
        while self.tokens.peek().is_some() {
            self.text(Field::Texts)?;
        }
        Ok(())
    }

    fn text(&mut self, field: Field) -> Result<(), Fault> {
        let start = self.out.len();
        self.out.push(0);
        self.octets(field)?;
        self.out[start] = u8::try_from(self.out.len() - start - 1).map_err(|_| Fault::Bad(field))?;
        if field == Field::Digits && !is_x121(&self.out[start + 1..]) { Err(Fault::Bad(field)) } else { Ok(()) }
    }

    /// Whether a `-` is next, which is taken then.
    fn next_is_dash(&mut self) -> bool {
        let is_dash = self.tokens.peek().is_some_and(|token| token.kind == Kind::Plain && token.text == b"-");
        if is_dash {
            self.tokens.next();
        }
        is_dash
    }

    fn octets(&mut self, field: Field) -> Result<(), Fault> {
        let token = self.tokens.next().ok_or(Fault::Missing(field))?;
        if token.kind == Kind::Pair {
            return Err(Fault::Bad(field));
        }
        if unescape(token.text, self.out) { Ok(()) } else { Err(Fault::Name(name::NameError::BadEscape)) }
    }

    fn base64(&mut self) -> Result<(), Fault> {
        let mut digits = Base64Digits::new();
        let start = self.out.len();
        while self.tokens.peek().is_some() {
            let text = self.word(Field::Base64)?;
            digits.feed(text, self.out).ok_or(Fault::Bad(Field::Base64))?;
        }
        if self.out.len() == start {
            return Err(Fault::Missing(Field::Base64));
        }
        if digits.finish() { Ok(()) } else { Err(Fault::Bad(Field::Base64)) }
    }

    fn hex(&mut self) -> Result<(), Fault> {
        let mut digits = HexDigits::new();
        let start = self.out.len();
        while self.tokens.peek().is_some() {
            let text = self.word(Field::Hex)?;
            digits.feed(text, self.out).ok_or(Fault::Bad(Field::Hex))?;
        }
        if self.out.len() == start {
            return Err(Fault::Missing(Field::Hex));
        }
        if digits.finish() { Ok(()) } else { Err(Fault::Bad(Field::Hex)) }
    }

    /// Octets in hexadecimal or Base32hex behind their count; a hash has at least one.
    fn counted<const BITS: u32>(&mut self, text: &[u8]) -> Option<()> {
        let start = self.out.len();
        self.out.push(0);
        let mut digits = super::encoding::Digits::<BITS>::new();
        digits.feed(text, self.out)?;
        let length = self.out.len() - start - 1;
        self.out[start] = u8::try_from(length).ok()?;
        (digits.finish() && (BITS == 4 || length > 0)).then_some(())
    }

    fn bitmap(&mut self) -> Result<(), Fault> {
        let mut types = Vec::new();
        while self.tokens.peek().is_some() {
            let text = self.word(Field::Bitmap)?;
            types.push(Rtype::from_mnemonic(text).ok_or(Fault::Bad(Field::Bitmap))?);
        }
        write_bitmap(&mut types, self.out);
        Ok(())
    }
}

/// Appends the bitmap of `types` (RFC 4034 §4.1.2), which are sorted by it.
pub fn write_bitmap(types: &mut [Rtype], out: &mut Vec<u8>) {
    types.sort_unstable();
    let mut window = None;
    let mut start = 0;
    for &Rtype(number) in types.iter() {
        let [high, low] = number.to_be_bytes();
        if window != Some(high) {
            window = Some(high);
            start = out.len() + 2;
            out.extend([high, 0]);
        }
        out.resize(start + usize::from(low / 8) + 1, 0);
        out[start + usize::from(low / 8)] |= 0x80 >> (low % 8);
        out[start - 1] = low / 8 + 1;
    }
}

/// A type by its mnemonic, `TYPE` and number, or number alone.
pub(super) fn old_type(text: &[u8]) -> Option<Rtype> {
    Rtype::from_mnemonic(text).or_else(|| number(text).map(Rtype))
}

/// Whether a text is an address of X.121: digits, its network's code of four at least (RFC 1183 §3.1).
pub(super) fn is_x121(text: &[u8]) -> bool {
    text.len() >= 4 && text.iter().all(u8::is_ascii_digit)
}

fn address<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `YYYYMMDDHHmmSS`, or seconds since 1970 in at most ten digits (RFC 4034 §3.2).
fn time(text: &[u8]) -> Option<u32> {
    if text.len() != 14 {
        return number(text).filter(|_| text.len() <= 10);
    }
    let part = |from: usize, to: usize| number::<u32>(&text[from..to]);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    // Four octets end in 2106; what stands later wraps in serial arithmetic and could not be told apart. Times near that
    // end BIND writes as if before 1970.
    if !(1902..=2106).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let date = jiff::civil::date(i16::try_from(year).ok()?, 1, 1);
    let date = date.with().month(i8::try_from(month).ok()?).day(i8::try_from(day).ok()?).build().ok()?;
    let days = date.duration_since(jiff::civil::date(1970, 1, 1)).as_secs();
    let seconds = days + i64::from(hour * 3600 + minute * 60 + second);
    (seconds <= i64::from(u32::MAX)).then_some(seconds as u32)
}

/// `count` octets of two hexadecimal digits with hyphens between them (RFC 7043 §3.2).
fn eui(text: &[u8], count: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut octets = 0;
    for part in text.split(|&octet| octet == b'-') {
        if part.len() != 2 {
            return None;
        }
        HexDigits::new().feed(part, out)?;
        octets += 1;
    }
    (octets == count).then_some(())
}
