//! Service parameters of SVCB and HTTPS (RFC 9460 §2).

use super::encoding::{Base64Digits, base64};
use super::mnemonic::number;
use super::print::quoted;
use super::token::{Kind, Tokens, unescape};
use super::{Fault, Field};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

/// How the value of a key is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Keys,
    Ids,
    Nothing,
    Port,
    Ipv4s,
    Ipv6s,
    Base64,
    Template,
    Text,
}

/// The IANA registry "Service Parameter Keys (SvcParamKeys)".
const KEYS: &[(u16, &str, Value)] = &[
    (0, "mandatory", Value::Keys),
    (1, "alpn", Value::Ids),
    (2, "no-default-alpn", Value::Nothing),
    (3, "port", Value::Port),
    (4, "ipv4hint", Value::Ipv4s),
    (5, "ech", Value::Base64),
    (6, "ipv6hint", Value::Ipv6s),
    (7, "dohpath", Value::Template),
    (8, "ohttp", Value::Nothing),
];
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;

/// Appends the parameters that the rest of `tokens` spells, sorted by key.
pub(super) fn parse(tokens: &mut Tokens<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut params: Vec<(u16, Vec<u8>)> = Vec::new();
    for token in tokens {
        if token.kind == Kind::Quoted {
            return Err(BAD);
        }
        let param = param(token.text).ok_or(BAD)?;
        if params.iter().any(|(key, _)| *key == param.0) {
            return Err(BAD);
        }
        params.push(param);
    }
    params.sort_unstable();
    if !consistent(&params) {
        return Err(BAD);
    }
    for (key, value) in params {
        out.extend(key.to_be_bytes());
        out.extend(u16::try_from(value.len()).map_err(|_| Fault::TooLong)?.to_be_bytes());
        out.extend(value);
    }
    Ok(())
}

const BAD: Fault = Fault::Bad(Field::SvcParams);

/// What RFC 9460 §8 and §7.1.1 ask of the keys of one record.
fn consistent<V: AsRef<[u8]>>(params: &[(u16, V)]) -> bool {
    let has = |wanted: u16| params.iter().any(|(key, _)| *key == wanted);
    let mandatory = params.iter().find(|(key, _)| *key == MANDATORY);
    let listed = mandatory.map_or(&[][..], |(_, value)| value.as_ref());
    let all_there = listed.chunks_exact(2).all(|key| has(u16::from_be_bytes([key[0], key[1]])));
    all_there && (!has(NO_DEFAULT_ALPN) || has(ALPN))
}

fn param(text: &[u8]) -> Option<(u16, Vec<u8>)> {
    let equals = text.iter().position(|&octet| octet == b'=');
    let (name, raw) = match equals {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[][..]),
    };
    let (key, form) = key(name)?;
    let raw = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")).unwrap_or(raw);
    let mut plain = Vec::new();
    if !unescape(raw, &mut plain) {
        return None;
    }
    Some((key, value(form, &plain)?))
}

fn key(name: &[u8]) -> Option<(u16, Value)> {
    if let Some(&(key, _, form)) = KEYS.iter().find(|(_, known, _)| known.as_bytes() == name) {
        return Some((key, form));
    }
    let digits = name.strip_prefix(b"key")?;
    // RFC 9460 §2.1: no leading zeros; 65535 is reserved as invalid.
    if digits.len() > 1 && digits[0] == b'0' {
        return None;
    }
    let key = number(digits).filter(|&key| key != u16::MAX)?;
    Some((key, form_of(key)))
}

fn form_of(key: u16) -> Value {
    KEYS.iter().find(|(known, ..)| *known == key).map_or(Value::Text, |&(.., form)| form)
}

fn value(form: Value, plain: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match form {
        Value::Nothing => return plain.is_empty().then_some(out),
        Value::Text => return Some(plain.to_vec()),
        Value::Template => out.extend_from_slice(plain),
        Value::Port => out.extend(number::<u16>(plain)?.to_be_bytes()),
        Value::Base64 => {
            let mut digits = Base64Digits::new();
            digits.feed(plain, &mut out)?;
            return (digits.finish() && !out.is_empty()).then_some(out);
        }
        Value::Ipv4s => {
            for address in std::str::from_utf8(plain).ok()?.split(',') {
                out.extend(address.parse::<Ipv4Addr>().ok()?.octets());
            }
        }
        Value::Ipv6s => {
            for address in std::str::from_utf8(plain).ok()?.split(',') {
                out.extend(address.parse::<Ipv6Addr>().ok()?.octets());
            }
        }
        Value::Keys => {
            let mut keys = Vec::new();
            for name in plain.split(|&octet| octet == b',') {
                keys.push(key(name)?.0);
            }
            keys.sort_unstable();
            out.extend(keys.iter().flat_map(|key| key.to_be_bytes()));
        }
        Value::Ids => ids(plain, &mut out)?,
    }
    check(form, &out).then_some(out)
}

/// Comma-separated ids, where `\,` and `\\` stand for themselves (RFC 9460 appendix A.1).
fn ids(plain: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut start = out.len();
    out.push(0);
    let mut octets = plain.iter();
    while let Some(&octet) = octets.next() {
        match octet {
            b',' => {
                start = close_id(out, start)?;
                out.push(0);
            }
            b'\\' => out.push(*octets.next()?),
            _ => out.push(octet),
        }
    }
    close_id(out, start).map(|_| ())
}

fn close_id(out: &mut [u8], start: usize) -> Option<usize> {
    let length = out.len() - start - 1;
    out[start] = u8::try_from(length).ok().filter(|&length| length > 0)?;
    Some(out.len())
}

/// Whether an expression of a URI template (RFC 6570 §2.2) has this variable.
fn names_variable(template: &str, wanted: &str) -> bool {
    let expressions = template.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0));
    let variables = expressions.flat_map(|one| one.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']).split(','));
    variables.map(|variable| variable.split([':', '*']).next().unwrap_or_default()).any(|name| name == wanted)
}

/// Whether `octets` are a value of this form.
fn check(form: Value, octets: &[u8]) -> bool {
    match form {
        Value::Nothing => octets.is_empty(),
        Value::Text => true,
        Value::Port => octets.len() == 2,
        Value::Base64 => !octets.is_empty(),
        // A relative URI template with the variable `dns`, in UTF-8 (RFC 9461 §5).
        Value::Template => {
            octets.first() == Some(&b'/') && std::str::from_utf8(octets).is_ok_and(|text| names_variable(text, "dns"))
        }
        Value::Ipv4s => !octets.is_empty() && octets.len().is_multiple_of(4),
        Value::Ipv6s => !octets.is_empty() && octets.len().is_multiple_of(16),
        Value::Keys => {
            let keys: Vec<u16> = octets.chunks_exact(2).map(|key| u16::from_be_bytes([key[0], key[1]])).collect();
            // Strictly rising, without `mandatory` itself (RFC 9460 §8).
            octets.len().is_multiple_of(2)
                && keys.first().is_some_and(|&key| key > MANDATORY)
                && keys.is_sorted_by(|a, b| a < b)
        }
        Value::Ids => {
            let mut rest = octets;
            while let Some((&length @ 1.., after)) = rest.split_first() {
                let Some(after) = after.get(usize::from(length)..) else { return false };
                rest = after;
            }
            !octets.is_empty() && rest.is_empty()
        }
    }
}

/// Appends the parameters in presentation form; none if they are malformed.
pub(super) fn print(octets: &[u8], out: &mut String) -> Option<()> {
    let mut params: Vec<(u16, &[u8])> = Vec::new();
    let mut rest = octets;
    while let [key_high, key_low, high, low, after @ ..] = rest {
        let key = u16::from_be_bytes([*key_high, *key_low]);
        let (value, after) = after.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        if key == u16::MAX || params.last().is_some_and(|(last, _)| *last >= key) || !check(form_of(key), value) {
            return None;
        }
        params.push((key, value));
        rest = after;
    }
    if !rest.is_empty() || !consistent(&params) {
        return None;
    }
    for (position, (key, value)) in params.into_iter().enumerate() {
        if position > 0 {
            out.push(' ');
        }
        push_key(key, out);
        print_value(form_of(key), value, out);
    }
    Some(())
}

fn push_key(key: u16, out: &mut String) {
    match KEYS.iter().find(|(known, ..)| *known == key) {
        Some((_, name, _)) => out.push_str(name),
        None => write!(out, "key{key}").expect("writing to a String cannot fail"),
    }
}

fn print_value(form: Value, octets: &[u8], out: &mut String) {
    if form == Value::Nothing || (form == Value::Text && octets.is_empty()) {
        return;
    }
    out.push('=');
    match form {
        Value::Nothing => {}
        Value::Text | Value::Template => quoted(octets, out),
        Value::Base64 => base64(octets, out),
        Value::Port => list(octets.chunks_exact(2), out, |port| u16::from_be_bytes([port[0], port[1]]).to_string()),
        Value::Ipv4s => list(octets.as_chunks::<4>().0.iter(), out, |&address| Ipv4Addr::from(address).to_string()),
        Value::Ipv6s => list(octets.as_chunks::<16>().0.iter(), out, |&address| Ipv6Addr::from(address).to_string()),
        Value::Keys => list(octets.chunks_exact(2), out, |key| {
            let mut name = String::new();
            push_key(u16::from_be_bytes([key[0], key[1]]), &mut name);
            name
        }),
        Value::Ids => {
            let mut joined = Vec::new();
            let mut rest = octets;
            while let Some((&length, after)) = rest.split_first() {
                let (id, after) = after.split_at(usize::from(length));
                if !joined.is_empty() {
                    joined.push(b',');
                }
                for &octet in id {
                    if matches!(octet, b',' | b'\\') {
                        joined.push(b'\\');
                    }
                    joined.push(octet);
                }
                rest = after;
            }
            quoted(&joined, out);
        }
    }
}

fn list<T>(items: impl Iterator<Item = T>, out: &mut String, text: impl Fn(T) -> String) {
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(&text(item));
    }
}
