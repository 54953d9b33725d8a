//! Reading typed values out of a TOML document, with every fault's line and, for an unknown key, the nearest known one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Most dissimilar key that is still offered as what was meant (0: nothing in common, 1: equal).
const SIMILARITY_MIN: f64 = 0.6;

/// One thing that is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file, from 1; absent if the fault is not at one place.
    pub line: Option<usize>,
    /// What is wrong and what to do, in English.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{} / {}", self.en, self.zh)
    }
}

/// Where faults are gathered, so that one run shows all of them.
pub(super) struct Faults<'t> {
    text: &'t str,
    found: RefCell<Vec<Fault>>,
    wrong: RefCell<Wrong>,
}

/// The full names of options, entries and sections that something is wrong with.
#[derive(Clone, Default)]
pub(super) struct Wrong(BTreeSet<String>);

impl Wrong {
    /// Whether `option`, what it stands in or what stands in it is wrong.
    pub(super) fn touches(&self, option: &str) -> bool {
        self.0.iter().any(|wrong| is_within(wrong, option) || is_within(option, wrong))
    }

    /// Whether nothing of `option` was read: it is wrong as a whole, or what it stands in is.
    pub(super) fn loses(&self, option: &str) -> bool {
        self.0.iter().any(|wrong| is_within(option, wrong))
    }
}

/// Whether `inner` is `outer` or stands in it.
fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl<'t> Faults<'t> {
    /// None yet, in `text`.
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: RefCell::default(), wrong: RefCell::default() }
    }

    /// Notes a fault at octets `at` of the text.
    pub(super) fn add(&self, at: Option<Range<usize>>, en: impl Into<String>, zh: impl Into<String>) {
        let line = at.map(|at| self.text[..at.start.min(self.text.len())].matches('\n').count() + 1);
        let fault = Fault { line, en: en.into(), zh: zh.into() };
        // Two rules may find the same; it is said once.
        if !self.found.borrow().contains(&fault) {
            self.found.borrow_mut().push(fault);
        }
    }

    /// Notes a fault of what has this full name.
    fn add_of(&self, name: &str, at: Option<Range<usize>>, en: String, zh: String) {
        self.mark(name);
        self.add(at, en, zh);
    }

    /// Notes that what has this full name is wrong, so that what is read of it is not what was written.
    pub(super) fn mark(&self, name: &str) {
        self.wrong.borrow_mut().0.insert(name.trim_end_matches('.').to_owned());
    }

    /// What is wrong so far.
    pub(super) fn wrong(&self) -> Wrong {
        self.wrong.borrow().clone()
    }

    /// All of them, by line.
    pub(super) fn into_sorted(self) -> Vec<Fault> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|fault| fault.line);
        found
    }
}

/// A value with its place, on the way to a type.
pub(super) struct Value<'a> {
    value: &'a Spanned<DeValue<'a>>,
    /// Its full name, as `server.listen[0]`.
    name: String,
    faults: &'a Faults<'a>,
}

/// A table whose keys are asked for one by one; what nobody asked for is unknown.
pub(super) struct Table<'a> {
    table: &'a DeTable<'a>,
    /// Its full name with a final dot; empty for the document.
    prefix: String,
    span: Range<usize>,
    known: RefCell<Vec<&'static str>>,
    faults: &'a Faults<'a>,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub(super) fn document(table: &'a Spanned<DeTable<'a>>, faults: &'a Faults<'a>) -> Self {
        let span = table.span();
        Self { table: table.get_ref(), prefix: String::new(), span, known: RefCell::default(), faults }
    }

    /// The value of `key`, if it is given.
    pub(super) fn get(&self, key: &'static str) -> Option<Value<'a>> {
        self.known.borrow_mut().push(key);
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Value { value, name: format!("{}{key}", self.prefix), faults: self.faults })
    }

    /// Whether `key` is given, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// The value of `key` as `read` takes it; `default` if it is absent or wrong (wrong ones are noted).
    pub(super) fn read<T>(&self, key: &'static str, default: T, read: impl Fn(&Value<'a>) -> Option<T>) -> T {
        self.get(key).and_then(|value| read(&value)).unwrap_or(default)
    }

    /// As [`Table::read`], for a key that must be there.
    pub(super) fn require<T>(&self, key: &'static str, read: impl Fn(&Value<'a>) -> Option<T>) -> Option<T> {
        let value = self.get(key);
        if value.is_none() {
            let name = format!("{}{key}", self.prefix);
            self.note_of(&name, format!("`{name}` is missing"), format!("缺少“{name}”"));
        }
        value.and_then(|value| read(&value))
    }

    /// The table `key`, read by `read`; `default` if it is absent.
    pub(super) fn section<T>(&self, key: &'static str, default: T, read: impl Fn(&Table<'a>, T) -> T) -> T {
        match self.get(key).and_then(|value| value.table()) {
            Some(table) => {
                let section = read(&table, default);
                table.finish();
                section
            }
            None => default,
        }
    }

    /// The tables `[[key]]`, each read by `read`; those that are wrong are noted and left out. Absent: `default`.
    pub(super) fn sections<T>(
        &self,
        key: &'static str,
        default: Vec<T>,
        read: impl Fn(&Table<'a>) -> Option<T>,
    ) -> Vec<T> {
        self.read(key, default, |value| {
            value.list(|item| {
                let table = item.table()?;
                let section = read(&table);
                table.finish();
                section
            })
        })
    }

    /// Notes a fault of the table as a whole.
    pub(super) fn note(&self, en: String, zh: String) {
        self.note_of(&self.prefix, en, zh);
    }

    /// Notes a fault of what has this full name, at the table's place.
    fn note_of(&self, name: &str, en: String, zh: String) {
        let at = (!self.prefix.is_empty()).then(|| self.span.clone());
        self.faults.add_of(name, at, en, zh);
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let full = format!("{}{name}", self.prefix);
            let (mut en, mut zh) = (format!("unknown key `{full}`"), format!("未知的键“{full}”"));
            match nearest(name, &known) {
                Some(near) => {
                    // What stands under a wrong name is not read.
                    if !self.has(near) {
                        self.faults.mark(&format!("{}{near}", self.prefix));
                    }
                    en.push_str(&format!("; did you mean `{near}`?"));
                    zh.push_str(&format!("，是否应为“{near}”？"));
                }
                None => {
                    en.push_str(&format!("; known here are {}", known.join(", ")));
                    zh.push_str(&format!("，此处可用的键：{}", known.join("、")));
                }
            }
            self.faults.add_of(&full, Some(key.span()), en, zh);
        }
    }
}

impl<'a> Value<'a> {
    /// Text.
    pub(super) fn text(&self) -> Option<String> {
        self.text_ref().map(str::to_owned)
    }

    fn text_ref(&self) -> Option<&'a str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            _ => self.wrong("text", "文本"),
        }
    }

    /// Text that `parse` understands; `en` and `zh` say what it should have been.
    pub(super) fn parsed<T>(&self, en: &str, zh: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text_ref()?;
        let parsed = parse(text);
        if parsed.is_none() {
            self.note(
                format!("`{}`: \"{text}\" is not {en}", self.name),
                format!("“{}”的值“{text}”不是{zh}", self.name),
            );
        }
        parsed
    }

    /// The same for what must not be shown: a secret, or what may be one by mistake.
    pub(super) fn parsed_secret<T>(&self, en: &str, zh: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let parsed = parse(self.text_ref()?);
        if parsed.is_none() {
            self.note(format!("`{}` is not {en}", self.name), format!("“{}”的值不是{zh}", self.name));
        }
        parsed
    }

    /// true or false.
    pub(super) fn truth(&self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            _ => self.wrong("true or false", "true 或 false"),
        }
    }

    /// An integer within `bounds`.
    pub(super) fn integer<T: TryFrom<i64>>(&self, bounds: RangeInclusive<i64>) -> Option<T> {
        let DeValue::Integer(integer) = self.value.get_ref() else {
            return self.wrong("an integer", "整数");
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| bounds.contains(number)).and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            let (from, to) = bounds.into_inner();
            self.note(
                format!("`{}`: {integer} is not between {from} and {to}", self.name),
                format!("“{}”的值 {integer} 不在 {from} 到 {to} 之间", self.name),
            );
        }
        number
    }

    /// An array, each item read by `read`; wrong items are noted and left out.
    pub(super) fn list<T>(&self, read: impl Fn(&Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let DeValue::Array(array) = self.value.get_ref() else {
            return self.wrong("an array", "数组");
        };
        let items = array.iter().enumerate().map(|(at, value)| {
            let name = format!("{}[{at}]", self.name);
            Value { value, name, faults: self.faults }
        });
        Some(items.filter_map(|item| read(&item)).collect())
    }

    /// The same of a list that means nothing without its wrong items.
    pub(super) fn whole_list<T>(&self, read: impl Fn(&Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let items = self.list(|item| Some(read(item)))?;
        items.into_iter().collect()
    }

    fn table(&self) -> Option<Table<'a>> {
        let DeValue::Table(table) = self.value.get_ref() else {
            return self.wrong("a table", "表");
        };
        let prefix = format!("{}.", self.name);
        let span = self.value.span();
        Some(Table { table, prefix, span, known: RefCell::default(), faults: self.faults })
    }

    /// Its full name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Notes a fault of this value.
    pub(super) fn note(&self, en: String, zh: String) {
        self.faults.add_of(&self.name, Some(self.value.span()), en, zh);
    }

    fn wrong<T>(&self, en: &str, zh: &str) -> Option<T> {
        let (found_en, found_zh) = match self.value.get_ref() {
            DeValue::String(_) => ("text", "文本"),
            DeValue::Integer(_) => ("an integer", "整数"),
            DeValue::Float(_) => ("a number with a fraction", "小数"),
            DeValue::Boolean(_) => ("true or false", "true 或 false"),
            DeValue::Datetime(_) => ("a date", "日期"),
            DeValue::Array(_) => ("an array", "数组"),
            DeValue::Table(_) => ("a table", "表"),
        };
        self.note(
            format!("`{}` should be {en}, but is {found_en}", self.name),
            format!("“{}”应为{zh}，实为{found_zh}", self.name),
        );
        None
    }
}

/// The known key that `name` was most likely meant to be.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let scored = known.iter().map(|key| (strsim::jaro_winkler(name, key), *key));
    let (similarity, key) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (similarity >= SIMILARITY_MIN).then_some(key)
}
