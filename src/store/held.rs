//! What has holds, unit by unit with its names, a page at a time.

use super::list::{PAGE_ITEMS_MAX, Page, Walk};
use super::read::{read_unit, undecodable};
use super::trees::Tree;
use super::{Store, keys};
use crate::registry::{Holds, NameKey, Region, State, Unavailable, Unit, UnitId};

/// Marks the cursors of this list.
const MARK: u8 = b'h';

/// A unit or a name with its own holds, those that have yet to begin too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The unit, or the name's.
    pub unit: UnitId,
    /// Where the unit lies.
    pub region: Region,
    /// The name, if it is one.
    pub name: Option<NameKey>,
    /// Its holds; there is one at least.
    pub holds: Holds,
}

impl Store {
    /// A page of the units of `wanted` regions and of their names that have holds, each unit before its names.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_held(&self, wanted: &dyn Fn(&Region) -> bool, cursor: Option<&str>) -> Result<Page<Held>, Unavailable> {
        let mut of: Option<Unit> = None;
        // The key of a unit's name begins with the unit's id, and what follows sorts before any other id: walked as one,
        // the two trees show each unit and then its names.
        let trees = vec![&self.trees[Tree::Units], &self.trees[Tree::NamesByUnit]];
        let walk = Walk { mark: MARK, trees, from: Vec::new(), to: None };
        walk.page(cursor, PAGE_ITEMS_MAX, &mut |entry, value| {
            let Some(id) = keys::unit_of_name(entry) else {
                let unit = read_unit(entry, value)?;
                let held = (wanted(&unit.region) && !unit.holds.0.is_empty()).then(|| held(&unit, None, &unit.holds));
                of = Some(unit);
                return Ok(held);
            };
            // A page may begin among the names of a unit.
            if of.as_ref().is_none_or(|unit| unit.id != id) {
                of = self.unit(&id)?;
            }
            let unit = of.as_ref().ok_or_else(|| Unavailable(format!("the store is damaged: no unit {id}")))?;
            if !wanted(&unit.region) {
                return Ok(None);
            }
            let key = keys::read_name_by_unit(entry, &|set| self.intern(set)).ok_or_else(|| undecodable("an index"))?;
            let name = self.name(&key)?.ok_or_else(|| Unavailable(format!("the store is damaged: no name {key}")))?;
            Ok((!name.holds.0.is_empty()).then(|| held(unit, Some(key), &name.holds)))
        })
    }
}

fn held(unit: &Unit, name: Option<NameKey>, holds: &Holds) -> Held {
    Held { unit: unit.id.clone(), region: unit.region.clone(), name, holds: holds.clone() }
}
