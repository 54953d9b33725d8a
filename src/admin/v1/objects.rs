//! Units, names and changes as the API shows them.

use super::requests::{ReviewLevel, UnitKind};
use super::site_reviews::SiteReviewView;
use super::{Resolution, readable};
use crate::idn::Label;
use crate::registry::change::Approval;
use crate::registry::{
    self, Brake, Change, Holds, Jump, Leaving, NameKey, Penalty, Policy, Registration, Timestamp, Unit,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A unit.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UnitView {
    /// Its id.
    pub id: String,
    /// 单位全称.
    pub name: String,
    /// What kind of body it is.
    pub kind: UnitKind,
    /// Division code.
    pub region: String,
    /// Id of the document that proves administrative functions.
    pub admin_function_proof: Option<String>,
    /// Its account number: eight digits, assigned by the system.
    #[schema(example = "20458813")]
    pub account: Option<String>,
    /// Why none of its names resolves.
    pub holds: Vec<HoldView>,
    /// The penalties on its record, oldest first.
    pub penalties: Vec<PenaltyView>,
    /// The review of its site, the last one that was opened.
    pub site_review: Option<SiteReviewView>,
    /// Its version, as in `ETag`.
    pub version: u64,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldView {
    /// Why.
    #[schema(example = "PENALTY")]
    pub reason: String,
    /// From when.
    pub start: String,
    /// When it lifts itself, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Whether it holds now.
    #[serde(default)]
    pub active: bool,
    /// Id of the document or case behind it.
    pub evidence: String,
    /// Who placed it.
    pub by: String,
}

/// A penalty on a unit's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PenaltyView {
    /// `warning`, `suspension` or `deletion`.
    pub step: String,
    /// What it was for.
    pub violation: String,
    /// Id of the document or case behind it.
    pub evidence: String,
    /// Who imposed it.
    pub by: String,
    /// When.
    pub at: String,
    /// The midnight at which a suspension lifts itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// A registration.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NameView {
    /// The name in U-labels, under its primary suffix.
    #[schema(example = "靖远县教育局.政务")]
    pub name: String,
    /// The same in A-labels.
    #[schema(example = "xn--5nru1rvyheq2ar3pdik.xn--zfr164b")]
    pub ascii: String,
    /// All suffixes it is published under, in A-labels.
    pub suffixes: Vec<String>,
    /// Who holds it.
    pub unit: String,
    /// Start of the first term.
    pub registered: String,
    /// End of the current term.
    pub expires: String,
    /// Slot of the application.
    pub kind: u8,
    /// 主域名.
    pub primary: bool,
    /// `active`, `inactive`, `held` or `expired`.
    pub state: String,
    /// The hold that decides the answer of DNS and gateway, the unit's included.
    pub effective_hold: Option<String>,
    /// The name's own holds.
    pub holds: Vec<HoldView>,
    /// What is approved.
    pub resolution: Option<Resolution>,
    /// The change that waits for approval.
    pub pending: Option<String>,
    /// How far it is on its way to deletion, if it is on it.
    pub leaving: Option<LeavingView>,
    /// When it was asked to restore it once its renewal is paid.
    pub unfreeze: Option<String>,
    /// Since when the home page tells of the move to another name.
    pub migration: Option<String>,
    /// The variants that resolve beside it.
    pub variants: Vec<VariantView>,
    /// Its version, as in `ETag`.
    pub version: u64,
}

/// A name on its way to deletion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeavingView {
    /// `final_notice`: a renewal still restores it; or `pending_delete`.
    pub stage: String,
    /// When the stage ends.
    pub until: String,
}

/// An active variant of a name.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VariantView {
    /// `simplified` or `traditional`.
    pub relation: String,
    /// The name in U-labels, under the primary suffix.
    #[schema(example = "國家稅務總局.政务")]
    pub name: String,
    /// The same in A-labels.
    pub ascii: String,
}

/// A change of resolution.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ChangeView {
    /// Its id.
    #[schema(example = "c42")]
    pub id: String,
    /// The name in U-labels.
    pub name: String,
    /// The same in A-labels.
    pub ascii: String,
    /// What the name shall resolve to.
    pub resolution: Resolution,
    /// `submitted`, `locally_approved`, `live`, `rejected` or `withdrawn`.
    pub state: String,
    /// Who submitted it.
    pub submitter: String,
    /// When.
    pub submitted: String,
    /// The approvals so far.
    pub approvals: Vec<ApprovalView>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// Its version, as in `ETag`.
    pub version: u64,
}

/// An approval.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ApprovalView {
    /// Its level.
    pub level: ReviewLevel,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: String,
    /// Whether an operator asserted it for a review that took place elsewhere.
    pub asserted: bool,
}

/// The brake on mass suspension.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BrakeView {
    /// Whether suspensions wait for a release.
    pub engaged: bool,
    /// Since when.
    pub since: Option<String>,
    /// Primary suffix of the set that would lose too many names.
    pub suffix: Option<String>,
    /// How many names would be suspended.
    pub names: Option<u64>,
    /// Of how many.
    pub total: Option<u64>,
    /// The protected name among them, in A-labels, if that is why.
    pub protected: Option<String>,
    /// What was stopped: `due`, or a `batch` that is to be sent again after the release.
    pub stopped: Option<String>,
    /// After a release of a batch: how many names batches may still suspend within the hour.
    pub allowance: Option<u64>,
    /// How many names of each set were suspended within the last hour, by primary suffix.
    pub recent: BTreeMap<String, u64>,
    /// The clock, if it shows another time than has passed: what is due waits.
    pub clock_jump: Option<ClockJumpView>,
}

/// A clock that has jumped.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClockJumpView {
    /// When it was noticed, by the time that has passed.
    pub since: String,
    /// What the clock showed.
    pub shown: String,
}

impl From<&Unit> for UnitView {
    fn from(unit: &Unit) -> Self {
        Self {
            id: unit.id.to_string(),
            name: unit.name.to_string(),
            kind: unit.kind.into(),
            region: unit.region.to_string(),
            admin_function_proof: unit.admin_function_proof.as_deref().map(Into::into),
            account: unit.account.map(|account| account.to_string()),
            holds: holds(&unit.holds),
            penalties: unit.penalties.0.iter().map(PenaltyView::from).collect(),
            site_review: unit.site_review.as_deref().map(SiteReviewView::from),
            version: unit.version,
        }
    }
}

impl From<Leaving> for LeavingView {
    fn from(leaving: Leaving) -> Self {
        Self { stage: leaving.stage.as_str().into(), until: leaving.until.to_string() }
    }
}

impl From<&Penalty> for PenaltyView {
    fn from(penalty: &Penalty) -> Self {
        Self {
            step: penalty.step.as_str().into(),
            violation: penalty.violation.as_str().into(),
            evidence: penalty.evidence.to_string(),
            by: penalty.by.to_string(),
            at: penalty.at.to_string(),
            end: penalty.end.map(|end| end.to_string()),
        }
    }
}

/// Holds in order of precedence.
pub fn holds(holds: &Holds) -> Vec<HoldView> {
    let view = |(reason, hold): (&registry::HoldReason, &registry::Hold)| HoldView {
        reason: reason.as_str().into(),
        start: hold.start.to_string(),
        end: hold.end.map(|end| end.to_string()),
        active: hold.active,
        evidence: hold.evidence.to_string(),
        by: hold.by.to_string(),
    };
    holds.0.iter().map(view).collect()
}

impl NameView {
    /// A registration, held by `unit`.
    pub fn new(policy: &Policy, unit: &Unit, name: &Registration) -> Self {
        let set = policy.sets.iter().find(|set| set.suffixes.first() == Some(&name.key.set));
        Self {
            name: readable(&name.key),
            ascii: name.key.to_string(),
            suffixes: set.iter().flat_map(|set| &set.suffixes).map(ToString::to_string).collect(),
            unit: name.unit.to_string(),
            registered: name.registered.to_string(),
            expires: name.expires.to_string(),
            kind: name.kind,
            primary: name.primary,
            state: name.state(unit).as_str().into(),
            effective_hold: name.effective_hold(unit).map(|reason| reason.as_str().into()),
            holds: holds(&name.holds),
            resolution: name.resolution.as_ref().map(Into::into),
            pending: name.pending.map(|id| id.to_string()),
            leaving: name.life.leaving.map(LeavingView::from),
            unfreeze: name.life.unfreeze.map(|at| at.to_string()),
            migration: name.life.migration.map(|at| at.to_string()),
            variants: variants(name),
            version: name.version,
        }
    }
}

/// The active variants of a name.
fn variants(name: &Registration) -> Vec<VariantView> {
    let relations = [("simplified", &name.variants.simplified), ("traditional", &name.variants.traditional)];
    let view = |(relation, label): (&str, &Option<Label>)| {
        let key = NameKey { label: label.clone()?, set: name.key.set.clone() };
        Some(VariantView { relation: relation.into(), name: readable(&key), ascii: key.to_string() })
    };
    relations.into_iter().filter_map(view).collect()
}

impl From<&Change> for ChangeView {
    fn from(change: &Change) -> Self {
        let approval = |level, approval: &Approval| ApprovalView {
            level,
            by: approval.by.to_string(),
            at: approval.at.to_string(),
            asserted: approval.asserted,
        };
        let local = change.local.iter().map(|given| approval(ReviewLevel::Local, given));
        let central = change.central.iter().map(|given| approval(ReviewLevel::Central, given));
        Self {
            id: change.id.to_string(),
            name: readable(&change.name),
            ascii: change.name.to_string(),
            resolution: (&change.resolution).into(),
            state: change.state.as_str().into(),
            submitter: change.submitter.to_string(),
            submitted: change.submitted.to_string(),
            approvals: local.chain(central).collect(),
            reason: change.reason.as_deref().map(Into::into),
            version: change.version,
        }
    }
}

impl BrakeView {
    /// The brake as it is at `now`.
    pub fn new(brake: &Brake, now: Timestamp) -> Self {
        let stop = brake.stop.as_ref();
        let jump = |jump: Jump| ClockJumpView { since: jump.since.to_string(), shown: jump.shown.to_string() };
        Self {
            engaged: brake.engaged().is_some(),
            since: stop.map(|stop| stop.since.to_string()),
            suffix: stop.map(|stop| stop.set.to_string()),
            names: stop.map(|stop| stop.names),
            total: stop.map(|stop| stop.total),
            protected: stop.and_then(|stop| Some(stop.protected.as_ref()?.to_string())),
            stopped: stop.map(|stop| if stop.batch { "batch" } else { "due" }.into()),
            allowance: stop.and_then(|stop| Some(stop.release?.names)),
            recent: brake.recent.keys().map(|set| (set.to_string(), brake.recent(set, now))).collect(),
            clock_jump: brake.jump.map(jump),
        }
    }
}
