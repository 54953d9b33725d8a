//! A data directory, a clock and a running writer over them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zhengming::idn::Label;
use zhengming::journal::Limits;
use zhengming::journal::disk::{Directory, Disk};
use zhengming::registry::command::{HoldSpec, HoldTarget, ImportBasis, ImportItem, ImportName, UnitSpec};
use zhengming::registry::{
    Actor, Command, HoldReason, Holds, Level, Life, NameKey, Policy, Region, Request, Resolution, Role, SuffixSet,
    Timestamp, UnitId, UnitKind,
};
use zhengming::store::Store;
use zhengming::telemetry::Telemetry;
use zhengming::update::{
    self, Handle, Pace, Receipt, Reload, Running, Start, StartError, Submission, TestClock, UpdateError, WritePace,
};
use zhengming::zone::{Gateway, Name, Published, Record, Rtype, Zone};

/// When tests begin: 2027-01-15 08:00 UTC.
pub const NOW: Timestamp = Timestamp(1_800_000_000);
/// Zones of the first set, whose primary suffix is `政务`.
pub const GOV: [&str; 2] = ["xn--zfr164b.", "xn--zfr164b.cn."];
/// The zone of the second set, `公益`.
pub const ORG: &str = "xn--55qw42g.";
/// The metrics of what there is.
const COUNTS: [&str; 2] = ["zhengming_names{", "zhengming_holds{"];
/// The unit that everything belongs to.
pub const UNIT: &str = "unit-1";

/// What the zones are made from.
#[derive(Clone, Debug)]
pub struct Files {
    /// The SOA serial in the files.
    pub serial: u32,
    /// Stands for what is in them.
    pub digest: u8,
    /// Where forwards point.
    pub gateway: Ipv4Addr,
    /// Whether `政务.cn` is one of the zones.
    pub with_cn: bool,
    pub policy: Policy,
}

pub struct World {
    directory: TempDir,
    pub clock: Arc<TestClock>,
    pub files: Files,
    pub telemetry: Telemetry,
    /// The journal's disk and limits, if not the usual ones.
    pub disk: Option<Arc<dyn Disk>>,
    pub limits: Limits,
    runtime: Runtime,
    running: Option<Running>,
}

/// What is served, in a form to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub serials: BTreeMap<String, u32>,
    pub names: BTreeMap<(String, String), Published>,
}

impl World {
    /// Nothing started yet.
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: Arc::new(TestClock::new(NOW)),
            files: Files {
                serial: 7,
                digest: 1,
                gateway: Ipv4Addr::new(192, 0, 2, 80),
                with_cn: true,
                policy: policy(),
            },
            telemetry: Telemetry::new(),
            disk: None,
            limits: Limits::default(),
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            running: None,
        }
    }

    /// Started, with one unit.
    pub fn with_unit() -> Self {
        let mut world = Self::new();
        world.start();
        world.submit(put_unit()).unwrap();
        world
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn journal_path(&self) -> PathBuf {
        self.path().join("journal")
    }

    pub fn try_start(&mut self) -> Result<(), StartError> {
        assert!(self.running.is_none(), "started already");
        self.running = Some(start(self.path(), self)?);
        Ok(())
    }

    pub fn start(&mut self) {
        self.try_start().unwrap();
    }

    pub fn stop(&mut self) {
        assert!(self.running.take().expect("started").stop(), "the writer ended in good order");
    }

    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("started")
    }

    pub fn handle(&self) -> &Handle {
        &self.running().handle
    }

    /// Runs a future of this world's handle to its end.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn submit(&self, command: Command) -> Result<Receipt, UpdateError> {
        self.hand_in(submission(command))
    }

    pub fn hand_in(&self, submission: Submission) -> Result<Receipt, UpdateError> {
        self.wait(self.handle().submit(submission))
    }

    pub fn reload(&self) -> Result<Receipt, UpdateError> {
        self.wait(self.handle().reload(reload(&self.files)))
    }

    pub fn read<T: Send + 'static>(&self, read: impl FnOnce(&Store) -> T + Send + 'static) -> T {
        self.wait(self.handle().read(read)).unwrap()
    }

    /// Sets the clock and waits until everything due by then is done.
    pub fn set_clock(&self, now: Timestamp) {
        self.clock.set(now);
        self.read(|_| ());
    }

    /// Shows another time although none has passed, and waits until the writer has seen it.
    pub fn jump_clock(&self, now: Timestamp) {
        self.clock.jump(now);
        self.read(|_| ());
    }

    /// A stop and a start, with the clock set in between.
    pub fn restart_at(&mut self, now: Timestamp) {
        self.stop();
        self.clock.set(now);
        self.start();
    }

    pub fn seq(&self) -> u64 {
        self.running().snapshots.load().seq
    }

    /// What is served now.
    pub fn served(&self) -> Served {
        let snapshot = self.running().snapshots.load();
        let mut served = Served { serials: BTreeMap::new(), names: BTreeMap::new() };
        for zone in snapshot.zones.iter() {
            let apex = zone.apex().to_string();
            served.serials.insert(apex.clone(), zone.serial());
            for stored in zone.registrations().into_iter().flat_map(|pages| pages.iter()) {
                let label = String::from_utf8(stored.key.to_vec()).unwrap();
                served.names.insert((apex.clone(), label), Published::decode(stored.value));
            }
        }
        served
    }

    /// What the first zone of `政务` serves for the name.
    pub fn published(&self, key: &NameKey) -> Option<Published> {
        let snapshot = self.running().snapshots.load();
        let zone = snapshot.zones.get(&Name::absolute(GOV[0]).unwrap()).unwrap();
        zone.registrations().unwrap().get(key.label.as_ascii().as_bytes()).map(Published::decode)
    }

    /// The counts of names and holds in `/metrics` that are not 0.
    pub fn counted(&self) -> Vec<String> {
        let is_count = |line: &&str| COUNTS.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0");
        self.telemetry.exporter.render().lines().filter(is_count).map(str::to_owned).collect()
    }

    /// A value of `/metrics`.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.telemetry.exporter.render();
        let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }
}

/// Starts a writer on a data directory with the world's settings.
pub fn start(data_dir: &Path, world: &World) -> Result<Running, StartError> {
    let settings = Start {
        data_dir: data_dir.into(),
        reload: reload(&world.files),
        clock: world.clock.clone(),
        metrics: world.telemetry.writer.clone(),
        // As many checkpoints as there can be: each restart begins from one, at whatever point it was written.
        checkpoints: Pace { events: 1, pause: Duration::ZERO },
        writes: WritePace::default(),
    };
    if world.disk.is_none() && world.limits == Limits::default() {
        return update::start(settings);
    }
    let directory = || Arc::new(Directory::create(&data_dir.join("journal")).unwrap()) as Arc<dyn Disk>;
    update::start_on(settings, world.disk.clone().unwrap_or_else(directory), world.limits)
}

pub fn policy() -> Policy {
    let set = |suffixes: &[&str], kinds: &[UnitKind]| SuffixSet {
        suffixes: suffixes.iter().map(|suffix| suffix.trim_end_matches('.').into()).collect(),
        unit_kinds: kinds.to_vec(),
        unit_kinds_with_proof: Vec::new(),
    };
    Policy {
        allow_special_addresses: true,
        ..Policy::of(vec![set(&GOV, &[UnitKind::Organ]), set(&[ORG], &[UnitKind::Institution])])
    }
}

pub fn reload(files: &Files) -> Reload {
    let apexes = GOV.into_iter().filter(|apex| files.with_cn || *apex != GOV[1]).chain([ORG]);
    let gateway = Gateway { v4: vec![files.gateway], v6: Vec::new() };
    Reload {
        zones: apexes.map(|apex| (zone(apex, files.serial), [files.digest; 32])).collect(),
        unloaded: Vec::new(),
        gateways: vec![("xn--zfr164b".into(), gateway)],
        policy: files.policy.clone(),
        asked_by: None,
    }
}

fn zone(apex: &str, serial: u32) -> Zone {
    let apex = Name::absolute(apex).unwrap();
    let mut soa = Name::absolute("ns.example").unwrap().as_wire().to_vec();
    soa.extend_from_slice(Name::absolute("hostmaster.example").unwrap().as_wire());
    for number in [serial, 1800, 900, 1_209_600, 300] {
        soa.extend_from_slice(&number.to_be_bytes());
    }
    let ns = Name::absolute("ns.example").unwrap().as_wire().into();
    let record = |rtype, rdata| Record { owner: apex.clone(), rtype, ttl: 300, rdata };
    Zone::build(apex.clone(), [record(Rtype::SOA, soa.into()), record(Rtype::NS, ns)]).unwrap()
}

pub fn unit_id() -> UnitId {
    UnitId::parse(UNIT).unwrap()
}

/// The nth name of `政务`.
pub fn key(n: usize) -> NameKey {
    NameKey { label: Label::parse(&format!("教育局{n}")).unwrap(), set: "xn--zfr164b".into() }
}

pub fn operator() -> Actor {
    Actor { principal: "operator".into(), role: Role::Operator, region: None }
}

/// The command of an operator, without an idempotency key.
pub fn submission(command: Command) -> Submission {
    let request = Request { operation: "test".into(), target: "test".into(), note: None, key: None };
    Submission { actor: operator(), command, request, if_match: None, dry_run: false, confirmed: true }
}

/// The same with an idempotency key; `body` stands for what was sent.
pub fn keyed(command: Command, key: &str, body: u8) -> Submission {
    let mut submission = submission(command);
    submission.request.key = Some((key.into(), [body; 32]));
    submission
}

pub fn unit_spec() -> UnitSpec {
    UnitSpec {
        name: "靖远县教育局".into(),
        kind: UnitKind::Organ,
        region: Region::parse("620421").unwrap(),
        admin_function_proof: None,
    }
}

pub fn put_unit() -> Command {
    Command::PutUnit { id: unit_id(), spec: unit_spec() }
}

pub fn put_name(n: usize) -> Command {
    let spec = zhengming::registry::command::NameSpec {
        unit: unit_id(),
        years: Some(2),
        kind: 1,
        primary: false,
        variants: None,
    };
    Command::PutName { key: key(n), spec }
}

pub fn address(last: u8) -> Resolution {
    Resolution::Addresses { addresses: vec![Ipv4Addr::new(203, 0, 113, last).into()], ttl: 600, www: true }
}

/// A change that is approved already.
pub fn change(n: usize, resolution: Resolution) -> Command {
    let asserted = vec![(Level::Local, "reviewer-1".into()), (Level::Central, "reviewer-2".into())];
    Command::Submit { name: key(n), resolution, asserted }
}

pub fn hold_unit(reason: HoldReason) -> Command {
    let spec = HoldSpec { start: None, end: None, evidence: "case-1".into() };
    Command::PlaceHold { target: HoldTarget::Unit(unit_id()), reason, spec }
}

pub fn hold_name(n: usize, reason: HoldReason, start: Option<Timestamp>, end: Option<Timestamp>) -> Command {
    let spec = HoldSpec { start, end, evidence: "case-1".into() };
    Command::PlaceHold { target: HoldTarget::Name(key(n)), reason, spec }
}

pub fn lift_unit(reason: HoldReason) -> Command {
    Command::LiftHold { target: HoldTarget::Unit(unit_id()), reason }
}

pub fn lift_name(n: usize, reason: HoldReason) -> Command {
    Command::LiftHold { target: HoldTarget::Name(key(n)), reason }
}

/// Imports the names of a range, resolved, with terms that end at `expires`.
pub fn import(names: std::ops::Range<usize>, expires: Timestamp) -> Command {
    let item = |n: usize| {
        let name = ImportName {
            key: key(n),
            unit: unit_id(),
            registered: Timestamp(NOW.0 - 365 * 86_400),
            expires,
            kind: 1,
            primary: false,
            resolution: Some(address((n % 250) as u8)),
            holds: Holds::default(),
            basis: ImportBasis::Migration,
            variants: None,
            life: Life::default(),
        };
        (n, ImportItem::Name(Box::new(name)))
    };
    Command::Import { items: names.map(item).collect() }
}

/// The end of a day in Asia/Shanghai, so many days after that of [`NOW`].
pub fn end_of_day(days: i64) -> Timestamp {
    let offset = 8 * 3600;
    let day = (NOW.0 + offset) / 86_400 + days;
    Timestamp((day + 1) * 86_400 - offset - 1)
}

pub fn is_held(published: Option<Published>) -> bool {
    matches!(published, Some(Published::Held { .. }))
}
