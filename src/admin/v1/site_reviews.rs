//! Reviews of units' sites over the wire.

use super::super::json::Object;
use super::super::problem::Problem;
use super::super::rows::Row;
use super::filings::{Paper, papers};
use super::requests::Verdict;
use super::{DayEdge, name_key, readable, time_at};
use crate::registry::procedure::SiteReviewCommand;
use crate::registry::{
    self, Code, HoldReason, Policy, SiteReview, SiteReviewId, SiteReviewState, SiteStep, Timestamp, Unit, command,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A review to be opened.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSiteReview {
    /// For a new site, or one that is there already.
    pub kind: SiteReviewKind,
    /// The last day to hand it in, or the last second; after so many working days as are configured if absent, and not sooner.
    #[serde(default)]
    #[schema(example = "2027-03-31")]
    pub deadline: Option<String>,
}

/// What site is reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SiteReviewKind {
    /// 新开办.
    #[serde(alias = "新开办")]
    New,
    /// 复核.
    #[serde(alias = "复核")]
    Recheck,
}

/// More time for a unit.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostponeSiteReview {
    /// The new deadline, later than the old one: a day, or its last second.
    #[schema(example = "2027-03-31")]
    pub deadline: String,
    /// Why.
    #[serde(default)]
    #[schema(required = true)]
    pub reason: String,
}

/// A site that is handed in for review.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitSiteReview {
    /// The site's Chinese name, in U- or A-labels: registered to the unit, in its term and not held.
    #[schema(example = "靖远县教育局.政务")]
    pub name: String,
}

/// A decision about a site.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteDecision {
    /// At which level.
    pub level: SiteLevel,
    /// Yes or no.
    pub decision: Verdict,
    /// Why; a rejection needs it.
    #[serde(default)]
    pub reason: Option<String>,
    /// Papers that are ticked when they are confirmed.
    #[serde(default)]
    #[schema(value_type = Vec<Paper>)]
    pub papers: Vec<Object<Paper>>,
}

/// The level of a decision about a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SiteLevel {
    /// 初审, the reviewer of the unit's region.
    Local,
    /// 复审, the registry's reviewer.
    Central,
    /// 纸质材料确认, of organs alone: the office of the unit's region.
    Paper,
}

/// The review of a unit's site.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteReviewView {
    /// Its id.
    #[schema(example = "s42")]
    pub id: String,
    /// What site is reviewed.
    pub kind: SiteReviewKind,
    /// `open`, `local_review`, `central_review`, `paper`, `rejected`, `passed` or `cancelled`.
    pub state: String,
    /// The last second in which what it waits for is in time.
    pub deadline: Option<String>,
    /// Whether that has passed, and the unit was held for it.
    #[serde(default)]
    pub missed: bool,
    /// The site's name in U-labels.
    pub name: Option<String>,
    /// Who handed it in last.
    pub submitter: Option<String>,
    /// When.
    pub submitted: Option<String>,
    /// The approvals so far.
    #[serde(default)]
    pub approvals: Vec<SiteApproval>,
    /// The papers that were ticked.
    #[serde(default)]
    pub papers: Vec<Paper>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// When any of this last changed.
    pub changed: String,
}

/// An approval of a site.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteApproval {
    /// Its level.
    pub level: SiteLevel,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: String,
}

/// A unit in a list of reviews.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReviewedUnit {
    /// Its id.
    pub unit: String,
    /// 单位全称.
    pub name: String,
    /// Division code.
    pub region: String,
    /// Whether what the review waits for should have been done by now.
    pub overdue: bool,
    /// Which holds it has for its site: `SITE_NOT_SUBMITTED`, `SITE_REVIEW_FAILED`.
    pub held: Vec<String>,
    /// The review.
    pub review: Option<SiteReviewView>,
    /// The unit's version, as in `ETag`.
    pub version: u64,
}

/// A name that does not resolve because of its unit's site, for those who stop English names (CNNIC).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HeldForSite {
    /// The unit's id.
    pub unit: String,
    /// Its account number.
    pub account: String,
    /// 单位全称.
    pub unit_name: String,
    /// What kind of body it is.
    pub kind: String,
    /// Division code.
    pub region: String,
    /// `SITE_REVIEW_FAILED` or `SITE_NOT_SUBMITTED`; of both the first.
    pub reason: String,
    /// Since when.
    pub since: String,
    /// The review, or the document or case behind a hold that somebody placed.
    pub evidence: String,
    /// The name in U-labels; empty for a unit that has none.
    pub name: String,
    /// The same in A-labels.
    pub ascii: String,
}

impl Row for HeldForSite {
    const COLUMNS: &'static [&'static str] =
        &["unit", "account", "unit_name", "kind", "region", "reason", "since", "evidence", "name", "ascii"];
}

impl HeldForSite {
    /// What is told of a unit, name apart; none if it is not held for its site.
    pub fn of(unit: &Unit) -> Option<Self> {
        let reasons = [HoldReason::SiteReviewFailed, HoldReason::SiteNotSubmitted];
        let held = |reason: HoldReason| unit.holds.0.get(&reason).filter(|hold| hold.active).map(|hold| (reason, hold));
        let (reason, hold) = reasons.into_iter().find_map(held)?;
        Some(Self {
            unit: unit.id.to_string(),
            account: unit.account.map(|account| account.to_string()).unwrap_or_default(),
            unit_name: unit.name.to_string(),
            kind: unit.kind.as_str().into(),
            region: unit.region.to_string(),
            reason: reason.as_str().into(),
            since: hold.start.to_string(),
            evidence: hold.evidence.to_string(),
            name: String::new(),
            ascii: String::new(),
        })
    }
}

impl OpenSiteReview {
    /// The registry's form.
    ///
    /// # Errors
    /// `site_deadline_invalid` for a deadline that is no time.
    pub fn into_registry(self) -> Result<SiteReviewCommand, Problem> {
        let deadline = self.deadline.as_deref().map(deadline).transpose()?;
        Ok(SiteReviewCommand::Open { kind: self.kind.into(), deadline })
    }
}

impl PostponeSiteReview {
    /// The registry's form.
    ///
    /// # Errors
    /// `site_deadline_invalid` for a deadline that is no time.
    pub fn into_registry(self) -> Result<SiteReviewCommand, Problem> {
        Ok(SiteReviewCommand::Postpone { deadline: deadline(&self.deadline)?, reason: self.reason.into() })
    }
}

impl SubmitSiteReview {
    /// The registry's form.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn into_registry(self, policy: &Policy) -> Result<SiteReviewCommand, Problem> {
        Ok(SiteReviewCommand::Submit { name: name_key(&self.name, policy, "name")? })
    }
}

impl SiteDecision {
    /// The registry's form.
    pub fn into_registry(self) -> SiteReviewCommand {
        let verdict = match self.decision {
            Verdict::Approve => command::Verdict::Approve,
            Verdict::Reject => command::Verdict::Reject { reason: self.reason.unwrap_or_default().into() },
        };
        SiteReviewCommand::Decide { step: self.level.into(), verdict, papers: papers(self.papers) }
    }
}

fn deadline(text: &str) -> Result<Timestamp, Problem> {
    time_at(Code::SiteDeadlineInvalid, "deadline", text, DayEdge::End)
}

impl From<&SiteReview> for SiteReviewView {
    fn from(review: &SiteReview) -> Self {
        let approvals = [
            (SiteLevel::Local, &review.local),
            (SiteLevel::Central, &review.central),
            (SiteLevel::Paper, &review.paper),
        ];
        let approval = |(level, approval): (SiteLevel, &Option<registry::Approval>)| {
            approval.as_ref().map(|given| SiteApproval { level, by: given.by.to_string(), at: given.at.to_string() })
        };
        Self {
            id: review.id.to_string(),
            kind: match review.kind {
                registry::SiteReviewKind::New => SiteReviewKind::New,
                registry::SiteReviewKind::Recheck => SiteReviewKind::Recheck,
            },
            state: review.state.as_str().into(),
            deadline: review.deadline.map(|at| at.to_string()),
            missed: review.missed,
            name: review.name.as_ref().map(readable),
            submitter: review.submitter.as_deref().map(ToOwned::to_owned),
            submitted: review.submitted.map(|at| at.to_string()),
            approvals: approvals.into_iter().filter_map(approval).collect(),
            papers: review.papers.iter().map(Paper::from).collect(),
            reason: review.reason.as_deref().map(ToOwned::to_owned),
            changed: review.changed.to_string(),
        }
    }
}

impl SiteReviewView {
    /// The registry's form, found in `field` of a line.
    ///
    /// # Errors
    /// `unit_invalid` for what is none; what is wrong with the name.
    pub fn into_registry(self, policy: &Policy, field: &str) -> Result<SiteReview, Problem> {
        let refused = |member: &str, en: &str, zh: &str| {
            Problem::registry(Code::UnitInvalid, en, zh).field(format!("{field}.{member}"))
        };
        let no_id = || {
            refused(
                "id",
                "id is not that of a site review, as s42; correct it.",
                "id 应为网站复核的编号，例如 s42，请更正。",
            )
        };
        let no_state = || {
            let known = SiteReviewState::ALL.map(SiteReviewState::as_str);
            let en = format!("There is no such state of a site review; use one of: {}.", known.join(", "));
            let zh = format!("state 没有该取值，请使用以下取值之一：{}。", known.join("、"));
            refused("state", &en, &zh)
        };
        let time =
            |member: &str, text: &str, edge| time_at(Code::UnitInvalid, &format!("{field}.{member}"), text, edge);
        let maybe = |member: &str, text: &Option<String>, edge| {
            text.as_deref().map(|text| time(member, text, edge)).transpose()
        };
        let approval = |level: SiteLevel| {
            let given = self.approvals.iter().find(|given| given.level == level);
            given
                .map(|given| {
                    let at = time("approvals", &given.at, DayEdge::Start)?;
                    Ok::<_, Problem>(registry::Approval { by: given.by.as_str().into(), at, asserted: false })
                })
                .transpose()
        };
        let name = |text: &String| name_key(text, policy, &format!("{field}.name"));
        let paper =
            |paper: &Paper| registry::Paper { paper: paper.paper.as_str().into(), scan: paper.scan.as_str().into() };
        Ok(SiteReview {
            id: SiteReviewId::parse(&self.id).ok_or_else(no_id)?,
            kind: self.kind.into(),
            state: SiteReviewState::parse(&self.state).ok_or_else(no_state)?,
            deadline: maybe("deadline", &self.deadline, DayEdge::End)?,
            missed: self.missed,
            name: self.name.as_ref().map(name).transpose()?,
            submitter: self.submitter.as_deref().map(Into::into),
            submitted: maybe("submitted", &self.submitted, DayEdge::Start)?,
            local: approval(SiteLevel::Local)?,
            central: approval(SiteLevel::Central)?,
            paper: approval(SiteLevel::Paper)?,
            papers: self.papers.iter().map(paper).collect(),
            reason: self.reason.as_deref().map(Into::into),
            changed: time("changed", &self.changed, DayEdge::Start)?,
            reminder: None,
        })
    }
}

impl ReviewedUnit {
    /// A unit as it stands at `now`.
    pub fn new(unit: &Unit, now: Timestamp) -> Self {
        let reasons = [HoldReason::SiteNotSubmitted, HoldReason::SiteReviewFailed];
        let is_held = |reason: &HoldReason| unit.holds.0.get(reason).is_some_and(|hold| hold.active);
        Self {
            unit: unit.id.to_string(),
            name: unit.name.to_string(),
            region: unit.region.to_string(),
            overdue: unit.site_review.as_ref().is_some_and(|review| review.is_overdue(now)),
            held: reasons.into_iter().filter(is_held).map(|reason| reason.as_str().to_owned()).collect(),
            review: unit.site_review.as_deref().map(SiteReviewView::from),
            version: unit.version,
        }
    }
}

impl From<SiteReviewKind> for registry::SiteReviewKind {
    fn from(kind: SiteReviewKind) -> Self {
        match kind {
            SiteReviewKind::New => Self::New,
            SiteReviewKind::Recheck => Self::Recheck,
        }
    }
}

impl From<SiteLevel> for SiteStep {
    fn from(level: SiteLevel) -> Self {
        match level {
            SiteLevel::Local => Self::Local,
            SiteLevel::Central => Self::Central,
            SiteLevel::Paper => Self::Paper,
        }
    }
}
