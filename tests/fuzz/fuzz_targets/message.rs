//! Random octets as a message that is answered: the answer is a message too, and the same by both paths. The first octet
//! chooses the transport.

#![no_main]

#[path = "../checks.rs"]
mod checks;
#[path = "../../common/respond.rs"]
mod respond;

use zhengming::query::Transport;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Some((&choice, message)) = octets.split_first() else { return };
    checks::message(message, Transport::ALL[usize::from(choice) % Transport::ALL.len()]);
});
