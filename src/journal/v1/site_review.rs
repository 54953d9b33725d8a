//! Reviews of units' sites as a member of a unit, and what units are told of them.

use super::filings::PaperV1;
use super::read::{Unknown, known};
use super::{ApprovalV1, Text, TimeV1, is_false};
use crate::registry::{
    Approval, NameKey, Paper, SiteNotice, SiteNoticeKind, SiteReview, SiteReviewId, SiteReviewKind, SiteReviewState,
    UnitId,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteReviewV1 {
    id: Text,
    kind: Text,
    state: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<TimeV1>,
    #[serde(default, skip_serializing_if = "is_false")]
    missed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submitter: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submitted: Option<TimeV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local: Option<ApprovalV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    central: Option<ApprovalV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paper: Option<ApprovalV1>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    papers: Vec<PaperV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    changed: TimeV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reminder: Option<TimeV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteNoticeV1 {
    kind: Text,
    unit: Text,
    review: Text,
    state: Text,
    deadline: TimeV1,
}

impl From<&SiteNotice> for SiteNoticeV1 {
    fn from(notice: &SiteNotice) -> Self {
        Self {
            kind: notice.kind.to_string().into(),
            unit: notice.unit.as_str().into(),
            review: notice.review.to_string().into(),
            state: notice.state.as_str().into(),
            deadline: TimeV1(notice.deadline),
        }
    }
}

impl TryFrom<SiteNoticeV1> for SiteNotice {
    type Error = Unknown;

    fn try_from(line: SiteNoticeV1) -> Result<Self, Unknown> {
        Ok(Self {
            kind: known(SiteNoticeKind::parse(&line.kind), "site_notice.kind")?,
            unit: known(UnitId::parse(&line.unit), "site_notice.unit")?,
            review: known(SiteReviewId::parse(&line.review), "site_notice.review")?,
            state: known(SiteReviewState::parse(&line.state), "site_notice.state")?,
            deadline: line.deadline.0,
        })
    }
}

impl From<&SiteReview> for SiteReviewV1 {
    fn from(review: &SiteReview) -> Self {
        let approval = |approval: &Option<Approval>| approval.as_ref().map(ApprovalV1::from);
        Self {
            id: review.id.to_string().into(),
            kind: review.kind.as_str().into(),
            state: review.state.as_str().into(),
            deadline: review.deadline.map(TimeV1),
            missed: review.missed,
            name: review.name.as_ref().map(|name| name.to_string().into()),
            submitter: review.submitter.clone(),
            submitted: review.submitted.map(TimeV1),
            local: approval(&review.local),
            central: approval(&review.central),
            paper: approval(&review.paper),
            papers: review.papers.iter().map(PaperV1::from).collect(),
            reason: review.reason.clone(),
            changed: TimeV1(review.changed),
            reminder: review.reminder.map(TimeV1),
        }
    }
}

impl TryFrom<SiteReviewV1> for SiteReview {
    type Error = Unknown;

    fn try_from(line: SiteReviewV1) -> Result<Self, Unknown> {
        let name = |name: Text| known(NameKey::from_canonical(&name), "unit.site_review.name");
        Ok(Self {
            id: known(SiteReviewId::parse(&line.id), "unit.site_review.id")?,
            kind: known(SiteReviewKind::parse(&line.kind), "unit.site_review.kind")?,
            state: known(SiteReviewState::parse(&line.state), "unit.site_review.state")?,
            deadline: line.deadline.map(|at| at.0),
            missed: line.missed,
            name: line.name.map(name).transpose()?,
            submitter: line.submitter,
            submitted: line.submitted.map(|at| at.0),
            local: line.local.map(Approval::from),
            central: line.central.map(Approval::from),
            paper: line.paper.map(Approval::from),
            papers: line.papers.into_iter().map(Paper::from).collect(),
            reason: line.reason,
            changed: line.changed.0,
            reminder: line.reminder.map(|at| at.0),
        })
    }
}
