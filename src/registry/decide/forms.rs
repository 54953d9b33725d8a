//! Traditional forms of applied names: what phrases and the table settle is active by itself; where they leave a choice, the
//! second review picks one of the package's permitted members, or says that none is active.

use super::{Case, labels, names};
use crate::idn::Form;
use crate::registry::{Code, FormPick, PickedForm, Refusal, Slot, Variants};
use std::collections::BTreeSet;

/// The slots with what the second review picks for them, if nothing is left in doubt.
pub(super) fn picked(case: &Case<'_>, mut slots: Vec<Slot>, picks: &[FormPick]) -> Result<Vec<Slot>, Refusal> {
    let mut seen = BTreeSet::new();
    for (index, pick) in picks.iter().enumerate() {
        let field = |refusal: Refusal, member: &str| refusal.at(format!("traditional[{index}].{member}"));
        names::check_kind(pick.kind).map_err(|refusal| field(refusal, "kind"))?;
        if !seen.insert(pick.kind) {
            return Err(field(repeated(pick.kind), "kind"));
        }
        let slot = slots.iter_mut().find(|slot| slot.kind == pick.kind);
        let slot = slot.ok_or_else(|| field(not_applied_for(pick.kind), "kind"))?;
        if let PickedForm::Label(label) = &pick.form {
            labels::check_variant(case, &slot.name, label, Form::Traditional).map_err(|r| field(r, "form"))?;
        }
        slot.traditional = Some(pick.form.clone());
    }
    match slots.iter().find_map(|slot| undecided(case, slot)) {
        Some(refusal) => Err(refusal),
        None => Ok(slots),
    }
}

/// That nothing is picked where it is not decided.
pub(super) fn check_none(picks: &[FormPick]) -> Result<(), Refusal> {
    if picks.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        Code::FormByCentralApprovalOnly,
        "A traditional form is picked with the approval of the second review and nowhere else; leave traditional out.",
        "繁体形式仅在复审通过时选定，请去掉 traditional。",
    )
    .at("traditional"))
}

/// The variants that are active once the slot's name is registered, and why a form that was picked cannot be one of them
/// any more: tables and zone files may have changed since.
pub(super) fn active(case: &Case<'_>, slot: &Slot) -> Result<(Variants, Option<Refusal>), Refusal> {
    let usual = labels::usual(case, &slot.name);
    let label = match &slot.traditional {
        None => return Ok((usual, None)),
        Some(PickedForm::Nothing) => return Ok((Variants { traditional: None, ..usual }, None)),
        Some(PickedForm::Label(label)) => label,
    };
    match labels::check_variant(case, &slot.name, label, Form::Traditional) {
        Ok(()) => Ok((Variants { traditional: Some(label.clone()), ..usual }, None)),
        Err(refusal) if refusal.code == Code::Unavailable => Err(refusal),
        Err(refusal) => Ok((Variants { traditional: None, ..usual }, Some(refusal))),
    }
}

/// That a form has to be picked for the slot, if one has and is not.
fn undecided(case: &Case<'_>, slot: &Slot) -> Option<Refusal> {
    let proposed = labels::in_doubt(case, &slot.name).filter(|_| slot.traditional.is_none())?;
    let (kind, shown, text) = (slot.kind, slot.name.to_unicode(), proposed.text);
    let refusal = Refusal::new(
        Code::TraditionalFormRequired,
        format!(
            "The traditional form of {shown} is not certain: {text} is proposed. Pick it or another permitted form for slot {kind} in traditional, or none."
        ),
        format!(
            "{shown} 的繁体形式不确定（建议 {text}），请在 traditional 中为第 {kind} 项选定，或填写 none（不启用）。"
        ),
    );
    Some(refusal.at("traditional"))
}

fn repeated(kind: u8) -> Refusal {
    Refusal::new(
        Code::SlotRepeated,
        format!("A form is picked for slot {kind} twice; pick one."),
        format!("第 {kind} 项的繁体形式重复，只能选定一个。"),
    )
}

fn not_applied_for(kind: u8) -> Refusal {
    Refusal::new(
        Code::KindInvalid,
        format!("The application has no name in slot {kind}; read it to see its slots."),
        format!("该申请没有第 {kind} 项，请查询其各项名称。"),
    )
}
