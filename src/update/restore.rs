//! Starting from a checkpoint: its names, brought up to the store by what the journal says has changed since.
//!
//! The store is not asked for the names that have not changed. What it says of the checkpoint and what it counts have to
//! agree with what is found; where they do not, the reason is told, and all is read from the store instead.

use super::checkpoint::made_with;
use super::publish::{look_up, put_all};
use super::recover::Home;
use super::tally::Tally;
use crate::idn::Label;
use crate::journal::JournalReader;
use crate::publication::{published, state_of};
use crate::registry::{Event, NameKey, NameState, State, UnitId};
use crate::store::checkpoint::{self, Item};
use crate::store::{Mark, Store};
use crate::zone::{Gathered, Pages, PagesEdit, PublishedRef};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Names to bring up to date beyond which, and beyond half of all, reading everything is no slower.
const TOUCHED_MAX: u64 = 100_000;
/// Time between two lines of the log while a long start goes on.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// What is published, and how many names and holds there are.
pub struct Loaded {
    /// The registrations of each set by its primary suffix.
    pub sets: Vec<(Arc<str>, Pages)>,
    /// The counts of everything.
    pub tally: Tally,
    /// How much of it is in no checkpoint: names to be read again at the next start if none is written.
    pub behind: u64,
}

/// The names of `sets` from the checkpoint, up to the store's position.
///
/// # Errors
/// Why there is no checkpoint that can be used.
pub fn restore(home: &Home, store: &Store, journal: &JournalReader, sets: &[Arc<str>]) -> Result<Loaded, String> {
    let mark = store.checkpoint().ok_or("there is no checkpoint yet")?;
    let head = store.position().seq;
    if mark.seq > head {
        return Err(format!("the checkpoint is of transaction {}, but the store only at {head}", mark.seq));
    }
    if mark.made_with != made_with() {
        return Err("the checkpoint was made by a program that publishes names in another form".into());
    }
    let mut edits = read(home, &mark).inspect_err(|why| {
        tracing::warn!(
            "{why}; the start takes longer for it, and a new one will be written: if it happens again, check the disk"
        );
    })?;
    if let Some(missing) = sets.iter().find(|set| !edits.contains_key(*set)) {
        return Err(format!("the checkpoint has no names of {missing}"));
    }
    edits.retain(|set, _| sets.contains(set));
    let behind = bring_up(&mut edits, store, journal, mark.seq).map_err(|why| format!("the checkpoint: {why}"))?;
    let sets: Vec<_> = edits.into_iter().map(|(set, edit)| (set, edit.finish())).collect();
    let tally = count(store, &sets)?;
    tracing::info!(checkpoint = mark.seq, head, changed = behind, "the names are loaded from the checkpoint");
    Ok(Loaded { sets, tally, behind })
}

/// The names as the checkpoint has them.
fn read(home: &Home, mark: &Mark) -> Result<BTreeMap<Arc<str>, PagesEdit>, String> {
    let mut edits: BTreeMap<Arc<str>, PagesEdit> = BTreeMap::new();
    let mut current: Option<(Arc<str>, Gathered)> = None;
    let made = |(set, names): (Arc<str>, Gathered)| (set, names.edit());
    let mut progress = Progress::of("names are read from the checkpoint", 0);
    let read = checkpoint::read(&home.checkpoints(), mark, &mut |item| match item {
        Item::Set(set, names) => {
            edits.extend(current.replace((set.into(), Gathered::default())).map(made));
            progress.expect(names);
        }
        Item::Name(label, octets) => {
            if let Some((_, names)) = &mut current {
                names.insert(label, octets);
            }
            progress.one();
        }
    });
    read.map_err(|error| format!("the checkpoint of transaction {}: {error}", mark.seq))?;
    edits.extend(current.map(made));
    Ok(edits)
}

/// Puts the names in that the transactions after `seq` may have changed, as they are now; how many there were.
fn bring_up(
    edits: &mut BTreeMap<Arc<str>, PagesEdit>,
    store: &Store,
    journal: &JournalReader,
    seq: u64,
) -> Result<u64, String> {
    let touched = touched(edits, store, journal, seq)?;
    let mut progress = Progress::of("changed names are read from the store", touched.names.len() as u64);
    let mut octets = Vec::new();
    // What may be gone goes first: another name may have the same label now.
    for (set, label) in &touched.ended {
        if let Some(edit) = edits.get_mut(set) {
            edit.remove(label.as_ascii().as_bytes());
        }
    }
    let mut varied = Vec::new();
    for key in &touched.names {
        progress.one();
        let Some(edit) = edits.get_mut(&key.set) else { continue };
        match look_up(store, key).map_err(|error| error.to_string())? {
            Some((_, name)) if !name.variants.is_empty() => varied.push(key),
            Some((unit, name)) if published(&unit, &name).is_some() => {
                put_all(&mut |label, octets| edit.insert(label, octets), &unit, &name, &mut octets);
            }
            _ => drop(edit.remove(key.label.as_ascii().as_bytes())),
        }
    }
    for key in varied {
        let Some(edit) = edits.get_mut(&key.set) else { continue };
        if let Some((unit, name)) = look_up(store, key).map_err(|error| error.to_string())? {
            for label in name.labels() {
                edit.remove(label.as_ascii().as_bytes());
            }
            put_all(&mut |label, octets| edit.insert(label, octets), &unit, &name, &mut octets);
        }
    }
    Ok(touched.names.len() as u64)
}

/// What transactions may have changed.
struct Touched {
    names: BTreeSet<NameKey>,
    /// Labels that may have been active variants, by set.
    ended: Vec<(Arc<str>, Label)>,
}

/// Everything that a transaction after `seq` may have changed.
fn touched(
    edits: &BTreeMap<Arc<str>, PagesEdit>,
    store: &Store,
    journal: &JournalReader,
    seq: u64,
) -> Result<Touched, String> {
    let known = edits.keys().map(|set| store.totals(set).map_or(0, |totals| totals.names)).sum::<u64>();
    let most = TOUCHED_MAX.max(known / 2);
    let (mut names, mut ended) = (BTreeSet::new(), Vec::new());
    let mut units: BTreeSet<UnitId> = BTreeSet::new();
    let mut few = true;
    let all_kept = journal.for_each_after(seq, &mut |transaction| {
        for event in transaction.events {
            match event {
                Event::Name(name) => {
                    // They may have nothing to publish now.
                    ended.extend(name.variants.iter().map(|label| (Arc::clone(&name.key.set), label.clone())));
                    names.insert(name.key);
                }
                Event::NameRemoved { key, variants, .. } => {
                    ended.extend(variants.iter().map(|label| (Arc::clone(&key.set), label.clone())));
                    names.insert(key);
                }
                Event::VariantsEnded { key, labels } => {
                    ended.extend(labels.into_iter().map(|label| (Arc::clone(&key.set), label)));
                }
                // Whether the hold that decides is another one than before is not known here.
                Event::Unit(unit) => drop(units.insert(unit.id)),
                Event::Application(_) | Event::Order(_) | Event::Remittance(_) => {}
                Event::Change(_) | Event::Brake(_) | Event::ZoneLoaded { .. } => {}
                Event::Reserved(_) | Event::ReservationEnded { .. } => {}
                Event::Notice(_) | Event::Noticed(_) | Event::SiteNotice(_) => {}
            }
        }
        few = (names.len() + units.len()) as u64 <= most;
        few
    });
    if !all_kept.map_err(|error| error.to_string())? {
        return Err(format!("the journal does not go back to transaction {seq}"));
    }
    for unit in &units {
        let visited = store.names_of(unit, &mut |key, _| {
            names.insert(key.clone());
            names.len() as u64 <= most
        });
        visited.map_err(|error| error.to_string())?;
    }
    if few && names.len() as u64 <= most {
        Ok(Touched { names, ended })
    } else {
        Err("too much has changed since".into())
    }
}

/// The counts, of the names by what they publish and of the holds by the store.
fn count(store: &Store, sets: &[(Arc<str>, Pages)]) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for (set, pages) in sets {
        let mut states: BTreeMap<&str, (NameState, i64)> = BTreeMap::new();
        let mut speaking = 0_u64;
        for octets in pages.iter().map(|stored| stored.value).filter(|octets| !PublishedRef::is_variant(octets)) {
            speaking += 1;
            let state = state_of(PublishedRef::new(octets));
            states.entry(state.as_str()).or_insert((state, 0)).1 += 1;
        }
        for (state, count) in states.into_values() {
            tally.names(set, state, count);
        }
        let names = store.totals(set).map_err(|error| error.to_string())?.names;
        let silent = names.checked_sub(speaking);
        let silent =
            silent.ok_or_else(|| format!("the checkpoint has more names of {set} than the {names} there are"))?;
        tally.names(set, NameState::Inactive, silent.cast_signed());
    }
    tally.holds(store.hold_counts());
    Ok(tally)
}

/// Tells the log how far something long has come.
pub struct Progress {
    what: &'static str,
    done: u64,
    known: u64,
    told: Instant,
}

impl Progress {
    /// Nothing done yet of `known`; 0 if their number is not known.
    pub fn of(what: &'static str, known: u64) -> Self {
        Self { what, done: 0, known, told: Instant::now() }
    }

    /// More is known to come.
    pub fn expect(&mut self, more: u64) {
        self.known = self.known.saturating_add(more);
    }

    /// One more is done.
    pub fn one(&mut self) {
        /// Between two looks at the time.
        const MANY: u64 = 64;
        self.done += 1;
        if self.done.is_multiple_of(MANY) && self.told.elapsed() >= TOLD_EVERY {
            self.told = Instant::now();
            let of = (self.known > 0).then_some(self.known);
            tracing::info!(done = self.done, of, "{}", self.what);
        }
    }

    /// How many were done.
    pub fn end(self) -> u64 {
        self.done
    }
}
