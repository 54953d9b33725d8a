//! Network interfaces in the place of addresses: `eth0:53` is every address of `eth0`.

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

/// Longest name of an interface (IFNAMSIZ, less its final zero).
const NAME_LEN_MAX: usize = 15;

/// Where to listen, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    /// An address.
    Address(SocketAddr),
    /// The addresses of an interface with this name, and the port.
    Interface(String, u16),
}

/// Why an interface has nothing to listen on.
#[derive(Debug)]
pub(super) enum InterfaceError {
    /// There is none of this name; those that are.
    Unknown(Vec<String>),
    /// It has no address.
    Bare,
    /// The system does not say.
    Unreadable(io::Error),
}

impl Listener {
    /// Reads `192.0.2.1:53`, `[2001:db8::1]:53` or `eth0:53`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        let (name, port) = text.rsplit_once(':')?;
        // What looks like an address is a wrong one.
        let is_name = |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b'/' | b':' | b'[' | b']');
        let is_address = name.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
        let fits = (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_name) && !is_address;
        let is_number = port.bytes().all(|octet| octet.is_ascii_digit());
        (fits && is_number).then(|| port.parse().ok().map(|port| Self::Interface(name.to_owned(), port)))?
    }
}

/// The addresses that the interface has now, in their order.
///
/// # Errors
/// [`InterfaceError`].
pub(super) fn addresses(name: &str, port: u16) -> Result<Vec<SocketAddr>, InterfaceError> {
    let all = getifaddrs().map_err(|error| InterfaceError::Unreadable(error.into()))?;
    let (mut found, mut names) = (BTreeSet::new(), BTreeSet::new());
    for interface in all {
        if interface.interface_name == name {
            found.extend(interface.address.and_then(|address| socket_address(&address, port)));
        }
        names.insert(interface.interface_name);
    }
    if !names.contains(name) {
        return Err(InterfaceError::Unknown(names.into_iter().collect()));
    }
    if found.is_empty() { Err(InterfaceError::Bare) } else { Ok(found.into_iter().collect()) }
}

fn socket_address(address: &SockaddrStorage, port: u16) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddrV4::new(v4.ip(), port).into());
    }
    let v6 = address.as_sockaddr_in6()?;
    // A link-local address means nothing without its interface.
    let scope = if v6.ip().is_unicast_link_local() { v6.scope_id() } else { 0 };
    Some(SocketAddrV6::new(v6.ip(), port, 0, scope).into())
}

impl InterfaceError {
    /// What is wrong and what to do, in English and Chinese.
    pub(super) fn text(&self, name: &str) -> (String, String) {
        match self {
            Self::Unknown(names) => {
                let (en, zh) = (names.join(", "), names.join("、"));
                (
                    format!("there is no network interface {name}; this machine has {en}"),
                    format!("没有名为 {name} 的网络接口，本机有：{zh}"),
                )
            }
            Self::Bare => (
                format!("the network interface {name} has no address yet; give it one, or name addresses"),
                format!("网络接口 {name} 尚无地址，请先配置地址，或直接填写地址"),
            ),
            Self::Unreadable(error) => (
                format!("the system does not say which addresses {name} has: {error}"),
                format!("无法取得 {name} 的地址：{error}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_address_and_a_wrong_one_is_no_name() {
        let interface = |name: &str, port| Some(Listener::Interface(name.to_owned(), port));
        for (text, expected) in [
            ("192.0.2.1:53", Some(Listener::Address("192.0.2.1:53".parse().unwrap()))),
            ("[2001:db8::1]:53", Some(Listener::Address("[2001:db8::1]:53".parse().unwrap()))),
            ("eth0:53", interface("eth0", 53)),
            ("br-1.100@x:0", interface("br-1.100@x", 0)),
            ("eth0", None),
            ("eth0:", None),
            ("eth0:+53", None),
            ("eth0:65536", None),
            (":53", None),
            ("a-name-of-16-oct:53", None),
            ("eth 0:53", None),
            ("192.0.2.1:65536", None),
            ("192.0.2.256:53", None),
            ("2001:db8::1:53", None),
            ("[2001:db8::g]:53", None),
        ] {
            assert_eq!(Listener::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn loopback_has_its_address_and_an_unknown_name_lists_what_there_is() {
        let found = addresses("lo", 53).expect("every machine has it");
        assert!(found.contains(&"127.0.0.1:53".parse().unwrap()), "{found:?}");
        let error = addresses("nowhere9", 53).expect_err("no such interface");
        let (en, zh) = error.text("nowhere9");
        assert!(en.contains("no network interface nowhere9; this machine has") && en.contains("lo"), "{en}");
        assert!(zh.contains("没有名为 nowhere9 的网络接口"), "{zh}");
    }
}
