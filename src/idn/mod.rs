//! Labels: A-label and U-label, input mapping (UTS #46), and the code points that may be registered.

use std::fmt;

/// Longest label in octets (RFC 1035 §2.3.4), counted in A-label form.
pub const LABEL_LEN_MAX: usize = 63;

/// A label that may be registered, in its A-label form; its U-label is derived.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Box<str>);

impl Label {
    /// The label that `text`, a lower-case A-label, was written from by [`Label::as_ascii`]; `None` if it cannot be one.
    ///
    /// For what was checked when it was registered (store, journal): only the form is looked at, so that a label stays
    /// readable after the permitted code points change.
    pub fn from_canonical(text: &str) -> Option<Self> {
        let fits = text.len() <= LABEL_LEN_MAX && text.starts_with("xn--") && !text.ends_with('-');
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (fits && plain).then(|| Self(text.into()))
    }

    /// The lower-case A-label.
    pub fn as_ascii(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({})", self.0)
    }
}
