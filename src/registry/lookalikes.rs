//! Characters that look alike without being variants (未 and 末): a reviewer is warned of them, nobody is refused.

use crate::idn::table::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// Groups that are told apart by one stroke or its length; a file adds to them.
const GROUPS: &[&str] = &[
    "未末",
    "土士",
    "日曰",
    "己已巳",
    "戊戌戍",
    "人入",
    "天夭",
    "干千于",
    "兔免",
    "侯候",
    "晴睛",
    "搏博",
    "壁璧",
    "祟崇",
    "冶治",
    "茶荼",
    "折拆",
    "洒酒",
    "享亨",
    "奕弈",
    "赢嬴",
    "汨汩",
    "母毋",
    "胄冑",
    "刺剌",
    "幻幼",
    "券卷",
    "杨扬",
    "柳栁",
    "大太犬",
    "王玉主",
    "田由甲申",
];
/// The field of Unihan that names look-alikes (UAX #38).
const FIELD: &str = "kSpoofingVariant";
/// Most faults that are told of one file.
const FAULTS_MAX: usize = 20;

/// Which characters look like which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookAlikes(BTreeMap<char, BTreeSet<char>>);

impl Default for LookAlikes {
    fn default() -> Self {
        let mut all = Self(BTreeMap::new());
        for group in GROUPS {
            for (one, other) in group.chars().flat_map(|one| group.chars().map(move |other| (one, other))) {
                all.add(one, other);
            }
        }
        all
    }
}

impl LookAlikes {
    /// Adds those of a file in the form of Unihan: `U+672A`, a tab, `kSpoofingVariant`, a tab, `U+672B`; lines of other
    /// fields are passed over.
    ///
    /// # Errors
    /// What is wrong, by line.
    pub fn add_unihan(&mut self, text: &str) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        for (index, line) in
            text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
        {
            let mut fields = line.split('\t').map(str::trim);
            let (Some(from), Some(field), Some(values)) = (fields.next(), fields.next(), fields.next()) else {
                faults.push(fault(
                    index,
                    "not a code point, a field and its value, separated by tabs",
                    "应为以制表符分隔的码位、字段名和值",
                ));
                continue;
            };
            if field != FIELD {
                continue;
            }
            // A value may name its source after `<`.
            let values =
                values.split_ascii_whitespace().map(|value| code_point(value.split('<').next().unwrap_or_default()));
            let all: Option<Vec<char>> = values.collect();
            match (code_point(from), all) {
                (Some(from), Some(all)) => all.into_iter().for_each(|to| {
                    self.add(from, to);
                    self.add(to, from);
                }),
                _ => faults.push(fault(index, "a code point is written as U+672A", "码位应写作 U+672A")),
            }
        }
        faults.truncate(FAULTS_MAX);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// What `character` can be taken for.
    pub fn of(&self, character: char) -> impl Iterator<Item = char> {
        self.0.get(&character).into_iter().flatten().copied()
    }

    fn add(&mut self, from: char, to: char) {
        if from != to {
            self.0.entry(from).or_default().insert(to);
        }
    }
}

fn code_point(text: &str) -> Option<char> {
    let digits = text.strip_prefix("U+").filter(|digits| digits.bytes().all(|octet| octet.is_ascii_hexdigit()))?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

fn fault(index: usize, en: &str, zh: &str) -> Fault {
    Fault { line: index + 1, en: en.into(), zh: zh.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_adds_in_both_directions() {
        let mut all = LookAlikes::default();
        assert_eq!(all.of('未').collect::<String>(), "末");
        assert_eq!(all.of('已').collect::<String>(), "己巳");
        assert_eq!(all.of('财').count(), 0);
        let text = "# Unihan\nU+8D22\tkSpoofingVariant\tU+8D21<kSource U+8D25\nU+8D22\tkSimplifiedVariant\tnothing\n";
        all.add_unihan(text).unwrap();
        assert_eq!(all.of('财').collect::<String>(), "贡败");
        assert_eq!(all.of('败').collect::<String>(), "财");
    }

    #[test]
    fn faults_are_told_by_line() {
        for bad in [
            "U+672A",
            "U+672A\tkSpoofingVariant\t末",
            "672A\tkSpoofingVariant\tU+672B",
            "U+672A\tkSpoofingVariant\tU+D800",
        ] {
            let faults = LookAlikes::default().add_unihan(&format!("\n{bad}\n")).unwrap_err();
            assert_eq!(faults[0].line, 2, "{bad}");
        }
    }
}
