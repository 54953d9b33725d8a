//! Who may ask: lists of networks by zone (no document but custom; EDE 18 is RFC 8914 §4.19).

use crate::dns::{NOW, Query, Response, client, name, settings, suffix, zone, zones};
use crate::signed::{SECRET, Signer};
use std::net::IpAddr;
use zhengming::query::{Client, Settings, Transport};
use zhengming::tsig::{Algorithm, Key, Keys};
use zhengming::zone::ZoneSet;

fn ask(zones: &ZoneSet, address: &str, name: &str) -> Response {
    let address: IpAddr = address.parse().expect("an address");
    let client = Client { address, ..client(Transport::Udp) };
    Response::with(zones, &settings(), &client, &Query::new(name, "A").to_wire()).expect("an answer")
}

fn guarded() -> ZoneSet {
    let networks = ["192.0.2.0/24", "2001:db8::/32"].map(|network| network.parse().expect("a network"));
    let inner = zone(
        "inner.example",
        "@ 60 SOA ns h 1 60 60 60 60
         @ 60 NS ns
         ns 60 A 192.0.2.1
         www 60 A 192.0.2.2",
    );
    let outer = zone(
        "example",
        "@ 60 SOA ns h 1 60 60 60 60
         @ 60 NS ns
         ns 60 A 192.0.2.1
         alias 60 CNAME www.inner",
    );
    ZoneSet::new([inner.with_allowed(&networks, &[]), outer, suffix("xn--zfr164b")])
}

#[test]
fn only_the_networks_of_the_list_are_answered() {
    let zones = guarded();
    for address in ["192.0.2.7", "2001:db8:1::7"] {
        ask(&zones, address, "www.inner.example").is("NOERROR aa\nAN www.inner.example. 60 A 192.0.2.2");
    }
    for address in ["192.0.3.7", "2001:db9::7", "::ffff:192.0.2.7"] {
        for name in ["www.inner.example", "no.inner.example", "inner.example"] {
            let response = ask(&zones, address, name);
            response.is("REFUSED\nEDE 18");
            assert!(response.outcome.zone.is_some());
        }
        ask(&zones, address, "xn--live.xn--zfr164b").is("NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5");
    }
}

#[test]
fn an_alias_does_not_lead_around_the_list() {
    let zones = guarded();
    let whole = "NOERROR aa
        AN alias.example. 60 CNAME www.inner.example.
        AN www.inner.example. 60 A 192.0.2.2";
    ask(&zones, "192.0.2.7", "alias.example").is(whole);
    ask(&zones, "198.51.100.7", "alias.example").is("NOERROR aa\nAN alias.example. 60 CNAME www.inner.example.");
}

#[test]
fn a_new_version_of_a_zone_keeps_its_list() {
    let zone = suffix("xn--zfr164b").with_allowed(&["192.0.2.0/24".parse().expect("a network")], &[]).with_serial(99);
    let zones = zones().with([zone]);
    ask(&zones, "198.51.100.7", "xn--live.xn--zfr164b").is("REFUSED\nEDE 18");
    ask(&zones, "192.0.2.7", "xn--live.xn--zfr164b").is("NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5");
}

#[test]
fn who_signs_with_a_key_of_the_list_is_answered_wherever_it_is() {
    let network = ["192.0.2.0/24".parse().expect("a network")];
    let keys = ["Good.example", "other.example"];
    let zones = ZoneSet::new([suffix("xn--zfr164b").with_allowed(&network, &[name("good.EXAMPLE")])]);
    let algorithm = Algorithm::from_text("hmac-sha256").expect("an algorithm");
    let keys = keys.map(|key| Key::new(name(key).as_wire(), algorithm, SECRET).expect("a key"));
    let settings = Settings { keys: Keys::new(keys.to_vec()), ..settings() };
    let answered = "NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5";
    let query = Query::new("xn--live.xn--zfr164b", "A").to_wire();
    let signer = |key: &str| Signer::new(name(key).as_wire(), NOW);
    for (address, request, text) in [
        ("198.51.100.7", query.clone(), "REFUSED\nEDE 18"),
        ("192.0.2.7", query.clone(), answered),
        ("198.51.100.7", signer("GOOD.example").sign(&query), answered),
        // Known, but not on the list; not known; and not itself.
        ("198.51.100.7", signer("other.example").sign(&query), "REFUSED\nEDE 18"),
        ("192.0.2.7", signer("other.example").sign(&query), answered),
        ("192.0.2.7", signer("nobody.example").sign(&query), "NOTAUTH"),
        ("198.51.100.7", Signer { secret: b"x".to_vec(), ..signer("good.example") }.sign(&query), "NOTAUTH"),
        ("198.51.100.7", Signer { time: 0, ..signer("good.example") }.sign(&query), "NOTAUTH"),
        ("198.51.100.7", Signer { mac_len: 16, ..signer("good.example") }.sign(&query), "NOTAUTH"),
    ] {
        let client = Client { address: address.parse().expect("an address"), ..client(Transport::Udp) };
        Response::with(&zones, &settings, &client, &request).expect("an answer").is(text);
    }
}
