//! Positions on the earth: the RDATA of LOC (RFC 1876).

use super::mnemonic::number;
use super::token::{Kind, Tokens};
use super::{Fault, Field};
use std::fmt::Write as _;

/// The equator and the prime meridian, in thousandths of a second of arc (RFC 1876 §2).
const MIDDLE: u32 = 1 << 31;
const ARC_DEGREE: u32 = 3_600_000;
/// The altitude counts from 100,000 m below the reference spheroid, in centimetres.
const ALTITUDE_BASE: i64 = 10_000_000;
/// Defaults of size, horizontal and vertical precision: 1 m, 10 km, 10 m.
const PRECISIONS: [u8; 3] = [0x12, 0x16, 0x13];
const BAD: Fault = Fault::Bad(Field::Location);

/// Appends `d1 [m1 [s1]] N|S d2 [m2 [s2]] E|W alt[m] [size[m] [hp[m] [vp[m]]]]`.
pub(super) fn parse(tokens: &mut Tokens<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let latitude = angle(tokens, 90, *b"NS")?;
    let longitude = angle(tokens, 180, *b"EW")?;
    let altitude = word(tokens)?;
    let altitude = match altitude.strip_prefix(b"-") {
        Some(depth) => -metres(depth).ok_or(BAD)?,
        None => metres(altitude).ok_or(BAD)?,
    };
    let altitude = u32::try_from(altitude + ALTITUDE_BASE).map_err(|_| BAD)?;
    let mut precisions = PRECISIONS;
    for precision in &mut precisions {
        if tokens.peek().is_some() {
            *precision = pack(metres(word(tokens)?).ok_or(BAD)?).ok_or(BAD)?;
        }
    }
    out.push(0);
    out.extend(precisions);
    for value in [latitude, longitude, altitude] {
        out.extend(value.to_be_bytes());
    }
    Ok(())
}

fn word<'a>(tokens: &mut Tokens<'a>) -> Result<&'a [u8], Fault> {
    let token = tokens.next().ok_or(Fault::Missing(Field::Location))?;
    if token.kind == Kind::Plain { Ok(token.text) } else { Err(BAD) }
}

/// Degrees, minutes and seconds up to the letter of the hemisphere; the first letter is the positive one.
fn angle(tokens: &mut Tokens<'_>, degrees_max: u32, [positive, negative]: [u8; 2]) -> Result<u32, Fault> {
    let mut arc = 0;
    let mut scale = ARC_DEGREE;
    loop {
        let text = word(tokens)?;
        if scale < ARC_DEGREE && text.eq_ignore_ascii_case(&[positive]) {
            return Ok(MIDDLE + arc);
        }
        if scale < ARC_DEGREE && text.eq_ignore_ascii_case(&[negative]) {
            return Ok(MIDDLE - arc);
        }
        let (part, limit) = match scale {
            ARC_DEGREE => (number::<u32>(text).ok_or(BAD)?, degrees_max + 1),
            60_000 => (number::<u32>(text).ok_or(BAD)?, 60),
            // The seconds come with up to three decimals, so they are counted in thousandths already.
            1_000 => (decimal(text, 3).and_then(|part| u32::try_from(part).ok()).ok_or(BAD)?, 60_000),
            _ => return Err(BAD),
        };
        if part >= limit {
            return Err(BAD);
        }
        arc += if scale == 1_000 { part } else { part * scale };
        if arc > degrees_max * ARC_DEGREE {
            return Err(BAD);
        }
        scale = if scale == 1_000 { 0 } else { scale / 60 };
    }
}

/// A decimal number of at most nine digits before the point and `places` after it, as an integer of its last place.
fn decimal(text: &[u8], places: usize) -> Option<i64> {
    let (whole, part) = match text.iter().position(|&octet| octet == b'.') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b"0"[..]),
    };
    if whole.len() > 9 || part.len() > places {
        return None;
    }
    let missing = u32::try_from(places - part.len()).ok()?;
    Some(number::<i64>(whole)? * 10i64.pow(places as u32) + number::<i64>(part)? * 10i64.pow(missing))
}

/// Metres with up to two decimals and an optional `m`, in centimetres.
fn metres(text: &[u8]) -> Option<i64> {
    decimal(text.strip_suffix(b"m").or(text.strip_suffix(b"M")).unwrap_or(text), 2)
}

/// Centimetres as one digit and a power of ten (RFC 1876 §2).
fn pack(centimetres: i64) -> Option<u8> {
    let (mut digit, mut power) = (centimetres, 0u8);
    while digit > 9 {
        digit /= 10;
        power += 1;
    }
    (power <= 9).then_some((digit as u8) << 4 | power)
}

/// Appends the presentation form; none if the octets are of another version or out of range.
pub(super) fn print(octets: &[u8], out: &mut String) -> Option<()> {
    let [0, precisions @ .., _, _, _, _, _, _, _, _, _, _, _, _] = octets else { return None };
    let value = |at: usize| Some(u32::from_be_bytes(octets.get(at..at + 4)?.try_into().ok()?));
    print_angle(value(4)?, 90, ['N', 'S'], out)?;
    print_angle(value(8)?, 180, ['E', 'W'], out)?;
    let altitude = i64::from(value(12)?) - ALTITUDE_BASE;
    let sign = if altitude < 0 { "-" } else { "" };
    push(out, format_args!("{sign}{}.{:02}m", altitude.abs() / 100, altitude.abs() % 100));
    for &precision in precisions {
        let (digit, power) = (precision >> 4, precision & 15);
        // Zero has one form; two would not be read back as they were.
        if digit > 9 || power > 9 || (digit == 0 && power > 0) {
            return None;
        }
        let centimetres = u64::from(digit) * 10u64.pow(u32::from(power));
        push(out, format_args!(" {}.{:02}m", centimetres / 100, centimetres % 100));
    }
    Some(())
}

fn print_angle(value: u32, degrees_max: u32, [positive, negative]: [char; 2], out: &mut String) -> Option<()> {
    let arc = value.abs_diff(MIDDLE);
    if arc > degrees_max * ARC_DEGREE {
        return None;
    }
    let (degrees, minutes) = (arc / ARC_DEGREE, arc / 60_000 % 60);
    let (seconds, thousandths) = (arc / 1_000 % 60, arc % 1_000);
    let hemisphere = if value >= MIDDLE { positive } else { negative };
    push(out, format_args!("{degrees} {minutes} {seconds}.{thousandths:03} {hemisphere} "));
    Some(())
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}
