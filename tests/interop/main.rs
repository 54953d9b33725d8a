//! The same questions to Zhengming, NSD, Knot and BIND: answers may differ only where the table of tolerances says why.
//!
//! `SEED` repeats a run; `INTEROP_FAMILIES` and `INTEROP_QUESTIONS` make it longer; `INTEROP_COLLECTION` is a folder of
//! zones and questions to ask (`collection.rs` says in what form).

mod collection;
mod compare;
mod cookies;
mod differential;
mod ednscomp;
mod faults;
mod packet;
mod packets;
mod peers;
mod probes;
mod questions;
mod random;
mod servers;
mod signed;
#[path = "../common/signed.rs"]
mod signer;
mod signing;
#[path = "../support/mod.rs"]
mod support;
mod world;
mod zones;
