//! Random octets as a request: the message, and what answers it. The first octet chooses the transport and the room.

#![no_main]

#[path = "../checks.rs"]
mod checks;
#[path = "../../common/respond.rs"]
mod respond;

use zhengming::query::Transport;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let Some((&choice, request)) = octets.split_first() else { return };
    let transport = Transport::ALL[usize::from(choice) % Transport::ALL.len()];
    checks::request(request, transport, 500 + 50 * usize::from(choice / 5));
});
