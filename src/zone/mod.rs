//! What is served: names in wire form, records, the index of one zone and the set of zones.
//!
//! A zone is its master file's records plus, where it is a suffix of ours, the registrations published under it. Both
//! live in [`Pages`], a persistent index: an edit copies a few small pages and leaves every older version as it was.

pub mod contents;
pub mod name;
pub mod pages;
pub mod published;
pub mod record;
pub mod set;

pub use contents::{Gateway, Zone, ZoneError};
pub use name::{Name, NameError};
pub use pages::{Pages, PagesEdit};
pub use published::Published;
pub use record::{Record, Rtype};
pub use set::ZoneSet;
