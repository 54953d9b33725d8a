//! The set of zones one server answers for.

#[cfg(test)]
mod tests;

use super::contents::Zone;
use super::lookup::Found;
use super::name::Name;
use super::published::PublishedRef;
use super::qname::Qname;
use super::same::is_same;
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
    /// Lower-cased apex in wire form → position.
    positions: HashMap<Box<[u8]>, usize, RandomState>,
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
pub struct Enclosing<'a> {
    /// The zone.
    pub zone: &'a Zone,
    /// Its position in [`ZoneSet::iter`].
    pub position: usize,
    /// Where its apex begins in the name.
    pub apex_start: usize,
}

impl ZoneSet {
    /// The set of `zones`; of two with the same apex the later one stays.
    pub fn new(zones: impl IntoIterator<Item = Zone>) -> Self {
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
        for (position, zone) in kept.iter().enumerate() {
            positions.insert(zone.apex().to_lowercase().as_wire().into(), position);
        }
        let labels_max = kept.iter().map(|zone| zone.apex().labels().count()).max().unwrap_or(0);
        let short = ShortApex::all(&kept);
        Self { zones: kept.into(), directory: Arc::new(Directory { positions, labels_max, short }) }
    }

    /// The set with `zones` in place of those with the same apex.
    pub fn with(&self, zones: impl IntoIterator<Item = Zone>) -> Self {
        let mut all = Arc::clone(&self.zones);
        let mut added = Vec::new();
        for zone in zones {
            match self.position(zone.apex()) {
                Some(position) => Arc::make_mut(&mut all)[position] = zone,
                None => added.push(zone),
            }
        }
        if added.is_empty() {
            return Self { zones: all, directory: Arc::clone(&self.directory) };
        }
        Self::new(all.iter().cloned().chain(added))
    }

    /// The zone with exactly this apex.
    pub fn get(&self, apex: &Name) -> Option<&Zone> {
        self.position(apex).map(|position| &self.zones[position])
    }

    /// All zones, in canonical order of their apexes; the position is the zone's number in counters.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        self.zones.iter()
    }

    /// The zone that encloses `name` most closely, looking at no more than its last `labels` labels.
    #[inline]
    pub fn enclosing(&self, name: &Qname, labels: usize) -> Option<Enclosing<'_>> {
        let most = labels.min(self.directory.labels_max);
        (0..=most).rev().find_map(|count| {
            let apex_start = name.start_of_last(count);
            let position = *self.directory.positions.get(&name.as_wire()[apex_start..])?;
            Some(Enclosing { zone: &self.zones[position], position, apex_start })
        })
    }

    /// The same for a name in lower case with `labels` labels, where these begin: an octet each, that of the last label
    /// lowest, the root's left out. Also none if the name has less than eight octets or more than eight labels, or the set
    /// more than a few zones: not faster than [`ZoneSet::enclosing`] then.
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
                let zone = &self.zones[apex.position];
                return Some(Enclosing { zone, position: apex.position, apex_start });
            }
        }
        None
    }

    /// What is published for an HTTP host, for the gateway: `host` in A-labels, any case, with or without a final dot.
    /// Registered names and, where the registration says so or is held, `www` in front of them; nothing else.
    pub fn published_at(&self, host: &str) -> Option<PublishedRef<'_>> {
        let name = Qname::from_text(host)?;
        let enclosing = self.enclosing(&name, name.label_count())?;
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
    fn all(zones: &[Zone]) -> Box<[Self]> {
        if zones.len() > SHORT_MAX {
            return Box::default();
        }
        let mut all: Vec<Self> = zones.iter().enumerate().map(|(position, zone)| Self::new(position, zone)).collect();
        all.sort_by_key(|apex| std::cmp::Reverse(apex.labels));
        all.into()
    }

    fn new(position: usize, zone: &Zone) -> Self {
        let wire: Box<[u8]> = zone.apex().to_lowercase().as_wire().into();
        let known = wire.len().min(TAIL_LEN);
        let (mut tail, mut mask) = ([0; TAIL_LEN], [0; TAIL_LEN]);
        tail[TAIL_LEN - known..].copy_from_slice(&wire[wire.len() - known..]);
        mask[TAIL_LEN - known..].fill(0xff);
        let (tail, mask) = (u64::from_le_bytes(tail), u64::from_le_bytes(mask));
        Self { tail, mask, wire, labels: zone.depth(), position }
    }
}

impl fmt::Debug for ZoneSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Canonical order (RFC 4034 §6.1): label by label from the right, in lower case.
fn canonical_order(a: &Name, b: &Name) -> Ordering {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (a, b): (Vec<_>, Vec<_>) = (a.labels().collect(), b.labels().collect());
    a.iter().rev().cmp(b.iter().rev())
}
