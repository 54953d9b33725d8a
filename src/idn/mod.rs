//! Labels: A-label and U-label, input mapping (UTS #46), the code points that may be registered, and their variants.
//!
//! Three steps, in this order: what a person types is mapped (width, case, compatibility forms), then held against our
//! own repertoire, then encoded. The `idna` crate alone is not strict enough: it lets `中国・政府` and `〇九一医院` pass.
//!
//! What is a label at all is decided here. Whether it may be registered now is for the [`Table`] that is configured to
//! say ([`Table::check`]): what was registered under another table must stay readable.

mod error;
mod host;
mod phrases;
pub mod table;
#[cfg(test)]
mod tests;

pub use error::{LabelError, Unfit};
pub use host::{host_to_ascii, split_name, to_unicode};
pub use table::{Bundle, Form, Table, Variant};

use idna::punycode;
use idna::uts46::{AsciiDenyList, Hyphens, Uts46};
use std::fmt;

/// Longest label in octets (RFC 1035 §2.3.4), counted in A-label form.
pub const LABEL_LEN_MAX: usize = 63;
/// Longest input that is looked at, in octets of UTF-8: 63 characters of four octets each, and as many that mapping
/// removes. What is longer cannot become a label, and need not cost a mapping.
pub const INPUT_LEN_MAX: usize = 512;

/// What an A-label begins with (RFC 5890 §2.3.2.1).
const ACE_PREFIX: &str = "xn--";

/// A label that may be registered, in its A-label form; its U-label is derived.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Box<str>);

impl Label {
    /// The label that a person wrote as `input`: U-label or A-label, in any width and case.
    ///
    /// # Errors
    /// The first rule of labels that the input breaks, with the character and its position in the input.
    pub fn parse(input: &str) -> Result<Self, LabelError> {
        Self::parse_in(input, None)
    }

    /// [`Label::parse`], where the characters of `table` are taken beside those of the unified block.
    ///
    /// # Errors
    /// The same.
    pub fn parse_in(input: &str, table: Option<&Table>) -> Result<Self, LabelError> {
        if input.len() > INPUT_LEN_MAX {
            return Err(LabelError::TooLong { octets: input.len() });
        }
        let mapped = map(input, table)?;
        let text: String = mapped.iter().map(|m| m.to).collect();
        if text.starts_with(ACE_PREFIX) && text.is_ascii() {
            return Self::parse_ascii(&text, table);
        }
        check_form(&mapped, table)?;
        Self::encode(&text)
    }

    /// The label that `text`, a lower-case A-label, was written from by [`Label::as_ascii`]; `None` if it cannot be one.
    ///
    /// For what was checked when it was registered (store, journal): only the form is looked at, so that a label stays
    /// readable after the permitted code points change.
    pub fn from_canonical(text: &str) -> Option<Self> {
        let fits = text.len() <= LABEL_LEN_MAX && text.starts_with(ACE_PREFIX) && !text.ends_with('-');
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (fits && plain).then(|| Self(text.into()))
    }

    /// The lower-case A-label.
    pub fn as_ascii(&self) -> &str {
        &self.0
    }

    /// The U-label.
    pub fn as_unicode(&self) -> String {
        host::label_to_unicode(&self.0)
    }

    /// A label from a lower-case A-label: what it stands for must be registrable, and encode to exactly it again.
    fn parse_ascii(ascii: &str, table: Option<&Table>) -> Result<Self, LabelError> {
        if ascii.len() > LABEL_LEN_MAX {
            return Err(LabelError::TooLong { octets: ascii.len() });
        }
        let text = punycode::decode_to_string(&ascii[ACE_PREFIX.len()..]).ok_or(LabelError::NoALabel)?;
        let characters: Vec<Mapped> =
            text.chars().enumerate().map(|(i, c)| Mapped { to: c, from: c, position: i + 1 }).collect();
        if let Some(m) = characters.iter().find(|m| !is_permitted(m.to, table)) {
            return Err(LabelError::Character { character: m.from, position: m.position, why: Unfit::of(m.from) });
        }
        check_form(&characters, table)?;
        let label = Self::encode(&text)?;
        if label.as_ascii() == ascii { Ok(label) } else { Err(LabelError::NoALabel) }
    }

    /// Encodes a U-label that has passed every other check.
    fn encode(text: &str) -> Result<Self, LabelError> {
        let encoded = punycode::encode_str(text).ok_or(LabelError::TooLong { octets: text.len() })?;
        let octets = ACE_PREFIX.len() + encoded.len();
        if octets > LABEL_LEN_MAX {
            return Err(LabelError::TooLong { octets });
        }
        Ok(Self(format!("{ACE_PREFIX}{encoded}").into()))
    }
}

/// One character after mapping, and where it came from.
#[derive(Clone, Copy)]
struct Mapped {
    to: char,
    from: char,
    /// From 1, in the input.
    position: usize,
}

/// Maps each character by UTS #46 and holds what results against the repertoire. One at a time, so that a refusal can
/// name the character as it was typed; that equals mapping the whole, as nothing in the repertoire composes (NFC).
fn map(input: &str, table: Option<&Table>) -> Result<Vec<Mapped>, LabelError> {
    let mut mapped = Vec::with_capacity(input.len());
    for (index, from) in input.chars().enumerate() {
        let position = index + 1;
        let refused = || LabelError::Character { character: from, position, why: Unfit::of(from) };
        if from.is_ascii() {
            mapped.push(Mapped { to: from.to_ascii_lowercase(), from, position });
        } else {
            let mut octets = [0; 4];
            let one = from.encode_utf8(&mut octets).as_bytes();
            let (to, result) = Uts46::new().to_unicode(one, AsciiDenyList::EMPTY, Hyphens::Allow);
            result.map_err(|_| refused())?;
            mapped.extend(to.chars().map(|to| Mapped { to, from, position }));
        }
        if mapped.iter().rev().take_while(|m| m.position == position).any(|m| !is_permitted(m.to, table)) {
            return Err(refused());
        }
    }
    Ok(mapped)
}

/// Checks what is about the label as a whole: hyphens, and that it is Chinese at all.
fn check_form(characters: &[Mapped], table: Option<&Table>) -> Result<(), LabelError> {
    let (Some(first), Some(last)) = (characters.first(), characters.last()) else {
        return Err(LabelError::Empty);
    };
    if let Some(edge) = [first, last].into_iter().find(|m| m.to == '-') {
        return Err(LabelError::HyphenAtEdge { position: edge.position });
    }
    // RFC 5891 §4.2.3.1 bans hyphens in places 3 and 4; the registry bans two in a row anywhere.
    if let Some(pair) = characters.windows(2).find(|pair| pair.iter().all(|m| m.to == '-')) {
        return Err(LabelError::DoubleHyphen { position: pair[0].position });
    }
    if !characters.iter().any(|m| !m.to.is_ascii() && is_permitted(m.to, table)) {
        return Err(LabelError::NoIdeograph);
    }
    Ok(())
}

/// Whether `c`, after mapping, may stand in a label.
fn is_permitted(c: char, table: Option<&Table>) -> bool {
    is_ideograph(c) || matches!(c, 'a'..='z' | '0'..='9' | '-') || table.is_some_and(|table| table.contains(c))
}

/// The unified ideographs that the registry takes where no table says more.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{4E00}'..='\u{9FFF}')
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({})", self.0)
    }
}
