//! What commands print: results on standard output, what people are told on standard error.

use super::Failure;
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Prints a line.
///
/// # Errors
/// [`Failure`] if standard output cannot be written; who has read enough (`| head`) is no failure.
pub(super) fn say(text: impl fmt::Display) -> Result<(), Failure> {
    say_on(text).map(drop)
}

/// Prints a line of many; whether anybody reads on.
///
/// # Errors
/// As [`say`].
pub(super) fn say_on(text: impl fmt::Display) -> Result<bool, Failure> {
    let text = format!("{text}\n");
    // What is written into a file or a pipe stays as it is: it is data there.
    let text = if io::stdout().is_terminal() { escaped(&text) } else { text.into() };
    printed(text.as_bytes())
}

/// Prints octets as they are.
///
/// # Errors
/// As [`say`].
pub(super) fn print(octets: &[u8]) -> Result<(), Failure> {
    printed(octets).map(drop)
}

fn printed(octets: &[u8]) -> Result<bool, Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(octets).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(error) if has_read_enough(&error) => Ok(false),
        Err(error) => Err(Failure::system(format!("standard output: {error}"), "标准输出无法写入")),
    }
}

/// Whether the reader of a pipe has gone: it has what it wanted, and a command ends without a word.
pub(super) fn has_read_enough(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

/// Tells people something, on standard error. Where that is closed there is nobody to tell.
pub(super) fn tell(text: impl fmt::Display) {
    let text = format!("{text}\n");
    drop(io::stderr().write_all(escaped(&text).as_bytes()));
}

/// The text as a terminal shows it and does nothing else: what came from a file, a server or the command line may have
/// characters that move the cursor, rename the window, or turn what follows around.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        let code = u32::from(character);
        match character {
            _ if !acts(character) => shown.push(character),
            _ if code <= 0xff => drop(write!(shown, "\\x{code:02x}")),
            _ => drop(write!(shown, "\\u{{{code:x}}}")),
        }
    }
    shown.into()
}

/// Whether a character is no text: the controls but for line ends and tabs, and what changes the direction of writing.
fn acts(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_shown() {
        assert_eq!(escaped("\u{1b}[31m政务\r\u{9b}\u{7f}\u{202e}\n\t"), "\\x1b[31m政务\\x0d\\x9b\\x7f\\u{202e}\n\t");
        assert!(matches!(escaped("政务 / ok\n"), Cow::Borrowed(_)));
    }
}
