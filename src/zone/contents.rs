//! One zone: its master file's records, and the registrations published in it.

use super::name::Name;
use super::pages::Pages;
use super::record::Record;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One version of a zone. Cloning is cheap.
#[derive(Clone)]
pub struct Zone {}

/// Where forwarded names point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gateway {
    /// IPv4 addresses of the gateway.
    pub v4: Vec<Ipv4Addr>,
    /// IPv6 addresses; none means AAAA is NODATA.
    pub v6: Vec<Ipv6Addr>,
}

/// Why records do not make a zone that can be served. `zonefile` finds these before, with line numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// No SOA at the apex, or more than one.
    #[error("{0} SOA records at the apex")]
    Soa(usize),
    /// A record outside the zone.
    #[error("{0} is outside the zone")]
    OutOfZone(Name),
}

impl Zone {
    /// The zone of `records`, all of class IN.
    ///
    /// # Errors
    /// [`ZoneError`] if they cannot be served.
    pub fn build(apex: Name, records: impl IntoIterator<Item = Record>) -> Result<Self, ZoneError> {
        let _ = (apex, records.into_iter());
        todo!()
    }

    /// Its apex.
    pub fn apex(&self) -> &Name {
        todo!()
    }

    /// The SOA's serial.
    pub fn serial(&self) -> u32 {
        todo!()
    }

    /// The same zone with another serial.
    pub fn with_serial(self, serial: u32) -> Self {
        let _ = serial;
        todo!()
    }

    /// The same zone with `registrations` published in it: label (A-label, lower case) → [`super::Published`] octets.
    /// Zones of one suffix set share one index.
    pub fn with_registrations(self, registrations: Pages) -> Self {
        let _ = registrations;
        todo!()
    }

    /// The same zone with another gateway.
    pub fn with_gateway(self, gateway: Gateway) -> Self {
        let _ = gateway;
        todo!()
    }

    /// The registrations published in it, if it is a suffix of ours.
    pub fn registrations(&self) -> Option<&Pages> {
        todo!()
    }

    /// Whether its master file has records at or below `label` directly under the apex.
    pub fn occupies(&self, label: &str) -> bool {
        let _ = label;
        todo!()
    }
}
