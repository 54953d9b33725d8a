//! The names of an application over the wire: what reviewers should look at, and the forms that they pick.

use super::super::json::Object;
use super::super::problem::Problem;
use super::check::{FormView, WarningView};
use super::readable;
use crate::idn::{Form, Label};
use crate::registry::{Appraisal, Code, FormPick, Labels, PickedForm, Policy, Refusal, Slot, Unit, is_related};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The traditional form that the second review picks for the name of a slot.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormPickInput {
    /// Which slot.
    #[schema(example = 1)]
    pub kind: u8,
    /// The form as a label, in U- or A-labels; `none`: no traditional form is active.
    #[schema(example = "審核管理平臺")]
    pub form: String,
}

/// One name of an application.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SlotView {
    /// Which slot.
    pub kind: u8,
    /// The name in U-labels.
    pub name: String,
    /// The same in A-labels.
    pub ascii: String,
    /// Its term in years.
    pub years: u32,
    /// `unrelated`: no character in common with the unit's name; reviewers confirm that they saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The traditional form that the second review picked, as a U-label; `none`: none is active. Absent: it picked nothing,
    /// and the form is active that leaves no doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picked: Option<String>,
    /// What reviewers should look at; of a single application that has not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appraisal: Option<SlotAppraisal>,
}

/// What the name of an application comes to now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SlotAppraisal {
    /// What a reviewer should look at: look-alikes, forms in doubt, and what keeps the name from being registered now, with
    /// the code that a registration would be refused with.
    pub warnings: Vec<WarningView>,
    /// The simplified form, where it is another label.
    pub simplified: Option<FormView>,
    /// The traditional form, where it is another label; active by itself if it is settled.
    pub traditional: Option<FormView>,
    /// Where it is not settled: the forms that the second review may pick, the proposed one first.
    pub proposals: Vec<String>,
    /// How many it may pick from; some of the proposals may be left out.
    pub choices: u64,
}

impl FormPickInput {
    /// The registry's form of picks.
    ///
    /// # Errors
    /// `variant_invalid`, about the form that is no label.
    pub fn into_registry(picks: Vec<Object<Self>>, policy: &Policy) -> Result<Vec<FormPick>, Problem> {
        let read = |(index, Object(pick)): (usize, Object<Self>)| {
            if pick.form == PickedForm::NOTHING {
                return Ok(FormPick { kind: pick.kind, form: PickedForm::Nothing });
            }
            let label = Label::parse_in(&pick.form, policy.labels.table()).map_err(|error| {
                let field = format!("traditional[{index}].form");
                Problem::registry(Code::VariantInvalid, error.en(), error.zh()).field(field)
            })?;
            Ok(FormPick { kind: pick.kind, form: PickedForm::Label(label) })
        };
        picks.into_iter().enumerate().map(read).collect()
    }
}

impl From<&Slot> for SlotView {
    fn from(slot: &Slot) -> Self {
        let picked = |form: &PickedForm| match form {
            PickedForm::Nothing => PickedForm::NOTHING.to_owned(),
            PickedForm::Label(label) => label.as_unicode(),
        };
        Self {
            kind: slot.kind,
            name: readable(&slot.name),
            ascii: slot.name.to_string(),
            years: slot.years,
            warning: None,
            picked: slot.traditional.as_ref().map(picked),
            appraisal: None,
        }
    }
}

impl super::filings::ApplicationView {
    /// The same, with what the name of its unit makes of its names.
    #[must_use]
    pub fn of_unit(mut self, slots: &[Slot], unit: &Unit, labels: &Labels) -> Self {
        for (view, slot) in self.slots.iter_mut().zip(slots) {
            let is_related = is_related(labels, &slot.name, unit);
            view.warning = (!is_related).then(|| "unrelated".to_owned());
        }
        self
    }

    /// The same, with what its names come to.
    #[must_use]
    pub fn appraised(mut self, appraisals: Vec<SlotAppraisal>) -> Self {
        for (view, appraisal) in self.slots.iter_mut().zip(appraisals) {
            view.appraisal = Some(appraisal);
        }
        self
    }
}

impl SlotAppraisal {
    /// What a name comes to, or why it cannot be had.
    pub fn new(slot: &Slot, appraised: Result<Appraisal, Refusal>, labels: &Labels) -> Self {
        let choices = labels.table().map_or(1, |table| table.choices(&slot.name.label, Form::Traditional));
        let none = Self { warnings: Vec::new(), simplified: None, traditional: None, proposals: Vec::new(), choices };
        match appraised {
            Ok(appraisal) => Self {
                warnings: appraisal.warnings.iter().map(WarningView::from).collect(),
                simplified: appraisal.simplified.as_ref().map(FormView::from),
                traditional: appraisal.traditional.as_ref().map(FormView::from),
                proposals: appraisal.proposals.iter().map(Label::as_unicode).collect(),
                ..none
            },
            Err(refusal) => {
                let (code, detail, detail_zh) = (refusal.code.as_str().into(), refusal.en.into(), refusal.zh.into());
                Self { warnings: vec![WarningView { code, detail, detail_zh, confirm: false }], ..none }
            }
        }
    }
}
