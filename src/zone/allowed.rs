//! Who may ask for a zone.

use super::name::Name;
use ipnet::IpNet;
use std::net::IpAddr;

/// Who may ask for a zone: one of the networks, or who signs with one of the keys.
pub(super) struct Allowed {
    networks: Box<[IpNet]>,
    /// Names in wire form and lower case.
    keys: Box<[Name]>,
}

impl Allowed {
    pub(super) fn new(networks: &[IpNet], keys: &[Name]) -> Self {
        Self { networks: networks.into(), keys: keys.iter().map(Name::to_lowercase).collect() }
    }

    /// Whether a client at `address` may ask, who has signed with the key of this name, in wire form and lower case, or
    /// not at all.
    pub(super) fn holds(&self, address: IpAddr, key: Option<&[u8]>) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
            || key.is_some_and(|key| self.keys.iter().any(|allowed| allowed.as_wire() == key))
    }
}
