//! What a dry run shows: the records that would go and come, in presentation form.

use super::overlay::Overlay;
use super::publish::{Suffixes, look_up, touched};
use crate::idn::Label;
use crate::publication::{presentation, published};
use crate::registry::{Event, NameKey, Unavailable};
use crate::zone::{Gateway, Published, ZoneSet};
use std::collections::BTreeMap;

/// Most names whose records are listed; a hold on a large unit says how many more there are.
const NAMES_MAX: usize = 1000;

/// The apex of a zone (A-labels, final dot), and lines about it.
pub type ZoneLines = (Box<str>, Vec<String>);

/// The lines by apex, of the names that `events` touch on their way from `before` to `after`: `- ` goes, `+ ` comes.
///
/// # Errors
/// [`Unavailable`].
pub fn differences(
    zones: &ZoneSet,
    suffixes: &Suffixes,
    before: &Overlay<'_>,
    after: &Overlay<'_>,
    events: &[Event],
) -> Result<Vec<ZoneLines>, Unavailable> {
    let mut by_apex: BTreeMap<Box<str>, Vec<String>> = BTreeMap::new();
    let names = touched(before, events)?.into_names();
    for key in names.iter().take(NAMES_MAX) {
        let (old, new) = (published_in(before, key)?, published_in(after, key)?);
        if old == new {
            continue;
        }
        for apex in suffixes.apexes(&key.set) {
            let Some(zone) = zones.get(&apex.name) else { continue };
            let lines = |published: &Spoken| lines(published, &apex.name, zone.gateway());
            let (old, new) = (lines(&old), lines(&new));
            let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
            let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
            by_apex.entry(apex.text.clone()).or_default().extend(gone.chain(come));
        }
    }
    if let Some(more) = names.len().checked_sub(NAMES_MAX).filter(|more| *more > 0) {
        for lines in by_apex.values_mut() {
            lines.push(format!("; and up to {more} names more"));
        }
    }
    by_apex.retain(|_, lines| !lines.is_empty());
    Ok(by_apex.into_iter().collect())
}

/// What is published, and the labels it is published under.
type Spoken = Option<(Published, Vec<Label>)>;

/// What `state` publishes for the name.
fn published_in(state: &Overlay<'_>, key: &NameKey) -> Result<Spoken, Unavailable> {
    let found = look_up(state, key)?;
    Ok(found.and_then(|(unit, name)| Some((published(&unit, &name)?, name.labels().cloned().collect()))))
}

fn lines(published: &Spoken, apex: &crate::zone::Name, gateway: &Gateway) -> Vec<String> {
    let Some((published, labels)) = published else { return Vec::new() };
    labels.iter().flat_map(|label| presentation(published, label.as_ascii(), apex, gateway)).collect()
}
