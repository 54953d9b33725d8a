//! Holds that were lifted, ran out or were replaced: what is no longer in any image, kept for reports.
//!
//! They follow from the images before and after a transaction, like the index: doing a transaction again writes the same
//! entries under the same keys.

use super::list::{PAGE_ENTRIES_MAX, Page, read_cursor, write_cursor};
use super::read::undecodable;
use super::trees::Tree;
use super::{Store, keys, v1};
use crate::registry::{
    Hold, HoldReason, Holds, NameKey, Region, Registration, Timestamp, Transaction, Unavailable, Unit, UnitId,
};
use serde::{Deserialize, Serialize};

/// Marks the cursors of this listing.
const MARK: u8 = b'p';

/// A hold that is in force no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastHold {
    /// The unit it was on, or whose name.
    pub unit: UnitId,
    /// Where the unit was when it ended.
    pub region: Region,
    /// The name, if it was on one.
    pub name: Option<NameKey>,
    /// Why.
    pub reason: HoldReason,
    /// The hold as it was.
    pub hold: Hold,
    /// When it ended, or was replaced by another one with the same reason.
    pub ended: Timestamp,
    /// The principal that ended it; the program's own where it ran out.
    pub ended_by: Box<str>,
    /// By what: `hold.lift`, `due`, `name.delete`, …
    pub operation: Box<str>,
}

/// Its value in the store; the key has when it ended.
#[derive(Serialize, Deserialize)]
struct PastHoldV1 {
    unit: Box<str>,
    region: Box<str>,
    name: Option<Box<str>>,
    reason: Box<str>,
    start: i64,
    end: Option<i64>,
    evidence: Box<str>,
    by: Box<str>,
    ended: i64,
    ended_by: Box<str>,
    operation: Box<str>,
}

/// The entries of holds of `unit` that `transaction`, which leaves it as `new`, ends.
pub(super) fn of_unit(unit: &Unit, new: &Unit, transaction: &Transaction) -> Vec<(Vec<u8>, Vec<u8>)> {
    entries(&unit.holds, Some(&new.holds), (new, None), transaction)
}

/// The entries of holds of a name that `transaction` ends; it was a name of `unit`, as that is afterwards.
pub(super) fn of_name(
    unit: &Unit,
    name: &Registration,
    new: Option<&Registration>,
    transaction: &Transaction,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    entries(&name.holds, new.map(|new| &new.holds), (unit, Some(&name.key)), transaction)
}

/// Whether any hold in force ends between the two images.
pub(super) fn any_ended(old: &Holds, new: Option<&Holds>) -> bool {
    ended(old, new).next().is_some()
}

fn ended<'a>(old: &'a Holds, new: Option<&'a Holds>) -> impl Iterator<Item = (HoldReason, &'a Hold)> {
    let goes_on = move |reason: &HoldReason, hold: &Hold| {
        let now = new.and_then(|new| new.0.get(reason));
        // A later end, or an earlier one, is the same hold.
        now.is_some_and(|now| (now.start, &now.evidence, &now.by) == (hold.start, &hold.evidence, &hold.by))
    };
    let gone = old.0.iter().filter(move |(reason, hold)| hold.active && !goes_on(reason, hold));
    gone.map(|(reason, hold)| (*reason, hold))
}

fn entries(
    old: &Holds,
    new: Option<&Holds>,
    (unit, name): (&Unit, Option<&NameKey>),
    transaction: &Transaction,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entry = |(reason, hold): (HoldReason, &Hold)| {
        let value = PastHoldV1 {
            unit: unit.id.as_str().into(),
            region: unit.region.as_str().into(),
            name: name.map(|key| key.to_string().into()),
            reason: reason.as_str().into(),
            start: hold.start.0,
            end: hold.end.map(|end| end.0),
            evidence: hold.evidence.clone(),
            by: hold.by.clone(),
            ended: transaction.at.0,
            ended_by: transaction.actor.principal.clone(),
            operation: transaction.request.operation.clone(),
        };
        let object = name.map_or_else(|| unit.id.to_string(), ToString::to_string);
        (keys::past_hold(transaction.at, transaction.seq, &object, reason), v1::write(&value))
    };
    ended(old, new).map(entry).collect()
}

impl PastHoldV1 {
    fn read(self) -> Option<PastHold> {
        let name = match self.name {
            Some(name) => Some(NameKey::from_canonical(&name)?),
            None => None,
        };
        let (start, end) = (Timestamp(self.start), self.end.map(Timestamp));
        Some(PastHold {
            unit: UnitId::parse(&self.unit)?,
            region: Region::parse(&self.region)?,
            name,
            reason: HoldReason::parse(&self.reason)?,
            hold: Hold { start, end, active: false, evidence: self.evidence, by: self.by },
            ended: Timestamp(self.ended),
            ended_by: self.ended_by,
            operation: self.operation,
        })
    }
}

impl Store {
    /// A page of the holds that ended after `after`, in the order in which they did.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_past_holds(&self, after: Timestamp, cursor: Option<&str>) -> Result<Page<PastHold>, Unavailable> {
        let from = match cursor {
            Some(cursor) => read_cursor(MARK, cursor)?,
            None => keys::time(Timestamp(after.0.saturating_add(1))).to_vec(),
        };
        let mut page = Page { items: Vec::new(), next: None };
        for entry in self.trees[Tree::PastHolds].range(&from, None) {
            let (key, value) = entry?;
            if page.items.len() == PAGE_ENTRIES_MAX {
                page.next = Some(write_cursor(MARK, &key));
                break;
            }
            let past = v1::read::<PastHoldV1>(&value).and_then(PastHoldV1::read);
            page.items.push(past.ok_or_else(|| undecodable("a past hold"))?);
        }
        Ok(page)
    }
}
