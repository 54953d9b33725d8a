//! Listings, a page at a time: the narrowest index is walked, a bounded number of entries a call.

use super::layers::Layers;
use super::read::{read_unit, undecodable};
use super::trees::Tree;
use super::{Store, keys, merged, v1};
use crate::registry::{
    HoldReason, NameKey, NameState, Registration, Reservation, State, Timestamp, Unavailable, Unit, UnitId,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Most items of a page, whatever was asked for: a page is read between two commits of the writer.
pub const PAGE_ITEMS_MAX: usize = 500;
/// Most index entries looked at for a page, for the same reason: a rare state among a million names costs many short
/// calls, not one long one.
pub const PAGE_ENTRIES_MAX: usize = 1000;

/// Which names a listing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameFilter {
    /// Names of this unit.
    pub unit: Option<UnitId>,
    /// Names of the set with this primary suffix.
    pub set: Option<Arc<str>>,
    /// Names in this state.
    pub state: Option<NameState>,
    /// Names on which, or on whose unit, a hold with this reason is active.
    pub hold: Option<HoldReason>,
    /// Terms that end at or after this.
    pub expires_from: Option<Timestamp>,
    /// Terms that end at or before this (R31: the end is inclusive).
    pub expires_to: Option<Timestamp>,
    /// Names registered by then that nothing holds, and that have nothing approved to resolve to (R13).
    pub idle_since: Option<Timestamp>,
}

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What it shows, in the order of the index that was walked.
    pub items: Vec<T>,
    /// Where the next page begins; opaque. Absent on the last page.
    pub next: Option<String>,
}

/// One index, and the part of it that a list walks.
pub(super) struct Walk<'a> {
    /// Marks the cursors of this index, so that one of another listing is refused.
    pub(super) mark: u8,
    /// Trees with keys of the same form, walked as one.
    pub(super) trees: Vec<&'a Layers>,
    /// The first key that may be shown.
    pub(super) from: Vec<u8>,
    /// The first that may not.
    pub(super) to: Option<Vec<u8>>,
}

/// What makes an item of an entry's key and value, or nothing of one that is not shown.
pub(super) type Load<'l, T> = &'l mut dyn FnMut(&[u8], &[u8]) -> Result<Option<T>, Unavailable>;

impl Walk<'_> {
    /// The page at `cursor`.
    ///
    /// # Errors
    /// Those of `load`, and [`Unavailable`], also for a cursor that is none.
    pub(super) fn page<T>(self, cursor: Option<&str>, limit: usize, load: Load<'_, T>) -> Result<Page<T>, Unavailable> {
        let cursor = cursor.map(|cursor| read_cursor(self.mark, cursor)).transpose()?.unwrap_or_default();
        // The cursor of another list of the same index may lie outside the range.
        let from = self.from.max(cursor);
        let mut page = Page { items: Vec::new(), next: None };
        if self.to.as_ref().is_some_and(|to| *to <= from) {
            return Ok(page);
        }
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        let entries = merged(self.trees.iter().map(|tree| tree.range(&from, self.to.as_deref())).collect());
        for (looked_at, entry) in entries.enumerate() {
            let (key, value) = entry?;
            if looked_at == PAGE_ENTRIES_MAX || page.items.len() == limit {
                page.next = Some(write_cursor(self.mark, &key));
                break;
            }
            page.items.extend(load(&key, &value)?);
        }
        Ok(page)
    }
}

/// The name of an entry's key.
type ReadKey = fn(&[u8], keys::Intern<'_>) -> Option<NameKey>;

impl Store {
    /// A page of names. Looks at no more than `PAGE_ENTRIES_MAX` entries: a page may be short, or empty with a `next`.
    ///
    /// Names of a unit come in the order of their labels, those of a range of expiry in the order of expiry, all others
    /// set by set in the order of their labels.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_names(
        &self,
        filter: &NameFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Registration>, Unavailable> {
        let mut units = HashMap::new();
        let mut shown = |name: Registration| -> Result<_, Unavailable> {
            Ok(self.shows(filter, &name, &mut units)?.then_some(name))
        };
        let Some((walk, read)) = self.narrower(filter) else {
            let from = filter.set.as_deref().map(keys::name_prefix).unwrap_or_default();
            let to = filter.set.is_some().then(|| keys::after_prefix(&from)).flatten();
            let walk = Walk { mark: b'n', trees: vec![&self.trees[Tree::Names]], from, to };
            return walk.page(cursor, limit, &mut |key, value| shown(self.read_name(key, value)?));
        };
        walk.page(cursor, limit, &mut |entry, _| {
            let key = read(entry, &|set| self.intern(set)).ok_or_else(|| undecodable("an index"))?;
            if filter.set.as_ref().is_some_and(|set| *set != key.set) {
                return Ok(None);
            }
            shown(self.name(&key)?.ok_or_else(|| Unavailable(format!("the store is damaged: no name {key}")))?)
        })
    }

    /// A page of units, in order of their ids.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_units(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Unit>, Unavailable> {
        let walk = Walk { mark: b'i', trees: vec![&self.trees[Tree::Units]], from: Vec::new(), to: None };
        walk.page(cursor, limit, &mut |key, value| read_unit(key, value).map(Some))
    }

    /// A page of kept labels, set by set in the order of their labels.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_reservations(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Reservation>, Unavailable> {
        let walk = Walk { mark: b'k', trees: vec![&self.trees[Tree::Reservations]], from: Vec::new(), to: None };
        walk.page(cursor, limit, &mut |octets, value| {
            let key = keys::read_name(octets, &|set| self.intern(set));
            let kept = key.and_then(|key| v1::read::<v1::ReservationV1>(value)?.into_reservation(key));
            kept.ok_or_else(|| undecodable("a kept label")).map(Some)
        })
    }

    /// An index that has fewer entries to look at than there are names, if the filter allows of one.
    fn narrower(&self, filter: &NameFilter) -> Option<(Walk<'_>, ReadKey)> {
        let trees = &self.trees;
        if let Some(unit) = &filter.unit {
            let from = keys::unit_prefix(unit);
            let to = keys::after_prefix(&from);
            return Some((
                Walk { mark: b'u', trees: vec![&trees[Tree::NamesByUnit]], from, to },
                keys::read_name_by_unit,
            ));
        }
        (filter.expires_from.is_some() || filter.expires_to.is_some()).then(|| {
            let from = filter.expires_from.map(|at| keys::time(at).to_vec()).unwrap_or_default();
            let to = filter.expires_to.and_then(|at| keys::after_prefix(&keys::time(at)));
            let trees = vec![&trees[Tree::Expiring], &trees[Tree::Expired], &trees[Tree::Leaving]];
            (Walk { mark: b'e', trees, from, to }, keys::read_name_by_expiry as ReadKey)
        })
    }

    fn shows(
        &self,
        filter: &NameFilter,
        name: &Registration,
        units: &mut HashMap<UnitId, Unit>,
    ) -> Result<bool, Unavailable> {
        let in_range = filter.expires_from.is_none_or(|from| name.expires >= from)
            && filter.expires_to.is_none_or(|to| name.expires <= to);
        // What is approved once is never taken back, so that a name without it has been without it from the beginning.
        let in_range =
            in_range && filter.idle_since.is_none_or(|since| name.resolution.is_none() && name.registered <= since);
        if !in_range || (filter.state.is_none() && filter.hold.is_none() && filter.idle_since.is_none()) {
            return Ok(in_range);
        }
        if !units.contains_key(&name.unit) {
            let unit = self.unit(&name.unit)?;
            let unit = unit.ok_or_else(|| Unavailable(format!("the store is damaged: no unit {}", name.unit)))?;
            units.insert(name.unit.clone(), unit);
        }
        let unit = &units[&name.unit];
        let is_held = |reason| {
            let holds = [&name.holds, &unit.holds];
            holds.iter().any(|holds| holds.0.get(&reason).is_some_and(|hold| hold.active))
        };
        let in_state = filter.state.is_none_or(|state| name.state(unit) == state);
        let in_state = in_state && filter.idle_since.is_none_or(|_| name.state(unit) == NameState::Inactive);
        Ok(in_state && filter.hold.is_none_or(is_held))
    }
}

/// A cursor: the index's mark and the key to go on from, in hexadecimal.
pub(super) fn write_cursor(mark: u8, key: &[u8]) -> String {
    use std::fmt::Write;
    let mut cursor = String::with_capacity(1 + 2 * key.len());
    cursor.push(char::from(mark));
    for octet in key {
        write!(cursor, "{octet:02x}").expect("writing to a string does not fail");
    }
    cursor
}

pub(super) fn read_cursor(mark: u8, cursor: &str) -> Result<Vec<u8>, Unavailable> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let read = || {
        let digits = cursor.as_bytes().strip_prefix(&[mark])?;
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
    };
    read().ok_or_else(|| Unavailable("the cursor is not one of this listing".into()))
}
