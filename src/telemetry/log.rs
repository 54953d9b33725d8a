//! Logging set-up: lines on standard error, as text for people or as JSON for collectors.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be understood.
    #[error("the log filter {filter:?} cannot be understood: {reason}; 日志过滤规则无法识别")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What about it.
        reason: String,
    },
    /// The process logs already.
    #[error("logging was set up before; 日志已经初始化")]
    Twice,
}

/// Logs from now on what `filter` lets through (`info`, or `info,zhengming::update=debug`).
///
/// # Errors
/// [`LogError`].
pub fn init(format: Format, filter: &str) -> Result<(), LogError> {
    let filter = parse(filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let done = match format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    done.map_err(|_| LogError::Twice)
}

/// Checks a filter without using it, for `check-config`.
///
/// # Errors
/// [`LogError::Filter`].
pub fn check_filter(filter: &str) -> Result<(), LogError> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|error| LogError::Filter { filter: filter.into(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked() {
        check_filter("info").expect("a level is a filter");
        check_filter("warn,zhengming::update=debug").expect("a level per module is a filter");
        let error = check_filter("zhengming=loudly").expect_err("no such level");
        assert!(error.to_string().contains("loudly"), "{error}");
    }
}
