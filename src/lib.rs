//! Zhengming (正名): the name service of `.政务` and `.公益`.

#![deny(unsafe_code)]
#![warn(missing_docs)]

#[cfg(all(feature = "test-clock", not(debug_assertions)))]
compile_error!("the test clock is never part of a release build");

pub mod admin;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod gateway;
pub mod http;
pub mod idn;
pub mod journal;
pub mod publication;
pub mod query;
pub mod registry;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod telemetry;
pub mod update;
pub mod zone;
pub mod zonefile;
