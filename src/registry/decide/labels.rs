//! Whether a unit may register a label: the table, reserved labels, divisions, packages; and what a reviewer should see.

use super::{Case, units};
use crate::idn::{Bundle, Form, Label, Variant};
use crate::registry::divisions::Place;
use crate::registry::name::label_refusal;
use crate::registry::state::Unavailable;
use crate::registry::{Code, Context, Labels, NameKey, Refusal, Registration, State, Unit, Variants};

/// Parents that a refusal names; the rest is counted.
const PARENTS_SHOWN: usize = 6;
/// Labels with one character exchanged for a look-alike that are looked up for a warning.
const RESEMBLING_MAX: usize = 64;

/// Traditional forms that are proposed to a reviewer; any other permitted one can be picked as well.
pub const PROPOSALS_MAX: usize = 16;

/// What a label that may be registered comes with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appraisal {
    /// What it has in common with its package.
    pub bundle: Bundle,
    /// Its simplified form, where that is another label.
    pub simplified: Option<Variant>,
    /// Its traditional form, where that is another label.
    pub traditional: Option<Variant>,
    /// The forms that a reviewer may pick as the traditional one, the proposed one first, where that is not settled; at most
    /// `PROPOSALS_MAX` of them.
    pub proposals: Vec<Label>,
    /// How many labels its package has, itself included; [`u64::MAX`] stands for all larger numbers.
    pub members: u64,
    /// What a reviewer should look at.
    pub warnings: Vec<Warning>,
}

/// Something that a person should look at before saying yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Its stable code.
    pub code: &'static str,
    /// What it is, in English.
    pub en: Box<str>,
    /// The same in Chinese.
    pub zh: Box<str>,
    /// Whether two reviewers must confirm it each (R7).
    pub confirm: bool,
}

/// Judges a label for a unit, or for nobody in particular, without registering it.
///
/// # Errors
/// The rule that the label breaks, in use or reserved ones included.
pub fn appraise(
    state: &dyn State,
    context: &Context<'_>,
    key: &NameKey,
    unit: Option<&Unit>,
) -> Result<Appraisal, Refusal> {
    let case = Case { state, context };
    if let Some(taken) = state.name(key)? {
        return Err(in_use(&case, key, &taken, unit));
    }
    check(&case, key, unit)?;
    let labels = &case.policy().labels;
    let (simplified, traditional) =
        labels.table().map_or((None, None), |table| (table.simplified(&key.label), table.traditional(&key.label)));
    let mut warnings = Vec::new();
    form_warnings(&case, key, [&simplified, &traditional], &mut warnings);
    look_alike_warnings(&case, key, unit, &mut warnings)?;
    warnings.extend(unit.and_then(|unit| unrelated(&case, key, unit)));
    let members = labels.table().map_or(1, |table| table.package_size(&key.label));
    let proposals = match (labels.table(), in_doubt(&case, key)) {
        (Some(table), Some(_)) => table.forms(&key.label, Form::Traditional, PROPOSALS_MAX),
        _ => Vec::new(),
    };
    Ok(Appraisal { bundle: labels.bundle(&key.label), simplified, traditional, proposals, members, warnings })
}

/// The traditional form that is proposed, where a person has to pick one.
pub(super) fn in_doubt(case: &Case<'_>, key: &NameKey) -> Option<Variant> {
    let form = case.policy().labels.table()?.traditional(&key.label)?;
    (!form.settled && form.label.is_some()).then_some(form)
}

/// The first warning about the unit's label that reviewers have to confirm.
pub(super) fn to_confirm(case: &Case<'_>, key: &NameKey, unit: &Unit) -> Result<Option<Warning>, Refusal> {
    let mut warnings: Vec<Warning> = unrelated(case, key, unit).into_iter().collect();
    if warnings.is_empty() {
        look_alike_warnings(case, key, Some(unit), &mut warnings)?;
    }
    Ok(warnings.into_iter().find(|warning| warning.confirm))
}

/// Whether the unit may register this label under this suffix; that no such name is registered is the caller's to know.
pub(super) fn check(case: &Case<'_>, key: &NameKey, unit: Option<&Unit>) -> Result<(), Refusal> {
    let labels = &case.policy().labels;
    if let Some(table) = labels.table() {
        table.check(&key.label).map_err(|error| label_refusal(&error))?;
    }
    let bundle = labels.bundle(&key.label);
    let listed = case.policy().reserved_labels.iter().any(|reserved| **reserved == *key.label.as_ascii());
    if listed || labels.is_reserved(&bundle) {
        let shown = key.to_unicode();
        return Err(Refusal::new(
            Code::LabelReserved,
            format!("The label of {shown} is reserved; choose another form of the unit's name."),
            format!("{shown} 的标签为保留字，请选用单位名称的其他形式。"),
        ));
    }
    check_place(case, key, unit)?;
    if (case.context.occupied)(key) {
        return Err(occupied(&key.to_unicode()));
    }
    if let Some(unit) = unit {
        units::check_suffix(case.policy(), &key.set, unit.kind, unit.admin_function_proof.is_some())?;
    }
    check_bundle(case, key, unit)
}

/// No two holders in one package, and no two names of one holder: what is left of it is activated, not registered.
fn check_bundle(case: &Case<'_>, key: &NameKey, unit: Option<&Unit>) -> Result<(), Refusal> {
    let mut found = None;
    case.state.same_bundle(key, &mut |other| {
        found = Some(other.clone());
        false
    })?;
    let Some(other) = found else { return Ok(()) };
    match case.state.name(&other)? {
        Some(taken) => Err(in_use(case, key, &taken, unit)),
        None => Ok(()),
    }
}

fn in_use(case: &Case<'_>, key: &NameKey, taken: &Registration, unit: Option<&Unit>) -> Refusal {
    let (shown, holding) = (key.to_unicode(), taken.key.to_unicode());
    let same = taken.key == *key;
    if unit.is_some_and(|unit| unit.id == taken.unit) {
        let how = activation(case, key, taken);
        return Refusal::new(
            Code::VariantOfOwnName,
            if same {
                format!("{shown} is in use: the unit has registered it already, and there is nothing to do.")
            } else {
                format!(
                    "{shown} is reserved to the unit as a variant of {holding}, and is not registered beside it. {}",
                    how.0
                )
            },
            if same {
                format!("{shown} 已由该单位注册，无需再注册。")
            } else {
                format!("{shown} 是 {holding} 的变体，已为该单位保留，不另行注册。{}", how.1)
            },
        );
    }
    if same {
        return Refusal::new(
            Code::NameOfOtherUnit,
            format!("{shown} is in use; choose another form of the unit's name."),
            format!("{shown} 已被注册，请选用单位名称的其他形式。"),
        );
    }
    Refusal::new(
        Code::VariantInUse,
        format!(
            "{shown} is in use (variant of {holding}), which another unit holds; choose another form of the unit's name."
        ),
        format!("{shown} 已被占用（{holding} 的变体，由其他单位持有），请选用单位名称的其他形式。"),
    )
}

/// Whether and how a variant of an own name can be made to resolve.
fn activation(case: &Case<'_>, key: &NameKey, taken: &Registration) -> (&'static str, &'static str) {
    let table = case.policy().labels.table();
    let form = |form| table.is_some_and(|table| table.permits(&taken.key.label, &key.label, form));
    if taken.variants.contains(&key.label) {
        ("It is active already; there is nothing to do.", "该变体已启用，无需另行办理。")
    } else if form(Form::Simplified) || form(Form::Traditional) {
        (
            "To make it resolve, put the name with it among its variants.",
            "如需解析，请在修改该域名时将其列入 variants。",
        )
    } else {
        (
            "It is neither its simplified nor its traditional form, so it stays reserved; choose another label.",
            "它既非其简体也非其繁体形式，只作保留，请选用其他标签。",
        )
    }
}

fn occupied(shown: &str) -> Refusal {
    Refusal::new(
        Code::LabelOccupied,
        format!("{shown} is used by a record of the registry's own zone file; choose another label."),
        format!("{shown} 已被区文件中的记录占用，请选用其他标签。"),
    )
}

fn check_place(case: &Case<'_>, key: &NameKey, unit: Option<&Unit>) -> Result<(), Refusal> {
    let labels = &case.policy().labels;
    if labels.divisions().is_empty() {
        return Ok(());
    }
    let label = key.label.as_unicode();
    match labels.divisions().place(&labels.spelling(&label), &|text| labels.spelling(text), unit) {
        Place::Clear | Place::Bare { own: true, .. } => Ok(()),
        Place::Bare { name, own: false } => Err(Refusal::new(
            Code::DivisionReserved,
            format!(
                "{label} is the name of a division, which only its government ({name}人民政府) may register; put the unit's own name behind it."
            ),
            format!("“{label}”是行政区划名称，只能由其人民政府（{name}人民政府）注册，请在其后加上本单位名称。"),
        )),
        Place::Ambiguous { name, parents, own } => {
            let shown = parents.len().min(PARENTS_SHOWN);
            let list = parents[..shown].join("/");
            let (places, more) = (parents.len(), if shown < parents.len() { "/…" } else { "" });
            let (en, zh) = own.map_or_else(Default::default, |own| {
                (format!(" For this unit: {own}{label}."), format!("本单位应为：{own}{label}。"))
            });
            Err(Refusal::new(
                Code::DivisionAmbiguous,
                format!(
                    "There are {places} places with a {name}; put the division above it in front: {list}{more} + {label}.{en}"
                ),
                format!("“{name}”在 {places} 处重名，请在其前加上上级行政区划：{list}{more} + {label}。{zh}"),
            ))
        }
    }
}

/// The variants that shall be active beside a name: those given, or of a new name those beyond doubt.
pub(super) fn variants(case: &Case<'_>, key: &NameKey, given: Option<&Variants>) -> Result<Variants, Refusal> {
    let Some(given) = given else { return Ok(usual(case, key)) };
    for (form, label, field) in [
        (Form::Simplified, &given.simplified, "variants.simplified"),
        (Form::Traditional, &given.traditional, "variants.traditional"),
    ] {
        if let Some(label) = label {
            check_variant(case, key, label, form).map_err(|refusal| refusal.at(field))?;
        }
    }
    Ok(given.clone())
}

/// The forms that leave no doubt, where nothing is in their way.
pub(super) fn usual(case: &Case<'_>, key: &NameKey) -> Variants {
    let Some(table) = case.policy().labels.table() else { return Variants::default() };
    let label = |form: Option<Variant>| {
        let label = form.filter(|form| form.settled)?.label?;
        let free = !(case.context.occupied)(&NameKey { label: label.clone(), set: key.set.clone() });
        free.then_some(label)
    };
    Variants { simplified: label(table.simplified(&key.label)), traditional: label(table.traditional(&key.label)) }
}

pub(super) fn check_variant(case: &Case<'_>, key: &NameKey, label: &Label, form: Form) -> Result<(), Refusal> {
    let variant = NameKey { label: label.clone(), set: key.set.clone() };
    let (shown, name) = (variant.to_unicode(), key.to_unicode());
    let Some(table) = case.policy().labels.table() else {
        return Err(Refusal::new(
            Code::VariantInvalid,
            "No table of variants is configured, so that no variant can be active; leave variants out.",
            "未配置字表，不能启用变体，请去掉 variants。",
        ));
    };
    if *label == key.label || !table.permits(&key.label, label, form) {
        let (en, zh, best) = match form {
            Form::Simplified => ("simplified", "简体", table.simplified(&key.label)),
            Form::Traditional => ("traditional", "繁体", table.traditional(&key.label)),
        };
        let best = best.map_or_else(|| key.label.as_unicode().into(), |best| best.text);
        return Err(Refusal::new(
            Code::VariantInvalid,
            format!(
                "{shown} is no {en} form of {name} beside it: the table makes {best} of it; pick that or one of its other preferred characters."
            ),
            format!("{shown} 不是 {name} 的{zh}形式；按字表其{zh}形式为 {best}，请选用该形式或字表列出的其他首选字。"),
        ));
    }
    if (case.context.occupied)(&variant) {
        return Err(occupied(&key.to_unicode()));
    }
    // Names that were registered under another table may stand where one package is now.
    let mut others = Vec::new();
    case.state.same_bundle(key, &mut |other| {
        others.push(other.clone());
        true
    })?;
    for other in others {
        if let Some(taken) = case.state.name(&other)?
            && taken.labels().any(|taken| taken == label)
        {
            return Err(in_use(case, &variant, &taken, None));
        }
    }
    Ok(())
}

/// The registered names of the package that a name is in: one at most, but where the table has become another one.
pub(super) fn package(case: &Case<'_>, key: &NameKey) -> Result<Vec<Registration>, Unavailable> {
    let mut keys = vec![key.clone()];
    case.state.same_bundle(key, &mut |other| {
        keys.push(other.clone());
        true
    })?;
    keys.iter().filter_map(|key| case.state.name(key).transpose()).collect()
}

/// The name that publishes this label: the one registered with it, or the one whose active variant it is.
pub(super) fn publisher(case: &Case<'_>, key: &NameKey) -> Result<Option<Registration>, Refusal> {
    Ok(publisher_of(case.state, key)?)
}

/// `publisher`, of any state.
///
/// # Errors
/// [`Unavailable`].
pub fn publisher_of(state: &dyn State, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
    if let Some(name) = state.name(key)? {
        return Ok(Some(name));
    }
    let mut others = Vec::new();
    state.same_bundle(key, &mut |other| {
        others.push(other.clone());
        true
    })?;
    for other in others {
        if let Some(name) = state.name(&other)?.filter(|name| name.variants.contains(&key.label)) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn form_warnings(case: &Case<'_>, key: &NameKey, forms: [&Option<Variant>; 2], warnings: &mut Vec<Warning>) {
    for form in forms.into_iter().flatten() {
        let text = &form.text;
        if form.label.is_none() {
            warnings.push(Warning {
                code: "form_too_long",
                en: format!("The form {text} is too long for a label and cannot be active.").into(),
                zh: format!("{text} 超过标签长度上限，不能启用。").into(),
                confirm: false,
            });
        } else if !form.settled {
            let choices = case.policy().labels.table().map_or(1, |table| table.choices(&key.label, Form::Traditional));
            warnings.push(Warning {
                code: "traditional_form_uncertain",
                en: format!("The traditional form is not certain: {text} is proposed, one of {choices}. A reviewer picks the right one; until then it is not active.").into(),
                zh: format!("繁体形式不确定：建议 {text}（共 {choices} 种可能），请审核人员选定，选定前不启用。").into(),
                confirm: false,
            });
        }
    }
}

/// Characters that can be taken for others which the unit's full name does not have, and registered names that differ in
/// one of them.
fn look_alike_warnings(
    case: &Case<'_>,
    key: &NameKey,
    unit: Option<&Unit>,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    let labels = &case.policy().labels;
    let text: Vec<char> = key.label.as_unicode().chars().collect();
    let mut looked_up = 0;
    for (index, character) in text.iter().copied().enumerate() {
        let alike: Vec<char> = labels.look_alikes().of(character).collect();
        let expected = unit.is_some_and(|unit| unit.name.contains(character));
        if !alike.is_empty() && !expected {
            let (position, others) = (index + 1, alike.iter().map(char::to_string).collect::<Vec<_>>().join("/"));
            warnings.push(Warning {
                code: "look_alike",
                en: format!(
                    "“{character}”, character {position}, can be taken for {others}; see that it is the right one."
                )
                .into(),
                zh: format!("第 {position} 个字“{character}”与 {others} 形近，请核对。").into(),
                confirm: false,
            });
        }
        for other in alike {
            looked_up += 1;
            if looked_up > RESEMBLING_MAX {
                return Ok(());
            }
            let mut twin = text.clone();
            twin[index] = other;
            let Ok(label) = Label::parse_in(&twin.into_iter().collect::<String>(), labels.table()) else { continue };
            let twin = NameKey { label, set: key.set.clone() };
            if let Some(taken) = publisher(case, &twin)?
                && unit.is_none_or(|unit| unit.id != taken.unit)
            {
                let shown = twin.to_unicode();
                warnings.push(Warning {
                    code: "resembles",
                    en: format!("It looks like {shown}, which another unit holds.").into(),
                    zh: format!("与其他单位持有的 {shown} 形近。").into(),
                    confirm: true,
                });
            }
        }
    }
    Ok(())
}

/// R7: a label that has no character of the unit's full name is hardly a form of it.
fn unrelated(case: &Case<'_>, key: &NameKey, unit: &Unit) -> Option<Warning> {
    (!is_related(&case.policy().labels, key, unit)).then(|| Warning {
        code: "unrelated",
        en: format!(
            "It has no character of the unit's full name, {}; two reviewers must confirm that it is a form of it.",
            unit.name
        )
        .into(),
        zh: format!("与单位全称“{}”没有相同的字，须经两名审核人员确认。", unit.name).into(),
        confirm: true,
    })
}

/// Whether the label has a character of the unit's full name, or a variant of one (R7).
pub fn is_related(labels: &Labels, key: &NameKey, unit: &Unit) -> bool {
    let name = labels.spelling(&unit.name);
    labels.spelling(&key.label.as_unicode()).chars().any(|c| !c.is_ascii() && name.contains(c))
}
