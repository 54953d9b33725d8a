//! Names of algorithms, keys, and records that cannot be interpreted.

use super::*;

/// A header that counts one additional record.
const HEADER: [u8; 12] = [0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

fn algorithm(text: &str) -> Algorithm {
    Algorithm::from_text(text).unwrap_or_else(|| panic!("no algorithm {text}"))
}

/// A record of this owner and RDATA.
fn record(owner: &[u8], rdata: &[u8]) -> Vec<u8> {
    [owner, &[0, 250, 0, 255, 0, 0, 0, 0], &(rdata.len() as u16).to_be_bytes(), rdata].concat()
}

fn rdata(algorithm: &[u8], mac: &[u8], other: &[u8]) -> Vec<u8> {
    let lens = [mac.len(), other.len()].map(|len| (len as u16).to_be_bytes());
    [algorithm, &[0, 0, 0, 0, 0, 9], &[1, 44], &lens[0], mac, &[0x12, 0x34, 0, 0], &lens[1], other].concat()
}

#[test]
fn algorithms_have_the_names_of_section_6() {
    for (text, mac_len) in [
        ("hmac-sha1", 20),
        ("hmac-sha224", 28),
        ("HMAC-SHA256", 32),
        ("hmac-sha384", 48),
        ("hmac-sha512", 64),
        ("hmac-sha1-80", 10),
        ("hmac-sha1-96", 12),
        ("hmac-sha224-112", 14),
        ("hmac-sha256-128", 16),
        ("hmac-sha256-256", 32),
        ("hmac-sha384-192", 24),
        ("hmac-sha512-256", 32),
    ] {
        assert_eq!(algorithm(text).mac_len, mac_len, "{text}");
        let shown = algorithm(text).to_string();
        assert_eq!(algorithm(&shown), algorithm(text), "{shown}");
    }
    for text in [
        "",
        "hmac",
        "sha256",
        "hmac-md5",
        "hmac-md5.sig-alg.reg.int",
        "gss-tsig",
        "hmac-sha2567",
        "hmac-sha256-",
        "hmac-sha256-0",
        "hmac-sha256-120",
        "hmac-sha256-129",
        "hmac-sha256-264",
        "hmac-sha1-72",
        "hmac-sha256-+128",
        "hmac-sha256-0128",
        "hmac-sha512-99999999999999999999",
        "hmac-sha256.",
    ] {
        assert_eq!(Algorithm::from_text(text), None, "{text}");
    }
}

#[test]
fn a_truncated_mac_has_two_names_on_the_wire() {
    for (key, wire, output_len) in [
        ("hmac-sha256", &b"\x0bhmac-sha256\0"[..], Some(32)),
        ("hmac-sha256", b"\x0bHMAC-SHA256\0", Some(32)),
        ("hmac-sha256", b"\x0fhmac-sha256-128\0", None),
        ("hmac-sha256-128", b"\x0bhmac-sha256\0", Some(32)),
        ("hmac-sha256-128", b"\x0fhmac-sha256-128\0", Some(16)),
        ("hmac-sha256-192", b"\x0fhmac-sha256-192\0", None),
        ("hmac-sha512-256", b"\x0fhmac-sha512-256\0", Some(32)),
        ("hmac-sha384-192", b"\x0fhmac-sha512-256\0", None),
        ("hmac-sha256", b"\x0bhmac-sha512\0", None),
        ("hmac-sha256", b"\x0bhmac-sha256\x07example\0", None),
        ("hmac-sha256", b"\0", None),
    ] {
        assert_eq!(algorithm(key).output_len(wire), output_len, "{key} {wire:?}");
    }
}

#[test]
fn keys_are_found_by_name_and_show_no_secret() {
    let key = |name: &[u8]| Key::new(name, algorithm("hmac-sha256"), b"not to be seen");
    let keys = Keys::new([&b"\x01b\0"[..], b"\x01A\0", b"\0"].map(|name| key(name).expect("a key")).to_vec());
    assert!(keys.find(b"\x01a\0").is_some() && keys.find(b"\x01b\0").is_some() && keys.find(b"\0").is_some());
    assert!(keys.find(b"\x01c\0").is_none() && keys.find(b"\x01a").is_none());
    let shown = format!("{keys:?} {:?}", key(b"\x01a\0"));
    assert!(!shown.contains("seen") && !shown.contains("110, 111, 116"), "{shown}");
    for name in [&b""[..], b"\x01", b"\x01a", b"\x01a\0\0", b"\xc0\x0c", &[1; 257]] {
        assert_eq!(key(name).err(), Some(KeyError::Name), "{name:?}");
    }
    assert_eq!(Key::new(b"\0", algorithm("hmac-sha1"), b"").err(), Some(KeyError::EmptySecret));
}

#[test]
fn what_cannot_be_interpreted_is_no_record() {
    let good = record(b"\x01k\0", &rdata(b"\x01h\0", &[7; 16], &[]));
    let read = |tail: &[u8]| Record::read(&[&HEADER[..], tail].concat(), 12).is_some();
    assert!(read(&good));
    for len in 0..good.len() {
        assert!(!read(&good[..len]), "{len} octets of it");
    }
    // Type, class, TTL, and the lengths of MAC and other data.
    for (at, octet) in [(4, 249), (6, 254), (5, 1), (7, 1), (10, 1), (25, 15), (25, 17), (47, 1)] {
        let mut bad = good.clone();
        assert_ne!(bad[at], octet, "{at}");
        bad[at] = octet;
        assert!(!read(&bad), "octet {at}");
    }
    assert!(!read(&record(b"\x01k\0", &[&rdata(b"\x01h\0", &[7; 16], &[])[..], &[0]].concat())));
    assert!(!read(&record(b"\x01k\0", &rdata(b"\xc0\x0c", &[7; 16], &[]))), "a compressed algorithm");
    assert!(!read(&record(b"\x40k\0", &rdata(b"\x01h\0", &[], &[]))), "a label of a type that does not exist");
    assert!(!read(&record(b"\xc0\x0c", &rdata(b"\x01h\0", &[], &[]))), "a pointer to itself");
    assert!(!read(&record(b"\x01k\xc0\x0c", &rdata(b"\x01h\0", &[], &[]))), "a loop");
    let long = [&[63; 64][..]; 4].concat();
    assert!(!read(&record(&[&long[..], &[0]].concat(), &rdata(b"\x01h\0", &[], &[]))), "257 octets");
    assert!(Record::read(&good, 0).is_none(), "a record where the header is");
}

#[test]
fn an_owner_name_may_be_compressed() {
    let name = b"\x01K\x07eXample\0";
    let message = [&HEADER[..], name, &record(b"\x01x\xc0\x0e", &rdata(b"\x01h\0", &[], &[]))].concat();
    let found = Record::read(&message, 12 + name.len()).expect("a record");
    assert_eq!(found.key_name().expect("a name").as_wire(), b"\x01x\x07example\0");
    assert_eq!(found.signed(), [&HEADER[..], name].concat());
}
