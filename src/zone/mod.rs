//! What is served: names in wire form, records, the index of one zone and the set of zones.
//!
//! A zone is its master file's records plus, where it is a suffix of ours, the registrations published under it. Both
//! live in [`Pages`], a persistent index: an edit copies a few small pages and leaves every older version as it was.

pub mod name;
pub mod record;

pub use name::{Name, NameError};
pub use record::{Record, Rtype};
