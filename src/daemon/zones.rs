//! From the configuration to what the writer serves: zones from their files, gateways, the registry's settings.

use crate::admin::{Refused, ZoneFiles};
use crate::config::Config;
use crate::update::Reload;
use crate::zone::{Name, Zone};
use crate::zonefile::{self, Problem, Rule};
use std::fmt;
use std::path::PathBuf;

/// Why the zones cannot be served: every error of every file.
#[derive(Debug)]
pub struct ZonesError {
    errors: Vec<Problem>,
}

/// Reads and checks every zone that `config` names. Warnings are logged, and of zones without registrations the errors
/// with which NSD and Knot serve them too.
///
/// # Errors
/// [`ZonesError`] with everything that is wrong with those that cannot be served.
pub fn load(config: &Config) -> Result<Reload, ZonesError> {
    load_as(config, Use::Serve)
}

/// The same for `check-config`, which passes no error.
///
/// # Errors
/// [`ZonesError`] with everything that is wrong with the zones.
pub fn check(config: &Config) -> Result<Reload, ZonesError> {
    load_as(config, Use::Check)
}

/// What a zone is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Serve,
    Check,
}

fn load_as(config: &Config, reason: Use) -> Result<Reload, ZonesError> {
    let (mut zones, mut errors) = (Vec::new(), Vec::new());
    for file in config.zone_files() {
        match read(config, file, reason) {
            Ok(zone) => zones.push(zone),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(reload(config, zones)) } else { Err(ZonesError { errors }) }
}

fn reload(config: &Config, zones: Vec<Loaded>) -> Reload {
    Reload { zones, gateways: config.gateways(), policy: config.policy(), asked_by: None }
}

/// A zone and the SHA-256 of its file.
type Loaded = (Zone, [u8; 32]);

/// Reads and checks one zone.
fn read(config: &Config, (apex, file, registry): (Name, PathBuf, bool), reason: Use) -> Result<Loaded, Vec<Problem>> {
    let report = zonefile::check(&file, &apex, registry);
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    let (zone, digest) = if registry || reason == Use::Check {
        report.into_zone(&apex)?
    } else {
        let errors = report.errors.clone();
        let served = report.into_served(&apex)?;
        for error in &errors {
            tracing::error!("{error}");
        }
        served
    };
    let (networks, keys) = config.allow_query(&apex);
    let is_open = networks.is_empty() && keys.is_empty();
    Ok((if is_open { zone } else { zone.with_allowed(&networks, &keys) }, digest))
}

/// The files of the configuration in force, and what was made of them.
pub(super) struct Files {
    pub(super) config: Config,
    pub(super) zones: Vec<Loaded>,
}

impl ZoneFiles for Files {
    fn read(&self, zone: Option<&Name>) -> Result<Reload, Refused> {
        let Some(wanted) = zone else {
            return load(&self.config).map_err(|error| Refused::Files(error.errors));
        };
        let mut files = self.config.zone_files().into_iter();
        let file = files.find(|(apex, ..)| apex.to_lowercase() == *wanted).ok_or(Refused::UnknownZone)?;
        let new = read(&self.config, file, Use::Serve).map_err(Refused::Files)?;
        let others = self.zones.iter().filter(|(zone, _)| zone.apex().to_lowercase() != *wanted);
        Ok(reload(&self.config, others.cloned().chain([new]).collect()))
    }

    fn served(&mut self, zones: Vec<Loaded>) {
        self.zones = zones;
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
