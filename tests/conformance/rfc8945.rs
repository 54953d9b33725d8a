//! RFC 8945 §5.2.1: a request signed with a key that is not known.

use crate::dns::{Opt, Query, Response, name, zones};
use zhengming::query::Transport;

/// A TSIG record with a MAC of 32 octets.
fn tsig() -> Vec<u8> {
    let mut rdata = name("hmac-sha256").as_wire().to_vec();
    rdata.extend_from_slice(&[0, 0, 0x65, 0, 0, 0, 1, 0x2c, 0, 32]);
    rdata.extend_from_slice(&[0xaa; 32]);
    rdata.extend_from_slice(&[0xbe, 0xef, 0, 0, 0, 0]);
    let mut record = name("key.example").as_wire().to_vec();
    record.extend_from_slice(&[0, 250, 0, 255, 0, 0, 0, 0, 0, rdata.len() as u8]);
    record.extend_from_slice(&rdata);
    record
}

fn ask(counts: [u16; 4], records: &[Vec<u8>]) -> Response {
    let query = Query::new("xn--live.xn--zfr164b", "A");
    let request = [query.header(counts), query.question(), records.concat()].concat();
    Response::of(&zones(), Transport::Udp, &request).expect("an answer")
}

#[test]
fn the_answer_is_notauth_with_an_unsigned_tsig_that_says_badkey() {
    for (counts, records) in [([1, 0, 0, 1], vec![tsig()]), ([1, 0, 0, 2], vec![Opt::new().to_wire(), tsig()])] {
        let response = ask(counts, &records);
        response.is("NOTAUTH");
        assert_eq!(response.opt.is_some(), counts[3] == 2);
        let (owner, rdata) = response.tsig.expect("a TSIG");
        assert_eq!(owner, name("key.example"));
        let mut expected = name("hmac-sha256").as_wire().to_vec();
        expected.extend_from_slice(&[0, 0, 0x65, 0, 0, 0, 1, 0x2c, 0, 0, 0xbe, 0xef, 0, 17, 0, 0]);
        assert_eq!(rdata, expected);
    }
}

#[test]
fn section_5_1_a_tsig_that_is_not_last_or_malformed_is_a_format_error() {
    ask([1, 0, 0, 2], &[tsig(), Opt::new().to_wire()]).is("FORMERR");
    ask([1, 0, 0, 2], &[tsig(), tsig()]).is("FORMERR");
    let mut short = tsig();
    short.pop();
    let rdata_len = name("key.example").as_wire().len() + 9;
    short[rdata_len] -= 1;
    ask([1, 0, 0, 1], &[short]).is("FORMERR");
}
