//! Administrative divisions: names that only a government may have, and names that do not say which place is meant.

use super::unit::{Region, Unit, UnitKind};
use crate::idn::table::Fault;
use std::collections::{BTreeSet, HashMap};

/// Shortest name of a division that a label is searched for, in characters: entries such as 县 only group others.
const NAME_CHARS_MIN: usize = 2;
/// Fields of a line: level, code, parent's code, name.
const FIELDS: usize = 4;
/// Levels whose names are reserved without their last character too (北京市, 北京).
const SHORT_LEVELS: std::ops::RangeInclusive<u8> = 1..=2;
/// Most faults that are told of one file.
const FAULTS_MAX: usize = 20;

/// The divisions that are configured; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Divisions {
    all: Vec<Division>,
    /// By name, as it is compared.
    by_name: HashMap<Box<str>, Vec<usize>>,
    /// Provinces and cities by their short names.
    by_short: HashMap<Box<str>, Vec<usize>>,
    /// Characters of the longest name.
    longest: usize,
}

/// One division.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Division {
    code: Box<str>,
    name: Box<str>,
    parent: Option<usize>,
}

/// What a label says of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// Nothing that matters.
    Clear,
    /// It begins with a name that several divisions have.
    Ambiguous {
        /// The name.
        name: &'a str,
        /// The divisions that they belong to, by name.
        parents: Vec<&'a str>,
        /// The one of them that the unit's region is in.
        own: Option<&'a str>,
    },
    /// It is a division's name and nothing more.
    Bare {
        /// The name.
        name: &'a str,
        /// Whether the unit is the government of a division of this name.
        own: bool,
    },
}

impl Divisions {
    /// The divisions of `text`: lines of level, code, parent's code and name, separated by tabs; `#` begins a comment. Their
    /// names are compared in the form that `spelling` gives them.
    ///
    /// # Errors
    /// What is wrong, by line.
    pub fn parse(text: &str, spelling: &dyn Fn(&str) -> Box<str>) -> Result<Self, Vec<Fault>> {
        let (mut divisions, mut faults) = (Self::default(), Vec::new());
        let (mut by_code, mut parents) = (HashMap::new(), Vec::new());
        for (index, line) in
            text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
        {
            match fields(line) {
                Some((level, code, parent, name)) => {
                    if by_code.insert(code, divisions.all.len()).is_some() {
                        faults.push(fault(index, "this code has a line already", "该代码重复"));
                    }
                    parents.push((index, parent));
                    divisions.add(level, code, name, spelling);
                }
                None => faults.push(fault(
                    index,
                    "not level, code, parent and name, separated by tabs",
                    "应为以制表符分隔的级别、代码、上级代码和名称",
                )),
            }
        }
        for (division, (index, parent)) in
            divisions.all.iter_mut().zip(parents).filter(|(_, (_, parent))| !parent.is_empty())
        {
            division.parent = by_code.get(parent).copied();
            if division.parent.is_none() {
                faults.push(fault(index, "there is no line of its parent's code", "没有其上级代码对应的行"));
            }
        }
        faults.truncate(FAULTS_MAX);
        if faults.is_empty() { Ok(divisions) } else { Err(faults) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What the label that is spelled `label` says of places, for `unit`.
    pub fn place(&self, label: &str, spelling: &dyn Fn(&str) -> Box<str>, unit: Option<&Unit>) -> Place<'_> {
        let text: Vec<char> = label.chars().collect();
        let Some((mut at, mut found)) = self.longest_name(&text) else { return self.short(label, spelling, unit) };
        if let Some(ambiguous) = self.ambiguous(&found, unit) {
            return ambiguous;
        }
        // After a division, its own parts: 南京市鼓楼区 means the one in 南京市.
        while let Some((length, inside)) = self.longest_name(&text[at..]) {
            let inside: Vec<usize> = inside.into_iter().filter(|inner| self.is_in(*inner, &found)).collect();
            if inside.is_empty() {
                break;
            }
            if let Some(ambiguous) = self.ambiguous(&inside, unit) {
                return ambiguous;
            }
            (at, found) = (at + length, inside);
        }
        if at == text.len() { self.bare(&found, spelling, unit) } else { Place::Clear }
    }

    fn add(&mut self, level: u8, code: &str, name: &str, spelling: &dyn Fn(&str) -> Box<str>) {
        let index = self.all.len();
        self.all.push(Division { code: code.into(), name: name.into(), parent: None });
        let length = name.chars().count();
        if length < NAME_CHARS_MIN {
            return;
        }
        self.longest = self.longest.max(length);
        self.by_name.entry(spelling(name)).or_default().push(index);
        if let Some(short) = name.strip_suffix(['省', '市']).filter(|short| short.chars().count() >= NAME_CHARS_MIN)
            && SHORT_LEVELS.contains(&level)
        {
            self.by_short.entry(spelling(short)).or_default().push(index);
        }
    }

    /// The longest name that `text` begins with, in characters, and its divisions.
    fn longest_name(&self, text: &[char]) -> Option<(usize, Vec<usize>)> {
        (NAME_CHARS_MIN..=self.longest.min(text.len())).rev().find_map(|length| {
            let name: String = text[..length].iter().collect();
            self.by_name.get(name.as_str()).map(|found| (length, found.clone()))
        })
    }

    fn short(&self, label: &str, spelling: &dyn Fn(&str) -> Box<str>, unit: Option<&Unit>) -> Place<'_> {
        self.by_short.get(label).map_or(Place::Clear, |found| self.bare(found, spelling, unit))
    }

    fn bare(&self, found: &[usize], spelling: &dyn Fn(&str) -> Box<str>, unit: Option<&Unit>) -> Place<'_> {
        let own = |unit: &Unit| found.iter().any(|index| self.all[*index].is_governed_by(unit, spelling));
        Place::Bare { name: &self.all[found[0]].name, own: unit.is_some_and(own) }
    }

    fn ambiguous(&self, found: &[usize], unit: Option<&Unit>) -> Option<Place<'_>> {
        let parents: BTreeSet<Option<usize>> = found.iter().map(|index| self.all[*index].parent).collect();
        if parents.len() < 2 {
            return None;
        }
        let parent_of = |index: &usize| self.all[*index].parent.map(|parent| &*self.all[parent].name);
        let own = unit.and_then(|unit| {
            let mut near = found.iter().filter(|index| touches(&self.all[**index].code, &unit.region));
            near.next().filter(|_| near.next().is_none()).and_then(parent_of)
        });
        let parents = parents.into_iter().flatten().map(|parent| &*self.all[parent].name).collect();
        Some(Place::Ambiguous { name: &self.all[found[0]].name, parents, own })
    }

    fn is_in(&self, inner: usize, outer: &[usize]) -> bool {
        // As many steps as there are levels; a file that goes in circles ends too.
        std::iter::successors(self.all[inner].parent, |at| self.all[*at].parent)
            .take(usize::from(u8::MAX))
            .any(|above| outer.contains(&above))
    }
}

impl Division {
    /// Whether the unit is this division's government: by its kind, its region and its full name.
    fn is_governed_by(&self, unit: &Unit, spelling: &dyn Fn(&str) -> Box<str>) -> bool {
        let names = ["人民政府", "政府"].map(|office| spelling(&format!("{}{office}", self.name)));
        let unit_name = spelling(&unit.name);
        unit.kind == UnitKind::Organ
            && digits(&self.code) == digits(unit.region.as_str())
            && names.iter().any(|name| unit_name.ends_with(&**name))
    }
}

/// Whether a division and a region are one, or one lies in the other.
fn touches(code: &str, region: &Region) -> bool {
    let (code, region) = (digits(code), digits(region.as_str()));
    code.starts_with(region) || region.starts_with(code)
}

/// A code without the zeros that fill it up to six, nine or twelve digits.
fn digits(code: &str) -> &str {
    code.trim_end_matches('0')
}

fn fields(line: &str) -> Option<(u8, &str, &str, &str)> {
    let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
    let [level, code, parent, name] = fields[..].first_chunk::<FIELDS>().filter(|_| fields.len() == FIELDS)?;
    let is_code = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    let good = is_code(code) && (parent.is_empty() || is_code(parent)) && !name.is_empty();
    good.then_some((level.parse().ok()?, *code, *parent, *name))
}

fn fault(index: usize, en: &str, zh: &str) -> Fault {
    Fault { line: index + 1, en: en.into(), zh: zh.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Holds, UnitId};

    const TEXT: &str = "# level\tcode\tparent\tname\n1\t110000\t\t北京市\n1\t320000\t\t江苏省\n2\t320100\t320000\t南京市\n\
                        2\t320300\t320000\t徐州市\n3\t320106\t320100\t鼓楼区\n3\t320302\t320300\t鼓楼区\n\
                        4\t320106001\t320106\t中央门街道\n";

    fn plain(text: &str) -> Box<str> {
        text.into()
    }

    fn unit(name: &str, region: &str) -> Unit {
        Unit {
            id: UnitId::parse("u").unwrap(),
            name: name.into(),
            kind: UnitKind::Organ,
            region: Region::parse(region).unwrap(),
            admin_function_proof: None,
            account: None,
            holds: Holds::default(),
            penalties: crate::registry::Penalties::default(),
            site_review: None,
            version: 1,
        }
    }

    #[test]
    fn labels_say_which_place_they_mean() {
        let divisions = Divisions::parse(TEXT, &plain).unwrap();
        let nanjing = unit("南京市鼓楼区人民政府", "320106");
        let place = |label: &str, unit: Option<&Unit>| format!("{:?}", divisions.place(label, &plain, unit));
        let ambiguous = r#"Ambiguous { name: "鼓楼区", parents: ["南京市", "徐州市"], own: "#;
        for (label, unit, expected) in [
            ("财政局", None, "Clear".to_owned()),
            ("南京市鼓楼区人民政府", None, "Clear".into()),
            ("北京大学", None, "Clear".into()),
            ("鼓楼区人民政府", None, format!("{ambiguous}None }}")),
            ("鼓楼区人民政府", Some(&nanjing), format!(r#"{ambiguous}Some("南京市") }}"#)),
            ("江苏省鼓楼区人民政府", None, format!("{ambiguous}None }}")),
            ("鼓楼区", Some(&nanjing), format!(r#"{ambiguous}Some("南京市") }}"#)),
            ("南京市鼓楼区", Some(&nanjing), r#"Bare { name: "鼓楼区", own: true }"#.into()),
            ("南京市鼓楼区", None, r#"Bare { name: "鼓楼区", own: false }"#.into()),
            ("徐州市鼓楼区", Some(&nanjing), r#"Bare { name: "鼓楼区", own: false }"#.into()),
            ("北京市", Some(&nanjing), r#"Bare { name: "北京市", own: false }"#.into()),
            ("北京市", Some(&unit("北京市人民政府", "11")), r#"Bare { name: "北京市", own: true }"#.into()),
            ("北京", Some(&unit("北京市人民政府", "110000")), r#"Bare { name: "北京市", own: true }"#.into()),
            ("北京市", Some(&unit("北京市教育局", "110000")), r#"Bare { name: "北京市", own: false }"#.into()),
            ("中央门街道", None, r#"Bare { name: "中央门街道", own: false }"#.into()),
        ] {
            assert_eq!(place(label, unit), expected, "{label}");
        }
    }

    #[test]
    fn faults_are_told_by_line() {
        for (text, line) in [
            ("1\t110000\t北京市", 1),
            ("# x\n1\t11000x\t\t北京市", 2),
            ("1\t110000\t\t北京市\n2\t110100\t12\t东城区", 2),
            ("1\t110000\t\t北京市\n1\t110000\t\t天津市", 2),
            ("x\t110000\t\t北京市", 1),
            ("1\t110000\t\t", 1),
        ] {
            let faults = Divisions::parse(text, &plain).unwrap_err();
            assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [line], "{text}");
        }
    }
}
