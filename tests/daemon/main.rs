//! The running program, seen from outside: real process, real packets, real HTTP.

#[path = "../support/mod.rs"]
mod support;

mod change_to_answer;
mod crash_recovery;
mod estate;
mod holds_and_terms;
mod kit;
mod stories;
mod tools;
