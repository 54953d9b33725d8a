//! The brake over an hour: what comes in parts counts as one, what is confirmed is counted only, what is protected waits.

use crate::world::*;
use proptest::prelude::*;
use zhengming::registry::command::{Command, HoldTarget, ImportItem, ImportName};
use zhengming::registry::*;

const HOUR: i64 = 3600;

/// A world with this many resolving names.
fn crowd(count: u32) -> (World, Vec<NameKey>) {
    let mut world = World::new();
    let label = |number: u32| format!("第{number}中学.政务");
    let keys = (0..count).map(|number| world.resolve(&label(number), addresses(&["203.0.113.5"]))).collect();
    (world, keys)
}

fn legal(target: HoldTarget) -> Command {
    Command::PlaceHold { target, reason: HoldReason::Legal, spec: hold_spec(None, None) }
}

fn lift(target: HoldTarget) -> Command {
    Command::LiftHold { target, reason: HoldReason::Legal }
}

fn release(names: Option<u64>) -> Command {
    Command::ReleaseBrake { reason: "seen".into(), names }
}

fn resolving(world: &World, keys: &[NameKey]) -> usize {
    keys.iter().filter(|key| world.memory.resolves(key)).count()
}

/// A batch that holds these names.
fn batch(world: &World, keys: &[NameKey]) -> Command {
    let hold = Hold { start: Timestamp(0), end: None, active: true, evidence: "case-1".into(), by: "other".into() };
    let line = |key: &NameKey| ImportName {
        key: key.clone(),
        expires: world.memory.names[key].expires,
        registered: world.memory.names[key].registered,
        holds: Holds([(HoldReason::Legal, hold.clone())].into()),
        ..world.import_line("第0中学.政务")
    };
    Command::Import { items: keys.iter().map(|key| (1, ImportItem::Name(Box::new(line(key))))).collect() }
}

#[test]
fn parts_of_an_hour_are_one() {
    let (mut world, keys) = crowd(60);
    for key in &keys[..20] {
        world.does(&operator(), legal(on_name(key)));
        world.now.0 += 60;
    }
    // The twenty-first within the hour, however it comes.
    assert_eq!(world.refuses(&operator(), batch(&world, &keys[20..21])).0, Code::Brake);
    let stop = world.memory.brake.engaged().cloned().unwrap();
    assert_eq!((stop.names, stop.total, stop.batch, stop.since), (1, 60, true, world.now));
    assert_eq!(world.refuses(&operator(), legal(on_name(&keys[20]))).0, Code::Brake);
    assert_eq!(resolving(&world, &keys), 40);
    // Restorations go on, and names of another set too.
    world.does(&operator(), lift(on_name(&keys[0])));
    let spec = name_spec("u2", Some(2));
    let other = world.key("第0中学.公益");
    world.does(&operator(), Command::PutName { key: other.clone(), spec });
    let asserted = both("r-1", "r-2");
    let resolution = addresses(&["203.0.113.5"]);
    world.does(&operator(), Command::Submit { name: other.clone(), resolution, asserted });
    world.does(&operator(), legal(on_name(&other)));
    // Released, the batch is handed in again; then the hour has begun anew.
    world.does(&operator(), release(None));
    world.does(&operator(), batch(&world, &keys[20..21]));
    world.tick();
    assert_eq!(world.memory.brake.stop, None);
    world.does(&operator(), batch(&world, &keys[21..41]));
    assert_eq!(world.refuses(&operator(), batch(&world, &keys[41..42])).0, Code::Brake);
}

#[test]
fn an_hour_later_the_parts_are_forgotten() {
    let (mut world, keys) = crowd(60);
    world.does(&operator(), batch(&world, &keys[..20]));
    world.now.0 += HOUR + 60;
    world.does(&operator(), batch(&world, &keys[20..40]));
    assert_eq!(resolving(&world, &keys), 20);
}

#[test]
fn what_was_suspended_counts_for_what_falls_due() {
    let (mut world, keys) = crowd(60);
    world.does(&operator(), batch(&world, &keys[..15]));
    for key in &keys[20..] {
        world.does(&operator(), Command::Renew { key: key.clone(), years: 5 });
    }
    let end = world.memory.names[&keys[19]].expires;
    world.now = Timestamp(end.0 - 60);
    world.does(&operator(), batch(&world, &keys[20..36]));
    world.now = end;
    world.tick();
    // Five names end within the hour after sixteen.
    let stop = world.memory.brake.engaged().cloned().unwrap();
    assert_eq!((stop.names, stop.batch), (5, false));
    assert_eq!(resolving(&world, &keys), 29);
    world.does(&operator(), release(None));
    world.tick();
    assert_eq!((resolving(&world, &keys), world.memory.brake.stop.clone()), (24, None));
}

#[test]
fn a_confirmed_hold_of_one_object_is_counted_and_never_stopped() {
    let (mut world, keys) = crowd(60);
    assert_eq!(world.refuses(&operator(), legal(on_unit("u1"))).0, Code::Brake);
    world.confirmed = true;
    world.does(&operator(), legal(on_unit("u1")));
    assert_eq!(resolving(&world, &keys), 0);
    assert_eq!(world.memory.brake.recent("xn--zfr164b", world.now), 60);
    world.does(&operator(), lift(on_unit("u1")));
    // A list is stopped although it is confirmed, and so is whatever is not.
    world.does(&operator(), release(Some(0)));
    world.does(&operator(), legal(on_name(&keys[0])));
    assert_eq!(world.refuses(&operator(), batch(&world, &keys[1..22])).0, Code::Brake);
    assert_eq!(resolving(&world, &keys), 59);
}

#[test]
fn deletions_are_suspensions() {
    let (mut world, keys) = crowd(30);
    for key in &keys[..20] {
        world.does(&operator(), Command::DeleteName { key: key.clone() });
    }
    assert_eq!(world.refuses(&operator(), Command::DeleteName { key: keys[20].clone() }).0, Code::Brake);
}

/// One code confirms a file, and nobody has seen each of its lines.
#[test]
fn what_an_import_removes_is_a_batch_although_it_is_confirmed() {
    let (mut world, keys) = crowd(60);
    let remove = |key: &NameKey| Command::RemoveImported { key: key.clone() };
    assert_eq!(world.refuses(&actor("admin", Role::LocalAdmin, None), remove(&keys[0])).0, Code::RoleForbidden);
    world.policy.protected_names = [keys[50].clone()].into();
    world.policy.second_factor = vec![Guarded::Deletion];
    assert_eq!(world.refuses(&operator(), remove(&keys[0])).0, Code::SecondFactorRequired);
    world.confirmed = true;
    for key in &keys[..20] {
        world.does(&operator(), remove(key));
    }
    assert_eq!(world.refuses(&operator(), remove(&keys[20])).0, Code::Brake);
    // One that is deleted by itself, and confirmed, was seen; a protected one waits in any file.
    world.does(&operator(), Command::DeleteName { key: keys[20].clone() });
    world.does(&operator(), release(Some(1)));
    world.does(&operator(), remove(&keys[21]));
    world.now.0 += 2 * HOUR;
    world.tick();
    assert_eq!(world.refuses(&operator(), remove(&keys[50])).0, Code::Brake);
    assert_eq!(world.memory.names.len(), 38);
}

/// A name that goes to a held unit stops resolving like one that is held itself.
#[test]
fn a_name_given_to_a_held_unit_is_suspended() {
    let (mut world, keys) = crowd(30);
    world.put_unit("u9", UnitKind::Organ);
    world.does(&operator(), legal(on_unit("u9")));
    world.policy.protected_names = [keys[3].clone()].into();
    let give =
        |key: &NameKey| Command::ChangeHolder { key: key.clone(), unit: unit_id("u9"), consent: Some("doc-1".into()) };
    world.does(&operator(), give(&keys[0]));
    assert_eq!(world.memory.brake.recent("xn--zfr164b", world.now), 1);
    assert_eq!(world.refuses(&operator(), give(&keys[3])).0, Code::Brake);
    assert_eq!(resolving(&world, &keys), 29);
    world.confirmed = true;
    world.does(&operator(), give(&keys[3]));
    assert_eq!((resolving(&world, &keys), world.memory.brake.recent("xn--zfr164b", world.now)), (28, 2));
}

#[test]
fn a_protected_name_waits_by_itself() {
    let (mut world, keys) = crowd(30);
    world.policy.protected_names = [keys[3].clone()].into();
    assert_eq!(world.refuses(&operator(), batch(&world, &keys[2..5])).0, Code::Brake);
    assert_eq!(world.memory.brake.engaged().unwrap().protected.as_deref(), Some(&*keys[3].to_string()));
    assert_eq!(resolving(&world, &keys), 30);
    world.does(&operator(), release(None));
    world.does(&operator(), batch(&world, &keys[2..5]));
    assert_eq!(resolving(&world, &keys), 27);
    // The clock is no exception.
    let (mut world, keys) = crowd(2);
    world.policy.protected_names = [keys[1].clone()].into();
    world.now = world.memory.names[&keys[0]].expires;
    world.tick();
    assert_eq!(resolving(&world, &keys), 2);
    world.does(&operator(), release(None));
    world.tick();
    assert_eq!((resolving(&world, &keys), world.memory.brake.stop.clone()), (0, None));
}

#[test]
fn an_operator_says_how_many_more_batches_may_take() {
    let (mut world, keys) = crowd(90);
    assert_eq!(world.refuses(&operator(), batch(&world, &keys[..21])).0, Code::Brake);
    world.does(&operator(), release(Some(50)));
    world.does(&operator(), batch(&world, &keys[..21]));
    world.does(&operator(), batch(&world, &keys[21..42]));
    // Eight are left: twenty-one more are judged anew.
    assert_eq!(world.refuses(&operator(), batch(&world, &keys[42..63])).0, Code::Brake);
    world.does(&operator(), release(None));
    world.now.0 += HOUR;
    assert_eq!(world.refuses(&operator(), batch(&world, &keys[42..63])).0, Code::Brake, "it was an hour's allowance");
    assert_eq!(resolving(&world, &keys), 48);
}

#[test]
fn while_the_clock_is_off_nothing_is_due() {
    let (mut world, keys) = crowd(2);
    let jumped = Command::ClockJumped { shown: at("2030-01-01") };
    assert_eq!(world.refuses(&operator(), jumped.clone()).0, Code::RoleForbidden);
    world.does(&clock(), jumped.clone());
    assert_eq!(world.does(&clock(), jumped.clone()).events, []);
    world.now = world.memory.names[&keys[0]].expires;
    assert_eq!(world.tick(), 0);
    world.does(&clock(), Command::ClockBack);
    world.tick();
    assert_eq!(resolving(&world, &keys), 0);
    assert_eq!(world.does(&clock(), Command::ClockBack).events, []);
    // A release takes the clock as it is.
    world.does(&clock(), jumped);
    world.does(&operator(), release(None));
    assert_eq!(world.memory.brake.jump, None);
    assert_eq!(world.refuses(&operator(), release(None)).0, Code::BrakeNotEngaged);
}

/// One thing that suspends, or does not, and how much later it is.
#[derive(Clone, Debug)]
enum Step {
    Hold { name: usize },
    Lift { name: usize },
    Batch { from: usize, count: usize },
    Tick,
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let step = prop_oneof![
        4 => (0..40usize).prop_map(|name| Step::Hold { name }),
        4 => (0..40usize).prop_map(|name| Step::Lift { name }),
        3 => (0..40usize, 1..8usize).prop_map(|(from, count)| Step::Batch { from, count }),
        1 => Just(Step::Tick),
    ];
    (prop_oneof![3 => 0..300i64, 1 => 0..3 * HOUR], step)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Without a release, no hour loses more names than the limit, whatever comes and in whatever parts.
    #[test]
    fn no_hour_loses_more_than_the_limit(steps in prop::collection::vec(step(), 1..120)) {
        const LIMIT: u64 = 6;
        let (mut world, keys) = crowd(40);
        (world.policy.brake_percent, world.policy.brake_names_min) = (0, LIMIT);
        let mut lost: Vec<(i64, u64)> = Vec::new();
        for (later, step) in steps {
            world.now.0 += later;
            let command = match step {
                Step::Hold { name } => legal(on_name(&keys[name])),
                Step::Lift { name } => lift(on_name(&keys[name])),
                Step::Batch { from, count } => batch(&world, &keys[from..(from + count).min(40)]),
                Step::Tick => Command::Due { limit: 100 },
            };
            let who = if matches!(command, Command::Due { .. }) { clock() } else { operator() };
            let before: Vec<bool> = keys.iter().map(|key| world.memory.resolves(key)).collect();
            let engaged = world.memory.brake.engaged().is_some();
            let asked = world.ask(&who, &command);
            let after = keys.iter().map(|key| world.memory.resolves(key));
            let gone = before.iter().zip(after).filter(|(before, after)| **before && !after).count() as u64;
            lost.push((world.now.0, gone));
            prop_assert!(asked.is_ok() || gone == 0);
            prop_assert!(!engaged || gone == 0);
            let within = lost.iter().filter(|(at, _)| world.now.0 - at < HOUR).map(|(_, gone)| gone).sum::<u64>();
            prop_assert!(within <= LIMIT, "{within} within the hour");
        }
    }
}
