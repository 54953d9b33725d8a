//! RFC 1996: NOTIFY; RFC 2136: UPDATE, as far as a server that takes neither answers them.

use crate::dns::{Query, Response, zones};
use zhengming::query::Transport;

const OPCODES: [u16; 2] = [4, 5];

fn with(opcode: u16, name: &str) -> Query {
    Query { flags: opcode << 11, ..Query::new(name, "SOA") }
}

#[test]
fn zones_of_ours_refuse_and_others_are_not_ours() {
    for opcode in OPCODES {
        for name in ["xn--zfr164b", "XN--ZFR164B.CN", "example"] {
            let response = with(opcode, name).ask(&zones());
            response.is("REFUSED\nEDE 18");
            assert_eq!((response.flags >> 11 & 0xf, response.outcome.zone.is_some()), (opcode, true));
        }
        // Also what is only inside a zone: the question names a zone (RFC 2136 §3.1.1).
        for name in ["elsewhere.test", "www.example", "xn--live.xn--zfr164b", "."] {
            with(opcode, name).ask(&zones()).is("NOTAUTH\nEDE 20");
        }
        let other_class = Query { qclass: 3, ..with(opcode, "example") };
        other_class.ask(&zones()).is("REFUSED\nEDE 21");
    }
}

#[test]
fn malformed_ones_are_a_format_error() {
    for opcode in OPCODES {
        let query = with(opcode, "example");
        for counts in [[0, 0, 0, 0], [2, 0, 0, 0], [1, 1, 0, 0]] {
            let request = [query.header(counts), query.question()].concat();
            Response::of(&zones(), Transport::Udp, &request).expect("an answer").is("FORMERR");
        }
    }
}

#[test]
fn an_update_with_records_is_read_to_its_end() {
    // Prerequisites and updates of class ANY and NONE without RDATA (RFC 2136 §2.4, §2.5).
    let query = with(5, "example");
    let record = |class: u16| [&[0xc0, 12, 0, 1][..], &class.to_be_bytes(), &[0; 6]].concat();
    let request = [query.header([1, 1, 2, 0]), query.question(), record(255), record(254), record(255)].concat();
    Response::of(&zones(), Transport::Tcp, &request).expect("an answer").is("REFUSED");
}
