//! Transaction signatures (TSIG, RFC 8945): keys, the check of a signed request, the signature of its answer.
//!
//! ```text
//! message ─▶ Record::read ─▶ Keys::check ─▶ Check ─▶ sign ─▶ answer with its own TSIG
//! ```
//!
//! Octets go in and come out; time is an argument. Nothing here allocates but the making of keys, and nothing is
//! remembered from one request to the next: a query that is replayed within its fudge is answered again, which does no
//! harm, where a cache of times (§5.2.3) would need a lock and would refuse what UDP merely delivered out of order.

mod algorithm;
mod check;
mod key;
mod record;

pub use algorithm::Algorithm;
pub use check::{Check, Verdict};
pub use key::{Key, KeyError, Keys};
pub use record::Record;

/// Longest name in octets, the root label included (RFC 1035 §2.3.4).
const NAME_LEN_MAX: usize = 255;
/// Octets of a message's header.
const HEADER_LEN: usize = 12;
/// Where a message's count of additional records stands.
const ARCOUNT_AT: usize = 10;
/// Type TSIG.
const TYPE_TSIG: u16 = 250;
/// Class ANY, which every TSIG record has (RFC 8945 §4.2).
const CLASS_ANY: u16 = 255;

#[cfg(test)]
mod tests;
