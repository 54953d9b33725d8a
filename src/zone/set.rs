//! The set of zones one server answers for.

#[cfg(test)]
mod tests;

use super::contents::Zone;
use super::lookup::Found;
use super::name::{LABEL_LEN_MAX, Name};
use super::published::PublishedRef;
use super::qname::Qname;
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
    /// Its last octets in lower case, as many as go in, the last word first.
    tail: [u64; 2],
    /// The bits of `tail` that count: of a letter not the one that tells its case.
    mask: [u64; 2],
    labels: u32,
    position: u16,
    len: u8,
    /// Whether another apex may be below it: what encloses a name closest takes more than one comparison then.
    has_apex_below: bool,
    /// Lower-cased wire form.
    wire: Box<[u8]>,
}

/// Most zones that are searched one by one for the hot path: beyond it, hashing costs less.
const SHORT_MAX: usize = 16;
/// Octets compared at once.
const TAIL_LEN: usize = 16;
/// Most labels of a name whose zone is searched for by its tail, and of its apex.
const TAIL_LABELS_MAX: usize = 7;
/// The bit that tells a letter's case.
const CASE: u8 = 0x20;

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

/// Where a name meets the zone that encloses it most closely.
#[derive(Clone, Copy)]
pub struct Tail {
    /// The zone's position in [`ZoneSet::iter`] and [`ZoneSet::apexes`].
    pub position: u16,
    /// Where its apex begins.
    pub apex_start: u8,
    /// Where the label below the apex begins; 0 if there is none.
    pub below: u8,
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

    /// The same for a name that is nothing but the label at `start` of `octets`, in any case, and an apex; with where the name ends,
    /// which is not behind `end_max`, at most 255. None for any other name, if the zone is not loaded, if an apex may be below its own,
    /// if there are less than sixteen octets, or if the set has more than a few zones.
    #[inline(always)]
    pub fn enclosing_label<const LEN: usize>(
        &self,
        octets: &[u8; LEN],
        start: usize,
        end_max: usize,
    ) -> Option<(&Zone, Tail, usize)> {
        debug_assert!(end_max <= usize::from(u8::MAX), "positions are octets");
        let label_len = usize::from(*octets.get(start)?);
        if !(1..=LABEL_LEN_MAX).contains(&label_len) {
            return None;
        }
        let apex_start = start + 1 + label_len;
        for apex in &*self.directory.short {
            let end = apex_start + usize::from(apex.len);
            if end > end_max {
                continue;
            }
            let tail = words(octets.get(end.checked_sub(TAIL_LEN)?..)?.first_chunk()?);
            if !apex.may_end(tail) {
                continue;
            }
            if usize::from(apex.len) > TAIL_LEN && !apex.is_end_of(&octets[..end]) {
                continue;
            }
            if apex.has_apex_below {
                return None;
            }
            let tail = Tail { position: apex.position, apex_start: apex_start as u8, below: start as u8 };
            return Some((self.zones.get(usize::from(apex.position))?, tail, end));
        }
        None
    }

    /// The same for the name of at most seven labels, in any case, at the end of `octets`; `starts` says where they begin, an
    /// octet each, the root's lowest. Also none if the zone is not loaded, if there are less than sixteen octets, or if the set has
    /// more than a few zones: not faster than [`ZoneSet::closest`] then.
    #[inline(always)]
    pub fn enclosing_by_tail(&self, octets: &[u8], starts: u64) -> Option<(&Zone, Tail)> {
        let tail = words(octets.last_chunk()?);
        for apex in &*self.directory.short {
            if !apex.may_end(tail) {
                continue;
            }
            // What comes to nothing is below no apex: the name has not so many labels.
            let starts = starts >> (u8::BITS * apex.labels);
            let apex_start = starts as u8;
            if usize::from(apex_start) + usize::from(apex.len) == octets.len()
                && (usize::from(apex.len) <= TAIL_LEN || apex.is_end_of(octets))
            {
                let tail = Tail { position: apex.position, apex_start, below: (starts >> u8::BITS) as u8 };
                return Some((self.zones.get(usize::from(apex.position))?, tail));
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
    /// All apexes, if they are few; but those that are too deep for such names to be below them.
    fn all<'n>(apexes: impl Iterator<Item = &'n Name>) -> Box<[Self]> {
        let mut all: Vec<Self> = apexes.enumerate().map(|(position, apex)| Self::new(position, apex)).collect();
        if all.len() > SHORT_MAX {
            return Box::default();
        }
        all.sort_by_key(|apex| std::cmp::Reverse(apex.labels));
        for at in 1..all.len() {
            let (deeper, from) = all.split_at_mut(at);
            from[0].has_apex_below = deeper.iter().any(|apex| apex.wire.ends_with(&from[0].wire));
        }
        all.retain(|apex| apex.labels as usize <= TAIL_LABELS_MAX);
        all.into()
    }

    fn new(position: usize, apex: &Name) -> Self {
        let wire: Box<[u8]> = apex.to_lowercase().as_wire().into();
        let (mut tail, mut mask) = ([0; TAIL_LEN], [0; TAIL_LEN]);
        for ((octet, bits), known) in tail.iter_mut().zip(&mut mask).rev().zip(wire.iter().rev()) {
            (*octet, *bits) = (*known, if known.is_ascii_lowercase() { !CASE } else { u8::MAX });
        }
        let (labels, position, len) = (apex.labels().count() as u32, position as u16, wire.len() as u8);
        Self { tail: words(&tail), mask: words(&mask), labels, position, len, has_apex_below: false, wire }
    }

    /// Whether a name with these last octets may end with it; surely, if it is not longer than they are.
    #[inline(always)]
    fn may_end(&self, tail: [u64; 2]) -> bool {
        (tail[0] ^ self.tail[0]) & self.mask[0] == 0 && (tail[1] ^ self.tail[1]) & self.mask[1] == 0
    }

    /// Whether `octets` end with all of it.
    #[inline(never)]
    fn is_end_of(&self, octets: &[u8]) -> bool {
        let end = octets.len().checked_sub(self.wire.len()).map(|start| &octets[start..]);
        end.is_some_and(|end| end.eq_ignore_ascii_case(&self.wire))
    }
}

/// The words of a tail, the last first.
#[inline(always)]
fn words(octets: &[u8; TAIL_LEN]) -> [u64; 2] {
    let word = |at: usize| u64::from_le_bytes(octets.as_chunks().0[at]);
    [word(1), word(0)]
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
