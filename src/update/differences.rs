//! What a dry run shows: the records that would go and come, in presentation form.

use super::engine::Settings;
use super::overlay::Overlay;
use super::publish::{Suffixes, touched};
use crate::publication::published;
use crate::registry::{Event, NameKey, Unavailable};
use crate::zone::{Gateway, Published};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

/// Most names whose records are listed; a hold on a large unit says how many more there are.
const NAMES_MAX: usize = 1000;

/// Compares what two states publish.
pub struct Differences<'a> {
    /// Which zones belong to which set.
    pub suffixes: &'a Suffixes,
    /// Where forwards point.
    pub settings: &'a Settings,
}

impl Differences<'_> {
    /// The lines by apex, of the names that `events` touch on their way from `before` to `after`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn between(
        &self,
        before: &Overlay<'_>,
        after: &Overlay<'_>,
        events: &[Event],
    ) -> Result<Vec<(Box<str>, Vec<String>)>, Unavailable> {
        let mut by_apex: BTreeMap<Box<str>, Vec<String>> = BTreeMap::new();
        let names = touched(before, events)?.names;
        for key in names.iter().take(NAMES_MAX) {
            let old = published_in(before, key)?;
            let new = published_in(after, key)?;
            if old == new {
                continue;
            }
            for apex in self.suffixes.apexes(&key.set) {
                let owner = format!("{}.{}", key.label.as_ascii(), apex.text);
                let old: BTreeSet<String> = self.records(key, &owner, old.as_ref()).into_iter().collect();
                let new: BTreeSet<String> = self.records(key, &owner, new.as_ref()).into_iter().collect();
                let lines = by_apex.entry(apex.text.clone()).or_default();
                lines.extend(old.difference(&new).map(|line| format!("- {line}")));
                lines.extend(new.difference(&old).map(|line| format!("+ {line}")));
            }
        }
        if let Some(more) = names.len().checked_sub(NAMES_MAX).filter(|more| *more > 0) {
            for lines in by_apex.values_mut() {
                lines.push(format!("; and up to {more} names more"));
            }
        }
        by_apex.retain(|_, lines| !lines.is_empty());
        Ok(by_apex.into_iter().collect())
    }

    /// The records at and below `owner`. A held name has none.
    fn records(&self, key: &NameKey, owner: &str, published: Option<&Published>) -> Vec<String> {
        match published {
            None | Some(Published::Held { .. }) => Vec::new(),
            Some(Published::Addresses { addresses, ttl, www }) => addresses_of(owner, addresses, *ttl, *www),
            Some(Published::Forward { target, code, keep_path, ttl, www }) => {
                let Gateway { v4, v6 } = self.settings.gateway(&key.set);
                let v4 = v4.into_iter().map(IpAddr::V4);
                let addresses: Vec<IpAddr> = v4.chain(v6.into_iter().map(IpAddr::V6)).collect();
                let mut lines = addresses_of(owner, &addresses, *ttl, *www);
                // No record, but what the change is about: two forwards differ in nothing else.
                let path = if *keep_path { " and the path asked for" } else { "" };
                lines.push(format!("{owner} HTTP {code} {target}{path}"));
                lines
            }
            Some(Published::Delegation { servers, ds, ttl }) => {
                let mut lines: Vec<String> =
                    servers.iter().map(|(host, _)| format!("{owner} {ttl} IN NS {host}")).collect();
                for (host, glue) in servers {
                    lines.extend(glue.iter().map(|address| address_line(&host.to_string(), *address, *ttl)));
                }
                lines.extend(ds.iter().map(|rdata| format!("{owner} {ttl} IN DS {}", ds_text(rdata))));
                lines
            }
        }
    }
}

/// What `state` publishes for the name.
fn published_in(state: &Overlay<'_>, key: &NameKey) -> Result<Option<Published>, Unavailable> {
    Ok(super::publish::look_up(state, key)?.and_then(|(unit, name)| published(&unit, &name)))
}

fn addresses_of(owner: &str, addresses: &[IpAddr], ttl: u32, www: bool) -> Vec<String> {
    let mut lines: Vec<String> = addresses.iter().map(|address| address_line(owner, *address, ttl)).collect();
    if www {
        let www = format!("www.{owner}");
        lines.extend(addresses.iter().map(|address| address_line(&www, *address, ttl)));
    }
    lines
}

fn address_line(owner: &str, address: IpAddr, ttl: u32) -> String {
    let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
    format!("{owner} {ttl} IN {rtype} {address}")
}

/// RDATA of a DS record in presentation form (RFC 4034 §5.3).
fn ds_text(rdata: &[u8]) -> String {
    let [tag_high, tag_low, algorithm, digest_type, digest @ ..] = rdata else { return String::new() };
    let tag = u16::from_be_bytes([*tag_high, *tag_low]);
    let mut text = format!("{tag} {algorithm} {digest_type} ");
    for octet in digest {
        write!(text, "{octet:02X}").expect("a string takes every write");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ds_record_reads_as_in_a_master_file() {
        // RFC 4034 §5.4: the example's key tag, algorithm and digest type.
        let rdata = [&60485u16.to_be_bytes()[..], &[5, 1], &[0x2b, 0xb1, 0x83]].concat();
        assert_eq!(ds_text(&rdata), "60485 5 1 2BB183");
    }

    #[test]
    fn www_is_a_copy() {
        let lines = addresses_of("a.example.", &["192.0.2.1".parse().expect("an address")], 600, true);
        assert_eq!(lines, ["a.example. 600 IN A 192.0.2.1", "www.a.example. 600 IN A 192.0.2.1"]);
    }
}
