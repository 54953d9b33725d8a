//! Random octets as the data of a cookie option.

#![no_main]

#[path = "../checks.rs"]
mod checks;
#[path = "../../common/respond.rs"]
mod respond;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| checks::cookie(octets));
