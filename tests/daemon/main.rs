//! The running program, seen from outside: real process, real packets, real HTTP.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod activation;
mod applications;
mod brake;
mod browser;
mod change_to_answer;
mod crash_recovery;
mod disk_full;
mod encrypted;
mod estate;
mod holds_and_terms;
mod hostile;
mod interfaces;
mod kit;
mod memory;
mod receiver;
mod restart;
mod signals;
mod site_review;
mod store_damage;
mod stories;
mod story_e10;
mod story_e11;
mod story_e15;
mod story_e9;
mod tokens;
mod told;
mod tools;
mod unloaded;
mod variants;
