//! Reviews of units' sites in the store: their value within the unit's, their index, and lists of them.
//!
//! ```text
//! site_reviews     'd' time unit                 units whose review waits for somebody, by its deadline
//!                  's' state region 00 unit      by state, then region
//!                  'r' region 00 unit            by region
//!                  'h' region 00 unit            units that are held for their site (R55), by region
//! ```
//! A region begins with those around it, so that one range of keys is a region with all that lies inside it.

use super::filings::IndexEntry;
use super::list::{Page, Walk};
use super::read::undecodable;
use super::trees::Tree;
use super::v1::ApprovalV1;
use super::{Store, keys};
use crate::registry::{
    Approval, HoldReason, NameKey, Paper, Region, SiteReview, SiteReviewId, SiteReviewKind, SiteReviewState, State,
    Timestamp, Unavailable, Unit, UnitId,
};
use serde::{Deserialize, Serialize};

/// Marks the cursors of these lists.
const MARK: u8 = b's';
/// Octets of a deadline's key before the unit: the letter and the time.
const BEFORE_UNIT: usize = 9;

/// Which units a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteFilter {
    /// Those with a review, in this state if one is given.
    Reviewed(Option<SiteReviewState>),
    /// Those whose review should have gone on before this, by their deadlines.
    Overdue(Timestamp),
    /// Those that are held for their site, whoever placed the hold.
    Held,
}

impl Store {
    /// A page of units by the reviews of their sites, those of `region` alone if it is given.
    ///
    /// # Errors
    /// [`Unavailable`], also for a cursor that is none.
    pub fn list_site_reviews(
        &self,
        filter: &SiteFilter,
        region: Option<&Region>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Unit>, Unavailable> {
        let within = region.map_or("", Region::as_str);
        let from = match filter {
            SiteFilter::Reviewed(Some(state)) => [&[b's', *state as u8], within.as_bytes()].concat(),
            SiteFilter::Reviewed(None) => [b"r", within.as_bytes()].concat(),
            SiteFilter::Held => [b"h", within.as_bytes()].concat(),
            SiteFilter::Overdue(_) => b"d".to_vec(),
        };
        let to = match filter {
            // A deadline is the last second that is still in time.
            SiteFilter::Overdue(at) => Some(by_deadline(*at)),
            _ => keys::after_prefix(&from),
        };
        let walk = Walk { mark: MARK, trees: vec![&self.trees[Tree::SiteReviews]], from, to };
        walk.page(cursor, limit, &mut |key, _| {
            let id = unit_of(key).ok_or_else(|| undecodable("an index"))?;
            let unit = self.unit(&id)?.ok_or_else(|| Unavailable(format!("the store is damaged: no unit {id}")))?;
            Ok(Some(unit).filter(|unit| region.is_none_or(|own| own.contains(&unit.region))))
        })
    }
}

/// What a unit has in the index.
pub(super) fn entries(unit: &Unit) -> Vec<IndexEntry> {
    let in_region = |start: &[u8]| [start, unit.region.as_str().as_bytes(), &[0], unit.id.as_str().as_bytes()].concat();
    let mut all = Vec::new();
    if let Some(review) = &unit.site_review {
        all.push(in_region(&[b's', review.state as u8]));
        all.push(in_region(b"r"));
        let deadline = review.deadline.map(by_deadline);
        all.extend(deadline.map(|key| [&key[..], unit.id.as_str().as_bytes()].concat()));
    }
    if is_held(unit) {
        all.push(in_region(b"h"));
    }
    all.into_iter().map(|key| (Tree::SiteReviews, key)).collect()
}

/// Whether the unit is held because its site review was neglected or failed.
fn is_held(unit: &Unit) -> bool {
    let reasons = [HoldReason::SiteNotSubmitted, HoldReason::SiteReviewFailed];
    reasons.iter().any(|reason| unit.holds.0.get(reason).is_some_and(|hold| hold.active))
}

fn by_deadline(at: Timestamp) -> Vec<u8> {
    [b"d", &keys::time(at)[..]].concat()
}

fn unit_of(key: &[u8]) -> Option<UnitId> {
    let id = match key.first()? {
        b'd' => key.get(BEFORE_UNIT..)?,
        // A state may be 0, but a unit's id has no octet 00.
        _ => key.rsplit(|octet| *octet == 0).next()?,
    };
    UnitId::parse(std::str::from_utf8(id).ok()?)
}

/// A review; it is a part of the unit.
#[derive(Serialize, Deserialize)]
pub(super) struct SiteReviewV1 {
    id: u64,
    kind: Box<str>,
    state: Box<str>,
    deadline: Option<i64>,
    missed: bool,
    name: Option<Box<str>>,
    submitter: Option<Box<str>>,
    submitted: Option<i64>,
    /// Local, central, papers.
    approvals: [Option<ApprovalV1>; 3],
    papers: Vec<(Box<str>, Box<str>)>,
    reason: Option<Box<str>>,
    changed: i64,
    reminder: Option<i64>,
}

impl From<&SiteReview> for SiteReviewV1 {
    fn from(review: &SiteReview) -> Self {
        let approvals = [&review.local, &review.central, &review.paper];
        Self {
            id: review.id.0,
            kind: review.kind.as_str().into(),
            state: review.state.as_str().into(),
            deadline: review.deadline.map(|at| at.0),
            missed: review.missed,
            name: review.name.as_ref().map(|name| name.to_string().into()),
            submitter: review.submitter.clone(),
            submitted: review.submitted.map(|at| at.0),
            approvals: approvals.map(|approval| approval.as_ref().map(ApprovalV1::from)),
            papers: review.papers.iter().map(|paper| (paper.paper.clone(), paper.scan.clone())).collect(),
            reason: review.reason.clone(),
            changed: review.changed.0,
            reminder: review.reminder.map(|at| at.0),
        }
    }
}

impl SiteReviewV1 {
    /// The review; `None` if a value is not one this program knows.
    pub(super) fn read(self) -> Option<SiteReview> {
        let [local, central, paper] = self.approvals.map(|approval| approval.map(Approval::from));
        let name = match self.name {
            Some(name) => Some(NameKey::from_canonical(&name)?),
            None => None,
        };
        Some(SiteReview {
            id: SiteReviewId(self.id),
            kind: SiteReviewKind::parse(&self.kind)?,
            state: SiteReviewState::parse(&self.state)?,
            deadline: self.deadline.map(Timestamp),
            missed: self.missed,
            name,
            submitter: self.submitter,
            submitted: self.submitted.map(Timestamp),
            local,
            central,
            paper,
            papers: self.papers.into_iter().map(|(paper, scan)| Paper { paper, scan }).collect(),
            reason: self.reason,
            changed: Timestamp(self.changed),
            reminder: self.reminder.map(Timestamp),
        })
    }
}
