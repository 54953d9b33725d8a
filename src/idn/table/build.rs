//! Building a table: rows as the files have them in, classes and preferred characters out.

use super::{Entry, Table, lgr, rfc3743};
use crate::idn::phrases;
use idna::uts46::{AsciiDenyList, Hyphens, Uts46};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Longest file that is read, in octets; the largest published table of Chinese has 6 MiB.
pub const TABLE_OCTETS_MAX: u64 = 64 << 20;
/// Most faults that are told of one file: the first ones explain the rest.
const FAULTS_MAX: usize = 20;

/// What a preferred character makes of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// 简体, `zh-Hans`.
    Simplified,
    /// 繁體, `zh-Hant`.
    Traditional,
}

/// What is wrong with a file, or remarkable about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, from 1.
    pub line: usize,
    /// What, in English.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

/// A table in the making.
#[derive(Default)]
pub struct Builder {
    rows: BTreeMap<char, Row>,
}

/// What the files say of one character.
#[derive(Default)]
pub(super) struct Row {
    simplified: Vec<char>,
    traditional: Vec<char>,
    /// Every character it is related to, also those that may not stand in a label.
    variants: Vec<char>,
}

impl Builder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a table in the form of RFC 3743 §5; its preferred variants make `form`.
    ///
    /// # Errors
    /// What is wrong with it, by line.
    pub fn rfc3743(&mut self, text: &str, form: Form) -> Result<(), Vec<Fault>> {
        rfc3743::read(text, form, self)
    }

    /// Adds a label generation ruleset (RFC 7940). What of it is not evaluated is told.
    ///
    /// # Errors
    /// What is wrong with it, or would have to be evaluated and is not, by line.
    pub fn lgr(&mut self, text: &str) -> Result<Vec<Fault>, Vec<Fault>> {
        lgr::read(text, self)
    }

    /// The table.
    pub fn finish(self) -> Table {
        phrases::ready();
        let classes = Classes::of(&self.rows);
        let mut sizes: HashMap<char, u32> = HashMap::new();
        for character in self.rows.keys() {
            *sizes.entry(classes.least(*character)).or_default() += 1;
        }
        let own = |characters: &[char], character| -> Box<[char]> {
            // What may not stand in a label is no form of one.
            let kept: Box<[char]> = characters.iter().copied().filter(|c| self.rows.contains_key(c)).collect();
            if kept.is_empty() { Box::new([character]) } else { kept }
        };
        let entries = self.rows.iter().map(|(character, row)| {
            let least = classes.least(*character);
            Entry {
                character: *character,
                least,
                class_size: sizes[&least],
                simplified: own(&row.simplified, *character),
                traditional: own(&row.traditional, *character),
            }
        });
        let entries: Box<[Entry]> = entries.collect();
        let digest = digest(&entries);
        Table { entries, digest }
    }

    /// Adds a character without anything to say about it; whether it was not there.
    pub(super) fn add(&mut self, character: char) -> bool {
        let before = self.rows.len();
        self.rows.entry(character).or_default();
        self.rows.len() > before
    }

    /// Relates a character to a variant.
    pub(super) fn relate(&mut self, character: char, variant: char) {
        self.rows.entry(character).or_default().variants.push(variant);
    }

    /// Adds a preferred character, and relates it.
    pub(super) fn prefer(&mut self, character: char, form: Form, preferred: char) {
        let row = self.rows.entry(character).or_default();
        row.variants.push(preferred);
        let list = match form {
            Form::Simplified => &mut row.simplified,
            Form::Traditional => &mut row.traditional,
        };
        if !list.contains(&preferred) {
            list.push(preferred);
        }
    }
}

/// The closure of all relations, as a forest whose roots are least members.
struct Classes(HashMap<char, char>);

impl Classes {
    fn of(rows: &BTreeMap<char, Row>) -> Self {
        let mut classes = Self(HashMap::new());
        for (character, row) in rows {
            for variant in &row.variants {
                let (a, b) = (classes.least(*character), classes.least(*variant));
                classes.0.insert(a.max(b), a.min(b));
            }
        }
        classes
    }

    fn least(&self, character: char) -> char {
        let mut at = character;
        // Classes are small and every step goes down, so that this ends soon.
        while let Some(lower) = self.0.get(&at).filter(|lower| **lower != at) {
            at = *lower;
        }
        at
    }
}

fn digest(entries: &[Entry]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut put = |c: char| hash.update((c as u32).to_be_bytes());
    for entry in entries {
        put(entry.character);
        put(entry.least);
        for list in [&entry.simplified, &entry.traditional] {
            list.iter().copied().for_each(&mut put);
            put('\0');
        }
    }
    hash.finalize().into()
}

/// Faults as they are found, no more than are worth reading.
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, line: usize, en: impl Into<String>, zh: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault { line, en: en.into(), zh: zh.into() });
        }
    }

    pub(super) fn into_result(self) -> Result<(), Vec<Fault>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }

    pub(super) fn into_all(self) -> Vec<Fault> {
        self.0
    }
}

/// The character of a code point in hexadecimal, with or without `U+`, if it may stand in a table of Chinese labels.
///
/// # Errors
/// Why not, in English and in Chinese.
pub(super) fn code_point(text: &str) -> Result<char, (String, String)> {
    let digits = text.strip_prefix("U+").or_else(|| text.strip_prefix("u+")).unwrap_or(text);
    let hexadecimal = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let number = hexadecimal.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
    number.and_then(char::from_u32).ok_or_else(|| {
        let shown: String = text.chars().take(20).collect();
        (format!("`{shown}` is no code point; write it as U+4E00"), format!("“{shown}”不是码位，应写作 U+4E00"))
    })
}

/// Whether a character may stand in labels at all: Chinese ones, letters, digits and the hyphen, in the form that the
/// mapping of input leaves as it is.
pub(super) fn is_for_labels(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, 'a'..='z' | '0'..='9' | '-');
    }
    let han = matches!(
        character,
        '〇' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{FA0E}'..='\u{FA29}' | '\u{20000}'..='\u{3FFFF}'
    );
    let mut octets = [0; 4];
    let text: &str = character.encode_utf8(&mut octets);
    let (mapped, valid) = Uts46::new().to_unicode(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
    han && valid.is_ok() && mapped == text
}

/// The texts of a character that [`is_for_labels`] refuses.
pub(super) fn unfit(character: char) -> (String, String) {
    let shown = format!("U+{:04X}", character as u32);
    (
        format!("{shown} cannot stand in a Chinese label: neither an ideograph, a–z, 0–9 nor a hyphen; take it out"),
        format!("{shown} 不能用于中文标签（须为汉字、a–z、0–9 或连字符），请删去"),
    )
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {} / 第 {} 行：{}", self.line, self.en, self.line, self.zh)
    }
}
