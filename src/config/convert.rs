//! From the file's types to the settings of the modules, which know no file.

use super::{Allow, Config};
use crate::http::inherited::Inherited;
use crate::idn::{self, Label};
use crate::registry::time::DAY_SECS;
use crate::registry::{Labels, NameKey, Policy, SuffixSet};
use crate::zone::{self, Name};
use crate::{admin, query, server, tsig};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

impl Config {
    /// The registry's settings, with what labels are held against as it was read.
    pub fn policy(&self, labels: Labels) -> Policy {
        let registry = &self.registry;
        let sets = self.suffixes.iter().map(|set| SuffixSet {
            suffixes: set.suffixes.iter().map(|suffix| ascii(suffix).into()).collect(),
            unit_kinds: set.unit_kinds.clone(),
            unit_kinds_with_proof: set.unit_kinds_with_proof.clone(),
        });
        let reserved = registry.reserved_labels.iter().filter_map(|label| Label::parse(label).ok());
        let policy = Policy {
            sets: sets.collect(),
            reserved_labels: reserved.map(|label| label.as_ascii().into()).collect(),
            allow_special_addresses: registry.allow_special_addresses,
            expiry_grace_secs: registry.expiry_grace_secs,
            brake_percent: registry.brake_percent,
            brake_names_min: registry.brake_names_min,
            calendar: registry.calendar.calendar(),
            review: registry.review.clone(),
            site_review: registry.site_review.clone(),
            rates: super::procedure::rates(self),
            second_factor: registry.second_factor.clone(),
            terms: self.terms(),
            protected_names: BTreeSet::new(),
            labels,
            clock_step_secs: registry.clock_step_secs,
        };
        let protected = registry.protected_names.iter().filter_map(|name| NameKey::parse(name, &policy).ok());
        Policy { protected_names: protected.collect(), ..policy.clone() }
    }

    /// The gateway's addresses of each suffix set, by its primary suffix.
    pub fn gateways(&self) -> Vec<(Arc<str>, zone::Gateway)> {
        let gateway = |set: &super::Suffixes| {
            let primary = set.suffixes.first().map(|suffix| ascii(suffix).into())?;
            Some((primary, zone::Gateway { v4: set.gateway_v4.clone(), v6: set.gateway_v6.clone() }))
        };
        self.suffixes.iter().filter_map(gateway).collect()
    }

    /// Every zone to serve: its apex, its master file, and whether names are registered in it.
    pub fn zone_files(&self) -> Vec<(Name, PathBuf, bool)> {
        let suffixes = self.suffixes.iter().flat_map(|set| set.suffixes.iter().zip(&set.zone_files));
        // All have one, once the configuration is checked; the check itself reads the files of those that do.
        let suffixes = suffixes.filter_map(|(apex, file)| Some((zone_apex(apex)?, self.path(file), true)));
        let others = self.zones.iter();
        let others = others.filter_map(|zone| Some((zone_apex(&zone.apex)?, self.path(&zone.file), false)));
        suffixes.chain(others).collect()
    }

    /// The networks and keys that may ask for the zone at `apex`; none of either: everybody may.
    pub fn allow_query(&self, apex: &Name) -> (Vec<IpNet>, Vec<Name>) {
        let suffixes = self.suffixes.iter().flat_map(|set| set.suffixes.iter().map(|name| (name, &set.allow_query)));
        let others = self.zones.iter().map(|zone| (&zone.apex, &zone.allow_query));
        let found = suffixes.chain(others).find(|(name, _)| zone_apex(name).as_ref() == Some(apex));
        let (mut networks, mut keys) = (Vec::new(), Vec::new());
        for allow in found.into_iter().flat_map(|(_, allowed)| allowed) {
            match allow {
                Allow::Network(network) => networks.push(*network),
                Allow::Key(name) => keys.push(name.clone()),
            }
        }
        (networks, keys)
    }

    /// The DNS sockets' settings; encrypted transports have this certificate, or are not served.
    pub fn server_settings(&self, certificate: Option<server::Certificate>, inherited: Inherited) -> server::Settings {
        let default = server::Settings::default();
        let workers = if self.server.workers == 0 { default.workers } else { self.server.workers };
        let tcp = server::TcpLimits {
            idle: Duration::from_secs(self.server.tcp_idle_secs),
            connections: self.server.tcp_connections_max,
            connections_per_client: self.server.tcp_connections_per_client_max,
            ..default.tcp
        };
        let tls = &self.server.tls;
        let encrypted = certificate.map(|certificate| server::Encrypted {
            certificate,
            tls: tls.dot_listen.clone(),
            https: tls.doh_listen.clone(),
            quic: tls.doq_listen.clone(),
            http3: tls.doh3_listen.clone(),
            https_path: tls.doh_path.as_str().into(),
        });
        let rate = self.rate_limits();
        server::Settings {
            addresses: self.server.listen.clone(),
            workers,
            pin: self.server.pin_workers,
            tcp,
            encrypted,
            rate,
            proxies: self.server.proxy_from.clone(),
            inherited,
        }
    }

    /// Limits of what one network is sent over UDP; none: everything.
    pub fn rate_limits(&self) -> Option<server::RateLimits> {
        self.rate_limit.enabled.then(|| self.rate_limit.limits.clone())
    }

    /// What answers depend on, with the keys of transaction signatures as they were read.
    pub fn query_settings(&self, keys: tsig::Keys) -> query::Settings {
        let server = &self.server;
        let cookies = || {
            let mut cookies = query::Cookies::new(server.cookie_secrets.clone(), server.cookie_roll_secs);
            cookies.required = server.cookies_required;
            cookies
        };
        query::Settings {
            udp_size_max: server.udp_size_max,
            nsid: server.nsid.clone().into_bytes(),
            cookies: server.cookies.then(cookies),
            keys,
            id_server: server.id_server.clone(),
            version_server: server.version_server.clone(),
            rotate_rrsets: server.rotate_rrsets,
            // In units of 100 ms; a longer time than can be said is said as the longest.
            keepalive: u16::try_from(server.tcp_idle_secs * 10).unwrap_or(u16::MAX),
        }
    }

    /// How often one caller of the admin API may ask.
    pub fn access_limits(&self) -> admin::AccessLimits {
        let limits = &self.admin.rate_limit;
        admin::AccessLimits {
            per_token: limits.per_token,
            per_address: limits.per_address,
            failures: limits.failures,
            exempt: limits.exempt.clone(),
            warn_secs: self.admin.token_warn_days * DAY_SECS,
        }
    }

    /// Every address that something listens on: those of TCP, and those of UDP.
    pub fn listeners(&self) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
        let (dns, tls) = (self.server.listen.iter(), &self.server.tls);
        let http = self.admin.listen.iter().chain(&self.gateway.listen);
        let tcp = dns.clone().chain(&tls.dot_listen).chain(&tls.doh_listen).chain(http);
        (tcp.copied().collect(), dns.chain(&tls.doq_listen).chain(&tls.doh3_listen).copied().collect())
    }

    /// Where journal and store are.
    pub fn data_dir(&self) -> PathBuf {
        self.path(&self.data.directory)
    }
}

/// `name` in lower-case A-labels without a final dot.
fn ascii(name: &str) -> String {
    idn::host_to_ascii(name).expect("checked when the configuration was read")
}

/// The apex of a zone as an operator writes it: U-labels, or any name in ASCII, written as in a master file. It is in
/// lower case, and none if the text is no name. Beyond host names there are zones such as `0/25.2.0.192.in-addr.arpa`
/// (RFC 2317 §4), and the root.
pub fn zone_apex(text: &str) -> Option<Name> {
    let ascii = if text.is_ascii() { text.to_owned() } else { idn::host_to_ascii(text)? };
    // An origin has no meaning here.
    let name = if ascii == "@" { None } else { Name::absolute(&ascii).ok() };
    name.map(|name| name.to_lowercase())
}
