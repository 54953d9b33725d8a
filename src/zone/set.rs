//! The set of zones one server answers for.

use super::contents::Zone;
use super::name::Name;

/// All zones, found by the closest enclosing apex. Cloning is cheap.
#[derive(Clone)]
pub struct ZoneSet {}

impl ZoneSet {
    /// The set of `zones`; of two with the same apex the later one stays.
    pub fn new(zones: impl IntoIterator<Item = Zone>) -> Self {
        let _ = zones.into_iter();
        todo!()
    }

    /// The set with `zones` in place of those with the same apex.
    pub fn with(&self, zones: impl IntoIterator<Item = Zone>) -> Self {
        let _ = zones.into_iter();
        todo!()
    }

    /// The zone with exactly this apex.
    pub fn get(&self, apex: &Name) -> Option<&Zone> {
        let _ = apex;
        todo!()
    }

    /// All zones, in canonical order of their apexes; the position is the zone's number in counters.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        std::iter::empty()
    }
}
