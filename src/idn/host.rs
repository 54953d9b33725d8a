//! Whole names: split at every kind of dot, in ASCII for machines, in Unicode for people.

use super::{ACE_PREFIX, LABEL_LEN_MAX};
use idna::punycode;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// Longest host name in octets without its final dot (RFC 1035 §2.3.4: 255 with length octets and root).
const HOST_LEN_MAX: usize = 253;
/// Longest UTF-8 input that is looked at: 253 characters of four octets.
const HOST_INPUT_LEN_MAX: usize = 4 * HOST_LEN_MAX;

/// The labels of `name`, split at ASCII, ideographic, full-width and half-width full stops; one final dot is dropped.
pub fn split_name(name: &str) -> Vec<&str> {
    let name = name.strip_suffix(is_dot).unwrap_or(name);
    name.split(is_dot).collect()
}

/// The host name a client sent, in lower-case A-labels without a final dot; `None` if it cannot be one. Any case, a final
/// dot, UTF-8 and full-width dots are understood; a port is not.
pub fn host_to_ascii(host: &str) -> Option<String> {
    if host.len() > HOST_INPUT_LEN_MAX {
        return None;
    }
    let host = host.strip_suffix(is_dot).unwrap_or(host);
    let ascii = if host.is_ascii() {
        host.to_ascii_lowercase()
    } else {
        let mapped = Uts46::new().to_ascii(host.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Verify);
        mapped.ok()?.into_owned()
    };
    is_host(&ascii).then_some(ascii)
}

/// `ascii_name` with its A-labels as U-labels, for people to read; labels that stand for nothing stay as they are.
pub fn to_unicode(ascii_name: &str) -> String {
    let labels: Vec<String> = ascii_name.split('.').map(label_to_unicode).collect();
    labels.join(".")
}

/// One label, as [`to_unicode`] shows it.
pub(super) fn label_to_unicode(label: &str) -> String {
    let decoded = label.strip_prefix(ACE_PREFIX).filter(|rest| rest.len() <= LABEL_LEN_MAX);
    let decoded = decoded.and_then(punycode::decode_to_string);
    // Only what a person may take for what it is: letters and digits, nothing that hides or reorders.
    let shown = decoded.filter(|text| text.chars().all(|c| c == '-' || c.is_alphanumeric()));
    shown.unwrap_or_else(|| label.into())
}

fn is_dot(c: char) -> bool {
    matches!(c, '.' | '。' | '．' | '｡')
}

fn is_host(ascii: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_label = |label: &str| (1..=LABEL_LEN_MAX).contains(&label.len()) && label.bytes().all(plain);
    ascii.len() <= HOST_LEN_MAX && ascii.split('.').all(is_label)
}
