//! One line: how it is written, and how it is known to be whole.
//!
//! ```text
//! {"v":1,"seq":7,…,"prev":"<hash of line 6>","hash":"<SHA-256 of all octets before this comma>"}
//! ```
//! The place of `prev` and `hash` at the end is part of the format: the chain is checked without reading the rest.
//!
//! Lines are written in groups, with one wait for the disk. A line that continues the group of the line before it ends
//! in a space; see `scan` for what that tells after a power cut.

use super::v1::{LineV1, Unknown, VERSION};
use crate::registry::{Hash, Transaction};
use sha2::{Digest, Sha256};

/// How a line starts; inside a line these octets cannot be, since quotes in texts are escaped.
const START: &[u8] = b"{\"v\":";
const HASH: &[u8] = b",\"hash\":\"";
const PREV: &[u8] = b",\"prev\":\"";
/// Octets of a hash in hexadecimal.
const HEX_LEN: usize = 64;
/// Ends a line that continues the group of the line before it.
const CONTINUES: u8 = b' ';

/// What a whole line says of its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) prev: Hash,
    pub(super) hash: Hash,
    /// Whether it was written together with the line before it.
    pub(super) continues: bool,
}

/// Why octets are not a line of this journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// They do not have the form of a line.
    Form,
    /// They are not those the hash was made of.
    Hash,
    /// They are whole, but of another version.
    Version(Box<str>),
}

/// Adds the line of `transaction`, which follows the line with the hash `prev`; its hash.
pub(super) fn write(transaction: &Transaction, prev: &Hash, continues: bool, lines: &mut Vec<u8>) -> Hash {
    let start = lines.len();
    serde_json::to_writer(&mut *lines, &LineV1::new(transaction, prev)).expect("lines always serialise");
    let brace = lines.pop();
    debug_assert_eq!(brace, Some(b'}'), "a line is an object");
    let hash: Hash = Sha256::digest(&lines[start..]).into();
    lines.extend_from_slice(HASH);
    lines.extend_from_slice(to_hex(&hash).as_bytes());
    lines.extend_from_slice(b"\"}");
    if continues {
        lines.push(CONTINUES);
    }
    lines.push(b'\n');
    hash
}

/// The hash at the end of a line, in hexadecimal; none if it is no line. That it is the line's is not looked at.
pub fn written_hash(line: &str) -> Option<&str> {
    let (_, hash) = line.trim_end().strip_suffix("\"}")?.rsplit_once(std::str::from_utf8(HASH).ok()?)?;
    (hash.len() == HEX_LEN).then_some(hash)
}

/// Checks that `line` (without its end) is whole.
pub(super) fn check(line: &[u8]) -> Result<Link, Flaw> {
    let (line, continues) = without_mark(line);
    let (body, hash) = cut_member(line.strip_suffix(b"}").ok_or(Flaw::Form)?, HASH).ok_or(Flaw::Form)?;
    if Sha256::digest(body)[..] != hash {
        return Err(Flaw::Hash);
    }
    let (_, prev) = cut_member(body, PREV).ok_or(Flaw::Form)?;
    let (version, rest) = cut_number(body.strip_prefix(START).ok_or(Flaw::Form)?).ok_or(Flaw::Form)?;
    if version != VERSION.to_string() {
        return Err(Flaw::Version(version.into()));
    }
    let (seq, _) = rest.strip_prefix(b",\"seq\":").and_then(cut_number).ok_or(Flaw::Form)?;
    Ok(Link { seq: seq.parse().map_err(|_| Flaw::Form)?, prev, hash, continues })
}

/// Where in `octets` lines start. A whole line has one start.
pub(super) fn starts(octets: &[u8]) -> impl Iterator<Item = usize> {
    octets.windows(START.len()).enumerate().filter(|(_, window)| *window == START).map(|(at, _)| at)
}

/// Whether `octets` start as a line does.
pub(super) fn starts_as_one(octets: &[u8]) -> bool {
    octets.starts_with(START)
}

/// Whether `octets` end as a line does, whatever its hash.
pub(super) fn ends_as_one(octets: &[u8]) -> bool {
    without_mark(octets).0.strip_suffix(b"}").is_some_and(|line| cut_member(line, HASH).is_some())
}

/// The transaction of a whole line; the text says which member is none that this program knows.
pub(super) fn read(line: &[u8]) -> Result<Transaction, String> {
    let line: LineV1 = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Transaction::try_from(line).map_err(|Unknown(member)| member.to_string())
}

/// A line without the mark of its group.
pub(super) fn without_mark(line: &[u8]) -> (&[u8], bool) {
    line.strip_suffix(&[CONTINUES]).map_or((line, false), |line| (line, true))
}

/// Octets in lower-case hexadecimal.
pub(super) fn to_hex(octets: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).expect("four bits are one digit");
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 0xf)]).collect()
}

/// The octets of lower-case hexadecimal.
pub(super) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Cuts a last member with a hash as its value off `text`.
fn cut_member<'a>(text: &'a [u8], member: &[u8]) -> Option<(&'a [u8], Hash)> {
    let text = text.strip_suffix(b"\"")?;
    let (text, hash) = text.split_at_checked(text.len().checked_sub(HEX_LEN)?)?;
    Some((text.strip_suffix(member)?, from_hex(hash)?.try_into().ok()?))
}

/// Cuts the digits off the front of `text`.
fn cut_number(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|octet| !octet.is_ascii_digit())?;
    let (digits, rest) = text.split_at(end);
    (!digits.is_empty()).then_some((std::str::from_utf8(digits).ok()?, rest))
}
