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

/// What is logged, while the program runs.
pub struct Filter {
    set: Set,
}

/// Replaces the filter; the two formats have handles of different types.
type Set = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

/// Logs from now on what `filter` lets through (`info`, or `info,zhengming::update=debug`).
///
/// # Errors
/// [`LogError`].
pub fn init(format: Format, filter: &str) -> Result<Filter, LogError> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parse(filter)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let (done, set): (_, Set) = match format {
        Format::Text => {
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.try_init(), Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())))
        }
        Format::Json => {
            let builder = builder.json().flatten_event(true).with_current_span(false).with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.try_init(), Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())))
        }
    };
    done.map(|()| Filter { set }).map_err(|_| LogError::Twice)
}

impl Filter {
    /// Logs from now on what `filter` lets through.
    ///
    /// # Errors
    /// [`LogError::Filter`]; the old one stays then.
    pub fn set(&self, filter: &str) -> Result<(), LogError> {
        let parsed = parse(filter)?;
        (self.set)(parsed).map_err(|reason| LogError::Filter { filter: filter.into(), reason })
    }
}

/// Checks a filter without using it, for `check-config`.
///
/// # Errors
/// [`LogError::Filter`].
pub fn check_filter(filter: &str) -> Result<(), LogError> {
    parse(filter).map(drop)
}

/// Levels by name; what has none may be a target, which would silence all others.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    let is_bare = |part: &&str| !part.contains(['=', '[']) && !LEVELS.contains(&part.to_ascii_lowercase().as_str());
    if let Some(bare) = filter.split(',').map(str::trim).filter(|part| !part.is_empty()).find(is_bare) {
        let reason = format!("{bare} is no level: {}, or TARGET=LEVEL", LEVELS.join(", "));
        return Err(LogError::Filter { filter: filter.into(), reason });
    }
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
        let error = check_filter("loud").expect_err("a target alone is a slip of the pen, and would silence the rest");
        assert!(error.to_string().contains("TARGET=LEVEL"), "{error}");
        check_filter("INFO,zhengming=off").expect("case does not matter");
    }
}
