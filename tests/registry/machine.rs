//! Random histories against what the rules promise, told independently of how `decide` keeps them.

use crate::world::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use zhengming::registry::command::*;
use zhengming::registry::life::Unfreeze;
use zhengming::registry::*;

/// The clients that act; two principals have a second role, so that the rule of three has to hold.
const ACTORS: [(&str, Role, Option<&str>); 8] = [
    ("operator", Role::Operator, None),
    ("submitter", Role::Submitter, None),
    ("local", Role::LocalReviewer, Some("620421")),
    ("submitter", Role::LocalReviewer, None),
    ("foreign", Role::LocalReviewer, Some("620422")),
    ("central", Role::CentralReviewer, None),
    ("local", Role::CentralReviewer, None),
    ("clock", Role::System, None),
];
const LABELS: [&str; 4] = ["靖远县教育局", "靖远县财政局", "靖远县民政局", "靖远县水务局"];
const SUFFIXES: [&str; 2] = ["政务", "公益"];

/// One step: what is asked, by whom, how much later. Indexes choose among what there is, so that most steps mean something.
#[derive(Clone, Debug)]
struct Step {
    actor: usize,
    seconds: i64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    PutUnit { unit: usize, kind: usize },
    PutName { name: usize, unit: usize, years: Option<u32>, kind: u8 },
    Delete { name: usize },
    ChangeHolder { name: usize, unit: usize, consent: bool },
    Renew { name: usize, years: u32 },
    Submit { name: usize, resolution: usize, asserted: usize },
    Review { change: usize, central: bool, approve: bool },
    Withdraw { change: usize },
    Place { target: usize, reason: usize, start: Option<i64>, end: Option<i64> },
    Lift { target: usize, reason: usize },
    Import { name: usize, unit: usize, age: i64, resolution: usize, hold: Option<usize> },
    Due { limit: usize },
    Notify { limit: usize },
    Unfreeze { name: usize },
    Migrate { name: usize, days: Option<i64> },
    Release,
}

fn what() -> impl Strategy<Value = What> {
    let index = 0..64usize;
    prop_oneof![
        1 => (index.clone(), index.clone()).prop_map(|(unit, kind)| What::PutUnit { unit, kind }),
        4 => (index.clone(), index.clone(), prop::option::of(0..12u32), 0..9u8)
            .prop_map(|(name, unit, years, kind)| What::PutName { name, unit, years, kind }),
        1 => index.clone().prop_map(|name| What::Delete { name }),
        1 => (index.clone(), index.clone(), prop::bool::weighted(0.8))
            .prop_map(|(name, unit, consent)| What::ChangeHolder { name, unit, consent }),
        2 => (index.clone(), 1..12u32).prop_map(|(name, years)| What::Renew { name, years }),
        6 => (index.clone(), index.clone(), index.clone())
            .prop_map(|(name, resolution, asserted)| What::Submit { name, resolution, asserted }),
        8 => (index.clone(), any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(change, central, approve)| What::Review { change, central, approve }),
        1 => index.clone().prop_map(|change| What::Withdraw { change }),
        3 => (index.clone(), index.clone(), prop::option::of(-9..99i64), prop::option::of(-9..99i64))
            .prop_map(|(target, reason, start, end)| What::Place { target, reason, start, end }),
        3 => (index.clone(), index.clone()).prop_map(|(target, reason)| What::Lift { target, reason }),
        2 => (index.clone(), index.clone(), 0..1200i64, index.clone(), prop::option::of(index))
            .prop_map(|(name, unit, age, resolution, hold)| What::Import { name, unit, age, resolution, hold }),
        4 => (0..9usize).prop_map(|limit| What::Due { limit }),
        4 => (0..9usize).prop_map(|limit| What::Notify { limit }),
        2 => (0..64usize).prop_map(|name| What::Unfreeze { name }),
        1 => (0..64usize, prop::option::of(-99..99i64)).prop_map(|(name, days)| What::Migrate { name, days }),
        1 => Just(What::Release),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = prop_oneof![4 => 0..90i64, 1 => 0..days(400)];
    (0..64usize, seconds, what()).prop_map(|(actor, seconds, what)| Step { actor, seconds, what })
}

/// Most often someone who has the role that the step takes, now and then anyone.
fn who(step: &Step) -> Actor {
    let fitting: &[usize] = match step.what {
        What::Due { .. } | What::Notify { .. } => &[7],
        What::Submit { .. } => &[0, 1, 1, 1],
        What::Review { central: false, .. } => &[2, 2, 3, 4],
        What::Review { central: true, .. } => &[5, 5, 6],
        What::Withdraw { .. } => &[0, 1],
        _ => &[0],
    };
    let index = if step.actor < 56 { fitting[step.actor % fitting.len()] } else { step.actor % ACTORS.len() };
    let (principal, role, region) = ACTORS[index];
    actor(principal, role, region)
}

/// What the history has told so far, by what was granted alone.
#[derive(Default)]
struct Witness {
    /// Submitter and approvers so far of each change.
    took_part: BTreeMap<ChangeId, Vec<String>>,
    /// Who stands behind what each name resolves to: three principals, or a migration.
    behind: BTreeMap<NameKey, Vec<String>>,
    /// Which notices were given, of which term, and of which registration of the name.
    told: BTreeSet<(NameKey, String, Timestamp, usize)>,
    /// How often each name has been deleted.
    deleted: BTreeMap<NameKey, usize>,
    /// Everything that happened.
    journal: Vec<Event>,
}

fn name(world: &World, index: usize) -> NameKey {
    world.key(&format!("{}.{}", LABELS[index % 4], SUFFIXES[index / 4 % 2]))
}

fn unit(index: usize) -> UnitId {
    unit_id(["u1", "u2", "u3"][index % 3])
}

fn change(world: &World, index: usize) -> ChangeId {
    let known: Vec<ChangeId> = world.memory.changes.keys().rev().take(4).copied().collect();
    known.get(index % 4).copied().unwrap_or(ChangeId(0))
}

fn resolution(index: usize) -> Resolution {
    match index % 6 {
        0 => addresses(&["203.0.113.5"]),
        1 => addresses(&["2001:db8::5", "203.0.113.6"]),
        2 => addresses(&["224.0.0.1"]),
        3 => forward("https://www.example/"),
        4 => forward(&format!("https://{}.政务/", LABELS[index / 6 % 4])),
        _ => {
            let servers = vec![NameServer { host: "ns.example.net".into(), glue: Vec::new() }];
            Resolution::Delegation { servers, ds: Vec::new(), ttl: 3600 }
        }
    }
}

fn asserted(index: usize) -> Vec<(Level, Box<str>)> {
    match index % 5 {
        0 | 1 => Vec::new(),
        2 => both("r-1", "r-2"),
        3 => both("r-1", "operator"),
        _ => vec![(Level::Local, "r-1".into())],
    }
}

fn target(world: &World, index: usize) -> HoldTarget {
    match index % 3 {
        0 => HoldTarget::Unit(unit(index / 3)),
        _ => HoldTarget::Name(name(world, index / 3)),
    }
}

fn imported(world: &World, what: (usize, usize, i64, usize, Option<usize>)) -> Command {
    let (key, holder, age, chosen, hold) = what;
    let registered = Timestamp(world.now.0 - days(age));
    let placed = |index: usize| {
        let hold = Hold { start: registered, end: None, active: true, evidence: "case-1".into(), by: "before".into() };
        Holds([(HoldReason::ALL[index % 8], hold)].into())
    };
    let line = ImportName {
        key: name(world, key),
        unit: unit(holder),
        registered,
        expires: registered.term_end(2),
        kind: 1,
        primary: false,
        resolution: (chosen % 2 == 0).then(|| resolution(chosen / 2)),
        holds: hold.map(placed).unwrap_or_default(),
        basis: ImportBasis::Migration,
        variants: None,
    };
    Command::Import { items: vec![(1, ImportItem::Name(Box::new(line)))] }
}

fn command(world: &World, what: &What) -> Command {
    let moment = |after: Option<i64>| after.map(|secs| Timestamp(world.now.0 + secs));
    match *what {
        What::PutUnit { unit: index, kind } => {
            let kinds = [UnitKind::Organ, UnitKind::Institution, UnitKind::SocialOrganisation];
            Command::PutUnit { id: unit(index), spec: unit_spec(kinds[kind % 3]) }
        }
        What::PutName { name: key, unit: holder, years, kind } => Command::PutName {
            key: name(world, key),
            spec: NameSpec { unit: unit(holder), years, kind, primary: true, variants: None },
        },
        What::Delete { name: key } => Command::DeleteName { key: name(world, key) },
        What::ChangeHolder { name: key, unit: to, consent } => Command::ChangeHolder {
            key: name(world, key),
            unit: unit(to),
            consent: consent.then(|| "consent-1".into()),
        },
        What::Renew { name: key, years } => Command::Renew { key: name(world, key), years },
        What::Submit { name: key, resolution: chosen, asserted: by } => {
            Command::Submit { name: name(world, key), resolution: resolution(chosen), asserted: asserted(by) }
        }
        What::Review { change: index, central, approve } => Command::Review {
            change: change(world, index),
            level: if central { Level::Central } else { Level::Local },
            verdict: if approve { Verdict::Approve } else { Verdict::Reject { reason: "no".into() } },
        },
        What::Withdraw { change: index } => Command::Withdraw { change: change(world, index) },
        What::Place { target: index, reason, start, end } => Command::PlaceHold {
            target: target(world, index),
            reason: HoldReason::ALL[reason % 8],
            spec: hold_spec(moment(start), moment(end)),
        },
        What::Lift { target: index, reason } => {
            Command::LiftHold { target: target(world, index), reason: HoldReason::ALL[reason % 8] }
        }
        What::Import { name, unit, age, resolution, hold } => imported(world, (name, unit, age, resolution, hold)),
        What::Due { limit } => Command::Due { limit },
        What::Notify { limit } => Command::Notify { limit },
        What::Unfreeze { name: key } => Command::Unfreeze { key: name(world, key) },
        What::Migrate { name: key, days: after } => {
            Command::Migrate { key: name(world, key), notice: after.map(|after| world.now.add_days(after)) }
        }
        What::Release => Command::ReleaseBrake { reason: "seen".into(), names: None },
    }
}

impl Witness {
    /// Takes note of a granted command.
    fn note(&mut self, actor: &Actor, command: &Command, decision: &Decision) {
        let principal = actor.principal.to_string();
        self.journal.extend(decision.events.iter().cloned());
        // A notice of the deletion follows the deletion, but is of the registration before it.
        for notice in notices_of(decision) {
            let count = self.deleted.get(&notice.name).copied().unwrap_or(0);
            let first = self.told.insert((notice.name.clone(), notice.kind.to_string(), notice.expires, count));
            assert!(first, "{notice:?} twice");
        }
        for event in &decision.events {
            if let Event::NameRemoved { key, .. } = event {
                self.behind.remove(key);
                *self.deleted.entry(key.clone()).or_default() += 1;
            }
        }
        match command {
            Command::Submit { name, asserted, .. } => {
                let mut by = vec![principal];
                by.extend(asserted.iter().map(|(_, by)| by.to_string()));
                if &*decision.outcome.state == "live" {
                    self.behind.insert(name.clone(), by.clone());
                }
                self.took_part.insert(ChangeId::parse(&decision.outcome.id).unwrap(), by);
            }
            Command::Review { change, .. } => {
                let by = self.took_part.get_mut(change).expect("only what was submitted is reviewed");
                by.push(principal);
                let live = decision.events.iter().find_map(|event| match event {
                    Event::Name(name) if &*decision.outcome.state == "live" => Some(name.key.clone()),
                    _ => None,
                });
                if let Some(key) = live {
                    self.behind.insert(key, by.clone());
                }
            }
            Command::Import { items } => {
                for (_, item) in items {
                    if let ImportItem::Name(line) = item
                        && line.resolution.is_some()
                        && !decision.events.is_empty()
                    {
                        self.behind.insert(line.key.clone(), vec!["migration".into()]);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What must hold after every step.
fn check(world: &World, witness: &Witness) -> Result<(), TestCaseError> {
    for (key, name) in &world.memory.names {
        let unit = &world.memory.units[&name.unit];
        let held = name.holds.0.values().chain(unit.holds.0.values()).any(|hold| hold.active);
        prop_assert_eq!(world.memory.resolves(key), name.resolution.is_some() && !held);
        if name.resolution.is_some() {
            let by = &witness.behind[key];
            let distinct: BTreeSet<&String> = by.iter().collect();
            prop_assert!(by == &["migration"] || (by.len() == 3 && distinct.len() == 3), "{key}: {by:?}");
        }
        prop_assert_eq!(name.resolution.is_some(), name.resolved_by > 0);
        prop_assert!(name.version < world.seq && name.resolved_by <= name.version);
        prop_assert!(name.expires == name.expires.end_of_day() && name.registered < name.expires);
        let suffix = world.policy.sets.iter().find(|set| set.suffixes[0] == key.set).unwrap();
        prop_assert!(suffix.unit_kinds.contains(&unit.kind));
        if let Some(pending) = name.pending {
            let change = &world.memory.changes[&pending];
            prop_assert!(change.state.is_pending() && change.name == *key);
        }
        prop_assert!(!leads_back(world, key), "{key} is forwarded to itself");
    }
    for kept in world.memory.kept.values() {
        let holder = world.memory.names.get(&kept.key).map(|name| &name.unit);
        prop_assert!(holder.is_none_or(|unit| *unit == kept.unit || kept.until <= world.now), "{kept:?}");
    }
    for change in world.memory.changes.values() {
        let pending = world.memory.names.get(&change.name).and_then(|name| name.pending) == Some(change.id);
        prop_assert_eq!(change.state.is_pending(), pending);
        prop_assert_eq!(change.state == ChangeState::Live, change.central.is_some());
        prop_assert!(change.central.is_none() || change.local.is_some());
    }
    let penalties = world.memory.units.values().map(|unit| &unit.holds);
    let penalties = penalties.chain(world.memory.names.values().map(|name| &name.holds));
    for hold in penalties.filter_map(|holds| holds.0.get(&HoldReason::Penalty)) {
        prop_assert!(hold.end.is_some_and(|end| end.0 - hold.start.0 <= days(90)));
    }
    Ok(())
}

/// Whether following forwards from `key` comes back to it.
fn leads_back(world: &World, key: &NameKey) -> bool {
    let mut at = key.clone();
    for _ in 0..world.memory.names.len() {
        let resolution = world.memory.names.get(&at).and_then(|name| name.resolution.as_ref());
        let Some(Resolution::Forward { target, .. }) = resolution else { return false };
        let host = target.trim_start_matches("https://").trim_end_matches('/');
        let Ok(next) = NameKey::parse(host, &world.policy) else { return false };
        at = next;
        if at == *key {
            return true;
        }
    }
    false
}

/// Once the clock has done its work, nothing due is left, and doing it again changes nothing.
fn check_settled(world: &mut World) -> Result<(), TestCaseError> {
    world.tick();
    let before = world.memory.clone();
    prop_assert_eq!(world.tick(), 0);
    prop_assert_eq!(&world.memory, &before);
    let told = world.notify();
    prop_assert_eq!(world.notify(), []);
    for notice in &told {
        let reached =
            if let NoticeKind::Term(days) = notice.kind { notice.expires.add_days(days.into()) } else { world.now };
        prop_assert!(reached <= world.now, "{notice:?} too early");
    }
    let unfreeze = world.policy.terms.national.unfreeze;
    prop_assert!(world.memory.schedule().iter().all(|due| due.at > world.now), "nothing due is left undone");
    for name in world.memory.names.values() {
        let expired = name.holds.0.contains_key(&HoldReason::Expired);
        // Renewed and not unfrozen, it stays where it is.
        prop_assert!(expired == (name.expires <= world.now) || (expired && unfreeze == Unfreeze::Always));
        let unpaid = name.expires.add_days(world.policy.terms.profile(&name.key.set).unpaid_days) <= world.now;
        prop_assert_eq!(name.life.leaving.is_some(), unpaid && expired);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn histories_keep_the_promises(
        steps in prop::collection::vec(step(), 1..80),
        always in any::<bool>(),
        redemption in any::<bool>(),
    ) {
        let (mut world, mut witness) = (World::new(), Witness::default());
        let founded = world.memory.clone();
        if always {
            world.policy.terms.national.unfreeze = Unfreeze::Always;
        }
        if redemption {
            world.policy.terms.profiles = vec![("xn--zfr164b".into(), Profile::ICANN_RGP)];
        }
        for step in steps {
            world.now.0 += step.seconds;
            let who = who(&step);
            let command = command(&world, &step.what);
            let before = world.memory.clone();
            match world.ask(&who, &command) {
                Err(_) => prop_assert_eq!(&world.memory, &before),
                Ok(decision) => {
                    // Applied once more, the events change nothing: a replay may meet what was applied already.
                    let after = world.memory.clone();
                    decision.events.iter().for_each(|event| world.memory.apply(event));
                    prop_assert_eq!(&world.memory, &after);
                    // No event, no change; an event, the version the client is told.
                    prop_assert!(!decision.events.is_empty() || after == before);
                    prop_assert!(decision.events.is_empty() || decision.outcome.version == world.seq - 1);
                    witness.note(&who, &command, &decision);
                    if let Command::DeleteName { key } = &command {
                        let migration = before.names[key].life.migration;
                        prop_assert!(migration.is_none_or(|notice| notice.add_months(3) <= world.now));
                    }
                }
            }
            check(&world, &witness)?;
        }
        // Replayed, the journal gives the same state.
        let mut replayed = founded;
        witness.journal.iter().for_each(|event| replayed.apply(event));
        prop_assert_eq!(&replayed, &world.memory);
        check_settled(&mut world)?;
    }
}
