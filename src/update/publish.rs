//! From decided events to zones: which names change what they publish, and which serials move by it.

use super::overlay::Overlay;
use super::tally::Tally;
use crate::idn::Label;
use crate::publication::{held, published};
use crate::registry::{Event, HoldReason, NameKey, Outline, Policy, Registration, State, Unavailable, Unit, UnitId};
use crate::zone::{Name, Pages, PagesEdit, Published, PublishedRef, ZoneSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The zones of every suffix set, by the set's primary suffix.
#[derive(Clone, Debug, Default)]
pub struct Suffixes(BTreeMap<Arc<str>, Vec<Apex>>);

/// The apex of one zone of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apex {
    /// As zones are found by.
    pub name: Name,
    /// A-labels with a final dot, as the journal writes it.
    pub text: Box<str>,
}

/// What a group changes in the zones, before it is durable. Drop it, and nothing has happened.
pub struct Draft<'a> {
    zones: &'a ZoneSet,
    suffixes: &'a Suffixes,
    edits: BTreeMap<Arc<str>, SetEdit>,
    octets: Vec<u8>,
    /// How the counts of names and holds move.
    pub tally: Tally,
}

/// The edit of one set's registrations.
struct SetEdit {
    pages: PagesEdit,
    /// Transactions that changed something in it: how far its serials move.
    moved: u32,
    /// The greatest TTL of a denial by one of the set's zones.
    negative_ttl_secs: u32,
    /// The residual TTL of what the transaction at hand has changed so far.
    residual_ttl_secs: u32,
}

/// How a transaction moves the zones.
pub struct Moved {
    /// The new serial of each zone that it changed visibly, by apex.
    pub serials: Vec<(Box<str>, u32)>,
    /// For how many seconds caches may answer what was there before; 0 if they notice nothing.
    pub residual_ttl_secs: u32,
}

impl Suffixes {
    /// The zones that the policy's sets are published in.
    pub fn of(policy: &Policy) -> Self {
        let apex = |suffix: &Arc<str>| {
            let name = Name::absolute(suffix).expect("the configuration's suffixes are names");
            Apex { name: name.to_lowercase(), text: format!("{}.", suffix.to_ascii_lowercase()).into() }
        };
        let sets = policy.sets.iter().filter_map(|set| {
            let primary = set.suffixes.first()?;
            Some((Arc::clone(primary), set.suffixes.iter().map(apex).collect()))
        });
        Self(sets.collect())
    }

    /// The zones of the set with this primary suffix.
    pub fn apexes(&self, set: &str) -> &[Apex] {
        self.0.get(set).map_or(&[], Vec::as_slice)
    }

    /// The primary suffix of the set that the zone with this apex belongs to.
    pub fn set_of(&self, apex: &Name) -> Option<&Arc<str>> {
        self.0.iter().find(|(_, apexes)| apexes.iter().any(|a| a.name == *apex)).map(|(set, _)| set)
    }

    /// The primary suffixes.
    pub fn sets(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }

    /// The first zone of a set that is configured and not loaded.
    pub fn unloaded_in(&self, zones: &ZoneSet) -> Option<&Apex> {
        let is_unloaded = |apex: &&Apex| zones.unloaded().iter().any(|zone| zone.apex().to_lowercase() == apex.name);
        self.0.values().flatten().find(is_unloaded)
    }

    /// The registrations of a set, as the first of its zones in `zones` shares them with the others.
    pub fn pages<'z>(&self, zones: &'z ZoneSet, set: &str) -> Option<&'z Pages> {
        self.apexes(set).iter().find_map(|apex| zones.get(&apex.name)?.registrations())
    }
}

impl<'a> Draft<'a> {
    /// Nothing changed in `zones` yet.
    pub fn new(zones: &'a ZoneSet, suffixes: &'a Suffixes) -> Self {
        Self { zones, suffixes, edits: BTreeMap::new(), octets: Vec::new(), tally: Tally::default() }
    }

    /// Puts one transaction's events on `state` and into the zones.
    ///
    /// # Errors
    /// [`Unavailable`]; state and draft are of no use then.
    pub fn apply(&mut self, state: &mut Overlay<'_>, events: &[Event]) -> Result<Moved, Unavailable> {
        let touched = touched(state, events)?;
        for of_unit in &touched.held {
            of_unit.count(state, &mut self.tally, -1)?;
        }
        let mut before = BTreeMap::new();
        for key in &touched.names {
            if let Some((unit, name)) = look_up(state, key)? {
                self.tally.name(&unit, &name, -1);
                if !name.variants.is_empty() {
                    before.insert(key, name.variants);
                }
            }
        }
        for id in &touched.units {
            if let Some(unit) = state.unit(id)? {
                self.tally.unit(&unit, -1);
            }
        }
        for event in events {
            state.apply(event)?;
        }
        for id in &touched.units {
            if let Some(unit) = state.unit(id)? {
                self.tally.unit(&unit, 1);
            }
        }
        self.edits.values_mut().for_each(|edit| edit.residual_ttl_secs = 0);
        // What is not published any more goes first: another name of the transaction may publish the same label now.
        let mut moved = BTreeSet::new();
        for (key, variants) in before {
            let after = state.name(key)?;
            let ended = |label: &&Label| after.as_ref().is_none_or(|name| !name.variants.contains(label));
            for label in variants.iter().filter(ended) {
                if self.withdraw(&key.set, label) {
                    moved.insert(Arc::clone(&key.set));
                }
            }
        }
        for key in &touched.names {
            let now = look_up(state, key)?;
            if let Some((unit, name)) = &now {
                self.tally.name(unit, name, 1);
            }
            if self.publish(key, now.as_ref()) {
                moved.insert(Arc::clone(&key.set));
            }
        }
        for of_unit in &touched.held {
            of_unit.count(state, &mut self.tally, 1)?;
            self.hold(of_unit, &mut moved);
        }
        let residual_ttl_secs = self.edits.values().map(|edit| edit.residual_ttl_secs).max().unwrap_or(0);
        let serials = moved.iter().flat_map(|set| self.move_serials(set)).collect();
        Ok(Moved { serials, residual_ttl_secs })
    }

    /// Brings the zones of the name up to its state; whether that changed anything.
    fn publish(&mut self, key: &NameKey, now: Option<&(Unit, Registration)>) -> bool {
        let Some(edit) = self.edit(&key.set) else { return false };
        let label = key.label.as_ascii().as_bytes();
        let Some((published, variants)) = now.and_then(|(unit, name)| Some((published(unit, name)?, &name.variants)))
        else {
            let mut changed = edit.remove(label);
            for label in now.into_iter().flat_map(|(_, name)| name.variants.iter()) {
                changed |= edit.remove(label.as_ascii().as_bytes());
            }
            return changed;
        };
        // Taken out of `self` for the time of the borrow, to be filled again and again.
        let mut octets = std::mem::take(&mut self.octets);
        octets.clear();
        published.encode(&mut octets);
        let edit = self.edits.get_mut(&key.set).expect("the edit was begun above");
        let mut changed = edit.put(label, &octets);
        if !variants.is_empty() {
            Published::mark_variant(&mut octets);
            for label in variants.iter() {
                changed |= edit.put(label.as_ascii().as_bytes(), &octets);
            }
        }
        self.octets = octets;
        changed
    }

    /// Brings the zones of names up to the hold that is on their unit, and notes the sets that this changes.
    fn hold(&mut self, of_unit: &HeldNames, moved: &mut BTreeSet<Arc<str>>) {
        self.octets.clear();
        held(of_unit.hold).encode(&mut self.octets);
        let octets = std::mem::take(&mut self.octets);
        for (key, _) in &of_unit.names {
            let changed = self.edit(&key.set).is_some_and(|edit| edit.put(key.label.as_ascii().as_bytes(), &octets));
            if changed && !moved.contains(&key.set) {
                moved.insert(Arc::clone(&key.set));
            }
        }
        self.octets = octets;
    }

    /// Takes a label out of the zones of a set; whether it was in them.
    fn withdraw(&mut self, set: &Arc<str>, label: &Label) -> bool {
        self.edit(set).is_some_and(|edit| edit.remove(label.as_ascii().as_bytes()))
    }

    /// The edit of a set that is served.
    fn edit(&mut self, set: &Arc<str>) -> Option<&mut SetEdit> {
        if !self.edits.contains_key(set) {
            let pages = self.suffixes.pages(self.zones, set)?.edit();
            let served = self.suffixes.apexes(set).iter().filter_map(|apex| self.zones.get(&apex.name));
            let negative_ttl_secs = served.map(|zone| zone.soa().negative_ttl()).max().unwrap_or(0);
            let edit = SetEdit { pages, moved: 0, negative_ttl_secs, residual_ttl_secs: 0 };
            self.edits.insert(Arc::clone(set), edit);
        }
        self.edits.get_mut(set)
    }

    /// Moves the serials of all zones of a set by one, and tells them.
    fn move_serials(&mut self, set: &Arc<str>) -> Vec<(Box<str>, u32)> {
        let Some(edit) = self.edits.get_mut(set) else { return Vec::new() };
        edit.moved = edit.moved.wrapping_add(1);
        let served = self.suffixes.apexes(set).iter().filter_map(|apex| {
            // RFC 1982 §3.1: adding wraps round.
            let serial = self.zones.get(&apex.name)?.serial().wrapping_add(edit.moved);
            Some((apex.text.clone(), serial))
        });
        served.collect()
    }

    /// The zones as they are after the draft, or none if it changed nothing; and how the counts move.
    pub fn finish(self) -> (Option<ZoneSet>, Tally) {
        let mut changed = Vec::new();
        for (set, edit) in self.edits {
            if edit.moved == 0 {
                continue;
            }
            let pages = edit.pages.finish();
            for apex in self.suffixes.apexes(&set) {
                if let Some(zone) = self.zones.get(&apex.name) {
                    let serial = zone.serial().wrapping_add(edit.moved);
                    changed.push(zone.clone().with_serial(serial).with_registrations(pages.clone()));
                }
            }
        }
        let zones = (!changed.is_empty()).then(|| self.zones.with(changed));
        (zones, self.tally)
    }
}

impl SetEdit {
    /// Puts what a label publishes into the pages; whether that changed anything.
    fn put(&mut self, label: &[u8], octets: &[u8]) -> bool {
        let old = self.pages.get(label);
        if old == Some(octets) {
            return false;
        }
        let residual = residual_ttl(old, Some(octets), self.negative_ttl_secs);
        self.residual_ttl_secs = self.residual_ttl_secs.max(residual);
        self.pages.insert(label, octets);
        true
    }

    /// Takes a label out of the pages; whether it was in them.
    fn remove(&mut self, label: &[u8]) -> bool {
        let residual = residual_ttl(self.pages.get(label), None, self.negative_ttl_secs);
        self.residual_ttl_secs = self.residual_ttl_secs.max(residual);
        self.pages.remove(label)
    }
}

/// For how many seconds caches may answer what a label published, if it publishes something else now. Its old records live
/// as long as their TTL; what was denied of it (all of a name, a type, `www`) as long as a denial. A name that is held is
/// denied with and without the hold.
fn residual_ttl(old: Option<&[u8]>, new: Option<&[u8]>, negative: u32) -> u32 {
    let ttl = |octets: Option<&[u8]>| PublishedRef::new(octets?).ttl();
    match (ttl(old), ttl(new)) {
        (Some(old), Some(_)) => old.max(negative),
        (Some(old), None) => old,
        (None, Some(_)) => negative,
        (None, None) => 0,
    }
}

/// Hands `put` every label of a registration and what it publishes there: for a start, where nothing has to be taken out.
pub(super) fn put_all(put: &mut dyn FnMut(&[u8], &[u8]), unit: &Unit, name: &Registration, octets: &mut Vec<u8>) {
    let Some(published) = published(unit, name) else { return };
    octets.clear();
    published.encode(octets);
    put(name.key.label.as_ascii().as_bytes(), octets);
    if !name.variants.is_empty() {
        Published::mark_variant(octets);
        for label in name.variants.iter() {
            put(label.as_ascii().as_bytes(), octets);
        }
    }
}

/// The names that may publish something else after a transaction, and the units that it replaces.
pub(super) struct Touched {
    /// The names whose registrations say what they publish.
    names: BTreeSet<NameKey>,
    /// Those that need not be read for it.
    held: Vec<HeldNames>,
    units: BTreeSet<UnitId>,
}

/// Names of a unit that a hold on it decides about: none has a hold in effect itself, or variants.
struct HeldNames {
    unit: UnitId,
    /// The unit's hold that decides after the transaction.
    hold: HoldReason,
    /// In order; at least one.
    names: Vec<(NameKey, Outline)>,
}

impl Touched {
    /// All names.
    pub(super) fn into_names(mut self) -> BTreeSet<NameKey> {
        self.names.extend(self.held.into_iter().flat_map(|of_unit| of_unit.names).map(|(key, _)| key));
        self.names
    }
}

impl HeldNames {
    /// Counts the names `by` times, in the state that the unit gives them.
    fn count(&self, state: &Overlay<'_>, tally: &mut Tally, by: i64) -> Result<(), Unavailable> {
        let unit = state.unit(&self.unit)?.ok_or_else(|| Unavailable(format!("unit {} is missing", self.unit)))?;
        for (key, outline) in &self.names {
            let in_state = outline.state(&unit).expect("only names that it tells the state of");
            tally.names(&key.set, in_state, by);
        }
        Ok(())
    }
}

/// What `events` touch, seen from the state before them.
pub(super) fn touched(state: &Overlay<'_>, events: &[Event]) -> Result<Touched, Unavailable> {
    let mut names = BTreeSet::new();
    // The last image counts.
    let mut units: BTreeMap<&UnitId, &Unit> = BTreeMap::new();
    for event in events {
        match event {
            Event::Name(name) => drop(names.insert(name.key.clone())),
            Event::NameRemoved { key, .. } => drop(names.insert(key.clone())),
            Event::Unit(unit) => drop(units.insert(&unit.id, unit)),
            Event::Application(_) | Event::Order(_) | Event::Remittance(_) => {}
            Event::VariantsEnded { .. } | Event::Change(_) | Event::Brake(_) | Event::ZoneLoaded { .. } => {}
            Event::Reserved(_) | Event::ReservationEnded { .. } => {}
            Event::Notice(_) | Event::Noticed(_) | Event::SiteNotice(_) => {}
        }
    }
    let mut all_held = Vec::new();
    for (id, unit) in &units {
        let before = state.unit(id)?.and_then(|unit| unit.holds.effective());
        // Of a unit, only the hold that decides shows in what its names publish.
        let hold = unit.holds.effective();
        if before == hold {
            continue;
        }
        let mut held = Vec::new();
        state.names_of(id, &mut |key, outline| {
            // Without a hold, its resolution is published again.
            if hold.is_none() || outline == Outline::More {
                names.insert(key.clone());
            } else {
                held.push((key.clone(), outline));
            }
            true
        })?;
        if let (Some(hold), false) = (hold, held.is_empty()) {
            all_held.push(HeldNames { unit: (*id).clone(), hold, names: held });
        }
    }
    // What has an event of its own may have another unit after it, or none.
    all_held.iter_mut().for_each(|held| held.names.retain(|(key, _)| !names.contains(key)));
    Ok(Touched { names, held: all_held, units: units.into_keys().cloned().collect() })
}

/// A registration with its unit.
pub(super) fn look_up(state: &dyn State, key: &NameKey) -> Result<Option<(Unit, Registration)>, Unavailable> {
    let Some(name) = state.name(key)? else { return Ok(None) };
    let unit = state.unit(&name.unit)?.ok_or_else(|| Unavailable(format!("the unit of {key} is missing")))?;
    Ok(Some((unit, name)))
}
