//! Addresses that a public name may point to: what the IANA special-purpose registries do not keep for other uses.

use crate::registry::resolution::ADDRESSES_MAX;
use crate::registry::{Code, Policy, Refusal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 blocks that are not globally reachable hosts (IANA IPv4 Special-Purpose Address Registry, RFC 6890).
const SPECIAL_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only IPv6 block that hosts are numbered from (IANA IPv6 Address Space, RFC 4291 §2.4).
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Blocks within it that are not globally reachable hosts (IANA IPv6 Special-Purpose Address Registry): protocol
/// assignments with Teredo, documentation twice, 6to4, AS112.
const SPECIAL_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// The list of a name's addresses: one to 16, without repeats.
pub(super) fn check_list(addresses: &[IpAddr], policy: &Policy) -> Result<(), Refusal> {
    const FIELD: &str = "resolution.addresses";
    if addresses.is_empty() || addresses.len() > ADDRESSES_MAX {
        return Err(Refusal::new(
            Code::AddressInvalid,
            format!("Give 1 to {ADDRESSES_MAX} addresses; there are {}.", addresses.len()),
            format!("请填写 1 至 {ADDRESSES_MAX} 个地址，现有 {} 个。", addresses.len()),
        )
        .at(FIELD));
    }
    check_each(addresses, policy, Code::AddressInvalid, FIELD)
}

/// Each address of a list, and that none repeats.
pub(super) fn check_each(addresses: &[IpAddr], policy: &Policy, code: Code, field: &str) -> Result<(), Refusal> {
    for (index, address) in addresses.iter().enumerate() {
        let refusal = if addresses[..index].contains(address) {
            Some((format!("{address} is given twice; leave one out."), format!("地址 {address} 重复，请去掉一个。")))
        } else if is_never_a_host(*address) {
            Some((
                format!("{address} is no host's address; give the address of a server."),
                format!("{address} 不是主机地址，请填写服务器的地址。"),
            ))
        } else if is_special(*address) && !policy.allow_special_addresses {
            Some((
                format!("{address} is kept for private or special use; give a public address."),
                format!("{address} 属于内部或专用地址，请填写公网地址。"),
            ))
        } else {
            None
        };
        if let Some((en, zh)) = refusal {
            return Err(Refusal::new(code, en, zh).at(format!("{field}[{index}]")));
        }
    }
    Ok(())
}

/// Unspecified, multicast and broadcast addresses, and IPv4 dressed as IPv6: wrong whatever the settings are.
pub(super) fn is_never_a_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast() || v6.to_ipv4_mapped().is_some(),
    }
}

/// Private, loopback, link-local, documentation and all other special-purpose addresses.
pub(super) fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_multicast() || SPECIAL_V4.iter().any(|block| in_v4(v4, *block)),
        IpAddr::V6(v6) => !in_v6(v6, GLOBAL_V6) || SPECIAL_V6.iter().any(|block| in_v6(v6, *block)),
    }
}

fn in_v4(address: Ipv4Addr, (network, prefix): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (32 - prefix) == 0
}

fn in_v6(address: Ipv6Addr, (network, prefix): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_blocks_end_where_the_registry_says() {
        for (address, special) in [
            ("0.255.255.255", true),
            ("1.0.0.1", false),
            ("9.255.255.255", false),
            ("10.0.0.0", true),
            ("11.0.0.0", false),
            ("100.63.255.255", false),
            ("100.64.0.0", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("127.0.0.1", true),
            ("169.254.1.1", true),
            ("172.15.255.255", false),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("192.0.0.1", true),
            ("192.0.1.0", false),
            ("192.0.2.1", true),
            ("192.88.99.1", true),
            ("192.168.255.255", true),
            ("192.169.0.0", false),
            ("198.17.255.255", false),
            ("198.19.255.255", true),
            ("198.51.100.1", true),
            ("203.0.113.255", true),
            ("203.0.114.0", false),
            ("223.255.255.255", false),
            ("224.0.0.1", true),
            ("240.0.0.1", true),
            ("255.255.255.255", true),
            ("::", true),
            ("::1", true),
            ("::ffff:192.0.2.1", true),
            ("64:ff9b::1", true),
            ("100::1", true),
            ("1fff::1", true),
            ("2001::1", true),
            ("2001:1ff:ffff::1", true),
            ("2001:200::1", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("2002::1", true),
            ("2400:3200::1", false),
            ("2620:4f:8000::1", true),
            ("3fff::1", true),
            ("3fff:1000::1", false),
            ("4000::1", true),
            ("fc00::1", true),
            ("fe80::1", true),
            ("ff02::1", true),
        ] {
            assert_eq!(is_special(address.parse().unwrap()), special, "{address}");
        }
    }
}
