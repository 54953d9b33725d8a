//! Ids of what transactions create: a letter and the `seq` of the transaction.

use std::fmt;

/// The number in `text` after `letter`, if it is written as the program writes it.
pub(super) fn parse(letter: char, text: &str) -> Option<u64> {
    let digits = text.strip_prefix(letter)?;
    let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    canonical.then(|| digits.parse().ok()).flatten()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $letter:literal,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// The id of `text`, if it is one.
            pub fn parse(text: &str) -> Option<Self> {
                parse($letter, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $letter, self.0)
            }
        }
    )+};
}

ids! {
    /// A change of resolution, `c42`.
    ChangeId = 'c',
    /// An application, `a42`.
    ApplicationId = 'a',
    /// An order, `o42`.
    OrderId = 'o',
    /// A remittance, `r42`.
    RemittanceId = 'r',
    /// A review of a unit's site, `s42`.
    SiteReviewId = 's',
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        assert_eq!(OrderId::parse("o42"), Some(OrderId(42)));
        assert_eq!(OrderId(42).to_string(), "o42");
        for text in ["", "o", "42", "o042", "o-1", "o+1", "O42", "a42", "o42 ", "o99999999999999999999"] {
            assert_eq!(OrderId::parse(text), None, "{text}");
        }
    }
}
