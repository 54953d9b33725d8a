//! Random octets as a packet of a proxy: no panic, and what is behind the header is the packet's end. An even first octet
//! puts the signature before the others, which is hard to guess.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};
use zhengming::server::proxy;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fuzz_target!(|octets: &[u8]| {
    let Some((choice, rest)) = octets.split_first() else { return };
    let octets = &[if choice % 2 == 0 { SIGNATURE } else { &[] }, rest].concat()[..];
    let sender = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));
    if let Ok((client, message)) = proxy::split(octets, sender) {
        assert!(octets.ends_with(message));
        let header = octets.len() - message.len();
        assert!((proxy::FIXED_LEN..=proxy::HEADER_LEN_MAX).contains(&header));
        assert_eq!(client, client.to_canonical());
        // Further octets belong to the message.
        let longer = [octets, &[7]].concat();
        assert_eq!(proxy::split(&longer, sender), Ok((client, &longer[header..])));
    }
});
