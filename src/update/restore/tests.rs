//! Random histories: what is loaded from a checkpoint and the journal's tail is what reading the whole store finds, and a
//! store that is made anew from the journal is the same in every entry, whichever tables of variants came and went.

use super::super::clock::TestClock;
use super::super::engine::Engine;
use super::super::recover;
use super::super::scan::scan_all;
use super::super::{Pace, Reload, Start, Submission, WritePace, writer};
use super::*;
use crate::idn::table::{Builder, Table};
use crate::idn::{Bundle, Label};
use crate::registry::command::{
    HoldSpec, HoldTarget, ImportBasis, ImportItem, ImportName, NameSpec, UnitSpec, Verdict,
};
use crate::registry::procedure::{ApplicationCommand, OrderCommand};
use crate::registry::{
    Actor, ApplicationId, ApplicationSpec, Area, Command, Divisions, Hold, HoldReason, Holds, Labels, Level, Life,
    LookAlikes, Money, OrderId, Payer, Policy, Purpose, Rate, Rates, Region, Registration, RemittanceId, Request,
    Resolution, Role, SlotSpec, Step as Review, SuffixSet, Timestamp, Unit, UnitKind, Variants,
};
use crate::telemetry;
use crate::zone::{Name, Published, Record, Rtype, Stored, Zone};
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;

const SETS: [&str; 2] = ["xn--zfr164b", "xn--55qw42g"];
const KINDS: [UnitKind; 2] = [UnitKind::Organ, UnitKind::Institution];
const NOW: i64 = 1_795_339_469;
const DAY: i64 = 86_400;
const UNITS: usize = 4;
/// Three labels of one package by the table, two of another, and one alone.
const LABELS: [&str; 6] = ["国局", "國局", "囯侷", "发山", "發山", "山山"];
/// As many names as labels under sets.
const NAMES: usize = 12;
/// What a name costs a year.
const YUAN: u32 = 100;

fn unit_id(n: usize) -> UnitId {
    UnitId::parse(&format!("unit-{n}")).unwrap()
}

/// The name with this number, of the set that its unit may have names in.
fn key(n: usize) -> NameKey {
    NameKey { label: label(n / 2), set: SETS[n % 2].into() }
}

fn label(n: usize) -> Label {
    Label::parse(LABELS[n % LABELS.len()]).unwrap()
}

/// The table that comes with the program, where there is one.
fn table(with: bool) -> Option<Arc<Table>> {
    static TABLE: LazyLock<Arc<Table>> = LazyLock::new(|| {
        let mut builder = Builder::new();
        builder.lgr(include_str!("../../../config/idn-zh.xml")).unwrap();
        Arc::new(builder.finish())
    });
    with.then(|| Arc::clone(&TABLE))
}

fn unit_spec(n: usize, name: u8) -> UnitSpec {
    let region = Region::parse("62").unwrap();
    UnitSpec { name: format!("某局{name}").into(), kind: KINDS[n % 2], region, admin_function_proof: None }
}

fn resolution() -> impl Strategy<Value = Resolution> {
    prop_oneof![
        any::<u8>().prop_map(|last| Resolution::Addresses {
            addresses: vec![[203, 0, 113, last].into()],
            ttl: 600,
            www: last % 2 == 0
        }),
        any::<bool>().prop_map(|www| Resolution::Forward {
            target: "https://www.example/".into(),
            code: 302,
            keep_path: !www,
            ttl: 300,
            www
        }),
    ]
}

fn reason() -> impl Strategy<Value = HoldReason> {
    proptest::sample::select(vec![HoldReason::Legal, HoldReason::Blacklist, HoldReason::UnitRequest])
}

fn name() -> impl Strategy<Value = ImportItem> {
    let held = proptest::option::weighted(0.2, (reason(), any::<bool>()));
    (0..NAMES, 0..UNITS / 2, proptest::option::of(resolution()), held, 1..5i64).prop_map(
        |(n, unit, resolution, held, days)| {
            let holds = held.map(|(reason, active)| {
                let start = Timestamp(if active { NOW - DAY } else { NOW + days * DAY });
                (reason, Hold { start, end: None, active, evidence: "case-1".into(), by: "registry".into() })
            });
            ImportItem::Name(Box::new(ImportName {
                key: key(n),
                unit: unit_id(2 * unit + n % 2),
                registered: Timestamp(NOW - 365 * DAY),
                expires: Timestamp(NOW + days * DAY),
                kind: 1,
                primary: false,
                resolution,
                holds: Holds(holds.into_iter().collect()),
                basis: ImportBasis::Migration,
                variants: None,
                life: Life::default(),
            }))
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Do(Command),
    /// A unit applies for two of its names, and the application goes so many steps of its way.
    Apply {
        unit: usize,
        names: (usize, usize),
        steps: usize,
        resolution: Resolution,
    },
    /// The program is started again, with or without a table.
    Restart(bool),
    /// The clock moves on by so many seconds, and what is due is done.
    Later(i64),
    Checkpoint,
}

fn step() -> impl Strategy<Value = Step> {
    let target = || {
        prop_oneof![
            (0..NAMES).prop_map(|n| HoldTarget::Name(key(n))),
            (0..UNITS).prop_map(|n| HoldTarget::Unit(unit_id(n)))
        ]
    };
    let end = || proptest::option::of(1..3i64).prop_map(|days| days.map(|days| Timestamp(NOW + days * DAY)));
    // Of many names some are in each other's way, and none comes then.
    let import = proptest::collection::vec(name(), 1..4);
    let import = import.prop_map(|items| Command::Import { items: items.into_iter().enumerate().collect() });
    let form = || prop_oneof![2 => Just(None), 1 => (0..LABELS.len()).prop_map(|n| Some(label(n)))];
    let variants = (form(), form()).prop_map(|(simplified, traditional)| Variants { simplified, traditional });
    let put = (0..NAMES, 0..UNITS / 2, any::<bool>(), proptest::option::of(variants));
    let put = put.prop_map(|(n, unit, is_new, variants)| Command::PutName {
        key: key(n),
        spec: NameSpec {
            unit: unit_id(2 * unit + n % 2),
            years: is_new.then_some(2),
            kind: 1,
            primary: false,
            variants,
        },
    });
    let command = prop_oneof![
        4 => import,
        4 => put,
        2 => (target(), reason(), end()).prop_map(|(target, reason, end)| Command::PlaceHold {
            target, reason, spec: HoldSpec { start: None, end, evidence: "case-2".into() }
        }),
        2 => (target(), reason()).prop_map(|(target, reason)| Command::LiftHold { target, reason }),
        2 => (0..NAMES).prop_map(|n| Command::DeleteName { key: key(n) }),
        1 => (0..UNITS, any::<u8>()).prop_map(|(n, name)| Command::PutUnit { id: unit_id(n), spec: unit_spec(n, name) }),
        4 => (0..NAMES, resolution()).prop_map(|(n, resolution)| Command::Submit {
            name: key(n), resolution, asserted: vec![(Level::Local, "r-1".into()), (Level::Central, "r-2".into())]
        }),
    ];
    let apply = (0..UNITS, (0..LABELS.len(), 0..LABELS.len()), 1..8usize, resolution());
    prop_oneof![
        12 => command.prop_map(Step::Do),
        2 => apply.prop_map(|(unit, names, steps, resolution)| Step::Apply { unit, names, steps, resolution }),
        1 => (0..3 * DAY).prop_map(Step::Later),
        1 => any::<bool>().prop_map(Step::Restart),
        1 => Just(Step::Checkpoint),
    ]
}

fn zone(apex: &str) -> Zone {
    let apex = Name::absolute(apex).unwrap();
    let mut soa = [Name::absolute("ns.example").unwrap(), Name::absolute("hostmaster.example").unwrap()]
        .map(|name| name.as_wire().to_vec())
        .concat();
    soa.extend([7u32, 1800, 900, 1_209_600, 300].map(u32::to_be_bytes).concat());
    let record = Record { owner: apex.clone(), rtype: Rtype::SOA, ttl: 300, rdata: soa.into() };
    Zone::build(apex, [record]).unwrap()
}

fn prepare(data_dir: &Path, clock: &Arc<TestClock>, table: Option<Arc<Table>>) -> Engine {
    let set = |n: usize| SuffixSet {
        suffixes: vec![SETS[n].into()],
        unit_kinds: vec![KINDS[n]],
        unit_kinds_with_proof: Vec::new(),
    };
    let rate = |n: usize| Rate { set: SETS[n].into(), area: Area::Ordinary, from: Timestamp(0), yuan: YUAN };
    let policy = Policy {
        allow_special_addresses: true,
        brake_percent: 100,
        brake_names_min: 1000,
        rates: Rates { rows: vec![rate(0), rate(1)], poor_areas: Vec::new() },
        labels: Labels::new(table, &[], Divisions::default(), LookAlikes::default()),
        ..Policy::of(vec![set(0), set(1)])
    };
    let zones = SETS.iter().map(|apex| (zone(apex), [1; 32])).collect();
    let start = Start {
        data_dir: data_dir.into(),
        reload: Reload { zones, unloaded: Vec::new(), gateways: Vec::new(), policy, asked_by: None },
        clock: Arc::clone(clock) as Arc<dyn super::super::Clock>,
        metrics: telemetry::Writer::detached(),
        checkpoints: Pace { events: u64::MAX, pause: Duration::ZERO },
        writes: WritePace::default(),
    };
    writer::prepare(Home::of(data_dir).unwrap(), start).unwrap()
}

fn submit(engine: &mut Engine, command: Command) {
    submit_as(engine, ("operator", Role::Operator), command);
}

/// The id of what came of it; none if it was refused.
fn submit_as(engine: &mut Engine, (principal, role): (&str, Role), command: Command) -> Option<Box<str>> {
    let submission = Submission {
        actor: Actor { principal: principal.into(), role, region: None },
        command,
        request: Request { operation: "test".into(), target: "test".into(), note: None, key: None },
        if_match: None,
        dry_run: false,
        confirmed: false,
    };
    let mut id = None;
    // What the registry refuses changes nothing.
    engine
        .run(&[submission], |answers| id = answers.into_iter().flatten().next().map(|receipt| receipt.outcome.id))
        .unwrap();
    id
}

/// The first `steps` of the way from an application to registered names, as far as the registry lets it.
fn apply(engine: &mut Engine, unit: usize, names: (usize, usize), steps: usize, resolution: &Resolution) -> Option<()> {
    let slot = |kind, n: usize| SlotSpec { kind, name: key(2 * n + unit % 2), years: Some(2) };
    let slots = vec![slot(1, names.0), slot(2, names.1)];
    let spec = ApplicationSpec { purpose: Purpose::Site, slots, resolution: resolution.clone(), papers: Vec::new() };
    let create = Command::Apply(ApplicationCommand::Create { unit: unit_id(unit), spec, submit: true });
    let application = ApplicationId::parse(&submit_as(engine, ("submitter", Role::Submitter), create)?)?;
    let review = |step| {
        let (verdict, papers) = (Verdict::Approve, Vec::new());
        Command::Apply(ApplicationCommand::Review {
            application,
            step,
            verdict,
            papers,
            forms: Vec::new(),
            confirm: true,
        })
    };
    if steps == 1 {
        let withdraw = Command::Apply(ApplicationCommand::Withdraw { application });
        return submit_as(engine, ("submitter", Role::Submitter), withdraw).map(drop);
    }
    (steps > 2).then_some(())?;
    submit_as(engine, ("r-1", Role::LocalReviewer), review(Review::Local))?;
    (steps > 3).then_some(())?;
    submit_as(engine, ("r-2", Role::CentralReviewer), review(Review::Central))?;
    let order = OrderId(engine.journal.position().seq);
    (steps > 4).then_some(())?;
    let confirm = OrderCommand::Confirm { order, invoice: "1".into(), payer: Payer::Unit, voucher: None };
    submit_as(engine, ("admin", Role::LocalAdmin), Command::Charge(confirm))?;
    (steps > 5).then_some(())?;
    let amount = Money::from_yuan(2 * 2 * YUAN);
    let remit = Command::Charge(OrderCommand::Remit { orders: vec![order], amount });
    let remittance = RemittanceId::parse(&submit_as(engine, ("admin", Role::LocalAdmin), remit)?)?;
    (steps > 6).then_some(())?;
    let recognise = Command::Charge(OrderCommand::Recognise { remittance, amount });
    submit_as(engine, ("finance", Role::Finance), recognise).map(drop)
}

type Content = BTreeMap<(Arc<str>, Vec<u8>), Vec<u8>>;

fn content(sets: &[(Arc<str>, Pages)]) -> Content {
    let names = |(set, pages): &(Arc<str>, Pages)| {
        let entry = |stored: Stored<'_>| ((Arc::clone(set), stored.key.to_vec()), stored.value.to_vec());
        pages.iter().map(entry).collect::<Vec<_>>()
    };
    sets.iter().flat_map(names).collect()
}

/// Everything registered, with its unit.
fn registered(engine: &Engine) -> Vec<(Unit, Registration)> {
    let store = engine.store.ready().unwrap();
    let mut names = Vec::new();
    store
        .for_each_name(&mut |name| {
            names.push((store.unit(&name.unit).unwrap().unwrap(), name));
            true
        })
        .unwrap();
    names
}

/// What should be served: each name and its active variants with the name's data, under the holds of the name.
fn to_be_served(engine: &Engine) -> Content {
    let mut content = Content::new();
    for (unit, name) in registered(engine) {
        let Some(published) = published(&unit, &name) else { continue };
        for label in name.labels() {
            let mut octets = Vec::new();
            published.encode(&mut octets);
            if *label != name.key.label {
                Published::mark_variant(&mut octets);
            }
            let before = content.insert((Arc::clone(&name.key.set), label.as_ascii().as_bytes().to_vec()), octets);
            assert!(before.is_none(), "{label:?} is published twice");
        }
    }
    content
}

/// How many names are in a package that an earlier one is in.
fn shared(engine: &Engine) -> usize {
    let names = registered(engine);
    let bundle = |name: &Registration| -> (Arc<str>, Bundle) {
        (Arc::clone(&name.key.set), engine.policy.labels.bundle(&name.key.label))
    };
    names.len() - names.iter().map(|(_, name)| bundle(name)).collect::<BTreeSet<_>>().len()
}

/// The names and serials that are served.
fn served(engine: &Engine) -> (Content, Vec<u32>) {
    let pages = |set: &Arc<str>| (Arc::clone(set), engine.suffixes.pages(&engine.zones, set).unwrap().clone());
    let sets: Vec<_> = engine.suffixes.sets().map(pages).collect();
    (content(&sets), engine.zones.iter().map(Zone::serial).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_checkpoint_and_the_tail_equal_the_whole_store(
        before in proptest::collection::vec(step(), 0..16),
        after in proptest::collection::vec(step(), 0..16),
        mut with in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new(Timestamp(NOW)));
        let mut engine = prepare(directory.path(), &clock, table(with));
        for n in 0..UNITS {
            submit(&mut engine, Command::PutUnit { id: unit_id(n), spec: unit_spec(n, 0) });
        }
        let mut now = NOW;
        for step in before.into_iter().chain([Step::Checkpoint]).chain(after) {
            let mut shared_before = shared(&engine);
            match step {
                Step::Do(command) => submit(&mut engine, command),
                Step::Apply { unit, names, steps, resolution } => {
                    let _ = apply(&mut engine, unit, names, steps, &resolution);
                }
                Step::Restart(other) => {
                    with = other;
                    drop(engine);
                    engine = prepare(directory.path(), &clock, table(with));
                    // What was registered under another table stays.
                    shared_before = shared(&engine);
                }
                Step::Later(secs) => {
                    now += secs;
                    clock.set(Timestamp(now));
                    engine.apply_due().unwrap();
                }
                Step::Checkpoint => engine.last_checkpoint(),
            }
            prop_assert!(shared(&engine) <= shared_before, "a package has two holders");
            prop_assert_eq!(served(&engine).0, to_be_served(&engine));
        }
        let expected = served(&engine);
        drop(engine);
        let home = Home { table: table(with), ..Home::of(directory.path()).unwrap() };
        let sets = SETS.map(Arc::<str>::from);
        {
            let (store, journal) = recover::open(&home).unwrap();
            let scanned = scan_all(&store, &sets).unwrap();
            prop_assert_eq!(content(&scanned.sets), expected.0.clone());
            match restore(&home, &store, &journal.reader(), &sets) {
                Ok(restored) => {
                    prop_assert_eq!(content(&restored.sets), expected.0.clone());
                    prop_assert_eq!(restored.tally, scanned.tally);
                }
                // None is written where nothing was behind when it was asked for.
                Err(why) => prop_assert!(store.checkpoint().is_none(), "{}", why),
            }
        }
        prop_assert_eq!(served(&prepare(directory.path(), &clock, table(with))), expected.clone());
        let contents = recover::open(&home).unwrap().0.contents();
        prop_assert_eq!(recover::open_anew(&home).unwrap().0.contents(), contents);
        prop_assert_eq!(served(&prepare(directory.path(), &clock, table(with))), expected);
    }
}

/// What was written of one directory, and how it is spoilt.
#[test]
fn a_spoilt_checkpoint_is_only_slower() {
    let clock = Arc::new(TestClock::new(Timestamp(NOW)));
    let fill = |directory: &Path, names: std::ops::Range<usize>| {
        let mut engine = prepare(directory, &clock, None);
        (0..UNITS).for_each(|n| submit(&mut engine, Command::PutUnit { id: unit_id(n), spec: unit_spec(n, 0) }));
        for n in names {
            let name = ImportName {
                key: key(n),
                unit: unit_id(n % 2),
                registered: Timestamp(NOW - DAY),
                expires: Timestamp(NOW + 9 * DAY),
                kind: 1,
                primary: false,
                resolution: Some(resolutions(n)),
                holds: Holds::default(),
                basis: ImportBasis::Migration,
                variants: None,
                life: Life::default(),
            };
            submit(&mut engine, Command::Import { items: vec![(1, ImportItem::Name(Box::new(name)))] });
        }
        engine.last_checkpoint();
        served(&engine)
    };
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let expected = fill(ours.path(), 0..8);
    assert_ne!(fill(other.path(), 4..12), expected);
    let home = Home::of(ours.path()).unwrap();
    let file = |directory: &Path| {
        let mut entries = std::fs::read_dir(directory.join("checkpoint")).unwrap();
        let only = entries.next().unwrap().unwrap().path();
        assert!(entries.next().is_none(), "old ones are removed");
        only
    };
    let whole = std::fs::read(file(ours.path())).unwrap();
    let loaded = |home: &Home| {
        let (store, journal) = recover::open(home).unwrap();
        restore(home, &store, &journal.reader(), &SETS.map(Arc::<str>::from)).map(|loaded| content(&loaded.sets))
    };
    assert_eq!(loaded(&home), Ok(expected.0.clone()));
    let flipped = whole.iter().enumerate().map(|(at, octet)| if at == whole.len() / 2 { !octet } else { *octet });
    let spoilt: [Option<Vec<u8>>; 5] = [
        Some(whole[..whole.len() / 2].to_vec()),
        Some(flipped.collect()),
        Some(std::fs::read(file(other.path())).unwrap()),
        Some(Vec::new()),
        None,
    ];
    for octets in spoilt {
        let path = file(ours.path());
        match octets {
            Some(octets) => std::fs::write(path, octets).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
        assert!(loaded(&home).is_err());
        let mut engine = prepare(ours.path(), &clock, None);
        assert_eq!(served(&engine), expected);
        // And the next one is good again.
        engine.last_checkpoint();
        drop(engine);
        assert_eq!(loaded(&home), Ok(expected.0.clone()));
    }
    // A store that was put back to before the checkpoint knows nothing of it.
    std::fs::remove_dir_all(ours.path().join("sled")).unwrap();
    assert_eq!(served(&prepare(ours.path(), &clock, None)), expected);
}

fn resolutions(n: usize) -> Resolution {
    let last = u8::try_from(n).unwrap();
    Resolution::Addresses { addresses: vec![[203, 0, 113, last].into()], ttl: 600, www: true }
}
