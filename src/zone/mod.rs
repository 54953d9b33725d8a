//! What is served: names in wire form, records, the index of one zone and the set of zones.
//!
//! A zone is its master file's records plus, where it is a suffix of ours, the registrations published under it. Both
//! live in [`Pages`], a persistent index: an edit copies a few small pages and leaves every older version as it was.

mod allowed;
mod build;
pub mod canonical;
pub mod contents;
pub mod denial;
pub mod drafts;
pub mod fragment;
pub mod lookup;
pub mod name;
pub mod node;
pub mod pages;
pub mod published;
pub mod qname;
pub mod rdata;
pub mod record;
mod same;
pub mod set;
mod unloaded;

pub use contents::{Gateway, SoaRef, Zone, ZoneError};
pub use denial::{Denial, Link};
pub use drafts::{Draft, Drafts};
pub use lookup::{Found, Gap};
pub use name::{Name, NameError};
pub use node::{NodeRef, RrsetRef};
pub use pages::{Bucket, Gathered, Hash, Pages, PagesEdit, Stored};
pub use published::{Published, PublishedRef};
pub use qname::Qname;
pub use record::{Record, Rtype};
pub use set::{Closest, Enclosing, Tail, ZoneSet};
pub use unloaded::Unloaded;
