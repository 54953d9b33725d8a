//! Random octets as a message that ends with a TSIG record: no panic, and an answer is signed within its room.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zhengming::tsig::{Algorithm, Key, Keys, Record};

fuzz_target!(|input: (u16, u64, Vec<u8>)| {
    let (start, now, message) = input;
    let algorithm = Algorithm::from_text("hmac-sha256-128").expect("an algorithm");
    let keys = Keys::new(vec![Key::new(b"\x01k\0", algorithm, b"secret").expect("a key")]);
    let Some(record) = Record::read(&message, usize::from(start)) else { return };
    let check = keys.check(&record, now);
    for room in [12, 12 + check.record_len() - 1.min(check.record_len()), 12 + check.record_len()] {
        let mut answer = vec![0; room];
        let signed = check.sign(&record, &mut answer, 12, now);
        assert!(signed.is_none_or(|len| len <= room));
    }
});
