//! Tables in the form of RFC 3743 §5: `U+4E07(0);U+4E07(1);U+842C(1)`, that is a character, its preferred variants and
//! its reserved ones, each with references.

use super::build::{Builder, Fault, Faults, Form, code_point, is_for_labels, unfit};

/// Fields of a row.
const FIELDS: usize = 3;

/// Reads a table into `builder`.
pub(super) fn read(text: &str, form: Form, builder: &mut Builder) -> Result<(), Vec<Fault>> {
    let mut faults = Faults::new();
    let mut seen = std::collections::HashSet::new();
    let mut rows = 0_usize;
    for (index, line) in text.strip_prefix('\u{FEFF}').unwrap_or(text).lines().enumerate() {
        let number = index + 1;
        let content = line.split('#').next().unwrap_or_default().trim();
        if content.is_empty() || is_header(content) {
            continue;
        }
        rows += 1;
        match row(content) {
            Ok(row) if !seen.insert(row.character) => {
                let shown = format!("U+{:04X}", row.character as u32);
                faults.add(
                    number,
                    format!("{shown} has a row already; keep one"),
                    format!("{shown} 重复，只能保留一行"),
                );
            }
            Ok(row) => row.put(form, builder),
            Err((en, zh)) => faults.add(number, en, zh),
        }
    }
    if rows == 0 {
        faults.add(1, "there is no row; is it a table of RFC 3743?", "没有任何数据行，请确认是否为 RFC 3743 格式的表");
    }
    faults.into_result()
}

/// The lines before the rows that say which version it is and what the references are.
fn is_header(content: &str) -> bool {
    content.starts_with("Reference ") || content.starts_with("Version ")
}

struct Row {
    character: char,
    preferred: Vec<char>,
    reserved: Vec<char>,
}

impl Row {
    fn put(self, form: Form, builder: &mut Builder) {
        builder.add(self.character);
        // RFC 3743 §3.2.1: without a preferred variant the character stands for itself.
        for preferred in self.preferred {
            builder.prefer(self.character, form, preferred);
        }
        for reserved in self.reserved {
            builder.relate(self.character, reserved);
        }
    }
}

fn row(content: &str) -> Result<Row, (String, String)> {
    let fields: Vec<&str> = content.split(';').collect();
    let [valid, preferred, reserved] = fields[..] else {
        let found = fields.len();
        return Err((
            format!("the row has {found} fields, {FIELDS} are needed: character;preferred;reserved"),
            format!("该行有 {found} 个字段，应为 {FIELDS} 个：字符;首选变体;保留变体"),
        ));
    };
    let character = match characters(valid)?[..] {
        [character] => character,
        _ => return Err(("the first field is not one character".into(), "第一个字段不是单个字符".into())),
    };
    if !is_for_labels(character) {
        return Err(unfit(character));
    }
    Ok(Row { character, preferred: characters(preferred)?, reserved: characters(reserved)? })
}

/// The characters of a field: `U+4E07(1,3),U+842C`. The commas inside parentheses separate references.
fn characters(field: &str) -> Result<Vec<char>, (String, String)> {
    let mut found = Vec::new();
    let mut rest = field.trim();
    while !rest.is_empty() {
        let end = rest.find(['(', ',']).unwrap_or(rest.len());
        found.push(code_point(rest[..end].trim())?);
        rest = rest[end..].trim_start();
        if let Some(references) = rest.strip_prefix('(') {
            let close = references
                .find(')')
                .ok_or_else(|| ("a parenthesis is not closed".to_owned(), "括号没有闭合".to_owned()))?;
            rest = references[close + 1..].trim_start();
        }
        if rest.is_empty() {
            break;
        }
        rest = rest
            .strip_prefix(',')
            .ok_or_else(|| ("characters are separated by commas".to_owned(), "字符之间应以逗号分隔".to_owned()))?;
        if rest.trim().is_empty() {
            return Err(("a comma has nothing after it".into(), "逗号之后没有内容".into()));
        }
        rest = rest.trim_start();
    }
    Ok(found)
}
