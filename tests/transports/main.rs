//! Encrypted transports of DNS, from outside: real handshakes, real clients, good and bad.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

#[path = "../common/dns.rs"]
mod dns;
mod doh;
mod doh3;
mod doq;
mod dot;
mod foreign;
mod kit;
#[path = "../common/served.rs"]
mod served;
