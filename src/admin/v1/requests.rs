//! Bodies of requests.

use super::super::json::Object;
use super::super::problem::Problem;
use super::{DayEdge, ResolutionInput, time_at};
use crate::idn::Label;
use crate::registry::change::Level;
use crate::registry::command::{HoldSpec, NameSpec, PenaltySpec, UnitSpec};
use crate::registry::{self, Code, PenaltyStep, Policy, Region, Timestamp, UnitId, Variants, Violation};
use serde::Deserialize;
use utoipa::ToSchema;

/// A unit's data.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutUnit {
    /// 单位全称, the name approved by law.
    pub name: String,
    /// What kind of body it is.
    pub kind: UnitKind,
    /// Division code of 2, 4, 6, 9 or 12 digits.
    #[schema(example = "620421")]
    pub region: String,
    /// Id of the document that proves administrative functions.
    #[serde(default)]
    pub admin_function_proof: Option<String>,
}

/// What kind of body a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// 党政机关.
    Organ,
    /// 事业单位.
    Institution,
    /// 社会组织.
    SocialOrganisation,
}

/// A registration's data.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutName {
    /// The holder's id.
    pub unit: String,
    /// Term in years, 2 to 10; for a new name only.
    #[serde(default)]
    pub years: Option<u32>,
    /// Slot of the application, 1 to 7; 1 if absent.
    #[serde(default = "first_kind")]
    pub kind: u8,
    /// 主域名; not if absent.
    #[serde(default)]
    pub primary: bool,
    /// The variants that shall resolve beside it. If absent: of a new name those that are beyond doubt, of an old one
    /// those it has; `{}` for none.
    #[serde(default)]
    #[schema(value_type = Option<VariantsInput>)]
    pub variants: Option<Object<VariantsInput>>,
}

/// The forms of a label that shall resolve beside it.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantsInput {
    /// The simplified form as a label, in U- or A-labels; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "国家税务总局")]
    pub simplified: Option<String>,
    /// The traditional form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "國家稅務總局")]
    pub traditional: Option<String>,
}

fn first_kind() -> u8 {
    1
}

/// Another holder of a name.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeHolder {
    /// The unit that shall hold it.
    #[schema(example = "620421-01")]
    pub unit: String,
    /// Id of the document by which the authority in charge consents; without it the request is refused.
    #[serde(default)]
    pub consent: Option<String>,
}

/// A renewal.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// Years from the old end of the term.
    #[schema(example = 2)]
    pub years: u32,
}

/// A change of a unit's contacts; who they are is not said.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactChange {
    /// The day on which they changed.
    #[schema(example = "2026-11-02")]
    pub changed: String,
}

/// An announced move to another name.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// Since when, or from when on, the home page tells of it.
    #[schema(example = "2019-03-01")]
    pub notice: String,
}

/// A proposed resolution; with both approvals it goes live at once.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitChange {
    /// The name, in U- or A-labels.
    #[schema(example = "靖远县教育局.政务")]
    pub name: String,
    /// What it shall resolve to.
    #[schema(value_type = super::Resolution)]
    pub resolution: Object<ResolutionInput>,
    /// Both approvals, where the review took place elsewhere.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AssertedApproval>>)]
    pub approvals: Option<Vec<Object<AssertedApproval>>>,
}

/// An approval given elsewhere.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssertedApproval {
    /// Its level.
    pub level: ReviewLevel,
    /// Opaque id of the reviewer.
    pub by: String,
}

/// The level of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewLevel {
    /// 初审, the reviewer of the unit's region.
    Local,
    /// 复审, the registry's reviewer.
    Central,
}

/// A reviewer's decision.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// At which level.
    pub level: ReviewLevel,
    /// Yes or no.
    pub decision: Verdict,
    /// Why; a rejection needs it.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// A hold.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceHold {
    /// From when, as a time or a date; now if absent.
    #[serde(default)]
    pub start: Option<String>,
    /// Until when, if it shall lift itself; a date means the end of that day in Asia/Shanghai.
    #[serde(default)]
    pub end: Option<String>,
    /// Id of the document or case behind it.
    pub evidence: String,
}

/// The next penalty of a unit.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Penalise {
    /// `warning`, `suspension` or `deletion`: the one that comes next.
    pub step: String,
    /// `UNPAID_TWO_YEARS`, `DATA_MISMATCH`, `PROTECTION_OVERDUE` or `OTHER`.
    pub violation: String,
    /// Id of the document or case behind it.
    pub evidence: String,
    /// The last day of a suspension, which ends with the midnight after it in Asia/Shanghai; or that midnight as a time.
    #[serde(default)]
    pub end: Option<String>,
}

/// A release of the brake.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseBrake {
    /// Why it is right that all these names are suspended, or that the clock is as it is.
    pub reason: String,
    /// How many names batches may suspend within the next hour without being weighed; as many as the batch that was stopped if
    /// absent. With 0 no batch goes through on this release: the stop is over, and what comes next is weighed by a new hour.
    /// What fell due takes effect in any case: it cannot be sent again.
    #[serde(default)]
    pub names: Option<u64>,
}

/// Which zone files are read again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReloadZones {
    /// The zone's apex, in Chinese characters or A-labels; null for all zones.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, example = "政务")]
    pub zone: Option<String>,
}

/// Where the clock of a test shall stand.
#[cfg(feature = "test-clock")]
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveClock {
    /// The time.
    pub now: String,
    /// Whether the clock jumps there, and no time passes.
    #[serde(default)]
    pub jump: bool,
}

impl PutUnit {
    /// The registry's form.
    ///
    /// # Errors
    /// `unit_invalid` for a region that is no division code.
    pub fn into_registry(self) -> Result<UnitSpec, Problem> {
        Ok(UnitSpec {
            name: self.name.into(),
            kind: self.kind.into(),
            region: region(&self.region)?,
            admin_function_proof: self.admin_function_proof.map(Into::into),
        })
    }
}

impl PutName {
    /// The registry's form.
    ///
    /// # Errors
    /// `unit_invalid` for an impossible id, `variant_invalid` for a variant that is no label.
    pub fn into_registry(self, policy: &Policy) -> Result<NameSpec, Problem> {
        let variants = self.variants.map(|Object(given)| given.into_registry(policy, "variants")).transpose()?;
        let unit = unit_id(&self.unit, "unit")?;
        Ok(NameSpec { unit, years: self.years, kind: self.kind, primary: self.primary, variants })
    }
}

impl VariantsInput {
    /// The registry's form, found in `field`.
    ///
    /// # Errors
    /// What is wrong with a label.
    pub fn into_registry(self, policy: &Policy, field: &str) -> Result<Variants, Problem> {
        let label = |text: Option<String>, member: &str| {
            let text = text.map(|text| Label::parse_in(&text, policy.labels.table()));
            text.transpose().map_err(|error| {
                Problem::registry(Code::VariantInvalid, error.en(), error.zh()).field(format!("{field}.{member}"))
            })
        };
        Ok(Variants {
            simplified: label(self.simplified, "simplified")?,
            traditional: label(self.traditional, "traditional")?,
        })
    }
}

impl From<&Variants> for VariantsInput {
    fn from(variants: &Variants) -> Self {
        let text = |label: &Option<Label>| label.as_ref().map(|label| label.as_ascii().to_owned());
        Self { simplified: text(&variants.simplified), traditional: text(&variants.traditional) }
    }
}

impl Penalise {
    /// The registry's form.
    ///
    /// # Errors
    /// `penalty_invalid` for a step or violation that there is not, or an end that is no time.
    pub fn into_registry(self) -> Result<(PenaltyStep, PenaltySpec), Problem> {
        let unknown = |field: &str| not_of_penalty(field).field(field);
        let step = PenaltyStep::parse(&self.step).ok_or_else(|| unknown("step"))?;
        let violation = Violation::parse(&self.violation).ok_or_else(|| unknown("violation"))?;
        let end = self.end.map(|end| {
            let time = time_at(Code::PenaltyInvalid, "end", &end, DayEdge::End)?;
            // A date is the last day: the second after it is the midnight.
            let is_date = end.len() == "2026-11-22".len();
            Ok::<_, Problem>(Timestamp(time.0.saturating_add(i64::from(is_date))))
        });
        Ok((step, PenaltySpec { violation, evidence: self.evidence.into(), end: end.transpose()? }))
    }
}

impl PlaceHold {
    /// The registry's form.
    ///
    /// # Errors
    /// `hold_invalid` for a text that is no time.
    pub fn into_registry(self) -> Result<HoldSpec, Problem> {
        let time = |field: &str, text: Option<String>, edge| {
            text.map(|text| time_at(Code::HoldInvalid, field, &text, edge)).transpose()
        };
        Ok(HoldSpec {
            start: time("start", self.start, DayEdge::Start)?,
            end: time("end", self.end, DayEdge::End)?,
            evidence: self.evidence.into(),
        })
    }
}

/// That a penalty's step or violation has no such value.
pub fn not_of_penalty(member: &str) -> Problem {
    let known = match member {
        "step" => PenaltyStep::ALL.map(PenaltyStep::as_str).to_vec(),
        _ => Violation::ALL.map(Violation::as_str).to_vec(),
    };
    let en = format!("There is no such {member} of a penalty; use one of: {}.", known.join(", "));
    let zh = format!("{member} 没有该取值，请使用以下取值之一：{}。", known.join("、"));
    Problem::registry(Code::PenaltyInvalid, en, zh)
}

/// What a reviewer adds to a yes, for the auditor: nothing, or words that a person can read.
///
/// # Errors
/// `reason_required`.
pub fn remark(text: Option<String>) -> Result<Option<String>, Problem> {
    let text = text.filter(|text| !text.is_empty());
    text.as_deref().map_or(Ok(()), registry::decide::check_reason)?;
    Ok(text)
}

/// The unit id of `text`, found in `field`.
///
/// # Errors
/// `unit_invalid`.
pub fn unit_id(text: &str, field: &str) -> Result<UnitId, Problem> {
    UnitId::parse(text).ok_or_else(|| {
        let en = format!("{field} is not a unit id: 1 to 64 of the characters A-Z, a-z, 0-9 and -; correct it.");
        let zh = format!("{field} 不是单位编号：应为 1 至 64 个半角字母、数字或连字符，请更正。");
        Problem::registry(Code::UnitInvalid, en, zh).field(field)
    })
}

/// The region of `text`.
///
/// # Errors
/// `unit_invalid`.
pub fn region(text: &str) -> Result<Region, Problem> {
    Region::parse(text).ok_or_else(|| {
        let en = "region is not a division code of 2, 4, 6, 9 or 12 digits (GB/T 2260); correct it.";
        let zh = "region 应为 2、4、6、9 或 12 位的行政区划代码（GB/T 2260），请更正。";
        Problem::registry(Code::UnitInvalid, en, zh).field("region")
    })
}

impl From<UnitKind> for registry::UnitKind {
    fn from(kind: UnitKind) -> Self {
        match kind {
            UnitKind::Organ => Self::Organ,
            UnitKind::Institution => Self::Institution,
            UnitKind::SocialOrganisation => Self::SocialOrganisation,
        }
    }
}

impl From<registry::UnitKind> for UnitKind {
    fn from(kind: registry::UnitKind) -> Self {
        match kind {
            registry::UnitKind::Organ => Self::Organ,
            registry::UnitKind::Institution => Self::Institution,
            registry::UnitKind::SocialOrganisation => Self::SocialOrganisation,
        }
    }
}

impl From<ReviewLevel> for Level {
    fn from(level: ReviewLevel) -> Self {
        match level {
            ReviewLevel::Local => Self::Local,
            ReviewLevel::Central => Self::Central,
        }
    }
}
