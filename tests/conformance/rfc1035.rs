//! RFC 1035 §4: header, question, compression, size; what is no query.

use crate::dns::{Opt, Query, Response, zone, zones};
use zhengming::query::{Kind, Transport, respond};
use zhengming::zone::ZoneSet;

#[test]
fn section_4_1_1_rd_is_copied_and_the_other_bits_are_clear() {
    let mut query = Query::new("xn--live.xn--zfr164b", "A");
    // RD, RA, Z, AD, CD, AA, TC and an RCODE in a query.
    query.flags = 0x07ff;
    assert_eq!(query.ask(&zones()).flags, 0x8500);
    query.flags = 0x0030;
    let response = query.ask(&zones());
    assert_eq!((response.id, response.flags), (0x1234, 0x8400));
}

#[test]
fn responses_and_fragments_of_headers_are_dropped() {
    let mut query = Query::new("xn--live.xn--zfr164b", "A");
    query.flags = 0x8000;
    assert!(Response::of(&zones(), Transport::Udp, &query.to_wire()).is_none());
    for length in 0..12 {
        assert!(Response::of(&zones(), Transport::Udp, &vec![0; length]).is_none());
    }
    let mut short = [0; 511];
    query.flags = 0;
    let outcome =
        respond(&zones(), &crate::dns::settings(), &crate::dns::client(Transport::Udp), &query.to_wire(), &mut short);
    assert_eq!((outcome.len, outcome.kind), (0, Kind::Dropped));
}

#[test]
fn other_opcodes_are_not_implemented() {
    for opcode in (1..16u16).filter(|opcode| !matches!(opcode, 4 | 5)) {
        let mut query = Query::new("xn--zfr164b", "SOA");
        query.flags = opcode << 11 | 0x0100;
        let response = query.ask(&zones());
        response.is("NOTIMP");
        assert_eq!(response.flags >> 11 & 0xf, opcode);
        assert_eq!(response.opt.map(|opt| opt.version), Some(0));
        // Whatever follows the header.
        let response = Response::of(&zones(), Transport::Udp, &query.header([9, 9, 9, 9])).expect("an answer");
        response.is("NOTIMP");
    }
}

#[test]
fn notify_and_update_are_refused_for_our_zones_and_not_ours_for_others() {
    for opcode in [4u16, 5] {
        let ask = |name: &str, qtype: &str| {
            let mut query = Query::new(name, qtype);
            query.flags = opcode << 11;
            query.ask(&zones())
        };
        ask("xn--zfr164b", "SOA").is("REFUSED\nEDE 18");
        // RFC 2136 §3.1.2: only the apex names the zone.
        ask("www.xn--zfr164b", "SOA").is("NOTAUTH\nEDE 20");
        ask("elsewhere.test", "SOA").is("NOTAUTH\nEDE 20");
        ask("xn--zfr164b", "A").is("FORMERR");
        let mut header = Query::new("xn--zfr164b", "SOA");
        header.flags = opcode << 11;
        let response = Response::of(&zones(), Transport::Udp, &header.header([0; 4])).expect("an answer");
        response.is("FORMERR");
    }
}

#[test]
fn section_6_2_answers_of_every_class_are_not_authoritative() {
    let mut query = Query::new("xn--live.xn--zfr164b", "A");
    query.qclass = 255;
    query.ask(&zones()).is("NOERROR\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5");
}

#[test]
fn other_classes_are_refused() {
    for class in [0, 3, 4, 254] {
        let mut query = Query::new("xn--live.xn--zfr164b", "A");
        query.qclass = class;
        let response = query.ask(&zones());
        response.is(if class == 3 { "REFUSED" } else { "REFUSED\nEDE 21" });
        assert_eq!(response.question, query.question());
    }
}

#[test]
fn rfc9619_one_question_or_a_format_error() {
    let query = Query::plain("xn--live.xn--zfr164b", "A");
    let none = query.header([0, 0, 0, 0]);
    let two = [query.header([2, 0, 0, 0]), query.question(), query.question()].concat();
    for request in [none, two] {
        let response = Response::of(&zones(), Transport::Udp, &request).expect("an answer");
        response.is("FORMERR");
        assert_eq!(response.octets.len(), 12);
    }
}

#[test]
fn what_cannot_be_read_is_a_format_error() {
    let query = Query::plain("xn--live.xn--zfr164b", "A");
    let with = |counts, rest: &[u8]| [query.header(counts), rest.to_vec()].concat();
    let question = query.question();
    let record = [&[0xc0, 12][..], &[0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1]].concat();
    let long_name = [&[63][..], &[b'a'; 63]].concat().repeat(4);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no question", with([1, 0, 0, 0], &[])),
        ("half a question", with([1, 0, 0, 0], &question[..question.len() - 1])),
        ("a label beyond the end", with([1, 0, 0, 0], &[5, b'a', 0, 0, 1, 0, 1])),
        ("a pointer in the question", with([1, 0, 0, 0], &[0xc0, 12, 0, 1, 0, 1])),
        ("a label type of old", with([1, 0, 0, 0], &[0x41, 1, 0, 0, 1, 0, 1])),
        ("a name of 257 octets", with([1, 0, 0, 0], &[&long_name[..], &[0, 0, 1, 0, 1]].concat())),
        ("a record that is missing", with([1, 0, 0, 1], &question)),
        ("half a record", with([1, 1, 0, 0], &[&question[..], &record[..record.len() - 1]].concat())),
        ("a reserved label type", with([1, 1, 0, 0], &[&question[..], &[0x80], &record[2..]].concat())),
    ];
    for (what, request) in cases {
        let response = Response::of(&zones(), Transport::Udp, &request).expect("an answer");
        assert_eq!(response.text(), "FORMERR", "{what}");
        assert_eq!(response.outcome.kind, Kind::Error, "{what}");
    }
    // Records that say nothing to us are read over.
    let whole = with([1, 1, 1, 1], &[question, record.repeat(3)].concat());
    let response = Response::of(&zones(), Transport::Udp, &whole).expect("an answer");
    response.is("NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5");
}

#[test]
fn section_4_1_4_names_are_compressed() {
    let response = Query::plain("xn--live.xn--zfr164b", "A").ask(&zones());
    // Header, question, and a record whose owner is a pointer to QNAME.
    assert_eq!(response.octets.len(), 12 + 22 + 4 + 2 + 10 + 4);
    let response = Query::plain("xn--nobody.xn--zfr164b", "A").ask(&zones());
    let soa_rdata = "\u{3}ns1\u{3}nic".len() + 2 + "\u{a}hostmaster\u{3}nic".len() + 2 + 20;
    assert_eq!(response.octets.len(), 12 + 24 + 4 + 2 + 10 + soa_rdata);
}

#[test]
fn rfc3597_4_names_in_newer_types_are_not_compressed() {
    let text = "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
                @ 3600 SRV 0 0 1 ns
                @ 3600 MX 1 ns
                @ 3600 DNAME other.example.
                @ 3600 HTTPS 1 ns";
    let zones = ZoneSet::new([zone("example", text)]);
    let rdata_len = |qtype| Query::plain("example", qtype).ask(&zones).octets.len() - (12 + 13 + 2 + 10);
    assert_eq!(rdata_len("SRV"), 6 + "\u{2}ns\u{7}example\0".len());
    assert_eq!(rdata_len("HTTPS"), 2 + "\u{2}ns\u{7}example\0".len());
    assert_eq!(rdata_len("DNAME"), "\u{5}other\u{7}example\0".len());
    assert_eq!(rdata_len("MX"), 2 + "\u{2}ns".len() + 2);
}

#[test]
fn names_that_repeat_their_own_labels_are_compressed_rightly() {
    let text = "@ 3600 SOA a.a.a.a a.a.a.a.a.a 1 7200 3600 1209600 900
                a.a.a.a 3600 CNAME a.a.a.a.a.a.a.a
                a.a.a.a.a.a.a.a 3600 MX 1 a.a.a
                b 3600 MX 1 b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.test.
                b 3600 MX 2 c.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.test.";
    let zones = ZoneSet::new([zone("a", text)]);
    Query::new("a.a.a.a.a", "MX").ask(&zones).is("NOERROR aa
         AN a.a.a.a.a. 3600 CNAME a.a.a.a.a.a.a.a.a.
         AN a.a.a.a.a.a.a.a.a. 3600 MX 1 a.a.a.a.");
    let soa = "NS a. 900 SOA a.a.a.a.a. a.a.a.a.a.a.a. 1 7200 3600 1209600 900";
    Query::new("a", "TXT").ask(&zones).is(&format!("NOERROR aa\n{soa}"));
    Query::new("c.a", "TXT").ask(&zones).is(&format!("NXDOMAIN aa\n{soa}"));
    let response = Query::new("b.a", "MX").ask(&zones);
    assert_eq!(response.sections[0].len(), 2);
    assert!(response.sections[0][1].ends_with(".b.b.b.test."), "{:?}", response.sections[0]);
}

/// A zone with an RRset of 40 texts, 4,480 octets of RDATA.
fn large() -> ZoneSet {
    let mut text = "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900\n".to_owned();
    for n in 0..40 {
        text += &format!("large 3600 TXT {n:0100}\nmiddle{} 3600 TXT {n:0100}\n", n / 10);
    }
    ZoneSet::new([zone("example", &text)])
}

#[test]
fn section_4_2_1_udp_is_truncated_at_the_size_the_client_takes() {
    let zones = large();
    let mut query = Query::plain("large.example", "TXT");
    let response = query.ask(&zones);
    response.is("NOERROR aa tc");
    assert!(response.outcome.truncated);
    assert_eq!(response.octets.len(), 12 + query.question().len());
    query.edns = Some(Opt::new());
    query.ask(&zones).is("NOERROR aa tc");

    // Ten texts of 113 octets each: too large for 512, not for 1,232.
    let mut query = Query::new("middle1.example", "TXT");
    assert_eq!(query.ask(&zones).sections[0].len(), 10);
    for udp_size in [0, 100, 512, 1100] {
        query.edns = Some(Opt { udp_size, ..Opt::new() });
        let response = query.ask(&zones);
        response.is("NOERROR aa tc");
        assert!(response.opt.is_some());
    }
    query.edns = None;
    query.ask(&zones).is("NOERROR aa tc");
}

#[test]
fn section_4_2_2_tcp_takes_all() {
    let zones = large();
    for query in [Query::plain("large.example", "TXT"), Query::new("large.example", "TXT")] {
        let response = Response::of(&zones, Transport::Tcp, &query.to_wire()).expect("an answer");
        assert!(!response.tc());
        assert_eq!(response.sections[0].len(), 40);
    }
}

#[test]
fn a_message_is_never_larger_than_its_buffer_or_the_client_takes() {
    let zones = large();
    for size in (512..1300).step_by(7) {
        let mut query = Query::new("middle1.example", "TXT");
        query.edns = Some(Opt { udp_size: size, ..Opt::new() });
        assert!(query.ask(&zones).octets.len() <= usize::from(size));
        let mut buffer = vec![0; usize::from(size)];
        let tcp = respond(
            &zones,
            &crate::dns::settings(),
            &crate::dns::client(Transport::Tcp),
            &query.to_wire(),
            &mut buffer,
        );
        assert_eq!(tcp.truncated, tcp.len < 1000, "{size}");
    }
}
