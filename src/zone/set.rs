//! The set of zones one server answers for.

#[cfg(test)]
mod tests;

use super::contents::Zone;
use super::lookup::Found;
use super::name::Name;
use super::published::PublishedRef;
use super::qname::Qname;
use super::same::is_same;
use super::unloaded::Unloaded;
use foldhash::quality::RandomState;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// All zones, found by the closest enclosing apex. Cloning is cheap.
#[derive(Clone)]
pub struct ZoneSet {
    zones: Arc<[Zone]>,
    directory: Arc<Directory>,
}

/// Where each apex is; versions with the same apexes share it.
struct Directory {
    /// Lower-cased apex in wire form → position: of a zone, or behind all of them of one that is not loaded.
    positions: HashMap<Box<[u8]>, usize, RandomState>,
    /// The zones that are not loaded, in canonical order of their apexes.
    unloaded: Box<[Unloaded]>,
    /// Most labels an apex has: what a search begins with.
    labels_max: usize,
    /// The apexes in short, those with most labels first; empty if there are too many for a search one by one.
    short: Box<[ShortApex]>,
}

/// An apex, made to be told from others by one comparison.
struct ShortApex {
    /// Its last eight octets, as many as it has.
    tail: u64,
    /// The octets of `tail` that count.
    mask: u64,
    /// Lower-cased wire form.
    wire: Box<[u8]>,
    labels: usize,
    position: usize,
}

/// Most zones that are searched one by one for the hot path: beyond it, hashing costs less.
const SHORT_MAX: usize = 16;
/// Octets compared at once.
const TAIL_LEN: usize = 8;

/// The zone that encloses a name most closely.
#[derive(Clone, Copy)]
pub enum Closest<'a> {
    /// It can answer.
    Loaded(Enclosing<'a>),
    /// It cannot.
    Unloaded {
        /// The zone.
        zone: &'a Unloaded,
        /// Its position in [`ZoneSet::apexes`].
        position: usize,
        /// Where its apex begins in the name.
        apex_start: usize,
    },
}

/// The zone that encloses a name most closely, and can answer.
#[derive(Clone, Copy)]
pub struct Enclosing<'a> {
    /// The zone.
    pub zone: &'a Zone,
    /// Its position in [`ZoneSet::iter`] and [`ZoneSet::apexes`].
    pub position: usize,
    /// Where its apex begins in the name.
    pub apex_start: usize,
}

impl Closest<'_> {
    /// Its position in [`ZoneSet::apexes`].
    pub fn position(self) -> usize {
        match self {
            Self::Loaded(Enclosing { position, .. }) | Self::Unloaded { position, .. } => position,
        }
    }

    /// Where its apex begins in the name.
    pub fn apex_start(self) -> usize {
        match self {
            Self::Loaded(Enclosing { apex_start, .. }) | Self::Unloaded { apex_start, .. } => apex_start,
        }
    }
}

impl ZoneSet {
    /// The set of `zones`; of two with the same apex the later one stays.
    pub fn new(zones: impl IntoIterator<Item = Zone>) -> Self {
        Self::with_unloaded(zones, [])
    }

    /// The same with zones that are not loaded, as far as they are not among `zones`.
    pub fn with_unloaded(zones: impl IntoIterator<Item = Zone>, unloaded: impl IntoIterator<Item = Unloaded>) -> Self {
        let mut positions = HashMap::with_hasher(RandomState::default());
        let mut kept: Vec<Zone> = Vec::new();
        for zone in zones {
            let apex = zone.apex().to_lowercase();
            match positions.get(apex.as_wire()) {
                Some(&position) => kept[position] = zone,
                None => {
                    positions.insert(apex.as_wire().into(), kept.len());
                    kept.push(zone);
                }
            }
        }
        kept.sort_by(|a, b| canonical_order(a.apex(), b.apex()));
        let is_missing = |zone: &Unloaded| !positions.contains_key(zone.apex().to_lowercase().as_wire());
        let mut unloaded: Vec<Unloaded> = unloaded.into_iter().filter(is_missing).collect();
        unloaded.sort_by(|a, b| canonical_order(a.apex(), b.apex()));
        unloaded.dedup_by(|a, b| canonical_order(a.apex(), b.apex()).is_eq());
        let apexes = || kept.iter().map(Zone::apex).chain(unloaded.iter().map(Unloaded::apex));
        for (position, apex) in apexes().enumerate() {
            positions.insert(apex.to_lowercase().as_wire().into(), position);
        }
        let labels_max = apexes().map(|apex| apex.labels().count()).max().unwrap_or(0);
        let short = ShortApex::all(apexes());
        let unloaded = unloaded.into();
        Self { zones: kept.into(), directory: Arc::new(Directory { positions, unloaded, labels_max, short }) }
    }

    /// The set with `zones` in place of those with the same apex.
    pub fn with(&self, zones: impl IntoIterator<Item = Zone>) -> Self {
        let mut all = Arc::clone(&self.zones);
        let mut added = Vec::new();
        for zone in zones {
            match self.position(zone.apex()) {
                Some(position) if position < all.len() => Arc::make_mut(&mut all)[position] = zone,
                _ => added.push(zone),
            }
        }
        if added.is_empty() {
            return Self { zones: all, directory: Arc::clone(&self.directory) };
        }
        Self::with_unloaded(all.iter().cloned().chain(added), self.directory.unloaded.iter().cloned())
    }

    /// The zone with exactly this apex.
    pub fn get(&self, apex: &Name) -> Option<&Zone> {
        self.position(apex).and_then(|position| self.zones.get(position))
    }

    /// All zones that can answer, in canonical order of their apexes.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        self.zones.iter()
    }

    /// The zones that are configured and not loaded, in canonical order of their apexes.
    pub fn unloaded(&self) -> &[Unloaded] {
        &self.directory.unloaded
    }

    /// The apexes of the zones that can answer, and then of those that are not loaded; the position is the zone's number in
    /// counters.
    pub fn apexes(&self) -> impl Iterator<Item = &Name> {
        self.iter().map(Zone::apex).chain(self.unloaded().iter().map(Unloaded::apex))
    }

    /// The zone that encloses `name` most closely, looking at no more than its last `labels` labels.
    #[inline]
    pub fn closest(&self, name: &Qname, labels: usize) -> Option<Closest<'_>> {
        let most = labels.min(self.directory.labels_max);
        (0..=most).rev().find_map(|count| {
            let apex_start = name.start_of_last(count);
            let position = *self.directory.positions.get(&name.as_wire()[apex_start..])?;
            Some(match self.zones.get(position) {
                Some(zone) => Closest::Loaded(Enclosing { zone, position, apex_start }),
                None => {
                    let zone = &self.directory.unloaded[position - self.zones.len()];
                    Closest::Unloaded { zone, position, apex_start }
                }
            })
        })
    }

    /// The same for a name in lower case with `labels` labels, where these begin: an octet each, that of the last label
    /// lowest, the root's left out. Also none if the zone is not loaded, if the name has less than eight octets or more than
    /// eight labels, or the set more than a few zones: not faster than [`ZoneSet::closest`] then.
    #[inline]
    pub fn enclosing_by_tail(&self, name: &[u8], starts: u64, labels: usize) -> Option<Enclosing<'_>> {
        let tail = u64::from_le_bytes(*name.last_chunk()?);
        for apex in &*self.directory.short {
            if (tail ^ apex.tail) & apex.mask != 0 || apex.labels > labels || labels > TAIL_LEN {
                continue;
            }
            let apex_start = match apex.labels {
                0 => name.len() - 1,
                some => usize::from((starts >> (u8::BITS as usize * (some - 1))) as u8),
            };
            if is_same(name.get(apex_start..)?, &apex.wire) {
                let zone = self.zones.get(apex.position)?;
                return Some(Enclosing { zone, position: apex.position, apex_start });
            }
        }
        None
    }

    /// What is published for an HTTP host, for the gateway: `host` in A-labels, any case, with or without a final dot.
    /// Registered names and, where the registration says so or is held, `www` in front of them; nothing else.
    pub fn published_at(&self, host: &str) -> Option<PublishedRef<'_>> {
        let name = Qname::from_text(host)?;
        let Closest::Loaded(enclosing) = self.closest(&name, name.label_count())? else { return None };
        match enclosing.zone.lookup(&name, enclosing.apex_start) {
            Found::Registered { published, start: 0, .. } => Some(published),
            Found::Registered { published, www: true, .. } => {
                let answers = published.www() || matches!(published, PublishedRef::Held { .. });
                answers.then_some(published)
            }
            _ => None,
        }
    }

    fn position(&self, apex: &Name) -> Option<usize> {
        self.directory.positions.get(apex.to_lowercase().as_wire()).copied()
    }
}

impl ShortApex {
    fn all<'n>(apexes: impl Iterator<Item = &'n Name>) -> Box<[Self]> {
        let mut all: Vec<Self> = apexes.enumerate().map(|(position, apex)| Self::new(position, apex)).collect();
        if all.len() > SHORT_MAX {
            return Box::default();
        }
        all.sort_by_key(|apex| std::cmp::Reverse(apex.labels));
        all.into()
    }

    fn new(position: usize, apex: &Name) -> Self {
        let wire: Box<[u8]> = apex.to_lowercase().as_wire().into();
        let known = wire.len().min(TAIL_LEN);
        let (mut tail, mut mask) = ([0; TAIL_LEN], [0; TAIL_LEN]);
        tail[TAIL_LEN - known..].copy_from_slice(&wire[wire.len() - known..]);
        mask[TAIL_LEN - known..].fill(0xff);
        let (tail, mask) = (u64::from_le_bytes(tail), u64::from_le_bytes(mask));
        Self { tail, mask, wire, labels: apex.labels().count(), position }
    }
}

impl fmt::Debug for ZoneSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).entries(self.unloaded()).finish()
    }
}

/// Canonical order (RFC 4034 §6.1): label by label from the right, in lower case.
fn canonical_order(a: &Name, b: &Name) -> Ordering {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (a, b): (Vec<_>, Vec<_>) = (a.labels().collect(), b.labels().collect());
    a.iter().rev().cmp(b.iter().rev())
}
