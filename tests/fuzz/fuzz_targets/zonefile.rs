//! Random octets as a master file.

#![no_main]

#[path = "../checks.rs"]
mod checks;
#[path = "../../common/respond.rs"]
mod respond;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| checks::master_file(octets));
