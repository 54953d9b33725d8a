//! IDN tables: the characters that may be registered, and which of them are variants of each other (RFC 3743, RFC 7940).
//!
//! Variants fall into classes: the closure of every relation that any of the tables has, so that it matters neither which
//! table is asked nor in which direction. A label and everything it becomes by exchanging characters of a class is its
//! *package*. A package can have more than 10⁷ members and is never listed: two labels are of one package if and only if
//! the least members of their characters' classes spell the same text, their [`Bundle`].

mod build;
mod lgr;
mod rfc3743;
#[cfg(test)]
mod tests;

pub use build::{Builder, Fault, Form, TABLE_OCTETS_MAX};

use super::error::{LabelError, Unfit};
use super::{Label, phrases};
use std::fmt;

/// A table of the characters of labels.
pub struct Table {
    /// By character.
    entries: Box<[Entry]>,
    digest: [u8; 32],
}

/// One character of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    character: char,
    /// The least member of its class.
    least: char,
    /// Members of its class that may stand in a label.
    class_size: u32,
    /// What may take its place in a simplified form, the best first; never empty.
    simplified: Box<[char]>,
    /// The same for a traditional form.
    traditional: Box<[char]>,
}

/// What all labels of one package have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle(Box<str>);

/// A form of a label in which it can be published beside itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// As people read it.
    pub text: Box<str>,
    /// The label; none if it would be too long for one.
    pub label: Option<Label>,
    /// Whether the table and the phrases leave no doubt about it; else a person has to choose.
    pub settled: bool,
}

impl Table {
    /// Whether `character` may stand in a label.
    pub fn contains(&self, character: char) -> bool {
        self.entry(character).is_some()
    }

    /// How many characters it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// SHA-256 of all it says: what was made by another table has to be made anew.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Holds a label against the repertoire.
    ///
    /// # Errors
    /// [`LabelError::Character`] with the first one that is not in the table.
    pub fn check(&self, label: &Label) -> Result<(), LabelError> {
        let text = label.as_unicode();
        let outside = text.chars().enumerate().find(|(_, character)| !self.contains(*character));
        outside.map_or(Ok(()), |(index, character)| {
            let why = if character == '〇' { Unfit::Zero } else { Unfit::OutsideTable };
            Err(LabelError::Character { character, position: index + 1, why })
        })
    }

    /// What the label has in common with its package, and with no label outside it. Characters that are not in the table
    /// stand for themselves, so that this is defined for what was registered under another table.
    pub fn bundle(&self, label: &Label) -> Bundle {
        self.bundle_of_text(&label.as_unicode())
    }

    /// [`Table::bundle`] of a text that need not be a label.
    pub fn bundle_of_text(&self, text: &str) -> Bundle {
        let least = |character| self.entry(character).map_or(character, |entry| entry.least);
        Bundle(text.chars().map(least).collect::<String>().into())
    }

    /// How many labels the package has, this one included; [`u64::MAX`] stands for all larger numbers.
    pub fn package_size(&self, label: &Label) -> u64 {
        let sizes = label
            .as_unicode()
            .chars()
            .map(|c| self.entry(c).map_or(1, |entry| u64::from(entry.class_size)))
            .collect::<Vec<_>>();
        sizes.into_iter().fold(1, u64::saturating_mul)
    }

    /// The simplified form; none if it is the label itself.
    pub fn simplified(&self, label: &Label) -> Option<Variant> {
        let text = label.as_unicode();
        let simplified = self.first_preferred(&text, Form::Simplified);
        // The form is the table's; where it has several, the first is the usual one, and no context decides.
        form_of(label, &text, simplified, true)
    }

    /// The traditional form; none if it is the label itself.
    ///
    /// Which of several characters is meant depends on the phrase (面粉 is 麵粉, 面积 is 面積). So the conversion by phrases
    /// is taken if the table knows each of its characters as a preferred one. Else the first preferred one takes the place
    /// of each that it does not know, and unless there is no choice at all, that is only a proposal.
    pub fn traditional(&self, label: &Label) -> Option<Variant> {
        let text = label.as_unicode();
        let converted = phrases::to_traditional(&text);
        if self.is_preferred(&text, &converted, Form::Traditional) {
            return form_of(label, &text, converted, true);
        }
        let same_length = text.chars().count() == converted.chars().count();
        let phrase = if same_length { converted } else { String::new() };
        let mut phrase = phrase.chars();
        let proposed = text.chars().map(|c| {
            let (by_phrase, preferred) = (phrase.next(), self.preferred(c, Form::Traditional).unwrap_or_default());
            by_phrase.filter(|to| preferred.contains(to)).or(preferred.first().copied()).unwrap_or(c)
        });
        form_of(label, &text, proposed.collect(), self.choices(label, Form::Traditional) == 1)
    }

    /// Whether `variant` is made of `label` by putting a preferred character in the place of each: the forms that a
    /// reviewer may pick from.
    pub fn permits(&self, label: &Label, variant: &Label, form: Form) -> bool {
        self.is_preferred(&label.as_unicode(), &variant.as_unicode(), form)
    }

    /// Forms that [`Table::permits`], the likeliest first, at most `most` of them; the label itself is none. A package is
    /// never listed: what lies behind so many is not looked at.
    pub fn forms(&self, label: &Label, form: Form, most: usize) -> Vec<Label> {
        let text = label.as_unicode();
        let own: Vec<char> = text.chars().collect();
        let choices = own.iter().map(|c| self.preferred(*c, form).unwrap_or(std::slice::from_ref(c)));
        let choices: Vec<&[char]> = choices.rev().collect();
        let spelled = |number: usize| {
            let mut rest = number;
            let mut characters: Vec<char> = choices
                .iter()
                .map(|all| {
                    let picked = all[rest % all.len()];
                    rest /= all.len();
                    picked
                })
                .collect();
            characters.reverse();
            Label::encode(&characters.into_iter().collect::<String>()).ok()
        };
        let best = match form {
            Form::Simplified => self.simplified(label),
            Form::Traditional => self.traditional(label),
        };
        let count = usize::try_from(self.choices(label, form)).unwrap_or(usize::MAX).min(most.saturating_mul(4));
        let mut forms: Vec<Label> = Vec::new();
        for found in best.and_then(|best| best.label).into_iter().chain((0..count).filter_map(spelled)) {
            if forms.len() < most && found != *label && !forms.contains(&found) {
                forms.push(found);
            }
        }
        forms
    }

    /// The number of forms that [`Table::permits`], saturating.
    pub fn choices(&self, label: &Label, form: Form) -> u64 {
        let text = label.as_unicode();
        let counts = text.chars().map(|c| self.preferred(c, form).map_or(1, |all| all.len() as u64));
        counts.fold(1, u64::saturating_mul)
    }

    fn is_preferred(&self, text: &str, other: &str, form: Form) -> bool {
        let fits = |(from, to): (char, char)| match self.preferred(from, form) {
            Some(preferred) => preferred.contains(&to),
            None => from == to,
        };
        text.chars().count() == other.chars().count() && text.chars().zip(other.chars()).all(fits)
    }

    fn first_preferred(&self, text: &str, form: Form) -> String {
        text.chars().map(|c| self.preferred(c, form).map_or(c, |preferred| preferred[0])).collect()
    }

    fn preferred(&self, character: char, form: Form) -> Option<&[char]> {
        self.entry(character).map(|entry| match form {
            Form::Simplified => &*entry.simplified,
            Form::Traditional => &*entry.traditional,
        })
    }

    fn entry(&self, character: char) -> Option<&Entry> {
        let found = self.entries.binary_search_by_key(&character, |entry| entry.character);
        found.ok().map(|index| &self.entries[index])
    }
}

fn form_of(label: &Label, own: &str, text: String, settled: bool) -> Option<Variant> {
    (text != own).then(|| {
        let label = Label::encode(&text).ok().filter(|form| form != label);
        Variant { text: text.into(), label, settled }
    })
}

impl Bundle {
    /// The bundle of a label where there is no table: the label and nothing else.
    pub fn of_itself(label: &Label) -> Self {
        Self(label.as_ascii().into())
    }

    /// Its text: no label, but a key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Table {}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} characters)", self.len())
    }
}
