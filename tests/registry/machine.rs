//! Random histories against what the rules promise, told independently of how `decide` keeps them.

use crate::world::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use zhengming::registry::command::*;
use zhengming::registry::life::Unfreeze;
use zhengming::registry::procedure::SiteReviewCommand as Site;
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
    List { targets: [usize; 3], reason: usize, place: bool, end: Option<i64> },
    Import { name: usize, unit: usize, age: i64, resolution: usize, hold: Option<usize> },
    Due { limit: usize },
    Notify { limit: usize },
    Unfreeze { name: usize },
    Migrate { name: usize, days: Option<i64> },
    Release,
    Site { unit: usize, step: usize, name: usize, approve: bool },
    Penalise { unit: usize, step: usize, days: i64 },
}

fn what() -> impl Strategy<Value = What> {
    let index = || 0..64usize;
    prop_oneof![
        1 => (index(), index()).prop_map(|(unit, kind)| What::PutUnit { unit, kind }),
        4 => (index(), index(), prop::option::of(0..12u32), 0..9u8)
            .prop_map(|(name, unit, years, kind)| What::PutName { name, unit, years, kind }),
        1 => index().prop_map(|name| What::Delete { name }),
        1 => (index(), index(), prop::bool::weighted(0.8))
            .prop_map(|(name, unit, consent)| What::ChangeHolder { name, unit, consent }),
        2 => (index(), 1..12u32).prop_map(|(name, years)| What::Renew { name, years }),
        6 => (index(), index(), index())
            .prop_map(|(name, resolution, asserted)| What::Submit { name, resolution, asserted }),
        8 => (index(), any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(change, central, approve)| What::Review { change, central, approve }),
        1 => index().prop_map(|change| What::Withdraw { change }),
        3 => (index(), index(), prop::option::of(-9..99i64), prop::option::of(-9..99i64))
            .prop_map(|(target, reason, start, end)| What::Place { target, reason, start, end }),
        3 => (index(), index()).prop_map(|(target, reason)| What::Lift { target, reason }),
        2 => ([index(), index(), index()], index(), any::<bool>(), prop::option::of(-9..99i64))
            .prop_map(|(targets, reason, place, end)| What::List { targets, reason, place, end }),
        2 => (index(), index(), 0..1200i64, index(), prop::option::of(index()))
            .prop_map(|(name, unit, age, resolution, hold)| What::Import { name, unit, age, resolution, hold }),
        4 => (0..9usize).prop_map(|limit| What::Due { limit }),
        4 => (0..9usize).prop_map(|limit| What::Notify { limit }),
        2 => (0..64usize).prop_map(|name| What::Unfreeze { name }),
        1 => (0..64usize, prop::option::of(-99..99i64)).prop_map(|(name, days)| What::Migrate { name, days }),
        1 => Just(What::Release),
        9 => (index(), index(), index(), prop::bool::weighted(0.8))
            .prop_map(|(unit, step, name, approve)| What::Site { unit, step, name, approve }),
        2 => (index(), index(), 0..99i64).prop_map(|(unit, step, days)| What::Penalise { unit, step, days }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = prop_oneof![4 => 0..90i64, 1 => 0..days(400)];
    (0..64usize, seconds, what()).prop_map(|(actor, seconds, what)| Step { actor, seconds, what })
}

/// Most often someone who has the role that the step takes, now and then anyone.
fn who(step: &Step, command: &Command) -> Actor {
    let of_site = |command: &Site| -> &[usize] {
        match command {
            Site::Submit { .. } => &[1],
            Site::Decide { step: SiteStep::Central, .. } => &[5, 5, 6],
            Site::Decide { .. } => &[2, 2, 3, 4],
            _ => &[0],
        }
    };
    let fitting: &[usize] = match command {
        Command::Due { .. } | Command::Notify { .. } => &[7],
        Command::Submit { .. } => &[0, 1, 1, 1],
        Command::Review { level: Level::Local, .. } => &[2, 2, 3, 4],
        Command::Review { level: Level::Central, .. } => &[5, 5, 6],
        Command::Withdraw { .. } => &[0, 1],
        Command::ReviewSite { command, .. } => of_site(command),
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
    /// Who handed in and approved each unit's site since its last submission, and at which step.
    sites: BTreeMap<UnitId, Vec<(Option<SiteStep>, String)>>,
    /// The former names of blacklisted units, until they are deleted.
    withheld: BTreeSet<NameKey>,
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

/// Most often what comes next in the review of the unit's site, now and then something else.
fn site(world: &World, (of, step, named, approve): (usize, usize, usize, bool)) -> Command {
    let open = Site::Open { kind: SiteReviewKind::New, deadline: None };
    let decide = |step| {
        let verdict = if approve { Verdict::Approve } else { Verdict::Reject { reason: "no".into() } };
        Site::Decide { step, verdict, papers: Vec::new() }
    };
    let review = world.memory.units.get(&unit(of)).and_then(|unit| unit.site_review.as_ref());
    let state = review.map(|review| review.state);
    let command = match step % 12 {
        0 => open,
        1 => Site::Postpone { deadline: world.now.add_days(60).end_of_day(), reason: "later".into() },
        2 => Site::Cancel,
        3 => decide([SiteStep::Local, SiteStep::Central, SiteStep::Paper][step / 12 % 3]),
        _ => match state {
            None | Some(SiteReviewState::Passed) => open,
            Some(SiteReviewState::Open | SiteReviewState::Rejected) => Site::Submit { name: name(world, named) },
            Some(SiteReviewState::LocalReview) => decide(SiteStep::Local),
            Some(SiteReviewState::CentralReview) => decide(SiteStep::Central),
            Some(SiteReviewState::Paper) => decide(SiteStep::Paper),
        },
    };
    Command::ReviewSite { unit: unit(of), command }
}

/// Most often the unit's next penalty.
fn penalty(world: &World, of: usize, step: usize, days: i64) -> Command {
    let record = world.memory.units.get(&unit(of)).map(|unit| unit.penalties.next());
    let step = record.filter(|_| step >= 16).unwrap_or(PenaltyStep::ALL[step % 3]);
    let midnight = Timestamp(world.now.add_days(days).end_of_day().0 + 1);
    let end = (step == PenaltyStep::Suspension).then_some(midnight);
    let spec = PenaltySpec { violation: Violation::Other, evidence: "case-2".into(), end };
    Command::Penalise { unit: unit(of), step, spec }
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
        life: Life::default(),
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
        What::List { targets, reason, place, end } => {
            let item = |(line, index): (usize, usize)| {
                let place = place.then(|| hold_spec(None, moment(end)));
                (line, HoldItem { target: target(world, index), reason: HoldReason::ALL[reason % 8], place })
            };
            Command::HoldList { items: targets.into_iter().enumerate().map(item).collect() }
        }
        What::Import { name, unit, age, resolution, hold } => imported(world, (name, unit, age, resolution, hold)),
        What::Due { limit } => Command::Due { limit },
        What::Notify { limit } => Command::Notify { limit },
        What::Unfreeze { name: key } => Command::Unfreeze { key: name(world, key) },
        What::Migrate { name: key, days: after } => {
            Command::Migrate { key: name(world, key), notice: after.map(|after| world.now.add_days(after)) }
        }
        What::Site { unit: of, step, name: named, approve } => site(world, (of, step, named, approve)),
        What::Penalise { unit: of, step, days } => penalty(world, of, step, days),
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
                self.withheld.remove(key);
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
            Command::ReviewSite { unit, command } => self.note_site(principal, unit, command, decision),
            Command::Penalise { step: PenaltyStep::Deletion, .. } => {
                let names = decision.events.iter().filter_map(|event| match event {
                    Event::Name(name) => Some(name.key.clone()),
                    _ => None,
                });
                self.withheld.extend(names);
            }
            _ => {}
        }
    }

    /// A site passes by two reviewers who have not handed it in; with papers if its unit is an organ (R17, R22).
    fn note_site(&mut self, principal: String, unit: &UnitId, command: &Site, decision: &Decision) {
        let state = &*decision.outcome.state;
        let image = decision.events.iter().find_map(|event| match event {
            Event::Unit(unit) => Some(unit),
            _ => None,
        });
        let is_organ = image.is_some_and(|unit| unit.kind == UnitKind::Organ);
        match command {
            Site::Submit { .. } => drop(self.sites.insert(unit.clone(), vec![(None, principal)])),
            Site::Decide { step, verdict: Verdict::Approve, .. } => {
                let by = self.sites.get_mut(unit).expect("only what was handed in is decided");
                by.push((Some(*step), principal));
                assert!(*step != SiteStep::Central || (state == "paper") == is_organ, "{state}");
                let steps: Vec<_> = by.iter().map(|(step, _)| *step).collect();
                let order = [None, Some(SiteStep::Local), Some(SiteStep::Central), Some(SiteStep::Paper)];
                assert!(order.starts_with(&steps), "{steps:?}");
                let first: BTreeSet<&String> = by.iter().take(3).map(|(_, by)| by).collect();
                assert!(first.len() == by.len().min(3), "{by:?}");
                assert_eq!(state == "passed", by.len() == 4 || (by.len() == 3 && state != "paper"), "{by:?}");
            }
            _ => {}
        }
    }
}

/// What must hold of a unit.
fn check_unit(world: &World, unit: &Unit) -> Result<(), TestCaseError> {
    let steps: Vec<PenaltyStep> = unit.penalties.0.iter().map(|penalty| penalty.step).collect();
    for (index, step) in steps.iter().enumerate() {
        prop_assert_eq!(*step, PenaltyStep::ALL[index % 3], "no step is skipped");
    }
    for reason in [HoldReason::SiteNotSubmitted, HoldReason::SiteReviewFailed] {
        let of_review = |hold: &&Hold| SiteReviewId::parse(&hold.evidence).is_some();
        let Some(hold) = unit.holds.0.get(&reason).filter(of_review) else { continue };
        let review = unit.site_review.as_ref().expect("the clock holds for a review that is there");
        prop_assert!(
            &*hold.by == "clock" && *hold.evidence == *review.id.to_string() && review.state != SiteReviewState::Passed
        );
        prop_assert!(hold.active && hold.end.is_none() && hold.start <= world.now);
    }
    Ok(())
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
        prop_assert!(name.resolution.is_none() || !witness.withheld.contains(key), "{key} is withheld");
        if let Some(pending) = name.pending {
            let change = &world.memory.changes[&pending];
            prop_assert!(change.state.is_pending() && change.name == *key);
        }
        prop_assert!(!leads_back(world, key), "{key} is forwarded to itself");
    }
    for unit in world.memory.units.values() {
        check_unit(world, unit)?;
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
fn check_settled(world: &mut World, witness: &Witness) -> Result<(), TestCaseError> {
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
        let withheld = witness.withheld.contains(&name.key);
        prop_assert_eq!(name.life.leaving.is_some(), (unpaid && expired) || withheld);
    }
    for review in world.memory.units.values().filter_map(|unit| unit.site_review.as_ref()) {
        use SiteReviewState::{Open, Paper, Rejected};
        let for_unit = matches!(review.state, Open | Rejected | Paper);
        prop_assert_eq!(review.missed, for_unit && review.deadline.is_some_and(|until| until < world.now));
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
            let command = command(&world, &step.what);
            let who = who(&step, &command);
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
        check_settled(&mut world, &witness)?;
    }
}
