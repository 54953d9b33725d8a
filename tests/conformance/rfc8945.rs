//! RFC 8945: transaction signatures.

use crate::dns::{NOW, Opt, Query, Response, client, name, settings, zone, zones};
use crate::signed::{SECRET, Signer, Tsig};
use zhengming::query::{Client, Settings, Transport};
use zhengming::tsig::{Algorithm, Key, Keys, Verdict};
use zhengming::zone::ZoneSet;

const BADSIG: u16 = 16;
const BADKEY: u16 = 17;
const BADTIME: u16 = 18;
const BADTRUNC: u16 = 22;

/// The answer to an unsigned query for it.
const ANSWER: &str = "NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5";

fn keys() -> Keys {
    let key = |text: &str, algorithm: &str| {
        let algorithm = Algorithm::from_text(algorithm).expect("an algorithm");
        Key::new(name(text).as_wire(), algorithm, SECRET).expect("a key")
    };
    let long = [63, 63, 63, 57].map(|length| "k".repeat(length)).join(".");
    Keys::new(vec![
        key("key.example", "hmac-sha256"),
        key("short.example", "hmac-sha256-128"),
        key("other.example", "hmac-sha512"),
        key(&long, "hmac-sha256"),
    ])
}

fn with_keys() -> Settings {
    Settings { keys: keys(), ..settings() }
}

fn signer(key: &str) -> Signer {
    Signer::new(name(key).as_wire(), NOW)
}

fn query() -> Query {
    Query::new("xn--live.xn--zfr164b", "A")
}

fn ask_over(transport: Transport, request: &[u8]) -> Response {
    Response::with(&zones(), &with_keys(), &client(transport), request).expect("an answer")
}

fn ask(request: &[u8]) -> Response {
    ask_over(Transport::Udp, request)
}

/// The TSIG of an answer whose MAC is right.
#[track_caller]
fn signed(signer: &Signer, request: &[u8], response: &Response) -> Tsig {
    let tsig = signer.verify(request, &response.octets);
    tsig.unwrap_or_else(|| panic!("not signed, or not right: {response:?}"))
}

/// The TSIG of an answer without a MAC.
#[track_caller]
fn unsigned(response: &Response) -> Tsig {
    let (_, tsig) = Tsig::last_of(&response.octets).expect("a TSIG");
    assert_eq!((tsig.mac.len(), tsig.other.len(), tsig.is_constant), (0, 0, true));
    tsig
}

#[test]
fn section_5_3_a_good_request_gets_its_answer_signed_with_the_same_key() {
    let signer = signer("key.example");
    for transport in Transport::ALL {
        for edns in [None, Some(Opt { options: vec![(10, vec![7; 8])], ..Opt::new() })] {
            let query = Query { id: if transport == Transport::Quic { 0 } else { 0x1234 }, edns, ..query() };
            let request = signer.sign(&query.to_wire());
            let response = ask_over(transport, &request);
            response.is(ANSWER);
            assert_eq!(response.outcome.tsig, Some(Verdict::Good));
            let tsig = signed(&signer, &request, &response);
            assert_eq!((tsig.time, tsig.fudge, tsig.error, tsig.mac.len()), (NOW, 300, 0, 32));
            assert_eq!((tsig.original_id, &tsig.name[..]), (query.id, name("key.example").as_wire()));
        }
    }
}

#[test]
fn section_5_3_every_kind_of_answer_is_signed() {
    let signer = signer("key.example");
    for (query, text) in [
        (Query::new("xn--nobody.xn--zfr164b", "A"), "NXDOMAIN aa"),
        (Query::new("xn--live.xn--zfr164b", "MX"), "NOERROR aa"),
        (Query::new("a.nic.xn--zfr164b", "A"), "NOERROR"),
        (Query::new("example.com", "A"), "REFUSED"),
        (Query::new("xn--zfr164b", "AXFR"), "REFUSED"),
        (Query { flags: 3 << 11, ..query() }, "NOTIMP"),
        (Query { flags: 4 << 11, ..query() }, "FORMERR"),
        (Query { edns: Some(Opt { version: 1, ..Opt::new() }), ..query() }, "BADVERS"),
        (Query { edns: Some(Opt { options: vec![(10, vec![7; 9])], ..Opt::new() }), ..query() }, "FORMERR"),
    ] {
        let request = signer.sign(&query.to_wire());
        let response = ask(&request);
        assert_eq!(response.text().lines().next(), Some(text));
        assert_eq!(signed(&signer, &request, &response).error, 0, "{text}");
    }
}

#[test]
fn section_5_3_an_unsigned_request_gets_an_unsigned_answer() {
    let response = ask(&query().to_wire());
    response.is(ANSWER);
    assert!(response.tsig.is_none() && response.outcome.tsig.is_none());
}

#[test]
fn section_4_2_names_are_compared_in_any_case_and_digested_in_lower() {
    let signer = Signer { algorithm: b"\x0bHMAC-Sha256\0".to_vec(), ..signer("KEY.Example") };
    let request = signer.sign(&query().to_wire());
    signed(&signer, &request, &ask(&request));
}

#[test]
fn section_4_2_the_owner_name_may_be_compressed() {
    let query = Query::new("xn--live.xn--zfr164b", "A");
    let signer = signer("xn--zfr164b");
    let settings = {
        let algorithm = Algorithm::from_text("hmac-sha256").expect("an algorithm");
        let key = Key::new(name("xn--zfr164b").as_wire(), algorithm, SECRET).expect("a key");
        Settings { keys: Keys::new(vec![key]), ..settings() }
    };
    let record = signer.record(&query.to_wire());
    let mut request = query.to_wire();
    request[11] += 1;
    // QNAME's second label.
    request.extend_from_slice(&[0xc0, 12 + 9]);
    request.extend_from_slice(&record[name("xn--zfr164b").as_wire().len()..]);
    let response = Response::with(&zones(), &settings, &client(Transport::Udp), &request).expect("an answer");
    response.is(ANSWER);
    signed(&signer, &request, &response);
}

#[test]
fn section_4_2_the_original_id_is_that_of_the_signer() {
    // Something between changed the ID, as a forwarder does.
    let signer = Signer { original_id: Some(0xbeef), ..signer("key.example") };
    let request = signer.sign(&query().to_wire());
    let response = ask(&request);
    assert_eq!(response.id, 0x1234);
    assert_eq!(signed(&signer, &request, &response).original_id, 0xbeef);
}

#[test]
fn section_5_2_a_tsig_in_any_other_position_is_a_format_error() {
    let tsig = signer("key.example").record(&query().to_wire());
    let opt = Opt::new().to_wire();
    let ask = |counts: [u16; 4], records: &[&[u8]]| {
        ask(&[query().header(counts), query().question(), records.concat()].concat())
    };
    for (counts, records) in [
        ([1, 0, 0, 2], [&tsig, &opt]),
        ([1, 0, 0, 2], [&tsig, &tsig]),
        ([1, 1, 0, 1], [&tsig, &opt]),
        ([1, 0, 1, 1], [&tsig, &opt]),
        ([1, 1, 0, 1], [&tsig, &tsig]),
    ] {
        let response = ask(counts, &[records[0], records[1]]);
        response.is("FORMERR");
        assert!(response.tsig.is_none() && response.outcome.tsig.is_none());
    }
}

#[test]
fn section_5_2_a_tsig_that_cannot_be_interpreted_is_a_format_error() {
    let good = signer("key.example");
    let message = Query::plain("xn--live.xn--zfr164b", "A").to_wire();
    for signer in [
        Signer { class: 1, ..good.clone() },
        Signer { class: 254, ..good.clone() },
        Signer { ttl: 1, ..good.clone() },
        Signer { algorithm: vec![0xc0, 12], ..good.clone() },
    ] {
        let response = ask(&signer.sign(&message));
        response.is("FORMERR");
        assert!(response.tsig.is_none());
    }
    let whole = good.sign(&message);
    let rdata_len_at = message.len() + name("key.example").as_wire().len() + 8;
    for octets in 1..=16 {
        let mut short = whole[..whole.len() - octets].to_vec();
        short[rdata_len_at + 1] -= octets as u8;
        ask(&short).is("FORMERR");
    }
}

#[test]
fn section_5_2_1_a_key_or_algorithm_that_is_not_known_is_badkey_and_unsigned() {
    let good = signer("key.example");
    for signer in [
        signer("stranger.example"),
        signer("example"),
        Signer { algorithm: b"\x0bhmac-sha512\0".to_vec(), mac_len: 64, ..good.clone() },
        Signer { algorithm: b"\x08hmac-md5\x07sig-alg\x03reg\x03int\0".to_vec(), mac_len: 16, ..good.clone() },
        Signer { algorithm: b"\x08gss-tsig\0".to_vec(), ..good.clone() },
        Signer { algorithm: b"\x0fhmac-sha256-128\0".to_vec(), mac_len: 16, ..good.clone() },
        // The key is looked at before the MAC, the time and its length (§5.2).
        Signer { mac_len: 0, time: 0, ..signer("stranger.example") },
    ] {
        for edns in [None, Some(Opt::new())] {
            let request = signer.sign(&Query { edns, ..query() }.to_wire());
            let response = ask(&request);
            response.is("NOTAUTH");
            let tsig = unsigned(&response);
            assert_eq!((tsig.error, tsig.time, tsig.fudge, tsig.original_id), (BADKEY, signer.time, 300, 0x1234));
            assert_eq!((&tsig.name, &tsig.algorithm), (&signer.name, &signer.algorithm));
            assert_eq!(response.outcome.tsig, Some(Verdict::BadKey));
        }
    }
}

#[test]
fn section_5_2_2_a_mac_of_anything_else_is_badsig_and_unsigned() {
    let good = signer("key.example");
    let message = query().to_wire();
    let mut requests = vec![
        Signer { secret: b"another secret".to_vec(), ..good.clone() }.sign(&message),
        // Neither time nor truncation are looked at when the MAC is wrong (§5.2).
        Signer { secret: b"another secret".to_vec(), time: 0, mac_len: 16, ..good.clone() }.sign(&message),
    ];
    let whole = good.sign(&message);
    let rdata_at = message.len() + name("key.example").as_wire().len() + 10;
    // What is signed: ID (by the original one), flags, question, OPT, and time, fudge, MAC, original ID, error.
    let in_rdata = [13, 18, 19, 20, 23, 54, 55, 56, 57, 58].map(|at| rdata_at + at);
    for at in [2, 3, 13, 20, 34].into_iter().chain(in_rdata) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        requests.push(changed);
    }
    for request in requests {
        let response = ask(&request);
        response.is("NOTAUTH");
        assert_eq!(unsigned(&response).error, BADSIG, "{request:02x?}");
        assert_eq!(response.outcome.tsig, Some(Verdict::BadSig));
    }
}

#[test]
fn section_5_2_2_1_a_mac_longer_than_its_hash_or_shorter_than_any_is_a_format_error() {
    for (key, algorithm, mac_len, good) in [
        ("key.example", &b"\x0bhmac-sha256\0"[..], 33, false),
        ("key.example", b"\x0bhmac-sha256\0", 15, false),
        ("key.example", b"\x0bhmac-sha256\0", 9, false),
        ("key.example", b"\x0bhmac-sha256\0", 0, false),
        ("short.example", b"\x0bhmac-sha256\0", 33, false),
        ("short.example", b"\x0bhmac-sha256\0", 32, true),
        ("short.example", b"\x0bhmac-sha256\0", 17, true),
        ("short.example", b"\x0bhmac-sha256\0", 16, true),
        ("short.example", b"\x0bhmac-sha256\0", 15, false),
        ("short.example", b"\x0fhmac-sha256-128\0", 16, true),
        ("short.example", b"\x0fhmac-sha256-128\0", 17, false),
        ("short.example", b"\x0fhmac-sha256-128\0", 15, false),
    ] {
        let signer = Signer { algorithm: algorithm.to_vec(), mac_len, ..signer(key) };
        let request = signer.sign(&query().to_wire());
        let response = ask(&request);
        if good {
            response.is(ANSWER);
            // As long as agreed on, and no weaker than the request.
            let tsig = signed(&signer, &request, &response);
            assert_eq!((tsig.mac.len(), &tsig.algorithm[..]), (mac_len.max(16), algorithm));
        } else {
            response.is("FORMERR");
            assert!(response.tsig.is_none(), "{key} {mac_len}");
            assert_eq!(response.outcome.tsig, Some(Verdict::Malformed));
        }
    }
}

#[test]
fn section_5_2_3_a_time_out_of_its_fudge_is_badtime_and_signed_with_both_times() {
    for (time, fudge, good) in [
        (NOW, 0, true),
        (NOW - 1, 0, false),
        (NOW - 300, 300, true),
        (NOW - 301, 300, false),
        (NOW + 300, 300, true),
        (NOW + 301, 300, false),
        (NOW - 65_535, 65_535, true),
        (0, 65_535, false),
        ((1 << 48) - 1, 65_535, false),
        // Equal in 32 bits.
        (NOW + (1 << 32), 300, false),
    ] {
        let signer = Signer { time, fudge, ..signer("key.example") };
        let request = signer.sign(&query().to_wire());
        let response = ask(&request);
        let tsig = signed(&signer, &request, &response);
        if good {
            response.is(ANSWER);
            assert_eq!((tsig.error, tsig.time, tsig.fudge), (0, NOW, 300));
        } else {
            response.is("NOTAUTH");
            assert_eq!((tsig.error, tsig.time, tsig.fudge), (BADTIME, time, fudge));
            assert_eq!(tsig.other, NOW.to_be_bytes()[2..]);
            assert_eq!(response.outcome.tsig, Some(Verdict::BadTime));
        }
    }
}

#[test]
fn section_4_2_times_have_48_bits() {
    let now = (1 << 40) + 7;
    let signer = Signer { time: now - 299, ..signer("key.example") };
    let request = signer.sign(&query().to_wire());
    let client = Client { now, ..client(Transport::Udp) };
    let response = Response::with(&zones(), &with_keys(), &client, &request).expect("an answer");
    response.is(ANSWER);
    assert_eq!(signed(&signer, &request, &response).time, now);
}

#[test]
fn section_5_2_4_a_mac_shorter_than_agreed_on_is_badtrunc_and_signed() {
    for (key, mac_len, time, error) in [
        ("key.example", 31, NOW, BADTRUNC),
        ("key.example", 16, NOW, BADTRUNC),
        // The time is looked at first (§5.2).
        ("key.example", 16, NOW - 301, BADTIME),
    ] {
        let signer = Signer { mac_len, time, ..signer(key) };
        let request = signer.sign(&query().to_wire());
        let response = ask(&request);
        response.is("NOTAUTH");
        let tsig = signed(&signer, &request, &response);
        assert_eq!((tsig.error, tsig.mac.len()), (error, 32));
    }
}

#[test]
fn section_5_3_an_answer_without_room_for_its_tsig_has_tc_and_no_error() {
    let signer = signer("key.example");
    // Texts of every length from 1 to 250; and what does not exist, which has the SOA of a long name.
    let text = |len: usize| format!("t{len} 60 TXT \"{}\" \"{}\"\n", "x".repeat(len), "y".repeat(200));
    let host = format!("{}.{}", "h".repeat(63), "h".repeat(63));
    let soa = format!("@ 60 SOA ns.{host} {host} 1 60 60 60 60\n@ 60 NS ns.{host}\n");
    let zones = ZoneSet::new([zone("test", &(soa + &(1..=250).map(text).collect::<String>()))]);
    let ask = |transport, request: &[u8]| {
        Response::with(&zones, &with_keys(), &client(transport), request).expect("an answer")
    };
    let (mut cut, mut whole) = (0, 0);
    for len in 1..=250 {
        for name in [format!("t{len}.test"), format!("{}.test", "n.".repeat(len / 3) + "n")] {
            let query = Query { edns: Some(Opt { udp_size: 512, ..Opt::new() }), ..Query::new(&name, "TXT") };
            let request = signer.sign(&query.to_wire());
            let (plain, response) = (ask(Transport::Udp, &query.to_wire()), ask(Transport::Udp, &request));
            let tsig = signed(&signer, &request, &response);
            assert!(response.octets.len() <= 512);
            if plain.tc() || plain.octets.len() + tsig_len(&tsig) > 512 {
                cut += 1;
                assert_eq!(response.text(), "NOERROR aa tc");
            } else {
                whole += 1;
                assert_eq!(response.text(), plain.text());
            }
            // Over TCP it fits.
            let response = ask(Transport::Tcp, &request);
            assert_eq!(response.text(), ask(Transport::Tcp, &query.to_wire()).text());
            signed(&signer, &request, &response);
        }
    }
    assert!(cut > 50 && whole > 50, "{cut} cut, {whole} whole");
}

fn tsig_len(tsig: &Tsig) -> usize {
    tsig.name.len() + 10 + tsig.algorithm.len() + 16 + tsig.mac.len() + tsig.other.len()
}

#[test]
fn names_too_long_for_512_octets_get_tc_without_a_signature_and_the_answer_over_tcp() {
    let long = [63, 63, 63, 57].map(|length| "k".repeat(length)).join(".");
    let signer = signer(&long);
    let name = format!("{}xn--zfr164b", format!("{}.", "x".repeat(56)).repeat(4));
    let query = Query { edns: None, ..Query::new(&name, "A") };
    let request = signer.sign(&query.to_wire());
    let response = ask(&request);
    assert_eq!(response.text(), "NOERROR aa tc");
    assert!(response.octets.len() <= 512 && response.tsig.is_none());
    signed(&signer, &request, &ask_over(Transport::Tcp, &request));
}

#[test]
fn section_5_1_the_tsig_is_the_last_record_behind_opt_and_padding_counts_it() {
    let signer = signer("key.example");
    let opt = Opt { options: vec![(12, vec![0; 20]), (10, vec![7; 8]), (3, vec![])], ..Opt::new() };
    let query = Query { edns: Some(opt), ..query() };
    for signer in [signer.clone(), Signer { time: 0, ..signer.clone() }, Signer { name: b"\x01x\0".to_vec(), ..signer }]
    {
        let request = signer.sign(&query.to_wire());
        let response = ask_over(Transport::Tls, &request);
        assert!(Tsig::last_of(&response.octets).is_some());
        assert_eq!(response.octets.len() % 468, 0);
    }
}

#[test]
fn a_response_that_slips_is_signed_too() {
    let signer = signer("key.example");
    let mut response = vec![0; 1232];
    let client = client(Transport::Udp);
    for (signer, rcode, error) in [
        (signer.clone(), 0, 0),
        (Signer { time: 0, ..signer.clone() }, 9, BADTIME),
        (Signer { secret: b"x".to_vec(), ..signer }, 9, BADSIG),
    ] {
        let request = signer.sign(&query().to_wire());
        zhengming::query::respond(&zones(), &with_keys(), &client, &request, &mut response);
        let len = zhengming::query::truncate(&with_keys(), &client, &request, &mut response);
        let (_, tsig) = Tsig::last_of(&response[..len]).expect("a TSIG");
        assert_eq!(signer.verify(&request, &response[..len]).is_some(), error != BADSIG);
        assert_eq!((response[2] & 2, response[3] & 15, tsig.error), (2, rcode, error));
    }
}
