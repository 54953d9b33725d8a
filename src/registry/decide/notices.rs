//! Notices around the end of terms, each once (E10). How far each notice has been given is one mark for the whole registry
//! in the order of the ends of terms, so that a name costs nothing until its turn, and no name is looked at twice.
//!
//! A clock that jumps past several notices of a name gives the last of them only; one that is no longer worth giving (the
//! term it warns of has ended) is left out. While the brake is engaged nothing is given: a time that is not trusted to
//! suspend names is not told to anyone either.

use super::{Case, terms};
use crate::registry::life::Ends;
use crate::registry::state::Unavailable;
use crate::registry::{Decision, Event, NoticeKind, Noticed, Refusal, Registration, Role, TermEnd, Timestamp};
use std::collections::BTreeMap;

pub(super) fn notify(case: &Case<'_>, limit: usize) -> Result<Decision, Refusal> {
    case.check_role(&[Role::System])?;
    let mut events = Vec::new();
    let brake = case.state.brake()?;
    if brake.engaged().is_none() && brake.jump.is_none() {
        let noticed = case.state.noticed()?;
        let mut left = limit;
        // The latest first: what ends in a week matters more than what ends in a month.
        for index in (0..case.policy().terms.notices_days.len()).rev() {
            give(case, &noticed, index, &mut left, &mut events)?;
        }
        give_up(case, &mut left, &mut events)?;
    }
    let state = if events.is_empty() { "nothing_due" } else { "applied" };
    Ok(case.decision(events, "notices", state, 0))
}

/// The notice that a name put where its notice has been given already would miss: the one of its term as it is now.
pub(super) fn missed(case: &Case<'_>, name: &Registration) -> Result<Option<Event>, Unavailable> {
    let days = &case.policy().terms.notices_days;
    let reached = (0..days.len()).rev().find(|index| name.expires.add_days(days[*index].into()) <= case.now());
    let Some(index) = reached.filter(|index| is_worth(case, *index, name.expires)) else { return Ok(None) };
    let place = TermEnd { at: name.expires, key: Some(name.key.clone()) };
    let given = case.state.noticed()?.get(&days[index]).is_some_and(|upto| place <= *upto);
    Ok(given.then(|| Event::Notice(terms::notice(NoticeKind::Term(days[index]), name, None))))
}

/// One notice, to the names whose turn it is.
fn give(
    case: &Case<'_>,
    noticed: &BTreeMap<i32, TermEnd>,
    index: usize,
    left: &mut usize,
    events: &mut Vec<Event>,
) -> Result<(), Unavailable> {
    let days = case.policy().terms.notices_days[index];
    // Names before this have passed the time in which the notice is worth giving.
    let oldest = Timestamp(case.now().add_days(-i64::from(case.policy().terms.notice_end_days(index))).0 + 1);
    let oldest = TermEnd { at: oldest, key: None };
    let after = noticed.get(&days).filter(|upto| **upto > oldest).unwrap_or(&oldest);
    let mut found = Vec::new();
    if *left > 0 {
        case.state.ends(Ends::All, after, case.now().add_days(-i64::from(days)), &mut |end| {
            found.push(end.clone());
            found.len() < *left
        })?;
    }
    *left -= found.len();
    for key in found.iter().filter_map(|end| end.key.as_ref()) {
        if let Some(name) = case.state.name(key)? {
            events.push(Event::Notice(terms::notice(NoticeKind::Term(days), &name, None)));
        }
    }
    events.extend(found.pop().map(|upto| Event::Noticed(Noticed { days, upto })));
    Ok(())
}

/// Whether the notice at `index` is still worth giving to a name whose term ends at `expires`.
fn is_worth(case: &Case<'_>, index: usize, expires: Timestamp) -> bool {
    case.now() < expires.add_days(case.policy().terms.notice_end_days(index).into())
}

/// Names unpaid for too long: the final notice, and with it the way to deletion (R36).
fn give_up(case: &Case<'_>, left: &mut usize, events: &mut Vec<Event>) -> Result<(), Unavailable> {
    let terms = &case.policy().terms;
    let mut found = Vec::new();
    if *left > 0 {
        let first = TermEnd { at: Timestamp(i64::MIN), key: None };
        case.state.ends(Ends::Expired, &first, case.now().add_days(-terms.unpaid_days_min()), &mut |end| {
            let Some(key) = &end.key else { return true };
            if end.at.add_days(terms.profile(&key.set).unpaid_days) <= case.now() {
                found.push(key.clone());
            }
            found.len() < *left
        })?;
    }
    *left -= found.len();
    for key in &found {
        if let Some(name) = case.state.name(key)? {
            events.extend(terms::given_up(case, &name));
        }
    }
    Ok(())
}
