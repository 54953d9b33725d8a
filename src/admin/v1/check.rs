//! What a label comes to, as the API shows it.

use super::super::problem::{ErrorCode, Problem};
use super::readable;
use crate::idn::Variant;
use crate::registry::{Appraisal, Code, NameKey, Warning};
use serde::Serialize;
use utoipa::ToSchema;

/// What a name comes to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CheckView {
    /// The name in U-labels under its primary suffix; as it was given, if it is none.
    #[schema(example = "国家税务总局.政务")]
    pub name: String,
    /// The same in A-labels.
    pub ascii: Option<String>,
    /// Octets of the label as an A-label; 63 are the most.
    pub octets: Option<usize>,
    /// `available`, `in_use`, `own` (the unit has it, or a name of its package), `reserved` or `refused`.
    pub status: String,
    /// Why it is not available: the code that a registration would be refused with.
    pub code: Option<String>,
    /// The same in a sentence that says what to try.
    pub detail: Option<String>,
    /// 同一说明的中文。
    pub detail_zh: Option<String>,
    /// The simplified form, where it is another label.
    pub simplified: Option<FormView>,
    /// The traditional form, where it is another label.
    pub traditional: Option<FormView>,
    /// Labels of its package, itself included, all reserved to its holder; the largest number stands for all larger ones.
    pub members: Option<u64>,
    /// What a reviewer should look at.
    pub warnings: Vec<WarningView>,
}

/// A form of a label.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FormView {
    /// In Chinese characters.
    pub label: String,
    /// As an A-label; null if it is too long for one, and so cannot be active.
    pub ascii: Option<String>,
    /// Whether it is beyond doubt, and becomes active with a registration; else a reviewer picks.
    pub settled: bool,
}

/// Something that a reviewer should look at.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WarningView {
    /// `traditional_form_uncertain`, `form_too_long`, `look_alike`, `resembles` or `unrelated`.
    pub code: String,
    /// What it is.
    pub detail: String,
    /// 同一说明的中文。
    pub detail_zh: String,
    /// Whether both reviewers have to confirm it.
    pub confirm: bool,
}

impl CheckView {
    /// A name that can be registered.
    pub fn available(key: &NameKey, appraisal: &Appraisal) -> Self {
        Self {
            simplified: appraisal.simplified.as_ref().map(FormView::from),
            traditional: appraisal.traditional.as_ref().map(FormView::from),
            members: Some(appraisal.members),
            warnings: appraisal.warnings.iter().map(WarningView::from).collect(),
            ..Self::of(key, "available")
        }
    }

    /// A name that cannot, for this reason.
    pub fn refused(text: &str, key: Option<&NameKey>, problem: &Problem) -> Self {
        let status = match problem.code {
            ErrorCode::Registry(Code::NameOfOtherUnit | Code::VariantInUse) => "in_use",
            ErrorCode::Registry(Code::VariantOfOwnName) => "own",
            ErrorCode::Registry(Code::LabelReserved | Code::DivisionReserved | Code::LabelOccupied) => "reserved",
            _ => "refused",
        };
        let view = key.map_or_else(|| Self { name: text.into(), ..Self::empty(status) }, |key| Self::of(key, status));
        Self {
            code: Some(problem.code.as_str().into()),
            detail: Some(problem.en.clone()),
            detail_zh: Some(problem.zh.clone()),
            ..view
        }
    }

    fn of(key: &NameKey, status: &str) -> Self {
        Self {
            name: readable(key),
            ascii: Some(key.to_string()),
            octets: Some(key.label.as_ascii().len()),
            ..Self::empty(status)
        }
    }

    fn empty(status: &str) -> Self {
        Self {
            name: String::new(),
            ascii: None,
            octets: None,
            status: status.into(),
            code: None,
            detail: None,
            detail_zh: None,
            simplified: None,
            traditional: None,
            members: None,
            warnings: Vec::new(),
        }
    }
}

impl From<&Variant> for FormView {
    fn from(form: &Variant) -> Self {
        let ascii = form.label.as_ref().map(|label| label.as_ascii().to_owned());
        Self { label: form.text.to_string(), ascii, settled: form.settled }
    }
}

impl From<&Warning> for WarningView {
    fn from(warning: &Warning) -> Self {
        Self {
            code: warning.code.into(),
            detail: warning.en.to_string(),
            detail_zh: warning.zh.to_string(),
            confirm: warning.confirm,
        }
    }
}
