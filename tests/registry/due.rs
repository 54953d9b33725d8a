//! What the clock does, and the brake that stops it.

use crate::world::*;
use zhengming::registry::command::Command;
use zhengming::registry::*;

/// A label of its own for each number.
fn label(number: u32) -> String {
    format!("第{number}中学.政务")
}

/// A world with this many resolving names, all ending on the same day.
fn crowd(count: u32) -> (World, Vec<NameKey>) {
    let mut world = World::new();
    let keys = (0..count).map(|number| world.resolve(&label(number), addresses(&["203.0.113.5"]))).collect();
    (world, keys)
}

fn resolving(world: &World, keys: &[NameKey]) -> usize {
    keys.iter().filter(|key| world.memory.resolves(key)).count()
}

#[test]
fn a_term_ends_at_its_moment() {
    let (mut world, keys) = crowd(1);
    let end = world.memory.names[&keys[0]].expires;
    world.now = Timestamp(end.0 - 1);
    assert_eq!(world.tick(), 0);
    world.now = end;
    assert_eq!(world.tick(), 1);
    assert_eq!(world.holds_of(&keys[0]), [HoldReason::Expired]);
    let hold = &world.memory.names[&keys[0]].holds.0[&HoldReason::Expired];
    assert_eq!((hold.start, hold.end, &*hold.by), (end, None, "clock"));
    // Again and later, nothing more happens.
    assert_eq!(world.tick(), 0);
    world.now.0 += days(400);
    assert_eq!(world.tick(), 0);
}

#[test]
fn grace_delays_expired() {
    let (mut world, keys) = crowd(1);
    world.policy.expiry_grace_secs = days(30);
    let end = world.memory.names[&keys[0]].expires;
    world.now = Timestamp(end.0 + days(30) - 1);
    assert_eq!(world.tick(), 0);
    assert!(world.memory.resolves(&keys[0]));
    world.now.0 += 1;
    assert_eq!(world.tick(), 1);
    assert!(!world.memory.resolves(&keys[0]));
    assert_eq!(world.memory.names[&keys[0]].holds.0[&HoldReason::Expired].start, world.now);
}

#[test]
fn what_begins_and_ends_while_the_program_is_down_never_begins() {
    let (mut world, keys) = crowd(1);
    let (start, end) = (Timestamp(world.now.0 + 10), Timestamp(world.now.0 + 20));
    let spec = hold_spec(Some(start), Some(end));
    world.does(&operator(), Command::PlaceHold { target: on_name(&keys[0]), reason: HoldReason::Legal, spec });
    world.now = end;
    assert_eq!(world.tick(), 1);
    assert_eq!(world.memory.names[&keys[0]].holds, Holds::default());
}

#[test]
fn one_step_does_no_more_than_it_may() {
    let (mut world, keys) = crowd(7);
    world.now = at("2030-01-01");
    for left in [4, 1, 0, 0] {
        world.does(&clock(), Command::Due { limit: 3 });
        assert_eq!(resolving(&world, &keys), left);
    }
    assert_eq!(world.does(&clock(), Command::Due { limit: 0 }).events, []);
    assert_eq!(world.refuses(&operator(), Command::Due { limit: 3 }).0, Code::RoleForbidden);
}

#[test]
fn both_limits_must_be_passed_for_the_brake() {
    // 20 names are the minimum, 5 percent of 500 are 25.
    for (count, expiring, stopped) in [(20, 20, false), (21, 21, true), (500, 25, false), (500, 26, true)] {
        let (mut world, keys) = crowd(count);
        for key in &keys[expiring..] {
            world.does(&operator(), Command::Renew { key: key.clone(), years: 5 });
        }
        world.now = at("2029-01-01");
        world.tick();
        assert_eq!(world.memory.brake.stop.is_some(), stopped, "{expiring} of {count}");
        assert_eq!(resolving(&world, &keys), keys.len() - if stopped { 0 } else { expiring });
        if let Some(brake) = &world.memory.brake.stop {
            assert!(brake.release.is_none() && !brake.batch);
            assert_eq!((brake.names, brake.total), (expiring as u64, u64::from(count)));
            assert_eq!((&*brake.set, brake.since), ("xn--zfr164b", world.now));
        }
    }
}

#[test]
fn only_names_that_resolve_count() {
    let (mut world, keys) = crowd(30);
    for key in &keys[..10] {
        let spec = hold_spec(None, None);
        world.does(&operator(), Command::PlaceHold { target: on_name(key), reason: HoldReason::Legal, spec });
    }
    world.now = at("2029-01-01");
    world.tick();
    assert_eq!((world.memory.brake.stop.clone(), resolving(&world, &keys)), (None, 0));
}

#[test]
fn a_units_hold_counts_all_its_names() {
    let (mut world, keys) = crowd(21);
    let spec = hold_spec(Some(Timestamp(world.now.0 + 60)), None);
    world.does(&operator(), Command::PlaceHold { target: on_unit("u1"), reason: HoldReason::Legal, spec });
    world.now.0 += 60;
    world.tick();
    assert_eq!(world.memory.brake.engaged().map(|stop| stop.names), Some(21));
    assert_eq!(resolving(&world, &keys), 21);
    // A person who suspends the unit now, and confirms it, is not the clock.
    world.confirmed = true;
    let spec = hold_spec(None, None);
    world.does(
        &operator(),
        Command::PlaceHold {
            target: on_unit("u1"),
            reason: HoldReason::Penalty,
            spec: command::HoldSpec { end: Some(Timestamp(world.now.0 + 60)), ..spec },
        },
    );
    assert_eq!(resolving(&world, &keys), 0);
}

#[test]
fn restorations_go_on_while_suspensions_wait() {
    let (mut world, keys) = crowd(22);
    let spec = hold_spec(None, Some(at("2029-01-01")));
    let reason = HoldReason::RegistryAdmin;
    world.does(&operator(), Command::PlaceHold { target: on_name(&keys[0]), reason, spec });
    world.now = at("2028-12-01");
    world.tick();
    assert_eq!(world.memory.brake.engaged().map(|stop| stop.names), Some(21));
    assert_eq!(resolving(&world, &keys), 21);
    world.now = at("2029-01-01");
    assert_eq!(world.tick(), 1);
    assert_eq!(resolving(&world, &keys), 22);
    assert!(world.memory.brake.engaged().is_some());
}

#[test]
fn a_release_lets_the_backlog_through_and_judges_the_rest_anew() {
    let (mut world, keys) = crowd(60);
    for key in &keys[25..] {
        world.does(&operator(), Command::Renew { key: key.clone(), years: 2 });
    }
    world.now = at("2029-01-01");
    world.tick();
    let release = |reason: &str| Command::ReleaseBrake { reason: reason.into(), names: None };
    assert_eq!(world.refuses(&operator(), release(" ")).0, Code::ReasonRequired);
    for role in [Role::Submitter, Role::LocalReviewer, Role::CentralReviewer, Role::Viewer, Role::System] {
        assert_eq!(world.refuses(&actor("a", role, None), release("seen")).0, Code::RoleForbidden);
    }
    world.does(&operator(), release("seen"));
    assert_eq!(world.refuses(&operator(), release("seen")).0, Code::BrakeNotEngaged);
    // What falls due after the release waits for its own judgement, also while the backlog is still being done.
    world.does(&clock(), Command::Due { limit: 10 });
    assert_eq!(resolving(&world, &keys), 50);
    world.now = at("2031-01-01");
    world.tick();
    assert_eq!(resolving(&world, &keys), 35);
    let brake = world.memory.brake.engaged().cloned().expect("the other 35 are too many");
    assert_eq!((brake.names, brake.since), (35, world.now));
    world.does(&operator(), release("seen again"));
    world.tick();
    assert_eq!((resolving(&world, &keys), world.memory.brake.stop.clone()), (0, None));
    assert_eq!(world.refuses(&operator(), release("nothing")).0, Code::BrakeNotEngaged);
}

#[test]
fn a_release_does_not_cover_what_was_still_in_grace() {
    let (mut world, keys) = crowd(44);
    for key in &keys[22..] {
        world.does(&operator(), Command::Renew { key: key.clone(), years: 2 });
    }
    world.policy.expiry_grace_secs = days(30);
    let second_end = world.memory.names[&keys[43]].expires;
    // At the release the first half is past its grace, the second half's term is over but its grace is not.
    world.now = Timestamp(second_end.0 + days(10));
    world.tick();
    world.does(&operator(), Command::ReleaseBrake { reason: "seen".into(), names: None });
    world.now.0 += days(30);
    world.does(&clock(), Command::Due { limit: 100 });
    assert_eq!(resolving(&world, &keys), 22);
    world.tick();
    assert_eq!(resolving(&world, &keys), 22);
    assert!(world.memory.brake.engaged().is_some());
}

#[test]
fn due_after_restart_equals_due_in_time() {
    let (world, keys) = crowd(5);
    let mut in_time = world.clone();
    let mut late = world;
    for world in [&mut in_time, &mut late] {
        for (index, key) in keys.iter().enumerate() {
            let start = Timestamp(world.now.0 + days(index as i64));
            let spec = hold_spec(Some(start), Some(Timestamp(start.0 + days(3))));
            world.does(&operator(), Command::PlaceHold { target: on_name(key), reason: HoldReason::Penalty, spec });
        }
    }
    for _ in 0..5 {
        in_time.now.0 += days(1);
        in_time.tick();
    }
    late.now.0 += days(5);
    late.tick();
    for key in &keys {
        let images = [&in_time, &late].map(|world| &world.memory.names[key].holds);
        assert_eq!(images[0], images[1]);
    }
}
