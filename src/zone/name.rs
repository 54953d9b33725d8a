//! Domain names in uncompressed wire form (RFC 1035 §3.1).

use std::fmt;

/// Longest name in octets, the root label included (RFC 1035 §2.3.4).
pub const NAME_LEN_MAX: usize = 255;
/// Longest label in octets (RFC 1035 §2.3.4).
pub const LABEL_LEN_MAX: usize = 63;

/// An absolute name in uncompressed wire form, in the case it was written in. Comparison by `==` is by octets;
/// names compare as DNS does after [`Name::to_lowercase`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<[u8]>);

/// A text or octets that are no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An empty label, as in `a..b`.
    #[error("a label is empty")]
    EmptyLabel,
    /// A label of more than 63 octets.
    #[error("a label is longer than 63 octets")]
    LabelTooLong,
    /// More than 255 octets.
    #[error("the name is longer than 255 octets")]
    NameTooLong,
    /// A backslash followed by neither a character nor three digits up to 255.
    #[error("a backslash stands before neither a character nor a number up to 255")]
    BadEscape,
    /// Octets that end inside a label, or a compression pointer.
    #[error("the octets are no uncompressed name")]
    BadWire,
}

impl Name {
    /// The root.
    pub fn root() -> Self {
        Self(Box::new([0]))
    }

    /// The name at the start of `octets`, which must be uncompressed; also how many octets it took.
    ///
    /// # Errors
    /// [`NameError::BadWire`] or [`NameError::NameTooLong`].
    pub fn from_wire(octets: &[u8]) -> Result<(Self, usize), NameError> {
        let mut at = 0;
        loop {
            let length = *octets.get(at).ok_or(NameError::BadWire)? as usize;
            if length > LABEL_LEN_MAX {
                return Err(NameError::BadWire);
            }
            at += 1 + length;
            if at > NAME_LEN_MAX {
                return Err(NameError::NameTooLong);
            }
            if length == 0 {
                return Ok((Self(octets[..at].into()), at));
            }
        }
    }

    /// The name written as `text` (RFC 1035 §5.1, `\X` and `\DDD` understood); a name without a final dot is taken
    /// relative to `origin`.
    ///
    /// # Errors
    /// Which rule of names the text breaks.
    pub fn parse(text: &[u8], origin: &Name) -> Result<Self, NameError> {
        let mut wire = Vec::with_capacity(text.len() + 2);
        parse_into(text, &origin.0, &mut wire)?;
        Ok(Self(wire.into()))
    }

    /// An absolute name from text, with or without a final dot.
    ///
    /// # Errors
    /// Which rule of names the text breaks.
    pub fn absolute(text: &str) -> Result<Self, NameError> {
        Self::parse(text.as_bytes(), &Self::root())
    }

    /// The octets, root label included.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels from left to right, the root label left out.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let length = rest[0] as usize;
            let label = (length > 0).then(|| &rest[1..=length])?;
            rest = &rest[1 + length..];
            Some(label)
        })
    }

    /// The name with its ASCII letters in lower case (RFC 4343).
    pub fn to_lowercase(&self) -> Self {
        // Length octets are below b'A', so lowering every octet cannot change them.
        Self(self.0.to_ascii_lowercase().into())
    }

    /// Whether the name is `ancestor` or below it, case aside.
    pub fn is_within(&self, ancestor: &Name) -> bool {
        self.relative_to(ancestor).is_some()
    }

    /// The octets of the labels before `ancestor`'s, without a root label (empty for the ancestor itself).
    pub fn relative_to(&self, ancestor: &Name) -> Option<&[u8]> {
        let mut at = 0;
        loop {
            if self.0.len() - at == ancestor.0.len() && self.0[at..].eq_ignore_ascii_case(&ancestor.0) {
                return Some(&self.0[..at]);
            }
            let length = self.0[at] as usize;
            if length == 0 {
                return None;
            }
            at += 1 + length;
        }
    }

    /// The name one label up; the root has none.
    pub fn parent(&self) -> Option<Self> {
        let length = self.0[0] as usize;
        (length > 0).then(|| Self(self.0[1 + length..].into()))
    }
}

/// Appends the wire form of the name written as `text`, relative to `origin` in wire form, as [`Name::parse`] reads it.
///
/// # Errors
/// Which rule of names the text breaks; `out` may have grown then.
pub fn parse_into(text: &[u8], origin: &[u8], out: &mut Vec<u8>) -> Result<(), NameError> {
    if text == b"." {
        out.push(0);
        return Ok(());
    }
    let first = out.len();
    if text == b"@" {
        out.extend_from_slice(origin);
        return Ok(());
    }
    if text.is_empty() {
        return Err(NameError::EmptyLabel);
    }
    let mut start = first;
    out.push(0);
    let mut rest = text;
    let mut absolute = false;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        absolute = octet == b'.';
        let length = out.len() - start - 1;
        if absolute {
            if length == 0 {
                return Err(NameError::EmptyLabel);
            }
            out[start] = length as u8;
            start = out.len();
            out.push(0);
            continue;
        }
        if length == LABEL_LEN_MAX {
            return Err(NameError::LabelTooLong);
        }
        let octet = if octet == b'\\' { unescape(&mut rest)? } else { octet };
        out.push(octet);
    }
    if !absolute {
        out[start] = (out.len() - start - 1) as u8;
        out.extend_from_slice(origin);
    }
    if out.len() - first > NAME_LEN_MAX { Err(NameError::NameTooLong) } else { Ok(()) }
}

/// How many octets the uncompressed name at the start of `octets` takes, if one is there.
pub fn wire_len(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let length = usize::from(*octets.get(at)?);
        at += 1 + length;
        if length > LABEL_LEN_MAX || at > NAME_LEN_MAX {
            return None;
        }
        if length == 0 {
            return Some(at);
        }
    }
}

fn unescape(rest: &mut &[u8]) -> Result<u8, NameError> {
    match **rest {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            let value = u32::from(a - b'0') * 100 + u32::from(b - b'0') * 10 + u32::from(c - b'0');
            *rest = &rest[3..];
            u8::try_from(value).map_err(|_| NameError::BadEscape)
        }
        [b'0'..=b'9', ..] | [] => Err(NameError::BadEscape),
        [octet, ..] => {
            *rest = &rest[1..];
            Ok(octet)
        }
    }
}

impl fmt::Display for Name {
    /// Presentation form with a final dot; unusual octets as `\DDD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() == 1 {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => write!(f, "\\{}", octet as char)?,
                    0x21..=0x7e => write!(f, "{}", octet as char)?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
