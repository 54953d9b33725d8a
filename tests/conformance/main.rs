//! What the standards and the registry's answer table ask of one answer, by document and section.

#[path = "../common/respond.rs"]
mod dns;
#[path = "../common/signed.rs"]
mod signed;

mod access;
mod answer_table;
mod dnssec;
mod rfc1034;
mod rfc1035;
mod rfc1996;
mod rfc2181;
mod rfc2308;
mod rfc2782;
mod rfc3597;
mod rfc4035;
mod rfc4343;
mod rfc4592;
mod rfc4892;
mod rfc5155;
mod rfc6672;
mod rfc6891;
mod rfc7828;
mod rfc7830;
mod rfc7873;
mod rfc8020;
mod rfc8482;
mod rfc8484;
mod rfc8906;
mod rfc8914;
mod rfc8945;
mod rfc9250;
mod rfc9471;
mod rfc9660;
mod rrset_order;
mod truncated;
mod unloaded;
