//! What must be true of any octets, by what they are taken for: shared by the targets and the tests.

#![allow(dead_code, reason = "each target uses its part of it")]

use crate::respond::{self, Opt, Query, Response, UDP_SIZE_MAX};
use std::path::Path;
use std::sync::LazyLock;
use zhengming::query::{self, Outcome, Transport};
use zhengming::zone::{Name, Record, ZoneSet};
use zhengming::zonefile::{Line, check_octets};

static ZONES: LazyLock<ZoneSet> = LazyLock::new(respond::zones);

/// As a master file: what is accepted can be built, and is read back from its own lines.
pub fn master_file(octets: &[u8]) {
    let apex = Name::absolute("xn--zfr164b").expect("a name");
    let report = check_octets(octets, Path::new("fuzz"), &apex, true);
    if !report.errors.is_empty() {
        return;
    }
    let records: Vec<Record> = report.records().iter().map(|located| located.record.clone()).collect();
    let lines: String = records.iter().map(|record| format!("{}\n", Line(record))).collect();
    let again = check_octets(lines.as_bytes(), Path::new("again"), &apex, true);
    assert!(again.records().iter().map(|located| &located.record).eq(&records), "{lines}");
    assert!(report.into_zone().is_ok());
}

/// As a request over this transport, with so much room for the response: it is a response with the same ID and no longer
/// than may be, or there is none.
pub fn request(octets: &[u8], transport: Transport, room: usize) {
    let mut response = vec![0; room];
    let client = respond::client(transport);
    let outcome = query::respond(&ZONES, &respond::settings(), &client, octets, &mut response);
    let limit = if transport == Transport::Udp { room.min(UDP_SIZE_MAX.into()) } else { room };
    assert!(outcome.len <= limit, "{outcome:?}");
    if outcome.len > 0 {
        assert!(outcome.len >= 12 && response[2] & 0x80 != 0, "{outcome:?}");
        assert_eq!(response[..2], octets[..2]);
        let len = query::truncate(&respond::settings(), &client, octets, &mut response);
        assert!((12..=limit).contains(&len), "{len} octets truncated");
    }
}

/// As a message: what answers it is whole, by a decoder of the tests' own and by hickory's, and where the hot path answers
/// it says octet for octet what the full path says.
pub fn message(octets: &[u8], transport: Transport) {
    Response::of(&ZONES, transport, octets);
    let (settings, client) = (respond::settings(), respond::client(transport));
    let (mut in_place, mut full) = (vec![0; u16::MAX.into()], vec![0; u16::MAX.into()]);
    let Some(request) = in_place.get_mut(..octets.len()) else { return };
    request.copy_from_slice(octets);
    if let Some(fast) = query::respond_in_place(&ZONES, &settings, &client, &mut in_place, octets.len()) {
        let outcome = query::respond_fully(&ZONES, &settings, &client, octets, &mut full);
        assert_eq!(fast, outcome);
        assert_eq!(in_place[..fast.len], full[..outcome.len]);
    }
}

fn with_cookie(data: &[u8]) -> (Outcome, Vec<u8>) {
    let edns = Some(Opt { options: vec![(10, data.to_vec())], ..Opt::new() });
    let request = Query { edns, ..Query::new("xn--live.xn--zfr164b", "A") }.to_wire();
    let mut response = vec![0; UDP_SIZE_MAX.into()];
    let client = respond::client(Transport::Udp);
    let outcome = query::respond(&ZONES, &respond::settings(), &client, &request, &mut response);
    response.truncate(outcome.len);
    (outcome, response)
}

/// The cookie that a client with this part of its own is given.
pub fn good_cookie(client_part: [u8; 8]) -> Vec<u8> {
    let (_, response) = with_cookie(&client_part);
    response[response.len() - 24..].to_vec()
}

/// As the data of a cookie option: its length alone makes it malformed, and it is good only if it is the one that the
/// client was given (RFC 7873 §5.2).
pub fn cookie(data: &[u8]) {
    let (outcome, _) = with_cookie(data);
    let well_formed = data.len() == 8 || (16..=40).contains(&data.len());
    assert_eq!(outcome.rcode, if well_formed { 0 } else { 1 }, "{data:02x?}");
    let good = data.first_chunk().is_some_and(|client_part| data == good_cookie(*client_part));
    assert_eq!(outcome.cookie, good, "{data:02x?}");
}
