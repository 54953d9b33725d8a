//! The table of characters that the year is lived with: the program's setting of it, and the same table for the model.

use std::env;
use std::fs;
use zhengming::idn::table::Builder;
use zhengming::idn::{Form, Table};

/// The table that comes with the program.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/idn-zh.xml");

/// A table, and how the program is told of it.
pub struct Tables {
    /// The table.
    pub table: Table,
    /// Lines for the end of a configuration.
    pub setting: String,
}

impl Tables {
    /// The two that `SIMPLIFIED` and `TRADITIONAL` name (RFC 3743), or the one that comes with the program.
    pub fn read() -> Self {
        let mut builder = Builder::new();
        let setting = match (env::var("SIMPLIFIED"), env::var("TRADITIONAL")) {
            (Ok(simplified), Ok(traditional)) => {
                for (path, form) in [(&simplified, Form::Simplified), (&traditional, Form::Traditional)] {
                    builder.rfc3743(&text(path), form).unwrap_or_else(|faults| panic!("{path}: {faults:?}"));
                }
                format!("simplified = \"{}\"\ntraditional = \"{}\"\n", whole(&simplified), whole(&traditional))
            }
            _ => {
                builder.lgr(&text(SHIPPED)).unwrap_or_else(|faults| panic!("{SHIPPED}: {faults:?}"));
                format!("lgr = \"{SHIPPED}\"\n")
            }
        };
        Self { table: builder.finish(), setting: format!("[idn]\n{setting}") }
    }
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The program runs in a directory of its own.
fn whole(path: &str) -> String {
    fs::canonicalize(path).unwrap_or_else(|error| panic!("{path}: {error}")).display().to_string()
}
