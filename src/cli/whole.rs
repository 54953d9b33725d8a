//! Whether a file that is imported is whole. An export says where it begins and ends, and how many lines are between.

use crate::admin::BYTE_ORDER_MARK;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Longest line in octets that is looked at: marks are short, and reading every line twice would take as long as sending it.
const MARK_LEN_MAX: usize = 256;

/// What stands in the first line of a file, without the mark that some editors put in front of it.
pub(super) fn without_mark(first: &[u8]) -> &[u8] {
    first.strip_prefix(BYTE_ORDER_MARK.as_bytes()).unwrap_or(first)
}

/// What has been seen of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole {
    lines: u64,
    /// Lines that say something, since the beginning of an export; none if the file does not begin as one.
    between: Option<u64>,
    /// Whether anything has been seen.
    any: bool,
    end: Option<End>,
}

#[derive(Clone, Debug)]
struct End {
    line: u64,
    said: Option<u64>,
}

/// What is wrong, in English and Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) en: String,
    pub(super) zh: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mark {
    Begin(IgnoredAny),
    End(EndMark),
}

#[derive(Deserialize)]
struct EndMark {
    #[serde(default)]
    lines: Option<u64>,
}

/// Whether a file ends within this line, its last: lines end with a newline, and what was cut is no JSON.
pub(super) fn is_unfinished(line: &[u8]) -> bool {
    let is_json = || serde_json::from_slice::<IgnoredAny>(line).is_ok();
    !line.ends_with(b"\n") && !line.trim_ascii().is_empty() && !is_json()
}

impl Whole {
    /// Whether nothing of the file has been taken.
    pub(super) fn is_at_start(&self) -> bool {
        self.lines == 0
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// [`Flaw`] if it stands after the end.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<(), Flaw> {
        self.lines += 1;
        let line = if self.lines == 1 { without_mark(line) } else { line }.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        if let Some(End { line, .. }) = self.end {
            let at = self.lines;
            return Err(Flaw {
                en: format!(
                    "line {at} stands after the end of the export in line {line}: the file was added to, or is two; import what \
                     belongs together"
                ),
                zh: format!("第 {at} 行位于第 {line} 行（导出结束行）之后：文件被追加或由多个文件拼成，请分别导入"),
            });
        }
        let mark = (line.len() <= MARK_LEN_MAX).then(|| serde_json::from_slice::<Mark>(line).ok()).flatten();
        match mark {
            Some(Mark::Begin(_)) if !self.any => self.between = Some(0),
            Some(Mark::End(EndMark { lines })) => self.end = Some(End { line: self.lines, said: lines }),
            _ => self.between = self.between.map(|lines| lines + 1),
        }
        self.any = true;
        Ok(())
    }

    /// Whether a file that ends here is whole.
    ///
    /// # Errors
    /// [`Flaw`] if nothing is in it, or an export lacks its end, or lines.
    pub(super) fn finish(&self) -> Result<(), Flaw> {
        // An export has its two marks at least; what was cut before the first is no less short.
        if !self.any {
            return Err(Flaw { en: "there is nothing in the file".into(), zh: "文件是空的".into() });
        }
        match (self.between, &self.end) {
            (None, _) | (Some(_), Some(End { said: None, .. })) => Ok(()),
            (Some(_), None) => Err(Flaw {
                en: "the export was cut short: its last line, `end`, is missing".into(),
                zh: "导出文件不完整：缺少结束行 end".into(),
            }),
            (Some(found), Some(End { said: Some(said), .. })) if found != *said => Err(Flaw {
                en: format!("the export has {said} lines by its end, but {found} are in the file"),
                zh: format!("结束行写明共 {said} 行，文件中实有 {found} 行"),
            }),
            (Some(_), Some(_)) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_last_line_that_was_cut_is_unfinished() {
        for (line, unfinished) in [
            ("{\"unit\":1}", false),
            ("{\"unit\":1}\n", false),
            ("{\"un\n", false),
            (" ", false),
            ("", false),
            ("{\"un", true),
            ("{\"unit\":1", true),
        ] {
            assert_eq!(is_unfinished(line.as_bytes()), unfinished, "{line:?}");
        }
        assert!(is_unfinished(&"{\"unit\":{\"name\":\"局".as_bytes()[..18]), "within a character");
    }

    fn flaw(text: &str) -> Option<String> {
        let mut whole = Whole::default();
        let taken = text.lines().try_for_each(|line| whole.take(line.as_bytes()));
        taken.and_then(|()| whole.finish()).err().map(|flaw| flaw.en)
    }

    #[test]
    fn an_export_is_whole_with_its_end_and_all_its_lines() {
        let begin = r#"{"begin":{"format":1}}"#;
        let whole = [
            format!("{begin}\n{{\"unit\":1}}\n{{\"end\":{{\"seq\":7,\"lines\":1}}}}\n\n"),
            format!("\n{begin}\n{{\"end\":{{\"seq\":7}}}}"),
            "{\"unit\":1}\n{\"unit\":2}".into(),
            format!("\u{feff}{begin}\n{{\"end\":{{\"seq\":7,\"lines\":0}}}}\n"),
        ];
        for text in whole {
            assert_eq!(flaw(&text), None, "{text}");
        }
        for text in ["", "\n \n", "\u{feff}"] {
            assert!(flaw(text).is_some_and(|en| en.contains("nothing")), "{text:?}");
        }
        let short = format!("{begin}\n{{\"unit\":1}}\n");
        assert!(flaw(&format!("\u{feff}{short}")).is_some_and(|en| en.contains("`end`")));
        assert!(flaw(&short).is_some_and(|en| en.contains("`end`")));
        assert!(flaw(&(short.clone() + "{\"end\":{\"seq\":7,\"lines\":2}}")).is_some_and(|en| en.contains("2 lines")));
        assert!(flaw(&(short + "{\"end\":{\"seq\":7}}\n{}")).is_some_and(|en| en.contains("line 4")));
    }
}
