//! The one writer, with a real journal and a real store in a temporary directory, and a clock that tests set.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

mod changes;
mod faults;
mod reload;
mod restart;
mod schedule;
mod world;
