//! Label generation rulesets in XML (RFC 7940).
//!
//! Taken: `char` and `range`, and the variants (`var`) of a `char` by their types, those of the reference rulesets for
//! Chinese: `simp`, `trad`, `both` and, of a character itself, `r-simp`, `r-trad`, `r-both` say which form it belongs to;
//! `blocked`, `r-neither`, `out-of-repertoire-var` and no type only relate.
//!
//! Whole-label rules (`rules`) are not evaluated, which is told: what this registry does with a label is decided by its
//! own rules (forms are active, all else is reserved). A condition on a character (`when`, `not-when`) restricts labels, so
//! it is refused, but for the hyphen, whose place our own rule restricts more than any published one. Sequences of
//! characters are refused.

use super::build::{Builder, Fault, Faults, Form, code_point, is_for_labels, unfit};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deepest nesting of elements; whole-label rules have up to ten.
const DEPTH_MAX: usize = 64;

/// Reads a ruleset into `builder`; what is not evaluated.
pub(super) fn read(text: &str, builder: &mut Builder) -> Result<Vec<Fault>, Vec<Fault>> {
    let mut walk = Walk {
        lines: Lines { text: text.as_bytes(), at: 0, line: 1 },
        builder,
        path: Vec::new(),
        current: None,
        characters: 0,
        faults: Faults::new(),
        warnings: Faults::new(),
    };
    walk.run(text);
    if walk.characters == 0 {
        walk.faults.add(
            1,
            "there is no `char` or `range`; is it a ruleset of RFC 7940?",
            "没有 char 或 range 元素，请确认是否为 RFC 7940 文件",
        );
    }
    walk.faults.into_result()?;
    Ok(walk.warnings.into_all())
}

struct Walk<'a> {
    lines: Lines<'a>,
    builder: &'a mut Builder,
    /// The local names of the open elements.
    path: Vec<Box<str>>,
    /// The character whose variants come.
    current: Option<char>,
    characters: usize,
    faults: Faults,
    warnings: Faults,
}

impl Walk<'_> {
    fn run(&mut self, text: &str) {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        loop {
            let line = self.lines.of(usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX));
            match reader.read_event() {
                Ok(Event::Start(element)) => {
                    self.element(line, &element);
                    self.path.push(element.local_name().as_ref().into());
                    if self.path.len() > DEPTH_MAX {
                        return self.faults.add(line, "elements are nested too deep", "元素嵌套过深");
                    }
                }
                Ok(Event::Empty(element)) => {
                    self.element(line, &element);
                    self.leave(element.local_name().as_ref());
                }
                Ok(Event::End(element)) => {
                    self.path.pop();
                    self.leave(element.local_name().as_ref());
                }
                // A document type could define entities; none of them is needed, and some do harm.
                Ok(Event::DocType(_)) => {
                    return self.faults.add(
                        line,
                        "a document type is not taken; remove <!DOCTYPE …>",
                        "不接受文档类型声明，请去掉 <!DOCTYPE …>",
                    );
                }
                Ok(Event::Eof) if self.path.is_empty() => return,
                Ok(Event::Eof) => {
                    return self.faults.add(line, "the file ends inside an element", "文件在元素中间结束");
                }
                Ok(_) => {}
                Err(error) => {
                    return self.faults.add(line, format!("not XML: {error}"), format!("不是合法的 XML：{error}"));
                }
            }
        }
    }

    fn leave(&mut self, name: &str) {
        if name == "char" {
            self.current = None;
        }
    }

    fn element(&mut self, line: usize, element: &BytesStart<'_>) {
        let name = element.local_name();
        let name = name.as_ref();
        let parents: Vec<&str> = self.path.iter().map(|name| &**name).collect();
        match (&parents[..], name) {
            ([], "lgr") | (["lgr"], "meta" | "data") | (["lgr", "meta", ..], _) => {}
            ([], _) => self.faults.add(line, "the root element is not `lgr`", "根元素不是 lgr"),
            (["lgr", "data"], "char") => self.character(line, element),
            (["lgr", "data"], "range") => self.range(line, element),
            (["lgr", "data", "char"], "var") => self.variant(line, element),
            (["lgr"], "rules") => self.warnings.add(
                line,
                "whole-label rules and actions are not evaluated: the registry's own rules decide",
                "不执行整签规则（rules），以本注册局的规则为准",
            ),
            (["lgr", "rules", ..], _) => {}
            _ => {
                let shown = name.to_owned();
                self.faults.add(
                    line,
                    format!("the element `{shown}` is not known here"),
                    format!("此处不应出现元素 {shown}"),
                );
            }
        }
    }

    fn character(&mut self, line: usize, element: &BytesStart<'_>) {
        self.current = None;
        let Some(character) = self.code_point(line, element, "cp") else { return };
        if !self.is_unconditional(line, element, character) {
            return;
        }
        if self.add(line, character) {
            self.current = Some(character);
        }
    }

    fn range(&mut self, line: usize, element: &BytesStart<'_>) {
        let (first, last) = (self.code_point(line, element, "first-cp"), self.code_point(line, element, "last-cp"));
        let (Some(first), Some(last)) = (first, last) else { return };
        if first > last {
            return self.faults.add(line, "the range ends before it begins", "range 的终点在起点之前");
        }
        if self.is_unconditional(line, element, first) {
            for character in first..=last {
                if !self.add(line, character) {
                    return;
                }
            }
        }
    }

    fn variant(&mut self, line: usize, element: &BytesStart<'_>) {
        // Of a character that was refused, which has been told.
        let Some(character) = self.current else { return };
        let Some(variant) = self.code_point(line, element, "cp") else { return };
        if !self.is_unconditional(line, element, variant) {
            return;
        }
        let kind = self.attribute(line, element, "type").unwrap_or_default();
        let reflexive = variant == character;
        let forms: &[Form] = match (&*kind, reflexive) {
            ("simp", false) | ("r-simp", true) => &[Form::Simplified],
            ("trad", false) | ("r-trad", true) => &[Form::Traditional],
            ("both", false) | ("r-both", true) => &[Form::Simplified, Form::Traditional],
            ("" | "blocked", _) | ("r-neither", true) | ("out-of-repertoire-var", _) => &[],
            _ => {
                let shown: String = kind.chars().take(40).collect();
                return self.faults.add(
                    line,
                    format!("a variant of type `{shown}` is not known; simp, trad, both and blocked are (r-… of the character itself)"),
                    format!("未知的变体类型 {shown}，可用 simp、trad、both、blocked（对字符自身加 r- 前缀）"),
                );
            }
        };
        self.builder.relate(character, variant);
        for form in forms {
            self.builder.prefer(character, *form, variant);
        }
    }

    /// Adds a character to the repertoire; whether it could be.
    fn add(&mut self, line: usize, character: char) -> bool {
        self.characters += 1;
        if !is_for_labels(character) {
            let (en, zh) = unfit(character);
            self.faults.add(line, en, zh);
            return false;
        }
        let added = self.builder.add(character);
        if !added {
            let shown = format!("U+{:04X}", character as u32);
            self.faults.add(
                line,
                format!("{shown} is in the repertoire already; keep one"),
                format!("{shown} 重复，只能保留一处"),
            );
        }
        added
    }

    /// Whether the element has no condition that would have to be evaluated.
    fn is_unconditional(&mut self, line: usize, element: &BytesStart<'_>, character: char) -> bool {
        let conditions = ["when", "not-when"].map(|name| self.attribute(line, element, name).is_some());
        if character == '-' || !conditions.contains(&true) {
            return true;
        }
        self.faults.add(
            line,
            "a condition (`when`, `not-when`) is not evaluated, and leaving it out would let labels pass; remove the character",
            "不支持条件（when、not-when），忽略它会放行不该通过的标签，请删去该字符",
        );
        false
    }

    /// The one character of an attribute.
    fn code_point(&mut self, line: usize, element: &BytesStart<'_>, name: &str) -> Option<char> {
        let Some(text) = self.attribute(line, element, name) else {
            self.faults.add(line, format!("`{name}` is missing"), format!("缺少属性 {name}"));
            return None;
        };
        if text.split_ascii_whitespace().count() != 1 {
            self.faults.add(
                line,
                format!("`{name}` is not one code point; sequences are not taken"),
                format!("属性 {name} 不是单个码位，不支持字符序列"),
            );
            return None;
        }
        match code_point(text.trim()) {
            Ok(character) => Some(character),
            Err((en, zh)) => {
                self.faults.add(line, en, zh);
                None
            }
        }
    }

    fn attribute(&mut self, line: usize, element: &BytesStart<'_>, name: &str) -> Option<String> {
        match element.try_get_attribute(name) {
            Ok(attribute) => {
                let value = attribute?.value;
                Some(value.into_owned())
            }
            Err(error) => {
                self.faults.add(line, format!("not XML: {error}"), format!("不是合法的 XML：{error}"));
                None
            }
        }
    }
}

/// Line numbers of places that only go forward.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the first mark-up at or after `offset`.
    fn of(&mut self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        let blank = self.text[offset..].iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        let to = (offset + blank).max(self.at);
        self.line += self.text[self.at..to].iter().filter(|octet| **octet == b'\n').count();
        self.at = to;
        self.line
    }
}
