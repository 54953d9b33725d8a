//! From the configuration to what the writer serves: zones from their files, gateways, the registry's settings.
//!
//! A file that cannot be served stops nothing else. At the start its zone is not loaded: names in it are answered with
//! SERVFAIL until a reload finds a good file. At a reload it leaves everything as it is, if its zone is served; a zone
//! that was not loaded before stays so.

use crate::admin::{Read, Refused, ZoneFiles};
use crate::config::Config;
use crate::registry::Labels;
use crate::update::{Clock as _, Reload, SystemClock};
use crate::zone::{Name, Unloaded, Zone};
use crate::zonefile::{self, Problem, Rule, Severity};
use crate::{snapshot, telemetry};
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// Why the zones cannot be served: every error of every file.
#[derive(Debug)]
pub struct ZonesError {
    errors: Vec<Problem>,
}

/// Reads and checks every zone that `config` names, for a start. Warnings are logged, and of zones without registrations
/// the errors with which NSD and Knot serve them too. What cannot be served is logged whole and not loaded.
pub fn load(config: &Config, labels: &Labels) -> Reload {
    let all = load_or(config, labels, |_| true);
    all.expect("every zone may stay unloaded").reload
}

/// The same for `check-config`, which passes no error; the warnings.
///
/// # Errors
/// [`ZonesError`] with everything that is wrong with the zones.
pub fn check(config: &Config) -> Result<Vec<Problem>, ZonesError> {
    let (mut warnings, mut errors) = (Vec::new(), Vec::new());
    for file in config.zone_files() {
        match read(config, file, Use::Check) {
            Ok((_, found)) => warnings.extend(found),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(warnings) } else { Err(ZonesError { errors }) }
}

/// The zones to serve; those for which `may_stay` holds may have files that cannot be served.
fn load_or(config: &Config, labels: &Labels, may_stay: impl Fn(&Name) -> bool) -> Result<Read, ZonesError> {
    let (mut zones, mut unloaded, mut errors, mut all_found) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for file in config.zone_files() {
        let apex = file.0.clone();
        match read(config, file, Use::Serve) {
            Ok((zone, found)) => {
                zones.push(zone);
                all_found.extend(found);
            }
            Err(found) if may_stay(&apex) => {
                for error in &found {
                    tracing::error!("{error}");
                }
                tracing::error!(zone = %apex, "not loaded: its names get SERVFAIL until a reload finds a good file / 区未加载");
                unloaded.push(apex);
            }
            Err(found) => errors.extend(found),
        }
    }
    if !errors.is_empty() {
        return Err(ZonesError { errors });
    }
    Ok(Read { reload: reload(config, labels, zones, unloaded), found: all_found })
}

fn reload(config: &Config, labels: &Labels, zones: Vec<Loaded>, unloaded: Vec<Name>) -> Reload {
    let unloaded = unloaded.into_iter().map(|apex| {
        let (networks, keys) = config.allow_query(&apex);
        let is_open = networks.is_empty() && keys.is_empty();
        let zone = Unloaded::new(apex);
        if is_open { zone } else { zone.with_allowed(&networks, &keys) }
    });
    let unloaded = unloaded.collect();
    Reload { zones, unloaded, gateways: config.gateways(), policy: config.policy(labels.clone()), asked_by: None }
}

/// What a zone is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Serve,
    Check,
}

/// A zone and the SHA-256 of its file.
type Loaded = (Zone, [u8; 32]);

/// Reads and checks one zone; beside it, what is wrong with it all the same.
fn read(
    config: &Config,
    (apex, file, registry): (Name, PathBuf, bool),
    reason: Use,
) -> Result<(Loaded, Vec<Problem>), Vec<Problem>> {
    // A pipe or device could keep all other zones waiting for ever; `check-zone` may read from one.
    if fs::metadata(&file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let shown = file.display();
        let en = format!("cannot read {shown}: it is no ordinary file");
        let zh = format!("无法读取 {shown}：不是普通文件");
        let file = file.as_path().into();
        return Err(vec![Problem { severity: Severity::Error, rule: Rule::Unreadable, file, line: 0, en, zh }]);
    }
    let report = match reason {
        Use::Serve => zonefile::check(&file, &apex, registry),
        Use::Check => zonefile::check_signed(&file, &apex, registry, SystemClock.now().0),
    };
    if reason == Use::Serve {
        for warning in &report.warnings {
            tracing::warn!("{warning}");
        }
    }
    let found = [&report.errors[..], &report.warnings].concat();
    let (zone, digest) = if registry || reason == Use::Check {
        report.into_zone()?
    } else {
        let served = report.into_served()?;
        for error in found.iter().filter(|problem| problem.severity == Severity::Error) {
            tracing::error!("{error}");
        }
        served
    };
    let (networks, keys) = config.allow_query(&apex);
    let is_open = networks.is_empty() && keys.is_empty();
    let zone = if is_open { zone } else { zone.with_allowed(&networks, &keys) };
    Ok(((zone, digest), found))
}

/// The files of the configuration in force, and what was made of them.
pub(super) struct Files {
    config: Config,
    zones: Vec<Loaded>,
    /// What labels are held against.
    labels: Labels,
    snapshots: snapshot::Reader,
    counters: telemetry::Dns,
}

impl Files {
    /// Those of `config`, of which `zones` are served, as `snapshots` shows; `counters` are told the names of the zones.
    pub(super) fn new(
        config: Config,
        zones: Vec<Loaded>,
        labels: Labels,
        snapshots: snapshot::Reader,
        counters: telemetry::Dns,
    ) -> Self {
        let files = Self { config, zones, labels, snapshots, counters };
        files.name_zones();
        files
    }

    /// The configuration in force.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// What labels are held against.
    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What `new` makes of the files. Zones that are not loaded now may stay so.
    ///
    /// # Errors
    /// [`ZonesError`] if another one cannot be served.
    pub(super) fn load(&self, new: &Config, labels: &Labels) -> Result<Reload, ZonesError> {
        self.load_all(new, labels).map(|read| read.reload)
    }

    fn load_all(&self, new: &Config, labels: &Labels) -> Result<Read, ZonesError> {
        let unloaded = self.unloaded();
        load_or(new, labels, |apex| unloaded.contains(&apex.to_lowercase()))
    }

    /// Takes note of the configuration and the zones in force now.
    pub(super) fn replace(&mut self, config: Config, zones: Vec<Loaded>, labels: Labels) {
        (self.config, self.zones, self.labels) = (config, zones, labels);
        self.name_zones();
    }

    /// The configured zones that are not loaded, in lower case.
    fn unloaded(&self) -> Vec<Name> {
        let apexes = self.config.zone_files().into_iter().map(|(apex, ..)| apex.to_lowercase());
        let is_loaded = |apex: &Name| self.zones.iter().any(|(zone, _)| zone.apex().to_lowercase() == *apex);
        apexes.filter(|apex| !is_loaded(apex)).collect()
    }

    fn name_zones(&self) {
        let served = self.snapshots.load();
        let apexes: Vec<String> = served.zones.apexes().map(|apex| apex.to_lowercase().to_string()).collect();
        self.counters.set_zones(&apexes);
    }
}

impl ZoneFiles for Files {
    fn read(&self, zone: Option<&Name>) -> Result<Read, Refused> {
        let Some(wanted) = zone else {
            return self.load_all(&self.config, &self.labels).map_err(|error| Refused::Files(error.errors));
        };
        let mut files = self.config.zone_files().into_iter();
        let file = files.find(|(apex, ..)| apex.to_lowercase() == *wanted).ok_or(Refused::UnknownZone)?;
        let (new, found) = read(&self.config, file, Use::Serve).map_err(Refused::Files)?;
        let others = self.zones.iter().filter(|(zone, _)| zone.apex().to_lowercase() != *wanted);
        let unloaded = self.unloaded().into_iter().filter(|apex| apex != wanted).collect();
        let reload = reload(&self.config, &self.labels, others.cloned().chain([new]).collect(), unloaded);
        Ok(Read { reload, found })
    }

    fn served(&mut self, zones: Vec<Loaded>) {
        self.zones = zones;
        self.name_zones();
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
