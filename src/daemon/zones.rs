//! From the configuration to what the writer serves: zones from their files, gateways, the registry's settings.

use crate::config::Config;
use crate::update::Reload;
use crate::zonefile::{self, Problem, Rule};
use std::fmt;

/// Why the zones cannot be served: every error of every file.
#[derive(Debug)]
pub struct ZonesError {
    errors: Vec<Problem>,
}

/// Reads and checks every zone that `config` names. Warnings are logged.
///
/// # Errors
/// [`ZonesError`] with everything that is wrong with them.
pub fn load(config: &Config) -> Result<Reload, ZonesError> {
    let mut zones = Vec::new();
    let mut errors = Vec::new();
    for (apex, file, registry) in config.zone_files() {
        let report = zonefile::check(&file, &apex, registry);
        for warning in &report.warnings {
            tracing::warn!("{warning}");
        }
        match report.into_zone(&apex) {
            Ok((zone, file)) => {
                let (networks, keys) = config.allow_query(&apex);
                let is_open = networks.is_empty() && keys.is_empty();
                zones.push((if is_open { zone } else { zone.with_allowed(&networks, &keys) }, file));
            }
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() {
        Ok(Reload { zones, gateways: config.gateways(), policy: config.policy() })
    } else {
        Err(ZonesError { errors })
    }
}

impl ZonesError {
    /// Whether a file is wrong, rather than unreadable.
    pub fn is_check(&self) -> bool {
        !self.errors.iter().all(|error| error.rule == Rule::Unreadable)
    }
}

impl fmt::Display for ZonesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.errors.iter().enumerate() {
            let end = if number + 1 < self.errors.len() { "\n" } else { "" };
            write!(f, "{error}{end}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ZonesError {}
