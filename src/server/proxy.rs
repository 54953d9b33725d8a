//! The header of the PROXY protocol, version 2, with which a proxy says for whom it asks.
//!
//! Specified by HAProxy's `proxy-protocol.txt`, §2.2. Proxies put it before each packet of UDP, and once at the start of
//! a connection of TCP; below TLS where there is TLS. It is believed of configured sources, which then must send it.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What each header begins with. As a DNS message it would be one of opcode 1, as a length one of 3,338 octets.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Octets before the addresses: signature, version and command, family and protocol, length of the rest.
pub const FIXED_LEN: usize = 16;
/// Longest header. Addresses take 36 octets; what proxies add about TLS (its names and version) fits easily, a whole
/// client certificate does not, and a packet keeps room for the longest query that we advertise.
pub const HEADER_LEN_MAX: usize = 1024;

/// The version, in the high half of its octet.
const VERSION_2: u8 = 0x20;
/// The proxy asks for itself, to see whether we are alive.
const COMMAND_LOCAL: u8 = 0;
/// The proxy asks for a client.
const COMMAND_PROXY: u8 = 1;
/// Families of addresses, in the high half of their octet.
const FAMILY_UNSPECIFIED: u8 = 0;
const FAMILY_INET: u8 = 1;
const FAMILY_INET6: u8 = 2;
/// The highest protocol, in the low half: unspecified, stream, datagram. Which one does not matter: a proxy may have
/// been asked over UDP and ask over TCP.
const PROTOCOL_MAX: u8 = 2;

/// A header without its signature and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    source: Source,
    /// Octets behind the fixed part.
    rest: usize,
}

/// Where the client's address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Nowhere: the client is whoever sent the packet.
    Sender,
    V4,
    V6,
}

/// Octets that are no header of version 2, or none that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Header {
    /// Reads the fixed part of a header.
    ///
    /// # Errors
    /// [`Malformed`]: another signature, version, command, family or protocol, fewer octets than its addresses need, or
    /// more than [`HEADER_LEN_MAX`].
    pub fn new(fixed: &[u8; FIXED_LEN]) -> Result<Self, Malformed> {
        let [.., command, family, high, low] = *fixed;
        let rest = usize::from(u16::from_be_bytes([high, low]));
        if fixed[..SIGNATURE.len()] != SIGNATURE || FIXED_LEN + rest > HEADER_LEN_MAX || family & 0x0f > PROTOCOL_MAX {
            return Err(Malformed);
        }
        let source = match (command, family >> 4) {
            // Whatever stands there is to be ignored. An unspecified family is what the proxy itself does not know.
            (local, _) if local == VERSION_2 | COMMAND_LOCAL => Source::Sender,
            (proxy, family) if proxy == VERSION_2 | COMMAND_PROXY => match family {
                FAMILY_UNSPECIFIED => Source::Sender,
                FAMILY_INET => Source::V4,
                FAMILY_INET6 => Source::V6,
                // Of a Unix socket nothing can be limited, and nobody asks for names over one.
                _ => return Err(Malformed),
            },
            _ => return Err(Malformed),
        };
        if rest < source.addresses_len() {
            return Err(Malformed);
        }
        Ok(Self { source, rest })
    }

    /// Octets behind the fixed part: addresses, and further fields, which are skipped.
    pub fn rest_len(&self) -> usize {
        self.rest
    }

    /// The client that the proxy asks for; none: the sender itself.
    ///
    /// # Panics
    /// If `rest` has not [`Header::rest_len`] octets.
    pub fn client(&self, rest: &[u8]) -> Option<IpAddr> {
        assert_eq!(rest.len(), self.rest, "the octets behind the fixed part");
        let address = match self.source {
            Source::Sender => return None,
            Source::V4 => IpAddr::from(first::<4>(rest).map(Ipv4Addr::from)?),
            Source::V6 => IpAddr::from(first::<16>(rest).map(Ipv6Addr::from)?),
        };
        // A proxy on a socket of both families may give either form of one client; limits and lists know one.
        Some(address.to_canonical())
    }
}

impl Source {
    /// Octets of both addresses and both ports.
    fn addresses_len(self) -> usize {
        match self {
            Self::Sender => 0,
            Self::V4 => 12,
            Self::V6 => 36,
        }
    }
}

fn first<const N: usize>(octets: &[u8]) -> Option<[u8; N]> {
    octets.first_chunk().copied()
}

/// Takes the header off a packet that came from `sender`: the client, and the message behind the header.
///
/// # Errors
/// [`Malformed`], also if the packet ends within its header.
pub fn split(packet: &[u8], sender: IpAddr) -> Result<(IpAddr, &[u8]), Malformed> {
    let (fixed, behind) = packet.split_first_chunk().ok_or(Malformed)?;
    let header = Header::new(fixed)?;
    let (rest, message) = behind.split_at_checked(header.rest_len()).ok_or(Malformed)?;
    Ok((header.client(rest).unwrap_or(sender), message))
}

/// Whether `sender` is one of the proxies.
pub fn is_from(proxies: &[IpNet], sender: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(&sender.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));

    /// A header by hand.
    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut octets = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a".to_vec();
        octets.extend_from_slice(&[command, family]);
        octets.extend_from_slice(&(rest.len() as u16).to_be_bytes());
        octets.extend_from_slice(rest);
        octets
    }

    /// Addresses and ports of both ends.
    fn addresses(client: IpAddr, server: IpAddr) -> Vec<u8> {
        let octets = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        [octets(client), octets(server), vec![0x12, 0x34, 0, 53]].concat()
    }

    #[test]
    fn what_is_no_header_is_malformed() {
        let v4 = addresses([198, 51, 100, 7].into(), [192, 0, 2, 1].into());
        let good = header(0x21, 0x12, &v4);
        assert_eq!(split(&good, SENDER), Ok(([198, 51, 100, 7].into(), &[][..])));
        for at in 0..12 {
            let mut octets = good.clone();
            octets[at] ^= 0x20;
            assert_eq!(split(&octets, SENDER), Err(Malformed), "octet {at} of the signature");
        }
        for end in 0..good.len() {
            assert_eq!(split(&good[..end], SENDER), Err(Malformed), "cut at {end}");
        }
        for (command, family, rest, what) in [
            (0x11, 0x12, &v4[..], "version 1"),
            (0x31, 0x12, &v4, "version 3"),
            (0x22, 0x12, &v4, "an unknown command"),
            (0x21, 0x32, &[0; 216], "a Unix socket"),
            (0x21, 0x42, &v4, "an unknown family"),
            (0x21, 0x13, &v4, "an unknown protocol"),
            (0x20, 0x03, &[], "an unknown protocol of a local one"),
            (0x21, 0x12, &v4[..11], "too short for IPv4"),
            (0x21, 0x22, &[0; 35], "too short for IPv6"),
            (0x21, 0x12, &[0; HEADER_LEN_MAX - FIXED_LEN + 1], "too long"),
        ] {
            assert_eq!(split(&header(command, family, rest), SENDER), Err(Malformed), "{what}");
        }
        let longest = header(0x21, 0x12, &[1; HEADER_LEN_MAX - FIXED_LEN]);
        assert_eq!(split(&longest, SENDER), Ok(([1, 1, 1, 1].into(), &[][..])));
    }

    #[test]
    fn a_proxy_may_ask_for_itself() {
        let v4 = addresses([198, 51, 100, 7].into(), [192, 0, 2, 1].into());
        for (command, family, rest) in
            [(0x20, 0x00, &[][..]), (0x20, 0x11, &v4), (0x20, 0x31, &[0; 216]), (0x21, 0x00, &[]), (0x21, 0x00, &v4)]
        {
            assert_eq!(split(&header(command, family, rest), SENDER), Ok((SENDER, &[][..])), "{command} {family}");
        }
    }

    #[test]
    fn one_client_has_one_form() {
        let mapped = "::ffff:198.51.100.7".parse().unwrap();
        let octets = header(0x21, 0x22, &addresses(mapped, mapped));
        assert_eq!(split(&octets, SENDER), Ok(([198, 51, 100, 7].into(), &[][..])));
    }

    #[test]
    fn proxies_are_networks() {
        let proxies = ["192.0.2.0/24".parse().unwrap(), "2001:db8::1/128".parse().unwrap()];
        for (sender, proxy) in [
            ("192.0.2.200", true),
            ("::ffff:192.0.2.200", true),
            ("192.0.3.1", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            assert_eq!(is_from(&proxies, sender.parse().unwrap()), proxy, "{sender}");
        }
        assert!(!is_from(&[], SENDER));
    }

    proptest! {
        #[test]
        fn what_was_wrapped_is_unwrapped(
            client: IpAddr,
            protocol in 0_u8..3,
            fields in prop::collection::vec(any::<u8>(), 0..200),
            message in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let client = client.to_canonical();
            let family = if client.is_ipv4() { 0x10 } else { 0x20 };
            let rest = [addresses(client, client), fields].concat();
            let packet = [header(0x21, family | protocol, &rest), message.clone()].concat();
            prop_assert_eq!(split(&packet, SENDER), Ok((client, &message[..])));
        }

        #[test]
        fn any_octets_are_taken(mut packet in prop::collection::vec(any::<u8>(), 0..300), signed: bool) {
            if signed && packet.len() >= SIGNATURE.len() {
                packet[..SIGNATURE.len()].copy_from_slice(&SIGNATURE);
            }
            if let Ok((_, message)) = split(&packet, SENDER) {
                prop_assert!(packet.ends_with(message));
                prop_assert!(packet.len() - message.len() >= FIXED_LEN);
            }
        }
    }
}
