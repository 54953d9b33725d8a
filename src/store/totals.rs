//! Counts that would cost a scan: names per suffix set, and active holds per reason.

use super::v1;
use crate::registry::{HoldReason, Holds, SetTotals};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The counts, kept in memory as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) sets: BTreeMap<Arc<str>, SetTotals>,
    pub(super) holds: HoldCounts,
}

/// How many names, and how many units, have an active hold with each reason; reasons that none has are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldCounts {
    /// On names.
    pub names: BTreeMap<HoldReason, u64>,
    /// On units.
    pub units: BTreeMap<HoldReason, u64>,
}

impl Totals {
    /// Counts a name that comes, or goes.
    pub(super) fn count(&mut self, set: &Arc<str>, is: bool) {
        let set = self.sets.entry(Arc::clone(set)).or_default();
        set.names = if is { set.names + 1 } else { set.names.saturating_sub(1) };
    }
}

/// Takes the active holds of the image before out of `counts`, and those of the image after into them.
pub(super) fn move_holds(counts: &mut BTreeMap<HoldReason, u64>, old: Option<&Holds>, new: Option<&Holds>) {
    for reason in active(old) {
        if let Some(count) = counts.get_mut(&reason) {
            *count = count.saturating_sub(1);
        }
    }
    for reason in active(new) {
        *counts.entry(reason).or_default() += 1;
    }
    counts.retain(|_, count| *count > 0);
}

/// Whether the active holds of two images differ.
pub(super) fn holds_differ(old: Option<&Holds>, new: Option<&Holds>) -> bool {
    !active(old).eq(active(new))
}

fn active(holds: Option<&Holds>) -> impl Iterator<Item = HoldReason> {
    holds.into_iter().flat_map(|holds| &holds.0).filter(|(_, hold)| hold.active).map(|(reason, _)| *reason)
}

impl TryFrom<v1::TotalsV1> for Totals {
    type Error = &'static str;

    fn try_from(totals: v1::TotalsV1) -> Result<Self, Self::Error> {
        let sets = totals.names.into_iter().map(|(set, names)| (set.into(), SetTotals { names })).collect();
        let read = |(reason, count): (Box<str>, u64)| Some((HoldReason::parse(&reason)?, count));
        let read = |counts: Vec<(Box<str>, u64)>| {
            counts.into_iter().map(read).collect::<Option<_>>().ok_or("it counts holds of an unknown reason")
        };
        let [names, units] = totals.holds;
        Ok(Self { sets, holds: HoldCounts { names: read(names)?, units: read(units)? } })
    }
}

impl From<&Totals> for v1::TotalsV1 {
    fn from(totals: &Totals) -> Self {
        let names = totals.sets.iter().map(|(set, totals)| ((&**set).into(), totals.names)).collect();
        let write = |counts: &BTreeMap<HoldReason, u64>| {
            counts.iter().map(|(reason, count)| (reason.as_str().into(), *count)).collect()
        };
        Self { names, holds: [write(&totals.holds.names), write(&totals.holds.units)] }
    }
}
