//! Listings, a page at a time: the narrowest index is walked, a bounded number of entries a call.

use super::read::{read_unit, undecodable};
use super::{Store, keys, merged, scan, v1};
use crate::registry::{
    HoldReason, NameKey, NameState, Registration, Reservation, State, Timestamp, Unavailable, Unit, UnitId,
};
use std::collections::HashMap;
use std::ops::Bound;
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

/// One index, and the part of it to walk.
struct Walk<'a> {
    /// Marks the cursors of this index, so that one of another listing is refused.
    mark: u8,
    tree: &'a sled::Tree,
    /// Further trees with keys of the same form, walked as one with the first.
    others: Vec<&'a sled::Tree>,
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    /// The name of an entry's key.
    read: fn(&[u8], keys::Intern<'_>) -> Option<NameKey>,
}

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
        let walk = self.narrowest(filter);
        let cursor = cursor.map(|cursor| read_cursor(walk.mark, cursor)).transpose()?.unwrap_or_default();
        // The cursor of another listing of the same index may lie outside the range.
        let from = walk.from.max(cursor);
        if walk.to.as_ref().is_some_and(|to| *to <= from) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let range = (Bound::Included(from), walk.to.map_or(Bound::Unbounded, Bound::Excluded));
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        let mut page = Page { items: Vec::new(), next: None };
        let mut units = HashMap::new();
        let trees = std::iter::once(walk.tree).chain(walk.others);
        let entries = merged(trees.map(|tree| scan(tree.range(range.clone()))).collect());
        for (looked_at, entry) in entries.enumerate() {
            let (entry, _) = entry?;
            if looked_at == PAGE_ENTRIES_MAX || page.items.len() == limit {
                page.next = Some(write_cursor(walk.mark, &entry));
                break;
            }
            let key = (walk.read)(&entry, &|set| self.intern(set)).ok_or_else(|| undecodable("an index"))?;
            if filter.set.as_ref().is_some_and(|set| *set != key.set) {
                continue;
            }
            let name = self.name(&key)?.ok_or_else(|| Unavailable(format!("the store is damaged: no name {key}")))?;
            if self.shows(filter, &name, &mut units)? {
                page.items.push(name);
            }
        }
        Ok(page)
    }

    /// A page of units, in order of their ids.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_units(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Unit>, Unavailable> {
        let from = cursor.map(|cursor| read_cursor(b'i', cursor)).transpose()?.unwrap_or_default();
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        let mut page = Page { items: Vec::new(), next: None };
        for entry in scan(self.trees.units.range(from..)) {
            let (key, value) = entry?;
            if page.items.len() == limit {
                page.next = Some(write_cursor(b'i', &key));
                break;
            }
            page.items.push(read_unit(&key, &value)?);
        }
        Ok(page)
    }

    /// A page of kept labels, set by set in the order of their labels.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_reservations(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Reservation>, Unavailable> {
        let from = cursor.map(|cursor| read_cursor(b'k', cursor)).transpose()?.unwrap_or_default();
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        let mut page = Page { items: Vec::new(), next: None };
        for entry in scan(self.trees.reservations.range(from..)) {
            let (octets, value) = entry?;
            if page.items.len() == limit {
                page.next = Some(write_cursor(b'k', &octets));
                break;
            }
            let key = keys::read_name(&octets, &|set| self.intern(set));
            let kept = key.and_then(|key| v1::read::<v1::ReservationV1>(&value)?.into_reservation(key));
            page.items.push(kept.ok_or_else(|| undecodable("a kept label"))?);
        }
        Ok(page)
    }

    /// The index that has the fewest entries to look at.
    fn narrowest(&self, filter: &NameFilter) -> Walk<'_> {
        if let Some(unit) = &filter.unit {
            let from = keys::unit_prefix(unit);
            let to = keys::after_prefix(&from);
            let tree = &self.trees.names_by_unit;
            return Walk { mark: b'u', tree, others: Vec::new(), from, to, read: keys::read_name_by_unit };
        }
        if filter.expires_from.is_some() || filter.expires_to.is_some() {
            let from = filter.expires_from.map(|at| keys::time(at).to_vec()).unwrap_or_default();
            let to = filter.expires_to.and_then(|at| keys::after_prefix(&keys::time(at)));
            let (tree, others) = (&self.trees.expiring, vec![&self.trees.expired, &self.trees.leaving]);
            return Walk { mark: b'e', tree, others, from, to, read: keys::read_name_by_expiry };
        }
        let from = filter.set.as_deref().map(keys::name_prefix).unwrap_or_default();
        let to = filter.set.is_some().then(|| keys::after_prefix(&from)).flatten();
        Walk { mark: b'n', tree: &self.trees.names, others: Vec::new(), from, to, read: keys::read_name }
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
