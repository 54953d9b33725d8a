//! A registry in memory: the naive model of the state, and a few words to ask it with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zhengming::idn::{Bundle, Label};
use zhengming::registry::command::{
    Command, HoldSpec, HoldTarget, ImportBasis, ImportItem, ImportName, NameSpec, UnitSpec, Verdict,
};
use zhengming::registry::life::Ends;
use zhengming::registry::state::{due_of_expiry, due_of_leaving, due_of_name, due_of_unit};
use zhengming::registry::*;

/// Everything the registry knows, in plain maps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub units: BTreeMap<UnitId, Unit>,
    pub names: BTreeMap<NameKey, Registration>,
    pub changes: BTreeMap<ChangeId, Change>,
    pub applications: BTreeMap<ApplicationId, Application>,
    pub orders: BTreeMap<OrderId, Order>,
    pub remittances: BTreeMap<RemittanceId, Remittance>,
    pub brake: Brake,
    pub kept: BTreeMap<NameKey, Reservation>,
    pub noticed: BTreeMap<i32, TermEnd>,
    /// What the bundles of labels are made by.
    pub labels: Labels,
}

impl Memory {
    pub fn apply(&mut self, event: &Event) {
        match event.clone() {
            Event::Unit(unit) => drop(self.units.insert(unit.id.clone(), unit)),
            Event::Name(name) => drop(self.names.insert(name.key.clone(), name)),
            Event::NameRemoved { key, .. } => drop(self.names.remove(&key)),
            Event::Change(change) => drop(self.changes.insert(change.id, change)),
            Event::Application(new) => drop(self.applications.insert(new.id, new)),
            Event::Order(new) => drop(self.orders.insert(new.id, new)),
            Event::Remittance(new) => drop(self.remittances.insert(new.id, new)),
            Event::Brake(brake) => self.brake = brake,
            Event::Reserved(kept) => drop(self.kept.insert(kept.key.clone(), kept)),
            Event::ReservationEnded { key } => drop(self.kept.remove(&key)),
            Event::Noticed(noticed) => drop(self.noticed.insert(noticed.days, noticed.upto)),
            Event::VariantsEnded { .. } | Event::ZoneLoaded { .. } | Event::Notice(_) | Event::SiteNotice(_) => {}
        }
    }

    pub fn schedule(&self) -> Vec<Due> {
        let units = self
            .units
            .values()
            .filter_map(|unit| due_of_unit(unit).map(|at| Due { at, kind: DueKind::UnitHold(unit.id.clone()) }));
        let holds = self
            .names
            .values()
            .filter_map(|name| due_of_name(name).map(|at| Due { at, kind: DueKind::NameHold(name.key.clone()) }));
        let expiries = self
            .names
            .values()
            .filter_map(|name| due_of_expiry(name).map(|at| Due { at, kind: DueKind::Expiry(name.key.clone()) }));
        let leaving = self
            .names
            .values()
            .filter_map(|name| due_of_leaving(name).map(|at| Due { at, kind: DueKind::Leaving(name.key.clone()) }));
        let kept = self.kept.values().map(|kept| Due { at: kept.until, kind: DueKind::Reservation(kept.key.clone()) });
        let mut schedule: Vec<Due> = units.chain(holds).chain(expiries).chain(leaving).chain(kept).collect();
        schedule.sort();
        schedule
    }

    pub fn resolves(&self, key: &NameKey) -> bool {
        let Some(name) = self.names.get(key) else { return false };
        name.state(&self.units[&name.unit]) == NameState::Active
    }
}

impl State for Memory {
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        Ok(self.units.get(id).cloned())
    }

    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
        Ok(self.names.get(key).cloned())
    }

    fn change(&self, id: ChangeId) -> Result<Option<Change>, Unavailable> {
        Ok(self.changes.get(&id).cloned())
    }

    fn application(&self, id: ApplicationId) -> Result<Option<Application>, Unavailable> {
        Ok(self.applications.get(&id).cloned())
    }

    fn order(&self, id: OrderId) -> Result<Option<Order>, Unavailable> {
        Ok(self.orders.get(&id).cloned())
    }

    fn remittance(&self, id: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        Ok(self.remittances.get(&id).cloned())
    }

    fn last_filing(&self) -> Result<u64, Unavailable> {
        let applications = self.applications.keys().map(|id| id.0);
        let others = self.orders.keys().map(|id| id.0).chain(self.remittances.keys().map(|id| id.0));
        Ok(applications.chain(others).max().unwrap_or(0))
    }

    fn claim(&self, name: &NameKey) -> Result<Option<Claim>, Unavailable> {
        let bundle = self.bundle_of(&name.label);
        let same = |own: &NameKey| own.set == name.set && self.bundle_of(&own.label) == bundle;
        let application = self.applications.values().find(|application| application.claims().any(same));
        let order = self.orders.values().find(|order| order.claims().any(same));
        let application = application.map(|application| Claim::Application(application.id));
        Ok(application.or(order.map(|order| Claim::Order(order.id))))
    }

    fn account(&self, account: Account) -> Result<Option<UnitId>, Unavailable> {
        Ok(self.units.values().find(|unit| unit.account == Some(account)).map(|unit| unit.id.clone()))
    }

    fn invoiced(&self, invoice: &str, visit: &mut dyn FnMut(OrderId) -> bool) -> Result<(), Unavailable> {
        let _ = self
            .orders
            .values()
            .filter(|order| order.invoice().as_deref() == Some(invoice))
            .all(|order| visit(order.id));
        Ok(())
    }

    fn names_of(&self, unit: &UnitId, visit: &mut VisitName<'_>) -> Result<(), Unavailable> {
        let _ = self.names.values().filter(|name| name.unit == *unit).all(|name| visit(&name.key, name.outline()));
        Ok(())
    }

    fn filings_of(&self, unit: &UnitId, visit: &mut dyn FnMut(Claim) -> bool) -> Result<(), Unavailable> {
        let applications = self.applications.values().filter(|application| application.unit == *unit);
        let applications = applications.map(|application| Claim::Application(application.id));
        let orders = self.orders.values().filter(|order| order.unit == *unit).map(|order| Claim::Order(order.id));
        let _ = applications.chain(orders).all(visit);
        Ok(())
    }

    fn bundle_of(&self, label: &Label) -> Bundle {
        self.labels.bundle(label)
    }

    fn same_bundle(&self, key: &NameKey, visit: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        let bundle = self.bundle_of(&key.label);
        let shares = |name: &&Registration| {
            let within = name.labels().any(|label| self.bundle_of(label) == bundle);
            name.key.set == key.set && name.key != *key && within
        };
        let _ = self.names.values().filter(shares).all(|name| visit(&name.key));
        Ok(())
    }

    fn due(&self, now: Timestamp, visit: &mut dyn FnMut(&Due) -> bool) -> Result<(), Unavailable> {
        let _ = self.schedule().iter().filter(|due| due.at <= now).all(visit);
        Ok(())
    }

    fn ends(
        &self,
        which: Ends,
        after: &TermEnd,
        until: Timestamp,
        visit: &mut dyn FnMut(&TermEnd) -> bool,
    ) -> Result<(), Unavailable> {
        let names = self.names.values().filter(|name| {
            let only = name.holds.0.contains_key(&HoldReason::Expired) && name.life.leaving.is_none();
            which == Ends::All || only
        });
        let ends = names.map(|name| TermEnd { at: name.expires, key: Some(name.key.clone()) });
        let ends: BTreeSet<TermEnd> = ends.filter(|end| end > after && end.at <= until).collect();
        let _ = ends.iter().all(visit);
        Ok(())
    }

    fn reservation(&self, key: &NameKey) -> Result<Option<Reservation>, Unavailable> {
        Ok(self.kept.get(key).cloned())
    }

    fn kept_in_bundle(&self, key: &NameKey) -> Result<Vec<Reservation>, Unavailable> {
        let bundle = self.bundle_of(&key.label);
        let same = |kept: &&Reservation| kept.key.set == key.set && self.bundle_of(&kept.key.label) == bundle;
        Ok(self.kept.values().filter(same).cloned().collect())
    }

    fn noticed(&self) -> Result<BTreeMap<i32, TermEnd>, Unavailable> {
        Ok(self.noticed.clone())
    }

    fn totals(&self, set: &Arc<str>) -> Result<SetTotals, Unavailable> {
        Ok(SetTotals { names: self.names.keys().filter(|key| key.set == *set).count() as u64 })
    }

    fn brake(&self) -> Result<Brake, Unavailable> {
        Ok(self.brake.clone())
    }
}

/// A registry with its settings and its time.
#[derive(Clone, Debug)]
pub struct World {
    pub memory: Memory,
    pub policy: Policy,
    pub now: Timestamp,
    pub seq: u64,
    pub if_match: Option<u64>,
    /// Whether a second factor confirms what is asked.
    pub confirmed: bool,
    pub occupied: BTreeSet<NameKey>,
}

pub fn actor(principal: &str, role: Role, region: Option<&str>) -> Actor {
    Actor { principal: principal.into(), role, region: region.map(|code| Region::parse(code).unwrap().into()) }
}

pub fn operator() -> Actor {
    actor("operator", Role::Operator, None)
}

pub fn submitter() -> Actor {
    actor("submitter", Role::Submitter, None)
}

pub fn local() -> Actor {
    actor("local", Role::LocalReviewer, Some("620421"))
}

pub fn central() -> Actor {
    actor("central", Role::CentralReviewer, None)
}

pub fn clock() -> Actor {
    actor("clock", Role::System, None)
}

pub fn unit_id(text: &str) -> UnitId {
    UnitId::parse(text).unwrap()
}

pub fn unit_spec(kind: UnitKind) -> UnitSpec {
    UnitSpec {
        name: "靖远县教育局".into(), kind, region: Region::parse("620421").unwrap(), admin_function_proof: None
    }
}

pub fn name_spec(unit: &str, years: Option<u32>) -> NameSpec {
    NameSpec { unit: unit_id(unit), years, kind: 1, primary: true, variants: None }
}

pub fn addresses(list: &[&str]) -> Resolution {
    let addresses = list.iter().map(|address| address.parse().unwrap()).collect();
    Resolution::Addresses { addresses, ttl: 600, www: true }
}

pub fn forward(target: &str) -> Resolution {
    Resolution::Forward { target: target.into(), code: 302, keep_path: false, ttl: 300, www: true }
}

pub fn both(local: &str, central: &str) -> Vec<(Level, Box<str>)> {
    vec![(Level::Local, local.into()), (Level::Central, central.into())]
}

pub fn hold_spec(start: Option<Timestamp>, end: Option<Timestamp>) -> HoldSpec {
    HoldSpec { start, end, evidence: "case-1".into() }
}

pub fn on_name(key: &NameKey) -> HoldTarget {
    HoldTarget::Name(key.clone())
}

pub fn on_unit(id: &str) -> HoldTarget {
    HoldTarget::Unit(unit_id(id))
}

pub fn approve(change: ChangeId, level: Level) -> Command {
    Command::Review { change, level, verdict: Verdict::Approve }
}

pub fn reject(change: ChangeId, level: Level, reason: &str) -> Command {
    Command::Review { change, level, verdict: Verdict::Reject { reason: reason.into() } }
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse_start(text).unwrap()
}

pub fn days(count: i64) -> i64 {
    count * 86_400
}

/// The notices among a decision's events.
pub fn notices_of(decision: &Decision) -> Vec<Notice> {
    let notice = |event: &Event| if let Event::Notice(notice) = event { Some(notice.clone()) } else { None };
    decision.events.iter().filter_map(notice).collect()
}

impl World {
    /// Two suffix sets; an organ `u1` in 620421, an institution `u2` in 620422, nothing registered.
    pub fn new() -> Self {
        let set = |suffixes: [&str; 2], kinds: &[UnitKind], with_proof: &[UnitKind]| SuffixSet {
            suffixes: suffixes.map(Arc::from).to_vec(),
            unit_kinds: kinds.to_vec(),
            unit_kinds_with_proof: with_proof.to_vec(),
        };
        use UnitKind::{Institution, Organ, SocialOrganisation};
        let policy = Policy {
            reserved_labels: vec!["xn--fiqs8s".into()],
            allow_special_addresses: true,
            ..Policy::of(vec![
                set(["xn--zfr164b", "xn--zfr164b.cn"], &[Organ], &[Institution]),
                set(["xn--55qw42g", "xn--55qw42g.cn"], &[Institution, SocialOrganisation], &[]),
            ])
        };
        let now = at("2026-11-22T08:00:00Z");
        let occupied = BTreeSet::new();
        let mut world =
            Self { memory: Memory::default(), policy, now, seq: 1, if_match: None, confirmed: false, occupied };
        world.put_unit("u1", Organ);
        let region = Region::parse("620422").unwrap();
        let spec = UnitSpec { region, ..unit_spec(Institution) };
        world.does(&operator(), Command::PutUnit { id: unit_id("u2"), spec });
        world
    }

    pub fn key(&self, name: &str) -> NameKey {
        NameKey::parse(name, &self.policy).unwrap()
    }

    /// Decides and, if it is not refused, applies.
    pub fn ask(&mut self, actor: &Actor, command: &Command) -> Result<Decision, Refusals> {
        let occupied = |key: &NameKey| self.occupied.contains(key);
        let context = Context {
            policy: &self.policy,
            actor,
            now: self.now,
            seq: self.seq,
            if_match: self.if_match,
            confirmed: self.confirmed,
            occupied: &occupied,
        };
        let decision = decide(&self.memory, &context, command)?;
        for event in &decision.events {
            self.memory.apply(event);
        }
        self.seq += u64::from(!decision.events.is_empty());
        match decision.stopped {
            Some(refusal) => Err(refusal.into()),
            None => Ok(decision),
        }
    }

    /// Asks what must be granted.
    #[track_caller]
    pub fn does(&mut self, actor: &Actor, command: Command) -> Decision {
        self.ask(actor, &command).unwrap_or_else(|refusals| panic!("{command:?}: {refusals}"))
    }

    /// Asks what must be refused; the code and field of the first refusal. Holds that nothing has changed but the brake
    /// that stopped it, and that the refusal speaks both languages.
    #[track_caller]
    pub fn refuses(&mut self, actor: &Actor, command: Command) -> (Code, String) {
        let before = self.memory.clone();
        match self.ask(actor, &command) {
            Ok(decision) => panic!("{command:?} was granted: {decision:?}"),
            Err(refusals) => {
                let first = refusals.first();
                if first.code == Code::Brake {
                    assert!(self.memory.brake.engaged().is_some());
                    assert_eq!(Memory { brake: before.brake.clone(), ..self.memory.clone() }, before);
                } else {
                    assert_eq!(self.memory, before);
                }
                assert!(first.en.ends_with('.') && first.zh.ends_with('。'), "{} {}", first.en, first.zh);
                assert!(first.zh.contains(|c: char| ('\u{4E00}'..='\u{9FFF}').contains(&c)), "{}", first.zh);
                (first.code, first.field.as_deref().unwrap_or_default().to_owned())
            }
        }
    }

    pub fn put_unit(&mut self, id: &str, kind: UnitKind) {
        self.does(&operator(), Command::PutUnit { id: unit_id(id), spec: unit_spec(kind) });
    }

    /// Registers a name of `u1` for two years.
    pub fn register(&mut self, name: &str) -> NameKey {
        let key = self.key(name);
        self.does(&operator(), Command::PutName { key: key.clone(), spec: name_spec("u1", Some(2)) });
        key
    }

    /// Registers a name of `u1` and pushes its resolution with both approvals.
    pub fn resolve(&mut self, name: &str, resolution: Resolution) -> NameKey {
        let key = self.register(name);
        let asserted = both("r-1", "r-2");
        self.does(&operator(), Command::Submit { name: key.clone(), resolution, asserted });
        key
    }

    pub fn submit(&mut self, name: &NameKey, resolution: Resolution) -> ChangeId {
        let command = Command::Submit { name: name.clone(), resolution, asserted: Vec::new() };
        ChangeId::parse(&self.does(&submitter(), command).outcome.id).unwrap()
    }

    /// Runs what is due until nothing more happens; how many decisions had events.
    pub fn tick(&mut self) -> usize {
        let mut count = 0;
        while !self.does(&clock(), Command::Due { limit: 100 }).events.is_empty() {
            count += 1;
            assert!(count < 100, "what is due never ends");
        }
        count
    }

    /// Gives the notices that are due, in small steps; all of them.
    pub fn notify(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        loop {
            let decision = self.does(&clock(), Command::Notify { limit: 3 });
            if decision.events.is_empty() {
                return notices;
            }
            notices.extend(notices_of(&decision));
            assert!(notices.len() < 1000, "notices never end");
        }
    }

    pub fn holds_of(&self, key: &NameKey) -> Vec<HoldReason> {
        self.memory.names[key].holds.0.iter().filter(|(_, hold)| hold.active).map(|(reason, _)| *reason).collect()
    }

    /// A line of an import: a name of `u1` with addresses, registered a year ago for two years.
    pub fn import_line(&self, name: &str) -> ImportName {
        let registered = Timestamp(self.now.0 - days(365));
        ImportName {
            key: self.key(name),
            unit: unit_id("u1"),
            registered,
            expires: registered.term_end(2),
            kind: 1,
            primary: false,
            resolution: Some(addresses(&["203.0.113.7"])),
            holds: Holds::default(),
            basis: ImportBasis::Migration,
            variants: None,
            life: Life::default(),
        }
    }

    pub fn import(&mut self, names: Vec<ImportName>) -> Result<Decision, Refusals> {
        let items = names.into_iter().enumerate().map(|(i, name)| (i + 1, ImportItem::Name(Box::new(name))));
        self.ask(&operator(), &Command::Import { items: items.collect() })
    }
}
