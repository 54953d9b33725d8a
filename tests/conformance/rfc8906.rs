//! RFC 8906: what a server owes to whoever asks for what it does not know.

use crate::dns::{Query, client, settings, zones};
use zhengming::query::{self, Transport};

const QR: u16 = 0x8000;
const RD: u16 = 0x0100;

/// The response to a message of this opcode with these flags, with or without its question.
fn answered(opcode: u16, flags: u16, has_question: bool) -> Vec<u8> {
    let query = Query::plain("xn--zfr164b", "SOA");
    let mut request = query.header([u16::from(has_question), 0, 0, 0]);
    request[2..4].copy_from_slice(&(opcode << 11 | flags).to_be_bytes());
    if has_question {
        request.extend(query.question());
    }
    let mut response = vec![0; 512];
    let outcome = query::respond(&zones(), &settings(), &client(Transport::Udp), &request, &mut response);
    response.truncate(outcome.len);
    response
}

#[test]
fn section_8_1_4_of_an_unknown_opcode_nothing_is_understood_but_the_opcode() {
    for opcode in [1, 2, 3, 6, 7, 15] {
        for has_question in [false, true] {
            for flags in [0, RD, 0x07f0] {
                let response = answered(opcode, flags, has_question);
                let found = u16::from_be_bytes([response[2], response[3]]);
                assert_eq!(found, QR | opcode << 11 | 4, "{opcode} {flags:04x}");
            }
        }
    }
}

#[test]
fn section_8_1_3_4_recursion_desired_is_copied_from_queries_alone() {
    for (opcode, copied) in [(0, RD), (4, 0), (5, 0)] {
        let response = answered(opcode, RD, true);
        assert_eq!(u16::from_be_bytes([response[2], response[3]]) & RD, copied, "{opcode}");
    }
}
