//! Random histories: what is loaded from a checkpoint and the journal's tail is what reading the whole store finds.

use super::super::clock::TestClock;
use super::super::engine::Engine;
use super::super::recover;
use super::super::scan::scan_all;
use super::super::{Pace, Reload, Start, Submission, writer};
use super::*;
use crate::idn::Label;
use crate::registry::command::{HoldSpec, HoldTarget, ImportBasis, ImportItem, ImportName, UnitSpec};
use crate::registry::{
    Actor, Command, Hold, HoldReason, Holds, Level, Life, Policy, Region, Request, Resolution, Role, SuffixSet,
    Timestamp, UnitKind,
};
use crate::telemetry;
use crate::zone::{Name, Record, Rtype, Zone};
use proptest::prelude::*;
use std::path::Path;

const SETS: [&str; 2] = ["xn--zfr164b", "xn--55qw42g"];
const KINDS: [UnitKind; 2] = [UnitKind::Organ, UnitKind::Institution];
const NOW: i64 = 1_795_339_469;
const DAY: i64 = 86_400;
const UNITS: usize = 4;
const LABELS: usize = 12;

fn unit_id(n: usize) -> UnitId {
    UnitId::parse(&format!("unit-{n}")).unwrap()
}

/// The name with this number, of the set that its unit may have names in.
fn key(n: usize) -> NameKey {
    let label = Label::parse(&format!("教育局{}", n % LABELS)).unwrap();
    NameKey { label, set: SETS[n % 2].into() }
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
    (0..LABELS, 0..UNITS / 2, proptest::option::of(resolution()), held, 1..5i64).prop_map(
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
    /// The clock moves on by so many seconds, and what is due is done.
    Later(i64),
    Checkpoint,
}

fn step() -> impl Strategy<Value = Step> {
    let target = || {
        prop_oneof![
            (0..LABELS).prop_map(|n| HoldTarget::Name(key(n))),
            (0..UNITS).prop_map(|n| HoldTarget::Unit(unit_id(n)))
        ]
    };
    let end = || proptest::option::of(1..3i64).prop_map(|days| days.map(|days| Timestamp(NOW + days * DAY)));
    let import = proptest::collection::vec(name(), 1..8);
    let import = import.prop_map(|items| Command::Import { items: items.into_iter().enumerate().collect() });
    let command = prop_oneof![
        4 => import,
        2 => (target(), reason(), end()).prop_map(|(target, reason, end)| Command::PlaceHold {
            target, reason, spec: HoldSpec { start: None, end, evidence: "case-2".into() }
        }),
        2 => (target(), reason()).prop_map(|(target, reason)| Command::LiftHold { target, reason }),
        1 => (0..LABELS).prop_map(|n| Command::DeleteName { key: key(n) }),
        1 => (0..UNITS, any::<u8>()).prop_map(|(n, name)| Command::PutUnit { id: unit_id(n), spec: unit_spec(n, name) }),
        2 => (0..LABELS, resolution()).prop_map(|(n, resolution)| Command::Submit {
            name: key(n), resolution, asserted: vec![(Level::Local, "r-1".into()), (Level::Central, "r-2".into())]
        }),
    ];
    prop_oneof![
        8 => command.prop_map(Step::Do),
        1 => (0..3 * DAY).prop_map(Step::Later),
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

fn prepare(data_dir: &Path, clock: &Arc<TestClock>) -> Engine {
    let set = |n: usize| SuffixSet {
        suffixes: vec![SETS[n].into()],
        unit_kinds: vec![KINDS[n]],
        unit_kinds_with_proof: Vec::new(),
    };
    let policy = Policy {
        allow_special_addresses: true,
        brake_percent: 100,
        brake_names_min: 1000,
        ..Policy::of(vec![set(0), set(1)])
    };
    let zones = SETS.iter().map(|apex| (zone(apex), [1; 32])).collect();
    let start = Start {
        data_dir: data_dir.into(),
        reload: Reload { zones, unloaded: Vec::new(), gateways: Vec::new(), policy, asked_by: None },
        clock: Arc::clone(clock) as Arc<dyn super::super::Clock>,
        metrics: telemetry::Writer::detached(),
        checkpoints: Pace { events: u64::MAX, pause: Duration::ZERO },
    };
    writer::prepare(Home::of(data_dir).unwrap(), start).unwrap()
}

fn submit(engine: &mut Engine, command: Command) {
    let submission = Submission {
        actor: Actor { principal: "operator".into(), role: Role::Operator, region: None },
        command,
        request: Request { operation: "test".into(), target: "test".into(), note: None, key: None },
        if_match: None,
        dry_run: false,
        confirmed: false,
    };
    // What the registry refuses changes nothing.
    engine.run(&[submission], drop).unwrap();
}

type Content = BTreeMap<(Arc<str>, Vec<u8>), Vec<u8>>;

fn content(sets: &[(Arc<str>, Pages)]) -> Content {
    let names = |(set, pages): &(Arc<str>, Pages)| {
        let entry = |(label, octets): (&[u8], &[u8])| ((Arc::clone(set), label.to_vec()), octets.to_vec());
        pages.iter().map(entry).collect::<Vec<_>>()
    };
    sets.iter().flat_map(names).collect()
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
        before in proptest::collection::vec(step(), 0..12),
        after in proptest::collection::vec(step(), 0..12),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new(Timestamp(NOW)));
        let mut engine = prepare(directory.path(), &clock);
        for n in 0..UNITS {
            submit(&mut engine, Command::PutUnit { id: unit_id(n), spec: unit_spec(n, 0) });
        }
        let mut now = NOW;
        for step in before.into_iter().chain([Step::Checkpoint]).chain(after) {
            match step {
                Step::Do(command) => submit(&mut engine, command),
                Step::Later(secs) => {
                    now += secs;
                    clock.set(Timestamp(now));
                    engine.apply_due().unwrap();
                }
                Step::Checkpoint => engine.last_checkpoint(),
            }
        }
        let expected = served(&engine);
        drop(engine);
        let home = Home::of(directory.path()).unwrap();
        let sets = SETS.map(Arc::<str>::from);
        {
            let (store, journal) = recover::open(&home).unwrap();
            let restored = restore(&home, &store, &journal.reader(), &sets).unwrap();
            let scanned = scan_all(&store, &sets).unwrap();
            prop_assert_eq!(content(&restored.sets), content(&scanned.sets));
            prop_assert_eq!(restored.tally, scanned.tally);
            prop_assert_eq!(content(&restored.sets), expected.0.clone());
        }
        prop_assert_eq!(served(&prepare(directory.path(), &clock)), expected);
    }
}

/// What was written of one directory, and how it is spoilt.
#[test]
fn a_spoilt_checkpoint_is_only_slower() {
    let clock = Arc::new(TestClock::new(Timestamp(NOW)));
    let fill = |directory: &Path, names: std::ops::Range<usize>| {
        let mut engine = prepare(directory, &clock);
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
        let mut engine = prepare(ours.path(), &clock);
        assert_eq!(served(&engine), expected);
        // And the next one is good again.
        engine.last_checkpoint();
        drop(engine);
        assert_eq!(loaded(&home), Ok(expected.0.clone()));
    }
    // A store that was put back to before the checkpoint knows nothing of it.
    std::fs::remove_dir_all(ours.path().join("sled")).unwrap();
    assert_eq!(served(&prepare(ours.path(), &clock)), expected);
}

fn resolutions(n: usize) -> Resolution {
    let last = u8::try_from(n).unwrap();
    Resolution::Addresses { addresses: vec![[203, 0, 113, last].into()], ttl: 600, www: true }
}
