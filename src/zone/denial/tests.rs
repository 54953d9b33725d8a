//! The chains against naive models and the examples of RFC 5155.

use super::nsec3::{Hash, Hashed, Met, hash_of_owner};
use super::{Denial, Nsec3Chain, NsecChain, Params};
use crate::zone::name::NAME_LEN_MAX;
use crate::zone::{Name, Record, Rtype, Zone, canonical, rdata};
use proptest::prelude::*;

fn wire(text: &str) -> Vec<u8> {
    Name::absolute(text).unwrap().as_wire().to_vec()
}

fn base32hex(text: &str) -> Hash {
    let mut owner = vec![text.len() as u8];
    owner.extend_from_slice(text.as_bytes());
    hash_of_owner(&owner).unwrap()
}

#[test]
fn hashes_are_those_of_rfc5155_appendix_a() {
    let params = Params::read(&[1, 0, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd]).unwrap();
    for (name, hash) in [
        ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("ai.example", "gjeqe526plbf1g8mklp59enfd789njgi"),
        ("ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"),
        ("x.y.w.example", "2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S"),
        ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("xx.example", "t644ebqk9bibcna874givr6joj62mlhv"),
    ] {
        assert_eq!(params.hash([&wire(name)]), base32hex(hash), "{name}");
    }
}

#[test]
fn owners_that_are_no_hashes_are_none() {
    for owner in ["\x200p9mhaveqvm6t7vbl5lop2u3t2rp3tow", "\x1f0p9mhaveqvm6t7vbl5lop2u3t2rp3to", "", "\x01a"] {
        assert_eq!(hash_of_owner(owner.as_bytes()), None, "{owner:?}");
    }
    assert_eq!(hash_of_owner(b"\x200p9mhaveqvm6t7vbl5lop2u3t2rp3tom\x01a"), None);
}

fn zone(records: &[(&str, &str, &str)]) -> Zone {
    let origin = Name::absolute("example").unwrap();
    let soa = ("@", "SOA", "ns hostmaster 1 7200 3600 1209600 300");
    let records = [soa].into_iter().chain(records.iter().copied()).map(|(owner, rtype, text)| {
        let rtype = rdata::table::by_mnemonic(rtype.as_bytes()).unwrap().rtype;
        let rdata = rdata::from_text(rtype, text, &origin).unwrap();
        Record { owner: Name::parse(owner.as_bytes(), &origin).unwrap(), rtype, ttl: 300, rdata }
    });
    Zone::build(origin.clone(), records).unwrap()
}

#[test]
fn owners_of_nsec3_records_are_no_names_but_are_transferred() {
    let hash = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
    let apex = (hash, "NSEC3", "1 0 12 aabbccdd 35mthgpgcu1qg68fab165klnsnk3dpvl SOA");
    let other = ("35mthgpgcu1qg68fab165klnsnk3dpvl", "NSEC3", "1 0 1 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A");
    let signed = zone(&[("@", "NSEC3PARAM", "1 0 12 aabbccdd"), apex, other]);
    assert!(signed.node(&[&[32], hash.as_bytes()].concat()).is_none());
    assert!(matches!(signed.denial(), Some(Denial::Nsec3(chain)) if chain.iter().count() == 1));
    assert_eq!(signed.records().filter(|record| record.rtype == Rtype::NSEC3).count(), 2);
    // Without the apex in it the chain is not whole; without parameters there is none.
    assert!(zone(&[("@", "NSEC3PARAM", "1 0 12 aabbccdd"), other]).denial().is_none());
    assert!(zone(&[apex]).denial().is_none());
}

#[test]
fn too_many_iterations_are_refused() {
    let apex = Name::absolute("example").unwrap();
    let records = zone(&[]).records().collect::<Vec<_>>();
    let param = |iterations: u16| {
        let [high, low] = iterations.to_be_bytes();
        Record { owner: apex.clone(), rtype: Rtype::NSEC3PARAM, ttl: 0, rdata: [1, 0, high, low, 0].into() }
    };
    let build = |iterations| Zone::build(apex.clone(), records.iter().cloned().chain([param(iterations)]));
    assert!(build(500).is_ok());
    assert!(build(501).is_err());
}

type Labels = Vec<Vec<u8>>;

/// Labels from the left, in few octets, so that names meet, with all that sorts oddly.
fn labels() -> impl Strategy<Value = Labels> {
    let octet = prop::sample::select(vec![0, 1, 2, b'*', b'a', b'B', b'b', 0xff]);
    prop::collection::vec(prop::collection::vec(octet, 1..3), 1..4)
}

fn owner(labels: &Labels) -> Vec<u8> {
    labels.iter().flat_map(|label| [&[label.len() as u8], &label[..]].concat()).collect()
}

/// The naive canonical order: labels from the right, in lower case (RFC 4034 §6.1).
fn order(labels: &Labels) -> Labels {
    labels.iter().rev().map(|label| label.to_ascii_lowercase()).collect()
}

proptest! {
    #[test]
    fn nsec_finds_the_last_owner_that_is_not_after_the_name(
        owners in prop::collection::vec(labels(), 0..30),
        names in prop::collection::vec(labels(), 1..30),
    ) {
        let mut sorted: Vec<Labels> = owners.iter().map(order).chain([Vec::new()]).collect();
        sorted.sort();
        sorted.dedup();
        let wires: Vec<Vec<u8>> = sorted.iter().map(|labels| {
            owner(&labels.iter().rev().cloned().collect())
        }).collect();
        let chain = NsecChain::new(wires.iter().map(Vec::as_slice)).unwrap();
        for name in owners.iter().chain(&names) {
            let expected = sorted.iter().rposition(|known| *known <= order(name)).unwrap();
            let found = chain.at_or_before(&owner(name).to_ascii_lowercase());
            prop_assert_eq!(found.0, expected);
            let key = canonical::Key::of(&wires[expected]);
            let mut buffer = [0; NAME_LEN_MAX];
            prop_assert_eq!(canonical::labels(key.as_bytes(), &mut buffer), &wires[expected][..]);
            let wildcard = order(&[vec![b"*".to_vec()], name.clone()].concat());
            let expected = sorted.iter().rposition(|known| *known <= wildcard).unwrap();
            prop_assert_eq!(chain.wildcard_below(&owner(name).to_ascii_lowercase()).0, expected);
        }
    }

    #[test]
    fn nsec3_finds_the_match_or_the_arc_of_the_ring_that_the_hash_is_in(
        owners in prop::collection::vec(labels(), 0..200),
        names in prop::collection::vec(labels(), 1..30),
        iterations in 0..3_u16,
    ) {
        let params = Params { iterations, salt: [0xab].into() };
        let apex = wire("example");
        let full = |labels: &Labels| [&owner(labels).to_ascii_lowercase()[..], &apex].concat();
        let mut hashes: Vec<Hash> = owners.iter().map(full).chain([apex.clone()]).map(|name| params.hash([&name])).collect();
        hashes.sort();
        hashes.dedup();
        let nodes: Vec<_> = hashes.iter().map(|hash| (*hash, Hashed::new(&[0; 33], &[0]))).collect();
        let chain = Nsec3Chain::new(params.clone(), &apex, &nodes).unwrap();
        for name in owners.iter().chain(&names).map(full) {
            let hash = params.hash([&name]);
            let next = |index: usize| hashes[(index + 1) % hashes.len()];
            let met = chain.find(&name);
            let link = met.link();
            let at = hashes[link.0];
            match met {
                Met::Match(_) => prop_assert_eq!(at, hash),
                Met::Cover(_) if at < next(link.0) => prop_assert!(at < hash && hash < next(link.0)),
                // The last arc goes round past zero (RFC 5155 §3.1.7).
                Met::Cover(_) => prop_assert!(at < hash || hash < next(link.0)),
            }
        }
    }
}
