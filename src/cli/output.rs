//! What commands print on standard output.

use super::Failure;
use std::fmt;
use std::io::{self, ErrorKind, Write};

/// Prints a line.
///
/// # Errors
/// [`Failure`] if standard output cannot be written; who has read enough (`| head`) is no failure.
pub(super) fn say(text: impl fmt::Display) -> Result<(), Failure> {
    print(format!("{text}\n").as_bytes())
}

/// Prints octets as they are.
///
/// # Errors
/// As [`say`].
pub(super) fn print(octets: &[u8]) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(octets).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::system(format!("standard output: {error}"), "标准输出无法写入"))
        }
        _ => Ok(()),
    }
}
