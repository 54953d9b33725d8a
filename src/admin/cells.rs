//! Cells of tables: text that a spreadsheet would take for a formula is marked as text, and read back as it was.
//!
//! Ids and names come from outside, and a cell that begins with `=` is run by whoever opens the table ("CSV injection",
//! as OWASP calls it). A `'` in front makes it text to the common spreadsheets. A cell that has such a mark of its own gets
//! one more, so that each cell that is written is read back as exactly one text.

use std::borrow::Cow;

/// What makes a cell text.
const MARK: char = '\'';
/// What cells that are not taken as they stand begin with: as in OWASP's list, with the full-width forms that input
/// methods write.
const LEADS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The cell that says `text` and nothing else.
pub(super) fn written(text: &str) -> Cow<'_, str> {
    if is_run(text) { format!("{MARK}{text}").into() } else { text.into() }
}

/// What a cell says: one mark less, if it is one that [`written`] sets.
pub(super) fn read(cell: &str) -> &str {
    cell.strip_prefix(MARK).filter(|text| is_run(text)).unwrap_or(cell)
}

fn is_run(text: &str) -> bool {
    text.trim_start_matches(MARK).starts_with(LEADS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_marked_and_nothing_else() {
        for lead in LEADS {
            assert_eq!(written(&format!("{lead}1")), format!("'{lead}1"));
        }
        for text in ["", "case-1", "甲=乙", "'", "'quoted'", "1-2", " =1"] {
            assert_eq!((written(text), read(text)), (text.into(), text));
        }
        // As people type it into a list.
        assert_eq!(read("=1"), "=1");
    }

    proptest! {
        #[test]
        fn cells_are_read_as_they_were(text in "['=+@a＝-]{0,5}") {
            let cell = written(&text);
            prop_assert!(!cell.starts_with(LEADS));
            prop_assert_eq!(read(&cell), &*text);
        }
    }
}
