//! Published data as lines of a master file, for people who compare what is with what would be.

use crate::zone::{Gateway, Name, Published};
use std::net::IpAddr;

/// The records that `published` means under `label` of the zone `apex`, one a line in master-file form (RFC 1035 §5.1).
/// What is no record (a redirect, a hold) is a comment line, so that a comparison shows it change too.
pub fn presentation(published: &Published, label: &str, apex: &Name, gateway: &Gateway) -> Vec<String> {
    let owner = format!("{label}.{apex}");
    match published {
        Published::Addresses { addresses, ttl, www } => owners(&owner, *www, |o| address_lines(o, *ttl, addresses)),
        Published::Forward { target, code, keep_path, ttl, www } => {
            let v4 = gateway.v4.iter().copied().map(IpAddr::V4);
            let addresses: Vec<IpAddr> = v4.chain(gateway.v6.iter().copied().map(IpAddr::V6)).collect();
            let tail = if *keep_path { " keep_path" } else { "" };
            owners(&owner, *www, |o| {
                let mut lines = address_lines(o, *ttl, &addresses);
                lines.push(format!("; {o} HTTP {code} {target}{tail}"));
                lines
            })
        }
        Published::Delegation { servers, ds, ttl } => delegation_lines(&owner, *ttl, servers, ds),
        Published::Held { info_code, extra_text, status } => {
            vec![format!("; {owner} NXDOMAIN EDE {info_code} \"{extra_text}\" HTTP {status}")]
        }
    }
}

/// The lines of the name itself, and where it is asked for, the same of its `www`.
fn owners(owner: &str, www: bool, lines: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let mut all = lines(owner);
    if www {
        all.extend(lines(&format!("www.{owner}")));
    }
    all
}

fn address_lines(owner: &str, ttl: u32, addresses: &[IpAddr]) -> Vec<String> {
    addresses.iter().map(|address| format!("{owner} {ttl} IN {} {address}", rtype(address))).collect()
}

fn delegation_lines(owner: &str, ttl: u32, servers: &[(Name, Vec<IpAddr>)], ds: &[Box<[u8]>]) -> Vec<String> {
    let mut lines: Vec<String> = servers.iter().map(|(host, _)| format!("{owner} {ttl} IN NS {host}")).collect();
    for rdata in ds {
        if let [tag_high, tag_low, algorithm, digest_type, digest @ ..] = &rdata[..] {
            let tag = u16::from_be_bytes([*tag_high, *tag_low]);
            let digest: String = digest.iter().map(|octet| format!("{octet:02X}")).collect();
            lines.push(format!("{owner} {ttl} IN DS {tag} {algorithm} {digest_type} {digest}"));
        }
    }
    // Narrow glue: a zone holds addresses of those hosts only that lie inside the delegated name as this zone has it.
    let cut = Name::absolute(owner).ok();
    for (host, glue) in servers {
        if cut.as_ref().is_some_and(|cut| host.is_within(cut)) {
            lines.extend(glue.iter().map(|address| format!("{host} {ttl} IN {} {address}", rtype(address))));
        }
    }
    lines
}

fn rtype(address: &IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "A",
        IpAddr::V6(_) => "AAAA",
    }
}
