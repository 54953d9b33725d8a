//! Random histories against what the rules promise, told independently of how `decide` keeps them.

use crate::witness::{Witness, check, check_ended, check_settled};
use crate::world::*;
use proptest::prelude::*;
use zhengming::idn::Label;
use zhengming::registry::command::*;
use zhengming::registry::life::Unfreeze;
use zhengming::registry::procedure::{ApplicationCommand as Apply, OrderCommand as Charge, SiteReviewCommand as Site};
use zhengming::registry::*;

/// The clients that act; two principals have a second role, so that the rule of three has to hold.
const ACTORS: [(&str, Role, Option<&str>); 10] = [
    ("operator", Role::Operator, None),
    ("submitter", Role::Submitter, None),
    ("local", Role::LocalReviewer, Some("620421")),
    ("submitter", Role::LocalReviewer, None),
    ("foreign", Role::LocalReviewer, Some("620422")),
    ("central", Role::CentralReviewer, None),
    ("local", Role::CentralReviewer, None),
    ("clock", Role::System, None),
    ("admin", Role::LocalAdmin, Some("620421")),
    ("finance", Role::Finance, None),
];
/// Three of one package by the table, two of another, and one alone.
const LABELS: [&str; 6] = ["国家税务局", "國家稅務局", "囯家税务侷", "靖远县教育局", "靖遠縣教育局", "靖远县水务局"];
const SUFFIXES: [&str; 2] = ["政务", "公益"];

/// One step: what is asked, by whom, how much later. Indexes choose among what there is, so that most steps mean something.
#[derive(Clone, Debug)]
struct Move {
    actor: usize,
    seconds: i64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    PutUnit { unit: usize, kind: usize },
    PutName { name: usize, unit: usize, years: Option<u32>, kind: u8, variants: usize },
    File { unit: usize, names: (usize, usize), plan: usize, off: usize },
    Delete { name: usize },
    ChangeHolder { name: usize, unit: usize, consent: bool },
    Renew { name: usize, years: u32 },
    Submit { name: usize, resolution: usize, asserted: usize },
    Review { change: usize, central: bool, approve: bool },
    Withdraw { change: usize },
    Place { target: usize, reason: usize, start: Option<i64>, end: Option<i64> },
    Lift { target: usize, reason: usize },
    List { targets: [usize; 3], reason: usize, place: bool, end: Option<i64> },
    Import { name: usize, beside: Option<usize>, unit: usize, age: i64, resolution: usize, hold: Option<usize> },
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
        4 => (index(), index(), prop::option::of(0..12u32), 0..9u8, index())
            .prop_map(|(name, unit, years, kind, variants)| What::PutName { name, unit, years, kind, variants }),
        8 => (index(), (index(), index()), index(), index())
            .prop_map(|(unit, names, plan, off)| What::File { unit, names, plan, off }),
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
        2 => ((index(), prop::option::of(index())), index(), 0..1200i64, index(), prop::option::of(index())).prop_map(
            |((name, beside), unit, age, resolution, hold)| What::Import { name, beside, unit, age, resolution, hold }
        ),
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

fn step() -> impl Strategy<Value = Move> {
    let seconds = prop_oneof![4 => 0..90i64, 1 => 0..days(400)];
    (0..64usize, seconds, what()).prop_map(|(actor, seconds, what)| Move { actor, seconds, what })
}

/// Most often someone who has the role that the step takes, now and then anyone.
fn who(step: &Move, command: &Command) -> Actor {
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
        Command::Apply(Apply::Review { step: Step::Central, .. }) => &[5, 5, 6],
        Command::Apply(Apply::Review { .. }) => &[2, 2, 3, 4],
        Command::Apply(_) => &[1],
        Command::Charge(Charge::Recognise { .. }) => &[9],
        Command::Charge(_) => &[8],
        _ => &[0],
    };
    let index = if step.actor < 56 { fitting[step.actor % fitting.len()] } else { step.actor % ACTORS.len() };
    let (principal, role, region) = ACTORS[index];
    actor(principal, role, region)
}

fn name(world: &World, index: usize) -> NameKey {
    world.key(&format!("{}.{}", LABELS[index % 6], SUFFIXES[index / 6 % 2]))
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
        4 => forward(&format!("https://{}.政务/", LABELS[index / 6 % 6])),
        _ => {
            let servers = vec![NameServer { host: "ns.example.net".into(), glue: Vec::new() }];
            Resolution::Delegation { servers, ds: Vec::new(), ttl: 3600 }
        }
    }
}

/// Most often none are said; else none at all, or a form that is right for some names.
fn variants(index: usize) -> Option<Variants> {
    let label = || Some(Label::parse(LABELS[index / 8 % 6]).unwrap());
    match index % 8 {
        0..4 => None,
        4 => Some(Variants::default()),
        5 => Some(Variants { simplified: label(), traditional: None }),
        _ => Some(Variants { simplified: None, traditional: label() }),
    }
}

/// Most often what comes next of one of the latest two applications, now and then another one, or something else.
fn filing(world: &World, unit: UnitId, names: (usize, usize), plan: usize, off: usize) -> Command {
    let create = || {
        let slot = |kind, index| SlotSpec { kind, name: name(world, index), years: Some(2) };
        let slots = vec![slot(1, names.0), slot(2, names.1)];
        let spec = ApplicationSpec { purpose: Purpose::Site, slots, resolution: resolution(plan), papers: Vec::new() };
        Command::Apply(Apply::Create { unit: unit.clone(), spec, submit: !off.is_multiple_of(3) })
    };
    let known = world.memory.applications.values().rev().nth(off / 8 % 2);
    let Some(Application { id: application, state, order, .. }) = known.filter(|_| !off.is_multiple_of(8)) else {
        return create();
    };
    let application = *application;
    if off % 16 == 1 {
        return Command::Apply(Apply::Withdraw { application });
    }
    let order = order.and_then(|order| world.memory.orders.get(&order));
    let amount = order.map_or(Money(0), Order::amount);
    let verdict = if off % 16 == 2 { Verdict::Reject { reason: "no".into() } } else { Verdict::Approve };
    let review = |step| {
        Command::Apply(Apply::Review {
            application,
            step,
            verdict,
            papers: Vec::new(),
            forms: Vec::new(),
            confirm: true,
        })
    };
    match (state, order) {
        (ApplicationState::Draft | ApplicationState::Rejected, _) => Command::Apply(Apply::Submit { application }),
        (ApplicationState::OfficeReview, _) => review(Step::Office),
        (ApplicationState::LocalReview, _) => review(Step::Local),
        (ApplicationState::CentralReview, _) => review(Step::Central),
        (ApplicationState::AwaitingFee, Some(order)) => {
            // Of the same number some are the unit's own, and others are refused.
            let (order, invoice) = (order.id, format!("{}", off % 3).into());
            Command::Charge(Charge::Confirm { order, invoice, payer: Payer::Unit, voucher: None })
        }
        (ApplicationState::FeeConfirmed, Some(order)) => {
            Command::Charge(Charge::Remit { orders: vec![order.id], amount })
        }
        (ApplicationState::Remitted, Some(order)) => {
            let remittance = order.remittance.expect("it was remitted");
            Command::Charge(Charge::Recognise { remittance, amount })
        }
        _ => create(),
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
            None | Some(SiteReviewState::Passed | SiteReviewState::Cancelled) => open,
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

fn imported(world: &World, key: usize, what: (usize, i64, usize, Option<usize>)) -> ImportItem {
    let (holder, age, chosen, hold) = what;
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
    ImportItem::Name(Box::new(line))
}

fn command(world: &World, what: &What) -> Command {
    let moment = |after: Option<i64>| after.map(|secs| Timestamp(world.now.0 + secs));
    match *what {
        What::PutUnit { unit: index, kind } => {
            let kinds = [UnitKind::Organ, UnitKind::Institution, UnitKind::SocialOrganisation];
            Command::PutUnit { id: unit(index), spec: unit_spec(kinds[kind % 3]) }
        }
        What::PutName { name: key, unit: holder, years, kind, variants: given } => Command::PutName {
            key: name(world, key),
            spec: NameSpec { unit: unit(holder), years, kind, primary: true, variants: variants(given) },
        },
        What::File { unit: of, names, plan, off } => filing(world, unit(of), names, plan, off),
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
        What::Import { name, beside, unit, age, resolution, hold } => {
            let names = [Some(name), beside].into_iter().flatten();
            let lines = names.map(|name| imported(world, name, (unit, age, resolution, hold)));
            Command::Import { items: lines.enumerate().collect() }
        }
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn histories_keep_the_promises(
        steps in prop::collection::vec(step(), 1..80),
        always in any::<bool>(),
        redemption in any::<bool>(),
        tabled in any::<bool>(),
    ) {
        let (mut world, mut witness) = (World::new(), Witness::default());
        world.policy.rates = crate::filings::rates();
        if tabled {
            world.policy.labels = crate::labels::labels();
            world.memory.labels = world.policy.labels.clone();
        }
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
                    check_ended(&before, &after, &decision.events)?;
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
