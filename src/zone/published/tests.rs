//! What is written is read back.

use super::*;
use proptest::prelude::*;

fn addresses_of() -> impl Strategy<Value = Vec<IpAddr>> {
    let v4 = proptest::collection::vec(any::<Ipv4Addr>().prop_map(IpAddr::V4), 0..9);
    let v6 = proptest::collection::vec(any::<Ipv6Addr>().prop_map(IpAddr::V6), 0..9);
    (v4, v6).prop_map(|(v4, v6)| [v4, v6].concat())
}

fn server() -> impl Strategy<Value = (Name, Vec<IpAddr>)> {
    ("[a-z]{1,63}(\\.[a-z]{1,40}){0,3}".prop_map(|text| Name::absolute(&text).expect("a name")), addresses_of())
}

fn published() -> impl Strategy<Value = Published> {
    let ttl = || prop_oneof![60..=600u32, any::<u32>()];
    prop_oneof![
        (addresses_of(), ttl(), any::<bool>()).prop_map(|(addresses, ttl, www)| Published::Addresses {
            addresses,
            ttl,
            www
        }),
        (".{0,80}", any::<u16>(), any::<bool>(), ttl(), any::<bool>()).prop_map(
            |(target, code, keep_path, ttl, www)| {
                Published::Forward { target: target.into(), code, keep_path, ttl, www }
            }
        ),
        (
            proptest::collection::vec(server(), 0..14),
            proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60).prop_map(Into::into), 0..9),
            ttl()
        )
            .prop_map(|(servers, ds, ttl)| Published::Delegation { servers, ds, ttl }),
        (any::<u16>(), "[ -~]{0,40}", any::<u16>()).prop_map(|(info_code, text, status)| Published::Held {
            info_code,
            extra_text: text.into(),
            status
        }),
    ]
}

proptest! {
    #[test]
    fn decode_undoes_encode(published in published()) {
        let mut octets = Vec::new();
        published.encode(&mut octets);
        prop_assert_eq!(Published::decode(&octets), published);
    }
}

#[test]
fn the_common_registration_takes_ten_octets() {
    let address = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 5));
    let mut octets = Vec::new();
    Published::Addresses { addresses: vec![address], ttl: 600, www: true }.encode(&mut octets);
    assert_eq!(octets.len(), 10);
}

#[test]
fn addresses_of_mixed_order_keep_the_order_of_each_family() {
    let text = ["2001:db8::2", "203.0.113.9", "2001:db8::1", "203.0.113.1"];
    let addresses = text.map(|text| text.parse().expect("an address")).to_vec();
    let mut octets = Vec::new();
    Published::Addresses { addresses, ttl: 60, www: false }.encode(&mut octets);
    let Published::Addresses { addresses, .. } = Published::decode(&octets) else { panic!("another kind") };
    let text: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    assert_eq!(text, ["203.0.113.9", "203.0.113.1", "2001:db8::2", "2001:db8::1"]);
}
