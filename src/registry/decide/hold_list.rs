//! Holds of a list: many units and names at once, all of them or none.
//!
//! The list is one decision: one line of the journal, one publication, and one thing for the brake to weigh. Each line is
//! decided after those before it, and all bad ones are told.

use super::draft::Draft;
use super::{Case, holds};
use crate::registry::command::{HoldItem, HoldTarget};
use crate::registry::state::Unavailable;
use crate::registry::{Code, Context, Decision, Event, Guarded, HoldReason, Refusal, Refusals, Role};
use std::collections::HashMap;

/// Most lines of a list. With names of ordinary size it is a journal line of 3 MB, well below the longest, and 0.2 ms a line
/// of the writer's time even where nothing is optimised: whatever else is asked waits no longer than a second or two.
pub const HOLD_LIST_MAX: usize = 10_000;

pub(super) fn apply(case: &Case<'_>, items: &[(usize, HoldItem)]) -> Result<Decision, Refusals> {
    case.check_role(&[Role::Operator])?;
    check_length(items.len())?;
    // A list reaches as many names as a hold of a unit does.
    case.check_second_factor(Guarded::UnitHold)?;
    if items.iter().any(|(_, item)| item.reason == HoldReason::Blacklist) {
        case.check_second_factor(Guarded::Blacklist)?;
    }
    let mut draft = Draft::new(case.state);
    let mut refusals = Vec::new();
    let mut lines: HashMap<(&HoldTarget, HoldReason), usize> = HashMap::new();
    for (line, item) in items {
        let decided = match lines.insert((&item.target, item.reason), *line) {
            Some(earlier) => Err(repeated(earlier).at(member_of(&item.target))),
            None => decide(&draft, case.context, item),
        };
        match decided {
            Ok(decision) => {
                for event in decision.events {
                    put(&mut draft, event)?;
                }
            }
            Err(refusal) => refusals.push(refusal.on_line(*line)),
        }
    }
    if let Some(refusals) = Refusals::of(refusals) {
        return Err(refusals);
    }
    let units = draft.units.into_values().map(Event::Unit);
    let events = units.chain(draft.names.into_values().map(Event::Name)).chain(draft.filings.into_events()).collect();
    let state = if items.iter().any(|(_, item)| item.place.is_some()) { "held" } else { "lifted" };
    Ok(case.decision(events, "holds", state, 0))
}

fn check_length(lines: usize) -> Result<(), Refusal> {
    match lines {
        0 => Err(Refusal::new(
            Code::BatchEmpty,
            "The list is empty; name the units and names to hold.",
            "名单为空，请填写要办理的单位和域名。",
        )),
        1..=HOLD_LIST_MAX => Ok(()),
        _ => Err(Refusal::new(
            Code::BatchTooLarge,
            format!("A list has at most {HOLD_LIST_MAX} lines; divide it, and send one part after the other."),
            format!("名单最多 {HOLD_LIST_MAX} 行，请分成几份依次提交。"),
        )),
    }
}

/// What one line does, on the state that the lines before it leave.
fn decide(draft: &Draft<'_>, context: &Context<'_>, item: &HoldItem) -> Result<Decision, Refusal> {
    // If-Match names one object; a list has many.
    let context = Context { if_match: None, ..*context };
    let case = Case { state: draft, context: &context };
    let decided = match &item.place {
        Some(spec) => holds::place(&case, &item.target, item.reason, spec),
        None => holds::lift(&case, &item.target, item.reason),
    };
    decided.map_err(|refusal| of_line(item, refusal))
}

/// The same about a member of the line: elsewhere the object and the reason are no members.
fn of_line(item: &HoldItem, refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::UnitNotFound | Code::NameNotFound | Code::RegionForeign => refusal.at(member_of(&item.target)),
        Code::HoldNotFound => refusal.at("reason"),
        _ => refusal,
    }
}

fn member_of(target: &HoldTarget) -> &'static str {
    match target {
        HoldTarget::Unit(_) => "unit",
        HoldTarget::Name(_) => "name",
    }
}

fn put(draft: &mut Draft<'_>, event: Event) -> Result<(), Unavailable> {
    match event {
        Event::Unit(unit) => draft.put_unit(unit),
        Event::Name(name) => draft.put_name(name),
        // What a blacklisted unit has under way.
        filing => draft.put_filing(&filing)?,
    }
    Ok(())
}

fn repeated(earlier: usize) -> Refusal {
    Refusal::new(
        Code::ItemRepeated,
        format!("Line {earlier} has the same unit or name with the same reason; take one of the two out."),
        format!("第 {earlier} 行已有同一对象的同一原因，请删去其中一行。"),
    )
}
